// Notices that a topology changed, and brings it into force beside the traffic.
//
//   file system, SIGHUP  -->  this thread: load, lower, filters  -->  the loop, between two blocks: copy the flows, adopt  -->  this thread: forecast, report, compile
//
// The file system tells of the folder where a path stands. What it does not tell of (a link on the way that leads elsewhere now, a link's target that was written, network
// file systems) is looked for once a second.
//
// Whatever fails before "adopt" is said, and the running network stays. The flows are copied in slices, so that no packet waits long for them; what the report says of
// them is what the engine of the new network does with them (ReloadForecast).

using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;
using Dataplane.Analysis.Reload;
using Dataplane.Compiler;
using Dataplane.Fabric;
using Dataplane.Flows;
using Dataplane.Live;
using Dataplane.Records;
using Dataplane.Topology.Model;

namespace Dataplane.Cli;

/// <summary>Reloads the topology of a live run when it changes, and answers --what-if.</summary>
internal sealed class ReloadWatch : IDisposable
{
    /// <summary>Flows that a report looks at, at most; it says so when there are more.</summary>
    private const int MostFlows = 262_144;

    /// <summary>Entries of the flow table that are looked at between two blocks.</summary>
    private const int Slice = 2_048;

    /// <summary>A program that writes a file is given this time to finish it.</summary>
    private static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(20);

    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(50);

    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    /// <summary>Links that are followed on the way to one file, as in Linux.</summary>
    private const int MostLinks = 40;

    private readonly Voice _voice;
    private readonly LiveLoop _loop;
    private readonly LivePolicy _policy;
    private readonly LiveNetwork _forwarding;
    private readonly JudgeOptions _options;
    private readonly Func<long> _now;
    private readonly Func<List<string>, Network> _load;
    private readonly Func<Network>? _loadOther;
    private readonly string? _other;
    private readonly List<IDisposable> _sources = [];
    private readonly List<Watched> _watched = [];
    private readonly AutoResetEvent _event = new(false);
    private readonly Thread _thread;
    private readonly Timer _look;
    private int _changed;
    private int _asked;
    private volatile bool _isStopping;

    /// <param name="warnings">What was said of the network when it was read.</param>
    /// <param name="now">The clock of the packets, nanoseconds since 1970.</param>
    /// <param name="load">Reads the topology again; says its faults itself.</param>
    /// <param name="paths">What is watched.</param>
    /// <param name="stamp">Of the files when they were read for the first time.</param>
    /// <param name="loadOther">Reads the topology of --what-if, or null.</param>
    internal ReloadWatch(
        Voice voice, LiveLoop loop, LivePolicy policy, LiveNetwork forwarding, JudgeOptions options, Network network, IReadOnlyList<string> warnings, Func<long> now,
        Func<List<string>, Network> load, IReadOnlyList<string> paths, string stamp, Func<Network>? loadOther, string? other)
    {
        (_voice, _loop, _policy, _forwarding, _options, _now, _load, _loadOther, _other) = (voice, loop, policy, forwarding, options, now, load, loadOther, other);
        (Network, Warnings) = (network, warnings);
        foreach (string path in paths)
        {
            _watched.Add(new Watched(path, () => Ask(ref _changed)));
        }

        if (other is not null)
        {
            _watched.Add(new Watched(other, () => Ask(ref _asked)));
        }

        _watched.ForEach(Watch);

        if (!OperatingSystem.IsWindows())
        {
            _sources.Add(PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
            {
                context.Cancel = true;
                Ask(ref _changed);
            }));
            if (other is not null)
            {
                _sources.Add(PosixSignalRegistration.Create((PosixSignal)UserSignal, context =>
                {
                    context.Cancel = true;
                    Ask(ref _asked);
                }));
            }
        }

        // What changed before it was watched.
        if (Stamp(paths) != stamp)
        {
            Ask(ref _changed);
        }

