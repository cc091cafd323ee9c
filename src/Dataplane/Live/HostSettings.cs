using Dataplane.Packets;

namespace Dataplane.Live;

/// <summary>What a VPC tells the host of an interface by DHCP and router advertisements.</summary>
public sealed record HostSettings
{
    /// <summary>The primary private IPv4 address; null for an interface without one.</summary>
    public IpAddress? Primary { get; init; }

    /// <summary>The IPv4 subnet's prefix length.</summary>
    public int PrefixLength { get; init; }

    /// <summary>The IPv4 subnet's base+1 (RT-31): implicit router and DHCP server.</summary>
    public IpAddress Router { get; init; }

    /// <summary>IPv4 resolvers (RT-32): base+2 of the VPC's primary block, where it has one, and 169.254.169.253.</summary>
    public IpAddress[] Resolvers { get; init; } = [];

    /// <summary>IPv6 resolvers (RT-32): fd00:ec2::253.</summary>
    public IpAddress[] Ipv6Resolvers { get; init; } = [];

    /// <summary>Where the resolver looks names up: <c>ec2.internal</c>, <c>eu-west-1.compute.internal</c>.</summary>
    public required string Domain { get; init; }

    /// <summary>The interface's IPv6 addresses, in file order.</summary>
    public IpAddress[] Ipv6Addresses { get; init; } = [];

    /// <summary>The subnet's IPv6 blocks.</summary>
    public IpPrefix[] Ipv6Blocks { get; init; } = [];
}
