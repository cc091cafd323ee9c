// Builds the tables of FiveTupleBitVectors: block after block of as many rules as a table's edges allow, 64 at most.
//
// A block whose services are intervals has one table for protocol and port; one with a rule for some ports of several protocols has a table for each. A field that does not
// tell a block's rules apart has none, unless the block would have no table at all.

using System;
using System.Collections.Generic;
using Dataplane.Filters;

namespace Dataplane.Compiler.FiveTuples;

/// <summary>From rules to bit vectors.</summary>
internal static class BitVectorBuilder
{
    private static readonly BitVectorField[] WithService = [BitVectorField.Source, BitVectorField.Destination, BitVectorField.Service, BitVectorField.SourcePort];
    private static readonly BitVectorField[] WithProtocol =
        [BitVectorField.Source, BitVectorField.Destination, BitVectorField.Protocol, BitVectorField.Port, BitVectorField.SourcePort];

    /// <summary>The bit vectors of a list, or null when they would take more blocks, or a rule's protocol mask has more edges than a table.</summary>
    /// <param name="rules">First one first.</param>
    public static FiveTupleBitVectors? Build(IReadOnlyList<FiveTupleRule> rules, int mostBlocks)
    {
        List<BitVectorTable[]> blocks = [];
        List<int> firsts = [];
        if (rules.Count > (long)mostBlocks * FiveTupleBitVectors.BlockRules)
        {
            return null;
        }

        for (int first = 0; first < rules.Count;)
        {
            if (blocks.Count == mostBlocks)
            {
                return null;
            }

            FiveTupleRule[] block = new FiveTupleRule[Math.Min(FiveTupleBitVectors.BlockRules, rules.Count - first)];
            for (int i = 0; i < block.Length; i++)
            {
                block[i] = rules[first + i];
            }

            BitVectorTable[]? tables;
            while ((tables = Block(block)) is null)
            {
                if (block.Length == 1)
                {
                    return null;
                }

                block = block[..^1];
            }

            blocks.Add(tables);
            firsts.Add(first);
            first += block.Length;
        }

        return new FiveTupleBitVectors([.. blocks], [.. firsts]);
    }

    /// <summary>The tables of some rules, or null when a field has too many edges.</summary>
    private static BitVectorTable[]? Block(FiveTupleRule[] rules)
    {
        List<BitVectorTable> tables = [];
        foreach (BitVectorField field in Array.TrueForAll(rules, IsInterval) ? WithService : WithProtocol)
        {
            uint last = Last(field);
            bool tellsApart = false;
            uint[][] intervals = new uint[rules.Length][];
            List<uint> edges = [];
            for (int rule = 0; rule < rules.Length; rule++)
            {
                uint[] of = intervals[rule] = Intervals(field, rules[rule]);
                tellsApart |= of.Length == 0;
                for (int i = 0; i < of.Length; i += 2)
                {
                    AddEdge(edges, of[i]);
                    AddEdge(edges, of[i + 1] == last ? 0 : of[i + 1] + 1);
                }
            }

            if (edges.Count > FiveTupleBitVectors.MostEdges)
            {
                return null;
            }

            if (tellsApart || edges.Count > 0)
            {
                tables.Add(Table(field, edges, intervals));
            }
        }

        // Rules that all match everything.
        return tables.Count > 0 ? [.. tables] : [Table(BitVectorField.Source, [], Array.ConvertAll(rules, rule => Intervals(BitVectorField.Source, rule)))];
    }

    /// <summary>Edges stay in order, each once.</summary>
    private static void AddEdge(List<uint> edges, uint edge)
    {
        int place = edges.BinarySearch(edge);
        if (edge != 0 && place < 0)
        {
            edges.Insert(~place, edge);
        }
    }

    private static BitVectorTable Table(BitVectorField field, List<uint> edges, uint[][] intervals)
    {
        int size = edges.Count switch
        {
            < 16 => 16,
            < 32 => 32,
            < 64 => 64,
            _ => 128,
        };
        uint[] tree = new uint[size], high = new uint[size], low = new uint[intervals.Length > 32 ? size : 0];
        Fill(tree, edges, 1, 0, size - 1);

        // Numbers that are not below an edge that is only there to fill the tree belong to the last interval.
        for (int i = 0; i < size; i++)
        {
            uint at = i == 0 || edges.Count == 0 ? 0 : edges[Math.Min(i, edges.Count) - 1];
            for (int rule = 0; rule < intervals.Length; rule++)
            {
                (rule < 32 ? high : low)[i] |= Has(intervals[rule], at) ? 1u << (31 - (rule & 31)) : 0;
            }
        }

        return new BitVectorTable(field, tree, high, low);
    }

    private static bool Has(uint[] intervals, uint number)
    {
        for (int i = 0; i < intervals.Length; i += 2)
        {
            if (intervals[i] <= number && number <= intervals[i + 1])
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Edges in order become a search tree: <paramref name="count"/> of them from <paramref name="from"/> on stand at <paramref name="node"/> and below.</summary>
    private static void Fill(uint[] tree, List<uint> edges, int node, int from, int count)
    {
        int half = count / 2, middle = from + half;
        tree[node] = middle < edges.Count ? edges[middle] : uint.MaxValue;
        if (half > 0)
        {
            Fill(tree, edges, node * 2, from, half);
            Fill(tree, edges, (node * 2) + 1, middle + 1, half);
        }
    }

    private static bool IsInterval(FiveTupleRule rule) =>
        rule.ProtocolMask == byte.MaxValue || rule is { ProtocolMask: 0, DestinationPortFirst: 0, DestinationPortLast: ushort.MaxValue };

    private static uint Last(BitVectorField field) => field switch
    {
        BitVectorField.Service => 0xFF_FFFF,
        BitVectorField.Protocol => byte.MaxValue,
        BitVectorField.Port => ushort.MaxValue,
        _ => uint.MaxValue,
    };

    /// <summary>What a rule matches of a field: first and last number of one interval after the other; none when it matches nothing at all.</summary>
    private static uint[] Intervals(BitVectorField field, FiveTupleRule rule)
    {
        if (rule.MatchesNothing)
        {
            return [];
        }

        return field switch
        {
            BitVectorField.Source => [rule.Source & rule.SourceMask, rule.Source | ~rule.SourceMask],
            BitVectorField.Destination => [rule.Destination & rule.DestinationMask, rule.Destination | ~rule.DestinationMask],
            BitVectorField.Service when rule.ProtocolMask == 0 => [0, Last(field)],
            BitVectorField.Service => [(uint)rule.Protocol << 16 | rule.DestinationPortFirst, (uint)rule.Protocol << 16 | rule.DestinationPortLast],
            BitVectorField.Protocol => Protocols(rule),
            BitVectorField.Port => [rule.DestinationPortFirst, rule.DestinationPortLast],
            _ => [(uint)rule.SourcePortFirst << 16, (uint)rule.SourcePortLast << 16 | 0xFFFF],
        };
    }

    private static uint[] Protocols(FiveTupleRule rule)
    {
        List<uint> intervals = [];
        for (uint protocol = 0; protocol <= byte.MaxValue; protocol++)
        {
            if (((protocol ^ rule.Protocol) & rule.ProtocolMask) != 0)
            {
                continue;
            }

            if (intervals.Count > 0 && intervals[^1] + 1 == protocol)
            {
                intervals[^1] = protocol;
            }
            else
            {
                intervals.AddRange([protocol, protocol]);
            }
        }

        return [.. intervals];
    }
}
