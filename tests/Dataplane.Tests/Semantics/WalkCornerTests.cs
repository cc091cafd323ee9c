using System;
using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Semantics;

/// <summary>Corners that mutants of the engine's walk survived in.</summary>
public sealed class WalkCornerTests
{
    /// <summary>Two VPCs of the same block, each with an instance that has the same private address, and an instance each alone has.</summary>
    private const string Twins = """
        vpc vpc-1 10.0.0.0/16
        vpc vpc-2 10.0.0.0/16
        vpc vpc-3 198.51.100.0/24
        igw igw-1 vpc-1
        igw igw-2 vpc-2
        subnet sub-1 vpc-1 10.0.1.0/24 rtb=rtb-1
        subnet sub-2 vpc-2 10.0.1.0/24 rtb=rtb-2
        eni eni-1 sub-1 10.0.1.10=203.0.113.1 sg=sg-1
        eni eni-2 sub-2 10.0.1.10=203.0.113.2 sg=sg-1
        sg sg-1 vpc-1 vpc-2
          out all 198.51.100.0/24
        rtb rtb-1 vpc-1
          0.0.0.0/0 igw-1
        rtb rtb-2 vpc-2
          0.0.0.0/0 igw-2
        """;

    private const string Tracked = "allow established tracked sg-1/egress/1";
    private const string Related = "allow related tracked sg-1/egress/1";

    [Fact]
    public void Contract_4_2_R_33_Of_several_interfaces_with_the_private_address_those_with_a_flow_are_asked_in_order_of_id() => new Scenario(Twins)
        .Send("udp 198.51.100.1:53 > 10.0.1.10:9", "unplaced")
        .Send("udp 203.0.113.2:9 > 198.51.100.1:53", "allow new", null, "eni-2", "igw-2")
        .Send("udp 198.51.100.1:53 > 10.0.1.10:9", Tracked, null, "igw-2", "eni-2")
        .Send("udp 198.51.100.1:53 > 203.0.113.1:9", "unplaced")
        .Send("udp 198.51.100.1:53 > 203.0.113.2:9", Tracked, null, "igw-2", "eni-2")
        .Send("udp 203.0.113.1:9 > 198.51.100.1:53", "allow new", null, "eni-1", "igw-1")
        .Send("udp 198.51.100.1:53 > 10.0.1.10:9", Tracked, null, "igw-1", "eni-1")
        .Send("udp 198.51.100.1:53 > 203.0.113.1:9", Tracked, null, "igw-1", "eni-1")
        .Send("udp 198.51.100.1:53 > 203.0.113.2:9", Tracked, null, "igw-2", "eni-2")
        .Wait(180).Send("udp 198.51.100.1:53 > 203.0.113.2:9", "unplaced")
        .Send("udp 203.0.113.1:8 > 198.51.100.1:53", "allow new", null, "eni-1", "igw-1")
        .Send("udp 203.0.113.2:8 > 198.51.100.1:53", "allow new", null, "eni-2", "igw-2")
        .Send("udp 198.51.100.1:53 > 10.0.1.10:8", Tracked, null, "igw-1", "eni-1");

