// Reading, judging and writing at the same time: one thread reads and parses, the caller's judges (with its workers), one writes.
//
//     free --> reader: ReadBlock, prepare --> parsed --> judge --> judged --> sinks --> free
//
// A judge with several workers reads and parses with them (Crew.cs, CrewFeed.cs): only a source that may wait for its sender keeps a thread for reading.
//
// Without sinks there is no third thread: the judge gives blocks back itself. In one thread (a judge with one worker, no sinks) reading takes turns with
// judging: packets stay in one core's cache and nobody is woken, for which reading and judging no longer overlap. What that saves was not measured apart.
//
// Blocks go round and there are only so many of them: a slow writer holds the reader back, and memory stays constant. Order is
// capture order throughout, since each stage is one thread and the queues are FIFO. A stage that throws cancels the others,
// and the first exception is rethrown when all have stopped; blocks judged before are written.

using System;
using System.Runtime.ExceptionServices;
using System.Threading;
using Dataplane.Packets;

namespace Dataplane.Engine;

/// <summary>Takes packets from a source through a judge to sinks.</summary>
/// <param name="prepare">Parses a block and marks what counts.</param>
/// <param name="sink">What gets judged blocks; null for nothing.</param>
/// <param name="inOneThread">Whether the caller's thread reads as well; only without a sink.</param>
public sealed class Pipeline(IPacketSource source, Action<PacketBlock> prepare, IJudge judge, IPacketSink? sink, bool inOneThread = false)
{
    private const int BlocksInFlight = 8;

    private readonly BlockQueue _free = new(BlocksInFlight / 2);
    private readonly BlockQueue _parsed = new(1);
    private readonly BlockQueue _judged = new(1);
    private ExceptionDispatchInfo? _failure;

    /// <summary>Runs to the end of the source, or until cancelled; then what is in flight is finished and the sink completed.</summary>
    /// <returns>True when the source came to its end; false when it was cancelled.</returns>
    public bool Run(CancellationToken cancellation)
    {
        if (inOneThread && sink is null)
        {
            return RunAlone(cancellation);
        }

        if (judge.Workers > 1)
        {
            return RunCrew(cancellation);
        }

        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using CancellationTokenRegistration wake = stop.Token.Register(_free.Complete);
        for (int i = 0; i < BlocksInFlight; i++)
        {
            _free.Add(new PacketBlock());
        }

        bool finished = false;
        Thread reader = new(() => Guard(stop, _parsed, () => finished = Read(stop.Token))) { Name = "reader", IsBackground = true };
        Thread? writer = sink is null ? null : new(() => Guard(stop, null, () => Write(sink, _free.Add))) { Name = "writer", IsBackground = true };
        reader.Start();
        writer?.Start();
        Guard(stop, _judged, Judge);
        reader.Join();
        writer?.Join();
        _failure?.Throw();
        sink?.Complete();
        return finished;
    }

    private bool RunCrew(CancellationToken cancellation)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        CrewFeed feed = new(source, prepare, sink is null ? null : _judged, stop.Token);
        using CancellationTokenRegistration wake = stop.Token.Register(feed.Stop);
        Thread? reader = source.MayWait ? new(() => Guard(stop, null, feed.ReadAhead)) { Name = "reader", IsBackground = true } : null;
        Thread? writer = sink is null ? null : new(() => Guard(stop, null, () => Write(sink, feed.Free))) { Name = "writer", IsBackground = true };
        reader?.Start();
        writer?.Start();
        Guard(stop, _judged, () => judge.Run(feed));
        reader?.Join();
        writer?.Join();
        _failure?.Throw();
        feed.Failure?.Throw();
        sink?.Complete();
        return feed.IsAtEnd;
    }

    private bool RunAlone(CancellationToken cancellation)
    {
        PacketBlock block = new();
        try
        {
            while (source.ReadBlock(block, cancellation))
            {
                prepare(block);
                judge.Judge(block);
                block.Reset();
                cancellation.ThrowIfCancellationRequested();
            }

            return true;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return false;
        }
    }

    private bool Read(CancellationToken stop)
    {
        while (_free.TryTake(out PacketBlock? block))
        {
            stop.ThrowIfCancellationRequested();
            if (!source.ReadBlock(block, stop))
            {
                return true;
            }

            prepare(block);
            _parsed.Add(block);
        }

        return false;
    }

    private void Judge()
    {
        while (_parsed.TryTake(out PacketBlock? block))
        {
            judge.Judge(block);
            if (sink is not null)
            {
                _judged.Add(block);
            }
            else
            {
                block.Reset();
                _free.Add(block);
            }
        }
    }

    private void Write(IPacketSink to, Action<PacketBlock> free)
    {
        while (_judged.TryTake(out PacketBlock? block))
        {
            to.Write(block);
            block.Reset();
            free(block);
        }
    }

    /// <summary>Runs a stage; whatever way it ends, the next stage learns that nothing more comes.</summary>
    private void Guard(CancellationTokenSource stop, BlockQueue? next, Action stage)
    {
        try
        {
            stage();
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The user's wish, or another stage's failure: nothing to add.
        }
        catch (Exception failure)
        {
            Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(failure), null);
            stop.Cancel();
        }
        finally
        {
            next?.Complete();
        }
    }
}
