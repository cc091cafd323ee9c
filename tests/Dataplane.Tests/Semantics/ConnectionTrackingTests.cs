using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Semantics;

/// <summary>CT: which flows a security group remembers, for how long, and what belongs to them.</summary>
public sealed class ConnectionTrackingTests
{
    /// <summary>One public instance; the rules of its group are the test's.</summary>
    private const string One = """
        vpc vpc-1 10.0.0.0/16 2001:db8:1::/56
        igw igw-1 vpc-1
        subnet sub-a vpc-1 10.0.1.0/24 2001:db8:1:1::/64 rtb=rtb-1
        rtb rtb-1 vpc-1
          0.0.0.0/0 igw-1
          ::/0 igw-1
        eni eni-w sub-a 10.0.1.10=203.0.113.10 2001:db8:1:1::10 sg=sg-w TIMERS
        sg sg-w vpc-1

        """;

    private const string Worked = """
        in tcp 22 198.51.100.1/32
        in tcp 80 0.0.0.0/0
        in tcp 80 ::/0
        in icmp all 0.0.0.0/0
        out all ::/0

        """;

    [Fact]
    public void CT_01_CT_11_Replies_pass_whatever_the_rules_of_the_other_direction_say() => With("in tcp 443 198.51.100.0/24", "in icmp 8/0 198.51.100.0/24")
        .Send("tcp 198.51.100.1:9 > 203.0.113.10:443 S", "allow new sg-w/ingress/1")
        .Send("tcp 10.0.1.10:443 > 198.51.100.1:9 SA", "allow established rtb-1/0.0.0.0/0",
            "eni-w | tracked sg-w/ingress/1 | acl-default-vpc-1/egress/100 | rtb-1/0.0.0.0/0 | igw-1 10.0.1.10>203.0.113.10 | igw-1")
        .Send("icmp 198.51.100.1 > 203.0.113.10 8/0 id 5", "allow new sg-w/ingress/2")
        .Send("icmp 10.0.1.10 > 198.51.100.1 0/0 id 5", "allow established rtb-1/0.0.0.0/0")
        .Send("icmp 10.0.1.10 > 198.51.100.1 0/0 id 6", "deny ENI_SG_RULES_MISMATCH sg-w/egress/none")
        .Send("tcp 10.0.1.10:443 > 198.51.100.2:9 S", "deny ENI_SG_RULES_MISMATCH sg-w/egress/none");

    [Fact]
    public void CT_11_A_reply_comes_in_whatever_the_ingress_rules_say() => With("out icmp 8/0 198.51.100.0/24")
        .Send("icmp 10.0.1.10 > 198.51.100.1 8/0 id 5", "allow new rtb-1/0.0.0.0/0")
        .Send("icmp 198.51.100.1 > 203.0.113.10 0/0 id 5", "allow established tracked sg-w/egress/1",
            "igw-1 | igw-1 203.0.113.10>10.0.1.10 | acl-default-vpc-1/ingress/100 | tracked sg-w/egress/1 | eni-w");

    [Fact]
    public void CT_02_CT_04_CT_05_The_worked_example_of_the_AWS_documentation() => With(Worked, "out all 0.0.0.0/0")
        .Send("tcp 198.51.100.1:9 > 203.0.113.10:22 S", "allow new sg-w/ingress/1")
        .Send("tcp 198.51.100.1:9 > 203.0.113.10:80 S", "allow untracked sg-w/ingress/2")
        .Send("tcp [2001:db8:99::1]:9 > [2001:db8:1:1::10]:80 S", "allow untracked sg-w/ingress/3")
        .Send("icmp 198.51.100.1 > 203.0.113.10 8/0 id 1", "allow new sg-w/ingress/4");

    [Fact]
    public void CT_05_CT_06_Without_the_IPv4_egress_rule_all_of_IPv4_is_tracked_and_IPv6_is_not() => With(Worked)
        .Send("tcp 198.51.100.1:9 > 203.0.113.10:22 S", "allow new sg-w/ingress/1")
        .Send("tcp 198.51.100.1:9 > 203.0.113.10:80 S", "allow new sg-w/ingress/2")
        .Send("tcp [2001:db8:99::1]:9 > [2001:db8:1:1::10]:80 S", "allow untracked sg-w/ingress/3")
        .Send("icmp 198.51.100.1 > 203.0.113.10 8/0 id 1", "allow new sg-w/ingress/4");

