using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Topology;
using Dataplane.Topology.Model;
using Xunit;

namespace Dataplane.Tests.Topology.CloudFormation;

/// <summary>What a template's resources mean (aws-semantics CFN-01 to CFN-10).</summary>
public sealed class CloudFormationTests
{
    private static string Group(string properties, string more = "") => Templates.Net($"""
          G:
            Type: AWS::EC2::SecurityGroup
            Properties:
              GroupDescription: g
              VpcId: !Ref Vpc
        {properties}
          H:
            Type: AWS::EC2::SecurityGroup
            Properties: {"{GroupDescription: h, GroupName: the other, VpcId: !Ref Vpc}"}
        {more}

        """);

    [Fact]
    public void CFN_01_inline_rules_become_single_peer_rules_in_file_order()
    {
        NetworkDraft draft = Templates.Good(Group("""
                  SecurityGroupIngress:
                    - {IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0, Description: web}
                    - {IpProtocol: tcp, FromPort: "443", ToPort: "443", CidrIpv6: "::/0"}
                    - {IpProtocol: "-1", SourceSecurityGroupId: !GetAtt H.GroupId}
                    - {IpProtocol: udp, FromPort: 1, ToPort: 2, SourcePrefixListId: pl-1}
                    - {IpProtocol: icmp, FromPort: 8, ToPort: -1, SourceSecurityGroupName: the other}
                  SecurityGroupEgress:
                    - {IpProtocol: "6", FromPort: 1, ToPort: 9, DestinationSecurityGroupId: !Ref H}
                    - {IpProtocol: tcp, FromPort: 1, ToPort: 9, DestinationPrefixListId: pl-2}
            """));
        Assert.Equal(
            ["tcp 443-443 0.0.0.0/0", "tcp 443-443 ::/0", "-1 - H", "udp 1-2 pl-1", "icmp 8--1 H"], Templates.Rules(draft.Group("G").Ingress));
        Assert.Equal(["6 1-9 H", "tcp 1-9 pl-2"], Templates.Rules(draft.Group("G").Egress));
        Assert.Equal("web", draft.Group("G").Ingress[0].Description);
        Assert.Equal(("G", "the other"), (draft.Group("G").Name, draft.Group("H").Name));
    }

    [Fact]
    public void CFN_02_all_egress_is_there_unless_a_rule_is_given_inline()
    {
        Assert.Equal(["-1 - 0.0.0.0/0"], Templates.Rules(Templates.Good(Group("")).Group("G").Egress));
        Assert.Equal(["-1 - 0.0.0.0/0"], Templates.Rules(Templates.Good(Group("      SecurityGroupEgress: []")).Group("G").Egress));
        Assert.Equal(
            ["-1 - 127.0.0.1/32"],
            Templates.Rules(Templates.Good(Group("      SecurityGroupEgress: [{IpProtocol: -1, CidrIp: 127.0.0.1/32}]")).Group("G").Egress));
    }

    [Fact]
    public void CFN_02_with_an_IPv6_block_the_default_egress_has_both_families() => Assert.Equal(
        ["-1 - 0.0.0.0/0", "-1 - ::/0"],
        Templates.Rules(Templates.Good(Group("", "  Six:\n    Type: AWS::EC2::VPCCidrBlock\n    Properties: {VpcId: !Ref Vpc, AmazonProvidedIpv6CidrBlock: true}")).Group("G").Egress));

    [Fact]
    public void CFN_03_a_stand_alone_egress_rule_removes_the_default_one_and_the_user_is_told()
    {
        (NetworkDraft draft, FaultList faults) = Templates.Read(("t.yaml", Group("", """
              Out:
                Type: AWS::EC2::SecurityGroupEgress
                Properties: {GroupId: !Ref G, IpProtocol: tcp, FromPort: 5432, ToPort: 5432, DestinationSecurityGroupId: !Ref H}
            """)));
        Assert.Empty(faults.Errors);
        Assert.Equal(["Out tcp 5432-5432 H"], Templates.Rules(draft.Group("G").Egress));
        Fault told = Assert.Single(faults.Warnings);
        Assert.EndsWith(", G", told.Where, StringComparison.Ordinal);
        Assert.Contains("default rule that allows all egress is taken as removed", told.What, StringComparison.Ordinal);
    }

