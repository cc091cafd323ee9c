// Interpreters first, compiled filters when they are ready: nothing waits for Roslyn.
//
// Lists are compiled some hundred at a time, so that the first ones are swapped early and a cancelled run stops soon. A compiled filter goes into its slot only after it
// agreed with the rules on every probe; where it does not, or Roslyn refuses the text, the interpreter stays and the report says so.

using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Reflection;
using System.Threading;
using System.Threading.Tasks;
using Dataplane.Compiler.Emit;
using Dataplane.Compiler.Lower;
using Dataplane.Filters;
using Dataplane.Topology.Model;

namespace Dataplane.Compiler.Load;

/// <summary>Fills a filter set: with interpreters, then with compiled code.</summary>
public static class FilterCompiler
{
    /// <summary>Classes of one assembly.</summary>
    public const int ChunkSize = 200;

    /// <summary>A set whose every slot is interpreted.</summary>
    public static FilterSet Interpret(FilterCatalog catalog)
    {
        AddressSets sets = new(catalog.Network);
        return new FilterSet([.. catalog.Lists.Select(key => new InterpretedFilter(catalog.Network, key, sets))]);
    }

    /// <summary>Compiles every list on a thread of its own with less priority than packets have; slots are replaced as filters are ready.</summary>
    /// <returns>Ends with the report; cancelled if <paramref name="cancel"/> is. It never fails because of a list: the report says which ones stay interpreted.</returns>
    public static Task<CompileReport> CompileInBackground(FilterCatalog catalog, FilterSet set, CancellationToken cancel = default)
    {
        TaskCompletionSource<CompileReport> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Thread thread = new(() =>
        {
            try
            {
                done.SetResult(CompileAll(catalog, set, cancel));
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
            Priority = ThreadPriority.BelowNormal,
        };
        thread.Start();
        return done.Task;
    }

    /// <summary>Compiles every list and replaces its slot once the compiled filter is checked.</summary>
    /// <exception cref="OperationCanceledException">Slots that were replaced before stay so.</exception>
    public static CompileReport CompileAll(FilterCatalog catalog, FilterSet set, CancellationToken cancel = default) =>
        CompileAll(NetworkCompilation.Create(catalog, cancel), set, cancel);

    /// <summary>The same for text that was generated already.</summary>
    /// <exception cref="ArgumentException">The set has other slots than the catalog.</exception>
    /// <exception cref="OperationCanceledException">Slots that were replaced before stay so.</exception>
    public static CompileReport CompileAll(NetworkCompilation compilation, FilterSet set, CancellationToken cancel = default)
    {
        if (set.Count != compilation.Catalog.Lists.Length)
        {
            throw new ArgumentException("the set was made for another catalog", nameof(set));
        }

        Run run = new(compilation.Catalog.Network, set, cancel);
        foreach (GeneratedFilter[] chunk in compilation.Filters.Chunk(ChunkSize))
        {
            cancel.ThrowIfCancellationRequested();
            run.Compile(chunk);
        }

        return run.Report(compilation);
    }

    private sealed class Run(Network network, FilterSet set, CancellationToken cancel)
    {
        private readonly FilterLoader.Context _context = new();
        private readonly ListMeaning _meaning = new(network);
        private readonly List<FilterReport> _reports = [];
        private readonly List<string> _bugs = [];
        private double _roslyn, _load, _validate;
        private int _chunks;

        public void Compile(GeneratedFilter[] chunk)
        {
            long then = Stopwatch.GetTimestamp();
            Assembly assembly;
            try
            {
                byte[] image = FilterLoader.Compile(
                    string.Create(CultureInfo.InvariantCulture, $"Dataplane.Generated.{_chunks++}"), chunk, cancel);
                Took(ref _roslyn, ref then);
                assembly = FilterLoader.Load(image, _context);
                Took(ref _load, ref then);
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                _bugs.Add($"{exception.Message}.");
                _reports.AddRange(chunk.Select(filter => new FilterReport(filter, false, 0)));
                return;
            }

            foreach (GeneratedFilter filter in chunk)
            {
                bool isCompiled = true;
                long probes = 0;
                Filter? shared = null;
                foreach (RuleList owner in filter.Owners)
                {
                    // Without address sets the class has no state: one instance serves, and one check.
                    bool isNew = shared is null || !owner.Sets.IsEmpty;
                    Filter compiled = isNew
                        ? FilterLoader.Create(assembly, filter.ClassName, [.. owner.Sets.Select(source => source.Set)])
                        : shared!;
                    Took(ref _load, ref then);
                    if (isNew && Disagreement(owner, compiled, ref probes) is { } difference)
                    {
                        isCompiled = false;
                        _bugs.Add($"{filter.Text.FileName} for {HarmlessText.Of(owner.Key.OwnerId)}: {difference}.");
                        Took(ref _validate, ref then);
                        break;
                    }

                    Took(ref _validate, ref then);
                    shared = compiled;
                    set.Replace(owner.Key.Slot, compiled);
                }

                _reports.Add(new FilterReport(filter, isCompiled, probes));
            }
        }

        public CompileReport Report(NetworkCompilation compilation) => new(
            [.. _reports],
            compilation.Catalog.Lists.Length,
            compilation.AddressSets,
            compilation.Times with { Roslyn = _roslyn, Load = _load, Validate = _validate },
            [.. _bugs]);

        private string? Disagreement(RuleList owner, Filter compiled, ref long probes)
        {
            string? difference = TranslationValidator.Validate(owner, compiled, _meaning.Of(owner.Key), out int compared, cancel);
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
