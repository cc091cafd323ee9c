using System;
using System.Collections.Generic;
using System.Runtime.ExceptionServices;
using System.Threading;
using Dataplane.Packets;

namespace Dataplane.Engine;

/// <summary>Blocks from a source to a crew of workers, and on to who writes.</summary>
/// <param name="prepare">Parses a block and marks what counts.</param>
/// <param name="judged">Where judged blocks go; null when nobody wants them. They come back by <see cref="Free"/>.</param>
/// <remarks>A source that fails ends the feed: what was read before it is judged and written, then <see cref="Failure"/> says what it was.</remarks>
internal sealed class CrewFeed(IPacketSource source, Action<PacketBlock> prepare, BlockQueue? judged, CancellationToken stop) : IBlockFeed
{
    // Those that the crew has at once, and some for who writes.
    private const int Blocks = Crew.BlocksInFlight + 8;

    // Last in, first out: the block that was used last is still in a cache.
    private readonly Stack<PacketBlock> _free = new();
    private readonly BlockQueue? _ahead = source.MayWait ? new(1) : null;
    private int _made;

    public Action? Changed { get; set; }

    /// <summary>Whether the source came to its end.</summary>
    public bool IsAtEnd { get; private set; }

    /// <summary>The source's, if it failed.</summary>
    public ExceptionDispatchInfo? Failure { get; private set; }

    public Fed Take(out PacketBlock block)
    {
        block = null!;
        if (stop.IsCancellationRequested)
        {
            return Fed.End;
        }

        if (_ahead is not null)
        {
            return _ahead.Poll(out block);
        }

        if (!TryFree(waits: false, out block))
        {
            return Fed.NotNow;
        }

        return Read(block) ? Fed.Block : Fed.End;
    }

    public void Prepare(PacketBlock block) => prepare(block);

    public void Give(PacketBlock block)
    {
        if (judged is not null)
        {
            judged.Add(block);
        }
        else
        {
            block.Reset();
            Free(block);
        }
    }

    /// <summary>An empty block that nobody needs any more.</summary>
    public void Free(PacketBlock block)
    {
        lock (_free)
        {
            _free.Push(block);
            Monitor.Pulse(_free);
        }

        Changed?.Invoke();
    }

    /// <summary>Reads in a thread of its own, until the end or until stopped.</summary>
    public void ReadAhead()
    {
        try
        {
            while (TryFree(waits: true, out PacketBlock? block) && Read(block))
            {
                _ahead!.Add(block);
                Changed?.Invoke();
            }
        }
        finally
        {
            _ahead!.Complete();
            Changed?.Invoke();
        }
    }

    /// <summary>Who waits sees that it is to stop.</summary>
    public void Stop()
    {
        lock (_free)
        {
            Monitor.PulseAll(_free);
        }

        Changed?.Invoke();
    }

    private bool Read(PacketBlock block)
    {
        try
        {
            if (source.ReadBlock(block, stop))
            {
                return true;
            }

            IsAtEnd = true;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The user's wish, or another stage's failure: nothing to add.
        }
        catch (Exception failure)
        {
            Failure = ExceptionDispatchInfo.Capture(failure);
        }

        return false;
    }

    private bool TryFree(bool waits, out PacketBlock block)
    {
        lock (_free)
        {
            while (!_free.TryPop(out block!))
            {
                if (_made < Blocks)
                {
                    _made++;
                    block = new PacketBlock();
                    return true;
                }

                if (!waits || stop.IsCancellationRequested)
                {
                    return false;
                }

                Monitor.Wait(_free);
            }

            return !stop.IsCancellationRequested;
        }
    }
}
