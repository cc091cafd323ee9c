using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using Dataplane.Compiler;
using Dataplane.Engine;
using Dataplane.Live;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Tests.Semantics;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Live;

/// <summary>The loop of a live run, with interfaces in memory.</summary>
public sealed class LiveLoopTests : IDisposable
{
    private const long Start = 1_700_000_000L * 1_000_000_000;

    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(20);

    private readonly List<byte[]> _sent = [];
    private readonly MemoryPort _a;
    private readonly MemoryPort _b;
    private readonly MemoryPorts _ports;
    private readonly NetworkEngine _engine;
    private readonly Bridge _bridge;
    private readonly CancellationTokenSource _end = new();

    public LiveLoopTests()
    {
        _a = new MemoryPort("a", frame => _sent.Add(frame.ToArray()));
        _b = new MemoryPort("b", frame => _sent.Add(frame.ToArray()));
        _ports = new MemoryPorts(_a, _b);
        _ports.SetNow(Start);
        _engine = NetworkEngine.Build(NetworkBuilder.Network(ConnectionTrackingTests.Text("in udp 53 198.51.100.0/24")), JudgeOptions.Default with { Causal = false });
        _bridge = new Bridge(_a, _b, NonIpPolicy.Pass, -1, _engine.Plan, _engine.Judge.Tables.Paths);
    }

    [Fact]
    public void Every_frame_is_judged_once_numbered_in_order_and_has_a_fate()
    {
        Recorder sink = new();
        LiveLoop loop = new(_ports, _bridge, _engine.Judge, Prepare, sink);
        for (int i = 0; i < 3_000; i++)
        {
            _a.Arrive(Start + i, Udp("198.51.100.7", "10.0.1.10", i % 3 == 0 ? 53 : 54));
        }

        RunUntil(loop, () => loop.Received == 3_000);
        Assert.Equal(Enumerable.Range(1, 3_000).Select(n => (long)n), sink.Numbers);
        Assert.Equal(3_000, _bridge.Fates.Total);
        Assert.Equal((1_000, 2_000), (_bridge.Fates[LiveFate.Forwarded], _bridge.Fates[LiveFate.Dropped]));
        Assert.Equal(1_000, _sent.Count);
        Assert.True(sink.IsComplete);
        Assert.All(sink.Epochs, epoch => Assert.Equal(1, epoch));
    }

    [Fact]
    public void REL_14_What_is_posted_is_done_between_two_blocks()
    {
        Recorder sink = new();
        LiveLoop loop = new(_ports, _bridge, _engine.Judge, Prepare, sink);
        NextNetwork next = _engine.Next(NetworkBuilder.Network(ConnectionTrackingTests.Text("in udp 54 198.51.100.0/24")));
        Thread feeder = new(() =>
        {
            for (int i = 0; i < 20_000; i++)
            {
                _a.Arrive(Start + i, Udp("198.51.100.7", "10.0.1.10", 54, 10_000 + i));
                if (i == 10_000)
                {
                    SpinWait.SpinUntil(() => loop.Received >= 1_000, Longest);    // some are judged by the first policy
                    loop.Post(() =>
                    {
                        _engine.Judge.Adopt(next.Policy, _ports.Now());
                        _bridge.Adopt(next.Policy.Plan);
                        loop.Epoch++;
                    });
                }
            }
        });
        feeder.Start();
        RunUntil(loop, () => loop.Received == 20_000);
        feeder.Join();

        // Before: denied; after: allowed; nothing between, and the epoch says which.
        Assert.Equal(20_000, sink.Epochs.Count);
        Assert.Equal([1, 2], sink.Epochs.Distinct());
        Assert.Equal(sink.Epochs.Select(e => e == 1 ? Verdict.Deny : Verdict.Allow), sink.Paths.Select(p => _engine.Judge.Tables.Paths[p].Verdict));
        Assert.Equal(_sent.Count, sink.Epochs.Count(e => e == 2));
    }

