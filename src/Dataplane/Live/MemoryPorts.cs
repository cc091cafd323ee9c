using System;
using System.Collections.Generic;
using System.Threading;

namespace Dataplane.Live;

/// <summary>Live interfaces in memory; their clock is set by hand.</summary>
public sealed class MemoryPorts(params MemoryPort[] ports) : ILivePorts
{
    private readonly AutoResetEvent _wake = new(false);
    private long _now;

    public IReadOnlyList<ILivePort> Ports => ports;

    public long Now() => Volatile.Read(ref _now);

    /// <summary>Sets the clock. Any thread.</summary>
    public void SetNow(long now) => Volatile.Write(ref _now, now);

    public void Wait(TimeSpan most)
    {
        if (!Array.Exists(ports, static port => port.Arriving > 0))
        {
            _wake.WaitOne(most);
        }
    }

    /// <summary>Rests that were asked for. Nobody sleeps.</summary>
    public int Rests { get; private set; }

    public void Rest(int microseconds) => Rests++;

    public void Wake() => _wake.Set();

    public void Dispose() => _wake.Dispose();
}
