// One worker's denials, by reason, rule, ends, protocol. A denied packet of a known row costs a look into a small cache of rows and three comparisons with what the row
// saw last; only what is new goes to dictionaries.
//
// Rows of several workers are put together at the end (Merge) as if one had seen all packets in capture order: of rows, ports and addresses the first
// ones are kept, so each remembers the packet that brought it. A worker may keep more ports of a row than the row shows, as long as its budget
// lasts: else a port that one worker refused would lack packets.

using System;
using System.Collections.Generic;
using System.Linq;
using System.Numerics;
using System.Runtime.CompilerServices;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Analysis.Summary;

/// <summary>Counts denied packets into rows.</summary>
/// <remarks>Not thread-safe. Allocates for new rows, ports and addresses only, all of them bounded.</remarks>
internal sealed class DeniedTally(ResultTables tables)
{
    private const int CacheBits = 8;
    private const int SeenBits = 10;

    /// <summary>Ports of all rows together that are kept beyond what rows show.</summary>
    private const int SpareServices = 1 << 18;

    private readonly Dictionary<RowKey, Row> _rows = [];
    private readonly Cached[] _cache = new Cached[1 << CacheBits];
    private readonly Seen[] _seen = new Seen[1 << SeenBits];
    private int _spare = SpareServices;
    private long _withoutRow;

    /// <param name="flowFirst">The first packet of its flow, itself where it has none.</param>
    /// <returns>For <see cref="Again"/>; null when it found no row.</returns>
    internal Row? Add(long number, in Headers headers, in PacketResult result, PathEntry entry, in Headers flowFirst, bool hasFlow)
    {
        bool answer = hasFlow && DeniedRow.Answers(headers, flowFirst);
        ref Cached cached = ref _cache[Place(result, headers.Protocol, answer)];
        Row? row = cached.Row;
        if (row is null || cached.Path != result.Path || cached.From != result.From || cached.To != result.To || cached.Protocol != headers.Protocol || cached.Answer != answer)
        {
            row = Find(number, headers, result, entry, flowFirst, answer);
            if (row is null)
            {
                _withoutRow++;
                return null;
            }

            // A lent number means another path soon.
            if (result.Path < PathTable.MaxPaths)
            {
                cached = new Cached { Path = result.Path, From = result.From, To = result.To, Protocol = headers.Protocol, Answer = answer, Row = row };
            }
        }

        Again(row, number, in headers);
        if (row.Sources.Count < DeniedRow.MostDistinct && IsNew(row.Number * 2, headers.Source))
        {
            row.Sources.Add(headers.Source);
        }

        if (row.Destinations.Count < DeniedRow.MostDistinct && IsNew((row.Number * 2) + 1, headers.Destination))
        {
            row.Destinations.Add(headers.Destination);
        }

        return row;
    }

    /// <summary>Counts a packet of a flow whose packet before, in the same direction and with the same result, went to this row: its addresses are known.</summary>
    internal void Again(Row row, long number, in Headers headers)
    {
        row.Packets++;
        row.Bytes += headers.WireLength;
        if (headers.PortsKnown)
        {
            if (row.Services.Count > 0 && row.LastService == headers.DestinationPort)
            {
                row.LastPackets++;
            }
            else
            {
                Service(row, headers.DestinationPort, number);
            }
        }
    }

    /// <summary>All workers' rows as one would have made them, in order of first packet.</summary>
    /// <param name="withoutRow">Denied packets that found no row.</param>
    internal static List<DeniedRow> Merge(IEnumerable<DeniedTally> tallies, out long withoutRow)
    {
        withoutRow = 0;
        Dictionary<RowKey, List<Row>> all = [];
        foreach (DeniedTally tally in tallies)
        {
            withoutRow += tally._withoutRow;
            foreach ((RowKey key, Row row) in tally._rows)
            {
                Settle(row);
                if (!all.TryGetValue(key, out List<Row>? same))
                {
                    all.Add(key, same = []);
                }

                same.Add(row);
            }
        }

        List<DeniedRow> merged = [];
        foreach ((RowKey key, List<Row> rows) in all.OrderBy(r => r.Value.Min(row => row.ExampleNumber)))
        {
            if (merged.Count == ReplaySummary.MostRows)
            {
                withoutRow += rows.Sum(r => r.Packets);
                continue;
            }

            merged.Add(Merge(key, rows));
        }

        return merged;
    }

