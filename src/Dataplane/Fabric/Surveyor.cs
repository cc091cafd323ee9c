// Writes the course of a packet's walk: docs/decisions/0002-the-walk.md, sections 2 to 5a, in this order, all that addresses alone decide. Rules, slots and ports are
// left as questions (Acl, Group, Port25, Reply) that the walk asks; here each is taken to be answered by yes.
//
// Bounds: 16 routes are looked up at most; each leads through at most two security-group checks and adds at most sixteen legs.

using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Fabric;

/// <summary>Surveys courses. One thread owns it; it keeps nothing between two surveys.</summary>
internal sealed class Surveyor(FabricPlan plan, NameTable names, bool blockPort25)
{
    private const int MaxHops = 16;

    private Itinerary _course = null!;
    private IpAddress _source;
    private IpAddress _destination;
    private bool _isIpv6;
    private int _sourceForm;
    private int _destinationForm;
    private bool _hasSourceText;
    private bool _hasDestinationText;
    private int _hops;
    private int _passed;

    private enum Stage
    {
        Leave,
        EnterThroughAcl,
        Enter,
        GatewayOut,
        GatewayIn,
        End,
    }

    /// <summary>Fills an empty course whose start is set.</summary>
    public void Survey(Itinerary course, IpAddress source, IpAddress destination)
    {
        (_course, _source, _destination, _isIpv6) = (course, source, destination, source.IsIpv6);
        (_hasSourceText, _hasDestinationText, _hops, _passed) = (false, false, 0, 0);
        course.AsksMemory = false;
        course.UnplacedBehind = course.From = course.To = NameTable.None;
        OwnerMap addresses = plan.Addresses;
        IpAddress privateSource = addresses.Private(source, out _sourceForm), privateDestination = addresses.Private(destination, out _destinationForm);
        if (course.Start != Itinerary.ByAddresses)
        {
            if (IsUnenforced(Target(plan.Gateways[course.Start].Vpc)))
            {
                course.Placement = Placement.Unplaced;
                return;
            }

            course.Placement = Placement.Enters;
            course.From = plan.Gateways[course.Start].Name;
            Go(Stage.GatewayIn, course.Start);
            return;
        }

        int from = addresses.Resolve(source, privateDestination);
        int into = addresses.Resolve(destination, privateSource);

        // 0
        if (from >= 0 && plan.Vpcs[plan.Interfaces[from].Vpc].Services.Contains(destination))
        {
            course.Placement = Placement.Service;
            course.From = plan.Interfaces[from].Name;
            return;
        }

        if (into >= 0 && plan.Vpcs[plan.Interfaces[into].Vpc].Services.Contains(source))
        {
            course.Placement = Placement.Service;
            course.To = plan.Interfaces[into].Name;
            return;
        }

        course.Placement = Placement.Unplaced;

        // 1
        if (from >= 0)
        {
            Leaves(from);
            return;
        }

        if (_sourceForm > 0 && IsUnenforced(addresses.Associations[_sourceForm - 1].Interface))
        {
            return;
        }

        // 2 is the walk's: it depends on flows.
        course.AsksMemory = true;

        // 3
        if (_sourceForm > 0)
        {
            int translated = _sourceForm - 1;
            AssociationPlan association = addresses.Associations[translated];
            course.Add(LegKind.SourcePrivate, translated);
            (_source, _sourceForm) = (association.Private, 0);
            if (_destinationForm == 0 && into >= 0)
            {
                int back = addresses.PublicOf(destination, into);
                if (back >= 0)
                {
                    course.Add(LegKind.DestinationPublic, back);
                    (_destination, _destinationForm) = (addresses.Associations[back].Public, back + 1);
                }
            }

            Leaves(association.Interface);
            return;
        }

        // 4
        if (addresses.LowestVpc(source) >= 0)
        {
            return;
        }

        // 5, 6
        int vpc = _destinationForm > 0 ? plan.Interfaces[addresses.Associations[_destinationForm - 1].Interface].Vpc
            : into >= 0 ? plan.Interfaces[into].Vpc
            : addresses.LowestVpc(destination);
        if (vpc < 0)
        {
            return;
        }

        if (IsUnenforced(Target(vpc)))
        {
            return;
        }

        if (_destinationForm == 0)
        {
            course.UnplacedBehind = plan.Vpcs[vpc].Behind.FindValue(source);
            if (course.UnplacedBehind >= 0)
            {
                return;
            }
        }

        if (plan.Vpcs[vpc].InternetGateway >= 0)
        {
            course.Placement = Placement.Enters;
            course.From = plan.Gateways[plan.Vpcs[vpc].InternetGateway].Name;
            Go(Stage.GatewayIn, plan.Vpcs[vpc].InternetGateway);
        }
        else if (_isIpv6 && plan.Vpcs[vpc].EgressOnlyGateway >= 0)
        {
            course.Placement = Placement.Refused;
            course.From = plan.Gateways[plan.Vpcs[vpc].EgressOnlyGateway].Name;
            Deny(DenyReason.EIGW_INBOUND);
        }

        void Leaves(int networkInterface)
        {
            InterfacePlan sender = plan.Interfaces[networkInterface];
            if (IsUnenforced(networkInterface) || IsUnenforced(Target(sender.Vpc)))
            {
                return;
            }

            course.Placement = Placement.Leaves;
            course.From = sender.Name;
            Go(Stage.Leave, networkInterface);
        }
    }

