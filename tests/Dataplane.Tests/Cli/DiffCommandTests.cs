using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Cli;

/// <summary>diff names exactly what changes, by the rule that changes it.</summary>
public sealed class DiffCommandTests : IDisposable
{
    private const string Template = "captures/three-tier.yaml";
    private const string Web = "captures/three-tier-web.pcapng";

    private readonly string _folder = Directory.CreateTempSubdirectory("dataplane-").FullName;

    public void Dispose() => Directory.Delete(_folder, true);

    [Fact]
    public void Equal_networks_as_template_and_snapshot_differ_in_nothing()
    {
        ProgramRun run = DataplaneProgram.Run("diff", "--before", Template, "--after", "captures/three-tier-snapshot", Web, "--flows", "-");
        Assert.Equal((0, "", ""), (run.ExitCode, run.Output, run.Error));
    }

    [Fact]
    public void Faults_of_both_topologies_are_said_in_one_run()
    {
        ProgramRun run = DataplaneProgram.Run("diff", "--before", "no-such-before.yaml", "--after", "no-such-after.yaml", Web);
        Assert.Equal(3, run.ExitCode);
        Assert.Contains("no-such-before.yaml", run.Error, StringComparison.Ordinal);
        Assert.Contains("no-such-after.yaml", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void One_rule_less_names_exactly_the_flows_that_needed_it()
    {
        // The application's only way in from the web tier.
        string after = Path.Combine(_folder, "after.yaml");
        string text = File.ReadAllText(Repository.At(Template));
        string cut = RemoveRule(text, "AppSecurityGroup:", "FromPort: 8080");
        File.WriteAllText(after, cut);
        ProgramRun run = DataplaneProgram.Run("diff", "--before", Template, "--after", after, Web, "--flows", "-");
        Assert.Equal(1, run.ExitCode);
        List<(JsonElement Before, JsonElement After)> pairs = [.. run.Lines.Select(l => JsonDocument.Parse(l).RootElement).Select(r => (r.GetProperty("before"), r.GetProperty("after")))];

        // What must change: every flow that rule admitted, and nothing else changes verdict.
        List<string> admitted = Keys(DataplaneProgram.Run("replay", "-t", Template, Web, "--flows", "-").Lines
            .Select(l => JsonDocument.Parse(l).RootElement).Where(f => f.GetProperty("path").EnumerateArray().Any(p => p.GetString() == "AppSecurityGroup/ingress/1")));
        Assert.NotEmpty(admitted);
        Assert.Equal(admitted, Keys(pairs.Where(p => Verdict(p.Before) != Verdict(p.After)).Select(p => p.Before)));
        Assert.All(pairs.Where(p => Verdict(p.Before) != Verdict(p.After)), p =>
        {
            Assert.Equal("deny", Verdict(p.After));
            Assert.Equal("ENI_SG_RULES_MISMATCH", p.After.GetProperty("reason").GetString());
            Assert.Equal("AppSecurityGroup/ingress/none", p.After.GetProperty("rule").GetString());
        });

        ProgramRun summary = DataplaneProgram.Run("diff", "--before", Template, "--after", after, Web);
        Assert.Contains("by AppSecurityGroup/ingress/1", summary.Output, StringComparison.Ordinal);
        Assert.Contains("after  deny ENI_SG_RULES_MISMATCH AppSecurityGroup/ingress/none", summary.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Packets_without_a_place_are_said_and_not_taken_for_equal()
    {
        ProgramRun run = DataplaneProgram.Run("diff", "--before", Template, "--after", Template, "captures/classic-mistakes.pcapng");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("packets have no place on either topology and were not compared", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Causes_come_before_what_follows_from_them()
    {
        string after = Path.Combine(_folder, "after.yaml");
        File.WriteAllText(after, RemoveRule(File.ReadAllText(Repository.At(Template)), "AppSecurityGroup:", "FromPort: 8080"));
        string output = DataplaneProgram.Run("diff", "--before", Template, "--after", after, Web).Output;
        int cause = output.IndexOf("by AppSecurityGroup/ingress/1", StringComparison.Ordinal), consequence = output.IndexOf("by what is denied now", StringComparison.Ordinal);
        Assert.True(cause > 0 && cause < consequence, output);
    }

    [Fact]
    public void Packets_that_differ_come_as_pairs_of_records()
    {
        string after = Path.Combine(_folder, "after.yaml");
        File.WriteAllText(after, RemoveRule(File.ReadAllText(Repository.At(Template)), "AppSecurityGroup:", "FromPort: 8080"));
        ProgramRun run = DataplaneProgram.Run("diff", "--before", Template, "--after", after, Web, "--packets", "-");
        Assert.Equal(1, run.ExitCode);
        JsonElement first = JsonDocument.Parse(run.Lines[0]).RootElement;
        Assert.Equal(["before", "after"], first.EnumerateObject().Select(p => p.Name));
        Assert.Equal(first.GetProperty("before").GetProperty("packet").GetInt64(), first.GetProperty("after").GetProperty("packet").GetInt64());
    }

    [Fact]
    public void It_takes_the_outputs_of_replay_and_writes_what_differs()
    {
        string after = Path.Combine(_folder, "after.yaml"), denied = Path.Combine(_folder, "d.pcapng"), allowed = Path.Combine(_folder, "a.pcapng"), summary = Path.Combine(_folder, "s.json");
        File.WriteAllText(after, RemoveRule(File.ReadAllText(Repository.At(Template)), "AppSecurityGroup:", "FromPort: 8080"));
        ProgramRun run = DataplaneProgram.Run(
            "diff", "--before", Template, "--after", after, Web, "--packets", "-", "--denied", denied, "--allowed", allowed, "--summary", summary, "--fail-on", "deny");
        Assert.Equal(1, run.ExitCode);
        List<byte[]> frames = PcapFiles.Packets(Repository.At(Web));
        List<JsonElement> newly = [.. run.Lines.Select(l => JsonDocument.Parse(l).RootElement).Where(p => Verdict(p.GetProperty("before")) != "deny" && Verdict(p.GetProperty("after")) == "deny")];
        Assert.NotEmpty(newly);
        Assert.Equal(newly.Select(p => frames[p.GetProperty("after").GetProperty("packet").GetInt32() - 1]), PcapFiles.Packets(denied));
        Assert.Contains("ENI_SG_RULES_MISMATCH AppSecurityGroup/ingress/none", System.Text.Encoding.UTF8.GetString(File.ReadAllBytes(denied)), StringComparison.Ordinal);
        Assert.Empty(PcapFiles.Packets(allowed));

        JsonElement said = JsonDocument.Parse(File.ReadAllText(summary)).RootElement;
        Assert.Equal(["differ", "groups", "before", "after"], said.EnumerateObject().Select(p => p.Name));
        Assert.Equal(run.Lines.Length, said.GetProperty("differ").GetProperty("verdict").GetInt32() + said.GetProperty("differ").GetProperty("rule").GetInt32());
        Assert.Equal("AppSecurityGroup/ingress/1", said.GetProperty("groups")[0].GetProperty("changedBy").GetString());
        foreach ((string side, string topology) in ((string, string)[])[("before", Template), ("after", after)])
        {
            JsonElement alone = JsonDocument.Parse(DataplaneProgram.Run("replay", "-t", topology, Web, "--summary", "-").Output).RootElement;
            Assert.Equal(alone.EnumerateObject().Select(p => p.Name), said.GetProperty(side).EnumerateObject().Select(p => p.Name));
            foreach (string key in (string[])["packets", "bytes", "flows", "topology"])
            {
                Assert.Equal(alone.GetProperty(key).ToString(), said.GetProperty(side).GetProperty(key).ToString(), ignoreWhiteSpaceDifferences: true);
            }
        }
    }

    [Fact]
    public void Pairs_come_as_csv_with_the_columns_of_both_sides()
    {
        string after = Path.Combine(_folder, "after.yaml"), flows = Path.Combine(_folder, "f.csv"), packets = Path.Combine(_folder, "p.csv");
        File.WriteAllText(after, RemoveRule(File.ReadAllText(Repository.At(Template)), "AppSecurityGroup:", "FromPort: 8080"));
        Assert.Equal(1, DataplaneProgram.Run("diff", "--before", Template, "--after", after, Web, "--flows", flows, "--packets", packets).ExitCode);
        foreach ((string file, string option) in ((string, string)[])[(flows, "--flows"), (packets, "--packets")])
        {
            string alone = Path.Combine(_folder, "alone.csv");
            DataplaneProgram.Run("replay", "-t", after, Web, option, alone);
            string[] lines = File.ReadAllLines(file), columns = File.ReadLines(alone).First().Split(',');
            Assert.Equal(columns.Select(c => "before." + c).Concat(columns.Select(c => "after." + c)), lines[0].Split(','));
            Assert.True(lines.Length > 1);
            HashSet<string> records = [.. File.ReadLines(alone)];
            Assert.All(lines[1..], line =>
            {
                string[] fields = line.Split(',');
                Assert.Equal(columns.Length * 2, fields.Length);
                Assert.Contains(string.Join(',', fields[columns.Length..]), records);
            });
        }
    }

    private static List<string> Keys(IEnumerable<JsonElement> flows) =>
        [.. flows.Select(f => $"{f.GetProperty("first").GetString()} {f.GetProperty("src").GetString()}:{f.GetProperty("srcPort")} > {f.GetProperty("dst").GetString()}:{f.GetProperty("dstPort")}").Order(StringComparer.Ordinal)];

    private static string Verdict(JsonElement record) => record.GetProperty("verdict").GetString()!;

    /// <summary>A template without the list item, below a resource, that holds a line.</summary>
    private static string RemoveRule(string template, string resource, string holds)
    {
        List<string> lines = [.. template.Split('\n')];
        int at = lines.FindIndex(lines.FindIndex(l => l.Trim() == resource), l => l.Contains(holds, StringComparison.Ordinal));
        int first = at;
        while (!lines[first].TrimStart().StartsWith("- ", StringComparison.Ordinal))
        {
            first--;
        }

        int indent = lines[first].TakeWhile(c => c == ' ').Count();
        int next = first + 1;
        while (lines[next].TakeWhile(c => c == ' ').Count() > indent)
        {
            next++;
        }

        lines.RemoveRange(first, next - first);
        return string.Join('\n', lines);
    }
}
