using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Dataplane.Topology.Documents;
using Dataplane.Topology.Model;

namespace Dataplane.Topology.Aws;

internal sealed partial class AwsReader
{
    private void NetworkAcls()
    {
        foreach (AwsNode row in Rows("NetworkAcls"))
        {
            string id = row.Id("NetworkAclId")!;
            NetworkAclDraft acl = new() { Id = id, Where = row.Where(id), VpcId = row.Id("VpcId"), IsDefault = row.Flag("IsDefault") ?? false };
            foreach (AwsNode association in row.List("Associations"))
            {
                AddNew(acl.SubnetIds, association.Id("SubnetId"));
            }

            foreach (AwsNode entry in row.List("Entries"))
            {
                AwsNode? ports = entry.Map("PortRange");
                AwsNode? icmp = entry.Map("IcmpTypeCode");
                acl.Entries.Add(new NetworkAclEntryDraft
                {
                    Where = entry.Where(id),
                    Egress = entry.Flag("Egress") ?? false,
                    Number = entry.Int("RuleNumber"),
                    Action = entry.Text("RuleAction"),
                    Protocol = entry.Text("Protocol"),
                    Cidr = entry.Text("CidrBlock"),
                    Ipv6Cidr = entry.Text("Ipv6CidrBlock"),
                    FromPort = ports?.Int("From"),
                    ToPort = ports?.Int("To"),
                    IcmpType = icmp?.Int("Type"),
                    IcmpCode = icmp?.Int("Code"),
                });
            }

            _draft.NetworkAcls.Add(acl);
        }
    }

    private void SecurityGroups()
    {
        Dictionary<string, SecurityGroupDraft> groups = new(StringComparer.Ordinal);
        foreach (AwsNode row in Rows("SecurityGroups"))
        {
            string id = row.Id("GroupId")!;
            SecurityGroupDraft group = new() { Id = id, Where = row.Where(id), Name = row.Text("GroupName"), VpcId = row.Id("VpcId") };
            Permissions(row, "IpPermissions", id, group.Ingress);
            Permissions(row, "IpPermissionsEgress", id, group.Egress);
            groups.Add(id, group);
            _draft.SecurityGroups.Add(group);
        }

        NamedRules(groups);
        foreach (AwsNode row in Rows("SecurityGroupVpcAssociations"))
        {
            if (row.Id("GroupId") is { } id && row.Id("VpcId") is { } vpc && IsState(row, "State", "associated", "associating")
                && groups.TryGetValue(id, out SecurityGroupDraft? group))
            {
                AddNew(group.AssociatedVpcIds, vpc);
            }
        }
    }

    /// <summary>Single-peer rules in the order of R-19: IpRanges, Ipv6Ranges, PrefixListIds, UserIdGroupPairs.</summary>
    private void Permissions(AwsNode row, string key, string groupId, List<SecurityGroupRuleDraft> rules)
    {
        foreach (AwsNode permission in row.List(key))
        {
            int before = rules.Count;
            SecurityGroupRuleDraft Rule(AwsNode peer) => new()
            {
                Where = peer.Where(groupId),
                Protocol = permission.Text("IpProtocol"),
                FromPort = permission.Int("FromPort"),
                ToPort = permission.Int("ToPort"),
                Description = peer.Text("Description"),
            };

            foreach (AwsNode peer in permission.List("IpRanges"))
            {
                SecurityGroupRuleDraft rule = Rule(peer);
                (rule.Cidr, rule.CidrIsIpv6) = (peer.Text("CidrIp"), false);
                rules.Add(rule);
            }

            foreach (AwsNode peer in permission.List("Ipv6Ranges"))
            {
                SecurityGroupRuleDraft rule = Rule(peer);
                (rule.Cidr, rule.CidrIsIpv6) = (peer.Text("CidrIpv6"), true);
                rules.Add(rule);
            }

            foreach (AwsNode peer in permission.List("PrefixListIds"))
            {
                SecurityGroupRuleDraft rule = Rule(peer);
                rule.PrefixListId = peer.Id("PrefixListId");
                rules.Add(rule);
            }

            foreach (AwsNode peer in permission.List("UserIdGroupPairs"))
            {
                SecurityGroupRuleDraft rule = Rule(peer);
                rule.GroupId = peer.Id("GroupId");
                WarnIfStale(peer, groupId);
                rules.Add(rule);
            }

            if (rules.Count == before)
            {
                _faults.Warn(permission.Where(groupId), "the permission names no peer, so it admits nothing", "Remove it, or give it a peer");
            }
        }
    }

