// Builds the tree of FiveTupleTree.
//
// A node is a box: an interval of each of the four fields, and the rules that touch it, in order. What an earlier rule of the box covers wholly goes, and so does
// everything behind a rule that covers the box. It is cut in two at the edge of some rule where that is cheaper than a leaf.
//
// Costs are counted in steps: one rule against one vector of 16 packets. A box gets the share of a chunk that its rules have of all rules; a leaf costs its rules
// times its vectors, a cut some steps for itself and some for each vector. So a box that gets less than a vector is never cut: the step costs the same for one packet as for 16.
// A box that no cut makes cheaper stays a leaf, however long, and so does every box once the references that the leaves may hold in all are used up: then
// a look-up is slower, never wrong.

using System;
using System.Collections.Generic;
using Dataplane.Filters;

namespace Dataplane.Compiler.FiveTuples;

/// <summary>From rules to the tables of <see cref="FiveTupleTree"/>.</summary>
internal sealed class FiveTupleTreeBuilder
{
    // Measured: a cut takes as long as this many steps, and this many more for each vector that goes through it.
    private const double CutSteps = 30, CutStepsPerVector = 7;

    private const double Lanes = 16;

    private const int Source = 0, Destination = 1, Service = 2, Tag = 3, Fields = 4;

    // Edges that are weighed for one field of one box.
    private const int MostCandidates = 32;

    private const uint LastService = 0xFF_FFFF;

    private readonly Shape[] _shapes;
    private readonly int[] _rowOf;
    private readonly List<uint> _plain = [];
    private readonly List<uint> _full = [];
    private readonly List<uint> _nodes = [];
    private readonly List<int> _leaves = [];
    private readonly List<int> _references = [];
    private readonly List<uint> _edges = [];
    private readonly int[] _starts = new int[MostCandidates + 2];
    private readonly int[] _ends = new int[MostCandidates + 2];
    private long _left;

    /// <param name="mostReferences">That leaves may hold in all, unless a single leaf needs more.</param>
    public FiveTupleTreeBuilder(IReadOnlyList<FiveTupleRule> rules, long mostReferences)
    {
        _left = mostReferences;
        _shapes = new Shape[rules.Count];
        _rowOf = new int[rules.Count];
        for (int i = 0; i < rules.Count; i++)
        {
            _shapes[i] = new Shape(rules[i]);
            _rowOf[i] = Row(rules[i], _shapes[i], i);
        }
    }

    public int Leaves => _leaves.Count / FiveTupleTree.LeafWidth;

    public int LongestLeaf { get; private set; }

    public FiveTupleTree Build()
    {
        List<int> all = [];
        for (int i = 0; i < _shapes.Length; i++)
        {
            if (!_shapes[i].MatchesNothing)
            {
                all.Add(i);
            }
        }

        Box everything = new();
        everything.Last[Source] = everything.Last[Destination] = everything.Last[Tag] = uint.MaxValue;
        everything.Last[Service] = LastService;
        _left -= all.Count;
        Node([.. all], everything, FiveTupleClassifier.Chunk / Lanes, 0);
        return new FiveTupleTree([.. _nodes], [.. _leaves], [.. _references], [.. _plain], [.. _full]);
    }

    /// <summary>Writes a node or a leaf and everything below it; the number by which its parent knows it.</summary>
    private int Node(int[] rules, Box box, double vectors, int depth)
    {
        int before = rules.Length;
        rules = Needed(rules, box);
        _left += before - rules.Length;
        if (depth >= FiveTupleTree.Deepest || !Cut(rules, box, vectors, out int field, out uint threshold, out double share))
        {
            return Leaf(rules);
        }

        Box below = box.Copy(), above = box.Copy();
        below.Last[field] = threshold - 1;
        above.First[field] = threshold;
        int[] low = Touching(rules, below), high = Touching(rules, above);
        long more = (long)low.Length + high.Length - rules.Length;
        if (more > _left)
        {
            return Leaf(rules);
        }

        _left -= more;
        int node = _nodes.Count / FiveTupleTree.NodeWidth;
        _nodes.AddRange([(uint)field, threshold, 0, 0]);
        int left = Node(low, below, vectors * share, depth + 1);
        int right = Node(high, above, vectors * (1 - share), depth + 1);
        _nodes[node * FiveTupleTree.NodeWidth + 2] = (uint)left;
        _nodes[node * FiveTupleTree.NodeWidth + 3] = (uint)right;
        return node;
    }

