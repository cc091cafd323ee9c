// Packets as short text, one line each:
//
//   tcp 10.0.1.10:40000 > 10.0.2.20:443 S          flags S A F R in any order, . for none
//   udp [2001:db8::1]:5000 > [2001:db8::2]:53
//   icmp 10.0.1.10 > 10.0.2.20 8/0 id 7            protocol 1; icmpv6: 58; the family follows from the addresses
//   icmp 203.0.113.1 > 10.0.1.10 3/4 quoting udp 10.0.1.10:40000 > 203.0.113.9:53
//   proto 47 10.0.1.10 > 10.0.2.20
//   ... first 99       the first fragment of datagram 99
//   ... later 99       a later one: its ports are written but not in the packet

using System;
using System.Globalization;
using System.Linq;
using Dataplane.Packets;

namespace Dataplane.Tests.TestSupport;

/// <summary>One packet, and what it quotes.</summary>
public readonly record struct TestPacket(Headers Headers, Headers Quote);

/// <summary>Reads packets from text.</summary>
public static class PacketText
{
    /// <exception cref="FormatException">The text is not a packet.</exception>
    public static TestPacket Parse(string text)
    {
        string[] halves = text.Split(" quoting ");
        Headers packet = One(halves[0]);
        if (halves.Length == 1)
        {
            return new TestPacket(packet, default);
        }

        packet.Flags |= HeaderFlags.HasQuote;
        packet.QuoteOffset = 42;
        return new TestPacket(packet, One(halves[1]));
    }

    private static Headers One(string text)
    {
        string[] words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        int arrow = Array.IndexOf(words, ">");
        if (arrow < 1 || arrow + 1 >= words.Length)
        {
            throw new FormatException($"'{text}' has no source > destination");
        }

        Headers packet = new()
        {
            Protocol = words[0] switch
            {
                "icmp" => 1,
                "tcp" => 6,
                "udp" => 17,
                "icmpv6" => 58,
                "proto" => byte.Parse(words[1], CultureInfo.InvariantCulture),
                _ => throw new FormatException($"'{text}' has no protocol"),
            },
            WireLength = 60,
        };
        (IpAddress source, ushort sourcePort) = End(words[arrow - 1]);
        (IpAddress destination, ushort destinationPort) = End(words[arrow + 1]);
        packet.Flags = source.IsIpv6 ? HeaderFlags.Ipv6 : HeaderFlags.None;
        packet.Source = source;
        packet.Destination = destination;
        string[] rest = words[(arrow + 2)..];
        bool isLater = rest.Contains("later");
        if (packet.Protocol is 6 or 17 && !isLater)
        {
            packet.SourcePort = sourcePort;
            packet.DestinationPort = destinationPort;
            packet.Flags |= HeaderFlags.PortsKnown;
        }

        if (packet.Protocol == 6 && !isLater)
        {
            packet.TcpFlags = Flags(rest.FirstOrDefault() ?? throw new FormatException($"'{text}' has no flags"));
        }

        string? kind = rest.FirstOrDefault(w => w.Contains('/', StringComparison.Ordinal));
        if (packet.IsIcmp && kind is not null && !isLater)
        {
            int[] parts = [.. kind.Split('/').Select(p => int.Parse(p, CultureInfo.InvariantCulture))];
            packet.DestinationPort = (ushort)(parts[0] << 8 | parts[1]);
            packet.Flags |= HeaderFlags.PortsKnown;
            packet.SourcePort = (ushort)(Number(rest, "id") ?? 0);
        }

        if (Number(rest, "first") is { } first)
        {
            packet.Flags |= HeaderFlags.FirstFragment;
            packet.FragmentId = first;
        }

        if (Number(rest, "later") is { } later)
        {
            packet.Flags |= HeaderFlags.LaterFragment;
            packet.FragmentId = later;
        }

        return packet;
    }

    private static uint? Number(string[] words, string name)
    {
        int at = Array.IndexOf(words, name);
        return at < 0 ? null : uint.Parse(words[at + 1], CultureInfo.InvariantCulture);
    }

    private static byte Flags(string letters) => letters.Aggregate((byte)0, (flags, letter) => (byte)(flags | letter switch
    {
        'F' => TcpFlag.Fin,
        'S' => TcpFlag.Syn,
        'R' => TcpFlag.Rst,
        'A' => TcpFlag.Ack,
        'P' => 8,
        '.' => 0,
        _ => throw new FormatException($"'{letters}' are not TCP flags"),
    }));

    private static (IpAddress Address, ushort Port) End(string text)
    {
        if (text[0] == '[')
        {
            int close = text.IndexOf(']', StringComparison.Ordinal);
            return (IpAddress.Parse(text[1..close]), ushort.Parse(text[(close + 2)..], CultureInfo.InvariantCulture));
        }

        int colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon >= 0 && text.Contains('.', StringComparison.Ordinal)
            ? (IpAddress.Parse(text[..colon]), ushort.Parse(text[(colon + 1)..], CultureInfo.InvariantCulture))
            : (IpAddress.Parse(text), (ushort)0);
    }
}
