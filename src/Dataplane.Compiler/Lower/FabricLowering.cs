// From the model to the engine's plan: ids become numbers, lists become arrays, routes become longest-prefix maps. Everything that AWS's order of
// routes and our rulings decide without a packet is decided here, once:
//
//   which route of equal blocks wins (RT-05, RT-07, RT-08), which propagated ones never do (RT-06), dead gateways as blackholes,
//   CT-02 (b) by interface, direction, family and protocol, what lies behind gateways that are not enforced (R-32), service addresses (SG-38).
//
// Names are interned in the order in which they are met; those of rules when a packet first meets them (RuleNumbers).

using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Dataplane.Fabric;
using Dataplane.Filters;
using Dataplane.Flows;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Topology.Model;

namespace Dataplane.Compiler.Lower;

/// <summary>Makes the engine's plan of a network.</summary>
public sealed class FabricLowering
{
    private const long Second = 1_000_000_000;

    private static readonly IpAddress[] CommonServices =
    [
        .. new[]
        {
            "169.254.169.254", "169.254.169.253", "169.254.169.123", "169.254.169.250", "169.254.169.251", "169.254.170.2", "fd00:ec2::254", "fd00:ec2::253",
            "fd00:ec2::123",
        }.Select(IpAddress.Parse),
    ];

    private readonly Network _network;
    private readonly FilterCatalog _catalog;
    private readonly NameTable _names;
    private readonly Dictionary<string, int> _vpcs;
    private readonly Dictionary<string, int> _subnets;
    private readonly Dictionary<string, int> _interfaces;
    private readonly Dictionary<string, int> _tables;
    private readonly Dictionary<string, SecurityGroup> _groups;
    private readonly Dictionary<(string Group, bool IsIngress), (ProtocolSet V4, ProtocolSet V6)> _open = [];
    private readonly Dictionary<string, PrefixList> _prefixLists;
    private readonly ImmutableArray<Gateway> _internet;
    private readonly Dictionary<string, int> _gateways;
    private readonly Dictionary<string, Gateway> _allGateways;

    private FabricLowering(FilterCatalog catalog, ResultTables tables)
    {
        _catalog = catalog;
        _network = catalog.Network;
        _names = tables.Names;
        _vpcs = Number(_network.Vpcs, vpc => vpc.Id);
        _subnets = Number(_network.Subnets, subnet => subnet.Id);
        _interfaces = Number(_network.Interfaces, one => one.Id);
        _tables = Number(_network.RouteTables, table => table.Id);
        _groups = _network.SecurityGroups.ToDictionary(group => group.Id, StringComparer.Ordinal);
        _prefixLists = _network.PrefixLists.ToDictionary(list => list.Id, StringComparer.Ordinal);
        _internet = [.. _network.Gateways.Where(gateway => IsInternet(gateway) && gateway.VpcId is { } vpc && _vpcs.ContainsKey(vpc))];
        _gateways = Number(_internet, gateway => gateway.Id);
        _allGateways = _network.Gateways.ToDictionary(gateway => gateway.Id, StringComparer.Ordinal);
    }

    /// <param name="tables">Gets the names of everything that a path can hold.</param>
    public static FabricPlan Lower(FilterCatalog catalog, ResultTables tables) => new FabricLowering(catalog, tables).Lower();

