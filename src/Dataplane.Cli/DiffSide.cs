using System;
using System.Collections.Generic;
using Dataplane.Analysis.Summary;
using Dataplane.Engine;
using Dataplane.Records;
using Dataplane.Topology.Model;

namespace Dataplane.Cli;

/// <summary>One of the two networks of a comparison, its judge, and what a replay through it alone would count.</summary>
internal sealed class DiffSide : IDisposable
{
    private readonly EngineRun _engine;

    /// <param name="counts">Whether there is a summary at all: it costs time, and only --summary and --fail-on ask for it.</param>
    /// <param name="warnings">Of the topology; those of the engine are added at the end.</param>
    internal DiffSide(Network network, JudgeOptions options, int workers, bool counts, List<string> warnings)
    {
        Network = network;
        Warnings = warnings;
        ResultTables tables = new();
        Summary = counts ? new ReplaySummary(tables, options, workers, keepAll: false) : null;
        _engine = Engines.Start(network, options, workers, tables, Summary is null ? null : Summary.Observer);
        Judge = Summary is null ? _engine.Judge : new CountedJudge(_engine.Judge, _engine.Views, Summary);
    }

    internal Network Network { get; }

    internal IJudge Judge { get; }

    internal ResultTables Tables => Judge.Tables;

    /// <summary>Null when nobody asked for counts.</summary>
    internal ReplaySummary? Summary { get; }

    internal List<string> Warnings { get; }

    internal double CompileMilliseconds => _engine.CompileMilliseconds;

    /// <summary>All packets were judged.</summary>
    internal void Complete()
    {
        Summary?.Complete();
        Warnings.AddRange(_engine.Warnings);
    }

    public void Dispose()
    {
        _engine.Dispose();
        Summary?.Dispose();
    }
}
