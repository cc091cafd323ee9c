using System;
using System.Collections.Generic;
using System.IO;
using Dataplane.Analysis;
using Dataplane.Analysis.Trace;
using Dataplane.Compiler;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Dataplane.Topology.Model;
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

    /// <summary>A calls B's public address and is captured behind the gateway, with its own public address: what its rules see, and what would have to be added to them, are the ends before that.</summary>
    [Fact]
    public void R_29_What_lists_see_of_a_packet_that_was_captured_behind_the_gateway()
    {
        Network network = NetworkBuilder.Network("""
            vpc vpc-1 10.0.0.0/16
            igw igw-1 vpc-1
            subnet sub-a vpc-1 10.0.1.0/24 rtb=rtb-a acl=acl-a
            eni eni-a sub-a 10.0.1.10=203.0.113.10 sg=sg-a
            eni eni-b sub-a 10.0.1.20=203.0.113.20 sg=sg-b
            sg sg-a vpc-1
              out udp 53 0.0.0.0/0
            sg sg-b vpc-1
              in udp 53 0.0.0.0/0
            acl acl-a vpc-1
              in 100 allow udp 1-1000 0.0.0.0/0
              out 100 allow udp 1-1000 0.0.0.0/0
            rtb rtb-a vpc-1
              0.0.0.0/0 igw-1
            """);
        Headers packet = TestSupport.PacketText.Parse("tcp 203.0.113.10:40000 > 10.0.1.20:80 S").Headers;
        JudgeFactory judges = (changed, options) => NetworkEngine.Build(changed, options).Judge;
        Outcome denied = new SinglePackets(judges(network, new JudgeOptions { Causal = false })).Decide(packet, 0);
        Assert.Equal("sg-a/egress/none", denied.Rule);
        Assert.Equal(("10.0.1.10", "203.0.113.20"), (PlacedEnds.Of(network, packet, denied).Source.ToString(), PlacedEnds.Of(network, packet, denied).Destination.ToString()));
        List<string> changes = [];
        for (Miss? miss = new NearestMiss(network, new JudgeOptions(), judges).Find(packet, denied); miss is not null; miss = miss.Next)
        {
            changes.Add($"{miss.Change.Split(" (", 2, StringSplitOptions.None)[0]}; {miss.ThenDeniedBy}");
        }

        Assert.Equal(
            [
                "add to sg-a an egress rule: TCP 80 to 203.0.113.20/32; SUBNET_ACL_RESTRICTION acl-a/egress/*",
                "add to acl-a an egress entry 110: allow TCP 80 to 203.0.113.20/32; SUBNET_ACL_RESTRICTION acl-a/ingress/*",
                "add to acl-a an ingress entry 110: allow TCP 80 from 203.0.113.10/32; ENI_SG_RULES_MISMATCH sg-b/ingress/none",
                "add to sg-b an ingress rule: TCP 80 from 203.0.113.10/32; ",
            ],
            changes);
    }

    /// <summary>The group lets everything out, as AWS makes it: a question that a SYN, or a query, never answers would let it in as an answer.</summary>
    [Theory]
    [InlineData("tcp 198.51.100.7:40000 > 203.0.113.10:22 S", "allow TCP 22 from 198.51.100.7/32; ENI_SG_RULES_MISMATCH sg-a/ingress/none", "TCP 22 from 198.51.100.7/32; ")]
    [InlineData("tcp 198.51.100.7:40000 > 203.0.113.10:22 A", "allow TCP 22 from 198.51.100.7/32; ENI_SG_RULES_MISMATCH sg-a/ingress/none", "TCP 22 from 198.51.100.7/32; ")]
    [InlineData("udp 198.51.100.7:40000 > 203.0.113.10:53", "allow UDP 53 from 198.51.100.7/32; ENI_SG_RULES_MISMATCH sg-a/ingress/none", "UDP 53 from 198.51.100.7/32; ")]
    [InlineData("proto 47 198.51.100.7 > 203.0.113.10", "allow GRE from 198.51.100.7/32; ENI_SG_RULES_MISMATCH sg-a/ingress/none", "GRE from 198.51.100.7/32; ")]
    [InlineData("icmp 198.51.100.7 > 203.0.113.10 8/0 id 7", "allow ICMP 8/0 from 198.51.100.7/32; ENI_SG_RULES_MISMATCH sg-a/ingress/none", "ICMP 8/0 from 198.51.100.7/32; ")]
    [InlineData("tcp 198.51.100.7:443 > 203.0.113.10:40000 SA", "allow TCP 1024-65535 from 198.51.100.7/32; ")]
    [InlineData("udp 198.51.100.7:53 > 203.0.113.10:40000", "allow UDP 1024-65535 from 198.51.100.7/32; ")]
    [InlineData("icmp 198.51.100.7 > 203.0.113.10 0/0 id 7", "allow ICMP 0/0 from 198.51.100.7/32; ")]
    public void What_the_nearest_miss_says_of_what_is_behind_it_is_so(string text, params string[] changes)
    {
        Network network = NetworkBuilder.Network("""
            vpc vpc-1 10.0.0.0/16
            igw igw-1 vpc-1
            subnet sub-a vpc-1 10.0.1.0/24 rtb=rtb-a acl=acl-a
            eni eni-a sub-a 10.0.1.10=203.0.113.10 sg=sg-a
            sg sg-a vpc-1
              out all 0.0.0.0/0
            acl acl-a vpc-1
              out 100 allow all 0.0.0.0/0
            rtb rtb-a vpc-1
              0.0.0.0/0 igw-1
            """);
        Assert.Equal(changes, Changes(network, new JudgeOptions(), text));
    }

    /// <summary>Its group admits it; it lacks a connection, which no rule gives it.</summary>
    [Fact]
    public void R_09_A_packet_that_is_denied_for_want_of_state_misses_no_rule()
    {
        Network network = NetworkBuilder.Network("""
            vpc vpc-1 10.0.0.0/16
            subnet sub-a vpc-1 10.0.1.0/24
            eni eni-a sub-a 10.0.1.10 sg=sg-a
            eni eni-b sub-a 10.0.1.20 sg=sg-a
            sg sg-a vpc-1
              out tcp 22 10.0.0.0/16
              in tcp 22 10.0.0.0/16
            """);
        JudgeOptions options = new() { Midstream = MidstreamPolicy.Drop };
        Assert.Empty(Changes(network, options, "tcp 10.0.1.10:40000 > 10.0.1.20:22 A"));
        Assert.Equal(["TCP 23 to 10.0.1.20/32; ENI_SG_RULES_MISMATCH sg-a/ingress/none", "TCP 23 from 10.0.1.10/32; "], Changes(network, options, "tcp 10.0.1.10:40000 > 10.0.1.20:23 S"));
    }

    /// <summary>One interface still knows the connection and lets the packet out, the other has forgotten it: whether its group admits the packet or not, no rule brings the connection back.</summary>
    [Theory]
    [InlineData("in tcp 0-65535 10.0.0.0/16")]
    [InlineData("in tcp 0-65535 sg-b")]
    [InlineData("in tcp 22 10.0.0.0/16")]
    public void R_09_A_connection_that_one_end_has_forgotten_misses_no_rule(string admits)
    {
        Network network = NetworkBuilder.Network($"""
            vpc vpc-1 10.0.0.0/16
            subnet sub-a vpc-1 10.0.1.0/24
            eni eni-a sub-a 10.0.1.10 sg=sg-a timers=60/30/30
            eni eni-b sub-a 10.0.1.20 sg=sg-b timers=432000/30/30
            sg sg-a vpc-1
              {admits}
              out tcp 443 10.0.0.0/16
            sg sg-b vpc-1
              in tcp 443 10.0.0.0/16
              out udp 53 10.0.0.0/16
            """);
        JudgeOptions options = new() { Midstream = MidstreamPolicy.Drop };
        Assert.Empty(Changes(
            network, options, "tcp 10.0.1.10:40000 > 10.0.1.20:443 S", "tcp 10.0.1.20:443 > 10.0.1.10:40000 SA", "tcp 10.0.1.10:40000 > 10.0.1.20:443 A",
            "tcp 10.0.1.20:443 > 10.0.1.10:40000 A", "tcp 10.0.1.20:443 > 10.0.1.10:40000 A"));
    }

    /// <param name="texts">One a second, the last one 200 seconds later: it must be denied.</param>
    private static List<string> Changes(Network network, JudgeOptions options, params string[] texts)
    {
        JudgeFactory judges = (changed, asked) => NetworkEngine.Build(changed, asked).Judge;
        SinglePackets judge = new(judges(network, options with { Causal = false }));
        for (int i = 0; i < texts.Length - 1; i++)
        {
            Assert.Equal(Verdict.Allow, judge.Decide(TestSupport.PacketText.Parse(texts[i]).Headers, i * 1_000_000_000L).Verdict);
        }

        Headers packet = TestSupport.PacketText.Parse(texts[^1]).Headers;
        Outcome denied = judge.Decide(packet, (texts.Length + 200) * 1_000_000_000L);
        Assert.Equal(Verdict.Deny, denied.Verdict);
        List<string> changes = [];
        for (Miss? miss = new NearestMiss(network, options, judges).Find(packet, denied); miss is not null; miss = miss.Next)
        {
            changes.Add($"{miss.Change.Split(" (", 2, StringSplitOptions.None)[0].Split(": ", 2, StringSplitOptions.None)[1]}; {miss.ThenDeniedBy}");
        }

        return changes;
    }

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
