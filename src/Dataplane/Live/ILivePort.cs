using System;
using Dataplane.Packets;

namespace Dataplane.Live;

/// <summary>One interface of the machine, open for whole Ethernet frames both ways.</summary>
/// <remarks>
/// One thread uses it; only disposing it may another, when the first is done. Frames that the program itself sent are never received. A link that goes down and up again is
/// survived: in between nothing is received, and nothing is sent, which is counted.
/// </remarks>
public interface ILivePort : IDisposable
{
    /// <summary>As the system names it: <c>eth0</c>.</summary>
    string Name { get; }

    /// <summary>How it is opened, for a person: <c>xdp (native, copy)</c>, <c>packet</c>, <c>pcap</c>.</summary>
    string Method { get; }

    /// <summary>The system's own address of the interface.</summary>
    MacAddress Address { get; }

    /// <summary>The largest IP packet that it sends, bytes, when it was opened.</summary>
    int Mtu { get; }

    /// <summary>Brings up to date by <see cref="Receive"/> and <see cref="Send"/>; what the kernel counts, by <see cref="ReadCounters"/>.</summary>
    LivePortCounters Counters { get; }

    /// <summary>Adds frames that wait, in order of arrival, to the block; never waits itself.</summary>
    /// <param name="block">Each frame's time is nanoseconds since 1970-01-01 UTC and never earlier than the one before; link Ethernet; tags of 802.1Q stand in the frame.</param>
    /// <param name="most">At most so many; fewer when the block is full.</param>
    /// <param name="captureInterface">What the packets' CaptureInterface becomes.</param>
    /// <returns>Frames that were added; 0 when none waits, or the link is down.</returns>
    int Receive(PacketBlock block, int most, int captureInterface);

    /// <summary>
    /// Before a frame that it received is sent on: gives TCP or UDP the checksum that its sender left to its network card. Nothing to do where <see cref="Receive"/> has seen to it; most frames that are
    /// dropped need none.
    /// </summary>
    /// <param name="frame">As received, changed in place.</param>
    void FinishChecksum(Span<byte> frame)
    {
    }

    /// <summary>Takes over a frame for sending, at the latest at <see cref="Flush"/>.</summary>
    /// <param name="frame">From the destination address on, without frame check sequence. Its bytes are the caller's again when this returns.</param>
    /// <returns>False when it could not be taken, which is counted in <see cref="LivePortCounters.NotSent"/>: no room, too long, link down.</returns>
    bool Send(ReadOnlySpan<byte> frame);

    /// <summary>
    /// Hands all taken frames to the system. What it refuses only now, a link that has just gone down or a full queue of the driver, is counted in
    /// <see cref="LivePortCounters.NotSent"/> and <see cref="LivePortCounters.Refused"/>. A port whose room is full does the same within <see cref="Send"/>.
    /// </summary>
    void Flush();

    /// <summary>Asks the system for what only it knows: frames it dropped before we saw them. Some system calls: for now and then, not for every packet.</summary>
    void ReadCounters();
}
