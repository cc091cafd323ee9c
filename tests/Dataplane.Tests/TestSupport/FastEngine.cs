using Dataplane.Compiler;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Topology.Model;

namespace Dataplane.Tests.TestSupport;

/// <summary>The engine, one packet a block.</summary>
internal sealed class FastEngine : TestEngine
{
    private readonly PacketBlock _block = new();
    private readonly NetworkEngine _engine;

    public FastEngine(Network network, JudgeOptions options) => _engine = NetworkEngine.Build(network, options);

    public override string Name => "engine";

    public override void Adopt(Network network, long time) => _engine.Judge.Adopt(_engine.Next(network).Policy, time);

    public override Outcome Judge(Headers packet, Headers quote, long time)
    {
        _block.Reset();
        _block.Add(time, 0, packet.WireLength, LinkType.Raw, 0);
        _block.Headers[0] = packet;
        _block.Quotes[0] = quote;
        _engine.Judge.Judge(_block);
        return _engine.Judge.Tables.Describe(_block.Results[0]);
    }
}
