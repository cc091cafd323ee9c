using System.Linq;
using Dataplane.Topology.Model;
using Xunit;
using static Dataplane.Tests.Topology.Snapshots;

namespace Dataplane.Tests.Topology;

/// <summary>Rules of security groups as describe-security-groups prints them.</summary>
public sealed class SecurityGroupRuleTests
{
    /// <summary>One IpPermission without its braces and peers, and the rule that it makes; null: an error.</summary>
    public static TheoryData<string, string, string?> Permissions => new()
    {
        { "SG_11 names", "\"IpProtocol\": \"tcp\", \"FromPort\": 22, \"ToPort\": 443", "6 22-443" },
        { "SG_11 a number", "\"IpProtocol\": \"47\"", "47 0-65535" },
        { "SG_11 zero", "\"IpProtocol\": \"0\"", "0 0-65535" },
        { "SG_11 the last number", "\"IpProtocol\": \"255\"", "255 0-65535" },
        { "SG_11 all", "\"IpProtocol\": \"-1\"", "-1 0-65535" },
        { "SG_11 a number that is a JSON number", "\"IpProtocol\": 6, \"FromPort\": 1, \"ToPort\": 2", "6 1-2" },
        { "SG_11 Terraform's word for all", "\"IpProtocol\": \"all\"", "-1 0-65535" },
        { "SG_11 any case", "\"IpProtocol\": \"TCP\", \"FromPort\": 1, \"ToPort\": 2", "6 1-2" },
        { "SG_11 beyond", "\"IpProtocol\": \"256\"", null },
        { "SG_11 a leading zero", "\"IpProtocol\": \"06\", \"FromPort\": 1, \"ToPort\": 2", null },
        { "SG_11 a sign", "\"IpProtocol\": \"+6\", \"FromPort\": 1, \"ToPort\": 2", null },
        { "SG_11 minus two", "\"IpProtocol\": \"-2\"", null },
        { "SG_11 an unknown name", "\"IpProtocol\": \"tpc\"", null },
        { "SG_11 none", "\"FromPort\": 1, \"ToPort\": 2", null },
        { "SG_12 ports of all are ignored", "\"IpProtocol\": \"-1\", \"FromPort\": 22, \"ToPort\": 22", "-1 0-65535" },
        { "SG_12 ports of GRE are ignored", "\"IpProtocol\": \"47\", \"FromPort\": 22, \"ToPort\": 22", "47 0-65535" },
        { "SG_13 6 is tcp", "\"IpProtocol\": \"6\", \"FromPort\": 22, \"ToPort\": 22", "6 22-22" },
        { "SG_13 17 is udp", "\"IpProtocol\": \"17\", \"FromPort\": 53, \"ToPort\": 53", "17 53-53" },
        { "SG_13 1 is icmp", "\"IpProtocol\": \"1\", \"FromPort\": 8, \"ToPort\": 0", "1 8-0" },
        { "SG_13 58 is icmpv6", "\"IpProtocol\": \"58\", \"FromPort\": 128, \"ToPort\": 0", "58 128-0" },
        { "SG_15 any type and code", "\"IpProtocol\": \"icmp\", \"FromPort\": -1, \"ToPort\": -1", "1 -1--1" },
        { "SG_15 a type beyond 255", "\"IpProtocol\": \"icmp\", \"FromPort\": 256, \"ToPort\": -1", null },
        { "SG_15 a code below -1", "\"IpProtocol\": \"icmp\", \"FromPort\": 8, \"ToPort\": -2", null },
        { "IMP_22 From > To is a type and a code", "\"IpProtocol\": \"icmp\", \"FromPort\": 252, \"ToPort\": 86", "1 252-86" },
        { "R_52 type -1 with a code is kept", "\"IpProtocol\": \"icmp\", \"FromPort\": -1, \"ToPort\": 3", "1 -1-3" },
        { "SG_17 icmpv6 without range is all", "\"IpProtocol\": \"icmpv6\"", "58 -1--1" },
        { "SG_18 -1/-1 is what is left out", "\"IpProtocol\": \"-1\", \"FromPort\": -1, \"ToPort\": -1", "-1 0-65535" },
        { "R_52 an open beginning", "\"IpProtocol\": \"tcp\", \"FromPort\": -1, \"ToPort\": 80", "6 0-80" },
        { "R_52 an open end", "\"IpProtocol\": \"udp\", \"FromPort\": 80, \"ToPort\": -1", "17 80-65535" },
        { "the whole range", "\"IpProtocol\": \"tcp\", \"FromPort\": 0, \"ToPort\": 65535", "6 0-65535" },
        { "a reversed range", "\"IpProtocol\": \"tcp\", \"FromPort\": 8080, \"ToPort\": 80", null },
        { "a port beyond", "\"IpProtocol\": \"tcp\", \"FromPort\": 0, \"ToPort\": 65536", null },
        { "a port below", "\"IpProtocol\": \"tcp\", \"FromPort\": -2, \"ToPort\": 80", null },
        { "one port only", "\"IpProtocol\": \"tcp\", \"FromPort\": 80", null },
        { "a port as a word", "\"IpProtocol\": \"tcp\", \"FromPort\": \"http\", \"ToPort\": 80", null },
        { "a fraction", "\"IpProtocol\": \"tcp\", \"FromPort\": 80.0, \"ToPort\": 80", null },
        { "an exponent", "\"IpProtocol\": \"tcp\", \"FromPort\": 8e1, \"ToPort\": 80", null },
        { "a port as a string", "\"IpProtocol\": \"tcp\", \"FromPort\": \"80\", \"ToPort\": \"80\"", "6 80-80" },
        { "beyond 32 bits", "\"IpProtocol\": \"tcp\", \"FromPort\": 4294967376, \"ToPort\": 80", null },
    };