    private void WarnIfStale(AwsNode peer, string groupId)
    {
        if (peer.Text("PeeringStatus") is { } status && !string.Equals(status, "active", StringComparison.OrdinalIgnoreCase))
        {
            _faults.Warn(peer.Where(groupId), $"the rule is stale: its peering is {SafeText.Line(status, 40)} (SG-34)", "Remove the rule");
        }
    }

    /// <summary>describe-security-group-rules: gives its ids to the rules of describe-security-groups, or alone makes the rules .</summary>
    private void NamedRules(Dictionary<string, SecurityGroupDraft> groups)
    {
        HashSet<string> fromRulesAlone = new(StringComparer.Ordinal);
        HashSet<string> differing = new(StringComparer.Ordinal);
        Dictionary<(string Group, bool Egress), Dictionary<string, SecurityGroupRuleDraft>> contents = [];
        foreach (AwsNode row in Rows("SecurityGroupRules"))
        {
            string name = row.Id("SecurityGroupRuleId")!;
            if (row.Id("GroupId") is not { } groupId)
            {
                _faults.Error(row.Where(name), "the rule has no GroupId", "Write the file anew with the command that made it");
                continue;
            }

            if (!groups.TryGetValue(groupId, out SecurityGroupDraft? group))
            {
                group = new SecurityGroupDraft { Id = groupId, Where = row.Where(groupId) };
                groups.Add(groupId, group);
                _draft.SecurityGroups.Add(group);
                fromRulesAlone.Add(groupId);
            }

            AwsNode? reference = row.Map("ReferencedGroupInfo");
            SecurityGroupRuleDraft rule = new()
            {
                Where = row.Where(groupId),
                Name = name,
                Protocol = row.Text("IpProtocol"),
                FromPort = row.Int("FromPort"),
                ToPort = row.Int("ToPort"),
                Cidr = row.Text("CidrIpv4") ?? row.Text("CidrIpv6"),
                CidrIsIpv6 = row.Text("CidrIpv4") is null,
                PrefixListId = row.Id("PrefixListId"),
                GroupId = reference?.Id("GroupId"),
                Description = row.Text("Description"),
            };
            bool egress = row.Flag("IsEgress") ?? false;
            List<SecurityGroupRuleDraft> rules = egress ? group.Egress : group.Ingress;
            if (!fromRulesAlone.Contains(groupId))
            {
                if (!contents.TryGetValue((groupId, egress), out Dictionary<string, SecurityGroupRuleDraft>? first))
                {
                    first = new(StringComparer.Ordinal);
                    foreach (SecurityGroupRuleDraft listed in rules)
                    {
                        first.TryAdd(Content(listed), listed);
                    }

                    contents.Add((groupId, egress), first);
                }

                if (first.TryGetValue(Content(rule), out SecurityGroupRuleDraft? equal))
                {
                    equal.Name ??= name;    // a second id for the same content: AWS has no two equal rules
                    continue;
                }

                first.Add(Content(rule), rule);
                if (differing.Add(groupId))
                {
                    _faults.Warn(
                        row.Where(groupId), $"the rule {name} is not among the rules that describe-security-groups lists; it is added", "Take both outputs at the same time");
                }
            }
            else if (reference is not null)
            {
                WarnIfStale(reference, groupId);
            }

            rules.Add(rule);
        }
    }

