using System;

namespace Dataplane.Live;

/// <summary>Frames that wait for a neighbour's address, in one pool for all ports.</summary>
/// <remarks>
/// Bounded: 1,024 frames in all, 16 for one neighbour, of which the oldest goes when another comes (RFC 4861 section 7.2.2). A place's memory grows to the longest frame
/// that waited in it and stays.
/// </remarks>
internal sealed class WaitingFrames(LiveFates fates, BoxCounters counters)
{
    public const int Most = 1_024;
    public const int MostEach = 16;

    private readonly Place[] _places = NewPlaces();
    private int _free;

    /// <summary>Frames that wait now.</summary>
    public int Count { get; private set; }

    /// <summary>Keeps a copy; the frame's fate is then <see cref="LiveFate.Waiting"/>.</summary>
    /// <param name="mtu">What the link that it waits for takes.</param>
    /// <returns>False when there is no room.</returns>
    public bool TryAdd(ref Neighbour neighbour, ReadOnlySpan<byte> frame, int mtu)
    {
        if (neighbour.Waiting == MostEach)
        {
            counters.WaitingFull++;
            Settle(ref neighbour, LiveFate.NoNeighbour);
        }

        if (_free < 0)
        {
            counters.WaitingFull++;
            return false;
        }

        int number = _free;
        ref Place place = ref _places[number];
        _free = place.Next;
        if (place.Bytes.Length < frame.Length)
        {
            place.Bytes = new byte[Math.Max(frame.Length, 2_048)];
        }

        frame.CopyTo(place.Bytes);
        (place.Length, place.Mtu, place.Next) = (frame.Length, mtu, -1);
        if (neighbour.Waiting++ == 0)
        {
            neighbour.FirstWaiting = number;
        }
        else
        {
            _places[neighbour.LastWaiting].Next = number;
        }

        neighbour.LastWaiting = number;
        Count++;
        return true;
    }

    /// <summary>The frame that waited longest. Its bytes are good until the next frame is added.</summary>
    public Span<byte> Peek(in Neighbour neighbour, out int mtu)
    {
        ref Place place = ref _places[neighbour.FirstWaiting];
        mtu = place.Mtu;
        return place.Bytes.AsSpan(0, place.Length);
    }

    /// <summary>The frame that waited longest waits no more.</summary>
    public void Settle(ref Neighbour neighbour, LiveFate fate)
    {
        int number = neighbour.FirstWaiting;
        ref Place place = ref _places[number];
        neighbour.FirstWaiting = place.Next;
        neighbour.Waiting--;
        place.Next = _free;
        _free = number;
        Count--;
        fates.Settle(fate);
    }

    /// <summary>None waits for this neighbour any more.</summary>
    public void SettleAll(ref Neighbour neighbour, LiveFate fate)
    {
        while (neighbour.Waiting > 0)
        {
            Settle(ref neighbour, fate);
        }
    }

    private static Place[] NewPlaces()
    {
        Place[] places = new Place[Most];
        for (int i = 0; i < Most; i++)
        {
            places[i].Bytes = [];
            places[i].Next = i + 1 < Most ? i + 1 : -1;
        }

        return places;
    }

    private struct Place
    {
        public byte[] Bytes;
        public int Length;
        public int Mtu;
        public int Next;
    }
}
