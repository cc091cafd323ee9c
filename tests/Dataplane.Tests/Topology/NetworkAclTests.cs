using System.Linq;
using Dataplane.Topology.Model;
using Xunit;
using static Dataplane.Tests.Topology.Snapshots;

namespace Dataplane.Tests.Topology;

/// <summary>Network ACLs as describe-network-acls prints them.</summary>
public sealed class NetworkAclTests
{
    private const string Any4 = "\"CidrBlock\": \"0.0.0.0/0\"";

    /// <summary>An entry without Egress and braces, what it becomes (null: left out or an error), and the fault.</summary>
    public static TheoryData<string, string, string?, string?> Entries => new()
    {
        { "ACL_10 -1", $"\"RuleNumber\": 1, \"RuleAction\": \"allow\", \"Protocol\": \"-1\", {Any4}", "1 allow -1 0-65535 0.0.0.0/0", null },
        { "ACL_10 a name", $"\"RuleNumber\": 1, \"RuleAction\": \"allow\", \"Protocol\": \"tcp\", \"PortRange\": {{\"From\": 1, \"To\": 2}}, {Any4}", "1 allow 6 1-2 0.0.0.0/0", null },
        { "ACL_10 a number", $"\"RuleNumber\": 32766, \"RuleAction\": \"deny\", \"Protocol\": \"6\", \"PortRange\": {{\"From\": 22, \"To\": 22}}, {Any4}", "32766 deny 6 22-22 0.0.0.0/0", null },
        { "ACL_11 ports of GRE", $"\"RuleNumber\": 1, \"RuleAction\": \"allow\", \"Protocol\": \"47\", \"PortRange\": {{\"From\": 22, \"To\": 22}}, {Any4}", "1 allow 47 0-65535 0.0.0.0/0", null },
        { "ACL_12 no ports", $"\"RuleNumber\": 1, \"RuleAction\": \"allow\", \"Protocol\": \"17\", {Any4}", "1 allow 17 0-65535 0.0.0.0/0",
            "warning f1.json:1, acl-b, ingress rule 1: neither PortRange.From nor PortRange.To is given: taken as all ports. Write PortRange.From 0 and PortRange.To 65535 if that is meant." },
        { "ACL_13 type and code", $"\"RuleNumber\": 1, \"RuleAction\": \"allow\", \"Protocol\": \"1\", \"IcmpTypeCode\": {{\"Type\": 8, \"Code\": -1}}, {Any4}", "1 allow 1 8--1 0.0.0.0/0", null },
        { "ACL_13 each is a wildcard of its own", $"\"RuleNumber\": 1, \"RuleAction\": \"allow\", \"Protocol\": \"1\", \"IcmpTypeCode\": {{\"Type\": -1, \"Code\": 3}}, {Any4}", "1 allow 1 -1-3 0.0.0.0/0", null },
        { "IMP_07 R_53 no type", $"\"RuleNumber\": 1, \"RuleAction\": \"allow\", \"Protocol\": \"1\", {Any4}", "1 allow 1 -1--1 0.0.0.0/0",
            "warning f1.json:1, acl-b, ingress rule 1: IcmpTypeCode is missing: taken as any type and code. Write type -1 and code -1 if that is meant." },
        { "ACL_14 58 with IPv4", $"\"RuleNumber\": 1, \"RuleAction\": \"allow\", \"Protocol\": \"58\", \"IcmpTypeCode\": {{\"Type\": 128, \"Code\": 0}}, {Any4}", "1 allow 58 -1--1 0.0.0.0/0", null },
        { "ACL_14 58 with IPv6", "\"RuleNumber\": 1, \"RuleAction\": \"allow\", \"Protocol\": \"58\", \"IcmpTypeCode\": {\"Type\": 128, \"Code\": 0}, \"Ipv6CidrBlock\": \"::/0\"", "1 allow 58 128-0 ::/0", null },
        { "R_53 58 with IPv6, no type", "\"RuleNumber\": 1, \"RuleAction\": \"allow\", \"Protocol\": \"58\", \"Ipv6CidrBlock\": \"::/0\"", "1 allow 58 -1--1 ::/0",
            "warning f1.json:1, acl-b, ingress rule 1: IcmpTypeCode is missing: taken as any type and code. Write type -1 and code -1 if that is meant." },
        { "ACL_15 host bits", "\"RuleNumber\": 1, \"RuleAction\": \"allow\", \"Protocol\": \"-1\", \"CidrBlock\": \"100.68.0.18/18\"", "1 allow -1 0-65535 100.68.0.0/18", null },
        { "ACL_03 zero", $"\"RuleNumber\": 0, \"RuleAction\": \"allow\", \"Protocol\": \"-1\", {Any4}", null,
            "error f1.json:1, acl-b, ingress rule 0: the rule number 0 is not in 1 to 32766. Renumber the rule." },
        { "ACL_03 beyond", $"\"RuleNumber\": 32769, \"RuleAction\": \"allow\", \"Protocol\": \"-1\", {Any4}", null,
            "error f1.json:1, acl-b, ingress rule 32769: the rule number 32769 is not in 1 to 32766. Renumber the rule." },
        { "ACL_04 the end", $"\"RuleNumber\": 32767, \"RuleAction\": \"deny\", \"Protocol\": \"-1\", {Any4}", null, null },
        { "ACL_04 the end of IPv6", "\"RuleNumber\": 32768, \"RuleAction\": \"deny\", \"Protocol\": \"-1\", \"Ipv6CidrBlock\": \"::/0\"", null, null },
        { "ACL_04 an allow where the end is", $"\"RuleNumber\": 32767, \"RuleAction\": \"allow\", \"Protocol\": \"-1\", {Any4}", null,
            "error f1.json:1, acl-b, ingress rule 32767: the number 32767 is kept for the deny of everything at the end, but this rule is another one. Renumber it: 1 to 32766." },
        { "ACL_04 a narrow deny where the end is", "\"RuleNumber\": 32767, \"RuleAction\": \"deny\", \"Protocol\": \"-1\", \"CidrBlock\": \"10.0.0.0/8\"", null,
            "error f1.json:1, acl-b, ingress rule 32767: the number 32767 is kept for the deny of everything at the end, but this rule is another one. Renumber it: 1 to 32766." },
        { "ACL_08 both families", $"\"RuleNumber\": 1, \"RuleAction\": \"allow\", \"Protocol\": \"-1\", {Any4}, \"Ipv6CidrBlock\": \"::/0\"", null,
            "error f1.json:1, acl-b, ingress rule 1: it has both an IPv4 and an IPv6 block. Give exactly one of CidrBlock and Ipv6CidrBlock (ACL-08)." },
        { "ACL_08 none", "\"RuleNumber\": 1, \"RuleAction\": \"allow\", \"Protocol\": \"-1\"", null,
            "error f1.json:1, acl-b, ingress rule 1: it has no block. Give exactly one of CidrBlock and Ipv6CidrBlock (ACL-08)." },
        { "ACL_08 the wrong key", "\"RuleNumber\": 1, \"RuleAction\": \"allow\", \"Protocol\": \"-1\", \"CidrBlock\": \"::/0\"", null,
            "error f1.json:1, acl-b, ingress rule 1: '::/0' is an IPv6 block. Write it as Ipv6CidrBlock." },
        { "an action in capitals", $"\"RuleNumber\": 1, \"RuleAction\": \"DENY\", \"Protocol\": \"-1\", {Any4}", "1 deny -1 0-65535 0.0.0.0/0", null },
        { "no such action", $"\"RuleNumber\": 1, \"RuleAction\": \"permit\", \"Protocol\": \"-1\", {Any4}", null,
            "error f1.json:1, acl-b, ingress rule 1: RuleAction 'permit' is neither allow nor deny. Write allow or deny." },
        { "a reversed range", $"\"RuleNumber\": 1, \"RuleAction\": \"allow\", \"Protocol\": \"6\", \"PortRange\": {{\"From\": 9, \"To\": 1}}, {Any4}", null,
            "error f1.json:1, acl-b, ingress rule 1: the port range 9 to 1 ends before it begins. Swap PortRange.From and PortRange.To." },
        { "no number", $"\"RuleAction\": \"allow\", \"Protocol\": \"-1\", {Any4}", null,
            "error f1.json:1, acl-b, ingress rule without number: RuleNumber is missing. Give it a number from 1 to 32766." },
    };

