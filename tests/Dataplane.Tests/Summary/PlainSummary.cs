using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Analysis.Flows;
using Dataplane.Analysis.Summary;
using Dataplane.Compiler;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Tests.Engine;
using Dataplane.Topology.Model;

namespace Dataplane.Tests.Summary;

/// <summary>A summary as one would write it without a thought of speed: packet by packet, in order, with dictionaries. What ReplaySummary must equal.</summary>
internal sealed class PlainSummary
{
    private readonly long[] _packets = new long[6];
    private readonly long[] _bytes = new long[6];
    private readonly Dictionary<(IpAddress, IpAddress), long> _unplaced = [];
    private readonly Dictionary<(DenyReason, string?, string?, string?, byte, bool), DeniedRow> _rows = [];
    private readonly Dictionary<DeniedRow, (long Packets, long Bytes)> _sums = [];
    private readonly Dictionary<int, long> _hits = [];
    private long _read;
    private FlowRecorder _flows = null!;
    private ResultTables _tables = null!;

    public static PlainSummary Of(Network network, JudgeOptions options, List<TimedPacket> traffic, bool[] selected)
    {
        PlainSummary summary = new();
        using NetworkEngine engine = NetworkEngine.Build(network, options);
        summary._tables = engine.Judge.Tables;
        Dictionary<IpAddress, IpAddress> toPrivate = [];
        foreach (InterfaceAddress address in network.Interfaces.SelectMany(i => i.Addresses))
        {
            if (address.Public is { } outside)
            {
                toPrivate.TryAdd(outside, address.Private);
            }
        }

        summary._flows = new FlowRecorder(engine.Judge.Tables, options, a => toPrivate.GetValueOrDefault(a, a));
        foreach (PacketBlock block in ReplaySummaryTests.Blocks(traffic, selected, PacketBlock.Capacity))
        {
            engine.Judge.Judge(block);
            for (int i = 0; i < block.Count; i++)
            {
                summary.Add(block, i);
            }

            block.Reset();
        }

        summary._flows.Complete();
        return summary;
    }

    /// <param name="withRecords">Whether flow records follow.</param>
    public string Text(bool withRecords = true)
    {
        Dictionary<string, (long Packets, long ByTracking)> rules = [];
        foreach ((int path, long hits) in _hits)
        {
            HashSet<string> seen = [];
            foreach (int step in _tables.Paths[path].Steps)
            {
                string name = _tables.Names[step & PathEntry.NameMask]!;
                bool tracked = name.StartsWith("tracked ", StringComparison.Ordinal);
                string rule = tracked ? name[8..] : name;
                if ((step & ~PathEntry.NameMask) == 0 && !rule.Contains('>', StringComparison.Ordinal) && seen.Add(rule))
                {
                    (long packets, long byTracking) = rules.GetValueOrDefault(rule);
                    rules[rule] = (packets + hits, byTracking + (tracked ? hits : 0));
                }
            }
        }

        return string.Join('\n',
            (IEnumerable<string>)[
                string.Join(' ', _packets),
                string.Join(' ', _bytes),
                $"{_read} 0 0",
                string.Join(' ', _flows.Ended.Select(f => $"{f.Key}={f.Value}")),
                .. _unplaced.OrderByDescending(p => p.Value).ThenBy(p => p.Key.Item1).ThenBy(p => p.Key.Item2).Select(p => $"unplaced {(p.Key, p.Value)}"),
                .. _rows.Values.OrderByDescending(r => _sums[r].Packets).ThenBy(r => r.ExampleNumber).Select(r => Text(r, _sums[r].Packets, _sums[r].Bytes)),
                .. rules.OrderByDescending(r => r.Value.Packets).ThenBy(r => r.Key, StringComparer.Ordinal).Take(1_000).Select(r => (r.Key, r.Value.Packets, r.Value.ByTracking).ToString()),
                .. _flows.All.Where(_ => withRecords).Select(f => Text(f, _tables)),
            ]);
    }

    public static string Text(DeniedRow row) => Text(row, row.Packets, row.Bytes);

    public static string Text(FlowRecord flow, ResultTables tables) =>
        $"{flow.Number} {flow.First} {flow.Last} {Text(flow.Headers)} {tables.Describe(flow.FirstResult)} {tables.Describe(flow.Result)} {flow.VerdictText} {flow.FirstJudged} "
        + $"{flow.Packets} {flow.Bytes} {flow.ReturnPackets} {flow.ReturnBytes} {flow.Denied} {flow.Moot}";

    private static string Text(DeniedRow row, long packets, long bytes) =>
        $"{row.Reason} {row.Rule} {row.From} {row.To} {row.Protocol} #{row.ExampleNumber} {Text(row.Example)} {row.ExampleOutcome} asks {Text(row.Question)} {row.IsAnswer} {packets} {bytes}"
        + $" {row.Services.Count} ports {row.Sources.Count} sources {row.Destinations.Count} destinations {string.Join(' ', row.Services.OrderBy(s => s.Key))}"
        + (row.Sources.Count == DeniedRow.MostDistinct ? "" : $" {string.Join(' ', row.Sources.Order())}") + $" {string.Join(' ', row.Destinations.Order())}";

    private static string Text(in Headers packet) =>
        $"{packet.Protocol} {packet.Source}:{packet.SourcePort}>{packet.Destination}:{packet.DestinationPort} {packet.TcpFlags} {packet.Flags} {packet.FragmentId} {packet.WireLength}";

    private void Add(PacketBlock block, int index)
    {
        _read++;
        ref readonly Headers headers = ref block.Headers[index];
        if (!block.Selected[index])
        {
            _flows.Forget(headers);
            return;
        }

        PacketResult result = block.Results[index];
        PathEntry entry = _tables.Paths[result.Path];
        _packets[(int)entry.Verdict]++;
        _bytes[(int)entry.Verdict] += headers.WireLength;
        _hits[result.Path] = _hits.GetValueOrDefault(result.Path) + 1;
        FlowRecord? flow = _flows.Add(block.Packets[index].Time, headers, result);
        if (entry.Verdict == Verdict.Unplaced)
        {
            (IpAddress, IpAddress) pair = (headers.Source, headers.Destination);
            _unplaced[pair] = _unplaced.GetValueOrDefault(pair) + 1;
        }
        else if (entry.Verdict == Verdict.Deny)
        {
            bool answer = flow is not null && (flow.Headers.Source != headers.Source
                || (headers.PortsKnown && !headers.IsIcmp && flow.Headers.SourcePort != headers.SourcePort));
            (DenyReason, string?, string?, string?, byte, bool) key =
                (entry.Reason, _tables.Names[entry.Rule], _tables.Names[result.From], _tables.Names[result.To], headers.Protocol, answer);
            if (!_rows.TryGetValue(key, out DeniedRow? row))
            {
                row = new DeniedRow
                {
                    Reason = key.Item1,
                    Rule = key.Item2,
                    From = key.Item3,
                    To = key.Item4,
                    Protocol = key.Item5,
                    Example = headers,
                    ExampleOutcome = _tables.Describe(result),
                    ExampleNumber = block.FirstNumber + index,
                    Question = flow?.Headers ?? headers,
                };
                _rows.Add(key, row);
                _sums.Add(row, default);
            }

            (long packets, long bytes) = _sums[row];
            _sums[row] = (packets + 1, bytes + headers.WireLength);
            if (headers.PortsKnown)
            {
                row.Services[headers.DestinationPort] = row.Services.GetValueOrDefault(headers.DestinationPort) + 1;
            }

            row.Sources.Add(headers.Source);
            row.Destinations.Add(headers.Destination);
        }
    }
}
