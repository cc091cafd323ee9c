// From attachments to a BoxPlan: ids become numbers, every component of the topology gets its MAC address.
//
// A MAC address is 46 bits of SHA-256 of "interface ID", "router ID" or "gateway ID", with the bits "locally administered" and "one station": the same topology gives the
// same addresses in every run, so a host's ARP cache stays good over a restart. Should two meet, the later in ordinal order is drawn again.

using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Dataplane.Fabric;
using Dataplane.Live;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Topology;
using Dataplane.Topology.Model;

namespace Dataplane.Compiler.Lower;

/// <summary>Makes the plan of a VPC in a box.</summary>
public sealed partial class BoxLowering
{
    private static readonly IpAddress LinkLocalResolver = IpAddress.Parse("169.254.169.253");
    private static readonly IpAddress Ipv6Resolver = IpAddress.Parse("fd00:ec2::253");

    private readonly Network _network;
    private readonly FabricPlan _fabric;
    private readonly NameTable _names;
    private readonly FaultList _faults;
    private readonly bool _mayMiss;
    private readonly HashSet<ulong> _taken = [];
    private readonly List<string> _notes = [];
    private readonly Dictionary<string, int> _interfaces = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _gateways = new(StringComparer.Ordinal);

    private BoxLowering(Network network, FabricPlan fabric, NameTable names, FaultList faults, bool mayMiss)
    {
        (_network, _fabric, _names, _faults, _mayMiss) = (network, fabric, names, faults, mayMiss);
        for (int i = 0; i < network.Interfaces.Length; i++)
        {
            _interfaces.Add(network.Interfaces[i].Id, i);
        }

        for (int i = 0; i < fabric.Gateways.Length; i++)
        {
            _gateways.Add(names[fabric.Gateways[i].Name]!, i);
        }
    }

    /// <param name="fabric">Lowered from <paramref name="network"/> with the same <paramref name="tables"/>.</param>
    /// <param name="ports">Live interfaces; each attachment's port is below it.</param>
    /// <param name="faults">Gets everything that is wrong with the attachments.</param>
    /// <param name="isReload">A component that is no longer in the topology is a note, not a fault: its live interface is then attached to nothing.</param>
    /// <returns>Null when an error was added.</returns>
    public static BoxPlan? Lower(
        Network network, FabricPlan fabric, ResultTables tables, IReadOnlyList<BoxAttachment> attachments, int ports, FaultList faults, bool isReload = false) =>
        new BoxLowering(network, fabric, tables.Names, faults, isReload).Lower(attachments, ports);

    private BoxPlan? Lower(IReadOnlyList<BoxAttachment> attachments, int count)
    {
        MacAddress[] interfaces = [.. _network.Interfaces.Select(one => Mac($"interface {one.Id}"))];
        BoxSubnet[] subnets = [.. _network.Subnets.Select(subnet => new BoxSubnet(
            Mac($"router {subnet.Id}"), [.. subnet.Blocks.Where(block => !block.IsIpv6).Select(block => block.Address.Plus(1))]))];
        MacAddress[] gateways = [.. _fabric.Gateways.Select(gateway => Mac($"gateway {_names[gateway.Name]}"))];

        BoxPort[] ports = [.. Enumerable.Range(0, count).Select(_ => Nothing("nothing"))];
        int[] portOfName = Filled(_names.Count);
        HashSet<int> used = [];
        Dictionary<(BoxPortKind, int), string> known = [];
        bool isSound = true;
        foreach (BoxAttachment attachment in attachments)
        {
            string where = $"--attach {attachment.Component}";
            BoxPort? port = Find(attachment, where, subnets, gateways);
            isSound &= port is not null;
            if (port is null)
            {
                continue;
            }

            if (!used.Add(attachment.Port))
            {
                isSound = Fail(where, "its live interface is attached as something else already", "Attach each live interface once");
            }
            else if (port.Kind != BoxPortKind.Nothing && !known.TryAdd((port.Kind, port.Number), attachment.Component))
            {
                string other = known[(port.Kind, port.Number)];
                isSound = Fail(
                    where, other == attachment.Component ? $"{port.Component} is attached twice" : $"{port.Component} is attached already, as {other}", "Attach each interface and gateway to one live interface");
            }
            else
            {
                ports[attachment.Port] = port;
                if (port.Name >= 0)
                {
                    portOfName[port.Name] = attachment.Port;
                }
            }
        }

        if (!isSound)
        {
            return null;
        }

        int[] outbound = Filled(_names.Count), inbound = Filled(_names.Count);
        ReadOnlySpan<AssociationPlan> associations = _fabric.Addresses.Associations;
        for (int i = associations.Length - 1; i >= 0; i--)
        {
            outbound[associations[i].Outbound] = i;
            inbound[associations[i].Inbound] = i;
        }

        Note(ports);
        return new BoxPlan
        {
            Fabric = _fabric,
            Ports = ports,
            Subnets = subnets,
            InterfaceAddresses = interfaces,
            PortOfName = portOfName,
            Outbound = outbound,
            Inbound = inbound,
            Notes = [.. _notes],
        };
    }