    /// <summary>Protocol, ports and peer in one spelling, however the two commands write them (SG-13, SG-18, SG-23).</summary>
    private static string Content(SecurityGroupRuleDraft rule)
    {
        string protocol = rule.Protocol is not null && Protocols.TryParse(rule.Protocol, out int number) ? $"{number}" : $"?{rule.Protocol}";
        bool ports = protocol is "1" or "6" or "17" or "58";
        string cidr = rule.Cidr is not null && Packets.IpPrefix.TryParse(rule.Cidr, out Packets.IpPrefix block) ? block.ToString() : rule.Cidr ?? "";
        return string.Create(
            CultureInfo.InvariantCulture, $"{protocol} {(ports ? rule.FromPort ?? -1 : 0)} {(ports ? rule.ToPort ?? -1 : 0)} {cidr} {rule.PrefixListId} {rule.GroupId}");
    }

    private void PrefixLists()
    {
        Dictionary<string, PrefixListDraft> lists = new(StringComparer.Ordinal);
        PrefixListDraft List(string id, AwsNode row)
        {
            if (!lists.TryGetValue(id, out PrefixListDraft? list))
            {
                list = new PrefixListDraft { Id = id, Where = row.Where(id) };
                lists.Add(id, list);
                _draft.PrefixLists.Add(list);
            }

            return list;
        }

        foreach (AwsNode row in Rows("PrefixLists"))
        {
            string id = row.Id("PrefixListId")!;
            PrefixListDraft list = List(id, row);
            list.Name ??= row.Text("PrefixListName");
            list.MaxEntries ??= row.Int("MaxEntries");
            if (row.Node["Cidrs"] is { Kind: NodeKind.List, Items.Count: > 0 })
            {
                AddEntries(list, row.Texts("Cidrs"));
            }

            if (row.Text("State") is { } state && (state.Contains("delete", StringComparison.OrdinalIgnoreCase) || state.Contains("failed", StringComparison.OrdinalIgnoreCase))
                && !state.Equals("modify-failed", StringComparison.OrdinalIgnoreCase))
            {
                _faults.Warn(row.Where(id), $"the prefix list is in state {SafeText.Line(state, 40)}", "Check the list");
            }
        }

        foreach (AwsNode row in Rows("PrefixListEntries"))
        {
            if (row.Id("PrefixListId") is { } id)
            {
                AddEntries(List(id, row), row.List("Entries").Select(e => e.Text("Cidr")).OfType<string>());
            }
            else
            {
                _faults.Error(row.Where("PrefixListEntries"), "the entries name no PrefixListId", "Add \"PrefixListId\": \"pl-...\"");
            }
        }

        foreach (AwsNode file in Rows("Entries"))
        {
            if ((file.Id("PrefixListId") ?? IdInName(file.File, "pl-")) is { } id)
            {
                AddEntries(List(id, file), file.List("Entries").Select(e => e.Text("Cidr")).OfType<string>());
            }
            else
            {
                _faults.Warn(
                    file.Where("Entries"), "the output of get-managed-prefix-list-entries does not say which list it is of, so it is not used",
                    "Put the id into the file's name, such as entries-pl-0123.json, or wrap it: {\"PrefixListEntries\":[{\"PrefixListId\":\"pl-0123\",\"Entries\":[...]}]}");
            }
        }
    }

    private static void AddEntries(PrefixListDraft list, IEnumerable<string> entries)
    {
        list.Entries ??= [];
        HashSet<string> known = [.. list.Entries];
        list.Entries.AddRange(entries.Where(known.Add));
    }

    /// <summary>The id in a file's name: the prefix and the letters and digits after it; null if there is none .</summary>
    internal static string? IdInName(string file, string prefix)
    {
        ReadOnlySpan<char> name = file.AsSpan(file.LastIndexOfAny(['/', '\\']) + 1);
        for (int at = name.LastIndexOf(prefix, StringComparison.Ordinal); at >= 0; at = name[..at].LastIndexOf(prefix, StringComparison.Ordinal))
        {
            int end = at + prefix.Length;
            while (end < name.Length && char.IsAsciiLetterOrDigit(name[end]))
            {
                end++;
            }

            if (end > at + prefix.Length && (at == 0 || !char.IsAsciiLetterOrDigit(name[at - 1])))
            {
                return name[at..end].ToString();
            }
        }

        return null;
    }
}
