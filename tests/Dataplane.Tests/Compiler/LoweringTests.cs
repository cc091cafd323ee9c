using System.Linq;
using Dataplane.Compiler.Lower;
using Dataplane.Compiler.Simplify;
using Dataplane.Packets;
using Dataplane.Topology.Model;
using Xunit;

namespace Dataplane.Tests.Compiler;

/// <summary>Rules as numbers: what each kind becomes, how it prints, and by what two lists are the same.</summary>
public sealed class LoweringTests
{
    [Fact]
    public void Every_kind_of_group_rule_as_numbers() => Assert.Equal(
        """
        SecurityGroup sg-a ingress, 757216ae
        0 Admit protocol any ports - remote 0.0.0.0/0
        1 Admit protocol 6 ports 443-444 remote 10.0.0.0/8
        2 Admit protocol 6 ports - remote ::/0
        3 Admit protocol 17 ports - remote group set 0
        4 Admit protocol 17 ports 0-65534 remote list set 1
        5 Admit protocol 17 ports 1-65535 remote group set 2
        6 Admit protocol 1 ports - remote group set 0
        7 Admit protocol 1 ports 2048-2303 remote list set 1
        8 Admit protocol 1 ports 769-769 remote 10.0.0.0/8
        9 Admit protocol 1 ports - remote 10.0.0.0/8 (matches nothing)
        10 Admit protocol 58 ports 32768-33023 remote ::/0
        11 Admit protocol 47 ports - remote 10.0.0.0/8
        12 Admit protocol 6 ports - remote 10.0.0.0/8 (matches nothing)

        """,
        Shown(List(
            Networks.Rule("1", -1, 0, 65_535, "0.0.0.0/0"),
            Networks.Rule("2", 6, 443, 444, "10.0.0.0/8"),
            Networks.Rule("3", 6, 0, 65_535, "::/0"),
            Networks.Rule("4", 17, 0, 65_535, "sg-b"),
            Networks.Rule("5", 17, 0, 65_534, "pl-1"),
            Networks.Rule("6", 17, 1, 65_535, "sg-c"),
            Networks.Rule("7", 1, -1, -1, "sg-b"),
            Networks.Rule("8", 1, 8, -1, "pl-1"),
            Networks.Rule("9", 1, 3, 1, "10.0.0.0/8"),
            Networks.Rule("10", 1, -1, 3, "10.0.0.0/8"),
            Networks.Rule("11", 58, 128, -1, "::/0"),
            Networks.Rule("12", 47, 0, 65_535, "10.0.0.0/8"),
            Networks.Rule("13", 6, 9, 8, "10.0.0.0/8"))));

    [Fact]
    public void ACL_12_ACL_13_R_38_Every_kind_of_entry_as_numbers() => Assert.Equal(
        """
        NetworkAcl acl-a ingress, 370b9ba3
        0 Allow protocol 1 ports code 3 remote 10.0.0.0/8
        1 Deny protocol 1 ports 769-769 remote 10.0.0.0/8
        2 Allow protocol 58 ports code 0 remote ::/0
        3 Deny protocol 58 ports - remote 0.0.0.0/0
        4 Allow protocol any ports - remote 2001:db8::/32
        5 Allow protocol 17 ports 53-53 remote 192.0.2.0/24

        """,
        Shown(Entries(
            Networks.Entry(1, true, 1, -1, 3, "10.0.0.0/8"),
            Networks.Entry(2, false, 1, 3, 1, "10.0.0.0/8"),
            Networks.Entry(3, true, 58, -1, 0, "::/0"),
            Networks.Entry(4, false, 58, -1, 4, "0.0.0.0/0"),
            Networks.Entry(5, true, -1, 0, 65_535, "2001:db8::/32"),
            Networks.Entry(6, true, 17, 53, 53, "192.0.2.0/24"))));

