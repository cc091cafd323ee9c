// What makes a bridge or router in user space fail in ways that look like its own fault, each seen: merged segments that no link takes, checksums that nobody
// finished, a machine that answers beside the engine.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Net.NetworkInformation;
using Dataplane.Capture.Live.Linux;
using Dataplane.Live;

namespace Dataplane.Capture.Live;

/// <summary>Looks at the settings of open interfaces for what would hurt.</summary>
public static class InterfaceChecks
{
    private const string Veth = "veth";

    /// <summary>Sentences for the user, without full stop, each with the command that mends it. Linux only: none elsewhere.</summary>
    /// <remarks>Asks the kernel; for the start of a run, not for its loop.</remarks>
    public static IReadOnlyList<string> Of(IReadOnlyList<ILivePort> ports)
    {
        List<string> said = [];
        if (!OperatingSystem.IsLinux())
        {
            return said;
        }

        foreach (ILivePort port in ports)
        {
            try
            {
                InterfaceFacts facts = InterfaceFacts.Read(port.Name);
                said.AddRange(Of(port.Method, facts, InterfaceOffloads.Read(port.Name), Addresses(port.Name)));
            }
            catch (LiveException exception)
            {
                said.AddRange(exception.Faults.Select(f => $"{f.Where}: {f.What}"));
            }
        }

        ILivePort[] byMtu = [.. ports.OrderBy(p => p.Mtu)];
        if (byMtu.Length > 1 && byMtu[0].Mtu != byMtu[^1].Mtu)
        {
            said.Add(string.Create(
                CultureInfo.InvariantCulture,
                $"{byMtu[^1].Name} has an MTU of {byMtu[^1].Mtu} and {byMtu[0].Name} of {byMtu[0].Mtu}: longer packets do not go out of {byMtu[0].Name}; `ip link set {byMtu[^1].Name} mtu {byMtu[0].Mtu}` makes them equal"));
        }

        return said;
    }

    /// <summary>The same for one interface, from what is known of it.</summary>
    /// <param name="addresses">IP addresses that the machine has there.</param>
    internal static IEnumerable<string> Of(string method, InterfaceFacts facts, InterfaceOffloads offloads, IReadOnlyList<string> addresses)
    {
        string name = facts.Name;
        if (!facts.IsUp)
        {
            yield return $"{name} is down: nothing comes or goes until `ip link set {name} up`";
        }
        else if (!facts.HasCarrier)
        {
            yield return $"{name} has no link: nothing comes or goes until the other end is up";
        }

        // A native XDP program gets frames before they are merged.
        bool isNative = method.StartsWith("xdp (native", StringComparison.Ordinal);
        string[] merging = [.. Merging(offloads)];
        if (merging.Length > 0 && !isNative)
        {
            yield return $"{name}: {string.Join(", ", merging)} {(merging.Length == 1 ? "is" : "are")} on: merged TCP segments are longer than the next link takes, and TCP stands still; "
                + $"`ethtool -K {name} {string.Join(' ', merging.Select(m => m + " off"))}` mends it";
        }

        // A native XDP program makes the kernel do without segmentation offload at the other end; checksums are finished by the ports.
        if (offloads.Driver == Veth && !isNative)
        {
            yield return $"{name} is one end of a veth pair: if ping passes and TCP does not, the machine at the other end sends segments longer than its MTU, for hardware to cut that is not there; "
                + "`ethtool -K INTERFACE tx off` there mends it";
        }

        if (addresses.Count > 0 && !method.StartsWith("xdp", StringComparison.Ordinal))
        {
            yield return $"{name} has the address {string.Join(", ", addresses)}: this machine answers there too, beside the engine; `ip addr flush dev {name}` ends that";
        }
    }

    private static IEnumerable<string> Merging(InterfaceOffloads offloads)
    {
        if (offloads.ReceiveOffload)
        {
            yield return "gro";
        }

        if (offloads.LargeReceive)
        {
            yield return "lro";
        }

        if (offloads.Segmentation)
        {
            yield return "gso";
        }

        if (offloads.TcpSegmentation)
        {
            yield return "tso";
        }
    }

    private static string[] Addresses(string name)
    {
        NetworkInterface? found = Array.Find(NetworkInterface.GetAllNetworkInterfaces(), i => i.Name == name);
        return found is null ? [] : [.. found.GetIPProperties().UnicastAddresses.Select(a => a.Address.ToString())];
    }
}
