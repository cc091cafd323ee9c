using System;
using System.Threading;
using Dataplane.Compiler.Lower;
using Dataplane.Filters;

namespace Dataplane.Compiler.Load;

/// <summary>A compiler beside a run that ends: it compiles what packets ask often enough, and nothing when they ask little. Verdicts are the same either way.</summary>
/// <remarks>Its thread has less priority than packets have. Dispose stops it, and waits for it no longer than it is told to.</remarks>
public sealed class AskedCompilation : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Thread _thread;
    private readonly TimeSpan _patience;
    private volatile CompileReport? _report;
    private volatile Exception? _failure;

    /// <param name="cache">What it holds is not compiled again, what is compiled is added.</param>
    /// <param name="patience">How long <see cref="Dispose"/> waits for the compiler to notice.</param>
    public AskedCompilation(FilterCatalog catalog, FilterSet set, FilterCache cache, TimeSpan patience)
    {
        _patience = patience;
        _thread = new Thread(() => Compile(catalog, set, cache))
        {
            IsBackground = true,
            Name = "compile filters",
            Priority = ThreadPriority.BelowNormal,
        };
        _thread.Start();
    }

    /// <summary>What was compiled so far; null for nothing.</summary>
    public CompileReport? Report => _report;

    /// <summary>Why it stopped before it was told to; null when it did not.</summary>
    public Exception? Failure => _failure;

    public void Dispose()
    {
        _stop.Cancel();
        if (_thread.Join(_patience))
        {
            _stop.Dispose();
        }
    }

    private void Compile(FilterCatalog catalog, FilterSet set, FilterCache cache)
    {
        try
        {
            BackgroundPriority.Lower();
            FilterCompiler.CompileAsAsked(catalog, set, cache, report => _report = report, _stop.Token);
        }
        catch (OperationCanceledException)
        {
            // The run is over.
        }
        catch (Exception exception)
        {
            _failure = exception;
        }
    }
}
