using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Compiler;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Live;

/// <summary>What a live run decides, a replay of the same frames decides too, but for those that were misplaced: a capture does not say where a frame arrived.</summary>
public sealed class BoxReplayTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_box_changes_no_verdict_of_a_packet_that_may_enter(int seed)
    {
        string[] ports = ["eni-a", "igw-1", "eni-c", "eni-b"];
        string[] addresses = ["10.0.1.10", "10.0.1.20", "10.0.2.30", "203.0.113.10", "203.0.113.30", "198.51.100.7", "198.51.100.8", "10.0.1.99", "10.0.0.2", "0.0.0.0", "255.255.255.255"];
        string[] addresses6 = ["2001:db8:1:1::10", "2001:db8:1:2::30", "2a00::1", "fe80::1", "ff02::1"];
        using BoxLab lab = new BoxLab(BoxLab.Small, ports).Up();
        using NetworkEngine replay = NetworkEngine.Build(lab.Network, JudgeOptions.Default with { Causal = false });
        Random random = new(seed);
        PacketBlock again = new();
        int compared = 0, misplaced = 0;
        for (int round = 0; round < 100; round++)
        {
            lab.Now += random.Next(4) == 0 ? 40 * BoxLab.Second : BoxLab.Second / 10;
            (int Port, byte[] Frame)[] frames = [.. Enumerable.Range(0, 30).Select(_ => Make())];
            PacketBlock block = lab.Frames(frames);
            again.Reset();
            List<int> numbers = [];
            for (int i = 0; i < frames.Length; i++)
            {
                if (block.Headers[i].Status == PacketStatus.Misplaced)
                {
                    misplaced++;
                    continue;
                }

                numbers.Add(i);
                frames[i].Frame.CopyTo(again.Add(lab.Now, frames[i].Frame.Length, (uint)frames[i].Frame.Length, LinkType.Ethernet, 0));
            }

            HeaderParser.ParseBlock(again, null);
            replay.Judge.Judge(again);
            for (int i = 0; i < numbers.Count; i++)
            {
                Assert.Equal(
                    (seed, round, i, replay.Judge.Tables.Describe(again.Results[i])),
                    (seed, round, i, lab.Engine.Judge.Tables.Describe(block.Results[numbers[i]])));
                compared++;
            }
        }

        Assert.True(compared > 500 && misplaced > 500, $"{compared} compared, {misplaced} misplaced");

        (int, byte[]) Make()
        {
            int port = random.Next(ports.Length);
            string[] of = random.Next(3) == 0 ? addresses6 : addresses;
            string source = random.Next(2) == 0 ? of[random.Next(of.Length)] : Own(port, of);
            string destination = of[random.Next(of.Length)];
            byte[] packet = random.Next(3) switch
            {
                0 => PacketBuilder.Tcp(source, random.Next(2) == 0 ? 80 : 4_000, destination, random.Next(2) == 0 ? 80 : 4_000, (byte)(1 << random.Next(5))),
                1 => PacketBuilder.Udp(source, 4_000, destination, random.Next(2) == 0 ? 80 : 4_000),
                _ => PacketBuilder.Icmp(source, destination, source.Contains(':', StringComparison.Ordinal) ? 128 : 8, 0, 7),
            };
            return (port, BoxLab.Packet(BoxLab.Host(port), lab.Router(port), packet));
        }

        static string Own(int port, string[] of) => of.Length == 5
            ? port switch { 0 => "2001:db8:1:1::10", 1 => "2a00::1", _ => "2001:db8:1:2::30" }
            : port switch { 0 => "10.0.1.10", 1 => "198.51.100.7", 2 => "10.0.2.30", _ => "10.0.1.20" };
    }
}
