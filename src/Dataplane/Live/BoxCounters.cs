namespace Dataplane.Live;

/// <summary>What a VPC in a box did beside forwarding, and which of its bounds were reached.</summary>
/// <remarks>One thread counts; others may read figures that are a little old.</remarks>
public sealed class BoxCounters
{
    /// <summary>Frames of the network's own that were sent: ARP, neighbour discovery, DHCP, ICMP errors.</summary>
    public long OwnSent { get; internal set; }

    /// <summary>Such frames that a port did not take, or that would have been more than a thousand answers or questions a second.</summary>
    public long OwnNotSent { get; internal set; }

    /// <summary>ICMP errors (too big) that were sent; they are in <see cref="OwnSent"/> too.</summary>
    public long ErrorsSent { get; internal set; }

    /// <summary>ICMP errors that were due and not sent: too many a second.</summary>
    public long ErrorsHeldBack { get; internal set; }

    /// <summary>Packets that left in fragments (RT-36).</summary>
    public long Fragmented { get; internal set; }

    /// <summary>Allowed packets that were placed elsewhere than where they came in, and so were dropped: two interfaces with one address, IPv6 from the wrong gateway.</summary>
    public long Elsewhere { get; internal set; }

    /// <summary>Neighbours forgotten because a newer one needed the room.</summary>
    public long NeighboursEvicted { get; internal set; }

    /// <summary>Packets that found no room to wait for their neighbour: 16 each, 1,024 in all.</summary>
    public long WaitingFull { get; internal set; }
}