    [Fact]
    public void IMP_23_an_inline_egress_rule_beside_stand_alone_ones_stays()
    {
        NetworkDraft draft = Templates.Good(Group("      SecurityGroupEgress: [{IpProtocol: icmp, FromPort: 252, ToPort: 86, CidrIp: 255.255.255.255/32}]", """
              Out:
                Type: AWS::EC2::SecurityGroupEgress
                Properties: {GroupId: !GetAtt G.GroupId, IpProtocol: tcp, FromPort: 80, ToPort: 80, CidrIp: 0.0.0.0/0}
            """));
        Assert.Equal(["icmp 252-86 255.255.255.255/32", "Out tcp 80-80 0.0.0.0/0"], Templates.Rules(draft.Group("G").Egress));    // IMP-22 too
    }

    [Fact]
    public void CFN_04_Ref_and_GroupId_are_both_the_logical_id()
    {
        NetworkDraft draft = Templates.Good(Group("      SecurityGroupIngress: [{IpProtocol: -1, SourceSecurityGroupId: !Ref H}, {IpProtocol: -1, SourceSecurityGroupId: !GetAtt H.GroupId}]"));
        Assert.Equal(["H", "H"], draft.Group("G").Ingress.Select(r => r.GroupId));
    }

    [Fact]
    public void CFN_05_numbers_and_booleans_may_be_texts()
    {
        NetworkDraft draft = Templates.Good(Templates.Net(
            """
              Eni:
                Type: AWS::EC2::NetworkInterface
                Properties: {SubnetId: !Ref Net, SourceDestCheck: "FALSE", Ipv6AddressCount: "0", SecondaryPrivateIpAddressCount: "1"}

            """));
        Assert.False(draft.Eni("Eni").SourceDestCheck);
        Assert.Equal(2, draft.Eni("Eni").Addresses.Count);
    }

    /// <summary>YAML 1.1, as CloudFormation reads templates.</summary>
    [Theory]
    [InlineData("yes", true)]
    [InlineData("On", true)]
    [InlineData("no", false)]
    [InlineData("OFF", false)]
    public void CFN_05_booleans_may_be_words(string word, bool means)
    {
        NetworkDraft draft = Templates.Good(Templates.Net(
            $$"""
              Eni:
                Type: AWS::EC2::NetworkInterface
                Properties: {SubnetId: !Ref Net, SourceDestCheck: {{word}}}

            """));
        Assert.Equal(means, draft.Eni("Eni").SourceDestCheck);
    }

    [Fact]
    public void CFN_06_network_ACL_entries()
    {
        NetworkDraft draft = Templates.Good(Templates.Net(
            """
              Acl:
                Type: AWS::EC2::NetworkAcl
                Properties: {VpcId: !Ref Vpc}
              To:
                Type: AWS::EC2::SubnetNetworkAclAssociation
                Properties: {SubnetId: !Ref Net, NetworkAclId: !GetAtt Acl.Id}
              A:
                Type: AWS::EC2::NetworkAclEntry
                Properties: {NetworkAclId: !Ref Acl, RuleNumber: 110, Protocol: 6, RuleAction: allow, CidrBlock: 0.0.0.0/0, PortRange: {From: 80, To: "81"}}
              B:
                Type: AWS::EC2::NetworkAclEntry
                Properties: {NetworkAclId: !Ref Acl, RuleNumber: "100", Protocol: "1", RuleAction: deny, Egress: true, CidrBlock: 10.0.0.0/8, Icmp: {Type: 8, Code: -1}}
              C:
                Type: AWS::EC2::NetworkAclEntry
                Properties: {NetworkAclId: !Ref Acl, RuleNumber: 120, Protocol: -1, RuleAction: allow, Ipv6CidrBlock: "::/0"}

            """));
        NetworkAclDraft acl = Assert.Single(draft.NetworkAcls);
        Assert.Equal(["Net"], acl.SubnetIds);
        Assert.Equal(
            [(false, 110, "allow", "6", "0.0.0.0/0", 80, 81), (true, 100, "deny", "1", "10.0.0.0/8", null, null), (false, 120, "allow", "-1", "::/0", (int?)null, (int?)null)],
            acl.Entries.Select(e => (e.Egress, e.Number!.Value, e.Action!, e.Protocol!, e.Cidr ?? e.Ipv6Cidr!, e.FromPort, e.ToPort)));
        Assert.Equal((8, -1), (acl.Entries[1].IcmpType, acl.Entries[1].IcmpCode));
    }

