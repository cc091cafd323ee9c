using System.Collections.Generic;
using Dataplane.Engine;
using Dataplane.Packets;

namespace Dataplane.Cli;

/// <summary>Several sinks as one, in order.</summary>
internal sealed class AllSinks(IReadOnlyList<IPacketSink> sinks) : IPacketSink
{
    public void Write(PacketBlock block)
    {
        foreach (IPacketSink sink in sinks)
        {
            sink.Write(block);
        }
    }

    public void Complete()
    {
        foreach (IPacketSink sink in sinks)
        {
            sink.Complete();
        }
    }
}
