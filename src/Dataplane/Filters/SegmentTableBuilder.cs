// Builds one family's SegmentTable from rows.
//
// Services: each protocol that a row names gets a slot; its ports are cut where a row begins or ends. A row for all protocols is in every segment. Segments with the same rows
// share one cover. Addresses: rows sorted by their first address; at every address where a row begins or ends the least rule of those that hold it is the answer.
//
// Small address sets are cut into covers like blocks. Large ones, and all of them once the cells become too many, are listed as references.

using System;
using System.Collections.Generic;

namespace Dataplane.Filters;

/// <summary>From rows to a table.</summary>
internal sealed class SegmentTableBuilder
{
    /// <summary>Ranges of a set that is cut into covers.</summary>
    private const int LargestMerged = 256;

    /// <summary>Ranges of sets that all covers of a table take in.</summary>
    private const int MostMerged = 65_536;

    private const uint AllServices = uint.MaxValue;

    private readonly bool _ipv6;
    private readonly List<Row> _rows = [];
    private readonly UInt128 _lastAddress;

    // Cells are shared by content; what was written is found again by the rows that made it.
    private readonly List<uint> _cells = [];
    private readonly List<ulong> _high = [];
    private readonly List<ulong> _low = [];
    private readonly List<SegmentTable.Reference> _references = [];
    private readonly Dictionary<RowSet, SegmentTable.Segment> _known = [];
    private readonly PriorityQueue<Span, int> _open = new();
    private readonly List<Span> _spans = [];
    private readonly List<UInt128> _cuts = [];
    private int _mergesLeft = MostMerged;

    public SegmentTableBuilder(
        bool ipv6, bool referencesLost, ReadOnlySpan<uint> rowsV4, ReadOnlySpan<ulong> rowsV6, ReadOnlySpan<uint> references, AddressSet[] sets)
    {
        _ipv6 = ipv6;
        _lastAddress = ipv6 ? UInt128.MaxValue : uint.MaxValue;
        for (int i = 0; !ipv6 && i < rowsV4.Length; i += SegmentFilter.WidthV4)
        {
            int length = (int)rowsV4[i + 1];
            uint first = rowsV4[i];
            _rows.Add(new Row(rowsV4[i + 2], rowsV4[i + 3], first, first | (uint)(uint.MaxValue >> length & (length == 32 ? 0 : uint.MaxValue)), length == 0, rowsV4[i + 4], null));
        }

        for (int i = 0; ipv6 && i < rowsV6.Length; i += SegmentFilter.WidthV6)
        {
            int length = (int)rowsV6[i + 2];
            UInt128 first = new(rowsV6[i], rowsV6[i + 1]);
            UInt128 rest = length == 128 ? UInt128.Zero : UInt128.MaxValue >> length;
            _rows.Add(new Row((uint)rowsV6[i + 3], (uint)rowsV6[i + 4], first, first | rest, length == 0, (uint)rowsV6[i + 5], null));
        }

        for (int i = 0; i < references.Length; i += SegmentFilter.ReferenceWidth)
        {
            if (referencesLost && references[i + 3] != 0)
            {
                continue;
            }

            AddressSet set = sets[(int)references[i + 2]];
            if (Ranges(set) > 0)
            {
                _rows.Add(new Row(references[i], references[i + 1], 0, 0, false, references[i + 4], set));
            }
        }

        // Rules in order: what lists of rows are compared by, and what references are asked by.
        _rows.Sort((a, b) => (a.Rule & SegmentFilter.RuleMask).CompareTo(b.Rule & SegmentFilter.RuleMask));
    }

