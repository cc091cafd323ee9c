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

    /// <summary>Frames that were handed to the system as sent on and that it then did not take. What is more than were sent on were answers of the network's own, which have no fate here.</summary>
    public void Refused(long frames)
    {
        foreach (LiveFate fate in (ReadOnlySpan<LiveFate>)[LiveFate.Forwarded, LiveFate.Passed])
        {
            long some = Math.Min(frames, _frames[(int)fate]);
            _frames[(int)fate] -= some;
            _frames[(int)LiveFate.NotSent] += some;
            frames -= some;
        }
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