    private BoxPort? Find(BoxAttachment attachment, string where, BoxSubnet[] subnets, MacAddress[] gateways)
    {
        string id = attachment.Component;
        if (_network.Instances.TryGetValue(id, out ImmutableArray<string> own))
        {
            if (own.Length != 1)
            {
                Fail(
                    where,
                    own.Length == 0 ? "this instance has no interface" : $"this instance has {own.Length} interfaces: {string.Join(", ", own)}",
                    own.Length == 0 ? "Attach an interface's id" : "Attach each of them by its own id");
                return null;
            }

            id = own[0];
        }

        if (_interfaces.TryGetValue(id, out int number))
        {
            return Interface(attachment, where, number, subnets);
        }

        Gateway? gateway = _network.Gateways.FirstOrDefault(one => one.Id == id);
        if (gateway is null)
        {
            if (_mayMiss)
            {
                _notes.Add($"{attachment.Component} is not in the topology any more: its live interface is attached to nothing until it is there again.");
                return Nothing(attachment.Component);
            }

            Fail(where, "no interface, instance or gateway of the topology has this id", "Use an id as the topology's files write it");
            return null;
        }

        if (gateway.Kind is not (GatewayKind.Internet or GatewayKind.EgressOnlyInternet))
        {
            Fail(where, $"a gateway of the kind {gateway.Kind} is not enforced yet, so no packet could enter by it", "Attach an internet or egress-only internet gateway");
            return null;
        }

        if (!_gateways.TryGetValue(id, out number))
        {
            Fail(where, "this gateway is attached to no VPC", "Attach it to a VPC in the topology first");
            return null;
        }

        return GatewayPort(attachment, where, number, gateways[number]);
    }

    private BoxPort? Interface(BoxAttachment attachment, string where, int number, BoxSubnet[] subnets)
    {
        NetworkInterface one = _network.Interfaces[number];
        if (one.Unenforced is { } component)
        {
            if (_mayMiss)
            {
                _notes.Add($"{attachment.Component} is now of {component}, which is not enforced yet: its live interface is attached to nothing until that changes.");
                return Nothing(attachment.Component);
            }

            Fail(where, $"it is an interface of {component}, which is not enforced yet, so every packet there would be unplaced", "Attach another interface");
            return null;
        }

        if (attachment.Via is { } via)
        {
            Fail(where, $"via={via} is given for an interface", "Leave via= out: an interface has its host behind it, only a gateway has a next hop");
            return null;
        }

        int subnetNumber = _fabric.Interfaces[number].Subnet;
        Subnet subnet = _network.Subnets[subnetNumber];
        Vpc vpc = _network.Vpcs[_fabric.Interfaces[number].Vpc];
        IpAddress? primary = one.Addresses.Where(address => !address.Private.IsIpv6).Select(address => (IpAddress?)address.Private).FirstOrDefault();
        IpPrefix block = subnet.Blocks.FirstOrDefault(block => !block.IsIpv6 && primary is { } address && block.Contains(address));
        IpPrefix? first = vpc.Blocks.Where(b => !b.IsIpv6).Select(b => (IpPrefix?)b).FirstOrDefault();
        MacAddress router = subnets[subnetNumber].Router;
        return new BoxPort
        {
            Kind = BoxPortKind.Interface,
            Component = one.Id,
            Number = number,
            Name = _fabric.Interfaces[number].Name,
            Vpc = _fabric.Interfaces[number].Vpc,
            Subnet = subnetNumber,
            Router = router,
            RouterLinkLocal = router.LinkLocal,
            Host = new HostSettings
            {
                Primary = block.Length == 0 ? null : primary,
                PrefixLength = block.Length,
                Router = block.Address.Plus(1),
                Resolvers = first is { } b1 ? [b1.Address.Plus(2), LinkLocalResolver] : [LinkLocalResolver],
                Ipv6Resolvers = [Ipv6Resolver],
                Domain = Domain(subnet.AvailabilityZone),
                Ipv6Addresses = [.. one.Addresses.Select(address => address.Private).Where(address => address.IsIpv6)],
                Ipv6Blocks = [.. subnet.Blocks.Where(b => b.IsIpv6)],
            },
        };
    }

