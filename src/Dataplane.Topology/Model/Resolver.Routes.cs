using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Dataplane.Packets;

namespace Dataplane.Topology.Model;

public sealed partial class Resolver
{
    private readonly Dictionary<string, RouteTable> _tables = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _tableOfSubnet = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _tableOfGateway = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _mainTables = new(StringComparer.Ordinal);
    private readonly HashSet<string> _targets = new(StringComparer.Ordinal);

    private void RouteTables()
    {
        foreach (RouteTableDraft draft in Index(_draft.RouteTables, "route table").Values)
        {
            if (!InKnownVpc(draft, draft.VpcId, "route table"))
            {
                continue;
            }

            string vpcId = draft.VpcId!;
            if (draft.IsMain && !_mainTables.TryAdd(vpcId, draft.Id))
            {
                _faults.Error(draft.Where, $"{vpcId} already has the main table {_mainTables[vpcId]}", "Mark one table as main (RT-02)");
            }

            foreach (string subnetId in draft.SubnetIds)
            {
                Associate(draft, vpcId, subnetId, "route table", _tableOfSubnet);
            }

            Vpc vpc = _vpcs[vpcId];
            ImmutableArray<Route> routes = Routes(draft, vpc);
            foreach (string gatewayId in draft.GatewayIds)
            {
                EdgeTable(draft, vpc, gatewayId, routes);
            }

            foreach (string gatewayId in draft.PropagatingGateways)
            {
                if (!_gateways.ContainsKey(gatewayId))
                {
                    Assume(gatewayId, GatewayKind.VirtualPrivate, vpcId, draft.Where);
                }
            }

            _tables.Add(draft.Id, new RouteTable(
                draft.Id, vpcId, draft.IsMain, routes,
                [.. draft.GatewayIds.Where(_gateways.ContainsKey).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)],
                [.. draft.PropagatingGateways.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)]));
        }

        NotEnforced(_targets);
    }

    private ImmutableArray<Route> Routes(RouteTableDraft table, Vpc vpc)
    {
        List<Route> routes = [];
        Dictionary<(IpPrefix?, string?, RouteOrigin), Route> seen = [];
        foreach (RouteDraft draft in table.Routes)
        {
            string where = draft.Where.Length > 0 ? draft.Where : table.Where;
            if (RouteOf(draft, vpc, where) is not { } route)
            {
                continue;
            }

            if (seen.TryAdd((route.Destination, route.PrefixListId, route.Origin), route))
            {
                routes.Add(route);
            }
            else if (seen[(route.Destination, route.PrefixListId, route.Origin)] != route)
            {
                _faults.Error(
                    where, $"a second route to {route.Destination?.ToString() ?? route.PrefixListId} leads elsewhere: {Quote(seen[(route.Destination, route.PrefixListId, route.Origin)].TargetId)} and {Quote(route.TargetId)}",
                    "Keep one of the two");
            }
        }

        // A static route to a whole block of the VPC stands in place of the local one (RT-10).
        IEnumerable<Route> local = vpc.Blocks
            .Where(b => !routes.Exists(r => r.Destination == b && r.Origin != RouteOrigin.Propagated))
            .Select(b => new Route(b, null, TargetKind.Local, "local", RouteOrigin.Local));
        ImmutableArray<Route> all = [.. local, .. routes];
        if (table.GatewayIds.Count == 0)
        {
            InsideVpc(table, vpc, all);
        }

        SharedEntries(table, all);
        return all;
    }

    private Route? RouteOf(RouteDraft draft, Vpc vpc, string where)
    {
        if (draft.Destination is null == draft.PrefixListId is null)
        {
            _faults.Error(where, "the route has no destination, or several", "Give exactly one of an IPv4 block, an IPv6 block, a prefix list (RT-26)");
            return null;
        }

        IpPrefix? destination = null;
        if (draft.Destination is not null)
        {
            if (!IpPrefix.TryParse(draft.Destination, out IpPrefix block))
            {
                BadBlock(where, draft.Destination);
                return null;
            }

            if (draft.DestinationIsIpv6 == !block.IsIpv6)
            {
                _faults.Error(
                    where,
                    $"{Quote(draft.Destination)} is an {(block.IsIpv6 ? "IPv6" : "IPv4")} block",
                    $"Write it as {(block.IsIpv6 ? "DestinationIpv6CidrBlock" : "DestinationCidrBlock")} (RT-26)");
                return null;
            }

            destination = block;
        }

        string name = destination?.ToString() ?? draft.PrefixListId!;
        where = $"{where}, route {Documents.SafeText.Line(name, 80)}";
        switch (draft.State?.ToUpperInvariant())
        {
            case null or "ACTIVE":
                break;
            case "FILTERED":
                return null;    // RT-13: not installed
            case "BLACKHOLE":
                UseListOf(draft, where);
                return new Route(destination, draft.PrefixListId, TargetKind.Blackhole, draft.TargetId ?? "", OriginOf(draft, where));
            default:
                _faults.Warn(where, $"the route's state {Quote(draft.State)} is unknown: taken as active", "Check the route");
                break;
        }

        UseListOf(draft, where);
        RouteOrigin origin = OriginOf(draft, where);
        (TargetKind kind, string target) = TargetOf(draft, vpc, where);
        return new Route(destination, draft.PrefixListId, kind, target, kind == TargetKind.Local ? RouteOrigin.Local : origin);
    }

    private void UseListOf(RouteDraft draft, string where)
    {
        if (draft.PrefixListId is not null)
        {
            UseList(where, draft.PrefixListId);
        }
    }

    /// <summary>RT-24. A route that CreateRouteTable made and that is not local has had its target replaced (RT-10).</summary>
    private RouteOrigin OriginOf(RouteDraft draft, string where)
    {
        switch (draft.Origin)
        {
            case null or "CreateRoute" or "CreateRouteTable":
                return RouteOrigin.Static;
            case "EnableVgwRoutePropagation" or "Advertisement":
                return RouteOrigin.Propagated;
            default:
                _faults.Warn(where, $"the route's origin {Quote(draft.Origin)} is unknown: taken as static", "Check the route");
                return RouteOrigin.Static;
        }
    }

    private (TargetKind Kind, string Id) TargetOf(RouteDraft draft, Vpc vpc, string where)
    {
        if (draft.TargetId is not { } id)
        {
            _faults.Warn(where, "the route has no target that we know: packets that it takes are denied UNSUPPORTED_COMPONENT", "Check the route");
            return (TargetKind.Unsupported, "unknown");
        }

        if (id == "local")
        {
            return (TargetKind.Local, id);
        }

        if (draft.TargetIsInstance)
        {
            return _firstInterfaces.TryGetValue(id, out string? first)
                ? InterfaceTarget(_interfaces[first], vpc, where)
                : NoTarget($"the instance {Quote(id)} is in no file or has no interface", id, where);
        }

        if (_interfaces.TryGetValue(id, out NetworkInterface? card))
        {
            return InterfaceTarget(card, vpc, where);
        }

        if (id.StartsWith("eni-", StringComparison.Ordinal) || _interfaceDrafts.ContainsKey(id))
        {
            return NoTarget($"the interface {Quote(id)} is in no file", id, where);
        }

        if (!_gateways.TryGetValue(id, out KnownGateway? gateway))
        {
            GatewayKind hint = draft.TargetHint is { } h and not GatewayKind.Other ? h : KindOfId(id);
            gateway = Assume(id, hint, vpc.Id, where);
            if (IsEnforced(hint))
            {
                _faults.Warn(
                    where, $"the {Name(hint)} {Quote(id)} is in no file: taken as attached to {vpc.Id}, since the route is active", "Add the output of describe-internet-gateways");
            }
        }

        return GatewayTarget(gateway, vpc, where);
    }

    private (TargetKind Kind, string Id) InterfaceTarget(NetworkInterface card, Vpc vpc, string where)
    {
        if (card.VpcId != vpc.Id)
        {
            return NoTarget($"the interface {card.Id} is in {card.VpcId}, not in {vpc.Id}", card.Id, where);
        }

        if (card.Unenforced is not { } component)
        {
            return (TargetKind.NetworkInterface, card.Id);
        }

        _targets.Add(component);
        return (TargetKind.Unsupported, component);
    }

    private (TargetKind Kind, string Id) GatewayTarget(KnownGateway gateway, Vpc vpc, string where)
    {
        string id = gateway.Record.Id;
        GatewayKind kind = gateway.Record.Kind;
        if (gateway.Gone)
        {
            return NoTarget($"the {Name(kind)} {id} is in a state that carries nothing", id, where);
        }

        if (IsEnforced(kind))
        {
            if (!gateway.VpcIds.Contains(vpc.Id))
            {
                string attached = gateway.VpcIds.Count == 0 ? "no VPC of the topology" : gateway.VpcIds[0];
                return NoTarget($"the {Name(kind)} {id} is attached to {attached}, not to {vpc.Id}", id, where);
            }

            return (kind == GatewayKind.Internet ? TargetKind.InternetGateway : TargetKind.EgressOnlyInternetGateway, id);
        }

        _targets.Add(id);
        return (TargetKind.Unsupported, id);
    }

    private (TargetKind Kind, string Id) NoTarget(string why, string id, string where)
    {
        _faults.Warn(where, $"{why}: the route is a blackhole", "Correct the route, or add what it leads to");
        return (TargetKind.Blackhole, id);
    }

    private bool IsSubnetBlock(Vpc vpc, IpPrefix block) => _subnetBlocks.Contains((vpc.Id, block));

    /// <summary>NAT gateway, interface or Gateway Load Balancer endpoint: what may stand in place of local, or be more specific (RT-09, RT-10).</summary>
    private bool IsAppliance(Route route) => route.Kind is TargetKind.NetworkInterface or TargetKind.Blackhole
        || (_gateways.TryGetValue(route.TargetId, out KnownGateway? gateway) && gateway.Record.Kind is GatewayKind.Nat or GatewayKind.VpcEndpoint);

    private void InsideVpc(RouteTableDraft table, Vpc vpc, ImmutableArray<Route> routes)
    {
        foreach (Route route in routes)
        {
            if (route.Origin != RouteOrigin.Static || route.Destination is not { } block || !vpc.Blocks.Any(b => b.Covers(block)))
            {
                continue;
            }

            bool whole = vpc.Blocks.Contains(block);
            if (!IsAppliance(route) || (!whole && !IsSubnetBlock(vpc, block)))
            {
                _faults.Warn(
                    $"{table.Where}, route {block}",
                    $"AWS refuses a route to {block} inside {vpc.Id} unless it is a whole block of the VPC or of a subnet, and leads to a NAT gateway, an interface or a Gateway Load Balancer endpoint (RT-09, RT-10); it is used as it stands",
                    "Check the route");
            }
        }
    }

    private void EdgeTable(RouteTableDraft table, Vpc vpc, string gatewayId, ImmutableArray<Route> routes)
    {
        if (!_gateways.TryGetValue(gatewayId, out KnownGateway? gateway))
        {
            gateway = Assume(gatewayId, KindOfId(gatewayId), vpc.Id, table.Where);
        }

        if (gateway.Record.Kind is not (GatewayKind.Internet or GatewayKind.VirtualPrivate))
        {
            _faults.Warn(table.Where, $"it is associated with the {Name(gateway.Record.Kind)} {Quote(gatewayId)}; only internet and virtual private gateways have edge tables (RT-19)", "Check the association");
        }
        else if (!gateway.VpcIds.Contains(vpc.Id))
        {
            _faults.Warn(table.Where, $"it is associated with {Quote(gatewayId)}, which is not attached to {vpc.Id}", "Check the association");
        }

        if (!_tableOfGateway.TryAdd(gatewayId, table.Id) && _tableOfGateway[gatewayId] != table.Id)
        {
            _faults.Error(table.Where, $"{Quote(gatewayId)} already has the route table {_tableOfGateway[gatewayId]}", "Associate each gateway with one table");
        }

        foreach (Route route in routes)
        {
            bool target = route.Kind is TargetKind.Local or TargetKind.NetworkInterface or TargetKind.Blackhole
                || (_gateways.TryGetValue(route.TargetId, out KnownGateway? to) && to.Record.Kind == GatewayKind.VpcEndpoint);
            bool destination = route.Destination is { } block && (vpc.Blocks.Contains(block) || IsSubnetBlock(vpc, block));
            if (!target || !destination || route.Origin == RouteOrigin.Propagated)
            {
                _faults.Warn(
                    $"{table.Where}, route {route.Destination?.ToString() ?? route.PrefixListId}",
                    "the table of a gateway may only lead whole blocks of the VPC or of a subnet to local, an interface or a Gateway Load Balancer endpoint (RT-20, RT-21); the route is used as it stands",
                    "Check the route");
            }
        }

        if (table.PropagatingGateways.Count > 0)
        {
            _faults.Warn(table.Where, "routes are propagated into the table of a gateway, which AWS refuses (RT-21)", "Check the table");
        }
    }

    /// <summary>RT-08: two lists of one table with a common entry and different targets; AWS picks one, we take the lowest list id.</summary>
    private void SharedEntries(RouteTableDraft table, ImmutableArray<Route> routes)
    {
        Dictionary<IpPrefix, Route> owners = [];
        HashSet<(string, string)> named = [];
        foreach (Route route in routes.Where(r => r.PrefixListId is not null).OrderBy(r => r.PrefixListId, StringComparer.Ordinal))
        {
            foreach (IpPrefix entry in _lists[route.PrefixListId!].Entries)
            {
                if (!owners.TryAdd(entry, route) && owners[entry] is var other && other.TargetId != route.TargetId
                    && named.Add((other.PrefixListId!, route.PrefixListId!)))
                {
                    _faults.Warn(
                        table.Where, $"{other.PrefixListId} and {route.PrefixListId} both hold {entry} and lead to different targets: {other.PrefixListId} is used",
                        "Make the lists disjoint; AWS picks one at random (RT-08)");
                }
            }
        }
    }
}
