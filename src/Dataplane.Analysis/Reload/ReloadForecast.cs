// What a change of the network would do to the flows in progress, found by asking the engine itself: an engine of the new network takes over what is remembered of each
// flow, and judges a packet of it each way; a second engine, which remembers nothing, judges its first packet. So the answer is what would happen, not a second reading of the rules.
// A way that is denied as it was denied before (nobody answers a log sender) is not cut: an engine of the network in force is asked for it.

using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Compiler;
using Dataplane.Fabric;
using Dataplane.Flows;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Topology.Model;

namespace Dataplane.Analysis.Reload;

/// <summary>Flows of one outlook for one reason.</summary>
/// <param name="Reason">Of <see cref="FlowOutlook.Cut"/>; else None.</param>
/// <param name="Rule">Cut: the rule that denies, or null. Kept as tracked: the rule that admitted the flow. Else null.</param>
/// <param name="Example">One of them, as its first packet was: TCP 198.51.100.7:40000 > 10.0.1.10:22.</param>
public sealed record ForecastRow(FlowOutlook Outlook, DenyReason Reason, string? Rule, long Flows, string Example);

/// <summary>What becomes of flows in progress.</summary>
public sealed class ReloadForecast
{
    private static readonly IReadOnlyDictionary<FlowOutlook, long> None = Enum.GetValues<FlowOutlook>().ToDictionary(o => o, _ => 0L);

    private ReloadForecast(IReadOnlyDictionary<FlowOutlook, long> flows, IReadOnlyList<ForecastRow> rows)
    {
        Flows = flows;
        Rows = rows;
    }

    /// <summary>Flows by outlook.</summary>
    public IReadOnlyDictionary<FlowOutlook, long> Flows { get; }

    /// <summary>Those that do not simply stay, most flows first.</summary>
    public IReadOnlyList<ForecastRow> Rows { get; }

    public long Total => Flows.Values.Sum();

    /// <param name="flows">Live flows of the engine in force.</param>
    /// <param name="plan">The plan in force when they were copied.</param>
    /// <param name="names">Of the engine in force.</param>
    /// <param name="current">The network in force.</param>
    /// <param name="next">The network that would take over.</param>
    /// <param name="options">Of the run.</param>
    /// <param name="now">When the flows were copied, nanoseconds since 1970.</param>
    /// <remarks>O(flows); a few microseconds each.</remarks>
    public static ReloadForecast Of(IReadOnlyList<FlowSnapshot> flows, FabricPlan plan, NameTable names, Network current, Network next, JudgeOptions options, long now)
    {
        ArgumentNullException.ThrowIfNull(flows);
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(names);
        if (flows.Count == 0)
        {
            return new ReloadForecast(None, []);
        }

        JudgeOptions roomy = options with { MaxFlows = Math.Max(options.MaxFlows, flows.Sum(flow => flow.Slots.Length) + 1) };
        using NetworkEngine remembering = NetworkEngine.Build(next, roomy);
        using NetworkEngine forgetful = NetworkEngine.Build(next, roomy);
        Dictionary<(FlowOutlook, DenyReason, string?), ForecastRow> rows = [];
        Dictionary<FlowOutlook, long> sums = new(None);
        SinglePackets after = new(remembering.Judge), fresh = new(forgetful.Judge);
        using InForce before = new(flows, plan, names, current, roomy, now);
        foreach (FlowSnapshot flow in flows)
        {
            _ = remembering.Judge.Import(flow, now, plan, names);    // all of them first: where addresses move, slots of several may become one flow's
        }

        foreach (FlowSnapshot flow in flows)
        {
            Headers along = Probe(flow, plan, isFirst: false), back = Turned(in along), first = Probe(flow, plan, isFirst: true);
            Outcome there = after.Decide(along, now), here = after.Decide(back, now);
            Outcome? cut = there.Verdict != Verdict.Allow && before.Allows(along) ? there : here.Verdict != Verdict.Allow && before.Allows(back) ? here : null;
            (FlowOutlook outlook, DenyReason reason, string? rule) = Look(flow, cut, there.State, () => fresh.Decide(first, now), names);
            sums[outlook]++;
            if (outlook != FlowOutlook.Stays)
            {
                rows[(outlook, reason, rule)] = rows.TryGetValue((outlook, reason, rule), out ForecastRow? row)
                    ? row with { Flows = row.Flows + 1 }
                    : new ForecastRow(outlook, reason, rule, 1, PacketText.Line(first));
            }
        }

        return new ReloadForecast(sums, [.. rows.Values.OrderByDescending(r => r.Outlook).ThenByDescending(r => r.Flows).ThenBy(r => r.Rule, StringComparer.Ordinal)]);
    }

    private static (FlowOutlook Outlook, DenyReason Reason, string? Rule) Look(FlowSnapshot flow, Outcome? cut, FlowState along, Func<Outcome> first, NameTable names)
    {
        if (cut is not null)
        {
            return (FlowOutlook.Cut, cut.Reason, cut.Rule);
        }

        if (flow.HasUntracked && along == FlowState.New)
        {
            return (FlowOutlook.BecomesTracked, DenyReason.None, null);
        }

        if (!flow.HasUntracked)
        {
            Outcome begun = first();
            if (begun.Verdict != Verdict.Allow)
            {
                return (FlowOutlook.KeptAsTracked, DenyReason.None, names[flow.First.Origin.Rule]);
            }

            if (begun.State == FlowState.Untracked)
            {
                return (FlowOutlook.WouldBeUntracked, DenyReason.None, null);
            }
        }

        return (FlowOutlook.Stays, DenyReason.None, null);
    }

    /// <summary>A packet of a flow in its first direction, as the interface of its first slot saw it.</summary>
    /// <param name="isFirst">The packet that begins it; else one in its middle.</param>
    public static Headers Probe(FlowSnapshot flow, FabricPlan plan, bool isFirst)
    {
        FlowKey key = flow.Key;
        Headers headers = flow.First.Packet(in key, plan.Addresses);
        headers.WireLength = 74;
        headers.TcpFlags = key.Kind != FlowKind.Tcp ? (byte)0 : isFirst ? TcpFlag.Syn : TcpFlag.Ack;
        return headers;
    }

    /// <summary>The packet that answers one.</summary>
    public static Headers Turned(in Headers along)
    {
        Headers back = along;
        (back.Source, back.Destination) = (along.Destination, along.Source);
        if (along.IsIcmp && along.PortsKnown)
        {
            byte reply = along.IsIpv6 ? (byte)129 : along.IcmpType == 8 ? (byte)0 : (byte)(along.IcmpType + 1);
            back.DestinationPort = (ushort)(reply << 8);
        }
        else
        {
            (back.SourcePort, back.DestinationPort) = (along.DestinationPort, along.SourcePort);
        }

        return back;
    }

    /// <summary>The network in force with what it remembers, once somebody asks: most forecasts never do.</summary>
    private sealed class InForce(IReadOnlyList<FlowSnapshot> flows, FabricPlan plan, NameTable names, Network network, JudgeOptions options, long now) : IDisposable
    {
        private NetworkEngine? _engine;
        private SinglePackets? _judge;

        public bool Allows(in Headers packet)
        {
            if (_judge is null)
            {
                _engine = NetworkEngine.Build(network, options);
                _judge = new SinglePackets(_engine.Judge);
                foreach (FlowSnapshot flow in flows)
                {
                    _ = _engine.Judge.Import(flow, now, plan, names);
                }
            }

            return _judge.Decide(packet, now).Verdict == Verdict.Allow;
        }

        public void Dispose() => _engine?.Dispose();
    }
}