    [Fact]
    public void Contract_4_2_R_33_An_error_is_placed_by_the_flow_that_it_quotes_in_the_same_order() => new Scenario(Twins, new JudgeOptions { IcmpErrors = IcmpErrorPolicy.Related })
        .Send("icmp 198.51.100.9 > 10.0.1.10 3/3 quoting udp 10.0.1.10:9 > 198.51.100.1:53", "unplaced")
        .Send("udp 203.0.113.2:9 > 198.51.100.1:53", "allow new", null, "eni-2", "igw-2")
        .Send("icmp 198.51.100.9 > 10.0.1.10 3/3 quoting udp 10.0.1.10:9 > 198.51.100.1:53", Related, null, "igw-2", "eni-2")
        .Send("icmp 198.51.100.9 > 203.0.113.1 3/3 quoting udp 203.0.113.1:9 > 198.51.100.1:53", "unplaced")
        .Send("icmp 198.51.100.9 > 203.0.113.2 3/3 quoting udp 203.0.113.2:9 > 198.51.100.1:53", Related, null, "igw-2", "eni-2")
        .Send("icmp 198.51.100.9 > 203.0.113.2 3/3 quoting udp 203.0.113.2:8 > 198.51.100.1:53", "unplaced")
        .Send("udp 203.0.113.1:9 > 198.51.100.1:53", "allow new", null, "eni-1", "igw-1")
        .Send("icmp 198.51.100.9 > 10.0.1.10 3/3 quoting udp 10.0.1.10:9 > 198.51.100.1:53", Related, null, "igw-1", "eni-1")
        .Send("icmp 198.51.100.9 > 203.0.113.2 3/3 quoting udp 203.0.113.2:9 > 198.51.100.1:53", Related, null, "igw-2", "eni-2")
        .Wait(30).Send("icmp 198.51.100.9 > 203.0.113.2 3/3 quoting udp 203.0.113.2:9 > 198.51.100.1:53", "unplaced")
        .Send("udp 203.0.113.1:8 > 198.51.100.1:53", "allow new", null, "eni-1", "igw-1")
        .Send("udp 203.0.113.2:8 > 198.51.100.1:53", "allow new", null, "eni-2", "igw-2")
        .Send("icmp 198.51.100.9 > 10.0.1.10 3/3 quoting udp 10.0.1.10:8 > 198.51.100.1:53", Related, null, "igw-1", "eni-1");

    [Fact]
    public void Contract_4_2_R_09_A_SYN_on_a_closed_connection_runs_against_no_flow() => new Scenario(Twins, new JudgeOptions { Causal = false })
        .Send("tcp 203.0.113.1:9 > 198.51.100.1:53 S", "allow new", null, "eni-1", "igw-1")
        .Send("tcp 198.51.100.1:53 > 203.0.113.1:9 S", Tracked, null, "igw-1", "eni-1")
        .Send("tcp 198.51.100.1:53 > 203.0.113.1:9 R", Tracked, null, "igw-1", "eni-1")
        .Send("tcp 198.51.100.1:53 > 203.0.113.1:9 A", Tracked, null, "igw-1", "eni-1")
        .Send("tcp 198.51.100.1:53 > 203.0.113.1:9 S", "unplaced")
        .Send("tcp 203.0.113.1:9 > 198.51.100.1:53 S", "allow new");

    [Fact]
    public void Contract_4_2_A_later_fragment_without_its_first_runs_against_no_flow() => new Scenario(Twins)
        .Send("proto 47 203.0.113.1 > 198.51.100.1", "allow new", null, "eni-1", "igw-1")
        .Send("proto 47 198.51.100.1 > 203.0.113.1", Tracked, null, "igw-1", "eni-1")
        .Send("proto 47 198.51.100.1 > 203.0.113.1 later 5", "unplaced")
        .Send("proto 47 203.0.113.1 > 198.51.100.1 later 6", "allow - rtb-1/0.0.0.0/0", null, "eni-1", "igw-1");

    /// <summary>The first instance's flow ended inside its VPC, where the far end was then; only the second one's left, by its gateway.</summary>
    [Fact]
    public void Contract_4_2_A_flow_that_stayed_inside_places_no_packet() => new Scenario(
        Twins.Replace("vpc-3 198.51.100.0/24", "vpc-4 192.0.2.0/24", StringComparison.Ordinal).Replace("vpc vpc-1 10.0.0.0/16", "vpc vpc-1 10.0.0.0/16 198.51.100.0/24", StringComparison.Ordinal)
        + "\nsubnet sub-3 vpc-1 198.51.100.0/24\neni eni-3 sub-3 198.51.100.1 managed",
        new JudgeOptions { Causal = false, IcmpErrors = IcmpErrorPolicy.Related })
        .Send("udp 203.0.113.1:9 > 198.51.100.1:53", "allow new", null, "eni-1", "eni-3")
        .Change(Twins)
        .Send("udp 198.51.100.1:53 > 10.0.1.10:9", "unplaced")
        .Send("icmp 198.51.100.9 > 10.0.1.10 3/3 quoting udp 10.0.1.10:9 > 198.51.100.1:53", "unplaced")
        .Send("udp 203.0.113.2:9 > 198.51.100.1:53", "allow new", null, "eni-2", "igw-2")
        .Send("udp 198.51.100.1:53 > 10.0.1.10:9", Tracked, null, "igw-2", "eni-2")
        .Send("icmp 198.51.100.9 > 10.0.1.10 3/3 quoting udp 10.0.1.10:9 > 198.51.100.1:53", Related, null, "igw-2", "eni-2");

