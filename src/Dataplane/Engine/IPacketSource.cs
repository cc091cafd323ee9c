using System.Threading;
using Dataplane.Packets;

namespace Dataplane.Engine;

/// <summary>Where packets come from: capture files, or an interface.</summary>
public interface IPacketSource
{
    /// <summary>Whether reading may wait for a sender. A worker must not: it may have packets to judge.</summary>
    bool MayWait => true;

    /// <summary>Fills an empty block with the next packets, in order.</summary>
    /// <returns>False at the end; the block is then empty.</returns>
    /// <exception cref="System.OperationCanceledException">It was cancelled while nothing had been read; packets that were read are handed on first.</exception>
    bool ReadBlock(PacketBlock block, CancellationToken cancellation);
}
