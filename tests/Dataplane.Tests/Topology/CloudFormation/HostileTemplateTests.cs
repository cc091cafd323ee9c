using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Dataplane.Tests.TestSupport;
using Dataplane.Topology;
using Dataplane.Topology.CloudFormation;
using Dataplane.Topology.Documents;
using Dataplane.Topology.Model;
using Xunit;
using Xunit.Abstractions;

namespace Dataplane.Tests.Topology.CloudFormation;

/// <summary>Whatever a template holds, reading it ends, with drafts or with faults.</summary>
public sealed class HostileTemplateTests(ITestOutputHelper output)
{
    /// <summary>No file may keep its reader busy for longer (processor time, since wall time says what else the machine did).</summary>
    private static readonly TimeSpan Most = TimeSpan.FromSeconds(5);

    [Fact]
    public void REL_26_names_with_quotes_newlines_and_comment_ends_stay_one_line_in_faults()
    {
        foreach (string name in (string[])["a\\nb", "\\\"", "*/", "\\u2028", "\\e[31m", "{{x}}", "${", new string('n', 1 << 20)])
        {
            FaultList faults = Templates.Bad($$"""
                Resources:
                  "{{name}}": {Type: AWS::EC2::VPC}
                  Vpc:
                    Type: AWS::EC2::VPC
                    Properties: {CidrBlock: !Ref "{{name}}", "{{name}}": 1}
                  G:
                    Type: AWS::EC2::SecurityGroup
                    Properties: {GroupName: "{{name}}", VpcId: "{{name}}", SecurityGroupIngress: [{IpProtocol: "{{name}}", FromPort: "{{name}}", CidrIp: "{{name}}"}]}
                  T:
                    Type: "{{name}}"
                  Net:
                    Type: AWS::EC2::Subnet
                    Properties: {VpcId: "{{name}}", CidrBlock: "{{name}}"}
                  Box:
                    Type: AWS::EC2::Instance
                    Properties: {SubnetId: "{{name}}", PrivateIpAddress: "{{name}}", Ipv6AddressCount: "{{name}}"}
                """);
            Assert.NotEmpty(faults.All);
            Assert.All(faults.All, f => Assert.True(f.ToString().Length < 1_200 && f.ToString().All(c => c is >= ' ' and <= '~'), f.ToString()[..Math.Min(300, f.ToString().Length)]));
        }
    }

    [Fact]
    public void A_text_that_doubles_itself_ends_in_a_fault()
    {
        string many = string.Concat(Enumerable.Repeat("${P}", 100_000));
        FaultList faults = Templates.Bad($$"""
            Parameters:
              P: {Type: String, Default: "{{new string('x', 100_000)}}"}
            Resources:
              Vpc:
                Type: AWS::EC2::VPC
                Properties: {CidrBlock: !Sub "{{many}}"}
            """);
        Assert.Contains("grows beyond", Assert.Single(faults.All).What, StringComparison.Ordinal);
    }

    [Fact]
    public void Many_large_texts_end_in_one_fault()
    {
        StringBuilder text = new("Parameters:\n  P: {Type: String, Default: \"" + new string('x', 1_000_000) + "\"}\nResources:\n");
        for (int i = 0; i < 2_000; i++)
        {
            text.Append($"  L{i}:\n    Type: AWS::EC2::PrefixList\n    Properties: {{PrefixListName: !Sub \"${{P}}${{P}}\", Entries: []}}\n");
        }

        ThreadClock watch = ThreadClock.StartNew();
        FaultList faults = Templates.Bad(text.ToString());
        Assert.Contains(faults.Errors, f => f.What.Contains("take too long", StringComparison.Ordinal));
        Ended(watch);
    }

