using System;
using Dataplane.Packets;

namespace Dataplane.Live;

/// <summary>Writes frames of IPv6 neighbour discovery (RFC 4861).</summary>
internal static class NeighbourFrames
{
    public const byte RouterSolicitation = 133;
    public const byte RouterAdvertisement = 134;
    public const byte NeighbourSolicitation = 135;
    public const byte NeighbourAdvertisement = 136;

    public const byte SourceLinkLayerOption = 1;
    public const byte TargetLinkLayerOption = 2;

    /// <summary>Bytes from the ICMPv6 header to the target's end, in both neighbour messages.</summary>
    public const int TargetLength = 24;

    private const int LinkLayerOptionLength = 8;

    public static IpAddress AllNodes => IpAddress.V6(0xFF02UL << 48, 1);

    /// <summary>ff02::1:ffXX:XXXX (RFC 4291 section 2.7.1).</summary>
    public static IpAddress SolicitedNode(IpAddress address) => IpAddress.V6(0xFF02UL << 48, 0x1_FF00_0000 | (address.Low & 0xFF_FFFF));

    /// <summary>A question: who has <paramref name="target"/>?</summary>
    /// <returns>Bytes of the frame.</returns>
    public static int WriteSolicitation(Span<byte> frame, MacAddress from, IpAddress fromAddress, IpAddress target)
    {
        IpAddress group = SolicitedNode(target);
        return Write(frame, OwnFrame.Multicast(group), from, fromAddress, group, NeighbourSolicitation, 0, target, SourceLinkLayerOption, from);
    }

    /// <param name="flags">Router 0x80, solicited 0x40, override 0x20.</param>
    /// <returns>Bytes of the frame.</returns>
    public static int WriteAdvertisement(Span<byte> frame, MacAddress to, MacAddress holder, IpAddress toAddress, IpAddress target, byte flags) =>
        Write(frame, to, holder, target, toAddress, NeighbourAdvertisement, flags, target, TargetLinkLayerOption, holder);

    private static int Write(
        Span<byte> frame, MacAddress to, MacAddress from, IpAddress source, IpAddress destination, byte type, byte flags, IpAddress target, byte option, MacAddress station)
    {
        const int Length = TargetLength + LinkLayerOptionLength;
        OwnFrame.Ethernet(frame, to, from, OwnFrame.EtherTypeIpv6);
        OwnFrame.Ipv6(frame[OwnFrame.EthernetLength..], source, destination, 58, Length, 255);
        Span<byte> icmp = frame.Slice(OwnFrame.EthernetLength + OwnFrame.Ipv6Length, Length);
        icmp.Clear();
        icmp[0] = type;
        icmp[4] = flags;
        target.Write(icmp[8..]);
        icmp[TargetLength] = option;
        icmp[TargetLength + 1] = 1;
        station.Write(icmp[(TargetLength + 2)..]);
        OwnFrame.FinishIcmpv6(icmp, source, destination);
        return OwnFrame.EthernetLength + OwnFrame.Ipv6Length + Length;
    }
}
