using System;
using System.Collections.Immutable;
using Dataplane.Packets;
using Dataplane.Topology.Model;

namespace Dataplane.Topology.Reference;

/// <summary>What a security group's list says of one packet.</summary>
/// <param name="Rule">0-based index of the first rule that matches, or -1.</param>
/// <param name="AnyPeer">Some matching rule has the peer 0.0.0.0/0 or ::/0 itself (CT-02 a, R-12).</param>
/// <param name="NarrowPeer">Some matching rule has another peer.</param>
public readonly record struct GroupMatch(int Rule, bool AnyPeer, bool NarrowPeer);

/// <summary>Asks one rule list, rule by rule: the meaning of a list, that compiled filters are held to.</summary>
/// <remarks>Pure and thread-safe. A packet without ports (a later fragment) matches only rules that look at no ports .</remarks>
public static class RuleLists
{
    /// <summary>The entry of a network ACL that decides: the lowest number that matches (ACL-01).</summary>
    /// <param name="ingress">True: inbound entries, by source; false: outbound entries, by destination (ACL-09).</param>
    /// <returns>0-based index in the direction's entries, or -1: the implicit end, which denies (ACL-04, ACL-05).</returns>
    public static int FirstAclEntry(NetworkAcl acl, bool ingress, in Headers packet)
    {
        ImmutableArray<NetworkAclEntry> entries = ingress ? acl.Ingress : acl.Egress;
        IpAddress remote = ingress ? packet.Source : packet.Destination;
        for (int i = 0; i < entries.Length; i++)
        {
            NetworkAclEntry entry = entries[i];
            if (entry.Block.Contains(remote) && Matches(entry, packet))    // ACL-08: a block holds addresses of its own family only
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>The rules of one security group that admit a packet; all of them count, the first is named (SG-03, R-18).</summary>
    /// <param name="ingress">True: the remote end is the source; false: the destination (SG-20).</param>
    /// <param name="covers">Whether a peer means an address: <see cref="PeerResolver.Covers"/> of the interface's VPC.</param>
    /// <remarks>With <see cref="HeaderFlags.ReferencesLost"/> references to groups match nothing (SG-33).</remarks>
    public static GroupMatch MatchGroup(
        ImmutableArray<SecurityGroupRule> rules, bool ingress, in Headers packet, Func<Peer, IpAddress, bool> covers)
    {
        IpAddress remote = ingress ? packet.Source : packet.Destination;
        bool referencesLost = (packet.Flags & HeaderFlags.ReferencesLost) != 0;
        int first = -1;
        bool anyPeer = false;
        bool narrowPeer = false;
        for (int i = 0; i < rules.Length; i++)
        {
            SecurityGroupRule rule = rules[i];
            if ((rule.Peer is GroupPeer && referencesLost) || !Matches(rule, packet) || !covers(rule.Peer, remote))
            {
                continue;
            }

            first = first < 0 ? i : first;
            bool any = rule.Peer is CidrPeer { Block.IsAny: true };
            anyPeer |= any;
            narrowPeer |= !any;
        }

        return new GroupMatch(first, anyPeer, narrowPeer);
    }

    /// <summary>Protocol, and ports or ICMP type and code, of a security-group rule (SG-11 to SG-17).</summary>
    private static bool Matches(SecurityGroupRule rule, in Headers packet)
    {
        if (rule.Protocol == -1)
        {
            return true;                                                   // SG-12
        }

        if (rule.Protocol != packet.Protocol)
        {
            return false;                                                  // SG-19
        }

        return rule.Protocol switch
        {
            6 or 17 => PortMatches(rule.From, rule.To, packet),            // SG-14
            1 or 58 => !rule.MatchesNothing && TypeMatches(rule.From, rule.To, packet),    // SG-15, SG-16, R-52
            _ => true,                                                     // SG-12
        };
    }

    /// <summary>The same of a network ACL's entry (ACL-10 to ACL-14).</summary>
    private static bool Matches(NetworkAclEntry entry, in Headers packet)
    {
        if (entry.Protocol == -1)
        {
            return true;
        }

        if (entry.Protocol != packet.Protocol)
        {
            return false;
        }

        return entry.Protocol switch
        {
            6 or 17 => PortMatches(entry.From, entry.To, packet),          // ACL-11
            58 when !entry.Block.IsIpv6 => true,                           // ACL-14 as R-38 reads it: protocol 58 only, any type
            1 or 58 => TypeMatches(entry.From, entry.To, packet),          // ACL-13
            _ => true,                                                     // ACL-11
        };
    }

    /// <summary>The destination port lies in the range; the source port is never looked at.</summary>
    private static bool PortMatches(int from, int to, in Headers packet) =>
        (from <= 0 && to >= 65_535) || (packet.PortsKnown && packet.DestinationPort >= from && packet.DestinationPort <= to);

    /// <summary>Type and code are equal, -1 standing for any.</summary>
    private static bool TypeMatches(int type, int code, in Headers packet) =>
        (type == -1 && code == -1)
        || (packet.PortsKnown && (type == -1 || packet.IcmpType == type) && (code == -1 || packet.IcmpCode == code));
}