    [Theory]
    [InlineData("all protocols", "out all 0.0.0.0/0", "untracked")]
    [InlineData("all ports of the protocol", "out tcp 0-65535 0.0.0.0/0", "untracked")]
    [InlineData("all ports but one", "out tcp 1-65535 0.0.0.0/0", "new")]
    [InlineData("another protocol's ports", "out udp 0-65535 0.0.0.0/0", "new")]
    [InlineData("half of the address space", "out all 0.0.0.0/1", "new")]
    [InlineData("the other family", "out all ::/0", "new")]
    [InlineData("a list that holds everything is not the peer itself (R-12)", "out all pl-0", "new")]
    public void CT_02_R_12_What_all_ports_of_the_other_direction_means(string shows, string egress, string state) => With(
        "in tcp 80 0.0.0.0/0", egress, "pl pl-0 0.0.0.0/0")
        .Send("tcp 198.51.100.1:9 > 203.0.113.10:80 S", $"allow {state} sg-w/ingress/1", null, shows.Length > 0 ? "igw-1" : null);

    [Fact]
    public void CT_02_R_12_The_two_conditions_look_at_the_union_of_the_groups() => new Scenario(Text("in tcp 80 0.0.0.0/0") + """

        eni eni-v sub-a 10.0.1.20=203.0.113.20 sg=sg-w+sg-z
        sg sg-z vpc-1
          out all 0.0.0.0/0
        """)
        .Send("tcp 198.51.100.1:9 > 203.0.113.20:80 S", "allow untracked sg-w/ingress/1")
        .Send("tcp 198.51.100.1:9 > 203.0.113.10:80 S", "allow new sg-w/ingress/1");

    [Theory]
    [InlineData("in 47 0.0.0.0/0", "out 47 0.0.0.0/0", "untracked")]
    [InlineData("in 47 0.0.0.0/0", "out all 0.0.0.0/0", "untracked")]
    [InlineData("in 47 0.0.0.0/0", "out 50 0.0.0.0/0", "new")]
    [InlineData("in 47 198.51.100.0/24", "out all 0.0.0.0/0", "new")]
    public void CT_10_R_12_For_a_protocol_without_ports_its_own_number_is_all_ports(string ingress, string egress, string state) => With(ingress, egress)
        .Send("proto 47 198.51.100.1 > 203.0.113.10", $"allow {state} sg-w/ingress/1");

    [Fact]
    public void CT_03_A_reply_of_an_untracked_flow_passes_by_rule_and_names_it() => With("in tcp 80 0.0.0.0/0", "out all 0.0.0.0/0")
        .Send("tcp 198.51.100.1:9 > 203.0.113.10:80 S", "allow untracked sg-w/ingress/1")
        .Send("tcp 10.0.1.10:80 > 198.51.100.1:9 SA", "allow untracked rtb-1/0.0.0.0/0",
            "eni-w | sg-w/egress/1 | acl-default-vpc-1/egress/100 | rtb-1/0.0.0.0/0 | igw-1 10.0.1.10>203.0.113.10 | igw-1")
        .Send("tcp 198.51.100.1:9 > 203.0.113.10:80 A", "allow untracked sg-w/ingress/1");

    [Fact]
    public void CT_04_ICMP_is_always_tracked() => With("in all 0.0.0.0/0", "out all 0.0.0.0/0")
        .Send("icmp 198.51.100.1 > 203.0.113.10 8/0 id 1", "allow new sg-w/ingress/1")
        .Send("icmp 10.0.1.10 > 198.51.100.1 0/0 id 1", "allow established rtb-1/0.0.0.0/0")
        .Send("udp 198.51.100.1:9 > 203.0.113.10:53", "allow untracked sg-w/ingress/1");

    [Fact]
    public void CT_07_Members_of_the_default_group_are_tracked_for_their_self_rule_is_narrow() => new Scenario(Text("in all sg-w", "out all 0.0.0.0/0") + """

        eni eni-v sub-a 10.0.1.20 sg=sg-w
        """)
        .Send("tcp 10.0.1.20:9 > 10.0.1.10:80 S", "allow new sg-w/ingress/1", "eni-v | sg-w/egress/1 | sg-w/ingress/1 | eni-w");

