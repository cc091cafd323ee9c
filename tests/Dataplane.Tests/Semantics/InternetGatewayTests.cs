using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Semantics;

/// <summary>IGW and EIGW: translation, what a gateway refuses, and replies through an egress-only one.</summary>
public sealed class InternetGatewayTests
{
    private const string Ground = """
        vpc vpc-1 10.0.0.0/16 2001:db8:1::/56
        vpc vpc-2 10.2.0.0/16 2001:db8:2::/56
        vpc vpc-3 10.3.0.0/16 2001:db8:3::/56
        igw igw-1 vpc-1
        igw igw-2 vpc-2
        eigw eigw-3 vpc-3
        subnet sub-a vpc-1 10.0.1.0/24 2001:db8:1:1::/64 rtb=rtb-a
        subnet sub-n vpc-1 10.0.5.0/24
        subnet sub-b vpc-2 10.2.2.0/24 2001:db8:2:2::/64 rtb=rtb-b
        subnet sub-e vpc-3 10.3.3.0/24 2001:db8:3:3::/64 rtb=rtb-e
        eni eni-a sub-a 10.0.1.10=203.0.113.10 10.0.1.11=203.0.113.11 10.0.1.12 2001:db8:1:1::10 sg=sg-1
        eni eni-n sub-n 10.0.5.50=203.0.113.50 sg=sg-1
        eni eni-d sub-a 10.0.1.40=203.0.113.40 2001:db8:1:1::40 sg=sg-1 denyigw
        eni eni-b sub-b 10.2.2.20=203.0.113.20 2001:db8:2:2::20 sg=sg-1
        eni eni-e sub-e 10.3.3.30 2001:db8:3:3::30 sg=sg-1
        sg sg-1 vpc-1 vpc-2 vpc-3
          in tcp 80 0.0.0.0/0
          in tcp 80 2001:db8::/32
          out tcp 80 0.0.0.0/0
          out tcp 80 2001:db8::/32
        rtb rtb-a vpc-1
          0.0.0.0/0 igw-1
          ::/0 igw-1
        rtb rtb-b vpc-2
          0.0.0.0/0 igw-2
          ::/0 igw-2
        rtb rtb-e vpc-3
          ::/0 eigw-3

        """;

    private const string OutA = "eni-a | sg-1/egress/1 | acl-default-vpc-1/egress/100 | rtb-a/0.0.0.0/0 | ";

    [Fact]
    public void IGW_01_IGW_02_The_translation_is_one_to_one_and_filters_see_the_private_address_both_ways() => new Scenario(Ground)
        .Send("tcp 10.0.1.10:9 > 198.51.100.1:80 S", "allow new rtb-a/0.0.0.0/0", OutA + "igw-1 10.0.1.10>203.0.113.10 | igw-1")
        .Send("tcp 198.51.100.1:80 > 203.0.113.10:9 SA", "allow established tracked sg-1/egress/1",
            "igw-1 | igw-1 203.0.113.10>10.0.1.10 | acl-default-vpc-1/ingress/100 | tracked sg-1/egress/1 | eni-a");

    [Fact]
    public void IGW_03_Without_a_public_address_nothing_leaves() => new Scenario(Ground)
        .Send("tcp 10.0.1.12:9 > 198.51.100.1:80 S", "deny IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS -", OutA + "igw-1", "eni-a", "igw-1");

    [Theory]
    [InlineData("a private address without an association", "tcp 198.51.100.1:9 > 10.0.1.12:80 S")]
    [InlineData("an address of the VPC that no interface has", "tcp 198.51.100.1:9 > 10.0.77.1:80 S")]
    public void IGW_04_R_31_A_private_destination_needs_an_association(string shows, string packet) => new Scenario(Ground)
        .Send(packet, "deny IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS -", "igw-1", shows.Length > 0 ? "igw-1" : null, "-")
        .Send("tcp 198.51.100.1:9 > 203.0.113.99:80 S", "unplaced", "");

    [Fact]
    public void IGW_05_The_mapping_belongs_to_the_private_address() => new Scenario(Ground)
        .Send("tcp 10.0.1.11:9 > 198.51.100.1:80 S", "allow new rtb-a/0.0.0.0/0", OutA + "igw-1 10.0.1.11>203.0.113.11 | igw-1");

