// A packet's way through the fabric: docs/decisions/0002-the-walk.md, sections 2 to 6.
//
//   Place      section 2: the course of its two ends (Atlas, Surveyor), or that a remembered flow places it elsewhere
//   Decide     along the course: rules, slots and ports are asked (section 6); the first no ends the walk
//   Commit     the effects, only when the walk ended in allow; and what the flow's next packet will get
//
// A walk reads committed state only and writes nothing but its own scratch: steps, effects (slots to touch or to make), and at most one reserved
// place in the flow table, which Commit uses or Discard gives back. One walk belongs to one worker and is used for one packet after
// another; it allocates nothing but courses, names and paths that were never met before.
//
// The result of a walk depends on its course and on what was said at its questions ("answers": names of rules). So results are kept by (course, where it ended,
// answers), and a path is put together and looked up only when that is new.
//
// A first packet says "new" and the name of the rule; the next one of its direction will say "established" and "tracked RULE", and all else alike, for its
// two ends and so its course are the same and its slots live. So Commit keeps that decision at once, and no second walk is needed.

using System;
using System.Buffers;
using System.Runtime.CompilerServices;
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

    public ref readonly FlowView View;

    /// <summary>The packet's entry in the flow table, or -1; -1 for a later fragment.</summary>
    public int Flow;

    /// <summary>The quoted packet's flow; HasKey is false without one.</summary>
    public ref readonly FlowView QuoteView;

    /// <summary>The quoted packet's entry, or -1.</summary>
    public int QuoteFlow;

    public long Now;
}

/// <summary>Decides packets that no cached decision answers.</summary>
public sealed class Walk
{
    private const int MaxEffects = 64;
    private const int MaxSteps = 512;
    private const int KeptAnswers = 6;
    private const int KeptBits = 12;

    private readonly FabricPlan _plan;
    private readonly FilterSet _filters;
    private readonly PathCache _paths;
    private readonly TrackedNames _tracked;
    private readonly FlowTable _table;
    private readonly DecisionTable _decisions;
    private readonly CausalMemory _memory;
    private readonly Timeouts _timeouts;
    private readonly JudgeOptions _options;
    private readonly AddressClasses _classes;
    private readonly Surveyor _surveyor;
    private readonly Atlas _atlas = new();
    private readonly Precedents _precedents;
    private KeptResult[] _kept = [];

    private readonly int[] _steps = new int[MaxSteps];
    private readonly int[] _answers = new int[MaxSteps];
    private readonly int[] _nextAnswers = new int[MaxSteps];
    private readonly int[] _answerSteps = new int[MaxSteps];
    // An effect is a slot to make, or, with an ordinal of 0 or more, one to touch.
    private readonly SlotShape[] _effects = new SlotShape[MaxEffects];
    private readonly int[] _ordinals = new int[MaxEffects];

    private Itinerary _course = new() { SourceClass = -1 };
    private Headers _packet;
    private FlowView _view;
    private FlowView _quoteView;
    private FlowKind _kind;
    private TcpClass _tcp;
    private int _flow;
    private int _quoteFlow;
    private bool _quoteBelongs;
    private bool _isOrphan;
    private bool _isSeen;
    private long _now;

    private int _withdrawn;
    private int _placedBySlot;
    private int _stepCount;
    private int _answerCount;
    private int _effectCount;
    private bool _reserved;
    private bool _keeps;
    private bool _makes;
    private int _to;
    private int _lastSaid;
    private int _sourceText;
    private int _destinationText;
    private int _exit;
    private int _end;
    private FlowState _state;
    private FlowState _nextState;

    public Walk(
        FabricPlan plan,
        FilterSet filters,
        ResultTables tables,
        TrackedNames tracked,
        FlowTable table,
        DecisionTable decisions,
        CausalMemory memory,
        Timeouts timeouts,
        AddressClasses classes,
        JudgeOptions options)
    {
        _plan = plan;
        _filters = filters;
        _paths = new PathCache(tables.Paths);
        _tracked = tracked;
        _table = table;
        _decisions = decisions;
        _memory = memory;
        _timeouts = timeouts;
        _options = options;
        _classes = classes;
        _surveyor = new Surveyor(plan, tables.Names, options.BlockPort25);
        _precedents = new Precedents(plan, filters, options);
    }