        _look = new Timer(_ => Look(), null, LookEvery, LookEvery);
        _thread = new Thread(Work) { IsBackground = true, Name = "reload" };
    }

    /// <summary>The network in force.</summary>
    internal Network Network { get; private set; }

    /// <summary>Networks that took over.</summary>
    internal int Done { get; private set; }

    /// <summary>What was said of it when it was read, for the end of the run.</summary>
    internal IReadOnlyList<string> Warnings { get; private set; }

    /// <summary>Networks that could not be read or used.</summary>
    internal int Refused { get; private set; }

    /// <summary>SIGUSR1's number.</summary>
    private static int UserSignal => OperatingSystem.IsMacOS() ? 30 : 10;

    internal void Start() => _thread.Start();

    /// <summary>Lengths and times of the files of a topology: another text when one of them was written, made or removed.</summary>
    internal static string Stamp(IReadOnlyList<string> paths)
    {
        try
        {
            IEnumerable<FileInfo> files = paths.SelectMany(path => Directory.Exists(path)
                ? new DirectoryInfo(path).EnumerateFiles("*.json", SearchOption.AllDirectories)
                : [new FileInfo(path)]);
            return string.Join('\n', files.Select(file => file.Exists ? string.Create(CultureInfo.InvariantCulture, $"{file.FullName} {file.Length} {file.LastWriteTimeUtc.Ticks}") : file.FullName));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message;    // reading the topology says what is wrong
        }
    }

    public void Dispose()
    {
        _isStopping = true;
        using (ManualResetEvent looked = new(false))
        {
            if (_look.Dispose(looked))
            {
                looked.WaitOne();
            }
        }

        _event.Set();
        if (_thread.IsAlive)
        {
            _thread.Join();
        }

        foreach (IDisposable source in _sources)
        {
            source.Dispose();
        }

        _watched.ForEach(watched => watched.Watcher?.Dispose());
        _event.Dispose();
    }

    private void Ask(ref int flag)
    {
        Volatile.Write(ref flag, 1);
        _event.Set();
    }

    /// <summary>A file is watched by its folder, since editors replace files; a folder with all below it.</summary>
    private void Watch(Watched watched)
    {
        (string path, Action changed) = (watched.Path, watched.Changed);
        string full = Path.GetFullPath(path);
        bool isFolder = Directory.Exists(full);
        string folder = isFolder ? full : Path.GetDirectoryName(full)!;
        try
        {
            FileSystemWatcher watcher = new(folder)
            {
                IncludeSubdirectories = isFolder,
                NotifyFilter = NotifyFilters.FileName | NotifyFilters.LastWrite | NotifyFilters.Size | NotifyFilters.CreationTime | NotifyFilters.DirectoryName,
            };
            FileSystemEventHandler handler = (_, e) =>
            {
                if (isFolder ? e.Name?.EndsWith(".json", StringComparison.OrdinalIgnoreCase) == true : string.Equals(e.FullPath, full, StringComparison.Ordinal))
                {
                    changed();
                }
            };
            watcher.Changed += handler;
            watcher.Created += handler;
            watcher.Deleted += handler;
            watcher.Renamed += (sender, e) => handler(sender, e);
            watcher.Error += (_, e) =>
            {
                if (e.GetException() is not InternalBufferOverflowException)
                {
                    _voice.Say($"{path}: changes cannot be watched any more: {OutputFile.Sentence(e.GetException().Message)} Send SIGHUP to reload.");
                }

                changed();
            };
            watcher.EnableRaisingEvents = true;
            watched.Watcher = watcher;
        }
        catch (Exception e) when (e is IOException or ArgumentException or UnauthorizedAccessException)
        {
            _voice.Say($"{path}: changes cannot be watched: {OutputFile.Sentence(e.Message)} Send SIGHUP to reload.");
        }
    }

    /// <summary>What the file system did not tell.</summary>
    private void Look()
    {
        foreach (Watched watched in _watched)
        {
            lock (watched)
            {
                if (_isStopping || !watched.See())
                {
                    continue;
                }

                if (watched.Watcher is { IncludeSubdirectories: true })
                {
                    // A folder is watched itself, and this may be another one under the same name.
                    watched.Watcher.Dispose();
                    watched.Watcher = null;
                    Watch(watched);
                }
            }

            watched.Changed();
        }
    }

    private void Work()
    {
        while (!_isStopping)
        {
            _event.WaitOne();
            if (_isStopping)
            {
                return;
            }

            Thread.Sleep(Settle);
            foreach (Watched watched in _watched)
            {
                lock (watched)
                {
                    if (watched.Watcher is not { IncludeSubdirectories: true })
                    {
                        watched.See();    // it is read now: no reason to read it once more
                    }
                }
            }

            if (Interlocked.Exchange(ref _changed, 0) != 0)
            {
                Guarded("reload", Reload, isReload: true);
            }

            if (_loadOther is not null && Interlocked.Exchange(ref _asked, 0) != 0)
            {
                Guarded("what if", WhatIf, isReload: false);
            }
        }
    }

    private void Guarded(string what, Action work, bool isReload)
    {
        int before = Done;
        try
        {
            work();
        }
        catch (CommandException e)
        {
            Refused += isReload ? 1 : 0;
            Voice.Error($"{what}: {e.Message} The running topology stays.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Refused += isReload ? 1 : 0;
            Voice.Error($"{what}: {OutputFile.Sentence(e.Message)} The running topology stays.");
        }
        catch (OperationCanceledException)
        {
            // The run ended meanwhile.
        }
        catch (Exception e)
        {
            // The packets go on, whatever a file has brought about here.
            Refused += isReload && Done == before ? 1 : 0;
            Voice.Error($"{what}: a bug: {e.GetType().Name}: {e.Message} Report it with this line. The {(Done == before ? "running topology stays" : "new topology is in force")}.");
            _voice.Explain(e.ToString());
        }
    }

    private void Reload()
    {
        Stopwatch watch = Stopwatch.StartNew();
        List<string> warnings = [];
        Network network = _load(warnings);
        warnings.AddRange(_forwarding.Lacks(network));
        NextNetwork next = _policy.Prepare(network);
        Action forward = _forwarding.Prepare(network, next.Policy.Plan);
        (List<FlowSnapshot> flows, long now, bool isAll) = Copy();
        FabricPlan before = _policy.Engine.Judge.Plan;
        Network networkBefore = Network;
        int epoch = 0;
        OnLoop(() =>
        {
            _policy.Engine.Judge.Adopt(next.Policy, _now());
            forward();
            epoch = ++_loop.Epoch;
        });
        TimeSpan took = watch.Elapsed;
        Network = network;
        Done++;
        _policy.TakenOver(next);
        ReloadForecast forecast = ReloadForecast.Of(flows, before, _policy.Engine.Judge.Tables.Names, networkBefore, network, _options, now);
        Say(string.Create(CultureInfo.InvariantCulture, $"Reloaded in {took.TotalMilliseconds:F0} ms: epoch {epoch}"), forecast, isAll);
        foreach (string warning in warnings.Except(Warnings))
        {
            _voice.Warn(warning);
        }

        Warnings = warnings;
    }

    private void WhatIf()
    {
        Network network = _loadOther!();
        (List<FlowSnapshot> flows, long now, bool isAll) = Copy();
        Say($"What {_other} would do, not applied", ReloadForecast.Of(flows, _policy.Engine.Judge.Plan, _policy.Engine.Judge.Tables.Names, Network, network, _options, now), isAll);
    }

    private void Say(string what, ReloadForecast forecast, bool isAll)
    {
        string[] lines = [.. ForecastText.Lines(forecast)];
        _voice.Say($"{what}; {lines[0]}{(isAll ? "" : $" (only the first {MostFlows:N0} were looked at)")}");
        foreach (string line in lines.Skip(1))
        {
            _voice.Say(line);
        }
    }

    /// <summary>The flows that live now, copied slice by slice between blocks.</summary>
    private (List<FlowSnapshot> Flows, long Now, bool IsAll) Copy()
    {
        List<FlowSnapshot> flows = [];
        int next = 0;
        long now = 0;
        while (next >= 0 && flows.Count < MostFlows)
        {
            OnLoop(() =>
            {
                now = _now();
                next = _policy.Engine.Judge.CopyLive(next, Slice, now, flows);
            });
        }

        return (flows, now, next < 0);
    }

    /// <summary>Has the loop do something between two blocks, and waits for it.</summary>
    /// <exception cref="OperationCanceledException">The run ended.</exception>
    private void OnLoop(Action action)
    {
        using ManualResetEventSlim done = new(false);
        _loop.Post(() =>
        {
            action();
            done.Set();
        });

        // However long the packets are held up: an action that was given up could still be done, and nobody would know. Once the run is stopping, its loop has ended.
        while (!done.Wait(LookAgain))
        {
            if (_isStopping && !done.IsSet)
            {
                throw new OperationCanceledException();
            }
        }
    }

    /// <summary>A path that is watched.</summary>
    private sealed class Watched(string path, Action changed)
    {
        private string _seen = Fingerprint(path);

        internal string Path { get; } = path;

        internal Action Changed { get; } = changed;

        internal FileSystemWatcher? Watcher { get; set; }

        /// <summary>Looks where the path leads now; whether that is another file or folder than before, or a file that was written.</summary>
        internal bool See()
        {
            string before = _seen;
            _seen = Fingerprint(Path);
            return _seen != before;
        }

        private static string Fingerprint(string path)
        {
            try
            {
                string real = Real(System.IO.Path.GetFullPath(path), MostLinks);
                FileInfo file = new(real);
                return file.Exists ? string.Create(CultureInfo.InvariantCulture, $"{real} {file.Length} {file.LastWriteTimeUtc.Ticks}") : real;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return e.Message;
            }
        }

        /// <summary>A path without links: each part is looked at, for the last one is not the only one that may be a link.</summary>
        private static string Real(string full, int links)
        {
            string real = System.IO.Path.GetPathRoot(full)!;
            string[] parts = full[real.Length..].Split(System.IO.Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries);
            for (int i = 0; i < parts.Length; i++)
            {
                string next = System.IO.Path.Combine(real, parts[i]);
                if (links > 0 && new FileInfo(next).LinkTarget is { } target)
                {
                    return Real(System.IO.Path.GetFullPath(System.IO.Path.Combine([target, .. parts[(i + 1)..]]), real), links - 1);
                }

                real = next;
            }

            return real;
        }
    }
}