    /// <summary>Placement 1 goes before 2: whoever has the source's address now sends the packet, whatever is remembered.</summary>
    [Fact]
    public void Contract_4_1_An_interface_that_appears_with_the_far_ends_address_sends_its_packets() => new Scenario(Twins, new JudgeOptions { Causal = false })
        .Send("udp 203.0.113.1:9 > 198.51.100.1:53", "allow new", null, "eni-1", "igw-1")
        .Send("udp 198.51.100.1:53 > 203.0.113.1:9", Tracked, null, "igw-1", "eni-1")
        .Change(Twins + "\nsubnet sub-3 vpc-3 198.51.100.0/24\neni eni-3 sub-3 198.51.100.1 managed")
        .Send("udp 198.51.100.1:53 > 203.0.113.1:9", "deny NO_ROUTE_TO_DESTINATION rtb-main-vpc-3/none", null, "eni-3", "-");

    /// <summary>Two instances that call each other by private and by public address; every rule admits one of the two only.</summary>
    private const string Pair = """
        vpc vpc-1 10.0.0.0/16
        igw igw-1 vpc-1
        subnet sub-a vpc-1 10.0.1.0/24 rtb=rtb-a
        subnet sub-b vpc-1 10.0.2.0/24 rtb=rtb-a
        eni eni-a sub-a 10.0.1.10=203.0.113.10 sg=sg-a
        eni eni-b sub-b 10.0.2.20=203.0.113.20 sg=sg-a
        eni eni-r sub-b 10.0.2.254=203.0.113.254 managed
        sg sg-a vpc-1
          in udp 53 10.0.0.0/16
          in udp 53 203.0.113.0/24
          out udp 53 10.0.0.0/16
          out udp 53 203.0.113.0/24
        rtb rtb-a vpc-1
          0.0.0.0/0 igw-1

        """;

    /// <summary>R-06: each quoted end as it stands or through priv; as it stands goes first. At the caller, whose slot the error finds.</summary>
    [Theory]
    [InlineData("private", "10.0.1.10", "10.0.2.20", "egress/1")]
    [InlineData("private", "203.0.113.10", "10.0.2.20", "egress/1")]
    [InlineData("private", "10.0.1.10", "203.0.113.20", "egress/1")]
    [InlineData("private", "203.0.113.10", "203.0.113.20", "egress/1")]
    [InlineData("public", "10.0.1.10", "10.0.2.20", "none")]
    [InlineData("public", "203.0.113.10", "10.0.2.20", "none")]
    [InlineData("public", "10.0.1.10", "203.0.113.20", "egress/2")]
    [InlineData("public", "203.0.113.10", "203.0.113.20", "egress/2")]
    [InlineData("private and public", "10.0.1.10", "10.0.2.20", "egress/1")]
    [InlineData("private and public", "203.0.113.10", "10.0.2.20", "egress/1")]
    [InlineData("private and public", "10.0.1.10", "203.0.113.20", "egress/2")]
    [InlineData("private and public", "203.0.113.10", "203.0.113.20", "egress/2")]
    [InlineData("public and private", "203.0.113.10", "203.0.113.20", "egress/2")]
    public void R_06_Each_quoted_end_counts_as_it_stands_or_as_its_private_address(string calls, string source, string destination, string rule)
    {
        foreach (bool turned in (bool[])[false, true])
        {
            // Turned around, the caller is the end with the higher address.
            string Turn(string text) => !turned ? text : text
                .Replace("10.0.1.10", "-a", StringComparison.Ordinal).Replace("10.0.2.20", "10.0.1.10", StringComparison.Ordinal).Replace("-a", "10.0.2.20", StringComparison.Ordinal)
                .Replace("203.0.113.10", "-b", StringComparison.Ordinal).Replace("203.0.113.20", "203.0.113.10", StringComparison.Ordinal).Replace("-b", "203.0.113.20", StringComparison.Ordinal);
            Scenario scenario = new(Pair, new JudgeOptions { IcmpErrors = IcmpErrorPolicy.Related });
            foreach (string call in calls.Split(" and "))
            {
                scenario.Send(Turn($"udp 10.0.1.10:9 > {(call == "private" ? "10.0.2.20" : "203.0.113.20")}:53"), "allow new");
            }

            string error = Turn($"icmp 10.0.2.254 > 10.0.1.10 3/4 quoting udp {source}:9 > {destination}:53");
            scenario.Send(error, rule == "none" ? "deny ENI_SG_RULES_MISMATCH sg-a/ingress/none" : $"allow related tracked sg-a/{rule}");
        }
    }

