using System;
using System.Diagnostics;
using System.Globalization;
using System.Threading;
using Dataplane.Live;
using Dataplane.Records;

namespace Dataplane.Cli;

/// <summary>One line on a terminal that is rewritten twice a second: frames, rate, what became of them. Silent elsewhere.</summary>
internal sealed class LiveProgress : IDisposable
{
    private const int PeriodMilliseconds = 500;

    private readonly Func<long> _received;
    private readonly LiveFates _fates;
    private readonly Timer? _timer;
    private readonly Lock _writing = new();
    private long _last;
    private long _lastAt = Stopwatch.GetTimestamp();
    private bool _shown;
    private bool _stopped;

    internal LiveProgress(Voice voice, Func<long> received, LiveFates fates)
    {
        _received = received;
        _fates = fates;
        if (Voice.IsInteractive && !voice.Quiet)
        {
            _timer = new Timer(_ => Show(), null, PeriodMilliseconds, PeriodMilliseconds);
        }
    }

    public void Dispose()
    {
        _timer?.Dispose();
        lock (_writing)
        {
            _stopped = true;
            if (_shown)
            {
                Voice.Write("\r\u001b[K");
            }
        }
    }

    private void Show()
    {
        lock (_writing)
        {
            if (_stopped)
            {
                return;
            }

            long received = _received();
            double seconds = Math.Max(Stopwatch.GetElapsedTime(_lastAt).TotalSeconds, 0.001);
            Voice.Write(string.Create(CultureInfo.InvariantCulture,
                $"\r\u001b[K{Counted.Of(received, "frame")}, {(received - _last) / seconds:N0}/s: {_fates[LiveFate.Forwarded]:N0} forwarded, {_fates[LiveFate.Dropped]:N0} dropped"));
            (_last, _lastAt, _shown) = (received, Stopwatch.GetTimestamp(), true);
        }
    }
}
