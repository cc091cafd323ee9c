using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Semantics;

/// <summary>RT, and ORD-18: which route decides, what happens where it leads nowhere, appliances and edge tables.</summary>
public sealed class RoutingTests
{
    private const string Ground = """
        vpc vpc-1 10.0.0.0/16 2001:db8:1::/56
        igw igw-1 vpc-1
        vgw vgw-1 vpc-1
        pl pl-1 198.51.100.0/24 192.0.2.0/25
        pl pl-2 198.51.100.0/24 198.51.100.7/32
        subnet sub-a vpc-1 10.0.1.0/24 2001:db8:1:1::/64 rtb=rtb-a
        subnet sub-b vpc-1 10.0.2.0/24
        subnet sub-m vpc-1 10.0.9.0/24 rtb=rtb-m
        eni eni-a sub-a 10.0.1.10=203.0.113.10 2001:db8:1:1::10 sg=sg-1
        eni eni-c sub-a 10.0.1.30 sg=sg-1
        eni eni-b sub-b 10.0.2.20=203.0.113.20 sg=sg-1
        eni eni-m sub-m 10.0.9.9=203.0.113.9 sg=sg-1 nocheck
        eni eni-k sub-m 10.0.9.8 sg=sg-1
        eni eni-p sub-a 10.0.1.99 sg=sg-1 nocheck
        sg sg-1 vpc-1
          in all 0.0.0.0/1
          in all 128.0.0.0/1
          out all 0.0.0.0/1
          out all 128.0.0.0/1
          out all 2000::/3
        rtb rtb-m vpc-1
          0.0.0.0/0 igw-1
        rtb rtb-a vpc-1

        """;

    private const string Out = "tcp 10.0.1.10:9 > 198.51.100.7:80 S";
    private const string ToB = "tcp 10.0.1.10:9 > 10.0.2.20:80 S";
    private const string UntilRoute = "eni-a | sg-1/egress/2 | acl-default-vpc-1/egress/100 | ";

    [Theory]
    [InlineData("the longest wins, whatever stands first", "0.0.0.0/0 blackhole", "198.51.100.0/24 igw-1", "allow new rtb-a/198.51.100.0/24")]
    [InlineData("also where it leads nowhere: RT-12, no fall-through", "0.0.0.0/0 igw-1", "198.51.100.0/24 blackhole", "deny BAD_STATE_ROUTE rtb-a/198.51.100.0/24")]
    [InlineData("static goes before a prefix list (RT-05, RT-07)", "pl-1 blackhole", "198.51.100.0/24 igw-1", "allow new rtb-a/198.51.100.0/24")]
    [InlineData("a longer entry of a list goes before a static block", "198.51.100.0/24 blackhole", "pl-2 igw-1", "allow new rtb-a/pl-2")]
    [InlineData("a prefix list goes before a propagated block", "198.51.100.0/24 vgw-1 propagated", "pl-1 igw-1", "allow new rtb-a/pl-1")]
    [InlineData("static goes before propagated (RT-05)", "198.51.100.0/24 vgw-1 propagated", "198.51.100.0/24 igw-1", "allow new rtb-a/198.51.100.0/24")]
    [InlineData("a longer propagated one wins over static", "198.51.100.0/24 vgw-1 propagated", "0.0.0.0/0 igw-1", "deny UNSUPPORTED_COMPONENT rtb-a/198.51.100.0/24")]
    [InlineData("IPv6 says nothing about IPv4 (RT-04)", "::/0 igw-1", "2001:db8::/32 igw-1", "deny NO_ROUTE_TO_DESTINATION rtb-a/none")]
    public void RT_04_RT_05_RT_05b_RT_07_The_longest_prefix_wins_then_the_kind(string shows, string one, string two, string verdict) => With(one, two)
        .Send(Out, verdict, null, shows.Length > 0 ? "eni-a" : null);

    [Fact]
    public void RT_08_Of_two_prefix_lists_with_the_same_block_the_lowest_id_wins() => new Scenario(Ground.Replace("198.51.100.7/32", "", System.StringComparison.Ordinal) + "pl-2 blackhole\npl-1 igw-1")
        .Send(Out, "allow new rtb-a/pl-1");