    [Fact]
    public void CFN_07_routes_of_every_target()
    {
        string[] targets =
        [
            "GatewayId: !Ref Igw", "NatGatewayId: nat-1", "NetworkInterfaceId: !Ref Eni", "InstanceId: !Ref Box", "VpcPeeringConnectionId: pcx-1", "TransitGatewayId: tgw-1",
            "EgressOnlyInternetGatewayId: !Ref Eigw", "VpcEndpointId: vpce-1", "LocalGatewayId: lgw-1", "CarrierGatewayId: cagw-1", "CoreNetworkArn: \"arn:aws:x\"", "GatewayId: local",
        ];
        string routes = string.Concat(targets.Select((t, i) => $"""
              R{i}:
                Type: AWS::EC2::Route
                Properties: {"{"}RouteTableId: !Ref Table, DestinationCidrBlock: 10.{i}.0.0/16, {t}{"}"}

            """));
        NetworkDraft draft = Templates.Good(Templates.Net($$"""
              Table:
                Type: AWS::EC2::RouteTable
                Properties: {VpcId: !Ref Vpc}
              At:
                Type: AWS::EC2::SubnetRouteTableAssociation
                Properties: {SubnetId: !Ref Net, RouteTableId: !Ref Table}
              Edge:
                Type: AWS::EC2::GatewayRouteTableAssociation
                Properties: {GatewayId: !Ref Igw, RouteTableId: !Ref Table}
              Flow:
                Type: AWS::EC2::VPNGatewayRoutePropagation
                Properties: {VpnGatewayId: !Ref Vgw, RouteTableIds: [!Ref Table]}
              Six:
                Type: AWS::EC2::Route
                Properties: {RouteTableId: !Ref Table, DestinationIpv6CidrBlock: "::/0", EgressOnlyInternetGatewayId: !Ref Eigw}
              List:
                Type: AWS::EC2::Route
                Properties: {RouteTableId: !Ref Table, DestinationPrefixListId: pl-9, GatewayId: !Ref Igw}
              Igw:
                Type: AWS::EC2::InternetGateway
              Vgw:
                Type: AWS::EC2::VPNGateway
                Properties: {Type: ipsec.1}
              Eigw:
                Type: AWS::EC2::EgressOnlyInternetGateway
                Properties: {VpcId: !Ref Vpc}
              Eni:
                Type: AWS::EC2::NetworkInterface
                Properties: {SubnetId: !Ref Net}
              Box:
                Type: AWS::EC2::Instance
                Properties: {SubnetId: !Ref Net}
            {{routes}}

            """));
        RouteTableDraft table = draft.Table("Table");
        Assert.Equal(
            ["::/0 Eigw False", "pl-9 Igw False", "10.0.0.0/16 Igw False", "10.1.0.0/16 nat-1 False", "10.2.0.0/16 Eni False", "10.3.0.0/16 Box True", "10.4.0.0/16 pcx-1 False",
            "10.5.0.0/16 tgw-1 False", "10.6.0.0/16 Eigw False", "10.7.0.0/16 vpce-1 False", "10.8.0.0/16 lgw-1 False", "10.9.0.0/16 cagw-1 False", "10.10.0.0/16 arn:aws:x False",
            "10.11.0.0/16 local False"],
            table.Routes.Select(r => $"{r.Destination ?? r.PrefixListId} {r.TargetId} {r.TargetIsInstance}"));
        Assert.Equal(("Net", "Igw", "Vgw"), (Assert.Single(table.SubnetIds), Assert.Single(table.GatewayIds), Assert.Single(table.PropagatingGateways)));
    }

