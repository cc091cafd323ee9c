using System;
using System.Diagnostics;
using System.Linq;
using System.Text;
using Dataplane.Topology;
using Dataplane.Topology.Documents;
using Xunit;

namespace Dataplane.Tests.Topology.CloudFormation;

/// <summary>YAML becomes a bounded tree with short tags made long, or a fault with its line.</summary>
public sealed class YamlNodesTests
{
    [Fact]
    public void IMP_31_scalars_stay_as_they_are_written()
    {
        Node root = Read("Version: 2012-10-17\nAccount: 012345678901\nYes: yes\nHex: 0x1F\nFloat: 1.0\nOctal: 0o17\nQuoted: \"null\"\n");
        Assert.Equal(
            ["2012-10-17", "012345678901", "yes", "0x1F", "1.0", "0o17", "null"], root.Members.Select(m => m.Value.Text));
        Assert.All(root.Members, m => Assert.Equal(NodeKind.Text, m.Value.Kind));
    }

    [Theory]
    [InlineData("A: ~")]
    [InlineData("A: null")]
    [InlineData("A:")]
    public void An_empty_plain_scalar_is_null(string text) => Assert.Equal(NodeKind.Null, Read(text)["A"]!.Kind);

    [Theory]
    [InlineData("!Ref X", """{"Ref":"X"}""")]
    [InlineData("!GetAtt A.B.C", """{"Fn::GetAtt":["A","B.C"]}""")]
    [InlineData("!GetAtt [A, B.C]", """{"Fn::GetAtt":["A","B.C"]}""")]
    [InlineData("!Sub \"${A}/32\"", """{"Fn::Sub":"${A}/32"}""")]
    [InlineData("!Select [0, Fn::GetAZs: !Ref AWS::Region]", """{"Fn::Select":["0",{"Fn::GetAZs":{"Ref":"AWS::Region"}}]}""")]
    [InlineData("!GetAZs \"\"", """{"Fn::GetAZs":""}""")]
    [InlineData("!Condition Prod", """{"Condition":"Prod"}""")]
    [InlineData("!Base64 text", """{"Fn::Base64":"text"}""")]
    [InlineData("!If [C, !Ref AWS::NoValue, [!Ref A]]", """{"Fn::If":["C",{"Ref":"AWS::NoValue"},[{"Ref":"A"}]]}""")]
    [InlineData("!Join [\"\", [a, !Ref B]]", """{"Fn::Join":["",["a",{"Ref":"B"}]]}""")]
    [InlineData("!!str 5", "\"5\"")]
    public void IMP_31_short_tags_become_the_long_form(string value, string json) =>
        Assert.Equal(json, Templates.Json(Read("A: " + value)["A"]!).Replace("\n", "", StringComparison.Ordinal).Replace(" ", "", StringComparison.Ordinal));

    [Fact]
    public void Lines_count_from_one_with_every_kind_of_line_end()
    {
        Assert.Equal(3, Read("A: 1\nB: 2\nC: 3\n")["C"]!.Line);
        Assert.Equal(3, Read("A: 1\r\nB: 2\r\nC: 3\r\n")["C"]!.Line);
    }

    [Fact]
    public void A_byte_order_mark_is_not_part_of_the_first_key() =>
        Assert.NotNull(YamlNodes.Read(new SourceFile("t", [0xEF, 0xBB, 0xBF, .. "A: 1"u8]), new FaultList())!["A"]);

    public static TheoryData<string, string, int> Refused => new()
    {
        // the text                               what the fault says               line
        { "A: 1\nB: 2\nA: 3\n",                   "'A' stands here and in line 1",  3 },
        { "A: {x: 1, y: 2, x: 3}\n",              "'x' stands here and in line 1",  1 },
        { "A: 1\n---\nB: 2\n",                    "second document",                2 },
        { "A: !Unknown x\n",                      "!Unknown is unknown",            1 },
        { "A: !!binary x\n",                      "is unknown",                     1 },
        { "A: 1\nB: !!python/object x\n",         "is unknown",                     2 },
        { "A: &a [*a]\n",                         "inside what it names",           1 },
        { "A: *b\n",                              "names no anchor",                1 },
        { "[a]: 1\n",                             "a key is not plain text",        1 },
        { "!Ref X: 1\n",                          "a key is not plain text",        1 },
        { "A: &a {x: 1}\nB:\n  <<: *a\n",         "merge key",                      3 },
        { "A: !GetAtt X\n",                       "no dot",                         1 },
        { "A:\n\tB: 1\n",                         "tab",                            2 },
        { "A: [1, 2\nB: 3\n",                     "cannot be read",                 0 },
        { "A: \"open\n",                          "cannot be read",                 0 },
        { "",                                     "empty",                          1 },
        { "# nothing\n",                          "empty",                          1 },
        { "A: 1\nB: \u0000\n",                    "NUL",                            2 },
    };

