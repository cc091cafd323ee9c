using System;
using System.Runtime.InteropServices;
using System.Threading;

namespace Dataplane.Cli;

/// <summary>Ctrl-C and SIGTERM: the first asks the command to finish what is in flight, the second ends the program.</summary>
internal sealed class Signals : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly PosixSignalRegistration _interrupt;
    private readonly PosixSignalRegistration _terminate;
    private int _exitCode;

    internal Signals()
    {
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => On(context, ExitCode.Interrupted));
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => On(context, ExitCode.Terminated));
    }

    internal CancellationToken Token => _stop.Token;

    /// <summary>130 or 143 after a signal, else null.</summary>
    internal int? Code => Volatile.Read(ref _exitCode) is > 0 and var code ? code : null;

    public void Dispose()
    {
        _interrupt.Dispose();
        _terminate.Dispose();
        _stop.Dispose();
    }

    private void On(PosixSignalContext context, int code)
    {
        if (Interlocked.CompareExchange(ref _exitCode, code, 0) != 0)
        {
            return;    // the second signal does what it does by default
        }

        context.Cancel = true;
        _stop.Cancel();
    }
}
