// A packet's way through the fabric, decided stage by stage: docs/decisions/0002-the-walk.md, sections 2 to 6, in this order.
//
//   Place      section 2: where the packet enters, or that it does not
//   Decide     sections 3 to 6: a loop over stages; each stage either ends the walk or names the next one
//   Commit     the effects, only when the walk ended in allow
//
// A walk reads committed state only and writes nothing but its own scratch: steps, effects (slots to touch or to make), and at most one reserved
// place in the flow table, which Commit uses or Discard gives back. One walk belongs to one worker and is used for one packet after
// another; it allocates nothing but names and paths that were never met before.
//
// Bounds: 16 routes are looked up at most; each leads through at most two security-group checks and adds at most eight steps.

using System;
using Dataplane.Filters;
using Dataplane.Flows;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Fabric;

/// <summary>What section 2 says of a packet.</summary>
public enum Placement : byte
{
    /// <summary>4, 5, 7.</summary>
    Unplaced,

    /// <summary>0: to or from an Amazon service; allowed.</summary>
    Service,

    /// <summary>1, 3.</summary>
    Leaves,

    /// <summary>2, 6.</summary>
    Enters,

    /// <summary>6, where the VPC has only an egress-only gateway.</summary>
    Refused,
}

/// <summary>What one packet brings to a walk.</summary>
public ref struct WalkInput
{
    public ref readonly Headers Packet;

    /// <summary>The quoted packet, when the headers say HasQuote.</summary>
    public ref readonly Headers Quote;

    public FlowView View;

    /// <summary>The packet's entry in the flow table, or -1; -1 for a later fragment.</summary>
    public int Flow;

    /// <summary>The quoted packet's flow; HasKey is false without one.</summary>
    public FlowView QuoteView;

    /// <summary>The quoted packet's entry, or -1.</summary>
    public int QuoteFlow;

    public long Now;
}

/// <summary>Decides packets that no cached decision answers.</summary>
public sealed class Walk
{
    private const int MaxHops = 16;
    private const int MaxEffects = 64;
    private const int MaxSteps = 512;

    private readonly FabricPlan _plan;
    private readonly FilterSet _filters;
    private readonly NameTable _names;
    private readonly PathCache _paths;
    private readonly TrackedNames _tracked;
    private readonly FlowTable _table;
    private readonly CausalMemory _memory;
    private readonly Timeouts _timeouts;
    private readonly JudgeOptions _options;

    private readonly int[] _steps = new int[MaxSteps];
    private readonly Effect[] _effects = new Effect[MaxEffects];

    private Headers _packet;
    private FlowView _view;
    private FlowKind _kind;
    private TcpClass _tcp;
    private int _flow;
    private int _quoteFlow;
    private FlowView _quoteView;
    private bool _quoteBelongs;
    private bool _isOrphan;
    private long _now;
    private int _sourceForm;
    private int _destinationForm;

    private int _place;
    private int _placedBySlot;
    private int _stepCount;
    private int _effectCount;
    private bool _reserved;
    private bool _keeps;
    private int _hops;
    private int _passed;
    private int _from;
    private int _to;
    private int _lastRule;
    private int _sourceText;
    private int _destinationText;
    private int _exit;
    private FlowState _state;

    public Walk(FabricPlan plan, FilterSet filters, ResultTables tables, TrackedNames tracked, FlowTable table, CausalMemory memory, JudgeOptions options)
    {
        _plan = plan;
        _filters = filters;
        _names = tables.Names;
        _paths = new PathCache(tables.Paths);
        _tracked = tracked;
        _table = table;
        _memory = memory;
        _options = options;
        _timeouts = new Timeouts(options.Timeouts);
    }

    private enum Stage
    {
        Leave,
        EnterThroughAcl,
        Enter,
        GatewayOut,
        GatewayIn,
        Allowed,
        Denied,
    }

    /// <summary>Where the placed packet enters: a name, or <see cref="NameTable.None"/>.</summary>
    public int From => _from;

    /// <summary>The packet's entry; a reservation may have moved it.</summary>
    public int Flow => _flow;

    /// <summary>The name of the gateway because of which a packet is unplaced (section 2, 5), or <see cref="NameTable.None"/>.</summary>
    public int UnplacedBehind { get; private set; }

    public bool IsAllowed { get; private set; }

    public DenyReason Reason { get; private set; }

    /// <summary>Whether <see cref="Result"/> may be kept for later packets.</summary>
    public bool IsLasting { get; private set; }

