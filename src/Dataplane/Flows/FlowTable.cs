// The flows that one worker remembers.
//
//   _index     from the hash to the entry's number
//   _entries   the hot line of each flow, 64 bytes; _details, 40, for walks; _wide, 32, the addresses of IPv6 flows, once there are any
//              An entry never moves, so a ref to it stays good while the table lives.
//   _extra     slots past two of an entry, chained; a freed one leaves a hole, so that the ordinals in cached decisions keep their meaning.
//
// One thread owns a table. All tables draw from one FlowPool, some places at a time: TryReserve takes a place, Add uses it. Places are given back only by Reclaim, which
// runs when the pool is full: it frees entries all of whose slots are dead at that moment, and hands their causal memory to
// CausalMemory. Dead entries otherwise stay; every reader asks for life, so reclaiming early or late changes no verdict.
//
// Who dies next is not kept until the table was full for the first time: then all entries go into a DeathWheel, once. From there on
// it is told of each new slot and each change of state that may shorten a life. So a full table under attack costs a look at one short list for each
// packet, never a scan.
//
// Bound: MaxFlows entries over all tables, of 104 bytes (IPv6: 136) and 13 to 26 of index, one part-filled chunk a table, 40 bytes for each slot past two (only
// paths through appliances have those; a walk passes at most 34 checks), and, once full, 12 bytes an entry of wheel. A reload that parts the slots of a flow
// (a public address went to another interface) may leave more entries than MaxFlows, at most one a slot; nobody gets a new one until they have died.

using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Dataplane.Flows;

/// <summary>Flow entries by key.</summary>
/// <remarks>Its memory is outside the garbage collector: nothing may use an entry after Dispose.</remarks>
public sealed unsafe class FlowTable : IDisposable
{
    private readonly FlowPool _pool;
    private readonly CausalMemory _memory;
    private Timeouts _timeouts;
    private readonly FlowIndex _index = new();
    private readonly FlowChunks<FlowEntry> _entries = new();
    private readonly FlowChunks<FlowDetail> _details = new();
    private readonly FlowChunks<WideEnds> _wide = new();
    private bool _hasWide;
    private readonly int _claim;
    private int _claimed;
    private int _used;
    private int _free = -1;
    private ExtraSlot[] _extra = [];
    private int _extraUsed;
    private int _extraFree = -1;
    private readonly int[] _due = new int[32];
    private DeathWheel? _deaths;

    /// <param name="timeouts">Of the interfaces that slots name.</param>
    public FlowTable(FlowPool pool, CausalMemory memory, FlowHash hash, Timeouts timeouts)
    {
        _pool = pool;
        _memory = memory;
        _timeouts = timeouts;
        Hash = hash;
        _claim = Math.Clamp(pool.Capacity / 4_096, 1, 256);
    }

    /// <summary>Whether large tables stand in 2 MiB pages, in words for a person.</summary>
    public static string HugePages => FlowMemory.HugePages;

    public FlowHash Hash { get; }

    /// <summary>Entries, live and dead.</summary>
    public int Count { get; private set; }

    /// <summary>Entries that were freed to make room.</summary>
    public long Reclaimed { get; private set; }

    /// <summary>Bytes that the table has mapped, used or not yet.</summary>
    public long BytesMapped => _index.BytesMapped + _entries.BytesMapped + _details.BytesMapped + _wide.BytesMapped;

    /// <summary>Bytes of entries that were ever used, and of the index.</summary>
    public long BytesUsed => _index.BytesMapped + (_used * (long)(sizeof(FlowEntry) + sizeof(FlowDetail) + (_hasWide ? sizeof(WideEnds) : 0)));

    public ref FlowEntry this[int index] => ref _entries[index];

    public ref FlowDetail Detail(int index) => ref _details[index];

    /// <summary>Maps and commits memory for so many IPv4 flows before the first packet.</summary>
    public void Prepare(int flows)
    {
        _index.Prepare(flows);
        _entries.Prepare(flows);
        _details.Prepare(flows);
    }

