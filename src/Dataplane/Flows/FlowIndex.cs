// From a hash to the numbers that were put there: buckets of one cache line, eight 32-bit tags (the hash), then eight 32-bit places (number + 1; 0 empty).
//
// A search compares eight tags in one step. A full bucket spills into the next one, so a search goes on until a bucket has an empty place. When a place becomes free in a full bucket,
// what had spilled past it moves back: searches stay as short as in an index that nothing ever left. (Marking places as left instead let a quarter of all searches go on for good,
// and had the index made anew from time to time.) Doubled when five eighths full.
//
// Methods with wide vectors cannot be compiled ahead of time. Those that do much are compiled for good at their first call: the quick code took a tenth of a replay of a million packets.

using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Dataplane.Flows;

/// <summary>Numbers by hash. Several may have one hash; whoever asks compares keys.</summary>
/// <remarks>Not thread-safe. Memory: 13 to 26 bytes a number.</remarks>
public sealed unsafe class FlowIndex : IDisposable
{
    private const uint FirstBuckets = 4_096;

    private FlowMemory _memory;
    private Bucket* _buckets;
    private uint _mask;

    public FlowIndex()
    {
        _memory = New(FirstBuckets);
    }

    public int Count { get; private set; }

    public long BytesMapped => (_mask + 1L) * sizeof(Bucket);