    [Theory]
    [InlineData("192.168.0.1", "RFC1918")]
    [InlineData("172.31.255.255", "RFC1918")]
    [InlineData("10.99.0.1", "RFC1918")]
    [InlineData("100.64.0.0", "RFC6598")]
    [InlineData("100.127.255.255", "RFC6598")]
    public void IGW_06_Private_and_shared_address_space_is_refused_both_ways(string address, string rfc) => new Scenario(Ground)
        .Send($"tcp 10.0.1.10:9 > {address}:80 S", $"deny IGW_DESTINATION_ADDRESS_NOT_IN_{rfc}_EGRESS -", OutA + "igw-1", "eni-a", "igw-1")
        .Send($"tcp {address}:9 > 203.0.113.10:80 S", $"deny IGW_SOURCE_ADDRESS_NOT_IN_{rfc}_INGRESS -", "igw-1", "igw-1", "-");

    [Theory]
    [InlineData("172.32.0.1")]
    [InlineData("100.128.0.0")]
    public void IGW_06_What_lies_beside_is_not(string address) => new Scenario(Ground)
        .Send($"tcp 10.0.1.10:9 > {address}:80 S", "allow new")
        .Send($"tcp {address}:9 > 203.0.113.10:80 S", "allow new");

    [Fact]
    public void IGW_06_R_31_The_association_is_checked_first() => new Scenario(Ground)
        .Send("tcp 10.0.1.12:9 > 192.168.0.1:80 S", "deny IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS -")
        .Send("tcp 192.168.0.1:9 > 10.0.1.12:80 S", "deny IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS -");

    [Fact]
    public void IMP_12_A_public_address_need_not_look_public() => new Scenario(Ground.Replace("203.0.113.20", "192.168.7.20", System.StringComparison.Ordinal))
        .Send("tcp 10.0.1.10:9 > 192.168.7.20:80 S", "allow new sg-1/ingress/1")
        .Send("tcp 10.2.2.20:9 > 203.0.113.10:80 S", "allow new sg-1/ingress/1")
        .Send("tcp 192.168.7.20:8 > 203.0.113.10:80 S", "allow new sg-1/ingress/1", null, "eni-b", "eni-a");

    [Fact]
    public void IGW_07_A_source_that_is_not_the_VPCs_is_refused()
    {
        // Only an appliance can send one: it forwards what came from outside back to the gateway.
        new Scenario(Ground + """
            subnet sub-m vpc-1 10.0.9.0/24 rtb=rtb-m
            eni eni-m sub-m 10.0.9.9=203.0.113.9 sg=sg-1 nocheck
            rtb rtb-m vpc-1 nolocal
              0.0.0.0/0 igw-1
            rtb rtb-x vpc-1 edge=igw-1
              10.0.1.0/24 eni-m
            """)
            .Send("tcp 198.51.100.1:9 > 203.0.113.10:80 S", "deny GATEWAY_REJECTS_SPOOFED_TRAFFIC -",
                "igw-1 | igw-1 203.0.113.10>10.0.1.10 | rtb-x/10.0.1.0/24 | acl-default-vpc-1/ingress/100 | sg-1/ingress/1 | eni-m | sg-1/egress/1"
                + " | acl-default-vpc-1/egress/100 | rtb-m/0.0.0.0/0 | igw-1", "igw-1", "igw-1");
    }

    [Fact]
    public void IGW_08_IPv6_passes_untranslated() => new Scenario(Ground)
        .Send("tcp [2001:db8:1:1::10]:9 > [2001:db8:99::1]:80 S", "allow new rtb-a/::/0",
            "eni-a | sg-1/egress/2 | acl-default-vpc-1/egress/101 | rtb-a/::/0 | igw-1")
        .Send("tcp [2001:db8:99::1]:9 > [2001:db8:1:1::10]:80 S", "allow new sg-1/ingress/2",
            "igw-1 | acl-default-vpc-1/ingress/101 | sg-1/ingress/2 | eni-a");

    [Fact]
    public void IGW_09_Without_a_route_the_request_arrives_and_the_reply_does_not_leave() => new Scenario(Ground)
        .Send("tcp 198.51.100.1:9 > 203.0.113.50:80 S", "allow new sg-1/ingress/1")
        .Send("tcp 10.0.5.50:80 > 198.51.100.1:9 SA", "deny NO_ROUTE_TO_DESTINATION rtb-main-vpc-1/none",
            "eni-n | tracked sg-1/ingress/1 | acl-default-vpc-1/egress/100 | rtb-main-vpc-1/none", "eni-n", "-");

