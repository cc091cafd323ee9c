using System.Threading;

namespace Dataplane.Engine;

/// <summary>A count that threads move on and others wait for: a short while turning, then asleep.</summary>
/// <remarks>Who waits reads the count before it looks whether there is something to do, so a move after the look is not slept through.</remarks>
internal sealed class Gate
{
    // Meant to be longer than it takes to wake a sleeper (50 us and more on virtual machines), else each meeting costs two wakings. Much longer starves the thread that is waited
    // for where cores are taken. Offering the processor at each turn (Thread.Yield) was slower on free ones.
    private const int Turns = 400;

    private readonly object _sleep = new();
    private int _count;
    private int _sleeping;

    public int Count => Volatile.Read(ref _count);

    /// <summary>Adds one, and wakes all that wait. Any thread.</summary>
    public void Move()
    {
        // A full fence: either this thread sees the sleeper, or the sleeper sees the new count.
        Interlocked.Increment(ref _count);
        if (Volatile.Read(ref _sleeping) != 0)
        {
            lock (_sleep)
            {
                Monitor.PulseAll(_sleep);
            }
        }
    }

    /// <summary>Returns when the count is no longer <paramref name="seen"/>. Any number of threads.</summary>
    public void WaitWhile(int seen)
    {
        for (int i = 0; i < Turns; i++)
        {
            if (Volatile.Read(ref _count) != seen)
            {
                return;
            }

            Thread.SpinWait(8);
        }

        lock (_sleep)
        {
            Interlocked.Increment(ref _sleeping);
            while (Volatile.Read(ref _count) == seen)
            {
                Monitor.Wait(_sleep);
            }

            Interlocked.Decrement(ref _sleeping);
        }
    }
}