    private int Leaf(int[] rules)
    {
        int start = _references.Count, plain = 0;
        foreach (bool isPlain in new[] { true, false })
        {
            foreach (int rule in rules)
            {
                if (_shapes[rule].IsPlain == isPlain)
                {
                    _references.Add(_rowOf[rule]);
                }
            }

            plain = isPlain ? _references.Count - start : plain;
        }

        LongestLeaf = Math.Max(LongestLeaf, rules.Length);
        _leaves.AddRange([start, plain, rules.Length - plain]);
        return ~(_leaves.Count / FiveTupleTree.LeafWidth - 1);
    }

    /// <summary>Without the rules behind one that covers the box.</summary>
    private int[] Needed(int[] rules, Box box)
    {
        for (int i = 0; i < rules.Length; i++)
        {
            if (_shapes[rules[i]].Covers(box))
            {
                return rules[..(i + 1)];
            }
        }

        return rules;
    }

    private int[] Touching(int[] rules, Box box)
    {
        List<int> touching = new(rules.Length);
        foreach (int rule in rules)
        {
            if (_shapes[rule].Touches(box))
            {
                touching.Add(rule);
            }
        }

        return [.. touching];
    }

    /// <summary>The cheapest cut, if one is worth it.</summary>
    private bool Cut(int[] rules, Box box, double vectors, out int bestField, out uint bestThreshold, out double bestShare)
    {
        double limit = LeafSteps(rules.Length, vectors) - CutSteps - (CutStepsPerVector * vectors), best = limit;
        bestField = 0;
        bestShare = 0;
        bestThreshold = 0;
        for (int field = 0; field < Fields && limit > 0; field++)
        {
            _edges.Clear();
            foreach (int rule in rules)
            {
                (uint first, uint last) = _shapes[rule].Interval(field, box);
                if (first > box.First[field])
                {
                    _edges.Add(first);
                }

                if (last < box.Last[field])
                {
                    _edges.Add(last + 1);
                }
            }

            if (_edges.Count == 0)
            {
                continue;
            }

            _edges.Sort();
            int candidates = Thin();

            // A rule goes left of every edge above its first number and right of every edge up to its last: counted by where the two fall among the edges.
            Array.Clear(_starts);
            Array.Clear(_ends);
            foreach (int rule in rules)
            {
                (uint first, uint last) = _shapes[rule].Interval(field, box);
                _starts[Above(first, candidates)]++;
                _ends[Above(last, candidates)]++;
            }

            int begun = 0, ended = 0;
            for (int i = 0; i < candidates; i++)
            {
                begun += _starts[i];
                ended += _ends[i];

                // begun: first < edge; ended: last < edge.
                int left = begun, right = rules.Length - ended, across = begun - ended;
                double share = (ended + across / 2.0) / rules.Length;
                double cost = LeafSteps(left, vectors * share) + LeafSteps(right, vectors * (1 - share));
                if (cost < best)
                {
                    best = cost;
                    bestField = field;
                    bestThreshold = _edges[i];
                    bestShare = share;
                }
            }
        }

        return best < limit;
    }

    /// <summary>Vectors are whole: half of one is lost on the average.</summary>
    private static double LeafSteps(int rules, double vectors) => rules * (vectors + 0.5);

    /// <summary>Leaves at most <see cref="MostCandidates"/> different edges, spread as all of them are, at the front.</summary>
    private int Thin()
    {
        int kept = 0;
        int count = _edges.Count;
        for (int i = 0; i < MostCandidates; i++)
        {
            uint edge = _edges[(int)((i + 1L) * count / (MostCandidates + 1))];
            if (kept == 0 || _edges[kept - 1] != edge)
            {
                _edges[kept++] = edge;
            }
        }

        return kept;
    }

