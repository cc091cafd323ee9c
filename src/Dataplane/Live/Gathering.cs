using System;

namespace Dataplane.Live;

/// <summary>How long the loop lets frames gather before it looks again. One that is woken for every few frames spends more on waking and on system calls than on the frames.</summary>
/// <remarks>
/// It rests only while frames come fast, and not longer than a packet may wait, so a lone one is not kept waiting. What it gives stands in docs/decisions/0006-live-ports.md.
/// </remarks>
public sealed class Gathering
{
    /// <summary>Frames a second from which on it pays: some frames come within the shortest rest.</summary>
    public const long Busy = 50_000;

    /// <summary>Frames that a rest is for. A round that had as many comes at once to the next.</summary>
    public const int Wanted = 192;

    /// <summary>What a packet may have to wait, and a ring must hold.</summary>
    public const int LongestMicroseconds = 50;

    // A system's sleep is not much shorter.
    private const int ShortestMicroseconds = 15;
    private const long Window = 1_000_000;

    private long _since;
    private long _frames;
    private long _rate;

    /// <summary>Microseconds to rest, or 0.</summary>
    /// <param name="frames">Of the round that has ended.</param>
    /// <param name="now">Nanoseconds.</param>
    public int After(int frames, long now)
    {
        _frames += frames;
        long span = now - _since;
        if (span >= Window)
        {
            _rate = (long)(_frames * 1e9 / span);
            (_since, _frames) = (now, 0);
        }

        if (_rate < Busy || frames >= Wanted)
        {
            return 0;
        }

        return (int)Math.Clamp((Wanted - frames) * 1_000_000L / _rate, ShortestMicroseconds, LongestMicroseconds);
    }
}
