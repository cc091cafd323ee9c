// Which entries may die next: two wheels of lists, fine slots of 1 ms over 4 s and coarse ones of 4 s over six days.
//
// An entry stands in the slot of the deadline that it had when it was put there. Deadlines move on with every packet, and nobody tells the wheel: when a slot
// comes up, its entries are asked anew, and those that live go to the slot of the deadline that they have now. Only a deadline that moved back must be told (Put).
// So a full table under attack costs a look at one short list for each packet, and an entry is asked a few times in its life.
//
// Time may run back: the wheel never does. What is put behind it stands in the slot where it is, which is looked at every time.

using System;

namespace Dataplane.Flows;

/// <summary>Entries by deadline. One thread owns it.</summary>
/// <remarks>12 bytes an entry and half a MiB of slots.</remarks>
internal sealed class DeathWheel : IDisposable
{
    private const int FineShift = 20;
    private const int FineBits = 12;
    private const int CoarseShift = FineShift + FineBits;
    private const int CoarseBits = 17;
    private const int FineSlots = 1 << FineBits;
    private const int CoarseSlots = 1 << CoarseBits;
    private const int Nowhere = -1;

    private readonly FlowChunks<Link> _links = new();
    private readonly int[] _heads = new int[FineSlots + CoarseSlots];
    private long _fine;
    private int _inFine;

    /// <param name="now">Nothing that is put later may come up before this moment's slot.</param>
    public DeathWheel(long now)
    {
        Array.Fill(_heads, Nowhere);
        _fine = now >> FineShift;
    }

    /// <summary>Puts an entry, new or not, where its deadline is.</summary>
    public void Put(int entry, long deadline)
    {
        _links.Need(entry);
        ref Link link = ref _links[entry];
        int slot = SlotOf(deadline);
        if (link.SlotPlusOne == slot + 1)
        {
            return;
        }

        Take(entry);
        _inFine += slot < FineSlots ? 1 : 0;
        ref int head = ref _heads[slot];
        link = new Link { SlotPlusOne = slot + 1, Previous = Nowhere, Next = head };
        if (head >= 0)
        {
            _links[head].Previous = entry;
        }

        head = entry;
    }

    /// <summary>Takes an entry out, if it is in.</summary>
    public void Take(int entry)
    {
        ref Link link = ref _links[entry];
        if (link.SlotPlusOne == 0)
        {
            return;
        }

        _inFine -= link.SlotPlusOne <= FineSlots ? 1 : 0;
        if (link.Previous >= 0)
        {
            _links[link.Previous].Next = link.Next;
        }
        else
        {
            _heads[link.SlotPlusOne - 1] = link.Next;
        }

        if (link.Next >= 0)
        {
            _links[link.Next].Previous = link.Previous;
        }

        link.SlotPlusOne = 0;
    }

    /// <summary>Hands over the list of the slot where the wheel stands and goes on, as far as time has come. Its entries leave the wheel with <see cref="After"/>: whoever lives must be put again.</summary>
    /// <param name="now">Slots up to this moment's are due.</param>
    /// <param name="first">The first entry of the list, or -1 for an empty one; then <see cref="After"/>.</param>
    /// <param name="isLast">Nothing after it is due.</param>
    public void Next(long now, out int first, out bool isLast)
    {
        long target = now >> FineShift;
        ref int head = ref _heads[_fine & (FineSlots - 1)];
        first = head;
        head = Nowhere;
        isLast = target <= _fine;
        if (!isLast)
        {
            Advance(target);
        }
    }

    /// <summary>The entry after one of a list that was handed over; asked before that one is put anywhere.</summary>
    public int After(int entry)
    {
        ref Link link = ref _links[entry];
        _inFine -= link.SlotPlusOne <= FineSlots ? 1 : 0;
        link.SlotPlusOne = 0;
        return link.Next;
    }

    public void Dispose() => _links.Dispose();

    /// <summary>Goes to the next slot that may hold something, at most to the target.</summary>
    private void Advance(long target)
    {
        long end = (_fine | (FineSlots - 1)) + 1;
        _fine = _inFine == 0 ? Math.Min(end, target) : _fine + 1;
        if (_fine < end)
        {
            return;
        }

        // A coarse slot's time begins: those that are empty are passed over, of the first other one all entries are asked where the wheel stands then.
        long coarse = _fine >> FineBits, last = target >> FineBits;
        for (int i = 0; coarse < last && _heads[SlotOfCoarse(coarse)] == Nowhere; i++)
        {
            coarse = i == CoarseSlots ? last : coarse + 1;
        }

        _fine = coarse << FineBits;
        ref int head = ref _heads[SlotOfCoarse(coarse)];
        int entry = head;
        head = Nowhere;
        int here = (int)(_fine & (FineSlots - 1));
        while (entry >= 0)
        {
            int next = After(entry);
            int first = _heads[here];
            _links[entry] = new Link { SlotPlusOne = here + 1, Previous = Nowhere, Next = first };
            if (first >= 0)
            {
                _links[first].Previous = entry;
            }

            _heads[here] = entry;
            _inFine++;
            entry = next;
        }
    }

    private static int SlotOfCoarse(long coarse) => FineSlots + (int)(coarse & (CoarseSlots - 1));

    private int SlotOf(long deadline)
    {
        long fine = Math.Max(deadline >> FineShift, _fine);
        long coarse = fine >> FineBits, here = _fine >> FineBits;
        return coarse == here ? (int)(fine & (FineSlots - 1))
            : SlotOfCoarse(Math.Min(coarse, here + CoarseSlots - 1));
    }

    private struct Link
    {
        /// <summary>0: in no slot.</summary>
        public int SlotPlusOne;
        public int Previous;
        public int Next;
    }
}
