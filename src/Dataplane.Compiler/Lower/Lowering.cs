// From the model's rules to numbers: protocol, ports, remote.
//
// Ports become one interval of Headers.DestinationPort, which holds type << 8 | code for ICMP. A rule looks at no ports, and so matches later
// fragments, when it is for all protocols, for one without ports, for tcp or udp 0-65535, or for icmp -1/-1 (SG-12, SG-19, R-42).

using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Dataplane.Topology.Model;

namespace Dataplane.Compiler.Lower;

/// <summary>Lowers the lists of a catalog.</summary>
public sealed class Lowering
{
    private readonly Dictionary<string, SecurityGroup> _groups;
    private readonly Dictionary<string, NetworkAcl> _acls;

    public Lowering(FilterCatalog catalog)
    {
        _groups = catalog.Network.SecurityGroups.ToDictionary(group => group.Id, StringComparer.Ordinal);
        _acls = catalog.Network.NetworkAcls.ToDictionary(acl => acl.Id, StringComparer.Ordinal);
        Sets = new AddressSets(catalog.Network);
    }

    public AddressSets Sets { get; }

    public RuleList Lower(RuleListKey key) => key.Kind == ListKind.SecurityGroup
        ? Lower(key, key.IsIngress ? _groups[key.OwnerId].Ingress : _groups[key.OwnerId].Egress)
        : Lower(key, key.IsIngress ? _acls[key.OwnerId].Ingress : _acls[key.OwnerId].Egress);

    private RuleList Lower(RuleListKey key, ImmutableArray<SecurityGroupRule> rules)
    {
        List<SetSource> sets = [];
        Dictionary<(string Id, bool IsGroup), int> numbers = [];
        ImmutableArray<LoweredRule>.Builder lowered = ImmutableArray.CreateBuilder<LoweredRule>(rules.Length);
        foreach (SecurityGroupRule rule in rules)
        {
            (PortRange? ports, string? nothing) = Ports(rule.Protocol, rule.From, rule.To);
            LoweredRule common = new()
            {
                Index = lowered.Count,
                Action = RuleAction.Admit,
                Protocol = rule.Protocol,
                Ports = ports,
                MatchesNothing = nothing,
                Name = key.RuleNames[lowered.Count],
                Line = rule.Line,
            };
            lowered.Add(rule.Peer switch
            {
                CidrPeer cidr => common with { Block = cidr.Block },
                PrefixListPeer list => common with { Set = Number(list.PrefixListId, false) },
                GroupPeer group => common with { Set = Number(group.GroupId, true), IsGroup = true },
                _ => throw new InvalidOperationException($"a peer of type {rule.Peer.GetType().Name} is not known to the compiler"),
            });
        }

        return new RuleList(key, lowered.MoveToImmutable(), [.. sets]);

        // By who is meant, not by who they are today: two groups with the same members are two sets to the code.
        int Number(string id, bool isGroup)
        {
            if (!numbers.TryGetValue((id, isGroup), out int number))
            {
                number = sets.Count;
                sets.Add(isGroup ? Sets.Members(key.VpcId, id) : Sets.Entries(id));
                numbers.Add((id, isGroup), number);
            }

            return number;
        }
    }

    private static RuleList Lower(RuleListKey key, ImmutableArray<NetworkAclEntry> entries)
    {
        ImmutableArray<LoweredRule>.Builder lowered = ImmutableArray.CreateBuilder<LoweredRule>(entries.Length);
        foreach (NetworkAclEntry entry in entries)
        {
            // an entry of protocol 58 with an IPv4 block matches every type and code.
            (PortRange? ports, string? nothing) = entry.Protocol == 58 && !entry.Block.IsIpv6
                ? (null, null)
                : Ports(entry.Protocol, entry.From, entry.To);

            // ACL-13: each -1 stands for any, so unlike in a group's rule a code alone means something.
            byte? code = entry.Protocol == 1 || (entry.Protocol == 58 && entry.Block.IsIpv6)
                ? entry is { From: -1, To: >= 0 } ? (byte)entry.To : null
                : null;
            lowered.Add(new LoweredRule
            {
                Index = lowered.Count,
                Action = entry.Allow ? RuleAction.Allow : RuleAction.Deny,
                Protocol = entry.Protocol,
                Ports = ports,
                CodeOfAnyType = code,
                MatchesNothing = code is null ? nothing : null,
                Block = entry.Block,
                Name = key.RuleNames[lowered.Count],
                Line = entry.Line,
            });
        }

        return new RuleList(key, lowered.MoveToImmutable(), []);
    }

    private static (PortRange? Ports, string? MatchesNothing) Ports(int protocol, int from, int to) => protocol switch
    {
        6 or 17 when from == 0 && to == 65_535 => (null, null),
        6 or 17 when from > to => (null, "its port range ends before it begins"),
        6 or 17 => (new PortRange((ushort)from, (ushort)to), null),
        1 or 58 when from == -1 && to == -1 => (null, null),
        1 or 58 when from == -1 => (null, "it has an ICMP code but no type"),
        1 or 58 when to == -1 => (new PortRange((ushort)(from << 8), (ushort)(from << 8 | 255)), null),
        1 or 58 => (new PortRange((ushort)(from << 8 | to), (ushort)(from << 8 | to)), null),
        _ => (null, null),
    };
}
