// Causal memory of flows that have no entry in the flow table: those that were only denied, those that no security group remembers, and those whose entry
// was reclaimed. A flow is in one place only: making an entry takes its memory along, reclaiming the entry brings it back.
//
// Two tables, TCP and the rest, each of at most 1,048,576 flows; the one judged longest ago goes first. The caps are shared by all
// workers: a count says how many there are, and who finds it full drops its own oldest.
// Bound: 72 bytes a flow and 4 to 8 of index, 160 MiB for both when full.

using System.Threading;

namespace Dataplane.Flows;

/// <summary>How many flows the causal memories of all workers hold.</summary>
public sealed class CausalBudget(int capacity = CausalBudget.Connections)
{
    /// <summary>R-14.</summary>
    public const int Connections = 1_048_576;

    private int _tcp;
    private int _others;
    private long _dropped;

    public int Capacity { get; } = capacity;

    /// <summary>Flows that were forgotten for want of room: when not 0, records may depend on the number of workers.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    internal bool IsFull(bool tcp) => Volatile.Read(ref tcp ? ref _tcp : ref _others) >= Capacity;

    internal void Add(bool tcp, int count) => Interlocked.Add(ref tcp ? ref _tcp : ref _others, count);

    internal void Drop() => Interlocked.Increment(ref _dropped);
}

/// <summary>One worker's causal memory beside the flow table.</summary>
public sealed class CausalMemory(CausalBudget budget)
{
    private readonly CausalTable _tcp = new();
    private readonly CausalTable _others = new();

    public int Count => _tcp.Count + _others.Count;

    /// <summary>What is remembered of a flow; empty if nothing.</summary>
    public CausalState Load(in FlowKey key, uint hash)
    {
        CausalTable table = TableOf(key);
        int index = table.Find(key, hash);
        return index < 0 ? default : table.State(index);
    }

    /// <summary>Remembers a flow as judged last of all; an empty or forgotten state removes it.</summary>
    public void Store(in FlowKey key, uint hash, CausalState state, long now)
    {
        bool tcp = key.Kind == FlowKind.Tcp;
        CausalTable table = tcp ? _tcp : _others;
        int index = table.Find(key, hash);
        if (state.IsForgotten(key.Kind, now))
        {
            if (index >= 0)
            {
                table.Remove(index);
                budget.Add(tcp, -1);
            }

            return;
        }

        if (index < 0)
        {
            if (budget.IsFull(tcp) && table.Count > 0)
            {
                table.RemoveOldest();
                budget.Add(tcp, -1);
                budget.Drop();
            }

            index = table.Add(key, hash);
            budget.Add(tcp, 1);
        }

        table.Renew(index, state);
    }

    /// <summary>Takes a flow's memory out, into its new entry.</summary>
    public CausalState Take(in FlowKey key, uint hash)
    {
        bool tcp = key.Kind == FlowKind.Tcp;
        CausalTable table = tcp ? _tcp : _others;
        int index = table.Find(key, hash);
        if (index < 0)
        {
            return default;
        }

        CausalState state = table.State(index);
        table.Remove(index);
        budget.Add(tcp, -1);
        return state;
    }

    private CausalTable TableOf(in FlowKey key) => key.Kind == FlowKind.Tcp ? _tcp : _others;
}
