using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Records;
using Dataplane.Topology.Model;
using Xunit;

namespace Dataplane.Tests.TestSupport;

/// <summary>A topology, a clock that the test moves, and packets with what must become of them, on every engine.</summary>
public sealed class Scenario
{
    private readonly List<TestEngine> _engines;
    private long _now = 1_000_000L * 1_000_000_000;

    public Scenario(Network network, JudgeOptions? options = null) =>
        _engines = [.. TestEngine.All.Select(make => make(network, options ?? JudgeOptions.Default))];

    /// <param name="topology">Text of <see cref="NetworkBuilder"/>.</param>
    public Scenario(string topology, JudgeOptions? options = null)
        : this(NetworkBuilder.Network(topology), options)
    {
    }

    /// <summary>Moves the clock; negative seconds move it back.</summary>
    public Scenario Wait(double seconds)
    {
        _now += (long)Math.Round(seconds * 1_000_000_000);
        return this;
    }

    /// <summary>Another topology takes over, with all that is remembered. The options must be without causal memory.</summary>
    public Scenario Change(string topology)
    {
        Network network = NetworkBuilder.Network(topology);
        foreach (TestEngine engine in _engines)
        {
            engine.Adopt(network, _now);
        }

        return this;
    }

    /// <summary>Sends a packet and asserts its record on every engine.</summary>
    /// <param name="packet">As <see cref="PacketText"/> reads it.</param>
    /// <param name="verdict">
    /// <c>allow STATE RULE</c>, <c>deny REASON RULE</c>, <c>moot</c>, <c>unplaced</c>; <c>-</c> is null; words at the end may be left out.
    /// </param>
    /// <param name="path">The whole path, joined by " | "; null: not asked. An allow's from and to are then its two ends, unless given.</param>
    /// <param name="from">An id; - is null.</param>
    /// <param name="to">An id; - is null.</param>
    public Scenario Send(string packet, string verdict, string? path = null, string? from = null, string? to = null)
    {
        TestPacket parsed = PacketText.Parse(packet);
        return Send(parsed, packet, verdict, path, from, to);
    }

    public Scenario Send(TestPacket packet, string shown, string verdict, string? path = null, string? from = null, string? to = null)
    {
        foreach (TestEngine engine in _engines)
        {
            Outcome outcome = engine.Judge(packet.Headers, packet.Quote, _now);
            string said = Say(outcome);
            string cut = said.StartsWith(verdict + " ", StringComparison.Ordinal) ? verdict : said;
            Assert.Equal((engine.Name, shown, verdict), (engine.Name, shown, cut));
            if (path is not null)
            {
                Assert.Equal((engine.Name, shown, path), (engine.Name, shown, string.Join(" | ", outcome.Path)));
                if (outcome.Verdict == Verdict.Allow && outcome.Path.Count > 1)
                {
                    from ??= path.Split(" | ")[0];
                    to ??= path.Split(" | ")[^1];
                }
            }

            Assert.Equal((engine.Name, shown, from ?? outcome.From ?? "-"), (engine.Name, shown, outcome.From ?? "-"));
            Assert.Equal((engine.Name, shown, to ?? outcome.To ?? "-"), (engine.Name, shown, outcome.To ?? "-"));
        }

        return this;
    }

    private static string Say(Outcome outcome) => outcome.Verdict switch
    {
        Verdict.Allow => $"allow {(outcome.State == FlowState.None ? "-" : outcome.State.ToString().ToLowerInvariant())} {outcome.Rule ?? "-"}",
        Verdict.Deny => $"deny {outcome.Reason} {outcome.Rule ?? "-"}",
        _ => outcome.Verdict.ToString().ToLowerInvariant(),
    };
}
