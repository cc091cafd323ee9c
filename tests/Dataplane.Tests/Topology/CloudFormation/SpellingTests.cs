using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using Dataplane.Topology;
using Dataplane.Topology.Documents;
using Dataplane.Topology.Model;
using Xunit;

namespace Dataplane.Tests.Topology.CloudFormation;

/// <summary>One template in its spellings, and whole templates against what they must come to.</summary>
public sealed class SpellingTests
{
    private const string Short = """
        AWSTemplateFormatVersion: 2010-09-09
        Parameters:
          Office: {Type: String, Default: 203.0.113.0/24}
        Conditions:
          InUs: !Equals [!Ref AWS::Region, us-east-1]
        Resources:
          Vpc:
            Type: AWS::EC2::VPC
            Properties:
              CidrBlock: 10.0.0.0/16
          Net:
            Type: AWS::EC2::Subnet
            Properties:
              VpcId: !Ref Vpc
              CidrBlock: !Select [0, !Cidr [!GetAtt Vpc.CidrBlock, 4, 8]]
              AvailabilityZone: !Select [0, Fn::GetAZs: !Ref AWS::Region]
          Web:
            Type: AWS::EC2::SecurityGroup
            Properties:
              GroupDescription: Web
              GroupName: !Sub "${AWS::StackName}-web"
              VpcId: !Ref Vpc
              SecurityGroupIngress:
                - {IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: !Ref Office}
                - !If [InUs, {IpProtocol: tcp, FromPort: 80, ToPort: 80, CidrIp: !Join ["/", [10.0.0.0, "8"]]}, !Ref AWS::NoValue]
          Box:
            Type: AWS::EC2::Instance
            Condition: InUs
            Properties:
              SubnetId: !Ref Net
              SecurityGroupIds: [!GetAtt Web.GroupId]
          Ping:
            Type: AWS::EC2::SecurityGroupIngress
            Properties: {GroupId: !GetAtt Web.GroupId, IpProtocol: icmp, FromPort: 8, ToPort: -1, CidrIp: !Sub ["${a}/32", {a: !GetAtt Box.PrivateIp}]}
        """;

    private const string Long = """
        AWSTemplateFormatVersion: "2010-09-09"
        Parameters:
          Office:
            Type: String
            Default: 203.0.113.0/24
        Conditions:
          InUs:
            Fn::Equals:
              - Ref: AWS::Region
              - us-east-1
        Resources:
          Vpc:
            Type: AWS::EC2::VPC
            Properties:
              CidrBlock: "10.0.0.0/16"
          Net:
            Type: AWS::EC2::Subnet
            Properties:
              VpcId:
                Ref: Vpc
              CidrBlock:
                Fn::Select:
                  - 0
                  - Fn::Cidr:
                      - Fn::GetAtt: Vpc.CidrBlock
                      - 4
                      - 8
              AvailabilityZone:
                Fn::Select:
                  - "0"
                  - Fn::GetAZs: ""
          Web:
            Type: AWS::EC2::SecurityGroup
            Properties:
              GroupDescription: Web
              GroupName:
                Fn::Sub: ${AWS::StackName}-web
              VpcId:
                Ref: Vpc
              SecurityGroupIngress:
                - IpProtocol: tcp
                  FromPort: "443"
                  ToPort: "443"
                  CidrIp:
                    Ref: Office
                - Fn::If:
                    - InUs
                    - IpProtocol: tcp
                      FromPort: 80
                      ToPort: 80
                      CidrIp:
                        Fn::Join: ["/", ["10.0.0.0", 8]]
                    - Ref: AWS::NoValue
          Box:
            Type: AWS::EC2::Instance
            Condition: InUs
            Properties:
              SubnetId:
                Ref: Net
              SecurityGroupIds:
                - Fn::GetAtt: [Web, GroupId]
          Ping:
            Type: AWS::EC2::SecurityGroupIngress
            Properties:
              GroupId:
                Fn::GetAtt: [Web, GroupId]
              IpProtocol: icmp
              FromPort: 8
              ToPort: -1
              CidrIp:
                Fn::Sub:
                  - ${a}/32
                  - a:
                      Fn::GetAtt: [Box, PrivateIp]
        """;

