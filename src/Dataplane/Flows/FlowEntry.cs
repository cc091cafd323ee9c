using Dataplane.Records;

namespace Dataplane.Flows;

/// <summary>What the next packet of one alias and direction gets, as long as the slots on its path live.</summary>
public struct CachedDecision
{
    public PacketResult Result;

    /// <summary>The alias: how the packet wrote the two ends.</summary>
    public int FormA;
    public int FormB;

    /// <summary>By which gateway such packets leave the topology, or -1.</summary>
    public int Gateway;

    /// <summary>The policy under which it was decided; 0 for none.</summary>
    public uint Epoch;

    /// <summary>ICMP type and code; else 0.</summary>
    public ushort Code;

    /// <summary>Bit n: slot n lies on the path and was checked at ingress.</summary>
    public byte Ingress;

    /// <summary>Bit n: slot n lies on the path and was checked at egress.</summary>
    public byte Egress;
}

/// <summary>One flow: its slots, its causal memory, its decisions.</summary>
/// <remarks>224 bytes for both families, and 8 in the index; slots past two take 48 each.</remarks>
public struct FlowEntry
{
    public FlowKey Key;
    public FlowSlot Slot0;
    public FlowSlot Slot1;
    public CachedDecision FromA;
    public CachedDecision FromB;
    public CausalState Causal;
    public uint Hash;

    /// <summary>Next entry of the bucket, or of the free list; -1 ends.</summary>
    public int Next;

    /// <summary>First slot past the two, or -1.</summary>
    public int Overflow;

    /// <summary>Forgets what was decided; slots stay.</summary>
    public void DropDecisions()
    {
        FromA.Epoch = 0;
        FromB.Epoch = 0;
    }
}
