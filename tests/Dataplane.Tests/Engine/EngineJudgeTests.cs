using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using Dataplane.Compiler;
using Dataplane.Engine;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Dataplane.Topology.Model;
using Xunit;

namespace Dataplane.Tests.Engine;

/// <summary>Blocks, batches, workers, counters, limits.</summary>
public sealed class EngineJudgeTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 2)]
    [InlineData(2, 128)]
    [InlineData(4, 128)]
    [InlineData(4, 1)]
    [InlineData(64, 7)]
    public void REL_34_REL_40_Records_depend_neither_on_workers_nor_on_batches(int workers, int batchSize)
    {
        Network network = RandomTraffic.Network(RandomTraffic.Wide);
        for (int seed = 1; seed <= 6; seed++)
        {
            Random random = new(seed);
            JudgeOptions options = RandomTraffic.Options(random) with { MaxFlows = 1_048_576 };
            List<TimedPacket> traffic = RandomTraffic.Packets(random, 3000, isMonotonic: seed % 2 == 0);
            using NetworkEngine one = NetworkEngine.Build(network, options);
            using NetworkEngine many = NetworkEngine.Build(network, options, workers, batchSize: batchSize);
            List<Outcome> expected = Judge(one.Judge, traffic, PacketBlock.Capacity), actual = Judge(many.Judge, traffic, 317);
            for (int i = 0; i < traffic.Count; i++)
            {
                Assert.Equal((seed, i, expected[i]), (seed, i, actual[i]));
            }

            Assert.Equal(one.Judge.Counters.Packets, many.Judge.Counters.Packets);
            Assert.Equal(one.Judge.Counters.Bytes, many.Judge.Counters.Bytes);
            Assert.Equal(one.Judge.UnplacedBehind, many.Judge.UnplacedBehind);
            Assert.False(many.Judge.IsCapped);
        }
    }

    [Fact]
    public void REL_33_Packets_in_are_packets_judged_exactly()
    {
        List<TimedPacket> traffic = RandomTraffic.Packets(new Random(11), 9000);
        using NetworkEngine engine = NetworkEngine.Build(RandomTraffic.Network(RandomTraffic.Wide), JudgeOptions.Default, workers: 2);
        List<Outcome> outcomes = Judge(engine.Judge, traffic, PacketBlock.Capacity);
        Counters counters = engine.Judge.Counters;
        Assert.Equal(traffic.Count, counters.Total);
        Assert.Equal(traffic.Sum(packet => packet.Packet.WireLength), counters.Bytes.Sum());
        foreach (Verdict verdict in Enum.GetValues<Verdict>())
        {
            Assert.Equal(outcomes.Count(outcome => outcome.Verdict == verdict), counters.Packets[(int)verdict]);
            Assert.NotEqual(0, counters.Packets[(int)verdict]);
        }

        Assert.NotEqual(0, counters.Hits);
    }

    [Fact]
    public void REL_03_REL_04_Flow_L_is_tracked_flow_L_plus_1_denied_and_established_ones_keep_working()
    {
        using NetworkEngine engine = Engine(JudgeOptions.Default with { MaxFlows = 100 });
        for (int i = 0; i < 100; i++)
        {
            Assert.Equal("Allow New", One(engine.Judge, $"tcp 10.0.1.10:{1000 + i} > 10.0.2.20:443 S", 1));
        }

        for (int i = 100; i < 400; i++)
        {
            Assert.Equal("Deny TRACKING_TABLE_FULL", One(engine.Judge, $"tcp 10.0.1.10:{1000 + i} > 10.0.2.20:443 S", 2));
        }

        for (int i = 0; i < 100; i++)
        {
            Assert.Equal("Allow Established", One(engine.Judge, $"tcp 10.0.2.20:443 > 10.0.1.10:{1000 + i} SA", 3));
        }

        Assert.Equal((100, 300L, true), (engine.Judge.Flows, engine.Judge.Counters.TableFull, engine.Judge.IsCapped));

        // Half-open ones live 60 s after the SYN-ACK; then there is room again.
        Assert.Equal("Deny TRACKING_TABLE_FULL", One(engine.Judge, "tcp 10.0.1.10:9000 > 10.0.2.20:443 S", 62.999));
        Assert.Equal("Allow New", One(engine.Judge, "tcp 10.0.1.10:9000 > 10.0.2.20:443 S", 63));
    }

    [Fact]
    public void CT_24_A_denied_packet_leaves_no_reservation_behind()
    {
        using NetworkEngine engine = Engine(JudgeOptions.Default with { MaxFlows = 1, Causal = false });
        for (int i = 0; i < 50; i++)
        {
            Assert.Equal("Deny ENI_SG_RULES_MISMATCH", One(engine.Judge, $"tcp 10.0.1.10:{1000 + i} > 10.0.2.20:80 S", 1));
        }

        Assert.Equal(0, engine.Judge.Flows);
        Assert.Equal("Allow New", One(engine.Judge, "tcp 10.0.1.10:1 > 10.0.2.20:443 S", 1));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2_147_483_648)]
    [InlineData(4_294_967_296)]
    [InlineData(-1_000_000_000)]
    public void REL_16_R_07_Timers_end_on_the_nanosecond_wherever_the_clock_stands(long start)
    {
        using NetworkEngine engine = Engine(JudgeOptions.Default with { Causal = false });
        string call = "udp 10.0.1.10:5000 > 10.0.2.20:53", answer = "udp 10.0.2.20:53 > 10.0.1.10:5000";
        long at = start * 1_000_000_000;
        Assert.Equal("Allow New", OneAt(engine.Judge, call, at));
        Assert.Equal("Allow Established", OneAt(engine.Judge, answer, at + 29_999_999_999));
        Assert.Equal("Allow Established", OneAt(engine.Judge, call, at + 10));    // backwards: last does not move back
        Assert.Equal("Deny ENI_SG_RULES_MISMATCH", OneAt(engine.Judge, answer, at + 29_999_999_999 + 30_000_000_000));
        Assert.Equal("Allow New", OneAt(engine.Judge, call, at + 432_000_000_000_000));
    }

    [Fact]
    public void REL_16_The_last_moment_of_the_clock_is_a_moment_like_others()
    {
        using NetworkEngine engine = Engine(JudgeOptions.Default);
        Assert.Equal("Allow New", OneAt(engine.Judge, "udp 10.0.1.10:5000 > 10.0.2.20:53", long.MaxValue));
        Assert.Equal("Allow Established", OneAt(engine.Judge, "udp 10.0.2.20:53 > 10.0.1.10:5000", long.MaxValue));
        Assert.Equal("Allow Established", OneAt(engine.Judge, "udp 10.0.2.20:53 > 10.0.1.10:5000", long.MinValue));
    }

    [Fact]
    public void Established_packets_allocate_nothing()
    {
        // The first rounds make flows and count them up to the states in which they stay.
        const int Settled = 4;
        using Process process = Process.Start(new ProcessStartInfo("dotnet", [typeof(SteadyState).Assembly.Location]) { RedirectStandardOutput = true })!;
        string[] rounds = process.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(process.WaitForExit(120_000));
        Assert.Equal((0, SteadyState.Rounds), (process.ExitCode, rounds.Length));
        Assert.All(rounds.Skip(Settled), round => Assert.Equal($"0 {SteadyState.Hits}", round));
    }

    [Fact]
    public void R_01_A_cached_decision_ends_with_the_slot_it_rests_on()
    {
        using NetworkEngine engine = Engine(JudgeOptions.Default with { Causal = false });
        string call = "tcp 10.0.1.10:5000 > 10.0.2.20:443", answer = "tcp 10.0.2.20:443 > 10.0.1.10:5000";
        Assert.Equal("Allow New", One(engine.Judge, call + " S", 0));
        for (int i = 0; i < 4; i++)
        {
            Assert.Equal("Allow Established", One(engine.Judge, answer + " SA", 1));
            Assert.Equal("Allow Established", One(engine.Judge, call + " A", 1));
        }

        Assert.Equal("Allow Established", One(engine.Judge, call + " R", 2));
        Assert.Equal("Allow Established", One(engine.Judge, answer + " A", 11.999));
        Assert.Equal("Deny ENI_SG_RULES_MISMATCH", One(engine.Judge, answer + " A", 22));
        Assert.Equal("Allow New", One(engine.Judge, call + " S", 22));
        Assert.Equal("Allow Established", One(engine.Judge, call + " R", 22));
        Assert.Equal("Allow New", One(engine.Judge, call + " S", 23));
    }

    [Fact]
    public void R_41_Two_first_fragments_and_later_ones_in_one_block_keep_apart()
    {
        using NetworkEngine engine = Engine(JudgeOptions.Default, workers: 4);
        List<TimedPacket> traffic =
        [
            Packet("udp 10.0.1.10:5000 > 10.0.2.20:53 first 7", 0),
            Packet("udp 10.0.1.10:5000 > 10.0.2.20:53 later 7", 0),
            Packet("udp 10.0.1.10:5001 > 10.0.2.20:80 first 7", 1),
            Packet("udp 10.0.1.10:5000 > 10.0.2.20:53 later 7", 1),
            Packet("udp 10.0.1.10:5000 > 10.0.2.20:53 later 8", 1),
        ];
        string[] said = [.. Judge(engine.Judge, traffic, PacketBlock.Capacity).Select(Say)];
        Assert.Equal(["Allow New", "Allow New", "Deny ENI_SG_RULES_MISMATCH", "Deny ENI_SG_RULES_MISMATCH", "Deny ENI_SG_RULES_MISMATCH"], said);
        Assert.Equal("Deny ENI_SG_RULES_MISMATCH", One(engine.Judge, "udp 10.0.1.10:5000 > 10.0.2.20:53 later 7", 30.999));
        Assert.Equal(3, engine.Judge.Counters.Fragments);
        Assert.Equal("Deny ENI_SG_RULES_MISMATCH", One(engine.Judge, "udp 10.0.1.10:5000 > 10.0.2.20:53 later 7", 31));
        Assert.Equal(3, engine.Judge.Counters.Fragments);
    }

    [Fact]
    public void R_41_65536_datagrams_are_remembered_and_the_oldest_goes_first()
    {
        FragmentMemory memory = new(new PathTable());
        Headers packet = PacketText.Parse("udp 10.0.1.10:5000 > 10.0.2.20:53 first 0").Headers;
        for (uint id = 0; id < FragmentMemory.Datagrams; id++)
        {
            packet.FragmentId = id;
            memory.Remember(packet, 0, 0);
        }

        packet.FragmentId = 0;
        Assert.NotEqual(-1, memory.Find(packet, 0, out _));
        int again = memory.Remember(packet, 1, 9);    // now the newest
        packet.FragmentId = 1_000_000;
        int fresh = memory.Remember(packet, 1, 0);
        Assert.NotEqual(again, fresh);
        Assert.Equal((FragmentMemory.Datagrams, 1L), (memory.Count, memory.Dropped));
        packet.FragmentId = 1;
        Assert.Equal(-1, memory.Find(packet, 0, out _));
        packet.FragmentId = 0;
        Assert.Equal(again, memory.Find(packet, 0, out int shard));
        Assert.Equal(9, shard);
        Assert.Equal(-1, memory.Find(packet, FragmentMemory.Lifetime + 1, out _));
    }

    [Fact]
    public void A_full_path_table_changes_no_record()
    {
        ResultTables tables = new();
        using NetworkEngine engine = NetworkEngine.Build(NetworkBuilder.Network(Topology), JudgeOptions.Default, tables: tables);
        using NetworkEngine roomy = Engine(JudgeOptions.Default);
        for (int rule = 0; tables.Paths.Count < PathTable.MaxPaths; rule++)
        {
            tables.Paths.Intern(Verdict.Deny, DenyReason.None, FlowState.Related, rule, []);
        }

        List<TimedPacket> traffic = [];
        for (int i = 0; i < 300; i++)
        {
            traffic.Add(Packet($"udp 10.0.1.10:5000 > 10.0.2.20:53 first {i}", i * 0.001));
            traffic.Add(Packet("udp 10.0.2.20:53 > 10.0.1.10:5000", i * 0.001));
            traffic.Add(Packet($"udp 10.0.1.10:5000 > 10.0.2.20:53 later {i}", i * 0.001));
            traffic.Add(Packet($"tcp 8.8.8.8:{i + 1} > 203.0.113.10:80 S", i * 0.001));
        }

        Assert.Equal(Judge(roomy.Judge, traffic, PacketBlock.Capacity), Judge(engine.Judge, traffic, PacketBlock.Capacity));
        Assert.NotEqual(0, tables.Paths.Spilled);
        Assert.Equal(PathTable.MaxPaths, tables.Paths.Count);
        Assert.StartsWith("More than 1,048,576 paths through the topology were met: ", Assert.Single(Analysis.EngineNotes.Of(engine.Judge)), System.StringComparison.Ordinal);
        Assert.Empty(Analysis.EngineNotes.Of(roomy.Judge));
    }

    [Fact]
    public void What_is_not_enforced_is_counted_by_what_it_is()
    {
        using NetworkEngine engine = NetworkEngine.Build(NetworkBuilder.Network(Topology + """

            vgw vgw-1 vpc-1 192.168.0.0/16
            eni eni-n sub-a 10.0.1.200=203.0.113.200 of=nat-1
            """), JudgeOptions.Default, workers: 2);
        Judge(
            engine.Judge,
            [
                Packet("tcp 8.8.8.8:9 > 203.0.113.200:22 S", 0), Packet("tcp 10.0.1.200:9 > 10.0.1.10:22 S", 0), Packet("udp 10.0.1.10:9 > 10.0.1.200:22", 0),
                Packet("tcp 192.168.1.1:9 > 10.0.1.10:80 S", 0), Packet("tcp 10.0.1.99:9 > 10.0.1.10:80 S", 0),
            ],
            PacketBlock.Capacity);
        Assert.Equal(
            [
                "nat-1: 3 packets would leave from or arrive at this component, which is not enforced yet. They are unplaced.",
                "vgw-1: 1 packet would enter through this gateway, which is not enforced yet. It is unplaced.",
            ],
            Analysis.EngineNotes.Of(engine.Judge));
    }

    [Fact]
    public void A_failing_filter_fails_the_judge_whichever_worker_met_it()
    {
        using NetworkEngine engine = Engine(JudgeOptions.Default, workers: 4);
        for (int slot = 0; slot < engine.Filters.Count; slot++)
        {
            engine.Filters.Replace(slot, new Failing());
        }

        PacketBlock block = new();
        Fill(block, [.. Enumerable.Range(0, 64).Select(i => Packet($"tcp 10.0.1.10:{1000 + i} > 10.0.2.20:443 S", 0))]);
        Assert.Throws<NotSupportedException>(() => engine.Judge.Judge(block));
    }

    private const string Topology = """
        vpc vpc-1 10.0.0.0/16
        igw igw-1 vpc-1
        rtb rtb-a vpc-1
          0.0.0.0/0 igw-1
        subnet sub-a vpc-1 10.0.1.0/24 rtb=rtb-a
        subnet sub-b vpc-1 10.0.2.0/24
        sg sg-a vpc-1
          in tcp 80 0.0.0.0/0
          out all 0.0.0.0/0
        sg sg-b vpc-1
          in tcp 443 sg-a
          in udp 53 sg-a
        eni eni-a sub-a 10.0.1.10=203.0.113.10 sg=sg-a
        eni eni-b sub-b 10.0.2.20 sg=sg-b
        """;

    private static NetworkEngine Engine(JudgeOptions options, int workers = 1) => NetworkEngine.Build(NetworkBuilder.Network(Topology), options, workers);

    private static TimedPacket Packet(string text, double seconds)
    {
        TestPacket packet = PacketText.Parse(text);
        return new TimedPacket(packet.Headers, packet.Quote, 1_000_000_000_000_000 + (long)(seconds * 1_000_000_000));
    }

    private static string One(EngineJudge judge, string text, double seconds) => OneAt(judge, text, Packet(text, seconds).Time);

    private static string OneAt(EngineJudge judge, string text, long time) => Say(Judge(judge, [Packet(text, 0) with { Time = time }], 1)[0]);

    private static string Say(Outcome outcome) => outcome.Verdict == Verdict.Deny ? $"Deny {outcome.Reason}" : $"{outcome.Verdict} {outcome.State}";

    private static List<Outcome> Judge(EngineJudge judge, List<TimedPacket> traffic, int blockSize)
    {
        PacketBlock block = new();
        List<Outcome> outcomes = [];
        for (int start = 0; start < traffic.Count; start += blockSize)
        {
            Fill(block, traffic.GetRange(start, Math.Min(blockSize, traffic.Count - start)));
            judge.Judge(block);
            for (int i = 0; i < block.Count; i++)
            {
                outcomes.Add(judge.Tables.Describe(block.Results[i]));
            }
        }

        return outcomes;
    }

    private static void Fill(PacketBlock block, List<TimedPacket> traffic)
    {
        block.Reset();
        foreach (TimedPacket packet in traffic)
        {
            block.Headers[block.Count] = packet.Packet;
            block.Quotes[block.Count] = packet.Quote;
            block.Add(packet.Time, 0, packet.Packet.WireLength, LinkType.Raw, 0);
        }
    }

    private sealed class Failing : Dataplane.Filters.Filter
    {
        public override Dataplane.Filters.Decision Decide(in Headers packet) => throw new NotSupportedException();
    }
}
