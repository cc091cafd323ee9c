using System;
using System.Threading;
using Dataplane.Packets;

namespace Dataplane.Filters;

/// <summary>All rule lists of a topology, by slot. A slot's filter is replaced in one step: by the compiled one when it is ready and checked.</summary>
/// <remarks>Readers take no lock. A replacement has the same verdicts, so it needs no epoch; but one that is taken back had others. Another topology is another set.</remarks>
public sealed class FilterSet
{
    private readonly Filter[] _filters;
    private readonly Filter[] _first;
    private int _withdrawn;

    public FilterSet(ReadOnlySpan<Filter> filters) => (_filters, _first) = (filters.ToArray(), filters.ToArray());

    public int Count => _filters.Length;

    public Filter this[int slot] => Volatile.Read(ref _filters[slot]);

    /// <summary>Filters that were taken back: whoever kept what filters said forgets it when this has changed.</summary>
    public int Withdrawn => Volatile.Read(ref _withdrawn);

    /// <summary>What a slot's filter says to <see cref="Filter.IsForAll"/>, or else the one that the set began with: generated code cannot tell, the rules that it was made of can, unless they are many.</summary>
    public bool? IsForAll(int slot, in Headers packet) => this[slot].IsForAll(in packet) ?? _first[slot].IsForAll(in packet);

    public void Replace(int slot, Filter filter) => Volatile.Write(ref _filters[slot], filter);

    /// <summary>Takes a filter back that says something else than the one before it.</summary>
    public void Withdraw(int slot, Filter before)
    {
        Replace(slot, before);
        Interlocked.Increment(ref _withdrawn);
    }
}
