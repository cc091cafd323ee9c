using System.Threading;

namespace Dataplane.Flows;

/// <summary>How many flows all tables together may hold.</summary>
/// <remarks>Thread-safe. A table takes a place before it makes an entry and gives it back when the entry is reclaimed.</remarks>
public sealed class FlowPool(int capacity)
{
    private int _taken;

    public int Capacity { get; } = capacity;

    public int Taken => Volatile.Read(ref _taken);

    public bool TryTake()
    {
        if (Interlocked.Increment(ref _taken) <= Capacity)
        {
            return true;
        }

        Interlocked.Decrement(ref _taken);
        return false;
    }

    public void Give(int places) => Interlocked.Add(ref _taken, -places);
}
