using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Semantics;

/// <summary>SG: what security groups admit, and what they never see.</summary>
public sealed class SecurityGroupTests
{
    private const string Ground = """
        vpc vpc-1 10.0.0.0/16 2001:db8:1::/56
        igw igw-1 vpc-1
        pl pl-1 10.0.1.10/32 192.0.2.0/24
        subnet sub-a vpc-1 10.0.1.0/24 2001:db8:1:1::/64 rtb=rtb-1
        subnet sub-b vpc-1 10.0.2.0/24 2001:db8:1:2::/64 rtb=rtb-1
        rtb rtb-1 vpc-1
          0.0.0.0/0 igw-1
          ::/0 igw-1
        eni eni-a sub-a 10.0.1.10=203.0.113.10 10.0.1.11 2001:db8:1:1::10 prefix=10.0.1.64/28 sg=sg-a
        eni eni-c sub-a 10.0.1.30 sg=sg-c
        eni eni-b sub-b 10.0.2.20=203.0.113.20 10.0.2.21 2001:db8:1:2::20 sg=sg-b
        sg sg-a vpc-1
          in tcp 22 0.0.0.0/0
          out all 0.0.0.0/0
          out all ::/0
        sg sg-c vpc-1
          out all 0.0.0.0/0
        sg sg-b vpc-1

        """;

    private const string Syn443 = "tcp 10.0.1.10:40000 > 10.0.2.20:443 S";

    [Fact]
    public void SG_01_A_rule_only_allows_so_a_narrower_one_takes_nothing_away() => With("in tcp 443 10.0.1.11/32", "in tcp 443 10.0.0.0/16")
        .Send(Syn443, "allow new sg-b/ingress/2",
            "eni-a | sg-a/egress/1 | acl-default-vpc-1/egress/100 | rtb-1/10.0.0.0/16 | acl-default-vpc-1/ingress/100 | sg-b/ingress/2 | eni-b");

    [Fact]
    public void SG_02_A_direction_without_rules_passes_nothing_new() => With()
        .Send(Syn443, "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none",
            "eni-a | sg-a/egress/1 | acl-default-vpc-1/egress/100 | rtb-1/10.0.0.0/16 | acl-default-vpc-1/ingress/100 | sg-b/ingress/none", "eni-a", "eni-b")
        .Send("tcp 10.0.2.20:40000 > 10.0.1.10:22 S", "deny ENI_SG_RULES_MISMATCH sg-b/egress/none", "eni-b | sg-b/egress/none", "eni-b", "-");

    [Theory]
    [InlineData("sg-m+sg-n", "tcp 10.0.1.10:1 > 10.0.2.50:443 S", "allow new sg-m/ingress/1")]
    [InlineData("sg-n+sg-m", "tcp 10.0.1.10:1 > 10.0.2.50:443 S", "allow new sg-m/ingress/1")]
    [InlineData("sg-n+sg-m", "tcp 10.0.1.10:1 > 10.0.2.50:80 S", "allow new sg-n/ingress/1")]
    [InlineData("sg-n+sg-m", "tcp 10.0.1.10:1 > 10.0.2.50:81 S", "deny ENI_SG_RULES_MISMATCH sg-m+sg-n/ingress/none")]
    public void SG_03_R_18_Several_groups_are_one_rule_set_and_their_order_is_of_no_account(string groups, string packet, string verdict) => new Scenario(Ground + $"""
        eni eni-m sub-b 10.0.2.50 sg={groups}
        sg sg-n vpc-1
          in tcp 80 10.0.0.0/16
          in tcp 443 10.0.0.0/16
        sg sg-m vpc-1
          in tcp 443 10.0.0.0/16
        """).Send(packet, verdict);

    [Fact]
    public void SG_05_SG_28_Members_of_the_default_group_reach_each_other_and_nothing_outside_starts_with_them()
    {
        Scenario scenario = new(Ground + """
            eni eni-x sub-a 10.0.1.41=203.0.113.41 sg=sg-d
            eni eni-y sub-b 10.0.2.42 sg=sg-d
            sg sg-d vpc-1
              in all sg-d
              out all 0.0.0.0/0
            """);
        scenario.Send("tcp 10.0.1.41:9 > 10.0.2.42:7777 S", "allow new sg-d/ingress/1")
            .Send("icmp 10.0.2.42 > 10.0.1.41 8/0 id 1", "allow new sg-d/ingress/1")
            .Send("tcp 198.51.100.9:9 > 203.0.113.41:22 S", "deny ENI_SG_RULES_MISMATCH sg-d/ingress/none")
            .Send("tcp 10.0.1.10:9 > 10.0.2.42:22 S", "deny ENI_SG_RULES_MISMATCH sg-d/ingress/none");
    }