    /// <summary>Section 2.</summary>
    public Placement Place(scoped in WalkInput input)
    {
        _packet = input.Packet;
        _view = input.View;
        _kind = FlowKey.KindOf(_packet.Protocol, _packet.IsIpv6);
        _tcp = TcpStates.ClassOf(_packet);
        _isOrphan = _packet.IsLaterFragment;
        _flow = _isOrphan ? -1 : input.Flow;
        _quoteFlow = -1;
        _quoteBelongs = false;
        _now = input.Now;
        _place = -1;
        _placedBySlot = -1;
        _stepCount = 0;
        _effectCount = 0;
        _reserved = false;
        _keeps = true;
        _hops = 0;
        _passed = 0;
        _from = NameTable.None;
        _to = NameTable.None;
        _lastRule = NameTable.None;
        _sourceText = NameTable.None;
        _destinationText = NameTable.None;
        _exit = -1;
        _state = FlowState.None;
        IsLasting = true;
        UnplacedBehind = NameTable.None;

        OwnerMap addresses = _plan.Addresses;
        IpAddress s = _packet.Source, d = _packet.Destination;
        IpAddress privateS = addresses.Private(s, out _sourceForm), privateD = addresses.Private(d, out _destinationForm);
        int from = addresses.Resolve(s, privateD);
        int into = addresses.Resolve(d, privateS);

        // 0
        if (from >= 0 && _plan.Vpcs[_plan.Interfaces[from].Vpc].Services.Contains(d))
        {
            _from = _plan.Interfaces[from].Name;
            return Placement.Service;
        }

        if (into >= 0 && _plan.Vpcs[_plan.Interfaces[into].Vpc].Services.Contains(s))
        {
            _to = _plan.Interfaces[into].Name;
            return Placement.Service;
        }

        if (_packet.HasQuote && input.QuoteView.HasKey && _kind == FlowKind.Icmp)
        {
            _quoteView = input.QuoteView;
            _quoteFlow = input.QuoteFlow;
            _quoteBelongs = addresses.Private(input.Quote.Source, out _) == privateD;
        }

        // 1
        if (from >= 0)
        {
            return Leaves(from);
        }

        // 2
        int gateway = _isOrphan ? -1 : Remembered(d, privateD);
        if (gateway >= 0)
        {
            return Enters(gateway);
        }

        // 3
        if (_sourceForm > 0)
        {
            AssociationPlan association = addresses.Associations[_sourceForm - 1];
            _packet.Source = association.Private;
            _sourceForm = 0;
            if (_destinationForm == 0 && into >= 0)
            {
                int back = addresses.PublicOf(d, into);
                if (back >= 0)
                {
                    _packet.Destination = addresses.Associations[back].Public;
                    _destinationForm = back + 1;
                }
            }

            return Leaves(association.Interface);
        }

        // 4
        if (addresses.LowestVpc(s) >= 0)
        {
            return Placement.Unplaced;
        }

        // 5, 6
        int vpc = _destinationForm > 0 ? _plan.Interfaces[addresses.Associations[_destinationForm - 1].Interface].Vpc
            : into >= 0 ? _plan.Interfaces[into].Vpc
            : addresses.LowestVpc(d);
        if (vpc < 0)
        {
            return Placement.Unplaced;
        }

        if (_destinationForm == 0)
        {
            UnplacedBehind = _plan.Vpcs[vpc].Behind.FindValue(s);
            if (UnplacedBehind >= 0)
            {
                return Placement.Unplaced;
            }
        }

        if (_plan.Vpcs[vpc].InternetGateway >= 0)
        {
            return Enters(_plan.Vpcs[vpc].InternetGateway);
        }

        if (_packet.IsIpv6 && _plan.Vpcs[vpc].EgressOnlyGateway >= 0)
        {
            _from = _plan.Gateways[_plan.Vpcs[vpc].EgressOnlyGateway].Name;
            return Placement.Refused;
        }

        return Placement.Unplaced;

        Placement Leaves(int networkInterface)
        {
            _place = networkInterface;
            _from = _plan.Interfaces[networkInterface].Name;
            return Placement.Leaves;
        }

        Placement Enters(int gateway)
        {
            _place = gateway;
            _from = _plan.Gateways[gateway].Name;
            return Placement.Enters;
        }
    }

    /// <summary>The result of a packet that section 2 decided alone.</summary>
    public PacketResult ServiceResult()
    {
        IsAllowed = true;
        return Result(Verdict.Allow, DenyReason.None, NameTable.None);
    }

    /// <summary>--fragments drop.</summary>
    public PacketResult FragmentResult() => Deny(DenyReason.FRAGMENT_DROPPED);

