using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
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

    /// <summary>Most captures are judged within it; the others pay it once.</summary>
    private static readonly TimeSpan CompileDelay = TimeSpan.FromMilliseconds(250);

    /// <summary>Lists that two topologies of one run have in common are compiled once.</summary>
    private static readonly FilterCache Compiled = new();

    /// <summary>For single packets: one worker, the lists interpreted, ready at once.</summary>
    internal static JudgeFactory Single { get; } = (network, options) => NetworkEngine.Build(network, options).Judge;

    /// <summary>For captures: the interpreter judges until the compiler, which runs beside, has each list ready and checked.</summary>
    /// <param name="tables">Where names and paths go; null for tables of its own.</param>
    /// <param name="observers">Makes the observer of a worker, by number; null for none.</param>
    internal static EngineRun Start(Network network, JudgeOptions options, int workers, ResultTables? tables = null, Func<int, IBatchObserver>? observers = null)
    {
        NetworkEngine engine = NetworkEngine.Build(network, options, workers, tables, observers: observers);
        CancellationTokenSource stop = new();
        Task<CompileReport> compile = FilterCompiler.CompileInBackground(engine.Catalog, engine.Filters, Compiled, CompileDelay, stop.Token);
        return new EngineRun(
            engine.Judge,
            engine.Plan.View,
            () => compile.IsCompletedSuccessfully ? compile.Result.Times.Total : 0,
            () => Warnings(engine, compile),
            () =>
            {
                stop.Cancel();
                try
                {
                    compile.Wait(StopWait);
                }
                catch (AggregateException)
                {
                    // Cancelled, or already among the warnings.
                }

                engine.Dispose();
                if (compile.IsCompleted)
                {
                    stop.Dispose();
                }
            });
    }

    private static List<string> Warnings(NetworkEngine engine, Task<CompileReport> compile)
    {
        List<string> warnings = [];
        if (engine.Judge.IsCapped)
        {
            warnings.Add("A table of the engine was full: records may depend on the number of workers. Raise --max-flows, or replay with --workers 1.");
        }

        foreach ((string gateway, long packets) in engine.Judge.UnplacedBehind.OrderByDescending(g => g.Value).ThenBy(g => g.Key, StringComparer.Ordinal))
        {
            warnings.Add($"{gateway}: {packets} packets would enter through this gateway, which is not enforced yet. They are unplaced.");
        }

        if (compile.IsFaulted)
        {
            warnings.Add($"The compiler failed and the interpreter judged all packets, with the same verdicts: {compile.Exception?.InnerException?.Message} Report it.");
        }
        else if (compile.IsCompletedSuccessfully)
        {
            warnings.AddRange(compile.Result.Bugs.Select(d => $"A compiled filter was not used: {d} The interpreter judged for it. Report it."));
        }

        return warnings;
    }
}