    /// <summary>Must come before the first packet: takes over the memory of the policy before, emptied, whose walk is not used again; or memory of its own where there is none.</summary>
    internal void Begin(Walk? before)
    {
        _kept = before is null ? ArrayPool<KeptResult>.Shared.Rent(1 << KeptBits) : before._kept;
        Array.Clear(_kept);
        _precedents.Begin(before?._precedents);
    }

    /// <summary>Gives the memory back. Nothing may be judged afterwards.</summary>
    internal void End()
    {
        ArrayPool<KeptResult>.Shared.Return(_kept);
        _kept = [];
        _precedents.End();
    }

    /// <summary>Forgets what lists said when one of them was taken back since the last call.</summary>
    /// <returns>Whether that was so.</returns>
    internal bool ForgetsWithdrawn()
    {
        if (_filters.Withdrawn == _withdrawn)
        {
            return false;
        }

        _withdrawn = _filters.Withdrawn;
        _precedents.Clear();
        return true;
    }

    /// <summary>Where the placed packet enters: a name, or <see cref="NameTable.None"/>.</summary>
    public int From => _course.From;

    /// <summary>The entry that the walk used or made, or -1 (always for a later fragment); good when <see cref="FlowTable.Reclaimed"/> is what it was before the walk.</summary>
    public int Flow => _flow;

    /// <summary>The name of what is not enforced and because of which a packet is unplaced (section 2, 1a and 5), or <see cref="NameTable.None"/>.</summary>
    public int UnplacedBehind => _course.UnplacedBehind;

    public bool IsAllowed { get; private set; }

    public DenyReason Reason { get; private set; }

    /// <summary>Whether the result may be kept for later packets.</summary>
    public bool IsLasting { get; private set; }

    /// <summary>Section 2 for a packet without an entry, a quoted packet or fragments. When it was placed, <see cref="Asks"/> may follow.</summary>
    /// <returns>Whether it leaves or enters somewhere, so that rules are asked.</returns>
    public bool Sees(in Headers packet)
    {
        (int source, int destination) = _classes.Of(in packet);
        Follow(source, destination, Itinerary.ByAddresses, in packet);
        _precedents.Forget();
        _isSeen = true;
        return _course.Placement is Placement.Leaves or Placement.Enters;
    }

    /// <summary>The result of a packet that was just seen, leaves or enters somewhere, and is moot: no walk follows.</summary>
    internal PacketResult Moot()
    {
        _isSeen = false;
        return PacketResult.Bare(PathTable.Moot, _course.From);
    }

    /// <summary>What a packet that was just seen gets if its course's lists say of it what they said of one before. Without a precedent its walk must follow.</summary>
    internal Precedent Asks(in Headers packet, in FlowView view)
    {
        Precedent known = _precedents.Ask(_course, in packet, in view);
        _isSeen = known != Precedent.Refused;
        return known;
    }

    /// <summary>The result of a packet that <see cref="Asks"/> called refused; a denial has no effects.</summary>
    internal ref readonly PacketResult Refused => ref _precedents.Refused;

    /// <summary>Makes the entry (<see cref="Flow"/>) of a packet that <see cref="Asks"/> called admitted.</summary>
    /// <returns>False, and nothing was done, when there is no room or what the next packet gets is not known any more: its walk must follow.</returns>
    internal bool TryAdmit(in Headers packet, in FlowView view, long now, ref PacketResult result)
    {
        ref readonly Precedents.Admission like = ref _precedents.Admitted;
        if (!_decisions.Holds(like.Decision) || !_table.TryReserve(now))
        {
            return false;
        }

        _isSeen = false;
        FlowKey key = view.Key;
        _flow = _table.Add(in key, view.Hash);
        if (_memory.Count != 0)
        {
            _table[_flow].Causal = _memory.Take(in key, view.Hash);
        }

        FlowKind kind = FlowKey.KindOf(packet.Protocol, packet.IsIpv6);
        TcpClass tcp = TcpStates.ClassOf(in packet);
        Make(in like.First);
        if (like.SlotCount == Precedents.MostSlots)
        {
            Make(in like.Second);
        }

        ref FlowEntry entry = ref _table[_flow];
        if (view.FromB)
        {
            entry.FromB = like.Decision;
        }
        else
        {
            entry.FromA = like.Decision;
        }

        result = like.Result;
        return true;

        void Make(in SlotShape shape)
        {
            NewSlot made = NewSlot.Of(shape.Interface, shape.Flags, shape.FormA, shape.FormB, shape.Rule, now, kind, tcp);
            made.Origin.Gateway = shape.Egress ? _precedents.Admitted.Gateway : -1;
            _ = _table.Make(_flow, in made);
        }
    }

