// From hashes to the numbers of records that the caller keeps.
//
//   bucket, one cache line:   8 tags (the whole 32-bit hash each) | 8 places (a record's number + 1; 0 is empty)
//
// A bucket fills from its first slot; when it is full, the next bucket takes what is left over. Nothing is removed one by one, so the first
// bucket with an empty slot ends a search. At most half of the slots are used: beyond that the index doubles, and the tags
// are all that it needs for it. Equal tags need not be equal keys: the caller compares, and asks for the next.

using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Dataplane.Flows;

/// <summary>An open hash index of 8 bytes a record, half full.</summary>
/// <remarks>Not thread-safe. Memory: 16 to 32 bytes a record.</remarks>
public sealed class TagIndex : IDisposable
{
    private const int Slots = 8;

    private AlignedArray<Bucket> _buckets = new(64);
    private uint _mask = 63;

    /// <summary>Records in the index.</summary>
    public int Count { get; private set; }

    /// <summary>Asks for the line that a search for this hash begins in.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Prefetch(uint hash) => _buckets.Prefetch((int)(hash & _mask));

    /// <summary>The first record with this hash, or -1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int First(uint hash, out Search search)
    {
        search.Hash = hash;
        search.Bucket = hash & _mask;
        ref Bucket bucket = ref _buckets[(int)search.Bucket];
        search.Matches = Matches(in bucket, hash);
        return Next(ref search);
    }

    /// <summary>The next record with the same hash, or -1.</summary>
    public int Next(ref Search search)
    {
        while (true)
        {
            ref Bucket bucket = ref _buckets[(int)search.Bucket];
            while (search.Matches != 0)
            {
                int place = bucket.Places[BitOperations.TrailingZeroCount(search.Matches)];
                search.Matches &= search.Matches - 1;
                if (place != 0)
                {
                    return place - 1;
                }
            }

            if (bucket.Places[Slots - 1] == 0)
            {
                return -1;
            }

            search.Bucket = (search.Bucket + 1) & _mask;
            search.Matches = Matches(in _buckets[(int)search.Bucket], search.Hash);
        }
    }

    /// <summary>Adds a record that is not in it.</summary>
    public void Add(uint hash, int record)
    {
        if (Count * 2 >= _buckets.Length * Slots)
        {
            Double();
        }

        Count++;
        Put(hash, record + 1);
    }

    /// <summary>Empties it. Its memory stays.</summary>
    public void Clear()
    {
        _buckets.Clear();
        Count = 0;
    }

    /// <summary>Gives the memory back. Nothing may be asked afterwards.</summary>
    public void Dispose() => _buckets.Dispose();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Matches(in Bucket bucket, uint hash)
    {
        ReadOnlySpan<uint> tags = bucket.Tags;
        return Vector256.Equals(Vector256.Create(tags), Vector256.Create(hash)).ExtractMostSignificantBits();
    }

    private void Put(uint hash, int place)
    {
        for (uint at = hash & _mask; ; at = (at + 1) & _mask)
        {
            ref Bucket bucket = ref _buckets[(int)at];
            int slot = ((ReadOnlySpan<int>)bucket.Places).IndexOf(0);
            if (slot >= 0)
            {
                bucket.Tags[slot] = hash;
                bucket.Places[slot] = place;
                return;
            }
        }
    }

    private void Double()
    {
        AlignedArray<Bucket> old = _buckets;
        _buckets = new AlignedArray<Bucket>(checked(old.Length * 2));
        _mask = (uint)_buckets.Length - 1;
        for (int i = 0; i < old.Length; i++)
        {
            ref Bucket bucket = ref old[i];
            for (int slot = 0; slot < Slots && bucket.Places[slot] != 0; slot++)
            {
                Put(bucket.Tags[slot], bucket.Places[slot]);
            }
        }

        old.Dispose();
    }

    /// <summary>Where a search is.</summary>
    public struct Search
    {
        internal uint Hash;
        internal uint Bucket;
        internal uint Matches;
    }

    [InlineArray(Slots)]
    private struct Tag
    {
        private uint _first;
    }

    [InlineArray(Slots)]
    private struct Place
    {
        private int _first;
    }

    private struct Bucket
    {
        public Tag Tags;
        public Place Places;
    }
}
