using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Threading;

namespace Dataplane.Capture.Live.Linux;

/// <summary>Sleeps in poll(2) on all descriptors of the ports and one of its own, which <see cref="Wake"/> makes readable.</summary>
internal sealed unsafe class PollWaiter : IWaiter
{
    private readonly List<LivePort> _owners = [];
    private int _punctual;    // the thread that is
    private readonly Lock _lock = new();
    private PollDescriptor* _descriptors;
    private int _count;
    private int _event;

    /// <exception cref="LiveException">The system has no descriptor left.</exception>
    internal PollWaiter()
    {
        _event = Libc.EventFd();
        if (_event < 0)
        {
            throw new LiveException("eventfd", Libc.Describe(Libc.LastError), "Raise the limit of open files (ulimit -n)");
        }

        Add(_event);
    }

    /// <summary>Waits for this port too from now on.</summary>
    internal void Add(LivePort port)
    {
        foreach (int descriptor in port.Descriptors)
        {
            Add(descriptor);
            _owners.Add(port);
        }
    }

    public void Wait(TimeSpan most)
    {
        TimeSpec timeout = new() { Seconds = (nint)(most.Ticks / TimeSpan.TicksPerSecond), Nanoseconds = (nint)(most.Ticks % TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick) };
        if (Libc.Poll(_descriptors, (nuint)_count, &timeout, null) <= 0)
        {
            return;
        }

        if (_descriptors[0].Returned != 0)
        {
            ulong count;
            _ = Libc.Read(_event, &count, sizeof(ulong));
        }

        for (int i = 1; i < _count; i++)
        {
            if ((_descriptors[i].Returned & (Libc.PollError | Libc.PollHangUp | Libc.PollInvalid)) != 0)
            {
                _owners[i - 1].TakeError();
            }
        }
    }

    public void Rest(int microseconds)
    {
        if (_punctual != Environment.CurrentManagedThreadId)
        {
            // Else the kernel may wake this thread 50 us late, together with others.
            _punctual = Environment.CurrentManagedThreadId;
            _ = Libc.SetProcess(Libc.ProcessTimerSlack, 1, 0, 0, 0);
        }

        TimeSpec span = new() { Nanoseconds = microseconds * 1_000 };
        _ = Libc.Sleep(&span, null);
    }

    public void Wake()
    {
        // A port's own thread may wake while the run ends: the number could belong to another file by then.
        lock (_lock)
        {
            if (_event >= 0)
            {
                ulong one = 1;
                _ = Libc.Write(_event, &one, sizeof(ulong));
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (_event >= 0)
            {
                _ = Libc.Close(_event);
                _event = -1;
                NativeMemory.Free(_descriptors);
                _descriptors = null;
                _count = 0;
            }
        }
    }

    private void Add(int descriptor)
    {
        _descriptors = (PollDescriptor*)NativeMemory.Realloc(_descriptors, (nuint)((_count + 1) * sizeof(PollDescriptor)));
        _descriptors[_count++] = new PollDescriptor { Descriptor = descriptor, Events = Libc.PollIn };
    }
}