    [Theory, MemberData(nameof(Permissions))]
    public void SG_11_SG_12_SG_13_SG_15_SG_17_SG_18_R_52_IMP_22_Protocols_and_ports_in_every_spelling(string shows, string permission, string? rule)
    {
        (Network? network, Dataplane.Topology.FaultList faults) = Load(Base, Group($$"""[{{{permission}}, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]"""));
        string? got = network is null ? null : RuleText(GroupB(network).Ingress.Single());
        Assert.Equal((shows, rule is null ? null : $"1: {rule} 10.0.0.0/8"), (shows, got));
        Assert.Equal(rule is null, faults.HasErrors);
    }

    [Fact]
    public void R_52_Odd_ports_and_ICMP_numbers_are_warned_about()
    {
        string[] faults = FaultsWithBase(Group("""
            [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": -1, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]},
             {"IpProtocol": "icmp", "FromPort": -1, "ToPort": 3, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]},
             {"IpProtocol": "udp", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]
            """));
        Assert.Equal(
            [
                "warning f1.json:1, sg-b, ingress rule 1: port -1 leaves that end open: taken as 80 to 65535. Write the ports out.",
                "warning f1.json:2, sg-b, ingress rule 2: ICMP type -1 with code 3 matches nothing (SG-15). Write code -1 for any, or name the type.",
                "warning f1.json:3, sg-b, ingress rule 3: neither FromPort nor ToPort is given: taken as all ports. Write FromPort 0 and ToPort 65535 if that is meant.",
            ], faults);
    }

    [Fact]
    public void A_reversed_range_is_an_error_that_says_how_to_mend_it()
    {
        string[] faults = FaultsWithBase(Group("""[{"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]"""));
        Assert.Equal(["error f1.json:1, sg-b, ingress rule 1: the port range 8080 to 80 ends before it begins. Swap FromPort and ToPort."], faults);
    }

    [Fact]
    public void R_19_Rules_are_numbered_over_single_peers_in_file_order_by_direction()
    {
        Network network = Sound(Base, Group("""
            [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80,
              "UserIdGroupPairs": [{"GroupId": "sg-a", "UserId": "111122223333"}], "PrefixListIds": [{"PrefixListId": "pl-1"}],
              "Ipv6Ranges": [{"CidrIpv6": "::/0"}], "IpRanges": [{"CidrIp": "10.0.0.0/8"}, {"CidrIp": "10.0.0.0/8"}]},
             {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "192.0.2.1/32"}]}]
            """, """[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]"""));
        Assert.Equal(
            ["1: 6 80-80 10.0.0.0/8", "2: 6 80-80 10.0.0.0/8", "3: 6 80-80 ::/0", "4: 6 80-80 pl-1", "5: 6 80-80 sg-a", "6: -1 0-65535 192.0.2.1/32"],
            GroupB(network).Ingress.Select(RuleText));
        Assert.Equal(["1: -1 0-65535 0.0.0.0/0"], GroupB(network).Egress.Select(RuleText));
    }

