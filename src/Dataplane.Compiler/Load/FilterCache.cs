// Compiled classes by what they decide, kept from one network to the next: a reload compiles only what changed.
//
// Two keys. A list's content hash finds the class of an equal list without any text being made. The text itself, without comments and class name, finds the class of a
// list whose code is the same though its rules are not (rules that can never match, for one). A class of the cache was checked against the rules once; membership of groups and prefix
// lists is given to its instances and never part of it.
//
// A batch of classes is one assembly in a load context of its own, which goes when nothing uses a class of it: neither the cache nor an engine's slot. Keep drops
// what a network no longer has; whoever reloads calls it once the old engine is gone.

using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using Dataplane.Compiler.Emit;
using Dataplane.Compiler.Lower;
using Dataplane.Filters;

namespace Dataplane.Compiler.Load;

/// <summary>Compiled filters that outlive the network which they were compiled for.</summary>
/// <remarks>Thread-safe; one cache may serve several engines.</remarks>
public sealed class FilterCache
{
    private readonly ConcurrentDictionary<string, CompiledClass> _byContent = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, CompiledClass> _byText = new(StringComparer.Ordinal);
    private readonly List<WeakReference<Type>> _assemblies = [];

    /// <summary>Lists of different content that are ready.</summary>
    public int Count => _byContent.Count;

    /// <summary>Assemblies of this cache's classes that the runtime has not unloaded: those in use, and for a while those that no longer are.</summary>
    public int LiveAssemblies
    {
        get
        {
            lock (_assemblies)
            {
                _assemblies.RemoveAll(one => !one.TryGetTarget(out _));
                return _assemblies.Count;
            }
        }
    }

    /// <summary>Drops what none of these lists needs.</summary>
    public void Keep(FilterCatalog catalog)
    {
        Lowering lowering = new(catalog);
        HashSet<string> used = [.. catalog.Lists.Select(key => lowering.Lower(key).ContentHash)];
        foreach (string hash in _byContent.Keys.Where(hash => !used.Contains(hash)))
        {
            _byContent.TryRemove(hash, out _);
        }

        HashSet<Type?> types = [.. _byContent.Values.Select(one => one.Type)];
        foreach ((string text, CompiledClass one) in _byText)
        {
            if (!types.Contains(one.Type))
            {
                _byText.TryRemove(text, out _);
            }
        }
    }

    internal bool TryGet(string contentHash, out CompiledClass found) => _byContent.TryGetValue(contentHash, out found);

    internal bool TryGetText(GeneratedFilter filter, out CompiledClass found)
    {
        found = default;
        return filter.Numbers is null && _byText.TryGetValue(Essence(filter), out found);
    }

    internal void Remove(string contentHash) => _byContent.TryRemove(contentHash, out _);

    /// <summary>Counts an assembly for as long as its code is there. A type of it says so; the context object itself goes before.</summary>
    internal void Track(Type type)
    {
        lock (_assemblies)
        {
            _assemblies.RemoveAll(one => !one.TryGetTarget(out _));
            _assemblies.Add(new WeakReference<Type>(type));
        }
    }

    internal void Add(GeneratedFilter filter, CompiledClass compiled)
    {
        _byContent[filter.Chosen.List.List.ContentHash] = compiled;
        if (filter.Numbers is null)
        {
            _byText[Essence(filter)] = compiled;
        }
    }

    /// <summary>The code without what names it: the SHA-256 of its lines but comments, class name taken out.</summary>
    private static string Essence(GeneratedFilter filter)
    {
        StringBuilder text = new(filter.Text.Text.Length);
        foreach (ReadOnlySpan<char> line in filter.Text.Text.AsSpan().EnumerateLines())
        {
            if (!line.TrimStart().StartsWith("//"))
            {
                text.Append(line).Append('\n');
            }
        }

        text.Replace(filter.ClassName, "Filter_");
        return Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }
}

/// <summary>A loaded class of generated code, or rows that are loaded in its place.</summary>
/// <param name="Type">A subclass of <see cref="Filter"/> whose constructor takes address sets; null for rows.</param>
internal readonly record struct CompiledClass(Type? Type, SegmentNumbers? Numbers = null)
{
    public Filter Create(RuleList owner)
    {
        AddressSet[] sets = [.. owner.Sets.Select(source => source.Set)];
        return Numbers is { } numbers ? numbers.Create(owner.Key.IsIngress, sets) : FilterLoader.Create(Type!, sets);
    }

    /// <summary>The filters of several lists; those without address sets have no state and share one.</summary>
    public IEnumerable<(RuleList Owner, Filter Filter, bool IsNew)> CreateAll(ImmutableArray<RuleList> owners)
    {
        Filter? shared = null;
        foreach (RuleList owner in owners)
        {
            bool isNew = shared is null || !owner.Sets.IsEmpty;
            shared = isNew ? Create(owner) : shared!;
            yield return (owner, shared, isNew);
        }
    }
}
