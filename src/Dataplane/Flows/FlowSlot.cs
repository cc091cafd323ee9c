// What one interface's security groups remember of a flow: 40 bytes.
//
//    0 Last   8 Deadline   16 Interface   20 Rule   24 Gateway   28 FormA   32 FormB   36 State   37 Flags   38 Along|Against   39 -
//
// Its key is (interface, first direction, the tuple as that interface sees it). The tuple is the entry's key, each end in the form that the interface
// sees it in, and which of the two ends sent the first packet. Life: made and touched only when a packet was allowed to the end
// dead when now >= Deadline; freed when a SYN replaces it or its entry is reclaimed.

using System;

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
}

/// <summary>One interface's memory of one flow.</summary>
public struct FlowSlot
{
    /// <summary>Interface of a free slot.</summary>
    public const int Free = -1;

    public long Last;
    public long Deadline;

    /// <summary>Number in the plan, or <see cref="Free"/>.</summary>
    public int Interface;

    /// <summary>Name of the rule that admitted the flow.</summary>
    public int Rule;

    /// <summary>By which gateway the last egress packet left the topology, or -1.</summary>
    public int Gateway;

    public int FormA;
    public int FormB;
    public TcpState State;
    public SlotFlags Flags;

    /// <summary>Packets in the first packet's direction (low nibble) and against it (high), each counted to 2.</summary>
    public byte Counts;

    public readonly bool FirstEgress => (Flags & SlotFlags.FirstEgress) != 0;

    public readonly bool IsUntracked => (Flags & SlotFlags.Untracked) != 0;

    public readonly bool IsLive(long now) => Interface >= 0 && now < Deadline;

    /// <summary>Whether a packet at this slot's interface belongs to it.</summary>
    /// <param name="egress">The packet leaves the interface.</param>
    /// <param name="fromB">It runs from end B to A.</param>
    /// <param name="isMirror">The flow's ends are alike, so that both directions look the same.</param>
    public readonly bool Matches(bool egress, bool fromB, int formA, int formB, bool isMirror)
    {
        bool along = egress == FirstEgress;
        if (isMirror)
        {
            return along ? FormA == formA && FormB == formB : FormA == formB && FormB == formA;
        }

        bool sameWay = fromB == ((Flags & SlotFlags.FirstFromB) != 0);
        return sameWay == along && FormA == formA && FormB == formB;
    }

    /// <summary>Records one allowed packet: time, count, TCP state, deadline.</summary>
    /// <param name="along">It ran in the first packet's direction.</param>
    public void Touch(long now, FlowKind kind, TcpClass tcp, bool along, Timeouts timeouts, in InterfaceTimeouts own)
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

            State = TcpStates.Next(State, tcp, along, (Flags & others) != 0);
        }
        else if (kind == FlowKind.Udp)
        {
            Count(along);
        }

        Deadline = Timeouts.After(Last, timeouts.Of(kind, State, (Flags & SlotFlags.Stream) != 0, own));
    }

    /// <summary>A slot for a first packet that was allowed.</summary>
    public static FlowSlot Made(int networkInterface, SlotFlags flags, int formA, int formB, int rule, long now, FlowKind kind, TcpClass tcp, Timeouts timeouts, in InterfaceTimeouts own)
    {
        FlowSlot slot = new()
        {
            Last = now,
            Interface = networkInterface,
            Rule = rule,
            Gateway = -1,
            FormA = formA,
            FormB = formB,
            Flags = flags,
        };
        if (kind == FlowKind.Tcp)
        {
            slot.State = TcpStates.First(tcp);
            slot.Flags |= tcp == TcpClass.Fin ? SlotFlags.FinAlong : SlotFlags.None;
        }

        slot.Count(along: true);
        slot.Deadline = Timeouts.After(now, timeouts.Of(kind, slot.State, false, own));
        return slot;
    }

    private void Count(bool along)
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