    /// <summary>Section 2.</summary>
    public Placement Place(scoped in WalkInput input)
    {
        _packet = input.Packet;
        _view = input.View;
        _kind = FlowKey.KindOf(_packet.Protocol, _packet.IsIpv6);
        _tcp = TcpStates.ClassOf(in _packet);
        _isOrphan = _packet.IsLaterFragment;
        _flow = _isOrphan ? -1 : input.Flow;
        _quoteFlow = -1;
        _quoteBelongs = false;
        _now = input.Now;
        _placedBySlot = -1;
        _stepCount = 0;
        _answerCount = 0;
        _effectCount = 0;
        _reserved = false;
        _keeps = true;
        _makes = false;
        _to = NameTable.None;
        _lastSaid = -1;
        _sourceText = NameTable.None;
        _destinationText = NameTable.None;
        _exit = -1;
        _state = _nextState = FlowState.None;
        Reason = DenyReason.None;
        IsLasting = true;

        int source, destination;
        if (_isSeen)
        {
            _isSeen = false;
            (source, destination) = (_course.SourceClass, _course.DestinationClass);
        }
        else
        {
            (source, destination) = _classes.Of(in _packet);
            Follow(source, destination, Itinerary.ByAddresses, in _packet);
            _precedents.Forget();
        }

        if (_course.Placement == Placement.Service)
        {
            return Placement.Service;
        }

        if (_packet.HasQuote && input.QuoteView.HasKey && _kind == FlowKind.Icmp)
        {
            _quoteView = input.QuoteView;
            _quoteFlow = input.QuoteFlow;
            _quoteBelongs = _plan.Addresses.Private(input.Quote.Source, out _) == _plan.Addresses.Private(_packet.Destination, out _);
        }

        if (_course.AsksMemory && (_flow >= 0 || (_quoteBelongs && _quoteFlow >= 0)) && !_isOrphan)
        {
            int gateway = Remembered(_packet.Destination);
            if (gateway >= 0)
            {
                Follow(source, destination, gateway, in _packet);
            }
        }

        return _course.Placement;
    }

    /// <summary>The result of a packet that section 2 decided alone.</summary>
    public PacketResult ServiceResult()
    {
        IsAllowed = true;
        _to = _course.To;
        return Fresh(Verdict.Allow, NameTable.None, FlowState.None, _steps.AsSpan(0, 0));
    }

    /// <summary>--fragments drop.</summary>
    public PacketResult FragmentResult()
    {
        IsAllowed = false;
        Reason = DenyReason.FRAGMENT_DROPPED;
        return Fresh(Verdict.Deny, NameTable.None, FlowState.None, _steps.AsSpan(0, 0));
    }

