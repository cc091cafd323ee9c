using Dataplane.Packets;

namespace Dataplane.Live;

/// <summary>What surrounds the verdicts of a live run: which frames may be judged, and what becomes of them afterwards. A bump in the wire, or a VPC in a box.</summary>
/// <remarks>
/// One thread, the engine's, uses it. For each block: <see cref="Arrived"/>, then the engine judges, then <see cref="Judged"/>. Packets' CaptureInterface is the number
/// of the port at which they came in.
/// </remarks>
public interface IForwarding
{
    /// <summary>What became of all frames so far.</summary>
    LiveFates Fates { get; }

    /// <summary>
    /// Looks at a parsed block before it is judged. A packet that may not enter at its port gets the status <see cref="PacketStatus.Misplaced"/>, and the block the results
    /// that such packets have. Frames for the network itself (ARP ...) are answered here.
    /// </summary>
    void Arrived(PacketBlock block);

    /// <summary>Sends on what the results allow, and counts what became of every frame of the block.</summary>
    void Judged(PacketBlock block);

    /// <summary>What is due by time: questions to repeat, frames that waited for too long. Called between blocks, at least every 100 ms.</summary>
    /// <param name="now">Nanoseconds since 1970-01-01 UTC.</param>
    void Tick(long now);
}
