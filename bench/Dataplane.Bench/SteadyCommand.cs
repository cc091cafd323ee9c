using System;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Threading;

namespace Dataplane.Bench;

/// <summary>How steady the machine itself is: the same work of registers alone, again and again, on each processor at once.</summary>
/// <remarks>Virtual processors lose their cores, and share them, without saying so. What is late here is late everywhere, and no program is the reason.</remarks>
internal static class SteadyCommand
{
    // About 0.2 ms.
    private const int Steps = 200_000;

    public static int Run(int seconds)
    {
        double[][] times = new double[Environment.ProcessorCount][];
        Thread[] threads = new Thread[times.Length];
        for (int i = 0; i < threads.Length; i++)
        {
            int number = i;
            threads[i] = new Thread(() => times[number] = Repeat(TimeSpan.FromSeconds(seconds)));
            threads[i].Start();
        }

        Console.WriteLine("thread   times   ms p50      p90      p99    p99.9    worst   slower than twice the p50, of the time");
        for (int i = 0; i < threads.Length; i++)
        {
            threads[i].Join();
            double[] sorted = times[i];
            Array.Sort(sorted);
            double half = At(sorted, 0.5), slow = 0, all = 0;
            foreach (double time in sorted)
            {
                all += time;
                slow += time > 2 * half ? time : 0;
            }

            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{i,6} {sorted.Length,7} {half,8:F3} {At(sorted, 0.9),8:F3} {At(sorted, 0.99),8:F3} {At(sorted, 0.999),8:F3} {sorted[^1],8:F3}   {slow / all:P1}"));
        }

        return 0;
    }

    private static double At(double[] sorted, double share) => sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * share))];

    private static double[] Repeat(TimeSpan span)
    {
        double[] times = new double[Math.Max(1, (int)(span.TotalMilliseconds * 20))];
        ulong x = 1;
        _ = Work(x);
        long begin = Stopwatch.GetTimestamp();
        int count = 0;
        for (long from = begin; count < times.Length && Stopwatch.GetElapsedTime(begin, from) < span;)
        {
            x = Work(x);
            long to = Stopwatch.GetTimestamp();
            times[count++] = Stopwatch.GetElapsedTime(from, to).TotalMilliseconds;
            from = to;
        }

        // What was computed is used, else it need not be computed.
        return x == 0 ? [] : times[..count];
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static ulong Work(ulong x)
    {
        for (int i = 0; i < Steps; i++)
        {
            x = (x * 6_364_136_223_846_793_005) + 1;
        }

        return x;
    }
}
