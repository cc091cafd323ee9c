// One worker's loop over its packets of a block.
//
// Packets come in batches. For each batch: (1) the flow of every packet, its hash, a prefetch of the bucket; (2) the bucket, and where it is full the one that it
// spills into, is searched for the hash's tag, and the entry that has it is prefetched; (3) packet by packet, in order: the candidate is compared, the cached
// decision applied, or the packet walks. Steps 1 and 2 only warm the cache and compute what depends on the packet alone; a candidate that is not the flow, and
// every absence, is looked up again. So any batch size gives what one at a time would give.
//
// A cached decision holds while all of this does: same generation (a policy is a generation of its own); same alias, direction and ICMP code; every slot on its
// path alive; no SYN that would end one of them. Making or ending a slot of the flow has dropped it before, and so has a change of
// the gateway that an egress slot remembers. Whether the packet is moot is asked first.
//
// A packet without an entry is judged as one before it where rules say the same of both (Precedents), and everything else walks.
//
// Search and JudgeBatch are compiled for good at their first call: FlowIndex.cs says why.

using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using Dataplane.Fabric;
using Dataplane.Filters;
using Dataplane.Flows;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Engine;

/// <summary>Places in the fragment memory, by index in the block, for the fragments of a batch.</summary>
internal delegate ReadOnlySpan<int> FragmentPlacer(PacketBlock block, ReadOnlySpan<int> batch);

/// <summary>Judges packets of whole shards. One thread at a time uses it.</summary>
public sealed class Worker : IDisposable
{
    private FabricPlan _plan;
    private readonly JudgeOptions _options;
    private readonly FlowTable _table;
    private readonly DecisionTable _decisions;
    private readonly CausalMemory _memory;
    private Timeouts _timeouts;
    private FlowSight _sight;
    private QuietPath _quiet;
    private Walk _walk;
    private readonly RefusedFlows _refused = new();
    private readonly FragmentMemory _fragments;
    private readonly PathTable _paths;
    private readonly FlowView[] _views;
    private readonly int[] _without;
    private readonly FlowView[] _noFlow = new FlowView[1];
    private readonly IBatchObserver? _observer;
    private readonly Dictionary<int, long> _behind = [];

    /// <param name="batchSize">Packets a batch, 1 or more.</param>
    /// <param name="observer">Sees each batch after it was judged; null for none.</param>
    public Worker(
        FabricPlan plan,
        AddressClasses classes,
        FilterSet filters,
        ResultTables tables,
        TrackedNames tracked,
        JudgeOptions options,
        FlowPool pool,
        CausalBudget budget,
        FragmentMemory fragments,
        FlowHash hash,
        int batchSize,
        IBatchObserver? observer = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        _options = options;
        _memory = new CausalMemory(budget);
        FlowTable table = new(pool, _memory, hash, new Timeouts(options.Timeouts, plan.InterfaceTimeouts));
        _table = table;
        _decisions = new DecisionTable { Forget = table.DropAllDecisions };
        (_plan, _timeouts, _sight, _quiet, _walk) = Prepare(plan, classes, filters, tables, tracked);
        _walk.Begin(null);
        _fragments = fragments;
        _paths = tables.Paths;
        _views = new FlowView[batchSize];
        _without = new int[batchSize];
        _observer = observer;
    }

    public Counters Counters { get; } = new();

    /// <summary>Flow entries, live and dead.</summary>
    public int Flows => _table.Count;

    /// <summary>Bytes that flow entries take, and their index.</summary>
    public long FlowBytes => _table.BytesUsed;

    /// <summary>Packets that are unplaced because their source lies behind a gateway that is not enforced, by the gateway's name.</summary>
    public IReadOnlyDictionary<int, long> UnplacedBehind => _behind;

    /// <summary>Commits memory for so many IPv4 flows before the first packet.</summary>
    internal void Prepare(int flows)
    {
        _table.Prepare(flows);
        if (_options.Causal)
        {
            _memory.Prepare(flows);
        }
    }

