using System;
using System.IO;
using System.Linq;
using System.Text.Json;
using Dataplane.Filters;
using Dataplane.Tests.Filters;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Cli;

/// <summary><c>bench --rules --headers</c> as scripts depend on it.</summary>
public sealed class BenchRulesTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("dataplane-bench");

    public void Dispose() => _folder.Delete(true);

    [Theory]
    [InlineData("", "", 60)]
    [InlineData("", "", 400)]
    [InlineData("DOTNET_EnableAVX512", "0", 60)]
    [InlineData("DOTNET_EnableAVX512", "0", 400)]
    [InlineData("DOTNET_EnableAVX2", "0", 400)]
    [InlineData("DOTNET_EnableHWIntrinsic", "0", 400)]
    public void The_rule_numbers_are_right_on_every_processor(string variable, string value, int count)
    {
        Random random = new(11);
        FiveTupleRule[] rules = FiveTupleLists.Odd(random, count);
        FiveTuple[] headers = FiveTupleLists.Headers(random, rules, 10_000);
        (string rulesFile, string headersFile) = (In("rules"), In("headers"));
        File.WriteAllLines(rulesFile, rules.Select(FiveTupleLists.Text));
        File.WriteAllLines(headersFile, headers.Select(FiveTupleLists.Text));
        ProgramRun run = DataplaneProgram.Run(
            variable.Length == 0 ? [] : [(variable, value)], null, "bench", "--rules", rulesFile, "--headers", headersFile, "--seconds", "0", "-o", In("out"), "--json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal(headers.Select(header => $"{FiveTupleLists.First(rules, header)}"), File.ReadAllLines(In("out")));

        JsonElement json = JsonDocument.Parse(run.Output).RootElement;
        Assert.Equal(
            ["millionLookupsPerCpuSecond", "buildMilliseconds", "bytes", "structure", "rules", "headers"], json.EnumerateObject().Select(property => property.Name));
        Assert.True(json.GetProperty("millionLookupsPerCpuSecond").GetDouble() > 0);
        Assert.True(json.GetProperty("bytes").GetInt64() > 0);
        Assert.Equal((count, 10_000), (json.GetProperty("rules").GetInt32(), json.GetProperty("headers").GetInt32()));
    }

    [Fact]
    public void A_person_reads_the_same_figures()
    {
        File.WriteAllText(In("rules"), "@10.0.0.0/8 0.0.0.0/0 0 : 65535 443 : 443 0x06/0xFF\n\n@0.0.0.0/0\t0.0.0.0/0\t0 : 65535\t0 : 65535\t0x00/0x00\t0x0000/0x0000\r\n");
        File.WriteAllText(In("headers"), "167772161 1 1000 443 6\n167772161 1 1000 444 6 4294967295 3\n");
        ProgramRun run = DataplaneProgram.Run("bench", "--rules", In("rules"), "--headers", In("headers"), "--seconds", "0");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("million look-ups per CPU second", run.Output, StringComparison.Ordinal);
        Assert.Contains("structure", run.Output, StringComparison.Ordinal);
        Assert.Equal("1\n2\n", DataplaneProgram.Run("bench", "--rules", In("rules"), "--headers", In("headers"), "--seconds", "0", "-o", "-").Output);
    }

    [Fact]
    public void Every_fault_of_both_files_is_said_at_once_with_its_line()
    {
        File.WriteAllText(
            In("rules"),
            "@10.0.0.0/8 0.0.0.0/0 0 : 65535 443 : 443 0x06/0xFF\n10.0.0.0/8\n@10.0.0.0/33 0.0.0.0/0 0 : 1 0 : 1 0x06/0xFF\n@0.0.0.0/0 0.0.0.0/0 0 : 65536 0 : 1 0x06/0xFF\n@0.0.0.0/0 0.0.0.0/0 0 : 1 0 : 1 6\n" + new string('x', 5_000));
        File.WriteAllText(In("headers"), "1 2 3 4\n1 2 3 4 256\n-1 2 3 4 5\n");
        ProgramRun run = DataplaneProgram.Run("bench", "--rules", In("rules"), "--headers", In("headers"));
        Assert.Equal((3, ""), (run.ExitCode, run.Output));
        foreach (string where in new[] { "rules:2", "rules:3", "rules:4", "rules:5", "rules:6", "headers:1", "headers:2", "headers:3" })
        {
            Assert.Contains($"{In(where)}: ", run.Error, StringComparison.Ordinal);
        }

        Assert.DoesNotContain("rules:1:", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, "--rules", "R")]
    [InlineData(2, "--rules", "R", "--headers", "H", "--seconds", "-1")]
    [InlineData(2, "--rules", "R", "--headers", "H", "-o", "R")]
    [InlineData(2, "--rules", "R", "--headers", "H", "-o", "-", "--json")]
    [InlineData(3, "--rules", "missing", "--headers", "H")]
    [InlineData(3, "--rules", "empty", "--headers", "H")]
    [InlineData(5, "--rules", "R", "--headers", "H", "-o", "no/such/folder")]
    public void What_cannot_be_done_has_an_exit_code_and_a_sentence(int code, params string[] arguments)
    {
        File.WriteAllText(In("R"), "@10.0.0.0/8 0.0.0.0/0 0 : 65535 443 : 443 0x06/0xFF\n");
        File.WriteAllText(In("H"), "1 2 3 4 6\n");
        File.WriteAllText(In("empty"), "\n");
        ProgramRun run = DataplaneProgram.Run(["bench", .. arguments.Select(a => a[0] is '-' or '0' ? a : In(a))]);
        Assert.Equal(code, run.ExitCode);
        Assert.NotEqual("", run.Error);
        Assert.DoesNotContain("bug", run.Error, StringComparison.Ordinal);
    }

    private string In(string name) => Path.Combine(_folder.FullName, name);
}
