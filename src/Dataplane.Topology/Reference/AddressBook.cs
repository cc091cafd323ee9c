// Whose address is this? Everything that the walk asks about addresses, over a plain Network.
//
// The words are those of docs/decisions/0002-the-walk.md, section 1: priv, pub, owner, services. Nothing here changes after it was made.

using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Dataplane.Packets;
using Dataplane.Topology.Model;

namespace Dataplane.Topology.Reference;

/// <summary>Finds interfaces, blocks and gateways by address.</summary>
internal sealed class AddressBook
{
    private static readonly IpPrefix[] Rfc1918 =
        [IpPrefix.Parse("10.0.0.0/8"), IpPrefix.Parse("172.16.0.0/12"), IpPrefix.Parse("192.168.0.0/16")];

    private static readonly IpPrefix Rfc6598 = IpPrefix.Parse("100.64.0.0/10");

    private static readonly IpPrefix Rfc4193 = IpPrefix.Parse("fc00::/7");

    // SG-38, and R-28's list of what no filter touches.
    private static readonly HashSet<IpAddress> LinkLocalServices =
    [
        IpAddress.Parse("169.254.169.254"), IpAddress.Parse("169.254.169.253"), IpAddress.Parse("169.254.169.123"),
        IpAddress.Parse("169.254.169.250"), IpAddress.Parse("169.254.169.251"), IpAddress.Parse("169.254.170.2"),
        IpAddress.Parse("fd00:ec2::254"), IpAddress.Parse("fd00:ec2::253"), IpAddress.Parse("fd00:ec2::123"),
    ];

    private readonly Network _network;
    private readonly Dictionary<string, Vpc> _vpcs;
    private readonly Dictionary<string, NetworkInterface> _interfaces;
    private readonly Dictionary<IpAddress, List<NetworkInterface>> _byPrivate = [];
    private readonly List<(IpPrefix Prefix, NetworkInterface Interface)> _prefixes = [];
    private readonly Dictionary<IpAddress, (NetworkInterface Interface, IpAddress Private)> _byPublic = [];

    public AddressBook(Network network)
    {
        _network = network;
        _vpcs = network.Vpcs.ToDictionary(v => v.Id, StringComparer.Ordinal);
        _interfaces = network.Interfaces.ToDictionary(i => i.Id, StringComparer.Ordinal);
        foreach (NetworkInterface i in network.Interfaces.OrderBy(i => i.Id, StringComparer.Ordinal))
        {
            foreach (InterfaceAddress address in i.Addresses)
            {
                if (!_byPrivate.TryGetValue(address.Private, out List<NetworkInterface>? holders))
                {
                    _byPrivate.Add(address.Private, holders = []);
                }

                holders.Add(i);
                if (address.Public is { } publicAddress)
                {
                    _byPublic.TryAdd(publicAddress, (i, address.Private));
                }
            }

            _prefixes.AddRange(i.Prefixes.Select(prefix => (prefix, i)));
        }
    }

    public Vpc Vpc(string id) => _vpcs[id];

    public NetworkInterface Interface(string id) => _interfaces[id];

    /// <summary>RFC 1918 (IGW-06, SG-39).</summary>
    public static bool IsRfc1918(IpAddress address) => Rfc1918.Any(block => block.Contains(address));

    /// <summary>RFC 6598, carrier-grade NAT (IGW-06, SG-39).</summary>
    public static bool IsRfc6598(IpAddress address) => Rfc6598.Contains(address);

    /// <summary>RFC 4193, unique local IPv6 (SG-39).</summary>
    public static bool IsRfc4193(IpAddress address) => Rfc4193.Contains(address);

    /// <summary>priv: the private address behind a public one of the topology; any other address as it is (IGW-01).</summary>
    public IpAddress Private(IpAddress address) => _byPublic.TryGetValue(address, out var found) ? found.Private : address;

    /// <summary>Whether the address is public and mapped to an interface's address, however it looks (IMP-12).</summary>
    public bool IsAssociated(IpAddress address) => _byPublic.ContainsKey(address);

    /// <summary>The interface that a public address is mapped to, or null.</summary>
    public NetworkInterface? ByPublic(IpAddress address) => _byPublic.TryGetValue(address, out var found) ? found.Interface : null;

