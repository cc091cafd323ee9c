// All lists of a network through Lower, Simplify, Choose and Emit: text, no Roslyn yet.

using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using Dataplane.Compiler.Choose;
using Dataplane.Compiler.Emit;
using Dataplane.Compiler.Lower;
using Dataplane.Compiler.Simplify;

namespace Dataplane.Compiler.Load;

/// <summary>The generated code of a network. The same network gives the same bytes.</summary>
public sealed class NetworkCompilation
{
    private NetworkCompilation(FilterCatalog catalog, ImmutableArray<GeneratedFilter> filters, int addressSets, StageTimes times)
    {
        Catalog = catalog;
        Filters = filters;
        AddressSets = addressSets;
        Times = times;
    }

    public FilterCatalog Catalog { get; }

    /// <summary>One for each distinct list, in the order of their first owners' slots.</summary>
    public ImmutableArray<GeneratedFilter> Filters { get; }

    /// <summary>Distinct address sets that the lists name.</summary>
    public int AddressSets { get; }

    /// <summary>Up to Emit.</summary>
    public StageTimes Times { get; }

    /// <summary>The files of <c>compile</c>, in the order of <see cref="Filters"/>.</summary>
    public IEnumerable<CompiledText> Texts => Filters.Select(filter => filter.Text);

    /// <exception cref="OperationCanceledException"></exception>
    public static NetworkCompilation Create(FilterCatalog catalog, CancellationToken cancel = default) => Create(catalog, Chooser.LongestChain, cancel);

    internal static NetworkCompilation Create(FilterCatalog catalog, int longestChain, CancellationToken cancel, long mostCells = Chooser.MostCells)
    {
        double[] stages = new double[4];
        long then = Stopwatch.GetTimestamp();
        DistinctLists lists = DistinctLists.Of(catalog, cancel);
        stages[0] = Stopwatch.GetElapsedTime(then).TotalMilliseconds;
        ImmutableArray<GeneratedFilter>.Builder filters = ImmutableArray.CreateBuilder<GeneratedFilter>(lists.Owners.Length);
        for (int i = 0; i < lists.Owners.Length; i++)
        {
            cancel.ThrowIfCancellationRequested();
            filters.Add(Generate(lists.Owners[i], lists.ClassNames[i], longestChain, stages, mostCells));
        }

        return new NetworkCompilation(
            catalog, filters.MoveToImmutable(), lists.AddressSets, new StageTimes(stages[0], stages[1], stages[2], stages[3]));
    }

    /// <summary>One list through Simplify, Choose and Emit; adds the milliseconds of each to entries 1 to 3 of <paramref name="stages"/>.</summary>
    internal static GeneratedFilter Generate(ImmutableArray<RuleList> owners, string className, int longestChain, double[] stages, long mostCells = Chooser.MostCells)
    {
        long then = Stopwatch.GetTimestamp();
        SimplifiedList simplified = Simplifier.Simplify(owners[0]);
        Took(1);
        ChosenList chosen = Chooser.Choose(simplified, longestChain, mostCells);
        Took(2);
        GeneratedFilter filter = new(className, chosen, owners);
        if (filter.Numbers is null)
        {
            _ = filter.Text;
        }

        Took(3);
        return filter;

        void Took(int stage)
        {
            long now = Stopwatch.GetTimestamp();
            stages[stage] += Stopwatch.GetElapsedTime(then, now).TotalMilliseconds;
            then = now;
        }
    }

    /// <summary>What was generated, without compiling it.</summary>
    public CompileReport Report() => new(
        [.. Filters.Select(filter => new FilterReport(filter, false, 0))], Catalog.Lists.Length, AddressSets, Times, []);
}
