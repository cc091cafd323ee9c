using Dataplane.Analysis.Summary;
using Dataplane.Engine;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Cli;

/// <summary>A judge whose blocks are counted, in the same thread, as soon as they are judged.</summary>
internal sealed class CountedJudge(IJudge judge, FlowViewer views, ReplaySummary summary) : IJudge
{
    public ResultTables Tables => judge.Tables;

    public void Judge(PacketBlock block)
    {
        judge.Judge(block);
        summary.Write(block, views);
    }
}
