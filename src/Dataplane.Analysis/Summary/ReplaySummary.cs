// What a replay did, in numbers that a person reads at a glance. Bounded whatever the capture: rows of denials and address pairs have a cap, and what finds no
// row is still counted.
//
//   worker 0 .. n-1  --Observe-->  WorkerTally each      counts while packets are in its cache
//   caller           --Write---->  WorkerTally of its own, address pairs      the few packets that the workers left, in capture order
//   Complete: all tallies together. The sums, their order and their first examples are those of one tally that saw everything in order.

using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Analysis.Flows;
using Dataplane.Engine;
using Dataplane.Flows;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Analysis.Summary;

/// <summary>The flow of a packet, through private addresses.</summary>
public delegate FlowView FlowViewer(in Headers packet);

/// <summary>Counts a replay's packets, flows, denials, rules.</summary>
/// <remarks>One thread calls it, but for its observers; sums are complete after <see cref="Complete"/>.</remarks>
public sealed class ReplaySummary : IDisposable
{
    /// <summary>Rows of denials, and pairs of unplaced addresses, that are kept at most.</summary>
    public const int MostRows = 10_000;

    /// <summary>Flows that are followed at a time when records are not kept, by all workers together.</summary>
    public const int MostFlows = 1_048_576;

    internal static readonly int Verdicts = Enum.GetValues<Verdict>().Length;

    private readonly ResultTables _tables;
    private readonly WorkerTally[] _tallies;
    private readonly WorkerTally _left;
    private readonly Dictionary<(IpAddress, IpAddress), long> _unplaced = [];
    private readonly List<long> _pathHits = [];
    private readonly bool _keepsAll;
    private List<DeniedRow> _denied = [];
    private long _withoutRow;
    private long _read;

    /// <param name="tables">What the results' numbers mean.</param>
    /// <param name="options">Time-outs.</param>
    /// <param name="workers">Workers that will be observed.</param>
    /// <param name="keepAll">Whether every flow record is kept until the end (--flows): memory then grows with the number of flows.</param>
    public ReplaySummary(ResultTables tables, JudgeOptions options, int workers, bool keepAll)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(workers, 1);
        _tables = tables;
        _keepsAll = keepAll;
        _tallies = new WorkerTally[workers];
        for (int i = 0; i < workers; i++)
        {
            _tallies[i] = new WorkerTally(tables, options, MostFlows / workers, keepAll);
        }