    /// <summary>pub: the public address of one address of an interface, or null. It belongs to the address, not to the interface (IGW-05).</summary>
    public static IpAddress? Public(NetworkInterface owner, IpAddress address)
    {
        foreach (InterfaceAddress own in owner.Addresses)
        {
            if (own.Private == address && own.Public is { } found)
            {
                return found;
            }
        }

        return null;
    }

    /// <summary>Whether the address is one of the interface's: private, secondary, IPv6, or inside a delegated prefix .</summary>
    public static bool Owns(NetworkInterface owner, IpAddress address) =>
        owner.Addresses.Any(own => own.Private == address) || owner.Prefixes.Any(prefix => prefix.Contains(address));

    /// <summary>Every interface that has the private address, in ordinal order of id; a listed address goes before a delegated prefix.</summary>
    public IEnumerable<NetworkInterface> Holders(IpAddress address) =>
        (_byPrivate.TryGetValue(address, out List<NetworkInterface>? listed) ? listed : [])
            .Concat(_prefixes.Where(p => p.Prefix.Contains(address)).Select(p => p.Interface));

    /// <summary>owner(a, V): the interface of the VPC that has the address, or null.</summary>
    public NetworkInterface? Owner(IpAddress address, string vpcId) => Holders(address).FirstOrDefault(i => i.VpcId == vpcId);

    /// <summary>The interface that a private address of a packet means, when it may stand in several VPCs .</summary>
    /// <param name="other">The packet's other end.</param>
    public NetworkInterface? ByPrivate(IpAddress address, IpAddress other)
    {
        IpAddress otherPrivate = Private(other);
        List<NetworkInterface> holders = [.. Holders(address)];

        // Within one VPC the order of Holders decides; between VPCs the lowest id.
        IEnumerable<NetworkInterface> onePerVpc = holders.GroupBy(i => i.VpcId).Select(g => g.First()).OrderBy(i => i.Id, StringComparer.Ordinal);
        return onePerVpc.FirstOrDefault(i => InBlocks(i.VpcId, otherPrivate)) ?? onePerVpc.FirstOrDefault();
    }

    /// <summary>Whether the address lies in a block of the VPC.</summary>
    public bool InBlocks(string vpcId, IpAddress address) => Contains(_vpcs[vpcId].Blocks, address);

    public static bool Contains(ImmutableArray<IpPrefix> blocks, IpAddress address) => blocks.Any(block => block.Contains(address));

    /// <summary>The lowest VPC id with a block that holds the address, or null.</summary>
    public string? VpcWithBlock(IpAddress address) =>
        _network.Vpcs.Where(v => Contains(v.Blocks, address)).Select(v => v.Id).Order(StringComparer.Ordinal).FirstOrDefault();

    /// <summary>services(V): what Amazon serves inside the VPC and no filter touches (SG-37, SG-38, ACL-22, R-28).</summary>
    public bool IsService(string vpcId, IpAddress address)
    {
        if (LinkLocalServices.Contains(address))
        {
            return true;
        }

        // RT-32: the resolver is at the base of the primary block plus two.
        IpPrefix? primary = _vpcs[vpcId].Blocks.Where(b => !b.IsIpv6).Select(b => (IpPrefix?)b).FirstOrDefault();
        if (primary is { } block && block.Address.Plus(2) == address)
        {
            return true;
        }

        // RT-31: the router of each subnet is at its base plus one.
        return _network.Subnets.Any(s => s.VpcId == vpcId && s.Blocks.Any(b => !b.IsIpv6 && b.Address.Plus(1) == address));
    }

    /// <summary>The VPC's attached internet gateway (IGW-12: one), or null.</summary>
    public string? InternetGateway(string vpcId) => GatewayOf(vpcId, GatewayKind.Internet);

    /// <summary>The VPC's egress-only internet gateway, or null.</summary>
    public string? EgressOnlyGateway(string vpcId) => GatewayOf(vpcId, GatewayKind.EgressOnlyInternet);

    private string? GatewayOf(string vpcId, GatewayKind kind) =>
        _network.Gateways.Where(g => g.Kind == kind && g.VpcId == vpcId).Select(g => g.Id).Order(StringComparer.Ordinal).FirstOrDefault();
}