    /// <summary>Sections 3 to 6, for a packet that Place put somewhere. Follow with <see cref="Commit"/> when allowed, else <see cref="Discard"/>.</summary>
    public PacketResult Decide(Placement placement)
    {
        Stage stage;
        int at = _place;
        bool isPlacement = true;
        switch (placement)
        {
            case Placement.Refused:
                return Deny(DenyReason.EIGW_INBOUND);
            case Placement.Leaves:
                stage = Stage.Leave;
                break;
            default:
                stage = Stage.GatewayIn;
                break;
        }

        while (stage is not (Stage.Allowed or Stage.Denied))
        {
            stage = stage switch
            {
                Stage.Leave => Leave(ref at, isPlacement),
                Stage.EnterThroughAcl => EnterThroughAcl(at),
                Stage.Enter => Enter(ref at),
                Stage.GatewayOut => GatewayOut(ref at),
                _ => GatewayIn(ref at, isPlacement),
            };
            isPlacement = false;
        }

        IsAllowed = stage == Stage.Allowed;
        return IsAllowed ? Result(Verdict.Allow, DenyReason.None, _lastRule) : Result(Verdict.Deny, Reason, _lastRule);
    }

    /// <summary>Makes and touches the slots of an allowed walk, and keeps the decision for the next packet where it may be kept.</summary>
    public void Commit(in PacketResult result)
    {
        if (_effectCount == 0)
        {
            Discard();
            if (_flow < 0 || !_view.HasKey || _isOrphan)
            {
                return;
            }
        }
        else if (_flow < 0)
        {
            _flow = _table.Add(_view.Key, _view.Hash);
            _table[_flow].Causal = _memory.Take(_view.Key, _view.Hash);
            _reserved = false;
        }

        ref FlowEntry entry = ref _table[_flow];
        byte ingress = 0, egress = 0;
        bool keep = IsLasting && _keeps;
        bool placedBySlotTouched = _placedBySlot < 0;
        bool gatewayChanged = false;
        for (int i = 0; i < _effectCount; i++)
        {
            ref Effect effect = ref _effects[i];
            InterfaceTimeouts own = _plan.Interfaces[effect.Interface].Timeouts;
            int ordinal = effect.Ordinal;
            if (ordinal < 0)
            {
                EndMatching(ref entry, effect);
                FlowSlot made = FlowSlot.Made(
                    effect.Interface, effect.Flags, effect.FormA, effect.FormB, effect.Rule, _now, _kind, _tcp, _timeouts, own);
                made.Gateway = effect.Egress ? _exit : -1;
                _table.Make(ref entry, made);
                continue;
            }

            ref FlowSlot slot = ref _table.Slot(ref entry, ordinal);
            slot.Touch(_now, _kind, _tcp, effect.Egress == slot.FirstEgress, _timeouts, own);
            _table.Due(slot.Deadline);
            if (effect.Egress)
            {
                gatewayChanged |= slot.Gateway != _exit;
                slot.Gateway = _exit;
            }

            keep &= ordinal < 8;
            placedBySlotTouched |= ordinal == _placedBySlot;
            ref byte mask = ref (effect.Egress ? ref egress : ref ingress);
            mask |= (byte)(1 << (ordinal & 7));
        }

        if (gatewayChanged)
        {
            entry.DropDecisions();
        }

        if (keep && placedBySlotTouched)
        {
            ref CachedDecision decision = ref _view.FromB ? ref entry.FromB : ref entry.FromA;
            decision.Result = result;
            decision.FormA = _view.FormA;
            decision.FormB = _view.FormB;
            decision.Gateway = _exit;
            decision.Code = _view.Code;
            decision.Ingress = ingress;
            decision.Egress = egress;
            decision.Epoch = _plan.Epoch;
        }
    }

    /// <summary>Gives back what a walk took that is not committed.</summary>
    public void Discard()
    {
        if (_reserved)
        {
            _table.Release();
            _reserved = false;
        }
    }

