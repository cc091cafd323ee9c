// The flows that one worker remembers.
//
//   _heads   one int a bucket: the first entry, -1 for none. A power of two, at least as many as entries; doubled and relinked when it fills.
//   _chunks  entries, 1,024 to an array, made when first needed and never given back: an entry never moves, so a ref to it stays good.
//   _extra   slots past two of an entry, chained; a freed one leaves a hole, so that the ordinals in cached decisions keep their meaning.
//
// One thread owns a table. All tables draw from one FlowPool: TryReserve takes a place, Add uses it. A place is given back only by Reclaim, which
// runs when the pool is full: it frees entries all of whose slots are dead at that moment, and hands their causal memory to
// CausalMemory. Dead entries otherwise stay; every reader asks IsLive, so reclaiming early or late changes no verdict.
// _earliest is a lower bound of all deadlines: before it there is nothing to reclaim, and a full table under attack is not swept for each packet.
//
// Bound: MaxFlows entries of 224 bytes and 8 of index over all tables, one part-filled chunk a table, and 48 bytes for each slot past two (only
// paths through appliances have those; a walk passes at most 34 checks).

using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Dataplane.Flows;

/// <summary>Flow entries by key.</summary>
public sealed unsafe class FlowTable
{
    private const int ChunkBits = 10;
    private const int ChunkSize = 1 << ChunkBits;

    private readonly FlowPool _pool;
    private readonly CausalMemory _memory;
    private int[] _heads = NewHeads(1024);
    private FlowEntry[][] _chunks = new FlowEntry[4][];
    private int _used;
    private int _free = -1;
    private long _earliest = long.MaxValue;
    private ExtraSlot[] _extra = [];
    private int _extraUsed;
    private int _extraFree = -1;

    public FlowTable(FlowPool pool, CausalMemory memory, FlowHash hash)
    {
        _pool = pool;
        _memory = memory;
        Hash = hash;
    }

    public FlowHash Hash { get; }

    /// <summary>Entries, live and dead.</summary>
    public int Count { get; private set; }

    /// <summary>Entries that were freed to make room.</summary>
    public long Reclaimed { get; private set; }

    public ref FlowEntry this[int index] => ref _chunks[index >> ChunkBits][index & (ChunkSize - 1)];

    /// <summary>The entry of a key, or -1.</summary>
    public int Find(in FlowKey key, uint hash)
    {
        int index = _heads[hash & (uint)(_heads.Length - 1)];
        while (index >= 0)
        {
            ref FlowEntry entry = ref this[index];
            if (entry.Hash == hash && entry.Key.Equals(key))
            {
                return index;
            }

            index = entry.Next;
        }

        return -1;
    }

