using System;
using System.Collections.Generic;
using Dataplane.Analysis.Summary;
using Dataplane.Engine;

namespace Dataplane.Cli;

/// <summary>A judge at work and the compilation that runs beside it.</summary>
internal sealed class EngineRun : IDisposable
{
    private readonly Action _stop;

    internal EngineRun(IJudge judge, FlowViewer views, Func<double> compileMilliseconds, Func<IReadOnlyList<string>> warnings, Action stop)
    {
        Judge = judge;
        Views = views;
        _compileMilliseconds = compileMilliseconds;
        _warnings = warnings;
        _stop = stop;
    }

    private readonly Func<double> _compileMilliseconds;
    private readonly Func<IReadOnlyList<string>> _warnings;

    internal IJudge Judge { get; }

    /// <summary>Gives packets their flows.</summary>
    internal FlowViewer Views { get; }

    /// <summary>What the compiler has used so far.</summary>
    internal double CompileMilliseconds => _compileMilliseconds();

    /// <summary>What the engine has to say: caps reached, filters that did not hold.</summary>
    internal IReadOnlyList<string> Warnings => _warnings();

    public void Dispose() => _stop();
}
