using System;
using System.Threading;
using Dataplane.Packets;

namespace Dataplane.Filters;

/// <summary>All rule lists of a topology, by slot. A slot's filter is replaced in one step: by the compiled one when it is ready and checked.</summary>
/// <remarks>Readers take no lock. A replacement has the same verdicts, so it needs no epoch; another topology is another set.</remarks>
public sealed class FilterSet
{
    private readonly Filter[] _filters;
    private readonly Filter[] _first;

    public FilterSet(ReadOnlySpan<Filter> filters) => (_filters, _first) = (filters.ToArray(), filters.ToArray());

    public int Count => _filters.Length;

    public Filter this[int slot] => Volatile.Read(ref _filters[slot]);

    /// <summary>What a slot's filter says to <see cref="Filter.IsForAll"/>, or else the one that the set began with: generated code cannot tell, the rules that it was made of can.</summary>
    public bool? IsForAll(int slot, in Headers packet) => this[slot].IsForAll(in packet) ?? _first[slot].IsForAll(in packet);

    public void Replace(int slot, Filter filter) => Volatile.Write(ref _filters[slot], filter);
}
