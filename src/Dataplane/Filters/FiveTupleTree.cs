// A tree that sorts the packets of a chunk, and short lists at its leaves.
//
// One packet that walks a tree waits at each step for the one before, and mispredicts. Here a whole chunk goes through together: at each node its packets are split
// in two by one compare (16 at a time, compressed to the left and to the right), as in quicksort, and a leaf gets its packets side by side. There every
// rule of the leaf is compared with 16 packets at once; a packet's result is the least number among the rules that match, so rows need no order.
//
//   node    4 numbers: field, threshold, left, right. A packet goes left if its field is below the threshold. A child below 0 is leaf ~child.
//   leaf    3 numbers: first reference, plain references, full references
//   plain   8 numbers a row: source value, mask, destination value, mask, service first, last - first, rule, 0
//   full    12 numbers: ... and tag first, last - first, destination port first, last - first, protocol value, mask in place of the service
//
// A rule is plain when it looks at no source port and its protocol and destination ports are one interval of the service; nearly all are. Rules in rows are 0-based: "none", all bits set, plus one is the 0 of the results.
//
// Measured against: one packet at a time through an array tree with 16 rules a vector in the leaf; docs/decisions/0003-classifiers.md has the figures.

using System;
using System.Numerics;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Dataplane.Filters;

/// <summary>The tables of a general rule list and the loops over them.</summary>
public sealed class FiveTupleTree : FiveTupleClassifier
{
    /// <summary>Numbers of a node, a leaf, a plain row, a full row.</summary>
    public const int NodeWidth = 4, LeafWidth = 3, PlainWidth = 8, FullWidth = 12;

    /// <summary>Nodes on one path.</summary>
    public const int Deepest = 48;

    private const int Lanes = 16;

    private readonly uint[] _nodes;
    private readonly int[] _leaves;
    private readonly int[] _references;
    private readonly uint[] _plain;
    private readonly uint[] _full;

    /// <param name="nodes">Empty for a single leaf.</param>
    /// <param name="references">Numbers of rows: of plain ones first, then of full ones, leaf by leaf.</param>
    public FiveTupleTree(uint[] nodes, int[] leaves, int[] references, uint[] plain, uint[] full)
    {
        _nodes = nodes;
        _leaves = leaves;
        _references = references;
        _plain = plain;
        _full = full;
    }

    public override long Bytes => 4L * (_nodes.Length + _leaves.Length + _references.Length + _plain.Length + _full.Length);

    protected override void Classify(PacketColumns columns, int count, Span<uint> results)
    {
        if (_nodes.Length == 0)
        {
            Leaf(columns, 0, 0, count, results);
            return;
        }

        // Ranges of the chunk that wait: node, first packet, end.
        Span<int> waiting = stackalloc int[(Deepest + 1) * 3];
        int top = 0;
        int node = 0, from = 0, to = count;
        while (true)
        {
            if (node < 0)
            {
                Leaf(columns, ~node, from, to, results);
            }
            else
            {
                ReadOnlySpan<uint> row = _nodes.AsSpan(node * NodeWidth, NodeWidth);
                int middle = from + Split(columns, row[0], row[1], from, to);
                int left = (int)row[2], right = (int)row[3];
                if (middle == from)
                {
                    node = right;
                    continue;
                }

                if (middle < to)
                {
                    waiting[top] = right;
                    waiting[top + 1] = middle;
                    waiting[top + 2] = to;
                    top += 3;
                }

                node = left;
                to = middle;
                continue;
            }

            if (top == 0)
            {
                return;
            }

            top -= 3;
            node = waiting[top];
            from = waiting[top + 1];
            to = waiting[top + 2];
        }
    }