    [Fact]
    public void IGW_11_R_34_A_call_by_public_address_goes_out_and_back_and_both_addresses_become_public() => new Scenario(Ground)
        .Send("tcp 10.0.1.10:9 > 203.0.113.50:80 S", "allow new sg-1/ingress/1",
            OutA + "igw-1 10.0.1.10>203.0.113.10 | igw-1 | igw-1 | igw-1 203.0.113.50>10.0.5.50 | acl-default-vpc-1/ingress/100 | sg-1/ingress/1 | eni-n");

    [Fact]
    public void R_34_Also_between_VPCs_and_the_reply_finds_both_slots() => new Scenario(Ground)
        .Send("tcp 10.0.1.10:9 > 203.0.113.20:80 S", "allow new sg-1/ingress/1",
            OutA + "igw-1 10.0.1.10>203.0.113.10 | igw-1 | igw-2 | igw-2 203.0.113.20>10.2.2.20 | acl-default-vpc-2/ingress/100 | sg-1/ingress/1 | eni-b")
        .Send("tcp 10.2.2.20:80 > 203.0.113.10:9 SA", "allow established tracked sg-1/egress/1",
            "eni-b | tracked sg-1/ingress/1 | acl-default-vpc-2/egress/100 | rtb-b/0.0.0.0/0 | igw-2 10.2.2.20>203.0.113.20 | igw-2 | igw-1"
            + " | igw-1 203.0.113.10>10.0.1.10 | acl-default-vpc-1/ingress/100 | tracked sg-1/egress/1 | eni-a");

    [Fact]
    public void R_34_IPv6_re_enters_too() => new Scenario(Ground)
        .Send("tcp [2001:db8:1:1::10]:9 > [2001:db8:2:2::20]:80 S", "allow new sg-1/ingress/2",
            "eni-a | sg-1/egress/2 | acl-default-vpc-1/egress/101 | rtb-a/::/0 | igw-1 | igw-2 | acl-default-vpc-2/ingress/101 | sg-1/ingress/2 | eni-b");

    [Fact]
    public void IGW_13_R_37_DenyAllIgwTraffic_drops_what_would_cross_the_gateway_and_nothing_else() => new Scenario(Ground)
        .Send("tcp 10.0.1.40:9 > 198.51.100.1:80 S", "deny IGW_TRAFFIC_DENIED -",
            "eni-d | sg-1/egress/1 | acl-default-vpc-1/egress/100 | rtb-a/0.0.0.0/0 | igw-1", "eni-d", "igw-1")
        .Send("tcp 198.51.100.1:9 > 203.0.113.40:80 S", "deny IGW_TRAFFIC_DENIED -", "igw-1", "igw-1", "-")
        .Send("tcp [2001:db8:99::1]:9 > [2001:db8:1:1::40]:80 S", "deny IGW_TRAFFIC_DENIED -", "igw-1", "igw-1", "-")
        .Send("tcp 10.0.1.10:9 > 203.0.113.40:80 S", "deny IGW_TRAFFIC_DENIED -", OutA + "igw-1 10.0.1.10>203.0.113.10 | igw-1 | igw-1", "eni-a", "igw-1")
        .Send("tcp 10.0.1.10:9 > 10.0.1.40:80 S", "allow new sg-1/ingress/1");

    [Fact]
    public void EIGW_01_Replies_come_in_and_nothing_starts_from_outside() => new Scenario(Ground)
        .Send("tcp [2001:db8:99::1]:9 > [2001:db8:3:3::30]:80 S", "deny EIGW_INBOUND -", "eigw-3", "eigw-3", "-")
        .Send("tcp [2001:db8:3:3::30]:9 > [2001:db8:99::1]:80 S", "allow new rtb-e/::/0",
            "eni-e | sg-1/egress/2 | acl-default-vpc-3/egress/101 | rtb-e/::/0 | eigw-3")
        .Send("tcp [2001:db8:99::1]:80 > [2001:db8:3:3::30]:9 SA", "allow established tracked sg-1/egress/2",
            "eigw-3 | acl-default-vpc-3/ingress/101 | tracked sg-1/egress/2 | eni-e");