    [Fact]
    public void A_list_is_what_it_decides_and_not_what_it_is_called()
    {
        RuleList one = List(Networks.Rule("a", 6, 443, 443, "sg-b", "a line"), Networks.Rule("b", 6, 80, 80, "10.0.0.0/8"));
        Assert.Equal(one.ContentHash, List(Networks.Rule("c", 6, 443, 443, "sg-c"), Networks.Rule("d", 6, 80, 80, "10.0.0.0/8", "another")).ContentHash);
        RuleList[] others =
        [
            List(Networks.Rule("b", 6, 80, 80, "10.0.0.0/8"), Networks.Rule("a", 6, 443, 443, "sg-b")),
            List(Networks.Rule("a", 6, 443, 443, "pl-1"), Networks.Rule("b", 6, 80, 80, "10.0.0.0/8")),
            List(Networks.Rule("a", 17, 443, 443, "sg-b"), Networks.Rule("b", 6, 80, 80, "10.0.0.0/8")),
            List(Networks.Rule("a", 6, 443, 444, "sg-b"), Networks.Rule("b", 6, 80, 80, "10.0.0.0/8")),
            List(Networks.Rule("a", 6, 442, 443, "sg-b"), Networks.Rule("b", 6, 80, 80, "10.0.0.0/8")),
            List(Networks.Rule("a", 6, 443, 443, "sg-b"), Networks.Rule("b", 6, 80, 80, "10.0.0.0/9")),
            List(Networks.Rule("a", 6, 443, 443, "sg-b"), Networks.Rule("b", 6, 80, 80, "11.0.0.0/8")),
            List(Networks.Rule("a", 6, 443, 443, "sg-b"), Networks.Rule("b", 6, 80, 80, "a00::/8")),
            List(Networks.Rule("a", 6, 443, 443, "sg-b"), Networks.Rule("b", 6, 80, 80, "sg-b")),
            List(Networks.Rule("a", 6, 443, 443, "sg-b")),
        ];
        Assert.Equal(others.Length + 1, others.Append(one).Select(list => list.ContentHash).Distinct().Count());
        Assert.NotEqual(
            Entries(Networks.Entry(1, true, 6, 1, 2, "10.0.0.0/8")).ContentHash, Entries(Networks.Entry(1, false, 6, 1, 2, "10.0.0.0/8")).ContentHash);
        Assert.NotEqual(
            Entries(Networks.Entry(1, true, 1, -1, 2, "10.0.0.0/8")).ContentHash, Entries(Networks.Entry(1, true, 1, -1, 3, "10.0.0.0/8")).ContentHash);
    }

    [Theory]
    // the first rule                 the second                      whether the first covers it
    [InlineData("any - 10.0.0.0/8", "6 443-443 10.1.0.0/16", true)]
    [InlineData("6 - 10.0.0.0/8", "6 443-443 10.0.0.0/8", true)]
    [InlineData("6 - 10.0.0.0/8", "17 443-443 10.0.0.0/8", false)]
    [InlineData("6 - 10.0.0.0/8", "any - 10.0.0.0/8", false)]
    [InlineData("6 1-9 10.0.0.0/8", "6 1-9 10.0.0.0/8", true)]
    [InlineData("6 1-9 10.0.0.0/8", "6 2-8 10.0.0.0/8", true)]
    [InlineData("6 1-9 10.0.0.0/8", "6 0-9 10.0.0.0/8", false)]
    [InlineData("6 1-9 10.0.0.0/8", "6 1-10 10.0.0.0/8", false)]
    [InlineData("6 1-9 10.0.0.0/8", "6 - 10.0.0.0/8", false)]
    [InlineData("6 - 10.0.0.0/16", "6 - 10.0.0.0/8", false)]
    [InlineData("6 - ::/0", "6 - 0.0.0.0/0", false)]
    [InlineData("6 - 10.0.0.0/8", "6 - set0", false)]
    [InlineData("6 - set0", "6 - 10.0.0.0/8", false)]
    [InlineData("6 - set0", "6 - set0", true)]
    [InlineData("6 - set0", "6 - set1", false)]
    [InlineData("6 - group0", "6 - group0", true)]
    [InlineData("6 - group0", "6 - set0", false)]
    [InlineData("6 - set0", "6 - group0", false)]
    [InlineData("1 code3 10.0.0.0/8", "1 code3 10.0.0.0/8", true)]
    [InlineData("1 code3 10.0.0.0/8", "1 code4 10.0.0.0/8", false)]
    [InlineData("1 code3 10.0.0.0/8", "1 - 10.0.0.0/8", false)]
    [InlineData("1 code3 10.0.0.0/8", "1 771-771 10.0.0.0/8", true)]
    [InlineData("1 code3 10.0.0.0/8", "1 772-772 10.0.0.0/8", false)]
    [InlineData("1 code3 10.0.0.0/8", "1 771-772 10.0.0.0/8", false)]
    [InlineData("1 - 10.0.0.0/8", "1 code3 10.0.0.0/8", true)]
    [InlineData("1 771-771 10.0.0.0/8", "1 code3 10.0.0.0/8", false)]
    [InlineData("6 - 10.0.0.0/8 nothing", "6 - 10.0.0.0/8", false)]
    public void A_rule_covers_another_when_every_packet_of_the_other_is_its_own(string first, string second, bool covers) =>
        Assert.Equal((first, second, covers), (first, second, Rule(first).Covers(Rule(second))));