    /// <summary>The flow of an entry.</summary>
    public FlowKey Key(int index)
    {
        ref FlowEntry entry = ref _entries[index];
        if ((entry.Rest & 1) == 0)
        {
            return new FlowKey(0, entry.Ends >> 32, 0, (uint)entry.Ends, entry.Rest);
        }

        ref WideEnds wide = ref _wide[index];
        return new FlowKey(wide.AHigh, wide.ALow, wide.BHigh, wide.BLow, entry.Rest);
    }

    public bool IsMirror(int index) => Key(index).IsMirror;

    /// <summary>The entry of a key, or -1.</summary>
    public int Find(in FlowKey key, uint hash)
    {
        for (int index = _index.First(hash, out FlowIndex.Search search); index >= 0; index = _index.Next(ref search))
        {
            if (Is(index, in key))
            {
                return index;
            }
        }

        return -1;
    }

    /// <summary>The entry of a packet's key, or -1.</summary>
    public int Find(in FlowView view) => Find(view.Key, view.Hash);

    /// <summary>Asks the cache for the bucket of a hash.</summary>
    public void PrefetchBucket(uint hash) => _index.Prefetch(hash);

    /// <summary>Gives each packet of a batch the entry that probably is its flow's, or a negative number, and asks the cache for it. Whether the key is equal is not known.</summary>
    /// <param name="views">With hashes. Entry is set, and Line.</param>
    /// <param name="without">Gets the places of packets with a key that found none; as long as the views, or longer.</param>
    /// <returns>How many those are.</returns>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public int Seek(Span<FlowView> views, int[] without)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(without.Length, views.Length);
        FlowIndex index = _index;
        int misses = 0;
        fixed (FlowView* first = views)
        fixed (int* missed = without)
        fixed (nint* chunks = _entries.Blocks)
        {
            FlowView* end = first + views.Length;
            for (FlowView* view = first; view < end; view++)
            {
                // Masks, not branches: -1 for no key and for none found. A hash that is not set is looked for as well; what it finds does not count.
                int noKey = (view->HasKey ? 1 : 0) - 1;
                int found = index.Candidate(view->Hash);
                int none = (found | noKey) >> 31;
                int entry = found | none;
                missed[misses] = (int)(view - first);
                misses -= none & ~noKey;
                view->Entry = entry;
                long keep = ~none;
                nint line = (nint)FlowChunks<FlowEntry>.At(chunks, entry & ~none) & (nint)keep;
                nint isLoud = ((view->Asked ^ QuietPath.Loud) - 1) >> 31;
                view->Line = (FlowEntry*)(line & ~isLoud);
                if (Sse.IsSupported)
                {
                    Sse.Prefetch0((void*)(line | ((nint)view & (nint)~keep)));
                }
            }
        }

        if (_hasWide)
        {
            foreach (ref readonly FlowView view in views)
            {
                if (view.HasKey && (view.Rest & 1) != 0)
                {
                    _wide.Prefetch(view.Entry);
                }
            }
        }

