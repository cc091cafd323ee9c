using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Dataplane.Packets;

namespace Dataplane.Topology.Model;

public sealed partial class Resolver
{
    /// <summary>The highest number a rule can have (ACL-03).</summary>
    private const int LastNumber = 32_766;

    private readonly Dictionary<string, NetworkAcl> _acls = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _aclOfSubnet = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _defaultAcls = new(StringComparer.Ordinal);

    private void NetworkAcls()
    {
        foreach (NetworkAclDraft draft in Index(_draft.NetworkAcls, "network ACL").Values)
        {
            if (!InKnownVpc(draft, draft.VpcId, "network ACL"))
            {
                continue;
            }

            _acls.Add(draft.Id, new NetworkAcl(
                draft.Id, draft.VpcId!, draft.IsDefault, Entries(draft, egress: false), Entries(draft, egress: true)));
            if (draft.IsDefault && !_defaultAcls.TryAdd(draft.VpcId!, draft.Id))
            {
                _faults.Error(draft.Where, $"{draft.VpcId} already has the default ACL {_defaultAcls[draft.VpcId!]}", "Mark one ACL as the default");
            }

            foreach (string subnetId in draft.SubnetIds)
            {
                Associate(draft, draft.VpcId!, subnetId, "network ACL", _aclOfSubnet);
            }
        }
    }

    /// <summary>Each subnet has exactly one ACL and one table (ACL-19, RT-01).</summary>
    private void Associate(Draft draft, string vpcId, string subnetId, string kind, Dictionary<string, string> owners)
    {
        if (!_subnets.TryGetValue(subnetId, out Subnet? subnet))
        {
            if (!_draft.Subnets.Exists(s => s.Id == subnetId))
            {
                _faults.Warn(
                    draft.Where, $"it is associated with subnet {Quote(subnetId)}, which is in no file", "Add the output of describe-subnets if packets should meet it");
            }
        }
        else if (subnet.VpcId != vpcId)
        {
            _faults.Error(
                draft.Where, $"it is in {vpcId}, but its subnet {subnetId} is in {subnet.VpcId}", $"Associate a {kind} of the subnet's own VPC");
        }
        else if (!owners.TryAdd(subnetId, draft.Id) && owners[subnetId] != draft.Id)
        {
            _faults.Error(draft.Where, $"the subnet {subnetId} already has the {kind} {owners[subnetId]}", $"Associate each subnet with one {kind}");
        }
    }

    private ImmutableArray<NetworkAclEntry> Entries(NetworkAclDraft acl, bool egress)
    {
        SortedDictionary<int, NetworkAclEntry> entries = [];
        HashSet<int> numbers = [];
        foreach (NetworkAclEntryDraft draft in acl.Entries.Where(e => e.Egress == egress))
        {
            string where = $"{(draft.Where.Length > 0 ? draft.Where : acl.Where)}, {(egress ? "egress" : "ingress")} rule {(draft.Number is { } n ? $"{n}" : "without number")}";
            if (draft.Number is not { } number)
            {
                _faults.Error(where, "RuleNumber is missing", $"Give it a number from 1 to {LastNumber}");
                continue;
            }

            if (number is 32_767 or 32_768)
            {
                ImplicitEnd(draft, where);
                continue;
            }

            if (number is < 1 or > LastNumber)
            {
                _faults.Error(where, $"the rule number {number} is not in 1 to {LastNumber}", "Renumber the rule");
                continue;
            }

            if (!numbers.Add(number))
            {
                _faults.Error(where, $"the number {number} occurs twice in this direction", "Give each rule a number of its own");
                continue;
            }

            if (Entry(draft, number, where) is { } entry)
            {
                entries.Add(number, entry);
            }
        }

        return [.. entries.Values];
    }

    /// <summary>32767 and 32768 are the deny at the end, which every ACL has whether listed or not (ACL-04, ACL-05).</summary>
    private void ImplicitEnd(NetworkAclEntryDraft draft, string where)
    {
        bool all = (draft.Cidr ?? draft.Ipv6Cidr) is { } text && IpPrefix.TryParse(text, out IpPrefix block) && block.IsAny;
        if (!string.Equals(draft.Action, "deny", StringComparison.OrdinalIgnoreCase)
            || draft.Protocol is null || !Protocols.TryParse(draft.Protocol, out int protocol) || protocol != Protocols.All || !all)
        {
            _faults.Error(
                where, $"the number {draft.Number} is kept for the deny of everything at the end, but this rule is another one", $"Renumber it: 1 to {LastNumber}");
        }
    }

    private NetworkAclEntry? Entry(NetworkAclEntryDraft draft, int number, string where)
    {
        bool allow = string.Equals(draft.Action, "allow", StringComparison.OrdinalIgnoreCase);
        bool action = allow || string.Equals(draft.Action, "deny", StringComparison.OrdinalIgnoreCase);
        if (!action)
        {
            _faults.Error(where, draft.Action is null ? "RuleAction is missing" : $"RuleAction {Quote(draft.Action)} is neither allow nor deny", "Write allow or deny");
        }

        IpPrefix? block = EntryBlock(draft, where);
        int? protocol = ProtocolOf(where, draft.Protocol);
        if (protocol is null || block is null || AclPorts(where, protocol.Value, block.Value.IsIpv6, draft) is not var (from, to) || !action)
        {
            return null;
        }

        return new NetworkAclEntry(
            number, allow, protocol.Value, from, to, block.Value, RuleText.Of(number, allow, protocol.Value, from, to, block.Value));
    }

    private IpPrefix? EntryBlock(NetworkAclEntryDraft draft, string where)
    {
        if (draft.Cidr is null == draft.Ipv6Cidr is null)
        {
            _faults.Error(
                where, draft.Cidr is null ? "it has no block" : "it has both an IPv4 and an IPv6 block", "Give exactly one of CidrBlock and Ipv6CidrBlock (ACL-08)");
            return null;
        }

        string text = (draft.Cidr ?? draft.Ipv6Cidr)!;
        if (!IpPrefix.TryParse(text, out IpPrefix block))
        {
            BadBlock(where, text);
            return null;
        }

        if (block.IsIpv6 != draft.Cidr is null)
        {
            _faults.Error(
                where, $"{Quote(text)} is an {(block.IsIpv6 ? "IPv6" : "IPv4")} block", $"Write it as {(block.IsIpv6 ? "Ipv6CidrBlock" : "CidrBlock")}");
            return null;
        }

        return block;
    }

    private (int From, int To)? AclPorts(string where, int protocol, bool ipv6, NetworkAclEntryDraft draft)
    {
        if (Protocols.HasPorts(protocol))
        {
            return PortRange(where, draft.FromPort, draft.ToPort, "PortRange.From", "PortRange.To");
        }

        if (!Protocols.IsIcmp(protocol))
        {
            return (0, 65535);
        }

        // ACL-14: protocol 58 with an IPv4 block is every type and code, whatever the entry says.
        if (protocol == Protocols.Icmpv6 && !ipv6)
        {
            return (-1, -1);
        }

        if (draft.IcmpType is null && draft.IcmpCode is null)
        {
            _faults.Warn(where, "IcmpTypeCode is missing: taken as any type and code", "Write type -1 and code -1 if that is meant");
            return (-1, -1);
        }

        // Unlike in a security group, each of the two is a wildcard of its own here (ACL-13).
        return IcmpRange(where, draft.IcmpType, draft.IcmpCode);
    }
}
