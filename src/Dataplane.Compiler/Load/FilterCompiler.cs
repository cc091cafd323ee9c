// Interpreters first, compiled filters when they are ready: nothing waits for Roslyn.
//
// Lists of a network are compiled in batches, one assembly a batch: lists that packets have asked first, then the others in the order of their slots. The first batch is small, so
// that a short run has something of it. What a cache of an earlier network holds is not compiled again. A compiled filter goes into its slot only after it
// agreed with the rules on every probe; where it does not, or Roslyn refuses the text, the interpreter stays and the report says so.

using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Linq;
using System.Reflection;
using System.Threading;
using System.Threading.Tasks;
using Dataplane.Compiler.Choose;
using Dataplane.Compiler.Emit;
using Dataplane.Compiler.Lower;
using Dataplane.Filters;
using Dataplane.Topology.Model;

namespace Dataplane.Compiler.Load;

/// <summary>Fills a filter set: with interpreters, then with compiled code.</summary>
public static class FilterCompiler
{
    /// <summary>Classes of one assembly at most.</summary>
    public const int ChunkSize = 200;

    /// <summary>Rules of one assembly, unless a single list has more.</summary>
    public const int ChunkRules = 6_000;

    private const int FirstChunkSize = 16;

    // What pays (docs/decisions/0003-classifiers.md): a list is turned into numbers for about 50 us a rule, as much as interpreting that rule for some ten thousand packets. Code needs
    // Roslyn, whose first assembly costs about a second of processor time, as much as comparing packets with some hundred million rules; later ones some milliseconds a list.
    private const long AskedForData = 20_000;
    private const long ComparedForRoslyn = 300_000_000;
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(100);

    /// <summary>A set whose every slot is interpreted.</summary>
    public static FilterSet Interpret(FilterCatalog catalog)
    {
        AddressSets sets = new(catalog.Network);
        Dictionary<string, SecurityGroup> groups = catalog.Network.SecurityGroups.ToDictionary(group => group.Id, StringComparer.Ordinal);
        Dictionary<string, NetworkAcl> acls = catalog.Network.NetworkAcls.ToDictionary(acl => acl.Id, StringComparer.Ordinal);
        Filter[] filters = new Filter[catalog.Lists.Length];
        foreach (RuleListKey key in catalog.Lists)
        {
            filters[key.Slot] = key.Kind == ListKind.NetworkAcl
                ? new InterpretedFilter(key, key.IsIngress ? acls[key.OwnerId].Ingress : acls[key.OwnerId].Egress)
                : new InterpretedFilter(key, key.IsIngress ? groups[key.OwnerId].Ingress : groups[key.OwnerId].Egress, sets);
        }

        return new FilterSet(filters);
    }

    /// <summary>Puts the compiled filters that a cache holds into their slots, at once and without Roslyn.</summary>
    /// <returns>How many slots got one.</returns>
    /// <exception cref="ArgumentException">The set has other slots than the catalog.</exception>
    public static int Reuse(FilterCatalog catalog, FilterSet set, FilterCache cache)
    {
        CheckSlots(catalog, set);
        if (cache.Count == 0)
        {
            return 0;
        }

        DistinctLists lists = DistinctLists.Of(catalog, CancellationToken.None);
        int reused = 0;
        foreach (ImmutableArray<RuleList> owners in lists.Owners)
        {
            if (cache.TryGet(owners[0].ContentHash, out CompiledClass compiled))
            {
                foreach ((RuleList owner, Filter filter, _) in compiled.CreateAll(owners))
                {
                    set.Replace(owner.Key.Slot, filter);
                    reused++;
                }
            }
        }

        return reused;
    }

