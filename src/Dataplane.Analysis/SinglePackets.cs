using Dataplane.Engine;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Analysis;

/// <summary>Judges packets one at a time, in words, by the same judge that replays captures.</summary>
public sealed class SinglePackets(IJudge judge)
{
    private readonly PacketBlock _block = new();
    private long _number = 1;

    public IJudge Judge => judge;

    /// <summary>The numbers of the last packet's result.</summary>
    public PacketResult Last => _block.Results[0];

    public Outcome Decide(in Headers headers, long time) => Decide(headers, default, time);

    public Outcome Decide(in Headers headers, in Headers quote, long time)
    {
        _block.Reset();
        _block.FirstNumber = _number++;
        _block.Add(time, 0, headers.WireLength, LinkType.Raw, 0);
        _block.Headers[0] = headers;
        _block.Quotes[0] = quote;
        _block.Selected[0] = true;
        judge.Judge(_block);
        return judge.Tables.Describe(_block.Results[0]);
    }
}
