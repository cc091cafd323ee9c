using System;
using System.Linq;
using Dataplane.Compiler;
using Dataplane.Flows;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Engine;

/// <summary>Everything that may share state meets at one shard.</summary>
public sealed class ShardingTests
{
    private static readonly Sharding Shards = new(NetworkEngine.Build(RandomTraffic.Network(RandomTraffic.Wide), JudgeOptions.Default).Plan);

    [Theory]
    [InlineData("tcp 10.0.1.10:40000 > 8.8.8.8:443 S", "tcp 8.8.8.8:443 > 10.0.1.10:40000 SA")]
    [InlineData("tcp 10.0.1.10:40000 > 8.8.8.8:443 S", "tcp 203.0.113.10:40000 > 8.8.8.8:443 S")]
    [InlineData("tcp 10.0.1.10:40000 > 8.8.8.8:443 S", "tcp 8.8.8.8:443 > 203.0.113.10:40000 SA")]
    [InlineData("udp 10.0.1.10:5000 > 203.0.113.30:53", "udp 203.0.113.10:5000 > 10.0.2.10:53")]
    [InlineData("udp 10.0.1.10:5000 > 203.0.113.30:53", "udp 10.0.2.10:53 > 10.0.1.10:5000")]
    [InlineData("icmp 10.0.1.10 > 8.8.8.8 8/0 id 5", "icmp 8.8.8.8 > 203.0.113.10 0/0 id 5")]
    [InlineData("icmp 10.0.1.10 > 10.0.2.10 8/0 id 5", "icmp 10.0.2.10 > 10.0.1.10 0/0 id 5")]
    [InlineData("icmpv6 2001:db8:1:1::10 > 2001:db8:ffff::1 128/0 id 5", "icmpv6 2001:db8:ffff::1 > 2001:db8:1:1::10 129/0 id 5")]
    [InlineData("tcp 10.0.1.10:40000 > 8.8.8.8:443 S", "icmp 9.9.9.9 > 203.0.113.10 3/1 quoting tcp 203.0.113.10:40000 > 8.8.8.8:443 S")]
    [InlineData("udp 10.0.1.10:5000 > 10.0.2.10:53", "icmp 10.0.9.10 > 10.0.1.10 11/0 quoting udp 10.0.1.10:5000 > 10.0.2.10:53")]
    [InlineData("proto 47 10.0.1.10 > 8.8.8.8", "proto 47 8.8.8.8 > 203.0.113.10")]
    [InlineData("icmpv6 10.0.1.10 > 8.8.8.8 128/0", "icmpv6 8.8.8.8 > 203.0.113.10 129/0")]
    [InlineData("tcp 8.8.8.8:1 > 9.9.9.9:2 S", "tcp 9.9.9.9:2 > 8.8.8.8:1 SA")]
    public void REL_34_All_views_of_a_flow_have_one_shard(string one, string other) => Assert.Equal(Shard(one), Shard(other));

    [Fact]
    public void REL_34_Answers_of_random_packets_have_the_shard_of_their_question()
    {
        Random random = new(7);
        foreach (TimedPacket packet in RandomTraffic.Packets(random, 5000).Where(p => !p.Packet.HasQuote))
        {
            Headers answer = packet.Packet;
            (answer.Source, answer.Destination) = (answer.Destination, answer.Source);
            if (answer.Protocol is 6 or 17)
            {
                (answer.SourcePort, answer.DestinationPort) = (answer.DestinationPort, answer.SourcePort);
            }

            Assert.Equal(Shards.ShardOf(packet.Packet, default), Shards.ShardOf(answer, default));
        }
    }

    [Fact]
    public void Flows_spread_over_all_shards()
    {
        int[] counts = new int[Sharding.Shards];
        for (int port = 1; port <= 6400; port++)
        {
            counts[Shard($"tcp 8.8.8.8:{port} > 10.0.1.10:443 S")]++;
        }

        Assert.All(counts, count => Assert.InRange(count, 50, 200));
    }

    private static int Shard(string text)
    {
        TestPacket packet = PacketText.Parse(text);
        return Shards.ShardOf(packet.Headers, packet.Quote);
    }
}
