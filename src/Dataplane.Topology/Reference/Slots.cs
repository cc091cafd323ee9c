// What the interfaces' security groups remember: one slot for each flow at each interface.
//
// A slot is found by what both directions share there: the interface, the protocol, the near end and the far end. A packet that leaves has its source near,
// a packet that arrives its destination; so a packet in the slot's first direction is equal to its key, and one in the other is its mirror, by
// construction. For ICMP the identifier and the query's type stand for the ports, and who asked is part of the key: a request the other way with the same
// identifier is a new flow. A packet whose two ends look alike is its own mirror; only there can both directions have a slot, and then the
// one whose first direction is the packet's is meant.
//
// A slot is live while now - last < its time-out. Dead ones stay until a new one takes their place, or until the flows are counted
// against the cap; since a dead slot is never an answer, when that happens decides nothing. (Only a capture whose time runs back by more than a time-out
// could tell.) Nothing is touched before a packet is allowed to the end: a walk collects touches, Commit applies them.

using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Topology.Model;

namespace Dataplane.Topology.Reference;

internal enum TcpState
{
    SynSent,
    SynReceived,
    Established,
    Fin,
    TimeWait,

    /// <summary>After a RST.</summary>
    Closed,
}

/// <summary>A flow as one interface sees it.</summary>
/// <param name="NearPort">For ICMP the identifier.</param>
/// <param name="FarPort">For ICMP the query's type.</param>
/// <param name="NearFirst">
/// ICMP: the interface's side sent the query. A packet that is its own mirror: the key is of one that leaves. False for all else.
/// </param>
internal readonly record struct SlotKey(
    string InterfaceId, byte Protocol, IpAddress Near, ushort NearPort, IpAddress Far, ushort FarPort, bool NearFirst)
{
    /// <summary>The key of the other direction's first packet, when that looks the same; else null.</summary>
    public SlotKey? Twin
    {
        get
        {
            bool hasTwin = Near == Far && NearPort == FarPort && !(Protocol == (Near.IsIpv6 ? 58 : 1));
            return hasTwin ? this with { NearFirst = !NearFirst } : null;
        }
    }

    /// <summary>The key of a packet that passes an interface, or null when it can have no slot.</summary>
    public static SlotKey? Of(string interfaceId, bool ingress, in Headers packet)
    {
        IpAddress near = ingress ? packet.Destination : packet.Source;
        IpAddress far = ingress ? packet.Source : packet.Destination;
        if (PacketKind.IsStatefulIcmp(packet))
        {
            return PacketKind.TryQuery(packet, out byte query, out bool asks)
                ? new SlotKey(interfaceId, packet.Protocol, near, packet.SourcePort, far, query, asks != ingress)
                : null;
        }

        ushort nearPort = 0;
        ushort farPort = 0;
        if (PacketKind.HasPorts(packet))
        {
            if (!packet.PortsKnown)
            {
                return null;
            }

            nearPort = ingress ? packet.DestinationPort : packet.SourcePort;
            farPort = ingress ? packet.SourcePort : packet.DestinationPort;
        }

        bool isItsOwnMirror = near == far && nearPort == farPort;
        return new SlotKey(interfaceId, packet.Protocol, near, nearPort, far, farPort, isItsOwnMirror && !ingress);
    }
}

/// <summary>What one interface remembers of one flow.</summary>
internal sealed class Slot
{
    public required SlotKey Key { get; init; }

    /// <summary>What is counted against the cap.</summary>
    public required FlowKey Flow { get; set; }

    /// <summary>The flow's first packet arrived at the interface; else it left it.</summary>
    public required bool FirstWasIngress { get; init; }

    /// <summary>The rule that admitted the first packet: sg-app/ingress/1.</summary>
    public required string Rule { get; init; }

    /// <summary>CT-02.</summary>
    public required bool Untracked { get; init; }

    /// <summary>CT-09.</summary>
    public required bool AutoTracked { get; init; }

    /// <summary>Through a Network Load Balancer: its timers, not the interface's (CT-21).</summary>
    public required bool Balanced { get; init; }

    public required TrackingTimeouts Timeouts { get; set; }

    /// <summary>Nanoseconds; never moves back .</summary>
    public long Last { get; set; } = long.MinValue;

    /// <summary>Nanoseconds; the slot is live before it.</summary>
    public long Deadline { get; set; }

