using System;
using System.Threading;

namespace Dataplane.Flows;

/// <summary>How many flows all tables together may hold.</summary>
/// <remarks>Thread-safe. A table takes places before it makes entries and gives one back for each entry that is reclaimed; with several tables each may hold up to 255 that it does not use.</remarks>
public sealed class FlowPool(int capacity)
{
    private int _taken;

    public int Capacity { get; } = capacity;

    public int Taken => Volatile.Read(ref _taken);

    /// <summary>Takes up to <paramref name="wanted"/> places and returns how many.</summary>
    public int Take(int wanted)
    {
        while (true)
        {
            int taken = Volatile.Read(ref _taken);
            int got = Math.Min(wanted, Capacity - taken);
            if (got <= 0)
            {
                return 0;
            }

            if (Interlocked.CompareExchange(ref _taken, taken + got, taken) == taken)
            {
                return got;
            }
        }
    }

    /// <summary>Takes a place whether there is one or not: for a flow that is remembered already. Until as many are given back nobody gets another.</summary>
    public void Overdraw() => Interlocked.Increment(ref _taken);

    public void Give(int places) => Interlocked.Add(ref _taken, -places);
}
