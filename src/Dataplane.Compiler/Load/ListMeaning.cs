using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Compiler.Lower;
using Dataplane.Filters;
using Dataplane.Packets;
using Dataplane.Topology.Model;
using Dataplane.Topology.Reference;

namespace Dataplane.Compiler.Load;

/// <summary>What the reference interpreter says of a packet at one rule list, in the compiler's terms.</summary>
/// <remarks>Not thread-safe when it is asked for a judge; the judges are.</remarks>
public sealed class ListMeaning
{
    private readonly Network _network;
    private readonly Dictionary<string, SecurityGroup> _groups;
    private readonly Dictionary<string, NetworkAcl> _acls;
    private readonly Dictionary<string, PeerResolver> _peers = new(StringComparer.Ordinal);

    public ListMeaning(Network network)
    {
        _network = network;
        _groups = network.SecurityGroups.ToDictionary(group => group.Id, StringComparer.Ordinal);
        _acls = network.NetworkAcls.ToDictionary(acl => acl.Id, StringComparer.Ordinal);
    }

    /// <summary>The meaning of that list.</summary>
    public Func<Headers, Decision> Of(RuleListKey key)
    {
        if (key.Kind == ListKind.NetworkAcl)
        {
            NetworkAcl acl = _acls[key.OwnerId];
            return packet =>
            {
                int entry = RuleLists.FirstAclEntry(acl, key.IsIngress, in packet);
                return entry < 0 ? Decision.None
                    : (key.IsIngress ? acl.Ingress : acl.Egress)[entry].Allow ? Decision.Allow(entry)
                    : Decision.Deny(entry);
            };
        }

        SecurityGroup group = _groups[key.OwnerId];
        if (!_peers.TryGetValue(key.VpcId, out PeerResolver? peers))
        {
            _peers.Add(key.VpcId, peers = new PeerResolver(_network, key.VpcId));
        }

        return packet =>
        {
            GroupMatch match = RuleLists.MatchGroup(key.IsIngress ? group.Ingress : group.Egress, key.IsIngress, in packet, peers.Covers);
            return match.Rule < 0 ? Decision.None : Decision.Admit(match.Rule, match.AnyPeer, match.NarrowPeer);
        };
    }
}