    private FabricPlan Lower()
    {
        ListPlan[] lists = [.. _catalog.Lists.Select(list => new ListPlan(
            new RuleNumbers(_names, list.RuleNames),
            _names.Intern($"{list.OwnerId}/{(list.IsIngress ? "ingress" : "egress")}/*")))];
        PrefixMap vpcBlocks = new(_network.Vpcs.SelectMany((vpc, number) => vpc.Blocks.Select(block => (block, number))));
        List<AssociationPlan> associations = [];
        List<(IpAddress, int, int)> listed = [];
        foreach ((NetworkInterface one, int number) in _network.Interfaces.Select((one, number) => (one, number)))
        {
            foreach (InterfaceAddress address in one.Addresses)
            {
                int association = -1;
                if (address.Public is { } open)
                {
                    association = associations.Count;
                    associations.Add(new AssociationPlan(
                        address.Private, open, number, _names.Intern($"{address.Private}>{open}"), _names.Intern($"{open}>{address.Private}")));
                }

                listed.Add((address.Private, number, association));
            }
        }

        InterfacePlan[] interfaces = [.. _network.Interfaces.Select(Interface)];
        return new FabricPlan
        {
            Interfaces = interfaces,
            InterfaceTimeouts = [.. interfaces.Select(one => one.Timeouts)],
            Subnets = [.. _network.Subnets.Select(Subnet)],
            Vpcs = [.. _network.Vpcs.Select(Vpc)],
            Gateways = [.. _internet.Select(gateway => new GatewayPlan(
                _names.Intern(gateway.Id),
                _vpcs[gateway.VpcId!],
                gateway.Kind == GatewayKind.EgressOnlyInternet,
                _network.RouteTables.FirstOrDefault(table => table.GatewayIds.Contains(gateway.Id)) is { } edge ? _tables[edge.Id] : -1))],
            Tables = [.. _network.RouteTables.Select(Table)],
            Lists = lists,
            Addresses = new OwnerMap(
                listed,
                _network.Interfaces.SelectMany((one, number) => one.Prefixes.Select(prefix => (prefix, number))),
                [.. associations],
                [.. interfaces.Select(one => one.Vpc)],
                vpcBlocks),
        };
    }

    private InterfacePlan Interface(NetworkInterface one)
    {
        string subnetVpc = _network.Subnets[_subnets[one.SubnetId]].VpcId;
        return new InterfacePlan
        {
            Name = _names.Intern(one.Id),
            Vpc = _vpcs[subnetVpc],
            Subnet = _subnets[one.SubnetId],
            IsManaged = one.Kind == InterfaceKind.Managed || one.SecurityGroupIds.IsEmpty,
            AutoTracks = one.Service != TrackedService.None,
            IsBalancer = one.Service == TrackedService.NetworkLoadBalancer,
            OnlyAnswers = one.Service == TrackedService.InterfaceEndpoint,
            Unenforced = one.Unenforced is { } component ? _names.Intern(component) : NameTable.None,
            SourceDestCheck = one.SourceDestCheck,
            DenyAllIgwTraffic = one.DenyAllIgwTraffic,
            HasPublic = one.Addresses.Any(address => address.Public is not null),
            Timeouts = new InterfaceTimeouts(one.Timeouts.TcpEstablished * Second, one.Timeouts.UdpStream * Second, one.Timeouts.Udp * Second),
            Ingress = Groups(one, subnetVpc, true),
            Egress = Groups(one, subnetVpc, false),
        };
    }

    private GroupListPlan Groups(NetworkInterface one, string vpc, bool ingress)
    {
        string[] ids = [.. one.SecurityGroupIds.Order(StringComparer.Ordinal)];
        bool answers = !ingress && one.Service == TrackedService.InterfaceEndpoint;    // IFE-03: no rule lets it begin anything
        ProtocolSet openV4 = default, openV6 = default;
        foreach (string id in ids)
        {
            (ProtocolSet v4, ProtocolSet v6) = Open(id, ingress);
            openV4 |= v4;
            openV6 |= v6;
        }

        return new GroupListPlan
        {
            Lists = answers ? [] : [.. ids.Select(id => _catalog.Find(ListKind.SecurityGroup, id, vpc, ingress).Slot)],
            None = ids.Length == 0 || answers ? NameTable.None : _names.Intern($"{string.Join('+', ids)}/{(ingress ? "ingress" : "egress")}/none"),
            OpenV4 = openV4,
            OpenV6 = openV6,
        };
    }

    /// <summary>CT-02 (b): the protocols for which one rule of a group with exactly the peer 0.0.0.0/0 (::/0) is open to all ports.</summary>
    private (ProtocolSet V4, ProtocolSet V6) Open(string groupId, bool ingress)
    {
        if (!_open.TryGetValue((groupId, ingress), out (ProtocolSet V4, ProtocolSet V6) open))
        {
            ImmutableArray<SecurityGroupRule> rules = ingress ? _groups[groupId].Ingress : _groups[groupId].Egress;
            open = (Open(rules, IpPrefix.AnyV4), Open(rules, IpPrefix.AnyV6));
            _open.Add((groupId, ingress), open);
        }

        return open;
    }

