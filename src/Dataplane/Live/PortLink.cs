using System;
using Dataplane.Packets;

namespace Dataplane.Live;

/// <summary>One port of the box while it runs: what is attached, and what is known of the link behind it.</summary>
internal sealed class PortLink
{
    /// <summary>Neighbours of a gateway's link. Behind an interface there is one host, so all that can be asked for are its addresses.</summary>
    private const int GatewayNeighbours = 4_096;
    private const int InterfaceNeighbours = 64;

    private readonly WaitingFrames _waiting;
    private readonly BoxCounters _counters;

    public PortLink(BoxPort plan, ILivePort port, WaitingFrames waiting, BoxCounters counters)
    {
        Plan = plan;
        Port = port;
        _waiting = waiting;
        _counters = counters;
        Neighbours = NewTable(plan);
    }

    public BoxPort Plan { get; private set; }

    public ILivePort Port { get; }

    public NeighbourTable Neighbours { get; private set; }

    /// <summary>The host behind an interface; all zero as long as it was not heard of.</summary>
    public MacAddress Host { get; set; }

    /// <summary>When the host was last heard of.</summary>
    public long HostHeard { get; set; }

    /// <summary>ICMP errors: 100 a second.</summary>
    public TokenBucket Errors = new(100, 50);

    /// <summary>Answers that one frame can draw: 1,000 a second are more than any host needs.</summary>
    public TokenBucket Answers = new(1_000, 1_000);

    /// <summary>Questions for neighbours.</summary>
    public TokenBucket Questions = new(1_000, 1_000);

    /// <summary>When the next router advertisement that nobody asked for is due.</summary>
    public long NextAdvertisement { get; set; } = long.MinValue;

    public int Advertisements { get; set; }

    public bool IsInterface => Plan.Kind == BoxPortKind.Interface;

    public bool IsGateway => Plan.Kind == BoxPortKind.Gateway;

    /// <summary>Who is known behind it is kept if the same component is attached.</summary>
    public void Adopt(BoxPort plan)
    {
        bool isSame = plan.Kind == Plan.Kind && string.Equals(plan.Component, Plan.Component, StringComparison.Ordinal);
        Plan = plan;
        if (!isSame)
        {
            Neighbours.Clear();
            Neighbours = NewTable(plan);
            Host = default;
            NextAdvertisement = long.MinValue;
            Advertisements = 0;
        }
    }

    /// <summary>The next hop of a family outside, or null.</summary>
    public IpAddress? Via(bool isIpv6) => isIpv6 ? Plan.ViaIpv6 : Plan.Via;

    private NeighbourTable NewTable(BoxPort plan) =>
        new(plan.Kind == BoxPortKind.Gateway ? GatewayNeighbours : InterfaceNeighbours, _waiting, _counters);
}