    /// <summary>Moves packets whose field is below the threshold to the front of the range, in order, and returns how many.</summary>
    private static int Split(PacketColumns columns, uint field, uint threshold, int from, int to)
    {
        int count = to - from;
        Span<uint> source = columns.Source.AsSpan(from), destination = columns.Destination.AsSpan(from);
        Span<uint> service = columns.Service.AsSpan(from), tag = columns.Tag.AsSpan(from);
        Span<uint> otherSource = columns.OtherSource, otherDestination = columns.OtherDestination;
        Span<uint> otherService = columns.OtherService, otherTag = columns.OtherTag;
        ReadOnlySpan<uint> asked = field switch
        {
            0 => source,
            1 => destination,
            2 => service,
            _ => tag,
        };
        int left = 0, right = 0;
        if (Avx512F.IsSupported)
        {
            Vector512<uint> limit = Vector512.Create(threshold);
            Vector512<uint> lane = Vector512<uint>.Indices;

            // Whole vectors are written, so the last ones reach into the range behind, whose packets still wait: they are put back.
            Vector512<uint> nextSource = Vector512.Create(source.Slice(count, Lanes)), nextDestination = Vector512.Create(destination.Slice(count, Lanes));
            Vector512<uint> nextService = Vector512.Create(service.Slice(count, Lanes)), nextTag = Vector512.Create(tag.Slice(count, Lanes));
            for (int i = 0; i < count; i += Lanes)
            {
                Vector512<uint> inside = Vector512.LessThan(lane, Vector512.Create((uint)(count - i)));
                Vector512<uint> below = Vector512.LessThan(Vector512.Create(asked.Slice(i, Lanes)), limit) & inside;
                Vector512<uint> above = Vector512.AndNot(inside, below);
                Vector512<uint> s = Vector512.Create(source.Slice(i, Lanes));
                Vector512<uint> d = Vector512.Create(destination.Slice(i, Lanes));
                Vector512<uint> v = Vector512.Create(service.Slice(i, Lanes));
                Vector512<uint> t = Vector512.Create(tag.Slice(i, Lanes));
                Avx512F.Compress(s, below, s).CopyTo(source.Slice(left, Lanes));
                Avx512F.Compress(d, below, d).CopyTo(destination.Slice(left, Lanes));
                Avx512F.Compress(v, below, v).CopyTo(service.Slice(left, Lanes));
                Avx512F.Compress(t, below, t).CopyTo(tag.Slice(left, Lanes));
                Avx512F.Compress(s, above, s).CopyTo(otherSource.Slice(right, Lanes));
                Avx512F.Compress(d, above, d).CopyTo(otherDestination.Slice(right, Lanes));
                Avx512F.Compress(v, above, v).CopyTo(otherService.Slice(right, Lanes));
                Avx512F.Compress(t, above, t).CopyTo(otherTag.Slice(right, Lanes));
                int lefts = BitOperations.PopCount(below.ExtractMostSignificantBits());
                left += lefts;
                right += Math.Min(Lanes, count - i) - lefts;
            }

            nextSource.CopyTo(source.Slice(count, Lanes));
            nextDestination.CopyTo(destination.Slice(count, Lanes));
            nextService.CopyTo(service.Slice(count, Lanes));
            nextTag.CopyTo(tag.Slice(count, Lanes));
        }
        else
        {
            for (int i = 0; i < count; i++)
            {
                int below = asked[i] < threshold ? 1 : 0;
                uint s = source[i], d = destination[i], v = service[i], t = tag[i];
                otherSource[right] = s;
                otherDestination[right] = d;
                otherService[right] = v;
                otherTag[right] = t;
                source[left] = s;
                destination[left] = d;
                service[left] = v;
                tag[left] = t;
                left += below;
                right += 1 - below;
            }
        }

        otherSource[..right].CopyTo(source[left..]);
        otherDestination[..right].CopyTo(destination[left..]);
        otherService[..right].CopyTo(service[left..]);
        otherTag[..right].CopyTo(tag[left..]);
        return left;
    }