    /// <summary>Compiles every list on a thread of its own; slots are replaced as filters are ready.</summary>
    /// <remarks>
    /// Of no less priority than the threads that judge: a garbage collection runs in the thread that asked for it while all others stand still, and a thread that gives way to other
    /// programs makes packets wait for them too. With less priority, 17 ms became 100 and more on two busy cores.
    /// </remarks>
    /// <returns>Ends with the report, which counts and keeps no text; cancelled if <paramref name="cancel"/> is. It never fails because of a list: the report says which ones stay interpreted.</returns>
    public static Task<CompileReport> CompileInBackground(FilterCatalog catalog, FilterSet set, CancellationToken cancel = default) =>
        CompileInBackground(catalog, set, new FilterCache(), cancel);

    /// <inheritdoc cref="CompileInBackground(FilterCatalog, FilterSet, CancellationToken)"/>
    /// <param name="cache">What it holds is not compiled again, what is compiled is added.</param>
    public static Task<CompileReport> CompileInBackground(FilterCatalog catalog, FilterSet set, FilterCache cache, CancellationToken cancel = default)
    {
        TaskCompletionSource<CompileReport> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Thread thread = new(() =>
        {
            try
            {
                done.SetResult(Compile(catalog, set, cache, keepsText: false, cancel));
            }
            catch (OperationCanceledException)
            {
                done.SetCanceled(cancel);
            }
            catch (Exception exception)
            {
                done.SetException(exception);
            }
        })
        {
            IsBackground = true,
            Name = "compile filters",
        };
        thread.Start();
        return done.Task;
    }

    /// <summary>Compiles lists while packets ask them, each as soon as interpreting it has cost about what compiling it will. Returns when all are compiled.</summary>
    /// <param name="report">Gets what was done so far, after each step.</param>
    /// <exception cref="OperationCanceledException">Slots that were replaced before stay so.</exception>
    internal static void CompileAsAsked(FilterCatalog catalog, FilterSet set, FilterCache cache, Action<CompileReport> report, CancellationToken cancel)
    {
        CheckSlots(catalog, set);
        while (catalog.Lists.All(list => Asked(set, list.Slot).Packets < AskedForData))
        {
            Pause(cancel);
        }

        double[] stages = new double[4];
        DistinctLists lists = DistinctLists.Of(catalog, cancel);
        Run run = new(catalog.Network, set, cache, keepsText: false, cancel);
        List<int> waiting = [.. Enumerable.Range(0, lists.Owners.Length)];
        List<GeneratedFilter> code = [];
        bool isWarm = false;
        while (waiting.Count > 0 || code.Count > 0)
        {
            for (int at = waiting.Count - 1; at >= 0; at--)
            {
                ImmutableArray<RuleList> owners = lists.Owners[waiting[at]];
                if (owners.Sum(owner => Asked(set, owner.Key.Slot).Packets) < AskedForData)
                {
                    continue;
                }

                if (!run.TryReuse(owners))
                {
                    GeneratedFilter filter = NetworkCompilation.Generate(owners, lists.ClassNames[waiting[at]], Chooser.LongestChain, stages);
                    if (filter.Numbers is null)
                    {
                        code.Add(filter);
                    }
                    else
                    {
                        run.Compile([filter]);
                    }
                }

                waiting.RemoveAt(at);
            }

            if (code.Count > 0 && (isWarm || code.Sum(filter => filter.Owners.Sum(owner => Asked(set, owner.Key.Slot).Compared)) >= ComparedForRoslyn))
            {
                run.Compile([.. code]);
                code.Clear();
                isWarm = true;
            }

            run.Finish();
            report(run.Report(catalog, lists.AddressSets, new StageTimes(stages[0], stages[1], stages[2], stages[3])));
            Pause(cancel);
        }
    }

    /// <summary>How many packets have asked a slot's interpreter, and with how many rules they were compared at most.</summary>
    private static (long Packets, long Compared) Asked(FilterSet set, int slot) =>
        set[slot] is InterpretedFilter filter ? (filter.Asked, filter.Asked * filter.Rules) : default;

    private static void Pause(CancellationToken cancel)
    {
        if (cancel.WaitHandle.WaitOne(LookEvery))
        {
            cancel.ThrowIfCancellationRequested();
        }
    }

