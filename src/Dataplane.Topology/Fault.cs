using System;
using System.Collections.Generic;
using System.Linq;

namespace Dataplane.Topology;

/// <summary>One thing wrong with a topology: where, what, and how to mend it.</summary>
/// <param name="Where">file:line where the format has lines, and the resource's id.</param>
/// <param name="What">With the offending value in it; no full stop.</param>
/// <param name="Mend">An imperative sentence without full stop.</param>
/// <param name="IsError">Errors make the topology unreadable (exit 3); warnings name what will not be enforced, and are errors with --strict.</param>
public sealed record Fault(string Where, string What, string Mend, bool IsError)
{
    /// <summary>An error of what the user typed, not of a file: wrong usage, exit 2.</summary>
    public bool IsUsage { get; init; }

    /// <summary>A warning that something was perhaps not written yet: a live run does not take such a topology over.</summary>
    public bool IsIncomplete { get; init; }

    public override string ToString() => $"{Where}: {What}. {Mend}.";
}

/// <summary>Collects every fault of a topology, so that one run reports them all.</summary>
/// <remarks>Not thread-safe. Bounded: after <see cref="Most"/> further faults are only counted.</remarks>
public sealed class FaultList
{
    /// <summary>Faults that are kept word for word.</summary>
    public const int Most = 1_000;

    private readonly List<Fault> _faults = [];
    private readonly HashSet<Fault> _seen = [];

    public IReadOnlyList<Fault> All => _faults;

    public IEnumerable<Fault> Errors => _faults.Where(f => f.IsError);

    public IEnumerable<Fault> Warnings => _faults.Where(f => !f.IsError);

    /// <summary>Faults beyond <see cref="Most"/>.</summary>
    public int Dropped { get; private set; }

    public bool HasErrors { get; private set; }

    public void Error(string where, string what, string mend) => Add(new Fault(where, what, mend, true));

    public void Usage(string where, string what, string mend) => Add(new Fault(where, what, mend, true) { IsUsage = true });

    public void Warn(string where, string what, string mend) => Add(new Fault(where, what, mend, false));

    public void Add(Fault fault)
    {
        ArgumentNullException.ThrowIfNull(fault);
        HasErrors |= fault.IsError;
        if (!_seen.Add(fault))
        {
            return;
        }

        if (_faults.Count >= Most)
        {
            Dropped++;
            return;
        }

        _faults.Add(fault);
    }
}
