// The loop of a live run: one thread receives, judges and sends for all ports.
//
//   every port: Receive --> parse --> Arrived --> judge --> Judged (sends) --> every port: Flush --> sinks, on a thread of their own
//
// A round takes what waits at the ports, as one block, and each round begins at another port. When nothing waits the loop sleeps until something does. Whatever else must
// happen between two blocks and on this thread (another policy, a look at the flows) is posted. Blocks that sinks have come back to it; when all of them are with the sinks
// it waits for one: records are never dropped, packets then are, by the system, which counts them.

using System;
using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using System.Threading;
using Dataplane.Engine;
using Dataplane.Packets;

namespace Dataplane.Live;

/// <summary>Takes live packets through a judge and on.</summary>
/// <param name="ports">Opened; the packets' CaptureInterface is the number of a port.</param>
/// <param name="prepare">Parses a block and marks what counts.</param>
/// <param name="sink">What gets judged blocks, on another thread; null for nothing.</param>
public sealed class LiveLoop(ILivePorts ports, IForwarding forwarding, IJudge judge, Action<PacketBlock> prepare, IPacketSink? sink)
{
    private const int MostAtOnce = 256;
    private const int BlocksWithSink = 64;

    /// <summary>How often what is due by time is looked at, nanoseconds.</summary>
    private const long TickEvery = 50_000_000;

    private static readonly TimeSpan LongestSleep = TimeSpan.FromMilliseconds(50);

    private readonly ConcurrentQueue<Action> _posted = new();
    private readonly BlockQueue _free = new(1);
    private readonly BlockQueue _judged = new(1);
    private ExceptionDispatchInfo? _failure;
    private long _received;

    /// <summary>Frames received, any thread.</summary>
    public long Received => Volatile.Read(ref _received);

    /// <summary>Which policy judges: what blocks are marked with. Set between two blocks.</summary>
    public int Epoch { get; set; } = 1;

    /// <summary>Rounds that waited for the sinks.</summary>
    public long WaitsForSinks { get; private set; }

    /// <summary>Does something between two blocks, on the loop's thread. Any thread may ask; what is asked after the loop has ended is not done.</summary>
    public void Post(Action action)
    {
        _posted.Enqueue(action);
        ports.Wake();
    }

    /// <summary>Runs until cancelled; then what was received is finished, and the sink completed.</summary>
    public void Run(CancellationToken cancellation)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using CancellationTokenRegistration wake = stop.Token.Register(ports.Wake);
        for (int i = 0; i < (sink is null ? 1 : BlocksWithSink); i++)
        {
            _free.Add(new PacketBlock());
        }

        Thread? writer = sink is null ? null : new(() => Write(sink, stop)) { Name = "writer", IsBackground = true };
        writer?.Start();
        try
        {
            while (!stop.IsCancellationRequested)
            {
                Round();
            }
        }
        finally
        {
            _judged.Complete();
            writer?.Join();
        }

        _failure?.Throw();
        sink?.Complete();
    }

    private readonly Gathering _gathering = new();
    private long _number = 1;
    private int _first;
    private bool _hasRested;
    private long _nextTick;
    private long _refused;

    private void Round()
    {
        // Those that are there now: what they post in turn waits for the next round, so that packets have theirs.
        for (int due = _posted.Count; due > 0 && _posted.TryDequeue(out Action? action); due--)
        {
            action();
        }

        if (!_free.TryTakeNow(out PacketBlock? block))
        {
            WaitsForSinks++;
            if (!_free.TryTake(out block))
            {
                return;
            }
        }

        // Two flooded ports fill a block, and a third would never have its turn.
        int count = ports.Ports.Count;
        for (int port = _first, left = count; left > 0; left--)
        {
            _ = ports.Ports[port].Receive(block, MostAtOnce, port);
            port = port + 1 == count ? 0 : port + 1;
        }

        _first = _first + 1 >= count ? 0 : _first + 1;
        if (block.Count == 0)
        {
            _free.Add(block);
            long now = ports.Now();
            TickAt(now);

            // Where frames come fast, the next is nearly there: who waits for it by the system makes its sender's side wake this thread, for every few frames.
            if (!_hasRested && _gathering.After(0, now) is > 0 and int pause)
            {
                _hasRested = true;
                ports.Rest(pause);
            }
            else
            {
                _hasRested = false;
                ports.Wait(LongestSleep);
            }

            return;
        }

        _hasRested = false;

        block.FirstNumber = _number;
        block.Epoch = Epoch;
        _number += block.Count;
        Volatile.Write(ref _received, _number - 1);
        prepare(block);
        forwarding.Arrived(block);
        judge.Judge(block);
        forwarding.Judged(block);
        if (FlushAll() is > 0 and long refused)
        {
            forwarding.Fates.Refused(refused);
        }

        int frames = block.Count;
        TickAt(block.Packets[frames - 1].Time);
        if (sink is not null)
        {
            _judged.Add(block);
        }
        else
        {
            block.Reset();
            _free.Add(block);
        }

        if (_gathering.After(frames, ports.Now()) is > 0 and int rest)
        {
            ports.Rest(rest);
        }
    }

    private void TickAt(long now)
    {
        if (now >= _nextTick)
        {
            _nextTick = now + TickEvery;
            forwarding.Tick(now);
            _ = FlushAll();    // the network's own questions and advertisements: no frame that was received
        }
    }

    /// <returns>Frames that ports had taken and the system refused, since the last call: ports also flush by themselves, when they are full.</returns>
    private long FlushAll()
    {
        long refused = 0;
        for (int port = 0; port < ports.Ports.Count; port++)
        {
            ILivePort one = ports.Ports[port];
            one.Flush();
            refused += one.Counters.Refused;
        }

        long before = _refused;
        _refused = refused;
        return refused - before;
    }

    private void Write(IPacketSink to, CancellationTokenSource stop)
    {
        try
        {
            while (_judged.TryTake(out PacketBlock? block))
            {
                to.Write(block);
                block.Reset();
                _free.Add(block);
            }
        }
        catch (Exception failure)
        {
            // A full disk, for one: the run ends, and says so.
            _failure = ExceptionDispatchInfo.Capture(failure);
            stop.Cancel();
            _free.Complete();
        }
    }
}
