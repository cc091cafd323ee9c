using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using Dataplane.Compiler;
using Dataplane.Engine;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Dataplane.Topology.Model;
using Xunit;

namespace Dataplane.Tests.Engine;

/// <summary>Several workers on one stream of blocks: through the pipeline, with sources and sinks that behave and that do not.</summary>
public sealed class CrewTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly Network Wide = RandomTraffic.Network(RandomTraffic.Wide);

    [Theory]
    [InlineData(2, 512, true)]
    [InlineData(2, 3, true)]
    [InlineData(3, 100, false)]
    [InlineData(64, 17, true)]
    public void REL_34_REL_40_A_crew_gives_the_records_of_one_worker_in_capture_order(int workers, int blockSize, bool writes)
    {
        for (int seed = 1; seed <= 3; seed++)
        {
            Random random = new(seed);
            JudgeOptions options = RandomTraffic.Options(random) with { MaxFlows = 1_048_576 };
            List<TimedPacket> traffic = RandomTraffic.Packets(random, 4_000);
            (List<Outcome> expected, _) = Run(new Source(traffic, 512), options, 1);
            (List<Outcome> actual, Counters counters) = Run(new Source(traffic, blockSize), options, workers, writes);
            Assert.Equal(traffic.Count, counters.Total);
            if (writes)
            {
                Assert.Equal(expected, actual);
            }
        }
    }

    [Fact]
    public void Fragments_find_their_firsts_over_many_small_blocks_and_workers()
    {
        // Each identification is used again and again, so places leave while blocks that still read them are under way.
        List<TimedPacket> traffic = [];
        for (int i = 0; i < 6_000; i++)
        {
            string kind = (i % 3) switch { 0 => "first", _ => "later" };
            string from = i / 3 % 2 == 0 ? "10.0.1.10" : "10.0.1.11";
            traffic.Add(Packet($"udp {from}:5000 > 10.0.2.20:{(i / 3 % 5 == 0 ? 53 : 54)} {kind} {i / 3 % 7}", i * 0.000_1));
        }

        (List<Outcome> expected, Counters one) = Run(new Source(traffic, 512), JudgeOptions.Default, 1);
        Assert.NotEqual(0, one.Fragments);
        for (int round = 0; round < 5; round++)
        {
            (List<Outcome> actual, Counters many) = Run(new Source(traffic, 5), JudgeOptions.Default, 4);
            Assert.Equal(expected, actual);
            Assert.Equal(one.Fragments, many.Fragments);
        }
    }

    [Fact]
    public void What_a_slow_sender_has_sent_is_judged_and_written_before_the_next_packet_comes()
    {
        List<TimedPacket> traffic = RandomTraffic.Packets(new Random(5), 40);
        Sink sink = new();
        using ManualResetEventSlim written = new();
        bool inTime = true;
        // The second block comes only when the first was written.
        Source source = new(traffic, 20)
        {
            MayWait = true,
            Before = block => inTime &= block == 0 || written.Wait(Patience),
        };
        sink.After = _ => written.Set();
        using NetworkEngine engine = NetworkEngine.Build(Wide, JudgeOptions.Default, workers: 2);
        Assert.True(new Pipeline(source, static _ => { }, engine.Judge, sink).Run(CancellationToken.None));
        Assert.True(inTime);
        Assert.Equal(40, sink.Results.Count);
    }

    [Fact]
    public void REL_33_A_source_that_breaks_loses_nothing_that_it_gave_before()
    {
        List<TimedPacket> traffic = RandomTraffic.Packets(new Random(7), 3_000);
        foreach (bool mayWait in (bool[])[false, true])
        {
            Sink sink = new();
            Source source = new(traffic, 100) { MayWait = mayWait, Before = block => { if (block == 20) { throw new InvalidDataException("cut"); } return true; } };
            using NetworkEngine engine = NetworkEngine.Build(Wide, JudgeOptions.Default, workers: 2);
            Pipeline pipeline = new(source, static _ => { }, engine.Judge, sink);
            Assert.Equal("cut", Assert.Throws<InvalidDataException>(() => pipeline.Run(CancellationToken.None)).Message);
            Assert.Equal(2_000, sink.Results.Count);
        }
    }

    [Fact]
    public void A_sink_that_breaks_ends_the_run_with_its_fault()
    {
        List<TimedPacket> traffic = RandomTraffic.Packets(new Random(8), 30_000);
        foreach (bool mayWait in (bool[])[false, true])
        {
            Sink sink = new() { After = block => { if (block == 3) { throw new IOException("full"); } } };
            using NetworkEngine engine = NetworkEngine.Build(Wide, JudgeOptions.Default, workers: 2);
            Pipeline pipeline = new(new Source(traffic, 100) { MayWait = mayWait }, static _ => { }, engine.Judge, sink);
            Assert.Equal("full", Assert.Throws<IOException>(() => pipeline.Run(CancellationToken.None)).Message);
        }
    }

    [Fact]
    public void A_cancelled_run_finishes_what_is_under_way_and_says_so()
    {
        List<TimedPacket> traffic = RandomTraffic.Packets(new Random(9), 30_000);
        foreach (bool mayWait in (bool[])[false, true])
        {
            using CancellationTokenSource cancel = new();
            Sink sink = new() { After = block => { if (block == 3) { cancel.Cancel(); } } };
            using NetworkEngine engine = NetworkEngine.Build(Wide, JudgeOptions.Default, workers: 2);
            Source source = new(traffic, 10) { MayWait = mayWait };
            Assert.False(new Pipeline(source, static _ => { }, engine.Judge, sink).Run(cancel.Token));
            Assert.Equal(engine.Judge.Counters.Total, sink.Results.Count);
            Assert.InRange(sink.Results.Count, 40, traffic.Count - 10);
        }
    }

    [Fact]
    public void A_worker_that_fails_ends_the_run_and_the_next_run_is_sound()
    {
        List<TimedPacket> traffic = RandomTraffic.Packets(new Random(10), 3_000);
        using NetworkEngine engine = NetworkEngine.Build(Wide, JudgeOptions.Default, workers: 3);
        Pipeline broken = new(new Source(traffic, 100), static block => { if (block.FirstNumber == 701) { throw new NotSupportedException("odd"); } }, engine.Judge, new Sink());
        Assert.Equal("odd", Assert.Throws<NotSupportedException>(() => broken.Run(CancellationToken.None)).Message);
        Sink sink = new();
        Assert.True(new Pipeline(new Source(traffic, 100), static _ => { }, engine.Judge, sink).Run(CancellationToken.None));
        Assert.Equal(3_000, sink.Results.Count);
    }

    [Fact]
    public void R_41_A_place_that_left_is_used_again_only_when_no_block_can_read_it()
    {
        FragmentMemory memory = new(new PathTable());
        Headers packet = PacketText.Parse("udp 10.0.1.10:5000 > 10.0.2.20:53 first 1").Headers;
        memory.NextBlock(0, 0);
        int first = memory.Remember(packet, 0, 0);
        memory.NextBlock(1, 0);
        int second = memory.Remember(packet, 0, 0);    // the first leaves in block 1
        memory.NextBlock(2, 1);
        int third = memory.Remember(packet, 0, 0);     // block 1 is not done: its packets may read the first's record
        memory.NextBlock(3, 2);
        int fourth = memory.Remember(packet, 0, 0);
        Assert.Equal(3, new HashSet<int> { first, second, third }.Count);
        Assert.Equal(first, fourth);
    }

    private static TimedPacket Packet(string text, double seconds)
    {
        TestPacket packet = PacketText.Parse(text);
        return new TimedPacket(packet.Headers, packet.Quote, 1_000_000_000_000_000 + (long)(seconds * 1_000_000_000));
    }

    private static (List<Outcome> Outcomes, Counters Counters) Run(Source source, JudgeOptions options, int workers, bool writes = true)
    {
        using NetworkEngine engine = NetworkEngine.Build(Wide, options, workers);
        Sink sink = new();
        Assert.True(new Pipeline(source, static _ => { }, engine.Judge, writes ? sink : null).Run(CancellationToken.None));
        return ([.. sink.Results.Select(r => engine.Judge.Tables.Describe(r))], engine.Judge.Counters);
    }

    private sealed class Source(List<TimedPacket> traffic, int blockSize) : IPacketSource
    {
        private int _next;
        private int _block;

        public bool MayWait { get; init; }

        /// <summary>Called with a block's number before it is read.</summary>
        public Func<int, bool> Before { get; init; } = static _ => true;

        public bool ReadBlock(PacketBlock block, CancellationToken cancellation)
        {
            cancellation.ThrowIfCancellationRequested();
            Before(_block++);
            block.FirstNumber = _next + 1;
            for (; _next < traffic.Count && block.Count < blockSize; _next++)
            {
                TimedPacket packet = traffic[_next];
                block.Headers[block.Count] = packet.Packet;
                block.Quotes[block.Count] = packet.Quote;
                block.Add(packet.Time, 0, packet.Packet.WireLength, LinkType.Raw, 0);
            }

            return block.Count > 0;
        }
    }

    private sealed class Sink : IPacketSink
    {
        private long _number = 1;
        private int _block;

        public List<PacketResult> Results { get; } = [];

        /// <summary>Called with a block's number after it was written.</summary>
        public Action<int> After { get; set; } = static _ => { };

        public void Write(PacketBlock block)
        {
            Assert.Equal(_number, block.FirstNumber);
            _number += block.Count;
            Results.AddRange(block.Results.AsSpan(0, block.Count));
            After(_block++);
        }

        public void Complete()
        {
        }
    }
}
