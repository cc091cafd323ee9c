using System;
using Dataplane.Analysis.Summary;
using Dataplane.Engine;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Cli;

/// <summary>A judge whose blocks are counted, in the same thread, as soon as they are judged.</summary>
internal sealed class CountedJudge(IJudge judge, FlowViewer views, ReplaySummary summary) : IJudge
{
    public ResultTables Tables => judge.Tables;

    /// <inheritdoc/>
    public int Workers => judge.Workers;

    /// <inheritdoc/>
    public void Run(IBlockFeed feed) => judge.Run(new CountedFeed(feed, views, summary));

    /// <inheritdoc/>
    public void Judge(PacketBlock block)
    {
        judge.Judge(block);
        summary.Write(block, views);
    }

    private sealed class CountedFeed(IBlockFeed feed, FlowViewer views, ReplaySummary summary) : IBlockFeed
    {
        public Action? Changed
        {
            get => feed.Changed;
            set => feed.Changed = value;
        }

        public Fed Take(out PacketBlock block) => feed.Take(out block);

        public void Prepare(PacketBlock block) => feed.Prepare(block);

        public void Give(PacketBlock block)
        {
            summary.Write(block, views);
            feed.Give(block);
        }
    }
}
