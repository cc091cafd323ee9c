// Longest prefix match. Blocks nest, so they cut the address space into ranges that each have one innermost block: sorted starts.
// A node knows the block that encloses it, so a look-up can also climb to all blocks that hold an address, innermost first.

using System;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Linq;
using Dataplane.Filters;
using Dataplane.Packets;

namespace Dataplane.Fabric;

/// <summary>Blocks of both families, each with a number. Immutable, thread-safe, O(log n).</summary>
public sealed class PrefixMap
{
    private readonly SortedStarts _startsV4;
    private readonly int[] _nodesV4;
    private readonly SortedStartsV6 _startsV6;
    private readonly int[] _nodesV6;
    private readonly int[] _values;
    private readonly int[] _parents;

    /// <param name="blocks">Any order; of equal blocks the one given last is found first, the others enclose it.</param>
    public PrefixMap(IEnumerable<(IpPrefix Block, int Value)> blocks)
    {
        (IpPrefix Block, int Value)[] sorted = [.. blocks.OrderBy(entry => entry.Block)];    // stable
        _values = Array.ConvertAll(sorted, entry => entry.Value);
        Blocks = Array.AsReadOnly(Array.ConvertAll(sorted, entry => entry.Block));
        _parents = new int[sorted.Length];
        (List<UInt128> starts, List<int> nodes) = Cut(sorted, false);
        _startsV4 = new SortedStarts([.. starts.Select(start => (uint)start)]);
        _nodesV4 = [.. nodes];
        (starts, nodes) = Cut(sorted, true);
        _startsV6 = new SortedStartsV6([.. starts]);
        _nodesV6 = [.. nodes];
    }

    public static PrefixMap Empty { get; } = new([]);

    public int Count => _values.Length;

    /// <summary>The node of the innermost block that holds an address, or -1.</summary>
    public int Find(IpAddress address)
    {
        int at = (address.IsIpv6 ? _startsV6.UpTo(address.High, address.Low) : _startsV4.UpTo((uint)address.Low)) - 1;
        return at < 0 ? -1 : address.IsIpv6 ? _nodesV6[at] : _nodesV4[at];
    }

    /// <summary>The number of the innermost block that holds an address, or -1.</summary>
    public int FindValue(IpAddress address)
    {
        int node = Find(address);
        return node < 0 ? -1 : _values[node];
    }

    public int Value(int node) => _values[node];

    public ReadOnlyCollection<IpPrefix> Blocks { get; }

    /// <summary>The ranges that the blocks cut a family's addresses into: first address and innermost node (-1 outside all), ascending.</summary>
    public IEnumerable<(UInt128 First, int Node)> Ranges(bool isIpv6)
    {
        for (int i = 0; i < (isIpv6 ? _startsV6.Count : _startsV4.Count); i++)
        {
            yield return isIpv6 ? (new UInt128(_startsV6[i].High, _startsV6[i].Low), _nodesV6[i]) : (_startsV4[i], _nodesV4[i]);
        }
    }

    /// <summary>The node of the next wider block, or -1.</summary>
    public int Parent(int node) => _parents[node];

    private (List<UInt128> Starts, List<int> Nodes) Cut((IpPrefix Block, int Value)[] sorted, bool isIpv6)
    {
        List<UInt128> starts = [];
        List<int> nodes = [];
        Stack<(int Node, UInt128 Last)> open = [];
        UInt128 end = isIpv6 ? UInt128.MaxValue : uint.MaxValue;
        for (int i = 0; i < sorted.Length; i++)
        {
            IpPrefix block = sorted[i].Block;
            if (block.IsIpv6 != isIpv6)
            {
                continue;
            }

            UInt128 first = new(block.Address.High, block.Address.Low);
            while (open.TryPeek(out (int Node, UInt128 Last) top) && top.Last < first)
            {
                Close();
            }

            _parents[i] = open.TryPeek(out (int Node, UInt128 Last) parent) ? parent.Node : -1;
            open.Push((i, new UInt128(block.Last.High, block.Last.Low)));
            Mark(first, i);
        }

        while (open.Count > 0)
        {
            Close();
        }

        return (starts, nodes);

        void Close()
        {
            (_, UInt128 last) = open.Pop();
            if (last < end)
            {
                Mark(last + 1, open.TryPeek(out (int Node, UInt128 Last) outer) ? outer.Node : -1);
            }
        }

        void Mark(UInt128 start, int node)
        {
            if (starts.Count > 0 && starts[^1] == start)
            {
                nodes[^1] = node;
                return;
            }

            starts.Add(start);
            nodes.Add(node);
        }
    }
}