    /// <summary>Section 2, 2: the gateway by which the flow that this packet runs against left, or -1.</summary>
    private int Remembered(IpAddress d, IpAddress privateD)
    {
        int only = _destinationForm > 0 ? _plan.Addresses.Associations[_destinationForm - 1].Interface : -1;
        int best = int.MaxValue;
        int gateway = -1;
        if (_flow >= 0)
        {
            ref FlowEntry entry = ref _table[_flow];
            int count = _table.SlotCount(ref entry);
            bool isMirror = entry.Key.IsMirror;
            for (int i = 0; i < count; i++)
            {
                ref FlowSlot slot = ref _table.Slot(ref entry, i);
                if (slot.Gateway >= 0 && slot.FirstEgress && slot.IsLive(_now) && slot.Interface < best
                    && slot.Matches(egress: false, _view.FromB, 0, 0, isMirror)
                    && !(_tcp == TcpClass.Syn && TcpStates.IsOver(slot.State))
                    && (only >= 0 ? slot.Interface == only : _plan.Addresses.Has(slot.Interface, privateD)))
                {
                    (best, gateway, _placedBySlot) = (slot.Interface, slot.Gateway, i);
                }
            }
        }

        if (_quoteBelongs && _quoteFlow >= 0)
        {
            ref FlowEntry entry = ref _table[_quoteFlow];
            int count = _table.SlotCount(ref entry);
            for (int i = 0; i < count; i++)
            {
                int candidate = _table.Slot(ref entry, i).Interface;
                if (candidate >= 0 && candidate < best && (only >= 0 ? candidate == only : _plan.Addresses.Has(candidate, d)))
                {
                    int ordinal = QuotedSlot(ref entry, candidate, egress: true, slotMust: static (in slot) => slot.FirstEgress && slot.Gateway >= 0);
                    if (ordinal >= 0)
                    {
                        (best, gateway) = (candidate, _table.Slot(ref entry, ordinal).Gateway);
                    }
                }
            }
        }

        return gateway;
    }

    /// <summary>The live slot of an interface that the quoted packet matches: each end as it stands or through priv.</summary>
    /// <param name="egress">The quoted packet was leaving the interface.</param>
    private int QuotedSlot(ref FlowEntry entry, int networkInterface, bool egress, SlotTest slotMust)
    {
        // As it stands, source through priv, destination through priv, both. A is the source unless the quoted packet ran from B.
        for (int variant = 0; variant < 4; variant++)
        {
            bool sourcePrivate = (variant & 1) != 0, destinationPrivate = (variant & 2) != 0;
            (bool aPrivate, bool bPrivate) = _quoteView.FromB ? (destinationPrivate, sourcePrivate) : (sourcePrivate, destinationPrivate);
            int formA = aPrivate ? 0 : _quoteView.FormA, formB = bPrivate ? 0 : _quoteView.FormB;
            if ((aPrivate && _quoteView.FormA == 0) || (bPrivate && _quoteView.FormB == 0))
            {
                continue;    // the same as a variant before
            }

            // A packet that is its own mirror may have two slots: the one whose first direction is the quoted packet's goes first.
            bool isMirror = entry.Key.IsMirror;
            int count = _table.SlotCount(ref entry);
            for (int pass = isMirror ? 0 : 1; pass < 2; pass++)
            {
                for (int i = 0; i < count; i++)
                {
                    ref FlowSlot slot = ref _table.Slot(ref entry, i);
                    if (slot.Interface == networkInterface && slot.IsLive(_now) && (pass == 1 || slot.FirstEgress == egress)
                        && slot.Matches(egress, _quoteView.FromB, formA, formB, isMirror) && slotMust(in slot))
                    {
                        return i;
                    }
                }
            }
        }

        return -1;
    }

    /// <summary>Section 3.</summary>
    private Stage Leave(ref int at, bool isPlacement)
    {
        InterfacePlan own = _plan.Interfaces[at];
        SubnetPlan subnet = _plan.Subnets[own.Subnet];
        IpAddress d = _packet.Destination;
        if (!isPlacement && own.SourceDestCheck && !_plan.Addresses.Has(at, _packet.Source))
        {
            return Denied(DenyReason.ENI_SOURCE_DEST_CHECK_RESTRICTION);
        }

        if (!Group(at, own, egress: true))
        {
            return Stage.Denied;
        }

        if (isPlacement && _options.BlockPort25 && _packet.Protocol == 6 && _packet.PortsKnown && _packet.DestinationPort == 25
            && _plan.Vpcs[own.Vpc].PrimaryBlock?.Contains(d) != true && !SpecialAddresses.IsExemptOfPort25(d))
        {
            return Denied(DenyReason.PORT_25_BLOCKED);
        }

        if (SpecialAddresses.IsMulticast(d))
        {
            return Denied(DenyReason.MULTICAST_NOT_SUPPORTED);
        }

        int owner = _plan.Addresses.Owner(d, own.Vpc);
        if (owner >= 0 && _plan.Interfaces[owner].Subnet == own.Subnet)
        {
            return Into(ref at, owner, Stage.Enter);
        }

        if (owner < 0 && subnet.Holds(d))
        {
            return Denied(DenyReason.NO_INTERFACE_AT_DESTINATION);
        }

        if (!Acl(subnet.AclEgress))
        {
            return Stage.Denied;
        }

        RouteTablePlan table = _plan.Tables[subnet.Table];
        if (_hops == MaxHops)
        {
            return Denied(DenyReason.ROUTING_LOOP);
        }

        _hops++;
        RoutePlan? route = Look(table, d);
        if (route is null)
        {
            return Denied(DenyReason.NO_ROUTE_TO_DESTINATION, table.None);
        }

        switch (route.Kind)
        {
            case RouteKind.Blackhole:
                return Denied(DenyReason.BAD_STATE_ROUTE, route.Name);
            case RouteKind.Gateway when !_plan.Gateways[route.Target].IsEgressOnly || _packet.IsIpv6:
                Say(route.Name);
                _to = route.TargetName;
                at = route.Target;
                return Stage.GatewayOut;
            case RouteKind.Gateway or RouteKind.Unsupported:
                _to = route.TargetName;
                return Denied(DenyReason.UNSUPPORTED_COMPONENT, route.Name);
            case RouteKind.Interface:
                Say(route.Name);
                return Into(ref at, route.Target, _plan.Interfaces[route.Target].Subnet == own.Subnet ? Stage.Enter : Stage.EnterThroughAcl);
            default:
                Say(route.Name);
                return owner < 0 ? Denied(DenyReason.NO_INTERFACE_AT_DESTINATION) : Into(ref at, owner, Stage.EnterThroughAcl);
        }
    }

