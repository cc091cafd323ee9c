using System;
using System.Buffers.Binary;

namespace Dataplane.Packets;

/// <summary>What a frame's link header says: where the network header begins and of which kind it is.</summary>
internal static class LinkHeader
{
    /// <summary>Longest link header that is followed, in bytes: offsets of headers are 16 bits wide, and IP needs room behind it.</summary>
    private const int MaxLength = 60_000;

    private const int EtherTypeIpv4 = 0x0800;
    private const int EtherTypeIpv6 = 0x86DD;

    // ARPHRD_ types under which the protocol field of a cooked header is no EtherType, or the payload begins with another header.
    private const int HardwareFrameRelay = 770;
    private const int HardwareRadiotap = 803;
    private const int HardwareNetlink = 824;

    /// <summary>Skips the link header.</summary>
    /// <param name="frame">Captured bytes of the frame.</param>
    /// <param name="offset">Where the network header begins; meaningful for 4, 6 and <see cref="NetworkKind.ByVersion"/>.</param>
    /// <remarks>Sources: the LINKTYPE_ registry of tcpdump.org, IEEE 802.1Q, RFC 1661, RFC 1662 and RFC 1547 section 4.3.1.</remarks>
    internal static NetworkKind Skip(ReadOnlySpan<byte> frame, LinkType link, out int offset)
    {
        switch (link)
        {
            case LinkType.Ethernet:
                return EtherType(frame, 12, out offset);

            case LinkType.Raw:
            case LinkType.RawBsd12:
            case LinkType.RawBsd14:
                offset = 0;
                return NetworkKind.ByVersion;

            case LinkType.Ipv4:
                offset = 0;
                return NetworkKind.Ipv4;

            case LinkType.Ipv6:
                offset = 0;
                return NetworkKind.Ipv6;

            case LinkType.LinuxSll:
                offset = 16;
                return frame.Length < 16 ? NetworkKind.Broken : Cooked(frame, BinaryPrimitives.ReadUInt16BigEndian(frame[2..]), 14, 16, out offset);

            case LinkType.LinuxSll2:
                offset = 20;
                return frame.Length < 20 ? NetworkKind.Broken : Cooked(frame, BinaryPrimitives.ReadUInt16BigEndian(frame[8..]), 0, 20, out offset);

            case LinkType.Null:
            case LinkType.Loop:
                return Family(frame, out offset);

            case LinkType.Ppp:
            case LinkType.PppHdlc:
                return Ppp(frame, out offset);

            default:
                offset = 0;
                return NetworkKind.Other;
        }
    }

    private static NetworkKind Cooked(ReadOnlySpan<byte> frame, int hardware, int typeOffset, int headerLength, out int offset)
    {
        offset = headerLength;
        return hardware is HardwareFrameRelay or HardwareRadiotap or HardwareNetlink
            ? NetworkKind.Other
            : Tagged(frame, BinaryPrimitives.ReadUInt16BigEndian(frame[typeOffset..]), ref offset);
    }

    private static NetworkKind EtherType(ReadOnlySpan<byte> frame, int typeOffset, out int offset)
    {
        offset = typeOffset + 2;
        return frame.Length < offset
            ? NetworkKind.Broken
            : Tagged(frame, BinaryPrimitives.ReadUInt16BigEndian(frame[typeOffset..]), ref offset);
    }

    /// <summary>Skips the tags that begin at <paramref name="offset"/> while <paramref name="type"/> announces one.</summary>
    private static NetworkKind Tagged(ReadOnlySpan<byte> frame, int type, ref int offset)
    {
        while (type is 0x8100 or 0x88A8 or 0x9100)
        {
            if (frame.Length - offset < 4 || offset > MaxLength)
            {
                return NetworkKind.Broken;
            }

            type = BinaryPrimitives.ReadUInt16BigEndian(frame[(offset + 2)..]);
            offset += 4;
        }

        // A number below 0x0600 is a length (802.3 with LLC) or one of the cooked header's own: not IP either.
        return type switch
        {
            EtherTypeIpv4 => NetworkKind.Ipv4,
            EtherTypeIpv6 => NetworkKind.Ipv6,
            _ => NetworkKind.Other,
        };
    }

    /// <summary>A 4-byte address family: AF_INET is 2 everywhere, AF_INET6 10 (Linux), 24 (NetBSD, OpenBSD), 28 (FreeBSD), 30 (Darwin).</summary>
    /// <remarks>Null has the byte order of the host that captured, which a file need not tell; no family is its own mirror image.</remarks>
    private static NetworkKind Family(ReadOnlySpan<byte> frame, out int offset)
    {
        offset = 4;
        if (frame.Length < 4)
        {
            return NetworkKind.Broken;
        }

        uint family = BinaryPrimitives.ReadUInt32LittleEndian(frame);
        if (family > 0xFFFF)
        {
            family = BinaryPrimitives.ReverseEndianness(family);
        }

        return family switch
        {
            2 => NetworkKind.Ipv4,
            10 or 24 or 28 or 30 => NetworkKind.Ipv6,
            _ => NetworkKind.Other,
        };
    }

    private static NetworkKind Ppp(ReadOnlySpan<byte> frame, out int offset)
    {
        offset = 0;
        if (frame.Length < 1)
        {
            return NetworkKind.Broken;
        }

        // Cisco's HDLC: address, control, EtherType.
        if (frame[0] is 0x0F or 0x8F)
        {
            return EtherType(frame, 2, out offset);
        }

        // RFC 1662's address and control, which a link may agree to leave out.
        if (frame[0] == 0xFF)
        {
            if (frame.Length < 2)
            {
                return NetworkKind.Broken;
            }

            offset = frame[1] == 0x03 ? 2 : 0;
        }

        // RFC 1661: protocol numbers are odd in their last byte and even in their first, so a first odd byte is a whole, shortened one.
        if (frame.Length <= offset)
        {
            return NetworkKind.Broken;
        }

        int protocol = frame[offset++];
        if ((protocol & 1) == 0)
        {
            if (frame.Length <= offset)
            {
                return NetworkKind.Broken;
            }

            protocol = protocol << 8 | frame[offset++];
        }

        return protocol switch
        {
            0x21 => NetworkKind.Ipv4,
            0x57 => NetworkKind.Ipv6,
            _ => NetworkKind.Other,
        };
    }
}
