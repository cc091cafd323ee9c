using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Semantics;

/// <summary>Where a packet enters, by its addresses, and what has no place.</summary>
public sealed class PlacementTests
{
    private const string Ground = """
        vpc vpc-1 10.0.0.0/16 2001:db8:1::/56
        igw igw-1 vpc-1
        subnet sub-a vpc-1 10.0.1.0/24 2001:db8:1:1::/64 rtb=rtb-a
        eni eni-a sub-a 10.0.1.10=203.0.113.10 10.0.1.11 prefix=10.0.1.64/28 sg=sg-1
        eni eni-b sub-a 10.0.1.20=203.0.113.20 sg=sg-1
        sg sg-1 vpc-1
          in tcp 80 0.0.0.0/0
          out tcp 80 0.0.0.0/0
        rtb rtb-a vpc-1
          0.0.0.0/0 igw-1

        """;

    [Theory]
    [InlineData("a primary address", "10.0.1.10")]
    [InlineData("a secondary address", "10.0.1.11")]
    [InlineData("inside a delegated prefix", "10.0.1.79")]
    public void Contract_4_1_R_37_A_packet_with_an_interfaces_source_leaves_it(string shows, string source) => new Scenario(Ground)
        .Send($"tcp {source}:9 > 10.0.1.20:80 S", "allow new sg-1/ingress/1", "eni-a | sg-1/egress/1 | sg-1/ingress/1 | eni-b", shows.Length > 0 ? "eni-a" : null);

    [Fact]
    public void Contract_4_2_R_30_A_return_enters_where_its_flow_left_in_either_spelling_of_the_address() => new Scenario(Ground)
        .Send("tcp 10.0.1.10:9 > 198.51.100.1:80 S", "allow new")
        .Send("tcp 198.51.100.1:80 > 203.0.113.10:9 SA", "allow established tracked sg-1/egress/1",
            "igw-1 | igw-1 203.0.113.10>10.0.1.10 | acl-default-vpc-1/ingress/100 | tracked sg-1/egress/1 | eni-a")
        .Send("tcp 198.51.100.1:80 > 10.0.1.10:9 A", "allow established tracked sg-1/egress/1",
            "igw-1 | acl-default-vpc-1/ingress/100 | tracked sg-1/egress/1 | eni-a");

    [Fact]
    public void Contract_4_2_R_30_A_remembered_flow_goes_before_the_far_ends_own_block()
    {
        // The far end lies in a block of another VPC that has no such interface: only a reply has a place (4 against 2).
        new Scenario("""
            vpc vpc-1 10.0.0.0/16
            vpc vpc-2 198.51.100.0/24
            igw igw-1 vpc-1
            subnet sub-a vpc-1 10.0.1.0/24 rtb=rtb-a
            eni eni-a sub-a 10.0.1.10=203.0.113.10 sg=sg-1
            sg sg-1 vpc-1
              in all 198.51.100.0/24
              out all 198.51.100.0/24
            rtb rtb-a vpc-1
              0.0.0.0/0 igw-1
            """)
            .Send("udp 198.51.100.1:53 > 203.0.113.10:9", "unplaced")
            .Send("udp 10.0.1.10:9 > 198.51.100.1:53", "allow new")
            .Send("udp 198.51.100.1:53 > 203.0.113.10:9", "allow established", null, "igw-1", "eni-a")
            .Send("icmp 198.51.100.2 > 203.0.113.10 3/3 quoting udp 203.0.113.10:9 > 198.51.100.1:53", "allow - sg-1/ingress/1", null, "igw-1", "eni-a")
            .Send("icmp 198.51.100.2 > 203.0.113.10 3/3 quoting udp 203.0.113.10:8 > 198.51.100.1:53", "unplaced")
            .Send("udp 198.51.100.1:54 > 203.0.113.10:9", "unplaced");
    }

