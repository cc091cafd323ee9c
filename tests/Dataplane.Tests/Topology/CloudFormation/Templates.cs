using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json;
using Dataplane.Topology;
using Dataplane.Topology.CloudFormation;
using Dataplane.Topology.Documents;
using Dataplane.Topology.Model;
using Xunit;

namespace Dataplane.Tests.Topology.CloudFormation;

/// <summary>Reads templates from text, and shows what came of them.</summary>
internal static class Templates
{
    /// <summary>The repository's root, found from the test's own folder upward.</summary>
    public static string Root { get; } = FindRoot();

    public static (NetworkDraft Draft, FaultList Faults) Read(params (string Name, string Text)[] files) => Read(new Dictionary<string, string>(), [], files);

    public static (NetworkDraft Draft, FaultList Faults) Read(
        IReadOnlyDictionary<string, string> parameters, IReadOnlyList<string> interfaces, params (string Name, string Text)[] files)
    {
        NetworkDraft draft = new();
        FaultList faults = new();
        CloudFormationReader.Read(
            [.. files.Select(f => new SourceFile(f.Name, Encoding.UTF8.GetBytes(f.Text)))], new LoadOptions([], parameters, interfaces), draft, faults);
        return (draft, faults);
    }

    /// <summary>Reads one template that must have no errors.</summary>
    public static NetworkDraft Good(string text, params string[] parameters)
    {
        (NetworkDraft draft, FaultList faults) = Read(
            parameters.ToDictionary(p => p[..p.IndexOf('=', StringComparison.Ordinal)], p => p[(p.IndexOf('=', StringComparison.Ordinal) + 1)..]), [], ("t.yaml", text));
        Assert.Empty(faults.Errors);
        return draft;
    }

    /// <summary>The faults of one template.</summary>
    public static FaultList Bad(string text) => Read(("t.yaml", text)).Faults;

    /// <summary>A VPC with one subnet, and whatever resources a test adds (indented by two).</summary>
    public static string Net(string more, string subnet = "") => $$"""
        Resources:
          Vpc:
            Type: AWS::EC2::VPC
            Properties: {CidrBlock: 10.0.0.0/16}
          Net:
            Type: AWS::EC2::Subnet
            Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24{{(subnet.Length == 0 ? "" : ", " + subnet)}}}

        """ + more;

