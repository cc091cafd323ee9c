// What a slot remembers in numbers of its plan, in those of the plan that follows it.
//
// A slot is the tuple that its interface sees (FlowSlot.cs), and stays that tuple. But its place and its form follow from who has which public address: the entry's key is through private
// addresses. Where associations changed, the tuple is written out by the old ones and seen again by the new ones, as the slot's next packet will be.

using System;
using Dataplane.Fabric;
using Dataplane.Packets;

namespace Dataplane.Flows;

/// <summary>From the numbers that a plan gives to the numbers of the plan that follows it.</summary>
/// <param name="interfaces">By old number: the new one, or -1 for an interface that is gone.</param>
/// <param name="gateways">The same of gateways.</param>
/// <param name="from">Public addresses of the old plan.</param>
/// <param name="to">Public addresses of the new plan.</param>
public sealed class PlanNumbers(int[] interfaces, int[] gateways, OwnerMap from, OwnerMap to)
{
    private readonly bool _hasSameAssociations = from.HasSameAssociations(to);

    /// <summary>Whether all that a slot remembers stays what it is.</summary>
    public bool IsSame => _hasSameAssociations && IsIdentity(interfaces) && IsIdentity(gateways);

    /// <summary>A slot in use in the new plan's numbers.</summary>
    /// <param name="key">The key of its entry.</param>
    /// <param name="moved">The key under which its packets are looked for now.</param>
    /// <returns>False when its interface is gone: then the slot is changed and means nothing.</returns>
    public bool TryTranslate(in FlowKey key, ref NewSlot slot, out FlowKey moved)
    {
        moved = key;
        slot.Life.Interface = interfaces[slot.Life.Interface];
        slot.Origin.Gateway = slot.Origin.Gateway < 0 ? -1 : gateways[slot.Origin.Gateway];
        if (slot.Life.Interface >= 0 && !_hasSameAssociations && HasPublic(in key, in slot.Origin))
        {
            Headers packet = slot.Packet(in key, from);
            FlowView view = default;
            to.View(in packet, ref view);
            moved = view.Key;
            (slot.Origin.FormA, slot.Origin.FormB) = (view.FormA, view.FormB);
            slot.Life.Flags = view.FromB ? slot.Life.Flags | SlotFlags.FirstFromB : slot.Life.Flags & ~SlotFlags.FirstFromB;
        }

        return slot.Life.Interface >= 0;
    }

    /// <summary>Whether a slot's tuple holds an address that is public in either plan: a slot without one, as most are, is told by two looks.</summary>
    private bool HasPublic(in FlowKey key, in SlotOrigin origin) => (origin.FormA | origin.FormB) != 0 || to.FindPublic(key.A) >= 0 || to.FindPublic(key.B) >= 0;

    private static bool IsIdentity(ReadOnlySpan<int> numbers)
    {
        for (int i = 0; i < numbers.Length; i++)
        {
            if (numbers[i] != i)
            {
                return false;
            }
        }

        return true;
    }
}