    /// <summary>What this worker needs of a policy. Any thread may make it, beside the worker's own.</summary>
    internal WorkerPolicy Prepare(FabricPlan plan, AddressClasses classes, FilterSet filters, ResultTables tables, TrackedNames tracked)
    {
        Timeouts timeouts = new(_options.Timeouts, plan.InterfaceTimeouts);
        return new WorkerPolicy(
            plan,
            timeouts,
            new FlowSight(plan.Addresses, _table, QuietPath.Asked(_options.Causal)),
            new QuietPath(_table, _decisions, timeouts.Shortest),
            new Walk(plan, filters, tables, tracked, _table, _decisions, _memory, timeouts, classes, _options));
    }

    /// <summary>From the next packet on another policy judges. Flows and their slots stay (CT-14, CT-16); what was decided for them is asked again.</summary>
    /// <param name="numbers">From the old plan's numbers to the new one's.</param>
    internal void Adopt(WorkerPolicy policy, PlanNumbers numbers, long now)
    {
        policy.Walk.Begin(_walk);
        (_plan, _timeouts, _sight, _quiet, _walk) = policy;
        _table.Adopt(policy.Timeouts, numbers, now);
        _decisions.NextGeneration();
        _refused.Clear();
    }

    internal int CopyLive(int from, int most, long now, List<FlowSnapshot> to) => _table.CopyLive(from, most, now, to);

    internal bool Import(FlowSnapshot flow, long now, PlanNumbers numbers, Func<int, int> rule) => _table.Import(flow, now, numbers, rule);

    /// <summary>Judges all packets of a block, in order.</summary>
    /// <param name="all">0, 1, 2 ... to the block's last index.</param>
    /// <param name="placer">Gives a batch that has fragments their places; null when none are wanted.</param>
    internal void Run(PacketBlock block, ReadOnlySpan<int> all, FragmentPlacer? placer)
    {
        ForgetWithdrawn();
        for (int start = 0; start < all.Length; start += _views.Length)
        {
            ReadOnlySpan<int> batch = all.Slice(start, Math.Min(_views.Length, all.Length - start));
            Span<FlowView> views = _views.AsSpan(0, batch.Length);
            HeaderFlags flags = _sight.See(block, batch, views);
            Search(views);
            JudgeBatch(block, block.Results, views, placer is not null && (flags & (HeaderFlags.FirstFragment | HeaderFlags.LaterFragment)) != 0 ? placer(block, batch) : default);
            _observer?.Observe(block, block.Results, views);
        }

        Counters.Reclaimed = _table.Reclaimed;
        _memory.CountDropped();
    }

    /// <summary>Judges this worker's share of a block, in order.</summary>
    internal void RunShare(PacketBlock block, BlockShares shares, int number)
    {
        ForgetWithdrawn();
        PacketResult[] results = shares.ResultsOf(number) ?? block.OwnResults;
        ReadOnlySpan<int> places = shares.HasPlaces ? shares.Places : default;
        ReadOnlySpan<int> left = shares.Of(number);
        block.Prefetch(left[..Math.Min(_views.Length, left.Length)]);
        while (left.Length > 0)
        {
            ReadOnlySpan<int> batch = left[..Math.Min(_views.Length, left.Length)];
            left = left[batch.Length..];
            block.Prefetch(left[..Math.Min(_views.Length, left.Length)]);
            Span<FlowView> views = _views.AsSpan(0, batch.Length);
            _ = _sight.See(block, batch, views, isShared: true);
            Search(views);
            JudgeBatch(block, results, views, places);
            _observer?.Observe(block, results, views);
        }

        Counters.Reclaimed = _table.Reclaimed;
        _memory.CountDropped();
    }

    /// <summary>Frees the flow table's memory. Nothing may run afterwards.</summary>
    public void Dispose()
    {
        _table.Dispose();
        _memory.Dispose();
        _walk.End();
        _refused.End();
    }