    [Fact]
    public void The_simplified_form_prints_what_is_kept_and_why_the_rest_is_not() => Assert.Equal(
        """
        0 Allow protocol 6 ports 1-9 remote 10.0.0.0/8
        2 Deny protocol 17 ports - remote ::/0
        without 1 Deny protocol 6 ports 2-3 remote 10.0.0.0/16, shadowed: acl-a/ingress/1 allows every packet it matches
        without 3 Deny protocol 17 ports 53-53 remote 2001:db8::/32, redundant: acl-a/ingress/3 denies every packet it matches
        without 4 Allow protocol 17 ports - remote ::/0, shadowed: acl-a/ingress/3 denies every packet it matches

        """,
        Simplifier.Simplify(Entries(
            Networks.Entry(1, true, 6, 1, 9, "10.0.0.0/8"),
            Networks.Entry(2, false, 6, 2, 3, "10.0.0.0/16"),
            Networks.Entry(3, false, 17, 0, 65_535, "::/0"),
            Networks.Entry(4, false, 17, 53, 53, "2001:db8::/32"),
            Networks.Entry(5, true, 17, 0, 65_535, "::/0"))).ToString());

    [Fact]
    public void Of_several_rules_that_cover_the_earliest_is_named()
    {
        LeftOutRule leftOut = Simplifier.Simplify(List(
            Networks.Rule("1", 6, 1, 9, "10.0.0.0/16"),
            Networks.Rule("2", -1, 0, 65_535, "10.0.0.0/8"),
            Networks.Rule("3", 6, 0, 65_535, "10.0.0.0/9"),
            Networks.Rule("4", 6, 5, 5, "10.0.0.0/24"))).LeftOut[^1];
        Assert.Equal(("sg-a/ingress/4", LeftOutReason.Redundant, "sg-a/ingress/1"), (leftOut.Rule.Name, leftOut.Reason, leftOut.By!.Name));
    }

    [Fact]
    public void SG_25_SG_29_SG_30_A_groups_members_have_all_their_addresses_and_equal_sets_are_held_once()
    {
        AddressSets sets = new(Networks.Of(
            interfaces: [Networks.Interface("eni-1", "sg-a", "10.0.0.2", "2001:db8::1", "10.0.0.16/28"), Networks.Interface("eni-2", "sg-a", "10.0.0.1"), Networks.Interface("eni-3", "sg-b", "10.0.0.1")],
            prefixLists: [List("pl-1", "10.0.0.1/32"), List("pl-2", "10.0.0.1/32", "10.0.0.1/32"), List("pl-3", "10.0.0.0/31")]));
        Assert.Equal("10.0.0.1/32 10.0.0.2/32 10.0.0.16/28 2001:db8::1/128", string.Join(' ', sets.Members(Networks.Vpc, "sg-a").Blocks));
        Assert.Same(sets.Members(Networks.Vpc, "sg-b"), sets.Entries("pl-1"));
        Assert.Same(sets.Entries("pl-1"), sets.Entries("pl-2"));
        Assert.NotSame(sets.Entries("pl-1"), sets.Entries("pl-3"));
        Assert.Equal(3, sets.Count);
        Assert.Empty(sets.Members("vpc-2", "sg-a").Blocks);    // the same group in another VPC
        Assert.Empty(sets.Entries("pl-none").Blocks);
        Assert.Equal(4, sets.Count);
    }

    [Fact]
    public void Sets_that_differ_in_one_bit_of_any_kind_are_two()
    {
        string[] blocks = ["10.0.0.0/32", "10.0.0.1/32", "10.0.0.0/31", "::/32", "0.0.0.0/32", "2001:db8::/128", "2001:db8:0:1::/128", "2001:db8::1/128"];
        AddressSets sets = new(Networks.Of(prefixLists: [.. blocks.Select((block, i) => List($"pl-{i}", block)), List("pl-8", "10.0.0.0/32", "10.0.0.1/32"), List("pl-9", "10.0.0.0/32", "10.0.0.9/32")]));
        Assert.Equal(10, Enumerable.Range(0, 10).Select(i => sets.Entries($"pl-{i}")).Distinct().Count());
        Assert.Equal(10, sets.Count);
    }

