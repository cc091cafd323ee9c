// Packets into flows, in capture order, after they were judged.
//
// The key is that of R-13: both ends with public addresses of the topology replaced by private ones, protocol and ports, both directions alike; for ICMP the requester, the
// responder, identifier and query type. A later fragment counts with its first one, as long as the engine remembers that one. ICMP that is neither query nor reply, and packets without a place
// (unplaced, invalid, ignored), belong to no flow.
//
// Every record is kept until the end: diff asks for them one by one, so memory grows with the number of flows. Summaries count flows by FlowTally, which is bounded.

using System;
using System.Collections.Generic;
using Dataplane.Engine;
using Dataplane.Flows;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Analysis.Flows;

/// <summary>Groups judged packets into flow records.</summary>
/// <remarks>Not thread-safe. Packets must come in capture order.</remarks>
public sealed class FlowRecorder
{
    private const long Second = 1_000_000_000;
    private const int MaxFragments = 65_536;

    private readonly ResultTables _tables;
    private readonly JudgeOptions _options;
    private readonly Func<IpAddress, IpAddress> _toPrivate;
    private readonly Dictionary<FlowKey, FlowRecord> _live = [];
    private readonly Dictionary<FragmentKey, (FlowRecord Flow, long Dies)> _fragments = [];
    private readonly List<FlowRecord> _all = [];

    /// <param name="tables">What the results' numbers mean.</param>
    /// <param name="options">Time-outs.</param>
    /// <param name="toPrivate">A public address of the topology to its private one; any other to itself.</param>
    public FlowRecorder(ResultTables tables, JudgeOptions options, Func<IpAddress, IpAddress> toPrivate)
    {
        _tables = tables;
        _options = options;
        _toPrivate = toPrivate;
    }

    /// <summary>Every flow in order of first packet.</summary>
    public IReadOnlyList<FlowRecord> All => _all;

    /// <summary>Ended flows by verdict: allow, deny, partial, moot.</summary>
    public SortedDictionary<string, long> Ended { get; } = new(StringComparer.Ordinal);

    /// <summary>Adds a packet; the flow that it belongs to, or null.</summary>
    public FlowRecord? Add(long time, in Headers headers, in PacketResult result)
    {
        Verdict verdict = _tables.Paths[result.Path].Verdict;
        if (verdict is not (Verdict.Allow or Verdict.Deny or Verdict.Moot))
        {
            Forget(headers);
            return null;
        }

        FlowRecord? flow = headers.IsLaterFragment ? Fragment(headers, time) : null;
        bool forward = true;
        if (flow is null)
        {
            if (!FlowKey.TryMake(headers, _toPrivate, out FlowKey key))
            {
                Forget(headers);
                return null;
            }

            if (!_live.TryGetValue(key, out flow) || Ends(flow, time, headers))
            {
                if (flow is not null)
                {
                    End(flow);
                    _live.Remove(key);
                }

                flow = Begin(key, time, headers, result);
            }

            forward = key.IsForwardOf(flow, headers, _toPrivate);
        }
        else
        {
            forward = flow.Headers.Source == headers.Source;
        }

        Tally(flow, time, headers, result, verdict, forward);
        if (headers.IsFirstFragment)
        {
            if (_fragments.Count >= MaxFragments)
            {
                _fragments.Clear();
            }

            _fragments[FragmentKey.Of(headers)] = (flow, Timeouts.After(Timeouts.Clamp(time), FragmentMemory.Lifetime));
        }

        return flow;
    }

    /// <summary>A packet that is not added. A first fragment that is not counted ends an older datagram of its key: later ones are not that one's.</summary>
    public void Forget(in Headers headers)
    {
        if (headers.IsFirstFragment && _fragments.Count > 0)
        {
            _fragments.Remove(FragmentKey.Of(headers));
        }
    }

    /// <summary>Ends what still lives, so that <see cref="Ended"/> holds every flow.</summary>
    public void Complete()
    {
        foreach (FlowRecord flow in _live.Values)
        {
            End(flow);
        }

        _live.Clear();
    }

