// One packet's way through the topology, in the order of section 6 (ORD) of AWS's pieces and of docs/decisions/0002-the-walk.md, sections 3 to 5.
//
// Each method is one stage and ends by calling the next or by an outcome. Depth is bounded: a packet that is forwarded looks up a route, and 16 routes end
// the walk. The walk changes nothing but itself; what an allowed packet leaves behind stands in Touches.

using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Topology.Model;

namespace Dataplane.Topology.Reference;

/// <summary>What walks ask; the same for all of one network.</summary>
internal sealed record Terrain(
    Network Network, JudgeOptions Options, AddressBook Addresses, Routing Routing, SecurityGroups Groups, ReturnPaths Returns)
{
    private readonly Dictionary<string, Subnet> _subnets = Network.Subnets.ToDictionary(s => s.Id, StringComparer.Ordinal);
    private readonly Dictionary<string, NetworkAcl> _acls = Network.NetworkAcls.ToDictionary(a => a.Id, StringComparer.Ordinal);
    private readonly Dictionary<string, Gateway> _gateways = Network.Gateways.ToDictionary(g => g.Id, StringComparer.Ordinal);

    public Subnet Subnet(string id) => _subnets[id];

    public NetworkAcl Acl(string id) => _acls[id];

    public Gateway Gateway(string id) => _gateways[id];
}

/// <summary>The walk of one packet. Use once.</summary>
internal sealed class Walk(Terrain terrain, Headers packet, Headers quote, long now)
{
    private const int MostRoutes = 16;

    private static readonly IpPrefix[] NoUnicast = [IpPrefix.Parse("224.0.0.0/4"), IpPrefix.Parse("ff00::/8"), IpPrefix.Parse("255.255.255.255/32")];

    private readonly List<string> _path = [];
    private Headers _packet = packet;
    private string? _from;
    private string? _to;
    private string? _rule;
    private FlowState _state;
    private int _routes;
    private bool _isForwarded;

    /// <summary>What an allowed packet changes in the interfaces' memory.</summary>
    public List<Touch> Touches { get; } = [];

    /// <summary>By which gateway an allowed packet left the topology, or null.</summary>
    public string? ExitGateway { get; private set; }

    private AddressBook Addresses => terrain.Addresses;

    /// <summary>Walks from where the packet was placed to its end.</summary>
    public Outcome From(Place place)
    {
        _from = place.From;
        _path.Add(_from!);
        switch (place.Entrance)
        {
            case Entrance.Interface:
                return Leave(place.Interface!);
            case Entrance.InternetGateway:
                return ComeIn(place.GatewayId!, place.VpcId!, isReentry: false);
            case Entrance.EgressOnlyGateway:
                return ComeInByEgressOnly(place.VpcId!);
            default:
                return Deny(DenyReason.EIGW_INBOUND);
        }
    }

    // ---- Out of an interface (ORD-01, ORD-02, ORD-18) ----

