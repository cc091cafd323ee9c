using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Packets;
using Dataplane.Topology.Model;

namespace Dataplane.Topology.Reference;

/// <summary>Says whether an address is what a rule's peer means, for interfaces of one VPC.</summary>
/// <remarks>
/// A group means the private addresses of its members in that VPC, IPv6 and delegated prefixes among them, never public ones (SG-25, SG-29, SG-30); a
/// prefix list means its entries (SG-36). A group or list that no file describes means nothing (SG-34). Immutable.
/// </remarks>
public sealed class PeerResolver
{
    private readonly Dictionary<string, HashSet<IpAddress>> _members = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<IpPrefix>> _memberPrefixes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, PrefixList> _lists;

    public PeerResolver(Network network, string vpcId)
    {
        _lists = network.PrefixLists.ToDictionary(list => list.Id, StringComparer.Ordinal);
        foreach (NetworkInterface member in network.Interfaces.Where(i => i.VpcId == vpcId))
        {
            foreach (string group in member.SecurityGroupIds)
            {
                if (!_members.TryGetValue(group, out HashSet<IpAddress>? addresses))
                {
                    _members.Add(group, addresses = []);
                    _memberPrefixes.Add(group, []);
                }

                addresses.UnionWith(member.Addresses.Select(a => a.Private));
                _memberPrefixes[group].AddRange(member.Prefixes);
            }
        }
    }

    /// <summary>Whether the peer covers the address.</summary>
    public bool Covers(Peer peer, IpAddress address) => peer switch
    {
        CidrPeer cidr => cidr.Block.Contains(address),
        PrefixListPeer list => _lists.TryGetValue(list.PrefixListId, out PrefixList? found) && found.Entries.Any(e => e.Contains(address)),
        GroupPeer group => _members.TryGetValue(group.GroupId, out HashSet<IpAddress>? members)
            && (members.Contains(address) || _memberPrefixes[group.GroupId].Any(p => p.Contains(address))),
        _ => false,
    };
}