    /// <summary>Sections 3 to 6, for a packet that Place put somewhere. Follow with <see cref="Commit"/> when allowed, else <see cref="Discard"/>.</summary>
    public PacketResult Decide()
    {
        ReadOnlySpan<Leg> legs = _course.Legs.AsSpan(0, _course.Count);
        for (int i = 0; i < legs.Length; i++)
        {
            ref readonly Leg leg = ref legs[i];
            bool goesOn = true;
            switch (leg.Kind)
            {
                case LegKind.Say:
                    _lastSaid = _stepCount;
                    _steps[_stepCount++] = leg.A;
                    break;
                case LegKind.Step:
                    _steps[_stepCount++] = leg.A;
                    break;
                case LegKind.To:
                    _to = leg.A;
                    break;
                case LegKind.Acl:
                    goesOn = Acl(leg.A);
                    break;
                case LegKind.Group:
                    goesOn = Group(in leg);
                    break;
                case LegKind.Port25:
                    goesOn = !(_packet.Protocol == 6 && _packet.PortsKnown && _packet.DestinationPort == 25) || Denied(DenyReason.PORT_25_BLOCKED);
                    break;
                case LegKind.Reply:
                    goesOn = IsReplyTo(leg.A) || Denied(DenyReason.EIGW_INBOUND);
                    break;
                case LegKind.SourceText:
                    _sourceText = leg.A;
                    break;
                case LegKind.DestinationText:
                    _destinationText = leg.A;
                    break;
                case LegKind.SourcePrivate:
                    _packet.Source = _plan.Addresses.Associations[leg.A].Private;
                    break;
                case LegKind.SourcePublic:
                    _packet.Source = _plan.Addresses.Associations[leg.A].Public;
                    break;
                case LegKind.DestinationPrivate:
                    _packet.Destination = _plan.Addresses.Associations[leg.A].Private;
                    break;
                case LegKind.DestinationPublic:
                    _packet.Destination = _plan.Addresses.Associations[leg.A].Public;
                    break;
                case LegKind.Allow:
                    _exit = leg.A;
                    _end = i;
                    IsAllowed = true;
                    return Kept(Verdict.Allow, _state, _answers, 0);
                default:
                    goesOn = Denied((DenyReason)leg.A, leg.B);
                    break;
            }

            if (!goesOn)
            {
                _end = i;
                IsAllowed = false;
                PacketResult denied = Kept(Verdict.Deny, FlowState.None, _answers, 0);
                if (IsLasting)
                {
                    _precedents.Keep(_course, in denied);
                }

                return denied;
            }
        }

        throw new InvalidOperationException("a course ends with Allow or Deny");
    }

    /// <summary>Makes and touches the slots of an allowed walk, and keeps the decision for the next packet where it may be kept.</summary>
    public void Commit(in PacketResult result)
    {
        bool isNew = false;
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
            if (_memory.Count != 0)
            {
                _table[_flow].Causal = _memory.Take(_view.Key, _view.Hash);
            }

            _reserved = false;
            isNew = true;
        }

        byte ingress = 0, egress = 0;
        bool keep = IsLasting && _keeps && !(_makes && (_effectCount > 2 || (_effectCount == 2 && _effects[0].Interface == _effects[1].Interface) || _table.IsMirror(_flow)));
        bool placedBySlotTouched = _placedBySlot < 0;
        bool gatewayChanged = false;
        for (int i = 0; i < _effectCount; i++)
        {
            ref readonly SlotShape effect = ref _effects[i];
            int ordinal = _ordinals[i];
            if (ordinal < 0)
            {
                EndMatching(in effect);
                NewSlot made = NewSlot.Of(effect.Interface, effect.Flags, effect.FormA, effect.FormB, effect.Rule, _now, _kind, _tcp);
                made.Origin.Gateway = effect.Egress ? _exit : -1;
                ordinal = _table.Make(_flow, in made);
            }
            else
            {
                FlowSlot slot = _table.Slot(_flow, ordinal);
                if (slot.Life.Touch(_now, _kind, _tcp, effect.Egress == slot.Life.FirstEgress))
                {
                    _table.MayDieEarlier(_flow);
                }

                // Only of a slot that began with leaving is the gateway ever asked for (section 2, 2).
                if (effect.Egress && slot.Life.FirstEgress)
                {
                    gatewayChanged |= slot.Origin.Gateway != _exit;
                    slot.Origin.Gateway = _exit;
                }
            }

            keep &= ordinal < 8;
            placedBySlotTouched |= ordinal == _placedBySlot;
            ref byte mask = ref (effect.Egress ? ref egress : ref ingress);
            mask |= (byte)(1 << (ordinal & 7));
        }

        if (gatewayChanged)
        {
            // So a decision that is kept always agrees with the gateway that the egress slots on its path remember.
            _table[_flow].DropDecisions();
        }