    /// <summary>A list that was taken back may have refused what its rules admit.</summary>
    private void ForgetWithdrawn()
    {
        if (_walk.ForgetsWithdrawn())
        {
            _refused.Clear();
        }
    }

    /// <summary>Step 2: the entries that probably are the flows', and what is remembered of flows without one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Search(Span<FlowView> views)
    {
        ReadOnlySpan<int> without = _without.AsSpan(0, _table.Seek(views, _without));
        _table.SeekSpilled(views, without);
        if (_memory.Count == 0)
        {
            return;
        }

        foreach (int place in without)
        {
            _memory.Prefetch(views[place].Protocol, views[place].Hash);
        }

        foreach (int place in without)
        {
            _memory.PrefetchRecord(views[place].Protocol, views[place].Hash);
        }
    }

    /// <summary>Step 3. For an observer, a view's entry becomes what <see cref="IBatchObserver"/> says.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void JudgeBatch(PacketBlock block, PacketResult[] results, Span<FlowView> views, ReadOnlySpan<int> fragmentPlaces)
    {
        long quietBytes = 0;
        int loud = 0;
        for (int at = 0; at < views.Length; at++)
        {
            if (views[at].MayBeQuiet)
            {
                at = _quiet.Run(results, views, at, ref quietBytes);
                if (at == views.Length)
                {
                    break;
                }
            }

            loud++;
            ref FlowView view = ref views[at];
            int index = view.Index;
            int flow = view.Entry;
            if (flow >= 0 ? !_table.Is(flow, in view) : view.HasKey && !_table.Lacks(view.Hash))
            {
                flow = _table.Find(in view);
            }

            long now = Timeouts.Clamp(view.Time);
            view.Refused = 0;
            if (flow < 0 && view.HasKey && TryPrecedent(in block.Headers[index], ref view, now, ref results[index]))
            {
                continue;
            }

            JudgeOne(block, ref results[index], index, in view, flow, now, fragmentPlaces.Length == 0 ? -1 : fragmentPlaces[index]);
            if (_observer is not null)
            {
                view.Entry = view.HasKey ? -2 - EntryNow(in view, flow) : -1;
            }
        }

        Counters.Hits += views.Length - loud;
        Counters.Packets[(int)Verdict.Allow] += views.Length - loud;
        Counters.Bytes[(int)Verdict.Allow] += quietBytes;
    }

    /// <summary>The entry of a packet that was judged, or -1: most likely the one from before, or the one that the last walk made.</summary>
    private int EntryNow(in FlowView view, int before) =>
        before >= 0 && _table.Is(before, in view) ? before
        : _walk.Flow >= 0 && _table.Is(_walk.Flow, in view) ? _walk.Flow
        : _table.Find(in view);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void JudgeOne(PacketBlock block, ref PacketResult result, int index, in FlowView view, int flow, long now, int fragmentPlace)
    {
        ref readonly Headers packet = ref block.Headers[index];
        int verdict = (int)Verdict.Allow;
        if (flow >= 0 && (packet.Flags & (HeaderFlags.FirstFragment | HeaderFlags.LaterFragment)) == 0 && TryCached(in packet, in view, flow, now, ref result))
        {
            Counters.Hits++;
        }
        else
        {
            verdict = packet.Status == PacketStatus.Misplaced
                ? (int)Misplaced(block, index, ref result)
                : (int)Judge(in packet, in block.Quotes[index], in view, flow, now, fragmentPlace, ref result);
        }

        Counters.Packets[verdict]++;
        Counters.Bytes[verdict] += packet.WireLength;
    }

