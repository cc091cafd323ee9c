// From captured bytes to integers, checked once; nobody behind it looks at lengths again.
//
// Two lengths stand side by side all the way. `wire` is how long the frame was where it was captured, without a frame check
// sequence: lengths that headers claim are held against it, so a short snap length makes no packet invalid. `frame` is
// what the capture holds of it: only bytes in it are read, and the headers that decide a verdict must be in it.
//
//   frame  | link | IP, IPv6 extensions | TCP, UDP, ICMP ... |
//          0      NetworkOffset         TransportOffset      end of IP's length <= wire
//
// A packet that breaks a rule gets Status Invalid and nothing else but its length; what is not IP gets Ignored. There is no
// exception for any bytes and nothing is allocated. An ICMP error's quotation is read by the same code under gentler rules:
// lengths may lie beyond what was quoted, and where its ports are missing PortsKnown says so.

using System;
using System.Buffers.Binary;

namespace Dataplane.Packets;

/// <summary>Reduces captured frames to <see cref="Headers"/>.</summary>
/// <remarks>
/// Stateless and thread-safe; allocates nothing; O(link tags + extension headers) a frame.
/// Sources: RFC 791, RFC 792, RFC 768, RFC 9293, RFC 8200, RFC 4443; which faults make a packet invalid.
/// </remarks>
public static class HeaderParser
{
    /// <summary>Extension headers that are walked; one more makes the packet invalid .</summary>
    public const int MaxExtensionHeaders = 16;

    private const int Ipv4HeaderLength = 20;
    private const int Ipv6HeaderLength = 40;
    private const int TcpHeaderLength = 20;
    private const int UdpHeaderLength = 8;
    private const int IcmpHeaderLength = 8;

    /// <summary>What a quotation holds at least of the header after IP's (RFC 792: 64 bits), else its ports are not known.</summary>
    private const int QuotedTransportLength = 8;

    /// <summary>The longest datagram that fragments may make.</summary>
    private const int MaxDatagramLength = 65_535;

    private const byte Icmp = 1;
    private const byte Tcp = 6;
    private const byte Udp = 17;
    private const byte Icmpv6 = 58;

    private enum Walk
    {
        /// <summary>The header after IP's begins at TransportOffset; none is to be read from a later fragment.</summary>
        Whole,

        /// <summary>The bytes end before the chain does.</summary>
        Cut,

        /// <summary>The chain breaks a rule.</summary>
        Broken,
    }

    /// <summary>Parses one frame.</summary>
    /// <param name="frame">Captured bytes, from the link header on; any length.</param>
    /// <param name="wireLength">Bytes that the frame had on the wire. What was captured beyond it is not looked at.</param>
    /// <param name="headers">All fields are set. Invalid and ignored frames have only a status and a length.</param>
    public static void Parse(ReadOnlySpan<byte> frame, LinkType link, uint wireLength, out Headers headers) =>
        Parse(frame, link, wireLength, 0, out headers);

    /// <summary>Parses the packet that an ICMP error quotes.</summary>
    /// <param name="frame">The frame that <paramref name="headers"/> were parsed from.</param>
    /// <param name="quote">
    /// The quoted packet: NetworkOffset and TransportOffset count from the frame's first byte, WireLength is the length that the quoted IP
    /// header claims, TcpFlags are 0.
    /// </param>
    /// <returns>False, with an empty quote, when the headers have none.</returns>
    public static bool TryParseQuote(ReadOnlySpan<byte> frame, in Headers headers, out Headers quote)
    {
        quote = default;
        return headers.HasQuote && ReadQuote(frame[..CapturedEnd(frame, headers)], headers, ref quote);
    }

    /// <summary>Parses all packets of a block and the packets that they quote.</summary>
    /// <param name="block">Headers and, where HasQuote is set, Quotes are filled for its packets.</param>
    /// <param name="map">Rewrites of addresses, or null.</param>
    public static void ParseBlock(PacketBlock block, AddressMap? map)
    {
        ArgumentNullException.ThrowIfNull(block);
        for (int next = 0; (next = PlainHeaders.Parse(block, next)) < block.Count; next++)
        {
            ParseOther(block, next, map);
        }

        if (map is not null)
        {
            foreach (ref Headers headers in block.Headers[..block.Count])
            {
                if (headers.Status == PacketStatus.Ok)
                {
                    map.Apply(ref headers);
                }
            }
        }
    }