    [Theory]
    [InlineData(OverlapPolicy.Untracked, "allow untracked sg-w/ingress/1")]
    [InlineData(OverlapPolicy.Tracked, "allow new sg-w/ingress/1")]
    public void CT_08_R_18_A_narrow_and_a_wide_rule_admit_and_the_first_is_named(OverlapPolicy overlap, string verdict) =>
        With(new JudgeOptions { Overlap = overlap }, "in tcp 80 198.51.100.0/24", "in tcp 80 0.0.0.0/0", "out all 0.0.0.0/0")
            .Send("tcp 198.51.100.1:9 > 203.0.113.10:80 S", verdict)
            .Send("tcp 192.0.2.1:9 > 203.0.113.10:80 S", "allow untracked sg-w/ingress/2");

    /// <summary>A wide-open client beside and away from an interface of the type that the test names, which is wide open too.</summary>
    private static string Served(string type, string timers = "") => $"""
        vpc vpc-1 10.0.0.0/16
        igw igw-1 vpc-1
        subnet sub-a vpc-1 10.0.1.0/24 rtb=rtb-1
        subnet sub-b vpc-1 10.0.2.0/24 rtb=rtb-1
        rtb rtb-1 vpc-1
          0.0.0.0/0 igw-1
        eni eni-c sub-a 10.0.1.10=203.0.113.10 sg=sg-o {timers}
        eni eni-d sub-b 10.0.2.11 sg=sg-o {timers}
        eni eni-s sub-b 10.0.2.20 {type} {timers}
        sg sg-o vpc-1
          in all 0.0.0.0/0
          out all 0.0.0.0/0
        """;

    [Theory]
    [InlineData("vpc_endpoint")]
    [InlineData("network_load_balancer")]
    [InlineData("lambda")]
    [InlineData("global_accelerator_managed")]
    public void CT_09_Flows_through_an_endpoint_a_balancer_or_a_function_are_tracked_at_both_ends_whatever_the_rules(string type) => new Scenario(Served($"type={type} sg=sg-o"))
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 S", "allow new sg-o/ingress/1")    // from another subnet, by the local route
        .Send("tcp 10.0.2.20:443 > 10.0.1.10:9 SA", "allow established tracked sg-o/egress/1")
        .Send("udp 10.0.2.11:9 > 10.0.2.20:53", "allow new sg-o/ingress/1")       // inside a subnet
        .Send("icmp 10.0.2.20 > 10.0.1.10 3/4 quoting tcp 10.0.1.10:9 > 10.0.2.20:443 S", "allow related tracked sg-o/egress/1",
            "eni-s | tracked sg-o/ingress/1 | acl-default-vpc-1/egress/100 | rtb-1/10.0.0.0/16 | acl-default-vpc-1/ingress/100 | tracked sg-o/egress/1 | eni-c")
        .Send("tcp 10.0.2.20:9 > 10.0.1.10:80 S", type == "vpc_endpoint" ? "deny VPCE_INTRA_VPC_TRAFFIC -" : "allow new sg-o/ingress/1")     // and what comes from it (IFE-03)
        .Send("tcp 10.0.1.10:9 > 10.0.2.11:443 S", "allow untracked sg-o/ingress/1")
        .Send("tcp 10.0.1.10:9 > 198.51.100.1:443 S", "allow untracked rtb-1/0.0.0.0/0");

    [Theory]
    [InlineData("interface")]
    [InlineData("load_balancer")]
    [InlineData("efa")]
    [InlineData("gateway_load_balancer")]
    [InlineData("transit_gateway")]
    public void CT_09_Types_that_the_present_list_does_not_name_leave_it_to_the_rules(string type) => new Scenario(Served($"type={type} sg=sg-o"))
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 S", "allow untracked sg-o/ingress/1");

    [Fact]
    public void CT_09_A_load_balancer_without_groups_has_its_flows_tracked_at_the_other_end() => new Scenario(Served("type=network_load_balancer managed"))
        .Send("tcp 10.0.2.20:9 > 10.0.1.10:80 S", "allow new sg-o/ingress/1", "eni-s | acl-default-vpc-1/egress/100 | rtb-1/10.0.0.0/16 | acl-default-vpc-1/ingress/100 | sg-o/ingress/1 | eni-c")
        .Send("tcp 10.0.1.10:80 > 10.0.2.20:9 SA", "allow established");

