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
    // Of the content hash, in class names: 64 bits. Lists that share them but not the hash, which only an attacker finds, get all of it.
    private const int NameDigits = 16;

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

    internal static NetworkCompilation Create(FilterCatalog catalog, int longestChain, CancellationToken cancel)
    {
        double[] stages = new double[4];
        long then = Stopwatch.GetTimestamp();

        Lowering lowering = new(catalog);
        Dictionary<string, List<RuleList>> byHash = new(StringComparer.Ordinal);
        List<string> hashes = [];
        foreach (RuleListKey key in catalog.Lists)
        {
            cancel.ThrowIfCancellationRequested();
            RuleList list = lowering.Lower(key);
            if (!byHash.TryGetValue(list.ContentHash, out List<RuleList>? owners))
            {
                byHash.Add(list.ContentHash, owners = []);
                hashes.Add(list.ContentHash);
            }

            owners.Add(list);
        }

        Took(0);
        HashSet<string> ambiguous = [.. hashes.GroupBy(hash => hash[..NameDigits]).Where(group => group.Count() > 1).SelectMany(group => group)];
        ImmutableArray<GeneratedFilter>.Builder filters = ImmutableArray.CreateBuilder<GeneratedFilter>(hashes.Count);
        foreach (string hash in hashes)
        {
            cancel.ThrowIfCancellationRequested();
            ImmutableArray<RuleList> owners = [.. byHash[hash]];
            then = Stopwatch.GetTimestamp();
            SimplifiedList simplified = Simplifier.Simplify(owners[0]);
            Took(1);
            ChosenList chosen = Chooser.Choose(simplified, longestChain);
            Took(2);
            filters.Add(FilterEmitter.Emit("Filter_" + (ambiguous.Contains(hash) ? hash : hash[..NameDigits]), chosen, owners));
            Took(3);
        }

        return new NetworkCompilation(
            catalog, filters.MoveToImmutable(), lowering.Sets.Count, new StageTimes(stages[0], stages[1], stages[2], stages[3]));

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
