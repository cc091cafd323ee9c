using System;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Dataplane.Bench;

/// <summary>CPU time of the calling thread, so that a busy machine does not spoil a figure.</summary>
internal static partial class ThreadClock
{
    private const int ThreadCpu = 3;    // CLOCK_THREAD_CPUTIME_ID of Linux

    /// <summary>Nanoseconds that this thread has used; wall clock where the system has no such clock.</summary>
    internal static long Now => OperatingSystem.IsLinux() && ClockGetTime(ThreadCpu, out TimeSpec time) == 0
        ? (time.Seconds * 1_000_000_000) + time.Nanoseconds
        : (long)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ClockGetTime(int clock, out TimeSpec time);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
