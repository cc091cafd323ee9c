using Dataplane.Packets;

namespace Dataplane.Live;

/// <summary>What a live interface is in the topology.</summary>
public enum BoxPortKind : byte
{
    /// <summary>What was attached here is no longer in the topology: nothing enters, nothing leaves.</summary>
    Nothing,

    /// <summary>A network interface: one host behind it, which has its addresses.</summary>
    Interface,

    /// <summary>An internet gateway, either kind: everything outside lies behind it.</summary>
    Gateway,
}

/// <summary>One attachment, as the box uses it.</summary>
public sealed record BoxPort
{
    public required BoxPortKind Kind { get; init; }

    /// <summary>Id of the interface or gateway, for a person.</summary>
    public required string Component { get; init; }

    /// <summary>Number of the interface or gateway in the fabric's plan; -1 for <see cref="BoxPortKind.Nothing"/>.</summary>
    public required int Number { get; init; }

    /// <summary>Its name in results, or -1.</summary>
    public required int Name { get; init; }

    public int Vpc { get; init; } = -1;

    /// <summary>An interface's subnet, or -1.</summary>
    public int Subnet { get; init; } = -1;

    /// <summary>Whom frames come from and go to on the network's side: the router of the interface's subnet, or the gateway.</summary>
    public MacAddress Router { get; init; }

    /// <summary>The router's or gateway's IPv6 link-local address: EUI-64 of <see cref="Router"/> (RT-34).</summary>
    public IpAddress RouterLinkLocal { get; init; }

    /// <summary>An egress-only internet gateway.</summary>
    public bool IsEgressOnly { get; init; }

    /// <summary>The next hop for everything outside, one a family; null: whoever has the destination's address is asked for on the link.</summary>
    public IpAddress? Via { get; init; }

    /// <inheritdoc cref="Via"/>
    public IpAddress? ViaIpv6 { get; init; }

    /// <summary>What DHCP tells the host; null for gateways.</summary>
    public HostSettings? Host { get; init; }
}
