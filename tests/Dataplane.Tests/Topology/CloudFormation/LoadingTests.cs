using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Dataplane.Topology;
using Dataplane.Topology.Documents;
using Dataplane.Topology.Model;
using Xunit;

namespace Dataplane.Tests.Topology.CloudFormation;

/// <summary>Templates through the loader and the resolver, to the network.</summary>
public sealed class LoadingTests
{
    public static TheoryData<string> All => [.. SpellingTests.CaptureTemplates().Concat(SpellingTests.CdkTemplates())];

    [Theory, MemberData(nameof(All))]
    public void A_real_template_becomes_a_network(string name)
    {
        (Network? network, FaultList faults) = Load((name, SpellingTests.Text(name)));
        Assert.True(network is not null, string.Join('\n', faults.All));
        Assert.Empty(faults.Errors);
        Assert.NotEmpty(network.Vpcs);
        Assert.All(network.Interfaces, i => Assert.NotEmpty(i.Addresses));
    }

    [Fact]
    public void The_captures_templates_have_no_warnings_but_those_that_they_are_about()
    {
        Assert.Empty(Load(("t.yaml", SpellingTests.Text("three-tier.yaml"))).Faults.All);
        Assert.Empty(Load(("t.yaml", SpellingTests.Text("dual-stack.yaml"))).Faults.All);
    }

    [Fact]
    public void IMP_16_defaults_are_synthesised_once_beside_those_that_a_template_changes()
    {
        (Network? network, FaultList faults) = Load(("t.yaml", Templates.Net(
            """
              Other:
                Type: AWS::EC2::VPC
                Properties: {CidrBlock: 10.1.0.0/16}
              Rule:
                Type: AWS::EC2::SecurityGroupIngress
                Properties: {GroupId: !GetAtt Vpc.DefaultSecurityGroup, IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 10.0.0.0/8}
              Entry:
                Type: AWS::EC2::NetworkAclEntry
                Properties: {NetworkAclId: !GetAtt Vpc.DefaultNetworkAcl, RuleNumber: 50, Protocol: -1, RuleAction: deny, CidrBlock: 192.0.2.0/24}
              Bare:
                Type: AWS::EC2::Instance
                Properties: {SubnetId: !Ref Net}

            """)));
        Assert.True(network is not null, string.Join('\n', faults.All));
        Assert.Equal(["Other/default-sg", "Vpc/default-sg"], network.SecurityGroups.Select(g => g.Id));
        Assert.Equal(["Other/default-acl", "Vpc/default-acl"], network.NetworkAcls.Select(a => a.Id));
        Assert.Equal(["Other/main", "Vpc/main"], network.RouteTables.Select(t => t.Id));
        Assert.Equal(["1", "Rule"], network.SecurityGroups[1].Ingress.Select(r => r.Name));
        Assert.Equal([50, 100], network.NetworkAcls[1].Ingress.Select(e => e.Number));
        Assert.Equal(("Vpc/main", "Vpc/default-acl"), (network.Subnets[0].RouteTableId, network.Subnets[0].NetworkAclId));
        Assert.Equal("Vpc/default-sg", Assert.Single(network.Interfaces[0].SecurityGroupIds));
        Assert.Equal("Bare", Assert.Single(network.Instances["Bare"]));
    }