    [Theory, MemberData(nameof(Refused))]
    public void REL_26_what_cannot_be_read_is_a_fault_with_its_line(string text, string says, int line)
    {
        FaultList faults = new();
        Assert.Null(YamlNodes.Read(new SourceFile("t.yaml", Encoding.UTF8.GetBytes(text)), faults));
        Fault fault = Assert.Single(faults.All);
        Assert.Contains(says, fault.What, StringComparison.Ordinal);
        Assert.StartsWith(line == 0 ? "t.yaml:" : $"t.yaml:{line}", fault.Where, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("utf-16")]
    [InlineData("utf-16BE")]
    public void UTF_16_is_refused_by_name(string encoding)
    {
        Encoding wide = Encoding.GetEncoding(encoding);
        FaultList faults = new();
        Assert.Null(YamlNodes.Read(new SourceFile("t.yaml", [.. wide.GetPreamble(), .. wide.GetBytes("A: 1")]), faults));
        Assert.Contains("UTF-16", Assert.Single(faults.All).What, StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_that_are_not_UTF_8_are_refused_with_their_line()
    {
        FaultList faults = new();
        Assert.Null(YamlNodes.Read(new SourceFile("t.yaml", [.. "A: 1\nB: "u8, 0xC3, 0x28]), faults));
        Assert.Equal("t.yaml:2", Assert.Single(faults.All).Where);
    }

    public static TheoryData<string, string> Deep => new()
    {
        { "brackets", "A: " + new string('[', 100_000) },
        { "closed brackets", "A: " + new string('[', 100_000) + new string(']', 100_000) },
        { "brackets on lines", "A:\n" + string.Concat(Enumerable.Repeat(" [\n", 100_000)) },
        { "braces", "A: " + string.Concat(Enumerable.Repeat("{a: ", 100_000)) },
        { "dashes", "A:\n" + string.Concat(Enumerable.Repeat("- ", 100_000)) },
        { "question marks", string.Concat(Enumerable.Repeat("? ", 100_000)) },
        { "indented maps", string.Concat(Enumerable.Range(0, 1_000).Select(i => new string(' ', i) + "a:\n")) },
        { "tags", "A: " + string.Concat(Enumerable.Repeat("!Not [", 100_000)) },
        { "101 levels", "A: " + new string('[', 101) + new string(']', 101) },
    };

    [Theory, MemberData(nameof(Deep))]
    public void REL_26_deep_nesting_is_a_fault(string shows, string text)
    {
        FaultList faults = new();
        Assert.Null(YamlNodes.Read(new SourceFile("t.yaml", Encoding.UTF8.GetBytes(text)), faults));
        Assert.True(faults.HasErrors, shows);
    }

    [Fact]
    public void Ninety_levels_are_read() => Assert.NotNull(Read("A: " + new string('[', 90) + new string(']', 90))["A"]);

    [Fact]
    public void REL_26_an_alias_bomb_ends_in_a_fault_and_not_in_memory()
    {
        StringBuilder bomb = new("A0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for (int i = 1; i < 12; i++)
        {
            bomb.Append($"A{i}: &a{i} [").AppendJoin(", ", Enumerable.Repeat($"*a{i - 1}", 10)).Append("]\n");
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        FaultList faults = new();
        Assert.Null(YamlNodes.Read(new SourceFile("t.yaml", Encoding.UTF8.GetBytes(bomb.ToString())), faults));
        Assert.Contains("2000000 values", Assert.Single(faults.All).What, StringComparison.Ordinal);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 600L << 20);
    }

    [Fact]
    public void A_chain_of_aliases_does_not_nest_deeper_than_the_bound()
    {
        StringBuilder chain = new("A0: &a0 [x]\n");
        for (int i = 1; i < 150; i++)
        {
            chain.Append($"A{i}: &a{i} [*a{i - 1}]\n");
        }

        FaultList faults = new();
        Assert.Null(YamlNodes.Read(new SourceFile("t.yaml", Encoding.UTF8.GetBytes(chain.ToString())), faults));
        Assert.Contains("nested deeper", Assert.Single(faults.All).What, StringComparison.Ordinal);
    }

    [Fact]
    public void Aliases_are_copies()
    {
        Node root = Read("A: &a {x: [1, 2]}\nB: *a\n");
        Assert.Equal(Templates.Json(root["A"]!), Templates.Json(root["B"]!));
        Assert.NotSame(root["A"], root["B"]);
    }

    [Fact]
    public void REL_26_two_megabytes_are_read_in_time()
    {
        StringBuilder text = new("Resources:\n");
        for (int i = 0; text.Length < 2_000_000; i++)
        {
            text.Append($"  R{i}:\n    Type: AWS::EC2::EIP\n    Properties: {{A: \"{i}\", B: [1, 2, 3]}}\n");
        }

        byte[] bytes = Encoding.UTF8.GetBytes(text.ToString());
        Stopwatch watch = Stopwatch.StartNew();
        FaultList faults = new();
        Assert.NotNull(YamlNodes.Read(new SourceFile("t.yaml", bytes), faults));
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"{watch.Elapsed}");    // two seconds alone; the machine of a test run is shared
    }

    [Fact]
    public void A_megabyte_of_one_scalar_is_short_in_the_fault()
    {
        FaultList faults = new();
        string key = new('k', 1 << 20);
        Assert.Null(YamlNodes.Read(new SourceFile("t.yaml", Encoding.UTF8.GetBytes($"? {key}\n: 1\n? {key}\n: 2\n")), faults));
        Assert.True(Assert.Single(faults.All).ToString().Length < 400);
    }

    private static Node Read(string text)
    {
        FaultList faults = new();
        Node? node = YamlNodes.Read(new SourceFile("t.yaml", Encoding.UTF8.GetBytes(text)), faults);
        Assert.Empty(faults.All);
        return node!;
    }
}