    /// <summary>Candidates up to and including a number: its place among them.</summary>
    private int Above(uint number, int candidates)
    {
        int low = 0, high = candidates;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_edges[middle] <= number)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    private int Row(in FiveTupleRule rule, Shape shape, int number)
    {
        if (shape.IsPlain)
        {
            _plain.AddRange(
            [
                rule.Source & rule.SourceMask, rule.SourceMask, rule.Destination & rule.DestinationMask, rule.DestinationMask,
                shape.ServiceFirst, shape.ServiceLast - shape.ServiceFirst, (uint)number, 0,
            ]);
            return _plain.Count - FiveTupleTree.PlainWidth;
        }

        uint tagFirst = (uint)rule.SourcePortFirst << 16;
        _full.AddRange(
        [
            rule.Source & rule.SourceMask, rule.SourceMask, rule.Destination & rule.DestinationMask, rule.DestinationMask,
            tagFirst, ((uint)rule.SourcePortLast << 16 | 0xFFFF) - tagFirst,
            rule.DestinationPortFirst, (uint)(rule.DestinationPortLast - rule.DestinationPortFirst),
            (uint)(rule.Protocol & rule.ProtocolMask) << 16, (uint)rule.ProtocolMask << 16, (uint)number, 0,
        ]);
        return _full.Count - FiveTupleTree.FullWidth;
    }

    /// <summary>First and last number of each field.</summary>
    private sealed class Box
    {
        public uint[] First { get; private init; } = new uint[Fields];

        public uint[] Last { get; private init; } = new uint[Fields];

        public Box Copy() => new() { First = [.. First], Last = [.. Last] };
    }

    /// <summary>A rule as intervals of the four fields.</summary>
    private sealed class Shape
    {
        private readonly FiveTupleRule _rule;

        public Shape(in FiveTupleRule rule)
        {
            _rule = rule;
            bool allPorts = rule is { DestinationPortFirst: 0, DestinationPortLast: ushort.MaxValue };
            bool oneInterval = rule.ProtocolMask == byte.MaxValue || (rule.ProtocolMask == 0 && allPorts);
            IsPlain = oneInterval && rule is { SourcePortFirst: 0, SourcePortLast: ushort.MaxValue };
            uint protocol = (uint)rule.Protocol << 16;
            (ServiceFirst, ServiceLast) = rule.ProtocolMask == byte.MaxValue
                ? (protocol | rule.DestinationPortFirst, protocol | rule.DestinationPortLast)
                : (0u, LastService);
            IsServiceExact = oneInterval;
        }

        public bool IsPlain { get; }

        public uint ServiceFirst { get; }

        public uint ServiceLast { get; }

        public bool MatchesNothing => _rule.MatchesNothing;

        private bool IsServiceExact { get; }

        /// <summary>What the rule matches of a field, if it touches the box.</summary>
        public (uint First, uint Last) Interval(int field, Box box) => field switch
        {
            Source => (_rule.Source & _rule.SourceMask, _rule.Source | ~_rule.SourceMask),
            Destination => (_rule.Destination & _rule.DestinationMask, _rule.Destination | ~_rule.DestinationMask),
            Tag => ((uint)_rule.SourcePortFirst << 16, (uint)_rule.SourcePortLast << 16 | 0xFFFF),
            _ => Services(box),
        };

        public bool Touches(Box box)
        {
            for (int field = 0; field < Fields; field++)
            {
                (uint first, uint last) = Interval(field, box);
                if (first > box.Last[field] || last < box.First[field])
                {
                    return false;
                }
            }

            return true;
        }

        /// <summary>It matches every packet of the box.</summary>
        public bool Covers(Box box)
        {
            for (int field = 0; field < Fields; field++)
            {
                (uint first, uint last) = Interval(field, box);
                if (first > box.First[field] || last < box.Last[field])
                {
                    return false;
                }
            }

            return IsServiceExact || box.First[Service] >> 16 == box.Last[Service] >> 16;
        }

        /// <summary>Ports of several protocols are no interval; within a box of one protocol they are, and elsewhere everything stands for them.</summary>
        private (uint First, uint Last) Services(Box box)
        {
            if (IsServiceExact)
            {
                return (ServiceFirst, ServiceLast);
            }

            uint protocol = box.First[Service] >> 16;
            if (protocol != box.Last[Service] >> 16)
            {
                return (0, LastService);
            }

            return ((protocol ^ _rule.Protocol) & _rule.ProtocolMask) == 0
                ? (protocol << 16 | _rule.DestinationPortFirst, protocol << 16 | _rule.DestinationPortLast)
                : (uint.MaxValue, 0);
        }
    }
}
