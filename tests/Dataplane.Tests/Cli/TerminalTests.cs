using System;
using System.Diagnostics;
using System.IO;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Cli;

/// <summary>What a person at a terminal sees that a script does not.</summary>
public sealed class TerminalTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly string _folder = Directory.CreateTempSubdirectory("dataplane-").FullName;

    public void Dispose() => Directory.Delete(_folder, true);

    /// <summary>The capture comes through a named pipe that stays open, so the replay lasts until the test has seen its progress.</summary>
    [TerminalFact]
    public async Task Contract_1_Progress_is_one_line_that_is_rewritten_and_taken_away_at_the_end()
    {
        (string seen, string atEnd, int exit) = await Watch();
        Assert.Matches("\r\u001b\\[K2,663 packets, [0-9.]+ kB, [0-9.]+ M packets/s", seen);
        Assert.DoesNotContain('\n', seen);
        Assert.EndsWith("\r\u001b[K", atEnd.TrimEnd('\r', '\n'), StringComparison.Ordinal);
        Assert.Equal(0, exit);
        Assert.Contains("2,663", await File.ReadAllTextAsync(Path.Combine(_folder, "out")), StringComparison.Ordinal);
    }

    /// <summary>Replays on a terminal; standard output goes to a file, so the terminal holds standard error alone.</summary>
    /// <returns>What the terminal showed until there was progress, what it showed after the capture's end, and the exit code.</returns>
    private async Task<(string Seen, string AtEnd, int ExitCode)> Watch()
    {
        string pipe = Path.Combine(_folder, "capture");
        using (Process make = Process.Start("mkfifo", [pipe]))
        {
            await make.WaitForExitAsync();
        }

        string program = Path.Combine(AppContext.BaseDirectory, "dataplane.dll");
        ProcessStartInfo start = new(TerminalFactAttribute.Script)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            WorkingDirectory = Repository.Root,
        };
        foreach (string argument in (string[])["-qefc", $"exec dotnet '{program}' replay -t captures/three-tier.yaml - < '{pipe}' > '{_folder}/out'", "/dev/null"])
        {
            start.ArgumentList.Add(argument);
        }

        using Process terminal = Process.Start(start)!;
        using CancellationTokenSource late = new(Patience);
        using StreamReader reader = terminal.StandardOutput;
        StringBuilder seen = new();
        char[] some = new char[256];
        await using (FileStream capture = await Task.Run(() => new FileStream(pipe, FileMode.Open, FileAccess.Write, FileShare.ReadWrite), late.Token))
        {
            await capture.WriteAsync(await File.ReadAllBytesAsync(Repository.At("captures/three-tier-web.pcapng"), late.Token), late.Token);
            await capture.FlushAsync(late.Token);
            while (!seen.ToString().Contains("2,663 packets,", StringComparison.Ordinal))
            {
                int count = await reader.ReadAsync(some, late.Token);
                Assert.True(count > 0, $"the program ended early: {seen}");
                seen.Append(some, 0, count);
            }
        }

        string rest = await reader.ReadToEndAsync(late.Token);
        await terminal.WaitForExitAsync(late.Token);
        return (seen.ToString(), rest, terminal.ExitCode);
    }
}