        if (keep && placedBySlotTouched)
        {
            CachedDecision decision = new()
            {
                Result = _makes ? Kept(Verdict.Allow, _nextState, _nextAnswers, 1) : result,
                FormA = _view.FormA,
                FormB = _view.FormB,
                Code = _view.Code,
                Ingress = ingress,
                Egress = egress,
            };
            if (IsLasting)
            {
                int number = _decisions.Number(in decision);
                ref FlowEntry entry = ref _table[_flow];
                if (_view.FromB)
                {
                    entry.FromB = number;
                }
                else
                {
                    entry.FromA = number;
                }

                if (isNew)
                {
                    _precedents.Keep(_course, in _view, in result, _effects.AsSpan(0, _effectCount), _exit, number);
                }
            }
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

    /// <summary>Takes the course of two classes from a start, surveying it when it is new.</summary>
    private void Follow(int source, int destination, int start, in Headers packet)
    {
        if (_course.SourceClass == source && _course.DestinationClass == destination && _course.Start == start)
        {
            return;    // the packet before went the same way
        }

        _course = _atlas.Find(source, destination, start, out bool isNew);
        if (isNew)
        {
            if (_atlas.Overflowed)
            {
                Array.Clear(_kept);
                _precedents.Clear();
                _course = _atlas.Find(source, destination, start, out _);
            }

            _surveyor.Survey(_course, packet.Source, packet.Destination);
            _precedents.Prepare(_course);
        }
    }

    /// <summary>Section 2, 2: the gateway by which the flow that this packet runs against left, or -1.</summary>
    private int Remembered(IpAddress d)
    {
        IpAddress privateD = _plan.Addresses.Private(d, out int form);
        int only = form > 0 ? _plan.Addresses.Associations[form - 1].Interface : -1;
        int best = int.MaxValue;
        int gateway = -1;
        if (_flow >= 0)
        {
            int count = _table.SlotCount(_flow);
            bool isMirror = _table.IsMirror(_flow);
            for (int i = 0; i < count; i++)
            {
                FlowSlot slot = _table.Slot(_flow, i);
                if (slot.Life.Interface >= 0 && slot.Origin.Gateway >= 0 && slot.Life.FirstEgress && _timeouts.IsLive(in slot.Life, _kind, _now) && slot.Life.Interface < best
                    && slot.Matches(egress: false, _view.FromB, 0, 0, isMirror)
                    && !(_tcp == TcpClass.Syn && TcpStates.IsOver(slot.Life.State))
                    && (only >= 0 ? slot.Life.Interface == only : _plan.Addresses.Has(slot.Life.Interface, privateD)))
                {
                    (best, gateway, _placedBySlot) = (slot.Life.Interface, slot.Origin.Gateway, i);
                }
            }
        }

        if (_quoteBelongs && _quoteFlow >= 0)
        {
            int count = _table.SlotCount(_quoteFlow);
            for (int i = 0; i < count; i++)
            {
                int candidate = _table.Slot(_quoteFlow, i).Life.Interface;
                if (candidate >= 0 && candidate < best && (only >= 0 ? candidate == only : _plan.Addresses.Has(candidate, d)))
                {
                    int ordinal = QuotedSlot(candidate, egress: true, slotMust: static slot => slot.Life.FirstEgress && slot.Origin.Gateway >= 0);
                    if (ordinal >= 0)
                    {
                        (best, gateway) = (candidate, _table.Slot(_quoteFlow, ordinal).Origin.Gateway);
                    }
                }
            }
        }

        return gateway;
    }

    /// <summary>The live slot of an interface that the quoted packet matches: each end as it stands or through priv.</summary>
    /// <param name="egress">The quoted packet was leaving the interface.</param>
    private int QuotedSlot(int networkInterface, bool egress, SlotTest slotMust)
    {
        // As it stands, source through priv, destination through priv, both. A is the source unless the quoted packet ran from B.
        FlowKind kind = _table[_quoteFlow].Kind;
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
            bool isMirror = _table.IsMirror(_quoteFlow);
            int count = _table.SlotCount(_quoteFlow);
            for (int pass = isMirror ? 0 : 1; pass < 2; pass++)
            {
                for (int i = 0; i < count; i++)
                {
                    FlowSlot slot = _table.Slot(_quoteFlow, i);
                    if (slot.Life.Interface == networkInterface && _timeouts.IsLive(in slot.Life, kind, _now) && (pass == 1 || slot.Life.FirstEgress == egress)
                        && slot.Matches(egress, _quoteView.FromB, formA, formB, isMirror) && slotMust(slot))
                    {
                        return i;
                    }
                }
            }
        }

        return -1;
    }

