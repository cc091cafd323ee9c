using System;
using System.Diagnostics;
using System.Globalization;
using System.Threading;
using Dataplane.Records;

namespace Dataplane.Cli;

/// <summary>One line on a terminal that is rewritten: packets, bytes, percent, rate, time left. Silent elsewhere, and for the first second.</summary>
internal sealed class Progress : IDisposable
{
    private const int PeriodMilliseconds = 250;

    private readonly Func<(long Packets, long Bytes, long? Total)> _read;
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private readonly Timer? _timer;
    private readonly Lock _writing = new();
    private bool _shown;
    private bool _stopped;

    internal Progress(Voice voice, Func<(long Packets, long Bytes, long? Total)> read)
    {
        _read = read;
        if (Voice.IsInteractive && !voice.Quiet)
        {
            _timer = new Timer(_ => Show(), null, 1_000, PeriodMilliseconds);
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
                Console.Error.Write("\r\u001b[K");
                _shown = false;
            }
        }
    }

    /// <summary>One line of progress.</summary>
    internal static string Line(long packets, long bytes, long? total, TimeSpan elapsed)
    {
        double seconds = Math.Max(elapsed.TotalSeconds, 0.001);
        string line = string.Create(CultureInfo.InvariantCulture,
            $"{Counted.Of(packets, "packet")}, {Size(bytes)}{(total is > 0 ? $" ({100.0 * bytes / total.Value:F0} %)" : "")}, {packets / seconds / 1e6:F2} M packets/s");
        return total is { } all && bytes > 0 && bytes < all
            ? line + string.Create(CultureInfo.InvariantCulture, $", {TimeSpan.FromSeconds((all - bytes) * seconds / bytes):mm\\:ss} left")
            : line;
    }

    internal static string Size(long bytes) => bytes switch
    {
        < 10_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes} B"),
        < 10_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e3:F0} kB"),
        < 10_000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:F1} MB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:F1} GB"),
    };

    private void Show()
    {
        lock (_writing)
        {
            if (_stopped)
            {
                return;
            }

            (long packets, long bytes, long? total) = _read();
            Console.Error.Write("\r\u001b[K" + Line(packets, bytes, total, _watch.Elapsed));
            _shown = true;
        }
    }
}