        _left = new WorkerTally(tables, options, MostFlows, keepAll);
    }

    /// <summary>By <see cref="Verdict"/>.</summary>
    public long[] Packets { get; } = new long[Verdicts];

    /// <summary>On the wire, by <see cref="Verdict"/>.</summary>
    public long[] Bytes { get; } = new long[Verdicts];

    /// <summary>Packets read, selected or not. May be asked from any thread.</summary>
    public long Read => System.Threading.Volatile.Read(ref _read);

    /// <summary>Denied packets that found no row.</summary>
    public long DeniedWithoutRow => _withoutRow;

    /// <summary>Ended flows by verdict: allow, deny, partial, moot.</summary>
    public IReadOnlyDictionary<string, long> Flows { get; private set; } = new Dictionary<string, long>();

    /// <summary>Flows that found no room and were counted by their first packet alone.</summary>
    public long FlowsOverflowed => All.Sum(t => t.Flows.Overflowed);

    /// <summary>Most packets first.</summary>
    public IEnumerable<DeniedRow> Denied => _denied.OrderByDescending(r => r.Packets).ThenBy(r => r.ExampleNumber);

    /// <summary>Unplaced pairs, most packets first.</summary>
    public IEnumerable<((IpAddress Source, IpAddress Destination) Pair, long Packets)> Unplaced =>
        _unplaced.OrderByDescending(p => p.Value).ThenBy(p => p.Key.Item1).ThenBy(p => p.Key.Item2).Select(p => (p.Key, p.Value));

    public long Selected => Packets.Sum();

    private IEnumerable<WorkerTally> All => _tallies.Append(_left);

    /// <summary>What a worker shows its batches to.</summary>
    public IBatchObserver Observer(int worker) => _tallies[worker];

    /// <summary>Counts what the workers left of a judged block, in capture order.</summary>
    /// <param name="views">Gives packets their flows.</param>
    public void Write(PacketBlock block, FlowViewer views)
    {
        ArgumentNullException.ThrowIfNull(block);
        ArgumentNullException.ThrowIfNull(views);
        System.Threading.Volatile.Write(ref _read, _read + block.Count);
        if (!block.HasLeft)
        {
            return;
        }

        for (int i = 0; i < block.Count; i++)
        {
            if (!block.IsLeft(i))
            {
                continue;
            }

            ref readonly Headers headers = ref block.Headers[i];
            if (!block.Selected[i])
            {
                if (headers.IsFirstFragment)
                {
                    _left.Forget(in headers);
                }

                continue;
            }

            _left.AddLeft(block.FirstNumber + i, block.Packets[i].Time, in headers, in block.Results[i], View(in headers, views));
            if (block.Results[i].Path == PathTable.Unplaced)
            {
                (IpAddress, IpAddress) pair = (headers.Source, headers.Destination);
                if (_unplaced.TryGetValue(pair, out long count) || _unplaced.Count < MostRows)
                {
                    _unplaced[pair] = count + 1;
                }
            }
        }
    }

    /// <summary>Ends all flows and sums up. Nothing may be counted afterwards.</summary>
    public void Complete()
    {
        SortedDictionary<string, long> flows = new(StringComparer.Ordinal);
        foreach (WorkerTally tally in All)
        {
            tally.Flows.Complete();
            string[] names = ["allow", "deny", "partial", "moot"];
            for (int i = 0; i < names.Length; i++)
            {
                flows[names[i]] = flows.GetValueOrDefault(names[i]) + tally.Flows.Ended[i];
            }

            for (int i = 0; i < Verdicts; i++)
            {
                Packets[i] += tally.Packets[i];
                Bytes[i] += tally.Bytes[i];
            }

            for (int i = 0; i < tally.PathHits.Length; i++)
            {
                if (i == _pathHits.Count)
                {
                    _pathHits.Add(0);
                }

                _pathHits[i] += tally.PathHits[i];
            }
        }

        Flows = flows;
        _denied = DeniedTally.Merge(All.Select(t => t.Denied), out _withoutRow);
    }

    /// <summary>Gives back the memory of flows that were not completed.</summary>
    public void Dispose()
    {
        foreach (WorkerTally tally in All)
        {
            tally.Dispose();
        }
    }

    /// <summary>Every flow in order of first packet; none when records are not kept. Made while they are asked for.</summary>
    public IEnumerable<FlowRecord> FlowRecords()
    {
        FlowTally[] tallies = _keepsAll ? [.. All.Select(t => t.Flows)] : [];
        PriorityQueue<(int Tally, int Record), long> next = new();
        for (int i = 0; i < tallies.Length; i++)
        {
            if (tallies[i].Kept > 0)
            {
                next.Enqueue((i, 0), tallies[i].NumberOf(0));
            }
        }

        long number = 0;
        while (next.TryDequeue(out (int Tally, int Record) at, out _))
        {
            yield return tallies[at.Tally].Record(at.Record, ++number);
            if (at.Record + 1 < tallies[at.Tally].Kept)
            {
                next.Enqueue((at.Tally, at.Record + 1), tallies[at.Tally].NumberOf(at.Record + 1));
            }
        }
    }

    /// <summary>Rules by the packets that they let through or stopped, most first.</summary>
    /// <param name="isComponent">Whether a step of a path is a component and no rule.</param>
    public IReadOnlyList<(string Rule, long Packets, long ByTracking)> BusiestRules(Func<string, bool> isComponent, int most)
    {
        Dictionary<string, (long Packets, long ByTracking)> hits = new(StringComparer.Ordinal);
        for (int path = 0; path < _pathHits.Count; path++)
        {
            if (_pathHits[path] == 0)
            {
                continue;
            }

            PathEntry entry = _tables.Paths[path];
            HashSet<string> seen = [];
            foreach (int step in entry.Steps)
            {
                string name = _tables.Names[step & PathEntry.NameMask]!;
                bool tracked = name.StartsWith("tracked ", StringComparison.Ordinal);
                string rule = tracked ? name["tracked ".Length..] : name;
                if ((step & ~PathEntry.NameMask) != 0 || isComponent(rule) || rule.Contains('>', StringComparison.Ordinal) || !seen.Add(rule))
                {
                    continue;
                }

                (long packets, long byTracking) = hits.GetValueOrDefault(rule);
                hits[rule] = (packets + _pathHits[path], byTracking + (tracked ? _pathHits[path] : 0));
            }
        }

        return [.. hits.OrderByDescending(h => h.Value.Packets).ThenBy(h => h.Key, StringComparer.Ordinal)
            .Take(most).Select(h => (h.Key, h.Value.Packets, h.Value.ByTracking))];
    }

    /// <summary>A packet's flow; a later fragment of TCP or UDP has one without ports.</summary>
    private static FlowView View(in Headers headers, FlowViewer views)
    {
        FlowView view = default;
        if (headers.Status == PacketStatus.Ok)
        {
            view = views(in headers);
            if (!view.HasKey && headers.Protocol is 6 or 17 && !headers.PortsKnown)
            {
                Headers named = headers;
                named.Flags |= HeaderFlags.PortsKnown;
                view = views(in named);
            }

            view.Hash = FlowHash.Secret.Of(view.Key);
        }

        return view;
    }
}
