using System;
using System.Collections.Generic;
using Dataplane.Analysis.Summary;
using Dataplane.Analysis.Trace;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Cli;

/// <summary>Everything that a replay's summary says.</summary>
internal sealed class ReplayReport
{
    internal required IReadOnlyList<string> Topologies { get; init; }

    internal required IReadOnlyList<string> Captures { get; init; }

    internal required ReplaySummary Summary { get; init; }

    internal JudgeOptions Options { get; init; } = JudgeOptions.Default;

    internal required TimeSpan Elapsed { get; init; }

    internal required IReadOnlyList<string> Warnings { get; init; }

    internal required Func<DeniedRow, Miss?> Misses { get; init; }

    internal required Func<DeniedRow, string?> TraceCommand { get; init; }

    internal required Func<string, bool> IsComponent { get; init; }

    internal required IReadOnlyList<(IpPrefix From, IpPrefix To)> Maps { get; init; }

    /// <summary>Addresses that were chosen for a template, when they are asked for (-v).</summary>
    internal IReadOnlyList<string> Chosen { get; init; } = [];

    internal string? Filter { get; init; }

    internal bool Interrupted { get; init; }

    internal double CompileMilliseconds { get; init; }

    /// <summary>Null for a replay.</summary>
    internal LiveReport? Live { get; init; }
}
