using System;
using System.Buffers.Binary;
using Dataplane.Live;
using Dataplane.Packets;
using Dataplane.Tests.TestSupport;

namespace Dataplane.Tests.Live;

/// <summary>Whole Ethernet frames by hand, and checks of what comes out; written apart from the code under test.</summary>
internal static class LiveFrames
{
    public static byte[] Ethernet(MacAddress from, MacAddress to, int type, byte[] payload)
    {
        byte[] frame = new byte[14 + payload.Length];
        to.Write(frame);
        from.Write(frame.AsSpan(6));
        PacketBuilder.Put16(frame, 12, type);
        payload.CopyTo(frame, 14);
        return frame;
    }

    /// <param name="operation">1 request (sent to all), 2 reply.</param>
    public static byte[] Arp(int operation, MacAddress sender, string senderAddress, MacAddress target, string targetAddress)
    {
        byte[] arp = new byte[28];
        PacketBuilder.Put16(arp, 0, 1);
        PacketBuilder.Put16(arp, 2, 0x0800);
        (arp[4], arp[5]) = (6, 4);
        PacketBuilder.Put16(arp, 6, operation);
        sender.Write(arp.AsSpan(8));
        IpAddress.Parse(senderAddress).Write(arp.AsSpan(14));
        target.Write(arp.AsSpan(18));
        IpAddress.Parse(targetAddress).Write(arp.AsSpan(24));
        return Ethernet(sender, operation == 1 ? MacAddress.Broadcast : target, 0x0806, arp);
    }

    /// <summary>An ARP frame in words: <c>request 10.0.1.1 (02:..) > 10.0.1.10 (00:..)</c>.</summary>
    public static string ReadArp(byte[] frame)
    {
        ReadOnlySpan<byte> arp = frame.AsSpan(14);
        string operation = arp[7] switch { 1 => "request", 2 => "reply", _ => "?" };
        return $"{operation} {IpAddress.Read(arp[14..18])} ({MacAddress.Read(arp[8..])}) > {IpAddress.Read(arp[24..28])} ({MacAddress.Read(arp[18..])})";
    }

    public static MacAddress To(byte[] frame) => MacAddress.Read(frame);

    public static MacAddress From(byte[] frame) => MacAddress.Read(frame.AsSpan(6));

    public static byte[] IpOf(byte[] frame) => frame[14..];

    public static string Ends(byte[] frame)
    {
        HeaderParser.Parse(frame, LinkType.Ethernet, (uint)frame.Length, out Headers headers);
        return $"{headers.Source} > {headers.Destination}";
    }

    /// <summary>Fills in the checksums of an IPv4 or IPv6 packet without extension headers; of a fragment that of IP only.</summary>
    public static byte[] Sound(byte[] ip)
    {
        bool isIpv6 = ip[0] >> 4 == 6;
        int header = isIpv6 ? 40 : (ip[0] & 15) * 4;
        if (!isIpv6)
        {
            PacketBuilder.Put16(ip, 10, 0);
            PacketBuilder.Put16(ip, 10, Complement(Add(ip, 0, header)));
        }

        int protocol = isIpv6 ? ip[6] : ip[9];
        int at = ChecksumAt(protocol);
        if (at >= 0 && ip.Length >= header + at + 2 && !IsFragment(ip))
        {
            PacketBuilder.Put16(ip, header + at, 0);
            int sum = Complement(Add(ip, header, ip.Length) + Pseudo(ip, protocol, ip.Length - header));
            PacketBuilder.Put16(ip, header + at, protocol == 17 && sum == 0 ? 0xFFFF : sum);
        }

        return ip;
    }

    /// <summary>Whether the IP header's and the transport's checksums are right.</summary>
    public static bool IsSound(byte[] ip)
    {
        bool isIpv6 = ip[0] >> 4 == 6;
        int header = isIpv6 ? 40 : (ip[0] & 15) * 4;
        int protocol = isIpv6 ? ip[6] : ip[9];
        if (!isIpv6 && Complement(Add(ip, 0, header)) != 0)
        {
            return false;
        }

        return IsFragment(ip) || ChecksumAt(protocol) < 0 || Complement(Add(ip, header, ip.Length) + Pseudo(ip, protocol, ip.Length - header)) == 0;
    }

    private static bool IsFragment(byte[] ip) => ip[0] >> 4 == 4 && (BinaryPrimitives.ReadUInt16BigEndian(ip.AsSpan(6)) & 0x3FFF) != 0;

    private static int ChecksumAt(int protocol) => protocol switch { 1 or 58 => 2, 6 => 16, 17 or 136 => 6, _ => -1 };

    private static long Pseudo(byte[] ip, int protocol, int length) =>
        protocol == 1 ? 0 : (ip[0] >> 4 == 6 ? Add(ip, 8, 40) : Add(ip, 12, 20)) + protocol + length;

    private static long Add(byte[] bytes, int from, int to)
    {
        long sum = 0;
        for (int i = from; i < to; i++)
        {
            sum += (i - from) % 2 == 0 ? bytes[i] << 8 : bytes[i];
        }

        return sum;
    }

    private static int Complement(long sum)
    {
        while (sum > 0xFFFF)
        {
            sum = (sum & 0xFFFF) + (sum >> 16);
        }

        return (int)(~sum & 0xFFFF);
    }
}
