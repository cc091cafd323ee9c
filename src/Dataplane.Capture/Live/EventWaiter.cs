using System;
using System.Threading;

namespace Dataplane.Capture.Live;

/// <summary>Sleeps without descriptors, on any system: ports whose frames come in another thread wake it.</summary>
internal sealed class EventWaiter : IWaiter
{
    private readonly AutoResetEvent _event = new(false);

    public void Wait(TimeSpan most) => _event.WaitOne(most);

    public void Rest(int microseconds)
    {
        // A timer of the portable kind is milliseconds late.
    }

    public void Wake() => _event.Set();

    public void Dispose() => _event.Dispose();
}
