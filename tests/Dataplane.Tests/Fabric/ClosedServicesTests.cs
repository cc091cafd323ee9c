using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Compiler;
using Dataplane.Compiler.Load;
using Dataplane.Compiler.Lower;
using Dataplane.Filters;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Tests.Compiler;
using Dataplane.Tests.TestSupport;
using Dataplane.Topology.Model;
using Xunit;

namespace Dataplane.Tests.Fabric;

/// <summary>Ports that are refused to everybody are refused by one look, and no other port is taken for one.</summary>
public sealed class ClosedServicesTests
{
    private const string Ground = """
        vpc vpc-1 10.0.0.0/16 2001:db8:1::/56
        igw igw-1 vpc-1
        subnet sub-a vpc-1 10.0.1.0/24 2001:db8:1::/64 rtb=rtb-a acl=acl-a
        eni eni-a sub-a 10.0.1.10=203.0.113.10 2001:db8:1::10 sg=sg-a+sg-b
        sg sg-a vpc-1
          in tcp 443 0.0.0.0/0
          in tcp 22 198.51.100.0/24
          in udp 1000-1010 10.0.0.0/8
          in tcp 8000-8010 ::/0
        sg sg-b vpc-1
          in tcp 5432 sg-b
          in udp 53 0.0.0.0/0
        acl acl-a vpc-1
          in 90 deny tcp 600-700 0.0.0.0/0
          in 95 deny udp 1-1023 198.51.100.128/25
          in 100 allow all 0.0.0.0/0
          in 110 allow all ::/0
          out 100 allow all 0.0.0.0/0
          out 110 allow all ::/0
        rtb rtb-a vpc-1
          0.0.0.0/0 igw-1
          ::/0 igw-1

        """;

    private static readonly int[] Ports = [21, 22, 53, 80, 443, 444, 599, 600, 650, 700, 701, 999, 1000, 1005, 1010, 1011, 5432, 8000, 8010, 8011, 65_535];

    /// <summary>The rules that refuse: no group's, and those of the list by number.</summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void SG_14_ACL_01_A_scan_again_and_again_gets_what_the_reference_says_of_each_port(bool causal, bool isCompiled)
    {
        Network network = NetworkBuilder.Network(Ground);
        JudgeOptions options = new() { Causal = causal };
        TestEngine reference = TestEngine.All[0](network, options);
        using NetworkEngine engine = NetworkEngine.Build(network, options);
        if (isCompiled)
        {
            Networks.NoBugs(FilterCompiler.CompileAll(engine.Catalog, engine.Filters));
        }

        Random random = new(5);
        PacketBlock block = new();
        HashSet<(string, int, bool, string)> refusals = [];
        for (int i = 0; i < 6_000; i++)
        {
            bool isTcp = random.Next(2) == 0, isIpv6 = random.Next(4) == 0;
            int port = Ports[random.Next(Ports.Length)];
            string source = isIpv6 ? $"[2001:db8:9::{random.Next(1, 9_999)}]" : random.Next(3) switch { 0 => $"198.51.100.{random.Next(1, 255)}", 1 => $"9.{random.Next(256)}.7.{random.Next(1, 255)}", _ => $"10.0.1.{random.Next(11, 99)}" };
            string target = isIpv6 ? "[2001:db8:1::10]" : source.StartsWith("10.", StringComparison.Ordinal) ? "10.0.1.10" : "203.0.113.10";
            string text = $"{(isTcp ? "tcp" : "udp")} {source}:{random.Next(1_024, 65_536)} > {target}:{port}{(isTcp ? " S" : "")}";
            TestPacket packet = PacketText.Parse(text);
            Outcome expected = reference.Judge(packet.Headers, packet.Quote, i);
            block.Reset();
            block.Add(i, 0, packet.Headers.WireLength, LinkType.Raw, 0);
            (block.Headers[0], block.Quotes[0]) = (packet.Headers, packet.Quote);
            engine.Judge.Judge(block);
            Assert.Equal((i, text, expected), (i, text, engine.Judge.Tables.Describe(block.Results[0])));
            if (expected.Verdict == Verdict.Deny)
            {
                refusals.Add((expected.Rule!, port, isTcp, isIpv6 ? "v6" : "v4"));
            }
        }

        // Else the scan met too little of what can go wrong.
        Assert.Contains(("acl-a/ingress/90", 650, true, "v4"), refusals);
        Assert.Contains(("acl-a/ingress/95", 53, false, "v4"), refusals);
        Assert.Contains(("sg-a+sg-b/ingress/none", 22, true, "v4"), refusals);
        Assert.Contains(("sg-a+sg-b/ingress/none", 600, true, "v6"), refusals);
        Assert.Contains(("sg-a+sg-b/ingress/none", 5432, true, "v4"), refusals);
    }