    /// <summary>The interface at which a packet that is in a VPC can arrive, or -1.</summary>
    private int Target(int vpc)
    {
        OwnerMap addresses = plan.Addresses;
        if (_destinationForm > 0)
        {
            return addresses.Associations[_destinationForm - 1].Interface;
        }

        int near = addresses.Owner(_destination, vpc);
        return near >= 0 || !_isIpv6 ? near : addresses.Resolve(_destination, _source);
    }

    /// <summary>Section 2, 1a: the interface is of a component that is not enforced, which is then counted.</summary>
    private bool IsUnenforced(int networkInterface)
    {
        if (networkInterface < 0 || plan.Interfaces[networkInterface].Unenforced < 0)
        {
            return false;
        }

        _course.UnplacedBehind = plan.Interfaces[networkInterface].Unenforced;
        return true;
    }

    private void Go(Stage stage, int at)
    {
        for (bool isPlacement = true; stage != Stage.End; isPlacement = false)
        {
            stage = stage switch
            {
                Stage.Leave => Leave(ref at, isPlacement),
                Stage.EnterThroughAcl => EnterThroughAcl(at),
                Stage.Enter => Enter(ref at),
                Stage.GatewayOut => GatewayOut(ref at),
                _ => GatewayIn(ref at, isPlacement),
            };
        }
    }

