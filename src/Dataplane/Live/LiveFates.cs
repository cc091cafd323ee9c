using System;

namespace Dataplane.Live;

/// <summary>Frames by what became of them.</summary>
/// <remarks>One thread counts; others may read figures that are a little old.</remarks>
public sealed class LiveFates
{
    private readonly long[] _frames = new long[Enum.GetValues<LiveFate>().Length];

    public long this[LiveFate fate] => _frames[(int)fate];

    public void Add(LiveFate fate) => _frames[(int)fate]++;

    /// <summary>A frame that waited has now another fate.</summary>
    public void Settle(LiveFate fate)
    {
        _frames[(int)LiveFate.Waiting]--;
        _frames[(int)fate]++;
    }

    /// <summary>Frames that were handed to the system as forwarded and that it then did not take.</summary>
    public void Refused(long frames)
    {
        _frames[(int)LiveFate.Forwarded] -= frames;
        _frames[(int)LiveFate.NotSent] += frames;
    }

    public long Total
    {
        get
        {
            long total = 0;
            foreach (long frames in _frames)
            {
                total += frames;
            }

            return total;
        }
    }
}
