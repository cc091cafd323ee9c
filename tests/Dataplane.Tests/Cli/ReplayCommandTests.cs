using System;
using System.Collections.Generic;
using System.IO;
using System.IO.Compression;
using System.Linq;
using System.Text.Json;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Cli;

/// <summary>The program as scripts depend on it: records, formats, exit codes.</summary>
public sealed class ReplayCommandTests : IDisposable
{
    private const string Template = "captures/three-tier.yaml";
    private const string Web = "captures/three-tier-web.pcapng";

    private readonly string _folder = Directory.CreateTempSubdirectory("dataplane-").FullName;

    public void Dispose() => Directory.Delete(_folder, true);

    public static TheoryData<string> Captures => [.. Expectations.All.Select(e => e.Capture)];

    [Theory, MemberData(nameof(Captures))]
    public void Every_shipped_capture_gives_what_its_readme_says(string capture)
    {
        Expectation expected = Expectations.All.Single(e => e.Capture == capture);
        ProgramRun run = DataplaneProgram.Run("replay", "-t", $"captures/{expected.Topology}", $"captures/{capture}", "--packets", "-");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        List<JsonElement> records = [.. run.Lines.Select(line => JsonDocument.Parse(line).RootElement)];
        Dictionary<string, int> verdicts = records.GroupBy(r => r.GetProperty("verdict").GetString()!).ToDictionary(g => g.Key, g => g.Count());
        foreach ((string verdict, int count) in expected.Verdicts)
        {
            Assert.Equal((verdict, count), (verdict, verdicts.GetValueOrDefault(verdict)));
        }

        Dictionary<(string?, string?), int> denied = records.Where(r => r.GetProperty("verdict").GetString() == "deny")
            .GroupBy(r => (r.GetProperty("reason").GetString(), r.GetProperty("rule").GetString())).ToDictionary(g => g.Key, g => g.Count());
        Assert.Equal(expected.Denied.OrderBy(d => d.Key.ToString(), StringComparer.Ordinal), denied.OrderBy(d => d.Key.ToString(), StringComparer.Ordinal));
    }

    [Fact]
    public void REL_40_Records_have_the_same_bytes_for_any_number_of_workers_and_for_standard_input()
    {
        string one = Records(null, Web, "--workers", "1");
        Assert.Equal(one, Records(null, Web, "--workers", "2"));
        Assert.Equal(one, Records(null, Web, "--workers", "4"));
        Assert.Equal(one, Records(File.ReadAllBytes(Repository.At(Web)), "-"));
    }

    [Fact]
    public void Records_have_the_same_bytes_for_template_and_snapshot() =>
        Assert.Equal(Records(null, Web), DataplaneProgram.Run("replay", "-t", "captures/three-tier-snapshot", Web, "--packets", "-").Output);

    [Fact]
    public void Records_have_the_same_bytes_for_pcap_and_pcapng_and_packed_files()
    {
        string pcap = "captures/port-scan.pcap", pcapng = Path.Combine(_folder, "same.pcapng"), packed = Path.Combine(_folder, "same.gz");
        using (FileStream to = File.Create(packed))
        using (GZipStream gzip = new(to, CompressionLevel.Fastest))
        {
            gzip.Write(File.ReadAllBytes(Repository.At(pcap)));
        }

        PcapFiles.CopyAsPcapNg(Repository.At(pcap), pcapng);
        string plain = Records(null, pcap);
        Assert.Equal(plain, Records(null, pcapng));
        Assert.Equal(plain, Records(null, packed));
    }

    [Fact]
    public void A_record_has_the_keys_of_the_contract_in_their_order()
    {
        string line = DataplaneProgram.Run("replay", "-t", Template, Web, "--packets", "-").Lines[0];
        using JsonDocument record = JsonDocument.Parse(line);
        Assert.Equal(
            ["packet", "time", "verdict", "reason", "rule", "state", "from", "to", "proto", "src", "srcPort", "dst", "dstPort", "bytes", "path"],
            record.RootElement.EnumerateObject().Select(p => p.Name));
        Assert.Matches("\"time\":\"\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{9}Z\"", line);
    }

