using System;
using System.Collections.Generic;
using System.Net.NetworkInformation;
using Dataplane.Capture.Live.Linux;
using Dataplane.Capture.Live.Portable;
using Dataplane.Live;

namespace Dataplane.Capture.Live;

/// <summary>Opens one interface after another by the method that was asked for, or by the fastest that works.</summary>
/// <param name="notes">Gets a sentence, without full stop, for what the user should know of the choice.</param>
internal sealed class PortOpener(LiveClock clock, IWaiter waiter, LiveSizes sizes, List<string> notes)
{
    private const int UsualMtu = 1_500;

    /// <exception cref="LiveException">It cannot be opened.</exception>
    internal LivePort Open(string name, LiveMethod method)
    {
        if (!OperatingSystem.IsLinux())
        {
            return method is LiveMethod.Auto or LiveMethod.Pcap
                ? OpenPcapElsewhere(name)
                : throw new LiveException(name, $"the method {(method == LiveMethod.Xdp ? "xdp" : "packet")} is of Linux only", "Use --io pcap");
        }

        InterfaceFacts facts = Facts(name);
        return method switch
        {
            LiveMethod.Xdp => OpenXdp(facts),
            LiveMethod.Packet => PacketPort.Open(facts, clock, sizes),
            LiveMethod.Pcap => OpenPcap(facts),
            _ => OpenFastest(facts),
        };
    }

    /// <exception cref="LiveException">There is no such interface, or it is not Ethernet.</exception>
    internal static InterfaceFacts Facts(string name)
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

    private PcapPort OpenPcap(InterfaceFacts facts) =>
        new(facts.Name, facts.Address, facts.Mtu, SharpPcapDevice.Open(facts.Name, facts.Mtu), clock, waiter, sizes);

    private PcapPort OpenPcapElsewhere(string name)
    {
        NetworkInterface? found = Array.Find(
            NetworkInterface.GetAllNetworkInterfaces(), i => i.Name == name || name.Contains(i.Id, StringComparison.OrdinalIgnoreCase));
        byte[] address = found?.GetPhysicalAddress().GetAddressBytes() ?? [];
        int mtu = found is not null && found.Supports(NetworkInterfaceComponent.IPv4) ? found.GetIPProperties().GetIPv4Properties().Mtu : UsualMtu;
        return new PcapPort(name, address.Length == MacAddress.Length ? MacAddress.Read(address) : default, mtu, SharpPcapDevice.Open(name, mtu), clock, waiter, sizes);
    }

    private LivePort OpenFastest(InterfaceFacts facts)
    {
        List<string> not = [];
        LivePort port = TryFastXdp(facts, not) ?? TryPacket(facts, not) ?? (LivePort?)TryPcap(facts, not)
            ?? throw new LiveException(facts.Name, $"no method opens it: {string.Join("; ", not)}", "Run it as root, or name a method with --io to see how to mend it");
        notes.Add(not.Count == 0 ? $"{facts.Name}: {port.Method}" : $"{facts.Name}: {port.Method}; not {string.Join("; not ", not)}");
        return port;
    }

    private XdpPort? TryFastXdp(InterfaceFacts facts, List<string> not)
    {
        try
        {
            XdpPort port = XdpPort.Open(facts, clock, sizes);
            if (!LosesTags(port))
            {
                return port;
            }

            not.Add($"{port.Method}: it would lose VLAN tags, which this driver takes out of frames");
            port.Dispose();
        }
        catch (LiveException exception)
        {
            not.Add($"xdp: {exception.Faults[0].What}");
        }

        return null;
    }

    private PacketPort? TryPacket(InterfaceFacts facts, List<string> not)
    {
        try
        {
            return PacketPort.Open(facts, clock, sizes);
        }
        catch (LiveException exception)
        {
            not.Add($"packet: {exception.Faults[0].What}");
            return null;
        }
    }

    private PcapPort? TryPcap(InterfaceFacts facts, List<string> not)
    {
        try
        {
            return OpenPcap(facts);
        }
        catch (LiveException exception)
        {
            not.Add($"pcap: {exception.Faults[0].What}");
            return null;
        }
    }

    private static bool LosesTags(XdpPort port) => !port.KeepsTags && InterfaceOffloads.Read(port.Name).TakesTags;
}
