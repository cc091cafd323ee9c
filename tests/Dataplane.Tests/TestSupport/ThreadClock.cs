// How long the machine worked on something, however many others it worked for meanwhile. A limit on wall time says more about the neighbours than about
// the code: on two cores with eight busy processes a second's work takes four.

using System;
using System.Runtime.InteropServices;

namespace Dataplane.Tests.TestSupport;

/// <summary>Processor time of the calling thread since it was made. The thread that reads it must be the one that made it.</summary>
/// <remarks>Sources: clock_gettime(2), CLOCK_THREAD_CPUTIME_ID; Microsoft, GetThreadTimes. What the garbage collector does on threads of its own is not in it.</remarks>
internal readonly struct ThreadClock
{
    private readonly TimeSpan _start;

    private ThreadClock(TimeSpan start) => _start = start;

    public TimeSpan Elapsed => Now() - _start;

    public static ThreadClock StartNew() => new(Now());

    private static TimeSpan Now()
    {
        if (OperatingSystem.IsWindows())
        {
            return GetThreadTimes(GetCurrentThread(), out _, out _, out long kernel, out long user) ? TimeSpan.FromTicks(kernel + user) : throw new InvalidOperationException("GetThreadTimes failed");
        }

        Timespec time = default;
        return ClockGetTime(OperatingSystem.IsMacOS() ? 16 : 3, ref time) == 0
            ? TimeSpan.FromSeconds(time.Seconds) + TimeSpan.FromTicks(time.Nanoseconds / 100)
            : throw new InvalidOperationException("clock_gettime failed");
    }

    [DllImport("libc", EntryPoint = "clock_gettime"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ClockGetTime(int clock, ref Timespec time);

    [DllImport("kernel32"), DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static extern nint GetCurrentThread();

    [DllImport("kernel32"), DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool GetThreadTimes(nint thread, out long created, out long ended, out long kernel, out long user);

    private struct Timespec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}