    /// <summary>Section 4, 1.</summary>
    private Stage EnterThroughAcl(int at) =>
        Acl(_plan.Subnets[_plan.Interfaces[at].Subnet].AclIngress) ? Stage.Enter : Stage.Denied;

    /// <summary>Section 4, 2 to 4.</summary>
    private Stage Enter(ref int at)
    {
        InterfacePlan own = _plan.Interfaces[at];
        if (!Group(at, own, egress: false))
        {
            return Stage.Denied;
        }

        if (_plan.Addresses.Has(at, _packet.Destination))
        {
            return Stage.Allowed;
        }

        Step(own.Name);
        if (own.SourceDestCheck)
        {
            return Denied(DenyReason.ENI_SOURCE_DEST_CHECK_RESTRICTION);
        }

        _passed++;
        return Stage.Leave;
    }

    /// <summary>Section 5a.</summary>
    private Stage GatewayOut(ref int at)
    {
        GatewayPlan gateway = _plan.Gateways[at];
        OwnerMap addresses = _plan.Addresses;
        IpAddress s = _packet.Source, d = _packet.Destination;
        int owner = addresses.Owner(s, gateway.Vpc);
        bool isV4 = !_packet.IsIpv6;
        int association = isV4 && owner >= 0 ? addresses.PublicOf(s, owner) : -1;
        DenyReason refused =
            owner < 0 && !addresses.Holds(gateway.Vpc, s) ? DenyReason.GATEWAY_REJECTS_SPOOFED_TRAFFIC
            : isV4 && association < 0 ? DenyReason.IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS
            : isV4 && _destinationForm == 0 && SpecialAddresses.IsRfc1918(d) ? DenyReason.IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS
            : isV4 && _destinationForm == 0 && SpecialAddresses.IsRfc6598(d) ? DenyReason.IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS
            : owner >= 0 && _plan.Interfaces[owner].DenyAllIgwTraffic ? DenyReason.IGW_TRAFFIC_DENIED
            : DenyReason.None;
        if (refused != DenyReason.None)
        {
            Step(gateway.Name);
            return Denied(refused);
        }

        if (isV4)
        {
            AssociationPlan translation = addresses.Associations[association];
            Translate(gateway.Name, PathEntry.TranslatesSource, ref _sourceText, translation.Outbound);
            _packet.Source = translation.Public;
            _sourceForm = association + 1;
        }

        int target = isV4 ? (_destinationForm > 0 ? addresses.Associations[_destinationForm - 1].Interface : -1) : addresses.Resolve(d, s);
        VpcPlan? vpc = target >= 0 ? _plan.Vpcs[_plan.Interfaces[target].Vpc] : null;
        if (vpc is { InternetGateway: >= 0 })
        {
            at = vpc.InternetGateway;
            Step(gateway.Name);
            Step(_plan.Gateways[at].Name);
            _to = _plan.Gateways[at].Name;
            return Stage.GatewayIn;
        }

        if (!isV4 && vpc is { EgressOnlyGateway: >= 0 })
        {
            GatewayPlan far = _plan.Gateways[vpc.EgressOnlyGateway];
            Step(gateway.Name);
            Step(far.Name);
            _to = far.Name;
            return IsReplyTo(target) ? Into(ref at, target, Stage.EnterThroughAcl) : Denied(DenyReason.EIGW_INBOUND);
        }

        _exit = at;
        return Stage.Allowed;
    }

