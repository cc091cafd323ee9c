using System;
using System.Collections.Generic;
using Dataplane.Capture.Live.Linux;
using Dataplane.Live;

namespace Dataplane.Capture.Live;

/// <summary>The live interfaces of one run: opens them, and sleeps until one of them has something.</summary>
public sealed class LivePorts : ILivePorts
{
    private readonly LiveClock _clock;
    private readonly IWaiter _waiter;
    private readonly LivePort[] _ports;

    private LivePorts(LivePort[] ports, IReadOnlyList<string> notes, LiveClock clock, IWaiter waiter) => (_ports, Notes, _clock, _waiter) = (ports, notes, clock, waiter);

    public IReadOnlyList<ILivePort> Ports => _ports;

    /// <summary>Sentences for the user, without full stop: with <see cref="LiveMethod.Auto"/> one for each interface, which method was taken and why no faster one.</summary>
    public IReadOnlyList<string> Notes { get; }

    /// <summary>What can be said of interfaces without opening them: those that are not there, or are none that frames go through.</summary>
    public static IReadOnlyList<LiveFault> Check(IReadOnlyList<string> interfaces)
    {
        List<LiveFault> faults = [];
        Dictionary<int, string> names = [];
        foreach (string name in OperatingSystem.IsLinux() ? interfaces : [])
        {
            try
            {
                int index = PortOpener.Facts(name).Index;
                if (!names.TryAdd(index, name))
                {
                    faults.Add(new LiveFault(name, $"this is another name of {names[index]}", "Name each interface once"));
                }
            }
            catch (LiveException exception)
            {
                faults.AddRange(exception.Faults);
            }
        }

        return faults;
    }

    /// <summary>Opens interfaces; all of them or none.</summary>
    /// <param name="interfaces">As the system names them, each once.</param>
    /// <exception cref="LiveException">Some cannot be opened; its lines say which, why, and what to do. Nothing is open then.</exception>
    public static LivePorts Open(IReadOnlyList<string> interfaces, LiveMethod method = LiveMethod.Auto, LiveSizes? sizes = null)
    {
        LiveSizes rounded = (sizes ?? new LiveSizes()).For(interfaces.Count);
        LiveClock clock = new();
        List<LivePort> ports = [];
        List<string> notes = [];
        List<LiveFault> faults = [];
        PollWaiter? poll = OperatingSystem.IsLinux() ? new PollWaiter() : null;
        IWaiter waiter = poll ?? (IWaiter)new EventWaiter();
        PortOpener opener = new(clock, waiter, rounded, notes);
        HashSet<string> seen = new(StringComparer.Ordinal);
        foreach (string name in interfaces)
        {
            if (!seen.Add(name))
            {
                faults.Add(new LiveFault(name, "the interface is named twice", "Name each interface once"));
                continue;
            }

            try
            {
                LivePort port = opener.Open(name, method);
                ports.Add(port);
                poll?.Add(port);
            }
            catch (LiveException exception)
            {
                faults.AddRange(exception.Faults);
            }
        }

        LivePorts opened = new([.. ports], notes, clock, waiter);
        if (faults.Count > 0)
        {
            opened.Dispose();
            throw new LiveException(faults);
        }

        return opened;
    }

    public long Now() => _clock.Now();

    public void Wait(TimeSpan most)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(most, TimeSpan.Zero);
        _waiter.Wait(Array.Exists(_ports, p => p.HasWaiting) ? TimeSpan.Zero : most);
    }

    public void Rest(int microseconds) => _waiter.Rest(microseconds);

    public void Wake() => _waiter.Wake();

    public void Dispose()
    {
        foreach (LivePort port in _ports)
        {
            port.Dispose();
        }

        _waiter.Dispose();
    }
}
