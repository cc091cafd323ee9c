using System;
using System.Collections.Generic;
using System.Globalization;
using Dataplane.Topology.Documents;
using Dataplane.Topology.Model;

namespace Dataplane.Topology.CloudFormation;

// Network ACLs and security groups.
//
// Order of a group's rules, which names them: inline rules in file order, then stand-alone ones in the templates' order under their own logical ids
// (IMP-17). A rule whose port or peer only a deployment would tell is left out with a warning; the inline rules after it then carry their position
// as a name, so that none moves up.
internal sealed partial class TemplateReading
{
    private void ReadNetworkAcls()
    {
        foreach (PropertyBag bag in OfType("NetworkAcl"))
        {
            NetworkAclDraft acl = new() { Id = bag.Resource.Id, Where = bag.Where, VpcId = bag.Required("VpcId") };
            _acls[acl.Id] = acl;
            _draft.NetworkAcls.Add(acl);
        }

        foreach (PropertyBag bag in OfType("NetworkAclEntry"))
        {
            MakeDefaultAcl(bag.Text("NetworkAclId"));
            NetworkAclDraft? acl = Named(bag, "NetworkAclId", _acls, "network ACL");
            PropertyBag? ports = bag.Bag("PortRange");
            PropertyBag? icmp = bag.Bag("Icmp");
            NetworkAclEntryDraft entry = new()
            {
                Where = bag.Where,
                Egress = bag.Bool("Egress") == true,
                Number = bag.Has("RuleNumber") ? bag.Int("RuleNumber") : null,
                Action = bag.Required("RuleAction")?.ToLowerInvariant(),
                Protocol = bag.Required("Protocol"),
                Cidr = bag.Text("CidrBlock"),
                Ipv6Cidr = bag.Text("Ipv6CidrBlock"),
                FromPort = ports?.Int("From"),
                ToPort = ports?.Int("To"),
                IcmpType = icmp?.Int("Type"),
                IcmpCode = icmp?.Int("Code"),
            };
            if (bag.Get("RuleNumber").IsNone)
            {
                Error(bag, "RuleNumber", "is missing", "Give RuleNumber");
            }

            acl?.Entries.Add(entry);
        }

        foreach (PropertyBag bag in OfType("SubnetNetworkAclAssociation"))
        {
            MakeDefaultAcl(bag.Text("NetworkAclId"));
            if (Named(bag, "NetworkAclId", _acls, "network ACL") is { } acl && bag.Required("SubnetId") is { } subnet)
            {
                acl.SubnetIds.Add(subnet);
            }
        }
    }

    /// <summary>A VPC's default ACL, where a template adds to it (CFN-09, ACL-16).</summary>
    private void MakeDefaultAcl(string? id)
    {
        if (VpcOfDefault(id, "/default-acl") is not { } vpc || _acls.ContainsKey(id!))
        {
            return;
        }

        NetworkAclDraft acl = new() { Id = id!, Where = vpc.Where, VpcId = vpc.Id, IsDefault = true };
        foreach (bool egress in (bool[])[false, true])
        {
            acl.Entries.Add(new() { Where = vpc.Where, Egress = egress, Number = 100, Action = "allow", Protocol = "-1", Cidr = "0.0.0.0/0" });
            if (HasIpv6(vpc.Id))
            {
                acl.Entries.Add(new() { Where = vpc.Where, Egress = egress, Number = 101, Action = "allow", Protocol = "-1", Ipv6Cidr = "::/0" });
            }
        }

        _acls[acl.Id] = acl;
        _draft.NetworkAcls.Add(acl);
    }

    private VpcDraft? VpcOfDefault(string? id, string suffix) =>
        id is not null && id.EndsWith(suffix, StringComparison.Ordinal) ? _vpcs.GetValueOrDefault(id[..^suffix.Length]) : null;