    /// <summary>True for ICMP types that have a reply, and for the replies: their header carries an identifier.</summary>
    internal static bool HasIdentifier(byte protocol, byte type) => protocol == Icmp
        ? type is 0 or 8 or (>= 13 and <= 18)
        : protocol == Icmpv6 && type is 128 or 129;

    private static void ParseOther(PacketBlock block, int index, AddressMap? map)
    {
        ref readonly CapturedPacket packet = ref block.Packets[index];
        ref Headers headers = ref block.Headers[index];
        ReadOnlySpan<byte> frame = block.Bytes(index);
        Parse(frame, packet.Link, packet.WireLength, packet.FcsLength, out headers);
        if (headers.HasQuote)
        {
            _ = TryParseQuote(frame, headers, out block.Quotes[index]);
            map?.Apply(ref block.Quotes[index]);
        }
    }

    private static void Parse(ReadOnlySpan<byte> frame, LinkType link, uint wireLength, byte fcsLength, out Headers headers)
    {
        headers = default;
        headers.WireLength = wireLength;
        int wire = (int)Math.Min(wireLength, int.MaxValue);
        wire = Math.Max(0, wire - fcsLength);
        if (frame.Length > wire)
        {
            frame = frame[..wire];
        }

        NetworkKind kind = LinkHeader.Skip(frame, link, out int offset);
        if (kind == NetworkKind.Other)
        {
            headers.Status = PacketStatus.Ignored;
            return;
        }

        if (kind == NetworkKind.ByVersion && frame.Length > 0)
        {
            kind = (frame[0] >> 4) switch { 4 => NetworkKind.Ipv4, 6 => NetworkKind.Ipv6, _ => NetworkKind.Broken };
        }

        headers.NetworkOffset = (ushort)offset;
        PacketStatus status = kind switch
        {
            NetworkKind.Ipv4 => ReadIpv4(frame, offset, wire, ref headers),
            NetworkKind.Ipv6 => ReadIpv6(frame, offset, wire, ref headers),
            _ => PacketStatus.Invalid,
        };

        if (status != PacketStatus.Ok)
        {
            headers = default;
            headers.WireLength = wireLength;
            headers.Status = status;
        }
    }

    private static PacketStatus ReadIpv4(ReadOnlySpan<byte> frame, int offset, int wire, ref Headers headers)
    {
        if (frame.Length - offset < Ipv4HeaderLength)
        {
            return PacketStatus.Invalid;
        }

        ReadOnlySpan<byte> ip = frame[offset..];
        int headerLength = (ip[0] & 15) * 4;
        int totalLength = BinaryPrimitives.ReadUInt16BigEndian(ip[2..]);
        if (ip[0] >> 4 != 4 || headerLength < Ipv4HeaderLength || totalLength < headerLength || totalLength > wire - offset)
        {
            return PacketStatus.Invalid;
        }

        ReadIpv4Fields(ip, ref headers);
        int fragmentOffset = (BinaryPrimitives.ReadUInt16BigEndian(ip[6..]) & 0x1FFF) * 8;
        if (fragmentOffset + totalLength > MaxDatagramLength)
        {
            return PacketStatus.Invalid;
        }

        int transport = offset + headerLength;
        headers.TransportOffset = (ushort)transport;
        return headers.IsLaterFragment ? PacketStatus.Ok : ReadTransport(frame, transport, offset + totalLength, ref headers);
    }

