// Reading, judging and writing at the same time: one thread reads and parses, the caller's judges (with its workers), one writes.
//
//     free --> reader: ReadBlock, prepare --> parsed --> judge --> judged --> sinks --> free
//
// Without sinks there is no third thread: the judge gives blocks back itself.
//
// Blocks go round and there are only BlocksInFlight of them: a slow writer holds the reader back, and memory stays constant. Order is
// capture order throughout, since each stage is one thread and the queues are FIFO. A stage that throws cancels the others,
// and the first exception is rethrown when all have stopped; blocks judged before are written.

using System;
using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using System.Threading;
using Dataplane.Packets;

namespace Dataplane.Engine;

/// <summary>Takes packets from a source through a judge to sinks.</summary>
public sealed class Pipeline(IPacketSource source, Action<PacketBlock> prepare, IJudge judge, IPacketSink? sink) : IDisposable
{
    private const int BlocksInFlight = 8;

    private readonly BlockingCollection<PacketBlock> _free = new(new ConcurrentQueue<PacketBlock>());
    private readonly BlockingCollection<PacketBlock> _parsed = new(new ConcurrentQueue<PacketBlock>());
    private readonly BlockingCollection<PacketBlock> _judged = new(new ConcurrentQueue<PacketBlock>());
    private ExceptionDispatchInfo? _failure;

    /// <summary>Runs to the end of the source, or until cancelled; then what is in flight is finished and the sink completed.</summary>
    /// <returns>True when the source came to its end; false when it was cancelled.</returns>
    public bool Run(CancellationToken cancellation)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        for (int i = 0; i < BlocksInFlight; i++)
        {
            _free.Add(new PacketBlock(), CancellationToken.None);
        }

        bool finished = false;
        Thread reader = new(() => Guard(stop, _parsed, () => finished = Read(stop.Token))) { Name = "reader", IsBackground = true };
        Thread? writer = sink is null ? null : new(() => Guard(stop, null, () => Write(sink))) { Name = "writer", IsBackground = true };
        reader.Start();
        writer?.Start();
        Guard(stop, _judged, Judge);
        reader.Join();
        writer?.Join();
        _failure?.Throw();
        sink?.Complete();
        return finished;
    }

    public void Dispose()
    {
        _free.Dispose();
        _parsed.Dispose();
        _judged.Dispose();
    }

    private bool Read(CancellationToken stop)
    {
        while (true)
        {
            PacketBlock block = _free.Take(stop);
            if (!source.ReadBlock(block, stop))
            {
                return true;
            }

            prepare(block);
            _parsed.Add(block, CancellationToken.None);
        }
    }

    private void Judge()
    {
        foreach (PacketBlock block in _parsed.GetConsumingEnumerable())
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

    private void Write(IPacketSink sink)
    {
        foreach (PacketBlock block in _judged.GetConsumingEnumerable())
        {
            sink.Write(block);
            block.Reset();
            _free.Add(block);
        }
    }

    /// <summary>Runs a stage; whatever way it ends, the next stage learns that nothing more comes.</summary>
    private void Guard(CancellationTokenSource stop, BlockingCollection<PacketBlock>? next, Action stage)
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
            next?.CompleteAdding();
        }
    }
}