    private const string InJson = """
        {"AWSTemplateFormatVersion": "2010-09-09",
         "Parameters": {"Office": {"Type": "String", "Default": "203.0.113.0/24"}},
         "Conditions": {"InUs": {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}},
         "Resources": {
          "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
          "Net": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "Vpc"},
            "CidrBlock": {"Fn::Select": [0, {"Fn::Cidr": [{"Fn::GetAtt": ["Vpc", "CidrBlock"]}, 4, 8]}]},
            "AvailabilityZone": {"Fn::Select": [0, {"Fn::GetAZs": {"Ref": "AWS::Region"}}]}}},
          "Web": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "Web", "GroupName": {"Fn::Sub": "${AWS::StackName}-web"}, "VpcId": {"Ref": "Vpc"},
            "SecurityGroupIngress": [
              {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": {"Ref": "Office"}},
              {"Fn::If": ["InUs", {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIp": {"Fn::Join": ["/", ["10.0.0.0", 8]]}}, {"Ref": "AWS::NoValue"}]}]}},
          "Box": {"Type": "AWS::EC2::Instance", "Condition": "InUs", "Properties": {"SubnetId": {"Ref": "Net"}, "SecurityGroupIds": [{"Fn::GetAtt": ["Web", "GroupId"]}]}},
          "Ping": {"Type": "AWS::EC2::SecurityGroupIngress", "Properties": {"GroupId": {"Fn::GetAtt": ["Web", "GroupId"]}, "IpProtocol": "icmp", "FromPort": 8, "ToPort": -1,
            "CidrIp": {"Fn::Sub": ["${a}/32", {"a": {"Fn::GetAtt": ["Box", "PrivateIp"]}}]}}}
         }}
        """;

    private const string Expected = """
        vpc Vpc 10.0.0.0/16
        subnet Net Vpc 10.0.0.0/24 us-east-1a
        eni Box Vpc Net 10.0.0.4* sg=Web  check= Box#0 nat=
        sg Web t-web Vpc +
          in - tcp 443-443 203.0.113.0/24
          in - tcp 80-80 10.0.0.0/8
          in Ping icmp 8--1 10.0.0.4/32
          out - -1 - 0.0.0.0/0
        chosen Box: 10.0.0.4 in Net

        """;

    [Theory]
    [InlineData("short", Short)]
    [InlineData("long", Long)]
    [InlineData("json", InJson)]
    public void IMP_31_every_spelling_of_a_template_comes_to_the_same(string spelling, string text)
    {
        (NetworkDraft draft, FaultList faults) = Templates.Read(("t.x", text));
        Assert.Empty(faults.All);
        Assert.Equal((spelling, Expected.ReplaceLineEndings("\n")), (spelling, Templates.Show(draft)));
    }

    public static TheoryData<string> Captures => [.. CaptureTemplates()];

    public static TheoryData<string> Cdk => [.. CdkTemplates()];

    internal static IEnumerable<string> CaptureTemplates() => ["three-tier.yaml", "dual-stack.yaml", "classic-mistakes.yaml"];

    internal static IEnumerable<string> CdkTemplates() =>
        ["alb-rds.json", "default-vpc.json", "dual-stack.json", "groups-and-acls.json", "instances.json", "isolated-endpoints.json", "peering.json"];

    internal static string Text(string name) => File.ReadAllText(
        name.EndsWith(".yaml", StringComparison.Ordinal)
            ? Path.Combine(Templates.Root, "captures", name)
            : Path.Combine(Templates.Root, "tests", "Dataplane.Tests", "Corpus", "cdk", name));

    [Theory, MemberData(nameof(Captures))]
    public void IMP_31_a_capture_template_turned_to_JSON_comes_to_the_same(string name)
    {
        Node root = YamlNodes.Read(new SourceFile(name, Encoding.UTF8.GetBytes(Text(name))), new FaultList())!;
        (NetworkDraft yaml, FaultList faults) = Templates.Read(("t.x", Text(name)));
        Assert.Empty(faults.All);
        (NetworkDraft json, FaultList jsonFaults) = Templates.Read(("t.x", Templates.Json(root)));
        Assert.Empty(jsonFaults.All);
        Assert.Equal(Templates.Show(yaml), Templates.Show(json));
        Assert.NotEmpty(yaml.Interfaces);
    }

    [Theory, MemberData(nameof(Captures))]
    public void Windows_line_ends_change_nothing(string name) => Assert.Equal(
        Templates.Show(Templates.Read(("t.x", Text(name))).Draft),
        Templates.Show(Templates.Read(("t.x", Text(name).ReplaceLineEndings("\r\n"))).Draft));

    [Theory, MemberData(nameof(Cdk))]
    public void A_CDK_template_is_read_without_errors(string name)
    {
        (NetworkDraft draft, FaultList faults) = Templates.Read((name, Text(name)));
        Assert.Empty(faults.Errors);
        Assert.NotEmpty(draft.Vpcs);
        Assert.All(draft.SecurityGroups.Where(g => g.Name == "default"), g => Assert.Empty(g.Ingress));
    }