    /// <summary>Judges a packet without an entry by what was denied of its flow (moot), or as one before it, when rules say the same of both: a walk in short.</summary>
    /// <returns>False when it must walk.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryPrecedent(in Headers packet, ref FlowView view, long now, ref PacketResult result)
    {
        if ((packet.Flags & (HeaderFlags.HasQuote | HeaderFlags.FirstFragment | HeaderFlags.LaterFragment)) != 0)
        {
            return false;
        }

        int again = _refused.Find(in packet, in view);
        if (again < 0 && !_walk.Sees(in packet))
        {
            return false;
        }

        FlowKind kind = default;
        TcpClass tcp = default;
        CausalState state = default;
        int remembered = -1;
        if (_options.Causal)
        {
            (kind, tcp) = (FlowKey.KindOf(packet.Protocol, packet.IsIpv6), TcpStates.ClassOf(in packet));
            state = _memory.Load(view.Key, view.Hash, out remembered);
            if (state.IsMoot(kind, tcp, view.FromB, now))
            {
                if (again >= 0 && !_walk.Sees(in packet))
                {
                    return false;
                }

                result = _walk.Moot();
                view.Entry = -1;
                return Counted(in packet, Verdict.Moot);
            }
        }

        Precedent known = again >= 0 ? Precedent.Refused : _walk.Asks(in packet, in view);
        if (known == Precedent.Admitted && _walk.TryAdmit(in packet, in view, now, ref result))
        {
            Counters.Admitted++;
            view.Entry = -2 - _walk.Flow;
            if (_options.Causal)
            {
                state.Judged(kind, tcp, view.FromB, allowed: true, now);
                _table[_walk.Flow].Causal = state;
            }

            return Counted(in packet, Verdict.Allow);
        }

        if (known == Precedent.Refused)
        {
            Counters.Refused++;
            view.Entry = -1;
            Refuse(in packet, ref view, again, ref result);
            if (_options.Causal)
            {
                state.Judged(kind, tcp, view.FromB, allowed: false, now);
                _memory.Store(view.Key, view.Hash, in state, now, remembered);
            }

            return Counted(in packet, Verdict.Deny);
        }

        return false;
    }

    private bool Counted(in Headers packet, Verdict verdict)
    {
        Counters.Packets[(int)verdict]++;
        Counters.Bytes[(int)verdict] += packet.WireLength;
        return true;
    }

    /// <param name="again">The place of the packet's flow among those that are refused again and again, or -1.</param>
    private void Refuse(in Headers packet, ref FlowView view, int again, ref PacketResult result)
    {
        if (again >= 0)
        {
            result = _refused[again];
            view.Refused = (ushort)(again + 1);
            return;
        }

        result = _walk.Refused;
        if (_refused.Add(in packet, in view, in result) is >= 0 and int kept)
        {
            view.Refused = (ushort)((kept + 1) | IBatchObserver.RefusedAnew);
        }
    }

    private Verdict Judge(in Headers packet, in Headers quote, in FlowView view, int flow, long now, int fragmentPlace, ref PacketResult result)
    {
        if (packet.Status != PacketStatus.Ok)
        {
            bool isInvalid = packet.Status == PacketStatus.Invalid;
            result = PacketResult.Bare(isInvalid ? PathTable.Invalid : PathTable.Ignored);
            return isInvalid ? Verdict.Invalid : Verdict.Ignored;
        }

        if (packet.IsLaterFragment && fragmentPlace >= 0)
        {
            result = _fragments.Read(fragmentPlace);
            Counters.Fragments++;
            return _paths[result.Path].Verdict;
        }

        Counters.Walks++;
        Verdict verdict = packet.HasQuote
            ? WalkWithQuote(in packet, in quote, in view, flow, now, ref result)
            : WalkThrough(in packet, in quote, in view, flow, in _noFlow[0], -1, now, ref result);
        if (packet.IsFirstFragment && fragmentPlace >= 0)
        {
            _fragments.Write(fragmentPlace, in result);
        }

        return verdict;
    }

    private Verdict Misplaced(PacketBlock block, int index, ref PacketResult result)
    {
        result = block.Misplaced[block.Packets[index].CaptureInterface];
        return _paths[result.Path].Verdict;
    }