    [Fact]
    public void EIGW_01_R_09_A_SYN_on_a_closed_connection_is_no_reply() => new Scenario(Ground)
        .Send("tcp [2001:db8:3:3::30]:9 > [2001:db8:99::1]:80 S", "allow new")
        .Send("tcp [2001:db8:99::1]:80 > [2001:db8:3:3::30]:9 R", "allow established", null, "eigw-3")
        .Send("tcp [2001:db8:99::1]:80 > [2001:db8:3:3::30]:9 S", "deny EIGW_INBOUND -");

    [Fact]
    public void EIGW_01_The_reply_of_an_interface_in_another_VPC_comes_in_too() => new Scenario(Ground)
        .Send("tcp [2001:db8:2:2::20]:9 > [2001:db8:3:3::30]:80 S", "deny EIGW_INBOUND -",
            "eni-b | sg-1/egress/2 | acl-default-vpc-2/egress/101 | rtb-b/::/0 | igw-2 | eigw-3", "eni-b", "eigw-3")
        .Send("tcp [2001:db8:3:3::30]:9 > [2001:db8:2:2::20]:80 S", "allow new sg-1/ingress/2",
            "eni-e | sg-1/egress/2 | acl-default-vpc-3/egress/101 | rtb-e/::/0 | eigw-3 | igw-2 | acl-default-vpc-2/ingress/101 | sg-1/ingress/2 | eni-b")
        .Send("tcp [2001:db8:2:2::20]:80 > [2001:db8:3:3::30]:9 SA", "allow established tracked sg-1/egress/2",
            "eni-b | tracked sg-1/ingress/2 | acl-default-vpc-2/egress/101 | rtb-b/::/0 | igw-2 | eigw-3 | acl-default-vpc-3/ingress/101 | tracked sg-1/egress/2 | eni-e");

    [Fact]
    public void EIGW_03_What_it_lets_back_in_lasts_as_long_as_connection_tracking()
    {
        foreach (double wait in new[] { 431_999.999, 432_000 })
        {
            new Scenario(Ground)
                .Send("tcp [2001:db8:3:3::30]:9 > [2001:db8:99::1]:80 S", "allow new rtb-e/::/0")
                .Send("tcp [2001:db8:99::1]:80 > [2001:db8:3:3::30]:9 SA", "allow established tracked sg-1/egress/2")
                .Send("tcp [2001:db8:3:3::30]:9 > [2001:db8:99::1]:80 A", "allow established rtb-e/::/0")
                .Wait(wait)
                .Send("tcp [2001:db8:99::1]:80 > [2001:db8:3:3::30]:9 A", wait < 432_000 ? "allow established tracked sg-1/egress/2" : "deny EIGW_INBOUND -", null, "eigw-3");
        }
    }

    [Fact]
    public void EIGW_02_CT_09_Its_flows_are_tracked_whatever_the_rules_and_errors_about_them_pass()
    {
        string open = Ground.Replace("in tcp 80 0.0.0.0/0", "in all ::/0", System.StringComparison.Ordinal).Replace("out tcp 80 2001:db8::/32", "out all ::/0", System.StringComparison.Ordinal);
        new Scenario(open)
            .Send("tcp [2001:db8:3:3::30]:9 > [2001:db8:99::1]:80 S", "allow new rtb-e/::/0")
            .Send("tcp [2001:db8:1:1::10]:9 > [2001:db8:99::1]:80 S", "allow untracked rtb-a/::/0");
        new Scenario(Ground)
            .Send("tcp [2001:db8:3:3::30]:9 > [2001:db8:99::1]:80 S", "allow new rtb-e/::/0")
            .Send("icmpv6 2001:db8:98::9 > 2001:db8:3:3::30 2/0 quoting tcp [2001:db8:3:3::30]:9 > [2001:db8:99::1]:80 S", "allow related tracked sg-1/egress/2",
                "eigw-3 | acl-default-vpc-3/ingress/101 | tracked sg-1/egress/2 | eni-e")
            .Send("tcp [2001:db8:1:1::10]:9 > [2001:db8:99::1]:80 S", "allow new")
            .Send("icmpv6 2001:db8:98::9 > 2001:db8:1:1::10 2/0 quoting tcp [2001:db8:1:1::10]:9 > [2001:db8:99::1]:80 S", "deny ENI_SG_RULES_MISMATCH sg-1/ingress/none");
    }
}