    private void ReadSecurityGroups()
    {
        HashSet<string> standalone = StandaloneEgress();
        foreach (PropertyBag bag in OfType("SecurityGroup"))
        {
            SecurityGroupDraft group = new() { Id = bag.Resource.Id, Where = bag.Where, Name = bag.Text("GroupName") ?? bag.Resource.Id, VpcId = bag.Text("VpcId") ?? DefaultVpc(bag) };
            _groups[group.Id] = group;
            _draft.SecurityGroups.Add(group);
            Inline(bag, "SecurityGroupIngress", group.Ingress, "Source");
            int given = Inline(bag, "SecurityGroupEgress", group.Egress, "Destination");
            if (given > 0)
            {
                continue;
            }

            // CFN-02, CFN-03: all egress, unless a rule is given, inline or on its own.
            if (standalone.Contains(group.Id))
            {
                _faults.Warn(
                    bag.Where,
                    "its egress rules stand on their own, so the default rule that allows all egress is taken as removed",
                    "Write one egress rule inline to be sure of it");
                continue;
            }

            group.Egress.Add(new() { Where = bag.Where, Protocol = "-1", Cidr = "0.0.0.0/0" });
            if (HasIpv6(group.VpcId))
            {
                group.Egress.Add(new() { Where = bag.Where, Protocol = "-1", Cidr = "::/0" });
            }
        }

        foreach (TemplateResource resource in _resources)
        {
            if (resource.Type == "Custom::VpcRestrictDefaultSG")
            {
                // IMP-24: the function behind it takes all rules away.
                if (DefaultGroup(Bag(resource).Text("DefaultSecurityGroupId")) is { } group)
                {
                    group.Ingress.Clear();
                    group.Egress.Clear();
                }
            }
        }

        foreach (TemplateResource resource in _resources)
        {
            bool ingress = resource.Type == "AWS::EC2::SecurityGroupIngress";
            if (ingress || resource.Type == "AWS::EC2::SecurityGroupEgress")
            {
                Standalone(Bag(resource), ingress);
            }
        }

        foreach (PropertyBag bag in OfType("SecurityGroupVpcAssociation"))
        {
            if (Named(bag, "GroupId", _groups, "security group") is { } group && bag.Required("VpcId") is { } vpc)
            {
                group.AssociatedVpcIds.Add(vpc);
            }
        }
    }

    /// <summary>A group without VpcId belongs to the account's default VPC; where no file has that, the resolver goes by who uses the group.</summary>
    private string? DefaultVpc(PropertyBag bag) => bag.Get("VpcId").IsNone ? _draft.Vpcs.Find(v => v.IsDefault)?.Id : null;

    private HashSet<string> StandaloneEgress()
    {
        HashSet<string> groups = new(StringComparer.Ordinal);
        foreach (PropertyBag bag in OfType("SecurityGroupEgress"))
        {
            if (_evaluator.Quietly(() => bag.Get("GroupId")) is { Kind: ValueKind.Text } id)
            {
                groups.Add(id.Text);
            }
        }

        return groups;
    }

    /// <summary>A VPC's default group by its id, made with its rules (SG-04) when a template refers to it.</summary>
    private SecurityGroupDraft? DefaultGroup(string? id)
    {
        if (id is null || _groups.TryGetValue(id, out SecurityGroupDraft? group))
        {
            return id is null ? null : _groups[id];
        }

        if (VpcOfDefault(id, "/default-sg") is not { } vpc)
        {
            return null;
        }

        group = new SecurityGroupDraft { Id = id, Where = vpc.Where, Name = "default", VpcId = vpc.Id };
        group.Ingress.Add(new() { Where = vpc.Where, Protocol = "-1", GroupId = id });
        group.Egress.Add(new() { Where = vpc.Where, Protocol = "-1", Cidr = "0.0.0.0/0" });
        if (HasIpv6(vpc.Id))
        {
            group.Egress.Add(new() { Where = vpc.Where, Protocol = "-1", Cidr = "::/0" });
        }

        _groups[id] = group;
        _draft.SecurityGroups.Add(group);
        return group;
    }

