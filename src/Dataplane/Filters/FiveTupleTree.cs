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
// Every loop is compiled for good at its first call: RuleListBench, and bench on a busy machine, saw a tenth of the speed until the runtime had replaced its first code.
//
// Measured against: one packet at a time through an array tree with 16 rules a vector in the leaf; docs/decisions/0003-classifiers.md has the figures.

using System;
using System.Numerics;
using System.Runtime.CompilerServices;
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Classify(PacketColumns columns, PacketColumns other, int count, Span<uint> results)
    {
        if (_nodes.Length == 0)
        {
            Leaf(columns, 0, 0, count, results, isInOrder: true);
            return;
        }

        // Ranges of the chunk that wait: node, first packet, end, 1 if they are in the other columns. A range owns its places in both.
        Span<int> waiting = stackalloc int[(Deepest + 1) * 4];
        int top = 0, node = 0, from = 0, to = count, side = 0;
        while (true)
        {
            PacketColumns here = side == 0 ? columns : other;
            if (node < 0)
            {
                Leaf(here, ~node, from, to, results);
                if (top == 0)
                {
                    return;
                }

                top -= 4;
                node = waiting[top];
                from = waiting[top + 1];
                to = waiting[top + 2];
                side = waiting[top + 3];
                continue;
            }

            ReadOnlySpan<uint> row = _nodes.AsSpan(node * NodeWidth, NodeWidth);
            uint[] asked = row[0] switch
            {
                0 => here.Source,
                1 => here.Destination,
                2 => here.Service,
                _ => here.Tag,
            };
            int left = (int)row[2], right = (int)row[3];
            int middle = from + CountBelow(asked.AsSpan(from), to - from, row[1]);
            if (middle == from || middle == to)
            {
                node = middle == from ? right : left;
                continue;
            }

            Split(here, side == 0 ? other : columns, asked, row[1], from, middle, to);
            waiting[top] = right;
            waiting[top + 1] = middle;
            waiting[top + 2] = to;
            waiting[top + 3] = 1 - side;
            top += 4;
            node = left;
            to = middle;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int CountBelow(ReadOnlySpan<uint> asked, int count, uint threshold)
    {
        int below = 0, i = 0;
        Vector512<uint> limit = Vector512.Create(threshold);
        for (; i <= count - Lanes; i += Lanes)
        {
            below += BitOperations.PopCount(Vector512.LessThan(Vector512.Create(asked.Slice(i, Lanes)), limit).ExtractMostSignificantBits());
        }

        ulong inside = (1UL << (count - i)) - 1;
        return below + BitOperations.PopCount(Vector512.LessThan(Vector512.Create(asked.Slice(i, Lanes)), limit).ExtractMostSignificantBits() & inside);
    }

    /// <summary>Packets below the threshold move together at the front of their range, in order; the others go to the other columns, from <paramref name="middle"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Split(PacketColumns here, PacketColumns there, uint[] fields, uint threshold, int from, int middle, int to)
    {
        int count = to - from;
        ReadOnlySpan<uint> asked = fields.AsSpan(from);
        Span<uint> source = here.Source.AsSpan(from), destination = here.Destination.AsSpan(from), service = here.Service.AsSpan(from), tag = here.Tag.AsSpan(from);
        Span<uint> source2 = there.Source.AsSpan(middle), destination2 = there.Destination.AsSpan(middle), service2 = there.Service.AsSpan(middle), tag2 = there.Tag.AsSpan(middle);
        int left = 0, right = 0, rights = to - middle;
        if (!Avx512F.IsSupported)
        {
            (uint s, uint d, uint v, uint t) behind = (source2[rights], destination2[rights], service2[rights], tag2[rights]);
            for (int i = 0; i < count; i++)
            {
                bool below = asked[i] < threshold;
                uint s = source[i], d = destination[i], v = service[i], t = tag[i];
                source[left] = s;
                destination[left] = d;
                service[left] = v;
                tag[left] = t;
                source2[right] = s;
                destination2[right] = d;
                service2[right] = v;
                tag2[right] = t;
                left += below ? 1 : 0;
                right += below ? 0 : 1;
            }

            (source2[rights], destination2[rights], service2[rights], tag2[rights]) = behind;
            return;
        }

        // Whole vectors are written, so the last ones reach into what stands behind the range: it is put back.
        Vector512<uint> sourceBehind = Vector512.Create(source.Slice(count, Lanes)), sourceBehind2 = Vector512.Create(source2.Slice(rights, Lanes));
        Vector512<uint> destinationBehind = Vector512.Create(destination.Slice(count, Lanes)), destinationBehind2 = Vector512.Create(destination2.Slice(rights, Lanes));
        Vector512<uint> serviceBehind = Vector512.Create(service.Slice(count, Lanes)), serviceBehind2 = Vector512.Create(service2.Slice(rights, Lanes));
        Vector512<uint> tagBehind = Vector512.Create(tag.Slice(count, Lanes)), tagBehind2 = Vector512.Create(tag2.Slice(rights, Lanes));
        Vector512<uint> limit = Vector512.Create(threshold);
        for (int i = 0; i < count; i += Lanes)
        {
            // Places behind the range count as neither.
            Vector512<uint> field = Vector512.Create(asked.Slice(i, Lanes));
            Vector512<uint> s = Vector512.Create(source.Slice(i, Lanes));
            Vector512<uint> d = Vector512.Create(destination.Slice(i, Lanes));
            Vector512<uint> v = Vector512.Create(service.Slice(i, Lanes));
            Vector512<uint> t = Vector512.Create(tag.Slice(i, Lanes));
            Vector512<uint> below = Vector512.LessThan(field, limit), above = ~below;
            Avx512F.Compress(s, below, s).CopyTo(source.Slice(left, Lanes));
            Avx512F.Compress(d, below, d).CopyTo(destination.Slice(left, Lanes));
            Avx512F.Compress(v, below, v).CopyTo(service.Slice(left, Lanes));
            Avx512F.Compress(t, below, t).CopyTo(tag.Slice(left, Lanes));
            Avx512F.Compress(s, above, s).CopyTo(source2.Slice(right, Lanes));
            Avx512F.Compress(d, above, d).CopyTo(destination2.Slice(right, Lanes));
            Avx512F.Compress(v, above, v).CopyTo(service2.Slice(right, Lanes));
            Avx512F.Compress(t, above, t).CopyTo(tag2.Slice(right, Lanes));
            int lefts = BitOperations.PopCount(below.ExtractMostSignificantBits());
            left += lefts;
            right += Lanes - lefts;
        }

        sourceBehind.CopyTo(source.Slice(count, Lanes));
        destinationBehind.CopyTo(destination.Slice(count, Lanes));
        serviceBehind.CopyTo(service.Slice(count, Lanes));
        tagBehind.CopyTo(tag.Slice(count, Lanes));
        sourceBehind2.CopyTo(source2.Slice(rights, Lanes));
        destinationBehind2.CopyTo(destination2.Slice(rights, Lanes));
        serviceBehind2.CopyTo(service2.Slice(rights, Lanes));
        tagBehind2.CopyTo(tag2.Slice(rights, Lanes));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Leaf(PacketColumns columns, int leaf, int from, int to, Span<uint> results, bool isInOrder = false)
    {
        ReadOnlySpan<int> shape = _leaves.AsSpan(leaf * LeafWidth, LeafWidth);
        ReadOnlySpan<int> plain = _references.AsSpan(shape[0], shape[1]);
        ReadOnlySpan<int> full = _references.AsSpan(shape[0] + shape[1], shape[2]);
        Span<uint> found = stackalloc uint[2 * Lanes];
        for (int at = from; at < to; at += 2 * Lanes)
        {
            if (to - at <= Lanes)
            {
                PlainOnce(_plain, plain, columns, at, found);
            }
            else
            {
                PlainTwice(_plain, plain, columns, at, found);
                if (full.Length > 0)
                {
                    Full(_full, full, columns, at + Lanes, found[Lanes..]);
                }
            }

            if (full.Length > 0)
            {
                Full(_full, full, columns, at, found);
            }

            // "None" is all bits set; the results say 0.
            if (isInOrder && to - at >= 2 * Lanes)
            {
                (Vector512.Create(found) + Vector512<uint>.One).CopyTo(results[at..]);
                (Vector512.Create(found[Lanes..]) + Vector512<uint>.One).CopyTo(results[(at + Lanes)..]);
                continue;
            }

            ReadOnlySpan<uint> tags = columns.Tag.AsSpan(at, Math.Min(2 * Lanes, to - at));
            for (int i = 0; i < tags.Length; i++)
            {
                results[(int)(tags[i] & 0xFFFF)] = found[i] + 1;
            }
        }
    }

    // The loops below call nothing, so the vectors stay in registers. Conditions are kept as numbers that are 0 where a field agrees: the runtime would turn each
    // compare into a mask and back into a vector. max(x, y) ^ y is 0 where x is at most y.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PlainTwice(ReadOnlySpan<uint> rows, ReadOnlySpan<int> references, PacketColumns columns, int at, Span<uint> found)
    {
        Vector512<uint> source = Vector512.Create(columns.Source.AsSpan(at, Lanes)), source2 = Vector512.Create(columns.Source.AsSpan(at + Lanes, Lanes));
        Vector512<uint> destination = Vector512.Create(columns.Destination.AsSpan(at, Lanes)), destination2 = Vector512.Create(columns.Destination.AsSpan(at + Lanes, Lanes));
        Vector512<uint> service = Vector512.Create(columns.Service.AsSpan(at, Lanes)), service2 = Vector512.Create(columns.Service.AsSpan(at + Lanes, Lanes));
        Vector512<uint> none = Vector512<uint>.AllBitsSet, first = none, first2 = none;
        foreach (int reference in references)
        {
            ReadOnlySpan<uint> row = rows.Slice(reference, PlainWidth);
            Vector512<uint> value = Vector512.Create(row[0]), mask = Vector512.Create(row[1]);
            Vector512<uint> differs = (source ^ value) & mask, differs2 = (source2 ^ value) & mask;
            value = Vector512.Create(row[2]);
            mask = Vector512.Create(row[3]);
            differs |= (destination ^ value) & mask;
            differs2 |= (destination2 ^ value) & mask;
            value = Vector512.Create(row[4]);
            mask = Vector512.Create(row[5]);
            differs |= Vector512.Max(service - value, mask) ^ mask;
            differs2 |= Vector512.Max(service2 - value, mask) ^ mask;
            value = Vector512.Create(row[6]);
            first = Vector512.Min(first, Vector512.ConditionalSelect(Vector512.Equals(differs, Vector512<uint>.Zero), value, none));
            first2 = Vector512.Min(first2, Vector512.ConditionalSelect(Vector512.Equals(differs2, Vector512<uint>.Zero), value, none));
        }

        first.CopyTo(found);
        first2.CopyTo(found[Lanes..]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PlainOnce(ReadOnlySpan<uint> rows, ReadOnlySpan<int> references, PacketColumns columns, int at, Span<uint> found)
    {
        Vector512<uint> source = Vector512.Create(columns.Source.AsSpan(at, Lanes));
        Vector512<uint> destination = Vector512.Create(columns.Destination.AsSpan(at, Lanes));
        Vector512<uint> service = Vector512.Create(columns.Service.AsSpan(at, Lanes));
        Vector512<uint> none = Vector512<uint>.AllBitsSet, first = none;
        foreach (int reference in references)
        {
            ReadOnlySpan<uint> row = rows.Slice(reference, PlainWidth);
            Vector512<uint> span = Vector512.Create(row[5]);
            Vector512<uint> differs = ((source ^ Vector512.Create(row[0])) & Vector512.Create(row[1]))
                | ((destination ^ Vector512.Create(row[2])) & Vector512.Create(row[3]))
                | (Vector512.Max(service - Vector512.Create(row[4]), span) ^ span);
            first = Vector512.Min(first, Vector512.ConditionalSelect(Vector512.Equals(differs, Vector512<uint>.Zero), Vector512.Create(row[6]), none));
        }

        first.CopyTo(found);
    }

    /// <summary>Puts into <paramref name="found"/> what full rows find below what stands there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Full(ReadOnlySpan<uint> rows, ReadOnlySpan<int> references, PacketColumns columns, int at, Span<uint> found)
    {
        Vector512<uint> source = Vector512.Create(columns.Source.AsSpan(at, Lanes));
        Vector512<uint> destination = Vector512.Create(columns.Destination.AsSpan(at, Lanes));
        Vector512<uint> service = Vector512.Create(columns.Service.AsSpan(at, Lanes));
        Vector512<uint> tag = Vector512.Create(columns.Tag.AsSpan(at, Lanes));
        Vector512<uint> port = service & Vector512.Create(0xFFFFu);
        Vector512<uint> none = Vector512<uint>.AllBitsSet, first = Vector512.Create(found[..Lanes]);
        foreach (int reference in references)
        {
            ReadOnlySpan<uint> row = rows.Slice(reference, FullWidth);
            Vector512<uint> tags = Vector512.Create(row[5]), ports = Vector512.Create(row[7]);
            Vector512<uint> differs = ((source ^ Vector512.Create(row[0])) & Vector512.Create(row[1]))
                | ((destination ^ Vector512.Create(row[2])) & Vector512.Create(row[3]))
                | ((service ^ Vector512.Create(row[8])) & Vector512.Create(row[9]))
                | (Vector512.Max(tag - Vector512.Create(row[4]), tags) ^ tags)
                | (Vector512.Max(port - Vector512.Create(row[6]), ports) ^ ports);
            first = Vector512.Min(first, Vector512.ConditionalSelect(Vector512.Equals(differs, Vector512<uint>.Zero), Vector512.Create(row[10]), none));
        }

        first.CopyTo(found);
    }
}
