using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;
using Dataplane.Analysis.Reload;
using Dataplane.Compiler;
using Dataplane.Fabric;
using Dataplane.Flows;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Tests.Semantics;
using Dataplane.Tests.TestSupport;
using Dataplane.Topology.Model;
using Xunit;

namespace Dataplane.Tests.Reload;

/// <summary>What a report says of flows in progress before a network takes over, held against what then happens to them.</summary>
public sealed class ReloadForecastTests
{
    private const long Start = 1_000_000L * 1_000_000_000;

    private static readonly JudgeOptions Live = JudgeOptions.Default with { Causal = false };

    [Fact]
    public void CT_13_CT_14_CT_17_Each_flow_has_its_outlook()
    {
        string[] before = ["in tcp 443 198.51.100.0/24", "in tcp 80 0.0.0.0/0", "in tcp 81 0.0.0.0/0", "in tcp 82 198.51.100.0/24", "in icmp 8/0 198.51.100.0/24", "out all 0.0.0.0/0"];
        string[] after = ["in tcp 81 198.51.100.0/24", "in tcp 82 0.0.0.0/0", "in icmp 8/0 198.51.100.0/24", "out all 0.0.0.0/0"];
        ReloadForecast forecast = Forecast(
            ConnectionTrackingTests.Text(before), ConnectionTrackingTests.Text(after),
            "tcp 198.51.100.1:9 > 203.0.113.10:443 S",      // its rule goes
            "tcp 198.51.100.1:10 > 203.0.113.10:443 S",
            "tcp 198.51.100.1:9 > 203.0.113.10:80 S",       // untracked, its rule goes
            "tcp 198.51.100.1:9 > 203.0.113.10:81 S",       // untracked, tracked from now on
            "tcp 198.51.100.1:9 > 203.0.113.10:82 S",       // tracked, untracked when begun again
            "icmp 198.51.100.1 > 203.0.113.10 8/0 id 7");   // nothing changes

        Assert.Equal(
            [
                "Cut ENI_SG_RULES_MISMATCH sg-w/ingress/none 1 TCP 198.51.100.1:9 > 10.0.1.10:80",
                "BecomesTracked None - 1 TCP 198.51.100.1:9 > 10.0.1.10:81",
                "WouldBeUntracked None - 1 TCP 198.51.100.1:9 > 10.0.1.10:82",
                "KeptAsTracked None sg-w/ingress/1 2 TCP 198.51.100.1:9 > 10.0.1.10:443",
            ],
            forecast.Rows.Select(r => $"{r.Outlook} {r.Reason} {r.Rule ?? "-"} {r.Flows} {r.Example}"));
        Assert.Equal((6, 1), (forecast.Total, forecast.Flows[FlowOutlook.Stays]));
        Assert.Equal(
            [
                "6 flows in progress: 1 unchanged, 2 kept as tracked, though no rule would let them begin now, 1 kept as tracked, untracked when begun again, 1 untracked, judged as new and tracked from their next packet on, 1 cut",
                "  1 cut by ENI_SG_RULES_MISMATCH sg-w/ingress/none, as TCP 198.51.100.1:9 > 10.0.1.10:80",
                "  1 untracked, judged as new and tracked from their next packet on, as TCP 198.51.100.1:9 > 10.0.1.10:81",
                "  1 kept as tracked, untracked when begun again, as TCP 198.51.100.1:9 > 10.0.1.10:82",
                "  2 kept as tracked, though no rule would let them begin now, admitted by sg-w/ingress/1, as TCP 198.51.100.1:9 > 10.0.1.10:443",
            ],
            ForecastText.Lines(forecast));
    }

    [Fact]
    public void CT_15_An_ACL_that_blocks_the_way_back_cuts_a_tracked_flow()
    {
        string acl = ConnectionTrackingTests.Text("in tcp 443 198.51.100.0/24").Replace("rtb=rtb-1", "rtb=rtb-1 acl=acl-1", StringComparison.Ordinal)
            + "\nacl acl-1 vpc-1\nin 100 allow all 0.0.0.0/0\n";
        ReloadForecast forecast = Forecast(acl + "out 100 allow all 0.0.0.0/0", acl + "out 100 allow tcp 1-1023 0.0.0.0/0", "tcp 198.51.100.1:40000 > 203.0.113.10:443 S");
        ForecastRow row = Assert.Single(forecast.Rows);
        Assert.Equal((FlowOutlook.Cut, DenyReason.SUBNET_ACL_RESTRICTION, "acl-1/egress/*", 1L), (row.Outlook, row.Reason, row.Rule, row.Flows));
    }