    [Theory, MemberData(nameof(Entries))]
    public void ACL_03_ACL_04_ACL_08_ACL_10_ACL_11_ACL_12_ACL_13_ACL_14_ACL_15_IMP_07_R_53_Entries_in_every_spelling(string shows, string entry, string? becomes, string? fault)
    {
        string file = Acl($"[{{\"Egress\": false, {entry}}}]");
        (Network? network, Dataplane.Topology.FaultList faults) = Load(Base, file);
        Assert.Equal((shows, fault), (shows, Texts(faults).SingleOrDefault()));
        Assert.Equal((shows, becomes), (shows, network is null ? null : AclB(network).Ingress.Select(EntryText).SingleOrDefault()));
    }

    [Fact]
    public void ACL_02_Entries_are_sorted_by_number_whatever_the_file_says()
    {
        NetworkAcl acl = AclB(Sound(Base, Acl($$"""
            [{"Egress": false, "RuleNumber": 200, "RuleAction": "allow", "Protocol": "-1", {{Any4}}},
             {"Egress": false, "RuleNumber": 32767, "RuleAction": "deny", "Protocol": "-1", {{Any4}}},
             {"Egress": false, "RuleNumber": 90, "RuleAction": "deny", "Protocol": "-1", "CidrBlock": "203.0.113.0/24"}]
            """)));
        Assert.Equal([90, 200], acl.Ingress.Select(e => e.Number));
    }

