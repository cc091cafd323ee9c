using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using Dataplane.Packets;
using Dataplane.Topology.Documents;

namespace Dataplane.Topology.Model;

public sealed partial class Resolver
{
    private readonly Dictionary<string, SecurityGroup> _groups = new(StringComparer.Ordinal);
    private Dictionary<string, SecurityGroupDraft> _groupDrafts = [];

    /// <summary>Group id to the VPC of the first interface that carries it; made when a group first needs it.</summary>
    private Dictionary<string, string>? _vpcOfUsers;

    private void SecurityGroups()
    {
        _groupDrafts = Index(_draft.SecurityGroups, "security group");
        foreach (SecurityGroupDraft draft in _groupDrafts.Values)
        {
            draft.VpcId ??= VpcOfUsers(draft.Id);
            if (!InKnownVpc(draft, draft.VpcId, "security group"))
            {
                continue;
            }

            if (draft.Name is { } name && name.StartsWith("sg-", StringComparison.OrdinalIgnoreCase))
            {
                _faults.Warn(draft.Where, $"the group's name {Quote(name)} begins with sg-, which AWS refuses (SG-09)", "Choose another name");
            }

            _groups.Add(draft.Id, new SecurityGroup(
                draft.Id,
                SafeText.Line(draft.Name ?? draft.Id, 255),
                GroupVpcs(draft),
                Rules(draft, draft.Ingress, "ingress"),
                Rules(draft, draft.Egress, "egress")));
        }
    }

    /// <summary>A group known only by its rules: the VPC of the interfaces that carry it, or the only VPC.</summary>
    private string? VpcOfUsers(string groupId)
    {
        if (_vpcOfUsers is null)
        {
            _vpcOfUsers = new(StringComparer.Ordinal);
            foreach (InterfaceDraft user in _draft.Interfaces)
            {
                string? vpc = user.VpcId ?? (user.SubnetId is not null && _subnets.TryGetValue(user.SubnetId, out Subnet? subnet) ? subnet.VpcId : null);
                foreach (string id in vpc is null ? [] : user.SecurityGroupIds)
                {
                    _vpcOfUsers.TryAdd(id, vpc!);
                }
            }
        }

        if (_vpcOfUsers.TryGetValue(groupId, out string? home))
        {
            return home;
        }

        return _vpcs.Count == 1 ? _vpcs.Keys.First() : null;
    }

    private ImmutableArray<string> GroupVpcs(SecurityGroupDraft draft)
    {
        ImmutableArray<string>.Builder vpcs = ImmutableArray.CreateBuilder<string>();
        vpcs.Add(draft.VpcId!);
        foreach (string vpcId in draft.AssociatedVpcIds)
        {
            if (draft.Name == "default" || (_vpcs.TryGetValue(draft.VpcId!, out Vpc? own) && own.IsDefault))
            {
                _faults.Warn(
                    draft.Where, $"it is associated with {Quote(vpcId)}, but AWS shares neither default groups nor groups of a default VPC (SG-35)", "Check the association");
            }

            if (!vpcs.Contains(vpcId) && _vpcs.ContainsKey(vpcId))
            {
                vpcs.Add(vpcId);
            }
        }

        return vpcs.ToImmutable();
    }

    private ImmutableArray<SecurityGroupRule> Rules(SecurityGroupDraft group, List<SecurityGroupRuleDraft> drafts, string direction)
    {
        ImmutableArray<SecurityGroupRule>.Builder rules = ImmutableArray.CreateBuilder<SecurityGroupRule>(drafts.Count);
        HashSet<string> names = new(StringComparer.Ordinal);
        for (int i = 0; i < drafts.Count; i++)
        {
            SecurityGroupRuleDraft draft = drafts[i];
            string name = draft.Name ?? (i + 1).ToString(CultureInfo.InvariantCulture);
            string where = $"{(draft.Where.Length > 0 ? draft.Where : group.Where)}, {direction} rule {SafeText.Line(name, 80)}";
            if (!names.Add(name))
            {
                _faults.Error(where, "another rule of the group has this name", "Give each rule an id of its own");
            }

            Peer? peer = PeerOf(group, draft, where);
            if (ProtocolOf(where, draft.Protocol) is not { } protocol
                || GroupPorts(where, protocol, draft.FromPort, draft.ToPort) is not var (from, to)
                || peer is null)
            {
                continue;
            }

            rules.Add(new SecurityGroupRule(name, protocol, from, to, peer, RuleText.Of(protocol, from, to, peer, draft.Description)));
        }

        return rules.ToImmutable();
    }