    [Fact]
    public void SG_28_Without_a_self_reference_members_of_one_group_do_not_reach_each_other() => new Scenario(Ground + """
        eni eni-y sub-b 10.0.2.42 sg=sg-a
        """).Send("tcp 10.0.1.10:9 > 10.0.2.42:80 S", "deny ENI_SG_RULES_MISMATCH sg-a/ingress/none");

    [Theory]
    [InlineData("one below the range", 99, false)]
    [InlineData("the range's first port", 100, true)]
    [InlineData("inside", 150, true)]
    [InlineData("the range's last port", 200, true)]
    [InlineData("one above the range", 201, false)]
    public void SG_14_A_port_matches_from_the_first_to_the_last(string shows, int port, bool admitted) => With("in tcp 100-200 10.0.0.0/16", "in udp 100-200 10.0.0.0/16")
        .Send($"tcp 10.0.1.10:150 > 10.0.2.20:{port} S", admitted ? "allow new sg-b/ingress/1" : "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none", null, shows.Length > 0 ? "eni-a" : null)
        .Send($"udp 10.0.1.10:150 > 10.0.2.20:{port}", admitted ? "allow new sg-b/ingress/2" : "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none");

    [Theory]
    [InlineData("8/*", "8/0", true)]
    [InlineData("8/*", "8/5", true)]
    [InlineData("8/0", "8/0", true)]
    [InlineData("8/0", "8/1", false)]
    [InlineData("*/*", "13/0", true)]
    [InlineData("8/*", "13/0", false)]
    public void SG_15_SG_16_Type_and_code_match_and_minus_one_is_any(string rule, string kind, bool admitted) => With($"in icmp {rule} 10.0.0.0/16")
        .Send($"icmp 10.0.1.10 > 10.0.2.20 {kind} id 3", admitted ? "allow new sg-b/ingress/1" : "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none");

    [Theory]
    [InlineData("in 47 10.0.0.0/16", true)]
    [InlineData("in all 10.0.0.0/16", true)]
    [InlineData("in 50 10.0.0.0/16", false)]
    [InlineData("in tcp all 10.0.0.0/16", false)]
    public void SG_19_A_protocol_without_ports_matches_its_number_or_all(string rule, bool admitted) => With(rule)
        .Send("proto 47 10.0.1.10 > 10.0.2.20", admitted ? "allow new sg-b/ingress/1" : "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none");

