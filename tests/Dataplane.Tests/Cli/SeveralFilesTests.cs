using System;
using System.IO;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Cli;

/// <summary>Files that are alike in name are files of their own, and none is written over.</summary>
public sealed class SeveralFilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("dataplane-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("one/t.json", "two/t.json", true)]
    [InlineData("é.json", "ö.json", false)]
    public void IMP_30_Templates_whose_names_look_alike_are_all_read(string first, string second, bool asFolders)
    {
        string one = Write(first, Template("One", "10.1")), two = Write(second, Template("Two", "10.2"));
        string[] paths = asFolders ? [Path.GetDirectoryName(one)!, Path.GetDirectoryName(two)!] : [one, two];
        foreach (string name in (string[])["One", "Two"])
        {
            ProgramRun run = DataplaneProgram.Run("trace", "-t", paths[0], "-t", paths[1], "--from", name, "--to", "192.0.2.1", "--port", "80");
            Assert.Contains($"{name}Group/egress/none", run.Output, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("--summary", "t.json", "t.json")]
    [InlineData("--denied", "t.json", "t.json")]
    [InlineData("--summary", ".", "t.json")]
    public void An_output_does_not_take_the_place_of_a_topology(string option, string topology, string output)
    {
        string text = Template("One", "10.1");
        string file = Write(output, text);
        ProgramRun run = DataplaneProgram.Run("replay", "-t", Path.Combine(_folder, topology), "captures/port-scan.pcap", option, file);
        Assert.Equal((2, text), (run.ExitCode, File.ReadAllText(file)));
        Assert.Contains($"{option} {file}: this file is an input. Name another file for the output.", run.Error, StringComparison.Ordinal);
    }

    /// <summary>The same file under another name: a symbolic link to it, a hard link, a folder that is a link.</summary>
    [Theory]
    [InlineData("link.json", "t.json")]
    [InlineData("t.json", "link.json")]
    [InlineData("t.json", "hard.json")]
    [InlineData("behind", "in/u.json")]
    [InlineData("behind/u.json", "in/u.json")]
    public void An_output_does_not_take_the_place_of_a_topology_under_another_name(string topology, string output)
    {
        string text = Template("One", "10.1");
        string file = Write("t.json", text);
        Directory.CreateDirectory(Path.Combine(_folder, "in"));
        Write(Path.Combine("in", "u.json"), text);
        File.CreateSymbolicLink(Path.Combine(_folder, "link.json"), file);
        Directory.CreateSymbolicLink(Path.Combine(_folder, "behind"), Path.Combine(_folder, "in"));
        using (System.Diagnostics.Process ln = System.Diagnostics.Process.Start("ln", [file, Path.Combine(_folder, "hard.json")]))
        {
            ln.WaitForExit();
            Assert.Equal(0, ln.ExitCode);
        }

        string over = Path.Combine(_folder, output);
        ProgramRun run = DataplaneProgram.Run("replay", "-t", Path.Combine(_folder, topology), "captures/port-scan.pcap", "--summary", over);
        Assert.Equal((2, text), (run.ExitCode, File.ReadAllText(over)));
        Assert.Contains("this file is an input. Name another file for the output.", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_new_file_beside_a_topology_is_written()
    {
        Write("t.json", Template("One", "10.1"));
        string file = Path.Combine(_folder, "s.json");
        Assert.Equal(0, DataplaneProgram.Run("replay", "-t", Path.Combine(_folder, "t.json"), "captures/port-scan.pcap", "--summary", file).ExitCode);
        Assert.StartsWith("{", File.ReadAllText(file), StringComparison.Ordinal);
    }

    [Fact]
    public void RT_26_A_route_of_a_template_has_its_block_where_its_family_does()
    {
        string file = Write("t.json", Template("One", "10.1").Replace("0.0.0.0/0", "::/0", StringComparison.Ordinal));
        ProgramRun run = DataplaneProgram.Run("trace", "-t", file, "--from", "One", "--to", "192.0.2.1", "--port", "80");
        Assert.Equal(3, run.ExitCode);
        Assert.Contains("'::/0' is an IPv6 block. Write it as DestinationIpv6CidrBlock (RT-26).", run.Error, StringComparison.Ordinal);
    }

    private string Write(string name, string text)
    {
        string file = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
        return file;
    }

    private static string Template(string name, string net) => """
        {"Resources": {
          "NAMEVpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "NET.0.0/16"}},
          "NAMENet": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "NAMEVpc"}, "CidrBlock": "NET.1.0/24"}},
          "NAMEIgw": {"Type": "AWS::EC2::InternetGateway"},
          "NAMEAttached": {"Type": "AWS::EC2::VPCGatewayAttachment", "Properties": {"VpcId": {"Ref": "NAMEVpc"}, "InternetGatewayId": {"Ref": "NAMEIgw"}}},
          "NAMETable": {"Type": "AWS::EC2::RouteTable", "Properties": {"VpcId": {"Ref": "NAMEVpc"}}},
          "NAMERoute": {"Type": "AWS::EC2::Route", "Properties": {"RouteTableId": {"Ref": "NAMETable"}, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": {"Ref": "NAMEIgw"}}},
          "NAMEGroup": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "g", "VpcId": {"Ref": "NAMEVpc"}, "SecurityGroupEgress": [{"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "CidrIp": "10.0.0.0/8"}]}},
          "NAME": {"Type": "AWS::EC2::NetworkInterface", "Properties": {"SubnetId": {"Ref": "NAMENet"}, "PrivateIpAddress": "NET.1.10", "GroupSet": [{"Ref": "NAMEGroup"}]}}
        }}
        """.Replace("NAME", name, StringComparison.Ordinal).Replace("NET", net, StringComparison.Ordinal);
}