        return misses;
    }

    /// <summary>Looks for the entries that <see cref="Seek"/> did not find in the buckets into which full ones spill: one or two in a hundred lie there, and each would wait for memory twice.</summary>
    /// <param name="without">Places in <paramref name="views"/>.</param>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    internal void SeekSpilled(Span<FlowView> views, ReadOnlySpan<int> without)
    {
        if (!_index.MaySpill)
        {
            return;
        }

        foreach (int place in without)
        {
            _index.PrefetchSpill(views[place].Hash);
        }

        foreach (int place in without)
        {
            ref FlowView view = ref views[place];
            int entry = _index.SpilledCandidate(view.Hash);
            if (entry >= 0)
            {
                view.Entry = entry;
                FlowEntry* line = _entries.At(entry);
                view.Line = view.Asked == QuietPath.Loud ? null : line;
                _entries.Prefetch(entry);
            }
        }
    }

    /// <summary>Whether no flow has a hash, by one look at its bucket; false when a search must tell.</summary>
    public bool Lacks(uint hash) => _index.Candidate(hash) < 0 && _index.IsEnd(hash);

    /// <summary>Whether an entry, of whatever life, has a key now.</summary>
    public bool Is(int index, in FlowKey key)
    {
        ref FlowEntry entry = ref _entries[index];
        return entry.Ends == key.Ends && entry.Rest == key.Rest && ((entry.Rest & 1) == 0 || _wide[index].Is(in key));
    }

    /// <summary>Whether an entry has a packet's key now.</summary>
    internal bool Is(int index, in FlowView view)
    {
        FlowEntry* entry = _entries.At(index);
        return ((entry->Ends ^ view.Ends) | (entry->Rest ^ view.Rest)) == 0 && ((entry->Rest & 1) == 0 || HasAddresses(index, in view));
    }

    /// <summary>Whether an IPv6 entry has an IPv6 packet's addresses.</summary>
    internal bool HasAddresses(int index, in FlowView view)
    {
        WideEnds* wide = _wide.At(index);
        return ((wide->AHigh ^ view.AHigh) | (wide->ALow ^ view.ALow) | (wide->BHigh ^ view.BHigh) | (wide->BLow ^ view.BLow)) == 0;
    }

    /// <summary>Buckets that a search for a hash reads: for tests of the hash.</summary>
    public int ChainLength(uint hash) => _index.SearchLength(hash);

    /// <summary>Takes a place for one more flow, freeing dead entries of this table when there is none.</summary>
    /// <returns>False when as many flows as the pool holds live. Indexes of entries that were found before are then, and after a true one, no longer good if <see cref="Reclaimed"/> changed.</returns>
    public bool TryReserve(long now)
    {
        if (_claimed > 0 || Claim() || (Reclaim(now) > 0 && Claim()))
        {
            _claimed--;
            return true;
        }

        return false;
    }

    /// <summary>Gives back a place that Add did not use.</summary>
    public void Release() => _claimed++;

    /// <summary>Makes the entry of a key that has none, in a reserved place.</summary>
    public int Add(in FlowKey key, uint hash)
    {
        int index = _free;
        if (index >= 0)
        {
            _free = Detail(index).Overflow;
        }
        else
        {
            index = _used++;
            _entries.Need(index);
            _details.Need(index);
            _entries.Prefetch(_used + 2);
            _details.Prefetch(_used + 2);
        }

        Count++;
        ref FlowEntry entry = ref this[index];
        entry = default;
        entry.Ends = key.Ends;
        entry.Rest = key.Rest;
        entry.Slot0.Interface = SlotLife.Free;
        entry.Slot1.Interface = SlotLife.Free;
        ref FlowDetail detail = ref Detail(index);
        detail.Hash = hash;
        detail.Overflow = -1;
        if (key.IsIpv6)
        {
            (ulong aHigh, ulong aLow, ulong bHigh, ulong bLow, _) = key.Words;
            _hasWide = true;
            _wide.Need(index);
            _wide[index] = new WideEnds { AHigh = aHigh, ALow = aLow, BHigh = bHigh, BLow = bLow };
        }

        _index.Add(hash, index);
        return index;
    }

    /// <summary>How many slot ordinals an entry has; some may be free.</summary>
    public int SlotCount(int index)
    {
        int count = 2;
        for (int extra = Detail(index).Overflow; extra >= 0; extra = _extra[extra].Next)
        {
            count++;
        }

        return count;
    }

    /// <summary>A slot of an entry; not kept across <see cref="Make"/>.</summary>
    public FlowSlot Slot(int index, int ordinal)
    {
        ref FlowDetail detail = ref Detail(index);
        if (ordinal == 0)
        {
            return new FlowSlot(ref this[index].Slot0, ref detail.Slot0);
        }

        if (ordinal == 1)
        {
            return new FlowSlot(ref this[index].Slot1, ref detail.Slot1);
        }

        int extra = detail.Overflow;
        while (ordinal > 2)
        {
            extra = _extra[extra].Next;
            ordinal--;
        }

        return new FlowSlot(ref _extra[extra].Life, ref _extra[extra].Origin);
    }

    public bool IsLive(int index, int ordinal, long now) => _timeouts.IsLive(in Slot(index, ordinal).Life, this[index].Kind, now);

    /// <summary>The live slot of an interface that a packet belongs to: its ordinal, or -1.</summary>
    /// <remarks>At most one matches, but for a packet that looks alike both ways: there the one that began in the packet's direction is meant.</remarks>
    public int FindSlot(int index, long now, int networkInterface, bool egress, bool fromB, int formA, int formB)
    {
        bool isMirror = IsMirror(index);
        FlowKind kind = this[index].Kind;
        int found = -1;
        int count = SlotCount(index);
        for (int i = 0; i < count; i++)
        {
            FlowSlot slot = Slot(index, i);
            if (slot.Life.Interface == networkInterface && _timeouts.IsLive(in slot.Life, kind, now) && slot.Matches(egress, fromB, formA, formB, isMirror))
            {
                if (!isMirror || slot.Life.FirstEgress == egress)
                {
                    return i;
                }

                found = i;
            }
        }

        return found;
    }

    /// <summary>Puts a slot into an entry, in the first free place, and returns its ordinal.</summary>
    public int Make(int index, in NewSlot made)
    {
        ref FlowEntry entry = ref this[index];
        ref FlowDetail detail = ref Detail(index);
        entry.DropDecisions();
        int ordinal;
        if (entry.Slot0.Interface < 0)
        {
            byte causal = entry.Slot0.Causal;
            entry.Slot0 = made.Life;
            entry.Slot0.Causal = causal;
            detail.Slot0 = made.Origin;
            ordinal = 0;
        }
        else if (entry.Slot1.Interface < 0)
        {
            entry.Slot1 = made.Life;
            detail.Slot1 = made.Origin;
            ordinal = 1;
        }
        else
        {
            ordinal = MakeExtra(ref detail, in made);
        }

        MayDieEarlier(index);
        return ordinal;
    }

    /// <summary>Ends a slot.</summary>
    public void End(int index, int ordinal)
    {
        this[index].DropDecisions();
        Slot(index, ordinal).Life.Interface = SlotLife.Free;
        MayDieEarlier(index);
    }

    /// <summary>Must be told when a slot's state changed, for its time-out may be shorter now.</summary>
    public void MayDieEarlier(int index) => _deaths?.Put(index, Deadline(index));

    /// <summary>Forgets every cached decision.</summary>
    public void DropAllDecisions()
    {
        for (int index = 0; index < _used; index++)
        {
            this[index].DropDecisions();
        }
    }

    /// <summary>A new policy. O(1) when neither time-outs nor anything else that slots remember changed, else O(flows).</summary>
    /// <param name="numbers">From the old plan's numbers to the new one's.</param>
    /// <param name="now">When it takes over: a slot that is dead then stays dead, whatever its interface's new time-outs are (CT-14).</param>
    /// <remarks>A slot of an interface that is gone ends. Cached decisions are not dropped; a new generation of the decision table does that.</remarks>
    public void Adopt(Timeouts timeouts, PlanNumbers numbers, long now)
    {
        Timeouts before = _timeouts;
        _timeouts = timeouts;
        if (numbers.IsSame && before.IsSame(timeouts))
        {
            return;
        }

        // Those that move come in last, by when the entries that they left empty are free, and no entry holds a slot of the old plan.
        List<(FlowKey Key, NewSlot Slot)> moved = [];
        int freed = 0;
        for (int index = 0; index < _used; index++)
        {
            if (_entries[index].Rest != 0 && !Translate(index, numbers, before, now, moved))
            {
                Free(index);
                freed++;
            }
        }

        // Deadlines are others than the wheel was told. It is gathered anew when room is needed.
        _deaths?.Dispose();
        _deaths = null;
        _pool.Give(freed);
        foreach ((FlowKey key, NewSlot slot) in moved)
        {
            _ = TryPut(in key, in slot, now, mayOverdraw: true);
        }
    }

    /// <summary>Adds live flows to a list, in order of entry, from an entry on.</summary>
    /// <param name="most">Entries, of whatever life, that are looked at.</param>
    /// <returns>The entry to go on from, or -1 at the end.</returns>
    public int CopyLive(int from, int most, long now, List<FlowSnapshot> to)
    {
        int end = Math.Min(_used, from + most);
        for (int index = from; index < end; index++)
        {
            if (_entries[index].Rest == 0)
            {
                continue;
            }

            int live = 0;
            int count = SlotCount(index);
            for (int i = 0; i < count; i++)
            {
                live += IsLive(index, i, now) ? 1 : 0;
            }

            if (live > 0)
            {
                NewSlot[] slots = new NewSlot[live];
                for (int i = 0, at = 0; i < count; i++)
                {
                    if (IsLive(index, i, now))
                    {
                        FlowSlot slot = Slot(index, i);
                        slots[at++] = new NewSlot { Life = slot.Life, Origin = slot.Origin };
                    }
                }

                to.Add(new FlowSnapshot(Key(index), slots));
            }
        }

        return end < _used ? end : -1;
    }

    /// <summary>Takes over a flow of another table. False when there is no room, or no slot is left of it.</summary>
    /// <param name="numbers">From the other table's plan to this one's.</param>
    /// <param name="rule">From the other's rule names to this one's.</param>
    public bool Import(FlowSnapshot flow, long now, PlanNumbers numbers, Func<int, int> rule)
    {
        bool isTaken = false;
        FlowKey was = flow.Key;
        foreach (NewSlot one in flow.Slots)
        {
            NewSlot slot = one;
            if (!numbers.TryTranslate(in was, ref slot, out FlowKey key))
            {
                continue;
            }

            slot.Life.Causal = 0;
            slot.Origin.Rule = rule(slot.Origin.Rule);
            isTaken |= TryPut(in key, in slot, now, mayOverdraw: false);
        }

        return isTaken;
    }

    /// <summary>Frees all entries that have no live slot, and returns how many.</summary>
    public int Reclaim(long now)
    {
        _deaths ??= Gather(now);
        int freed = 0;
        bool isLast = false;
        while (!isLast)
        {
            _deaths.Next(now, out int entry, out isLast);
            while (entry >= 0)
            {
                int count = 0;
                for (; entry >= 0 && count < _due.Length; entry = _deaths.After(entry))
                {
                    _due[count++] = entry;
                    _entries.Prefetch(entry);
                    _details.Prefetch(entry);
                }

                freed += FreeDead(_due.AsSpan(0, count), now);
            }
        }

        Reclaimed += freed;
        _pool.Give(freed);
        return freed;
    }

    public void Dispose()
    {
        _index.Dispose();
        _entries.Dispose();
        _details.Dispose();
        _wide.Dispose();
        _deaths?.Dispose();
    }

    /// <summary>Takes an entry's slots into another plan: what is gone or dead ends, what now belongs to another key leaves.</summary>
    /// <returns>Whether any slot stays.</returns>
    private bool Translate(int index, PlanNumbers numbers, Timeouts before, long now, List<(FlowKey Key, NewSlot Slot)> moved)
    {
        FlowKey key = Key(index);
        FlowKind kind = key.Kind;
        bool stays = false;
        int count = SlotCount(index);
        for (int i = 0; i < count; i++)
        {
            FlowSlot slot = Slot(index, i);
            if (slot.Life.Interface < 0)
            {
                continue;
            }

            NewSlot next = new() { Life = slot.Life, Origin = slot.Origin };
            if (numbers.TryTranslate(in key, ref next, out FlowKey to)
                && (before.IsSame(slot.Life.Interface, _timeouts, next.Life.Interface) || before.IsLive(in slot.Life, kind, now)))
            {
                if (to == key)
                {
                    (slot.Life, slot.Origin) = (next.Life, next.Origin);
                    stays = true;
                    continue;
                }

                moved.Add((to, next));
            }

            slot.Life.Interface = SlotLife.Free;
        }

        return stays;
    }

    /// <summary>Puts a slot from elsewhere under its key, with the slots that are there.</summary>
    /// <param name="mayOverdraw">It is remembered already, and is not given up for want of room: slots of one flow that part take more entries than before.</param>
    private bool TryPut(in FlowKey key, in NewSlot slot, long now, bool mayOverdraw)
    {
        uint hash = Hash.Of(in key);
        int index = Find(in key, hash);
        if (index < 0)
        {
            if (!TryReserve(now))
            {
                if (!mayOverdraw)
                {
                    return false;
                }

                _pool.Overdraw();
            }

            index = Add(in key, hash);
        }

        _ = Make(index, in slot);
        return true;
    }

    private bool Claim()
    {
        _claimed = _pool.Take(_claim);
        return _claimed > 0;
    }

    /// <summary>When the last of an entry's slots dies.</summary>
    private long Deadline(int index)
    {
        FlowKind kind = this[index].Kind;
        long deadline = long.MinValue;
        int count = SlotCount(index);
        for (int i = 0; i < count; i++)
        {
            ref SlotLife slot = ref Slot(index, i).Life;
            if (slot.Interface >= 0)
            {
                deadline = Math.Max(deadline, _timeouts.Deadline(in slot, kind));
            }
        }

        return deadline;
    }

    /// <summary>A wheel with every entry in it.</summary>
    private DeathWheel Gather(long now)
    {
        DeathWheel wheel = new(now);
        for (int index = 0; index < _used; index++)
        {
            if (_entries[index].Rest != 0)
            {
                wheel.Put(index, Deadline(index));
            }
        }

        return wheel;
    }

    /// <summary>Frees the dead of a handful of entries, and puts the others back into the wheel.</summary>
    private int FreeDead(Span<int> entries, long now)
    {
        int dead = 0;
        foreach (int index in entries)
        {
            long deadline = Deadline(index);
            if (now < deadline)
            {
                _deaths!.Put(index, deadline);
                continue;
            }

            entries[dead++] = index;
            uint hash = _details[index].Hash;
            _index.Prefetch(hash);
            if (_entries[index].Slot0.Causal != 0)
            {
                _memory.Prefetch(_entries[index].Protocol, hash);
            }
        }

        foreach (int index in entries[..dead])
        {
            ref FlowEntry entry = ref _entries[index];
            if (entry.Slot0.Causal != 0)
            {
                _memory.Store(Key(index), _details[index].Hash, entry.Causal, now);
            }

            Free(index);
        }

        return dead;
    }

    private int MakeExtra(ref FlowDetail detail, in NewSlot made)
    {
        int ordinal = 2;
        int last = -1;
        for (int extra = detail.Overflow; extra >= 0; extra = _extra[extra].Next, ordinal++)
        {
            if (_extra[extra].Life.Interface < 0)
            {
                (_extra[extra].Life, _extra[extra].Origin) = (made.Life, made.Origin);
                return ordinal;
            }

            last = extra;
        }

        int fresh = _extraFree;
        if (fresh >= 0)
        {
            _extraFree = _extra[fresh].Next;
        }
        else
        {
            if (_extraUsed == _extra.Length)
            {
                Array.Resize(ref _extra, Math.Max(256, _extra.Length * 2));
            }

            fresh = _extraUsed++;
        }

        _extra[fresh] = new ExtraSlot { Life = made.Life, Origin = made.Origin, Next = -1 };
        if (last < 0)
        {
            detail.Overflow = fresh;
        }
        else
        {
            _extra[last].Next = fresh;
        }

        return ordinal;
    }

    private void Free(int index)
    {
        ref FlowDetail detail = ref Detail(index);
        for (int extra = detail.Overflow; extra >= 0;)
        {
            int next = _extra[extra].Next;
            _extra[extra].Life.Interface = SlotLife.Free;
            _extra[extra].Next = _extraFree;
            _extraFree = extra;
            extra = next;
        }

        _index.Remove(detail.Hash, index);
        this[index].Rest = 0;
        detail.Overflow = _free;
        _free = index;
        Count--;
    }

    private struct WideEnds
    {
        public ulong AHigh;
        public ulong ALow;
        public ulong BHigh;
        public ulong BLow;

        public readonly bool Is(in FlowKey key)
        {
            (ulong aHigh, ulong aLow, ulong bHigh, ulong bLow, _) = key.Words;
            return ALow == aLow && BLow == bLow && AHigh == aHigh && BHigh == bHigh;
        }
    }

    private struct ExtraSlot
    {
        public SlotLife Life;
        public SlotOrigin Origin;
        public int Next;
    }
}