    [Fact]
    public void Egress_lists_hold_the_egress_rules_and_sets_what_their_rules_name()
    {
        Network network = Networks.Of(
            [new SecurityGroup("sg-a", "a", [Networks.Vpc], [Networks.Rule("1", 6, 1, 1, "10.0.0.0/8")], [Networks.Rule("1", 6, 2, 2, "pl-1"), Networks.Rule("2", 6, 3, 3, "sg-a")])],
            [new NetworkAcl("acl-a", Networks.Vpc, false, [Networks.Entry(1, true, 6, 4, 4, "10.0.0.0/8")], [Networks.Entry(2, true, 6, 5, 5, "10.0.0.0/8")])],
            [Networks.Interface("eni-1", "sg-a", "10.0.0.2")],
            [List("pl-1", "192.0.2.0/24")]);
        RuleList group = Networks.List(network, ListKind.SecurityGroup, "sg-a", ingress: false), acl = Networks.List(network, ListKind.NetworkAcl, "acl-a", ingress: false);
        Assert.Equal(["192.0.2.0/24", "10.0.0.2/32"], group.Sets.Select(set => string.Join(' ', set.Blocks)));
        Assert.Equal(["sg-a/egress/1", "sg-a/egress/2", "acl-a/egress/2"], group.Rules.Concat(acl.Rules).Select(rule => rule.Name));
        Assert.Equal([2, 3, 5], group.Rules.Concat(acl.Rules).Select(rule => (int)rule.Ports!.Value.First));
        Assert.StartsWith("SecurityGroup sg-a egress, ", group.ToString(), System.StringComparison.Ordinal);
        Assert.Equal((false, true), (group.IsAcl, acl.IsAcl));
        Assert.NotEqual(
            acl.ContentHash,
            Networks.List(network with { NetworkAcls = [network.NetworkAcls[0] with { Ingress = network.NetworkAcls[0].Egress }] }, ListKind.NetworkAcl, "acl-a").ContentHash);
    }

    [Theory]
    [InlineData("6 - 10.0.0.0/8", false, true, false)]
    [InlineData("6 - 2001:db8::/32", false, false, true)]
    [InlineData("6 - set0", false, true, true)]
    [InlineData("6 - 0.0.0.0/0", true, true, false)]
    [InlineData("6 - ::/0", true, false, true)]
    public void R_12_Which_peers_are_anyone_and_which_family_a_rule_serves(string rule, bool isAnyPeer, bool servesV4, bool servesV6) => Assert.Equal(
        (isAnyPeer, servesV4, servesV6), (Rule(rule).IsAnyPeer, Rule(rule).ServesFamily(false), Rule(rule).ServesFamily(true)));

    private static PrefixList List(string id, params string[] entries) => new(id, id, [.. entries.Select(IpPrefix.Parse)], true);

    private static RuleList List(params SecurityGroupRule[] rules) =>
        Networks.List(Networks.Of([Networks.Group("sg-a", rules)]), ListKind.SecurityGroup, "sg-a");

    private static RuleList Entries(params NetworkAclEntry[] entries) =>
        Networks.List(Networks.Of(acls: [Networks.Acl("acl-a", entries)]), ListKind.NetworkAcl, "acl-a");

    /// <summary>The printed form, eight digits of the hash: generated files are named by it, so it changes only when the format is meant to.</summary>
    private static string Shown(RuleList list)
    {
        Assert.Equal(64, list.ContentHash.Length);
        return list.ToString().Replace(list.ContentHash, list.ContentHash[..8], System.StringComparison.Ordinal);
    }

    private static LoweredRule Rule(string text)
    {
        string[] words = text.Split(' ');
        string[] ports = words[1].Split('-');
        bool isCode = words[1].StartsWith("code", System.StringComparison.Ordinal);
        bool isBlock = words[2].Contains('/', System.StringComparison.Ordinal);
        return new LoweredRule
        {
            Index = 0,
            Action = RuleAction.Admit,
            Protocol = words[0] == "any" ? -1 : Number(words[0]),
            Ports = isCode || words[1] == "-" ? null : new PortRange((ushort)Number(ports[0]), (ushort)Number(ports[1])),
            CodeOfAnyType = isCode ? (byte)Number(words[1][4..]) : null,
            Block = isBlock ? IpPrefix.Parse(words[2]) : null,
            Set = isBlock ? -1 : words[2][^1] - '0',
            IsGroup = words[2].StartsWith("group", System.StringComparison.Ordinal),
            MatchesNothing = words.Length > 3 ? "a reason" : null,
            Name = text,
        };
    }

    private static int Number(string text) => int.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
