// Several workers that read, parse and judge together. Nobody waits for all others: each worker goes through the blocks by itself, and what comes
// before judging is done by whoever has time for it.
//
//   read     one at a time, in capture order: block n goes to place n modulo BlocksInFlight. Whoever reads a block goes on with the next step of it.
//   see      headers are parsed; each packet's shard; per worker the list of its packets (BlockShares)
//   open     in order: fragments get their places, where there are any; then block n may be judged: _open = n + 1
//   judge    by every worker, in order, its own packets, into results of its own
//   done     when the last worker leaves it; in order, one block at a time: given to the caller
//
// A flow lives in one shard and a shard belongs to one worker, so results do not depend on the number of workers unless a cap was reached. A worker judges first, and reads
// when fewer than Ahead blocks wait for it: blocks are then still in a cache when they are judged, and neither a slow block nor a worker that lost
// its core for a while stops the others before all places are taken.
//
// A worker that finds nothing to do waits at the gate _progress. Every step that gives others something to do moves it.
//
// Before, workers met twice for each sixteen blocks: 9 ns a packet for shards, 12 for putting results together in one thread while the others waited, and 3 to 25 for
// waking who had fallen asleep between two calls, beside 42 to 48 for judging (Intel, 1,048,576 flows). Two workers were no faster than one.

using System;
using System.Runtime.ExceptionServices;
using System.Threading;
using Dataplane.Flows;
using Dataplane.Packets;

namespace Dataplane.Engine;

/// <summary>What a feed has now.</summary>
public enum Fed
{
    /// <summary>The next block in capture order.</summary>
    Block,

    /// <summary>Nothing at the moment; who gives the feed its blocks calls <see cref="IBlockFeed.Changed"/> when that changes.</summary>
    NotNow,

    /// <summary>No block comes any more.</summary>
    End,
}

/// <summary>Where a crew of workers gets its blocks, and gives them back. Calls never wait for long.</summary>
public interface IBlockFeed
{
    /// <summary>Set by the crew: to be called by any thread after <see cref="Take"/> said <see cref="Fed.NotNow"/> and there is a block, or an end.</summary>
    Action? Changed { get; set; }

    /// <summary>The next block, read but not parsed. One worker at a time.</summary>
    Fed Take(out PacketBlock block);

    /// <summary>Parses a block. Several workers at once, for different blocks.</summary>
    void Prepare(PacketBlock block);

    /// <summary>A block that was judged, in capture order. One worker at a time; the block is the feed's again.</summary>
    void Give(PacketBlock block);
}

/// <summary>Gives the fragments of a block their places; blocks come in capture order, <paramref name="number"/> counts them.</summary>
internal delegate void FragmentsOfBlock(PacketBlock block, BlockShares shares, long number);

/// <summary>Workers that share a stream of blocks. The caller's thread is one of them.</summary>
internal sealed class Crew : IDisposable
{
    // Enough that a worker that loses its core for a millisecond does not stop the others.
    internal const int BlocksInFlight = 32;

    // Blocks that wait for a worker before it reads no more.
    private const int Ahead = 2;

    private readonly Worker[] _workers;
    private readonly Sharding _sharding;
    private readonly FragmentsOfBlock? _place;
    private readonly Place[] _places = new Place[BlocksInFlight];
    private readonly Thread[] _threads;
    private readonly Gate _start = new();
    private readonly Gate _left = new();
    private readonly Gate _progress = new();
    private readonly Lock _reading = new();
    private readonly Lock _opening = new();
    private readonly Lock _finishing = new();
    private readonly Action _changed;
    private IBlockFeed _feed = null!;
    private Exception? _failure;
    private volatile bool _isStopping;
    private volatile bool _isAtEnd;
    private int _round;
    private int _working;
    private long _read;
    private long _open;
    private long _done;

    /// <param name="workers">Two at least. Threads for all but the first are started.</param>
    /// <param name="place">Gives the fragments of a block their places, in capture order; null when fragments have none.</param>
    public Crew(Worker[] workers, Sharding sharding, FragmentsOfBlock? place)
    {
        _workers = workers;
        _sharding = sharding;
        _place = place;
        _changed = _progress.Move;
        for (int i = 0; i < _places.Length; i++)
        {
            _places[i] = new Place();
        }

        _threads = new Thread[workers.Length - 1];
        for (int i = 0; i < _threads.Length; i++)
        {
            int number = i + 1;
            _threads[i] = new Thread(() => Loop(number)) { IsBackground = true, Name = $"worker {number}" };
            _threads[i].Start();
        }
    }

    /// <summary>Blocks that were given back since the crew began.</summary>
    public long Done => Volatile.Read(ref _done);