    public TcpState Tcp { get; set; }

    /// <summary>Packets in the first direction, and against it.</summary>
    public long Forward { get; set; }

    public long Backward { get; set; }

    public bool ForwardFin { get; set; }

    public bool BackwardFin { get; set; }

    /// <summary>Where the last allowed packet that left the interface left the topology; null when it did not (contract 4.2).</summary>
    public string? ExitGateway { get; set; }
}

/// <summary>One packet that may touch one slot, once it is allowed to the end.</summary>
/// <param name="Ended">The slot that a SYN ends and this new one replaces, or null.</param>
internal readonly record struct Touch(Slot Slot, bool IsNew, bool Ingress, Headers Packet, Slot? Ended = null);

/// <summary>All slots of a topology.</summary>
internal sealed class Slots(JudgeOptions options)
{
    private const long Second = 1_000_000_000;

    private readonly Dictionary<SlotKey, Slot> _slots = [];
    private readonly Dictionary<FlowKey, HashSet<SlotKey>> _flows = [];

    // No slot dies before this time, so counting need not look before it.
    private long _nextDeath = long.MaxValue;

    /// <summary>
    /// Another network: a slot stays the tuple that its interface saw. It ends with its interface; and when its interface's time-outs change, if it has timed out by the old ones.
    /// What it is a slot of follows from the public addresses that there are now, and a gateway that is gone is no way out.
    /// </summary>
    public void Adopt(Network network, AddressBook addresses, long now)
    {
        Dictionary<string, NetworkInterface> interfaces = network.Interfaces.ToDictionary(i => i.Id, StringComparer.Ordinal);
        HashSet<string> attached = [.. network.Gateways.Where(g => g.VpcId is not null).Select(g => g.Id)];
        List<Slot> slots = [.. _slots.Values];
        _slots.Clear();
        _flows.Clear();
        foreach (Slot slot in slots)
        {
            if (!interfaces.TryGetValue(slot.Key.InterfaceId, out NetworkInterface? at) || (slot.Timeouts != at.Timeouts && now >= slot.Deadline))
            {
                continue;
            }

            slot.Timeouts = at.Timeouts;
            slot.Deadline = slot.Last + (Timeout(slot) * Second);
            slot.Flow = FlowKey.Of(slot.Key, addresses);
            slot.ExitGateway = slot.ExitGateway is { } exit && attached.Contains(exit) ? exit : null;
            Keep(slot);
        }

        _nextDeath = long.MinValue;
    }

    /// <summary>The live slot of a packet with that key, or null.</summary>
    public Slot? Live(SlotKey key, long now) => Matching(key, now).FirstOrDefault();

    /// <summary>All live slots of a packet with that key: one, or none, or two of a packet that is its own mirror, its own direction's first.</summary>
    public IEnumerable<Slot> Matching(SlotKey key, long now)
    {
        foreach (SlotKey candidate in key.Twin is { } twin ? new[] { key, twin } : [key])
        {
            if (_slots.TryGetValue(candidate, out Slot? slot) && now < slot.Deadline)
            {
                yield return slot;
            }
        }
    }

    /// <summary>Flows that have a live slot.</summary>
    public int LiveFlows(long now)
    {
        if (now >= _nextDeath)
        {
            foreach (Slot dead in _slots.Values.Where(s => now >= s.Deadline).ToList())
            {
                Remove(dead);
            }

            _nextDeath = _slots.Values.Select(s => s.Deadline).DefaultIfEmpty(long.MaxValue).Min();
        }

        return _flows.Count;
    }

    /// <summary>Whether a flow that needs a tracked slot can have one: it has one already, or there is room (CT-24).</summary>
    public bool HasRoom(FlowKey flow, long now)
    {
        if (_flows.TryGetValue(flow, out HashSet<SlotKey>? keys) && keys.Any(key => now < _slots[key].Deadline))
        {
            return true;
        }

        return _flows.Count < options.MaxFlows || LiveFlows(now) < options.MaxFlows;
    }

