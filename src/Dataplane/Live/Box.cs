// A VPC for ordinary programs: each port is a network interface or a gateway of the topology, and the engine is what lies between them.
//
//   Arrived   Arrival           may it enter here? else Misplaced
//             ArpResponder, NeighbourDiscovery, DhcpServer, Dhcpv6Server: the network's own answers, sent at once
//   judge     the engine, by addresses; it knows nothing of frames
//   Judged    Delivery          to the port where the result says it goes; TooBigErrors, AddressRewrite, Ipv4Fragments
//   Tick      questions repeated, frames that waited too long, router advertisements
//
// The engine's thread uses it, and Adopt comes between two blocks: so no packet meets two plans. All tables are bounded, and nothing is allocated for a packet.
// What AWS's network does not do is not done here either: its router answers no ping and shows up in no traceroute [K: seen by everybody, written by AWS nowhere].

using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Live;

/// <summary>Forwarding of a VPC in a box.</summary>
public sealed class Box : IForwarding
{
    private readonly PathTable _paths;
    private readonly PortLink[] _links;
    private readonly Delivery _delivery;
    private readonly ArpResponder _arp;
    private readonly NeighbourDiscovery _discovery;
    private readonly DhcpServer _dhcp;
    private readonly Dhcpv6Server _dhcpv6;
    private readonly bool[] _answered = new bool[PacketBlock.Capacity];
    private BoxPlan _plan;
    private PacketResult[] _misplaced;

    /// <param name="plan">Its ports are <paramref name="ports"/>, by number.</param>
    /// <param name="paths">Of the tables that the plan's names are in.</param>
    /// <exception cref="ArgumentException">The plan has another number of ports.</exception>
    public Box(BoxPlan plan, IReadOnlyList<ILivePort> ports, PathTable paths)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(ports);
        ArgumentNullException.ThrowIfNull(paths);
        Check(plan, ports.Count);
        _plan = plan;
        _paths = paths;
        _delivery = new Delivery(Fates, Counters);
        _arp = new ArpResponder(_delivery);
        _discovery = new NeighbourDiscovery(_delivery);
        _dhcp = new DhcpServer(_delivery);
        _dhcpv6 = new Dhcpv6Server(_delivery);
        _links = new PortLink[ports.Count];
        for (int i = 0; i < _links.Length; i++)
        {
            _links[i] = new PortLink(plan.Ports[i], ports[i], _delivery.Waiting, Counters);
        }

