using System;

namespace Dataplane.Capture;

/// <summary>Turns an interface's ticks into nanoseconds since 1970.</summary>
/// <remarks>Exact up to a nanosecond, rounded down; what does not fit into 0 to 2^63-1 is clamped, so no arithmetic behind it overflows.</remarks>
internal readonly struct TimestampScale
{
    private const ulong NanosecondsPerSecond = 1_000_000_000;

    private readonly UInt128 _multiplier;
    private readonly UInt128 _divisor;
    private readonly int _shift;
    private readonly Int128 _offset;

    /// <summary>Nanoseconds per tick where a tick is a whole number of them and nothing is added, as in nearly all files; else 0.</summary>
    private readonly ulong _simple;

    /// <param name="resolution">if_tsresol: the negative power of 10, or with the top bit set of 2, of a tick in seconds. 6 where a file says nothing.</param>
    /// <param name="offsetSeconds">if_tsoffset.</param>
    internal TimestampScale(byte resolution, long offsetSeconds)
    {
        int power = resolution & 0x7F;
        _multiplier = 1;
        _divisor = 1;
        _shift = 0;
        _simple = 0;
        _offset = (Int128)offsetSeconds * (long)NanosecondsPerSecond;
        if ((resolution & 0x80) != 0)
        {
            _multiplier = NanosecondsPerSecond;
            _shift = power;
        }
        else if (power <= 9)
        {
            for (int i = power; i < 9; i++)
            {
                _multiplier *= 10;
            }

            _simple = offsetSeconds == 0 ? (ulong)_multiplier : 0;
        }
        else
        {
            // A tick count has 64 bits: beyond 10^20 it is less than a nanosecond whatever it says.
            for (int i = 9; i < Math.Min(power, 9 + 20); i++)
            {
                _divisor *= 10;
            }
        }
    }

    internal long ToNanoseconds(ulong ticks)
    {
        if (_simple != 0 && Math.BigMul(ticks, _simple, out ulong product) == 0 && product <= long.MaxValue)
        {
            return (long)product;
        }

        // 64 bits times at most 10^9: 94 bits. Shifts are up to 127, which UInt128 takes as they are.
        UInt128 scaled = (ticks * _multiplier >> _shift) / _divisor;
        Int128 time = (Int128)scaled + _offset;
        return time < 0 ? 0 : time > long.MaxValue ? long.MaxValue : (long)time;
    }
}