    public SegmentTable Build()
    {
        ushort[] slotOf = new ushort[256];
        List<SegmentTable.Slot> slots = [];
        List<ushort> ports = [], pages = [];
        List<SegmentTable.Segment> segments = [];
        Dictionary<int, List<int>> byProtocol = [];
        List<int> everywhere = [];
        for (int i = 0; i < _rows.Count; i++)
        {
            if (_rows[i].LastService == AllServices)
            {
                everywhere.Add(i);
            }
            else
            {
                int protocol = (int)(_rows[i].FirstService >> 17);
                if (!byProtocol.TryGetValue(protocol, out List<int>? mine))
                {
                    byProtocol.Add(protocol, mine = []);
                }

                mine.Add(i);
            }
        }

        // Slot 0: protocols that no row names. One segment, with or without ports.
        slots.Add(new SegmentTable.Slot(0, 0, 0, -1));
        SegmentTable.Segment common = Cover([.. everywhere]);
        segments.AddRange([common, common]);
        foreach ((int protocol, List<int> mine) in byProtocol)
        {
            slotOf[protocol] = (ushort)slots.Count;
            AddSlot(protocol, Merge(everywhere, mine), slots, ports, pages, segments);
        }

        ports.AddRange(new ushort[SegmentTable.PortLanes]);
        if (!_ipv6)
        {
            _cells.AddRange(new uint[SortedStarts.Lanes]);
        }

        return new SegmentTable(slotOf, [.. slots], [.. ports], [.. pages], [.. segments], [.. _cells], [.. _high], [.. _low], [.. _references]);
    }

    private void AddSlot(int protocol, List<int> rows, List<SegmentTable.Slot> slots, List<ushort> ports, List<ushort> pages, List<SegmentTable.Segment> segments)
    {
        uint portless = (uint)protocol << 17, portful = portless | 0x10000;
        int firstSegment = segments.Count, firstPort = ports.Count;
        segments.Add(Cover([.. rows.FindAll(row => _rows[row].FirstService <= portless && _rows[row].LastService >= portless)]));

        // Rows begin and end at cuts; between two cuts the active ones are the same.
        SortedSet<int> cuts = [0];
        List<(int At, int Row, bool Begins)> events = [];
        foreach (int row in rows)
        {
            uint first = Math.Max(_rows[row].FirstService, portful), last = Math.Min(_rows[row].LastService, portful | 0xFFFF);
            if (first <= last)
            {
                events.Add(((int)(first - portful), row, true));
                cuts.Add((int)(first - portful));
                if (last < (portful | 0xFFFF))
                {
                    events.Add(((int)(last - portful) + 1, row, false));
                    cuts.Add((int)(last - portful) + 1);
                }
            }
        }

        events.Sort((a, b) => a.At.CompareTo(b.At));
        SortedSet<int> active = [];
        int next = 0;
        foreach (int cut in cuts)
        {
            for (; next < events.Count && events[next].At == cut; next++)
            {
                if (events[next].Begins)
                {
                    active.Add(events[next].Row);
                }
                else
                {
                    active.Remove(events[next].Row);
                }
            }

            if (cut > 0)
            {
                ports.Add((ushort)cut);
            }

            segments.Add(Cover([.. active]));
        }

        int count = ports.Count - firstPort, page = -1;
        if (count > SegmentTable.PortLanes)
        {
            page = pages.Count;
            for (int i = 0, at = 0; i <= 256; i++)
            {
                while (at < count && ports[firstPort + at] < i << 8)
                {
                    at++;
                }

                pages.Add((ushort)at);
            }
        }

        slots.Add(new SegmentTable.Slot(firstPort, count, firstSegment, page));
    }

    private int Ranges(AddressSet set) => _ipv6 ? set.CountV6 : set.CountV4;

    private static List<int> Merge(List<int> a, List<int> b)
    {
        List<int> all = [.. a, .. b];
        all.Sort();
        return all;
    }

    /// <summary>The cover of these rows, which are in order.</summary>
    private SegmentTable.Segment Cover(int[] rows)
    {
        RowSet key = new(rows);
        if (_known.TryGetValue(key, out SegmentTable.Segment segment))
        {
            return segment;
        }

        int references = _references.Count;
        uint anyRule = uint.MaxValue;
        _spans.Clear();
        _cuts.Clear();
        _cuts.Add(0);
        foreach (int number in rows)
        {
            Row row = _rows[number];
            if (row.IsAny)
            {
                // Rows are in order: the first one counts, and in an ACL nothing behind it does.
                anyRule = anyRule == uint.MaxValue ? row.Rule : anyRule;
                if ((row.Rule & SegmentFilter.AclBit) != 0)
                {
                    break;
                }
            }
            else if (row.Set is null)
            {
                Add(row.First, row.Last, row.Rule);
            }
            else if (Ranges(row.Set) <= Math.Min(LargestMerged, _mergesLeft))
            {
                _mergesLeft -= Ranges(row.Set);
                foreach ((UInt128 first, UInt128 last) in row.Set.Ranges(_ipv6))
                {
                    Add(first, last, row.Rule);
                }
            }
            else
            {
                _references.Add(new SegmentTable.Reference(row.Set, (int)row.Rule));
            }
        }

        (int start, int count) = Write(anyRule);
        segment = new SegmentTable.Segment(start, count, references, _references.Count - references);
        _known.Add(key, segment);
        return segment;

        void Add(UInt128 first, UInt128 last, uint rule)
        {
            _spans.Add(new Span(first, last, rule));
            _cuts.Add(first);
            if (last < _lastAddress)
            {
                _cuts.Add(last + 1);
            }
        }
    }

