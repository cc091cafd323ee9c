// What makes packets of both directions one flow, seen from nowhere in particular: what --max-flows counts and causal memory remembers.
//
// Both ends go through priv, so the legs before and after an internet gateway are one flow. The lower end stands first. ICMP has no ports: the one who
// asked stands first, with the identifier, then the one who answers, with the query's type.

using Dataplane.Packets;

namespace Dataplane.Topology.Reference;

/// <summary>An unordered pair of ends and a protocol; for ICMP who asked whom, with identifier and type of the query.</summary>
internal readonly record struct FlowKey(byte Protocol, IpAddress First, ushort FirstPort, IpAddress Second, ushort SecondPort)
{
    /// <summary>The flow of a packet, or null when it has none (ICMP but queries and replies; a fragment without its ports).</summary>
    /// <param name="forward">The packet goes from First to Second.</param>
    public static FlowKey? Of(in Headers packet, AddressBook addresses, out bool forward)
    {
        forward = true;
        IpAddress source = addresses.Private(packet.Source);
        IpAddress destination = addresses.Private(packet.Destination);
        if (PacketKind.IsStatefulIcmp(packet))
        {
            if (!PacketKind.TryQuery(packet, out byte query, out forward))
            {
                return null;
            }

            return forward
                ? new FlowKey(packet.Protocol, source, packet.SourcePort, destination, query)
                : new FlowKey(packet.Protocol, destination, packet.SourcePort, source, query);
        }

        ushort sourcePort = 0;
        ushort destinationPort = 0;
        if (PacketKind.HasPorts(packet))
        {
            if (!packet.PortsKnown)
            {
                return null;
            }

            sourcePort = packet.SourcePort;
            destinationPort = packet.DestinationPort;
        }

        return InOrder(packet.Protocol, source, sourcePort, destination, destinationPort, out forward);
    }

    /// <summary>The flow of a slot's packets.</summary>
    public static FlowKey Of(SlotKey slot, AddressBook addresses)
    {
        IpAddress near = addresses.Private(slot.Near);
        IpAddress far = addresses.Private(slot.Far);
        if (slot.Protocol == (near.IsIpv6 ? 58 : 1))
        {
            return slot.NearFirst
                ? new FlowKey(slot.Protocol, near, slot.NearPort, far, slot.FarPort)
                : new FlowKey(slot.Protocol, far, slot.NearPort, near, slot.FarPort);
        }

        return InOrder(slot.Protocol, near, slot.NearPort, far, slot.FarPort, out _);
    }

    private static FlowKey InOrder(byte protocol, IpAddress source, ushort sourcePort, IpAddress destination, ushort destinationPort, out bool forward)
    {
        int order = source.CompareTo(destination);
        forward = order < 0 || (order == 0 && sourcePort <= destinationPort);
        return forward
            ? new FlowKey(protocol, source, sourcePort, destination, destinationPort)
            : new FlowKey(protocol, destination, destinationPort, source, sourcePort);
    }
}