    private static ProtocolSet Open(ImmutableArray<SecurityGroupRule> rules, IpPrefix peer)
    {
        HashSet<int>? open = null;
        foreach (SecurityGroupRule rule in rules)
        {
            if (rule.Peer is not CidrPeer cidr || !cidr.Block.IsAny || cidr.Block != peer)
            {
                continue;
            }

            open ??= [];
            if (rule.Protocol == -1)
            {
                open.UnionWith(Enumerable.Range(0, 256));
            }
            else if (rule.Protocol switch
            {
                6 or 17 => rule.From <= 0 && rule.To >= 65_535,
                1 or 58 => rule.From == -1 && rule.To == -1,
                _ => true,
            })
            {
                open.Add(rule.Protocol);
            }
        }

        return open is null ? default : new ProtocolSet(open);
    }

    private SubnetPlan Subnet(Subnet subnet) => new(
        _vpcs[subnet.VpcId],
        _tables[subnet.RouteTableId],
        _catalog.Find(ListKind.NetworkAcl, subnet.NetworkAclId, subnet.VpcId, true).Slot,
        _catalog.Find(ListKind.NetworkAcl, subnet.NetworkAclId, subnet.VpcId, false).Slot,
        [.. subnet.Blocks]);

    private VpcPlan Vpc(Vpc vpc)
    {
        IpPrefix? primary = vpc.Blocks.Where(block => !block.IsIpv6).Select(block => (IpPrefix?)block).FirstOrDefault();
        List<IpAddress> services = [.. CommonServices];
        if (primary is { } first)
        {
            services.Add(first.Address.Plus(2));
        }

        services.AddRange(_network.Subnets.Where(subnet => subnet.VpcId == vpc.Id).SelectMany(subnet => subnet.Blocks)
            .Where(block => !block.IsIpv6).Select(block => block.Address.Plus(1)));
        int internet = Attached(vpc, GatewayKind.Internet);
        return new VpcPlan
        {
            Name = _names.Intern(vpc.Id),
            InternetGateway = internet,
            EgressOnlyGateway = Attached(vpc, GatewayKind.EgressOnlyInternet),
            PrimaryBlock = primary,
            Services = new AddressSet(services.Select(address => new IpPrefix(address, address.Bits))),
            Behind = Behind(vpc, internet >= 0),
        };
    }

    private int Attached(Vpc vpc, GatewayKind kind)
    {
        Gateway? gateway = _internet.Where(one => one.Kind == kind && one.VpcId == vpc.Id).MinBy(one => one.Id, StringComparer.Ordinal);
        return gateway is null ? -1 : _gateways[gateway.Id];
    }

    /// <summary>R-32: of each block that a table or gateway of the VPC names, whether it lies behind a gateway that is not enforced.</summary>
    private PrefixMap Behind(Vpc vpc, bool hasInternetGateway)
    {
        Dictionary<IpPrefix, int> best = [];
        foreach (RouteTable table in _network.RouteTables.Where(table => table.VpcId == vpc.Id))
        {
            foreach (Route route in table.Routes)
            {
                int gateway = route.Kind == TargetKind.Unsupported && IsWayOut(route.TargetId) ? _names.Intern(route.TargetId) : -1;
                foreach (IpPrefix block in Blocks(route))
                {
                    Offer(block, gateway);
                }
            }
        }

        foreach (Gateway gateway in _network.Gateways.Where(gateway => gateway.VpcId == vpc.Id && IsWayOut(gateway.Id)))
        {
            foreach (IpPrefix block in gateway.RemoteBlocks)
            {
                Offer(block, _names.Intern(gateway.Id));
            }
        }

        return new PrefixMap(best.Select(entry => (entry.Key, entry.Value)));

        void Offer(IpPrefix block, int gateway)
        {
            if (block.IsAny && gateway >= 0 && hasInternetGateway)
            {
                return;
            }

            if (!best.TryGetValue(block, out int known) || known < 0
                || (gateway >= 0 && string.CompareOrdinal(_names[gateway], _names[known]) < 0))
            {
                best[block] = gateway;
            }
        }
    }

