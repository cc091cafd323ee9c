// Raw output of `aws ec2 describe-*` to drafts.
//
// The top-level key tells the kind, never the file's name (IN-01); two kinds of output do not say which list or table they belong to, and there alone
// the file's name does (R-43, IMP-09). First all files are sorted by key: the same id twice under one command must have
// the same content (IMP-04). Then the resources are made in an order in which each finds what it builds on: interfaces before
// instances, which add to them, then NAT gateways, which claim theirs, then Elastic IPs.
//
// Values that must never be printed (pre-shared keys in CustomerGatewayConfiguration and TunnelOptions) are not read at all, and no fault
// quotes a value whose key we do not know.

using System;
using System.Collections.Frozen;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Topology.Documents;
using Dataplane.Topology.Model;

namespace Dataplane.Topology.Aws;

/// <summary>Reads AWS CLI snapshots.</summary>
internal sealed partial class AwsReader
{
    /// <summary>Top-level keys whose entries have an id, and the member that holds it.</summary>
    private static readonly FrozenDictionary<string, string> Keyed = new Dictionary<string, string>
    {
        ["Vpcs"] = "VpcId",
        ["Subnets"] = "SubnetId",
        ["RouteTables"] = "RouteTableId",
        ["NetworkAcls"] = "NetworkAclId",
        ["SecurityGroups"] = "GroupId",
        ["SecurityGroupRules"] = "SecurityGroupRuleId",
        ["NetworkInterfaces"] = "NetworkInterfaceId",
        ["InternetGateways"] = "InternetGatewayId",
        ["EgressOnlyInternetGateways"] = "EgressOnlyInternetGatewayId",
        ["NatGateways"] = "NatGatewayId",
        ["VpcEndpoints"] = "VpcEndpointId",
        ["VpcPeeringConnections"] = "VpcPeeringConnectionId",
        ["PrefixLists"] = "PrefixListId",
        ["TransitGateways"] = "TransitGatewayId",
        ["TransitGatewayAttachments"] = "TransitGatewayAttachmentId",
        ["TransitGatewayVpcAttachments"] = "TransitGatewayAttachmentId",
        ["TransitGatewayPeeringAttachments"] = "TransitGatewayAttachmentId",
        ["TransitGatewayRouteTables"] = "TransitGatewayRouteTableId",
        ["VpnGateways"] = "VpnGatewayId",
        ["VpnConnections"] = "VpnConnectionId",
        ["CarrierGateways"] = "CarrierGatewayId",
    }.ToFrozenDictionary();

    /// <summary>Keys that are read and whose entries have no id of their own.</summary>
    private static readonly FrozenSet<string> Plain = new[]
    {
        "Reservations", "Addresses", "SecurityGroupVpcAssociations", "VpcBlockPublicAccessOptions", "VpcBlockPublicAccessExclusions",
        "Entries", "PrefixListEntries", "Routes", "Associations", "TransitGatewayRouteTablePropagations",
        "TransitGatewayStaticRoutes", "TransitGatewayPropagations",
        "DirectConnectGateways", "DirectConnectGatewayAssociations", "DirectConnectGatewayAttachments", "VirtualInterfaces",
    }.ToFrozenSet();

    /// <summary>Keys that decide no packet.</summary>
    private static readonly FrozenSet<string> Silent = new[]
    {
        "AdditionalRoutesAvailable", "AvailabilityZones", "CustomerGateways", "DhcpOptions", "FlowLogs", "InstanceStatuses", "NextToken", "PlacementGroups",
        "PrefixListId", "Regions", "ResponseMetadata", "ServiceDetails", "ServiceNames", "Tags", "TransitGatewayRouteTableId",
    }.ToFrozenSet();

    private readonly NetworkDraft _draft;
    private readonly FaultList _faults;
    private readonly Dictionary<string, List<AwsNode>> _rows = [];
    private readonly Dictionary<(string Command, string Id), AwsNode> _first = [];
    private readonly HashSet<string> _unknown = [];

    private AwsReader(NetworkDraft draft, FaultList faults)
    {
        _draft = draft;
        _faults = faults;
    }