    /// <summary>
    /// Makes the filters of long lists that need no Roslyn, so that a set that takes over under load does not have to interpret them; what the cache holds must have been reused before.
    /// </summary>
    /// <param name="least">Rules of a list for which it is worth it.</param>
    /// <returns>The rest of the checks, to be run when the set is in use; it puts the interpreter back where one fails. Null when there is nothing to check.</returns>
    public static Func<CompileReport>? CompileData(FilterCatalog catalog, FilterSet set, FilterCache cache, int least, CancellationToken cancel = default)
    {
        CheckSlots(catalog, set);
        if (catalog.Network.SecurityGroups.All(g => Math.Max(g.Ingress.Length, g.Egress.Length) < least)
            && catalog.Network.NetworkAcls.All(a => Math.Max(a.Ingress.Length, a.Egress.Length) < least))
        {
            return null;
        }

        double[] stages = new double[4];
        DistinctLists lists = DistinctLists.Of(catalog, cancel);
        Run run = new(catalog.Network, set, cache, false, cancel);
        bool any = false;
        for (int i = 0; i < lists.Owners.Length; i++)
        {
            if (lists.Owners[i][0].Rules.Length >= least && !cache.TryGet(lists.Owners[i][0].ContentHash, out _))
            {
                GeneratedFilter filter = NetworkCompilation.Generate(lists.Owners[i], lists.ClassNames[i], Chooser.LongestChain, stages);
                if (filter.Numbers is not null)
                {
                    run.Compile([filter]);
                    any = true;
                }
            }
        }

        return !any ? null : () =>
        {
            run.Finish();
            return run.Report(catalog, lists.AddressSets, new StageTimes(stages[0], stages[1], stages[2], stages[3]));
        };
    }

    /// <summary>Compiles every list and replaces its slot once the compiled filter is checked.</summary>
    /// <exception cref="ArgumentException">The set has other slots than the catalog.</exception>
    /// <exception cref="OperationCanceledException">Slots that were replaced before stay so.</exception>
    public static CompileReport CompileAll(FilterCatalog catalog, FilterSet set, CancellationToken cancel = default) =>
        CompileAll(catalog, set, new FilterCache(), cancel);

    /// <inheritdoc cref="CompileAll(FilterCatalog, FilterSet, CancellationToken)"/>
    /// <param name="cache">What it holds is not compiled again, what is compiled is added.</param>
    public static CompileReport CompileAll(FilterCatalog catalog, FilterSet set, FilterCache cache, CancellationToken cancel = default) =>
        Compile(catalog, set, cache, keepsText: true, cancel);

    /// <summary>The same for text that was generated already.</summary>
    /// <exception cref="ArgumentException">The set has other slots than the catalog.</exception>
    /// <exception cref="OperationCanceledException">Slots that were replaced before stay so.</exception>
    public static CompileReport CompileAll(NetworkCompilation compilation, FilterSet set, CancellationToken cancel = default)
    {
        CheckSlots(compilation.Catalog, set);
        Run run = new(compilation.Catalog.Network, set, new FilterCache(), true, cancel);
        foreach (GeneratedFilter[] chunk in compilation.Filters.Chunk(ChunkSize))
        {
            cancel.ThrowIfCancellationRequested();
            run.Compile(chunk);
        }

        run.Finish();
        return run.Report(compilation.Catalog, compilation.AddressSets, compilation.Times);
    }