    /// <summary>The same at the called side, where the error leaves and the source is what may be public; then at the caller's.</summary>
    [Theory]
    [InlineData("private", "10.0.1.10", "tracked sg-a/ingress/1", "tracked sg-a/egress/1")]
    [InlineData("private", "203.0.113.10", "tracked sg-a/ingress/1", "tracked sg-a/egress/1")]
    [InlineData("public", "203.0.113.10", "tracked sg-a/ingress/2", "sg-a/ingress/none")]
    [InlineData("public", "10.0.1.10", "sg-a/egress/none", "")]
    [InlineData("private and public", "10.0.1.10", "tracked sg-a/ingress/1", "tracked sg-a/egress/1")]
    [InlineData("private and public", "203.0.113.10", "tracked sg-a/ingress/2", "tracked sg-a/egress/1")]
    public void R_06_The_called_sides_error_quotes_what_the_called_side_saw(string calls, string source, string atCalled, string atCaller)
    {
        Scenario scenario = new(Pair, new JudgeOptions { IcmpErrors = IcmpErrorPolicy.Related });
        foreach (string call in calls.Split(" and "))
        {
            scenario.Send($"udp 10.0.1.10:9 > {(call == "private" ? "10.0.2.20" : "203.0.113.20")}:53", "allow new");
        }

        string path = "eni-b | " + atCalled + (atCaller.Length == 0 ? "" : $" | acl-default-vpc-1/egress/100 | rtb-a/10.0.0.0/16 | acl-default-vpc-1/ingress/100 | {atCaller}");
        bool passes = atCaller.StartsWith("tracked", StringComparison.Ordinal);
        scenario.Send($"icmp 10.0.2.20 > 10.0.1.10 3/3 quoting udp {source}:9 > 10.0.2.20:53", passes ? "allow related" : "deny ENI_SG_RULES_MISMATCH", passes ? path + " | eni-a" : path);
    }

    [Fact]
    public void R_06_A_dead_flow_and_another_interfaces_flow_are_not_quoted() => new Scenario(Pair, new JudgeOptions { IcmpErrors = IcmpErrorPolicy.Related })
        .Send("udp 10.0.1.10:9 > 10.0.2.20:53", "allow new")
        .Send("icmp 10.0.2.254 > 10.0.2.20 3/3 quoting udp 10.0.2.20:53 > 10.0.1.10:9", "allow related tracked sg-a/ingress/1")
        .Send("icmp 10.0.2.254 > 10.0.2.20 3/3 quoting udp 10.0.1.10:9 > 10.0.2.20:53", "deny ENI_SG_RULES_MISMATCH sg-a/ingress/none")
        .Send("icmp 10.0.2.254 > 10.0.1.10 3/3 quoting udp 10.0.2.20:53 > 10.0.1.10:9", "deny ENI_SG_RULES_MISMATCH sg-a/ingress/none")
        .Wait(29.999).Send("icmp 10.0.2.254 > 10.0.1.10 3/3 quoting udp 10.0.1.10:9 > 10.0.2.20:53", "allow related tracked sg-a/egress/1")
        .Wait(0.001).Send("icmp 10.0.2.254 > 10.0.1.10 3/3 quoting udp 10.0.1.10:9 > 10.0.2.20:53", "deny ENI_SG_RULES_MISMATCH sg-a/ingress/none");