    [Fact]
    public void CT_09_R_46_At_egress_the_first_route_alone_says_what_a_flow_passes() => new Scenario(Served("type=vpc_endpoint sg=sg-o") + """

        subnet sub-m vpc-1 10.0.3.0/24
        subnet sub-x vpc-1 10.0.4.0/24 rtb=rtb-x
        rtb rtb-x vpc-1
          10.0.2.0/24 eni-m
          192.0.2.0/24 eni-s
        eni eni-m sub-m 10.0.3.30 sg=sg-o nocheck
        eni eni-x sub-x 10.0.4.40 sg=sg-o
        """)
        // Untracked where it leaves, for the route leads to an appliance; tracked where the appliance sends it on.
        .Send("udp 10.0.4.40:9 > 10.0.2.20:53", "allow new sg-o/ingress/1")
        .Send("icmp 10.0.2.20 > 10.0.4.40 3/3 quoting udp 10.0.4.40:9 > 10.0.2.20:53", "allow related tracked sg-o/egress/1")
        // An address behind the endpoint's interface is not the endpoint's.
        .Send("tcp 10.0.4.40:9 > 192.0.2.1:80 S", "deny ENI_SOURCE_DEST_CHECK_RESTRICTION");

    [Theory]
    [InlineData("timers=432000/180/30", "eni-c", "10.0.1.10")]
    [InlineData("timers=60/60/60", "eni-d", "10.0.2.11")]
    public void CT_21_Flows_through_a_network_load_balancer_last_350_and_120_seconds_whatever_the_interface_says(string timers, string shows, string target)
    {
        Scenario Narrow() => new(Served("type=network_load_balancer managed", timers).Replace("out all 0.0.0.0/0", "out tcp 9999 192.0.2.0/24", System.StringComparison.Ordinal), new JudgeOptions { Causal = false });
        foreach (double wait in new[] { 349.999, 350 })
        {
            Narrow().Send($"tcp 10.0.2.20:9 > {target}:80 S", "allow new", null, "eni-s", shows)
                .Send($"tcp {target}:80 > 10.0.2.20:9 SA", "allow established")
                .Send($"tcp 10.0.2.20:9 > {target}:80 A", "allow established")
                .Wait(wait)
                .Send($"tcp {target}:80 > 10.0.2.20:9 A", wait < 350 ? "allow established" : "deny ENI_SG_RULES_MISMATCH sg-o/egress/none");
        }

        foreach (double wait in new[] { 119.999, 120 })
        {
            // One request, and a stream: the same.
            Scenario stream = Narrow().Send($"udp 10.0.2.20:9 > {target}:53", "allow new").Wait(wait)
                .Send($"udp {target}:53 > 10.0.2.20:9", wait < 120 ? "allow established" : "deny ENI_SG_RULES_MISMATCH sg-o/egress/none")
                .Send($"udp 10.0.2.20:9 > {target}:53", wait < 120 ? "allow established" : "allow new")
                .Send($"udp {target}:53 > 10.0.2.20:9", "allow established");
            stream.Wait(wait).Send($"udp {target}:53 > 10.0.2.20:9", wait < 120 ? "allow established" : "deny ENI_SG_RULES_MISMATCH sg-o/egress/none");
        }
    }

    [Fact]
    public void CT_10_Another_protocol_is_remembered_for_600_seconds() => With("out 47 198.51.100.0/24")
        .Send("proto 47 10.0.1.10 > 198.51.100.1", "allow new")
        .Wait(599.999).Send("proto 47 198.51.100.1 > 203.0.113.10", "allow established tracked sg-w/egress/1")
        .Wait(600).Send("proto 47 198.51.100.1 > 203.0.113.10", "deny ENI_SG_RULES_MISMATCH sg-w/ingress/none");

