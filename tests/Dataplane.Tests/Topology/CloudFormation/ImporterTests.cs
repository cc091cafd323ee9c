using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Topology;
using Dataplane.Topology.Model;
using Xunit;

namespace Dataplane.Tests.Topology.CloudFormation;

/// <summary>Templates as they are really written (importers IMP-14 to IMP-33).</summary>
public sealed class ImporterTests
{
    [Fact]
    public void IMP_14_a_target_is_known_by_its_resource_and_not_by_its_letters()
    {
        NetworkDraft draft = Templates.Good(Templates.Net(
            """
              VpcIGWD7BA715C: {Type: AWS::EC2::InternetGateway}
              IgwLooksLikeOne: {Type: AWS::EC2::VPNGateway, Properties: {Type: ipsec.1}}

            """));
        Assert.Equal([("VpcIGWD7BA715C", GatewayKind.Internet), ("IgwLooksLikeOne", GatewayKind.VirtualPrivate)], draft.Gateways.Select(g => (g.Id, g.Kind)));
    }

    [Fact]
    public void IMP_15_implicit_interfaces_are_named_after_their_instance()
    {
        NetworkDraft draft = Templates.Good(Templates.Net(
            """
              G:
                Type: AWS::EC2::SecurityGroup
                Properties: {GroupDescription: g, VpcId: !Ref Vpc}
              Web:
                Type: AWS::EC2::Instance
                Properties: {SubnetId: !Ref Net, SecurityGroupIds: [!Ref G], SourceDestCheck: false}
              Two:
                Type: AWS::EC2::Instance
                Properties:
                  NetworkInterfaces:
                    - {DeviceIndex: "0", SubnetId: !Ref Net, GroupSet: [!Ref G]}
                    - {DeviceIndex: "1", SubnetId: !Ref Net, GroupSet: [!Ref G], PrivateIpAddress: 10.0.1.77}
                    - {DeviceIndex: "2", NetworkInterfaceId: !Ref Own}
              Own:
                Type: AWS::EC2::NetworkInterface
                Properties: {SubnetId: !Ref Net, GroupSet: [!Ref G]}
              Late:
                Type: AWS::EC2::NetworkInterface
                Properties: {SubnetId: !Ref Net, GroupSet: [!Ref G]}
              Attach:
                Type: AWS::EC2::NetworkInterfaceAttachment
                Properties: {InstanceId: !Ref Web, NetworkInterfaceId: !Ref Late, DeviceIndex: 1}

            """));
        Assert.Equal(
            ["Web Web#0", "Two Two#0", "Two/1 Two#1", "Own Two#2", "Late Web#1"], draft.Interfaces.Select(i => $"{i.Id} {i.InstanceId}#{i.DeviceIndex}"));
        Assert.False(draft.Eni("Web").SourceDestCheck);
        Assert.Null(draft.Eni("Two").SourceDestCheck);
        Assert.All(draft.Interfaces, i => Assert.Equal(["G"], i.SecurityGroupIds));
    }

    [Fact]
    public void IMP_16_what_is_synthesised_is_named_after_the_VPC()
    {
        NetworkDraft draft = Templates.Good(Templates.Net(
            """
              L:
                Type: AWS::EC2::PrefixList
                Properties: {PrefixListName: !Join [" ", [!GetAtt Vpc.DefaultSecurityGroup, !GetAtt Vpc.DefaultNetworkAcl]], Entries: []}

            """));
        Assert.Equal("Vpc/default-sg Vpc/default-acl", draft.PrefixLists[0].Name);
    }

    [Fact]
    public void IMP_17_stand_alone_rules_come_after_inline_ones_under_their_logical_ids()
    {
        NetworkDraft draft = Templates.Good(Templates.Net(
            """
              First:
                Type: AWS::EC2::SecurityGroupIngress
                Properties: {GroupId: !GetAtt G.GroupId, IpProtocol: tcp, FromPort: 1, ToPort: 1, CidrIp: 10.0.0.0/8}
              G:
                Type: AWS::EC2::SecurityGroup
                Properties:
                  GroupDescription: g
                  VpcId: !Ref Vpc
                  SecurityGroupIngress:
                    - {IpProtocol: tcp, FromPort: 2, ToPort: 2, CidrIp: 10.0.0.0/8}
                    - {IpProtocol: tcp, FromPort: 3, ToPort: 3, CidrIp: 10.0.0.0/8}
              Second:
                Type: AWS::EC2::SecurityGroupIngress
                Properties: {GroupId: !Ref G, IpProtocol: tcp, FromPort: 4, ToPort: 4, SourceSecurityGroupId: !Ref G}

            """));
        Assert.Equal(
            ["tcp 2-2 10.0.0.0/8", "tcp 3-3 10.0.0.0/8", "First tcp 1-1 10.0.0.0/8", "Second tcp 4-4 G"], Templates.Rules(draft.Group("G").Ingress));
    }

