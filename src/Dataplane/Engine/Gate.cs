using System.Threading;

namespace Dataplane.Engine;

/// <summary>A count that one thread moves on and others wait for: a short while turning, then asleep.</summary>
internal sealed class Gate
{
    // Meant to be longer than it takes to wake a sleeper (50 us and more on virtual machines), else each meeting costs two wakings. Much longer starves the thread that is waited
    // for where cores are taken. Offering the processor at each turn (Thread.Yield) was slower on free ones.
    private const int Turns = 400;

    private readonly Lock _moving = new();
    private readonly ManualResetEventSlim[] _sleepers = [new(false, 0), new(false, 0)];
    private int _count;

    public int Count => Volatile.Read(ref _count);

    /// <summary>Adds one, and wakes who waits for the new count.</summary>
    public void Move()
    {
        lock (_moving)
        {
            int count = _count + 1;
            _sleepers[(count + 1) & 1].Reset();
            Volatile.Write(ref _count, count);
            _sleepers[count & 1].Set();
        }
    }

    /// <summary>Returns when the count is no longer <paramref name="seen"/>.</summary>
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

        while (Volatile.Read(ref _count) == seen)
        {
            _sleepers[(seen + 1) & 1].Wait();
        }
    }
}