    public static TheoryData<IcmpErrorPolicy, string, string, string> Errors => new()
    {
        // policy                 egress rules of the instance                         what becomes of the error
        { IcmpErrorPolicy.Aws,     "out udp all 198.51.100.0/24", "",                   "deny ENI_SG_RULES_MISMATCH sg-w/ingress/none" },
        { IcmpErrorPolicy.Aws,     "out udp all 0.0.0.0/0",       "in all 0.0.0.0/0",   "allow related tracked sg-w/egress/1" },
        { IcmpErrorPolicy.Aws,     "out udp all 198.51.100.0/24", "in icmp 3/* 0.0.0.0/0", "allow - sg-w/ingress/1" },
        { IcmpErrorPolicy.Related, "out udp all 198.51.100.0/24", "",                   "allow related tracked sg-w/egress/1" },
        { IcmpErrorPolicy.Rules,   "out udp all 0.0.0.0/0",       "in udp all 0.0.0.0/0", "deny ENI_SG_RULES_MISMATCH sg-w/ingress/none" },
    };

    [Theory, MemberData(nameof(Errors))]
    public void CT_12_R_06_Which_flows_an_ICMP_error_may_belong_to(IcmpErrorPolicy policy, string egress, string ingress, string verdict) =>
        With(new JudgeOptions { IcmpErrors = policy }, egress, ingress)
            .Send("udp 10.0.1.10:4000 > 198.51.100.1:53", "allow")
            .Send("icmp 198.51.100.254 > 203.0.113.10 3/1 quoting udp 203.0.113.10:4000 > 198.51.100.1:53", verdict);

    [Fact]
    public void CT_15_An_ACL_stops_an_untracked_flow_too() => new Scenario(Text("in tcp 80 0.0.0.0/0", "out all 0.0.0.0/0") + """

        subnet sub-b vpc-1 10.0.2.0/24 rtb=rtb-1 acl=acl-b
        eni eni-v sub-b 10.0.2.20=203.0.113.20 sg=sg-w
        acl acl-b vpc-1
          in 100 allow all 0.0.0.0/0
          out 100 deny tcp 9 0.0.0.0/0
        """)
        .Send("tcp 198.51.100.1:9 > 203.0.113.20:80 S", "allow untracked sg-w/ingress/1")
        .Send("tcp 10.0.2.20:80 > 198.51.100.1:9 SA", "deny SUBNET_ACL_RESTRICTION acl-b/egress/100", "eni-v | sg-w/egress/1 | acl-b/egress/100", "eni-v", "-");

    [Theory]
    [InlineData("five days", "", 432_000)]
    [InlineData("the interface's own", "timers=350/180/30", 350)]
    public void CT_18_CT_21_R_07_R_11_An_established_connection_dies_at_its_time_out(string shows, string timers, double seconds)
    {
        foreach (double wait in new[] { seconds - 0.001, seconds })
        {
            bool isAlive = wait < seconds;
            Timed(timers, "in tcp 443 198.51.100.0/24")
                .Send("tcp 198.51.100.1:9 > 203.0.113.10:443 S", "allow new", null, shows.Length > 0 ? "igw-1" : null)
                .Send("tcp 10.0.1.10:443 > 198.51.100.1:9 SA", "allow established")
                .Send("tcp 198.51.100.1:9 > 203.0.113.10:443 A", "allow established tracked sg-w/ingress/1")
                .Wait(wait)
                .Send("tcp 10.0.1.10:443 > 198.51.100.1:9 A", isAlive ? "allow established" : "deny ENI_SG_RULES_MISMATCH sg-w/egress/none");
        }
    }

    [Fact]
    public void CT_19_CT_20_R_08_A_single_request_and_reply_last_30_seconds_and_a_stream_180() => With("in udp 53 198.51.100.0/24")
        .Send("udp 198.51.100.1:9 > 203.0.113.10:53", "allow new")
        .Send("udp 198.51.100.1:9 > 203.0.113.10:53", "allow established")
        .Send("udp 10.0.1.10:53 > 198.51.100.1:9", "allow established")
        .Wait(30).Send("udp 10.0.1.10:53 > 198.51.100.1:9", "deny ENI_SG_RULES_MISMATCH sg-w/egress/none")
        .Send("udp 198.51.100.1:8 > 203.0.113.10:53", "allow new")
        .Send("udp 10.0.1.10:53 > 198.51.100.1:8", "allow established")
        .Send("udp 198.51.100.1:8 > 203.0.113.10:53", "allow established")
        .Wait(29.999).Send("udp 10.0.1.10:53 > 198.51.100.1:8", "allow established")
        .Wait(179.999).Send("udp 10.0.1.10:53 > 198.51.100.1:8", "allow established")
        .Wait(180).Send("udp 10.0.1.10:53 > 198.51.100.1:8", "deny ENI_SG_RULES_MISMATCH sg-w/egress/none");