    /// <summary>Judges all that a feed has. A worker's exception is thrown again when all have stopped; the blocks before it were given back.</summary>
    public void Run(IBlockFeed feed)
    {
        ObjectDisposedException.ThrowIf(_isStopping, this);
        _feed = feed;
        feed.Changed = _changed;
        _isAtEnd = false;
        _failure = null;

        // After a failure some blocks were not given back. They are done with: their numbers are not used again.
        _open = _done = _read;
        Volatile.Write(ref _working, _threads.Length);
        int round = _round++;
        _start.Move();
        Work(0);
        _left.WaitWhile(round);
        feed.Changed = null;
        if (_failure is not null)
        {
            ExceptionDispatchInfo.Throw(_failure);
        }
    }

    public void Dispose()
    {
        if (!_isStopping)
        {
            _isStopping = true;
            _start.Move();
            foreach (Thread thread in _threads)
            {
                thread.Join();
            }
        }
    }

    private void Loop(int number)
    {
        for (int round = 0; ; round++)
        {
            _start.WaitWhile(round);
            if (_isStopping)
            {
                return;
            }

            Work(number);
            if (Interlocked.Decrement(ref _working) == 0)
            {
                _left.Move();
            }
        }
    }

    private void Work(int number)
    {
        try
        {
            for (long next = _done; ;)
            {
                // Before anything is looked at, so that a change after the look is not slept through.
                int progress = _progress.Count;
                if (Volatile.Read(ref _failure) is not null)
                {
                    return;
                }

                long waiting = Volatile.Read(ref _open) - next;
                if (waiting < Ahead && TryRead())
                {
                    continue;
                }

                if (waiting > 0)
                {
                    Judge(number, _places[next++ % BlocksInFlight]);
                }
                else if (_isAtEnd && next == Volatile.Read(ref _read))
                {
                    return;
                }
                else
                {
                    _progress.WaitWhile(progress);
                }
            }
        }
        catch (Exception failure)
        {
            Interlocked.CompareExchange(ref _failure, failure, null);
            _progress.Move();
        }
    }

    /// <summary>Reads and sees one block, if nobody else reads, a place is free and the feed has one. True when something was done.</summary>
    private bool TryRead()
    {
        if (_isAtEnd || Volatile.Read(ref _read) - Volatile.Read(ref _done) >= BlocksInFlight || !_reading.TryEnter())
        {
            return false;
        }

        Place place;
        try
        {
            if (_isAtEnd || _read - Volatile.Read(ref _done) >= BlocksInFlight)
            {
                return false;
            }

            Fed fed = _feed.Take(out PacketBlock block);
            if (fed == Fed.NotNow)
            {
                return false;
            }

            if (fed == Fed.End)
            {
                _isAtEnd = true;
                _progress.Move();
                return true;
            }

            place = _places[_read % BlocksInFlight];
            place.Block = block;
            place.Number = _read;
            Volatile.Write(ref place.ToJudge, _workers.Length);
            Volatile.Write(ref _read, _read + 1);
        }
        finally
        {
            _reading.Exit();
        }

        // Who waits for this thread to read may read the next one meanwhile.
        _progress.Move();
        See(place);
        return true;
    }

    private void See(Place place)
    {
        PacketBlock block = place.Block;
        _feed.Prepare(block);
        BlockShares shares = block.Split(_workers.Length);
        HeaderFlags flags = _sharding.See(block, shares.Shards);
        shares.HasPlaces = _place is not null && (flags & (HeaderFlags.FirstFragment | HeaderFlags.LaterFragment)) != 0;
        if (!shares.HasPlaces)
        {
            shares.Deal(block.Count);
        }

        Volatile.Write(ref place.Seen, place.Number + 1);
        lock (_opening)
        {
            long open = _open;
            for (; Volatile.Read(ref _places[open % BlocksInFlight].Seen) == open + 1; open++)
            {
                PacketBlock next = _places[open % BlocksInFlight].Block;
                BlockShares of = next.Shares!;
                if (of.HasPlaces)
                {
                    _place!(next, of, open);
                    of.Deal(next.Count);
                }
            }

            if (open == _open)
            {
                return;
            }

            Volatile.Write(ref _open, open);
        }

        _progress.Move();
    }

    private void Judge(int number, Place place)
    {
        _workers[number].RunShare(place.Block, place.Block.Shares!, number);
        if (Interlocked.Decrement(ref place.ToJudge) != 0)
        {
            return;
        }

        // The last worker of block n has left it before it is the last of n + 1, so whoever is here finds them in order.
        lock (_finishing)
        {
            long done = _done;
            for (; done < Volatile.Read(ref _open) && Volatile.Read(ref _places[done % BlocksInFlight].ToJudge) == 0; done++)
            {
                _feed.Give(_places[done % BlocksInFlight].Block);
                Volatile.Write(ref _done, done + 1);
            }
        }

        _progress.Move();
    }

    private sealed class Place
    {
        public PacketBlock Block = null!;
        public long Number;
        public long Seen;
        public int ToJudge;
    }
}
