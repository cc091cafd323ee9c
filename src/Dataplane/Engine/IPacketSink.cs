using Dataplane.Packets;

namespace Dataplane.Engine;

/// <summary>Where judged packets go: records, a capture, a summary.</summary>
public interface IPacketSink
{
    /// <summary>Takes judged blocks in capture order. The block is the caller's again when this returns.</summary>
    void Write(PacketBlock block);

    /// <summary>All blocks were written: flush, and say what is known only now.</summary>
    void Complete();
}