    [Fact]
    public void RT_06_A_propagated_route_inside_a_local_one_loses_even_when_longer() => With("10.0.2.0/24 vgw-1 propagated")
        .Send(ToB, "allow new sg-1/ingress/1", UntilRoute.Replace("egress/2", "egress/1", System.StringComparison.Ordinal) + "rtb-a/10.0.0.0/16 | acl-default-vpc-1/ingress/100 | sg-1/ingress/1 | eni-b");

    [Theory]
    [InlineData("169.254.168.0")]
    [InlineData("169.254.171.255")]
    public void RT_11_R_28_Link_local_services_cannot_be_routed(string address) => With("0.0.0.0/0 igw-1", "169.254.0.0/16 igw-1")
        .Send($"tcp 10.0.1.10:9 > {address}:80 S", "deny NO_ROUTE_TO_DESTINATION rtb-a/none", UntilRoute + "rtb-a/none", "eni-a", "-")
        .Send("tcp 10.0.1.10:9 > 169.254.172.0:80 S", "allow new rtb-a/169.254.0.0/16");

    [Fact]
    public void RT_11_Nor_can_those_of_IPv6() => new Scenario(Ground.Replace("out all 2000::/3", "out all ::/0", System.StringComparison.Ordinal) + "::/0 igw-1")
        .Send("tcp [2001:db8:1:1::10]:9 > [fd00:ec2::7]:80 S", "deny NO_ROUTE_TO_DESTINATION rtb-a/none");

    [Fact]
    public void RT_32_The_resolver_is_at_the_base_of_the_primary_block_plus_two_and_nowhere_else() => new Scenario("""
        vpc vpc-1 10.0.0.0/16 10.1.0.0/16
        subnet sub-a vpc-1 10.0.1.0/24
        eni eni-a sub-a 10.0.1.10 sg=sg-1
        sg sg-1 vpc-1
          out udp 53 10.0.0.0/8
        """)
        .Send("udp 10.0.1.10:5 > 10.0.0.2:53", "allow - -", "eni-a", "eni-a", "-")
        .Send("udp 10.0.1.10:5 > 169.254.169.253:53", "allow - -", "eni-a", "eni-a", "-")
        .Send("udp 10.0.1.10:5 > 10.1.0.2:53", "deny NO_INTERFACE_AT_DESTINATION -",
            "eni-a | sg-1/egress/1 | acl-default-vpc-1/egress/100 | rtb-main-vpc-1/10.1.0.0/16", "eni-a", "-")
        .Send("udp 10.0.1.10:5 > 10.0.1.2:53", "deny NO_INTERFACE_AT_DESTINATION -", "eni-a | sg-1/egress/1", "eni-a", "-");

    [Fact]
    public void RT_12_A_blackhole_drops_and_names_its_route() => With("0.0.0.0/0 blackhole")
        .Send(Out, "deny BAD_STATE_ROUTE rtb-a/0.0.0.0/0", UntilRoute + "rtb-a/0.0.0.0/0", "eni-a", "-");

    [Fact]
    public void RT_14_No_route_drops() => With()
        .Send(Out, "deny NO_ROUTE_TO_DESTINATION rtb-a/none", UntilRoute + "rtb-a/none", "eni-a", "-");

    [Fact]
    public void RT_15_R_36_Inside_the_VPC_without_an_interface_nothing_else_is_tried() => With("0.0.0.0/0 igw-1")
        .Send("tcp 10.0.1.10:9 > 10.0.2.77:80 S", "deny NO_INTERFACE_AT_DESTINATION -",
            "eni-a | sg-1/egress/1 | acl-default-vpc-1/egress/100 | rtb-a/10.0.0.0/16", "eni-a", "-")
        .Send("tcp 10.0.1.10:9 > 10.0.77.7:80 S", "deny NO_INTERFACE_AT_DESTINATION -")
        .Send("tcp 10.0.1.10:9 > 10.0.1.77:80 S", "deny NO_INTERFACE_AT_DESTINATION -", "eni-a | sg-1/egress/1", "eni-a", "-");

