using System;

namespace Dataplane.Flows;

/// <summary>What a table remembers of one flow, as a value of its own.</summary>
/// <param name="Key">Through private addresses.</param>
/// <param name="Slots">Those in use, live when the snapshot was taken; interfaces, gateways and forms are numbers of the plan of that moment.</param>
public sealed record FlowSnapshot(FlowKey Key, NewSlot[] Slots)
{
    /// <summary>The first slot that was made of those that are left: whose first packet began the flow as far as is known.</summary>
    public ref readonly NewSlot First => ref Slots[0];

    /// <summary>Whether some slot is only remembered, and its packets are judged one by one (CT-02).</summary>
    public bool HasUntracked => Array.Exists(Slots, static slot => slot.Life.IsUntracked);
}