    [Fact]
    public void CFN_08_gateways_prefix_lists_and_associations()
    {
        NetworkDraft draft = Templates.Good(Templates.Net(
            """
              Other:
                Type: AWS::EC2::VPC
                Properties: {CidrBlock: 10.9.0.0/16}
              More:
                Type: AWS::EC2::VPCCidrBlock
                Properties: {VpcId: !Ref Vpc, CidrBlock: 10.1.0.0/16}
              Six:
                Type: AWS::EC2::VPCCidrBlock
                Properties: {VpcId: !Ref Vpc, Ipv6CidrBlock: "2001:db8:9::/56", Ipv6Pool: p}
              NetSix:
                Type: AWS::EC2::SubnetCidrBlock
                Properties: {SubnetId: !Ref Net, Ipv6CidrBlock: "2001:db8:9::/64"}
              Igw: {Type: AWS::EC2::InternetGateway}
              AttachIgw:
                Type: AWS::EC2::VPCGatewayAttachment
                Properties: {VpcId: !Ref Vpc, InternetGatewayId: !Ref Igw}
              Vgw:
                Type: AWS::EC2::VPNGateway
                Properties: {Type: ipsec.1}
              AttachVgw:
                Type: AWS::EC2::VPCGatewayAttachment
                Properties: {VpcId: !Ref Vpc, VpnGatewayId: !Ref Vgw}
              Customer:
                Type: AWS::EC2::CustomerGateway
                Properties: {Type: ipsec.1, BgpAsn: 65000, IpAddress: 192.0.2.1}
              Vpn:
                Type: AWS::EC2::VPNConnection
                Properties: {Type: ipsec.1, StaticRoutesOnly: true, CustomerGatewayId: !Ref Customer, VpnGatewayId: !Ref Vgw}
              Behind:
                Type: AWS::EC2::VPNConnectionRoute
                Properties: {VpnConnectionId: !Ref Vpn, DestinationCidrBlock: 192.168.0.0/16}
              Tgw: {Type: AWS::EC2::TransitGateway}
              AttachTgw:
                Type: AWS::EC2::TransitGatewayAttachment
                Properties: {TransitGatewayId: !Ref Tgw, VpcId: !Ref Vpc, SubnetIds: [!Ref Net]}
              AttachTgw2:
                Type: AWS::EC2::TransitGatewayVpcAttachment
                Properties: {TransitGatewayId: !Ref Tgw, VpcId: !Ref Other, SubnetIds: [!Ref Net]}
              List:
                Type: AWS::EC2::PrefixList
                Properties: {PrefixListName: office, AddressFamily: IPv4, MaxEntries: 5, Entries: [{Cidr: 203.0.113.0/24}, {Cidr: 198.51.100.0/24}]}
              G:
                Type: AWS::EC2::SecurityGroup
                Properties: {GroupDescription: g, VpcId: !Ref Vpc}
              Also:
                Type: AWS::EC2::SecurityGroupVpcAssociation
                Properties: {GroupId: !Ref G, VpcId: !Ref Other}
              Log:
                Type: AWS::EC2::FlowLog
                Properties: {ResourceId: !Ref Vpc, ResourceType: VPC, TrafficType: ALL}

            """));
        Assert.Equal(["10.0.0.0/16", "10.1.0.0/16", "2001:db8:9::/56"], draft.Vpcs[0].Blocks);
        Assert.Equal(["10.0.1.0/24", "2001:db8:9::/64"], draft.Subnets[0].Blocks);
        Assert.Equal(
            ["Igw Internet Vpc ", "Vgw VirtualPrivate Vpc 192.168.0.0/16", "Tgw Transit Vpc,Other "],
            draft.Gateways.Select(g => $"{g.Id} {g.Kind} {string.Join(',', g.VpcIds)} {string.Join(',', g.RemoteBlocks)}"));
        Assert.Equal(["203.0.113.0/24", "198.51.100.0/24"], Assert.Single(draft.PrefixLists).Entries);
        Assert.Equal(["Other"], draft.Group("G").AssociatedVpcIds);
    }