    private const string Ordered =
        """
          B:
            Type: AWS::EC2::Instance
            Properties: {SubnetId: !Ref Net}
          A:
            Type: AWS::EC2::NetworkInterface
            Properties: {SubnetId: !Ref Net, SecondaryPrivateIpAddressCount: 2}
          Nat:
            Type: AWS::EC2::NatGateway
            Properties: {SubnetId: !Ref Net, ConnectivityType: private}
          Ssm:
            Type: AWS::EC2::VPCEndpoint
            Properties: {VpcEndpointType: Interface, VpcId: !Ref Vpc, ServiceName: com.amazonaws.us-east-1.ssm, SubnetIds: [!Ref Net]}
          Fixed:
            Type: AWS::EC2::Instance
            Properties: {SubnetId: !Ref Net, PrivateIpAddress: 10.0.1.5}
          Many:
            Type: AWS::EC2::NetworkInterface
            Properties: {SubnetId: !Ref Net, PrivateIpAddresses: [{PrivateIpAddress: 10.0.1.6, Primary: false}, {PrivateIpAddress: 10.0.1.8, Primary: true}]}

        """;

    [Fact]
    public void IMP_18_addresses_are_the_lowest_free_ones_in_the_templates_order()
    {
        NetworkDraft draft = Templates.Good(Templates.Net(Ordered));
        Assert.Equal(
            ["10.0.1.4*", "10.0.1.7*,10.0.1.9,10.0.1.10", "10.0.1.11*", "10.0.1.12*", "10.0.1.5*", "10.0.1.8*,10.0.1.6"],
            draft.Interfaces.Select(i => draft.Addresses(i.Id)));
        Assert.Equal(["B", "A", "Nat/eni", "Ssm/Net", "Fixed", "Many"], draft.Interfaces.Select(i => i.Id));
        Assert.Equal(
            ["B: 10.0.1.4 in Net", "A: 10.0.1.7, 10.0.1.9, 10.0.1.10 in Net", "Nat/eni: 10.0.1.11 in Net", "Ssm/Net: 10.0.1.12 in Net"], draft.Chosen);
    }

    [Fact]
    public void IMP_18_addresses_of_eni_options_are_skipped()
    {
        (NetworkDraft draft, FaultList faults) = Templates.Read(
            new Dictionary<string, string>(), ["x=10.0.1.4,sg=G,public=198.18.0.1", "y=10.0.1.7,sg=G"],
            ("t.yaml", Templates.Net(Ordered + "  E: {Type: AWS::EC2::EIP}\n")));
        Assert.Empty(faults.Errors);
        Assert.Equal("10.0.1.9*", draft.Addresses("B"));
        Assert.Contains("E: public 198.18.0.2", draft.Chosen);
    }

    [Fact]
    public void IMP_18_a_full_subnet_is_a_fault_and_the_last_address_is_not_given()
    {
        string text = """
            Resources:
              Vpc:
                Type: AWS::EC2::VPC
                Properties: {CidrBlock: 10.0.0.0/16}
              Net:
                Type: AWS::EC2::Subnet
                Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/28}
              Eni:
                Type: AWS::EC2::NetworkInterface
                Properties: {SubnetId: !Ref Net, SecondaryPrivateIpAddressCount: COUNT}
            """;
        Assert.EndsWith("10.0.1.14", Templates.Good(text.Replace("COUNT", "10", StringComparison.Ordinal)).Addresses("Eni"), StringComparison.Ordinal);
        Assert.Contains("no free IPv4 address left", Assert.Single(Templates.Bad(text.Replace("COUNT", "11", StringComparison.Ordinal)).All).What, StringComparison.Ordinal);
        Assert.Contains("not between 0 and 256", Assert.Single(Templates.Bad(text.Replace("COUNT", "2000000000", StringComparison.Ordinal)).All).What, StringComparison.Ordinal);
    }

