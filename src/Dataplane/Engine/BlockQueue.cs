using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.Threading;
using Dataplane.Packets;

namespace Dataplane.Engine;

/// <summary>Blocks on their way from one thread to another, first in, first out.</summary>
/// <param name="least">
/// Blocks that must be there before a thread that found none is woken: waking costs a system call and a turn of the scheduler, so it should be worth it. 1 where whoever waits must
/// have each block at once. The blocks that others hold must come back without help from the one that waits.
/// </param>
internal sealed class BlockQueue(int least)
{
    private readonly Queue<PacketBlock> _blocks = new();
    private bool _isWaiting;
    private bool _isComplete;

    public void Add(PacketBlock block)
    {
        lock (_blocks)
        {
            _blocks.Enqueue(block);
            if (_isWaiting && _blocks.Count >= least)
            {
                Monitor.Pulse(_blocks);
            }
        }
    }

    /// <summary>No block comes any more: who waits gets those that are there, then none.</summary>
    public void Complete()
    {
        lock (_blocks)
        {
            _isComplete = true;
            Monitor.PulseAll(_blocks);
        }
    }

    /// <summary>The next block, as soon as there is one.</summary>
    /// <returns>False when the queue is complete and empty.</returns>
    public bool TryTake([NotNullWhen(true)] out PacketBlock? block)
    {
        lock (_blocks)
        {
            if (_blocks.Count == 0)
            {
                _isWaiting = true;
                while (_blocks.Count < least && !_isComplete)
                {
                    Monitor.Wait(_blocks);
                }

                _isWaiting = false;
            }

            return _blocks.TryDequeue(out block);
        }
    }

    /// <summary>The next block if there is one now, and whether one can still come.</summary>
    public Fed Poll(out PacketBlock block)
    {
        lock (_blocks)
        {
            return _blocks.TryDequeue(out block!) ? Fed.Block : _isComplete ? Fed.End : Fed.NotNow;
        }
    }

    /// <summary>The next block if there is one now.</summary>
    public bool TryTakeNow([NotNullWhen(true)] out PacketBlock? block)
    {
        lock (_blocks)
        {
            return _blocks.TryDequeue(out block);
        }
    }
}