    [Fact]
    public void CFN_08_unknown_EC2_types_warn_and_known_ones_without_effect_are_silent()
    {
        FaultList faults = Templates.Bad(Templates.Net(
            """
              Odd: {Type: AWS::EC2::SomethingNew}
              Key: {Type: AWS::EC2::KeyPair}
              Block:
                Type: AWS::EC2::VPCBlockPublicAccessOptions
                Properties: {InternetGatewayBlockMode: block-bidirectional}
              Role: {Type: AWS::IAM::Role}
              X: {Type: Acme::Thing::One}
              Y: {Type: Acme::Thing::Two}

            """));
        Assert.Empty(faults.Errors);
        Assert.Equal(3, faults.All.Count);
        Assert.Contains("AWS::EC2::SomethingNew is unknown", faults.All[0].What, StringComparison.Ordinal);
        Assert.Contains("Block Public Access is not enforced", faults.All[1].What, StringComparison.Ordinal);
        Assert.Contains("Acme::Thing::One, Acme::Thing::Two", faults.All[2].What, StringComparison.Ordinal);
    }

    [Fact]
    public void CFN_09_default_group_and_ACL_of_a_VPC_are_named_after_it_and_can_be_added_to()
    {
        NetworkDraft draft = Templates.Good(Templates.Net(
            """
              Rule:
                Type: AWS::EC2::SecurityGroupIngress
                Properties: {GroupId: !GetAtt Vpc.DefaultSecurityGroup, IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: !GetAtt Vpc.CidrBlock}
              Entry:
                Type: AWS::EC2::NetworkAclEntry
                Properties: {NetworkAclId: !GetAtt Vpc.DefaultNetworkAcl, RuleNumber: 50, Protocol: -1, RuleAction: deny, CidrBlock: 192.0.2.0/24}
              Eni:
                Type: AWS::EC2::NetworkInterface
                Properties: {SubnetId: !Ref Net, GroupSet: [!GetAtt Vpc.DefaultSecurityGroup]}
              Bare:
                Type: AWS::EC2::NetworkInterface
                Properties: {SubnetId: !Ref Net}

            """));
        SecurityGroupDraft group = draft.Group("Vpc/default-sg");
        Assert.Equal(["-1 - Vpc/default-sg", "Rule tcp 22-22 10.0.0.0/16"], Templates.Rules(group.Ingress));
        Assert.Equal(("default", "Vpc"), (group.Name, group.VpcId));
        NetworkAclDraft acl = Assert.Single(draft.NetworkAcls);
        Assert.Equal(("Vpc/default-acl", true), (acl.Id, acl.IsDefault));
        Assert.Equal([100, 100, 50], acl.Entries.Select(e => e.Number!.Value));
        Assert.Equal(["Vpc/default-sg"], draft.Eni("Eni").SecurityGroupIds);
        Assert.Equal(["Vpc/default-sg"], draft.Eni("Bare").SecurityGroupIds);    // SG-08
    }

