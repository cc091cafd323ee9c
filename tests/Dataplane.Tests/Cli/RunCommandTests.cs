using System;
using System.Diagnostics;
using System.IO;
using System.Threading.Tasks;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Cli;

/// <summary>What run finds wrong before it touches an interface or a file.</summary>
public sealed class RunCommandTests : IDisposable
{
    private const string Template = "captures/three-tier.yaml";

    private readonly string _folder = Directory.CreateTempSubdirectory("dataplane-run-").FullName;

    [Fact]
    public void All_that_can_be_checked_is_said_at_once_and_nothing_was_touched()
    {
        string kept = Path.Combine(_folder, "kept.jsonl"), made = Path.Combine(_folder, "made.pcapng");
        File.WriteAllText(kept, "what stood here before");
        ProgramRun run = DataplaneProgram.Run(
            "run", "-t", Template, "--attach", "Wbe=dpno0", "--attach", "App=lo", "--packets", kept, "--flows", Path.Combine(_folder, "none", "f.jsonl"), "--write", made, "--filter", "port nowhere",
            "--max-flows", "0", "--seconds", "-1", "--summary", _folder, "--what-if", "no-such.yaml");
        Assert.Equal((2, ""), (run.ExitCode, run.Output));
        foreach (string said in (string[])["--attach Wbe", "--flows", "--filter", "--max-flows 0", "--seconds -1", "--summary", "--what-if no-such.yaml", .. OperatingSystem.IsLinux() ? (string[])["dpno0: there is no network interface"] : []])
        {
            Assert.Contains(said, run.Error, StringComparison.Ordinal);
        }

        Assert.Equal("what stood here before", File.ReadAllText(kept));
        Assert.False(File.Exists(made));
    }

    [Fact]
    public void A_missing_interface_and_an_output_that_cannot_be_written_are_said_together()
    {
        ProgramRun run = DataplaneProgram.Run("run", "-t", Template, "--bridge", "dpno0:dpno1", "--summary", Path.Combine(_folder, "none", "s.json"));
        Assert.Equal((5, ""), (run.ExitCode, run.Output));
        foreach (string said in (string[])["--summary", "dpno0", "dpno1"])
        {
            Assert.Contains(said, run.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task REL_31_A_reader_that_has_seen_enough_ends_a_replay_quietly()
    {
        // Its source never ends: only the closed pipe can end it.
        using Process process = DataplaneProgram.Start(["replay", "-t", Template, "-", "--packets", "-"]);
        byte[] capture = await File.ReadAllBytesAsync(Repository.At("captures/three-tier-web.pcapng"));
        Task<string> error = process.StandardError.ReadToEndAsync();
        await process.StandardInput.BaseStream.WriteAsync(capture);
        await process.StandardInput.BaseStream.FlushAsync();
        Assert.StartsWith("{\"packet\":1,", await process.StandardOutput.ReadLineAsync(), StringComparison.Ordinal);
        process.StandardOutput.Close();
        try
        {
            // A section may be followed by another one.
            for (int i = 0; i < 10_000 && !process.HasExited; i++)
            {
                await process.StandardInput.BaseStream.WriteAsync(capture);
            }
        }
        catch (IOException)
        {
            // It has ended.
        }

        Assert.True(process.WaitForExit(60_000));
        Assert.Equal((0, ""), (process.ExitCode, await error));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
