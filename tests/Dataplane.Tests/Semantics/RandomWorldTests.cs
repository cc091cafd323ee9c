using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Dataplane.Topology.Model;
using Dataplane.Topology.Reference;
using Xunit;

namespace Dataplane.Tests.Semantics;

/// <summary>What holds for every packet of every network, asked of random ones. All engines must say the same, word for word.</summary>
/// <remarks>A failure prints the seed, the packet's number and the whole topology; <see cref="RandomWorld"/> makes them again.</remarks>
public sealed class RandomWorldTests
{
    private const int Packets = 400;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void REL_25_Records_are_well_formed_and_the_same_on_every_engine(int hundred)
    {
        HashSet<string> seen = [];
        foreach (int seed in Enumerable.Range(hundred * 100, 50))
        {
            RandomWorld world = new(seed);
            List<TestEngine> engines = [.. TestEngine.All.Select(make => make(world.Network, world.Options))];
            for (int i = 0; i < Packets; i++)
            {
                (string text, long time) = world.Next();
                TestPacket packet = PacketText.Parse(text);
                Outcome first = engines[0].Judge(packet.Headers, packet.Quote, time);
                foreach (TestEngine engine in engines.Skip(1))
                {
                    Outcome other = engine.Judge(packet.Headers, packet.Quote, time);
                    Assert.True(first.Equals(other), $"seed {seed}, packet {i}: {text}\n{engines[0].Name}: {first}\n{engine.Name}: {other}\n{world.Topology}");
                }

                string? fault = FaultOf(first, world.Network, packet.Headers);
                Assert.True(fault is null, $"seed {seed}, packet {i}: {text}\n{fault}: {first}\n{world.Topology}");
                seen.Add(first.Verdict == Verdict.Deny ? first.Reason.ToString() : $"{first.Verdict} {first.State}");
            }
        }

        // A generator that reaches nothing proves nothing.
        Assert.Superset(
            new HashSet<string>
            {
                "Allow New", "Allow Established", "Allow Untracked", "Allow Related", "Allow None", "Moot None", "Unplaced None",
                "ENI_SG_RULES_MISMATCH", "SUBNET_ACL_RESTRICTION", "NO_ROUTE_TO_DESTINATION", "BAD_STATE_ROUTE", "NO_INTERFACE_AT_DESTINATION",
                "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", "EIGW_INBOUND", "ENI_SOURCE_DEST_CHECK_RESTRICTION",
                "MULTICAST_NOT_SUPPORTED", "UNSUPPORTED_COMPONENT", "FRAGMENT_DROPPED", "PORT_25_BLOCKED", "ROUTING_LOOP",
            },
            seen);
    }

    [Fact]
    public void CT_24_REL_04_No_more_flows_than_the_cap_are_ever_remembered()
    {
        int full = 0;
        foreach (int seed in Enumerable.Range(9_000, 60))
        {
            RandomWorld world = new(seed, capped: true);
            Interpreter interpreter = new(world.Network, world.Options);
            for (int i = 0; i < Packets; i++)
            {
                (string text, long time) = world.Next();
                TestPacket packet = PacketText.Parse(text);
                full += interpreter.Judge(packet.Headers, packet.Quote, time).Reason == DenyReason.TRACKING_TABLE_FULL ? 1 : 0;
                Assert.InRange(interpreter.LiveFlows(time), 0, world.Options.MaxFlows);
            }
        }

        Assert.NotEqual(0, full);
    }

    [Fact]
    public void R_01_What_is_not_allowed_changes_no_later_verdict()
    {
        // Without causal memory, a stream and the same stream without its denied packets end alike. Fragments are memory of another kind.
        foreach (int seed in Enumerable.Range(20_000, 40))
        {
            RandomWorld world = new(seed);
            JudgeOptions options = world.Options with { Causal = false, Fragments = FragmentPolicy.Drop };
            Interpreter all = new(world.Network, options);
            Interpreter allowed = new(world.Network, options);
            for (int i = 0; i < Packets; i++)
            {
                (string text, long time) = world.Next();
                TestPacket packet = PacketText.Parse(text);
                Outcome outcome = all.Judge(packet.Headers, packet.Quote, time);
                if (outcome.Verdict == Verdict.Allow)
                {
                    Outcome again = allowed.Judge(packet.Headers, packet.Quote, time);
                    Assert.True(outcome.Equals(again), $"seed {seed}, packet {i}: {text}\n{outcome}\n{again}\n{world.Topology}");
                }
            }
        }
    }

    /// <summary>What is wrong with a record whatever the network, or null .</summary>
    private static string? FaultOf(Outcome outcome, Network network, Headers packet)
    {
        bool isWalked = outcome.Verdict is Verdict.Allow or Verdict.Deny;
        if (!isWalked)
        {
            return outcome is { Reason: DenyReason.None, State: FlowState.None, Rule: null, To: null, Path.Count: 0 } && (outcome.Verdict == Verdict.Moot) == (outcome.From is not null)
                ? null
                : "a bare verdict says more than it knows";
        }

        if (outcome.Path.Count == 0 || (outcome.From is not null && outcome.Path[0] != outcome.From))
        {
            return "the path does not begin with from";
        }

        if (outcome.From is null && outcome.Verdict == Verdict.Deny)
        {
            return "a denial came from nowhere";
        }

        if (outcome.Verdict == Verdict.Deny)
        {
            return outcome.Reason == DenyReason.None || outcome.State != FlowState.None ? "a denial without reason, or with state"
                : outcome.Rule is not null && outcome.Path[^1] != outcome.Rule ? "a denial does not end with its rule"
                : null;
        }

        if (outcome.Reason != DenyReason.None || (outcome.To is not null && outcome.Path[^1] != outcome.To))
        {
            return "an allow has a reason, or does not end with to";
        }

        string? last = outcome.Path.LastOrDefault(step => step.Contains('/', StringComparison.Ordinal) && !step.Contains('>', StringComparison.Ordinal));
        if (outcome.Rule != last)
        {
            return "the rule of an allow is not the last of its path";
        }

        bool arrives = network.Interfaces.Any(i => i.Id == outcome.To);
        return arrives || outcome.To is null || network.Gateways.Any(g => g.Id == outcome.To && g.Kind is GatewayKind.Internet or GatewayKind.EgressOnlyInternet)
            ? packet.Status == PacketStatus.Ok ? null : "a packet that cannot be judged was allowed"
            : "an allowed packet ends at something that is neither an interface nor an internet gateway";
    }
}