    [Fact]
    public void RT_16_RT_17_A_route_does_not_steer_traffic_inside_a_subnet() => With("10.0.1.0/24 eni-m")
        .Send("tcp 10.0.1.10:9 > 10.0.1.30:80 S", "allow new sg-1/ingress/1", "eni-a | sg-1/egress/1 | sg-1/ingress/1 | eni-c");

    [Theory]
    [InlineData("udp 10.0.1.10:9 > 224.0.0.251:5353")]
    [InlineData("udp 10.0.1.10:9 > 239.255.255.255:5353")]
    [InlineData("udp 10.0.1.10:9 > 255.255.255.255:67")]
    public void RT_18_R_35_Multicast_and_broadcast_die_after_the_group_and_before_the_ACL(string packet) => With("0.0.0.0/0 igw-1")
        .Send(packet, "deny MULTICAST_NOT_SUPPORTED -", "eni-a | sg-1/egress/2", "eni-a", "-");

    [Fact]
    public void RT_18_R_35_IPv6_multicast_dies_and_a_group_that_refuses_it_speaks_first()
    {
        With().Send("udp [2001:db8:1:1::10]:9 > [ff02::fb]:5353", "deny ENI_SG_RULES_MISMATCH sg-1/egress/none");
        new Scenario(Ground.Replace("out all 2000::/3", "out all ::/0", System.StringComparison.Ordinal))
            .Send("udp [2001:db8:1:1::10]:9 > [ff02::fb]:5353", "deny MULTICAST_NOT_SUPPORTED -", "eni-a | sg-1/egress/3");
    }

    [Fact]
    public void RT_22_ORD_18_R_26_An_edge_table_steers_after_the_translation_and_the_appliance_is_a_full_in_and_out() => new Scenario(Ground + """
        rtb rtb-e vpc-1 edge=igw-1
          10.0.2.0/24 eni-m
        """)
        .Send("tcp 198.51.100.7:9 > 203.0.113.20:80 S", "allow new sg-1/ingress/2",
            "igw-1 | igw-1 203.0.113.20>10.0.2.20 | rtb-e/10.0.2.0/24 | acl-default-vpc-1/ingress/100 | sg-1/ingress/2 | eni-m | sg-1/egress/1"
            + " | acl-default-vpc-1/egress/100 | rtb-m/10.0.0.0/16 | acl-default-vpc-1/ingress/100 | sg-1/ingress/2 | eni-b")
        .Send("tcp 198.51.100.7:9 > 203.0.113.10:80 S", "allow new sg-1/ingress/2",
            "igw-1 | igw-1 203.0.113.10>10.0.1.10 | rtb-e/10.0.0.0/16 | acl-default-vpc-1/ingress/100 | sg-1/ingress/2 | eni-a");

    [Fact]
    public void RT_22_An_appliance_of_an_edge_table_needs_a_public_address() => new Scenario(Ground.Replace("10.0.9.9=203.0.113.9", "10.0.9.9", System.StringComparison.Ordinal) + """
        rtb rtb-e vpc-1 edge=igw-1
          10.0.2.0/24 eni-m
        """)
        .Send("tcp 198.51.100.7:9 > 203.0.113.20:80 S", "deny INGRESS_RTB_NO_PUBLIC_IP -",
            "igw-1 | igw-1 203.0.113.20>10.0.2.20 | rtb-e/10.0.2.0/24 | eni-m", "igw-1", "eni-m");

    [Fact]
    public void R_47_An_edge_table_without_a_match_has_no_route() => new Scenario(Ground + """
        rtb rtb-e vpc-1 nolocal edge=igw-1
          10.0.1.0/24 local
        """)
        .Send("tcp 198.51.100.7:9 > 203.0.113.20:80 S", "deny NO_ROUTE_TO_DESTINATION rtb-e/none",
            "igw-1 | igw-1 203.0.113.20>10.0.2.20 | rtb-e/none", "igw-1", "-");

