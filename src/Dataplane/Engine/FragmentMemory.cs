// Which datagrams' first fragments are remembered, and with which record (walk page, section 8).
//
// The dispatcher sees packets in order, so it decides which first fragment a later one belongs to: Remember gives a first fragment a place, Find gives a
// later one the place and shard of its first. The worker of that shard writes the record into the place and copies it from there; it judges both, in
// order, so no two threads meet at a place. A place that became free is not used again before the blocks are done in which its record may still be
// read: NextBlock releases it. 65,536 datagrams at most; the one remembered first goes first.
//
//   _places   key -> place      _order   places from oldest to newest, doubly linked      _records   what the workers write: in pieces that never move, for they write beside the dispatcher

using System;
using System.Collections.Generic;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Engine;

/// <summary>The first fragments of the last 30 seconds.</summary>
public sealed class FragmentMemory(PathTable paths)
{
    /// <summary>Datagrams at most.</summary>
    public const int Datagrams = 65_536;

    // Places that left wait for the blocks in flight: one a packet at most.
    private const int MostPlaces = Datagrams + (PacketBlock.Capacity * (Crew.BlocksInFlight + 1));

    /// <summary>Nanoseconds from the first fragment's time.</summary>
    public const long Lifetime = 30_000_000_000;

    private readonly Dictionary<Key, int> _places = [];
    private readonly Stack<int> _free = new();
    private const int Piece = 1_024;

    private readonly Queue<(long Block, int Place)> _leaving = new();
    private Place[] _order = [];
    private readonly Record[]?[] _records = new Record[]?[MostPlaces / Piece];
    private long _block;
    private int _used;
    private int _oldest = -1;
    private int _newest = -1;

    public int Count => _places.Count;

    /// <summary>Datagrams that were forgotten early for want of room.</summary>
    public long Dropped { get; private set; }

    /// <summary>A place for a first fragment's record.</summary>
    public int Remember(in Headers packet, long now, int shard)
    {
        Key key = new(packet);
        if (_places.TryGetValue(key, out int known))
        {
            Leave(known);
        }
        else if (_places.Count == Datagrams)
        {
            int oldest = _oldest;
            _places.Remove(_order[oldest].Key);
            Leave(oldest);
            Dropped++;
        }

        if (!_free.TryPop(out int place))
        {
            if (_used == _order.Length)
            {
                Array.Resize(ref _order, Math.Max(Piece, _used * 2));
            }

            // Written before the block is opened to the workers.
            _records[_used / Piece] ??= new Record[Piece];

            place = _used++;
        }

        _order[place] = new Place { Key = key, Time = now, Shard = shard, Older = _newest, Newer = -1 };
        if (_newest >= 0)
        {
            _order[_newest].Newer = place;
        }
        else
        {
            _oldest = place;
        }

        _newest = place;
        _places[key] = place;
        return place;
    }

    /// <summary>The place of a later fragment's first; -1 if none is remembered and alive.</summary>
    public int Find(in Headers packet, long now, out int shard)
    {
        shard = 0;
        if (_places.Count == 0 || !_places.TryGetValue(new Key(packet), out int place) || now >= _order[place].Dies)
        {
            return -1;
        }

        shard = _order[place].Shard;
        return place;
    }

    /// <summary>Before the first packet of a block: places that left may be used again.</summary>
    /// <param name="block">Number of the block, ascending.</param>
    /// <param name="done">Blocks below this number are done with.</param>
    public void NextBlock(long block, long done)
    {
        _block = block;
        while (_leaving.TryPeek(out (long Block, int Place) first) && first.Block < done)
        {
            _free.Push(_leaving.Dequeue().Place);
        }
    }

    /// <summary>By the worker: keeps a first fragment's record.</summary>
    public void Write(int place, in PacketResult result) => _records[place / Piece]![place % Piece] = new Record
    {
        Result = result,
        Spilled = result.Path >= PathTable.MaxPaths ? paths[result.Path] : null,
    };

    /// <summary>By the worker: the record of a later fragment's first.</summary>
    public PacketResult Read(int place)
    {
        ref readonly Record record = ref _records[place / Piece]![place % Piece];
        PacketResult result = record.Result;
        if (record.Spilled is { } spilled)
        {
            result.Path = paths.Spill(spilled);
        }

        return result;
    }

    private void Leave(int place)
    {
        (int older, int newer) = (_order[place].Older, _order[place].Newer);
        if (older >= 0)
        {
            _order[older].Newer = newer;
        }
        else
        {
            _oldest = newer;
        }

        if (newer >= 0)
        {
            _order[newer].Older = older;
        }
        else
        {
            _newest = older;
        }

        _leaving.Enqueue((_block, place));
    }

    private readonly record struct Key(ulong SourceHigh, ulong SourceLow, ulong DestinationHigh, ulong DestinationLow, uint Id, byte Protocol, bool IsIpv6)
    {
        public Key(in Headers packet)
            : this(packet.SourceHigh, packet.SourceLow, packet.DestinationHigh, packet.DestinationLow, packet.FragmentId, packet.FragmentProtocol != 0 ? packet.FragmentProtocol : packet.Protocol, packet.IsIpv6)
        {
        }
    }

    private struct Place
    {
        public Key Key;
        public long Time;
        public int Shard;
        public int Older;
        public int Newer;

        public readonly long Dies => Flows.Timeouts.After(Time, Lifetime);
    }

    private struct Record
    {
        public PacketResult Result;
        public PathEntry? Spilled;
    }
}
