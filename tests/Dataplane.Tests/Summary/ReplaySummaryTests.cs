using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Analysis.Flows;
using Dataplane.Analysis.Summary;
using Dataplane.Compiler;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Tests.Engine;
using Dataplane.Topology.Model;
using Xunit;

namespace Dataplane.Tests.Summary;

/// <summary>Workers count apart what one plain loop over the packets counts: the same sums, rows, examples, flows, in the same order.</summary>
public sealed class ReplaySummaryTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 2)]
    [InlineData(2, 3)]
    [InlineData(3, 4)]
    [InlineData(4, 5)]
    [InlineData(4, 6)]
    [InlineData(64, 7)]
    public void REL_34_REL_40_Summaries_and_flow_records_do_not_depend_on_workers(int workers, int seed)
    {
        Network network = RandomTraffic.Network(RandomTraffic.Wide);
        for (int round = 0; round < 3; round++)
        {
            Random random = new(unchecked((seed * 100) + round));
            JudgeOptions options = RandomTraffic.Options(random) with { MaxFlows = 1_048_576 };
            List<TimedPacket> traffic = RandomTraffic.Packets(random, 3_000, isMonotonic: round % 2 == 0);
            foreach (int share in (int[])[1, 3])
            {
                bool[] selected = [.. traffic.Select(_ => random.Next(share) == 0)];
                PlainSummary expected = PlainSummary.Of(network, options, traffic, selected);
                ReplaySummary actual = Counted(network, options, workers, traffic, selected, out ResultTables tables);
                Assert.Equal((seed, round, expected.Text()), (seed, round, Text(actual, tables)));
                actual = Counted(network, options, workers, traffic, selected, out tables, keepAll: false);
                Assert.Equal((seed, round, expected.Text(withRecords: false)), (seed, round, Text(actual, tables)));
            }
        }
    }

    [Theory]
    [InlineData(1, 24, 1)]
    [InlineData(1, 24, 2)]
    [InlineData(1, 1_000, 3)]
    [InlineData(3, 1_000, 4)]
    [InlineData(2, 1_000, 5)]
    public void Long_connections_end_where_one_by_one_they_would(int workers, int mostFlows, int seed)
    {
        // More clients than the engine has entries in some cases, so that an entry goes from flow to flow; silences around every time-out.
        Network network = RandomTraffic.Network(RandomTraffic.Wide);
        Random random = new(seed);
        JudgeOptions options = JudgeOptions.Default with { MaxFlows = mostFlows };
        List<TimedPacket> traffic = [];
        long now = 1_700_000_000L * 1_000_000_000;
        for (int i = 0; i < 20_000; i++)
        {
            now += random.Next(400) switch
            {
                0 => 432_000L * 1_000_000_000,
                < 3 => random.Next(150, 190) * 1_000_000_000L,
                < 50 => random.Next(1_000_000_000),
                < 56 => random.Next(20, 41) * 1_000_000_000L,
                56 => -5_000_000,
                _ => random.Next(1_000_000),
            };
            int client = random.Next(40) + (i / 5_000 * 10);
            bool udp = client % 4 == 0, back = random.Next(2) == 0;
            IpAddress outside = IpAddress.V4(0x0808_0000u + (uint)client), inside = IpAddress.Parse("10.0.1.10");
            (ushort outsidePort, ushort insidePort) = ((ushort)(40_000 + client), (ushort)(udp ? 53 : 80));
            Headers packet = default;
            (packet.Source, packet.Destination) = back ? (inside, outside) : (outside, inside);
            (packet.SourcePort, packet.DestinationPort) = back ? (insidePort, outsidePort) : (outsidePort, insidePort);
            packet.Protocol = (byte)(udp ? 17 : 6);
            packet.TcpFlags = (byte)(udp ? 0 : random.Next(100) switch
            {
                0 => TcpFlag.Rst,
                1 or 2 => TcpFlag.Fin | TcpFlag.Ack,
                < 10 => back ? TcpFlag.Syn | TcpFlag.Ack : TcpFlag.Syn,
                _ => TcpFlag.Ack,
            });
            packet.Flags = HeaderFlags.PortsKnown;
            packet.WireLength = (uint)random.Next(60, 1_500);
            traffic.Add(new TimedPacket(packet, default, now));
        }

        foreach (int share in (int[])[1, 2])
        {
            bool[] selected = [.. traffic.Select(_ => random.Next(share) == 0)];
            string expected = PlainSummary.Of(network, options, traffic, selected).Text(withRecords: false);
            Assert.Contains("allow=", expected, StringComparison.Ordinal);
            Assert.Equal((share, expected), (share, Text(Counted(network, options, workers, traffic, selected, out ResultTables tables, keepAll: false), tables)));
        }
    }

    [Theory]
    [InlineData(1, true, 1)]
    [InlineData(1, false, 2)]
    [InlineData(3, false, 3)]
    [InlineData(2, true, 4)]
    public void Flows_that_are_refused_again_and_again_are_counted_as_one_by_one(int workers, bool causal, int seed)
    {
        // Few clients and many packets of each, most of them denied, both ways, with flags that end a connection and silences that do.
        Network network = RandomTraffic.Network(RandomTraffic.Wide);
        Random random = new(seed);
        JudgeOptions options = JudgeOptions.Default with { Causal = causal };
        List<TimedPacket> traffic = [];
        long now = 1_700_000_000L * 1_000_000_000;
        for (int i = 0; i < 20_000; i++)
        {
            now += random.Next(300) switch
            {
                0 => random.Next(20, 200) * 1_000_000_000L,
                1 => -5_000_000,
                _ => random.Next(1_000_000),
            };
            int client = random.Next(30);
            bool udp = client % 3 == 0, back = random.Next(4) == 0;
            IpAddress outside = IpAddress.V4(0x0808_0000u + (uint)(client / 2)), inside = IpAddress.Parse("10.0.1.10");
            (ushort outsidePort, ushort insidePort) = ((ushort)(40_000 + client), (ushort)(random.Next(200) == 0 ? 80 : 5_000 + (client % 5)));
            Headers packet = default;
            (packet.Source, packet.Destination) = back ? (inside, outside) : (outside, inside);
            (packet.SourcePort, packet.DestinationPort) = back ? (insidePort, outsidePort) : (outsidePort, insidePort);
            packet.Protocol = (byte)(udp ? 17 : 6);
            packet.TcpFlags = (byte)(udp ? 0 : random.Next(60) switch
            {
                0 => TcpFlag.Rst,
                1 => TcpFlag.Fin | TcpFlag.Ack,
                < 10 => TcpFlag.Ack,
                _ => TcpFlag.Syn,
            });
            packet.Flags = HeaderFlags.PortsKnown;
            packet.WireLength = (uint)random.Next(60, 1_500);
            traffic.Add(new TimedPacket(packet, default, now));
        }

        foreach (int share in (int[])[1, 2])
        {
            bool[] selected = [.. traffic.Select(_ => random.Next(share) == 0)];
            PlainSummary expected = PlainSummary.Of(network, options, traffic, selected);
            Assert.Contains("deny=", expected.Text(withRecords: false), StringComparison.Ordinal);
            Assert.Equal((share, expected.Text(withRecords: false)), (share, Text(Counted(network, options, workers, traffic, selected, out ResultTables tables, keepAll: false), tables)));
            Assert.Equal((share, expected.Text()), (share, Text(Counted(network, options, workers, traffic, selected, out tables), tables)));
        }
    }

    [Fact]
    public void A_flow_without_a_denied_packet_has_reason_rule_and_path_of_its_first_one_moot_or_not()
    {
        ResultTables tables = new();
        FlowRecorder recorder = new(tables, JudgeOptions.Default, address => address);
        Headers packet = new() { Protocol = 17, SourcePort = 1, DestinationPort = 2, SourceLow = 1, DestinationLow = 2, Flags = HeaderFlags.PortsKnown, WireLength = 60 };
        PacketResult allowed = PacketResult.Bare(tables.Paths.Intern(Verdict.Allow, DenyReason.None, FlowState.New, tables.Names.Intern("sg-1/egress/1"), [tables.Names.Intern("sg-1/egress/1")]));
        FlowRecord flow = recorder.Add(0, packet, PacketResult.Bare(PathTable.Moot))!;
        Assert.Same(flow, recorder.Add(1, packet, allowed));
        Assert.Equal(("allow", 1, PathTable.Moot), (flow.VerdictText, flow.Moot, flow.Result.Path));
    }

    [Fact]
    public void What_finds_no_room_in_a_row_is_the_same_for_every_number_of_workers()
    {
        // A scan of all ports of two hosts, twice: rows show 4,096 ports, the first ones.
        List<TimedPacket> traffic = [];
        for (int i = 0; i < 40_000; i++)
        {
            Headers packet = default;
            packet.Source = IpAddress.V4(0xC633_6400u + (uint)(i % 5_000));
            packet.Destination = IpAddress.Parse("10.0.1.10");
            packet.Protocol = 6;
            packet.SourcePort = 40_000;
            packet.DestinationPort = (ushort)(1 + (i * 7 % 20_000));
            packet.TcpFlags = TcpFlag.Syn;
            packet.Flags = HeaderFlags.PortsKnown;
            packet.WireLength = 60;
            traffic.Add(new TimedPacket(packet, default, 1_700_000_000L * 1_000_000_000 + i));
        }

        bool[] selected = new bool[traffic.Count];
        Array.Fill(selected, true);
        Network network = RandomTraffic.Network(RandomTraffic.Small);
        string one = Text(Counted(network, JudgeOptions.Default, 1, traffic, selected, out ResultTables tables), tables);
        Assert.Contains(" 4096 ports 4096 sources ", one, StringComparison.Ordinal);
        foreach (int workers in (int[])[2, 4])
        {
            Assert.Equal(one, Text(Counted(network, JudgeOptions.Default, workers, traffic, selected, out tables), tables));
        }
    }

    [Fact]
    public void REL_03_A_summary_that_is_full_makes_room_from_flows_that_timed_out_and_keeps_those_that_live()
    {
        const int Fresh = 2_000, Busy = 10;
        const long Start = 1_700_000_000L * 1_000_000_000, Second = 1_000_000_000;
        ResultTables tables = new();
        ReplaySummary summary = new(tables, JudgeOptions.Default, 1, keepAll: false);
        using NetworkEngine engine = NetworkEngine.Build(RandomTraffic.Network(RandomTraffic.Small), JudgeOptions.Default, 1, tables, observers: summary.Observer);
        PacketBlock block = new() { FirstNumber = 1 };
        Send(0, ReplaySummary.MostFlows, Start);
        Assert.Equal(0, summary.FlowsOverflowed);
        for (int i = 0; i < 3; i++)
        {
            Send(ReplaySummary.MostFlows, 1, Start);    // none has timed out
        }

        Assert.Equal(1, summary.FlowsOverflowed);    // one flow, however many packets it has
        Send(0, Busy, Start + (20 * Second));
        Send(ReplaySummary.MostFlows + 1, Fresh, Start + (31 * Second));    // all have, but the busy ones, which the new ones look at first
        Assert.Equal(1, summary.FlowsOverflowed);
        Send(0, Busy, Start + (40 * Second));
        Send(Busy, 1, Start + (40 * Second));    // its flow has ended, and one more begins
        summary.Complete();
        Assert.Equal(ReplaySummary.MostFlows + 1 + Fresh + 1, summary.Flows.Values.Sum());
        Assert.Equal(1, summary.FlowsOverflowed);

        void Send(int from, int count, long time)
        {
            for (int i = from; i < from + count; i++)
            {
                int place = block.Count;
                block.Add(time, 0, 60, LinkType.Raw, 0);
                block.Headers[place] = new Headers
                {
                    SourceLow = 0xC633_0000u + (uint)(i >> 5),
                    DestinationLow = 0x0A00_010A,
                    Protocol = 17,
                    SourcePort = (ushort)(1_024 + (i & 31)),
                    DestinationPort = 9,
                    Flags = HeaderFlags.PortsKnown,
                    WireLength = 60,
                };
                block.Selected[place] = true;
                if (block.IsFull || i == from + count - 1)
                {
                    engine.Judge.Judge(block);
                    long next = block.FirstNumber + block.Count;
                    block.Reset();
                    block.FirstNumber = next;
                }
            }
        }
    }

    private static ReplaySummary Counted(Network network, JudgeOptions options, int workers, List<TimedPacket> traffic, bool[] selected, out ResultTables tables, bool keepAll = true)
    {
        tables = new ResultTables();
        ReplaySummary summary = new(tables, options, workers, keepAll);
        using NetworkEngine engine = NetworkEngine.Build(network, options, workers, tables, batchSize: 32, observers: summary.Observer);
        foreach (PacketBlock block in Blocks(traffic, selected, 257))
        {
            engine.Judge.Judge(block);
            summary.Write(block, engine.Plan.View);
            block.Reset();
        }

        summary.Complete();
        return summary;
    }

    /// <summary>One block, again and again, with the next packets.</summary>
    internal static IEnumerable<PacketBlock> Blocks(List<TimedPacket> traffic, bool[] selected, int size)
    {
        PacketBlock block = new();
        for (int at = 0; at < traffic.Count; at += size)
        {
            block.FirstNumber = at + 1;
            for (int i = at; i < Math.Min(traffic.Count, at + size); i++)
            {
                int place = block.Count;
                block.Add(traffic[i].Time, 0, traffic[i].Packet.WireLength, LinkType.Raw, 0);
                block.Headers[place] = traffic[i].Packet;
                block.Quotes[place] = traffic[i].Quote;
                block.Selected[place] = selected[i];
            }

            yield return block;
        }
    }

    private static string Text(ReplaySummary summary, ResultTables tables) => string.Join('\n',
        (IEnumerable<string>)[
            string.Join(' ', summary.Packets),
            string.Join(' ', summary.Bytes),
            $"{summary.Read} {summary.DeniedWithoutRow} {summary.FlowsOverflowed}",
            string.Join(' ', summary.Flows.Where(f => f.Value > 0).Select(f => $"{f.Key}={f.Value}")),
            .. summary.Unplaced.Select(p => $"unplaced {p}"),
            .. summary.Denied.Select(PlainSummary.Text),
            .. summary.BusiestRules(_ => false, 1_000).Select(r => r.ToString()),
            .. summary.FlowRecords().Select(f => PlainSummary.Text(f, tables)),
        ]);
}