    [Fact]
    public void IMP_19_Amazons_IPv6_blocks_and_addresses()
    {
        NetworkDraft draft = Templates.Good("""
            Resources:
              A:
                Type: AWS::EC2::VPC
                Properties: {CidrBlock: 10.0.0.0/16}
              B:
                Type: AWS::EC2::VPC
                Properties: {CidrBlock: 10.1.0.0/16}
              Net:
                Type: AWS::EC2::Subnet
                Properties:
                  VpcId: !Ref B
                  CidrBlock: 10.1.0.0/24
                  Ipv6CidrBlock: !Select [1, !Cidr [!Select [0, !GetAtt B.Ipv6CidrBlocks], 256, 64]]
                  AssignIpv6AddressOnCreation: true
              SixA:
                Type: AWS::EC2::VPCCidrBlock
                Properties: {VpcId: !Ref A, AmazonProvidedIpv6CidrBlock: true}
              SixB:
                Type: AWS::EC2::VPCCidrBlock
                Properties: {VpcId: !Ref B, AmazonProvidedIpv6CidrBlock: "true"}
              Auto:
                Type: AWS::EC2::Instance
                Properties: {SubnetId: !Ref Net}
              Given:
                Type: AWS::EC2::Instance
                Properties: {SubnetId: !Ref Net, Ipv6Addresses: [{Ipv6Address: "2001:db8:200:1::5"}]}
              Counted:
                Type: AWS::EC2::NetworkInterface
                Properties: {SubnetId: !Ref Net, Ipv6AddressCount: 2}
              Nought:
                Type: AWS::EC2::NetworkInterface
                Properties: {SubnetId: !Ref Net, Ipv6AddressCount: 0}
            """);
        Assert.Equal(["10.0.0.0/16", "2001:db8:100::/56"], draft.Vpcs[0].Blocks);
        Assert.Equal(["10.1.0.0/16", "2001:db8:200::/56"], draft.Vpcs[1].Blocks);
        Assert.Equal("2001:db8:200:1::/64", draft.Subnets[0].Blocks[1]);
        Assert.Equal("10.1.0.4*,2001:db8:200:1::4", draft.Addresses("Auto"));
        Assert.Equal("10.1.0.5*,2001:db8:200:1::5", draft.Addresses("Given"));
        Assert.Equal("10.1.0.6*,2001:db8:200:1::6,2001:db8:200:1::7", draft.Addresses("Counted"));
        Assert.Equal("10.1.0.7*", draft.Addresses("Nought"));
    }

    [Theory]
    [InlineData("", "SubnetId: !Ref Net", false)]
    [InlineData("MapPublicIpOnLaunch: true", "SubnetId: !Ref Net", true)]
    [InlineData("MapPublicIpOnLaunch: true", "NetworkInterfaces: [{DeviceIndex: 0, SubnetId: !Ref Net, AssociatePublicIpAddress: false}]", false)]
    [InlineData("", "NetworkInterfaces: [{DeviceIndex: 0, SubnetId: !Ref Net, AssociatePublicIpAddress: true}]", true)]
    [InlineData("MapPublicIpOnLaunch: true", "NetworkInterfaces: [{DeviceIndex: 0, SubnetId: !Ref Net}]", true)]
    [InlineData("MapPublicIpOnLaunch: true", "NetworkInterfaces: [{DeviceIndex: 0, NetworkInterfaceId: !Ref Eni}]", false)]
    public void IMP_20_public_addresses_by_subnet_and_by_interface(string subnet, string instance, bool isPublic)
    {
        NetworkDraft draft = Templates.Good(Templates.Net($$"""
              Eni:
                Type: AWS::EC2::NetworkInterface
                Properties: {SubnetId: !Ref Net}
              Box:
                Type: AWS::EC2::Instance
                Properties:
                  {{instance}}

            """, subnet));
        Assert.Equal(isPublic ? "198.18.0.1" : null, draft.Interfaces.SelectMany(i => i.Addresses).Select(a => a.Public).SingleOrDefault(p => p is not null));
    }