    /// <summary>Asks the cache for the bucket of a hash.</summary>
    public void PrefetchBucket(uint hash)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(Unsafe.AsPointer(ref _heads[hash & (uint)(_heads.Length - 1)]));
        }
    }

    /// <summary>Asks the cache for the first entry of a hash's bucket.</summary>
    public void PrefetchEntry(uint hash)
    {
        int index = _heads[hash & (uint)(_heads.Length - 1)];
        if (Sse.IsSupported && index >= 0)
        {
            byte* entry = (byte*)Unsafe.AsPointer(ref this[index]);
            Sse.Prefetch0(entry);
            Sse.Prefetch0(entry + 64);
            Sse.Prefetch0(entry + 128);
            Sse.Prefetch0(entry + 192);
        }
    }

    /// <summary>Entries looked at to find a hash's bucket through: for tests of the hash.</summary>
    public int ChainLength(uint hash)
    {
        int length = 0;
        for (int index = _heads[hash & (uint)(_heads.Length - 1)]; index >= 0; index = this[index].Next)
        {
            length++;
        }

        return length;
    }

    /// <summary>Takes a place for one more flow, freeing dead entries of this table when there is none.</summary>
    /// <returns>False when as many flows as the pool holds live. Indexes of entries that were found before are then, and after a true one, no longer good if <see cref="Reclaimed"/> changed.</returns>
    public bool TryReserve(long now) => _pool.TryTake() || (Reclaim(now) > 0 && _pool.TryTake());

    /// <summary>Gives back a place that Add did not use.</summary>
    public void Release() => _pool.Give(1);

    /// <summary>Makes the entry of a key that has none, in a reserved place.</summary>
    public int Add(in FlowKey key, uint hash)
    {
        int index = _free;
        if (index >= 0)
        {
            _free = this[index].Next;
        }
        else
        {
            index = _used++;
            int chunk = index >> ChunkBits;
            if (chunk == _chunks.Length)
            {
                Array.Resize(ref _chunks, chunk * 2);
            }

            _chunks[chunk] ??= new FlowEntry[ChunkSize];
        }

        if (++Count > _heads.Length)
        {
            Rehash(_heads.Length * 2);
        }

        ref FlowEntry entry = ref this[index];
        entry = default;
        entry.Key = key;
        entry.Hash = hash;
        entry.Slot0.Interface = FlowSlot.Free;
        entry.Slot1.Interface = FlowSlot.Free;
        entry.Overflow = -1;
        ref int head = ref _heads[hash & (uint)(_heads.Length - 1)];
        entry.Next = head;
        head = index;
        return index;
    }

    /// <summary>How many slot ordinals an entry has; some may be free.</summary>
    public int SlotCount(ref readonly FlowEntry entry)
    {
        int count = 2;
        for (int extra = entry.Overflow; extra >= 0; extra = _extra[extra].Next)
        {
            count++;
        }

        return count;
    }

    /// <summary>A slot of an entry; not kept across <see cref="Make"/>.</summary>
    public ref FlowSlot Slot(ref FlowEntry entry, int ordinal)
    {
        if (ordinal == 0)
        {
            return ref entry.Slot0;
        }

        if (ordinal == 1)
        {
            return ref entry.Slot1;
        }

        int extra = entry.Overflow;
        while (ordinal > 2)
        {
            extra = _extra[extra].Next;
            ordinal--;
        }

        return ref _extra[extra].Slot;
    }

    /// <summary>The live slot of an interface that a packet belongs to: its ordinal, or -1.</summary>
    /// <remarks>At most one matches, but for a packet that looks alike both ways: there the one that began in the packet's direction is meant.</remarks>
    public int FindSlot(ref FlowEntry entry, long now, int networkInterface, bool egress, bool fromB, int formA, int formB)
    {
        bool isMirror = entry.Key.IsMirror;
        int found = -1;
        int count = entry.Overflow < 0 ? 2 : SlotCount(ref entry);
        for (int i = 0; i < count; i++)
        {
            ref FlowSlot slot = ref Slot(ref entry, i);
            if (slot.Interface == networkInterface && slot.IsLive(now) && slot.Matches(egress, fromB, formA, formB, isMirror))
            {
                if (!isMirror || slot.FirstEgress == egress)
                {
                    return i;
                }

                found = i;
            }
        }

        return found;
    }

    public bool HasLiveSlot(ref FlowEntry entry, long now)
    {
        int count = SlotCount(ref entry);
        for (int i = 0; i < count; i++)
        {
            if (Slot(ref entry, i).IsLive(now))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Puts a slot into an entry, in the first free place, and returns its ordinal.</summary>
    public int Make(ref FlowEntry entry, in FlowSlot made)
    {
        Due(made.Deadline);
        entry.DropDecisions();
        if (entry.Slot0.Interface < 0)
        {
            entry.Slot0 = made;
            return 0;
        }

        if (entry.Slot1.Interface < 0)
        {
            entry.Slot1 = made;
            return 1;
        }

        int ordinal = 2;
        int last = -1;
        for (int extra = entry.Overflow; extra >= 0; extra = _extra[extra].Next, ordinal++)
        {
            if (_extra[extra].Slot.Interface < 0)
            {
                _extra[extra].Slot = made;
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

        _extra[fresh] = new ExtraSlot { Slot = made, Next = -1 };
        if (last < 0)
        {
            entry.Overflow = fresh;
        }
        else
        {
            _extra[last].Next = fresh;
        }

        return ordinal;
    }

    /// <summary>Ends a slot.</summary>
    public void End(ref FlowEntry entry, int ordinal)
    {
        entry.DropDecisions();
        Slot(ref entry, ordinal).Interface = FlowSlot.Free;
    }

    /// <summary>Must be told of each deadline that a slot gets.</summary>
    public void Due(long deadline)
    {
        if (deadline < _earliest)
        {
            _earliest = deadline;
        }
    }

    /// <summary>Frees all entries that have no live slot, and returns how many.</summary>
    public int Reclaim(long now)
    {
        if (now < _earliest)
        {
            return 0;
        }

        int freed = 0;
        long earliest = long.MaxValue;
        for (int bucket = 0; bucket < _heads.Length; bucket++)
        {
            ref int link = ref _heads[bucket];
            while (link >= 0)
            {
                int index = link;
                ref FlowEntry entry = ref this[index];
                long deadline = Deadline(ref entry);
                if (now < deadline)
                {
                    earliest = Math.Min(earliest, deadline);
                    link = ref entry.Next;
                    continue;
                }

                link = entry.Next;
                _memory.Store(entry.Key, entry.Hash, entry.Causal, now);
                Free(ref entry, index);
                freed++;
            }
        }

        _earliest = earliest;
        Reclaimed += freed;
        _pool.Give(freed);
        return freed;
    }

    /// <summary>When the last of an entry's slots dies.</summary>
    private long Deadline(ref FlowEntry entry)
    {
        long deadline = long.MinValue;
        int count = SlotCount(ref entry);
        for (int i = 0; i < count; i++)
        {
            ref FlowSlot slot = ref Slot(ref entry, i);
            if (slot.Interface >= 0)
            {
                deadline = Math.Max(deadline, slot.Deadline);
            }
        }

        return deadline;
    }

    private void Free(ref FlowEntry entry, int index)
    {
        for (int extra = entry.Overflow; extra >= 0;)
        {
            int next = _extra[extra].Next;
            _extra[extra].Slot.Interface = FlowSlot.Free;
            _extra[extra].Next = _extraFree;
            _extraFree = extra;
            extra = next;
        }

        entry.Overflow = -1;
        entry.Next = _free;
        _free = index;
        Count--;
    }

    private void Rehash(int size)
    {
        int[] old = _heads;
        int[] heads = NewHeads(size);
        foreach (int first in old)
        {
            for (int index = first; index >= 0;)
            {
                ref FlowEntry entry = ref this[index];
                int next = entry.Next;
                ref int head = ref heads[entry.Hash & (uint)(size - 1)];
                entry.Next = head;
                head = index;
                index = next;
            }
        }

        _heads = heads;
    }

    private static int[] NewHeads(int size)
    {
        int[] heads = new int[size];
        Array.Fill(heads, -1);
        return heads;
    }

    private struct ExtraSlot
    {
        public FlowSlot Slot;
        public int Next;
    }
}