        _misplaced = MisplacedResults(plan);
    }

    /// <inheritdoc/>
    public LiveFates Fates { get; } = new();

    public BoxCounters Counters { get; } = new();

    /// <summary>Frames that wait for a neighbour now: at most 1,024.</summary>
    public int Waiting => _delivery.Waiting.Count;

    /// <summary>Neighbours known or asked for, over all ports: at most 4,096 a gateway and 64 an interface.</summary>
    public int Neighbours
    {
        get
        {
            int sum = 0;
            foreach (PortLink link in _links)
            {
                sum += link.Neighbours.Count;
            }

            return sum;
        }
    }

    /// <summary>Another plan for the same live interfaces, between two blocks. What is known of a port's link is kept if the same component is attached there.</summary>
    /// <exception cref="ArgumentException">The plan has another number of ports. The old one stays.</exception>
    public void Adopt(BoxPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        Check(plan, _links.Length);
        PacketResult[] misplaced = MisplacedResults(plan);
        _plan = plan;
        _misplaced = misplaced;
        for (int i = 0; i < _links.Length; i++)
        {
            _links[i].Adopt(plan.Ports[i]);
        }
    }

    /// <inheritdoc/>
    public void Arrived(PacketBlock block)
    {
        ArgumentNullException.ThrowIfNull(block);
        block.Misplaced = _misplaced;
        for (int i = 0; i < block.Count; i++)
        {
            ref Headers headers = ref block.Headers[i];
            ref readonly CapturedPacket packet = ref block.Packets[i];
            PortLink link = _links[packet.CaptureInterface];
            _answered[i] = headers.Status switch
            {
                PacketStatus.Ok => Enter(link, block.Bytes(i), ref headers, packet.Time),
                PacketStatus.Ignored => Hear(link, block.Bytes(i), packet.Time),
                _ => false,
            };
        }
    }

    /// <inheritdoc/>
    public void Judged(PacketBlock block)
    {
        ArgumentNullException.ThrowIfNull(block);
        for (int i = 0; i < block.Count; i++)
        {
            Fates.Add(_answered[i] ? LiveFate.Answered : Fate(block, i));
        }
    }

    /// <inheritdoc/>
    public void Tick(long now)
    {
        foreach (PortLink link in _links)
        {
            _delivery.Tick(_plan, link, now);
            _discovery.Tick(link, now);
        }
    }

    private LiveFate Fate(PacketBlock block, int index)
    {
        ref readonly Headers headers = ref block.Headers[index];
        if (headers.Status != PacketStatus.Ok)
        {
            return headers.Status == PacketStatus.Ignored ? LiveFate.Ignored : LiveFate.Dropped;
        }

        ref readonly PacketResult result = ref block.Results[index];
        if (_paths[result.Path].Verdict != Verdict.Allow)
        {
            return LiveFate.Dropped;
        }

        PortLink from = _links[block.Packets[index].CaptureInterface];
        if (from.IsGateway && result.From == from.Plan.Name)
        {
            _delivery.HeardPacket(from, headers.Source, MacAddress.Read(block.Bytes(index)[6..]), block.Packets[index].Time);
        }

        from.Port.FinishChecksum(block.Writable(index));
        return _delivery.Deliver(_plan, _links, block, index, in result);
    }

    /// <summary>A packet that can be judged.</summary>
    /// <returns>Whether the network itself answered it.</returns>
    private bool Enter(PortLink link, ReadOnlySpan<byte> frame, ref Headers headers, long now)
    {
        IpAddress source = headers.Source, destination = headers.Destination;
        var station = MacAddress.Read(frame);
        switch (link.Plan.Kind)
        {
            case BoxPortKind.Interface when _plan.Fabric.Addresses.Has(link.Plan.Number, source):
                _delivery.HeardHost(link, MacAddress.Read(frame[6..]), now);
                if (!Arrival.MayEnterAtInterface(_plan, link.Plan, station, destination))
                {
                    break;
                }

                return headers.Protocol == 17 && Ask(link, frame, in headers, now);
            case BoxPortKind.Interface when Arrival.IsLinkTalk(source, destination):
                return headers.Protocol == 17 && Ask(link, frame, in headers, now);
            case BoxPortKind.Gateway when Arrival.MayEnterAtGateway(_plan, link.Plan, station, source, destination):
                return false;
            default:
                break;
        }

        headers.Status = PacketStatus.Misplaced;
        return false;
    }

    /// <summary>A datagram, perhaps a question to a DHCP server.</summary>
    private bool Ask(PortLink link, ReadOnlySpan<byte> frame, in Headers headers, long now) =>
        (headers.Flags & (HeaderFlags.FirstFragment | HeaderFlags.PortsKnown)) == HeaderFlags.PortsKnown
        && headers.DestinationPort switch
        {
            DhcpServer.Port => !headers.IsIpv6 && _dhcp.Receive(link, frame, in headers, now),
            Dhcpv6Server.Port => headers.IsIpv6 && _dhcpv6.Receive(link, frame, in headers, now),
            _ => false,
        };

    /// <summary>A frame that is not judged: ARP, neighbour discovery, or what nobody here wants.</summary>
    private bool Hear(PortLink link, ReadOnlySpan<byte> frame, long now)
    {
        int at = 12;
        int type = BinaryPrimitives.ReadUInt16BigEndian(frame[at..]);
        while (type is 0x8100 or 0x88A8 or 0x9100 && frame.Length - at >= 6)
        {
            at += 4;
            type = BinaryPrimitives.ReadUInt16BigEndian(frame[at..]);
        }

        return type switch
        {
            OwnFrame.EtherTypeArp => _arp.Receive(_plan, link, frame[(at + 2)..], now),
            OwnFrame.EtherTypeIpv6 => _discovery.Receive(_plan, link, frame, frame[(at + 2)..], now),
            _ => false,
        };
    }

    /// <summary>What misplaced packets get: at an interface that checks its source the denial of RT-28, else unplaced.</summary>
    private PacketResult[] MisplacedResults(BoxPlan plan)
    {
        int denied = _paths.Intern(Verdict.Deny, DenyReason.ENI_SOURCE_DEST_CHECK_RESTRICTION, FlowState.None, NameTable.None, []);
        PacketResult[] results = new PacketResult[plan.Ports.Length];
        for (int i = 0; i < results.Length; i++)
        {
            BoxPort port = plan.Ports[i];
            bool checks = port.Kind == BoxPortKind.Interface && plan.Fabric.Interfaces[port.Number].SourceDestCheck && denied >= 0;
            results[i] = checks ? PacketResult.Bare(denied, port.Name) : PacketResult.Bare(PathTable.Unplaced);
        }

        return results;
    }

    private static void Check(BoxPlan plan, int ports)
    {
        if (plan.Ports.Length != ports)
        {
            throw new ArgumentException($"the plan has {plan.Ports.Length} ports, not {ports}", nameof(plan));
        }
    }
}
