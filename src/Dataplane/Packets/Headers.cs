// What the engine knows of a packet after it was checked once: 64 bytes of integers, one cache line.
//
//    0  SourceHigh        8  SourceLow        16 DestinationHigh     24 DestinationLow
//   32  SourcePort       34 DestinationPort   36 Protocol   37 TcpFlags   38 Flags (ushort)
//   40  FragmentId       44 WireLength        48 NetworkOffset  50 TransportOffset  52 QuoteOffset  54 Status  55 FragmentProtocol
//
// Addresses are host order; an IPv4 address stands in the low 32 bits of Low with High = 0. ICMP and ICMPv6 have no ports:
// DestinationPort then holds type << 8 | code, and SourcePort the identifier of a query (0 for other types), so that a rule on
// type and code and a rule on a port look at the same field. A later fragment, and a protocol without ports, has both 0 and
// PortsKnown off: rules that look at ports must ask for it.

using System;
using System.Runtime.InteropServices;

namespace Dataplane.Packets;

/// <summary>Whether a captured frame is a packet that can be judged.</summary>
public enum PacketStatus : byte
{
    /// <summary>A well-formed IPv4 or IPv6 packet.</summary>
    Ok,

    /// <summary>IP, but malformed: verdict <c>invalid</c>.</summary>
    Invalid,

    /// <summary>Not IP (ARP, LLDP, 802.3, MPLS ...) or IPv6 neighbour discovery: verdict <c>ignored</c>.</summary>
    Ignored,

    /// <summary>Live only: well-formed, and not allowed to enter where it arrived. Its block says what becomes of it.</summary>
    Misplaced,
}

[Flags]
public enum HeaderFlags : ushort
{
    None = 0,

    Ipv6 = 1,

    /// <summary>TCP or UDP ports, or ICMP type and code, were in the packet.</summary>
    PortsKnown = 2,

    /// <summary>The first fragment of a datagram of several (offset 0, more fragments). An IPv6 atomic fragment is not one.</summary>
    FirstFragment = 4,

    /// <summary>A fragment with an offset above 0: it has no ports.</summary>
    LaterFragment = 8,

    /// <summary>An ICMP error whose quoted packet begins at QuoteOffset.</summary>
    HasQuote = 16,

    /// <summary>Set by the walk behind an appliance: references to security groups do not match (SG-33).</summary>
    ReferencesLost = 32,
}

/// <summary>TCP's flag bits as they stand in the header.</summary>
public static class TcpFlag
{
    public const byte Fin = 1;
    public const byte Syn = 2;
    public const byte Rst = 4;
    public const byte Ack = 16;
}

/// <summary>One packet, checked and reduced to integers.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
public struct Headers
{
    public ulong SourceHigh;
    public ulong SourceLow;
    public ulong DestinationHigh;
    public ulong DestinationLow;
    public ushort SourcePort;
    public ushort DestinationPort;

    /// <summary>IANA protocol number: IPv4's, or the last one of IPv6's chain. In fragments of IPv6, the fragment header's next header where the chain goes no further.</summary>
    public byte Protocol;
    public byte TcpFlags;
    public HeaderFlags Flags;

    /// <summary>Identification of a fragment: 16 bits (IPv4) or 32.</summary>
    public uint FragmentId;

    /// <summary>The frame's length on the wire, in bytes, with its link header.</summary>
    public uint WireLength;

    /// <summary>Where the IP header begins, in bytes from the frame's first.</summary>
    public ushort NetworkOffset;

    /// <summary>Where the header after IP's (and IPv6's extension headers) begins.</summary>
    public ushort TransportOffset;

    /// <summary>Where the quoted IP header of an ICMP error begins; 0 without HasQuote.</summary>
    public ushort QuoteOffset;
    public PacketStatus Status;

    /// <summary>
    /// In fragments the protocol of the datagram's key: IPv4's protocol, or the next header that IPv6's fragment header names, which in
    /// a first fragment need not be <see cref="Protocol"/>. 0 elsewhere.
    /// </summary>
    public byte FragmentProtocol;

    /// <summary>The packet's time, nanoseconds since 1970, once its block is shared among workers: so that each reads one line of a packet from another core's cache, not two. Else not set.</summary>
    internal long Time;

    public readonly bool IsIpv6 => (Flags & HeaderFlags.Ipv6) != 0;

    public readonly bool PortsKnown => (Flags & HeaderFlags.PortsKnown) != 0;

    public readonly bool IsLaterFragment => (Flags & HeaderFlags.LaterFragment) != 0;

    public readonly bool IsFirstFragment => (Flags & HeaderFlags.FirstFragment) != 0;

    public readonly bool HasQuote => (Flags & HeaderFlags.HasQuote) != 0;

    /// <summary>ICMP over IPv4 or IPv6, or ICMPv6.</summary>
    public readonly bool IsIcmp => Protocol is 1 or 58;

    public readonly byte IcmpType => (byte)(DestinationPort >> 8);

    public readonly byte IcmpCode => (byte)DestinationPort;

    public readonly bool IsSyn => Protocol == 6 && (TcpFlags & (TcpFlag.Syn | TcpFlag.Ack | TcpFlag.Rst | TcpFlag.Fin)) == TcpFlag.Syn;

    public IpAddress Source
    {
        readonly get => new(SourceHigh, SourceLow, IsIpv6);
        set
        {
            SourceHigh = value.High;
            SourceLow = value.Low;
        }
    }

    public IpAddress Destination
    {
        readonly get => new(DestinationHigh, DestinationLow, IsIpv6);
        set
        {
            DestinationHigh = value.High;
            DestinationLow = value.Low;
        }
    }
}
