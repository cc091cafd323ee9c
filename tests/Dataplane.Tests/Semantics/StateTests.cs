using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Semantics;

/// <summary>R-01 to R-12: what state is, who touches it, and how it ends. Two instances in two subnets; b's group admits, a's does not.</summary>
public sealed class StateTests
{
    private const string Ground = """
        vpc vpc-1 10.0.0.0/16
        igw igw-1 vpc-1
        subnet sub-a vpc-1 10.0.1.0/24 rtb=rtb-a
        subnet sub-b vpc-1 10.0.2.0/24 rtb=rtb-a acl=acl-b
        eni eni-a sub-a 10.0.1.10=203.0.113.10 sg=sg-a
        eni eni-b sub-b 10.0.2.20=203.0.113.20 sg=sg-b
        sg sg-a vpc-1
          out all 10.0.0.0/16
          out udp 7 198.51.100.0/24
        sg sg-b vpc-1
          in tcp 443 10.0.0.0/16
          in udp 53 10.0.0.0/16
          in icmp all 10.0.0.0/16
        acl acl-b vpc-1
          in 90 deny udp 66 0.0.0.0/0
          in 100 allow all 0.0.0.0/0
          out 90 deny tcp 40666 0.0.0.0/0
          out 100 allow all 0.0.0.0/0
        rtb rtb-a vpc-1
          0.0.0.0/0 igw-1

        """;

    private const string NoB = "deny ENI_SG_RULES_MISMATCH sg-b/egress/none";
    private const string NoA = "deny ENI_SG_RULES_MISMATCH sg-a/ingress/none";