    /// <summary>Addresses, protocol and fragment from the 20 bytes that every IPv4 header has.</summary>
    private static void ReadIpv4Fields(ReadOnlySpan<byte> ip, ref Headers headers)
    {
        headers.SourceLow = BinaryPrimitives.ReadUInt32BigEndian(ip[12..]);
        headers.DestinationLow = BinaryPrimitives.ReadUInt32BigEndian(ip[16..]);
        headers.Protocol = ip[9];
        int fragment = BinaryPrimitives.ReadUInt16BigEndian(ip[6..]) & 0x3FFF;
        if (fragment != 0)
        {
            headers.Flags |= (fragment & 0x1FFF) != 0 ? HeaderFlags.LaterFragment : HeaderFlags.FirstFragment;
            headers.FragmentId = BinaryPrimitives.ReadUInt16BigEndian(ip[4..]);
            headers.FragmentProtocol = headers.Protocol;
        }
    }

    private static PacketStatus ReadIpv6(ReadOnlySpan<byte> frame, int offset, int wire, ref Headers headers)
    {
        if (frame.Length - offset < Ipv6HeaderLength)
        {
            return PacketStatus.Invalid;
        }

        ReadOnlySpan<byte> ip = frame[offset..];
        int end = offset + Ipv6HeaderLength + BinaryPrimitives.ReadUInt16BigEndian(ip[4..]);
        if (ip[0] >> 4 != 6 || end > wire)
        {
            return PacketStatus.Invalid;
        }

        if (WalkIpv6(frame, offset, end, ref headers) != Walk.Whole)
        {
            return PacketStatus.Invalid;
        }

        return headers.IsLaterFragment ? PacketStatus.Ok : ReadTransport(frame, headers.TransportOffset, end, ref headers);
    }

    /// <summary>Reads IPv6's fixed header, whose 40 bytes are there, and walks its extension headers.</summary>
    /// <param name="end">Where the packet ends by its own length, from the frame's first byte; the frame may end before.</param>
    /// <remarks>
    /// A header may reach beyond the captured bytes as long as its next-header field does not; what follows it then is not read either.
    /// A fragment header behind one of a real fragment would be a fragment of a fragment: broken.
    /// </remarks>
    private static Walk WalkIpv6(ReadOnlySpan<byte> frame, int offset, int end, ref Headers headers)
    {
        ReadOnlySpan<byte> ip = frame[offset..];
        headers.Flags |= HeaderFlags.Ipv6;
        headers.SourceHigh = BinaryPrimitives.ReadUInt64BigEndian(ip[8..]);
        headers.SourceLow = BinaryPrimitives.ReadUInt64BigEndian(ip[16..]);
        headers.DestinationHigh = BinaryPrimitives.ReadUInt64BigEndian(ip[24..]);
        headers.DestinationLow = BinaryPrimitives.ReadUInt64BigEndian(ip[32..]);
        byte next = ip[6];
        int at = offset + Ipv6HeaderLength;
        for (int walked = 0; next is 0 or 43 or 44 or 60 or 135 or 139 or 140; walked++)
        {
            headers.Protocol = next;
            headers.TransportOffset = (ushort)Math.Min(at, ushort.MaxValue);
            if (walked == MaxExtensionHeaders)
            {
                return Walk.Broken;
            }

            if (end - at < 8)
            {
                return Walk.Cut;
            }

            if (frame.Length - at < (next == 44 ? 8 : 2))
            {
                return Walk.Cut;
            }

            if (next == 44)
            {
                int field = BinaryPrimitives.ReadUInt16BigEndian(frame[(at + 2)..]);
                int fragmentOffset = field & 0xFFF8;
                if ((headers.Flags & HeaderFlags.FirstFragment) != 0 || fragmentOffset + (end - at - 8) > MaxDatagramLength)
                {
                    return Walk.Broken;
                }

                next = frame[at];
                if (fragmentOffset != 0 || (field & 1) != 0)
                {
                    headers.Flags |= fragmentOffset != 0 ? HeaderFlags.LaterFragment : HeaderFlags.FirstFragment;
                    headers.FragmentId = BinaryPrimitives.ReadUInt32BigEndian(frame[(at + 4)..]);
                    headers.FragmentProtocol = next;
                }

                at += 8;
                if (fragmentOffset != 0)
                {
                    break;    // what follows is the middle of something
                }
            }
            else
            {
                next = frame[at];
                at += (frame[at + 1] + 1) * 8;
                if (at > end)
                {
                    return Walk.Cut;
                }
            }
        }

        headers.Protocol = next;
        headers.TransportOffset = (ushort)Math.Min(at, ushort.MaxValue);
        return at > ushort.MaxValue ? Walk.Broken : Walk.Whole;
    }

