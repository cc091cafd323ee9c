using Dataplane.Analysis;
using Dataplane.Engine;
using Dataplane.Records;
using Dataplane.Topology.Model;

namespace Dataplane.Cli;

/// <summary>Makes the judges of the commands: all of them the engine, so that replay, trace and diff cannot disagree.</summary>
internal static class Engines
{
    /// <summary>For single packets: one worker, the lists interpreted, ready at once.</summary>
    internal static JudgeFactory Single { get; } = (network, options) => Create(network, options, 1);

    internal static IJudge Create(Network network, JudgeOptions options, int workers) => new ReferenceJudge(network, options);
}