    [Fact]
    public void Elastic_IPs_and_automatic_addresses_count_in_the_templates_order_and_an_Elastic_IP_replaces_the_automatic_one()
    {
        NetworkDraft draft = Templates.Good(Templates.Net(
            """
              One:
                Type: AWS::EC2::EIP
                Properties: {InstanceId: !Ref Served}
              Auto:
                Type: AWS::EC2::Instance
                Properties: {SubnetId: !Ref Net}
              Served:
                Type: AWS::EC2::Instance
                Properties: {SubnetId: !Ref Net}
              Two: {Type: AWS::EC2::EIP}
              Three: {Type: AWS::EC2::EIP, Properties: {Domain: vpc, Address: 192.0.2.55}}
              Eni:
                Type: AWS::EC2::NetworkInterface
                Properties: {SubnetId: !Ref Net, PrivateIpAddresses: [{PrivateIpAddress: 10.0.1.50, Primary: true}, {PrivateIpAddress: 10.0.1.51}]}
              ToEni:
                Type: AWS::EC2::EIPAssociation
                Properties: {AllocationId: !GetAtt Two.AllocationId, NetworkInterfaceId: !Ref Eni, PrivateIpAddress: 10.0.1.51}
              ToEni2:
                Type: AWS::EC2::EIPAssociation
                Properties: {EIP: !Ref Three, NetworkInterfaceId: !Ref Eni}

            """, "MapPublicIpOnLaunch: true"));
        Assert.Equal("10.0.1.5*=198.18.0.1", draft.Addresses("Served"));
        Assert.Equal("10.0.1.4*=198.18.0.2", draft.Addresses("Auto"));
        Assert.Equal("10.0.1.50*=192.0.2.55,10.0.1.51=198.18.0.3", draft.Addresses("Eni"));
        Assert.Equal(
            ["One: public 198.18.0.1", "Two: public 198.18.0.3", "Auto: 10.0.1.4 in Net, public 198.18.0.2", "Served: 10.0.1.5 in Net"], draft.Chosen);
    }

    public static TheoryData<string, string?> Databases => new()
    {
        { "{Engine: postgres}", "5432" },
        { "{Engine: mysql}", "3306" },
        { "{Engine: mariadb}", "3306" },
        { "{Engine: oracle-ee}", "1521" },
        { "{Engine: sqlserver-ex}", "1433" },
        { "{Engine: postgres, Port: 6000}", "6000" },
        { "{Engine: aurora-postgresql}", null },
        { "{}", null },
    };

    [Theory, MemberData(nameof(Databases))]
    public void IMP_21_a_databases_port(string properties, string? port)
    {
        (NetworkDraft draft, FaultList faults) = Templates.Read(("t.yaml", Templates.Net($$"""
              Db:
                Type: AWS::RDS::DBInstance
                Properties: {{properties}}
              G:
                Type: AWS::EC2::SecurityGroup
                Properties:
                  GroupDescription: g
                  VpcId: !Ref Vpc
                  SecurityGroupIngress:
                    - {IpProtocol: tcp, FromPort: !GetAtt Db.Endpoint.Port, ToPort: !GetAtt Db.Endpoint.Port, CidrIp: 10.0.0.0/16}
                    - {IpProtocol: tcp, FromPort: 1, ToPort: 1, CidrIp: 10.0.0.0/16}

            """)));
        Assert.Empty(faults.Errors);
        Assert.Equal(
            port is null ? ["2 tcp 1-1 10.0.0.0/16"] : [$"tcp {port}-{port} 10.0.0.0/16", "tcp 1-1 10.0.0.0/16"], Templates.Rules(draft.Group("G").Ingress));
        Assert.Equal(port is null, faults.Warnings.Any(w => w.What.Contains("the rule admits nothing", StringComparison.Ordinal)));
    }

    [Fact]
    public void IMP_21_a_group_that_only_a_deployment_knows_is_a_warning_too()
    {
        (NetworkDraft draft, FaultList faults) = Templates.Read(("t.yaml", Templates.Net(
            """
              Cluster: {Type: AWS::EKS::Cluster}
              G:
                Type: AWS::EC2::SecurityGroup
                Properties: {GroupDescription: g, VpcId: !Ref Vpc}
              In:
                Type: AWS::EC2::SecurityGroupIngress
                Properties: {GroupId: !Ref G, IpProtocol: -1, SourceSecurityGroupId: !GetAtt Cluster.ClusterSecurityGroupId}
              Out:
                Type: AWS::EC2::SecurityGroupIngress
                Properties: {GroupId: !GetAtt Cluster.ClusterSecurityGroupId, IpProtocol: -1, SourceSecurityGroupId: !Ref G}

            """)));
        Assert.Empty(faults.Errors);
        Assert.Equal(2, faults.Warnings.Count(w => w.What.Contains("ClusterSecurityGroupId", StringComparison.Ordinal)));
        Assert.Empty(draft.Group("G").Ingress);
    }

