using Dataplane.Packets;

namespace Dataplane.Topology.Reference;

/// <summary>TCP packets by what they do to a connection; a packet is the first that holds.</summary>
internal enum TcpClass
{
    Rst,
    Fin,

    /// <summary>SYN without ACK .</summary>
    Syn,
    SynAck,
    Other,
}

/// <summary>What kind of message a packet is, as state and causal memory see it.</summary>
internal static class PacketKind
{
    /// <summary>TCP or UDP.</summary>
    public static bool HasPorts(in Headers packet) => packet.Protocol is 6 or 17;

    /// <summary>ICMP in IPv4, ICMPv6 in IPv6; the other two pairings have state like any protocol without ports.</summary>
    public static bool IsStatefulIcmp(in Headers packet) => packet.Protocol == (packet.IsIpv6 ? 58 : 1);

    /// <summary>A fragment that must be judged without the ports of its datagram .</summary>
    public static bool IsOrphan(in Headers packet) => packet.IsLaterFragment;

    public static TcpClass Tcp(in Headers packet)
    {
        byte flags = packet.TcpFlags;
        return (flags & TcpFlag.Rst) != 0 ? TcpClass.Rst
            : (flags & TcpFlag.Fin) != 0 ? TcpClass.Fin
            : (flags & TcpFlag.Syn) == 0 ? TcpClass.Other
            : (flags & TcpFlag.Ack) == 0 ? TcpClass.Syn
            : TcpClass.SynAck;
    }

    public static bool IsSyn(in Headers packet) => packet.Protocol == 6 && packet.PortsKnown && Tcp(packet) == TcpClass.Syn;

    /// <summary>An ICMP query or its reply .</summary>
    /// <param name="query">The type of the query, for a reply the type that it answers.</param>
    /// <param name="asks">True for the query.</param>
    public static bool TryQuery(in Headers packet, out byte query, out bool asks)
    {
        query = 0;
        asks = false;
        if (!IsStatefulIcmp(packet) || !packet.PortsKnown)
        {
            return false;
        }

        (query, asks) = (packet.Protocol, packet.IcmpType) switch
        {
            (1, 8) => ((byte)8, true),        // echo
            (1, 0) => ((byte)8, false),
            (1, 13) => ((byte)13, true),      // timestamp
            (1, 14) => ((byte)13, false),
            (1, 15) => ((byte)15, true),      // information
            (1, 16) => ((byte)15, false),
            (1, 17) => ((byte)17, true),      // address mask
            (1, 18) => ((byte)17, false),
            (58, 128) => ((byte)128, true),   // ICMPv6 echo
            (58, 129) => ((byte)128, false),
            _ => ((byte)0, false),
        };
        return query != 0;
    }

    /// <summary>An ICMP error that quotes a packet .</summary>
    public static bool IsErrorWithQuote(in Headers packet) =>
        IsStatefulIcmp(packet) && packet.HasQuote && packet.PortsKnown
        && (packet.IsIpv6 ? packet.IcmpType is >= 1 and <= 4 : packet.IcmpType is 3 or 4 or 5 or 11 or 12);
}