    private Outcome Leave(NetworkInterface from)
    {
        Subnet subnet = terrain.Subnet(from.SubnetId);
        IpAddress destination = _packet.Destination;

        // RT-28: only an appliance may send what is not its own.
        if (from.SourceDestCheck && !AddressBook.Owns(from, _packet.Source))
        {
            return Deny(DenyReason.ENI_SOURCE_DEST_CHECK_RESTRICTION);
        }

        if (AskGroups(from, ingress: false) is { } refused)
        {
            return refused;
        }

        if (terrain.Options.BlockPort25 && !_isForwarded && IsBlockedMail(from))
        {
            return Deny(DenyReason.PORT_25_BLOCKED);
        }

        // RT-18, R-35.
        if (NoUnicast.Any(block => block.Contains(destination)))
        {
            return Deny(DenyReason.MULTICAST_NOT_SUPPORTED);
        }

        // RT-16, ACL-21, ORD-04: inside a subnet neither the ACL nor the table is asked.
        if (Addresses.Owner(destination, from.VpcId) is { } neighbour && neighbour.SubnetId == subnet.Id)
        {
            _to = neighbour.Id;
            return Enter(neighbour, asksAcl: false);
        }

        if (AddressBook.Contains(subnet.Blocks, destination))
        {
            return Deny(DenyReason.NO_INTERFACE_AT_DESTINATION);
        }

        if (AskAcl(subnet, ingress: false) is { } closed)
        {
            return closed;
        }

        return TakeRoute(terrain.Routing.Table(subnet.RouteTableId), out Route? route) ?? route!.Kind switch
        {
            TargetKind.Local => DeliverLocally(from.VpcId),
            TargetKind.NetworkInterface => EnterAppliance(route.TargetId, subnet.Id),
            TargetKind.InternetGateway => GoOut(route.TargetId, translates: true),
            TargetKind.EgressOnlyInternetGateway when _packet.IsIpv6 => GoOut(route.TargetId, translates: false),
            _ => Unsupported(route.TargetId),
        };
    }

    /// <summary>SG-39: EC2 blocks outbound mail to public addresses, outside groups and ACLs.</summary>
    private bool IsBlockedMail(NetworkInterface from)
    {
        IpAddress destination = _packet.Destination;
        bool isInPrimary = Addresses.Vpc(from.VpcId).Blocks.Where(b => !b.IsIpv6).Take(1).Any(b => b.Contains(destination));
        return _packet.Protocol == 6 && _packet.PortsKnown && _packet.DestinationPort == 25
            && !isInPrimary && !AddressBook.IsRfc1918(destination) && !AddressBook.IsRfc6598(destination) && !AddressBook.IsRfc4193(destination);
    }

    private Outcome EnterAppliance(string interfaceId, string sendersSubnet)
    {
        NetworkInterface appliance = Addresses.Interface(interfaceId);
        _to = appliance.Id;
        return Enter(appliance, asksAcl: appliance.SubnetId != sendersSubnet);
    }

    /// <summary>A local route, or an edge table's: to the interface that has the address, if any (RT-15, R-36).</summary>
    private Outcome DeliverLocally(string vpcId)
    {
        if (Addresses.Owner(_packet.Destination, vpcId) is not { } target)
        {
            return Deny(DenyReason.NO_INTERFACE_AT_DESTINATION);
        }

        _to = target.Id;
        return Enter(target, asksAcl: true);
    }

    // ---- Into an interface (ORD-03, ORD-08) ----

    private Outcome Enter(NetworkInterface to, bool asksAcl)
    {
        if (asksAcl && AskAcl(terrain.Subnet(to.SubnetId), ingress: true) is { } closed)
        {
            return closed;
        }

        if (AskGroups(to, ingress: true) is { } refused)
        {
            return refused;
        }

        _path.Add(to.Id);
        if (AddressBook.Owns(to, _packet.Destination))
        {
            return Allow();
        }

        if (to.SourceDestCheck)
        {
            return Deny(DenyReason.ENI_SOURCE_DEST_CHECK_RESTRICTION);    // RT-28, RT-29
        }

        _isForwarded = true;
        _packet.Flags |= HeaderFlags.ReferencesLost;
        return Leave(to);
    }

    // ---- In by an internet gateway (ORD-07, IGW-01 to IGW-06) ----