    [Fact]
    public void Contract_4_3_A_capture_from_outside_has_the_public_source_and_enters_inside() => new Scenario(Ground)
        .Send("tcp 203.0.113.10:9 > 198.51.100.1:80 S", "allow new rtb-a/0.0.0.0/0",
            "eni-a | sg-1/egress/1 | acl-default-vpc-1/egress/100 | rtb-a/0.0.0.0/0 | igw-1 10.0.1.10>203.0.113.10 | igw-1")
        .Send("tcp 10.0.1.10:9 > 198.51.100.1:80 A", "allow established");

    [Fact]
    public void Contract_4_3_R_29_A_private_destination_is_put_back_to_its_public_address() => new Scenario(Ground)
        .Send("tcp 203.0.113.10:9 > 10.0.1.20:80 S", "allow new sg-1/ingress/1",
            "eni-a | sg-1/egress/1 | acl-default-vpc-1/egress/100 | rtb-a/0.0.0.0/0 | igw-1 10.0.1.10>203.0.113.10 | igw-1 | igw-1 | igw-1 203.0.113.20>10.0.1.20"
            + " | acl-default-vpc-1/ingress/100 | sg-1/ingress/1 | eni-b");

    [Theory]
    [InlineData("a static route of any table", "vgw vgw-1 vpc-1", "192.0.2.0/24 vgw-1", "tcp 192.0.2.9:9 > 10.0.1.10:80 S", "unplaced")]
    [InlineData("a propagated one", "vgw vgw-1 vpc-1", "192.0.2.0/24 vgw-1 propagated", "tcp 192.0.2.9:9 > 10.0.1.10:80 S", "unplaced")]
    [InlineData("a VPN's own static route", "vgw vgw-1 vpc-1 192.0.2.0/24", "192.0.9.0/24 vgw-1", "tcp 192.0.2.9:9 > 10.0.1.10:80 S", "unplaced")]
    [InlineData("a peering", "pcx pcx-1 vpc-1", "192.0.2.0/24 pcx-1", "tcp 192.0.2.9:9 > 10.0.1.10:80 S", "unplaced")]
    [InlineData("a transit gateway", "tgw tgw-1 vpc-1", "192.0.2.0/24 tgw-1", "tcp 192.0.2.9:9 > 10.0.1.10:80 S", "unplaced")]
    [InlineData("only private destinations are reached that way", "vgw vgw-1 vpc-1", "192.0.2.0/24 vgw-1", "tcp 192.0.2.9:9 > 203.0.113.10:80 S", "allow new")]
    [InlineData("the internet gateway's more specific route wins", "vgw vgw-1 vpc-1 192.0.2.0/24", "192.0.2.0/25 igw-1", "tcp 192.0.2.9:9 > 10.0.1.10:80 S", "allow new")]
    [InlineData("everything does not count beside an internet gateway", "vgw vgw-1 vpc-1", "::/0 vgw-1\n0.0.0.0/0 vgw-1 propagated", "tcp 192.0.2.9:9 > 10.0.1.10:80 S", "allow new")]
    [InlineData("nobody is behind a NAT gateway", "nat nat-1 vpc-1", "192.0.2.0/24 nat-1", "tcp 192.0.2.9:9 > 10.0.1.10:80 S", "allow new")]
    public void Contract_4_4_R_32_Who_is_behind_a_gateway_that_is_not_enforced_has_no_place(string shows, string gateway, string route, string packet, string verdict) =>
        new Scenario(Ground + gateway + "\nrtb rtb-z vpc-1\n" + route).Send(packet, verdict, null, verdict == "unplaced" ? "-" : "igw-1", shows.Length > 0 && verdict == "unplaced" ? "-" : "eni-a");

    [Fact]
    public void R_32_Without_an_internet_gateway_everything_counts() => new Scenario("""
        vpc vpc-1 10.0.0.0/16
        vgw vgw-1 vpc-1
        subnet sub-a vpc-1 10.0.1.0/24
        eni eni-a sub-a 10.0.1.10 sg=sg-1
        sg sg-1 vpc-1
        rtb rtb-a vpc-1
          0.0.0.0/0 vgw-1
        """).Send("tcp 192.0.2.9:9 > 10.0.1.10:80 S", "unplaced");