    /// <summary>Checks and reads the header after IP's in a whole packet or a first fragment.</summary>
    /// <param name="end">Where the IP packet ends by its own length; on the wire, the frame may end before.</param>
    private static PacketStatus ReadTransport(ReadOnlySpan<byte> frame, int offset, int end, ref Headers headers)
    {
        int length = end - offset;
        int captured = Math.Min(frame.Length, end) - offset;
        switch (headers.Protocol)
        {
            case Tcp:
                if (captured < TcpHeaderLength)
                {
                    return PacketStatus.Invalid;
                }

                ReadOnlySpan<byte> tcp = frame.Slice(offset, TcpHeaderLength);
                int headerLength = (tcp[12] >> 4) * 4;
                if (headerLength < TcpHeaderLength || headerLength > length)
                {
                    return PacketStatus.Invalid;
                }

                headers.SourcePort = BinaryPrimitives.ReadUInt16BigEndian(tcp);
                headers.DestinationPort = BinaryPrimitives.ReadUInt16BigEndian(tcp[2..]);
                headers.TcpFlags = tcp[13];
                headers.Flags |= HeaderFlags.PortsKnown;
                return PacketStatus.Ok;

            case Udp:
                if (captured < UdpHeaderLength)
                {
                    return PacketStatus.Invalid;
                }

                ReadOnlySpan<byte> udp = frame.Slice(offset, UdpHeaderLength);
                int udpLength = BinaryPrimitives.ReadUInt16BigEndian(udp[4..]);

                // The length in a first fragment is that of the whole datagram, which this fragment alone does not hold.
                if (udpLength < UdpHeaderLength || (udpLength > length && !headers.IsFirstFragment))
                {
                    return PacketStatus.Invalid;
                }

                headers.SourcePort = BinaryPrimitives.ReadUInt16BigEndian(udp);
                headers.DestinationPort = BinaryPrimitives.ReadUInt16BigEndian(udp[2..]);
                headers.Flags |= HeaderFlags.PortsKnown;
                return PacketStatus.Ok;

            case Icmp when !headers.IsIpv6:
            case Icmpv6 when headers.IsIpv6:
                if (captured < IcmpHeaderLength)
                {
                    return PacketStatus.Invalid;
                }

                if (headers.Protocol == Icmpv6 && frame[offset] is >= 133 and <= 137)
                {
                    return PacketStatus.Ignored;    // neighbour discovery, like ARP
                }

                ReadIcmp(frame[offset..], ref headers);
                if (IsError(headers))
                {
                    int quote = offset + IcmpHeaderLength;
                    Headers unused = default;
                    headers.QuoteOffset = (ushort)Math.Min(quote, ushort.MaxValue);
                    if (quote <= ushort.MaxValue && ReadQuote(frame[..Math.Min(frame.Length, end)], headers, ref unused))
                    {
                        headers.Flags |= HeaderFlags.HasQuote;
                    }
                    else
                    {
                        headers.QuoteOffset = 0;
                    }
                }

                return PacketStatus.Ok;

            case Icmp:
            case Icmpv6:
                // The other family's ICMP: a protocol without ports, whose type and code rules may still ask for.
                if (captured >= 2)
                {
                    headers.DestinationPort = BinaryPrimitives.ReadUInt16BigEndian(frame[offset..]);
                    headers.Flags |= HeaderFlags.PortsKnown;
                }

                return PacketStatus.Ok;

            default:
                return PacketStatus.Ok;
        }
    }

    /// <summary>Type, code and identifier from the 8 bytes of an ICMP header.</summary>
    private static void ReadIcmp(ReadOnlySpan<byte> icmp, ref Headers headers)
    {
        headers.DestinationPort = BinaryPrimitives.ReadUInt16BigEndian(icmp);
        headers.SourcePort = HasIdentifier(headers.Protocol, icmp[0]) ? BinaryPrimitives.ReadUInt16BigEndian(icmp[4..]) : (ushort)0;
        headers.Flags |= HeaderFlags.PortsKnown;
    }

