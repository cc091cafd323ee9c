// A list of AWS shape as data: what a packet asks (remote address, protocol, destination port or ICMP type and code) decides alone, so the answer is looked up, not computed.
//
//   1. the service (protocol and port) falls into a segment: an interval of services that the same rules look at;
//   2. a segment has a cover: the remote addresses cut into ranges, each with its decision, computed beforehand: the first rule that matches there, and for a
//      security group which kinds of peer match. Equal covers are held once;
//   3. references to large address sets are no part of covers; a segment lists them, and they are asked one by one.
//
// So a look-up costs the same for 60 rules and for 1,000: a search among ports, a search among the addresses of few rules. Four tables stand side by side: for IPv4 and
// IPv6, and each for packets whose references to groups are lost (SG-33).
//
// Covers repeat a rule in every segment that it spans. The compiler counts the cells beforehand (Cells); a list with too many is none for this structure.
//
// Numbers as the compiler writes them, one rule a row; a service is protocol << 17 | 0x10000 | port, or protocol << 17 where a packet shows no ports:
//
//   IPv4 row        value, prefix length, first service, last service, rule              uint
//   IPv6 row        value high, value low, prefix length, first, last, rule              ulong
//   reference row   first service, last service, set, 1 for a group, rule                uint
//
// A network ACL's denying entry has bit 31 of its rule set; bit 30 says that the list is an ACL's, whose rules name no kinds of peer. Prefix length 0 is the peer "anyone".

using System;
using System.Collections.Generic;
using Dataplane.Packets;

namespace Dataplane.Filters;

/// <summary>A rule list whose answers stand in tables.</summary>
/// <remarks>Immutable, thread-safe, allocates nothing when it decides. Its size hangs on the rules, and on the sets that it holds by reference.</remarks>
public class SegmentFilter : Filter
{
    /// <summary>Numbers of a row.</summary>
    public const int WidthV4 = 5, WidthV6 = 6, ReferenceWidth = 5;

    /// <summary>Bits of a row's rule.</summary>
    public const uint DenyBit = 1u << 31, AclBit = 1u << 30, RuleMask = AclBit - 1;

    private readonly bool _isIngress;

    // By (IPv6 ? 1 : 0) + (references lost ? 2 : 0).
    private readonly SegmentTable[] _tables;

    /// <param name="isIngress">The remote address is the source.</param>
    /// <param name="sets">Those that the references name.</param>
    public SegmentFilter(bool isIngress, ReadOnlySpan<uint> rowsV4, ReadOnlySpan<ulong> rowsV6, ReadOnlySpan<uint> references, AddressSet[] sets)
    {
        _isIngress = isIngress;
        bool hasGroups = false;
        for (int i = 0; i < references.Length; i += ReferenceWidth)
        {
            hasGroups |= references[i + 3] != 0;
        }

        _tables = new SegmentTable[4];
        for (int i = 0; i < _tables.Length; i++)
        {
            _tables[i] = i >= 2 && !hasGroups
                ? _tables[i - 2]
                : new SegmentTableBuilder((i & 1) != 0, (i & 2) != 0, rowsV4, rowsV6, references, sets).Build();
        }
    }

    /// <summary>At most how many cells the blocks of these rows need, without address sets.</summary>
    public static long Cells(ReadOnlySpan<uint> rowsV4, ReadOnlySpan<ulong> rowsV6)
    {
        long cells = 0;
        List<(uint First, uint Last)> services = [];
        for (int i = 0; i < rowsV4.Length; i += WidthV4)
        {
            services.Add((rowsV4[i + 2], rowsV4[i + 3]));
        }

        cells += Cells(services);
        services.Clear();
        for (int i = 0; i < rowsV6.Length; i += WidthV6)
        {
            services.Add(((uint)rowsV6[i + 3], (uint)rowsV6[i + 4]));
        }

        return cells + Cells(services);
    }

    /// <summary>Two for each segment that each row spans, and one for each segment.</summary>
    private static long Cells(List<(uint First, uint Last)> services)
    {
        SortedSet<uint> cuts = [];
        foreach ((uint first, uint last) in services)
        {
            cuts.Add(first);
            if (last != uint.MaxValue)
            {
                cuts.Add(last + 1);
            }
        }

        uint[] sorted = [.. cuts];
        long cells = sorted.Length + 2;
        foreach ((uint first, uint last) in services)
        {
            int from = Array.BinarySearch(sorted, first), to = last == uint.MaxValue ? sorted.Length : Array.BinarySearch(sorted, last + 1);
            cells += 2L * (to - from);
        }

        return cells;
    }

    /// <summary>Bytes of its tables; shared address sets do not count.</summary>
    public long Bytes
    {
        get
        {
            long bytes = 0;
            for (int i = 0; i < _tables.Length; i++)
            {
                bytes += i >= 2 && ReferenceEquals(_tables[i], _tables[i - 2]) ? 0 : _tables[i].Bytes;
            }

            return bytes;
        }
    }

    public sealed override Decision Decide(in Headers packet) => _isIngress ? Ingress(in packet) : Egress(in packet);

    public sealed override void Decide(ReadOnlySpan<Headers> packets, Span<Decision> decisions)
    {
        decisions = decisions[..packets.Length];
        if (_isIngress)
        {
            for (int i = 0; i < packets.Length; i++)
            {
                decisions[i] = Ingress(in packets[i]);
            }
        }
        else
        {
            for (int i = 0; i < packets.Length; i++)
            {
                decisions[i] = Egress(in packets[i]);
            }
        }
    }

    public sealed override bool? IsForAll(in Headers packet) => Table(in packet).IsForAll(in packet);

    private Decision Ingress(in Headers packet) => packet.IsIpv6
        ? Table(in packet).FindV6(in packet, packet.SourceHigh, packet.SourceLow)
        : Table(in packet).FindV4(in packet, (uint)packet.SourceLow);

    private Decision Egress(in Headers packet) => packet.IsIpv6
        ? Table(in packet).FindV6(in packet, packet.DestinationHigh, packet.DestinationLow)
        : Table(in packet).FindV4(in packet, (uint)packet.DestinationLow);

    // Bit 0 of the flags is IPv6, bit 5 references lost.
    private SegmentTable Table(in Headers packet) => _tables[((int)packet.Flags & (int)HeaderFlags.Ipv6) | (((int)packet.Flags >> 4) & 2)];
}