    private void Leaf(PacketColumns columns, int leaf, int from, int to, Span<uint> results)
    {
        ReadOnlySpan<int> shape = _leaves.AsSpan(leaf * LeafWidth, LeafWidth);
        ReadOnlySpan<int> plain = _references.AsSpan(shape[0], shape[1]);
        ReadOnlySpan<int> full = _references.AsSpan(shape[0] + shape[1], shape[2]);
        ReadOnlySpan<uint> plainRows = _plain, fullRows = _full;
        Span<uint> found = stackalloc uint[2 * Lanes];
        for (int at = from; at < to; at += 2 * Lanes)
        {
            Vector512<uint> source = Vector512.Create(columns.Source.AsSpan(at, Lanes));
            Vector512<uint> source2 = Vector512.Create(columns.Source.AsSpan(at + Lanes, Lanes));
            Vector512<uint> destination = Vector512.Create(columns.Destination.AsSpan(at, Lanes));
            Vector512<uint> destination2 = Vector512.Create(columns.Destination.AsSpan(at + Lanes, Lanes));
            Vector512<uint> service = Vector512.Create(columns.Service.AsSpan(at, Lanes));
            Vector512<uint> service2 = Vector512.Create(columns.Service.AsSpan(at + Lanes, Lanes));
            Vector512<uint> first = Vector512<uint>.AllBitsSet, first2 = first;
            foreach (int reference in plain)
            {
                ReadOnlySpan<uint> row = plainRows.Slice(reference, PlainWidth);
                Vector512<uint> rule = Vector512.Create(row[6]);
                Vector512<uint> value = Vector512.Create(row[0]), mask = Vector512.Create(row[1]);
                Vector512<uint> differs = (source ^ value) & mask, differs2 = (source2 ^ value) & mask;
                value = Vector512.Create(row[2]);
                mask = Vector512.Create(row[3]);
                differs |= (destination ^ value) & mask;
                differs2 |= (destination2 ^ value) & mask;
                value = Vector512.Create(row[4]);
                mask = Vector512.Create(row[5]);
                Vector512<uint> within = Vector512.LessThanOrEqual(service - value, mask);
                Vector512<uint> within2 = Vector512.LessThanOrEqual(service2 - value, mask);
                Vector512<uint> hit = Vector512.Equals(differs, Vector512<uint>.Zero) & within;
                Vector512<uint> hit2 = Vector512.Equals(differs2, Vector512<uint>.Zero) & within2;
                first = Vector512.ConditionalSelect(hit, Vector512.Min(first, rule), first);
                first2 = Vector512.ConditionalSelect(hit2, Vector512.Min(first2, rule), first2);
            }

            if (full.Length > 0)
            {
                Vector512<uint> tag = Vector512.Create(columns.Tag.AsSpan(at, Lanes));
                Vector512<uint> tag2 = Vector512.Create(columns.Tag.AsSpan(at + Lanes, Lanes));
                first = Full(fullRows, full, source, destination, service, tag, first);
                first2 = Full(fullRows, full, source2, destination2, service2, tag2, first2);
            }

            // Nothing found is all bits set; the results say 0.
            (first + Vector512<uint>.One).CopyTo(found);
            (first2 + Vector512<uint>.One).CopyTo(found[Lanes..]);
            ReadOnlySpan<uint> tags = columns.Tag.AsSpan(at, Math.Min(2 * Lanes, to - at));
            for (int i = 0; i < tags.Length; i++)
            {
                results[(int)(tags[i] & 0xFFFF)] = found[i];
            }
        }
    }

    private static Vector512<uint> Full(
        ReadOnlySpan<uint> rows, ReadOnlySpan<int> references, Vector512<uint> source, Vector512<uint> destination, Vector512<uint> service, Vector512<uint> tag, Vector512<uint> first)
    {
        Vector512<uint> port = service & Vector512.Create(0xFFFFu);
        foreach (int reference in references)
        {
            ReadOnlySpan<uint> row = rows.Slice(reference, FullWidth);
            Vector512<uint> rule = Vector512.Create(row[10]);
            Vector512<uint> differs = ((source ^ Vector512.Create(row[0])) & Vector512.Create(row[1]))
                | ((destination ^ Vector512.Create(row[2])) & Vector512.Create(row[3]))
                | ((service ^ Vector512.Create(row[8])) & Vector512.Create(row[9]));
            Vector512<uint> hit = Vector512.Equals(differs, Vector512<uint>.Zero)
                & Vector512.LessThanOrEqual(tag - Vector512.Create(row[4]), Vector512.Create(row[5]))
                & Vector512.LessThanOrEqual(port - Vector512.Create(row[6]), Vector512.Create(row[7]));
            first = Vector512.ConditionalSelect(hit, Vector512.Min(first, rule), first);
        }

        return first;
    }
}
