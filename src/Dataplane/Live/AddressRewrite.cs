// One-to-one translation at an internet gateway (IGW-01), in a packet's own bytes.
//
//   out   source       PRIVATE>PUBLIC    and in a packet that an ICMP error quotes, the destination: it came to the private address
//   in    destination  PUBLIC>PRIVATE    and in a quoted packet the source
//
// Checksums are updated, not computed anew: what was wrong stays wrong, and a UDP checksum of 0 (none) stays 0. TCP, UDP, UDP-Lite and DCCP cover the
// addresses by their pseudo header, ICMP does not; but an ICMP error covers what it quotes. A later fragment has no transport header.
// A quoted packet may be cut anywhere behind its IP header: what is not there is not updated.

using System;
using System.Buffers.Binary;
using Dataplane.Packets;

namespace Dataplane.Live;

/// <summary>Rewrites one address of an IPv4 packet, and what depends on it.</summary>
/// <remarks>Pure; allocates nothing. Sources: RFC 3022 sections 4.1 to 4.3, RFC 1624.</remarks>
public static class AddressRewrite
{
    private const int ChecksumAt = 10;
    private const int SourceAt = 12;
    private const int DestinationAt = 16;

    /// <summary>Makes another source of it.</summary>
    /// <param name="ip">The whole packet, as long as its header says.</param>
    /// <param name="shape">What the parser said of it.</param>
    public static void Source(Span<byte> ip, in Headers shape, IpAddress source) => Rewrite(ip, in shape, SourceAt, DestinationAt, (uint)source.Low);

    /// <inheritdoc cref="Source"/>
    public static void Destination(Span<byte> ip, in Headers shape, IpAddress destination) => Rewrite(ip, in shape, DestinationAt, SourceAt, (uint)destination.Low);

    private static void Rewrite(Span<byte> ip, in Headers shape, int at, int quotedAt, uint after)
    {
        uint before = Put(ip, at, after);
        Update(ip, ChecksumAt, before, after);
        if (shape.IsLaterFragment)
        {
            return;
        }

        Span<byte> transport = ip[(shape.TransportOffset - shape.NetworkOffset)..];
        if (!shape.HasQuote)
        {
            UpdateTransport(transport, shape.Protocol, before, after);
            return;
        }

        int quote = shape.QuoteOffset - shape.TransportOffset;
        if (BinaryPrimitives.ReadUInt32BigEndian(transport[(quote + quotedAt)..]) == before)
        {
            RewriteQuote(transport, quote, quotedAt, before, after);
        }
    }

    private static void RewriteQuote(Span<byte> icmp, int quoteAt, int at, uint before, uint after)
    {
        const int IcmpChecksumAt = 2;
        Span<byte> quote = icmp[quoteAt..];
        ushort sum = BinaryPrimitives.ReadUInt16BigEndian(icmp[IcmpChecksumAt..]);
        Put(quote, at, after);
        sum = InternetChecksum.Update(sum, before, after);
        (ushort old, ushort updated) = Update(quote, ChecksumAt, before, after);
        sum = InternetChecksum.Update(sum, old, updated);

        bool isLater = (BinaryPrimitives.ReadUInt16BigEndian(quote[6..]) & 0x1FFF) != 0;
        int header = (quote[0] & 15) * 4;
        if (!isLater && header <= quote.Length)
        {
            (old, updated) = UpdateTransport(quote[header..], quote[9], before, after);
            sum = InternetChecksum.Update(sum, old, updated);
        }

        BinaryPrimitives.WriteUInt16BigEndian(icmp[IcmpChecksumAt..], sum);
    }

    /// <returns>What stood there and what stands there now; equal where nothing was changed.</returns>
    private static (ushort Before, ushort After) UpdateTransport(Span<byte> transport, byte protocol, uint before, uint after)
    {
        int at = protocol switch
        {
            6 => 16,
            17 or 33 or 136 => 6,
            _ => -1,
        };
        if (at < 0 || transport.Length < at + 2)
        {
            return (0, 0);
        }

        ushort old = BinaryPrimitives.ReadUInt16BigEndian(transport[at..]);
        if (protocol == 17 && old == 0)
        {
            return (0, 0);
        }

        ushort updated = InternetChecksum.Update(old, before, after);
        if (protocol == 17 && updated == 0)
        {
            updated = 0xFFFF;    // 0 would say that there is none (RFC 768)
        }

        BinaryPrimitives.WriteUInt16BigEndian(transport[at..], updated);
        return (old, updated);
    }

    private static uint Put(Span<byte> ip, int at, uint after)
    {
        uint before = BinaryPrimitives.ReadUInt32BigEndian(ip[at..]);
        BinaryPrimitives.WriteUInt32BigEndian(ip[at..], after);
        return before;
    }

    private static (ushort Before, ushort After) Update(Span<byte> bytes, int at, uint before, uint after)
    {
        ushort old = BinaryPrimitives.ReadUInt16BigEndian(bytes[at..]);
        ushort updated = InternetChecksum.Update(old, before, after);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[at..], updated);
        return (old, updated);
    }
}
