using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Analysis;
using Dataplane.Compiler;
using Dataplane.Compiler.Load;
using Dataplane.Engine;
using Dataplane.Records;
using Dataplane.Topology.Model;

namespace Dataplane.Cli;

/// <summary>Makes the judges of the commands: all of them the engine, so that replay, trace and diff cannot disagree.</summary>
internal static class Engines
{
    /// <summary>How long the end of a command waits for the compiler to notice that nobody needs it any more.</summary>
    private static readonly TimeSpan StopWait = TimeSpan.FromMilliseconds(200);

    /// <summary>Lists that two topologies of one run have in common are compiled once.</summary>
    private static readonly FilterCache Compiled = new();

    /// <summary>For single packets: one worker, the lists interpreted, ready at once.</summary>
    internal static JudgeFactory Single { get; } = (network, options) => NetworkEngine.Build(network, options).Judge;

    /// <summary>For captures: the interpreter judges until the compiler, which runs beside, has a list ready and checked that is asked so often that it pays.</summary>
    /// <param name="tables">Where names and paths go; null for tables of its own.</param>
    /// <param name="observers">Makes the observer of a worker, by number; null for none.</param>
    internal static EngineRun Start(Network network, JudgeOptions options, int workers, ResultTables? tables = null, Func<int, IBatchObserver>? observers = null)
    {
        NetworkEngine engine = NetworkEngine.Build(network, options, workers, tables, observers: observers);
        AskedCompilation compile = new(engine.Catalog, engine.Filters, Compiled, StopWait);
        return new EngineRun(
            engine.Judge,
            engine.Plan.View,
            () => compile.Report?.Times.Total ?? 0,
            () => Warnings(engine, compile),
            () =>
            {
                compile.Dispose();
                engine.Dispose();
            });
    }

    private static List<string> Warnings(NetworkEngine engine, AskedCompilation compile)
    {
        List<string> warnings = [];
        if (engine.Judge.IsCapped)
        {
            warnings.Add("A table of the engine was full: records may depend on the number of workers. Raise --max-flows, or replay with --workers 1.");
        }

        warnings.AddRange(EngineNotes.Of(engine.Judge));
        if (compile.Failure is { } failure)
        {
            warnings.Add($"The compiler failed and the interpreter judged for it, with the same verdicts: {failure.Message} Report it.");
        }

        if (compile.Report is { } report)
        {
            warnings.AddRange(report.Bugs.Select(d => $"A compiled filter was not used: {d} The interpreter judged for it. Report it."));
        }

        return warnings;
    }
}
