// A machine leaves the checksum of TCP and UDP to its network card, and writes only the sum of the pseudo header into the field. On a cable inside one machine (veth, TAP)
// there is no card: the receiver's kernel knows and does not look. A program that forwards frames does not get told by every back-end, and the next machine would
// throw the segments away: ping passes, TCP stands still.
//
// But it can be seen: the field equals the sum of the pseudo header. So such a frame gets the checksum that the card would have given it. A finished checksum looks
// like that once in 65,536 frames, and finishing it again changes nothing.

using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Dataplane.Live;

namespace Dataplane.Capture.Live;

/// <summary>Finishes checksums that were left to hardware.</summary>
internal static class PartialChecksum
{
    private const int TypeOffset = 12;
    private const ushort Ipv4 = 0x0800;
    private const ushort Ipv6 = 0x86dd;
    private const ushort Tag = 0x8100;
    private const ushort OuterTag = 0x88a8;
    private const byte Tcp = 6;
    private const byte Udp = 17;

    /// <summary>Finishes the checksum of a received frame in place if it is not: TCP or UDP, not a fragment, in IPv4 or in IPv6 without extension headers.</summary>
    /// <remarks>Never fails: a frame that is too short, or of which not all was captured, is left as it is. Source of the form: Linux, skb_checksum_help.</remarks>
    internal static void Finish(Span<byte> frame)
    {
        int at = TypeOffset;
        if (frame.Length < at + 2)
        {
            return;
        }

        ushort type = BinaryPrimitives.ReadUInt16BigEndian(frame[at..]);
        if (type is Tag or OuterTag && frame.Length >= at + VlanTag.Length + 2)
        {
            at += VlanTag.Length;
            type = BinaryPrimitives.ReadUInt16BigEndian(frame[at..]);
        }

        if (type == Ipv4)
        {
            FinishIpv4(frame[(at + 2)..]);
        }
        else if (type == Ipv6)
        {
            FinishIpv6(frame[(at + 2)..]);
        }
    }

    private static void FinishIpv4(Span<byte> packet)
    {
        const int Least = 20, Addresses = 12, More = 0x3FFF;
        if (packet.Length < Least || packet[9] is not (Tcp or Udp) || (BinaryPrimitives.ReadUInt16BigEndian(packet[6..]) & More) != 0)
        {
            return;
        }

        int header = (packet[0] & 15) * 4, total = BinaryPrimitives.ReadUInt16BigEndian(packet[2..]);
        if (header < Least || total <= header || total > packet.Length)
        {
            return;
        }

        ulong addresses = (ulong)BinaryPrimitives.ReadUInt32BigEndian(packet[Addresses..]) + BinaryPrimitives.ReadUInt32BigEndian(packet[(Addresses + 4)..]);
        Finish(packet[9], packet[header..total], addresses);
    }

    private static void FinishIpv6(Span<byte> packet)
    {
        const int Header = 40, Addresses = 8;
        if (packet.Length < Header || packet[6] is not (Tcp or Udp))
        {
            return;
        }

        int length = BinaryPrimitives.ReadUInt16BigEndian(packet[4..]);
        if (Header + length <= packet.Length)
        {
            Finish(packet[6], packet.Slice(Header, length), InternetChecksum.Sum(packet[Addresses..Header]));
        }
    }

    /// <param name="addresses">Sum of both.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(byte protocol, Span<byte> segment, ulong addresses)
    {
        const int TcpLeast = 20, TcpField = 16, UdpLeast = 8, UdpField = 6;
        int field = protocol == Tcp ? TcpField : UdpField;
        if (segment.Length < (protocol == Tcp ? TcpLeast : UdpLeast))
        {
            return;
        }

        ushort pseudo = (ushort)~InternetChecksum.Finish(addresses + protocol + (ulong)segment.Length);
        if (BinaryPrimitives.ReadUInt16BigEndian(segment[field..]) != pseudo)
        {
            return;
        }

        // The field holds the pseudo header's sum, so it takes part as that.
        ushort checksum = InternetChecksum.Finish(InternetChecksum.Sum(segment));
        BinaryPrimitives.WriteUInt16BigEndian(segment[field..], checksum == 0 && protocol == Udp ? (ushort)0xFFFF : checksum);
    }
}
