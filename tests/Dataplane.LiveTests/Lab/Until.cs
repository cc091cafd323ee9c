using System;
using System.Diagnostics;
using System.Threading;

namespace Dataplane.LiveTests.Lab;

/// <summary>Waiting for something of another program, with an end.</summary>
internal static class Until
{
    internal static readonly TimeSpan Longest = TimeSpan.FromSeconds(20);

    /// <summary>Asks again and again.</summary>
    /// <exception cref="TimeoutException">It did not become true.</exception>
    internal static void True(Func<bool> condition, Func<string> otherwise)
    {
        Stopwatch clock = Stopwatch.StartNew();
        while (!condition())
        {
            if (clock.Elapsed > Longest)
            {
                throw new TimeoutException(otherwise());
            }

            Thread.Sleep(10);
        }
    }
}