    /// <summary>Section 3.</summary>
    private Stage Leave(ref int at, bool isPlacement)
    {
        InterfacePlan own = plan.Interfaces[at];
        SubnetPlan subnet = plan.Subnets[own.Subnet];
        IpAddress d = _destination;
        if (!isPlacement && own.SourceDestCheck && !plan.Addresses.Has(at, _source))
        {
            return Deny(DenyReason.ENI_SOURCE_DEST_CHECK_RESTRICTION);
        }

        Group(at, own, egress: true);
        if (isPlacement && blockPort25 && plan.Vpcs[own.Vpc].PrimaryBlock?.Contains(d) != true && !SpecialAddresses.IsExemptOfPort25(d))
        {
            _course.Add(LegKind.Port25, 0);
        }

        if (SpecialAddresses.IsMulticast(d))
        {
            return Deny(DenyReason.MULTICAST_NOT_SUPPORTED);
        }

        int owner = plan.Addresses.Owner(d, own.Vpc);
        if (owner >= 0 && plan.Interfaces[owner].Subnet == own.Subnet)
        {
            return Into(ref at, owner, Stage.Enter);
        }

        if (owner < 0 && subnet.Holds(d))
        {
            return Deny(DenyReason.NO_INTERFACE_AT_DESTINATION);
        }

        _course.Add(LegKind.Acl, subnet.AclEgress, group: GroupFlag.Egress);
        RouteTablePlan table = plan.Tables[subnet.Table];
        if (_hops == MaxHops)
        {
            return Deny(DenyReason.ROUTING_LOOP);
        }

        _hops++;
        RoutePlan? route = Look(table, d);
        if (route is null)
        {
            return Deny(DenyReason.NO_ROUTE_TO_DESTINATION, table.None);
        }

        switch (route.Kind)
        {
            case RouteKind.Blackhole:
                return Deny(DenyReason.BAD_STATE_ROUTE, route.Name);
            case RouteKind.Gateway when !plan.Gateways[route.Target].IsEgressOnly || _isIpv6:
                _course.Add(LegKind.Say, route.Name);
                _course.Add(LegKind.To, route.TargetName);
                at = route.Target;
                return Stage.GatewayOut;
            case RouteKind.Gateway or RouteKind.Unsupported:
                _course.Add(LegKind.To, route.TargetName);
                return Deny(DenyReason.UNSUPPORTED_COMPONENT, route.Name);
            case RouteKind.Interface:
                _course.Add(LegKind.Say, route.Name);
                return Into(ref at, route.Target, plan.Interfaces[route.Target].Subnet == own.Subnet ? Stage.Enter : Stage.EnterThroughAcl);
            default:
                _course.Add(LegKind.Say, route.Name);
                return owner < 0 ? Deny(DenyReason.NO_INTERFACE_AT_DESTINATION) : Into(ref at, owner, Stage.EnterThroughAcl);
        }
    }

    /// <summary>Section 4, 1.</summary>
    private Stage EnterThroughAcl(int at)
    {
        _course.Add(LegKind.Acl, plan.Subnets[plan.Interfaces[at].Subnet].AclIngress);
        return Stage.Enter;
    }

    /// <summary>Section 4, 2 to 4.</summary>
    private Stage Enter(ref int at)
    {
        InterfacePlan own = plan.Interfaces[at];
        Group(at, own, egress: false);
        if (plan.Addresses.Has(at, _destination))
        {
            return Allow(-1);
        }

        _course.Add(LegKind.Step, own.Name);
        if (own.SourceDestCheck)
        {
            return Deny(DenyReason.ENI_SOURCE_DEST_CHECK_RESTRICTION);
        }

        _passed++;
        return Stage.Leave;
    }