    private static void Tally(FlowRecord flow, long time, in Headers headers, in PacketResult result, Verdict verdict, bool forward)
    {
        flow.Last = Math.Max(flow.Last, time);
        if (forward)
        {
            flow.Packets++;
            flow.Bytes += headers.WireLength;
        }
        else
        {
            flow.ReturnPackets++;
            flow.ReturnBytes += headers.WireLength;
        }

        switch (verdict)
        {
            case Verdict.Moot:
                flow.Moot++;
                break;
            case Verdict.Deny:
                if (flow.Denied++ == 0)
                {
                    flow.Result = result;
                }

                break;
        }

        if (flow.FirstJudged == Verdict.Moot && verdict != Verdict.Moot)
        {
            flow.FirstJudged = verdict;
        }

        flow.Life.See(headers, forward);
    }

    private bool Ends(FlowRecord flow, long time, in Headers headers) =>
        time - flow.Last >= flow.Life.TimeOut(headers.Protocol, flow.Packets, flow.ReturnPackets, _options) * Second
        || (headers.IsSyn && flow.Life.IsClosed);

    private FlowRecord? Fragment(in Headers headers, long time) =>
        _fragments.TryGetValue(FragmentKey.Of(headers), out (FlowRecord Flow, long Dies) first) && Timeouts.Clamp(time) < first.Dies ? first.Flow : null;

    private FlowRecord Begin(FlowKey key, long time, in Headers headers, in PacketResult result)
    {
        FlowRecord flow = new()
        {
            Number = _all.Count + 1,
            First = time,
            Last = time,
            Headers = headers,
            FirstResult = result,
            Result = result,
        };
        _all.Add(flow);
        _live[key] = flow;
        return flow;
    }

    private void End(FlowRecord flow)
    {
        Ended.TryGetValue(flow.VerdictText, out long count);
        Ended[flow.VerdictText] = count + 1;
    }

    private readonly record struct FragmentKey(IpAddress Source, IpAddress Destination, byte Protocol, uint Id)
    {
        internal static FragmentKey Of(in Headers headers) => new(headers.Source, headers.Destination, headers.FragmentProtocol, headers.FragmentId);
    }

    private readonly record struct FlowKey(IpAddress A, IpAddress B, ushort PortA, ushort PortB, byte Protocol)
    {
        internal static bool TryMake(in Headers headers, Func<IpAddress, IpAddress> toPrivate, out FlowKey key)
        {
            IpAddress source = toPrivate(headers.Source), destination = toPrivate(headers.Destination);
            if (headers.Protocol == (headers.IsIpv6 ? 58 : 1))
            {
                int query = QueryType(headers);
                bool reply = query >= 0 && query != headers.IcmpType;
                key = reply
                    ? new FlowKey(destination, source, headers.SourcePort, (ushort)query, headers.Protocol)
                    : new FlowKey(source, destination, headers.SourcePort, (ushort)Math.Max(query, 0), headers.Protocol);
                return query >= 0;
            }

            ushort sourcePort = headers.PortsKnown && headers.Protocol is (6 or 17) ? headers.SourcePort : (ushort)0;
            ushort destinationPort = headers.PortsKnown && headers.Protocol is (6 or 17) ? headers.DestinationPort : (ushort)0;
            int order = source.CompareTo(destination);
            bool swap = order > 0 || (order == 0 && sourcePort > destinationPort);
            key = swap
                ? new FlowKey(destination, source, destinationPort, sourcePort, headers.Protocol)
                : new FlowKey(source, destination, sourcePort, destinationPort, headers.Protocol);
            return true;
        }

        /// <summary>Whether the packet goes the way of the flow's first packet.</summary>
        internal bool IsForwardOf(FlowRecord flow, in Headers headers, Func<IpAddress, IpAddress> toPrivate)
        {
            if (headers.Protocol == (headers.IsIpv6 ? 58 : 1))
            {
                return headers.IcmpType == flow.Headers.IcmpType;
            }

            return toPrivate(headers.Source) == toPrivate(flow.Headers.Source)
                && (Protocol is not (6 or 17) || (headers.SourcePort == flow.Headers.SourcePort && headers.DestinationPort == flow.Headers.DestinationPort));
        }

        /// <summary>The query that a message is, or answers; -1 for other messages and unknown types.</summary>
        private static int QueryType(in Headers headers) => !headers.PortsKnown ? -1 : headers.IsIpv6
            ? headers.IcmpType is 128 or 129 ? 128 : -1
            : headers.IcmpType switch
            {
                8 or 0 => 8,
                13 or 14 => 13,
                15 or 16 => 15,
                17 or 18 => 17,
                _ => -1,
            };
    }
}
