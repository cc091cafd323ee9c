// Causal memory of flows that have no entry in the flow table: those that were only denied, those that no security group remembers, and those whose entry
// was reclaimed. A flow is in one place only: making an entry takes its memory along, reclaiming the entry brings it back.
//
// Two tables, TCP and the rest, each of at most 1,048,576 flows; the one judged longest ago goes first. The caps are shared by all
// workers, which take places some at a time; who finds none left drops its own oldest.
// Bound: 48 bytes a flow (IPv6: 80 more) and 13 to 26 of index, 150 MB for both tables when full of IPv4.

using System;
using System.Threading;

namespace Dataplane.Flows;

/// <summary>How many flows the causal memories of all workers hold.</summary>
public sealed class CausalBudget(int capacity = CausalBudget.Connections)
{
    /// <summary>R-14.</summary>
    public const int Connections = 1_048_576;

    private readonly FlowPool _tcp = new(capacity);
    private readonly FlowPool _others = new(capacity);
    private long _dropped;

    public int Capacity { get; } = capacity;

    /// <summary>Flows that were forgotten for want of room: when not 0, records may depend on the number of workers.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    internal FlowPool Pool(bool tcp) => tcp ? _tcp : _others;

    internal void Drop(long flows) => Interlocked.Add(ref _dropped, flows);
}

/// <summary>One worker's causal memory beside the flow table.</summary>
public sealed class CausalMemory : IDisposable
{
    private readonly CausalBudget _budget;
    private readonly Half _tcp;
    private readonly Half _others;
    private long _dropped;

    public CausalMemory(CausalBudget budget)
    {
        ArgumentNullException.ThrowIfNull(budget);
        _budget = budget;
        _tcp = new Half(budget.Pool(tcp: true));
        _others = new Half(budget.Pool(tcp: false));
    }

    public int Count => _tcp.Table.Count + _others.Table.Count;

    /// <summary>Maps and commits memory for so many IPv4 flows of each kind, at most as many as are remembered.</summary>
    public void Prepare(int flows)
    {
        _tcp.Table.Prepare(Math.Min(flows, _budget.Capacity));
        _others.Table.Prepare(Math.Min(flows, _budget.Capacity));
    }

    /// <summary>Asks the cache for what a flow's look-up reads first; then <see cref="PrefetchRecord"/>.</summary>
    public void Prefetch(byte protocol, uint hash) => HalfOf(protocol).Table.Prefetch(hash);

    public void PrefetchRecord(byte protocol, uint hash) => HalfOf(protocol).Table.PrefetchRecord(hash);

    /// <summary>What is remembered of a flow; empty if nothing.</summary>
    /// <param name="place">For <see cref="Store(in FlowKey, uint, in CausalState, long, int)"/>, while nothing else is stored or taken.</param>
    public CausalState Load(in FlowKey key, uint hash, out int place)
    {
        CausalTable table = HalfOf(key).Table;
        place = table.Count == 0 ? -1 : table.Find(in key, hash);
        return place < 0 ? default : table.State(place);
    }

    public CausalState Load(in FlowKey key, uint hash) => Load(in key, hash, out _);

    /// <summary>Remembers a flow as judged last of all; an empty or forgotten state removes it.</summary>
    public void Store(in FlowKey key, uint hash, in CausalState state, long now) => Store(in key, hash, in state, now, HalfOf(key).Table.Find(in key, hash));

    /// <param name="place">What <see cref="Load(in FlowKey, uint, out int)"/> said.</param>
    public void Store(in FlowKey key, uint hash, in CausalState state, long now, int place)
    {
        Half half = HalfOf(key);
        CausalTable table = half.Table;
        if (state.IsForgotten(key.Kind, now))
        {
            if (place >= 0)
            {
                table.Remove(place);
                half.Give();
            }

            return;
        }

        if (place < 0)
        {
            if (!half.TryTake() && table.Count > 0)
            {
                table.RemoveOldest();
                _dropped++;
            }

            place = table.Add(in key, hash);
        }

        table.Renew(place, in state);
    }

    /// <summary>Tells the budget of the flows that were forgotten for want of room since the last call: once for many, since workers write to the same word.</summary>
    public void CountDropped()
    {
        if (_dropped != 0)
        {
            _budget.Drop(_dropped);
            _dropped = 0;
        }
    }

    /// <summary>Takes a flow's memory out, into its new entry.</summary>
    public CausalState Take(in FlowKey key, uint hash)
    {
        CausalState state = Load(in key, hash, out int place);
        if (place >= 0)
        {
            Half half = HalfOf(key);
            half.Table.Remove(place);
            half.Give();
        }

        return state;
    }

    public void Dispose()
    {
        _tcp.Table.Dispose();
        _others.Table.Dispose();
    }

    private Half HalfOf(in FlowKey key) => HalfOf(key.Protocol);

    private Half HalfOf(byte protocol) => protocol == 6 ? _tcp : _others;

    /// <summary>One table and the places that it claimed and does not use.</summary>
    private sealed class Half(FlowPool pool)
    {
        private readonly int _claim = Math.Clamp(pool.Capacity / 4_096, 1, 256);
        private int _claimed;

        public CausalTable Table { get; } = new();

        public bool TryTake()
        {
            if (_claimed == 0)
            {
                _claimed = pool.Take(_claim);
            }

            bool taken = _claimed > 0;
            _claimed -= taken ? 1 : 0;
            return taken;
        }

        /// <summary>Keeps a place for the next flow; beyond what a claim takes, other workers get it back.</summary>
        public void Give()
        {
            if (++_claimed > 2 * _claim)
            {
                pool.Give(_claim);
                _claimed -= _claim;
            }
        }
    }
}
