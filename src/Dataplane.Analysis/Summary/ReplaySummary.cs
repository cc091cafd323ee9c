// What a replay did, in numbers that a person reads at a glance. Bounded whatever the capture: rows of denials and address pairs have a cap, and what finds no
// row is still counted.

using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Analysis.Flows;
using Dataplane.Engine;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Analysis.Summary;

/// <summary>Counts a replay's packets, flows, denials, rules.</summary>
/// <remarks>Not thread-safe; a sink of the pipeline.</remarks>
public sealed class ReplaySummary(ResultTables tables, FlowRecorder flows) : IPacketSink
{
    /// <summary>Rows of denials, and pairs of unplaced addresses, that are kept at most.</summary>
    public const int MostRows = 10_000;

    private static readonly int Verdicts = Enum.GetValues<Verdict>().Length;

    private readonly Dictionary<(int Path, int From, int To, byte Protocol, bool Answer), DeniedRow> _byResult = [];
    private readonly Dictionary<(DenyReason, string?, string?, string?, byte, bool), DeniedRow> _rows = [];
    private readonly Dictionary<(IpAddress, IpAddress), long> _unplaced = [];
    private readonly List<long> _pathHits = [];

    /// <summary>By <see cref="Verdict"/>.</summary>
    public long[] Packets { get; } = new long[Verdicts];

    /// <summary>On the wire, by <see cref="Verdict"/>.</summary>
    public long[] Bytes { get; } = new long[Verdicts];

    /// <summary>Packets read, selected or not.</summary>
    public long Read { get; private set; }

    /// <summary>Denied packets that found no row.</summary>
    public long DeniedWithoutRow { get; private set; }

    public FlowRecorder Flows => flows;

    /// <summary>Most packets first.</summary>
    public IEnumerable<DeniedRow> Denied => _rows.Values.OrderByDescending(r => r.Packets).ThenBy(r => r.ExampleNumber);

    /// <summary>Unplaced pairs, most packets first.</summary>
    public IEnumerable<((IpAddress Source, IpAddress Destination) Pair, long Packets)> Unplaced =>
        _unplaced.OrderByDescending(p => p.Value).ThenBy(p => p.Key.Item1).ThenBy(p => p.Key.Item2).Select(p => (p.Key, p.Value));

    public long Selected => Packets.Sum();

    public void Write(PacketBlock block)
    {
        Read += block.Count;
        for (int i = 0; i < block.Count; i++)
        {
            if (block.Selected[i])
            {
                Add(block.FirstNumber + i, block.Packets[i].Time, block.Headers[i], block.Results[i]);
            }
        }
    }

    public void Complete() => flows.Complete();

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

            PathEntry entry = tables.Paths[path];
            HashSet<string> seen = [];
            foreach (int step in entry.Steps)
            {
                string name = tables.Names[step & PathEntry.NameMask]!;
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

    private void Add(long number, long time, in Headers headers, in PacketResult result)
    {
        PathEntry entry = tables.Paths[result.Path];
        Packets[(int)entry.Verdict]++;
        Bytes[(int)entry.Verdict] += headers.WireLength;
        while (_pathHits.Count <= result.Path)
        {
            _pathHits.Add(0);
        }

        _pathHits[result.Path]++;
        FlowRecord? flow = flows.Add(time, headers, result);
        if (entry.Verdict == Verdict.Deny)
        {
            Deny(number, headers, result, entry, flow);
        }
        else if (entry.Verdict == Verdict.Unplaced)
        {
            (IpAddress, IpAddress) pair = (headers.Source, headers.Destination);
            if (_unplaced.TryGetValue(pair, out long count) || _unplaced.Count < MostRows)
            {
                _unplaced[pair] = count + 1;
            }
        }
    }

    private void Deny(long number, in Headers headers, in PacketResult result, PathEntry entry, FlowRecord? flow)
    {
        bool answer = flow is not null && DeniedRow.Answers(headers, flow.Headers);
        (int, int, int, byte, bool) numbers = (result.Path, result.From, result.To, headers.Protocol, answer);
        if (!_byResult.TryGetValue(numbers, out DeniedRow? row))
        {
            (DenyReason, string?, string?, string?, byte, bool) key =
                (entry.Reason, tables.Names[entry.Rule], tables.Names[result.From], tables.Names[result.To], headers.Protocol, answer);
            if (!_rows.TryGetValue(key, out row))
            {
                if (_rows.Count >= MostRows)
                {
                    DeniedWithoutRow++;
                    return;
                }

                row = new DeniedRow
                {
                    Reason = key.Item1,
                    Rule = key.Item2,
                    From = key.Item3,
                    To = key.Item4,
                    Protocol = key.Item5,
                    Example = headers,
                    ExampleOutcome = tables.Describe(result),
                    ExampleNumber = number,
                    Question = flow?.Headers ?? headers,
                };
                _rows.Add(key, row);
            }

            if (_byResult.Count < MostRows)
            {
                _byResult.Add(numbers, row);
            }
        }

        row.Add(headers);
    }
}