    [Fact]
    public void What_is_wrong_is_said_although_it_was_first_met_where_nothing_is_said()
    {
        // The load balancer's groups are evaluated only for a warning; the parameter's own fault must not be lost there.
        FaultList faults = Templates.Bad("""
            Parameters:
              Port: {Type: Number, Default: many}
            Resources:
              Vpc:
                Type: AWS::EC2::VPC
                Properties: {CidrBlock: 10.0.0.0/16}
              Alb:
                Type: AWS::ElasticLoadBalancingV2::LoadBalancer
                Properties: {SecurityGroups: [!Ref Port]}
            """);
        Assert.Contains("'many' is not a number", Assert.Single(faults.Errors).What, StringComparison.Ordinal);
    }

    [Fact]
    public void A_long_chain_of_conditions_is_a_fault_and_not_an_overflow()
    {
        StringBuilder text = new("Conditions:\n  C0: !Equals [a, a]\n");
        for (int i = 1; i < 5_000; i++)
        {
            text.Append($"  C{i}: !Not [!Condition C{i - 1}]\n");
        }

        text.Append("Resources:\n  Vpc:\n    Type: AWS::EC2::VPC\n    Condition: C4999\n    Properties: {CidrBlock: 10.0.0.0/16}\n");
        Assert.Contains(Templates.Bad(text.ToString()).Errors, f => f.What.Contains("nested", StringComparison.Ordinal));
    }

    [Fact]
    public void A_long_chain_of_attributes_is_a_fault_and_not_an_overflow()
    {
        StringBuilder text = new("Resources:\n");
        for (int i = 0; i < 5_000; i++)
        {
            text.Append($"  V{i}:\n    Type: AWS::EC2::VPC\n    Properties: {{CidrBlock: !GetAtt V{(i + 1) % 5_000}.CidrBlock}}\n");
        }

        Assert.Contains(Templates.Bad(text.ToString()).Errors, f => f.What.Contains("nested deeper", StringComparison.Ordinal));
    }

    [Fact]
    public void An_attribute_that_needs_itself_is_a_fault() => Assert.Contains(
        Templates.Bad("Resources:\n  V:\n    Type: AWS::EC2::VPC\n    Properties: {CidrBlock: !GetAtt V.CidrBlock}\n").Errors,
        f => f.What.Contains("depends on itself", StringComparison.Ordinal));

    [Fact]
    public void Twenty_thousand_resources_are_read_in_time()
    {
        StringBuilder text = new(Templates.Net("  Acl: {Type: AWS::EC2::NetworkAcl, Properties: {VpcId: !Ref Vpc}}\n"));
        text.Append("  G:\n    Type: AWS::EC2::SecurityGroup\n    Properties: {GroupDescription: g, VpcId: !Ref Vpc}\n");
        for (int i = 0; i < 20_000; i++)
        {
            text.Append($"  R{i}:\n    Type: AWS::EC2::SecurityGroupIngress\n    Properties: {{GroupId: !GetAtt G.GroupId, IpProtocol: tcp, FromPort: {i}, ToPort: {i}, CidrIp: 10.0.0.0/8}}\n");
        }

        byte[] bytes = Encoding.UTF8.GetBytes(text.ToString());
        ThreadClock watch = ThreadClock.StartNew();
        NetworkDraft draft = new();
        FaultList faults = new();
        CloudFormationReader.Read([new SourceFile("t.yaml", bytes)], LoadOptions.Of(), draft, faults);
        Assert.Empty(faults.All);
        Assert.Equal(20_000, draft.Group("G").Ingress.Count);
        Ended(watch);
    }

