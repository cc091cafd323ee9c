using System;
using System.Collections.Generic;
using System.Linq;

namespace Dataplane.Topology.Model;

/// <summary>What AWS makes with every VPC, as drafts, where no file has it: the default group, the default ACL, the main table.</summary>
/// <remarks>Their ids are VPC/default-sg, VPC/default-acl and VPC/main (IMP-16). Sources: SG-04, ACL-16, RT-03, CFN-09.</remarks>
public static class Defaults
{
    public static string GroupId(string vpcId) => $"{vpcId}/default-sg";

    public static string AclId(string vpcId) => $"{vpcId}/default-acl";

    public static string TableId(string vpcId) => $"{vpcId}/main";

    /// <summary>Adds what is absent. Calling it again changes nothing.</summary>
    public static void Fill(NetworkDraft draft)
    {
        HashSet<string> groups = Ids(draft.SecurityGroups.Where(g => g.Name == "default").Select(g => g.VpcId));
        HashSet<string> acls = Ids(draft.NetworkAcls.Where(a => a.IsDefault).Select(a => a.VpcId));
        HashSet<string> tables = Ids(draft.RouteTables.Where(t => t.IsMain).Select(t => t.VpcId));
        foreach (VpcDraft vpc in draft.Vpcs)
        {
            bool ipv6 = HasIpv6(vpc);
            if (groups.Add(vpc.Id))
            {
                draft.SecurityGroups.Add(Group(vpc, ipv6));
            }

            if (acls.Add(vpc.Id))
            {
                draft.NetworkAcls.Add(Acl(vpc, ipv6));
            }

            if (tables.Add(vpc.Id))
            {
                draft.RouteTables.Add(new RouteTableDraft { Id = TableId(vpc.Id), Where = vpc.Where, VpcId = vpc.Id, IsMain = true });
            }
        }
    }

    public static bool HasIpv6(VpcDraft vpc) => vpc.Blocks.Exists(b => b.Contains(':', StringComparison.Ordinal));

    /// <summary>A default group as AWS makes it: everything from its own members, everything out (SG-04).</summary>
    public static SecurityGroupDraft Group(VpcDraft vpc, bool ipv6)
    {
        SecurityGroupDraft group = new() { Id = GroupId(vpc.Id), Where = vpc.Where, Name = "default", VpcId = vpc.Id };
        group.Ingress.Add(new SecurityGroupRuleDraft { Where = vpc.Where, Protocol = "-1", GroupId = group.Id });
        group.Egress.Add(new SecurityGroupRuleDraft { Where = vpc.Where, Protocol = "-1", Cidr = "0.0.0.0/0" });
        if (ipv6)
        {
            group.Egress.Add(new SecurityGroupRuleDraft { Where = vpc.Where, Protocol = "-1", Cidr = "::/0" });
        }

        return group;
    }

    private static NetworkAclDraft Acl(VpcDraft vpc, bool ipv6)
    {
        NetworkAclDraft acl = new() { Id = AclId(vpc.Id), Where = vpc.Where, VpcId = vpc.Id, IsDefault = true };
        foreach (bool egress in (ReadOnlySpan<bool>)[false, true])
        {
            acl.Entries.Add(new NetworkAclEntryDraft
            {
                Where = vpc.Where,
                Egress = egress,
                Number = 100,
                Action = "allow",
                Protocol = "-1",
                Cidr = "0.0.0.0/0",
            });
            if (ipv6)
            {
                acl.Entries.Add(new NetworkAclEntryDraft
                {
                    Where = vpc.Where,
                    Egress = egress,
                    Number = 101,
                    Action = "allow",
                    Protocol = "-1",
                    Ipv6Cidr = "::/0",
                });
            }
        }

        return acl;
    }

    private static HashSet<string> Ids(IEnumerable<string?> ids) => ids.OfType<string>().ToHashSet(StringComparer.Ordinal);
}
