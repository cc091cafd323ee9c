using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Dataplane.Topology.Model;
using Xunit;

namespace Dataplane.Tests.Engine;

/// <summary>The engine and the reference interpreter, written apart from one text, say the same of random traffic.</summary>
public sealed class DifferentialTests
{
    [Theory]
    [InlineData(RandomTraffic.Small, 1)]
    [InlineData(RandomTraffic.Small, 2)]
    [InlineData(RandomTraffic.Wide, 3)]
    [InlineData(RandomTraffic.Wide, 4)]
    [InlineData(RandomTraffic.Wide, 5)]
    [InlineData(RandomTraffic.Wide, 6)]
    public void REL_40_The_engine_says_what_the_reference_says(string topology, int seed)
    {
        Network network = RandomTraffic.Network(topology);
        for (int round = 0; round < 20; round++)
        {
            Compare(network, unchecked(seed * 1000 + round), 600);
        }
    }

    private static void Compare(Network network, int seed, int packets)
    {
        Random random = new(seed);
        JudgeOptions options = seed % 5 == 0 ? JudgeOptions.Default : RandomTraffic.Options(random);
        bool isFull = options.MaxFlows < packets;
        List<TestEngine> engines = [.. Make(network, options)];
        List<TimedPacket> traffic = RandomTraffic.Packets(random, packets, isMonotonic: isFull || random.Next(2) == 0);
        List<Outcome> outcomes = [];
        for (int i = 0; i < traffic.Count; i++)
        {
            TimedPacket packet = traffic[i];
            Outcome expected = engines[0].Judge(packet.Packet, packet.Quote, packet.Time);
            Outcome actual = engines[1].Judge(packet.Packet, packet.Quote, packet.Time);
            outcomes.Add(expected);
            if (!expected.Equals(actual))
            {
                Assert.Fail(Explain(traffic, outcomes, i, seed, options, expected, actual));
            }
        }
    }

    private static IEnumerable<TestEngine> Make(Network network, JudgeOptions options)
    {
        foreach (Func<Network, JudgeOptions, TestEngine> make in TestEngine.All)
        {
            yield return make(network, options);
        }
    }

    /// <summary>The packet on which they differ, and the earlier ones that share an address with it.</summary>
    private static string Explain(List<TimedPacket> traffic, List<Outcome> outcomes, int at, int seed, JudgeOptions options, Outcome expected, Outcome actual)
    {
        StringBuilder text = new();
        text.AppendLine(CultureInfo.InvariantCulture, $"seed {seed}, packet {at}, {options}");
        TimedPacket packet = traffic[at];
        for (int i = 0; i <= at; i++)
        {
            TimedPacket other = traffic[i];
            bool isNear = other.Packet.Protocol == packet.Packet.Protocol || other.Packet.HasQuote || packet.Packet.HasQuote;
            bool sharesAnEnd = other.Packet.Source == packet.Packet.Source || other.Packet.Source == packet.Packet.Destination
                || other.Packet.Destination == packet.Packet.Source || other.Packet.Destination == packet.Packet.Destination;
            bool isAboutRoom = expected.Reason != actual.Reason && (expected.Reason == DenyReason.TRACKING_TABLE_FULL || actual.Reason == DenyReason.TRACKING_TABLE_FULL);
            if (i == at || (isNear && sharesAnEnd && i > at - 60) || (isAboutRoom && outcomes[i].State != FlowState.None && i > at - 60))
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"  {i} {RandomTraffic.Show(other)} : {outcomes[i]}");
            }
        }

        text.AppendLine(CultureInfo.InvariantCulture, $"reference {expected}");
        text.AppendLine(CultureInfo.InvariantCulture, $"engine    {actual}");
        return text.ToString();
    }
}
