using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;

namespace Dataplane.Topology.Reference;

/// <summary>A dictionary of bounded size: when it is full, the entry renewed longest ago goes.</summary>
internal sealed class Recency<TKey, TValue>(int capacity)
    where TKey : notnull
{
    private readonly Dictionary<TKey, LinkedListNode<(TKey Key, TValue Value)>> _nodes = [];
    private readonly LinkedList<(TKey Key, TValue Value)> _order = new();

    public bool TryGet(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        bool found = _nodes.TryGetValue(key, out LinkedListNode<(TKey Key, TValue Value)>? node);
        value = found ? node!.Value.Value : default;
        return found;
    }

    /// <summary>Sets the value and makes the entry the newest.</summary>
    public void Renew(TKey key, TValue value)
    {
        Remove(key);
        if (_nodes.Count == capacity)
        {
            Remove(_order.First!.Value.Key);
        }

        _nodes.Add(key, _order.AddLast((key, value)));
    }

    public void Remove(TKey key)
    {
        if (_nodes.Remove(key, out LinkedListNode<(TKey Key, TValue Value)>? node))
        {
            _order.Remove(node);
        }
    }
}
