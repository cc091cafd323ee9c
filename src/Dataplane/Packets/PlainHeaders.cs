// Most packets are plain: Ethernet without tags, IP without options or extension headers, no fragment, TCP or UDP, captured up to the end of TCP's fixed header. They are parsed in
// one loop, without a branch on anything but the version that differs from packet to packet; the first packet that is not plain ends it, and HeaderParser says what that is.
//
//   IPv4   12 EtherType   14 version, length   16 total length     20 fragment      23 protocol   26 source   30 destination   34 ports   38 UDP's length   46 TCP's   47 flags
//   IPv6   12 EtherType   14 version           18 payload length   20 next header   22 source     38 destination   54 ports   58 UDP's length   66 TCP's   67 flags
//
// Its checks are those of HeaderParser put together: a test holds the two against each other.

using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Dataplane.Packets;

/// <summary>Parses runs of plain packets.</summary>
internal static unsafe class PlainHeaders
{
    private const int Network = 14;
    private const int Ipv4 = 20;
    private const int Ipv6 = 40;
    private const int Tcp = 6;
    private const int Udp = 17;

    /// <summary>What is looked at of the header behind IP's, UDP's too.</summary>
    private const int Transport = 20;

    /// <summary>Fills in headers from one packet on, until one is not plain.</summary>
    /// <returns>The index of the first packet that was not parsed, or the block's count.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Parse(PacketBlock block, int from)
    {
        ReadOnlySpan<byte> memory = block.Memory;
        int count = block.Count;
        int i = from;
        fixed (byte* bytes = memory)
        fixed (CapturedPacket* packets = block.Packets)
        fixed (Headers* all = block.Headers)
        {
            for (; i < count; i++)
            {
                CapturedPacket* packet = packets + i;
                long length = packet->Length, wire = (long)packet->WireLength - packet->FcsLength;
                if (packet->Link != LinkType.Ethernet || length < Network + Ipv4 + Transport || length > wire || wire > int.MaxValue
                    || packet->Offset < 0 || packet->Offset + length > memory.Length)
                {
                    break;
                }

                byte* frame = bytes + packet->Offset;
                int kind = (int)(Read32(frame + 12) >> 8);
                int fragment = Read16(frame + 20) & 0x3FFF;
                int rest = Read16(frame + 16) - Ipv4;
                int protocol = frame[23];
                int strange = (kind ^ 0x08_0045) | fragment | (int)(wire - Network - Ipv4) - rest >> 31 | Faults(frame + Network + Ipv4, protocol, rest, out int isTcp);
                if (strange != 0)
                {
                    if (!TryIpv6(frame, packet, all + i))
                    {
                        break;
                    }

                    continue;
                }

                Headers* headers = all + i;
                ulong addresses = Read64(frame + 26);
                headers->SourceHigh = 0;
                headers->SourceLow = addresses >> 32;
                headers->DestinationHigh = 0;
                headers->DestinationLow = (uint)addresses;
                Rest(headers, packet, frame, Network + Ipv4, protocol, isTcp, HeaderFlags.PortsKnown);
            }
        }

        return i;
    }

    /// <summary>The same for a packet of IPv6.</summary>
    private static bool TryIpv6(byte* frame, CapturedPacket* packet, Headers* headers)
    {
        int wire = (int)(packet->WireLength - packet->FcsLength);
        if (packet->Length < Network + Ipv6 + Transport || Read16(frame + 12) != 0x86DD || frame[14] >> 4 != 6)
        {
            return false;
        }

        int rest = Read16(frame + 18);
        int protocol = frame[20];
        if ((wire - Network - Ipv6 - rest >> 31 | Faults(frame + Network + Ipv6, protocol, rest, out int isTcp)) != 0)
        {
            return false;
        }

        headers->SourceHigh = Read64(frame + 22);
        headers->SourceLow = Read64(frame + 30);
        headers->DestinationHigh = Read64(frame + 38);
        headers->DestinationLow = Read64(frame + 46);
        Rest(headers, packet, frame, Network + Ipv6, protocol, isTcp, HeaderFlags.Ipv6 | HeaderFlags.PortsKnown);
        return true;
    }

    /// <summary>Not 0 for a protocol without ports, and for a header that claims less than it has or more than there is.</summary>
    /// <param name="rest">Bytes behind IP's header.</param>
    /// <param name="isTcp">All ones or 0.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Faults(byte* transport, int protocol, int rest, out int isTcp)
    {
        isTcp = (protocol ^ Tcp) - 1 >> 31;
        int isUdp = (protocol ^ Udp) - 1 >> 31;
        int claimed = ((transport[12] >> 4) * 4 & isTcp) | (Read16(transport + 4) & isUdp);
        int least = 8 + (12 & isTcp);
        return ~(isTcp | isUdp) | (claimed - least | rest - claimed) >> 31;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Rest(Headers* headers, CapturedPacket* packet, byte* frame, int transport, int protocol, int isTcp, HeaderFlags flags)
    {
        uint ports = Read32(frame + transport);
        headers->SourcePort = (ushort)(ports >> 16);
        headers->DestinationPort = (ushort)ports;
        headers->Protocol = (byte)protocol;
        headers->TcpFlags = (byte)(frame[transport + 13] & isTcp);
        headers->Flags = flags;
        headers->FragmentId = 0;
        headers->WireLength = packet->WireLength;
        headers->NetworkOffset = Network;
        headers->TransportOffset = (ushort)transport;
        headers->QuoteOffset = 0;
        headers->Status = PacketStatus.Ok;
        headers->FragmentProtocol = 0;
    }

    private static int Read16(byte* at) => BinaryPrimitives.ReadUInt16BigEndian(new ReadOnlySpan<byte>(at, 2));

    private static uint Read32(byte* at) => BinaryPrimitives.ReadUInt32BigEndian(new ReadOnlySpan<byte>(at, 4));

    private static ulong Read64(byte* at) => BinaryPrimitives.ReadUInt64BigEndian(new ReadOnlySpan<byte>(at, 8));
}
