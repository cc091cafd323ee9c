using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Dataplane.Topology.Model;
using Xunit;

namespace Dataplane.Tests.Semantics;

/// <summary>What a change of the network does to flows in progress (CT-13 to CT-17).</summary>
public sealed class ReloadTests
{
    private const string In = "tcp 198.51.100.1:9 > 203.0.113.10:443 ";
    private const string Out = "tcp 10.0.1.10:443 > 198.51.100.1:9 ";

    private static readonly JudgeOptions Live = JudgeOptions.Default with { Causal = false };

    [Fact]
    public void CT_13_REL_15_An_untracked_flow_stops_at_the_next_packet_when_its_rule_goes() => With("in tcp 443 0.0.0.0/0", "out all 0.0.0.0/0")
        .Send(In + "S", "allow untracked sg-w/ingress/1")
        .Send(Out + "SA", "allow untracked rtb-1/0.0.0.0/0")
        .Send(In + "A", "allow untracked sg-w/ingress/1")
        .Change(Text("out all 0.0.0.0/0"))
        .Send(In + "A", "deny ENI_SG_RULES_MISMATCH sg-w/ingress/none")
        .Change(Text("in tcp 443 0.0.0.0/0"))
        .Send(Out + "A", "deny ENI_SG_RULES_MISMATCH sg-w/egress/none");

    [Fact]
    public void CT_14_REL_15_A_tracked_flow_goes_on_when_its_rule_goes_until_it_is_idle_for_too_long() => With("in tcp 443 198.51.100.0/24")
        .Send(In + "S", "allow new sg-w/ingress/1")
        .Send(Out + "SA", "allow established rtb-1/0.0.0.0/0")
        .Send(In + "A", "allow established tracked sg-w/ingress/1")
        .Change(Text("in tcp 80 198.51.100.0/24"))
        .Send(In + "A", "allow established tracked sg-w/ingress/1")
        .Send(Out + "A", "allow established rtb-1/0.0.0.0/0")
        .Send("tcp 198.51.100.1:10 > 203.0.113.10:443 S", "deny ENI_SG_RULES_MISMATCH sg-w/ingress/none")
        .Wait(431_999).Send(In + "A", "allow established")
        .Wait(432_000).Send(In + "A", "deny ENI_SG_RULES_MISMATCH sg-w/ingress/none");

    [Fact]
    public void CT_14_A_closed_connection_needs_its_rule_again() => With("in tcp 443 198.51.100.0/24")
        .Send(In + "S", "allow new")
        .Send(Out + "SA", "allow established")
        .Send(In + "R", "allow established")
        .Change(Text())
        .Send(In + "S", "deny ENI_SG_RULES_MISMATCH sg-w/ingress/none");

    [Theory]
    [InlineData("in 50 deny tcp 443 0.0.0.0/0", In, "acl-1/ingress/50")]
    [InlineData("out 50 deny tcp 9 0.0.0.0/0", Out, "acl-1/egress/50")]
    public void CT_15_ACL_27_REL_15_An_ACL_that_blocks_one_direction_stops_tracked_and_untracked_flows_at_once(string entry, string packet, string rule)
    {
        foreach (string peer in (string[])["198.51.100.0/24", "0.0.0.0/0"])
        {
            With(Acl, $"in tcp 443 {peer}", "out all 0.0.0.0/0")
                .Send(In + "S", "allow")
                .Send(Out + "SA", "allow")
                .Send(packet + "A", "allow")
                .Change(Text(Acl.Replace("acl acl-1 vpc-1", $"acl acl-1 vpc-1\n{entry}", StringComparison.Ordinal), $"in tcp 443 {peer}", "out all 0.0.0.0/0"))
                .Send(packet + "A", $"deny SUBNET_ACL_RESTRICTION {rule}")
                .Change(Text(Acl, $"in tcp 443 {peer}", "out all 0.0.0.0/0"))
                .Send(packet + "A", "allow");
        }
    }

    [Fact]
    public void CT_16_A_tracked_flow_goes_on_when_the_interface_gets_other_groups() => With("in tcp 443 198.51.100.0/24")
        .Send(In + "S", "allow new sg-w/ingress/1")
        .Send(Out + "SA", "allow established")
        .Change(Text().Replace("sg=sg-w", "sg=sg-x", StringComparison.Ordinal) + "\nsg sg-x vpc-1\nin tcp 22 198.51.100.0/24")
        .Send(In + "A", "allow established tracked sg-w/ingress/1")
        .Send("tcp 198.51.100.1:10 > 203.0.113.10:443 S", "deny ENI_SG_RULES_MISMATCH sg-x/ingress/none");