    private Verdict WalkWithQuote(in Headers packet, in Headers quote, in FlowView view, int flow, long now, ref PacketResult result)
    {
        FlowView quoted = _plan.View(in quote);
        int quotedFlow = -1;
        if (quoted.HasKey)
        {
            quoted.Hash = _table.Hash.Of(quoted.Key);
            quotedFlow = _table.Find(quoted.Key, quoted.Hash);
        }

        return WalkThrough(in packet, in quote, in view, flow, in quoted, quotedFlow, now, ref result);
    }

    /// <summary>Applies what was decided for the next packet of this alias and direction, if it holds and the packet is not moot.</summary>
    private bool TryCached(in Headers packet, in FlowView view, int flow, long now, ref PacketResult result)
    {
        ref FlowEntry entry = ref _table[flow];
        int number = view.FromB ? entry.FromB : entry.FromA;
        if (!_decisions.Holds(number))
        {
            return false;
        }

        ref readonly CachedDecision decision = ref _decisions[number];
        if (((decision.FormA ^ view.FormA) | (decision.FormB ^ view.FormB) | (decision.Code ^ view.Code)) != 0)
        {
            return false;
        }

        TcpClass tcp = TcpStates.ClassOf(in packet);
        FlowKind kind = entry.Kind;
        int masks = decision.Ingress | decision.Egress;
        if ((masks & ~3) != 0)
        {
            return TryCachedOverflow(in decision, in view, flow, kind, tcp, now, ref result);
        }

        if (((masks & 1) != 0 && !Holds(in entry.Slot0, kind, tcp, now)) || ((masks & 2) != 0 && !Holds(in entry.Slot1, kind, tcp, now))
            || !TryCausal(ref entry, kind, tcp, view.FromB, now))
        {
            return false;
        }

        if ((masks & 1) != 0)
        {
            Touch(ref entry.Slot0, flow, kind, tcp, (decision.Ingress & 1) != 0, (decision.Egress & 1) != 0, now);
        }

        if ((masks & 2) != 0)
        {
            Touch(ref entry.Slot1, flow, kind, tcp, (decision.Ingress & 2) != 0, (decision.Egress & 2) != 0, now);
        }

        result = decision.Result;
        return true;
    }

    /// <summary>Takes an allowed packet into the causal memory; false when it is moot (the walk then says so, and where it enters).</summary>
    private bool TryCausal(ref FlowEntry entry, FlowKind kind, TcpClass tcp, bool fromB, long now)
    {
        if (!_options.Causal)
        {
            return true;
        }

        CausalState causal = entry.Causal;
        if (causal.IsMoot(kind, tcp, fromB, now))
        {
            return false;
        }

        causal.Judged(kind, tcp, fromB, allowed: true, now);
        entry.Causal = causal;
        return true;
    }

    private bool Holds(in SlotLife slot, FlowKind kind, TcpClass tcp, long now) =>
        _timeouts.IsLive(in slot, kind, now) && !(tcp == TcpClass.Syn && TcpStates.IsOver(slot.State));

    private void Touch(ref SlotLife slot, int flow, FlowKind kind, TcpClass tcp, bool ingress, bool egress, long now)
    {
        bool changed = egress && slot.Touch(now, kind, tcp, slot.FirstEgress);
        changed |= ingress && slot.Touch(now, kind, tcp, !slot.FirstEgress);
        if (changed)
        {
            _table.MayDieEarlier(flow);
        }
    }

    /// <summary>A path through appliances: slots past the two of the entry.</summary>
    private bool TryCachedOverflow(in CachedDecision decision, in FlowView view, int flow, FlowKind kind, TcpClass tcp, long now, ref PacketResult result)
    {
        int masks = decision.Ingress | decision.Egress;
        for (int ordinal = 0; masks >> ordinal != 0; ordinal++)
        {
            if ((masks >> ordinal & 1) != 0 && !Holds(in _table.Slot(flow, ordinal).Life, kind, tcp, now))
            {
                return false;
            }
        }

        if (!TryCausal(ref _table[flow], kind, tcp, view.FromB, now))
        {
            return false;
        }

        for (int ordinal = 0; masks >> ordinal != 0; ordinal++)
        {
            if ((masks >> ordinal & 1) != 0)
            {
                Touch(ref _table.Slot(flow, ordinal).Life, flow, kind, tcp, (decision.Ingress >> ordinal & 1) != 0, (decision.Egress >> ordinal & 1) != 0, now);
            }
        }

        result = decision.Result;
        return true;
    }