    /// <summary>Section 5, and entering at an egress-only gateway.</summary>
    private Stage GatewayIn(ref int at, bool isPlacement)
    {
        GatewayPlan gateway = _plan.Gateways[at];
        OwnerMap addresses = _plan.Addresses;
        IpAddress s = _packet.Source, d = _packet.Destination;
        bool isV4 = !_packet.IsIpv6;
        int owner = _destinationForm > 0 ? addresses.Associations[_destinationForm - 1].Interface : addresses.Owner(d, gateway.Vpc);
        if (!gateway.IsEgressOnly)
        {
            if (isPlacement && isV4 && _destinationForm == 0 && (owner < 0 || addresses.PublicOf(d, owner) < 0))
            {
                return Denied(DenyReason.IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS);
            }

            if (isV4 && _sourceForm == 0 && SpecialAddresses.IsRfc1918(s))
            {
                return Denied(DenyReason.IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS);
            }

            if (isV4 && _sourceForm == 0 && SpecialAddresses.IsRfc6598(s))
            {
                return Denied(DenyReason.IGW_SOURCE_ADDRESS_NOT_IN_RFC6598_INGRESS);
            }

            if (owner >= 0 && _plan.Interfaces[owner].DenyAllIgwTraffic)
            {
                return Denied(DenyReason.IGW_TRAFFIC_DENIED);
            }

            if (_destinationForm > 0)
            {
                AssociationPlan translation = addresses.Associations[_destinationForm - 1];
                Translate(gateway.Name, PathEntry.TranslatesDestination, ref _destinationText, translation.Inbound);
                _packet.Destination = d = translation.Private;
                _destinationForm = 0;
            }

            if (gateway.EdgeTable >= 0)
            {
                RouteTablePlan table = _plan.Tables[gateway.EdgeTable];
                if (_hops == MaxHops)
                {
                    return Denied(DenyReason.ROUTING_LOOP);
                }

                _hops++;
                RoutePlan? route = Look(table, d);
                if (route is null)
                {
                    return Denied(DenyReason.NO_ROUTE_TO_DESTINATION, table.None);
                }

                switch (route.Kind)
                {
                    case RouteKind.Blackhole:
                        return Denied(DenyReason.BAD_STATE_ROUTE, route.Name);
                    case RouteKind.Gateway or RouteKind.Unsupported:
                        _to = route.TargetName;
                        return Denied(DenyReason.UNSUPPORTED_COMPONENT, route.Name);
                    case RouteKind.Interface:
                        Say(route.Name);
                        InterfacePlan appliance = _plan.Interfaces[route.Target];
                        _to = appliance.Name;
                        if (isV4 && !appliance.HasPublic)
                        {
                            Step(appliance.Name);
                            return Denied(DenyReason.INGRESS_RTB_NO_PUBLIC_IP);
                        }

                        return Into(ref at, route.Target, Stage.EnterThroughAcl);
                    default:
                        Say(route.Name);
                        break;
                }
            }
        }

        owner = addresses.Owner(d, gateway.Vpc);
        return owner < 0 ? Denied(DenyReason.NO_INTERFACE_AT_DESTINATION) : Into(ref at, owner, Stage.EnterThroughAcl);
    }