    private BoxPort? GatewayPort(BoxAttachment attachment, string where, int number, MacAddress address)
    {
        bool isSound = true;
        IpAddress? v4 = null, v6 = null;
        foreach (IpAddress? given in (ReadOnlySpan<IpAddress?>)[attachment.Via, attachment.ViaIpv6])
        {
            if (given is not { } via)
            {
                continue;
            }

            if (SpecialAddresses.IsMulticast(via) || (via.High == 0 && via.Low == 0))
            {
                isSound = Fail(where, $"via={via} is no address of one station", "Give the address of the router behind this live interface");
            }
            else if (_fabric.Addresses.IsInside(via) || _fabric.Addresses.FindPublic(via) >= 0)
            {
                isSound = Fail(where, $"via={via} lies inside the topology", "Give the address of a router outside of it");
            }
            else if ((via.IsIpv6 ? v6 : v4) is { } other)
            {
                isSound = Fail(where, $"via={via} and via={other} are both given", "Give one next hop for each family");
            }
            else if (via.IsIpv6)
            {
                v6 = via;
            }
            else
            {
                v4 = via;
            }
        }

        GatewayPlan gateway = _fabric.Gateways[number];
        return !isSound ? null : new BoxPort
        {
            Kind = BoxPortKind.Gateway,
            Component = _names[gateway.Name]!,
            Number = number,
            Name = gateway.Name,
            Vpc = gateway.Vpc,
            Router = address,
            RouterLinkLocal = address.LinkLocal,
            IsEgressOnly = gateway.IsEgressOnly,
            Via = v4,
            ViaIpv6 = v6,
        };
    }

    private static BoxPort Nothing(string component) => new() { Kind = BoxPortKind.Nothing, Component = component, Number = -1, Name = NameTable.None };

    /// <summary>The zone's Region decides, as AWS's DHCP options do; without a zone us-east-1's name, the one that has no Region in it.</summary>
    private static string Domain(string? zone)
    {
        string region = zone is null ? "" : Region().Match(zone).Value;
        return region is "" or "us-east-1" || region.Length > 63 ? "ec2.internal" : $"{region}.compute.internal";
    }

    [GeneratedRegex("^[a-z]+(-[a-z]+)+-[0-9]+")]
    private static partial Regex Region();

    private MacAddress Mac(string what)
    {
        for (string text = what; ; text += " again")
        {
            byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(text));
            hash[0] = (byte)((hash[0] & 0xFC) | 2);
            var address = MacAddress.Read(hash);
            if (_taken.Add(address.Bits))
            {
                return address;
            }
        }
    }

    private bool Fail(string where, string what, string mend)
    {
        _faults.Error(where, what, mend);
        return false;
    }

    private static int[] Filled(int length)
    {
        int[] filled = new int[length];
        Array.Fill(filled, -1);
        return filled;
    }
}
