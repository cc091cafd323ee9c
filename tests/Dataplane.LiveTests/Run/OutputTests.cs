using System;
using System.IO;
using System.Linq;
using Dataplane.LiveTests.Lab;
using Xunit;

namespace Dataplane.LiveTests.Run;

/// <summary>Outputs of a live run that come to their end before it does.</summary>
[Collection("live")]
public sealed class OutputTests : IDisposable
{
    private const string Ping = "{IpProtocol: icmp, FromPort: 8, ToPort: -1, CidrIp: 0.0.0.0/0}";

    private readonly string _folder = Directory.CreateTempSubdirectory("dataplane-live-").FullName;

    [LiveFact("ping", "sh", "mount", "dotnet")]
    public void REL_30_REL_33_A_full_disk_ends_the_run_with_whole_records_and_all_other_outputs()
    {
        // Two disks of 64 KiB: one for records, one for frames; the program's namespace of mounts goes with it, so its files are copied out.
        using Bump bump = new("packet", [Ping], start: false);
        string[] disks = [Path.Combine(_folder, "a"), Path.Combine(_folder, "b")];
        Command run = bump.Lab.Start(
            bump.Middle, "sh", "-c",
            $"mkdir {disks[0]} {disks[1]} && mount -t tmpfs -o size=64k none {disks[0]} && mount -t tmpfs -o size=4M none {disks[1]} && "
            + $"{bump.CommandLine} --io packet --packets {disks[0]}/p.jsonl --write {disks[1]}/w.pcapng --flows {disks[1]}/f.jsonl --summary {disks[1]}/s.json; code=$?; cp {disks[0]}/* {disks[1]}/* {_folder}; exit $code");
        Until.True(() => run.Errors.Contains("Running on ", StringComparison.Ordinal) || run.HasExited, () => run.Errors);
        Command ping = bump.Lab.Start(bump.Client, "ping", "-i", "0.01", "-s", "1000", Bump.Server);
        CommandResult result = run.Wait(Until.Longest);
        Assert.Equal(5, result.ExitCode);
        Assert.Contains("--packets", result.Errors, StringComparison.Ordinal);
        Assert.Contains("No space left on device", result.Errors, StringComparison.Ordinal);
        Assert.Contains("What vpc.yaml did with the packets of outside, inside", result.Output, StringComparison.Ordinal);

        string records = File.ReadAllText(Path.Combine(_folder, "p.jsonl"));
        Assert.EndsWith("}\n", records, StringComparison.Ordinal);
        Assert.All(records.Split('\n').SkipLast(1), line => Assert.True(line.StartsWith("{\"packet\":", StringComparison.Ordinal) && line.EndsWith('}'), line));
        Assert.Contains("\"received\": ", File.ReadAllText(Path.Combine(_folder, "s.json")), StringComparison.Ordinal);
        Assert.Contains("\"proto\":1,", File.ReadAllText(Path.Combine(_folder, "f.jsonl")), StringComparison.Ordinal);

        // All frames that were received are in the other capture, also those whose records found no room.
        CommandResult replay = Command.Run("dotnet", [DataplaneRun.Program, "replay", "-q", "-t", bump.Topology, Path.Combine(_folder, "w.pcapng"), "--packets", "-"]);
        Assert.True(replay.Succeeded, replay.ToString());
        Assert.True(replay.Output.Count(c => c == '\n') > records.Count(c => c == '\n'));
    }

    [LiveFact("ping", "sh", "mount", "dotnet")]
    public void REL_30_A_capture_on_a_full_disk_ends_with_a_whole_packet()
    {
        using Bump bump = new("packet", [Ping], start: false);
        string disk = Path.Combine(_folder, "a");
        Command run = bump.Lab.Start(
            bump.Middle, "sh", "-c", $"mkdir {disk} && mount -t tmpfs -o size=64k none {disk} && {bump.CommandLine} --io packet --write {disk}/w.pcapng; code=$?; cp {disk}/* {_folder}; exit $code");
        Until.True(() => run.Errors.Contains("Running on ", StringComparison.Ordinal) || run.HasExited, () => run.Errors);
        bump.Lab.Start(bump.Client, "ping", "-i", "0.01", "-s", "1001", Bump.Server);
        Assert.Equal(5, run.Wait(Until.Longest).ExitCode);
        CommandResult replay = Command.Run("dotnet", [DataplaneRun.Program, "replay", "-q", "-t", bump.Topology, Path.Combine(_folder, "w.pcapng"), "--packets", "-"]);
        Assert.True(replay.Succeeded, replay.ToString());    // 4 if it ended inside a packet
        Assert.InRange(replay.Output.Count(c => c == '\n'), 20, 64);
    }

    [LiveFact("ping", "sh", "sed", "dotnet")]
    public void REL_31_A_reader_of_standard_output_that_has_seen_enough_ends_the_run_quietly()
    {
        using Bump bump = new("packet", [Ping], start: false);
        string code = Path.Combine(_folder, "code"), flows = Path.Combine(_folder, "f.jsonl");
        // The reader stays until it has seen a ping: before that come frames of no flow, ARP and what IPv6 hosts say of themselves, in any number.
        Command run = bump.Lab.Start(bump.Middle, "sh", "-c", $"{{ {bump.CommandLine} --io packet -q --packets - --flows {flows}; echo $? > {code}; }} | sed '/\"proto\":1,/q'");
        bump.Lab.Start(bump.Client, "ping", "-i", "0.05", Bump.Server);
        CommandResult result = run.Wait(Until.Longest);
        Assert.StartsWith("{\"packet\":1,", result.Output, StringComparison.Ordinal);
        Assert.Equal(("", "0\n"), (result.Errors, File.ReadAllText(code)));
        Assert.Contains("\"proto\":1,", File.ReadAllText(flows), StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
