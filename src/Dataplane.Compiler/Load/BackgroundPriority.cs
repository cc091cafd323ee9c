using System;
using System.Runtime.InteropServices;

namespace Dataplane.Compiler.Load;

/// <summary>Makes a thread give way to those that judge packets.</summary>
internal static class BackgroundPriority
{
    private const int OfProcessOrThread = 0;    // PRIO_PROCESS
    private const int Nice = 5;

    /// <summary>For the calling thread. Linux knows no priorities of threads but their niceness, and who = 0 means the thread that calls; elsewhere <see cref="System.Threading.ThreadPriority"/> is enough.</summary>
    public static void Lower()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        try
        {
            _ = SetPriority(OfProcessOrThread, 0, Nice);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            // It then competes like any other thread: slower, and right.
        }
    }

    [DllImport("libc", EntryPoint = "setpriority")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetPriority(int which, uint who, int priority);
}
