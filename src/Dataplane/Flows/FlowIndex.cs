// From a hash to the numbers that were put there: buckets of one cache line, eight 32-bit tags (the hash), then eight 32-bit places (number + 1; 0 empty, -1 left).
//
// A search compares eight tags in one step. A full bucket spills into the next one; a place freed in a full bucket is marked as left, so that what
// spilled past it is still found. Doubled when five eighths full; made anew when an eighth is marked.

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
    private const uint Left = uint.MaxValue;

    private FlowMemory _memory;
    private Bucket* _buckets;
    private uint _mask;
    private uint _left;

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
    public int Candidate(uint hash)
    {
        Bucket* bucket = _buckets + (hash & _mask);
        Vector256<uint> isTag = Vector256.Equals(Vector256.Load(bucket->Tags), Vector256.Create(hash));
        uint matches = Vector256.AndNot(isTag, Vector256.Equals(Vector256.Load(bucket->Places), Vector256<uint>.Zero)).ExtractMostSignificantBits();
        int isMatch = -(int)matches >> 31;
        return ((int)bucket->Places[BitOperations.TrailingZeroCount(matches) & 7] & isMatch) - 1;
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

    /// <summary>Removes a number that was added with this hash.</summary>
    public void Remove(uint hash, int number)
    {
        uint place = (uint)number + 1;
        for (uint at = hash & _mask; ; at = (at + 1) & _mask)
        {
            Bucket* bucket = _buckets + at;
            uint found = Vector256.Equals(Vector256.Load(bucket->Places), Vector256.Create(place)).ExtractMostSignificantBits();
            if (found != 0)
            {
                Count--;
                bool isFull = !HasEmpty(bucket);
                bucket->Places[BitOperations.TrailingZeroCount(found)] = isFull ? Left : 0;
                _left += isFull ? 1u : 0;
                if (_left > _mask)
                {
                    Rebuild(_mask + 1);
                }

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

    private void Insert(uint hash, uint place)
    {
        for (uint at = hash & _mask; ; at = (at + 1) & _mask)
        {
            Bucket* bucket = _buckets + at;
            Vector256<uint> places = Vector256.Load(bucket->Places);
            uint free = (Vector256.Equals(places, Vector256<uint>.Zero) | Vector256.Equals(places, Vector256<uint>.AllBitsSet)).ExtractMostSignificantBits();
            if (free != 0)
            {
                int i = BitOperations.TrailingZeroCount(free);
                _left -= bucket->Places[i] == Left ? 1u : 0;
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
        _left = 0;
        for (uint at = 0; at < count; at++)
        {
            for (int i = 0; i < 8; i++)
            {
                uint place = from[at].Places[i];
                if (place is not 0 and not Left)
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
