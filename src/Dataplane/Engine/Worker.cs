// One worker's loop over its packets of a block.
//
// Packets come in batches. For each batch: (1) the flow of every packet, its hash, a prefetch of the bucket; (2) a prefetch of the bucket's first
// entry; (3) packet by packet, in order: look up, apply the cached decision or walk. Steps 1 and 2 only warm the cache and compute what depends
// on the packet alone; step 3 looks up anew, so what an earlier packet of the batch made, changed or freed is seen, and any
// batch size gives what one at a time would give.
//
// A cached decision holds while all of this does: same epoch; same alias, direction and ICMP code; every slot on its path alive;
// no SYN that would end one of them; the gateway that its egress slots remember is the one that it leaves by. Making or ending a slot of the
// flow has dropped it before. Whether the packet is moot is asked first. Everything else walks.

using System;
using System.Collections.Generic;
using Dataplane.Fabric;
using Dataplane.Filters;
using Dataplane.Flows;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Engine;

/// <summary>Judges packets of whole shards. One thread at a time uses it.</summary>
public sealed class Worker
{
    private readonly FabricPlan _plan;
    private readonly JudgeOptions _options;
    private readonly FlowTable _table;
    private readonly CausalMemory _memory;
    private readonly Timeouts _timeouts;
    private readonly Walk _walk;
    private readonly FragmentMemory _fragments;
    private readonly PathTable _paths;
    private readonly FlowView[] _views;
    private readonly IBatchObserver? _observer;
    private readonly Dictionary<int, long> _behind = [];

    /// <param name="batchSize">Packets a batch, 1 or more.</param>
    /// <param name="observer">Sees each batch after it was judged; null for none.</param>
    public Worker(
        FabricPlan plan,
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
        _plan = plan;
        _options = options;
        _memory = new CausalMemory(budget);
        _table = new FlowTable(pool, _memory, hash);
        _timeouts = new Timeouts(options.Timeouts);
        _walk = new Walk(plan, filters, tables, tracked, _table, _memory, options);
        _fragments = fragments;
        _paths = tables.Paths;
        _views = new FlowView[batchSize];
        _observer = observer;
    }

    public Counters Counters { get; } = new();

    /// <summary>Flow entries, live and dead.</summary>
    public int Flows => _table.Count;

    /// <summary>Packets that are unplaced because their source lies behind a gateway that is not enforced, by the gateway's name.</summary>
    public IReadOnlyDictionary<int, long> UnplacedBehind => _behind;

    /// <summary>Judges some packets of a block, in order.</summary>
    /// <param name="mine">Indexes of this worker's packets, ascending.</param>
    /// <param name="fragmentPlaces">By index in the block: the place in the fragment memory, or -1.</param>
    public void Run(PacketBlock block, ReadOnlySpan<int> mine, ReadOnlySpan<int> fragmentPlaces)
    {
        Headers[] headers = block.Headers;
        for (int start = 0; start < mine.Length; start += _views.Length)
        {
            ReadOnlySpan<int> batch = mine.Slice(start, Math.Min(_views.Length, mine.Length - start));
            for (int i = 0; i < batch.Length; i++)
            {
                ref readonly Headers packet = ref headers[batch[i]];
                ref FlowView view = ref _views[i];
                view.HasKey = false;
                if (packet.Status == PacketStatus.Ok)
                {
                    view = _plan.View(in packet);
                    if (view.HasKey)
                    {
                        view.Hash = _table.Hash.Of(view.Key);
                        _table.PrefetchBucket(view.Hash);
                    }
                }
            }

            for (int i = 0; i < batch.Length; i++)
            {
                if (_views[i].HasKey)
                {
                    _table.PrefetchEntry(_views[i].Hash);
                }
            }

            for (int i = 0; i < batch.Length; i++)
            {
                int index = batch[i];
                ref PacketResult result = ref block.Results[index];
                long now = Timeouts.Clamp(block.Packets[index].Time);
                Judge(in headers[index], in block.Quotes[index], in _views[i], now, fragmentPlaces[index], ref result);
                int verdict = (int)_paths[result.Path].Verdict;
                Counters.Packets[verdict]++;
                Counters.Bytes[verdict] += headers[index].WireLength;
            }

            _observer?.Observe(block, batch, _views.AsSpan(0, batch.Length));
        }

        Counters.Reclaimed = _table.Reclaimed;
    }