    [Fact]
    public void SG_14_Lists_are_not_asked_any_more_about_a_port_that_no_rule_names()
    {
        using NetworkEngine engine = NetworkEngine.Build(NetworkBuilder.Network(Ground), new JudgeOptions { Causal = false });
        List<Counting> lists = [.. Enumerable.Range(0, engine.Filters.Count).Select(slot => new Counting(engine.Filters[slot]))];
        for (int slot = 0; slot < lists.Count; slot++)
        {
            engine.Filters.Replace(slot, lists[slot]);
        }

        Send(engine, 80, 50);
        long asked = lists.Sum(list => list.Asked);
        Send(engine, 80, 1_000);
        Assert.Equal(asked, lists.Sum(list => list.Asked));

        // Who may come in by 22 hangs on the address.
        Send(engine, 22, 1_000);
        Assert.Equal(asked + 3_000, lists.Sum(list => list.Asked));
        Assert.Equal(2_050, engine.Judge.Counters.Packets[(int)Verdict.Deny]);
    }

    [Fact]
    public void CT_14_A_port_that_another_topology_opens_is_closed_no_more()
    {
        using NetworkEngine engine = NetworkEngine.Build(NetworkBuilder.Network(Ground), new JudgeOptions { Causal = false });
        Send(engine, 80, 100);
        engine.Judge.Adopt(engine.Next(NetworkBuilder.Network(Ground.Replace("in tcp 443", "in tcp 80", StringComparison.Ordinal))).Policy, 1_000);
        Assert.Equal(100, engine.Judge.Counters.Packets[(int)Verdict.Deny]);
        Send(engine, 80, 100);
        Assert.Equal(100, engine.Judge.Counters.Packets[(int)Verdict.Allow]);
        Send(engine, 443, 100);
        Assert.Equal(200, engine.Judge.Counters.Packets[(int)Verdict.Deny]);
    }

    /// <summary>The checks of a compiled list go on when it is in use already; where they find a mistake the rules as they were read are asked again, about closed ports too.</summary>
    [Fact]
    public void REL_25_What_a_list_said_that_was_taken_back_is_forgotten()
    {
        using NetworkEngine engine = NetworkEngine.Build(NetworkBuilder.Network(Ground), new JudgeOptions { Causal = false });
        int[] groups = [.. engine.Catalog.Lists.Where(list => list.Kind == ListKind.SecurityGroup && list.IsIngress).Select(list => list.Slot)];
        Filter[] right = [.. groups.Select(slot => engine.Filters[slot])];
        foreach (int slot in groups)
        {
            engine.Filters.Replace(slot, new Nobody());
        }

        Send(engine, 443, 100);
        Assert.Equal(100, engine.Judge.Counters.Packets[(int)Verdict.Deny]);
        for (int i = 0; i < groups.Length; i++)
        {
            engine.Filters.Withdraw(groups[i], right[i]);
        }

        Send(engine, 443, 100);
        Assert.Equal((100, 100), (engine.Judge.Counters.Packets[(int)Verdict.Deny], engine.Judge.Counters.Packets[(int)Verdict.Allow]));
    }

    /// <summary>More hosts are scanned at a time than have closed ports, so that those are taken from one another.</summary>
    [Fact]
    public void SG_14_A_scan_of_many_hosts_is_refused_by_the_rules_of_each()
    {
        const int Hosts = 100;
        string topology = Ground + string.Concat(Enumerable.Range(0, Hosts).Select(i => $"eni eni-{i} sub-a 10.0.1.{i + 100}=203.0.113.{i + 100} sg=sg-{i % 2}\n")) + """
            sg sg-0 vpc-1
              in tcp 80 0.0.0.0/0
            sg sg-1 vpc-1
              in tcp 81 0.0.0.0/0

            """;
        using NetworkEngine engine = NetworkEngine.Build(NetworkBuilder.Network(topology), new JudgeOptions { Causal = false });
        PacketBlock block = new();
        for (int turn = 0; turn < 60; turn++)
        {
            for (int host = 0; host < Hosts; host++)
            {
                for (int port = 79; port < 83; port++)
                {
                    block.Reset();
                    block.Add(0, 0, 60, LinkType.Raw, 0);
                    block.Headers[0] = PacketText.Parse($"tcp 198.51.100.{turn + 1}:9 > 203.0.113.{host + 100}:{port} S").Headers;
                    engine.Judge.Judge(block);
                    Outcome outcome = engine.Judge.Tables.Describe(block.Results[0]);
                    bool isOpen = port == 80 + (host % 2);
                    Assert.Equal((turn, host, port, isOpen ? $"sg-{host % 2}/ingress/1" : $"sg-{host % 2}/ingress/none", $"eni-{host}"), (turn, host, port, outcome.Rule, outcome.To));
                }
            }
        }
    }

    private static void Send(NetworkEngine engine, int port, int packets)
    {
        PacketBlock block = new();
        for (int i = 0; i < packets; i++)
        {
            block.Reset();
            block.Add(0, 0, 60, LinkType.Raw, 0);
            block.Headers[0] = PacketText.Parse($"tcp 9.9.{i / 250}.{i % 250}:{port + i} > 203.0.113.10:{port} S").Headers;
            engine.Judge.Judge(block);
        }
    }

    /// <summary>Admits nobody, whatever the rules say.</summary>
    private sealed class Nobody : Filter
    {
        public override Decision Decide(in Headers packet) => Decision.None;

        public override bool? IsForAll(in Headers packet) => true;
    }

    /// <summary>Says what another filter says.</summary>
    private sealed class Counting(Filter filter) : Filter
    {
        public long Asked { get; private set; }

        public override Decision Decide(in Headers packet)
        {
            Asked++;
            return filter.Decide(in packet);
        }
    }
}