    public static TheoryData<string, string> Intrinsics => new()
    {
        // the expression                                                        what it comes to
        { "!Ref P",                                                              "p-value" },
        { "!Ref AWS::Region",                                                    "us-east-1" },
        { "!Ref AWS::Partition",                                                 "aws" },
        { "!Ref AWS::URLSuffix",                                                 "amazonaws.com" },
        { "!Ref AWS::StackName",                                                 "t" },
        { "!Sub \"${P}-${AWS::Region}-${!P}-${Vpc.CidrBlock}-${Vpc}\"",          "p-value-us-east-1-${P}-10.0.0.0/16-Vpc" },
        { "!Sub [\"${x}/${P}\", {x: !Ref N}]",                                   "5/p-value" },
        { "!Join [\"-\", [a, !Ref N, !Ref P]]",                                  "a-5-p-value" },
        { "!Join [\"+\", !Ref L]",                                               "one+two+three" },
        { "!Select [1, !Ref L]",                                                 "two" },
        { "!Select [\"2\", !Split [\".\", a.b.c]]",                              "c" },
        { "!Select [3, !Cidr [10.0.0.0/16, 4, 8]]",                              "10.0.3.0/24" },
        { "!Select [0, !Cidr [10.0.0.0/16, 256, \"8\"]]",                        "10.0.0.0/24" },
        { "!Select [2, !Cidr [\"2001:db8:1::/56\", 4, 64]]",                     "2001:db8:1:2::/64" },
        { "!Select [255, !Cidr [\"2001:db8:1::/56\", 256, 64]]",                 "2001:db8:1:ff::/64" },
        { "!Select [1, !Cidr [\"2001:db8::/48\", 2, 68]]",                       "2001:db8:0:10::/60" },
        { "!Select [3, !Cidr [\"2001:db8::/48\", 4, 63]]",                       "2001:db8:0:1:8000::/65" },
        { "!Select [0, !GetAZs \"\"]",                                           "us-east-1a" },
        { "!Select [1, Fn::GetAZs: eu-central-1]",                               "eu-central-1b" },
        { "!FindInMap [M, !Ref AWS::Region, cidr]",                              "10.7.0.0/16" },
        { "!FindInMap [M, nowhere, cidr, {DefaultValue: !Ref P}]",               "p-value" },
        { "!If [IsFive, yes, no]",                                               "yes" },
        { "!If [IsNotFive, yes, no]",                                            "no" },
        { "!If [Both, yes, no]",                                                 "yes" },
        { "!If [Either, yes, no]",                                               "yes" },
        { "!If [Neither, !Ref Nothing, !If [IsFive, inner, x]]",                 "inner" },
        { "Fn::Base64: hi",                                                      "aGk=" },
        { "!GetAtt Vpc.CidrBlock",                                               "10.0.0.0/16" },
        { "Fn::GetAtt: Vpc.VpcId",                                               "Vpc" },
        { "!GetAtt Net.AvailabilityZone",                                        "us-east-1c" },
        { "!GetAtt Net.VpcId",                                                   "Vpc" },
        { "!GetAtt Eni.PrimaryPrivateIpAddress",                                 "10.0.1.4" },
        { "!GetAtt Box.PrivateIp",                                               "10.0.1.9" },
        { "!GetAtt Box.PublicIp",                                                "198.18.0.1" },
        { "!GetAtt Eip.PublicIp",                                                "198.18.0.1" },
        { "!Ref Eip",                                                            "198.18.0.1" },
        { "!GetAtt Eip.AllocationId",                                            "Eip" },
        { "!GetAtt Box.AvailabilityZone",                                        "us-east-1c" },
    };

    [Theory, MemberData(nameof(Intrinsics))]
    public void CFN_10_intrinsics(string expression, string value)
    {
        NetworkDraft draft = Templates.Good($$"""
            Parameters:
              P: {Type: String, Default: p-value}
              N: {Type: Number, Default: 5}
              L: {Type: CommaDelimitedList, Default: "one, two,three"}
              Nothing: {Type: String}
            Mappings:
              M:
                us-east-1: {cidr: 10.7.0.0/16}
            Conditions:
              IsFive: !Equals [!Ref N, "5"]
              IsNotFive: !Not [!Condition IsFive]
              Both: !And [!Condition IsFive, !Equals [a, a]]
              Either: !Or [!Condition IsNotFive, {Condition: Both}]
              Neither: !Not [!Or [!Condition IsFive, !Condition IsNotFive]]
            Resources:
              Vpc:
                Type: AWS::EC2::VPC
                Properties: {CidrBlock: 10.0.0.0/16}
              Net:
                Type: AWS::EC2::Subnet
                Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24, AvailabilityZone: us-east-1c}
              Eni:
                Type: AWS::EC2::NetworkInterface
                Properties: {SubnetId: !Ref Net}
              Box:
                Type: AWS::EC2::Instance
                Properties: {SubnetId: !Ref Net, PrivateIpAddress: 10.0.1.9}
              Eip:
                Type: AWS::EC2::EIP
                Properties: {InstanceId: !Ref Box}
              List:
                Type: AWS::EC2::PrefixList
                Properties:
                  PrefixListName: {{(expression.StartsWith('!') ? expression : "{" + expression + "}")}}
            """);
        Assert.Equal(value, Assert.Single(draft.PrefixLists).Name);
    }

