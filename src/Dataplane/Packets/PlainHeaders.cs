// Most packets are plain: Ethernet without tags (or Linux cooked, or no link header at all), IP without options or extension headers, no fragment, TCP or UDP, captured up to the end of
// TCP's fixed header. They are parsed in one loop for each kind of link, without a branch on anything but the version that differs from packet to packet; the first packet that is not
// plain ends it, and HeaderParser says what that is.
//
//   behind the link header:
//   IPv4   0 version, length   2 total length     6 fragment      9 protocol   12 source   16 destination   20 ports   24 UDP's length   32 TCP's   33 flags
//   IPv6   0 version           4 payload length   6 next header   8 source     24 destination   40 ports   44 UDP's length   52 TCP's   53 flags
//
// Its checks are those of HeaderParser put together: a test holds the two against each other.

using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Dataplane.Packets;

/// <summary>Parses runs of plain packets.</summary>
internal static unsafe class PlainHeaders
{
    private const int Ipv4 = 20;
    private const int Ipv6 = 40;
    private const int Tcp = 6;
    private const int Udp = 17;

    // Packets ahead for which the cache is asked: frames of a capture come from what all cores share, 15 ns a packet unless somebody asks in time.
    private const int Ahead = 24;

    /// <summary>What is looked at of the header behind IP's, UDP's too.</summary>
    private const int Transport = 20;

    /// <summary>How a plain packet's link header looks.</summary>
    private interface ILink
    {
        static abstract LinkType Type { get; }

        /// <summary>Its length.</summary>
        static abstract int Length { get; }

        /// <summary>0 where a link header says IPv4 (or nothing), not 0 where it says something else.</summary>
        static abstract int StrangeToIpv4(byte* frame);

        static abstract bool IsIpv6(byte* frame);
    }

    /// <summary>Fills in headers from one packet on, until one is not plain or comes over another kind of link.</summary>
    /// <returns>The index of the first packet that was not parsed, or the block's count.</returns>
    public static int Parse(PacketBlock block, int from) => from >= block.Count ? from : block.Packets[from].Link switch
    {
        LinkType.Ethernet => Parse<EthernetLink>(block, from),
        LinkType.LinuxSll2 => Parse<Cooked2Link>(block, from),
        LinkType.LinuxSll => Parse<CookedLink>(block, from),
        LinkType.Raw => Parse<NoLink>(block, from),
        _ => from,
    };

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Parse<TLink>(PacketBlock block, int from)
        where TLink : struct, ILink
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
                if (packet->Link != TLink.Type || length < TLink.Length + Ipv4 + Transport || length > wire || wire > int.MaxValue
                    || packet->Offset < 0 || packet->Offset + length > memory.Length)
                {
                    break;
                }

                Prefetch(bytes + packets[Math.Min(i + Ahead, count - 1)].Offset);
                byte* frame = bytes + packet->Offset;
                byte* ip = frame + TLink.Length;
                int fragment = Read16(ip + 6) & 0x3FFF;
                int rest = Read16(ip + 2) - Ipv4;
                int protocol = ip[9];
                int strange = TLink.StrangeToIpv4(frame) | (ip[0] ^ 0x45) | fragment | (int)(wire - TLink.Length - Ipv4) - rest >> 31 | Faults(ip + Ipv4, protocol, rest, out int isTcp);
                if (strange != 0)
                {
                    if (!TryIpv6<TLink>(frame, packet, all + i))
                    {
                        break;
                    }

                    continue;
                }