    /// <summary>Whether address space can lie behind such a target: VPN, Direct Connect, transit gateway, peering and their like.</summary>
    private bool IsWayOut(string id) => _allGateways.TryGetValue(id, out Gateway? gateway)
        ? gateway.Kind is not (GatewayKind.Internet or GatewayKind.EgressOnlyInternet or GatewayKind.Nat or GatewayKind.VpcEndpoint)
        : !_interfaces.ContainsKey(id) && !id.StartsWith("nat-", StringComparison.Ordinal) && !id.StartsWith("vpce-", StringComparison.Ordinal);

    private RouteTablePlan Table(RouteTable table)
    {
        Dictionary<IpPrefix, (int Rank, string List, Route Route)> best = [];
        IpPrefix[] local = [.. table.Routes.Where(route => route.Kind == TargetKind.Local).SelectMany(Blocks)];
        foreach (Route route in table.Routes)
        {
            int rank = route.Kind == TargetKind.Local ? 0
                : route.Origin == RouteOrigin.Propagated ? 3
                : route.PrefixListId is null ? 1
                : 2;
            foreach (IpPrefix block in Blocks(route))
            {
                if (rank == 3 && local.Any(one => one.Covers(block)))
                {
                    continue;
                }

                string list = route.PrefixListId ?? "";
                if (!best.TryGetValue(block, out (int Rank, string List, Route Route) known)
                    || rank < known.Rank
                    || (rank == known.Rank && string.CompareOrdinal(list, known.List) < 0))
                {
                    best[block] = (rank, list, route);
                }
            }
        }

        List<RoutePlan> routes = [];
        Dictionary<Route, int> numbers = new(ReferenceEqualityComparer.Instance);
        List<(IpPrefix, int)> map = [];
        foreach ((IpPrefix block, (_, _, Route route)) in best)
        {
            if (!numbers.TryGetValue(route, out int number))
            {
                number = routes.Count;
                routes.Add(Plan(table, route));
                numbers.Add(route, number);
            }

            map.Add((block, number));
        }

        return new RouteTablePlan(_names.Intern($"{table.Id}/none"), new PrefixMap(map), [.. routes]);
    }

    private RoutePlan Plan(RouteTable table, Route route)
    {
        int name = _names.Intern($"{table.Id}/{route.PrefixListId ?? route.Destination!.Value.ToString()}");
        (RouteKind kind, int target) = route.Kind switch
        {
            TargetKind.Local => (RouteKind.Local, -1),
            TargetKind.NetworkInterface => _interfaces.TryGetValue(route.TargetId, out int number) ? (RouteKind.Interface, number) : (RouteKind.Blackhole, -1),
            TargetKind.InternetGateway or TargetKind.EgressOnlyInternetGateway =>
                _gateways.TryGetValue(route.TargetId, out int number) && _internet[number].VpcId == table.VpcId ? (RouteKind.Gateway, number) : (RouteKind.Blackhole, -1),
            TargetKind.Blackhole => (RouteKind.Blackhole, -1),
            _ => (RouteKind.Unsupported, -1),
        };
        return new RoutePlan(kind, target, name, kind is RouteKind.Gateway or RouteKind.Unsupported ? _names.Intern(route.TargetId) : NameTable.None);
    }

    private IEnumerable<IpPrefix> Blocks(Route route) =>
        route.Destination is { } block ? [block]
        : route.PrefixListId is { } id && _prefixLists.TryGetValue(id, out PrefixList? list) ? list.Entries
        : [];

    private static bool IsInternet(Gateway gateway) => gateway.Kind is GatewayKind.Internet or GatewayKind.EgressOnlyInternet;

    private static Dictionary<string, int> Number<T>(ImmutableArray<T> items, Func<T, string> id)
    {
        Dictionary<string, int> numbers = new(StringComparer.Ordinal);
        for (int i = 0; i < items.Length; i++)
        {
            numbers.Add(id(items[i]), i);
        }

        return numbers;
    }
}
