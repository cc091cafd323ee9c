using System;
using System.Buffers.Binary;
using Dataplane.Packets;

namespace Dataplane.Live;

/// <summary>Writes the headers of frames that the network itself sends.</summary>
internal static class OwnFrame
{
    public const int EthernetLength = 14;
    public const int Ipv4Length = 20;
    public const int Ipv6Length = 40;
    public const int UdpLength = 8;
    public const int EtherTypeIpv4 = 0x0800;
    public const int EtherTypeArp = 0x0806;
    public const int EtherTypeIpv6 = 0x86DD;

    public static void Ethernet(Span<byte> frame, MacAddress destination, MacAddress source, int type)
    {
        destination.Write(frame);
        source.Write(frame[6..]);
        BinaryPrimitives.WriteUInt16BigEndian(frame[12..], (ushort)type);
    }

    /// <summary>An IPv4 header without options, its checksum right.</summary>
    /// <param name="payload">Bytes behind it.</param>
    public static void Ipv4(Span<byte> ip, IpAddress source, IpAddress destination, byte protocol, int payload)
    {
        ip[..Ipv4Length].Clear();
        ip[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)(Ipv4Length + payload));
        ip[8] = 64;
        ip[9] = protocol;
        source.Write(ip[12..]);
        destination.Write(ip[16..]);
        BinaryPrimitives.WriteUInt16BigEndian(ip[10..], InternetChecksum.Finish(InternetChecksum.Sum(ip[..Ipv4Length])));
    }

    public static void Ipv6(Span<byte> ip, IpAddress source, IpAddress destination, byte protocol, int payload, byte hopLimit)
    {
        ip[..Ipv6Length].Clear();
        ip[0] = 0x60;
        BinaryPrimitives.WriteUInt16BigEndian(ip[4..], (ushort)payload);
        ip[6] = protocol;
        ip[7] = hopLimit;
        source.Write(ip[8..]);
        destination.Write(ip[24..]);
    }

    /// <summary>A UDP header whose payload already stands behind it; the checksum is right.</summary>
    public static void Udp(Span<byte> udp, IpAddress source, int sourcePort, IpAddress destination, int destinationPort)
    {
        BinaryPrimitives.WriteUInt16BigEndian(udp, (ushort)sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(udp[2..], (ushort)destinationPort);
        BinaryPrimitives.WriteUInt16BigEndian(udp[4..], (ushort)udp.Length);
        udp[6..8].Clear();
        ushort sum = InternetChecksum.Finish(InternetChecksum.Sum(udp, InternetChecksum.Pseudo(source, destination, 17, udp.Length)));
        BinaryPrimitives.WriteUInt16BigEndian(udp[6..], sum == 0 ? (ushort)0xFFFF : sum);
    }

    /// <summary>Fills in the checksum of an ICMPv6 message.</summary>
    public static void FinishIcmpv6(Span<byte> icmp, IpAddress source, IpAddress destination)
    {
        icmp[2..4].Clear();
        BinaryPrimitives.WriteUInt16BigEndian(
            icmp[2..], InternetChecksum.Finish(InternetChecksum.Sum(icmp, InternetChecksum.Pseudo(source, destination, 58, icmp.Length))));
    }

    /// <summary>The MAC address of an IPv6 multicast address (RFC 2464 section 7).</summary>
    public static MacAddress Multicast(IpAddress address) => new(0x3333_0000_0000 | (address.Low & 0xFFFF_FFFF));
}