    [Fact]
    public void SG_20_Ingress_looks_at_the_source_and_egress_at_the_destination() => With("in tcp all 10.0.1.10/32", "out tcp all 10.0.1.10/32")
        .Send(Syn443, "allow new sg-b/ingress/1")
        .Send("tcp 10.0.1.11:40000 > 10.0.2.20:443 S", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("tcp 10.0.2.20:9 > 10.0.1.10:22 S", "allow untracked sg-a/ingress/1")
        .Send("tcp 10.0.2.20:9 > 10.0.1.11:22 S", "deny ENI_SG_RULES_MISMATCH sg-b/egress/none");

    [Theory]
    [InlineData("in tcp all 0.0.0.0/0", true, false)]
    [InlineData("in tcp all ::/0", false, true)]
    public void SG_22_A_block_never_matches_the_other_family(string rule, bool v4, bool v6) => With(rule)
        .Send(Syn443, v4 ? "allow new sg-b/ingress/1" : "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("tcp [2001:db8:1:1::10]:1 > [2001:db8:1:2::20]:443 S", v6 ? "allow new sg-b/ingress/1" : "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none");

    [Fact]
    public void SG_24_Equal_rules_count_once_and_the_first_is_named() => With("in tcp 443 10.0.0.0/16 name=sgr-1", "in tcp 443 10.0.0.0/16 name=sgr-2")
        .Send(Syn443, "allow new sg-b/ingress/sgr-1");

    [Fact]
    public void SG_25_SG_26_IGW_11_A_reference_means_private_addresses_so_a_call_by_public_address_is_not_matched() => With("in tcp 443 sg-a")
        .Send(Syn443, "allow new sg-b/ingress/1")
        .Send("tcp 10.0.1.10:40001 > 203.0.113.20:443 S", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none",
            "eni-a | sg-a/egress/1 | acl-default-vpc-1/egress/100 | rtb-1/0.0.0.0/0 | igw-1 10.0.1.10>203.0.113.10 | igw-1 | igw-1 | igw-1 203.0.113.20>10.0.2.20"
            + " | acl-default-vpc-1/ingress/100 | sg-b/ingress/none", "eni-a", "eni-b");

    [Fact]
    public void SG_27_A_reference_borrows_addresses_and_no_rules() => With("in tcp 443 sg-a")
        .Send("tcp 10.0.1.30:9 > 10.0.2.20:22 S", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:22 S", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none");

    [Theory]
    [InlineData("a secondary address", "tcp 10.0.1.11:9 > 10.0.2.20:443 S", true)]
    [InlineData("an IPv6 address", "tcp [2001:db8:1:1::10]:9 > [2001:db8:1:2::20]:443 S", true)]
    [InlineData("inside a delegated prefix", "tcp 10.0.1.70:9 > 10.0.2.20:443 S", true)]
    [InlineData("of an interface without the group", "tcp 10.0.1.30:9 > 10.0.2.20:443 S", false)]
    public void SG_29_R_37_All_addresses_of_a_member_are_meant(string shows, string packet, bool admitted) => With("in tcp 443 sg-a")
        .Send(packet, admitted ? "allow new sg-b/ingress/1" : "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none", null, shows.StartsWith("of", System.StringComparison.Ordinal) ? "eni-c" : "eni-a");

    [Fact]
    public void SG_30_A_reference_ends_at_the_border_of_the_VPC_where_no_peering_joins_it_to_another() => new Scenario("""
        vpc vpc-1 2001:db8:1::/56
        vpc vpc-2 2001:db8:2::/56
        igw igw-1 vpc-1
        igw igw-2 vpc-2
        subnet sub-a vpc-1 2001:db8:1:1::/64 rtb=rtb-1
        subnet sub-b vpc-2 2001:db8:2:2::/64 rtb=rtb-2
        eni eni-a sub-a 2001:db8:1:1::10 sg=sg-a
        eni eni-b sub-b 2001:db8:2:2::20 sg=sg-b
        eni eni-c sub-b 2001:db8:2:2::30 sg=sg-a
        sg sg-a vpc-1 vpc-2
          out all ::/0
        sg sg-b vpc-2
          in tcp 443 sg-a
        rtb rtb-1 vpc-1
          ::/0 igw-1
        rtb rtb-2 vpc-2
        """)
        .Send("tcp [2001:db8:1:1::10]:9 > [2001:db8:2:2::20]:443 S", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none",
            "eni-a | sg-a/egress/1 | acl-default-vpc-1/egress/101 | rtb-1/::/0 | igw-1 | igw-2 | acl-default-vpc-2/ingress/101 | sg-b/ingress/none", "eni-a", "eni-b")
        .Send("tcp [2001:db8:2:2::30]:9 > [2001:db8:2:2::20]:443 S", "allow new sg-b/ingress/1", "eni-c | sg-a/egress/1 | sg-b/ingress/1 | eni-b");

    [Theory]
    [InlineData("in 6 443 10.0.0.0/16", "tcp 10.0.1.10:9 > 10.0.2.20:443 S", true)]
    [InlineData("in 17 443 10.0.0.0/16", "udp 10.0.1.10:9 > 10.0.2.20:443", true)]
    [InlineData("in 17 443 10.0.0.0/16", "udp 10.0.1.10:9 > 10.0.2.20:444", false)]
    [InlineData("in 1 8/0 10.0.0.0/16", "icmp 10.0.1.10 > 10.0.2.20 8/0 id 1", true)]
    [InlineData("in 58 128/0 2001:db8::/32", "icmpv6 2001:db8:1:1::10 > 2001:db8:1:2::20 128/0 id 1", true)]
    [InlineData("in icmpv6 all 2001:db8::/32", "icmpv6 2001:db8:1:1::10 > 2001:db8:1:2::20 128/7 id 1", true)]
    [InlineData("in all 443 10.0.0.0/16", "tcp 10.0.1.10:9 > 10.0.2.20:444 S", true)]
    public void SG_12_SG_13_SG_17_A_number_acts_like_its_name_and_all_protocols_have_all_ports(string rule, string packet, bool admitted) => With(rule)
        .Send(packet, admitted ? "allow new sg-b/ingress/1" : "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none", null, "eni-a", "eni-b");

    [Fact]
    public void SG_33_R_46_Behind_an_appliance_references_do_not_match_but_addresses_do() => new Scenario("""
        vpc vpc-1 10.0.0.0/16
        subnet sub-a vpc-1 10.0.1.0/24 rtb=rtb-a
        subnet sub-m vpc-1 10.0.9.0/24
        subnet sub-b vpc-1 10.0.2.0/24
        eni eni-a sub-a 10.0.1.10 sg=sg-a
        eni eni-m sub-m 10.0.9.9 sg=sg-m nocheck
        eni eni-b sub-b 10.0.2.20 sg=sg-b
        sg sg-a vpc-1
          out all 0.0.0.0/0
        sg sg-m vpc-1
          in all sg-a
          out all sg-b
        sg sg-b vpc-1
          in tcp 443 sg-a
          in tcp 80 10.0.1.0/24
        rtb rtb-a vpc-1
          10.0.2.0/24 eni-m
        """)
        .Send("tcp 10.0.1.10:1 > 10.0.2.20:443 S", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none",
            "eni-a | sg-a/egress/1 | acl-default-vpc-1/egress/100 | rtb-a/10.0.2.0/24 | acl-default-vpc-1/ingress/100 | sg-m/ingress/1 | eni-m | sg-m/egress/1"
            + " | acl-default-vpc-1/egress/100 | rtb-main-vpc-1/10.0.0.0/16 | acl-default-vpc-1/ingress/100 | sg-b/ingress/none", "eni-a", "eni-b")
        .Send("tcp 10.0.1.10:1 > 10.0.2.20:80 S", "allow new sg-b/ingress/2");

    [Fact]
    public void SG_36_A_prefix_list_means_its_entries() => With("in tcp 443 pl-1", "in tcp 80 pl-unknown")
        .Send(Syn443, "allow new sg-b/ingress/1")
        .Send("tcp 10.0.1.11:40000 > 10.0.2.20:443 S", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("tcp 10.0.1.10:40000 > 10.0.2.20:80 S", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none");

    [Theory]
    [InlineData("the resolver at the base plus two", "10.0.0.2")]
    [InlineData("a subnet's router", "10.0.1.1")]
    [InlineData("another subnet's router", "10.0.2.1")]
    [InlineData("instance metadata", "169.254.169.254")]
    [InlineData("DNS", "169.254.169.253")]
    [InlineData("time", "169.254.169.123")]
    [InlineData("licences", "169.254.169.250")]
    [InlineData("licences, second address", "169.254.169.251")]
    [InlineData("task metadata", "169.254.170.2")]
    public void SG_37_SG_38_ACL_22_ORD_19_R_28_Amazons_services_are_before_all_filters(string shows, string service) => With()
        .Send($"udp 10.0.2.20:5353 > {service}:{shows.Length}", "allow - -", "eni-b", "eni-b", "-")
        .Send($"udp {service}:{shows.Length} > 10.0.2.20:5353", "allow - -", "eni-b", "-", "eni-b");

    [Theory]
    [InlineData("fd00:ec2::254")]
    [InlineData("fd00:ec2::253")]
    [InlineData("fd00:ec2::123")]
    public void SG_38_The_services_have_IPv6_addresses_too(string service) => With()
        .Send($"udp [2001:db8:1:2::20]:5 > [{service}]:53", "allow - -", "eni-b", "eni-b", "-");

    [Theory]
    [InlineData("a public address", "tcp 10.0.1.10:9 > 198.51.100.5:25 S", "deny PORT_25_BLOCKED -")]
    [InlineData("another port", "tcp 10.0.1.10:9 > 198.51.100.5:26 S", "allow new")]
    [InlineData("UDP", "udp 10.0.1.10:9 > 198.51.100.5:25", "allow new")]
    [InlineData("a reply from port 25", "tcp 10.0.1.10:25 > 198.51.100.5:900 SA", "allow new")]
    [InlineData("the primary block", "tcp 10.0.1.10:9 > 10.0.2.20:25 S", "allow new")]
    [InlineData("RFC 1918", "tcp 10.0.1.10:9 > 192.168.7.7:25 S", "deny IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS -")]
    [InlineData("RFC 6598", "tcp 10.0.1.10:9 > 100.64.0.1:25 S", "deny IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS -")]
    [InlineData("RFC 4193", "tcp [2001:db8:1:1::10]:9 > [fd12::1]:25 S", "allow new")]
    [InlineData("IPv6", "tcp [2001:db8:1:1::10]:9 > [2001:db8:99::1]:25 S", "deny PORT_25_BLOCKED -")]
    public void SG_39_Outbound_mail_to_public_addresses_can_be_blocked(string shows, string packet, string verdict)
    {
        Scenario blocked = new(Ground + "  in tcp 25 10.0.0.0/8\n", new JudgeOptions { BlockPort25 = true });
        blocked.Send(packet, verdict, shows == "a public address" ? "eni-a | sg-a/egress/1" : null);
        new Scenario(Ground).Send("tcp 10.0.1.10:9 > 198.51.100.5:25 S", "allow new rtb-1/0.0.0.0/0");
    }

    private static Scenario With(params string[] rulesOfB) => new(Ground + string.Join('\n', rulesOfB));
}
