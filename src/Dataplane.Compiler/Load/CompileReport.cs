using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using Dataplane.Compiler.Choose;
using Dataplane.Compiler.Emit;
using Dataplane.Compiler.Lower;
using Dataplane.Compiler.Simplify;
using Dataplane.Records;

namespace Dataplane.Compiler.Load;

/// <summary>Milliseconds of wall clock by stage.</summary>
/// <param name="Lower">Rules to numbers, for every list.</param>
/// <param name="Simplify">For every distinct list, like all that follows.</param>
/// <param name="Roslyn">C# to IL.</param>
/// <param name="Load">IL to machine code, and instances.</param>
/// <param name="Validate">The check against the rules' meaning.</param>
public sealed record StageTimes(double Lower, double Simplify, double Choose, double Emit, double Roslyn = 0, double Load = 0, double Validate = 0)
{
    public double Total => Lower + Simplify + Choose + Emit + Roslyn + Load + Validate;

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"lower {Lower:F1}, simplify {Simplify:F1}, choose {Choose:F1}, emit {Emit:F1}, Roslyn {Roslyn:F1}, load {Load:F1}, validate {Validate:F1}; total {Total:F1} ms");
}

/// <summary>What happened to one generated class.</summary>
/// <param name="IsCompiled">False: it was only generated, or the interpreter stays for its lists.</param>
/// <param name="Probes">Packets on which compiled code and meaning were compared, over all owners.</param>
public sealed record FilterReport(GeneratedFilter Filter, bool IsCompiled, long Probes);

/// <summary>What the compiler did, for <c>compile -v</c>.</summary>
/// <param name="Filters">Empty in a report of the background compiler, which keeps no text.</param>
/// <param name="Bugs">
/// One sentence each: compiled code that disagreed with the rules, with the first such packet, or that Roslyn refused. The interpreter judges for those lists.
/// </param>
public sealed record CompileReport(
    ImmutableArray<FilterReport> Filters, int Lists, int AddressSets, StageTimes Times, ImmutableArray<string> Bugs)
{
    /// <summary>Lists that compiled code judges.</summary>
    public int CompiledLists { get; init; }

    /// <summary>Those of them whose class was there already: in the cache, or of another list with the same code.</summary>
    public int ReusedLists { get; init; }

    /// <summary>Distinct lists that were generated.</summary>
    public int Distinct { get; init; } = Filters.Length;

    /// <summary>The report as lines for a person; names are harmless.</summary>
    public IEnumerable<string> Lines()
    {
        foreach (FilterReport report in Filters)
        {
            GeneratedFilter filter = report.Filter;
            SimplifiedList list = filter.Chosen.List;
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"{Owners(filter)}: {Count(list.List.Rules.Length, "rule")} in, {list.LeftOut.Length} left out; {Structure(filter.Chosen.Classifier)}, for {filter.Chosen.Why}; {filter.Text.FileName}, {filter.Text.Text.Length} characters{Checked(report)}");
            foreach (LeftOutRule rule in list.LeftOut)
            {
                yield return $"  left out {HarmlessText.Of(rule.Rule.Name)}: {HarmlessText.Of(rule.Why)}";
            }
        }

        yield return string.Create(
            CultureInfo.InvariantCulture,
            $"{Count(Lists, "list")}, {Distinct} distinct, {CompiledLists} compiled, {Count(AddressSets, "address set")}");
        yield return Times.ToString();
        foreach (string bug in Bugs)
        {
            yield return $"A compiled filter was not used: {bug} The interpreter judges for it. Report it with the topology.";
        }
    }

    private static string Owners(GeneratedFilter filter)
    {
        RuleListKey first = filter.Owners[0].Key;
        string name = $"{HarmlessText.Of(first.OwnerId)} {(first.IsIngress ? "ingress" : "egress")}";
        return filter.Owners.Length == 1
            ? name
            : string.Create(CultureInfo.InvariantCulture, $"{name} and {filter.Owners.Length - 1} more");
    }

    private static string Structure(Classifier classifier) => classifier switch
    {
        Classifier.Chain => "chain of ifs",
        Classifier.Segments => "segments",
        Classifier.Table => "table",
        _ => "nothing",
    };

    private static string Checked(FilterReport report) =>
        report.Probes == 0 ? "" : $", checked with {Counted.Of(report.Probes, "packet")}";

    private static string Count(int count, string noun) =>
        string.Create(CultureInfo.InvariantCulture, $"{count} {noun}{(count == 1 ? "" : "s")}");
}