    /// <summary>Section 5a.</summary>
    private Stage GatewayOut(ref int at)
    {
        GatewayPlan gateway = plan.Gateways[at];
        OwnerMap addresses = plan.Addresses;
        IpAddress s = _source, d = _destination;
        int owner = addresses.Owner(s, gateway.Vpc);
        bool isV4 = !_isIpv6;
        int association = isV4 && owner >= 0 ? addresses.PublicOf(s, owner) : -1;
        DenyReason refused =
            owner < 0 && !addresses.Holds(gateway.Vpc, s) ? DenyReason.GATEWAY_REJECTS_SPOOFED_TRAFFIC
            : isV4 && association < 0 ? DenyReason.IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS
            : isV4 && _destinationForm == 0 && SpecialAddresses.IsRfc1918(d) ? DenyReason.IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS
            : isV4 && _destinationForm == 0 && SpecialAddresses.IsRfc6598(d) ? DenyReason.IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS
            : owner >= 0 && plan.Interfaces[owner].DenyAllIgwTraffic ? DenyReason.IGW_TRAFFIC_DENIED
            : DenyReason.None;
        if (refused != DenyReason.None)
        {
            _course.Add(LegKind.Step, gateway.Name);
            return Deny(refused);
        }

        if (isV4)
        {
            AssociationPlan translation = addresses.Associations[association];
            Translate(gateway.Name, PathEntry.TranslatesSource, LegKind.SourceText, ref _hasSourceText, translation.Outbound);
            _course.Add(LegKind.SourcePublic, association);
            (_source, _sourceForm) = (translation.Public, association + 1);
        }

        int target = isV4 ? (_destinationForm > 0 ? addresses.Associations[_destinationForm - 1].Interface : -1) : addresses.Resolve(d, s);
        VpcPlan? vpc = target >= 0 ? plan.Vpcs[plan.Interfaces[target].Vpc] : null;
        if (vpc is { InternetGateway: >= 0 })
        {
            at = vpc.InternetGateway;
            _course.Add(LegKind.Step, gateway.Name);
            _course.Add(LegKind.Step, plan.Gateways[at].Name);
            _course.Add(LegKind.To, plan.Gateways[at].Name);
            return Stage.GatewayIn;
        }

        if (!isV4 && vpc is { EgressOnlyGateway: >= 0 })
        {
            GatewayPlan far = plan.Gateways[vpc.EgressOnlyGateway];
            _course.Add(LegKind.Step, gateway.Name);
            _course.Add(LegKind.Step, far.Name);
            _course.Add(LegKind.To, far.Name);
            _course.Add(LegKind.Reply, target);
            return Into(ref at, target, Stage.EnterThroughAcl);
        }

        return Allow(at);
    }

    /// <summary>Section 5, and entering at an egress-only gateway.</summary>
    private Stage GatewayIn(ref int at, bool isPlacement)
    {
        GatewayPlan gateway = plan.Gateways[at];
        OwnerMap addresses = plan.Addresses;
        IpAddress s = _source, d = _destination;
        bool isV4 = !_isIpv6;
        int owner = _destinationForm > 0 ? addresses.Associations[_destinationForm - 1].Interface : addresses.Owner(d, gateway.Vpc);
        if (!gateway.IsEgressOnly)
        {
            if (isPlacement && isV4 && _destinationForm == 0 && (owner < 0 || addresses.PublicOf(d, owner) < 0))
            {
                return Deny(DenyReason.IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS);
            }

            if (isV4 && _sourceForm == 0 && SpecialAddresses.IsRfc1918(s))
            {
                return Deny(DenyReason.IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS);
            }

            if (isV4 && _sourceForm == 0 && SpecialAddresses.IsRfc6598(s))
            {
                return Deny(DenyReason.IGW_SOURCE_ADDRESS_NOT_IN_RFC6598_INGRESS);
            }

            if (owner >= 0 && plan.Interfaces[owner].DenyAllIgwTraffic)
            {
                return Deny(DenyReason.IGW_TRAFFIC_DENIED);
            }

            if (_destinationForm > 0)
            {
                int association = _destinationForm - 1;
                AssociationPlan translation = addresses.Associations[association];
                Translate(gateway.Name, PathEntry.TranslatesDestination, LegKind.DestinationText, ref _hasDestinationText, translation.Inbound);
                _course.Add(LegKind.DestinationPrivate, association);
                _destination = d = translation.Private;
                _destinationForm = 0;
            }

            if (gateway.EdgeTable >= 0)
            {
                RouteTablePlan table = plan.Tables[gateway.EdgeTable];
                if (_hops == MaxHops)
                {
                    return Deny(DenyReason.ROUTING_LOOP);
                }

                _hops++;
                RoutePlan? route = Look(table, d);
                if (route is null)
                {
                    return Deny(DenyReason.NO_ROUTE_TO_DESTINATION, table.None);
                }

                switch (route.Kind)
                {
                    case RouteKind.Blackhole:
                        return Deny(DenyReason.BAD_STATE_ROUTE, route.Name);
                    case RouteKind.Gateway or RouteKind.Unsupported:
                        _course.Add(LegKind.To, route.TargetName);
                        return Deny(DenyReason.UNSUPPORTED_COMPONENT, route.Name);
                    case RouteKind.Interface:
                        _course.Add(LegKind.Say, route.Name);
                        InterfacePlan appliance = plan.Interfaces[route.Target];
                        _course.Add(LegKind.To, appliance.Name);
                        if (isV4 && !appliance.HasPublic)
                        {
                            _course.Add(LegKind.Step, appliance.Name);
                            return Deny(DenyReason.INGRESS_RTB_NO_PUBLIC_IP);
                        }

                        return Into(ref at, route.Target, Stage.EnterThroughAcl);
                    default:
                        _course.Add(LegKind.Say, route.Name);
                        break;
                }
            }
        }

        owner = addresses.Owner(d, gateway.Vpc);
        return owner < 0 ? Deny(DenyReason.NO_INTERFACE_AT_DESTINATION) : Into(ref at, owner, Stage.EnterThroughAcl);
    }