                Headers* headers = all + i;
                ulong addresses = Read64(ip + 12);
                headers->SourceHigh = 0;
                headers->SourceLow = addresses >> 32;
                headers->DestinationHigh = 0;
                headers->DestinationLow = (uint)addresses;
                Rest<TLink>(headers, packet, ip, Ipv4, protocol, isTcp, HeaderFlags.PortsKnown);
            }
        }

        return i;
    }

    /// <summary>The same for a packet of IPv6.</summary>
    private static bool TryIpv6<TLink>(byte* frame, CapturedPacket* packet, Headers* headers)
        where TLink : struct, ILink
    {
        int wire = (int)(packet->WireLength - packet->FcsLength);
        byte* ip = frame + TLink.Length;
        if (packet->Length < TLink.Length + Ipv6 + Transport || !TLink.IsIpv6(frame) || ip[0] >> 4 != 6)
        {
            return false;
        }

        int rest = Read16(ip + 4);
        int protocol = ip[6];
        if ((wire - TLink.Length - Ipv6 - rest >> 31 | Faults(ip + Ipv6, protocol, rest, out int isTcp)) != 0)
        {
            return false;
        }

        headers->SourceHigh = Read64(ip + 8);
        headers->SourceLow = Read64(ip + 16);
        headers->DestinationHigh = Read64(ip + 24);
        headers->DestinationLow = Read64(ip + 32);
        Rest<TLink>(headers, packet, ip, Ipv6, protocol, isTcp, HeaderFlags.Ipv6 | HeaderFlags.PortsKnown);
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
    private static void Rest<TLink>(Headers* headers, CapturedPacket* packet, byte* ip, int transport, int protocol, int isTcp, HeaderFlags flags)
        where TLink : struct, ILink
    {
        uint ports = Read32(ip + transport);
        headers->SourcePort = (ushort)(ports >> 16);
        headers->DestinationPort = (ushort)ports;
        headers->Protocol = (byte)protocol;
        headers->TcpFlags = (byte)(ip[transport + 13] & isTcp);
        headers->Flags = flags;
        headers->FragmentId = 0;
        headers->WireLength = packet->WireLength;
        headers->NetworkOffset = (ushort)TLink.Length;
        headers->TransportOffset = (ushort)(TLink.Length + transport);
        headers->QuoteOffset = 0;
        headers->Status = PacketStatus.Ok;
        headers->FragmentProtocol = 0;
    }

    /// <summary>Asks for the lines that a header may lie in: both for IPv4 behind Ethernet, most of it for others.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch(byte* frame)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(frame);
            Sse.Prefetch0(frame + 52);
        }
    }

    private static int Read16(byte* at) => BinaryPrimitives.ReadUInt16BigEndian(new ReadOnlySpan<byte>(at, 2));

    private static uint Read32(byte* at) => BinaryPrimitives.ReadUInt32BigEndian(new ReadOnlySpan<byte>(at, 4));

    private static ulong Read64(byte* at) => BinaryPrimitives.ReadUInt64BigEndian(new ReadOnlySpan<byte>(at, 8));

    private readonly struct EthernetLink : ILink
    {
        public static LinkType Type => LinkType.Ethernet;

        public static int Length => 14;

        public static int StrangeToIpv4(byte* frame) => Read16(frame + 12) ^ 0x0800;

        public static bool IsIpv6(byte* frame) => Read16(frame + 12) == 0x86DD;
    }

    /// <summary>Of a card like Ethernet or of loopback: others may have another header behind it.</summary>
    private readonly struct CookedLink : ILink
    {
        public static LinkType Type => LinkType.LinuxSll;

        public static int Length => 16;

        public static int StrangeToIpv4(byte* frame) => (Read16(frame + 14) ^ 0x0800) | Strange(Read16(frame + 2));

        public static bool IsIpv6(byte* frame) => (Read16(frame + 14) ^ 0x86DD | Strange(Read16(frame + 2))) == 0;

        /// <summary>ARPHRD_ETHER and ARPHRD_LOOPBACK are not.</summary>
        public static int Strange(int hardware) => (hardware ^ 1) * (hardware ^ 772);
    }

    private readonly struct Cooked2Link : ILink
    {
        public static LinkType Type => LinkType.LinuxSll2;

        public static int Length => 20;

        public static int StrangeToIpv4(byte* frame) => (Read16(frame) ^ 0x0800) | CookedLink.Strange(Read16(frame + 8));

        public static bool IsIpv6(byte* frame) => (Read16(frame) ^ 0x86DD | CookedLink.Strange(Read16(frame + 8))) == 0;
    }

    private readonly struct NoLink : ILink
    {
        public static LinkType Type => LinkType.Raw;

        public static int Length => 0;

        public static int StrangeToIpv4(byte* frame) => 0;

        public static bool IsIpv6(byte* frame) => true;
    }
}