    /// <summary>A datagram to oneself from the port that it goes to: both ways look alike, and both checks keep their slot.</summary>
    [Fact]
    public void Walk_6_A_packet_that_is_its_own_mirror_has_a_slot_at_each_check() => new Scenario(Pair, new JudgeOptions { IcmpErrors = IcmpErrorPolicy.Related })
        .Send("udp 10.0.1.10:53 > 10.0.1.10:53", "allow new sg-a/ingress/1", "eni-a | sg-a/egress/1 | sg-a/ingress/1 | eni-a")
        .Send("udp 10.0.1.10:53 > 10.0.1.10:53", "allow established tracked sg-a/ingress/1", "eni-a | tracked sg-a/egress/1 | tracked sg-a/ingress/1 | eni-a")
        .Send("icmp 10.0.2.254 > 10.0.1.10 3/3 quoting udp 10.0.1.10:53 > 10.0.1.10:53", "allow related tracked sg-a/egress/1")
        .Send("icmp 10.0.1.10 > 10.0.1.10 3/3 quoting udp 10.0.1.10:53 > 10.0.1.10:53", "allow related tracked sg-a/egress/1", "eni-a | tracked sg-a/ingress/1 | tracked sg-a/egress/1 | eni-a")
        .Send("udp 10.0.1.10:53 > 10.0.1.10:53", "allow established tracked sg-a/ingress/1", "eni-a | tracked sg-a/egress/1 | tracked sg-a/ingress/1 | eni-a")
        .Wait(29.999).Send("udp 10.0.1.10:53 > 10.0.1.10:53", "allow established")
        .Wait(30).Send("udp 10.0.1.10:53 > 10.0.1.10:53", "allow new sg-a/ingress/1", "eni-a | sg-a/egress/1 | sg-a/ingress/1 | eni-a");

    /// <summary>By its own public address the packet comes back translated: the slot of the second check takes the place of the first's.</summary>
    [Fact]
    public void Walk_6_Who_calls_its_own_public_address_from_the_port_that_it_calls_keeps_the_second_slot()
    {
        const string Out = "acl-default-vpc-1/egress/100 | rtb-a/0.0.0.0/0 | igw-1 10.0.1.10>203.0.113.10 | igw-1 | igw-1 | igw-1 203.0.113.10>10.0.1.10 | acl-default-vpc-1/ingress/100";
        new Scenario(Pair)
            .Send("udp 10.0.1.10:53 > 203.0.113.10:53", "allow new sg-a/ingress/2", $"eni-a | sg-a/egress/2 | {Out} | sg-a/ingress/2 | eni-a")
            .Send("udp 10.0.1.10:53 > 203.0.113.10:53", "allow established tracked sg-a/ingress/2", $"eni-a | tracked sg-a/ingress/2 | {Out} | tracked sg-a/ingress/2 | eni-a")
            .Send("udp 10.0.1.10:9 > 203.0.113.10:53", "allow new sg-a/ingress/2", $"eni-a | sg-a/egress/2 | {Out} | sg-a/ingress/2 | eni-a")
            .Send("udp 10.0.1.10:9 > 203.0.113.10:53", "allow established tracked sg-a/ingress/2", $"eni-a | tracked sg-a/egress/2 | {Out} | tracked sg-a/ingress/2 | eni-a");

        // R-08: each packet counts at both checks of the one slot, once each way; with the third it is a stream.
        new Scenario(Pair)
            .Send("udp 10.0.1.10:53 > 203.0.113.10:53", "allow new")
            .Send("udp 10.0.1.10:53 > 203.0.113.10:53", "allow established")
            .Send("udp 10.0.1.10:53 > 203.0.113.10:53", "allow established")
            .Wait(179.999).Send("udp 10.0.1.10:53 > 203.0.113.10:53", "allow established")
            .Wait(180).Send("udp 10.0.1.10:53 > 203.0.113.10:53", "allow new");
    }