    /// <param name="isReentry">It has just left by an internet gateway of the topology; else it was placed here.</param>
    private Outcome ComeIn(string gatewayId, string vpcId, bool isReentry)
    {
        IpAddress destination = _packet.Destination;
        NetworkInterface? owner = Addresses.ByPublic(destination) ?? Addresses.Owner(destination, vpcId);
        bool isPublic = Addresses.IsAssociated(destination);
        if (!_packet.IsIpv6)
        {
            if (!isReentry && !isPublic && (owner is null || AddressBook.Public(owner, destination) is null))
            {
                return Deny(DenyReason.IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS);    // IGW-04, R-31
            }

            if (!Addresses.IsAssociated(_packet.Source))
            {
                if (AddressBook.IsRfc1918(_packet.Source))
                {
                    return Deny(DenyReason.IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS);
                }

                if (AddressBook.IsRfc6598(_packet.Source))
                {
                    return Deny(DenyReason.IGW_SOURCE_ADDRESS_NOT_IN_RFC6598_INGRESS);
                }
            }
        }

        if (owner is { DenyAllIgwTraffic: true })
        {
            return Deny(DenyReason.IGW_TRAFFIC_DENIED);    // IGW-13
        }

        if (!_packet.IsIpv6 && isPublic)
        {
            _packet.Destination = Addresses.Private(destination);    // IGW-01
            _path.Add($"{gatewayId} {destination}>{_packet.Destination}");
        }

        if (terrain.Routing.EdgeTable(gatewayId) is not { } table)
        {
            return DeliverLocally(vpcId);    // IGW-09: no table is asked on the way in
        }

        return TakeRoute(table, out Route? route) ?? route!.Kind switch
        {
            TargetKind.Local => DeliverLocally(vpcId),
            TargetKind.NetworkInterface => EnterFromEdge(route.TargetId),
            _ => Unsupported(route.TargetId),
        };
    }

    /// <summary>RT-22: an appliance that takes internet traffic needs a public address.</summary>
    private Outcome EnterFromEdge(string interfaceId)
    {
        NetworkInterface appliance = Addresses.Interface(interfaceId);
        _to = appliance.Id;
        if (!_packet.IsIpv6 && appliance.Addresses.All(a => a.Public is null))
        {
            _path.Add(appliance.Id);
            return Deny(DenyReason.INGRESS_RTB_NO_PUBLIC_IP);
        }

        return Enter(appliance, asksAcl: true);
    }

    /// <summary>A reply to what left by an egress-only gateway (EIGW-01).</summary>
    private Outcome ComeInByEgressOnly(string vpcId) => DeliverLocally(vpcId);

    // ---- Out by an internet gateway (ORD-06, IGW-03, IGW-06, IGW-07) ----

    /// <param name="translates">An internet gateway; else an egress-only one.</param>
    private Outcome GoOut(string gatewayId, bool translates)
    {
        _to = gatewayId;
        string vpcId = terrain.Gateway(gatewayId).VpcId!;
        IpAddress source = _packet.Source;
        IpAddress destination = _packet.Destination;
        NetworkInterface? sender = Addresses.Owner(source, vpcId);
        IpAddress? publicSource = sender is null ? null : AddressBook.Public(sender, source);
        if (sender is null && !Addresses.InBlocks(vpcId, source))
        {
            return DenyAt(gatewayId, DenyReason.GATEWAY_REJECTS_SPOOFED_TRAFFIC);
        }

        if (translates && !_packet.IsIpv6)
        {
            if (publicSource is null)
            {
                return DenyAt(gatewayId, DenyReason.IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS);
            }

            if (!Addresses.IsAssociated(destination))
            {
                if (AddressBook.IsRfc1918(destination))
                {
                    return DenyAt(gatewayId, DenyReason.IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS);
                }

                if (AddressBook.IsRfc6598(destination))
                {
                    return DenyAt(gatewayId, DenyReason.IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS);
                }
            }
        }

        if (sender is { DenyAllIgwTraffic: true })
        {
            return DenyAt(gatewayId, DenyReason.IGW_TRAFFIC_DENIED);
        }

        if (publicSource is { } seen && !_packet.IsIpv6)
        {
            _packet.Source = seen;    // IGW-01
            _path.Add($"{gatewayId} {source}>{seen}");
        }

        _path.Add(gatewayId);

        // IGW-11, R-34: another interface's public or IPv6 address is reached through that VPC's own gateway.
        NetworkInterface? target = _packet.IsIpv6 ? Addresses.ByPrivate(destination, source) : Addresses.ByPublic(destination);
        if (target is not null)
        {
            if (Addresses.InternetGateway(target.VpcId) is { } inward)
            {
                _path.Add(inward);
                _to = inward;
                return ComeIn(inward, target.VpcId, isReentry: true);
            }

            if (_packet.IsIpv6 && Addresses.EgressOnlyGateway(target.VpcId) is { } egressOnly)
            {
                _path.Add(egressOnly);
                _to = egressOnly;
                NetworkInterface receiver = Addresses.Owner(destination, target.VpcId)!;
                return terrain.Returns.Find(receiver, _packet, quote, now, _ => true) is null
                    ? Deny(DenyReason.EIGW_INBOUND)
                    : ComeInByEgressOnly(target.VpcId);
            }
        }

        ExitGateway = gatewayId;
        return Allow();
    }

