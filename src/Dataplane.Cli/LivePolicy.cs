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

/// <summary>The engine of a live run, and the compiler beside it that follows each change of the network.</summary>
internal sealed class LivePolicy : IDisposable
{
    private static readonly TimeSpan StopWait = TimeSpan.FromMilliseconds(200);

    /// <summary>How rarely filters that no list needs any more are looked for.</summary>
    private static readonly TimeSpan KeepEvery = TimeSpan.FromSeconds(1);

    private readonly FilterCache _cache = new();
    private readonly HashSet<string> _warnings = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();
    private CancellationTokenSource _stop = new();
    private Task<CompileReport> _compile;
    private DateTime _kept = DateTime.MinValue;
    private double _milliseconds;

    internal LivePolicy(Network network, JudgeOptions options, ResultTables tables, Func<int, IBatchObserver> observers)
    {
        Engine = NetworkEngine.Build(network, options, 1, tables, observers: observers, cache: _cache);
        _compile = Compile(new NextNetwork(network, Engine.Catalog, null!, null), Engine.Filters);
    }

    internal NetworkEngine Engine { get; }

    /// <summary>What the compiler has used so far, over all networks.</summary>
    internal double CompileMilliseconds
    {
        get
        {
            lock (_lock)
            {
                return _milliseconds;
            }
        }
    }

    /// <summary>Assemblies of generated code that are loaded.</summary>
    internal int LiveAssemblies => _cache.LiveAssemblies;

    /// <summary>A network that may take over; everything that takes time is done here.</summary>
    internal NextNetwork Prepare(Network network) => Engine.Next(network, _cache);

    /// <summary>After a network took over: its lists are compiled, the compilation of the one before stops.</summary>
    internal void TakenOver(NextNetwork next)
    {
        _stop.Cancel();
        _stop = new CancellationTokenSource();
        _compile = Compile(next, next.Policy.Filters);
        if (DateTime.UtcNow - _kept > KeepEvery)
        {
            _cache.Keep(next.Catalog);
            _kept = DateTime.UtcNow;
        }
    }

    /// <summary>What the engine and the compiler have to say.</summary>
    internal IReadOnlyList<string> Warnings()
    {
        List<string> warnings = [];
        if (Engine.Judge.Counters.TableFull > 0)
        {
            warnings.Add($"The tracking table was full: TRACKING_TABLE_FULL denied {Counted.Of(Engine.Judge.Counters.TableFull, "packet")}. Raise --max-flows.");
        }

        warnings.AddRange(EngineNotes.Of(Engine.Judge));
        lock (_lock)
        {
            warnings.AddRange(_warnings);
        }

        return warnings;
    }

    public void Dispose()
    {
        _stop.Cancel();
        try
        {
            _compile.Wait(StopWait);
        }
        catch (AggregateException)
        {
            // Cancelled, or among the warnings.
        }

        Engine.Dispose();
    }

    private Task<CompileReport> Compile(NextNetwork next, Filters.FilterSet filters)
    {
        Task<CompileReport> task = FilterCompiler.CompileInBackground(next.Catalog, filters, _cache, _stop.Token);
        CancellationToken cancel = _stop.Token;
        task.ContinueWith(
            done =>
            {
                List<CompileReport> reports = done.IsCompletedSuccessfully ? [done.Result] : [];
                if (next.Check is { } check && !cancel.IsCancellationRequested)
                {
                    reports.Add(check());
                }

                lock (_lock)
                {
                    _milliseconds += reports.Sum(r => r.Times.Total);
                    _warnings.UnionWith(reports.SelectMany(r => r.Bugs).Select(d => $"A compiled filter was not used: {d} The interpreter judged for it. Report it."));
                    if (done.IsFaulted)
                    {
                        _warnings.Add($"The compiler failed and the interpreter judged, with the same verdicts: {done.Exception?.InnerException?.Message} Report it.");
                    }
                }
            },
            CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        return task;
    }
}
