using Dataplane.Packets;

namespace Dataplane.Fabric;

/// <summary>Blocks that the walk treats apart, whatever the topology.</summary>
public static class SpecialAddresses
{
    /// <summary>Every block that one of the tests below looks at.</summary>
    internal static IpPrefix[] Blocks { get; } =
    [
        IpPrefix.Parse("10.0.0.0/8"), IpPrefix.Parse("172.16.0.0/12"), IpPrefix.Parse("192.168.0.0/16"), IpPrefix.Parse("100.64.0.0/10"),
        IpPrefix.Parse("224.0.0.0/4"), IpPrefix.Parse("255.255.255.255/32"), IpPrefix.Parse("169.254.168.0/22"),
        IpPrefix.Parse("ff00::/8"), IpPrefix.Parse("fd00:ec2::/32"), IpPrefix.Parse("fc00::/7"),
    ];

    public static bool IsRfc1918(IpAddress address) =>
        !address.IsIpv6 && (address.Low >> 24 == 10 || address.Low >> 20 == 0xAC1 || address.Low >> 16 == 0xC0A8);

    /// <summary>100.64.0.0/10.</summary>
    public static bool IsRfc6598(IpAddress address) => !address.IsIpv6 && address.Low >> 22 == 0x6440_0000 >> 22;

    /// <summary>224.0.0.0/4, 255.255.255.255, ff00::/8 (RT-18).</summary>
    public static bool IsMulticast(IpAddress address) =>
        address.IsIpv6 ? address.High >> 56 == 0xFF : address.Low >> 28 == 0xE || address.Low == uint.MaxValue;

    /// <summary>169.254.168.0/22 and fd00:ec2::/32 (RT-11).</summary>
    public static bool IsUnroutable(IpAddress address) =>
        address.IsIpv6 ? address.High >> 32 == 0xFD00_0EC2 : address.Low >> 10 == 0xA9FE_A800 >> 10;

    /// <summary>RFC 1918, RFC 6598, RFC 4193 (SG-39).</summary>
    public static bool IsExemptOfPort25(IpAddress address) =>
        IsRfc1918(address) || IsRfc6598(address) || (address.IsIpv6 && address.High >> 57 == 0xFC >> 1);
}