    [Fact]
    public void Icmp_records_have_null_ports_and_type_and_code_after_them()
    {
        string line = DataplaneProgram.Run("replay", "-t", Template, "captures/dns-icmp-traceroute.pcap", "--packets", "-", "--filter", "icmp").Lines[0];
        Assert.Contains("\"srcPort\":null,", line, StringComparison.Ordinal);
        Assert.Matches("\"dstPort\":null,\"icmpType\":\\d+,\"icmpCode\":\\d+,\"bytes\":", line);
    }

    [Fact]
    public void Csv_has_every_column_and_joins_the_path_by_bars()
    {
        string path = Path.Combine(_folder, "p.csv");
        Assert.Equal(0, DataplaneProgram.Run("replay", "-t", Template, Web, "--packets", path).ExitCode);
        string[] lines = File.ReadAllLines(path);
        Assert.Equal("packet,time,verdict,reason,rule,state,from,to,proto,src,srcPort,dst,dstPort,icmpType,icmpCode,bytes,path", lines[0]);
        Assert.All(lines, line => Assert.Equal(16, line.Count(c => c == ',')));
        Assert.Contains('|', lines[1]);
    }

    [Fact]
    public void Flows_come_in_order_of_first_packet_and_add_up_to_the_packets()
    {
        ProgramRun run = DataplaneProgram.Run("replay", "-t", Template, Web, "--flows", "-");
        List<JsonElement> flows = [.. run.Lines.Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal(Enumerable.Range(1, flows.Count), flows.Select(f => f.GetProperty("flow").GetInt32()));
        // In order of first packet: not of time, which goes back where a capture has several interfaces.
        List<string?> times = [.. DataplaneProgram.Run("replay", "-t", Template, Web, "--packets", "-").Lines.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("time").GetString())];
        List<int> firsts = [.. flows.Select(f => times.IndexOf(f.GetProperty("first").GetString()))];
        Assert.Equal(firsts.Order(), firsts);
        Expectation expected = Expectations.All.Single(e => e.Capture == "three-tier-web.pcapng");
        Assert.Equal(expected.Verdicts["deny"], flows.Sum(f => f.GetProperty("denied").GetInt32()));
        Assert.Equal(
            ["flow", "first", "last", "proto", "src", "srcPort", "dst", "dstPort", "from", "to", "verdict", "reason", "rule", "packets", "bytes", "returnPackets", "returnBytes", "denied", "moot", "state", "path"],
            flows.First(f => f.GetProperty("proto").GetInt32() == 6).EnumerateObject().Select(p => p.Name));
    }

    [Fact]
    public void Summary_is_one_object_with_the_contracts_keys()
    {
        ProgramRun run = DataplaneProgram.Run("replay", "-t", Template, Web, "--summary", "-");
        using JsonDocument summary = JsonDocument.Parse(run.Output);
        Assert.Equal(
            ["packets", "bytes", "flows", "topology", "elapsedSeconds", "packetsPerSecond", "compileMilliseconds", "warnings"],
            summary.RootElement.EnumerateObject().Select(p => p.Name));
        Assert.Equal(2663, summary.RootElement.GetProperty("packets").EnumerateObject().Sum(p => p.Value.GetInt32()));
    }