    [Fact]
    public void ACL_05_The_end_need_not_be_listed()
    {
        NetworkAcl acl = AclB(Sound(Base, Acl("[]")));
        Assert.Empty(acl.Ingress);
        Assert.Empty(acl.Egress);
    }

    [Fact]
    public void ACL_06_A_number_may_occur_once_in_each_direction()
    {
        string entry(string egress) => $"{{\"Egress\": {egress}, \"RuleNumber\": 100, \"RuleAction\": \"allow\", \"Protocol\": \"-1\", {Any4}}}";
        NetworkAcl acl = AclB(Sound(Base, Acl($"[{entry("true")}, {entry("false")}]")));
        Assert.Equal((100, 100), (acl.Ingress.Single().Number, acl.Egress.Single().Number));
        Assert.Equal(
            ["error f1.json:1, acl-b, egress rule 100: the number 100 occurs twice in this direction. Give each rule a number of its own."],
            FaultsWithBase(Acl($"[{entry("true")}, {entry("true")}]")));
    }

    [Fact]
    public void ACL_18_IMP_11_A_custom_ACL_without_entries_has_none()
    {
        Network network = WithBase("""{"NetworkAcls": [{"NetworkAclId": "acl-b", "VpcId": "vpc-a", "IsDefault": false, "Associations": [{"SubnetId": "subnet-a"}], "Entries": []}]}""");
        Assert.Equal("acl-b", network.Subnets.Single().NetworkAclId);
        Assert.Equal(["acl-b", "vpc-a/default-acl"], network.NetworkAcls.Select(a => a.Id));
    }

    [Fact]
    public void ACL_19_A_subnet_has_one_ACL()
    {
        Assert.Equal(
            ["error f1.json:1, acl-c: the subnet subnet-a already has the network ACL acl-b. Associate each subnet with one network ACL."],
            FaultsWithBase("""
                {"NetworkAcls": [{"NetworkAclId": "acl-b", "VpcId": "vpc-a", "Associations": [{"SubnetId": "subnet-a"}]}, {"NetworkAclId": "acl-c", "VpcId": "vpc-a", "Associations": [{"SubnetId": "subnet-a"}]}]}
                """));
    }

    [Fact]
    public void ACL_20_One_ACL_serves_many_subnets()
    {
        Network network = WithBase("""
            {"Subnets": [{"SubnetId": "subnet-b", "VpcId": "vpc-a", "CidrBlock": "10.0.2.0/24"}],
             "NetworkAcls": [{"NetworkAclId": "acl-b", "VpcId": "vpc-a", "Associations": [{"SubnetId": "subnet-a"}, {"SubnetId": "subnet-b"}]}]}
            """);
        Assert.Equal(["acl-b", "acl-b"], network.Subnets.Select(s => s.NetworkAclId));
    }

    [Fact]
    public void ACL_31_More_than_twenty_rules_a_direction_warn()
    {
        string entries = string.Join(',', Enumerable.Range(1, 21).Select(i => $"{{\"Egress\": true, \"RuleNumber\": {i}, \"RuleAction\": \"allow\", \"Protocol\": \"-1\", {Any4}}}"));
        Assert.Equal(
            ["warning f1.json:1, acl-b: 21 egress rules are more than the 20 of a network ACL (ACL-31). Ask AWS for up to 40, or join rules."],
            FaultsWithBase(Acl($"[{entries}]")));
    }

    [Fact]
    public void A_line_shows_the_columns_of_the_console()
    {
        NetworkAcl acl = AclB(Sound(Base, Acl("""
            [{"Egress": false, "RuleNumber": 90, "RuleAction": "deny", "Protocol": "6", "PortRange": {"From": 22, "To": 22}, "CidrBlock": "203.0.113.0/24"},
             {"Egress": false, "RuleNumber": 100, "RuleAction": "allow", "Protocol": "-1", "Ipv6CidrBlock": "::/0"}]
            """)));
        Assert.Equal(
            ["90 | SSH (22) | TCP (6) | 22 | 203.0.113.0/24 | Deny", "100 | All traffic | All | All | ::/0 | Allow"], acl.Ingress.Select(e => e.Line));
    }
}