    [Fact]
    public void The_same_network_changes_nothing_and_no_flows_are_no_rows()
    {
        string text = ConnectionTrackingTests.Text("in tcp 443 198.51.100.0/24");
        Assert.Equal(["no flows in progress"], ForecastText.Lines(Forecast(text, ConnectionTrackingTests.Text())));
        Assert.Equal(["1 flow in progress: 1 unchanged"], ForecastText.Lines(Forecast(text, text, "tcp 198.51.100.1:9 > 203.0.113.10:443 S")));
    }

    /// <summary>Random networks and traffic: what is said to be cut is denied when its next packets come, and what is not is allowed.</summary>
    [Fact]
    public void REL_15_What_is_forecast_is_what_happens()
    {
        int cut = 0, kept = 0, movedAndKept = 0;
        foreach (int seed in Enumerable.Range(500, 250))
        {
            Random random = new(seed);
            RandomWorld world = new(seed);
            JudgeOptions options = world.Options with { Causal = false };
            using NetworkEngine engine = NetworkEngine.Build(world.Network, options);
            long now = Start;
            for (int i = random.Next(20, 150); i > 0; i--)
            {
                (string text, now) = world.Next();
                TestPacket packet = PacketText.Parse(text);
                _ = Judge(engine, packet.Headers, packet.Quote, now);
            }

            List<FlowSnapshot> flows = [];
            Assert.Equal(-1, engine.Judge.CopyLive(0, int.MaxValue, now, flows));
            bool moves = random.Next(3) == 0;
            Network next = moves ? NetworkBuilder.Network(WithOtherPublics(world.Topology, random)) : random.Next(2) == 0 ? new RandomWorld(seed + 5_000).Network : world.Network;
            FabricPlan before = engine.Judge.Plan;
            NextNetwork prepared = engine.Next(next);
            List<ReloadForecast> alone = [.. flows.Select(flow => ReloadForecast.Of([flow], before, engine.Judge.Tables.Names, world.Network, next, options, now))];
            ReloadForecast all = ReloadForecast.Of(flows, before, engine.Judge.Tables.Names, world.Network, next, options, now);
            int cutBefore = cut;

            // What was denied before is not cut.
            using NetworkEngine old = NetworkEngine.Build(world.Network, options with { MaxFlows = 1_000_000 });
            flows.ForEach(flow => Assert.True(old.Judge.Import(flow, now, before, engine.Judge.Tables.Names)));
            bool[] alongs = new bool[flows.Count], backs = new bool[flows.Count];
            for (int i = 0; i < flows.Count; i++)
            {
                Headers along = ReloadForecast.Probe(flows[i], before, isFirst: false);
                (alongs[i], backs[i]) = (Judge(old, along, default, now).Verdict == Verdict.Allow, Judge(old, ReloadForecast.Turned(in along), default, now).Verdict == Verdict.Allow);
            }

            engine.Judge.Adopt(prepared.Policy, now);
            for (int i = 0; i < flows.Count; i++)
            {
                Headers along = ReloadForecast.Probe(flows[i], before, isFirst: false);
                bool passes = (Judge(engine, along, default, now).Verdict == Verdict.Allow | !alongs[i]) & (Judge(engine, ReloadForecast.Turned(in along), default, now).Verdict == Verdict.Allow | !backs[i]);
                Assert.Equal((seed, i, passes ? 0L : 1L), (seed, i, alone[i].Flows[FlowOutlook.Cut]));
                cut += passes ? 0 : 1;
                kept += passes ? 1 : 0;
                movedAndKept += passes && moves ? 1 : 0;
            }

            Assert.Equal((seed, cut - cutBefore), (seed, all.Flows[FlowOutlook.Cut]));
        }

        Assert.True(cut > 20 && kept > 20 && movedAndKept > 20, $"{cut} cut, {kept} kept, {movedAndKept} of them while addresses moved: one of them is hardly met");
    }