    /// <summary>Section 6.</summary>
    private bool Group(in Leg leg)
    {
        int at = leg.A;
        bool egress = (leg.Group & GroupFlag.Egress) != 0;
        (int formA, int formB) = _view.FromB ? (leg.C, leg.B) : (leg.B, leg.C);
        if (_quoteBelongs && _quoteFlow >= 0 && _options.IcmpErrors != IcmpErrorPolicy.Rules)
        {
            int related = QuotedSlot(
                at,
                !egress,
                _options.IcmpErrors == IcmpErrorPolicy.Aws
                    ? static slot => (slot.Life.Flags & (SlotFlags.Untracked | SlotFlags.AutoTracked)) != 0
                    : static _ => true);
            if (related >= 0)
            {
                Answer(_tracked.Of(_table.Slot(_quoteFlow, related).Origin.Rule));
                _state = FlowState.Related;
                return true;
            }
        }

        InterfacePlan own = _plan.Interfaces[at];
        if (_flow >= 0 && !(egress && own.OnlyAnswers && _kind == FlowKind.Icmp))    // IFE-04
        {
            int ordinal = _table.FindSlot(_flow, _now, at, egress, _view.FromB, formA, formB);
            if (ordinal >= 0)
            {
                FlowSlot slot = _table.Slot(_flow, ordinal);
                if (!(_tcp == TcpClass.Syn && TcpStates.IsOver(slot.Life.State)))
                {
                    if (slot.Life.IsUntracked)
                    {
                        if (!Rules(own, egress, leg.Group, out int untrackedRule, out bool untrackedAny, out bool untrackedNarrow))
                        {
                            return false;
                        }

                        if (egress == slot.Life.FirstEgress && !IsUntracked(own, in leg, untrackedAny, untrackedNarrow))
                        {
                            // CT-17: rules changed since, and would track it. (Never so under the rules that made the slot: it had the same answers then.)
                            return Begin(own, in leg, formA, formB, untrackedRule, untracked: false);
                        }

                        Answer(untrackedRule);
                        _state = _nextState = FlowState.Untracked;
                    }
                    else
                    {
                        Answer(_tracked.Of(slot.Origin.Rule));
                        _state = _nextState = FlowState.Established;
                    }

                    Touch(at, ordinal, egress);
                    return true;
                }
            }
        }

        if (!Rules(own, egress, leg.Group, out int rule, out bool anyPeer, out bool narrowPeer))
        {
            return false;
        }

        return Begin(own, in leg, formA, formB, rule, IsUntracked(own, in leg, anyPeer, narrowPeer));
    }

    /// <summary>CT-02, CT-04, CT-08, CT-09: what a flow would be that begins with this packet, by the rules that admit it.</summary>
    private bool IsUntracked(InterfacePlan own, in Leg leg, bool anyPeer, bool narrowPeer)
    {
        GroupListPlan other = (leg.Group & GroupFlag.Egress) != 0 ? own.Ingress : own.Egress;
        return _kind != FlowKind.Icmp
            && (leg.Group & GroupFlag.AutoTracked) == 0
            && anyPeer && (_options.Overlap == OverlapPolicy.Untracked || !narrowPeer)
            && (_packet.IsIpv6 ? other.OpenV6 : other.OpenV4).Contains(_packet.Protocol);
    }