    private Verdict WalkThrough(
        in Headers packet, in Headers quote, in FlowView view, int flow, in FlowView quoted, int quotedFlow, long now, ref PacketResult result)
    {
        long reclaimed = _table.Reclaimed;
        WalkInput input = new()
        {
            Packet = ref packet,
            Quote = ref quote,
            View = ref view,
            Flow = flow,
            QuoteView = ref quoted,
            QuoteFlow = quotedFlow,
            Now = now,
        };
        Placement placement = _walk.Place(in input);
        if (placement == Placement.Unplaced)
        {
            if (_walk.UnplacedBehind >= 0)
            {
                _behind[_walk.UnplacedBehind] = _behind.GetValueOrDefault(_walk.UnplacedBehind) + 1;
            }

            result = PacketResult.Bare(PathTable.Unplaced);
            return Verdict.Unplaced;
        }

        if (placement == Placement.Service)
        {
            result = _walk.ServiceResult();
            return Verdict.Allow;
        }

        if (packet.IsLaterFragment && _options.Fragments == FragmentPolicy.Drop)
        {
            result = _walk.FragmentResult();
            return Verdict.Deny;
        }

        FlowKind kind = FlowKey.KindOf(packet.Protocol, packet.IsIpv6);
        TcpClass tcp = TcpStates.ClassOf(in packet);
        bool takesPart = _options.Causal && view.HasKey;
        CausalState state = default;
        int remembered = -1;
        if (takesPart)
        {
            state = flow >= 0 ? _table[flow].Causal : _memory.Load(view.Key, view.Hash, out remembered);
            if (state.IsMoot(kind, tcp, view.FromB, now))
            {
                result = PacketResult.Bare(PathTable.Moot, _walk.From);
                return Verdict.Moot;
            }
        }
        else if (_options.Causal && quoted.HasKey && kind == FlowKind.Icmp
            && (quotedFlow >= 0 ? _table[quotedFlow].Causal : _memory.Load(quoted.Key, quoted.Hash)).IsErrorMoot(quoted.Key.Kind, now))
        {
            result = PacketResult.Bare(PathTable.Moot, _walk.From);
            return Verdict.Moot;
        }

        result = _walk.Decide();
        if (_walk.IsAllowed)
        {
            _walk.Commit(in result);
        }
        else
        {
            _walk.Discard();
            Counters.TableFull += _walk.Reason == DenyReason.TRACKING_TABLE_FULL ? 1 : 0;
        }

        if (takesPart)
        {
            state.Judged(kind, tcp, view.FromB, _walk.IsAllowed, now);

            // The flow may have got its entry, or lost it when room was made.
            int place = _table.Reclaimed != reclaimed ? _table.Find(view.Key, view.Hash) : _walk.Flow >= 0 ? _walk.Flow : flow;
            if (place >= 0)
            {
                _table[place].Causal = state;
            }
            else if (_table.Reclaimed == reclaimed)
            {
                _memory.Store(view.Key, view.Hash, in state, now, remembered);
            }
            else
            {
                _memory.Store(view.Key, view.Hash, in state, now);
            }
        }

        return _walk.IsAllowed ? Verdict.Allow : Verdict.Deny;
    }
}

/// <summary>What one worker holds of a policy, put together beside it and taken over in one step.</summary>
internal sealed record WorkerPolicy(FabricPlan Plan, Timeouts Timeouts, FlowSight Sight, QuietPath Quiet, Walk Walk);
