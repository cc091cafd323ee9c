// Where an address falls among sorted starts: what address sets, routes and segments of rule lists ask.
//
// A search halves without branches, since an address that one has not seen before makes every branch a guess, and ends with one compare of 32 numbers. More IPv4 starts than
// that get an index by the upper 8 bits, and many by the upper 16, which mostly leaves a handful. IPv6 addresses share their upper bits too often for that.

using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Dataplane.Filters;

/// <summary>Sorted IPv4 numbers. Immutable, thread-safe.</summary>
internal sealed class SortedStarts
{
    internal const int Lanes = 32;

    /// <summary>Numbers from which on an index of 65,536 pays for its 256 KiB; below, 256 do.</summary>
    private const int LeastFine = 2_048;

    private readonly uint[] _starts;
    private readonly int[] _index;
    private readonly int _shift;

    /// <param name="starts">Ascending, each once.</param>
    public SortedStarts(ReadOnlySpan<uint> starts)
    {
        Count = starts.Length;
        _starts = new uint[starts.Length + Lanes];
        starts.CopyTo(_starts);
        _index = [];
        if (starts.Length > Lanes)
        {
            // Entry i: how many starts lie below i << _shift.
            _shift = starts.Length >= LeastFine ? 16 : 24;
            _index = new int[(1 << (32 - _shift)) + 1];
            int at = 0;
            for (int i = 0; i < _index.Length; i++)
            {
                while (at < starts.Length && starts[at] >> _shift < (uint)i)
                {
                    at++;
                }

                _index[i] = at;
            }
        }
    }

    public int Count { get; }

    public uint this[int at] => _starts[at];

    /// <summary>How many of the numbers are at most <paramref name="address"/>.</summary>
    public int UpTo(uint address)
    {
        int from = 0, count = Count;
        if (_index.Length != 0)
        {
            ReadOnlySpan<int> pair = _index.AsSpan((int)(address >> _shift), 2);
            from = pair[0];
            count = pair[1] - from;
        }

        return from + UpTo(_starts, from, count, address);
    }

    /// <summary>The same of two addresses: where the numbers are few, they are read once for both.</summary>
    public (int First, int Second) UpTo(uint first, uint second)
    {
        if (Count > Lanes)
        {
            return (UpTo(first), UpTo(second));
        }

        ReadOnlySpan<uint> numbers = _starts.AsSpan(0, Lanes);
        Vector512<uint> lower = Vector512.Create(numbers), upper = Vector512.Create(numbers[16..]);
        ulong counted = (1UL << Count) - 1;
        return (NotAbove(first), NotAbove(second));

        int NotAbove(uint address)
        {
            Vector512<uint> asked = Vector512.Create(address);
            return BitOperations.PopCount(counted
                & (Vector512.LessThanOrEqual(lower, asked).ExtractMostSignificantBits() | (Vector512.LessThanOrEqual(upper, asked).ExtractMostSignificantBits() << 16)));
        }
    }

    /// <summary>How many of <paramref name="count"/> ascending numbers from <paramref name="from"/> on are at most <paramref name="address"/>.</summary>
    /// <param name="numbers">32 more than are asked for can be read.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]    // AwsListBench: three calls a packet cost as much as their work
    public static int UpTo(uint[] numbers, int from, int count, uint address)
    {
        int first = from;
        while (count > Lanes)
        {
            int half = count >> 1;
            from += half & NotAbove(numbers[from + half - 1], address);
            count -= half;
        }

        // Twice 16 at once: one more turn of the loop is a guess that costs more.
        ReadOnlySpan<uint> last = numbers.AsSpan(from, Lanes);
        Vector512<uint> asked = Vector512.Create(address);
        ulong bits = Vector512.LessThanOrEqual(Vector512.Create(last), asked).ExtractMostSignificantBits()
            | (Vector512.LessThanOrEqual(Vector512.Create(last[16..]), asked).ExtractMostSignificantBits() << 16);
        return from - first + BitOperations.PopCount(bits & ((1UL << count) - 1));
    }

    /// <summary>All bits where x is at most y, else none.</summary>
    private static int NotAbove(uint x, uint y) => (int)(((long)x - y - 1) >> 63);
}

/// <summary>Sorted IPv6 numbers. Immutable, thread-safe.</summary>
internal sealed class SortedStartsV6
{
    private readonly ulong[] _high;
    private readonly ulong[] _low;

    /// <param name="starts">Ascending, each once.</param>
    public SortedStartsV6(ReadOnlySpan<UInt128> starts)
    {
        _high = new ulong[starts.Length];
        _low = new ulong[starts.Length];
        for (int i = 0; i < starts.Length; i++)
        {
            _high[i] = (ulong)(starts[i] >> 64);
            _low[i] = (ulong)starts[i];
        }
    }

    public int Count => _high.Length;

    public (ulong High, ulong Low) this[int at] => (_high[at], _low[at]);

    /// <summary>How many of the numbers are at most the address.</summary>
    public int UpTo(ulong high, ulong low) => UpTo(_high, _low, 0, _high.Length, high, low);

    /// <inheritdoc cref="SortedStarts.UpTo(uint[], int, int, uint)"/>
    public static int UpTo(ulong[] highs, ulong[] lows, int from, int count, ulong high, ulong low)
    {
        int first = from;
        while (count > 0)
        {
            int half = (count + 1) >> 1;
            int at = from + half - 1;
            from += half & NotAbove(highs[at], lows[at], high, low);
            count -= half;
        }

        return from - first;
    }

    private static int NotAbove(ulong high, ulong low, ulong askedHigh, ulong askedLow)
    {
        // Compares become numbers, not branches.
        bool below = (high < askedHigh) | ((high == askedHigh) & (low <= askedLow));
        return -(below ? 1 : 0);
    }
}