    private static DeniedRow Merge(RowKey key, List<Row> rows)
    {
        Row first = rows.MinBy(r => r.ExampleNumber)!;
        DeniedRow merged = new()
        {
            Reason = key.Reason,
            Rule = key.Rule,
            From = key.From,
            To = key.To,
            Protocol = key.Protocol,
            Example = first.Example,
            ExampleOutcome = first.Outcome,
            ExampleNumber = first.ExampleNumber,
            Question = first.Question,
            Packets = rows.Sum(r => r.Packets),
            Bytes = rows.Sum(r => r.Bytes),
        };
        Dictionary<ushort, ServiceCount> services = [];
        foreach (Row row in rows)
        {
            foreach ((ushort service, ServiceCount count) in row.Services)
            {
                ServiceCount known = services.GetValueOrDefault(service, new ServiceCount(0, long.MaxValue));
                services[service] = new ServiceCount(known.Packets + count.Packets, Math.Min(known.First, count.First));
            }

            Unite(merged.Sources, row.Sources);
            Unite(merged.Destinations, row.Destinations);
        }

        foreach ((ushort service, ServiceCount count) in services.OrderBy(s => s.Value.First).Take(DeniedRow.MostDistinct))
        {
            merged.Services.Add(service, count.Packets);
        }

        return merged;
    }

    private static void Unite(HashSet<IpAddress> all, HashSet<IpAddress> some)
    {
        foreach (IpAddress address in some)
        {
            if (all.Count == DeniedRow.MostDistinct)
            {
                return;
            }

            all.Add(address);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Place(in PacketResult result, byte protocol, bool answer)
    {
        uint mixed = ((uint)result.Path * 0x9E37_79B1) ^ ((uint)result.From * 0x85EB_CA6B) ^ BitOperations.RotateLeft((uint)result.To * 0xC2B2_AE35, 7);
        return (int)(((mixed + protocol + (answer ? 256u : 0)) * 0x9E37_79B1) >> (32 - CacheBits));
    }

    private Row? Find(long number, in Headers headers, in PacketResult result, PathEntry entry, in Headers flowFirst, bool answer)
    {
        RowKey key = new(entry.Reason, tables.Names[entry.Rule], tables.Names[result.From], tables.Names[result.To], headers.Protocol, answer);
        if (!_rows.TryGetValue(key, out Row? row) && _rows.Count < ReplaySummary.MostRows)
        {
            row = new Row
            {
                Number = _rows.Count,
                Example = headers,
                Outcome = tables.Describe(result),
                ExampleNumber = number,
                Question = flowFirst,
            };
            _rows.Add(key, row);
        }

        return row;
    }

    private void Service(Row row, ushort service, long number)
    {
        Settle(row);
        if (!row.Services.TryGetValue(service, out ServiceCount count))
        {
            if (row.Services.Count >= DeniedRow.MostDistinct)
            {
                if (_spare == 0)
                {
                    return;
                }

                _spare--;
            }

            count = new ServiceCount(0, number);
        }

        row.Services[service] = count with { Packets = count.Packets + 1 };
        row.LastService = service;
    }

    /// <summary>Gives the packets of the service that was seen last to it.</summary>
    private static void Settle(Row row)
    {
        if (row.LastPackets > 0)
        {
            ServiceCount count = row.Services[row.LastService];
            row.Services[row.LastService] = count with { Packets = count.Packets + row.LastPackets };
            row.LastPackets = 0;
        }
    }

    /// <summary>False when this set was given the address lately.</summary>
    private bool IsNew(int set, IpAddress address)
    {
        ref Seen seen = ref _seen[(int)(((address.Low ^ BitOperations.RotateLeft(address.High, 32) ^ (uint)set) * 0x9E37_79B9_7F4A_7C15) >> (64 - SeenBits))];
        if (seen.Set == set + 1 && seen.Address.Equals(address))
        {
            return false;
        }

        seen = new Seen { Set = set + 1, Address = address };
        return true;
    }

    private readonly record struct RowKey(DenyReason Reason, string? Rule, string? From, string? To, byte Protocol, bool Answer);

    /// <param name="First">The packet that brought it.</param>
    internal readonly record struct ServiceCount(long Packets, long First);

    private struct Cached
    {
        public int Path;
        public int From;
        public int To;
        public byte Protocol;
        public bool Answer;
        public Row? Row;
    }

    private struct Seen
    {
        public int Set;
        public IpAddress Address;
    }

    /// <summary>Denied packets of one reason, rule, ends and protocol.</summary>
    internal sealed class Row
    {
        public required int Number { get; init; }

        public required Headers Example { get; init; }

        public required Outcome Outcome { get; init; }

        public required long ExampleNumber { get; init; }

        public required Headers Question { get; init; }

        public long Packets { get; set; }

        public long Bytes { get; set; }

        public ushort LastService { get; set; }

        /// <summary>Packets of the last service that its count does not hold yet.</summary>
        public long LastPackets { get; set; }

        public Dictionary<ushort, ServiceCount> Services { get; } = [];

        public HashSet<IpAddress> Sources { get; } = [];

        public HashSet<IpAddress> Destinations { get; } = [];
    }
}