    [Fact]
    public void CT_17_CT_22_An_untracked_flow_that_rules_would_track_now_is_judged_as_a_new_flow()
    {
        string[] before = ["in tcp 443 0.0.0.0/0", "out all 0.0.0.0/0"], after = ["in tcp 443 198.51.100.0/24", "out all 0.0.0.0/0"];
        foreach (MidstreamPolicy policy in Enum.GetValues<MidstreamPolicy>())
        {
            Scenario scenario = new Scenario(Text(before), Live with { Midstream = policy })
                .Send(In + "S", "allow untracked sg-w/ingress/1")
                .Send(Out + "SA", "allow untracked")
                .Send(In + "A", "allow untracked sg-w/ingress/1")
                .Change(Text(after));
            if (policy == MidstreamPolicy.Drop)
            {
                scenario.Send(In + "A", "deny ENI_SG_RULES_MISMATCH sg-w/ingress/none");
                continue;
            }

            scenario.Send(In + "A", "allow new sg-w/ingress/1")
                .Send(In + "A", "allow established tracked sg-w/ingress/1")
                .Change(Text())
                .Send(In + "A", "allow established tracked sg-w/ingress/1")
                .Send(Out + "A", "allow established");
        }
    }

    [Fact]
    public void CT_14_Flows_stay_with_their_interfaces_when_others_appear_and_vanish_around_them()
    {
        const string Before = "\neni eni-a sub-a 10.0.1.5=203.0.113.5 sg=sg-w\neni eni-z sub-a 10.0.1.6=203.0.113.6 sg=sg-w";
        const string After = "\neni eni-b sub-a 10.0.1.4=203.0.113.4 sg=sg-w\neni eni-z sub-a 10.0.1.6=203.0.113.6 sg=sg-w\nigw igw-0 vpc-0\nvpc vpc-0 10.1.0.0/16";
        new Scenario(Text("in tcp 443 198.51.100.0/24") + Before, Live)
            .Send(In + "S", "allow new")
            .Send("tcp 198.51.100.1:9 > 203.0.113.5:443 S", "allow new")
            .Send("tcp 198.51.100.1:9 > 203.0.113.6:443 S", "allow new")
            .Change(Text() + After)
            .Send(Out + "SA", "allow established rtb-1/0.0.0.0/0", "eni-w | tracked sg-w/ingress/1 | acl-default-vpc-1/egress/100 | rtb-1/0.0.0.0/0 | igw-1 10.0.1.10>203.0.113.10 | igw-1")
            .Send("tcp 10.0.1.6:443 > 198.51.100.1:9 SA", "allow established")
            .Send("tcp 198.51.100.1:9 > 203.0.113.5:443 A", "unplaced")
            .Send("tcp 198.51.100.1:9 > 203.0.113.4:443 A", "deny ENI_SG_RULES_MISMATCH sg-w/ingress/none");
    }

    [Fact]
    public void Routes_and_addresses_that_changed_hold_from_the_next_packet_on() => With("in tcp 443 198.51.100.0/24")
        .Send(In + "S", "allow new")
        .Change(Text("in tcp 443 198.51.100.0/24").Replace("  0.0.0.0/0 igw-1\n", "", StringComparison.Ordinal))
        .Send(Out + "SA", "deny NO_ROUTE_TO_DESTINATION rtb-1/none")
        .Change(Text("in tcp 443 198.51.100.0/24").Replace("203.0.113.10", "203.0.113.11", StringComparison.Ordinal))
        .Send(Out + "SA", "allow established rtb-1/0.0.0.0/0", "eni-w | tracked sg-w/ingress/1 | acl-default-vpc-1/egress/100 | rtb-1/0.0.0.0/0 | igw-1 10.0.1.10>203.0.113.11 | igw-1");