    [Fact]
    public void IMP_24_the_CDKs_restriction_empties_the_default_group()
    {
        SecurityGroupDraft group = Templates.Good(Templates.Net(
            """
              Restrict:
                Type: Custom::VpcRestrictDefaultSG
                Properties: {ServiceToken: x, DefaultSecurityGroupId: !GetAtt Vpc.DefaultSecurityGroup, Account: !Ref AWS::AccountId}

            """)).Group("Vpc/default-sg");
        Assert.Empty(group.Ingress);
        Assert.Empty(group.Egress);
    }

    [Fact]
    public void IMP_25_a_gateway_endpoint_gives_its_tables_a_route_to_the_services_list()
    {
        NetworkDraft draft = Templates.Good(Templates.Net(
            """
              Table:
                Type: AWS::EC2::RouteTable
                Properties: {VpcId: !Ref Vpc}
              S3:
                Type: AWS::EC2::VPCEndpoint
                Properties:
                  VpcId: !Ref Vpc
                  ServiceName: !Join ["", [com.amazonaws., !Ref AWS::Region, .s3]]
                  RouteTableIds: [!Ref Table]
              Dynamo:
                Type: AWS::EC2::VPCEndpoint
                Properties: {VpcId: !Ref Vpc, VpcEndpointType: Gateway, ServiceName: !Sub "com.amazonaws.${AWS::Region}.dynamodb", RouteTableIds: [!Ref Table]}

            """));
        Assert.Equal([("pl-s3", "S3"), ("pl-dynamodb", "Dynamo")], draft.Table("Table").Routes.Select(r => (r.PrefixListId!, r.TargetId!)));
        Assert.Equal(["pl-s3", "pl-dynamodb"], draft.PrefixLists.Select(p => p.Id));
        Assert.All(draft.PrefixLists, p => Assert.Null(p.Entries));
        Assert.Equal([GatewayKind.VpcEndpoint, GatewayKind.VpcEndpoint], draft.Gateways.Select(g => g.Kind));
    }

    [Fact]
    public void SG_08_an_instance_without_groups_has_the_default_one()
    {
        NetworkDraft draft = Templates.Good(Templates.Net(
            """
              G:
                Type: AWS::EC2::SecurityGroup
                Properties: {GroupDescription: g, VpcId: !Ref Vpc}
              Bare:
                Type: AWS::EC2::Instance
                Properties: {SubnetId: !Ref Net}
              Clad:
                Type: AWS::EC2::Instance
                Properties: {SubnetId: !Ref Net, SecurityGroupIds: [!Ref G]}

            """));
        Assert.Equal(["Vpc/default-sg"], draft.Eni("Bare").SecurityGroupIds);
        Assert.Equal(["G"], draft.Eni("Clad").SecurityGroupIds);
    }

    [Fact]
    public void IMP_26_SG_08_an_interface_endpoint_without_groups_has_the_default_one()
    {
        NetworkDraft draft = Templates.Good(Templates.Net(
            """
              G:
                Type: AWS::EC2::SecurityGroup
                Properties: {GroupDescription: g, VpcId: !Ref Vpc}
              A:
                Type: AWS::EC2::VPCEndpoint
                Properties: {VpcId: !Ref Vpc, VpcEndpointType: Interface, ServiceName: com.amazonaws.us-east-1.ssm, SubnetIds: [!Ref Net]}
              B:
                Type: AWS::EC2::VPCEndpoint
                Properties: {VpcId: !Ref Vpc, VpcEndpointType: Interface, ServiceName: com.amazonaws.us-east-1.ssm, SubnetIds: [!Ref Net], SecurityGroupIds: [!Ref G]}

            """));
        Assert.Equal(["Vpc/default-sg"], draft.Eni("A/Net").SecurityGroupIds);
        Assert.Equal(["G"], draft.Eni("B/Net").SecurityGroupIds);
    }

