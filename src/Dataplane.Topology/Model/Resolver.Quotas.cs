using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;

namespace Dataplane.Topology.Model;

// Defaults of the AWS quotas. Most can be raised, so they warn, name the statement and change nothing.
public sealed partial class Resolver
{
    private const int MostGroups = 2_500;
    private const int MostRules = 60;
    private const int MostGroupsOfInterface = 5;
    private const int MostRulesOfInterface = 1_000;
    private const int MostAcls = 200;
    private const int MostEntries = 20;
    private const int MostTables = 200;
    private const int MostRoutes = 500;
    private const int MostPropagated = 100;

    private void Quotas()
    {
        if (_quotas == QuotaPolicy.Ignore)
        {
            return;
        }

        if (_groups.Count > MostGroups)
        {
            Quota("security groups", $"{_groups.Count} are more than the {MostGroups} of a Region (SG-40)", "Ask AWS for more, or remove some");
        }

        foreach (SecurityGroup group in _groups.Values)
        {
            RulesOf(group, group.Ingress, "ingress");
            RulesOf(group, group.Egress, "egress");
        }

        foreach (NetworkInterface card in _interfaces.Values.Where(i => i.SecurityGroupIds.Length > MostGroupsOfInterface))
        {
            Quota(
                _interfaceDrafts[card.Id].Where,
                $"{card.SecurityGroupIds.Length} security groups are more than the {MostGroupsOfInterface} of an interface (SG-40)", "Ask AWS for up to 16, or join groups");
            int rules = card.SecurityGroupIds.Sum(g => _groups.TryGetValue(g, out SecurityGroup? group) ? Math.Max(Cost(group.Ingress), Cost(group.Egress)) : 0);
            if (rules > MostRulesOfInterface)
            {
                Quota(
                    _interfaceDrafts[card.Id].Where,
                    $"its groups hold {rules} rules, more than the {MostRulesOfInterface} of an interface (SG-40)", "Join or remove rules");
            }
        }

        foreach (IGrouping<string, NetworkAcl> vpc in _acls.Values.GroupBy(a => a.VpcId, StringComparer.Ordinal).Where(v => v.Count() > MostAcls))
        {
            Quota(vpc.Key, $"{vpc.Count()} network ACLs are more than the {MostAcls} of a VPC (ACL-31)", "Ask AWS for more, or remove some");
        }

        foreach (NetworkAcl acl in _acls.Values)
        {
            EntriesOf(acl, acl.Ingress, "ingress");
            EntriesOf(acl, acl.Egress, "egress");
        }

        foreach (IGrouping<string, RouteTable> vpc in _tables.Values.GroupBy(t => t.VpcId, StringComparer.Ordinal).Where(v => v.Count() > MostTables))
        {
            Quota(vpc.Key, $"{vpc.Count()} route tables are more than the {MostTables} of a VPC (RT-37)", "Ask AWS for more, or remove some");
        }

        foreach (RouteTable table in _tables.Values)
        {
            RoutesOf(table, table.Routes.Count(r => r.Origin != RouteOrigin.Propagated), MostRoutes, "routes");
            RoutesOf(table, table.Routes.Count(r => r.Origin == RouteOrigin.Propagated), MostPropagated, "propagated routes");
        }
    }

    /// <summary>IPv4 and IPv6 are counted apart; groups and lists count for both, a list by its size (SG-36).</summary>
    private void RulesOf(SecurityGroup group, ImmutableArray<SecurityGroupRule> rules, string direction)
    {
        foreach (bool ipv6 in (ReadOnlySpan<bool>)[false, true])
        {
            int count = Cost([.. rules.Where(r => r.Peer is not CidrPeer cidr || cidr.Block.IsIpv6 == ipv6)]);
            if (count > MostRules)
            {
                Quota(
                    _groupDrafts[group.Id].Where, $"{count} {direction} rules for {(ipv6 ? "IPv6" : "IPv4")} are more than the {MostRules} of a group (SG-40)",
                    "Ask AWS for more, or join rules");
            }
        }
    }

    private int Cost(ImmutableArray<SecurityGroupRule> rules) =>
        rules.Sum(r => r.Peer is PrefixListPeer list ? _listCosts.GetValueOrDefault(list.PrefixListId, 1) : 1);

    private void EntriesOf(NetworkAcl acl, ImmutableArray<NetworkAclEntry> entries, string direction)
    {
        int most = Math.Max(entries.Count(e => !e.Block.IsIpv6), entries.Count(e => e.Block.IsIpv6));
        if (most > MostEntries)
        {
            Quota(
                _draft.NetworkAcls.Find(a => a.Id == acl.Id)!.Where, $"{most} {direction} rules are more than the {MostEntries} of a network ACL (ACL-31)",
                "Ask AWS for up to 40, or join rules");
        }
    }

    private void RoutesOf(RouteTable table, int count, int most, string what)
    {
        if (count > most)
        {
            Quota(
                _draft.RouteTables.Find(t => t.Id == table.Id)!.Where, $"{count} {what} are more than the {most} of a route table (RT-37)", "Ask AWS for more, or join routes");
        }
    }
}
