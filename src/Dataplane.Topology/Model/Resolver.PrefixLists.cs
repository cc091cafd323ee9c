using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using Dataplane.Packets;

namespace Dataplane.Topology.Model;

public sealed partial class Resolver
{
    private const int MostListEntries = 1_000;

    private readonly Dictionary<string, PrefixList> _lists = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _listCosts = new(StringComparer.Ordinal);
    private readonly HashSet<string> _emptyListsNamed = new(StringComparer.Ordinal);

    private void PrefixLists()
    {
        foreach (PrefixListDraft draft in Index(_draft.PrefixLists, "prefix list").Values)
        {
            ImmutableArray<IpPrefix> entries = draft.Entries is null ? [] : Blocks(draft, draft.Entries);
            _lists.Add(draft.Id, new PrefixList(draft.Id, draft.Name ?? draft.Id, entries, draft.Entries is not null));
            _listCosts.Add(draft.Id, Math.Max(1, draft.MaxEntries ?? entries.Length));
            if (entries.Length > MostListEntries)
            {
                Quota(draft.Where, $"{entries.Length} entries are more than the {MostListEntries} that a prefix list can hold (SG-41)", "Split the list");
            }
        }
    }

    /// <summary>Makes sure that the list exists; warns once if nobody knows what it holds (IMP-08).</summary>
    private void UseList(string where, string listId)
    {
        if (!_lists.TryGetValue(listId, out PrefixList? list))
        {
            list = new PrefixList(listId, listId, [], false);
            _lists.Add(listId, list);
        }

        if (!list.EntriesKnown && _emptyListsNamed.Add(listId))
        {
            _faults.Warn(
                where, $"no file holds the entries of prefix list {list.Id}, so it matches nothing",
                $"Add them: {{\"PrefixListEntries\":[{{\"PrefixListId\":\"{list.Id}\",\"Entries\":[{{\"Cidr\":\"...\"}}]}}]}}");
        }
    }
}