    [Fact]
    public void A_slow_sink_holds_the_packets_up_and_loses_none()
    {
        using ManualResetEventSlim gate = new(false);
        Recorder sink = new() { Gate = gate };
        LiveLoop loop = new(_ports, _bridge, _engine.Judge, Prepare, sink);
        int fed = 0;
        Timer feeder = new(
            _ =>
            {
                // One frame at a time, so that each is a block.
                if (_a.Arriving == 0 && fed < 200)
                {
                    _a.Arrive(Start + fed, Udp("198.51.100.7", "10.0.1.10", 53));
                    fed++;
                    _ports.Wake();
                }
                else if (_a.Arriving > 0 || fed == 200)
                {
                    gate.Set();
                }
            },
            null, 0, 1);
        try
        {
            RunUntil(loop, () => loop.Received == 200);
        }
        finally
        {
            using ManualResetEvent stopped = new(false);
            feeder.Dispose(stopped);
            stopped.WaitOne(Longest);
        }

        Assert.Equal(200, sink.Numbers.Count);
    }

    [Fact]
    public void A_sink_that_fails_ends_the_run_with_what_it_threw()
    {
        LiveLoop loop = new(_ports, _bridge, _engine.Judge, Prepare, new Recorder { Failure = new IOException("No space left on device") });
        _a.Arrive(Start, Udp("198.51.100.7", "10.0.1.10", 53));
        Assert.Equal("No space left on device", Assert.Throws<IOException>(() => loop.Run(_end.Token)).Message);
    }

    [Theory]
    [InlineData(10_000, true)]       // 100,000 a second: more come while it rests
    [InlineData(1_000_000, false)]    // 1,000 a second: each goes on at once
    public void The_loop_rests_only_while_frames_come_fast(int nanosecondsApart, bool rests)
    {
        const int frames = 1_000;
        LiveLoop loop = new(_ports, _bridge, _engine.Judge, Prepare, null);
        int fed = 0;
        void Feed()
        {
            _ports.SetNow(Start + (fed * (long)nanosecondsApart));
            _a.Arrive(_ports.Now(), Udp("198.51.100.7", "10.0.1.10", 53));
            if (++fed < frames)
            {
                loop.Post(Feed);
            }
        }

        loop.Post(Feed);
        RunUntil(loop, () => loop.Received == frames);
        Assert.Equal(frames, _sent.Count);
        if (rests)
        {
            // All rounds but those of the first window, in which the rate is not known.
            Assert.InRange(_ports.Rests, frames * 8 / 10, frames);
        }
        else
        {
            Assert.Equal(0, _ports.Rests);
        }
    }

    [Fact]
    public void Where_frames_come_fast_an_empty_look_rests_before_it_waits()
    {
        // Rounds with as many frames as are wanted never rest; the look that then finds nothing does.
        const int rounds = 20;
        LiveLoop loop = new(_ports, _bridge, _engine.Judge, Prepare, null);
        int fed = 0, restsWhileFed = -1;
        void Feed()
        {
            restsWhileFed = _ports.Rests;
            for (int i = 0; i < Gathering.Wanted; i++)
            {
                _ports.SetNow(Start + (fed++ * 1_000L));
                _a.Arrive(_ports.Now(), Udp("198.51.100.7", "10.0.1.10", 53));
            }

            if (fed < rounds * Gathering.Wanted)
            {
                loop.Post(Feed);
            }
        }

        loop.Post(Feed);
        RunUntil(loop, () => loop.Received == rounds * Gathering.Wanted && _ports.Rests > 0);
        Assert.Equal((0, rounds * Gathering.Wanted), (restsWhileFed, _sent.Count));
    }

    [Fact]
    public void Ports_that_are_flooded_do_not_keep_others_from_being_served()
    {
        // Two ports that always have as many frames as fill a block, and two with a frame now and then.
        const int most = 20_000;
        MemoryPort[] ports = [.. Enumerable.Range(0, 4).Select(i => new MemoryPort($"p{i}"))];
        using MemoryPorts four = new(ports);
        four.SetNow(Start);
        Arrivals arrivals = new(ports.Length);
        LiveLoop loop = new(four, arrivals, _engine.Judge, Prepare, null);
        byte[] frame = Udp("198.51.100.7", "10.0.1.10", 53);
        int sent = 0;
        void Flood()
        {
            for (int i = 0; i < PacketBlock.Capacity; i++)
            {
                ports[i % 2].Arrive(Start, frame);
            }

            for (int port = 2; port < ports.Length && sent < 20; port++, sent++)
            {
                ports[port].Arrive(Start, frame);
            }

            if (loop.Received > most)
            {
                _end.Cancel();
            }
            else
            {
                loop.Post(Flood);
            }
        }

        loop.Post(Flood);
        loop.Run(_end.Token);
        Assert.Equal((10, 10), (arrivals.ByPort[2], arrivals.ByPort[3]));
        Assert.All(arrivals.ByPort[..2], frames => Assert.InRange(frames, most / 3, most));
    }