    [Theory]
    [InlineData("10.0.2.10=203.0.113.10", "10.0.2.11", "10.0.2.10", "10.0.2.11=203.0.113.10")]     // to another interface
    [InlineData("10.0.2.10=203.0.113.10", "10.0.2.11", "10.0.2.10", "10.0.2.11")]                  // to nobody
    [InlineData("10.0.2.10", "10.0.2.11", "10.0.2.10=203.0.113.10", "10.0.2.11")]                  // from nobody
    [InlineData("10.0.2.10", "10.0.2.11", "10.0.2.10", "10.0.2.11=203.0.113.10")]
    [InlineData("10.0.2.10=203.0.113.10", "10.0.2.11", "10.0.2.10=203.0.113.11", "10.0.2.11")]     // another in its place
    public void CT_14_A_flow_goes_on_at_its_callers_interface_when_the_public_address_that_it_called_changes_hands(string s, string t, string nextS, string nextT)
    {
        Scenario scenario = new Scenario(Callers(s, t), Live)
            .Send("udp 10.0.1.20:9 > 203.0.113.10:53", "allow new")
            .Send("udp 203.0.113.10:53 > 10.0.1.20:9", "allow established")
            .Change(Callers(nextS, nextT))
            .Send("udp 203.0.113.10:53 > 10.0.1.20:9", "allow established");
        scenario.Change(Callers(s, t))
            .Send("udp 10.0.1.20:9 > 203.0.113.10:53", "allow established")
            .Send("udp 203.0.113.10:53 > 10.0.1.20:9", "allow established");
    }

    [Fact]
    public void CT_14_A_public_address_that_goes_and_comes_back_keeps_the_callers_flow() => new Scenario(Callers("10.0.2.10=203.0.113.10", "10.0.2.11"), Live)
        .Send("udp 10.0.1.20:9 > 203.0.113.10:53", "allow new")
        .Send("udp 203.0.113.10:53 > 10.0.1.20:9", "allow established")
        .Change(Callers("10.0.2.10", "10.0.2.11"))
        .Change(Callers("10.0.2.10=203.0.113.10", "10.0.2.11"))
        .Send("udp 10.0.1.20:9 > 203.0.113.10:53", "allow established");

    [Fact]
    public void CT_14_A_flow_goes_on_at_an_interface_whose_own_public_address_changes() => new Scenario(Callers("10.0.2.10", "10.0.2.11"), Live)
        .Send("udp 10.0.1.20:9 > 203.0.113.10:53", "allow new")
        .Change(Callers("10.0.2.10", "10.0.2.11").Replace("203.0.113.20", "203.0.113.21", StringComparison.Ordinal))
        .Send("udp 203.0.113.10:53 > 203.0.113.21:9", "allow established");

    [Fact]
    public void CT_24_Flows_are_counted_by_the_public_addresses_that_there_are_now()
    {
        JudgeOptions three = Live with { MaxFlows = 3 };
        new Scenario(Callers("10.0.2.10=203.0.113.10", "10.0.2.11"), three)
            .Send("udp 10.0.1.20:9 > 203.0.113.10:53", "allow new")
            .Send("udp 10.0.1.20:10 > 203.0.113.10:53", "allow new")
            .Change(Callers("10.0.2.10", "10.0.2.11=203.0.113.10"))    // each is two flows now: what the caller sees, and what the called one saw
            .Send("udp 10.0.1.20:11 > 203.0.113.10:53", "deny TRACKING_TABLE_FULL")
            .Change(Callers("10.0.2.10=203.0.113.10", "10.0.2.11"))
            .Send("udp 203.0.113.10:53 > 10.0.1.20:9", "allow established")
            .Send("udp 203.0.113.10:53 > 10.0.1.20:10", "allow established")    // four were more than three, and none was given up
            .Send("udp 10.0.1.20:11 > 203.0.113.10:53", "allow new")
            .Send("udp 10.0.1.20:12 > 203.0.113.10:53", "deny TRACKING_TABLE_FULL");
    }

    [Theory]
    [InlineData(29, "allow established")]
    [InlineData(30, "deny ENI_SG_RULES_MISMATCH")]
    [InlineData(45, "deny ENI_SG_RULES_MISMATCH")]
    public void CT_14_CT_21_A_flow_that_timed_out_before_time_outs_grew_is_over(int idle, string verdict) => new Scenario(Callers("10.0.2.10", "10.0.2.11"), Live)
        .Send("udp 10.0.1.20:9 > 203.0.113.10:53", "allow new")
        .Wait(idle)
        .Change(Callers("10.0.2.10", "10.0.2.11").Replace("sg=sg-c", "sg=sg-c timers=350/180/60", StringComparison.Ordinal))
        .Wait(59 - idle)
        .Send("udp 203.0.113.10:53 > 203.0.113.20:9", verdict);

    [Fact]
    public void CT_21_Shorter_time_outs_hold_from_the_next_packet_on_and_what_they_ended_stays_over() => new Scenario(Callers("10.0.2.10", "10.0.2.11").Replace("sg=sg-c", "sg=sg-c timers=350/180/60", StringComparison.Ordinal), Live)
        .Send("udp 10.0.1.20:9 > 203.0.113.10:53", "allow new")
        .Wait(45)
        .Change(Callers("10.0.2.10", "10.0.2.11"))
        .Change(Callers("10.0.2.10", "10.0.2.11").Replace("sg=sg-c", "sg=sg-c timers=350/180/60", StringComparison.Ordinal))
        .Send("udp 203.0.113.10:53 > 203.0.113.20:9", "deny ENI_SG_RULES_MISMATCH");

