using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using Dataplane.Topology.Model;

namespace Dataplane.Compiler.Lower;

/// <summary>Whose rules a list holds.</summary>
public enum ListKind
{
    SecurityGroup,
    NetworkAcl,
}

/// <summary>One rule list that the engine may ask: a group's or ACL's rules of one direction, bound to the VPC whose interfaces its references mean.</summary>
/// <param name="Slot">Its number in the filter set.</param>
/// <param name="OwnerId">sg- or acl- id.</param>
/// <param name="VpcId">The VPC in which group references are resolved (SG-30: the same VPC); a group that serves two VPCs has two lists a direction.</param>
/// <param name="RuleNames">By rule index: <c>sg-app/ingress/1</c>, <c>acl-a/egress/100</c>.</param>
public sealed record RuleListKey(int Slot, ListKind Kind, string OwnerId, string VpcId, bool IsIngress, ImmutableArray<string> RuleNames);

/// <summary>The rule lists of a network by slot, in a fixed order: groups, then ACLs, by ordinal id, VPC, ingress before egress.</summary>
public sealed class FilterCatalog
{
    private readonly Dictionary<(ListKind, string, string, bool), RuleListKey> _byOwner = [];

    public FilterCatalog(Network network)
    {
        Network = network;
        ImmutableArray<RuleListKey>.Builder lists = ImmutableArray.CreateBuilder<RuleListKey>();
        foreach (SecurityGroup group in network.SecurityGroups)
        {
            foreach (string vpc in group.VpcIds)
            {
                Add(ListKind.SecurityGroup, group.Id, vpc, true, Names(group.Id, "ingress", group.Ingress));
                Add(ListKind.SecurityGroup, group.Id, vpc, false, Names(group.Id, "egress", group.Egress));
            }
        }

        foreach (NetworkAcl acl in network.NetworkAcls)
        {
            Add(ListKind.NetworkAcl, acl.Id, acl.VpcId, true, Names(acl.Id, "ingress", acl.Ingress));
            Add(ListKind.NetworkAcl, acl.Id, acl.VpcId, false, Names(acl.Id, "egress", acl.Egress));
        }

        Lists = lists.ToImmutable();

        void Add(ListKind kind, string owner, string vpc, bool ingress, ImmutableArray<string> names)
        {
            RuleListKey key = new(lists.Count, kind, owner, vpc, ingress, names);
            lists.Add(key);
            _byOwner.Add((kind, owner, vpc, ingress), key);
        }
    }

    public Network Network { get; }

    public ImmutableArray<RuleListKey> Lists { get; }

    /// <exception cref="KeyNotFoundException">The network has no such list.</exception>
    public RuleListKey Find(ListKind kind, string ownerId, string vpcId, bool ingress) => _byOwner[(kind, ownerId, vpcId, ingress)];

    private static ImmutableArray<string> Names(string id, string direction, ImmutableArray<SecurityGroupRule> rules) =>
        [.. Array.ConvertAll(rules.AsSpan().ToArray(), rule => $"{id}/{direction}/{rule.Name}")];

    private static ImmutableArray<string> Names(string id, string direction, ImmutableArray<NetworkAclEntry> entries) =>
        [.. Array.ConvertAll(entries.AsSpan().ToArray(), entry => $"{id}/{direction}/{entry.Number}")];
}
