using System;
using System.Buffers.Binary;
using Dataplane.Packets;

namespace Dataplane.Tests.TestSupport;

/// <summary>IP packets by hand, for <see cref="LinkType.Raw"/>: lengths are right, checksums 0 (nothing looks at them). The family is that of the addresses.</summary>
internal static class PacketBuilder
{
    public const byte Fin = 1;
    public const byte Syn = 2;
    public const byte Rst = 4;
    public const byte Ack = 16;

    /// <summary>TCP with a 20-byte header and <paramref name="payload"/> zero bytes behind it.</summary>
    public static byte[] Tcp(string src, int sport, string dst, int dport, byte flags, int payload = 0) =>
        Raw(src, dst, 6, TcpHeader(sport, dport, flags, payload));

    public static byte[] Udp(string src, int sport, string dst, int dport, int payload = 0) =>
        Raw(src, dst, 17, UdpHeader(sport, dport, payload));

    /// <summary>ICMP for IPv4 addresses, ICMPv6 for IPv6 addresses; the header's second word is identifier and sequence 1.</summary>
    public static byte[] Icmp(string src, string dst, int type, int code, int id = 0, int payload = 0) =>
        Raw(src, dst, IcmpOf(src), IcmpHeader(type, code, id, new byte[payload]));

    /// <summary>An ICMP error that quotes a packet, or the first bytes of one.</summary>
    public static byte[] IcmpError(string src, string dst, int type, int code, byte[] quotedIpPacket) =>
        Raw(src, dst, IcmpOf(src), IcmpHeader(type, code, 0, quotedIpPacket));

    /// <summary>An IP packet of any protocol.</summary>
    public static byte[] Raw(string src, string dst, int protocol, byte[]? payload = null)
    {
        payload ??= [];
        var source = IpAddress.Parse(src);
        var destination = IpAddress.Parse(dst);
        if (source.IsIpv6 != destination.IsIpv6)
        {
            throw new ArgumentException("both addresses must be of one family");
        }

        byte[] packet = new byte[(source.IsIpv6 ? 40 : 20) + payload.Length];
        payload.CopyTo(packet, packet.Length - payload.Length);
        if (source.IsIpv6)
        {
            packet[0] = 0x60;
            Put16(packet, 4, payload.Length);
            packet[6] = (byte)protocol;
            packet[7] = 64;
            source.Write(packet.AsSpan(8));
            destination.Write(packet.AsSpan(24));
        }
        else
        {
            packet[0] = 0x45;
            Put16(packet, 2, packet.Length);
            packet[8] = 64;
            packet[9] = (byte)protocol;
            source.Write(packet.AsSpan(12));
            destination.Write(packet.AsSpan(16));
        }

        return packet;
    }

    /// <summary>One fragment: <paramref name="payload"/> is the part of the datagram that begins at <paramref name="offset"/> bytes (a multiple of 8).</summary>
    public static byte[] Fragment(string src, string dst, int protocol, uint id, int offset, bool more, byte[] payload)
    {
        ArgumentNullException.ThrowIfNull(payload);
        if (!IpAddress.Parse(src).IsIpv6)
        {
            byte[] packet = Raw(src, dst, protocol, payload);
            Put16(packet, 4, (int)id);
            Put16(packet, 6, offset / 8 | (more ? 0x2000 : 0));
            return packet;
        }

        byte[] body = new byte[8 + payload.Length];
        body[0] = (byte)protocol;
        Put16(body, 2, offset | (more ? 1 : 0));
        BinaryPrimitives.WriteUInt32BigEndian(body.AsSpan(4), id);
        payload.CopyTo(body, 8);
        return Raw(src, dst, 44, body);
    }

    public static byte[] TcpHeader(int sport, int dport, byte flags, int payload = 0)
    {
        byte[] tcp = new byte[20 + payload];
        Put16(tcp, 0, sport);
        Put16(tcp, 2, dport);
        tcp[12] = 0x50;
        tcp[13] = flags;
        return tcp;
    }

    /// <param name="length">The header's length field, where it is not that of the bytes made (a first fragment).</param>
    public static byte[] UdpHeader(int sport, int dport, int payload = 0, int? length = null)
    {
        byte[] udp = new byte[8 + payload];
        Put16(udp, 0, sport);
        Put16(udp, 2, dport);
        Put16(udp, 4, length ?? udp.Length);
        return udp;
    }

    public static byte[] IcmpHeader(int type, int code, int id, byte[] payload)
    {
        ArgumentNullException.ThrowIfNull(payload);
        byte[] icmp = new byte[8 + payload.Length];
        icmp[0] = (byte)type;
        icmp[1] = (byte)code;
        Put16(icmp, 4, id);
        payload.CopyTo(icmp, 8);
        return icmp;
    }

    /// <summary>An Ethernet frame around an IP packet.</summary>
    public static byte[] Ethernet(byte[] ipPacket, params int[] tags)
    {
        ArgumentNullException.ThrowIfNull(ipPacket);
        ArgumentNullException.ThrowIfNull(tags);
        byte[] frame = new byte[14 + tags.Length * 4 + ipPacket.Length];
        frame.AsSpan(0, 12).Fill(2);
        int at = 12;
        foreach (int tag in tags)
        {
            Put16(frame, at, tag);
            Put16(frame, at + 2, 100);
            at += 4;
        }

        Put16(frame, at, ipPacket[0] >> 4 == 6 ? 0x86DD : 0x0800);
        ipPacket.CopyTo(frame, at + 2);
        return frame;
    }

    /// <summary>What the parser makes of a whole IP packet.</summary>
    public static Headers Parse(byte[] ipPacket) => Parse(ipPacket, LinkType.Raw);

    public static Headers Parse(byte[] frame, LinkType link)
    {
        ArgumentNullException.ThrowIfNull(frame);
        HeaderParser.Parse(frame, link, (uint)frame.Length, out Headers headers);
        return headers;
    }

    /// <summary>Appends a packet to a block, parsed like all others by <see cref="HeaderParser.ParseBlock"/>.</summary>
    /// <param name="time">Nanoseconds since 1970-01-01 UTC.</param>
    public static void Add(this PacketBlock block, long time, byte[] ipPacket)
    {
        ArgumentNullException.ThrowIfNull(block);
        ArgumentNullException.ThrowIfNull(ipPacket);
        ipPacket.CopyTo(block.Add(time, ipPacket.Length, (uint)ipPacket.Length, LinkType.Raw, 0));
    }

    public static void Put16(byte[] bytes, int at, int value) => BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(at), (ushort)value);

    private static int IcmpOf(string address) => IpAddress.Parse(address).IsIpv6 ? 58 : 1;
}