    [Fact]
    public void R_08_A_request_counts_once_at_each_interface() => new Scenario(Pair)
        .Send("udp 10.0.1.10:9 > 10.0.2.20:53", "allow new")
        .Send("udp 10.0.1.10:9 > 10.0.2.20:53", "allow established")
        .Send("udp 10.0.1.10:9 > 10.0.2.20:53", "allow established")
        .Wait(30).Send("udp 10.0.1.10:9 > 10.0.2.20:53", "allow new sg-a/ingress/1",
            "eni-a | sg-a/egress/1 | acl-default-vpc-1/egress/100 | rtb-a/10.0.0.0/16 | acl-default-vpc-1/ingress/100 | sg-a/ingress/1 | eni-b");

    [Fact]
    public void R_37_Between_managed_interfaces_of_a_subnet_no_rule_is_named() => new Scenario(Pair + "eni eni-s sub-b 10.0.2.253 managed")
        .Send("tcp 10.0.2.254:9 > 10.0.2.253:80 S", "allow - -", "eni-r | eni-s");

    [Fact]
    public void CT_24_R_09_A_refused_connection_leaves_its_place_after_10_seconds() => new Scenario(
        Pair.Replace("out udp 53 10", "out tcp 80 10", StringComparison.Ordinal).Replace("in udp 53 10", "in tcp 80 10", StringComparison.Ordinal), new JudgeOptions { MaxFlows = 1 })
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:80 S", "allow new")
        .Wait(1).Send("tcp 10.0.1.10:8 > 10.0.2.20:80 S", "deny TRACKING_TABLE_FULL -")
        .Wait(1).Send("tcp 10.0.2.20:80 > 10.0.1.10:9 RA", "allow established")
        .Wait(9.999).Send("tcp 10.0.1.10:7 > 10.0.2.20:80 S", "deny TRACKING_TABLE_FULL -")
        .Wait(0.001).Send("tcp 10.0.1.10:6 > 10.0.2.20:80 S", "allow new");

    [Fact]
    public void CT_24_What_one_interface_admits_and_the_next_denies_takes_no_place() => new Scenario(
        Pair.Replace("in udp 53 10.0.0.0/16", "in udp 53 10.9.0.0/16", StringComparison.Ordinal), new JudgeOptions { MaxFlows = 1, Causal = false })
        .Send("udp 10.0.1.10:9 > 10.0.2.20:53", "deny ENI_SG_RULES_MISMATCH sg-a/ingress/none")
        .Send("udp 10.0.1.10:8 > 10.0.2.20:53", "deny ENI_SG_RULES_MISMATCH sg-a/ingress/none")
        .Send("udp 10.0.1.10:7 > 203.0.113.20:53", "allow new sg-a/ingress/2");

    [Fact]
    public void CT_24_A_flow_in_two_spellings_takes_one_place() => new Scenario(Pair, new JudgeOptions { MaxFlows = 1 })
        .Send("udp 10.0.1.10:9 > 10.0.2.20:53", "allow new sg-a/ingress/1")
        .Send("udp 10.0.1.10:9 > 203.0.113.20:53", "allow new sg-a/ingress/2")
        .Send("udp 10.0.1.10:8 > 203.0.113.20:53", "deny TRACKING_TABLE_FULL -")
        .Wait(30).Send("udp 10.0.1.10:8 > 203.0.113.20:53", "allow new sg-a/ingress/2");

    [Fact]
    public void CT_22_R_10_A_mid_stream_packet_that_is_dropped_where_it_leaves_names_the_egress_rules() => new Scenario(
        Pair.Replace("out udp 53 10", "out tcp 80 10", StringComparison.Ordinal), new JudgeOptions { Midstream = MidstreamPolicy.Drop })
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:80 A", "deny ENI_SG_RULES_MISMATCH sg-a/egress/none", "eni-a | sg-a/egress/none");

