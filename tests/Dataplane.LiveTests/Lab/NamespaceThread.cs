// A thread of this process inside a network namespace: setns(2) moves one thread, and the sockets that it opens stay there. So a test can hold ports of several
// namespaces in its hands.

using System;
using System.IO;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Threading;
using Microsoft.Win32.SafeHandles;

namespace Dataplane.LiveTests.Lab;

/// <summary>Runs code in a thread that is inside a network namespace.</summary>
internal sealed partial class NamespaceThread : IDisposable
{
    private const int NewNetwork = 0x40000000;

    private readonly Thread _thread;
    private Exception? _failure;

    /// <param name="work">Runs there from its beginning to its end.</param>
    internal NamespaceThread(string space, Action work)
    {
        _thread = new Thread(() => Run(space, work)) { IsBackground = true, Name = space };
        _thread.Start();
    }

    internal bool HasEnded => !_thread.IsAlive;

    /// <summary>Runs code there and waits for it; what it throws is thrown here.</summary>
    internal static T Call<T>(string space, Func<T> work)
    {
        T? result = default;
        using (NamespaceThread thread = new(space, () => result = work()))
        {
            thread.Join();
        }

        return result!;
    }

    /// <summary>Waits for the end of the work; what it threw is thrown here.</summary>
    internal void Join()
    {
        if (!_thread.Join(Until.Longest))
        {
            throw new TimeoutException($"the thread in {_thread.Name} did not end");
        }

        if (_failure is not null)
        {
            ExceptionDispatchInfo.Throw(_failure);
        }
    }

    public void Dispose() => _thread.Join(Until.Longest);

    private void Run(string space, Action work)
    {
        try
        {
            using SafeFileHandle file = File.OpenHandle($"/var/run/netns/{space}");
            if (SetNamespace((int)file.DangerousGetHandle(), NewNetwork) < 0)
            {
                throw new InvalidOperationException($"setns({space}): error {Marshal.GetLastPInvokeError()}");
            }

            work();
        }
        catch (Exception exception)
        {
            _failure = exception;
        }
    }

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int SetNamespace(int descriptor, int kind);
}