    [Fact]
    public void R_19_An_sgr_id_belongs_to_the_first_equal_rule()
    {
        Network network = Sound(Base, Group("""
            [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/8"}, {"CidrIp": "10.0.0.0/8"}, {"CidrIp": "100.68.0.18/18"}]},
             {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-a"}]}]
            """), """
            {"SecurityGroupRules": [
              {"SecurityGroupRuleId": "sgr-4", "GroupId": "sg-b", "IsEgress": false, "IpProtocol": "-1", "FromPort": -1, "ToPort": -1, "ReferencedGroupInfo": {"GroupId": "sg-a"}},
              {"SecurityGroupRuleId": "sgr-1", "GroupId": "sg-b", "IsEgress": false, "IpProtocol": "6", "FromPort": 80, "ToPort": 80, "CidrIpv4": "10.0.0.0/8"},
              {"SecurityGroupRuleId": "sgr-3", "GroupId": "sg-b", "IsEgress": false, "IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIpv4": "100.68.0.0/18"}]}
            """);
        Assert.Equal(
            ["sgr-1: 6 80-80 10.0.0.0/8", "2: 6 80-80 10.0.0.0/8", "sgr-3: 6 80-80 100.68.0.0/18", "sgr-4: -1 0-65535 sg-a"],
            GroupB(network).Ingress.Select(RuleText));
    }

    [Fact]
    public void R_19_Rules_alone_make_the_group()
    {
        Network network = Sound(Base, """
            {"SecurityGroupRules": [
              {"SecurityGroupRuleId": "sgr-1", "GroupId": "sg-b", "IsEgress": true, "IpProtocol": "-1", "FromPort": -1, "ToPort": -1, "CidrIpv6": "::/0"},
              {"SecurityGroupRuleId": "sgr-2", "GroupId": "sg-b", "IsEgress": false, "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "PrefixListId": "pl-1"}]}
            """);
        SecurityGroup group = GroupB(network);
        Assert.Equal("vpc-a", Assert.Single(group.VpcIds));
        Assert.Equal(["sgr-2: 6 22-22 pl-1"], group.Ingress.Select(RuleText));
        Assert.Equal(["sgr-1: -1 0-65535 ::/0"], group.Egress.Select(RuleText));
    }

    [Fact]
    public void A_rule_that_only_one_of_the_two_commands_lists_is_added_and_said()
    {
        string rules = """
            {"SecurityGroupRules": [{"SecurityGroupRuleId": "sgr-9", "GroupId": "sg-b", "IsEgress": false, "IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "CidrIpv4": "10.0.0.0/8"}]}
            """;
        Assert.Equal(
            ["warning f2.json:1, sg-b: the rule sgr-9 is not among the rules that describe-security-groups lists; it is added. Take both outputs at the same time."],
            Texts(Load(Base, Group("[]"), rules).Faults));
        Assert.Equal(["sgr-9: 6 1-1 10.0.0.0/8"], GroupB(Sound(Base, Group("[]"), rules)).Ingress.Select(RuleText));
    }

    /// <summary>The members of a permission's peers, and how many peers that makes: not one is an error.</summary>
    [Theory]
    [InlineData("{\"Description\": \"nobody\"}", 0)]
    [InlineData("{\"CidrIp\": \"\"}", 0)]
    public void SG_21_A_rule_without_a_peer_is_an_error(string peer, int peers)
    {
        Assert.Equal(
            [$"error f1.json:1, sg-b, ingress rule 1: the rule has {peers} peers. Give exactly one of an IPv4 block, an IPv6 block, a prefix list, a security group (SG-21)."],
            FaultsWithBase(Group($$"""[{"IpProtocol": "-1", "IpRanges": [{{peer}}]}]""")));
    }