    [Fact]
    public void Contract_4_5_R_26_A_private_destination_counts_as_translated() => new Scenario(Ground)
        .Send("tcp 198.51.100.1:9 > 10.0.1.10:80 S", "allow new sg-1/ingress/1", "igw-1 | acl-default-vpc-1/ingress/100 | sg-1/ingress/1 | eni-a");

    [Theory]
    [InlineData("igw igw-1", "tcp 198.51.100.1:9 > 10.0.1.10:80 S", "unplaced")]
    [InlineData("eigw eigw-1 vpc-1", "tcp 198.51.100.1:9 > 10.0.1.10:80 S", "unplaced")]
    [InlineData("eigw eigw-1 vpc-1", "tcp [2001:db8:9::1]:9 > [2001:db8:1:1::10]:80 S", "deny EIGW_INBOUND -")]
    public void Contract_4_5_R_31_Without_an_internet_gateway(string gateway, string packet, string verdict) => new Scenario(
        Ground.Replace("igw igw-1 vpc-1", gateway, System.StringComparison.Ordinal)).Send(packet, verdict);

    [Theory]
    [InlineData("both ends are strangers", "tcp 198.51.100.1:9 > 192.0.2.1:80 S")]
    [InlineData("an unknown public destination", "tcp 198.51.100.1:9 > 203.0.113.77:80 S")]
    [InlineData("a source inside the VPC that no interface has", "tcp 10.0.1.99:9 > 10.0.1.10:80 S")]
    [InlineData("multicast from outside", "udp 198.51.100.1:9 > 224.0.0.1:80")]
    public void Contract_4_6_R_23_R_31_What_has_no_place(string shows, string packet) => new Scenario(Ground)
        .Send(packet, "unplaced", "", shows.Length > 0 ? "-" : null, "-");

    [Fact]
    public void R_33_An_address_in_two_VPCs_means_the_one_whose_VPC_holds_the_other_end() => new Scenario("""
        vpc vpc-1 10.0.0.0/16 10.1.0.0/16
        vpc vpc-2 10.0.0.0/16 10.2.0.0/16
        subnet sub-1 vpc-1 10.0.1.0/24
        subnet sub-2 vpc-2 10.0.1.0/24
        subnet sub-3 vpc-2 10.2.1.0/24
        eni eni-1 sub-1 10.0.1.10 sg=sg-1
        eni eni-2 sub-2 10.0.1.10 sg=sg-1
        eni eni-3 sub-3 10.2.1.30 sg=sg-1
        sg sg-1 vpc-1 vpc-2
          in all 10.0.0.0/8
          out all 0.0.0.0/0
        """)
        .Send("tcp 10.0.1.10:9 > 10.2.1.30:80 S", "allow new sg-1/ingress/1", null, "eni-2", "eni-3")
        .Send("tcp 10.2.1.30:9 > 10.0.1.10:80 S", "allow new sg-1/ingress/1", null, "eni-3", "eni-2")
        .Send("tcp 10.0.1.10:9 > 10.1.1.1:80 S", "deny NO_INTERFACE_AT_DESTINATION -", null, "eni-1", "-")
        .Send("tcp 10.0.1.10:9 > 198.51.100.1:80 S", "deny NO_ROUTE_TO_DESTINATION rtb-main-vpc-1/none", null, "eni-1", "-");

    [Fact]
    public void Contract_5_R_23_What_cannot_be_judged_has_a_verdict_all_the_same() => new Scenario(Ground)
        .Send("invalid", "invalid", "", "-", "-")
        .Send("arp", "ignored", "", "-", "-")
        .Send("icmpv6 2001:db8:1:1::10 > ff02::1 135/0", "ignored", "", "-", "-");
}
