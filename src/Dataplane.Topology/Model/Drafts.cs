// What a reader found, before it is known to be sound: one mutable draft per resource, strings and numbers as the file gave them.
//
// A reader makes drafts and reports what is wrong with the *file* (syntax, unknown types, values of the wrong kind). Resolver reports what is wrong with
// the *network* (an id that names nothing, a block outside its VPC, ports that end before they begin) and makes a
// Network. Both add to one FaultList. Draft.Where is what faults print: "vpc.yaml:12, WebSecurityGroup".
//
// Merging (IMP-04): a draft of the same id in another file is merged by the Aws reader before the resolver sees it; two
// CloudFormation templates never merge (IMP-30).

using System;
using System.Collections.Generic;

namespace Dataplane.Topology.Model;

public abstract class Draft
{
    public required string Id { get; init; }

    /// <summary>file:line, id.</summary>
    public string Where { get; set; } = "";
}

public sealed class VpcDraft : Draft
{
    /// <summary>CIDR text; the primary IPv4 block first.</summary>
    public List<string> Blocks { get; } = [];

    public bool IsDefault { get; set; }
}

public sealed class SubnetDraft : Draft
{
    public string? VpcId { get; set; }

    public List<string> Blocks { get; } = [];

    public string? AvailabilityZone { get; set; }
}

public sealed class AddressDraft
{
    public required string Private { get; init; }

    public string? Public { get; set; }

    public bool Primary { get; set; }
}

public sealed class InterfaceDraft : Draft
{
    public string? VpcId { get; set; }

    public string? SubnetId { get; set; }

    /// <summary>IPv4 and IPv6.</summary>
    public List<AddressDraft> Addresses { get; } = [];

    public List<string> Prefixes { get; } = [];

    public List<string> SecurityGroupIds { get; } = [];

    /// <summary>InterfaceType as given; null is "interface".</summary>
    public string? Type { get; set; }

    public bool? SourceDestCheck { get; set; }

    public bool DenyAllIgwTraffic { get; set; }

    public int? TcpEstablishedTimeout { get; set; }

    public int? UdpStreamTimeout { get; set; }

    public int? UdpTimeout { get; set; }

    public string? InstanceId { get; set; }

    public int DeviceIndex { get; set; }

    /// <summary>Set when a NAT gateway names this interface (IMP-05).</summary>
    public string? NatGatewayId { get; set; }

    /// <summary>Set when a Gateway Load Balancer endpoint names this interface.</summary>
    public string? EndpointId { get; set; }
}

public sealed class SecurityGroupDraft : Draft
{
    public string? Name { get; set; }

    /// <summary>Its own VPC.</summary>
    public string? VpcId { get; set; }

    /// <summary>Further VPCs that it is associated with (SG-35).</summary>
    public List<string> AssociatedVpcIds { get; } = [];

    /// <summary>Single-peer rules in file order, already expanded in the order of R-19.</summary>
    public List<SecurityGroupRuleDraft> Ingress { get; } = [];

    public List<SecurityGroupRuleDraft> Egress { get; } = [];
}

public sealed class SecurityGroupRuleDraft
{
    public string Where { get; set; } = "";

    /// <summary>sgr- id or logical id; null: its position names it.</summary>
    public string? Name { get; set; }

    /// <summary>tcp, udp, icmp, icmpv6, a number, or -1, as the file gave it.</summary>
    public string? Protocol { get; set; }

    public int? FromPort { get; set; }

    public int? ToPort { get; set; }

    /// <summary>Exactly one of the three peers is set.</summary>
    public string? Cidr { get; set; }

    /// <summary>Whether the file has the block where IPv6 blocks stand; null where one place is for both.</summary>
    public bool? CidrIsIpv6 { get; set; }

    public string? PrefixListId { get; set; }

    public string? GroupId { get; set; }

    public string? Description { get; set; }
}

public sealed class NetworkAclDraft : Draft
{
    public string? VpcId { get; set; }

