// Where a captured packet enters the topology: by its addresses, first match (contract 4, section 2 of the walk's page).

using System.Collections.Generic;
using System.Linq;
using Dataplane.Packets;
using Dataplane.Topology.Model;

namespace Dataplane.Topology.Reference;

internal enum Entrance
{
    /// <summary>It has no place.</summary>
    None,

    /// <summary>Amazon's own service at one end: no filter looks at it .</summary>
    Service,

    /// <summary>It leaves an interface.</summary>
    Interface,

    /// <summary>It comes in by an internet gateway.</summary>
    InternetGateway,

    /// <summary>A reply that comes in by an egress-only internet gateway.</summary>
    EgressOnlyGateway,

    /// <summary>It would start something through an egress-only internet gateway: denied there (EIGW-01).</summary>
    EgressOnlyRefusal,
}

/// <summary>Where a packet enters, and the packet as it is there.</summary>
/// <param name="Interface">Where it leaves, or for a service the end that is an interface.</param>
/// <param name="GatewayId">Where it comes in.</param>
/// <param name="VpcId">The gateway's VPC.</param>
/// <param name="ServiceIsSource">Of a service's packet: it goes to the interface.</param>
internal sealed record Place(
    Entrance Entrance, Headers Packet, NetworkInterface? Interface = null, string? GatewayId = null, string? VpcId = null, bool ServiceIsSource = false)
{
    /// <summary>What a record calls from.</summary>
    public string? From => Entrance == Entrance.Service && ServiceIsSource ? null : Interface?.Id ?? GatewayId;
}

/// <summary>Places packets on a network.</summary>
internal sealed class Placement(Network network, AddressBook addresses, Routing routing, ReturnPaths returns)
{
    private readonly Dictionary<string, Gateway> _gateways = network.Gateways.ToDictionary(g => g.Id, System.StringComparer.Ordinal);

    public Place Of(in Headers packet, in Headers quote, long now)
    {
        IpAddress source = packet.Source;
        IpAddress destination = packet.Destination;
        NetworkInterface? sender = addresses.ByPrivate(source, destination);

        // 0. A service of the interface's own VPC.
        if (sender is not null && addresses.IsService(sender.VpcId, destination))
        {
            return new Place(Entrance.Service, packet, sender);
        }

        if (addresses.ByPrivate(destination, source) is { } receiver && addresses.IsService(receiver.VpcId, source))
        {
            return new Place(Entrance.Service, packet, receiver, ServiceIsSource: true);
        }

        // 1. An interface's own address.
        if (sender is not null)
        {
            return Leaving(sender, packet);
        }

        if (addresses.ByPublic(source) is { Unenforced: not null })
        {
            return new Place(Entrance.None, packet);    // 1a, 3
        }

        // 2. Against a remembered flow that left the topology.
        if (ReturnGateway(packet, quote, now) is { } exit)
        {
            if (Target(exit.VpcId!, packet) is { Unenforced: not null })
            {
                return new Place(Entrance.None, packet);    // 1a: it was enforced when the flow began
            }

            Entrance entrance = exit.Kind == GatewayKind.Internet ? Entrance.InternetGateway : Entrance.EgressOnlyGateway;
            return new Place(entrance, packet, null, exit.Id, exit.VpcId);
        }

        // 3. A capture taken outside: the source is an interface's public address.
        if (addresses.ByPublic(source) is { } outside)
        {
            Headers inside = packet;
            inside.Source = addresses.Private(source);
            if (addresses.ByPrivate(destination, source) is { } target && AddressBook.Public(target, destination) is { } called)
            {
                inside.Destination = called;    // inside, the sender called it by its public address
            }

            return Leaving(outside, inside);
        }

        // 4. A VPC's own address that no interface has.
        if (addresses.VpcWithBlock(source) is not null)
        {
            return new Place(Entrance.None, packet);
        }

        NetworkInterface? owner = addresses.ByPublic(destination) ?? addresses.ByPrivate(destination, source);
        string? vpc = owner?.VpcId ?? addresses.VpcWithBlock(destination);
        if (vpc is null)
        {
            return new Place(Entrance.None, packet);    // 7
        }

        // 1a. To a component that is not enforced.
        if (Target(vpc, packet) is { Unenforced: not null })
        {
            return new Place(Entrance.None, packet);
        }

        // 5. From behind a gateway that is not enforced.
        string? internetGateway = addresses.InternetGateway(vpc);
        bool isPrivate = !addresses.IsAssociated(destination);
        if (isPrivate && routing.IsBehindUnenforced(vpc, source, internetGateway is not null))
        {
            return new Place(Entrance.None, packet);
        }

        // 6. From the internet.
        if (internetGateway is not null)
        {
            return new Place(Entrance.InternetGateway, packet, null, internetGateway, vpc);
        }

        return packet.IsIpv6 && addresses.EgressOnlyGateway(vpc) is { } egressOnly
            ? new Place(Entrance.EgressOnlyRefusal, packet, null, egressOnly, vpc)
            : new Place(Entrance.None, packet);
    }

    /// <summary>1 and 3; but 1a: what leaves a component that is not enforced, or would arrive at one, has no place.</summary>
    private Place Leaving(NetworkInterface sender, in Headers packet) =>
        sender.Unenforced is not null || Target(sender.VpcId, packet) is { Unenforced: not null }
            ? new Place(Entrance.None, packet)
            : new Place(Entrance.Interface, packet, sender);

    /// <summary>The only interface at which a packet that is in a VPC can arrive: beyond the VPC only public and IPv6 addresses are reached .</summary>
    private NetworkInterface? Target(string vpcId, in Headers packet) =>
        addresses.ByPublic(packet.Destination)
        ?? addresses.Owner(packet.Destination, vpcId)
        ?? (packet.IsIpv6 ? addresses.ByPrivate(packet.Destination, packet.Source) : null);

    private Gateway? ReturnGateway(in Headers packet, in Headers quote, long now)
    {
        // When the destination is public, only its own interface can be meant.
        IpAddress near = addresses.Private(packet.Destination);
        IEnumerable<NetworkInterface> candidates = addresses.ByPublic(packet.Destination) is { } one
            ? [one]
            : addresses.Holders(near).OrderBy(i => i.Id, System.StringComparer.Ordinal);
        Headers inside = packet;
        inside.Source = addresses.Private(packet.Source);
        inside.Destination = near;
        foreach (NetworkInterface candidate in candidates)
        {
            if (returns.Find(candidate, inside, quote, now, slot => slot.ExitGateway is not null) is { ExitGateway: { } id })
            {
                return _gateways[id];
            }
        }

        return null;
    }
}
