using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Packets;
using Dataplane.Topology.Model;

namespace Dataplane.Topology.Reference;

/// <summary>Which route of a table a destination takes, and what lies behind a VPC's gateways.</summary>
internal sealed class Routing
{
    // RT-11: link-local services cannot be routed, whatever the table says.
    private static readonly IpPrefix[] NeverRouted = [IpPrefix.Parse("169.254.168.0/22"), IpPrefix.Parse("fd00:ec2::/32")];

    private readonly Network _network;
    private readonly Dictionary<string, RouteTable> _tables;
    private readonly Dictionary<string, PrefixList> _lists;
    private readonly Dictionary<string, Gateway> _gateways;

    public Routing(Network network)
    {
        _network = network;
        _tables = network.RouteTables.ToDictionary(t => t.Id, StringComparer.Ordinal);
        _lists = network.PrefixLists.ToDictionary(l => l.Id, StringComparer.Ordinal);
        _gateways = network.Gateways.ToDictionary(g => g.Id, StringComparer.Ordinal);
    }

    public RouteTable Table(string id) => _tables[id];

    /// <summary>The table that rules what enters at a gateway (RT-19), or null.</summary>
    public RouteTable? EdgeTable(string gatewayId) =>
        _network.RouteTables.Where(t => t.GatewayIds.Contains(gatewayId)).OrderBy(t => t.Id, StringComparer.Ordinal).FirstOrDefault();

    /// <summary>PREFIX of a route's name: its block, or its list's id .</summary>
    public static string Name(Route route) => route.PrefixListId ?? route.Destination?.ToString() ?? "none";

    /// <summary>The route for a destination, or null: no fall-through to anything (RT-04, RT-05, RT-12, RT-14).</summary>
    public Route? Find(RouteTable table, IpAddress destination)
    {
        if (NeverRouted.Any(block => block.Contains(destination)))
        {
            return null;
        }

        // The longest block first, then the rank of its kind, then the list's id; LINQ's order is stable for what is left.
        return table.Routes
            .Select(route => (Route: route, Length: Length(route, destination)))
            .Where(found => found.Length >= 0 && !LosesToLocal(table, found.Route))
            .OrderByDescending(found => found.Length)
            .ThenBy(found => Rank(found.Route))
            .ThenBy(found => found.Route.PrefixListId ?? "", StringComparer.Ordinal)    // RT-08
            .Select(found => found.Route)
            .FirstOrDefault();
    }

    /// <summary>Whether an address outside lies behind a gateway of the VPC that is not enforced (contract 4.4, R-32).</summary>
    public bool IsBehindUnenforced(string vpcId, IpAddress source, bool vpcHasInternetGateway)
    {
        List<(int Length, bool Unenforced)> candidates = [];
        foreach (Route route in _network.RouteTables.Where(t => t.VpcId == vpcId).SelectMany(t => t.Routes))
        {
            int length = Length(route, source);
            if (length >= 0)
            {
                candidates.Add((length, route.Kind == TargetKind.Unsupported && SomethingLiesBehind(route.TargetId)));
            }
        }

        foreach (Gateway gateway in _network.Gateways.Where(g => g.VpcId == vpcId && SomethingLiesBehind(g.Id)))
        {
            candidates.AddRange(gateway.RemoteBlocks.Where(b => b.Contains(source)).Select(b => (b.Length, true)));
        }

        // 0.0.0.0/0 and ::/0 count only if the VPC has no internet gateway.
        candidates.RemoveAll(c => c.Length == 0 && vpcHasInternetGateway);
        return candidates.Count > 0 && candidates.Where(c => c.Length == candidates.Max(most => most.Length)).Any(c => c.Unenforced);
    }

    /// <summary>Packets may come from behind it: not a NAT gateway, whose sources are inside, nor an endpoint, nor an interface, nor the two kinds that are enforced.</summary>
    private bool SomethingLiesBehind(string targetId) => _gateways.TryGetValue(targetId, out Gateway? gateway)
        ? gateway.Kind is not (GatewayKind.Nat or GatewayKind.VpcEndpoint or GatewayKind.Internet or GatewayKind.EgressOnlyInternet)
        : !_network.Interfaces.Any(i => i.Id == targetId);

    /// <summary>The length of the route's block that holds the address; -1 when none does.</summary>
    private int Length(Route route, IpAddress destination)
    {
        if (route.Destination is { } block)
        {
            return block.Contains(destination) ? block.Length : -1;
        }

        return route.PrefixListId is { } id && _lists.TryGetValue(id, out PrefixList? list)
            ? list.Entries.Where(e => e.Contains(destination)).Select(e => e.Length).DefaultIfEmpty(-1).Max()
            : -1;
    }

    /// <summary>RT-05, RT-07: local, static block, prefix list, propagated.</summary>
    private static int Rank(Route route) =>
        route.Kind == TargetKind.Local ? 0
        : route.Origin == RouteOrigin.Propagated ? 3
        : route.PrefixListId is not null ? 2
        : 1;

    /// <summary>RT-06: a propagated route inside a local one loses to it, even when it is more specific.</summary>
    private static bool LosesToLocal(RouteTable table, Route route) =>
        route.Origin == RouteOrigin.Propagated
        && route.Destination is { } block
        && table.Routes.Any(local => local.Kind == TargetKind.Local && local.Destination is { } covering && covering.Covers(block));
}
