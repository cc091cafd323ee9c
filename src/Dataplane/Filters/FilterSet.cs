using System;
using System.Threading;

namespace Dataplane.Filters;

/// <summary>All rule lists of a topology, by slot. A slot's filter is replaced in one step: by the compiled one when it is ready and checked.</summary>
/// <remarks>Readers take no lock. A replacement has the same verdicts, so it needs no epoch; another topology is another set.</remarks>
public sealed class FilterSet
{
    private readonly Filter[] _filters;

    public FilterSet(ReadOnlySpan<Filter> filters) => _filters = filters.ToArray();

    public int Count => _filters.Length;

    public Filter this[int slot] => Volatile.Read(ref _filters[slot]);

    public void Replace(int slot, Filter filter) => Volatile.Write(ref _filters[slot], filter);
}