    private void Group(int at, InterfacePlan own, bool egress)
    {
        if (own.IsManaged)
        {
            return;
        }

        GroupFlag flags = egress ? GroupFlag.Egress : _passed > 0 ? GroupFlag.ReferencesLost : GroupFlag.None;
        flags |= Through(own, egress);
        _course.Add(LegKind.Group, at, _sourceForm, _destinationForm, flags);
    }

    /// <summary>CT-09: what the flow passes as this interface sees it: itself, the interface at the other end, at egress by the first route only .</summary>
    private GroupFlag Through(InterfacePlan own, bool egress)
    {
        GroupFlag flags = Of(own);
        SubnetPlan subnet = plan.Subnets[own.Subnet];
        int other = plan.Addresses.Owner(egress ? _destination : _source, own.Vpc);
        if (egress && !subnet.Holds(_destination) && (other < 0 || plan.Interfaces[other].Subnet != own.Subnet))
        {
            RoutePlan? route = Look(plan.Tables[subnet.Table], _destination);
            if (route is { Kind: RouteKind.Gateway } && plan.Gateways[route.Target].IsEgressOnly)
            {
                flags |= GroupFlag.AutoTracked;
            }

            if (route is not { Kind: RouteKind.Local })
            {
                return flags;
            }
        }

        return other < 0 ? flags : flags | Of(plan.Interfaces[other]);

        static GroupFlag Of(InterfacePlan one) => (one.AutoTracks ? GroupFlag.AutoTracked : 0) | (one.IsBalancer ? GroupFlag.Balanced : 0);
    }

    private static RoutePlan? Look(RouteTablePlan table, IpAddress d)
    {
        int route = SpecialAddresses.IsUnroutable(d) ? -1 : table.Map.FindValue(d);
        return route < 0 ? null : table.Routes[route];
    }

    private void Translate(int gateway, int mark, LegKind kind, ref bool hasText, int translation)
    {
        if (hasText)
        {
            // A second translation of the same end on one walk: only blocks of public addresses allow it. A result holds one text, so this one is a step of its own.
            _course.Add(LegKind.Step, names.Intern($"{names[gateway]} {names[translation]}"));
            return;
        }

        hasText = true;
        _course.Add(kind, translation);
        _course.Add(LegKind.Step, gateway | mark);
    }

    private Stage Into(ref int at, int networkInterface, Stage stage)
    {
        at = networkInterface;
        _course.Add(LegKind.To, plan.Interfaces[networkInterface].Name);
        return stage;
    }

    private Stage Allow(int exit)
    {
        _course.Add(LegKind.Allow, exit);
        return Stage.End;
    }

    private Stage Deny(DenyReason reason, int rule = NameTable.None)
    {
        _course.Add(LegKind.Deny, (int)reason, rule);
        return Stage.End;
    }
}
