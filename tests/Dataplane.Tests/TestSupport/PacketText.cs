// Packets as short text, one line each; they become bytes and go through the parser like captured ones:
//
//   tcp 10.0.1.10:40000 > 10.0.2.20:443 S          flags S A F R P in any order, . for none
//   udp [2001:db8::1]:5000 > [2001:db8::2]:53
//   icmp 10.0.1.10 > 10.0.2.20 8/0 id 7            protocol 1; icmpv6: 58; the family follows from the addresses
//   icmp 203.0.113.1 > 10.0.1.10 3/4 quoting udp 10.0.1.10:40000 > 203.0.113.9:53
//   proto 47 10.0.1.10 > 10.0.2.20
//   ... first 99       the first fragment of datagram 99
//   ... later 99       a later one: its ports may be written but are not in the packet
//   invalid, arp       what cannot be judged

using System;
using System.Globalization;
using System.Linq;
using Dataplane.Packets;

namespace Dataplane.Tests.TestSupport;

/// <summary>One packet, and what it quotes.</summary>
/// <param name="Bytes">From the IP header on (link type raw), but for <c>arp</c>, which is an Ethernet frame.</param>
public readonly record struct TestPacket(byte[] Bytes, LinkType Link, Headers Headers, Headers Quote);

/// <summary>Reads packets from text.</summary>
public static class PacketText
{
    /// <exception cref="FormatException">The text is not a packet.</exception>
    public static TestPacket Parse(string text)
    {
        switch (text)
        {
            case "invalid":
                return Of([0x45, 0, 0, 20, 0], LinkType.Raw);
            case "arp":
                byte[] frame = new byte[42];
                PacketBuilder.Put16(frame, 12, 0x0806);
                return Of(frame, LinkType.Ethernet);
        }

        string[] halves = text.Split(" quoting ");
        return Of(Bytes(halves[0], halves.Length > 1 ? Bytes(halves[1], []) : []), LinkType.Raw);
    }

    private static TestPacket Of(byte[] bytes, LinkType link)
    {
        Headers headers = PacketBuilder.Parse(bytes, link);
        _ = HeaderParser.TryParseQuote(bytes, headers, out Headers quote);
        return new TestPacket(bytes, link, headers, quote);
    }

    private static byte[] Bytes(string text, byte[] quoted)
    {
        string[] words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        int arrow = Array.IndexOf(words, ">");
        if (arrow < 1 || arrow + 1 >= words.Length)
        {
            throw new FormatException($"'{text}' has no source > destination");
        }

        (string source, int sourcePort) = End(words[arrow - 1]);
        (string destination, int destinationPort) = End(words[arrow + 1]);
        string[] rest = words[(arrow + 2)..];
        (int protocol, byte[] payload) = words[0] switch
        {
            "tcp" => (6, PacketBuilder.TcpHeader(sourcePort, destinationPort, Flags(rest.FirstOrDefault() ?? "."))),
            "udp" => (17, PacketBuilder.UdpHeader(sourcePort, destinationPort)),
            "icmp" => (1, Icmp(rest, quoted)),
            "icmpv6" => (58, Icmp(rest, quoted)),
            "proto" => (int.Parse(words[1], CultureInfo.InvariantCulture), new byte[8]),
            _ => throw new FormatException($"'{text}' has no protocol"),
        };

        return Number(rest, "first") is { } first ? PacketBuilder.Fragment(source, destination, protocol, first, 0, true, payload)
            : Number(rest, "later") is { } later ? PacketBuilder.Fragment(source, destination, protocol, later, 64, false, new byte[8])
            : PacketBuilder.Raw(source, destination, protocol, payload);
    }

    private static byte[] Icmp(string[] words, byte[] quoted)
    {
        string kind = words.FirstOrDefault(w => w.Contains('/', StringComparison.Ordinal)) ?? "8/0";
        int[] parts = [.. kind.Split('/').Select(p => int.Parse(p, CultureInfo.InvariantCulture))];
        return PacketBuilder.IcmpHeader(parts[0], parts[1], (int)(Number(words, "id") ?? 0), quoted);
    }

    private static uint? Number(string[] words, string name)
    {
        int at = Array.IndexOf(words, name);
        return at < 0 ? null : uint.Parse(words[at + 1], CultureInfo.InvariantCulture);
    }

    private static byte Flags(string letters) => letters.Any(char.IsDigit) || letters is "first" or "later" ? (byte)0
        : letters.Aggregate((byte)0, (flags, letter) => (byte)(flags | letter switch
        {
            'F' => TcpFlag.Fin,
            'S' => TcpFlag.Syn,
            'R' => TcpFlag.Rst,
            'A' => TcpFlag.Ack,
            'P' => 8,
            '.' => 0,
            _ => throw new FormatException($"'{letters}' are not TCP flags"),
        }));

    private static (string Address, int Port) End(string text)
    {
        if (text[0] == '[')
        {
            int close = text.IndexOf(']', StringComparison.Ordinal);
            return (text[1..close], int.Parse(text[(close + 2)..], CultureInfo.InvariantCulture));
        }

        int colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon >= 0 && text.Contains('.', StringComparison.Ordinal)
            ? (text[..colon], int.Parse(text[(colon + 1)..], CultureInfo.InvariantCulture))
            : (text, 0);
    }
}