    private static CompileReport Compile(FilterCatalog catalog, FilterSet set, FilterCache cache, bool keepsText, CancellationToken cancel)
    {
        CheckSlots(catalog, set);
        double[] stages = new double[4];
        long then = Stopwatch.GetTimestamp();
        DistinctLists lists = DistinctLists.Of(catalog, cancel);
        stages[0] = Stopwatch.GetElapsedTime(then).TotalMilliseconds;
        Run run = new(catalog.Network, set, cache, keepsText, cancel);
        List<int> waiting = [];
        for (int i = 0; i < lists.Owners.Length; i++)
        {
            if (!run.TryReuse(lists.Owners[i]))
            {
                waiting.Add(i);
            }
        }

        for (int size = FirstChunkSize; waiting.Count > 0; size = ChunkSize)
        {
            cancel.ThrowIfCancellationRequested();
            List<int> chunk = Next(waiting, lists, set, size);
            run.Compile([.. chunk.Select(i => NetworkCompilation.Generate(lists.Owners[i], lists.ClassNames[i], Chooser.LongestChain, stages))]);
        }

        run.Finish();
        return run.Report(catalog, lists.AddressSets, new StageTimes(stages[0], stages[1], stages[2], stages[3]));
    }

    /// <summary>Takes the next lists to compile out of those that wait: asked ones first.</summary>
    private static List<int> Next(List<int> waiting, DistinctLists lists, FilterSet set, int size)
    {
        List<int> chunk = [];
        int rules = 0;
        foreach (bool asked in (ReadOnlySpan<bool>)[true, false])
        {
            foreach (int list in waiting)
            {
                if (chunk.Count == size || (chunk.Count > 0 && rules >= ChunkRules))
                {
                    break;
                }

                if (asked == lists.Owners[list].Any(owner => set[owner.Key.Slot] is InterpretedFilter { IsAsked: true }))
                {
                    chunk.Add(list);
                    rules += lists.Owners[list][0].Rules.Length;
                }
            }
        }

        HashSet<int> taken = [.. chunk];
        waiting.RemoveAll(taken.Contains);
        return chunk;
    }

    private static void CheckSlots(FilterCatalog catalog, FilterSet set)
    {
        if (set.Count != catalog.Lists.Length)
        {
            throw new ArgumentException("the set was made for another catalog", nameof(set));
        }
    }

    private sealed class Run(Network network, FilterSet set, FilterCache cache, bool keepsText, CancellationToken cancel)
    {
        private readonly ListMeaning _meaning = new(network);
        private readonly List<FilterReport> _reports = [];
        private readonly List<string> _bugs = [];

        // Lists of thousands of rules, swapped after a first look: the filter that stood there before comes back if the second one finds something.
        private readonly List<(GeneratedFilter Filter, RuleList Owner, Filter Compiled, Filter Before)> _unfinished = [];
        private double _roslyn, _load, _validate;
        private int _compiledLists, _reusedLists, _distinct;

        /// <summary>Fills the slots of equal lists from the cache, when it has their class.</summary>
        public bool TryReuse(ImmutableArray<RuleList> owners)
        {
            if (!cache.TryGet(owners[0].ContentHash, out CompiledClass compiled))
            {
                return false;
            }

            Use(compiled, owners);
            return true;
        }

        public void Compile(GeneratedFilter[] chunk)
        {
            // Equal code is compiled once, whatever it was generated from.
            List<GeneratedFilter> fresh = [];
            foreach (GeneratedFilter filter in chunk)
            {
                if (cache.TryGetText(filter, out CompiledClass equal))
                {
                    cache.Add(filter, equal);
                    Use(equal, filter.Owners);
                    Report(filter, true, 0);
                }
                else if (filter.Numbers is { } numbers)
                {
                    Check(filter, new CompiledClass(null, numbers));
                }
                else
                {
                    fresh.Add(filter);
                }
            }

            if (fresh.Count == 0)
            {
                return;
            }

            long then = Stopwatch.GetTimestamp();
            Assembly assembly;
            try
            {
                byte[] image = FilterLoader.Compile(FilterLoader.NextName(), fresh, cancel);
                Took(ref _roslyn, ref then);
                assembly = FilterLoader.Load(image, new FilterLoader.Context());
                cache.Track(FilterLoader.TypeOf(assembly, fresh[0].ClassName));
                Took(ref _load, ref then);
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                _bugs.Add($"{exception.Message}.");
                foreach (GeneratedFilter filter in fresh)
                {
                    Report(filter, false, 0);
                }

                return;
            }

            foreach (GeneratedFilter filter in fresh)
            {
                Check(filter, new CompiledClass(FilterLoader.TypeOf(assembly, filter.ClassName)));
            }
        }