    public static TheoryData<string, string> BadExpressions => new()
    {
        { "!Ref Nowhere",                                         "'Nowhere' names no resource and no parameter" },
        { "!Ref AWS::Nothing",                                    "pseudo parameter AWS::Nothing is unknown" },
        { "!Ref Missing",                                         "parameter Missing has neither a default nor a value" },
        { "!GetAtt Nowhere.X",                                    "'Nowhere' names no resource" },
        { "!GetAtt Loop.PrefixListName",                          "known only when the template is deployed" },
        { "!Select [5, [a, b]]",                                  "entry 5 of a list of 2" },
        { "!Select [-1, [a, b]]",                                 "a number from 0" },
        { "!Cidr [10.0.0.0/24, 4, 8]",                            "does not hold 4 blocks of /24" },
        { "!Cidr [10.0.0.0/16, 300, 8]",                          "out of range" },
        { "!Cidr [10.0.0/16, 3, 8]",                              "'10.0.0/16' is not a CIDR block" },
        { "!FindInMap [M, a, b]",                                 "no M.a.b" },
        { "!If [Unknown, a, b]",                                  "condition Unknown is not declared" },
        { "!If [Circle, a, b]",                                   "depends on itself" },
        { "!Sub \"${Nowhere}\"",                                  "'Nowhere' names no resource" },
        { "!Sub [\"${x}\", [x]]",                                 "a text and a map" },
        { "!ImportValue nobody",                                  "no given template exports 'nobody'" },
        { "{Fn::Nothing: x}",                                     "function Fn::Nothing is unknown" },
        { "{Fn::Sub: x, Other: y}",                               "stands beside other keys" },
        { "\"{{resolve:ssm:/a/b}}\"",                             "dynamic reference" },
        { "[a]",                                                  "is not text" },
        { "!Join [\"\", [a, {b: c}]]",                            "not text" },
    };