    /// <summary>Section 6.</summary>
    private bool Group(int at, InterfacePlan own, bool egress)
    {
        if (own.IsManaged)
        {
            return true;
        }

        (int formA, int formB) = _view.FromB ? (_destinationForm, _sourceForm) : (_sourceForm, _destinationForm);
        if (_quoteBelongs && _quoteFlow >= 0 && _options.IcmpErrors != IcmpErrorPolicy.Rules)
        {
            int related = QuotedSlot(
                ref _table[_quoteFlow],
                at,
                !egress,
                _options.IcmpErrors == IcmpErrorPolicy.Aws
                    ? static (in slot) => (slot.Flags & (SlotFlags.Untracked | SlotFlags.AutoTracked)) != 0
                    : static (in _) => true);
            if (related >= 0)
            {
                Say(_tracked.Of(_table.Slot(ref _table[_quoteFlow], related).Rule));
                _state = FlowState.Related;
                return true;
            }
        }

        if (_flow >= 0)
        {
            ref FlowEntry entry = ref _table[_flow];
            int ordinal = _table.FindSlot(ref entry, _now, at, egress, _view.FromB, formA, formB);
            if (ordinal >= 0)
            {
                ref FlowSlot slot = ref _table.Slot(ref entry, ordinal);
                if (!(_tcp == TcpClass.Syn && TcpStates.IsOver(slot.State)))
                {
                    if (slot.IsUntracked)
                    {
                        if (!Rules(own, egress, out int untrackedRule, out _, out _))
                        {
                            return false;
                        }

                        Say(untrackedRule);
                        _state = FlowState.Untracked;
                    }
                    else
                    {
                        Say(_tracked.Of(slot.Rule));
                        _state = FlowState.Established;
                    }

                    Touch(at, ordinal, egress);
                    return true;
                }
            }
        }

        if (!Rules(own, egress, out int rule, out bool anyPeer, out bool narrowPeer))
        {
            return false;
        }

        if (!_view.HasKey || _isOrphan || (_kind == FlowKind.Icmp && _view.FromB))
        {
            // Not kept: were this flow's slot here dead and time to run backwards, the next packet would find it.
            _keeps = false;
            Say(rule);
            _state = FlowState.None;
            return true;
        }

        bool autoTracked = egress && _packet.IsIpv6 && LeavesByEgressOnly(own);
        GroupListPlan other = egress ? own.Ingress : own.Egress;
        bool untracked = _kind != FlowKind.Icmp
            && !autoTracked
            && anyPeer && (_options.Overlap == OverlapPolicy.Untracked || !narrowPeer)
            && (_packet.IsIpv6 ? other.OpenV6 : other.OpenV4).Contains(_packet.Protocol);
        if (!untracked && _kind == FlowKind.Tcp && _tcp != TcpClass.Syn && _options.Midstream == MidstreamPolicy.Drop)
        {
            Denied(DenyReason.ENI_SG_RULES_MISMATCH, (egress ? own.Egress : own.Ingress).None);
            return false;
        }

        if (_flow < 0 && !_reserved && !Reserve())
        {
            if (untracked)
            {
                Say(rule);
                _state = FlowState.Untracked;
                return true;
            }

            Step(rule);
            Denied(DenyReason.TRACKING_TABLE_FULL);
            return false;
        }

        Say(rule);
        _state = untracked ? FlowState.Untracked : FlowState.New;
        _keeps = false;
        Make(
            at,
            egress,
            formA,
            formB,
            rule,
            (egress ? SlotFlags.FirstEgress : 0) | (_view.FromB ? SlotFlags.FirstFromB : 0) | (untracked ? SlotFlags.Untracked : 0) | (autoTracked ? SlotFlags.AutoTracked : 0));
        return true;
    }

    /// <summary>Asks the groups of an interface; on false the denial is said.</summary>
    private bool Rules(InterfacePlan own, bool egress, out int rule, out bool anyPeer, out bool narrowPeer)
    {
        GroupListPlan groups = egress ? own.Egress : own.Ingress;
        bool lost = !egress && _passed > 0;
        if (lost)
        {
            _packet.Flags |= HeaderFlags.ReferencesLost;
        }

        rule = NameTable.None;
        anyPeer = narrowPeer = false;
        foreach (int list in groups.Lists)
        {
            Decision decision = _filters[list].Decide(in _packet);
            if (!decision.IsNone)
            {
                rule = rule >= 0 ? rule : _plan.Lists[list].Rules[decision.Rule];
                anyPeer |= decision.HasAnyPeer;
                narrowPeer |= decision.HasNarrowPeer;
            }
        }

        if (lost)
        {
            _packet.Flags &= ~HeaderFlags.ReferencesLost;
        }

        if (rule < 0)
        {
            Denied(DenyReason.ENI_SG_RULES_MISMATCH, groups.None);
        }

        return rule >= 0;
    }

    private bool Acl(int list)
    {
        Decision decision = _filters[list].Decide(in _packet);
        int name = decision.IsNone ? _plan.Lists[list].End : _plan.Lists[list].Rules[decision.Rule];
        if (decision.IsNone || decision.IsDeny)
        {
            Denied(DenyReason.SUBNET_ACL_RESTRICTION, name);
            return false;
        }

        Say(name);
        return true;
    }

    /// <summary>A place for a flow that has no entry. Making room may free other entries, but never the quoted flow's if it lives.</summary>
    private bool Reserve()
    {
        long before = _table.Reclaimed;
        _reserved = _table.TryReserve(_now);
        if (_table.Reclaimed != before && _quoteFlow >= 0)
        {
            _quoteFlow = _table.Find(_quoteView.Key, _quoteView.Hash);
        }

        return _reserved;
    }

    /// <summary>Section 5a, 6: whether an interface has a live slot that the packet runs against.</summary>
    private bool IsReplyTo(int networkInterface)
    {
        if (_isOrphan)
        {
            return false;
        }

        if (_flow >= 0)
        {
            ref FlowEntry entry = ref _table[_flow];
            int count = _table.SlotCount(ref entry);
            for (int i = 0; i < count; i++)
            {
                ref FlowSlot slot = ref _table.Slot(ref entry, i);
                if (slot.Interface == networkInterface && slot.FirstEgress && slot.IsLive(_now)
                    && slot.Matches(egress: false, _view.FromB, 0, 0, entry.Key.IsMirror)
                    && !(_tcp == TcpClass.Syn && TcpStates.IsOver(slot.State)))
                {
                    return true;
                }
            }
        }

        return _quoteBelongs && _quoteFlow >= 0
            && QuotedSlot(ref _table[_quoteFlow], networkInterface, egress: true, static (in slot) => slot.FirstEgress) >= 0;
    }