    /// <summary>Everything in a draft but lines and file names, one fact a line.</summary>
    public static string Show(NetworkDraft draft)
    {
        StringBuilder text = new();
        foreach (VpcDraft d in draft.Vpcs)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"vpc {d.Id} {string.Join(',', d.Blocks)}");
        }

        foreach (SubnetDraft d in draft.Subnets)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"subnet {d.Id} {d.VpcId} {string.Join(',', d.Blocks)} {d.AvailabilityZone}");
        }

        foreach (InterfaceDraft d in draft.Interfaces)
        {
            string addresses = string.Join(',', d.Addresses.Select(a => a.Private + (a.Primary ? "*" : "") + (a.Public is null ? "" : "=" + a.Public)));
            text.AppendLine(
                CultureInfo.InvariantCulture,
                $"eni {d.Id} {d.VpcId} {d.SubnetId} {addresses} sg={string.Join('+', d.SecurityGroupIds)} {d.Type} check={d.SourceDestCheck} {d.InstanceId}#{d.DeviceIndex} nat={d.NatGatewayId}");
        }

        foreach (SecurityGroupDraft d in draft.SecurityGroups)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"sg {d.Id} {d.Name} {d.VpcId} +{string.Join(',', d.AssociatedVpcIds)}");
            foreach ((string way, List<SecurityGroupRuleDraft> rules) in new[] { ("in", d.Ingress), ("out", d.Egress) })
            {
                foreach (SecurityGroupRuleDraft r in rules)
                {
                    text.AppendLine(CultureInfo.InvariantCulture, $"  {way} {r.Name ?? "-"} {Show(r)}");
                }
            }
        }

        foreach (NetworkAclDraft d in draft.NetworkAcls)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"acl {d.Id} {d.VpcId} default={d.IsDefault} {string.Join(',', d.SubnetIds)}");
            foreach (NetworkAclEntryDraft e in d.Entries)
            {
                text.AppendLine(
                    CultureInfo.InvariantCulture,
                    $"  {(e.Egress ? "out" : "in")} {e.Number} {e.Action} {e.Protocol} {e.Cidr}{e.Ipv6Cidr} {e.FromPort}-{e.ToPort} {e.IcmpType}/{e.IcmpCode}");
            }
        }

        foreach (RouteTableDraft d in draft.RouteTables)
        {
            text.AppendLine(
                CultureInfo.InvariantCulture,
                $"rtb {d.Id} {d.VpcId} {string.Join(',', d.SubnetIds)} gw={string.Join(',', d.GatewayIds)} vgw={string.Join(',', d.PropagatingGateways)}");
            foreach (RouteDraft r in d.Routes)
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"  {r.Destination}{r.PrefixListId} > {r.TargetId}{(r.TargetIsInstance ? " (instance)" : "")}");
            }
        }

        foreach (PrefixListDraft d in draft.PrefixLists)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"pl {d.Id} {d.Name} {(d.Entries is null ? "unknown" : string.Join(',', d.Entries))}");
        }

        foreach (GatewayDraft d in draft.Gateways)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"gw {d.Id} {d.Kind} {string.Join(',', d.VpcIds)} {string.Join(',', d.RemoteBlocks)}");
        }

        foreach (string chosen in draft.Chosen)
        {
            text.AppendLine("chosen " + chosen);
        }

        return text.ToString().ReplaceLineEndings("\n");
    }

    /// <summary>protocol from-to peer.</summary>
    public static string Show(SecurityGroupRuleDraft rule) => string.Create(
        CultureInfo.InvariantCulture, $"{rule.Protocol} {rule.FromPort}-{rule.ToPort} {rule.Cidr}{rule.PrefixListId}{rule.GroupId}");

    public static IEnumerable<string> Rules(IEnumerable<SecurityGroupRuleDraft> rules) => rules.Select(r => (r.Name is null ? "" : r.Name + " ") + Show(r));

    public static InterfaceDraft Eni(this NetworkDraft draft, string id) => Assert.Single(draft.Interfaces, i => i.Id == id);

    public static SecurityGroupDraft Group(this NetworkDraft draft, string id) => Assert.Single(draft.SecurityGroups, i => i.Id == id);

    public static RouteTableDraft Table(this NetworkDraft draft, string id) => Assert.Single(draft.RouteTables, i => i.Id == id);

    /// <summary>private[*][=public], comma-separated; * is the primary one.</summary>
    public static string Addresses(this NetworkDraft draft, string id) =>
        string.Join(',', draft.Eni(id).Addresses.Select(a => a.Private + (a.Primary ? "*" : "") + (a.Public is null ? "" : "=" + a.Public)));

    /// <summary>The JSON of a tree, functions in their long form.</summary>
    public static string Json(Node node)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Indented = true, MaxDepth = 200 }))
        {
            Write(writer, node);
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static void Write(Utf8JsonWriter writer, Node node)
    {
        switch (node.Kind)
        {
            case NodeKind.Map:
                writer.WriteStartObject();
                foreach ((string key, Node value) in node.Members)
                {
                    writer.WritePropertyName(key);
                    Write(writer, value);
                }

                writer.WriteEndObject();
                break;
            case NodeKind.List:
                writer.WriteStartArray();
                foreach (Node item in node.Items)
                {
                    Write(writer, item);
                }

                writer.WriteEndArray();
                break;
            case NodeKind.Null:
                writer.WriteNullValue();
                break;
            default:
                writer.WriteStringValue(node.Text);
                break;
        }
    }

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Dataplane.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new InvalidOperationException("Dataplane.sln is in no folder above the tests");
    }
}