    [Fact]
    public void IMP_21_IMP_17_rules_keep_their_names_when_one_before_them_is_left_out()
    {
        (Network? network, FaultList faults) = Load(("t.yaml", Templates.Net(
            """
              Cluster: {Type: AWS::RDS::DBCluster}
              G:
                Type: AWS::EC2::SecurityGroup
                Properties:
                  GroupDescription: g
                  VpcId: !Ref Vpc
                  SecurityGroupIngress:
                    - {IpProtocol: tcp, FromPort: 1, ToPort: 1, CidrIp: 10.0.0.0/8}
                    - {IpProtocol: tcp, FromPort: !GetAtt Cluster.Endpoint.Port, ToPort: !GetAtt Cluster.Endpoint.Port, CidrIp: 10.0.0.0/8}
                    - {IpProtocol: tcp, FromPort: 3, ToPort: 3, CidrIp: 10.0.0.0/8}
              Alone:
                Type: AWS::EC2::SecurityGroupIngress
                Properties: {GroupId: !Ref G, IpProtocol: tcp, FromPort: 4, ToPort: 4, CidrIp: 10.0.0.0/8}

            """)));
        Assert.True(network is not null, string.Join('\n', faults.All));
        Assert.Equal([("1", 1), ("3", 3), ("Alone", 4)], network.SecurityGroups.Single(g => g.Id == "G").Ingress.Select(r => (r.Name, r.From)));
    }

    [Fact]
    public void IMP_25_another_file_may_fill_the_list_of_a_service()
    {
        string template = Templates.Net(
            """
              Table:
                Type: AWS::EC2::RouteTable
                Properties: {VpcId: !Ref Vpc}
              S3:
                Type: AWS::EC2::VPCEndpoint
                Properties: {VpcId: !Ref Vpc, ServiceName: !Sub "com.amazonaws.${AWS::Region}.s3", RouteTableIds: [!Ref Table]}

            """);
        (Network? alone, FaultList faults) = Load(("t.yaml", template));
        Assert.True(alone is not null, string.Join('\n', faults.All));
        Assert.False(Assert.Single(alone.PrefixLists).EntriesKnown);
        Assert.Single(faults.Warnings, w => w.ToString().Contains("pl-s3", StringComparison.Ordinal));

        (Network? filled, faults) = Load(
            ("t.yaml", template), ("l.json", """{"PrefixListEntries": [{"PrefixListId": "pl-s3", "Entries": [{"Cidr": "52.216.0.0/15"}]}]}"""));
        Assert.True(filled is not null, string.Join('\n', faults.All));
        Assert.Equal(["52.216.0.0/15"], Assert.Single(filled.PrefixLists).Entries.Select(e => e.ToString()));
    }

    [Theory]
    [InlineData("InstanceType: r8i.large", 350)]
    [InlineData("InstanceType: !Ref Size", 350)]
    [InlineData("LaunchTemplate: {LaunchTemplateId: !Ref Template, Version: '1'}", 350)]
    [InlineData("InstanceType: t3.micro, LaunchTemplate: {LaunchTemplateId: !Ref Template, Version: '1'}", 432_000)]
    [InlineData("ImageId: ami-1", 432_000)]
    public void CT_18_A_template_says_the_instance_type(string property, int seconds)
    {
        (Network? network, FaultList faults) = Load(("t.yaml", "Parameters:\n  Size: {Type: String, Default: c8a.large}\n" + Templates.Net($$"""
              Template:
                Type: AWS::EC2::LaunchTemplate
                Properties: {LaunchTemplateData: {InstanceType: m8i-flex.large} }
              Box:
                Type: AWS::EC2::Instance
                Properties: {SubnetId: !Ref Net, {{property}} }

            """)));
        Assert.True(network is not null, string.Join('\n', faults.All));
        Assert.Equal(new TrackingTimeouts(seconds, 180, 30), Assert.Single(network.Interfaces).Timeouts);
    }

    [Theory]
    [InlineData("Interface", TrackedService.InterfaceEndpoint)]
    [InlineData("GatewayLoadBalancer", TrackedService.None)]
    public void CT_09_A_template_s_interface_endpoint_tracks_its_flows(string kind, TrackedService service)
    {
        (Network? network, FaultList faults) = Load(("t.yaml", Templates.Net($$"""
              Endpoint:
                Type: AWS::EC2::VPCEndpoint
                Properties: {VpcId: !Ref Vpc, VpcEndpointType: {{kind}}, ServiceName: com.amazonaws.us-east-1.ssm, SubnetIds: [!Ref Net]}

            """)));
        Assert.True(network is not null, string.Join('\n', faults.All));
        Assert.Equal(service, Assert.Single(network.Interfaces).Service);
        Assert.Equal(service == TrackedService.None ? "Endpoint" : null, Assert.Single(network.Interfaces).Unenforced);
        string[] said = [.. faults.All.Select(f => f.ToString()).Where(f => f.Contains("not enforced", StringComparison.Ordinal))];
        Assert.Equal(service == TrackedService.None ? 1 : 0, said.Length);
    }