    /// <summary>Past the first appliance group references do not match where the packet comes in; where the next one sends it on they do.</summary>
    [Fact]
    public void SG_33_Behind_an_appliance_references_match_at_egress() => new Scenario("""
        vpc vpc-1 10.0.0.0/16
        subnet sub-a vpc-1 10.0.1.0/24 rtb=rtb-a
        subnet sub-m vpc-1 10.0.8.0/24 rtb=rtb-m
        subnet sub-n vpc-1 10.0.9.0/24
        subnet sub-z vpc-1 10.0.7.0/24
        eni eni-a sub-a 10.0.1.10 sg=sg-a
        eni eni-m sub-m 10.0.8.8 sg=sg-m nocheck
        eni eni-n sub-n 10.0.9.9 sg=sg-n nocheck
        eni eni-z sub-z 10.0.7.70 sg=sg-z
        sg sg-a vpc-1
          out tcp 80 sg-z
        sg sg-m vpc-1
          in tcp 80 10.0.0.0/16
          out tcp 80 10.0.0.0/16
        sg sg-n vpc-1
          in tcp 80 sg-a
          in tcp 80 10.0.0.0/16
          out tcp 80 sg-z
        sg sg-z vpc-1
          in tcp 80 sg-a
          in tcp 80 10.0.0.0/16
        rtb rtb-a vpc-1
          10.0.7.0/24 eni-m
        rtb rtb-m vpc-1
          10.0.7.0/24 eni-n
        """)
        .Send("tcp 10.0.1.10:9 > 10.0.7.70:80 S", "allow new sg-z/ingress/2",
            "eni-a | sg-a/egress/1 | acl-default-vpc-1/egress/100 | rtb-a/10.0.7.0/24 | acl-default-vpc-1/ingress/100 | sg-m/ingress/1 | eni-m | sg-m/egress/1"
            + " | acl-default-vpc-1/egress/100 | rtb-m/10.0.7.0/24 | acl-default-vpc-1/ingress/100 | sg-n/ingress/2 | eni-n | sg-n/egress/1"
            + " | acl-default-vpc-1/egress/100 | rtb-main-vpc-1/10.0.0.0/16 | acl-default-vpc-1/ingress/100 | sg-z/ingress/2 | eni-z");

    [Fact]
    public void R_07_A_reply_that_a_rule_admitted_finds_its_slot_again_when_time_runs_back()
    {
        Scenario scenario = new("""
            vpc vpc-1 10.0.0.0/16
            subnet sub-a vpc-1 10.0.1.0/24
            sg sg-a vpc-1
              in icmp all 0.0.0.0/0
              out icmp all 0.0.0.0/0
            eni eni-a sub-a 10.0.1.10 sg=sg-a
            eni eni-b sub-a 10.0.1.20 sg=sg-a
            """);
        string reply = "icmp 10.0.1.20 > 10.0.1.10 0/0 id 1";
        scenario.Send("icmp 10.0.1.10 > 10.0.1.20 8/0 id 1", "allow new sg-a/ingress/1").Send(reply, "allow established tracked sg-a/egress/1");
        scenario.Wait(31).Send(reply, "allow - sg-a/ingress/1").Send(reply, "allow - sg-a/ingress/1");
        scenario.Wait(-10).Send(reply, "allow established tracked sg-a/egress/1");
    }

    /// <summary>Behind an egress-only gateway, called from a VPC beside it.</summary>
    private const string EgressOnly = """
        vpc vpc-2 2001:db8:2::/56
        vpc vpc-3 2001:db8:3::/56
        igw igw-2 vpc-2
        eigw eigw-3 vpc-3
        subnet sub-b vpc-2 2001:db8:2:2::/64 rtb=rtb-b
        subnet sub-e vpc-3 2001:db8:3:3::/64 rtb=rtb-e
        eni eni-b sub-b 2001:db8:2:2::20 sg=sg-1
        eni eni-e sub-e 2001:db8:3:3::30 2001:db8:3:3::31 sg=sg-1
        eni eni-f sub-e 2001:db8:3:3::40 sg=sg-1
        sg sg-1 vpc-2 vpc-3
          in all 2001:db8::/32
          out all 2001:db8::/32
        rtb rtb-b vpc-2
          ::/0 igw-2
        rtb rtb-e vpc-3
          ::/0 eigw-3
        """;

    private const string Inbound = "deny EIGW_INBOUND -";