    [Fact]
    public void Allowed_and_denied_are_written_byte_for_byte_and_denied_ones_say_why()
    {
        string allowed = Path.Combine(_folder, "a.pcapng"), denied = Path.Combine(_folder, "d.pcapng");
        Assert.Equal(0, DataplaneProgram.Run("replay", "-t", Template, Web, "--allowed", allowed, "--denied", denied).ExitCode);
        List<byte[]> original = PcapFiles.Packets(Repository.At(Web));
        List<JsonElement> records = [.. DataplaneProgram.Run("replay", "-t", Template, Web, "--packets", "-").Lines.Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal(original.Where((_, i) => records[i].GetProperty("verdict").GetString() == "allow"), PcapFiles.Packets(allowed));
        Assert.Equal(original.Where((_, i) => records[i].GetProperty("verdict").GetString() == "deny"), PcapFiles.Packets(denied));
        string text = System.Text.Encoding.UTF8.GetString(File.ReadAllBytes(denied));
        Assert.Contains("ENI_SG_RULES_MISMATCH WebSecurityGroup/ingress/none", text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_filter_selects_what_is_counted_and_all_packets_are_judged()
    {
        string all = Records(null, Web);
        string some = Records(null, Web, "--filter", "tcp port 5432");
        string[] expected = [.. all.Split('\n').Where(l => l.Contains("\"srcPort\":5432,", StringComparison.Ordinal) || l.Contains("\"dstPort\":5432,", StringComparison.Ordinal))];
        Assert.NotEmpty(expected);
        Assert.Equal(expected, some.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    public static TheoryData<string, int, string[]> ExitCodes => new()
    {
        { "nothing negative", 0, ["replay", "-t", Template, Web] },
        { "something was denied and it matters", 1, ["replay", "-t", Template, Web, "--fail-on", "deny"] },
        { "no topology", 2, ["replay", Web] },
        { "an unknown option", 2, ["replay", "-t", Template, Web, "--no-such-option"] },
        { "a bad filter", 2, ["replay", "-t", Template, Web, "--filter", "port and"] },
        { "a map of two lengths", 2, ["replay", "-t", Template, Web, "--map", "10.0.0.0/8=10.0.0.0/16"] },
        { "a topology that is not there", 3, ["replay", "-t", "no-such-file.yaml", Web] },
        { "a topology that is none", 3, ["replay", "-t", "README.md", Web] },
        { "a capture that is not there", 4, ["replay", "-t", Template, "no-such-file.pcap"] },
        { "a capture that is none", 4, ["replay", "-t", Template, "README.md"] },
        { "an output that cannot be written", 5, ["replay", "-t", Template, Web, "--packets", "/no/such/folder/p.jsonl"] },
        { "records in a format that is not written", 2, ["replay", "-t", Template, Web, "--packets", "p.parquet"] },
        { "records in no format", 2, ["replay", "-t", Template, Web, "--flows", "flows"] },
        { "no workers", 2, ["replay", "-t", Template, Web, "--workers", "0"] },
        { "differences in a format that is not written", 2, ["diff", "--before", Template, "--after", Template, Web, "--packets", "p.parquet"] },
        { "equal networks where nothing may be denied", 1, ["diff", "--before", Template, "--after", Template, Web, "--fail-on", "deny"] },
        { "an output over the input", 2, ["replay", "-t", Template, Web, "--denied", Web] },
        { "a packet that passes", 0, ["trace", "-t", Template, "--from", "internet", "--to", "Web", "--port", "80"] },
        { "a packet that is dropped", 1, ["trace", "-t", Template, "--from", "internet", "--to", "Web", "--port", "22"] },
        { "no such interface", 2, ["trace", "-t", Template, "--from", "internet", "--to", "Nobody", "--port", "22"] },
        { "equal networks", 0, ["diff", "--before", Template, "--after", "captures/three-tier-snapshot", Web] },
    };

    [Theory, MemberData(nameof(ExitCodes))]
    public void The_exit_code_says_what_happened(string shows, int code, string[] arguments)
    {
        ProgramRun run = DataplaneProgram.Run(arguments);
        Assert.Equal((shows, code), (shows, run.ExitCode));
        if (code >= 2)
        {
            Assert.Matches("^dataplane: .+\\.\n|^error: .+\\.\n", run.Error);
        }
    }

    [Fact]
    public void The_summary_says_with_v_which_addresses_were_chosen_for_a_template()
    {
        ProgramRun plain = DataplaneProgram.Run("replay", "-t", Template, "captures/port-scan.pcap"), run = DataplaneProgram.Run("replay", "-t", Template, "captures/port-scan.pcap", "-v");
        Assert.Contains("WebAddress: public 198.18.0.1", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("WebAddress: public", plain.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("WebAddress: public", run.Error, StringComparison.Ordinal);
        ProgramRun records = DataplaneProgram.Run("replay", "-t", Template, "captures/port-scan.pcap", "-v", "--summary", "-");
        Assert.Contains("WebAddress: public 198.18.0.1", records.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_truncated_capture_is_used_up_to_its_last_whole_packet_and_exits_4()
    {
        string cut = Path.Combine(_folder, "cut.pcap");
        byte[] whole = File.ReadAllBytes(Repository.At("captures/port-scan.pcap"));
        File.WriteAllBytes(cut, whole[..(whole.Length / 2)]);
        ProgramRun run = DataplaneProgram.Run("replay", "-t", Template, cut, "--packets", "-");
        Assert.Equal(4, run.ExitCode);
        Assert.Contains("cut.pcap", run.Error, StringComparison.Ordinal);
        string all = Records(null, "captures/port-scan.pcap");
        Assert.StartsWith(run.Output, all, StringComparison.Ordinal);
        Assert.True(run.Lines.Length > 1_000);
    }

    [Fact]
    public void An_output_that_no_longer_takes_anything_is_named_and_exits_5()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;    // there is no device that is always full
        }

        foreach (string option in (string[])["--packets", "--denied", "--summary"])
        {
            ProgramRun run = DataplaneProgram.Run("replay", "-t", Template, Web, option, "/dev/full");
            Assert.Equal((5, ""), (run.ExitCode, run.Output));
            Assert.StartsWith($"dataplane: {option} /dev/full: No space left on device.", run.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void REL_31_A_reader_that_goes_away_ends_the_program_quietly()
    {
        using System.Diagnostics.Process process = DataplaneProgram.Start(["replay", "-t", Template, Web, Web, Web, Web, Web, Web, "--packets", "-"]);
        process.StandardInput.Close();
        process.StandardOutput.ReadLine();
        process.StandardOutput.Close();
        string error = process.StandardError.ReadToEnd();
        Assert.True(process.WaitForExit(60_000));
        Assert.Equal(("", 0), (error, process.ExitCode));
    }

    [Fact]
    public void The_summary_names_a_denied_flow_its_rule_the_nearest_miss_and_the_trace_command()
    {
        ProgramRun run = DataplaneProgram.Run("replay", "-t", Template, Web);
        Assert.Contains("ENI_SG_RULES_MISMATCH WebSecurityGroup/ingress/none", run.Output, StringComparison.Ordinal);
        Assert.Contains("nearest miss", run.Output, StringComparison.Ordinal);
        Assert.Contains("dataplane trace -t captures/three-tier.yaml --from ", run.Output, StringComparison.Ordinal);
        Assert.All(run.Output.Split('\n').Where(l => !l.Contains("dataplane trace", StringComparison.Ordinal)), l => Assert.True(l.Length <= 100, l));
    }

    [Fact]
    public void The_trace_command_judges_as_the_replay_did()
    {
        ProgramRun run = DataplaneProgram.Run("replay", "-t", Template, Web, "--block-port-25", "--midstream", "drop", "--fragments", "first");
        string trace = run.Output.Split('\n').First(line => line.Contains("dataplane trace", StringComparison.Ordinal));
        Assert.EndsWith(" --midstream drop --fragments first --block-port-25", trace, StringComparison.Ordinal);
        Assert.Equal(1, DataplaneProgram.Run(trace.Trim().Split(' ')[1..]).ExitCode);
    }

    [Fact]
    public void When_most_packets_are_unplaced_the_summary_proposes_the_map_that_places_them()
    {
        // The same capture as if it had been taken where the web tier is 192.168.77.0/24 and the others follow.
        ProgramRun away = DataplaneProgram.Run(
            "replay", "-t", Template, Web, "--map", "10.0.1.0/24=192.168.77.0/24", "--map", "10.0.2.0/24=192.168.78.0/24", "--map", "10.0.3.0/24=192.168.79.0/24");
        Assert.Equal(0, away.ExitCode);
        Assert.Contains("--map 192.168.77.0/24=10.0.1.0/24", away.Output, StringComparison.Ordinal);
        Assert.Contains("--map 192.168.78.0/24=10.0.2.0/24", away.Output, StringComparison.Ordinal);
        Assert.Contains("--map 192.168.79.0/24=10.0.3.0/24", away.Output, StringComparison.Ordinal);
    }

    private static string Records(byte[]? input, string capture, params string[] more)
    {
        ProgramRun run = DataplaneProgram.Run(input, ["replay", "-t", Template, capture, "--packets", "-", .. more]);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        return run.Output;
    }
}