    [Theory]
    [InlineData("PeerVpcId: !Ref Other, PeerRegion: eu-west-1", true)]
    [InlineData("PeerVpcId: vpc-elsewhere", true)]
    [InlineData("PeerVpcId: vpc-elsewhere, PeerOwnerId: !Ref AWS::AccountId, PeerRegion: !Ref AWS::Region", true)]
    [InlineData("PeerVpcId: vpc-elsewhere, PeerOwnerId: \"999999999999\"", false)]
    [InlineData("PeerVpcId: vpc-elsewhere, PeerRegion: eu-west-1", false)]
    public void IMP_27_a_peering_is_active_when_nothing_says_otherwise(string properties, bool isActive)
    {
        (NetworkDraft draft, FaultList faults) = Templates.Read(("t.yaml", Templates.Net($$"""
              Other:
                Type: AWS::EC2::VPC
                Properties: {CidrBlock: 10.1.0.0/16}
              Pcx:
                Type: AWS::EC2::VPCPeeringConnection
                Properties: {VpcId: !Ref Vpc, {{properties}}}

            """)));
        Assert.Empty(faults.Errors);
        Assert.Equal(isActive, draft.Gateways.Single().VpcIds.Count == 2);
        Assert.Equal(isActive, !faults.Warnings.Any());
    }

    [Fact]
    public void IMP_28_the_Region_comes_from_the_command_line_and_Rules_are_not_evaluated()
    {
        string text = """
            Rules:
              Odd: {Assertions: [{Assert: {"Fn::Contains": [[a], {Ref: Nothing}]}}]}

            """ + Templates.Net("""
              L:
                Type: AWS::EC2::PrefixList
                Properties:
                  PrefixListName: !Join [" ", [!Select [2, !GetAZs ""], !Ref AWS::Partition, !Ref AWS::URLSuffix, !Sub "${AWS::StackId}"]]
                  Entries: []

            """);
        Assert.Equal(
            "cn-north-1c aws-cn amazonaws.com.cn arn:aws-cn:cloudformation:cn-north-1:123456789012:stack/t/00000000-0000-0000-0000-000000000000",
            Templates.Good(text, "AWS::Region=cn-north-1").PrefixLists[0].Name);
    }

    [Fact]
    public void IMP_29_stored_parameters_are_silent_where_nothing_depends_on_them()
    {
        const string Text = """
            Parameters:
              Ami: {Type: "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", Default: /aws/ami}
              Block: {Type: "AWS::SSM::Parameter::Value<String>", Default: /net/block}
            Resources:
              Vpc:
                Type: AWS::EC2::VPC
                Properties: {CidrBlock: BLOCK}
              Net:
                Type: AWS::EC2::Subnet
                Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24}
              Box:
                Type: AWS::EC2::Instance
                Properties: {SubnetId: !Ref Net, ImageId: !Ref Ami}
            """;
        Assert.Empty(Templates.Bad(Text.Replace("BLOCK", "10.0.0.0/16", StringComparison.Ordinal)).All);
        Fault fault = Assert.Single(Templates.Bad(Text.Replace("BLOCK", "!Ref Block", StringComparison.Ordinal)).All);
        Assert.Contains("/net/block", fault.What, StringComparison.Ordinal);
        Assert.Equal(["10.9.0.0/16"], Templates.Good(Text.Replace("BLOCK", "!Ref Block", StringComparison.Ordinal), "Block=10.9.0.0/16").Vpcs[0].Blocks);
    }

    private const string Exporter = """
        Parameters:
          Stage: {Type: String, Default: prod}
        Resources:
          Vpc:
            Type: AWS::EC2::VPC
            Properties: {CidrBlock: 10.0.0.0/16}
          CDKMetadata: {Type: AWS::CDK::Metadata, Properties: {Analytics: one}}
        Outputs:
          Id:
            Value: !Ref Vpc
            Export: {Name: !Sub "${Stage}-vpc"}
        """;

    private const string Importer = """
        Resources:
          Net:
            Type: AWS::EC2::Subnet
            Properties: {VpcId: !ImportValue prod-vpc, CidrBlock: 10.0.1.0/24, Tags: [{Key: k, Value: !ImportValue nobody}]}
          CDKMetadata: {Type: AWS::CDK::Metadata, Properties: {Analytics: two}}
        """;