    [Fact]
    public void EIGW_01_Who_answers_a_dead_flow_or_another_interfaces_starts_one() => new Scenario(EgressOnly, new JudgeOptions { Causal = false })
        .Send("tcp [2001:db8:3:3::30]:9 > [2001:db8:2:2::20]:80 S", "allow new", null, "eni-e", "eni-b")
        .Send("tcp [2001:db8:2:2::20]:80 > [2001:db8:3:3::30]:9 S", "allow established", null, "eni-b", "eni-e")
        .Send("tcp [2001:db8:2:2::20]:80 > [2001:db8:3:3::30]:9 SA", "allow established", null, "eni-b", "eni-e")
        .Send("tcp [2001:db8:2:2::20]:80 > [2001:db8:3:3::30]:8 SA", Inbound, null, "eni-b", "eigw-3")
        .Send("tcp [2001:db8:2:2::20]:80 > [2001:db8:3:3::40]:9 SA", Inbound, null, "eni-b", "eigw-3")
        .Wait(60).Send("tcp [2001:db8:2:2::20]:80 > [2001:db8:3:3::30]:9 A", Inbound, null, "eni-b", "eigw-3");

    [Fact]
    public void EIGW_01_R_09_A_SYN_on_a_closed_connection_is_no_reply_of_an_interface_either() => new Scenario(EgressOnly, new JudgeOptions { Causal = false })
        .Send("tcp [2001:db8:3:3::30]:9 > [2001:db8:2:2::20]:80 S", "allow new", null, "eni-e", "eni-b")
        .Send("tcp [2001:db8:2:2::20]:80 > [2001:db8:3:3::30]:9 R", "allow established", null, "eni-b", "eni-e")
        .Send("tcp [2001:db8:2:2::20]:80 > [2001:db8:3:3::30]:9 A", "allow established", null, "eni-b", "eni-e")
        .Send("tcp [2001:db8:2:2::20]:80 > [2001:db8:3:3::30]:9 S", Inbound, null, "eni-b", "eigw-3");

    [Fact]
    public void EIGW_01_A_later_fragment_without_its_first_is_no_reply() => new Scenario(EgressOnly)
        .Send("proto 47 2001:db8:3:3::30 > 2001:db8:2:2::20", "allow new", null, "eni-e", "eni-b")
        .Send("proto 47 2001:db8:2:2::20 > 2001:db8:3:3::30", "allow established", null, "eni-b", "eni-e")
        .Send("proto 47 2001:db8:2:2::20 > 2001:db8:3:3::30 later 5", Inbound, null, "eni-b", "eigw-3");

    [Fact]
    public void EIGW_01_R_06_An_error_about_a_flow_that_left_comes_in_and_about_any_other_it_does_not() => new Scenario(EgressOnly, new JudgeOptions { IcmpErrors = IcmpErrorPolicy.Related })
        .Send("icmpv6 2001:db8:2:2::20 > 2001:db8:3:3::30 1/4 quoting udp [2001:db8:3:3::30]:9 > [2001:db8:2:2::20]:53", Inbound, null, "eni-b", "eigw-3")
        .Send("udp [2001:db8:3:3::30]:9 > [2001:db8:2:2::20]:53", "allow new", null, "eni-e", "eni-b")
        .Send("icmpv6 2001:db8:2:2::20 > 2001:db8:3:3::30 1/4 quoting udp [2001:db8:3:3::30]:9 > [2001:db8:2:2::20]:53", "allow related", null, "eni-b", "eni-e")
        .Send("icmpv6 2001:db8:2:2::20 > 2001:db8:3:3::30 1/4 quoting udp [2001:db8:3:3::30]:8 > [2001:db8:2:2::20]:53", Inbound, null, "eni-b", "eigw-3")
        .Send("icmpv6 2001:db8:2:2::20 > 2001:db8:3:3::31 1/4 quoting udp [2001:db8:3:3::30]:9 > [2001:db8:2:2::20]:53", Inbound, null, "eni-b", "eigw-3")
        .Send("icmpv6 2001:db8:2:2::20 > 2001:db8:3:3::40 1/4 quoting udp [2001:db8:3:3::30]:9 > [2001:db8:2:2::20]:53", Inbound, null, "eni-b", "eigw-3");
}