    [Fact]
    public void IFE_01_A_template_s_interface_endpoint_has_an_interface_in_each_subnet_with_the_default_group_if_none_is_given()
    {
        (Network? network, FaultList faults) = Load(("t.yaml", Templates.Net("""
              Net2:
                Type: AWS::EC2::Subnet
                Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.2.0/24}
              Endpoint:
                Type: AWS::EC2::VPCEndpoint
                Properties: {VpcId: !Ref Vpc, VpcEndpointType: Interface, ServiceName: com.amazonaws.us-east-1.ssm, SubnetIds: [!Ref Net, !Ref Net2]}

            """)));
        Assert.True(network is not null, string.Join('\n', faults.All));
        Assert.Equal(["Endpoint/Net Net", "Endpoint/Net2 Net2"], network.Interfaces.Select(i => $"{i.Id} {i.SubnetId}"));
        Assert.All(network.Interfaces, i => Assert.Equal("Vpc/default-sg", Assert.Single(i.SecurityGroupIds)));
    }

    [Fact]
    public void NAT_09_A_template_s_NAT_gateway_is_warned_about_whether_or_not_a_route_leads_there()
    {
        (Network? network, FaultList faults) = Load(("t.yaml", Templates.Net("""
              Address:
                Type: AWS::EC2::EIP
              Nat:
                Type: AWS::EC2::NatGateway
                Properties: {SubnetId: !Ref Net, AllocationId: !GetAtt Address.AllocationId}

            """)));
        Assert.True(network is not null, string.Join('\n', faults.All));
        Assert.Equal("Nat", Assert.Single(network.Interfaces).Unenforced);
        Assert.Contains("the NAT gateway Nat is not enforced yet: packets from and to its own addresses are unplaced.", Assert.Single(faults.All).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_template_may_lean_on_a_snapshot()
    {
        const string Snapshot = """
            {"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}],
             "Subnets": [{"SubnetId": "subnet-1", "VpcId": "vpc-1", "CidrBlock": "10.0.1.0/24"}],
             "SecurityGroups": [{"GroupId": "sg-1", "GroupName": "default", "VpcId": "vpc-1"}]}
            """;
        (Network? network, FaultList faults) = Load(("s.json", Snapshot), ("t.yaml", """
            Parameters:
              Subnet: {Type: AWS::EC2::Subnet::Id, Default: subnet-1}
            Resources:
              Box:
                Type: AWS::EC2::Instance
                Properties: {SubnetId: !Ref Subnet}
              In:
                Type: AWS::EC2::SecurityGroupIngress
                Properties: {GroupId: sg-1, IpProtocol: -1, CidrIp: 10.0.0.0/8}
            """));
        Assert.True(network is not null, string.Join('\n', faults.All));
        Assert.Equal(("10.0.1.4", "sg-1"), (network.Interfaces[0].Addresses[0].Private.ToString(), network.Interfaces[0].SecurityGroupIds[0]));
        Assert.Equal(["In"], network.SecurityGroups[0].Ingress.Select(r => r.Name));
    }

    [Fact]
    public void A_group_without_VpcId_belongs_to_the_default_VPC()
    {
        const string Snapshot = """
            {"Vpcs": [{"VpcId": "vpc-0", "CidrBlock": "10.9.0.0/16"}, {"VpcId": "vpc-1", "CidrBlock": "172.31.0.0/16", "IsDefault": true}]}
            """;
        (Network? network, FaultList faults) = Load(
            ("s.json", Snapshot), ("t.yaml", "Resources:\n  G:\n    Type: AWS::EC2::SecurityGroup\n    Properties: {GroupDescription: g}\n"));
        Assert.True(network is not null, string.Join('\n', faults.All));
        Assert.Equal("vpc-1", network.SecurityGroups.Single(g => g.Id == "G").VpcIds[0]);
    }

    [Fact]
    public void What_is_in_a_VPC_without_a_sound_block_is_looked_at_all_the_same()
    {
        FaultList faults = Load(("t.yaml", """
            Resources:
              Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/99}}
              Good: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24}}
              Bad: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: foo}}
              G:
                Type: AWS::EC2::SecurityGroup
                Properties:
                  VpcId: !Ref Vpc
                  GroupDescription: x
                  SecurityGroupIngress:
                    - {IpProtocol: bogus, CidrIp: 10.0.0.0/8}
                    - {IpProtocol: tcp, FromPort: 5, ToPort: 2, CidrIp: 10.0.0.0/8}
            """)).Faults;
        Assert.Equal(4, faults.Errors.Count());
        Assert.All(["10.0.0.0/99", "foo", "bogus", "5"], (string said) => Assert.Contains(faults.Errors, fault => fault.What.Contains(said, StringComparison.Ordinal)));
    }

    [Fact]
    public void An_interface_without_a_subnet_has_its_groups_looked_at()
    {
        (_, FaultList faults) = Load(("s.json", """
            {"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}],
             "NetworkInterfaces": [{"NetworkInterfaceId": "eni-1", "SubnetId": "subnet-9", "VpcId": "vpc-1", "Groups": [{"GroupId": "sg-9"}], "PrivateIpAddress": "10.0.1.4"}]}
            """));
        Assert.All(["subnet-9", "sg-9"], (string said) => Assert.Contains(faults.Errors, fault => fault.What.Contains(said, StringComparison.Ordinal)));
    }

    [Fact]
    public void A_bracket_that_is_not_closed_is_said_in_our_words()
    {
        (_, FaultList faults) = Load(("t.yaml", "Resources:\n  A: [b\nc"), ("u.yaml", "Resources:\n  A: {b: 'c\n"));
        Assert.All(faults.Errors, fault => Assert.DoesNotContain("Operation is not valid", fault.ToString(), StringComparison.Ordinal));
        Assert.Contains(faults.Errors, fault => fault.Where.StartsWith("t.yaml:", StringComparison.Ordinal));
        Assert.Contains(faults.Errors, fault => fault.Where.StartsWith("u.yaml:", StringComparison.Ordinal));
    }

    [Fact]
    public void A_subnet_that_is_in_no_file_is_said_once()
    {
        FaultList faults = Load(("t.yaml", Templates.Net("  Box:\n    Type: AWS::EC2::Instance\n    Properties: {SubnetId: subnet-9}\n"))).Faults;
        Assert.Contains("subnet-9", Assert.Single(faults.Errors).What, StringComparison.Ordinal);
    }

    [Fact]
    public void An_eni_option_fills_a_template_without_instances()
    {
        (Network? network, FaultList faults) = TopologyLoader.Load(
            [new SourceFile("t.yaml", Encoding.UTF8.GetBytes(Templates.Net("  G:\n    Type: AWS::EC2::SecurityGroup\n    Properties: {GroupDescription: g, VpcId: !Ref Vpc}\n")))],
            new LoadOptions([], new Dictionary<string, string>(), ["web=10.0.1.4,sg=G"]));
        Assert.True(network is not null, string.Join('\n', faults.All));
        Assert.Equal("web", Assert.Single(network.Interfaces).Id);
    }

    private static (Network? Network, FaultList Faults) Load(params (string Name, string Text)[] files) => TopologyLoader.Load(
        [.. files.Select(f => new SourceFile(f.Name, Encoding.UTF8.GetBytes(f.Text)))], new LoadOptions([], new Dictionary<string, string>(), []));
}
