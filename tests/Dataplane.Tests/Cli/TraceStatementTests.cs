using System;
using System.IO;
using Dataplane.Analysis.Trace;
using Dataplane.Compiler;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Cli;

/// <summary>How trace ends, and which addresses it asks with.</summary>
public sealed class TraceStatementTests : IDisposable
{
    /// <summary>The subnet of Db lets everything in and nothing out.</summary>
    private const string OneWay = """
        Resources:
          Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
          A: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24}}
          B: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.2.0/24}}
          Acl: {Type: AWS::EC2::NetworkAcl, Properties: {VpcId: !Ref Vpc}}
          In: {Type: AWS::EC2::NetworkAclEntry, Properties: {NetworkAclId: !Ref Acl, RuleNumber: 100, Protocol: -1, RuleAction: allow, CidrBlock: 0.0.0.0/0}}
          OfB: {Type: AWS::EC2::SubnetNetworkAclAssociation, Properties: {SubnetId: !Ref B, NetworkAclId: !Ref Acl}}
          Group:
            Type: AWS::EC2::SecurityGroup
            Properties: {GroupDescription: all, VpcId: !Ref Vpc, SecurityGroupIngress: [{IpProtocol: "-1", CidrIp: 10.0.0.0/16}]}
          Web: {Type: AWS::EC2::NetworkInterface, Properties: {SubnetId: !Ref A, PrivateIpAddress: 10.0.1.10, GroupSet: [!Ref Group]}}
          Db: {Type: AWS::EC2::NetworkInterface, Properties: {SubnetId: !Ref B, PrivateIpAddress: 10.0.2.20, GroupSet: [!Ref Group]}}
        """;

    private readonly string _file = Path.Combine(Path.GetTempPath(), $"dataplane-{Guid.NewGuid():N}.yaml");

    public TraceStatementTests() => File.WriteAllText(_file, OneWay);

    public void Dispose() => File.Delete(_file);

    [Theory]
    [InlineData("--port", "443")]
    [InlineData("--icmp", "8/0")]
    public void IMP_34_A_return_that_is_dropped_is_said_aloud_and_only_the_packet_itself_decides_the_exit_code(string option, string value)
    {
        ProgramRun forward = DataplaneProgram.Run("trace", "-t", _file, "--from", "Web", "--to", "Db", option, value);
        Assert.Equal((0, true), (forward.ExitCode, forward.Output.Contains("Return:", StringComparison.Ordinal)));
        Assert.Contains("denied: SUBNET_ACL_RESTRICTION Acl/egress/*", forward.Output, StringComparison.Ordinal);
        ProgramRun back = DataplaneProgram.Run("trace", "-t", _file, "--from", "Db", "--to", "Web", option, value);
        Assert.Equal(1, back.ExitCode);
        Assert.Contains("denied: SUBNET_ACL_RESTRICTION Acl/egress/*", back.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("internet", "eni-a", "192.0.2.1 > 203.0.113.10")]
    [InlineData("internet", "eni-p", "192.0.2.1 > 10.0.1.30")]
    [InlineData("internet", "eni-6", "2001:db8::1 > 2001:db8:1:1::6")]
    [InlineData("2001:db8:99::1", "eni-a", "2001:db8:99::1 > 2001:db8:1:1::10")]
    [InlineData("198.51.100.7", "eni-p", "198.51.100.7 > 10.0.1.30")]
    public void IMP_35_The_addresses_that_the_internet_and_the_target_have(string from, string to, string ends)
    {
        Tracer tracer = new(
            NetworkBuilder.Network("""
                vpc vpc-1 10.0.0.0/16 2001:db8:1::/56
                igw igw-1 vpc-1
                subnet sub-a vpc-1 10.0.1.0/24 2001:db8:1:1::/64
                eni eni-a sub-a 10.0.1.10=203.0.113.10 2001:db8:1:1::10 sg=sg-1
                eni eni-p sub-a 10.0.1.30 2001:db8:1:1::30 sg=sg-1
                eni eni-6 sub-a 2001:db8:1:1::6 sg=sg-1
                sg sg-1 vpc-1
                """),
            JudgeOptions.Default, (network, options) => NetworkEngine.Build(network, options).Judge);
        Headers packet = tracer.Build(new TraceQuestion(from, to, 6, 443, null, 0, 0));
        Assert.Equal(ends, $"{packet.Source} > {packet.Destination}");
    }
}