    /// <summary>Errors of R-06, for protocol 1 in IPv4 and 58 in IPv6.</summary>
    private static bool IsError(in Headers headers) => headers.IsIpv6
        ? headers.IcmpType is >= 1 and <= 4
        : headers.IcmpType is 3 or 4 or 5 or 11 or 12;

    /// <summary>Reads the quotation at <see cref="Headers.QuoteOffset"/>.</summary>
    /// <param name="frame">The captured bytes up to the end of the packet that quotes.</param>
    /// <returns>False when no whole IP header of the error's own family stands there, or its extension headers break a rule.</returns>
    private static bool ReadQuote(ReadOnlySpan<byte> frame, in Headers headers, ref Headers quote)
    {
        int offset = headers.QuoteOffset;
        quote.NetworkOffset = (ushort)offset;
        ReadOnlySpan<byte> ip = offset <= frame.Length ? frame[offset..] : default;
        if (headers.IsIpv6)
        {
            if (ip.Length < Ipv6HeaderLength || ip[0] >> 4 != 6)
            {
                return false;
            }

            int payload = BinaryPrimitives.ReadUInt16BigEndian(ip[4..]);
            quote.WireLength = (uint)(Ipv6HeaderLength + payload);
            Walk walk = WalkIpv6(frame, offset, offset + Ipv6HeaderLength + payload, ref quote);
            if (walk == Walk.Broken)
            {
                return false;
            }

            if (walk == Walk.Cut || quote.IsLaterFragment)
            {
                return true;
            }
        }
        else
        {
            int headerLength = ip.Length < Ipv4HeaderLength ? 0 : (ip[0] & 15) * 4;
            if (headerLength < Ipv4HeaderLength || headerLength > ip.Length || ip[0] >> 4 != 4)
            {
                return false;
            }

            ReadIpv4Fields(ip, ref quote);
            quote.WireLength = BinaryPrimitives.ReadUInt16BigEndian(ip[2..]);
            quote.TransportOffset = (ushort)Math.Min(offset + headerLength, ushort.MaxValue);
            if (quote.IsLaterFragment)
            {
                return true;
            }
        }

        ReadOnlySpan<byte> transport = quote.TransportOffset <= frame.Length ? frame[quote.TransportOffset..] : default;
        if (transport.Length >= QuotedTransportLength)
        {
            ReadQuotedTransport(transport, ref quote);
        }

        return true;
    }

    private static void ReadQuotedTransport(ReadOnlySpan<byte> transport, ref Headers quote)
    {
        switch (quote.Protocol)
        {
            case Tcp:
            case Udp:
                quote.SourcePort = BinaryPrimitives.ReadUInt16BigEndian(transport);
                quote.DestinationPort = BinaryPrimitives.ReadUInt16BigEndian(transport[2..]);
                quote.Flags |= HeaderFlags.PortsKnown;
                break;

            case Icmp when !quote.IsIpv6:
            case Icmpv6 when quote.IsIpv6:
                ReadIcmp(transport, ref quote);
                break;

            case Icmp:
            case Icmpv6:
                quote.DestinationPort = BinaryPrimitives.ReadUInt16BigEndian(transport);
                quote.Flags |= HeaderFlags.PortsKnown;
                break;

            default:
                break;
        }
    }

    /// <summary>Where the captured bytes of the IP packet end, from the frame's first byte: padding behind it is no quotation.</summary>
    private static int CapturedEnd(ReadOnlySpan<byte> frame, in Headers headers)
    {
        if (frame.Length - headers.NetworkOffset < Ipv4HeaderLength)
        {
            return frame.Length;
        }

        ReadOnlySpan<byte> ip = frame[headers.NetworkOffset..];
        int length = headers.IsIpv6
            ? Ipv6HeaderLength + BinaryPrimitives.ReadUInt16BigEndian(ip[4..])
            : BinaryPrimitives.ReadUInt16BigEndian(ip[2..]);
        return Math.Min(frame.Length, headers.NetworkOffset + length);
    }
}
