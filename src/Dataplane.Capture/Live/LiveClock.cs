// The time of a live run: the system's wall clock, but it never goes back.
//
// Kernel time stamps and the clock are of one kind (CLOCK_REALTIME), and a stamp is older than the moment when it is read. So all of them pass through here, and
// what would be earlier than something that was already said becomes equal to it. When somebody sets the wall clock back, time would stand still until the clock
// is there again, and nothing would time out; so the step is remembered and added from then on. A step forward is followed.

using System;
using Dataplane.Capture.Live.Linux;

namespace Dataplane.Capture.Live;

/// <summary>Nanoseconds since 1970-01-01 UTC that never go back, for all ports of a run together.</summary>
/// <remarks>One thread uses it.</remarks>
internal sealed class LiveClock(Func<long> system)
{
    private long _latest;
    private long _lastRead;
    private long _added;

    internal LiveClock()
        : this(SystemNow)
    {
    }

    /// <summary>Reads the clock.</summary>
    internal long Now()
    {
        long read = system();
        if (read < _lastRead)
        {
            _added += _lastRead - read;
        }

        _lastRead = read;
        return Later(read + _added);
    }

    /// <summary>The time of a frame from the system's stamp on it.</summary>
    internal long Stamped(long stamp) => Later(stamp + _added);

    private long Later(long time) => _latest = Math.Max(_latest, time);

    private static long SystemNow() =>
        OperatingSystem.IsLinux() ? Libc.RealTime() : (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;
}