    /// <summary>Reads inline rules and returns how many the template gives.</summary>
    private int Inline(PropertyBag bag, string name, List<SecurityGroupRuleDraft> into, string side)
    {
        int given = 0;
        int position = 0;
        bool leftOut = false;
        foreach (PropertyBag rule in bag.Bags(name))
        {
            given++;
            foreach (SecurityGroupRuleDraft? single in Rules(rule, side))
            {
                position++;
                if (single is null)
                {
                    leftOut = true;
                    continue;
                }

                single.Name = leftOut ? position.ToString(CultureInfo.InvariantCulture) : null;
                into.Add(single);
            }
        }

        return given;
    }

    private void Standalone(PropertyBag bag, bool ingress)
    {
        Value id = bag.Get("GroupId");
        string? groupId = null;
        if (id.IsAttribute)
        {
            LeftOut(bag, "GroupId", id);
            return;
        }

        groupId = id.IsNone ? bag.Text("GroupName") is { } groupName ? GroupOfName(groupName) : bag.Required("GroupId") : bag.Text("GroupId");
        if (groupId is null)
        {
            return;
        }

        SecurityGroupDraft? group = DefaultGroup(groupId);
        if (group is null)
        {
            Error(bag, "GroupId", $"'{SafeText.Line(groupId)}' names no security group of the given files", "Name one, or give the file that has it as a further -t");
            return;
        }

        foreach (SecurityGroupRuleDraft? rule in Rules(bag, ingress ? "Source" : "Destination"))
        {
            if (rule is not null)
            {
                rule.Name = bag.Resource.Id;
                (ingress ? group.Ingress : group.Egress).Add(rule);
            }
        }
    }

    /// <summary>The single-peer rules of one rule, in the order of R-19; null where one is left out with a warning.</summary>
    private List<SecurityGroupRuleDraft?> Rules(PropertyBag bag, string side)
    {
        List<SecurityGroupRuleDraft?> rules = [];
        string? protocol = bag.Required("IpProtocol");
        bool isKnown = Port(bag, "FromPort", out int? from);
        isKnown &= Port(bag, "ToPort", out int? to);
        string? description = _evaluator.Quietly(() => bag.Get("Description")) is { Kind: ValueKind.Text } text ? text.Text : null;

        Peer("CidrIp", (rule, value) => (rule.Cidr, rule.CidrIsIpv6) = (value, false));
        Peer("CidrIpv6", (rule, value) => (rule.Cidr, rule.CidrIsIpv6) = (value, true));
        Peer(side + "PrefixListId", (rule, value) => rule.PrefixListId = value);
        Peer(side + "SecurityGroupId", (rule, value) => rule.GroupId = value);
        Peer(side + "SecurityGroupName", (rule, value) => rule.GroupId = GroupOfName(value));
        if (rules.Count == 0)
        {
            Error(bag, "CidrIp", "the rule has no peer", $"Give CidrIp, CidrIpv6, {side}PrefixListId or {side}SecurityGroupId");
        }

        return rules;

        void Peer(string name, Action<SecurityGroupRuleDraft, string> set)
        {
            Value value = bag.Get(name);
            if (value.IsNone)
            {
                return;
            }

            if (value.IsAttribute)
            {
                LeftOut(bag, name, value);
                rules.Add(null);
                return;
            }

            SecurityGroupRuleDraft? rule = null;
            if (bag.Text(name) is { } peer && isKnown && protocol is not null)
            {
                rule = new() { Where = bag.Where, Protocol = protocol, FromPort = from, ToPort = to, Description = description };
                set(rule, peer);
            }

            rules.Add(rule);
        }
    }

    /// <summary>A port; false when only a deployment would tell it (IMP-21).</summary>
    private bool Port(PropertyBag bag, string name, out int? port)
    {
        Value value = bag.Get(name);
        if (value.IsAttribute)
        {
            LeftOut(bag, name, value);
            port = null;
            return false;
        }

        port = bag.IntOf(value, bag.PathOf(name));
        return value.Kind != ValueKind.Unknown;
    }

    private void LeftOut(PropertyBag bag, string name, Value value) =>
        _faults.Warn(bag.Where, $"property {SafeText.Line(bag.PathOf(name), 120)}: {value.Why}; the rule admits nothing", value.Mend);
}