    private bool LeavesByEgressOnly(InterfacePlan own)
    {
        SubnetPlan subnet = _plan.Subnets[own.Subnet];
        return !subnet.Holds(_packet.Destination)
            && Look(_plan.Tables[subnet.Table], _packet.Destination) is { Kind: RouteKind.Gateway } route
            && _plan.Gateways[route.Target].IsEgressOnly;
    }

    private static RoutePlan? Look(RouteTablePlan table, IpAddress d)
    {
        int route = SpecialAddresses.IsUnroutable(d) ? -1 : table.Map.FindValue(d);
        return route < 0 ? null : table.Routes[route];
    }

    /// <summary>Ends what a new slot replaces: dead slots, the closed one that a SYN ends, and the one made at the other check when an
    /// interface calls its own public address from the same port. A packet that looks alike both ways leaves both (section 6).</summary>
    private void EndMatching(ref FlowEntry entry, in Effect effect)
    {
        int count = _table.SlotCount(ref entry);
        for (int i = 0; i < count; i++)
        {
            ref FlowSlot slot = ref _table.Slot(ref entry, i);
            if (slot.Interface == effect.Interface
                && slot.Matches(effect.Egress, _view.FromB, effect.FormA, effect.FormB, entry.Key.IsMirror)
                && !(effect.FormA == effect.FormB && entry.Key.IsMirror && slot.FirstEgress != effect.Egress))
            {
                _table.End(ref entry, i);
            }
        }
    }

    private Stage Into(ref int at, int networkInterface, Stage stage)
    {
        at = networkInterface;
        _to = _plan.Interfaces[networkInterface].Name;
        return stage;
    }

    private void Touch(int at, int ordinal, bool egress)
    {
        for (int i = 0; i < _effectCount; i++)
        {
            if (_effects[i].Ordinal == ordinal && _effects[i].Egress == egress)
            {
                return;
            }
        }

        _effects[_effectCount++] = new Effect { Ordinal = ordinal, Interface = at, Egress = egress };
    }

    private void Make(int at, bool egress, int formA, int formB, int rule, SlotFlags flags)
    {
        for (int i = 0; i < _effectCount; i++)
        {
            ref Effect known = ref _effects[i];
            if (known.Ordinal < 0 && known.Interface == at && known.Egress == egress && known.FormA == formA && known.FormB == formB)
            {
                return;
            }
        }

        _effects[_effectCount++] = new Effect
        {
            Ordinal = -1,
            Interface = at,
            Egress = egress,
            FormA = formA,
            FormB = formB,
            Rule = rule,
            Flags = flags,
        };
    }

    private void Translate(int gateway, int mark, ref int text, int translation)
    {
        if (text >= 0)
        {
            // A second translation of the same end on one walk: only blocks of public addresses allow it. A result holds one text, so this one is a step of its own.
            Step(_names.Intern($"{_names[gateway]} {_names[translation]}"));
            return;
        }

        text = translation;
        Step(gateway | mark);
    }

    private void Say(int rule)
    {
        Step(rule);
        _lastRule = rule;
    }

    private void Step(int step) => _steps[_stepCount++] = step;

    private Stage Denied(DenyReason reason, int rule = NameTable.None)
    {
        Reason = reason;
        _lastRule = rule;
        if (rule >= 0)
        {
            Step(rule);
        }

        return Stage.Denied;
    }

    private PacketResult Deny(DenyReason reason)
    {
        IsAllowed = false;
        Denied(reason);
        return Result(Verdict.Deny, reason, NameTable.None);
    }

    private PacketResult Result(Verdict verdict, DenyReason reason, int rule)
    {
        int path = _paths.Number(
            verdict, reason, verdict == Verdict.Allow ? _state : FlowState.None, rule, _steps.AsSpan(0, _stepCount), out bool isLasting);
        IsLasting = isLasting;
        return new PacketResult
        {
            Path = path,
            From = _from,
            To = _to,
            SourceTranslation = _sourceText,
            DestinationTranslation = _destinationText,
        };
    }

    private delegate bool SlotTest(in FlowSlot slot);

    private struct Effect
    {
        public int Ordinal;
        public int Interface;
        public int FormA;
        public int FormB;
        public int Rule;
        public SlotFlags Flags;
        public bool Egress;
    }
}