    /// <summary>
    /// Seeded mutants of good templates: no exception escapes, each ends soon. 2,000 in every run; DATAPLANE_LONG=1 makes 50,000.
    /// To repeat one: DATAPLANE_SEED=seed.
    /// </summary>
    [Fact]
    public void REL_26_no_mutant_of_a_template_brings_the_reader_down()
    {
        string? given = Environment.GetEnvironmentVariable("DATAPLANE_SEED");
        int seed = given is null ? 20_100_909 : int.Parse(given, System.Globalization.CultureInfo.InvariantCulture);
        int mutants = given is null ? LongRuns.IsOn ? 50_000 : 2_000 : 1;
        byte[][] seeds = [.. SpellingTests.CaptureTemplates().Concat(SpellingTests.CdkTemplates()).Select(n => Encoding.UTF8.GetBytes(SpellingTests.Text(n)))];
        TimeSpan slowest = TimeSpan.Zero;
        int slowestSeed = 0;
        int readable = 0;
        for (int i = 0; i < mutants; i++)
        {
            Random random = new(seed + i);
            byte[] mutant = Mutate(seeds, random);
            ThreadClock watch = ThreadClock.StartNew();
            try
            {
                (Network? network, FaultList faults) = TopologyLoader.Load([new SourceFile("t", mutant)], LoadOptions.Of());
                Assert.Equal(network is null, faults.HasErrors);
                readable += network is null ? 0 : 1;
            }
            catch (Exception exception)
            {
                Assert.Fail($"seed {seed + i} (DATAPLANE_SEED={seed + i} repeats it): {exception}");
            }

            TimeSpan took = watch.Elapsed;
            (slowest, slowestSeed) = took > slowest ? (took, seed + i) : (slowest, slowestSeed);
        }

        output.WriteLine($"{mutants} mutants from seed {seed}, {readable} without errors, slowest {slowest.TotalMilliseconds:F0} ms of processor time");
        Assert.True(slowest < Most, $"{slowest} (DATAPLANE_SEED={slowestSeed} repeats it)");
    }

    private void Ended(ThreadClock watch)
    {
        TimeSpan took = watch.Elapsed;
        output.WriteLine($"{took.TotalMilliseconds:F0} ms of processor time");
        Assert.True(took < Most, $"{took}");
    }

    private static readonly string[] Pieces =
    [
        "!Ref ", "!GetAtt ", "!Sub ", "!Select [0, ", "!If [", "Fn::", "&a ", "*a", "[", "]", "{", "}", ": ", "- ", "\n", "\n\t", "  ", "\"", "'", "|\n", ">-\n", "---\n", "...\n", "# ", "%YAML 9\n",
        "? ", "<<: *a\n", "!!binary ", "\u0000", "\uFEFF", "99999999999999999999", "-1", "0.0.0.0/0", "::/0", "AWS::NoValue", "AWS::EC2::", "null", "~", "${", "}", "{{resolve:", "\\",
        "\u2028", "{\"Ref\": \"", "Condition", "Type", "Properties", "Vpc",
    ];

    private static byte[] Mutate(byte[][] seeds, Random random)
    {
        List<byte> bytes = [.. seeds[random.Next(seeds.Length)]];
        int edits = 1 + random.Next(6);
        for (int e = 0; e < edits; e++)
        {
            int at = random.Next(bytes.Count + 1);
            int length = Math.Min(random.Next(1, 60), bytes.Count - at);
            switch (random.Next(7))
            {
                case 0:
                    bytes.RemoveRange(at, length);
                    break;
                case 1:
                    bytes.InsertRange(at, Encoding.UTF8.GetBytes(Pieces[random.Next(Pieces.Length)]));
                    break;
                case 2 when at < bytes.Count:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 3:
                    bytes.InsertRange(random.Next(bytes.Count + 1), bytes.GetRange(at, length));
                    break;
                case 4:
                    bytes.InsertRange(at, Enumerable.Repeat((byte)" [{-:\n\t!&*"[random.Next(10)], random.Next(300)));
                    break;
                case 5:
                    SwapLines(bytes, random);
                    break;
                default:
                    bytes.RemoveRange(at, Math.Min(bytes.Count - at, random.Next(20) == 0 ? bytes.Count : 0));
                    break;
            }
        }

        return [.. bytes];
    }

    private static void SwapLines(List<byte> bytes, Random random)
    {
        string[] lines = Encoding.Latin1.GetString([.. bytes]).Split('\n');
        int a = random.Next(lines.Length);
        int b = random.Next(lines.Length);
        (lines[a], lines[b]) = (lines[b], lines[a]);
        bytes.Clear();
        bytes.AddRange(Encoding.Latin1.GetBytes(string.Join('\n', lines)));
    }
}
