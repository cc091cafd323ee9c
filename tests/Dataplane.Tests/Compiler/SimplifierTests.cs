using System.Collections.Generic;
using System.Linq;
using CsCheck;
using Dataplane.Compiler.Lower;
using Dataplane.Compiler.Simplify;
using Dataplane.Filters;
using Dataplane.Packets;
using Xunit;

namespace Dataplane.Tests.Compiler;

/// <summary>Simplify leaves out rules, and no record shows it.</summary>
public sealed class SimplifierTests
{
    [Fact]
    public void R_18_simplified_groups_name_the_same_rule_and_the_same_kinds_of_peer() =>
        Gen.Select(RandomRules.GroupRules, RandomRules.Packets.Array[200]).Sample(
            (rules, packets) => Same(Networks.List(RandomRules.Network([rules], []), ListKind.SecurityGroup, "sg-0000"), packets), iter: 500, threads: 1);

    [Fact]
    public void ACL_01_simplified_acls_decide_by_the_same_entry() =>
        Gen.Select(RandomRules.AclEntries, RandomRules.Packets.Array[200]).Sample(
            (entries, packets) => Same(Networks.List(RandomRules.Network([], [entries]), ListKind.NetworkAcl, "acl-0000"), packets), iter: 500, threads: 1);

    [Fact]
    public void A_narrow_rule_under_an_any_peer_rule_stays_because_it_decides_untracked()
    {
        SimplifiedList list = Simplifier.Simplify(Networks.List(Networks.Small(), ListKind.SecurityGroup, "sg-web"));
        Assert.Equal([0, 1], list.Kept.Select(rule => rule.Index));
        LeftOutRule leftOut = Assert.Single(list.LeftOut);
        Assert.Equal(("sg-web/ingress/3", "redundant: sg-web/ingress/2 admits every packet it matches"), (leftOut.Rule.Name, leftOut.Why));
    }

    [Fact]
    public void Each_entry_that_is_left_out_is_named_with_what_covers_it()
    {
        SimplifiedList list = Simplifier.Simplify(Networks.List(Networks.Small(), ListKind.NetworkAcl, "acl-web"));
        Assert.Equal(
            [
                "acl-web/ingress/110 redundant: acl-web/ingress/100 allows every packet it matches",
                "acl-web/ingress/120 shadowed: acl-web/ingress/100 allows every packet it matches",
            ],
            list.LeftOut.Select(rule => $"{rule.Rule.Name} {rule.Why}"));
    }

    [Fact]
    public void R_52_a_code_without_a_type_is_left_out_with_its_reason()
    {
        SimplifiedList list = Simplifier.Simplify(Networks.List(Networks.Small(), ListKind.SecurityGroup, "sg-app"));
        Assert.Equal("sg-app/ingress/4 matches nothing: it has an ICMP code but no type", Assert.Single(list.LeftOut.Select(rule => $"{rule.Rule.Name} {rule.Why}")));
    }

    [Fact]
    public void A_reference_never_covers_a_block_nor_another_reference()
    {
        SimplifiedList list = Simplifier.Simplify(Networks.List(
            Networks.Of(
                [Networks.Group("sg-a", Networks.Rule("1", -1, 0, 65_535, "sg-a"), Networks.Rule("2", -1, 0, 65_535, "sg-b"), Networks.Rule("3", -1, 0, 65_535, "10.0.0.1/32"))],
                interfaces: [Networks.Interface("eni-1", "sg-a", "10.0.0.1"), Networks.Interface("eni-2", "sg-b", "10.0.0.1")]),
            ListKind.SecurityGroup,
            "sg-a"));
        Assert.Empty(list.LeftOut);
    }

    private static void Same(RuleList list, Headers[] packets)
    {
        SimplifiedList simplified = Simplifier.Simplify(list);
        Assert.Equal(list.Rules.Length, simplified.Kept.Length + simplified.LeftOut.Length);
        foreach (Headers packet in packets)
        {
            Assert.Equal(Decide(list, list.Rules, packet).Bits, Decide(list, simplified.Kept, packet).Bits);
        }
    }

    private static Decision Decide(RuleList list, IEnumerable<LoweredRule> rules, Headers packet)
    {
        List<LoweredRule> matching = [.. rules.Where(rule => Matches(list, rule, packet))];
        return matching.Count == 0 ? Decision.None : matching[0].Action switch
        {
            RuleAction.Allow => Decision.Allow(matching[0].Index),
            RuleAction.Deny => Decision.Deny(matching[0].Index),
            _ => Decision.Admit(matching[0].Index, matching.Any(rule => rule.IsAnyPeer), matching.Any(rule => !rule.IsAnyPeer)),
        };
    }

    private static bool Matches(RuleList list, LoweredRule rule, Headers packet) =>
        rule.MatchesNothing is null
        && (rule.Protocol == -1 || rule.Protocol == packet.Protocol)
        && (rule.Ports is not { } ports || (packet.PortsKnown && packet.DestinationPort >= ports.First && packet.DestinationPort <= ports.Last))
        && (rule.CodeOfAnyType is not { } code || (packet.PortsKnown && packet.IcmpCode == code))
        && (rule.Block is { } block
            ? block.Contains(packet.Source)
            : list.Sets[rule.Set].Set.Contains(packet.Source) && !(rule.IsGroup && (packet.Flags & HeaderFlags.ReferencesLost) != 0));
}
