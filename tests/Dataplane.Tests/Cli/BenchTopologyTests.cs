using System.IO;
using System.Linq;
using System.Text.Json;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Cli;

/// <summary><c>bench -t</c>: keys, forms, faults.</summary>
public sealed class BenchTopologyTests
{
    private static readonly string[] Three = ["packetsPerSecond", "packetsPerCpuSecond", "nanosecondsPerPacket"];

    [Theory]
    [InlineData("")]
    [InlineData("captures/three-tier-web.pcapng")]
    public void Json_has_the_keys_that_scripts_read(string capture)
    {
        ProgramRun run = DataplaneProgram.Run([
            "bench", "-t", "captures/three-tier.yaml", .. capture.Length > 0 ? (string[])[capture] : [], "--flows", "2000", "--seconds", "0.1", "--workers", "2", "--json"]);
        Assert.Equal(0, run.ExitCode);
        using JsonDocument json = JsonDocument.Parse(run.Output);
        Assert.Equal(
            [.. Three, "established", "firstPackets", "denied", "bytesPerFlow", "compileMilliseconds", "workers"],
            json.RootElement.EnumerateObject().Select(member => member.Name));
        foreach (string part in new[] { "established", "firstPackets", "denied" })
        {
            JsonElement figures = json.RootElement.GetProperty(part);
            Assert.Equal(Three, figures.EnumerateObject().Select(member => member.Name));
            Assert.True(figures.GetProperty("packetsPerSecond").GetDouble() > 0, part);
        }

        Assert.Equal(2, json.RootElement.GetProperty("workers").GetInt32());
        Assert.True(json.RootElement.GetProperty("packetsPerSecond").GetDouble() > 0);
        Assert.True(json.RootElement.GetProperty("compileMilliseconds").GetDouble() > 0);
        Assert.InRange(json.RootElement.GetProperty("bytesPerFlow").GetDouble(), 104, 160);    // an entry and its share of the index (floor of performance.md)
    }

    [Fact]
    public void A_truncated_capture_is_measured_up_to_its_last_whole_packet_and_exits_4()
    {
        string file = Path.GetTempFileName();
        try
        {
            byte[] whole = File.ReadAllBytes(Repository.At("captures/port-scan.pcap"));
            File.WriteAllBytes(file, whole[..^7]);
            ProgramRun run = DataplaneProgram.Run("bench", "-t", "captures/three-tier.yaml", file, "--seconds", "0.1", "--workers", "1");
            Assert.Equal(4, run.ExitCode);
            Assert.Contains("established", run.Output, System.StringComparison.Ordinal);
            Assert.Contains(file, run.Error, System.StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void The_table_says_that_a_sample_was_checked()
    {
        ProgramRun run = DataplaneProgram.Run("bench", "-t", "captures/three-tier.yaml", "--flows", "1000", "--seconds", "0.1", "--workers", "1");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("established", run.Output, System.StringComparison.Ordinal);
        Assert.Contains("p99", run.Output, System.StringComparison.Ordinal);
        Assert.Contains("reference interpreter as well: equal", run.Output, System.StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, "--flows 0", "bench", "-t", "captures/three-tier.yaml", "--flows", "0")]
    [InlineData(2, "--seconds -1", "bench", "-t", "captures/three-tier.yaml", "--seconds", "-1")]
    [InlineData(2, "--workers 65", "bench", "-t", "captures/three-tier.yaml", "--workers", "65")]
    [InlineData(2, "one of the two forms", "bench", "-t", "captures/three-tier.yaml", "--rules", "a", "--headers", "b")]
    [InlineData(2, "Give -t", "bench", "captures/three-tier-web.pcapng")]
    [InlineData(3, "no-such.yaml", "bench", "-t", "no-such.yaml")]
    [InlineData(4, "no-such.pcap", "bench", "-t", "captures/three-tier.yaml", "no-such.pcap")]
    public void Faults_are_said(int exit, string says, params string[] arguments)
    {
        ProgramRun run = DataplaneProgram.Run(arguments);
        Assert.Equal(exit, run.ExitCode);
        Assert.Contains(says, run.Error, System.StringComparison.Ordinal);
    }
}