    [Fact]
    public void Time_passes_for_what_is_due_also_when_no_packet_comes()
    {
        Ticks ticks = new(_bridge);
        LiveLoop loop = new(_ports, ticks, _engine.Judge, Prepare, null);
        loop.Post(() => _ports.SetNow(Start + 1_000_000_000));
        RunUntil(loop, () => ticks.Last == Start + 1_000_000_000);
        Assert.NotEqual(0, ticks.Count);
    }

    public void Dispose()
    {
        _engine.Dispose();
        _ports.Dispose();
        _end.Dispose();
    }

    private void RunUntil(LiveLoop loop, Func<bool> isDone)
    {
        DateTime deadline = DateTime.UtcNow + Longest;
        void Look()
        {
            if (isDone() || DateTime.UtcNow > deadline)
            {
                _end.Cancel();
            }
            else
            {
                loop.Post(Look);
            }
        }

        loop.Post(Look);
        loop.Run(_end.Token);
        Assert.True(isDone(), "it did not come to its end in time");
    }

    private static void Prepare(PacketBlock block)
    {
        HeaderParser.ParseBlock(block, null);
        block.Selected.AsSpan(0, block.Count).Fill(true);
    }

    private static byte[] Udp(string source, string destination, int port, int sourcePort = 9)
    {
        byte[] frame = new byte[60];
        frame[12] = 8;
        frame[14] = 0x45;
        frame[17] = 46;
        frame[22] = 64;
        frame[23] = 17;
        System.Net.IPAddress.Parse(source).GetAddressBytes().CopyTo(frame, 26);
        System.Net.IPAddress.Parse(destination).GetAddressBytes().CopyTo(frame, 30);
        (frame[34], frame[35], frame[36], frame[37], frame[39]) = ((byte)(sourcePort >> 8), (byte)sourcePort, (byte)(port >> 8), (byte)port, 26);
        return frame;
    }

    private sealed class Recorder : IPacketSink
    {
        public List<long> Numbers { get; } = [];

        public List<int> Epochs { get; } = [];

        public List<int> Paths { get; } = [];

        public ManualResetEventSlim? Gate { get; init; }

        public Exception? Failure { get; init; }

        public bool IsComplete { get; private set; }

        public void Write(PacketBlock block)
        {
            Gate?.Wait(Longest);
            if (Failure is not null)
            {
                throw Failure;
            }

            for (int i = 0; i < block.Count; i++)
            {
                Numbers.Add(block.FirstNumber + i);
                Epochs.Add(block.Epoch);
                Paths.Add(block.Results[i].Path);
            }
        }

        public void Complete() => IsComplete = true;
    }

    private sealed class Arrivals(int ports) : IForwarding
    {
        public int[] ByPort { get; } = new int[ports];

        public LiveFates Fates { get; } = new();

        public void Arrived(PacketBlock block)
        {
            for (int i = 0; i < block.Count; i++)
            {
                ByPort[block.Packets[i].CaptureInterface]++;
            }
        }

        public void Judged(PacketBlock block)
        {
        }

        public void Tick(long now)
        {
        }
    }

    private sealed class Ticks(IForwarding inner) : IForwarding
    {
        public int Count { get; private set; }

        public long Last { get; private set; }

        public LiveFates Fates => inner.Fates;

        public void Arrived(PacketBlock block) => inner.Arrived(block);

        public void Judged(PacketBlock block) => inner.Judged(block);

        public void Tick(long now)
        {
            Count++;
            Last = now;
        }
    }
}
