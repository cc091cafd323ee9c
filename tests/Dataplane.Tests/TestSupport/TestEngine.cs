using System;
using System.Collections.Generic;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Topology.Model;
using Dataplane.Topology.Reference;

namespace Dataplane.Tests.TestSupport;

/// <summary>Something that decides packets of one network; every statement is asked of each.</summary>
public abstract class TestEngine
{
    /// <summary>Makers of every engine there is, the reference first.</summary>
    public static IReadOnlyList<Func<Network, JudgeOptions, TestEngine>> All { get; } =
    [
        (network, options) => new ReferenceEngine(network, options),
        (network, options) => new FastEngine(network, options),
    ];

    public abstract string Name { get; }

    /// <param name="quote">Meaningful only when the packet has a quote.</param>
    /// <param name="time">Nanoseconds since 1970.</param>
    public abstract Outcome Judge(Headers packet, Headers quote, long time);

    /// <summary>From the next packet on another network judges. Without causal memory only.</summary>
    /// <param name="time">When that is, nanoseconds since 1970.</param>
    public abstract void Adopt(Network network, long time);

    private sealed class ReferenceEngine(Network network, JudgeOptions options) : TestEngine
    {
        private readonly Interpreter _interpreter = new(network, options);

        public override string Name => "reference";

        public override void Adopt(Network network, long time) => _interpreter.Adopt(network, time);

        public override Outcome Judge(Headers packet, Headers quote, long time) => _interpreter.Judge(packet, quote, time);
    }
}