    /// <summary>True if a file with this root is a snapshot: it has a key that we read or know to be harmless.</summary>
    public static bool Knows(Node root) => root.Members.Any(m => Keyed.ContainsKey(m.Key) || Plain.Contains(m.Key) || (Silent.Contains(m.Key) && m.Key != "NextToken"));

    /// <summary>Adds what all files together say to <paramref name="draft"/>.</summary>
    public static void Read(IReadOnlyList<(string Name, Node Root)> files, NetworkDraft draft, FaultList faults)
    {
        AwsReader reader = new(draft, faults);
        foreach ((string name, Node root) in files)
        {
            reader.Sort(name, root);
        }

        reader.Vpcs();
        reader.Subnets();
        reader.PrefixLists();
        reader.RouteTables();
        reader.NetworkAcls();
        reader.SecurityGroups();
        reader.Interfaces();
        reader.Instances();
        reader.NatGateways();
        reader.Addresses();
        reader.Gateways();
        reader.BlockPublicAccess();
    }

    private static bool IsState(AwsNode node, string key, params ReadOnlySpan<string> good)
    {
        string? state = node.Text(key);
        if (state is null)
        {
            return true;
        }

        foreach (string s in good)
        {
            if (string.Equals(s, state, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }

    private List<AwsNode> Rows(string key) => _rows.GetValueOrDefault(key) ?? [];

    private void Sort(string name, Node root)
    {
        AwsNode file = new(name, root, _faults);
        if (file.Node["NextToken"] is { Kind: NodeKind.Text, Text.Length: > 0 } token)
        {
            _faults.Warn($"{name}:{token.Line}", "the file is one page of several (NextToken)", "Run the command without --max-items, or add the other pages");
        }

        foreach ((string key, Node value) in root.Members)
        {
            if (Keyed.TryGetValue(key, out string? id))
            {
                foreach (AwsNode row in file.List(key))
                {
                    Add(key, Command(key, row), row, id);
                }
            }
            else if (key is "VpcBlockPublicAccessOptions")
            {
                if (file.Map(key) is { } options)
                {
                    Append(key, options);
                }
            }
            else if (key is "Reservations")
            {
                foreach (AwsNode instance in file.List(key).SelectMany(r => r.List("Instances")))
                {
                    Add(key, key, instance, "InstanceId");
                }
            }
            else if (key is "Addresses")
            {
                foreach (AwsNode address in file.List(key).Where(a => a.Text("PublicIp") is not null))
                {
                    Add(key, key, address, "PublicIp");
                }
            }
            else if (key is "Entries" or "Routes" or "Associations" or "TransitGatewayRouteTablePropagations")
            {
                Append(key, file);
            }
            else if (Plain.Contains(key))
            {
                foreach (AwsNode row in file.List(key))
                {
                    Append(key, row);
                }
            }
            else if (!Silent.Contains(key) && _unknown.Add(key))
            {
                _faults.Warn($"{name}:{value.Line}", $"the key {SafeText.Quote(key)} is unknown and was not read", "Nothing to mend if no packet depends on it");
            }
        }
    }

    /// <summary>describe-managed-prefix-lists and describe-prefix-lists share a key, and print the same list differently (IMP-04).</summary>
    private static string Command(string key, AwsNode row)
    {
        if (key != "PrefixLists")
        {
            return key;
        }

        if (row.Node["Cidrs"] is not null)
        {
            return "describe-prefix-lists";
        }

        bool managed = (row.Node["State"] ?? row.Node["PrefixListArn"] ?? row.Node["MaxEntries"] ?? row.Node["OwnerId"]) is not null;
        return managed ? "describe-managed-prefix-lists" : "names of prefix lists";
    }

    private void Add(string key, string command, AwsNode row, string idKey)
    {
        if (row.Id(idKey) is not { } id)
        {
            if (row.Text(idKey) is null)
            {
                _faults.Error(row.Where(), $"an entry of {key} has no {idKey}", "Write the file anew with the command that made it");
            }

            return;
        }

        if (_first.TryAdd((command, id), row))
        {
            Append(key, row);
        }
        else if (!AwsNode.Same(_first[(command, id)].Node, row.Node))
        {
            _faults.Error(row.Where(id), $"{_first[(command, id)].Where()} says something else of it", "Keep the newer of the two files");
        }
    }

    private void Append(string key, AwsNode row)
    {
        if (!_rows.TryGetValue(key, out List<AwsNode>? rows))
        {
            _rows.Add(key, rows = []);
        }

        rows.Add(row);
    }

    private void Vpcs()
    {
        foreach (AwsNode row in Rows("Vpcs"))
        {
            VpcDraft vpc = new() { Id = row.Id("VpcId")!, Where = row.Where(row.Text("VpcId")), IsDefault = row.Flag("IsDefault") ?? false };
            AddNew(vpc.Blocks, row.Text("CidrBlock"));
            AssociatedBlocks(row, vpc.Blocks, "CidrBlockAssociationSet", "CidrBlock", "CidrBlockState");
            AssociatedBlocks(row, vpc.Blocks, "Ipv6CidrBlockAssociationSet", "Ipv6CidrBlock", "Ipv6CidrBlockState");
            WarnIfBlocked(row, vpc.Id);
            _draft.Vpcs.Add(vpc);
        }
    }

    private void Subnets()
    {
        foreach (AwsNode row in Rows("Subnets"))
        {
            SubnetDraft subnet = new()
            {
                Id = row.Id("SubnetId")!,
                Where = row.Where(row.Text("SubnetId")),
                VpcId = row.Id("VpcId"),
                AvailabilityZone = row.Text("AvailabilityZone") ?? row.Text("AvailabilityZoneId"),
            };
            AddNew(subnet.Blocks, row.Text("CidrBlock"));
            AssociatedBlocks(row, subnet.Blocks, "Ipv6CidrBlockAssociationSet", "Ipv6CidrBlock", "Ipv6CidrBlockState");
            _draft.Subnets.Add(subnet);
        }
    }

    private static void AssociatedBlocks(AwsNode row, List<string> blocks, string set, string key, string state)
    {
        foreach (AwsNode association in row.List(set))
        {
            if (association.Map(state) is not { } s || IsState(s, "State", "associated", "associating"))
            {
                AddNew(blocks, association.Text(key));
            }
        }
    }

    /// <summary>Keeps short lists free of repetitions; what a hostile file repeats a thousand times the resolver drops.</summary>
    private static void AddNew(List<string> texts, string? text)
    {
        if (text is not null && (texts.Count >= 1_000 || !texts.Contains(text)))
        {
            texts.Add(text);
        }
    }

    private void WarnIfBlocked(AwsNode row, string id)
    {
        if (row.Map("BlockPublicAccessStates")?.Text("InternetGatewayBlockMode") is { } mode && !string.Equals(mode, "off", StringComparison.OrdinalIgnoreCase))
        {
            _faults.Warn(row.Where(id), $"VPC Block Public Access ({SafeText.Line(mode, 40)}) is not enforced yet", "Expect that AWS blocks more internet traffic than the verdicts say");
        }
    }

    private void BlockPublicAccess()
    {
        foreach (AwsNode options in Rows("VpcBlockPublicAccessOptions"))
        {
            if (options.Text("InternetGatewayBlockMode") is { } mode && !string.Equals(mode, "off", StringComparison.OrdinalIgnoreCase))
            {
                _faults.Warn(
                    options.Where("VpcBlockPublicAccessOptions"), $"VPC Block Public Access ({SafeText.Line(mode, 40)}) is not enforced yet",
                    "Expect that AWS blocks more internet traffic than the verdicts say");
            }
        }

        foreach (AwsNode exclusion in Rows("VpcBlockPublicAccessExclusions").Take(1))
        {
            _faults.Warn(exclusion.Where("VpcBlockPublicAccessExclusions"), "VPC Block Public Access and its exclusions are not enforced yet", "Read verdicts about internet traffic with care");
        }

        foreach (string key in (ReadOnlySpan<string>)["DirectConnectGateways", "DirectConnectGatewayAssociations", "DirectConnectGatewayAttachments", "VirtualInterfaces"])
        {
            foreach (AwsNode row in Rows(key).Take(1))
            {
                _faults.Warn(row.Where(key), "Direct Connect is not enforced yet", "Read verdicts about its traffic with care");
            }
        }
    }
}
