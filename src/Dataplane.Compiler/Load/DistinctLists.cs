using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Dataplane.Compiler.Lower;

namespace Dataplane.Compiler.Load;

/// <summary>The lists of a catalog, lowered and put together with those that decide alike.</summary>
internal sealed class DistinctLists
{
    // Of the content hash, in class names: 64 bits. Lists that share them but not the hash, which only an attacker finds, get all of it.
    private const int NameDigits = 16;

    private DistinctLists(ImmutableArray<ImmutableArray<RuleList>> owners, ImmutableArray<string> classNames, int addressSets)
    {
        Owners = owners;
        ClassNames = classNames;
        AddressSets = addressSets;
    }

    /// <summary>In the order of the first owners' slots; each by slot.</summary>
    public ImmutableArray<ImmutableArray<RuleList>> Owners { get; }

    /// <summary>By place in <see cref="Owners"/>.</summary>
    public ImmutableArray<string> ClassNames { get; }

    /// <summary>Distinct address sets that the lists name.</summary>
    public int AddressSets { get; }

    /// <exception cref="OperationCanceledException"></exception>
    public static DistinctLists Of(FilterCatalog catalog, CancellationToken cancel)
    {
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

        HashSet<string> ambiguous = [.. hashes.GroupBy(hash => hash[..NameDigits]).Where(group => group.Count() > 1).SelectMany(group => group)];
        return new DistinctLists(
            [.. hashes.Select(hash => byHash[hash].ToImmutableArray())],
            [.. hashes.Select(hash => "Filter_" + (ambiguous.Contains(hash) ? hash : hash[..NameDigits]))],
            lowering.Sets.Count);
    }
}