    [Theory, MemberData(nameof(BadExpressions))]
    public void CFN_10_a_fault_names_file_line_resource_and_property(string expression, string says)
    {
        FaultList faults = Templates.Bad($$"""
            Parameters:
              Missing: {Type: String}
            Conditions:
              Circle: !Not [!Condition Circle]
            Resources:
              Loop:
                Type: AWS::EC2::PrefixList
                Properties:
                  PrefixListName: {{expression}}
                  Entries: []
            """);
        Fault fault = Assert.Single(faults.All);
        Assert.True(fault.IsError);
        Assert.StartsWith("t.yaml:", fault.Where, StringComparison.Ordinal);
        Assert.Contains(says, fault.What, StringComparison.Ordinal);
        if (!says.Contains("itself", StringComparison.Ordinal))
        {
            Assert.EndsWith(", Loop", fault.Where, StringComparison.Ordinal);
            Assert.StartsWith("property PrefixListName", fault.What, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_missing_parameter_names_the_option_that_gives_it()
    {
        const string Text = """
            Parameters:
              Cidr: {Type: String}
              KeyName: {Type: AWS::EC2::KeyPair::KeyName}
            Resources:
              Vpc:
                Type: AWS::EC2::VPC
                Properties: {CidrBlock: !Ref Cidr}
            """;
        Fault fault = Assert.Single(Templates.Bad(Text).All);
        Assert.Contains("parameter Cidr", fault.What, StringComparison.Ordinal);
        Assert.Contains("--parameter Cidr=VALUE", fault.Mend, StringComparison.Ordinal);
        Assert.Equal(["10.5.0.0/16"], Assert.Single(Templates.Good(Text, "Cidr=10.5.0.0/16").Vpcs).Blocks);
    }

    [Fact]
    public void An_unknown_parameter_on_the_command_line_is_an_error()
    {
        FaultList faults = Templates.Read(new Dictionary<string, string> { ["Typo"] = "1" }, [], ("t.yaml", Templates.Net(""))).Faults;
        Assert.Contains("--parameter Typo", Assert.Single(faults.Errors).Where, StringComparison.Ordinal);
    }

    [Fact]
    public void AllowedValues_and_numbers_of_parameters()
    {
        FaultList faults = Templates.Bad("""
            Parameters:
              A: {Type: String, Default: 10.0.0.0/16, AllowedValues: [10.1.0.0/16]}
              B: {Type: Number, Default: many}
            Resources:
              Vpc:
                Type: AWS::EC2::VPC
                Properties: {CidrBlock: !Ref A}
              Net:
                Type: AWS::EC2::Subnet
                Properties: {VpcId: !Ref Vpc, CidrBlock: !Sub "10.0.${B}.0/24"}
            """);
        Assert.Contains("not one of its AllowedValues", Assert.Single(faults.Warnings).What, StringComparison.Ordinal);
        Assert.Contains("'many' is not a number", Assert.Single(faults.Errors).What, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_fault_is_reported_in_one_run()
    {
        FaultList faults = Templates.Bad("""
            Resources:
              Vpc: {Type: AWS::EC2::VPC}
              Net:
                Type: AWS::EC2::Subnet
                Properties: {VpcId: !Ref Nowhere, CidrBlock: [x], MapPublicIpOnLaunch: maybe}
              Table: {Type: AWS::EC2::RouteTable}
              bad-name: {Type: AWS::EC2::VPC}
              NoType: {Properties: {}}
              Box:
                Type: AWS::EC2::Instance
                Properties: {SubnetId: !Ref Net}
              Route:
                Type: AWS::EC2::Route
                Properties: {RouteTableId: rtb-none}
            """);
        Assert.True(faults.Errors.Count() >= 9, string.Join('\n', faults.All));
        Assert.All(faults.All, f => Assert.False(f.ToString().Contains('\n', StringComparison.Ordinal)));
    }

    [Fact]
    public void A_condition_leaves_resources_out_and_a_reference_to_them_is_an_error()
    {
        const string Text = """
            Parameters:
              Wanted: {Type: String, Default: "no"}
            Conditions:
              Want: !Equals [!Ref Wanted, "yes"]
            Resources:
              Vpc:
                Type: AWS::EC2::VPC
                Properties: {CidrBlock: 10.0.0.0/16}
              Igw:
                Type: AWS::EC2::InternetGateway
                Condition: Want
              Attach:
                Type: AWS::EC2::VPCGatewayAttachment
                Properties: {VpcId: !Ref Vpc, InternetGatewayId: !Ref Igw}
            """;
        Assert.Contains("Igw is not made, because its condition Want does not hold", Assert.Single(Templates.Bad(Text).All).What, StringComparison.Ordinal);
        Assert.Single(Templates.Good(Text, "Wanted=yes").Gateways);
    }

    [Fact]
    public void NoValue_removes_a_property_and_an_entry_of_a_list()
    {
        NetworkDraft draft = Templates.Good("""
            Conditions:
              Never: !Equals [a, b]
            Resources:
              Vpc:
                Type: AWS::EC2::VPC
                Properties: {CidrBlock: 10.0.0.0/16}
              G:
                Type: AWS::EC2::SecurityGroup
                Properties:
                  GroupDescription: g
                  GroupName: !If [Never, x, !Ref AWS::NoValue]
                  VpcId: !Ref Vpc
                  SecurityGroupIngress:
                    - !If [Never, {IpProtocol: -1, CidrIp: 0.0.0.0/0}, !Ref AWS::NoValue]
                    - {IpProtocol: tcp, FromPort: 1, ToPort: 1, CidrIp: 10.0.0.0/8}
            """);
        Assert.Equal(["tcp 1-1 10.0.0.0/8"], Templates.Rules(draft.Group("G").Ingress));
        Assert.Equal("G", draft.Group("G").Name);
    }
}