    [Fact]
    public void CT_21_R_11_An_interfaces_own_UDP_timers_apply_to_its_own_entries() => Timed("timers=432000/60/45", "in udp 53 198.51.100.0/24")
        .Send("udp 198.51.100.1:9 > 203.0.113.10:53", "allow new")
        .Wait(44.999).Send("udp 10.0.1.10:53 > 198.51.100.1:9", "allow established")
        .Wait(45).Send("udp 10.0.1.10:53 > 198.51.100.1:9", "deny ENI_SG_RULES_MISMATCH sg-w/egress/none");

    [Theory]
    [InlineData("A", "an ACK")]
    [InlineData("SA", "a SYN-ACK")]
    [InlineData("R", "a RST")]
    [InlineData("FA", "a FIN")]
    public void CT_22_R_10_A_mid_stream_packet_is_judged_by_rule_or_dropped(string flags, string shows)
    {
        With("in tcp 443 198.51.100.0/24")
            .Send($"tcp 198.51.100.1:9 > 203.0.113.10:443 {flags}", "allow new sg-w/ingress/1", null, shows.Length > 0 ? "igw-1" : null)
            .Send("tcp 10.0.1.10:443 > 198.51.100.1:9 A", "allow established")
            .Send($"tcp 198.51.100.1:9 > 203.0.113.10:444 {flags}", "deny ENI_SG_RULES_MISMATCH sg-w/ingress/none");
        With(new JudgeOptions { Midstream = MidstreamPolicy.Drop }, "in tcp 443 198.51.100.0/24")
            .Send($"tcp 198.51.100.1:9 > 203.0.113.10:443 {flags}", "deny ENI_SG_RULES_MISMATCH sg-w/ingress/none")
            .Send("tcp 198.51.100.1:9 > 203.0.113.10:443 S", "allow new sg-w/ingress/1")
            .Send($"tcp 198.51.100.1:9 > 203.0.113.10:443 {flags}", "allow established tracked sg-w/ingress/1");
    }

    [Theory]
    [InlineData("SYN sent", "", 120)]
    [InlineData("SYN received", "SA", 60)]
    [InlineData("FIN seen", "F", 120)]
    [InlineData("after RST", "R", 10)]
    public void CT_23_R_09_States_before_and_after_an_established_connection_have_timers_of_their_own(string shows, string reply, double seconds)
    {
        foreach (double wait in new[] { seconds - 0.001, seconds })
        {
            Scenario scenario = With("in tcp 443 198.51.100.0/24").Send("tcp 198.51.100.1:9 > 203.0.113.10:443 S", "allow new", null, shows.Length > 0 ? "igw-1" : null);
            if (reply.Length > 0)
            {
                scenario.Send($"tcp 10.0.1.10:443 > 198.51.100.1:9 {reply}", "allow established");
            }

            scenario.Wait(wait).Send("tcp 10.0.1.10:443 > 198.51.100.1:9 A", wait < seconds ? "allow established" : "deny ENI_SG_RULES_MISMATCH sg-w/egress/none");
        }
    }

    [Fact]
    public void CT_23_The_timers_are_options() => With(new JudgeOptions { Timeouts = new TransientTimeouts { SynSent = 5, Icmp = 7 } }, "in tcp 443 198.51.100.0/24", "in icmp 8/0 198.51.100.0/24")
        .Send("tcp 198.51.100.1:9 > 203.0.113.10:443 S", "allow new")
        .Send("icmp 198.51.100.1 > 203.0.113.10 8/0 id 1", "allow new")
        .Wait(5).Send("tcp 10.0.1.10:443 > 198.51.100.1:9 SA", "deny ENI_SG_RULES_MISMATCH sg-w/egress/none")
        .Wait(1.999).Send("icmp 10.0.1.10 > 198.51.100.1 0/0 id 1", "allow established")
        .Wait(7).Send("icmp 10.0.1.10 > 198.51.100.1 0/0 id 1", "deny ENI_SG_RULES_MISMATCH sg-w/egress/none");

