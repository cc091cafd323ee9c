using System.Collections.Generic;

namespace Dataplane.Records;

/// <summary>What the numbers of results mean. One pair serves all workers of one topology.</summary>
public sealed class ResultTables
{
    public NameTable Names { get; } = new();

    public PathTable Paths { get; } = new();

    /// <summary>A result in words. Allocates; for tests, traces and single records.</summary>
    public Outcome Describe(in PacketResult result)
    {
        PathEntry entry = Paths[result.Path];
        List<string> path = [];
        if (entry.Verdict is Verdict.Allow or Verdict.Deny)
        {
            // from, the steps, to: but a denial ends with the rule or component that stopped it.
            if (Names[result.From] is { } from)
            {
                path.Add(from);
            }

            foreach (int step in entry.Steps)
            {
                path.Add(StepText(step, result));
            }

            if (entry.Verdict == Verdict.Allow && Names[result.To] is { } to)
            {
                path.Add(to);
            }
        }

        return new Outcome(
            entry.Verdict, entry.Reason, entry.State, Names[entry.Rule], Names[result.From], Names[result.To], path);
    }

    /// <summary>One step of a path as records print it.</summary>
    public string StepText(int step, in PacketResult result)
    {
        string name = Names[step & PathEntry.NameMask]!;
        return (step & PathEntry.TranslatesSource) != 0 ? $"{name} {Names[result.SourceTranslation]}"
            : (step & PathEntry.TranslatesDestination) != 0 ? $"{name} {Names[result.DestinationTranslation]}"
            : name;
    }

    /// <summary>The numbers of an outcome that was decided in words (by the reference interpreter).</summary>
    /// <remarks>Translations become part of the path; the table may fill, which then answers with the bare moot path never, but an exception.</remarks>
    /// <exception cref="System.InvalidOperationException">The path table is full.</exception>
    public PacketResult Intern(Outcome outcome)
    {
        int from = outcome.From is null ? NameTable.None : Names.Intern(outcome.From);
        int to = outcome.To is null ? NameTable.None : Names.Intern(outcome.To);
        int first = outcome.Path.Count > 0 && outcome.From is not null ? 1 : 0;
        int end = outcome.Verdict == Verdict.Allow && outcome.To is not null && outcome.Path.Count > first ? outcome.Path.Count - 1 : outcome.Path.Count;
        int[] steps = new int[System.Math.Max(0, end - first)];
        for (int i = 0; i < steps.Length; i++)
        {
            steps[i] = Names.Intern(outcome.Path[first + i]);
        }

        int rule = outcome.Rule is null ? NameTable.None : Names.Intern(outcome.Rule);
        int path = Paths.Intern(outcome.Verdict, outcome.Reason, outcome.State, rule, steps);
        if (path < 0)
        {
            throw new System.InvalidOperationException("the path table is full");
        }

        return PacketResult.Bare(path, from) with { To = to };
    }
}
