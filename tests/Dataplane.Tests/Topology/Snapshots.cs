using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Dataplane.Topology;
using Dataplane.Topology.Documents;
using Dataplane.Topology.Model;
using Xunit;

namespace Dataplane.Tests.Topology;

/// <summary>Loads snapshots that are written in tests.</summary>
internal static class Snapshots
{
    /// <summary>vpc-a 10.0.0.0/16 with subnet-a 10.0.1.0/24, its internet gateway igw-a and the group sg-a; no tables, no ACLs.</summary>
    public const string Base = """
        {
          "Vpcs": [{"VpcId": "vpc-a", "CidrBlock": "10.0.0.0/16"}],
          "Subnets": [{"SubnetId": "subnet-a", "VpcId": "vpc-a", "CidrBlock": "10.0.1.0/24"}],
          "InternetGateways": [{"InternetGatewayId": "igw-a", "Attachments": [{"VpcId": "vpc-a", "State": "available"}]}],
          "SecurityGroups": [{"GroupId": "sg-a", "GroupName": "web", "VpcId": "vpc-a"}]
        }
        """;

    public static (Network? Network, FaultList Faults) Load(params string[] files) =>
        LoadFiles([.. files.Select((text, i) => ($"f{i}.json", text))], []);

    public static (Network? Network, FaultList Faults) LoadFiles(IEnumerable<(string Name, string Text)> files, IReadOnlyList<string> interfaces, QuotaPolicy quotas = QuotaPolicy.Warn) =>
        TopologyLoader.Load(
            [.. files.Select(f => new SourceFile(f.Name, Encoding.UTF8.GetBytes(f.Text)))],
            new LoadOptions([], new Dictionary<string, string>(), interfaces) { Quotas = quotas });

    /// <summary>The network of files that must be sound, warnings or not.</summary>
    public static Network Sound(params string[] files)
    {
        (Network? network, FaultList faults) = Load(files);
        Assert.True(network is not null, string.Join('\n', faults.All));
        return network;
    }

    /// <summary>The base with further top-level keys.</summary>
    public static Network WithBase(string keys) => Sound(Base, keys);

    public static string[] Texts(FaultList faults) => [.. faults.All.Select(f => (f.IsError ? "error " : "warning ") + f)];

    public static string[] FaultsWithBase(string keys) => Texts(Load(Base, keys).Faults);

    public static string Group(string ingress, string egress = "[]") =>
        $$"""{"SecurityGroups": [{"GroupId": "sg-b", "GroupName": "b", "VpcId": "vpc-a", "IpPermissions": {{ingress}}, "IpPermissionsEgress": {{egress}}}]}""";

    public static string Acl(string entries) =>
        $$"""{"NetworkAcls": [{"NetworkAclId": "acl-b", "VpcId": "vpc-a", "IsDefault": true, "Associations": [{"SubnetId": "subnet-a"}], "Entries": {{entries}}}]}""";

    public static string Table(string routes, string associations = """[{"Main": true}]""") =>
        $$"""{"RouteTables": [{"RouteTableId": "rtb-b", "VpcId": "vpc-a", "Associations": {{associations}}, "Routes": {{routes}}}]}""";

    public static string Card(string members, string id = "eni-a") =>
        $$"""{"NetworkInterfaces": [{"NetworkInterfaceId": "{{id}}", "VpcId": "vpc-a", "SubnetId": "subnet-a", {{members}}}]}""";

    public static SecurityGroup GroupB(Network network) => network.SecurityGroups.Single(g => g.Id == "sg-b");

    public static NetworkAcl AclB(Network network) => network.NetworkAcls.Single(a => a.Id == "acl-b");

    public static RouteTable TableB(Network network) => network.RouteTables.Single(t => t.Id == "rtb-b");

    public static string RuleText(SecurityGroupRule rule) => $"{rule.Name}: {rule.Protocol} {rule.From}-{rule.To} {PeerText(rule.Peer)}";

    public static string EntryText(NetworkAclEntry entry) =>
        $"{entry.Number} {(entry.Allow ? "allow" : "deny")} {entry.Protocol} {entry.From}-{entry.To} {entry.Block}";

    public static string RouteText(Route route) => $"{(route.Destination?.ToString() ?? route.PrefixListId)} {route.Kind} {route.TargetId} {route.Origin}";

    private static string PeerText(Peer peer) => peer switch
    {
        CidrPeer cidr => cidr.Block.ToString(),
        PrefixListPeer list => list.PrefixListId,
        GroupPeer group => group.GroupId,
        _ => throw new ArgumentException("no such peer", nameof(peer)),
    };
}