    /// <summary>The first packet of a flow at an interface, which rules have admitted.</summary>
    private bool Begin(InterfacePlan own, in Leg leg, int formA, int formB, int rule, bool untracked)
    {
        int at = leg.A;
        bool egress = (leg.Group & GroupFlag.Egress) != 0;
        if (!_view.HasKey || _isOrphan || (_kind == FlowKind.Icmp && _view.FromB))
        {
            // Not kept: were this flow's slot here dead and time to run backwards, the next packet would find it.
            _keeps = false;
            Answer(rule);
            _state = FlowState.None;
            return true;
        }

        bool autoTracked = (leg.Group & GroupFlag.AutoTracked) != 0;
        if (!untracked && _kind == FlowKind.Tcp && _tcp != TcpClass.Syn && _options.Midstream == MidstreamPolicy.Drop)
        {
            return Denied(DenyReason.ENI_SG_RULES_MISMATCH, (egress ? own.Egress : own.Ingress).None);
        }

        if (_flow < 0 && !_reserved && !Reserve())
        {
            Answer(rule);
            if (untracked)
            {
                _state = FlowState.Untracked;
                return true;
            }

            return Denied(DenyReason.TRACKING_TABLE_FULL);
        }

        _makes = true;
        if (untracked)
        {
            Answer(rule);
            _state = _nextState = FlowState.Untracked;
        }
        else
        {
            Answer(rule, _tracked.Of(rule));
            (_state, _nextState) = (FlowState.New, FlowState.Established);
        }

        Make(
            at,
            egress,
            formA,
            formB,
            rule,
            (egress ? SlotFlags.FirstEgress : 0) | (_view.FromB ? SlotFlags.FirstFromB : 0) | (untracked ? SlotFlags.Untracked : 0) | (autoTracked ? SlotFlags.AutoTracked : 0)
                | ((leg.Group & GroupFlag.Balanced) != 0 ? SlotFlags.Balanced : 0));
        return true;
    }

    /// <summary>Asks the groups of an interface; on false the denial is said.</summary>
    private bool Rules(InterfacePlan own, bool egress, GroupFlag flags, out int rule, out bool anyPeer, out bool narrowPeer)
    {
        GroupListPlan groups = egress ? own.Egress : own.Ingress;
        bool lost = (flags & GroupFlag.ReferencesLost) != 0;
        if (lost)
        {
            _packet.Flags |= HeaderFlags.ReferencesLost;
        }

        rule = NameTable.None;
        anyPeer = narrowPeer = false;
        foreach (int list in groups.Lists)
        {
            Decision decision = Ask(list);
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

        return rule >= 0 || Denied(egress && own.OnlyAnswers ? DenyReason.VPCE_INTRA_VPC_TRAFFIC : DenyReason.ENI_SG_RULES_MISMATCH, groups.None);
    }

    private Decision Ask(int list) => _precedents.TryNext(list, out Decision decision) ? decision : _filters[list].Decide(in _packet);

    private bool Acl(int list)
    {
        Decision decision = Ask(list);
        int name = decision.IsNone ? _plan.Lists[list].End : _plan.Lists[list].Rules[decision.Rule];
        if (decision.IsNone || decision.IsDeny)
        {
            return Denied(DenyReason.SUBNET_ACL_RESTRICTION, name);
        }

        Answer(name);
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
            int count = _table.SlotCount(_flow);
            bool isMirror = _table.IsMirror(_flow);
            for (int i = 0; i < count; i++)
            {
                FlowSlot slot = _table.Slot(_flow, i);
                if (slot.Life.Interface == networkInterface && slot.Life.FirstEgress && _timeouts.IsLive(in slot.Life, _kind, _now)
                    && slot.Matches(egress: false, _view.FromB, 0, 0, isMirror)
                    && !(_tcp == TcpClass.Syn && TcpStates.IsOver(slot.Life.State)))
                {
                    return true;
                }
            }
        }

        return _quoteBelongs && _quoteFlow >= 0 && QuotedSlot(networkInterface, egress: true, static slot => slot.Life.FirstEgress) >= 0;
    }

    /// <summary>Ends what a new slot replaces: dead slots, the closed one that a SYN ends, and the one made at the other check when an
    /// interface calls its own public address from the same port. A packet that looks alike both ways leaves both (section 6).</summary>
    private void EndMatching(in SlotShape effect)
    {
        if (_table[_flow].Slot0.Interface < 0 && _table[_flow].Slot1.Interface < 0 && _table.Detail(_flow).Overflow < 0)
        {
            return;
        }

        int count = _table.SlotCount(_flow);
        bool isMirror = _table.IsMirror(_flow);
        for (int i = 0; i < count; i++)
        {
            FlowSlot slot = _table.Slot(_flow, i);
            if (slot.Life.Interface == effect.Interface
                && slot.Matches(effect.Egress, _view.FromB, effect.FormA, effect.FormB, isMirror)
                && !(effect.FormA == effect.FormB && isMirror && slot.Life.FirstEgress != effect.Egress))
            {
                _table.End(_flow, i);
            }
        }
    }