    // ---- What each stage asks ----

    private Outcome? AskGroups(NetworkInterface at, bool ingress)
    {
        // Egress references at an appliance still match: SG-33 is about what arrives behind it.
        Headers seen = _packet;
        if (!ingress)
        {
            seen.Flags &= ~HeaderFlags.ReferencesLost;
        }

        GroupAnswer answer = terrain.Groups.Check(at, ingress, seen, quote, now);
        if (answer.Spoken is { } spoken)
        {
            _path.Add(spoken);
            _rule = spoken;
        }

        if (answer.Reason != DenyReason.None)
        {
            return Deny(answer.Reason, answer.Rule);
        }

        if (answer.SetsState)
        {
            _state = answer.State;
        }

        if (answer.Touch is { } touch)
        {
            Touches.Add(touch);
        }

        return null;
    }

    /// <summary>The subnet's network ACL (ACL-01, ACL-04, ACL-09).</summary>
    private Outcome? AskAcl(Subnet subnet, bool ingress)
    {
        NetworkAcl acl = terrain.Acl(subnet.NetworkAclId);
        string direction = ingress ? "ingress" : "egress";
        int index = RuleLists.FirstAclEntry(acl, ingress, _packet);
        NetworkAclEntry? entry = index < 0 ? null : (ingress ? acl.Ingress : acl.Egress)[index];
        string rule = entry is null ? $"{acl.Id}/{direction}/*" : $"{acl.Id}/{direction}/{entry.Number}";
        _path.Add(rule);
        _rule = rule;
        return entry is { Allow: true } ? null : Deny(DenyReason.SUBNET_ACL_RESTRICTION, rule);
    }

    /// <summary>Looks up the packet's destination; a denial when no route leads on.</summary>
    private Outcome? TakeRoute(RouteTable table, out Route? route)
    {
        route = null;
        if (_routes == MostRoutes)
        {
            return Deny(DenyReason.ROUTING_LOOP);
        }

        _routes++;
        route = terrain.Routing.Find(table, _packet.Destination);
        string rule = route is null ? $"{table.Id}/none" : $"{table.Id}/{Routing.Name(route)}";
        _path.Add(rule);
        _rule = rule;
        return route is null ? Deny(DenyReason.NO_ROUTE_TO_DESTINATION, rule)
            : route.Kind == TargetKind.Blackhole ? Deny(DenyReason.BAD_STATE_ROUTE, rule)
            : null;
    }

    private Outcome Unsupported(string targetId)
    {
        _to = targetId;
        return Deny(DenyReason.UNSUPPORTED_COMPONENT, _rule);
    }

    // ---- Ends ----

    private Outcome Allow() => new(Verdict.Allow, DenyReason.None, _state, _rule, _from, _to, _path);

    private Outcome Deny(DenyReason reason, string? rule = null) => new(Verdict.Deny, reason, FlowState.None, rule, _from, _to, _path);

    private Outcome DenyAt(string gatewayId, DenyReason reason)
    {
        _path.Add(gatewayId);
        return Deny(reason);
    }
}
