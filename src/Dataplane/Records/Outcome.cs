using System;
using System.Collections.Generic;
using System.Linq;

namespace Dataplane.Records;

/// <summary>What was decided of one packet, in words: what a record prints.</summary>
/// <param name="Reason"><see cref="DenyReason.None"/> unless denied.</param>
/// <param name="Rule">The rule that decided: for a denial the one that denied (null where no rule did), for an allow the last that admitted it.</param>
/// <param name="From">Interface or gateway, or null.</param>
/// <param name="To">Interface or gateway, or null.</param>
/// <param name="Path">Every component passed and every rule that spoke, in order; empty for moot, unplaced, invalid and ignored.</param>
public sealed record Outcome(
    Verdict Verdict, DenyReason Reason, FlowState State, string? Rule, string? From, string? To, IReadOnlyList<string> Path)
{
    public static Outcome Bare(Verdict verdict, string? from = null) =>
        new(verdict, DenyReason.None, FlowState.None, null, from, null, []);

    public bool Equals(Outcome? other) =>
        other is not null && Verdict == other.Verdict && Reason == other.Reason && State == other.State
        && Rule == other.Rule && From == other.From && To == other.To && Path.SequenceEqual(other.Path);

    public override int GetHashCode() => HashCode.Combine(Verdict, Reason, State, Rule, From, To, Path.Count);

    public override string ToString() =>
        $"{Verdict} {Reason} {State} rule={Rule ?? "-"} from={From ?? "-"} to={To ?? "-"} [{string.Join(" | ", Path)}]";
}