    [Fact]
    public void A_CDK_VPC_has_its_subnets_routes_and_gateways()
    {
        NetworkDraft draft = Templates.Read(("default-vpc.json", Text("default-vpc.json"))).Draft;
        Assert.Equal(4, draft.Subnets.Count);
        Assert.Equal(4, draft.RouteTables.Count);
        Assert.Equal(2, draft.RouteTables.Count(t => t.Routes.Any(r => r.Destination == "0.0.0.0/0" && r.TargetId!.Contains("IGW", StringComparison.Ordinal))));
        Assert.Equal(2, draft.RouteTables.Count(t => t.Routes.Any(r => r.TargetId!.Contains("NATGateway", StringComparison.Ordinal))));
        Assert.Equal(1, draft.Gateways.Count(g => g.Kind == GatewayKind.Internet && g.VpcIds.Count == 1));
        Assert.Equal(2, draft.Gateways.Count(g => g.Kind == GatewayKind.Nat && g.VpcIds.Count == 1));
        Assert.Equal(2, draft.Interfaces.Count(i => i.NatGatewayId is not null && i.Addresses[0].Public is not null));
    }

    [Fact]
    public void IMP_22_IMP_23_a_CDK_groups_rules()
    {
        NetworkDraft draft = Templates.Read(("g.json", Text("groups-and-acls.json"))).Draft;
        SecurityGroupDraft web = draft.SecurityGroups.Single(g => g.Id.StartsWith("Web", StringComparison.Ordinal));
        SecurityGroupDraft app = draft.SecurityGroups.Single(g => g.Id.StartsWith("App", StringComparison.Ordinal));
        SecurityGroupDraft db = draft.SecurityGroups.Single(g => g.Id.StartsWith("Db", StringComparison.Ordinal));
        Assert.Equal(["tcp 443-443 0.0.0.0/0", "tcp 443-443 ::/0"], web.Ingress.Select(Templates.Show));
        Assert.Equal([$"tcp 8080-8080 {app.Id}"], web.Egress.Select(Templates.Show));
        Assert.Contains($"tcp 8080-8080 {web.Id}", app.Ingress.Select(Templates.Show));
        Assert.Contains($"icmp 8--1 {app.Id}", app.Ingress.Select(Templates.Show));
        Assert.Equal([$"tcp 5432-5432 {app.Id}"], db.Ingress.Select(Templates.Show));
        Assert.Equal(["-1 - 0.0.0.0/0"], app.Egress.Select(Templates.Show));
        Assert.Equal(4, Assert.Single(draft.NetworkAcls).Entries.Count);
        Assert.Equal(2, draft.NetworkAcls[0].SubnetIds.Count);
    }

    [Fact]
    public void IMP_21_IMP_32_a_CDK_load_balancer_and_database()
    {
        (NetworkDraft draft, FaultList faults) = Templates.Read(("a.json", Text("alb-rds.json")));
        SecurityGroupDraft app = draft.SecurityGroups.Single(g => g.Id.StartsWith("App", StringComparison.Ordinal));
        SecurityGroupDraft database = draft.SecurityGroups.Single(g => g.Id.StartsWith("DatabaseSecurityGroup", StringComparison.Ordinal));
        SecurityGroupDraft aurora = draft.SecurityGroups.Single(g => g.Id.StartsWith("AuroraSecurityGroup", StringComparison.Ordinal));
        Assert.Equal([$"tcp 5432-5432 {app.Id}"], database.Ingress.Select(Templates.Show));
        Assert.Equal([$"tcp 5432-5432 {app.Id}"], aurora.Ingress.Select(Templates.Show));    // the CDK writes an Aurora cluster's Port
        Assert.Contains(faults.Warnings, w => w.Where.Contains("Alb16C2F182", StringComparison.Ordinal) && w.Mend.Contains("--eni", StringComparison.Ordinal));
    }

    [Fact]
    public void IMP_19_IMP_20_CDK_dual_stack_and_instances()
    {
        NetworkDraft dual = Templates.Read(("d.json", Text("dual-stack.json"))).Draft;
        Assert.Equal("2001:db8:100::/56", dual.Vpcs[0].Blocks[1]);
        InterfaceDraft host = dual.Interfaces.Single();
        Assert.Equal(2, host.Addresses.Count);
        Assert.StartsWith("2001:db8:100:", host.Addresses[1].Private, StringComparison.Ordinal);

        NetworkDraft instances = Templates.Read(("i.json", Text("instances.json"))).Draft;
        InterfaceDraft bastion = instances.Interfaces.Single(i => i.InstanceId?.StartsWith("Bastion", StringComparison.Ordinal) == true);
        Assert.StartsWith("198.18.0.", bastion.Addresses[0].Public, StringComparison.Ordinal);
        Assert.Equal("10.0.128.10", instances.Interfaces.Single(i => i.InstanceId?.StartsWith("Worker", StringComparison.Ordinal) == true).Addresses[0].Private);
    }
}
