// One family's table of a SegmentFilter.
//
//   _slotOf      protocol -> slot; protocols that no rule names share slot 0
//   _slots       where a slot's ports begin and how many they are; its first segment, which is that of packets without ports; its pages, if it has more than one vector of ports
//   _ports       first ports of a slot's segments after the first one with ports, ascending
//   _pages       257 numbers for a slot: how many of its ports lie below 256 * i
//   _segments    the cover and the references of a segment
//   _cells       an IPv4 cover of n ranges: the n - 1 starts after 0, then the n decisions; side by side, so that a short cover is one cache line
//   _high, _low  the starts of an IPv6 cover; its decisions stand in _cells

using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Dataplane.Packets;

namespace Dataplane.Filters;

/// <summary>Answers of a rule list for one family. Immutable.</summary>
internal sealed class SegmentTable
{
    internal const int PortLanes = 32;

    private readonly ushort[] _slotOf;
    private readonly Slot[] _slots;
    private readonly ushort[] _ports;
    private readonly ushort[] _pages;
    private readonly Segment[] _segments;
    private readonly uint[] _cells;
    private readonly ulong[] _high;
    private readonly ulong[] _low;
    private readonly Reference[] _references;

    internal SegmentTable(
        ushort[] slotOf, Slot[] slots, ushort[] ports, ushort[] pages, Segment[] segments, uint[] cells, ulong[] high, ulong[] low, Reference[] references)
    {
        _slotOf = slotOf;
        _slots = slots;
        _ports = ports;
        _pages = pages;
        _segments = segments;
        _cells = cells;
        _high = high;
        _low = low;
        _references = references;
    }

    internal long Bytes => (2L * _slotOf.Length) + (16L * _slots.Length) + (2L * (_ports.Length + _pages.Length)) + (16L * _segments.Length)
        + (4L * _cells.Length) + (8L * (_high.Length + _low.Length)) + (16L * _references.Length);

    // AwsListBench: inlined, for three calls a packet cost as much as their work.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Decision FindV4(in Headers packet, uint remote)
    {
        ref readonly Segment segment = ref _segments[Find(in packet)];
        int starts = segment.Count - 1;
        uint bits = _cells[segment.Start + starts + SortedStarts.UpTo(_cells, segment.Start, starts, remote)];
        return Decision.FromBits(segment.ReferenceCount == 0 ? bits : WithReferences(in segment, bits, 0, remote, false));
    }

    internal Decision FindV6(in Headers packet, ulong high, ulong low)
    {
        ref readonly Segment segment = ref _segments[Find(in packet)];
        uint bits = _cells[segment.Start + SortedStartsV6.UpTo(_high, _low, segment.Start, segment.Count - 1, high, low)];
        return Decision.FromBits(segment.ReferenceCount == 0 ? bits : WithReferences(in segment, bits, high, low, true));
    }

    /// <summary>Whether every remote address gets the same of a packet's service.</summary>
    internal bool IsForAll(in Headers packet)
    {
        ref readonly Segment segment = ref _segments[Find(in packet)];
        return segment is { Count: 1, ReferenceCount: 0 };
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Find(in Headers packet)
    {
        ref readonly Slot slot = ref _slots[_slotOf[packet.Protocol]];
        if (!packet.PortsKnown)
        {
            return slot.Segment;
        }

        ushort port = packet.DestinationPort;
        int from = slot.Ports, count = slot.Count, above = 0;
        if (count > PortLanes)
        {
            ReadOnlySpan<ushort> page = _pages.AsSpan(slot.Pages + (port >> 8), 2);
            above = page[0];
            count = page[1] - above;
            while (count > PortLanes)
            {
                int half = count >> 1;
                above += half & ((_ports[from + above + half - 1] - port - 1) >> 31);
                count -= half;
            }

            from += above;
        }

        ulong bits = Vector512.LessThanOrEqual(Vector512.Create(_ports.AsSpan(from, PortLanes)), Vector512.Create(port)).ExtractMostSignificantBits();
        return slot.Segment + 1 + above + BitOperations.PopCount(bits & ((1UL << count) - 1));
    }

    /// <summary>The first reference that matches below what was found; later ones would change nothing.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private uint WithReferences(in Segment segment, uint bits, ulong high, ulong low, bool ipv6)
    {
        Decision found = Decision.FromBits(bits);
        foreach (ref readonly Reference reference in _references.AsSpan(segment.References, segment.ReferenceCount))
        {
            if (!found.IsNone && found.HasNarrowPeer && found.Rule < reference.Rule)
            {
                break;
            }

            if (ipv6 ? reference.Set.ContainsV6(high, low) : reference.Set.ContainsV4((uint)low))
            {
                return Decision.Admit(found.IsNone ? reference.Rule : Math.Min(found.Rule, reference.Rule), found is { IsNone: false, HasAnyPeer: true }, true).Bits;
            }
        }

        return bits;
    }

    internal readonly record struct Slot(int Ports, int Count, int Segment, int Pages);

    /// <summary>A cover by its first cell and its number of ranges, and the references to ask as well.</summary>
    internal readonly record struct Segment(int Start, int Count, int References, int ReferenceCount);

    internal readonly record struct Reference(AddressSet Set, int Rule);
}