        /// <summary>Checks the instances of a class and puts them into the slots of its owners.</summary>
        private void Check(GeneratedFilter filter, CompiledClass compiled)
        {
            cancel.ThrowIfCancellationRequested();
            long then = Stopwatch.GetTimestamp();
            long probes = 0;
            string? difference = null;
            foreach ((RuleList owner, Filter one, bool isNew) in compiled.CreateAll(filter.Owners))
            {
                Took(ref _load, ref then);
                difference = isNew ? Disagreement(owner, one, ref probes) : null;
                Took(ref _validate, ref then);
                if (difference is not null)
                {
                    _bugs.Add($"{filter.Text.FileName} for {HarmlessText.Of(owner.Key.OwnerId)}: {difference}.");
                    break;
                }

                if (isNew && TranslationValidator.NeedsSecond(owner))
                {
                    _unfinished.Add((filter, owner, one, set[owner.Key.Slot]));
                }

                set.Replace(owner.Key.Slot, one);
                _compiledLists++;
            }

            if (difference is null)
            {
                cache.Add(filter, compiled);
            }

            Report(filter, difference is null, probes);
        }

        /// <summary>The rest of the checks, when every list is in use.</summary>
        public void Finish()
        {
            long then = Stopwatch.GetTimestamp();
            foreach ((GeneratedFilter filter, RuleList owner, Filter compiled, Filter before) in _unfinished)
            {
                string? difference = TranslationValidator.Validate(owner, compiled, _meaning.Of(owner.Key), out _, cancel);
                if (difference is not null)
                {
                    // Lists without sets share the filter.
                    foreach (RuleList one in filter.Owners.Where(one => ReferenceEquals(set[one.Key.Slot], compiled)))
                    {
                        set.Withdraw(one.Key.Slot, before);
                        _compiledLists--;
                    }

                    cache.Remove(owner.ContentHash);
                    _bugs.Add($"{filter.Text.FileName} for {HarmlessText.Of(owner.Key.OwnerId)}: {difference}.");
                    int report = _reports.FindIndex(one => ReferenceEquals(one.Filter, filter));
                    if (report >= 0)
                    {
                        _reports[report] = _reports[report] with { IsCompiled = false };
                    }
                }
            }

            _unfinished.Clear();
            Took(ref _validate, ref then);
        }

        public CompileReport Report(FilterCatalog catalog, int addressSets, StageTimes times) => new(
            [.. _reports.OrderBy(report => report.Filter.Owners[0].Key.Slot)],
            catalog.Lists.Length,
            addressSets,
            times with { Roslyn = _roslyn, Load = _load, Validate = _validate },
            [.. _bugs])
        {
            CompiledLists = _compiledLists,
            ReusedLists = _reusedLists,
            Distinct = _distinct,
        };

        private void Use(CompiledClass compiled, ImmutableArray<RuleList> owners)
        {
            foreach ((RuleList owner, Filter filter, _) in compiled.CreateAll(owners))
            {
                set.Replace(owner.Key.Slot, filter);
                _compiledLists++;
                _reusedLists++;
            }
        }

        private void Report(GeneratedFilter filter, bool isCompiled, long probes)
        {
            _distinct++;
            if (keepsText)
            {
                _reports.Add(new FilterReport(filter, isCompiled, probes));
            }
        }

        private string? Disagreement(RuleList owner, Filter compiled, ref long probes)
        {
            string? difference = TranslationValidator.Validate(owner, compiled, _meaning.Of(owner.Key), out int compared, cancel, isFirst: true);
            probes += compared;
            return difference;
        }

        private static void Took(ref double stage, ref long then)
        {
            long now = Stopwatch.GetTimestamp();
            stage += Stopwatch.GetElapsedTime(then, now).TotalMilliseconds;
            then = now;
        }
    }
}