    [Fact]
    public void R_01_A_denied_packet_opens_no_door_where_it_had_passed() => Pair(causal: false)
        .Send("udp 10.0.1.10:9 > 10.0.2.20:66", "deny SUBNET_ACL_RESTRICTION acl-b/ingress/90")
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:80 S", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 S", "allow new")
        .Send("tcp 10.0.2.20:66 > 10.0.1.10:9 A", NoB);

    [Fact]
    public void R_01_A_denied_packet_refreshes_no_timer() => Pair(causal: false)
        .Send("tcp 10.0.1.10:40666 > 10.0.2.20:443 S", "allow new")
        .Wait(100).Send("tcp 10.0.2.20:443 > 10.0.1.10:40666 SA", "deny SUBNET_ACL_RESTRICTION acl-b/egress/90")
        .Wait(19.999).Send("tcp 10.0.1.10:40666 > 10.0.2.20:443 S", "allow established")
        .Wait(120).Send("tcp 10.0.1.10:40666 > 10.0.2.20:443 S", "allow new");

    [Fact]
    public void R_02_R_04_An_untracked_flow_is_remembered_and_its_packets_are_judged_by_rule() => new Scenario(Ground + """
        sg sg-u vpc-1
          in all 0.0.0.0/0
          out all 0.0.0.0/0
        eni eni-u sub-b 10.0.2.40=203.0.113.40 sg=sg-u
        """)
        .Send("udp 10.0.2.40:9 > 198.51.100.1:53", "allow untracked")
        .Send("icmp 198.51.100.9 > 10.0.2.40 11/0 quoting udp 10.0.2.40:9 > 198.51.100.1:53", "allow related tracked sg-u/egress/1")
        .Send("udp 198.51.100.1:53 > 10.0.2.40:9", "allow untracked sg-u/ingress/1");

    [Fact]
    public void R_03_State_is_kept_per_interface() => Pair()
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 S", "allow new sg-b/ingress/1")
        .Send("tcp 10.0.2.20:443 > 10.0.1.10:9 SA", "allow established tracked sg-a/egress/1",
            "eni-b | tracked sg-b/ingress/1 | acl-b/egress/100 | rtb-a/10.0.0.0/16 | acl-default-vpc-1/ingress/100 | tracked sg-a/egress/1 | eni-a")
        .Send("tcp 10.0.1.10:9 > 203.0.113.20:443 A", "deny ENI_SG_RULES_MISMATCH sg-a/egress/none");

    [Fact]
    public void R_04_A_repeated_SYN_and_a_second_request_are_established() => Pair()
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 S", "allow new sg-b/ingress/1")
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 S", "allow established tracked sg-b/ingress/1")
        .Send("udp 10.0.1.10:9 > 10.0.2.20:53", "allow new sg-b/ingress/2")
        .Send("udp 10.0.1.10:9 > 10.0.2.20:53", "allow established tracked sg-b/ingress/2");

    [Fact]
    public void R_04_The_state_is_that_of_the_last_group_that_spoke() => new Scenario(Ground + """
        sg sg-u vpc-1
          in all 0.0.0.0/0
          out all 0.0.0.0/0
        eni eni-u sub-b 10.0.2.40 sg=sg-u
        eni eni-nat sub-b 10.0.2.41 managed
        """)
        .Send("udp 10.0.1.10:9 > 10.0.2.40:1", "allow untracked sg-u/ingress/1")
        .Send("udp 10.0.2.40:8 > 10.0.2.20:53", "allow new sg-b/ingress/2")
        .Send("udp 10.0.1.10:9 > 10.0.2.41:1", "allow new acl-b/ingress/100",
            "eni-a | sg-a/egress/1 | acl-default-vpc-1/egress/100 | rtb-a/10.0.0.0/16 | acl-b/ingress/100 | eni-nat");

    [Fact]
    public void R_37_SG_10_No_group_filters_a_managed_interface() => new Scenario(Ground + "eni eni-nat sub-b 10.0.2.41=203.0.113.41 managed")
        .Send("tcp 10.0.2.41:9 > 198.51.100.1:80 S", "allow - rtb-a/0.0.0.0/0",
            "eni-nat | acl-b/egress/100 | rtb-a/0.0.0.0/0 | igw-1 10.0.2.41>203.0.113.41 | igw-1");

    [Theory]
    [InlineData(8, 0)]
    [InlineData(13, 14)]
    [InlineData(15, 16)]
    [InlineData(17, 18)]
    public void R_05_Requests_make_an_entry_that_their_replies_match(int request, int reply) => Pair()
        .Send($"icmp 10.0.1.10 > 10.0.2.20 {request}/0 id 7", "allow new sg-b/ingress/3")
        .Send($"icmp 10.0.2.20 > 10.0.1.10 {reply}/0 id 7", "allow established tracked sg-a/egress/1")
        .Send($"icmp 10.0.2.20 > 10.0.1.10 {reply}/0 id 8", NoB)
        .Send($"icmp 10.0.2.20 > 10.0.1.10 {(reply == 0 ? 14 : 0)}/0 id 7", NoB)
        .Send($"icmp 10.0.2.20 > 10.0.1.10 {request}/0 id 7", NoB)
        .Wait(29.999).Send($"icmp 10.0.2.20 > 10.0.1.10 {reply}/0 id 7", "allow established")
        .Wait(30).Send($"icmp 10.0.2.20 > 10.0.1.10 {reply}/0 id 7", NoB);

    [Fact]
    public void R_05_ICMPv6_echo_too() => new Scenario("""
        vpc vpc-1 2001:db8:1::/56
        subnet sub-a vpc-1 2001:db8:1:1::/64
        eni eni-a sub-a 2001:db8:1:1::a sg=sg-a
        eni eni-b sub-a 2001:db8:1:1::b sg=sg-b
        sg sg-a vpc-1
          out icmpv6 128/0 ::/0
        sg sg-b vpc-1
          in icmpv6 all ::/0
        """)
        .Send("icmpv6 2001:db8:1:1::a > 2001:db8:1:1::b 128/0 id 7", "allow new sg-b/ingress/1")
        .Send("icmpv6 2001:db8:1:1::b > 2001:db8:1:1::a 129/0 id 7", "allow established tracked sg-a/egress/1");

    [Fact]
    public void R_05_Every_other_ICMP_message_makes_none() => Pair()
        .Send("icmp 10.0.1.10 > 10.0.2.20 3/3", "allow - sg-b/ingress/3")
        .Send("icmp 10.0.1.10 > 10.0.2.20 0/0 id 7", "allow - sg-b/ingress/3")
        .Send("icmp 10.0.1.10 > 10.0.2.20 9/0", "allow - sg-b/ingress/3")
        .Send("icmp 10.0.2.20 > 10.0.1.10 8/0 id 7", NoB);

    [Theory]
    [InlineData("both ends as they stand", "icmp 10.0.2.254 > 10.0.1.10 3/4 quoting tcp 10.0.1.10:9 > 10.0.2.20:443 .", true)]
    [InlineData("another source port", "icmp 10.0.2.254 > 10.0.1.10 3/4 quoting tcp 10.0.1.10:8 > 10.0.2.20:443 .", false)]
    [InlineData("the wrong way round", "icmp 10.0.2.254 > 10.0.1.10 3/4 quoting tcp 10.0.2.20:443 > 10.0.1.10:9 .", false)]
    [InlineData("another protocol", "icmp 10.0.2.254 > 10.0.1.10 3/4 quoting udp 10.0.1.10:9 > 10.0.2.20:443", false)]
    [InlineData("not an error", "icmp 10.0.2.254 > 10.0.1.10 9/0 quoting tcp 10.0.1.10:9 > 10.0.2.20:443 .", false)]
    public void R_06_REL_11_An_error_belongs_to_the_flow_that_it_quotes(string shows, string packet, bool related)
    {
        Scenario scenario = new(Ground + "eni eni-r sub-b 10.0.2.254 sg=sg-r\nsg sg-r vpc-1\n  out icmp all 10.0.0.0/8\n", new JudgeOptions { IcmpErrors = IcmpErrorPolicy.Related });
        scenario.Send("tcp 10.0.1.10:9 > 10.0.2.20:443 S", "allow new")
            .Send(packet, related ? "allow related tracked sg-a/egress/1" : NoA, null, shows.Length > 0 ? "eni-r" : null);
    }

    [Fact]
    public void R_06_An_error_leaves_too_and_refreshes_nothing() => Pair(new JudgeOptions { IcmpErrors = IcmpErrorPolicy.Related })
        .Send("udp 10.0.1.10:9 > 10.0.2.20:53", "allow new")
        .Wait(20).Send("icmp 10.0.2.20 > 10.0.1.10 3/3 quoting udp 10.0.1.10:9 > 10.0.2.20:53", "allow related tracked sg-a/egress/1",
            "eni-b | tracked sg-b/ingress/2 | acl-b/egress/100 | rtb-a/10.0.0.0/16 | acl-default-vpc-1/ingress/100 | tracked sg-a/egress/1 | eni-a")
        .Wait(10).Send("udp 10.0.1.10:9 > 10.0.2.20:53", "allow new");

    [Fact]
    public void R_06_A_quoted_public_address_counts_as_its_private_one() => Pair(new JudgeOptions { IcmpErrors = IcmpErrorPolicy.Related })
        .Send("udp 10.0.1.10:9 > 198.51.100.1:7", "allow new")
        .Send("icmp 198.51.100.9 > 203.0.113.10 11/0 quoting udp 203.0.113.10:9 > 198.51.100.1:7", "allow related tracked sg-a/egress/2")
        .Send("icmp 198.51.100.9 > 203.0.113.20 11/0 quoting udp 203.0.113.10:9 > 198.51.100.1:7", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none");

    [Fact]
    public void R_07_Last_never_moves_back_and_now_is_the_packets_own_time() => Pair()
        .Send("udp 10.0.1.10:9 > 10.0.2.20:53", "allow new")
        .Wait(25).Send("udp 10.0.1.10:9 > 10.0.2.20:53", "allow established")
        .Wait(-1000).Send("udp 10.0.2.20:53 > 10.0.1.10:9", "allow established")
        .Wait(1029.999).Send("udp 10.0.2.20:53 > 10.0.1.10:9", "allow established")
        .Wait(180).Send("udp 10.0.1.10:9 > 10.0.2.20:53", "allow new");

    [Fact]
    public void R_08_A_stream_stays_one() => Pair()
        .Send("udp 10.0.1.10:9 > 10.0.2.20:53", "allow new")
        .Send("udp 10.0.2.20:53 > 10.0.1.10:9", "allow established")
        .Send("udp 10.0.1.10:9 > 10.0.2.20:53", "allow established")
        .Send("udp 10.0.2.20:53 > 10.0.1.10:9", "allow established")
        .Wait(179.999).Send("udp 10.0.1.10:9 > 10.0.2.20:53", "allow established")
        .Wait(179.999).Send("udp 10.0.1.10:9 > 10.0.2.20:53", "allow established");

    [Fact]
    public void R_09_Only_the_answering_side_takes_a_sent_SYN_to_established() => Pair()
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 S", "allow new")
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 A", "allow established")
        .Wait(120).Send("tcp 10.0.2.20:443 > 10.0.1.10:9 A", NoB)
        .Send("tcp 10.0.1.10:8 > 10.0.2.20:443 S", "allow new")
        .Send("tcp 10.0.2.20:443 > 10.0.1.10:8 A", "allow established")
        .Wait(121).Send("tcp 10.0.2.20:443 > 10.0.1.10:8 A", "allow established");

    [Fact]
    public void R_09_Both_sides_FIN_make_TIME_WAIT_which_nothing_changes()
    {
        Established(9).Send("tcp 10.0.1.10:9 > 10.0.2.20:443 FA", "allow established")
            .Wait(119.999).Send("tcp 10.0.2.20:443 > 10.0.1.10:9 FA", "allow established")
            .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 R", "allow established")
            .Wait(119.999).Send("tcp 10.0.1.10:9 > 10.0.2.20:443 A", "allow established")
            .Wait(120).Send("tcp 10.0.2.20:443 > 10.0.1.10:9 A", NoB);
    }

    [Fact]
    public void R_09_The_same_sides_second_FIN_is_not_the_other_sides() => Established(9)
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 FA", "allow established")
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 FA", "allow established")
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 S", "allow established");

    [Fact]
    public void R_09_A_SYN_ends_a_closed_connection_and_is_judged_as_new_from_either_side()
    {
        Established(9).Send("tcp 10.0.2.20:443 > 10.0.1.10:9 R", "allow established")
            .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 A", "allow established")
            .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 S", "allow new sg-b/ingress/1")
            .Wait(60).Send("tcp 10.0.2.20:443 > 10.0.1.10:9 SA", "allow established");
        Established(9, causal: false).Send("tcp 10.0.2.20:443 > 10.0.1.10:9 R", "allow established")
            .Send("tcp 10.0.2.20:443 > 10.0.1.10:9 S", NoB)
            .Wait(9.999).Send("tcp 10.0.2.20:443 > 10.0.1.10:9 A", "allow established");
    }

    [Fact]
    public void R_09_A_SYN_on_a_live_connection_changes_nothing() => Established(9)
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 S", "allow established")
        .Wait(400_000).Send("tcp 10.0.2.20:443 > 10.0.1.10:9 A", "allow established");

    [Theory]
    [InlineData("SYN-ACK", "SA", 60)]
    [InlineData("FIN", "FA", 120)]
    [InlineData("RST", "RA", 10)]
    [InlineData("SYN with RST is a RST", "SR", 10)]
    [InlineData("SYN with FIN is a FIN", "SF", 120)]
    [InlineData("no flag at all is established", ".", 432_000)]
    public void R_09_The_first_packet_sets_the_state(string shows, string flags, double seconds)
    {
        foreach (double wait in new[] { seconds - 0.001, seconds })
        {
            Pair().Send($"tcp 10.0.1.10:9 > 10.0.2.20:443 {flags}", "allow new", null, shows.Length > 0 ? "eni-a" : null)
                .Wait(wait).Send("tcp 10.0.2.20:443 > 10.0.1.10:9 R", wait < seconds ? "allow established" : NoB);
        }
    }

    [Fact]
    public void R_18_R_20_R_21_R_24_How_rules_are_written() => Pair()
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 S", "allow new sg-b/ingress/1")
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 A", "allow established tracked sg-b/ingress/1")
        .Send("udp 10.0.1.10:9 > 198.51.100.1:7", "allow new rtb-a/0.0.0.0/0")
        .Send("tcp 10.0.2.20:9 > 10.0.1.10:80 S", NoB);

    [Theory]
    [InlineData("tcp 0-65535", "tcp 10.0.1.10 > 10.0.2.20 later 5", true)]
    [InlineData("tcp 1-65535", "tcp 10.0.1.10 > 10.0.2.20 later 5", false)]
    [InlineData("udp 0-65535", "udp 10.0.1.10 > 10.0.2.20 later 5", true)]
    [InlineData("icmp */*", "icmp 10.0.1.10 > 10.0.2.20 later 5", true)]
    [InlineData("icmp 8/*", "icmp 10.0.1.10 > 10.0.2.20 later 5", false)]
    [InlineData("all all", "udp 10.0.1.10 > 10.0.2.20 later 5", true)]
    [InlineData("47 all", "proto 47 10.0.1.10 > 10.0.2.20 later 5", true)]
    public void R_42_A_later_fragment_without_its_first_matches_rules_that_look_at_no_ports(string rule, string packet, bool admitted) => new Scenario(
        Ground.Replace("in tcp 443 10.0.0.0/16", $"in {rule} 10.0.0.0/16", System.StringComparison.Ordinal).Replace("in icmp all 10.0.0.0/16", "in 99 10.0.0.0/16", System.StringComparison.Ordinal))
        .Send(packet, admitted ? "allow - sg-b/ingress/1" : "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none", null, "eni-a", "eni-b");

    [Fact]
    public void R_42_It_asks_no_state_makes_none_and_is_not_moot() => Pair()
        .Send("udp 10.0.1.10:9 > 10.0.2.20:53", "allow new")
        .Send("udp 10.0.2.20 > 10.0.1.10 later 5", NoB)
        .Send("udp 10.0.1.10 > 10.0.2.20 later 6", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("proto 47 10.0.1.10 > 10.0.2.20 later 7", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("proto 47 10.0.2.20 > 10.0.1.10 later 8", "moot", "", "eni-b", "-");

    [Fact]
    public void R_41_A_firsts_record_lasts_30_seconds_from_its_time_and_nothing_refreshes_it() => Pair()
        .Send("udp 10.0.1.10:9 > 10.0.2.20:53 first 5", "allow new sg-b/ingress/2")
        .Wait(29.999).Send("udp 10.0.1.10 > 10.0.2.20 later 5", "allow new sg-b/ingress/2")
        .Wait(0.001).Send("udp 10.0.1.10 > 10.0.2.20 later 5", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("udp 10.0.1.10:9 > 10.0.2.20:53", "allow new sg-b/ingress/2");

    [Fact]
    public void R_41_The_key_is_addresses_protocol_and_identification_and_a_second_first_replaces_the_first() => Pair()
        .Send("udp 10.0.1.10:9 > 10.0.2.20:53 first 5", "allow new")
        .Send("udp 10.0.1.10 > 10.0.2.20 later 6", "deny")
        .Send("tcp 10.0.1.10 > 10.0.2.20 later 5", "deny")
        .Send("udp 10.0.1.10 > 10.0.2.21 later 5", "deny")
        .Send("udp 10.0.1.10:9 > 10.0.2.20:54 first 5", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("udp 10.0.1.10 > 10.0.2.20 later 5", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none");

    [Fact]
    public void R_41_Moot_and_unplaced_firsts_are_remembered_too() => Pair()
        .Send("udp 10.0.1.10:9 > 10.0.2.20:99", "deny")
        .Send("udp 10.0.2.20:99 > 10.0.1.10:9 first 5", "moot")
        .Send("udp 10.0.2.20 > 10.0.1.10 later 5", "moot", "", "eni-b")
        .Send("udp 10.0.1.99:99 > 10.0.1.10:9 first 6", "unplaced")
        .Send("udp 10.0.1.99 > 10.0.1.10 later 6", "unplaced");

    [Fact]
    public void R_41_Fragments_can_be_dropped() => Pair(new JudgeOptions { Fragments = FragmentPolicy.Drop })
        .Send("udp 10.0.1.10:9 > 10.0.2.20:53 first 5", "allow new")
        .Send("udp 10.0.1.10 > 10.0.2.20 later 5", "deny FRAGMENT_DROPPED -", "eni-a", "eni-a", "-")
        .Send("udp 198.51.100.1 > 203.0.113.10 later 6", "deny FRAGMENT_DROPPED -", "igw-1", "igw-1", "-")
        .Send("udp 198.51.100.1 > 192.0.2.2 later 7", "unplaced")
        .Send("udp 10.0.1.10 > 10.0.0.2 later 8", "allow - -", "eni-a");

    private static Scenario Pair(JudgeOptions options) => new(Ground, options);

    private static Scenario Pair(bool causal = true) => new(Ground, new JudgeOptions { Causal = causal });

    private static Scenario Established(int port, bool causal = true) => Pair(causal)
        .Send($"tcp 10.0.1.10:{port} > 10.0.2.20:443 S", "allow new")
        .Send($"tcp 10.0.2.20:443 > 10.0.1.10:{port} SA", "allow established")
        .Send($"tcp 10.0.1.10:{port} > 10.0.2.20:443 A", "allow established");
}