    private void Touch(int at, int ordinal, bool egress)
    {
        for (int i = 0; i < _effectCount; i++)
        {
            if (_ordinals[i] == ordinal && _effects[i].Egress == egress)
            {
                return;
            }
        }

        _ordinals[_effectCount] = ordinal;
        _effects[_effectCount++] = new SlotShape { Interface = at, Egress = egress };
    }

    private void Make(int at, bool egress, int formA, int formB, int rule, SlotFlags flags)
    {
        for (int i = 0; i < _effectCount; i++)
        {
            ref SlotShape known = ref _effects[i];
            if (_ordinals[i] < 0 && known.Interface == at && known.Egress == egress && known.FormA == formA && known.FormB == formB)
            {
                return;
            }
        }

        _ordinals[_effectCount] = -1;
        ref SlotShape made = ref _effects[_effectCount++];
        made.Interface = at;
        made.Egress = egress;
        made.FormA = formA;
        made.FormB = formB;
        made.Rule = rule;
        made.Flags = flags;
    }

    /// <summary>A rule's name joins the path; the next packet of the direction will say the same.</summary>
    private void Answer(int name) => Answer(name, name);

    private void Answer(int name, int next)
    {
        _answers[_answerCount] = name;
        _nextAnswers[_answerCount] = next;
        _answerSteps[_answerCount++] = _stepCount;
        _lastSaid = _stepCount;
        _steps[_stepCount++] = name;
    }

    private bool Denied(DenyReason reason, int rule = NameTable.None)
    {
        Reason = reason;
        if (rule >= 0)
        {
            Answer(rule);
        }
        else
        {
            _lastSaid = -1;
        }

        return false;
    }

    /// <summary>The result of this course and these answers: the one that was kept, or a fresh one that is kept from here on.</summary>
    /// <param name="variant">Of two results with the same answers (the packet's own and the next one's) which.</param>
    private PacketResult Kept(Verdict verdict, FlowState state, int[] answers, int variant)
    {
        if (_answerCount > KeptAnswers)
        {
            return FreshWith(verdict, state, answers);
        }

        uint hash = (uint)_course.Number * 0x9E37_79B1u ^ (uint)(_end << 16 | variant << 12 | (int)state << 8 | (int)Reason) * 0x85EB_CA77u;
        for (int i = 0; i < _answerCount; i++)
        {
            hash = (System.Numerics.BitOperations.RotateLeft(hash, 5) ^ (uint)answers[i]) * 0x9E37_79B1u;
        }

        ref KeptResult kept = ref _kept[hash >> (32 - KeptBits)];
        int shape = _end << 16 | variant << 15 | _answerCount << 12 | (int)state << 8 | (int)Reason;
        if (kept.Course == _course.Number && kept.Shape == shape && answers.AsSpan(0, _answerCount).SequenceEqual(((ReadOnlySpan<int>)kept.Answers)[.._answerCount]))
        {
            return kept.Result;
        }

        PacketResult result = FreshWith(verdict, state, answers);
        if (IsLasting)
        {
            kept.Course = _course.Number;
            kept.Shape = shape;
            answers.AsSpan(0, _answerCount).CopyTo(kept.Answers);
            kept.Result = result;
        }

        return result;
    }

    private PacketResult FreshWith(Verdict verdict, FlowState state, int[] answers)
    {
        for (int i = 0; i < _answerCount; i++)
        {
            _steps[_answerSteps[i]] = answers[i];
        }

        return Fresh(verdict, _lastSaid < 0 ? NameTable.None : _steps[_lastSaid], state, _steps.AsSpan(0, _stepCount));
    }

    private PacketResult Fresh(Verdict verdict, int rule, FlowState state, ReadOnlySpan<int> steps)
    {
        int path = _paths.Number(verdict, Reason, state, rule, steps, out bool isLasting);
        IsLasting = isLasting;
        return new PacketResult
        {
            Path = path,
            From = _course.From,
            To = _to,
            SourceTranslation = _sourceText,
            DestinationTranslation = _destinationText,
        };
    }

    private delegate bool SlotTest(FlowSlot slot);

    [InlineArray(KeptAnswers)]
    private struct Answers
    {
        private int _first;
    }

    private struct KeptResult
    {
        public int Course;
        public int Shape;
        public Answers Answers;
        public PacketResult Result;
    }
}