    public bool IsDefault { get; set; }

    public List<string> SubnetIds { get; } = [];

    public List<NetworkAclEntryDraft> Entries { get; } = [];
}

public sealed class NetworkAclEntryDraft
{
    public string Where { get; set; } = "";

    public bool Egress { get; set; }

    public int? Number { get; set; }

    /// <summary>allow or deny.</summary>
    public string? Action { get; set; }

    public string? Protocol { get; set; }

    public string? Cidr { get; set; }

    public string? Ipv6Cidr { get; set; }

    public int? FromPort { get; set; }

    public int? ToPort { get; set; }

    public int? IcmpType { get; set; }

    public int? IcmpCode { get; set; }
}

public sealed class RouteTableDraft : Draft
{
    public string? VpcId { get; set; }

    public bool IsMain { get; set; }

    public List<string> SubnetIds { get; } = [];

    public List<string> GatewayIds { get; } = [];

    public List<string> PropagatingGateways { get; } = [];

    public List<RouteDraft> Routes { get; } = [];
}

public sealed class RouteDraft
{
    public string Where { get; set; } = "";

    /// <summary>CIDR text of either family, or null for a prefix-list route.</summary>
    public string? Destination { get; set; }

    /// <summary>Whether the file has the destination where IPv6 blocks stand; null where one place is for both.</summary>
    public bool? DestinationIsIpv6 { get; set; }

    public string? PrefixListId { get; set; }

    /// <summary>Id of the target, "local", or null when the file has none that we know.</summary>
    public string? TargetId { get; set; }

    /// <summary>What the key or the file says of the target, for targets that are in no file; null: the id's prefix decides.</summary>
    public GatewayKind? TargetHint { get; set; }

    /// <summary>The target is an instance: its device 0 interface is meant.</summary>
    public bool TargetIsInstance { get; set; }

    /// <summary>active, blackhole, filtered ...; null is active.</summary>
    public string? State { get; set; }

    /// <summary>CreateRouteTable, CreateRoute, EnableVgwRoutePropagation, Advertisement; null is CreateRoute.</summary>
    public string? Origin { get; set; }
}

public sealed class PrefixListDraft : Draft
{
    public string? Name { get; set; }

    /// <summary>Null: no file gives them.</summary>
    public List<string>? Entries { get; set; }

    /// <summary>What a reference costs against the quota of rules (SG-36); null: as many as there are entries.</summary>
    public int? MaxEntries { get; set; }
}

public sealed class GatewayDraft : Draft
{
    public required GatewayKind Kind { get; init; }

    /// <summary>It is known and in a state that carries nothing (deleted, failed, pending ...): routes to it are blackholes (NAT-18, PCX-01).</summary>
    public bool Gone { get; set; }

    /// <summary>VPCs that it is attached to in a good state; for a peering both.</summary>
    public List<string> VpcIds { get; } = [];

    /// <summary>What lies behind it, for placement.</summary>
    public List<string> RemoteBlocks { get; } = [];
}

/// <summary>Everything that was read, from all files.</summary>
public sealed class NetworkDraft
{
    public List<VpcDraft> Vpcs { get; } = [];

    public List<SubnetDraft> Subnets { get; } = [];

    public List<InterfaceDraft> Interfaces { get; } = [];

    public List<SecurityGroupDraft> SecurityGroups { get; } = [];

    public List<NetworkAclDraft> NetworkAcls { get; } = [];

    public List<RouteTableDraft> RouteTables { get; } = [];

    public List<PrefixListDraft> PrefixLists { get; } = [];

    public List<GatewayDraft> Gateways { get; } = [];

    /// <summary>Instance id to its type, where a file says it (CT-18).</summary>
    public Dictionary<string, string> InstanceTypes { get; } = new(StringComparer.Ordinal);

    /// <summary>For <see cref="Network.Chosen"/>.</summary>
    public List<string> Chosen { get; } = [];
}
