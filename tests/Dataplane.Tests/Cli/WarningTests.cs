using System;
using System.IO;
using System.Linq;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Cli;

/// <summary>What is said of a topology beside the verdicts: warnings once each, also when it cannot be used; ids that name two things.</summary>
public sealed class WarningTests : IDisposable
{
    private const string Capture = "captures/port-scan.pcap";

    private readonly string _folder = Directory.CreateTempSubdirectory("dataplane-").FullName;

    public void Dispose() => Directory.Delete(_folder, true);

    private string Write(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    /// <summary>A NAT gateway to which no route leads, and a subnet that holds the captures' addresses.</summary>
    private string Nat() => Write("nat.json", """
        {
          "Vpcs": [{"VpcId": "vpc-a", "CidrBlock": "10.0.0.0/16"}],
          "Subnets": [{"SubnetId": "subnet-a", "VpcId": "vpc-a", "CidrBlock": "10.0.1.0/24"}],
          "InternetGateways": [{"InternetGatewayId": "igw-a", "Attachments": [{"VpcId": "vpc-a", "State": "available"}]}],
          "NatGateways": [{"NatGatewayId": "nat-9", "State": "available", "VpcId": "vpc-a", "SubnetId": "subnet-a",
            "NatGatewayAddresses": [{"NetworkInterfaceId": "eni-n9", "PrivateIp": "10.0.1.222", "PublicIp": "198.51.100.222"}]}]
        }
        """);

    private string OnePacket()
    {
        // A SYN from 8.8.8.8 to the gateway's public address, port 22, in a pcap of link type raw.
        byte[] packet = PacketText.Parse("tcp 8.8.8.8:9 > 198.51.100.222:22 S").Bytes;
        using MemoryStream file = new();
        using BinaryWriter writer = new(file);
        foreach (uint word in (uint[])[0xA1B2C3D4, 0x0004_0002, 0, 0, 65_535, 101, 1_700_000_000, 0, (uint)packet.Length, (uint)packet.Length])
        {
            writer.Write(word);
        }

        writer.Write(packet);
        string path = Path.Combine(_folder, "one.pcap");
        File.WriteAllBytes(path, file.ToArray());
        return path;
    }

    [Fact]
    public void NAT_09_The_internet_is_not_let_in_to_a_NAT_gateway_and_both_warnings_say_why()
    {
        ProgramRun run = DataplaneProgram.Run("replay", "-t", Nat(), OnePacket(), "--packets", "-");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("\"verdict\":\"unplaced\"", Assert.Single(run.Lines), StringComparison.Ordinal);
        Assert.Contains("nat-9: the NAT gateway nat-9 is not enforced yet: packets from and to its own addresses are unplaced.", run.Error, StringComparison.Ordinal);
        Assert.Contains("warning: nat-9: 1 packet would leave from or arrive at this component, which is not enforced yet. It is unplaced.", run.Error, StringComparison.Ordinal);

        ProgramRun strict = DataplaneProgram.Run("replay", "-t", Nat(), OnePacket(), "--strict");
        Assert.Equal((3, ""), (strict.ExitCode, strict.Output));
        Assert.Contains("error: ", strict.Error, StringComparison.Ordinal);
        Assert.Contains("1 error, 0 warnings. Mend what is named above.", strict.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", 1)]
    [InlineData("-v", 1)]
    [InlineData("-q", 0)]
    public void Each_warning_is_said_once_when_records_go_to_standard_output(string option, int times)
    {
        ProgramRun run = DataplaneProgram.Run([.. option.Split(' ', StringSplitOptions.RemoveEmptyEntries), "replay", "-t", Nat(), OnePacket(), "--packets", "-"]);
        Assert.Equal(times, run.Error.Split('\n').Count(line => line.Contains("the NAT gateway nat-9 is not enforced yet", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_trace_that_explains_says_each_warning_once()
    {
        ProgramRun run = DataplaneProgram.Run("-v", "trace", "-t", Nat(), "--from", "internet", "--to", "eni-n9", "--port", "22");
        Assert.Contains("unplaced: ", run.Output, StringComparison.Ordinal);
        Assert.Single(run.Error.Split('\n'), line => line.Contains("the NAT gateway nat-9 is not enforced yet", StringComparison.Ordinal));
    }

    [Fact]
    public void Counts_of_one_are_written_as_one()
    {
        ProgramRun run = DataplaneProgram.Run("replay", "-t", Nat(), OnePacket());
        Assert.Contains("one.pcap: 1 packet, ", run.Lines[0], StringComparison.Ordinal);
        Assert.Contains("1 packet  8.8.8.8 > 198.51.100.222", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(" 1 packets", run.Output, StringComparison.Ordinal);
        ProgramRun diff = DataplaneProgram.Run("diff", "--before", Nat(), "--after", Nat(), OnePacket());
        Assert.StartsWith("1 of 1 packet has no place on either topology and was not compared", diff.Lines[0], StringComparison.Ordinal);
        Assert.Equal("1 packet: no difference.", diff.Lines[1]);
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("-v", true)]
    [InlineData("-q", false)]
    public void A_topology_that_cannot_be_used_has_its_warnings_said_too(string option, bool warns)
    {
        string bad = Write("bad.json", """
            {
              "Vpcs": [{"VpcId": "vpc-a", "CidrBlock": "10.0.0.0/99"}, {"VpcId": "vpc-b", "CidrBlock": "10.0.0.0/30"}]
            }
            """);
        ProgramRun run = DataplaneProgram.Run([.. option.Split(' ', StringSplitOptions.RemoveEmptyEntries), "replay", "-t", bad, Capture]);
        Assert.Equal((3, ""), (run.ExitCode, run.Output));
        string[] lines = run.Error.Split('\n');
        Assert.Single(lines, l => l.StartsWith($"error: {bad}:2, vpc-a: '10.0.0.0/99' is not a CIDR block.", StringComparison.Ordinal));
        Assert.Equal(warns ? 1 : 0, lines.Count(l => l.StartsWith($"warning: {bad}:2, vpc-b: 10.0.0.0/30 is not between /16 and /28", StringComparison.Ordinal)));
        Assert.Contains("bad.json: the topology cannot be used: 1 error, 1 warning. Mend what is named above.", run.Error, StringComparison.Ordinal);
    }

    private string[] Twins()
    {
        string Template(string block) => $$"""
            Resources:
              Vpc:
                Type: AWS::EC2::VPC
                Properties: {CidrBlock: {{block}}.0.0/16}
              Net:
                Type: AWS::EC2::Subnet
                Properties: {VpcId: !Ref Vpc, CidrBlock: {{block}}.1.0/24}
              SG:
                Type: AWS::EC2::SecurityGroup
                Properties: {GroupDescription: x, VpcId: !Ref Vpc}
            """;
        return [Write("a.yaml", Template("10.1")), Write("b.yaml", Template("10.2"))];
    }

    [Theory]
    [InlineData("Box=10.1.1.9,sg=SG", "sg=SG is ambiguous. Name one of ", "SG")]
    [InlineData("Box=10.1.1.9,sg=SG,subnet=Net", "subnet=Net is ambiguous. Name one of ", "Net")]
    public void IMP_30_An_id_of_two_templates_in_eni_is_wrong_usage_that_names_both(string eni, string said, string id)
    {
        string[] files = Twins();
        ProgramRun run = DataplaneProgram.Run("replay", "-t", files[0], "-t", files[1], Capture, "--eni", eni);
        Assert.Equal((2, ""), (run.ExitCode, run.Output));
        Assert.Contains($"dataplane: --eni Box: {said}{files[0]}/{id}, {files[1]}/{id}.", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("cannot be used", run.Error.Split("is ambiguous")[0], StringComparison.Ordinal);
    }

    [Fact]
    public void IMP_30_The_whole_id_is_not_ambiguous()
    {
        string[] files = Twins();
        ProgramRun run = DataplaneProgram.Run("replay", "-t", files[0], "-t", files[1], Capture, "--eni", $"Box=10.1.1.9,sg={files[0]}/SG");
        Assert.Equal(0, run.ExitCode);
    }

    [Fact]
    public void IMP_30_What_was_typed_and_what_the_files_hold_are_said_in_one_run()
    {
        string[] files = Twins();
        string bad = Write("bad.json", """{"Vpcs": [{"VpcId": "vpc-a", "CidrBlock": "10.0.0.0/99"}]}""");
        ProgramRun run = DataplaneProgram.Run("replay", "-t", files[0], "-t", files[1], "-t", bad, Capture, "--eni", "Box=10.1.1.9,sg=SG");
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("sg=SG is ambiguous", run.Error, StringComparison.Ordinal);
        Assert.Contains($"error: {bad}:1, vpc-a: '10.0.0.0/99'", run.Error, StringComparison.Ordinal);
        Assert.Contains("1 error, 0 warnings", run.Error, StringComparison.Ordinal);
    }
}