    [Fact]
    public void SG_21_A_rule_with_two_peers_is_an_error()
    {
        Assert.Equal(
            ["error f1.json:1, sg-b, ingress rule sgr-1: the rule has 2 peers. Give exactly one of an IPv4 block, an IPv6 block, a prefix list, a security group (SG-21)."],
            FaultsWithBase("""{"SecurityGroupRules": [{"SecurityGroupRuleId": "sgr-1", "GroupId": "sg-b", "IpProtocol": "-1", "CidrIpv4": "10.0.0.0/8", "PrefixListId": "pl-1"}]}""")
                .Where(f => f.StartsWith("error", System.StringComparison.Ordinal)));
    }

    [Fact]
    public void SG_23_Host_bits_are_cleared()
    {
        Network network = Sound(Base, Group("""[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "100.68.0.18/18"}], "Ipv6Ranges": [{"CidrIpv6": "2001:DB8::1/32"}]}]"""));
        Assert.Equal(["1: -1 0-65535 100.68.0.0/18", "2: -1 0-65535 2001:db8::/32"], GroupB(network).Ingress.Select(RuleText));
    }

    [Fact]
    public void SG_06_A_listed_group_without_rules_has_none()
    {
        SecurityGroup group = Sound(Base).SecurityGroups.Single(g => g.Id == "sg-a");
        Assert.Empty(group.Ingress);
        Assert.Empty(group.Egress);
    }

    [Fact]
    public void SG_07_No_IPv6_egress_rule_is_inferred()
    {
        Network network = Sound("""
            {"Vpcs": [{"VpcId": "vpc-a", "CidrBlock": "10.0.0.0/16", "Ipv6CidrBlockAssociationSet": [{"Ipv6CidrBlock": "2001:db8::/56", "Ipv6CidrBlockState": {"State": "associated"}}]}]}
            """, Group("[]", """[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]"""));
        Assert.Equal(["1: -1 0-65535 0.0.0.0/0"], GroupB(network).Egress.Select(RuleText));
    }

    [Fact]
    public void SG_09_A_name_that_begins_with_sg_is_warned_about()
    {
        Assert.Equal(
            ["warning f1.json:1, sg-b: the group's name 'sg-web' begins with sg-, which AWS refuses (SG-09). Choose another name."],
            FaultsWithBase("""{"SecurityGroups": [{"GroupId": "sg-b", "GroupName": "sg-web", "VpcId": "vpc-a"}]}"""));
    }

    [Fact]
    public void SG_34_A_reference_to_a_group_that_no_file_holds_matches_nothing_and_says_so()
    {
        string group = Group("""[{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-gone", "PeeringStatus": "deleted"}]}]""");
        Assert.Equal(
            [
                "warning f1.json:1, sg-b: the rule is stale: its peering is deleted (SG-34). Remove the rule.",
                "warning f1.json:1, sg-b, ingress rule 1: the group 'sg-gone' is in no file, so the rule matches nothing. Add the output of describe-security-groups of its account, or remove the stale rule.",
            ], FaultsWithBase(group));
        Assert.Equal(["1: -1 0-65535 sg-gone"], GroupB(Sound(Base, group)).Ingress.Select(RuleText));
    }

    [Fact]
    public void SG_35_A_group_serves_the_VPCs_that_it_is_associated_with()
    {
        const string Second = """
            {"Vpcs": [{"VpcId": "vpc-z", "CidrBlock": "10.9.0.0/16"}], "Subnets": [{"SubnetId": "subnet-z", "VpcId": "vpc-z", "CidrBlock": "10.9.1.0/24"}],
             "NetworkInterfaces": [{"NetworkInterfaceId": "eni-z", "VpcId": "vpc-z", "SubnetId": "subnet-z", "PrivateIpAddress": "10.9.1.10", "Groups": [{"GroupId": "sg-a"}]}]}
            """;
        Assert.Equal(
            ["error f1.json:2, eni-z: its security group sg-a is in vpc-a, the interface in vpc-z. Give it a group of its own VPC, or add the association."],
            FaultsWithBase(Second));
        Network network = Sound(Base, Second, """{"SecurityGroupVpcAssociations": [{"GroupId": "sg-a", "VpcId": "vpc-z", "State": "associated"}]}""");
        Assert.Equal("vpc-a vpc-z", string.Join(' ', network.SecurityGroups.Single(g => g.Id == "sg-a").VpcIds));
    }