    /// <summary>Applies the touches of a packet that was allowed to the end.</summary>
    /// <param name="exitGateway">Where it left the topology, or null.</param>
    public void Commit(IEnumerable<Touch> touches, string? exitGateway, long now)
    {
        HashSet<(SlotKey, bool)> done = [];
        foreach (Touch touch in touches)
        {
            // A packet that passes an interface twice in one direction with the same key touches the slot once.
            if (!done.Add((touch.Slot.Key, touch.Ingress)))
            {
                continue;
            }

            if (touch.IsNew)
            {
                Add(touch.Slot, touch.Ended, now);
            }

            Apply(touch, now);
            if (!touch.Ingress)
            {
                touch.Slot.ExitGateway = exitGateway;
            }
        }
    }

    private void Apply(Touch touch, long now)
    {
        Slot slot = touch.Slot;
        bool forward = touch.Ingress == slot.FirstWasIngress;
        slot.Last = Math.Max(slot.Last, now);
        slot.Forward += forward ? 1 : 0;
        slot.Backward += forward ? 0 : 1;
        if (slot.Key.Protocol == 6)
        {
            slot.Tcp = Next(slot, touch.IsNew, forward, PacketKind.Tcp(touch.Packet));
        }

        slot.Deadline = slot.Last + (Timeout(slot) * Second);
        _nextDeath = Math.Min(_nextDeath, slot.Deadline);
    }

    /// <summary>R-09.</summary>
    private static TcpState Next(Slot slot, bool isFirst, bool forward, TcpClass packet)
    {
        if (!isFirst && slot.Tcp is TcpState.Closed or TcpState.TimeWait)
        {
            return slot.Tcp;    // packets still pass until the timer ends; a SYN made a new slot instead
        }

        switch (packet)
        {
            case TcpClass.Rst:
                return TcpState.Closed;
            case TcpClass.Fin:
                slot.ForwardFin |= forward;
                slot.BackwardFin |= !forward;
                return slot.ForwardFin && slot.BackwardFin ? TcpState.TimeWait : TcpState.Fin;
            case TcpClass.Syn:
                return isFirst ? TcpState.SynSent : slot.Tcp;
            case TcpClass.SynAck:
                return isFirst || slot.Tcp == TcpState.SynSent ? TcpState.SynReceived : slot.Tcp;
            default:
                bool establishes = slot.Tcp == TcpState.SynReceived || (slot.Tcp == TcpState.SynSent && !forward);
                return isFirst || establishes ? TcpState.Established : slot.Tcp;
        }
    }

    /// <summary>Seconds of idleness that the slot survives (CT-10, CT-18 to CT-23, R-08, R-11).</summary>
    private long Timeout(Slot slot) => slot.Key.Protocol switch
    {
        6 => slot.Tcp switch
        {
            TcpState.SynSent => options.Timeouts.SynSent,
            TcpState.SynReceived => options.Timeouts.SynReceived,
            TcpState.Fin => options.Timeouts.Fin,
            TcpState.TimeWait => options.Timeouts.TimeWait,
            TcpState.Closed => options.Timeouts.Closed,
            _ => slot.Balanced ? 350 : slot.Timeouts.TcpEstablished,
        },
        17 when slot.Balanced => 120,
        17 => slot.Forward >= 2 && slot.Backward >= 2 ? slot.Timeouts.UdpStream : slot.Timeouts.Udp,
        1 when !slot.Key.Near.IsIpv6 => options.Timeouts.Icmp,
        58 when slot.Key.Near.IsIpv6 => options.Timeouts.Icmp,
        _ => 600,
    };

    /// <summary>Takes the place of whatever the packet would have found: a slot that it ended, and dead ones.</summary>
    private void Add(Slot slot, Slot? ended, long now)
    {
        if (_slots.TryGetValue(slot.Key, out Slot? old))
        {
            Remove(old);
        }

        if (slot.Key.Twin is { } key && _slots.TryGetValue(key, out Slot? twin) && (twin == ended || now >= twin.Deadline))
        {
            Remove(twin);
        }

        Keep(slot);
    }

    private void Keep(Slot slot)
    {
        _slots.Add(slot.Key, slot);
        if (!_flows.TryGetValue(slot.Flow, out HashSet<SlotKey>? keys))
        {
            _flows.Add(slot.Flow, keys = []);
        }

        keys.Add(slot.Key);
    }

    private void Remove(Slot slot)
    {
        _slots.Remove(slot.Key);
        HashSet<SlotKey> keys = _flows[slot.Flow];
        keys.Remove(slot.Key);
        if (keys.Count == 0)
        {
            _flows.Remove(slot.Flow);
        }
    }
}