    [Fact]
    public void CT_24_REL_04_A_full_table_denies_what_needs_an_entry_and_no_more() => With(
        new JudgeOptions { MaxFlows = 2 }, "in tcp 443 198.51.100.0/24", "in tcp 80 0.0.0.0/0", "out all 0.0.0.0/0")
        .Send("tcp 198.51.100.1:1 > 203.0.113.10:443 S", "allow new")
        .Send("tcp 198.51.100.1:2 > 203.0.113.10:443 S", "allow new")
        .Send("tcp 198.51.100.1:3 > 203.0.113.10:443 S", "deny TRACKING_TABLE_FULL -",
            "igw-1 | igw-1 203.0.113.10>10.0.1.10 | acl-default-vpc-1/ingress/100 | sg-w/ingress/1", "igw-1", "eni-w")
        .Send("tcp 198.51.100.1:1 > 203.0.113.10:443 S", "allow established")
        .Send("tcp 198.51.100.1:4 > 203.0.113.10:80 S", "allow untracked sg-w/ingress/2")
        .Wait(120).Send("tcp 198.51.100.1:3 > 203.0.113.10:443 S", "allow new");

    [Fact]
    public void CT_24_An_untracked_flow_takes_a_place_while_there_is_one() => With(
        new JudgeOptions { MaxFlows = 1 }, "in tcp 443 198.51.100.0/24", "in tcp 80 0.0.0.0/0", "out all 0.0.0.0/0")
        .Send("tcp 198.51.100.1:4 > 203.0.113.10:80 S", "allow untracked sg-w/ingress/2")
        .Send("tcp 198.51.100.1:3 > 203.0.113.10:443 S", "deny TRACKING_TABLE_FULL -");

    [Fact]
    public void CT_24_Both_legs_of_one_flow_are_one_flow_of_the_table() => new Scenario(Text("in tcp 443 0.0.0.0/0", "out tcp 443 0.0.0.0/0") + """

        eni eni-v sub-a 10.0.1.20=203.0.113.20 sg=sg-w
        """, new JudgeOptions { MaxFlows = 1 })
        .Send("tcp 10.0.1.20:9 > 10.0.1.10:443 S", "allow new")
        .Send("tcp 10.0.1.20:8 > 10.0.1.10:443 S", "deny TRACKING_TABLE_FULL -", "eni-v | sg-w/egress/1", "eni-v", "-");

    [Fact]
    public void CT_25_R_41_A_later_fragment_gets_the_record_of_its_first() => With("in udp 53 198.51.100.0/24")
        .Send("udp 198.51.100.1:9 > 203.0.113.10:53 first 77", "allow new sg-w/ingress/1")
        .Send("udp 198.51.100.1 > 203.0.113.10 later 77", "allow new sg-w/ingress/1",
            "igw-1 | igw-1 203.0.113.10>10.0.1.10 | acl-default-vpc-1/ingress/100 | sg-w/ingress/1 | eni-w")
        .Send("udp 198.51.100.1:9 > 203.0.113.10:54 first 78", "deny ENI_SG_RULES_MISMATCH sg-w/ingress/none")
        .Send("udp 198.51.100.1 > 203.0.113.10 later 78", "deny ENI_SG_RULES_MISMATCH sg-w/ingress/none");

    [Fact]
    public void CT_26_R_10_Every_packet_of_an_untracked_flow_is_judged_alone() => With(
        new JudgeOptions { Midstream = MidstreamPolicy.Drop }, "in tcp 80 0.0.0.0/0", "out all 0.0.0.0/0")
        .Send("tcp 198.51.100.1:1 > 203.0.113.10:80 A", "allow untracked sg-w/ingress/1")
        .Send("tcp 198.51.100.1:2 > 203.0.113.10:80 R", "allow untracked sg-w/ingress/1")
        .Send("tcp 198.51.100.1:1 > 203.0.113.10:80 A", "allow untracked sg-w/ingress/1");

    internal static string Text(params string[] rules) => One.Replace("TIMERS", "", System.StringComparison.Ordinal) + string.Join('\n', rules);

    private static Scenario With(params string[] rules) => new(Text(rules));

    private static Scenario With(JudgeOptions options, params string[] rules) => new(Text(rules), options);

    private static Scenario Timed(string timers, params string[] rules) =>
        new(One.Replace("TIMERS", timers, System.StringComparison.Ordinal) + string.Join('\n', rules));
}
