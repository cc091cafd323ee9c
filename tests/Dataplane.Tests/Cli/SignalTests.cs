using System.Diagnostics;
using System.IO;
using System.Threading.Tasks;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Cli;

/// <summary>Ctrl-C finishes what is in flight, flushes every output, and says what was done.</summary>
public sealed class SignalTests
{
    [Theory]
    [InlineData("INT", 130)]
    [InlineData("TERM", 143)]
    public async Task REL_31_A_signal_ends_a_replay_with_its_records_and_summary(string signal, int code)
    {
        string records = Path.GetTempFileName();
        using Process process = DataplaneProgram.Start(["replay", "-t", "captures/three-tier.yaml", "-", "--packets", records + ".jsonl", "--summary", "-"]);
        byte[] capture = await File.ReadAllBytesAsync(Repository.At("captures/three-tier-web.pcapng"));
        await process.StandardInput.BaseStream.WriteAsync(capture);
        await process.StandardInput.BaseStream.FlushAsync();

        // The sender stays: without a signal the program would wait for more. It has read all when its records have left for the unfinished file.
        string unfinished = $"{records}.jsonl.{process.Id}.part";
        Stopwatch watch = Stopwatch.StartNew();
        while (!(File.Exists(unfinished) && new FileInfo(unfinished).Length > 0) && watch.Elapsed.TotalSeconds < 60)
        {
            await Task.Yield();
        }

        using (Process kill = Process.Start("kill", ["-" + signal, process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]))
        {
            await kill.WaitForExitAsync();
        }

        string summary = await process.StandardOutput.ReadToEndAsync();
        Assert.True(process.WaitForExit(60_000));
        Assert.Equal(code, process.ExitCode);
        Assert.Contains("\"allow\":", summary, System.StringComparison.Ordinal);
        Assert.True(File.ReadAllLines(records + ".jsonl").Length > 0);
        File.Delete(records);
        File.Delete(records + ".jsonl");
    }
}
