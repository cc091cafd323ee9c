// Neighbours of one port: sets of four places, an address's set by a hash with a random key. A full set gives up the place that is missed least: one that is
// known from packets only, then one that was answered, then one that is still asked for; of equals the one that was heard of or asked for longest ago. So a flood of
// made-up sources does not push out who answered for himself.

using System;
using System.Numerics;
using System.Security.Cryptography;
using Dataplane.Packets;

namespace Dataplane.Live;

/// <summary>Who has which address on the link behind one port.</summary>
/// <remarks>Bounded; allocates nothing after it is made. One thread.</remarks>
internal sealed class NeighbourTable
{
    private const int Ways = 4;

    private readonly Neighbour[] _places;
    private readonly int[] _asking;
    private readonly WaitingFrames _waiting;
    private readonly BoxCounters _counters;
    private readonly ulong _salt = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)) | 1;

    /// <param name="capacity">A power of two, 4 or more.</param>
    public NeighbourTable(int capacity, WaitingFrames waiting, BoxCounters counters)
    {
        _places = new Neighbour[capacity];
        _asking = new int[capacity];
        _waiting = waiting;
        _counters = counters;
    }

    public ref Neighbour this[int place] => ref _places[place];

    public int Capacity => _places.Length;

    /// <summary>Neighbours that are in it, known or asked for.</summary>
    public int Count { get; private set; }

    /// <summary>Neighbours that are asked for.</summary>
    public int AskingCount { get; private set; }

    /// <summary>The place of one that is asked for.</summary>
    /// <param name="number">0 to <see cref="AskingCount"/> - 1; removing one moves the last to its number.</param>
    public int Asking(int number) => _asking[number];

    /// <summary>The place of an address, or -1.</summary>
    public int Find(IpAddress address)
    {
        int set = Set(address);
        for (int place = set; place < set + Ways; place++)
        {
            if (_places[place].IsUsed && _places[place].Address == address)
            {
                return place;
            }
        }

        return -1;
    }

    /// <summary>Makes a place for an address that has none. Frames that waited for whom it was taken from find no neighbour.</summary>
    public int Add(IpAddress address, long now)
    {
        int set = Set(address), best = set;
        for (int place = set; place < set + Ways; place++)
        {
            if (!_places[place].IsUsed)
            {
                best = place;
                break;
            }

            (int Rank, long Time) rank = Rank(in _places[place]), bestRank = Rank(in _places[best]);
            best = rank.CompareTo(bestRank) < 0 ? place : best;
        }

        if (_places[best].IsUsed)
        {
            _counters.NeighboursEvicted++;
            Remove(best, LiveFate.NoNeighbour);
        }

        Count++;
        _places[best] = new Neighbour { Address = address, IsUsed = true, Heard = now, AskingAt = -1 };
        return best;
    }

    /// <param name="fate">Of frames that wait for it.</param>
    public void Remove(int place, LiveFate fate)
    {
        ref Neighbour gone = ref _places[place];
        _waiting.SettleAll(ref gone, fate);
        StopAsking(place);
        gone = default;
        Count--;
    }

    public void StartAsking(int place)
    {
        ref Neighbour neighbour = ref _places[place];
        if (!neighbour.IsAsked)
        {
            neighbour.AskingAt = AskingCount;
            neighbour.Tries = 0;
            _asking[AskingCount++] = place;
        }
    }

    public void StopAsking(int place)
    {
        ref Neighbour neighbour = ref _places[place];
        if (neighbour.IsAsked)
        {
            int last = _asking[--AskingCount];
            _asking[neighbour.AskingAt] = last;
            _places[last].AskingAt = neighbour.AskingAt;
            neighbour.AskingAt = -1;
        }
    }

    public void Clear()
    {
        for (int place = 0; place < _places.Length; place++)
        {
            if (_places[place].IsUsed)
            {
                Remove(place, LiveFate.NoNeighbour);
            }
        }
    }

    private static (int Rank, long Time) Rank(in Neighbour neighbour) => neighbour.IsKnown
        ? (neighbour.IsFromPackets ? 0 : 1, neighbour.Heard)
        : (2, neighbour.Asked);

    private int Set(IpAddress address)
    {
        ulong high = Math.BigMul((address.Low ^ BitOperations.RotateLeft(address.High, 29)) + 0x9E37_79B9_7F4A_7C15, _salt, out ulong low);
        return (int)((high ^ low) & (ulong)(_places.Length - Ways)) & ~(Ways - 1);
    }
}