    [Fact]
    public void A_line_shows_the_columns_of_the_console_on_one_printable_line()
    {
        Network network = Sound(Base, Group("""
            [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "a\n*/ b\u2028c"}]},
             {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]},
             {"IpProtocol": "udp", "FromPort": 0, "ToPort": 65535, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]},
             {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]},
             {"IpProtocol": "icmpv6", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]},
             {"IpProtocol": "47", "UserIdGroupPairs": [{"GroupId": "sg-a"}]},
             {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "LONG"}]}]
            """.Replace("LONG", new string('x', 500), System.StringComparison.Ordinal)));
        Assert.Equal(
            [
                "HTTPS (443) | TCP (6) | 443 | 0.0.0.0/0 | a?*/ b?c",
                "Custom TCP | TCP (6) | 22 - 443 | 10.0.0.0/8",
                "All UDP | UDP (17) | All | 10.0.0.0/8",
                "Custom ICMP - IPv4 | ICMP (1) | type 8 | 10.0.0.0/8",
                "All ICMP - IPv6 | ICMPv6 (58) | All | ::/0",
                "Custom protocol | 47 | All | sg-a",
                $"All traffic | All | All | 10.0.0.0/8 | {new string('x', 117 - "All traffic | All | All | 10.0.0.0/8 | ".Length)}...",
            ], GroupB(network).Ingress.Select(r => r.Line));
        Assert.All(GroupB(network).Ingress, r => Assert.InRange(r.Line.Length, 1, 120));
    }

    [Fact]
    public void SG_40_Quotas_warn_or_fail_or_are_ignored()
    {
        string rules = string.Join(',', Enumerable.Range(0, 61).Select(i => $"{{\"CidrIp\": \"10.0.{i}.0/24\"}}"));
        string group = Group($$"""[{"IpProtocol": "-1", "IpRanges": [{{rules}}]}]""");
        const string Said = "f1.json:1, sg-b: 61 ingress rules for IPv4 are more than the 60 of a group (SG-40). Ask AWS for more, or join rules.";
        (string, string)[] files = [("f0.json", Base), ("f1.json", group)];
        Assert.Equal(["warning " + Said], Texts(LoadFiles(files, []).Faults));
        Assert.Equal(["error " + Said], Texts(LoadFiles(files, [], Dataplane.Topology.QuotaPolicy.Error).Faults));
        Assert.Empty(Texts(LoadFiles(files, [], Dataplane.Topology.QuotaPolicy.Ignore).Faults));
    }

    [Fact]
    public void SG_40_IPv4_and_IPv6_rules_are_counted_apart()
    {
        string v4 = string.Join(',', Enumerable.Range(0, 40).Select(i => $"{{\"CidrIp\": \"10.0.{i}.0/24\"}}"));
        string v6 = string.Join(',', Enumerable.Range(0, 40).Select(i => $"{{\"CidrIpv6\": \"2001:db8:{i}::/48\"}}"));
        Assert.Empty(FaultsWithBase(Group($$"""[{"IpProtocol": "-1", "IpRanges": [{{v4}}], "Ipv6Ranges": [{{v6}}]}]""")));
    }

    [Fact]
    public void SG_36_A_prefix_list_costs_its_maximum_and_not_what_it_holds()
    {
        string lists = """{"PrefixLists": [{"PrefixListId": "pl-1", "MaxEntries": 61, "State": "create-complete"}], "PrefixListEntries": [{"PrefixListId": "pl-1", "Entries": [{"Cidr": "10.0.0.0/8"}]}]}""";
        Assert.Contains(
            "warning f2.json:1, sg-b: 61 ingress rules for IPv4 are more than the 60 of a group (SG-40). Ask AWS for more, or join rules.",
            Texts(Load(Base, lists, Group("""[{"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": "pl-1"}]}]""")).Faults));
    }

    [Fact]
    public void SG_41_A_prefix_list_beyond_a_thousand_entries_is_warned_about()
    {
        string entries = string.Join(',', Enumerable.Range(0, 1_001).Select(i => $"{{\"Cidr\": \"10.{i / 256}.{i % 256}.0/24\"}}"));
        Assert.Equal(
            ["warning f1.json:1, pl-1: 1001 entries are more than the 1000 that a prefix list can hold (SG-41). Split the list."],
            FaultsWithBase($$"""{"PrefixListEntries": [{"PrefixListId": "pl-1", "Entries": [{{entries}}]}]}"""));
    }
}