    private void Judge(in Headers packet, in Headers quote, in FlowView view, long now, int fragmentPlace, ref PacketResult result)
    {
        if (packet.Status != PacketStatus.Ok)
        {
            result = PacketResult.Bare(packet.Status == PacketStatus.Invalid ? PathTable.Invalid : PathTable.Ignored);
            return;
        }

        if (packet.IsLaterFragment && fragmentPlace >= 0)
        {
            result = _fragments.Read(fragmentPlace);
            Counters.Fragments++;
            return;
        }

        int flow = -1;
        if (view.HasKey)
        {
            flow = _table.Find(view.Key, view.Hash);
            if (flow >= 0 && !packet.IsLaterFragment && TryCached(in packet, in view, ref _table[flow], now, ref result))
            {
                Counters.Hits++;
            }
            else
            {
                WalkThrough(in packet, in quote, in view, flow, now, ref result);
            }
        }
        else
        {
            WalkThrough(in packet, in quote, in view, flow, now, ref result);
        }

        if (packet.IsFirstFragment && fragmentPlace >= 0)
        {
            _fragments.Write(fragmentPlace, in result);
        }
    }

    private bool TryCached(in Headers packet, in FlowView view, ref FlowEntry entry, long now, ref PacketResult result)
    {
        ref CachedDecision decision = ref (view.FromB ? ref entry.FromB : ref entry.FromA);
        if (decision.Epoch != _plan.Epoch || decision.FormA != view.FormA || decision.FormB != view.FormB || decision.Code != view.Code)
        {
            return false;
        }

        TcpClass tcp = TcpStates.ClassOf(in packet);
        int masks = decision.Ingress | decision.Egress;
        for (int ordinal = 0; masks >> ordinal != 0; ordinal++)
        {
            if ((masks >> ordinal & 1) != 0)
            {
                ref FlowSlot slot = ref _table.Slot(ref entry, ordinal);
                if (!slot.IsLive(now)
                    || (tcp == TcpClass.Syn && TcpStates.IsOver(slot.State))
                    || ((decision.Egress >> ordinal & 1) != 0 && slot.Gateway != decision.Gateway))
                {
                    return false;
                }
            }
        }

        FlowKind kind = entry.Key.Kind;
        if (_options.Causal)
        {
            if (entry.Causal.IsMoot(kind, tcp, view.FromB, now))
            {
                result = PacketResult.Bare(PathTable.Moot, decision.Result.From);
                return true;
            }

            entry.Causal.Judged(kind, tcp, view.FromB, allowed: true, now);
        }

        for (int ordinal = 0; masks >> ordinal != 0; ordinal++)
        {
            if ((masks >> ordinal & 1) != 0)
            {
                ref FlowSlot slot = ref _table.Slot(ref entry, ordinal);
                ref readonly InterfaceTimeouts own = ref _plan.InterfaceTimeouts[slot.Interface];
                if ((decision.Egress >> ordinal & 1) != 0)
                {
                    slot.Touch(now, kind, tcp, slot.FirstEgress, _timeouts, in own);
                }

                if ((decision.Ingress >> ordinal & 1) != 0)
                {
                    slot.Touch(now, kind, tcp, !slot.FirstEgress, _timeouts, in own);
                }

                _table.Due(slot.Deadline);
            }
        }

        result = decision.Result;
        return true;
    }

    private void WalkThrough(in Headers packet, in Headers quote, in FlowView view, int flow, long now, ref PacketResult result)
    {
        Counters.Walks++;
        FlowView quoted = default;
        int quotedFlow = -1;
        if (packet.HasQuote)
        {
            quoted = _plan.View(in quote);
            if (quoted.HasKey)
            {
                quoted.Hash = _table.Hash.Of(quoted.Key);
                quotedFlow = _table.Find(quoted.Key, quoted.Hash);
            }
        }

        WalkInput input = new()
        {
            Packet = ref packet,
            Quote = ref quote,
            View = view,
            Flow = flow,
            QuoteView = quoted,
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
            return;
        }

        if (placement == Placement.Service)
        {
            result = _walk.ServiceResult();
            return;
        }

        if (packet.IsLaterFragment && _options.Fragments == FragmentPolicy.Drop)
        {
            result = _walk.FragmentResult();
            return;
        }

        FlowKind kind = FlowKey.KindOf(packet.Protocol, packet.IsIpv6);
        TcpClass tcp = TcpStates.ClassOf(in packet);
        bool takesPart = _options.Causal && view.HasKey;
        CausalState state = default;
        if (takesPart)
        {
            state = Causal(in view, flow);
            if (state.IsMoot(kind, tcp, view.FromB, now))
            {
                result = PacketResult.Bare(PathTable.Moot, _walk.From);
                return;
            }
        }
        else if (_options.Causal && quoted.HasKey && kind == FlowKind.Icmp
            && Causal(in quoted, quotedFlow).IsErrorMoot(quoted.Key.Kind, now))
        {
            result = PacketResult.Bare(PathTable.Moot, _walk.From);
            return;
        }

        result = _walk.Decide(placement);
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
            int place = _table.Find(view.Key, view.Hash);
            if (place >= 0)
            {
                _table[place].Causal = state;
            }
            else
            {
                _memory.Store(view.Key, view.Hash, state, now);
            }
        }
    }

    private CausalState Causal(in FlowView view, int flow) =>
        flow >= 0 ? _table[flow].Causal : _memory.Load(view.Key, view.Hash);
}
