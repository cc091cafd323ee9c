// The interpreter behind a slot: it judges until the compiled filter is ready and checked, and for good where the two disagree.
//
// It reads the model's rules as they are, not their lowered form, so that a mistake of a compiler pass cannot be in it too.

using System.Collections.Immutable;
using System.Linq;
using Dataplane.Compiler.Lower;
using Dataplane.Filters;
using Dataplane.Packets;
using Dataplane.Topology.Model;

namespace Dataplane.Compiler.Load;

/// <summary>Decides by walking a list's rules one by one.</summary>
/// <remarks>O(rules) per packet; allocates nothing when it decides. Thread-safe.</remarks>
public sealed class InterpretedFilter : Filter
{
    private readonly bool _isIngress;
    private readonly ImmutableArray<SecurityGroupRule> _rules = [];
    private readonly ImmutableArray<AddressSet?> _references = [];
    private readonly ImmutableArray<NetworkAclEntry> _entries = [];

    /// <param name="sets">Of the same network; shared by all its filters.</param>
    public InterpretedFilter(Network network, RuleListKey key, AddressSets sets)
    {
        _isIngress = key.IsIngress;
        if (key.Kind == ListKind.NetworkAcl)
        {
            NetworkAcl acl = network.NetworkAcls.Single(acl => acl.Id == key.OwnerId);
            _entries = key.IsIngress ? acl.Ingress : acl.Egress;
            return;
        }

        SecurityGroup group = network.SecurityGroups.Single(group => group.Id == key.OwnerId);
        _rules = key.IsIngress ? group.Ingress : group.Egress;
        _references = [.. _rules.Select(rule => rule.Peer switch
        {
            GroupPeer peer => sets.Members(key.VpcId, peer.GroupId).Set,
            PrefixListPeer peer => sets.Entries(peer.PrefixListId).Set,
            _ => null,
        })];
    }

    public override Decision Decide(in Headers packet)
    {
        IpAddress remote = _isIngress ? packet.Source : packet.Destination;
        for (int i = 0; i < _entries.Length; i++)
        {
            NetworkAclEntry entry = _entries[i];

            // protocol 58 with an IPv4 block matches every type and code.
            bool looksAtPorts = entry.Protocol != 58 || entry.Block.IsIpv6;
            if (entry.Block.Contains(remote)
                && (looksAtPorts ? Asks(entry.Protocol, entry.From, entry.To, in packet) : packet.Protocol == 58))
            {
                return entry.Allow ? Decision.Allow(i) : Decision.Deny(i);
            }
        }

        int first = -1;
        bool anyPeer = false, narrowPeer = false;
        for (int i = 0; i < _rules.Length; i++)
        {
            SecurityGroupRule rule = _rules[i];
            if (rule.MatchesNothing || !Asks(rule.Protocol, rule.From, rule.To, in packet))
            {
                continue;
            }

            bool isAny = false;
            if (rule.Peer is CidrPeer cidr)
            {
                if (!cidr.Block.Contains(remote))
                {
                    continue;
                }

                isAny = cidr.Block.IsAny;
            }
            else if ((rule.Peer is GroupPeer && (packet.Flags & HeaderFlags.ReferencesLost) != 0) || !_references[i]!.Contains(remote))
            {
                continue;
            }

            first = first < 0 ? i : first;
            anyPeer |= isAny;
            narrowPeer |= !isAny;
            if (anyPeer && narrowPeer)
            {
                break;
            }
        }

        return first < 0 ? Decision.None : Decision.Admit(first, anyPeer, narrowPeer);
    }

    /// <summary>Whether the packet is of that protocol and its ports, or ICMP type and code, are those of the rule.</summary>
    private static bool Asks(int protocol, int from, int to, in Headers packet)
    {
        if (protocol == -1)
        {
            return true;
        }

        if (packet.Protocol != protocol)
        {
            return false;
        }

        return protocol switch
        {
            6 or 17 when from == 0 && to == 65_535 => true,
            6 or 17 => packet.PortsKnown && packet.DestinationPort >= from && packet.DestinationPort <= to,
            1 or 58 when from == -1 && to == -1 => true,
            1 or 58 => packet.PortsKnown && (from == -1 || packet.IcmpType == from) && (to == -1 || packet.IcmpCode == to),
            _ => true,
        };
    }
}