    [Fact]
    public void RT_23_The_return_path_is_its_own_and_the_appliance_sees_only_half_when_it_is_not_symmetric() => With("10.0.2.0/24 eni-m")
        .Send(ToB, "allow new sg-1/ingress/1",
            "eni-a | sg-1/egress/1 | acl-default-vpc-1/egress/100 | rtb-a/10.0.2.0/24 | acl-default-vpc-1/ingress/100 | sg-1/ingress/1 | eni-m | sg-1/egress/1"
            + " | acl-default-vpc-1/egress/100 | rtb-m/10.0.0.0/16 | acl-default-vpc-1/ingress/100 | sg-1/ingress/1 | eni-b")
        .Send("tcp 10.0.2.20:80 > 10.0.1.10:9 SA", "allow established tracked sg-1/egress/1",
            "eni-b | tracked sg-1/ingress/1 | acl-default-vpc-1/egress/100 | rtb-main-vpc-1/10.0.0.0/16 | acl-default-vpc-1/ingress/100 | tracked sg-1/egress/1 | eni-a");

    [Fact]
    public void RT_28_RT_29_A_route_to_an_interface_whose_check_is_on_ends_there() => With("10.0.2.0/24 eni-k")
        .Send(ToB, "deny ENI_SOURCE_DEST_CHECK_RESTRICTION -",
            "eni-a | sg-1/egress/1 | acl-default-vpc-1/egress/100 | rtb-a/10.0.2.0/24 | acl-default-vpc-1/ingress/100 | sg-1/ingress/1 | eni-k", "eni-a", "eni-k");

    [Fact]
    public void RT_30_The_appliances_group_sees_the_packets_real_addresses() => new Scenario(Ground.Replace("203.0.113.9 sg=sg-1", "203.0.113.9 sg=sg-m", System.StringComparison.Ordinal) + """
        10.0.2.0/24 eni-m
        sg sg-m vpc-1
          in tcp 80 10.0.1.10/32
          out tcp 80 10.0.2.20/32
        """)
        .Send(ToB, "allow new sg-1/ingress/1")
        .Send("tcp 10.0.1.30:9 > 10.0.2.20:80 S", "deny ENI_SG_RULES_MISMATCH sg-m/ingress/none", null, "eni-c", "eni-m");

    [Fact]
    public void R_45_Where_the_target_is_in_the_senders_subnet_the_ACL_is_asked_on_the_way_out_only() => With("10.0.2.0/24 eni-p")
        .Send(ToB, "deny ROUTING_LOOP -")
        .Send("tcp 10.0.1.10:9 > 10.0.2.77:80 S", "deny ROUTING_LOOP -");

    [Fact]
    public void R_45_The_path_through_an_appliance_in_the_own_subnet() => With("198.51.100.0/24 eni-p", "198.51.100.0/25 igw-1")
        .Send("tcp 10.0.1.10:9 > 198.51.100.200:80 S", "deny ROUTING_LOOP -")
        .Send(Out, "allow new rtb-a/198.51.100.0/25");

    [Fact]
    public void R_44_ROUTING_LOOP_Sixteen_routes_are_looked_up_and_no_more()
    {
        string round = "rtb-a/10.0.2.0/24 | sg-1/ingress/1 | eni-p | sg-1/egress/1 | acl-default-vpc-1/egress/100";
        string path = "eni-a | sg-1/egress/1 | acl-default-vpc-1/egress/100 | " + string.Join(" | ", System.Linq.Enumerable.Repeat(round, 16));
        With("10.0.2.0/24 eni-p").Send(ToB, "deny ROUTING_LOOP -", path, "eni-a", "eni-p");
    }

    [Fact]
    public void R_22_R_25_An_unsupported_target_is_named_with_its_route() => With("0.0.0.0/0 vgw-1")
        .Send(Out, "deny UNSUPPORTED_COMPONENT rtb-a/0.0.0.0/0", UntilRoute + "rtb-a/0.0.0.0/0", "eni-a", "vgw-1");

    private static Scenario With(params string[] routes) => new(Ground + string.Join('\n', routes));
}