    /// <summary>Writes the ranges of the spans.</summary>
    private (int Start, int Count) Write(uint anyRule)
    {
        _spans.Sort((a, b) => a.First.CompareTo(b.First));
        _cuts.Sort();
        _open.Clear();
        List<(UInt128 Start, uint Bits)> ranges = [];
        int next = 0;
        for (int i = 0; i < _cuts.Count; i++)
        {
            UInt128 at = _cuts[i];
            if (i > 0 && at == _cuts[i - 1])
            {
                continue;
            }

            for (; next < _spans.Count && _spans[next].First == at; next++)
            {
                _open.Enqueue(_spans[next], (int)(_spans[next].Rule & SegmentFilter.RuleMask));
            }

            while (_open.TryPeek(out Span top, out _) && top.Last < at)
            {
                _open.Dequeue();
            }

            uint bits = Bits(anyRule, _open.TryPeek(out Span least, out _) ? least.Rule : uint.MaxValue);
            if (ranges.Count == 0 || ranges[^1].Bits != bits)
            {
                ranges.Add((at, bits));
            }
        }

        int start = _cells.Count;
        if (_ipv6)
        {
            // One range more than starts: the first one begins at 0. Places stay in step with the decisions'.
            for (int i = 1; i <= ranges.Count; i++)
            {
                UInt128 from = i < ranges.Count ? ranges[i].Start : UInt128.MaxValue;
                _high.Add((ulong)(from >> 64));
                _low.Add((ulong)from);
            }
        }
        else
        {
            for (int i = 1; i < ranges.Count; i++)
            {
                _cells.Add((uint)ranges[i].Start);
            }
        }

        foreach ((_, uint bits) in ranges)
        {
            _cells.Add(bits);
        }

        return (start, ranges.Count);
    }

    /// <summary>The decision where these two are the first rules of their kinds of peer; uint.MaxValue for none.</summary>
    private static uint Bits(uint any, uint narrow)
    {
        if (any == uint.MaxValue && narrow == uint.MaxValue)
        {
            return Decision.None.Bits;
        }

        uint first = any == uint.MaxValue ? narrow
            : narrow == uint.MaxValue ? any
            : (any & SegmentFilter.RuleMask) < (narrow & SegmentFilter.RuleMask) ? any : narrow;
        int rule = (int)(first & SegmentFilter.RuleMask);
        return (first & SegmentFilter.AclBit) == 0 ? Decision.Admit(rule, any != uint.MaxValue, narrow != uint.MaxValue).Bits
            : (first & SegmentFilter.DenyBit) != 0 ? Decision.Deny(rule).Bits
            : Decision.Allow(rule).Bits;
    }

    private readonly record struct Row(uint FirstService, uint LastService, UInt128 First, UInt128 Last, bool IsAny, uint Rule, AddressSet? Set);

    private readonly record struct Span(UInt128 First, UInt128 Last, uint Rule);

    /// <summary>A list of rows, compared by content.</summary>
    private readonly struct RowSet(int[] rows) : IEquatable<RowSet>
    {
        private readonly int[] _rows = rows;

        public bool Equals(RowSet other) => _rows.AsSpan().SequenceEqual(other._rows);

        public override bool Equals(object? obj) => obj is RowSet other && Equals(other);

        public override int GetHashCode()
        {
            HashCode hash = new();
            foreach (int row in _rows)
            {
                hash.Add(row);
            }

            return hash.ToHashCode();
        }
    }
}