    private Peer? PeerOf(SecurityGroupDraft group, SecurityGroupRuleDraft draft, string where)
    {
        int peers = (draft.Cidr is null ? 0 : 1) + (draft.PrefixListId is null ? 0 : 1) + (draft.GroupId is null ? 0 : 1);
        if (peers != 1)
        {
            _faults.Error(
                where, $"the rule has {peers} peers", "Give exactly one of an IPv4 block, an IPv6 block, a prefix list, a security group (SG-21)");
            return null;
        }

        if (draft.Cidr is not null)
        {
            if (!IpPrefix.TryParse(draft.Cidr, out IpPrefix block))
            {
                BadBlock(where, draft.Cidr);
                return null;
            }

            if (draft.CidrIsIpv6 == !block.IsIpv6)
            {
                _faults.Error(
                    where, $"{Quote(draft.Cidr)} is an {(block.IsIpv6 ? "IPv6" : "IPv4")} block", $"Write it as {(block.IsIpv6 ? "CidrIpv6" : "CidrIp")} (SG-21)");
                return null;
            }

            return new CidrPeer(block);
        }

        if (draft.PrefixListId is not null)
        {
            UseList(where, draft.PrefixListId);
            return new PrefixListPeer(draft.PrefixListId);
        }

        string id = draft.GroupId!;
        if (!_groupDrafts.TryGetValue(id, out SecurityGroupDraft? other))
        {
            _faults.Warn(
                where, $"the group {Quote(id)} is in no file, so the rule matches nothing",
                "Add the output of describe-security-groups of its account, or remove the stale rule");
        }
        else if (other.VpcId is not null && other.VpcId != group.VpcId
            && !group.AssociatedVpcIds.Contains(other.VpcId) && !other.AssociatedVpcIds.Contains(group.VpcId!))
        {
            _faults.Warn(
                where, $"the group {Quote(id)} is in {Quote(other.VpcId)}: references between VPCs are not enforced yet", "Use addresses instead, or expect that the rule matches nothing");
        }

        return new GroupPeer(id);
    }

    private int? ProtocolOf(string where, string? text)
    {
        if (text is not null && Protocols.TryParse(text, out int protocol))
        {
            return protocol;
        }

        _faults.Error(
            where, text is null ? "the protocol is missing" : $"{Quote(text)} is not a protocol",
            "Write tcp, udp, icmp, icmpv6, a number from 0 to 255, or -1 for all");
        return null;
    }

    /// <summary>Ports or ICMP type and code of a group's rule, as SecurityGroupRule has them (SG-12, SG-15 to SG-18, R-52).</summary>
    private (int From, int To)? GroupPorts(string where, int protocol, int? from, int? to)
    {
        if (Protocols.IsIcmp(protocol))
        {
            if (IcmpRange(where, from, to) is not var (type, code))
            {
                return null;
            }

            if (type == -1 && code >= 0)
            {
                _faults.Warn(where, $"ICMP type -1 with code {code} matches nothing (SG-15)", "Write code -1 for any, or name the type");
            }

            return (type, code);
        }

        return Protocols.HasPorts(protocol) ? PortRange(where, from, to, "FromPort", "ToPort") : (0, 65535);
    }

    /// <summary>A type and a code, -1 for any and for what is absent.</summary>
    private (int Type, int Code)? IcmpRange(string where, int? type, int? code)
    {
        int t = type ?? -1;
        int c = code ?? -1;
        if (t is < -1 or > 255 || c is < -1 or > 255)
        {
            _faults.Error(where, $"ICMP type {t} code {c} is not in -1 to 255", "Write a type and a code, -1 for any");
            return null;
        }

        return (t, c);
    }

    private (int From, int To)? PortRange(string where, int? from, int? to, string fromKey, string toKey)
    {
        if (from is null && to is null)
        {
            _faults.Warn(where, $"neither {fromKey} nor {toKey} is given: taken as all ports", $"Write {fromKey} 0 and {toKey} 65535 if that is meant");
            return (0, 65535);
        }

        if (from is null || to is null)
        {
            _faults.Error(where, $"{(from is null ? fromKey : toKey)} is missing", $"Give both {fromKey} and {toKey}, the same number twice for one port");
            return null;
        }

        int first = from.Value;
        int last = to.Value;
        if (first is < -1 or > 65535 || last is < -1 or > 65535)
        {
            _faults.Error(where, $"the ports {first} to {last} are not in 0 to 65535", "Write ports from 0 to 65535");
            return null;
        }

        if (first == -1 || last == -1)
        {
            int open = first == -1 ? 0 : first;
            int end = last == -1 ? 65535 : last;
            _faults.Warn(where, $"port -1 leaves that end open: taken as {open} to {end}", "Write the ports out");
            (first, last) = (open, end);
        }

        if (first > last)
        {
            _faults.Error(where, $"the port range {first} to {last} ends before it begins", $"Swap {fromKey} and {toKey}");
            return null;
        }

        return (first, last);
    }
}
