// One flow in memory. What an established packet reads and writes stands in one cache line (FlowEntry); what only walks need stands apart (FlowDetail):
// 104 bytes for IPv4, 136 for IPv6 (its addresses are a third array), and 16 to 26 of index.
//
//   FlowEntry    0 Ends   8 Rest   16 CausalLast   24 FromA   28 FromB   32 Slot0   48 Slot1
//   SlotLife     0 Last   8 Interface   12 State   13 Flags   14 Counts   15 Causal (of slot 0: the entry's causal bits)
//
// A slot's deadline is not kept: it is Last plus the time-out of its state, which Timeouts knows.

using System.Runtime.InteropServices;

namespace Dataplane.Flows;

/// <summary>The hot line of one flow: key, causal memory, decisions, and the lives of two slots.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
public struct FlowEntry
{
    /// <summary>IPv4: both addresses, A in the upper half. IPv6: a digest of them; the addresses stand in the table.</summary>
    public ulong Ends;

    /// <summary>Ports, protocol, family as in <see cref="FlowKey"/>; 0 in a free entry.</summary>
    public ulong Rest;

    /// <summary>Time of the last judged packet (causal memory).</summary>
    public long CausalLast;

    /// <summary>Number of the cached decision for packets from A to B, in the worker's <see cref="DecisionTable"/>; 0 for none.</summary>
    public int FromA;

    public int FromB;

    public SlotLife Slot0;
    public SlotLife Slot1;

    public CausalState Causal
    {
        readonly get => new() { Last = CausalLast, Bits = Slot0.Causal };
        set => (CausalLast, Slot0.Causal) = (value.Last, (byte)value.Bits);
    }

    public readonly byte Protocol => (byte)(Rest >> 8);

    public readonly bool IsIpv6 => (Rest & 1) != 0;

    public readonly FlowKind Kind => FlowKey.KindOf(Protocol, IsIpv6);

    /// <summary>Forgets what was decided; slots stay.</summary>
    public void DropDecisions() => FromA = FromB = 0;
}

/// <summary>The cold part of one flow: where its slots came from, and the table's links.</summary>
public struct FlowDetail
{
    public SlotOrigin Slot0;
    public SlotOrigin Slot1;
    public uint Hash;

    /// <summary>First slot past the two, or -1; in a free entry the next free one, or -1.</summary>
    public int Overflow;
}
