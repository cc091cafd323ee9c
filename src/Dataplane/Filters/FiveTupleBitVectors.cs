// A short general list as bit vectors (Lakshman and Stiliadis, SIGCOMM 1998): the edges of all rules cut each field into intervals, and an interval has one bit for each
// rule that touches it. A packet's bits are the AND over its fields; the first one set is its rule. What a packet costs does not depend on its rule, and hardly on how many there are.
//
//   list    blocks of up to 64 rules, one after the other; a packet that an earlier block decided keeps its rule
//   block   one table for each field that tells its rules apart
//   table   16, 32, 64 or 128 numbers each:   edges   a search tree in one array: node n has its children at 2n and 2n + 1; 0 is not used, what is left is all bits set
//                                             high    bits of rules 1 to 32 of the block, by interval, the first rule on top
//                                             low     bits of rules 33 to 64, or empty
//
// Sixteen packets are looked up at once, and the tables stay in registers: a step down the tree is one permutation, one compare and one addition; the bits are one to four permutations more. Nothing
// is fetched from memory by a packet's number, so nothing waits. Without AVX-512 the permutations are loops: right, and slower than FiveTupleTree, which is used there.

using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Dataplane.Filters;

/// <summary>What of a packet a table of <see cref="FiveTupleBitVectors"/> is asked about.</summary>
public enum BitVectorField
{
    Source,
    Destination,

    /// <summary>Protocol, then destination port: 24 bits.</summary>
    Service,
    Protocol,
    Port,

    /// <summary>Source port; 16 bits below it do not count.</summary>
    SourcePort,
}

/// <summary>The intervals of one field and the rules that touch each: see the head of FiveTupleBitVectors.cs.</summary>
/// <param name="Edges">First numbers of all intervals but the lowest, as a search tree; 16, 32, 64 or 128 long.</param>
/// <param name="High">As long.</param>
/// <param name="Low">As long, or empty.</param>
public sealed record BitVectorTable(BitVectorField Field, uint[] Edges, uint[] High, uint[] Low);

/// <summary>Bit vectors of a general rule list, and the loops over them.</summary>
public sealed class FiveTupleBitVectors : FiveTupleClassifier
{
    /// <summary>Rules of a block.</summary>
    public const int BlockRules = 64;

    /// <summary>Edges of a table.</summary>
    public const int MostEdges = 127;

    private const int Lanes = 16;

    // Packets that go through all tables together: their bits stay in the first cache.
    private const int Stretch = 1_024;

    private readonly BitVectorTable[][] _blocks;
    private readonly int[] _firsts;
    private readonly bool _splitsService;

    /// <param name="blocks">Tables by block.</param>
    /// <param name="firsts">The 0-based number of each block's first rule.</param>
    /// <exception cref="ArgumentException">A table is not of a size that can be searched, a block has none or tables that differ in whether they have low bits, or there are more or fewer numbers than blocks.</exception>
    public FiveTupleBitVectors(BitVectorTable[][] blocks, int[] firsts)
    {
        ArgumentNullException.ThrowIfNull(blocks);
        ArgumentNullException.ThrowIfNull(firsts);
        if (firsts.Length != blocks.Length || Array.Exists(blocks, block => block.Length == 0))
        {
            throw new ArgumentException("each block has a first rule and a table at least", nameof(blocks));
        }

        _blocks = blocks;
        _firsts = firsts;
        foreach (BitVectorTable[] block in blocks)
        {
            foreach (BitVectorTable table in block)
            {
                int size = table.Edges.Length;
                if (size is not (16 or 32 or 64 or 128) || table.High.Length != size || table.Low.Length != (block[0].Low.Length > 0 ? size : 0))
                {
                    throw new ArgumentException("a table is not of a size that can be searched", nameof(blocks));
                }

                _splitsService |= table.Field is BitVectorField.Protocol or BitVectorField.Port;
                Bytes += 4L * (table.Edges.Length + table.High.Length + table.Low.Length);
            }
        }
    }

    /// <summary>Whether the loops are the fast ones here.</summary>
    public static bool IsFast => Avx512F.IsSupported && Avx512CD.IsSupported;

    /// <summary>How many blocks the list was cut into.</summary>
    public int Blocks => _blocks.Length;