    [Fact]
    public void IMP_30_imports_are_resolved_in_any_order_and_unread_ones_warn()
    {
        foreach (bool exporterFirst in (bool[])[true, false])
        {
            (string, string)[] files = exporterFirst ? [("a.yaml", Exporter), ("b.yaml", Importer)] : [("b.yaml", Importer), ("a.yaml", Exporter)];
            (NetworkDraft draft, FaultList faults) = Templates.Read(files);
            Assert.Empty(faults.Errors);
            Assert.Equal("Vpc", draft.Subnets[0].VpcId);
            Fault fault = Assert.Single(faults.Warnings);
            Assert.Contains("no given template exports 'nobody'", fault.What, StringComparison.Ordinal);
            Assert.Contains("Tags", fault.What, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void IMP_30_an_unresolved_import_that_is_needed_is_an_error_once()
    {
        FaultList faults = Templates.Read(("b.yaml", Importer)).Faults;
        Assert.Contains("'prod-vpc'", Assert.Single(faults.Errors).What, StringComparison.Ordinal);
        Assert.Single(faults.Warnings);
    }

    [Fact]
    public void IMP_30_the_same_logical_id_in_two_templates_is_two_resources()
    {
        (NetworkDraft draft, FaultList faults) = Templates.Read(
            ("a.yaml", Templates.Net("  OnlyA: {Type: AWS::EC2::InternetGateway}\n")),
            ("b.yaml", Templates.Net("  Box:\n    Type: AWS::EC2::Instance\n    Properties: {SubnetId: !Ref Net}\n")));
        Assert.Empty(faults.All);
        Assert.Equal(["a.yaml/Vpc", "b.yaml/Vpc"], draft.Vpcs.Select(v => v.Id));
        Assert.Equal([("a.yaml/Net", "a.yaml/Vpc"), ("b.yaml/Net", "b.yaml/Vpc")], draft.Subnets.Select(s => (s.Id, s.VpcId!)));
        Assert.Equal("OnlyA", draft.Gateways[0].Id);
        Assert.Equal(("b.yaml/Net", "b.yaml/Vpc/default-sg"), (draft.Eni("Box").SubnetId, Assert.Single(draft.Eni("Box").SecurityGroupIds)));
    }

    [Fact]
    public void IMP_30_imports_in_a_circle_end()
    {
        const string Text = """
            Resources:
              Vpc:
                Type: AWS::EC2::VPC
                Properties: {CidrBlock: !ImportValue a}
            Outputs:
              A: {Value: !ImportValue b, Export: {Name: a}}
              B: {Value: !ImportValue a, Export: {Name: b}}
            """;
        Assert.Contains("depends on itself", Assert.Single(Templates.Bad(Text).All).What, StringComparison.Ordinal);
    }

    [Fact]
    public void IMP_32_types_with_interfaces_that_no_file_lists_warn_once_each()
    {
        FaultList faults = Templates.Bad(Templates.Net(
            """
              G:
                Type: AWS::EC2::SecurityGroup
                Properties: {GroupDescription: g, VpcId: !Ref Vpc}
              Alb:
                Type: AWS::ElasticLoadBalancingV2::LoadBalancer
                Properties: {SecurityGroups: [!GetAtt G.GroupId], Subnets: [!Ref Net]}
              Service:
                Type: AWS::ECS::Service
                Properties: {NetworkConfiguration: {AwsvpcConfiguration: {SecurityGroups: [!Ref G], Subnets: [!Ref Net]}}}
              Plain: {Type: AWS::ECS::Service}
              Db:
                Type: AWS::RDS::DBInstance
                Properties: {Engine: postgres, VPCSecurityGroups: [!Ref G], DBSubnetGroupName: !Ref DbNets}
              DbNets:
                Type: AWS::RDS::DBSubnetGroup
                Properties: {SubnetIds: [!Ref Net]}
              Fn:
                Type: AWS::Lambda::Function
                Properties: {VpcConfig: {SecurityGroupIds: [!Ref G], SubnetIds: [!Ref Net]}}
              FnPlain: {Type: AWS::Lambda::Function}
              Mount:
                Type: AWS::EFS::MountTarget
                Properties: {SecurityGroups: [!Ref G], SubnetId: !Ref Net}
              Task: {Type: AWS::ECS::TaskDefinition}
              Secret: {Type: AWS::SecretsManager::Secret}
              Meta: {Type: AWS::CDK::Metadata}
              Listener: {Type: AWS::ElasticLoadBalancingV2::Listener}

            """));
        Assert.Empty(faults.Errors);
        Assert.Equal(["Alb", "Service", "Db", "Fn", "Mount"], faults.Warnings.Select(w => w.Where[(w.Where.LastIndexOf(' ') + 1)..]));
        Assert.All(faults.Warnings, w => Assert.Contains("groups G", w.What, StringComparison.Ordinal));
        Assert.Contains("--eni Alb=ADDRESS,sg=G", faults.All[0].Mend, StringComparison.Ordinal);
        Assert.Contains("subnets Net", faults.All[0].What, StringComparison.Ordinal);
    }

    [Fact]
    public void IMP_32_a_launch_template_gives_its_interface_and_groups()
    {
        NetworkDraft draft = Templates.Good(Templates.Net(
            """
              G:
                Type: AWS::EC2::SecurityGroup
                Properties: {GroupDescription: g, VpcId: !Ref Vpc}
              Simple:
                Type: AWS::EC2::LaunchTemplate
                Properties: {LaunchTemplateName: simple, LaunchTemplateData: {SecurityGroupIds: [!Ref G], ImageId: ami-1}}
              Full:
                Type: AWS::EC2::LaunchTemplate
                Properties:
                  LaunchTemplateData:
                    NetworkInterfaces: [{DeviceIndex: 0, AssociatePublicIpAddress: true, Groups: [!Ref G], SubnetId: !Ref Net}]
              A:
                Type: AWS::EC2::Instance
                Properties: {SubnetId: !Ref Net, LaunchTemplate: {LaunchTemplateName: simple, Version: !GetAtt Simple.LatestVersionNumber}}
              B:
                Type: AWS::EC2::Instance
                Properties: {LaunchTemplate: {LaunchTemplateId: !Ref Full, Version: "1"}}

            """));
        Assert.Equal(["G"], draft.Eni("A").SecurityGroupIds);
        Assert.Equal(["G"], draft.Eni("B").SecurityGroupIds);
        Assert.Equal("10.0.1.5*=198.18.0.1", draft.Addresses("B"));
    }

    [Fact]
    public void IMP_33_protocols_stay_as_they_are_written()
    {
        NetworkDraft draft = Templates.Good(Templates.Net(
            """
              G:
                Type: AWS::EC2::SecurityGroup
                Properties: {GroupDescription: g, VpcId: !Ref Vpc, SecurityGroupIngress: [{IpProtocol: "6", FromPort: 1, ToPort: 2, CidrIp: 10.0.0.0/8}]}
              Acl: {Type: AWS::EC2::NetworkAcl, Properties: {VpcId: !Ref Vpc}}
              E:
                Type: AWS::EC2::NetworkAclEntry
                Properties: {NetworkAclId: !Ref Acl, RuleNumber: 1, Protocol: 1, RuleAction: allow, CidrBlock: 0.0.0.0/0, Icmp: {Type: -1, Code: -1}}

            """));
        Assert.Equal("6", draft.Group("G").Ingress[0].Protocol);
        Assert.Equal(("1", -1, -1), (draft.NetworkAcls[0].Entries[0].Protocol!, draft.NetworkAcls[0].Entries[0].IcmpType!.Value, draft.NetworkAcls[0].Entries[0].IcmpCode!.Value));
    }

    [Fact]
    public void A_NAT_gateway_has_an_interface_of_its_own_and_its_Elastic_IP()
    {
        NetworkDraft draft = Templates.Good(Templates.Net(
            """
              Eip: {Type: AWS::EC2::EIP}
              Nat:
                Type: AWS::EC2::NatGateway
                Properties: {SubnetId: !Ref Net, AllocationId: !GetAtt Eip.AllocationId}

            """));
        Assert.Equal(("nat_gateway", "Nat", 0), (draft.Eni("Nat/eni").Type!, draft.Eni("Nat/eni").NatGatewayId!, draft.Eni("Nat/eni").SecurityGroupIds.Count));
        Assert.Equal("10.0.1.4*=198.18.0.1", draft.Addresses("Nat/eni"));
        Assert.Equal((GatewayKind.Nat, "Vpc"), (draft.Gateways[0].Kind, draft.Gateways[0].VpcIds[0]));
    }

    [Fact]
    public void Tracking_timeouts_and_prefixes_of_an_interface()
    {
        InterfaceDraft eni = Templates.Good(Templates.Net(
            """
              Eni:
                Type: AWS::EC2::NetworkInterface
                Properties:
                  SubnetId: !Ref Net
                  ConnectionTrackingSpecification: {TcpEstablishedTimeout: 350, UdpTimeout: 60}
                  Ipv4Prefixes: [{Ipv4Prefix: 10.0.1.16/28}]

            """)).Eni("Eni");
        Assert.Equal((350, null, 60), (eni.TcpEstablishedTimeout, eni.UdpStreamTimeout, eni.UdpTimeout));
        Assert.Equal(["10.0.1.16/28"], eni.Prefixes);
    }
}