    /// <summary>Asks the cache for the bucket of a hash.</summary>
    public void Prefetch(uint hash)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(_buckets + (hash & _mask));
        }
    }

    /// <summary>The first number in a hash's own bucket that has its tag, or a negative number. Without a branch: which packets have flows is a coin's throw.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Candidate(uint hash) => Candidate(_buckets + (hash & _mask), hash);

    /// <summary>Buckets are so full that it pays to look where they spill: with less than two numbers each hardly one does.</summary>
    public bool MaySpill => Count > (_mask + 1L) * 2;

    /// <summary>The same in the bucket into which its own one spills, if that is full.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int SpilledCandidate(uint hash)
    {
        uint own = hash & _mask;
        return HasEmpty(_buckets + own) ? -1 : Candidate(_buckets + ((own + 1) & _mask), hash);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Candidate(Bucket* bucket, uint hash)
    {
        Vector256<uint> isTag = Vector256.Equals(Vector256.Load(bucket->Tags), Vector256.Create(hash));
        uint matches = Vector256.AndNot(isTag, Vector256.Equals(Vector256.Load(bucket->Places), Vector256<uint>.Zero)).ExtractMostSignificantBits();
        int isMatch = -(int)matches >> 31;
        return ((int)bucket->Places[BitOperations.TrailingZeroCount(matches) & 7] & isMatch) - 1;
    }

    /// <summary>Asks the cache for the bucket into which a hash's own one spills, if that is full: a twentieth of them are, and what waits for memory there costs as much as ten others.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void PrefetchSpill(uint hash)
    {
        if (Sse.IsSupported)
        {
            uint own = hash & _mask;
            Sse.Prefetch0(_buckets + ((own + (HasEmpty(_buckets + own) ? 0u : 1u)) & _mask));
        }
    }

    /// <summary>Whether a hash's own bucket ends the search for it: without a candidate nothing has the hash.</summary>
    public bool IsEnd(uint hash) => HasEmpty(_buckets + (hash & _mask));

    /// <summary>The first number that may have a hash, or -1; then <see cref="Next"/>.</summary>
    public int First(uint hash, out Search search)
    {
        search = new Search { Hash = hash, At = hash & _mask, Matches = Matches(_buckets + (hash & _mask), hash) };
        return Next(ref search);
    }

    /// <summary>The next number that may have the search's hash, or -1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public int Next(ref Search search)
    {
        while (true)
        {
            Bucket* bucket = _buckets + search.At;
            while (search.Matches != 0)
            {
                int number = (int)bucket->Places[BitOperations.TrailingZeroCount(search.Matches)] - 1;
                search.Matches &= search.Matches - 1;
                if (number >= 0)
                {
                    return number;
                }
            }

            if (HasEmpty(bucket))
            {
                return -1;
            }

            search.At = (search.At + 1) & _mask;
            search.Matches = Matches(_buckets + search.At, search.Hash);
        }
    }

    /// <summary>Makes room, in committed memory, for <paramref name="count"/> numbers.</summary>
    public void Prepare(int count)
    {
        uint buckets = BitOperations.RoundUpToPowerOf2((uint)((count + 4L) / 5));
        if (buckets > _mask + 1)
        {
            Rebuild(buckets);
            _memory.Touch((nuint)buckets * (nuint)sizeof(Bucket));
        }
    }

    /// <summary>Adds a number that is not in it.</summary>
    public void Add(uint hash, int number)
    {
        if ((uint)++Count > (_mask + 1) * 5)
        {
            Rebuild((_mask + 1) * 2);
        }

        Insert(hash, (uint)number + 1);
    }

    /// <summary>Removes a number that was added with this hash. Searches that have begun are no longer good.</summary>
    public void Remove(uint hash, int number)
    {
        uint place = (uint)number + 1;
        for (uint at = hash & _mask; ; at = (at + 1) & _mask)
        {
            uint found = Vector256.Equals(Vector256.Load(_buckets[at].Places), Vector256.Create(place)).ExtractMostSignificantBits();
            if (found != 0)
            {
                Count--;
                Free(at, BitOperations.TrailingZeroCount(found));
                return;
            }
        }
    }

    /// <summary>Buckets that a search for a hash reads: for tests of the hash.</summary>
    public int SearchLength(uint hash)
    {
        int length = 1;
        for (uint at = hash & _mask; !HasEmpty(_buckets + at); at = (at + 1) & _mask)
        {
            length++;
        }

        return length;
    }

    public void Dispose() => _memory.Dispose();

    private static bool HasEmpty(Bucket* bucket) => Vector256.EqualsAny(Vector256.Load(bucket->Places), Vector256<uint>.Zero);

    private static uint Matches(Bucket* bucket, uint hash) =>
        Vector256.Equals(Vector256.Load(bucket->Tags), Vector256.Create(hash)).ExtractMostSignificantBits();

    /// <summary>Empties a place. If its bucket was full, one that spilled past it comes there instead, and that one's place is emptied.</summary>
    private void Free(uint at, int slot)
    {
        Bucket* bucket = _buckets + at;
        while (!HasEmpty(bucket) && TryFindPassed(at, out uint from, out int fromSlot))
        {
            Bucket* other = _buckets + from;
            bucket->Tags[slot] = other->Tags[fromSlot];
            bucket->Places[slot] = other->Places[fromSlot];
            (at, slot) = (from, fromSlot);
            bucket = other;
        }

        bucket->Places[slot] = 0;
    }

    /// <summary>Finds a number behind a full bucket whose own bucket is that one, or before it. It can only lie up to the next bucket with an empty place.</summary>
    private bool TryFindPassed(uint at, out uint from, out int slot)
    {
        for (uint distance = 1; distance <= _mask; distance++)
        {
            from = (at + distance) & _mask;
            Bucket* bucket = _buckets + from;
            Vector256<uint> isEmpty = Vector256.Equals(Vector256.Load(bucket->Places), Vector256<uint>.Zero);

            // How far each number lies behind its own bucket.
            Vector256<uint> far = (Vector256.Create(from) - Vector256.Load(bucket->Tags)) & Vector256.Create(_mask);
            uint passed = Vector256.AndNot(Vector256.GreaterThanOrEqual(far, Vector256.Create(distance)), isEmpty).ExtractMostSignificantBits();
            if (passed != 0)
            {
                slot = BitOperations.TrailingZeroCount(passed);
                return true;
            }

            if (isEmpty != Vector256<uint>.Zero)
            {
                break;
            }
        }

        (from, slot) = (0, 0);
        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Insert(uint hash, uint place)
    {
        for (uint at = hash & _mask; ; at = (at + 1) & _mask)
        {
            Bucket* bucket = _buckets + at;
            uint free = Vector256.Equals(Vector256.Load(bucket->Places), Vector256<uint>.Zero).ExtractMostSignificantBits();
            if (free != 0)
            {
                int i = BitOperations.TrailingZeroCount(free);
                bucket->Tags[i] = hash;
                bucket->Places[i] = place;
                return;
            }
        }
    }

    private void Rebuild(uint buckets)
    {
        FlowMemory old = _memory;
        Bucket* from = _buckets;
        uint count = _mask + 1;
        _memory = New(buckets);
        for (uint at = 0; at < count; at++)
        {
            for (int i = 0; i < 8; i++)
            {
                uint place = from[at].Places[i];
                if (place != 0)
                {
                    Insert(from[at].Tags[i], place);
                }
            }
        }

        old.Dispose();
    }

    private FlowMemory New(uint buckets)
    {
        FlowMemory memory = new((nuint)buckets * (nuint)sizeof(Bucket));
        _buckets = (Bucket*)memory.Start;
        _mask = buckets - 1;
        return memory;
    }

    /// <summary>Where a search is.</summary>
    public struct Search
    {
        internal uint Hash;
        internal uint At;
        internal uint Matches;
    }

    private struct Bucket
    {
        public fixed uint Tags[8];
        public fixed uint Places[8];
    }
}
