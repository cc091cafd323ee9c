using System;
using System.Collections.Generic;
using Dataplane.Capture.Live.Linux;

namespace Dataplane.Capture.Live;

/// <summary>Opens one interface after another by the method that was asked for, or by the fastest that works.</summary>
/// <param name="notes">Gets a sentence, without full stop, for what the user should know of the choice.</param>
internal sealed class PortOpener(LiveClock clock, IWaiter waiter, LiveSizes sizes, List<string> notes)
{
    /// <exception cref="LiveException">It cannot be opened.</exception>
    internal LivePort Open(string name, LiveMethod method)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new LiveException(name, "live interfaces are opened on Linux only", "Run it on Linux");
        }

        _ = waiter;
        InterfaceFacts facts = Facts(name);
        return method switch
        {
            LiveMethod.Xdp => OpenXdp(facts),
            LiveMethod.Packet => PacketPort.Open(facts, clock, sizes),
            _ => OpenFastest(facts),
        };
    }

    private static InterfaceFacts Facts(string name)
    {
        InterfaceFacts facts = InterfaceFacts.Read(name);
        return facts.Hardware is InterfaceFacts.Ethernet or InterfaceFacts.Loopback
            ? facts
            : throw new LiveException(name, $"it is no Ethernet interface (hardware type {facts.Hardware})", "Name an Ethernet interface; a tunnel of whole frames is a TAP, not a TUN");
    }

    private XdpPort OpenXdp(InterfaceFacts facts)
    {
        XdpPort port = XdpPort.Open(facts, clock, sizes);
        if (LosesTags(port))
        {
            notes.Add($"{facts.Name}: frames come without the VLAN tags that the driver takes out of them, if there are any; `ethtool -K {facts.Name} rxvlan off`, "
                + "and txvlan off at the other end of a veth pair, leaves them in");
        }

        return port;
    }

    private LivePort OpenFastest(InterfaceFacts facts)
    {
        string not;
        try
        {
            XdpPort port = XdpPort.Open(facts, clock, sizes);
            if (!LosesTags(port))
            {
                notes.Add($"{facts.Name}: {port.Method}");
                return port;
            }

            not = $"{port.Method} would lose VLAN tags, which this driver takes out of frames";
            port.Dispose();
        }
        catch (LiveException exception)
        {
            not = exception.Faults[0].What;
        }

        PacketPort packet = PacketPort.Open(facts, clock, sizes);
        notes.Add($"{facts.Name}: {packet.Method}; not xdp: {not}");
        return packet;
    }

    private static bool LosesTags(XdpPort port) => !port.KeepsTags && InterfaceOffloads.Read(port.Name).TakesTags;
}
