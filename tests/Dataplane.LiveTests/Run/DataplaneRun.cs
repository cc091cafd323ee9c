using System;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using Dataplane.LiveTests.Lab;
using Xunit;

namespace Dataplane.LiveTests.Run;

/// <summary>The program at work in a namespace: <c>dataplane run</c> with records of all packets, and what it said.</summary>
internal sealed partial class DataplaneRun : IDisposable
{
    private readonly Command _command;
    private readonly string _folder;
    private readonly string[] _network;

    private DataplaneRun(Command command, string folder, string[] network) => (_command, _folder, _network) = (command, folder, network);

    internal static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "dataplane.dll");

    /// <summary>Its records so far.</summary>
    internal string[] Records => File.Exists(Packets) ? [.. ReadShared(Packets).Split('\n').Where(l => l.EndsWith('}'))] : [];

    internal string Said => _command.Errors;

    internal int Id => _command.Id;

    private string Packets => Path.Combine(_folder, "packets.jsonl");

    private string Frames => Path.Combine(_folder, "frames.pcapng");

    /// <summary>Starts it and waits until it runs.</summary>
    /// <param name="folder">For its outputs.</param>
    /// <param name="network">-t and what belongs to it.</param>
    /// <param name="options">All others.</param>
    internal static DataplaneRun Start(NamespaceLab lab, string space, string folder, string[] network, params string[] options)
    {
        Command command = lab.Start(
            // Signals that whoever runs the tests ignores (nohup, a job in the background) would be ignored by the program too.
            space, "env",
            ["--default-signal", "dotnet", Program, "run", .. network, .. options, "--packets", Path.Combine(folder, "packets.jsonl"), "--write", Path.Combine(folder, "frames.pcapng"), "--summary", Path.Combine(folder, "summary.json")]);
        DataplaneRun run = new(command, folder, network);
        Until.True(() => run.Said.Contains("Running on ", StringComparison.Ordinal) || command.HasExited, () => $"run did not begin: {run.Said}");
        Assert.False(command.HasExited, run.Said);
        return run;
    }

    /// <summary>Sends it a signal.</summary>
    internal void Signal(string name) => Assert.True(Command.Run("kill", ["-" + name, Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]).Succeeded);

    /// <summary>Ends it; what it printed.</summary>
    internal string Stop()
    {
        Signal("TERM");
        CommandResult result = _command.Wait(Until.Longest);
        Assert.True(result.ExitCode == 143, result.ToString());
        return result.Output;
    }

    /// <summary>A number of the summary's JSON, after <see cref="Stop"/>.</summary>
    internal long Number(string key) => long.Parse(
        Regex.Match(File.ReadAllText(Path.Combine(_folder, "summary.json")), $"\"{key}\": ([0-9]+)").Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>The sum over all interfaces of a number of the summary's JSON.</summary>
    internal long Sum(string key)
    {
        string all = File.ReadAllText(Path.Combine(_folder, "summary.json"));
        return Regex.Matches(all[all.IndexOf("\"interfaces\"", StringComparison.Ordinal)..], $"\"{key}\": ([0-9]+)")
            .Sum(m => long.Parse(m.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture));
    }

    /// <summary>Received = what became of the frames, and = records.</summary>
    internal void CountersAddUp()
    {
        string[] fates = ["forwarded", "dropped", "ignored", "passed", "answered", "service", "notAttached", "noNeighbour", "tooBig", "notSent", "waiting"];
        string all = File.ReadAllText(Path.Combine(_folder, "summary.json"));
        string frames = all[all.IndexOf("\"frames\"", StringComparison.Ordinal)..];
        long Of(string key) => long.Parse(Regex.Match(frames, $"\"{key}\": ([0-9]+)").Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal(Of("received"), fates.Sum(Of));
        Assert.Equal(Of("received"), Sum("received"));
        Assert.Equal(Of("received"), Records.Length);
    }

    /// <summary>What it decided, replay of the same frames decides too: verdicts, rules, paths, packet by packet. After <see cref="Stop"/>, of a run without reload.</summary>
    internal void EqualsReplay()
    {
        string replayed = Path.Combine(_folder, "replay.jsonl");
        CommandResult replay = Command.Run("dotnet", [Program, "replay", "-q", "--no-causal", .. _network, Frames, "--packets", replayed]);
        Assert.True(replay.Succeeded, replay.ToString());
        string[] live = [.. Records.Select(r => Epoch().Replace(r, "}"))], again = [.. File.ReadAllText(replayed).Split('\n').Where(l => l.Length > 0)];
        Assert.NotEmpty(live);
        Assert.Equal(live.Length, again.Length);
        for (int i = 0; i < live.Length; i++)
        {
            Assert.Equal(live[i], again[i]);
        }
    }

    public void Dispose() => _command.Dispose();

    private static string ReadShared(string path)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using StreamReader reader = new(file);
        return reader.ReadToEnd();
    }

    [GeneratedRegex(",\"epoch\":[0-9]+}$")]
    private static partial Regex Epoch();
}
