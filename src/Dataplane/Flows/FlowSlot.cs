// What one interface's security groups remember of a flow: 16 bytes that packets change (SlotLife) and 16 that the walk wrote (SlotOrigin).
//
// Its key is (interface, first direction, the tuple as that interface sees it). The tuple is the entry's key, each end in the form that the interface
// sees it in, and which of the two ends sent the first packet. Life: made and touched only when a packet was allowed to the end
// dead when now >= last + time-out; freed when a SYN replaces it or its entry is reclaimed.

using System;
using Dataplane.Fabric;
using Dataplane.Packets;

namespace Dataplane.Flows;

[Flags]
public enum SlotFlags : byte
{
    None = 0,

    /// <summary>The first packet was leaving the interface.</summary>
    FirstEgress = 1,

    /// <summary>The first packet ran from end B to end A.</summary>
    FirstFromB = 2,

    /// <summary>CT-02: remembered, but each packet is judged by rules.</summary>
    Untracked = 4,

    /// <summary>CT-09.</summary>
    AutoTracked = 8,

    /// <summary>A FIN was seen in the first packet's direction.</summary>
    FinAlong = 16,

    FinAgainst = 32,

    /// <summary>UDP with two packets each way .</summary>
    Stream = 64,

    /// <summary>Through a Network Load Balancer: its timers, not the interface's (CT-21).</summary>
    Balanced = 128,
}

/// <summary>The part of a slot that packets change.</summary>
public struct SlotLife
{
    /// <summary>Interface of a free slot.</summary>
    public const int Free = -1;

    public long Last;

    /// <summary>Number in the plan, or <see cref="Free"/>.</summary>
    public int Interface;

    public TcpState State;
    public SlotFlags Flags;

    /// <summary>Packets in the first packet's direction (low nibble) and against it (high), each counted to 2.</summary>
    public byte Counts;

    /// <summary>Not the slot's: in an entry's first slot its causal bits stand here.</summary>
    internal byte Causal;

    public readonly bool FirstEgress => (Flags & SlotFlags.FirstEgress) != 0;

    public readonly bool IsUntracked => (Flags & SlotFlags.Untracked) != 0;

    public readonly bool IsBalanced => (Flags & SlotFlags.Balanced) != 0;

    public readonly bool IsStream => (Flags & SlotFlags.Stream) != 0;

    /// <summary>Records one allowed packet: time, count, TCP state. True when the time-out may be shorter than before.</summary>
    /// <param name="along">It ran in the first packet's direction.</param>
    public bool Touch(long now, FlowKind kind, TcpClass tcp, bool along)
    {
        Last = Math.Max(Last, now);
        if (kind == FlowKind.Tcp)
        {
            SlotFlags mine = along ? SlotFlags.FinAlong : SlotFlags.FinAgainst;
            SlotFlags others = along ? SlotFlags.FinAgainst : SlotFlags.FinAlong;
            if (!TcpStates.IsOver(State) && tcp == TcpClass.Fin)
            {
                Flags |= mine;
            }

            TcpState before = State;
            State = TcpStates.Next(before, tcp, along, (Flags & others) != 0);
            return before != State;
        }

        if (kind == FlowKind.Udp)
        {
            Count(along);
        }

        return false;
    }

    internal void Count(bool along)
    {
        int step = along ? 1 : 16;
        int mask = along ? 0x0F : 0xF0;
        if ((Counts & mask) < 2 * step)
        {
            Counts = (byte)(Counts + step);
        }

        if (Counts == 0x22)
        {
            Flags |= SlotFlags.Stream;
        }
    }
}

/// <summary>The part of a slot that the walk wrote.</summary>
public struct SlotOrigin
{
    /// <summary>Name of the rule that admitted the flow.</summary>
    public int Rule;

    /// <summary>By which gateway the last egress packet left the topology, or -1.</summary>
    public int Gateway;

    public int FormA;
    public int FormB;
}

/// <summary>A slot that a first packet makes.</summary>
public struct NewSlot
{
    public SlotLife Life;
    public SlotOrigin Origin;

    /// <summary>A slot for a first packet that was allowed.</summary>
    public static NewSlot Of(int networkInterface, SlotFlags flags, int formA, int formB, int rule, long now, FlowKind kind, TcpClass tcp)
    {
        NewSlot slot = default;
        slot.Life.Last = now;
        slot.Life.Interface = networkInterface;
        slot.Life.Flags = flags;
        slot.Origin.Rule = rule;
        slot.Origin.Gateway = -1;
        slot.Origin.FormA = formA;
        slot.Origin.FormB = formB;
        if (kind == FlowKind.Tcp)
        {
            slot.Life.State = TcpStates.First(tcp);
            slot.Life.Flags |= tcp == TcpClass.Fin ? SlotFlags.FinAlong : SlotFlags.None;
        }

        slot.Life.Count(along: true);
        return slot;
    }

    /// <summary>A packet in the slot's first direction, as its interface sees it. TCP flags are the caller's.</summary>
    /// <param name="key">The entry's.</param>
    /// <param name="addresses">Of the plan that the forms are of.</param>
    public readonly Headers Packet(in FlowKey key, OwnerMap addresses)
    {
        bool fromB = (Life.Flags & SlotFlags.FirstFromB) != 0;
        IpAddress a = addresses.Written(key.A, Origin.FormA), b = addresses.Written(key.B, Origin.FormB);
        Headers packet = default;
        packet.Flags = key.IsIpv6 ? HeaderFlags.Ipv6 : HeaderFlags.None;
        packet.Protocol = key.Protocol;
        (packet.Source, packet.Destination) = fromB ? (b, a) : (a, b);
        switch (key.Kind)
        {
            case FlowKind.Tcp or FlowKind.Udp:
                (packet.SourcePort, packet.DestinationPort) = fromB ? (key.PortB, key.PortA) : (key.PortA, key.PortB);
                packet.Flags |= HeaderFlags.PortsKnown;
                break;
            case FlowKind.Icmp:
                packet.SourcePort = key.PortA;                            // the identifier
                packet.DestinationPort = (ushort)(key.PortB << 8);        // the query's type, code 0: only queries make slots
                packet.Flags |= HeaderFlags.PortsKnown;
                break;
            default:
                break;
        }

        return packet;
    }
}

/// <summary>Both parts of one slot in its table; good until the table makes another slot.</summary>
public readonly ref struct FlowSlot
{
    public readonly ref SlotLife Life;
    public readonly ref SlotOrigin Origin;

    internal FlowSlot(ref SlotLife life, ref SlotOrigin origin)
    {
        Life = ref life;
        Origin = ref origin;
    }

    /// <summary>Whether a packet at this slot's interface belongs to it.</summary>
    /// <param name="egress">The packet leaves the interface.</param>
    /// <param name="fromB">It runs from end B to A.</param>
    /// <param name="isMirror">The flow's ends are alike, so that both directions look the same.</param>
    public bool Matches(bool egress, bool fromB, int formA, int formB, bool isMirror)
    {
        bool along = egress == Life.FirstEgress;
        if (isMirror)
        {
            return along ? Origin.FormA == formA && Origin.FormB == formB : Origin.FormA == formB && Origin.FormB == formA;
        }

        bool sameWay = fromB == ((Life.Flags & SlotFlags.FirstFromB) != 0);
        return sameWay == along && Origin.FormA == formA && Origin.FormB == formB;
    }
}