    [Fact]
    public void CT_14_A_callers_flow_is_not_forecast_as_cut_when_the_public_address_that_it_called_moves()
    {
        string text = ConnectionTrackingTests.Text("in tcp 443 198.51.100.0/24", "out udp 53 203.0.113.0/24") + "\nsubnet sub-2 vpc-1 10.0.2.0/24 rtb=rtb-1\neni eni-s sub-2 10.0.2.10=203.0.113.99 sg=sg-s\nsg sg-s vpc-1\nin udp 53 203.0.113.0/24\nout all 0.0.0.0/0";
        ReloadForecast forecast = Forecast(text, text.Replace("10.0.2.10=", "10.0.2.11=", StringComparison.Ordinal), "udp 10.0.1.10:9 > 203.0.113.99:53");
        Assert.Equal("1 flow in progress: 1 unchanged", ForecastText.Lines(forecast).First());
    }

    /// <summary>Nobody answers who sends logs, and the ACL lets no answer out: it denies what it denied before, so nothing is cut.</summary>
    [Fact]
    public void CT_14_A_way_that_was_denied_before_is_not_cut()
    {
        const string text = """
            vpc vpc-1 10.0.0.0/16
            igw igw-1 vpc-1
            subnet sub-1 vpc-1 10.0.1.0/24 rtb=rtb-1 acl=acl-1
            eni eni-1 sub-1 10.0.1.10=203.0.113.10 sg=sg-1
            sg sg-1 vpc-1
              in udp 5140 198.51.100.0/24
            acl acl-1 vpc-1
              in 100 allow udp 5140 0.0.0.0/0
              out 100 allow udp 1024-65535 0.0.0.0/0
            rtb rtb-1 vpc-1
              0.0.0.0/0 igw-1
            """;
        const string log = "udp 198.51.100.7:514 > 203.0.113.10:5140";
        Assert.Equal("1 flow in progress: 1 unchanged", ForecastText.Lines(Forecast(text, text, log)).First());
        ReloadForecast denied = Forecast(text, text.Replace("in 100 allow", "in 100 deny", StringComparison.Ordinal), log);
        Assert.Equal(("acl-1/ingress/100", 1L), (denied.Rows[0].Rule, denied.Flows[FlowOutlook.Cut]));
    }

    /// <summary>Public addresses move, appear and vanish.</summary>
    private static string WithOtherPublics(string topology, Random random)
    {
        Queue<string> publics = new(Regex.Matches(topology, "=(?:203\\.0\\.113|192\\.168\\.7)\\.[0-9]+").Select(m => m.Value).OrderBy(_ => random.Next()));
        return Regex.Replace(topology, "^(eni \\S+ \\S+ [0-9.]+)(=[0-9.]+)?", m => m.Groups[1].Value + (random.Next(3) != 0 && publics.TryDequeue(out string? next) ? next : ""), RegexOptions.Multiline);
    }

    private static ReloadForecast Forecast(string before, string after, params string[] packets)
    {
        using NetworkEngine engine = NetworkEngine.Build(NetworkBuilder.Network(before), Live);
        foreach (string packet in packets)
        {
            Assert.Equal(Verdict.Allow, Judge(engine, PacketText.Parse(packet).Headers, default, Start).Verdict);
        }

        List<FlowSnapshot> flows = [];
        Assert.Equal(-1, engine.Judge.CopyLive(0, 100, Start, flows));
        Assert.Equal(packets.Length, flows.Count);
        return ReloadForecast.Of(flows, engine.Judge.Plan, engine.Judge.Tables.Names, NetworkBuilder.Network(before), NetworkBuilder.Network(after), Live, Start + 1);
    }

    private static Outcome Judge(NetworkEngine engine, Headers packet, Headers quote, long time)
    {
        PacketBlock block = new();
        block.Add(time, 0, packet.WireLength, LinkType.Raw, 0);
        block.Headers[0] = packet;
        block.Quotes[0] = quote;
        engine.Judge.Judge(block);
        return engine.Judge.Tables.Describe(block.Results[0]);
    }
}