    public override long Bytes { get; }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Classify(PacketColumns columns, PacketColumns other, int count, Span<uint> results)
    {
        for (int from = 0; from < count; from += Stretch)
        {
            int packets = Math.Min(Stretch, count - from), whole = (packets + Lanes - 1) & -Lanes;
            if (_splitsService)
            {
                SplitService(columns.Service.AsSpan(from, whole), other.Service.AsSpan(0, whole), other.Tag.AsSpan(0, whole));
            }

            Span<uint> high = other.Source.AsSpan(0, whole), low = other.Destination.AsSpan(0, whole), found = results.Slice(from, packets);
            for (int block = 0; block < _blocks.Length; block++)
            {
                bool isFirst = true, isLong = false;
                foreach (BitVectorTable table in _blocks[block])
                {
                    isLong = table.Low.Length > 0;
                    ReadOnlySpan<uint> asked = table.Field switch
                    {
                        BitVectorField.Source => columns.Source.AsSpan(from, whole),
                        BitVectorField.Destination => columns.Destination.AsSpan(from, whole),
                        BitVectorField.Service => columns.Service.AsSpan(from, whole),
                        BitVectorField.Protocol => other.Service.AsSpan(0, whole),
                        BitVectorField.Port => other.Tag.AsSpan(0, whole),
                        _ => columns.Tag.AsSpan(from, whole),
                    };
                    switch (table.Edges.Length)
                    {
                        case 16:
                            Narrow16(asked, table, isFirst, high, low);
                            break;
                        case 32:
                            Narrow32(asked, table, isFirst, high, low);
                            break;
                        case 64:
                            Narrow64(asked, table, isFirst, high, low);
                            break;
                        default:
                            Narrow128(asked, table, isFirst, high, low);
                            break;
                    }

                    isFirst = false;
                }

                Find(high, low, (uint)_firsts[block], isLong, block > 0, found);
            }

            if (_blocks.Length == 0)
            {
                found.Clear();
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SplitService(ReadOnlySpan<uint> services, Span<uint> protocols, Span<uint> ports)
    {
        Vector512<uint> port = Vector512.Create(0xFFFFu);
        for (int i = 0; i < services.Length; i += Lanes)
        {
            Vector512<uint> service = Vector512.Create(services.Slice(i, Lanes));
            (service >>> 16).CopyTo(protocols.Slice(i, Lanes));
            (service & port).CopyTo(ports.Slice(i, Lanes));
        }
    }

    /// <summary>From bits to rules.</summary>
    /// <param name="isLater">Packets that have a rule keep it.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Find(ReadOnlySpan<uint> high, ReadOnlySpan<uint> low, uint first, bool isLong, bool isLater, Span<uint> results)
    {
        Vector512<uint> number = Vector512.Create(first + 1), all = Vector512.Create(32u), half = all;
        int i = 0;
        for (; i + Lanes <= results.Length && IsFast; i += Lanes)
        {
            Vector512<uint> lead = Avx512CD.LeadingZeroCount(Vector512.Create(high.Slice(i, Lanes))), none = all;
            if (isLong)
            {
                Vector512<uint> behind = Avx512CD.LeadingZeroCount(Vector512.Create(low.Slice(i, Lanes))) + half;
                lead = Vector512.ConditionalSelect(Vector512.Equals(lead, half), behind, lead);
                none = half + half;
            }

            Vector512<uint> rule = Vector512.ConditionalSelect(Vector512.Equals(lead, none), Vector512<uint>.Zero, lead + number);
            if (isLater)
            {
                Vector512<uint> before = Vector512.Create(results.Slice(i, Lanes));
                rule = Vector512.ConditionalSelect(Vector512.Equals(before, Vector512<uint>.Zero), rule, before);
            }

            rule.CopyTo(results.Slice(i, Lanes));
        }

        for (; i < results.Length; i++)
        {
            ulong bits = (ulong)high[i] << 32 | (isLong ? low[i] : 0);
            if (!isLater || results[i] == 0)
            {
                results[i] = bits == 0 ? 0 : first + 1 + (uint)BitOperations.LeadingZeroCount(bits);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Narrow16(ReadOnlySpan<uint> asked, BitVectorTable table, bool isFirst, Span<uint> high, Span<uint> low)
    {
        Vector512<uint> edges = Vector512.Create(table.Edges), highs = Vector512.Create(table.High);
        bool isLong = table.Low.Length > 0;
        Vector512<uint> lows = isLong ? Vector512.Create(table.Low) : highs;
        for (int i = 0; i < asked.Length; i += Lanes)
        {
            Vector512<uint> node = FourSteps(Vector512.Create(asked.Slice(i, Lanes)), edges);
            And(One(highs, node), high.Slice(i, Lanes), isFirst);
            if (isLong)
            {
                And(One(lows, node), low.Slice(i, Lanes), isFirst);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Narrow32(ReadOnlySpan<uint> asked, BitVectorTable table, bool isFirst, Span<uint> high, Span<uint> low)
    {
        ReadOnlySpan<uint> tree = table.Edges, bits = table.High;
        Vector512<uint> edges = Vector512.Create(tree), edges2 = Vector512.Create(tree.Slice(16, Lanes));
        Vector512<uint> highs = Vector512.Create(bits), highs2 = Vector512.Create(bits.Slice(16, Lanes));
        bool isLong = table.Low.Length > 0;
        bits = isLong ? table.Low : bits;
        Vector512<uint> lows = Vector512.Create(bits), lows2 = Vector512.Create(bits.Slice(16, Lanes));
        for (int i = 0; i < asked.Length; i += Lanes)
        {
            Vector512<uint> field = Vector512.Create(asked.Slice(i, Lanes));
            Vector512<uint> node = FourSteps(field, edges);
            node = Step(field, One(edges2, node), node);
            And(Two(highs, highs2, node), high.Slice(i, Lanes), isFirst);
            if (isLong)
            {
                And(Two(lows, lows2, node), low.Slice(i, Lanes), isFirst);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Narrow64(ReadOnlySpan<uint> asked, BitVectorTable table, bool isFirst, Span<uint> high, Span<uint> low)
    {
        ReadOnlySpan<uint> tree = table.Edges, bits = table.High;
        Vector512<uint> edges = Vector512.Create(tree), edges2 = Vector512.Create(tree.Slice(16, Lanes));
        Vector512<uint> edges3 = Vector512.Create(tree.Slice(32, Lanes)), edges4 = Vector512.Create(tree.Slice(48, Lanes));
        Vector512<uint> highs = Vector512.Create(bits), highs2 = Vector512.Create(bits.Slice(16, Lanes));
        Vector512<uint> highs3 = Vector512.Create(bits.Slice(32, Lanes)), highs4 = Vector512.Create(bits.Slice(48, Lanes));
        bool isLong = table.Low.Length > 0;
        bits = isLong ? table.Low : bits;
        Vector512<uint> lows = Vector512.Create(bits), lows2 = Vector512.Create(bits.Slice(16, Lanes));
        Vector512<uint> lows3 = Vector512.Create(bits.Slice(32, Lanes)), lows4 = Vector512.Create(bits.Slice(48, Lanes));
        Vector512<uint> bit5 = Vector512.Create(32u);
        for (int i = 0; i < asked.Length; i += Lanes)
        {
            Vector512<uint> field = Vector512.Create(asked.Slice(i, Lanes));
            Vector512<uint> node = FourSteps(field, edges);
            node = Step(field, One(edges2, node), node);
            node = Step(field, Two(edges3, edges4, node), node);
            Vector512<uint> is5 = Vector512.Equals(node & bit5, bit5);
            And(Vector512.ConditionalSelect(is5, Two(highs3, highs4, node), Two(highs, highs2, node)), high.Slice(i, Lanes), isFirst);
            if (isLong)
            {
                And(Vector512.ConditionalSelect(is5, Two(lows3, lows4, node), Two(lows, lows2, node)), low.Slice(i, Lanes), isFirst);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Narrow128(ReadOnlySpan<uint> asked, BitVectorTable table, bool isFirst, Span<uint> high, Span<uint> low)
    {
        ReadOnlySpan<uint> tree = table.Edges, bits = table.High;
        Vector512<uint> edges = Vector512.Create(tree), edges2 = Vector512.Create(tree.Slice(16, Lanes));
        Vector512<uint> edges3 = Vector512.Create(tree.Slice(32, Lanes)), edges4 = Vector512.Create(tree.Slice(48, Lanes));
        Vector512<uint> edges5 = Vector512.Create(tree.Slice(64, Lanes)), edges6 = Vector512.Create(tree.Slice(80, Lanes));
        Vector512<uint> edges7 = Vector512.Create(tree.Slice(96, Lanes)), edges8 = Vector512.Create(tree.Slice(112, Lanes));
        Vector512<uint> highs = Vector512.Create(bits), highs2 = Vector512.Create(bits.Slice(16, Lanes));
        Vector512<uint> highs3 = Vector512.Create(bits.Slice(32, Lanes)), highs4 = Vector512.Create(bits.Slice(48, Lanes));
        Vector512<uint> highs5 = Vector512.Create(bits.Slice(64, Lanes)), highs6 = Vector512.Create(bits.Slice(80, Lanes));
        Vector512<uint> highs7 = Vector512.Create(bits.Slice(96, Lanes)), highs8 = Vector512.Create(bits.Slice(112, Lanes));
        bool isLong = table.Low.Length > 0;
        bits = isLong ? table.Low : bits;
        Vector512<uint> lows = Vector512.Create(bits), lows2 = Vector512.Create(bits.Slice(16, Lanes));
        Vector512<uint> lows3 = Vector512.Create(bits.Slice(32, Lanes)), lows4 = Vector512.Create(bits.Slice(48, Lanes));
        Vector512<uint> lows5 = Vector512.Create(bits.Slice(64, Lanes)), lows6 = Vector512.Create(bits.Slice(80, Lanes));
        Vector512<uint> lows7 = Vector512.Create(bits.Slice(96, Lanes)), lows8 = Vector512.Create(bits.Slice(112, Lanes));
        Vector512<uint> bit5 = Vector512.Create(32u), bit6 = Vector512.Create(64u);
        for (int i = 0; i < asked.Length; i += Lanes)
        {
            Vector512<uint> field = Vector512.Create(asked.Slice(i, Lanes));
            Vector512<uint> node = FourSteps(field, edges);
            node = Step(field, One(edges2, node), node);
            node = Step(field, Two(edges3, edges4, node), node);
            Vector512<uint> is5 = Vector512.Equals(node & bit5, bit5);
            node = Step(field, Vector512.ConditionalSelect(is5, Two(edges7, edges8, node), Two(edges5, edges6, node)), node);
            is5 = Vector512.Equals(node & bit5, bit5);
            Vector512<uint> is6 = Vector512.Equals(node & bit6, bit6);
            And(
                Vector512.ConditionalSelect(
                    is6,
                    Vector512.ConditionalSelect(is5, Two(highs7, highs8, node), Two(highs5, highs6, node)),
                    Vector512.ConditionalSelect(is5, Two(highs3, highs4, node), Two(highs, highs2, node))),
                high.Slice(i, Lanes), isFirst);
            if (isLong)
            {
                And(
                    Vector512.ConditionalSelect(
                        is6,
                        Vector512.ConditionalSelect(is5, Two(lows7, lows8, node), Two(lows5, lows6, node)),
                        Vector512.ConditionalSelect(is5, Two(lows3, lows4, node), Two(lows, lows2, node))),
                    low.Slice(i, Lanes), isFirst);
            }
        }
    }

    /// <summary>From node 1 to one of 16 to 31.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> FourSteps(Vector512<uint> field, Vector512<uint> edges)
    {
        Vector512<uint> node = Step(field, Vector512.Create(edges[1]), Vector512<uint>.One);
        node = Step(field, One(edges, node), node);
        node = Step(field, One(edges, node), node);
        return Step(field, One(edges, node), node);
    }

    /// <summary>Down by one: to the right where the field is not below the node's edge.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Step(Vector512<uint> field, Vector512<uint> edge, Vector512<uint> node)
    {
        Vector512<uint> left = node + node;
        return Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(field, edge), left + Vector512<uint>.One, left);
    }

    /// <summary>Entries of a table of 16, by the four lowest bits of a number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> One(Vector512<uint> table, Vector512<uint> numbers) =>
        Avx512F.IsSupported ? Avx512F.PermuteVar16x32(table, numbers) : Vector512.Shuffle(table, numbers & Vector512.Create(15u));

    /// <summary>Entries of a table of 32, by the five lowest bits of a number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Two(Vector512<uint> lower, Vector512<uint> upper, Vector512<uint> numbers) =>
        Avx512F.IsSupported
            ? Avx512F.PermuteVar16x32x2(lower, numbers, upper)
            : Vector512.ConditionalSelect(Vector512.Equals(numbers & Vector512.Create(16u), Vector512<uint>.Zero), One(lower, numbers), One(upper, numbers));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void And(Vector512<uint> bits, Span<uint> to, bool isFirst) => (isFirst ? bits : Vector512.Create(to) & bits).CopyTo(to);
}