    [Theory]
    [InlineData("")]            // gone
    [InlineData("igw igw-1")]   // detached
    public void A_gateway_that_was_taken_away_is_no_longer_how_a_flow_left(string left)
    {
        string before = Text("out udp 53 198.51.100.0/24"), after = before.Replace("igw igw-1 vpc-1", left, StringComparison.Ordinal).Replace("0.0.0.0/0 igw-1", "", StringComparison.Ordinal).Replace("::/0 igw-1", "", StringComparison.Ordinal);
        Assert.Equal(left.Length > 0, after.Contains("igw-1", StringComparison.Ordinal));
        new Scenario(before, Live)
            .Send("udp 10.0.1.10:9 > 198.51.100.1:53", "allow new")
            .Change(after)
            .Send("udp 198.51.100.1:53 > 203.0.113.10:9", "unplaced")
            .Change(before)
            .Send("udp 198.51.100.1:53 > 203.0.113.10:9", "allow established");
    }

    /// <summary>Networks that change into each other under traffic: the engine says what the interpreter says.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void REL_14_Changes_at_random_are_the_same_on_every_engine(int thousand)
    {
        int changes = 0;
        foreach (int seed in Enumerable.Range(thousand * 1_000, 40))
        {
            Random random = new(seed);
            RandomWorld world = new(seed);
            JudgeOptions options = world.Options with { Causal = false };
            List<TestEngine> engines = [.. TestEngine.All.Select(make => make(world.Network, options))];
            for (int i = 0; i < 400; i++)
            {
                (string text, long time) = world.Next();
                if (random.Next(25) == 0)
                {
                    Network next = random.Next(3) == 0 ? new RandomWorld(seed + 100_000 + random.Next(3)).Network : NetworkBuilder.Network(WithoutSomeRules(world.Topology, random));
                    engines.ForEach(engine => engine.Adopt(next, time));
                    changes++;
                }

                TestPacket packet = PacketText.Parse(text);
                Outcome[] said = [.. engines.Select(engine => engine.Judge(packet.Headers, packet.Quote, time))];
                Assert.True(said[0].Equals(said[1]), $"seed {seed}, packet {i}: {text}\n{engines[0].Name}: {said[0]}\n{engines[1].Name}: {said[1]}\n{world.Topology}");
            }
        }

        Assert.InRange(changes, 300, 1_200);
    }

    private const string Acl = """
        acl acl-1 vpc-1
        in 100 allow all 0.0.0.0/0
        out 100 allow all 0.0.0.0/0
        """;

    /// <summary>An interface that calls 203.0.113.10, and two that it may be of.</summary>
    private static string Callers(string s, string t) => $"""
        vpc vpc-1 10.0.0.0/16
        igw igw-1 vpc-1
        rtb rtb-1 vpc-1
          0.0.0.0/0 igw-1
        subnet sub-1 vpc-1 10.0.1.0/24 rtb=rtb-1
        subnet sub-2 vpc-1 10.0.2.0/24 rtb=rtb-1
        sg sg-c vpc-1
          out udp 53 203.0.113.0/24
        sg sg-s vpc-1
          in udp 53 203.0.113.0/24
          out all 0.0.0.0/0
        eni eni-c sub-1 10.0.1.20=203.0.113.20 sg=sg-c
        eni eni-s sub-2 {s} sg=sg-s
        eni eni-t sub-2 {t} sg=sg-s
        """;

    private static string WithoutSomeRules(string topology, Random random) => string.Join('\n', topology.Split('\n')
        .Where(line => !(line.StartsWith("in ", StringComparison.Ordinal) || line.StartsWith("out ", StringComparison.Ordinal)) || random.Next(4) != 0));

    private static string Text(params string[] rules) => rules.Length > 0 && rules[0].StartsWith("acl ", StringComparison.Ordinal)
        ? ConnectionTrackingTests.Text(rules[1..]).Replace("rtb=rtb-1", "rtb=rtb-1 acl=acl-1", StringComparison.Ordinal) + "\n" + rules[0]
        : ConnectionTrackingTests.Text(rules);

    private static Scenario With(params string[] rules) => new(Text(rules), Live);
}
