// The network as all later stages see it: immutable, validated, references resolved to ids that exist.
//
// The readers (Aws, CloudFormation) fill drafts (Drafts.cs); Resolver.cs checks them, fills what AWS would fill (default groups, ACLs, main
// tables, local routes), reports every fault and makes these records. Whoever holds a Network need not check
// it again: every id in it names a record of it, unless a member says otherwise.

using System.Collections.Frozen;
using System.Collections.Immutable;
using Dataplane.Packets;

namespace Dataplane.Topology.Model;

/// <summary>One topology: all files merged, checked, defaults filled in.</summary>
/// <remarks>All lists are in ordinal order of id, but where a member says otherwise.</remarks>
public sealed record Network
{
    public required ImmutableArray<Vpc> Vpcs { get; init; }

    public required ImmutableArray<Subnet> Subnets { get; init; }

    public required ImmutableArray<NetworkInterface> Interfaces { get; init; }

    public required ImmutableArray<SecurityGroup> SecurityGroups { get; init; }

    public required ImmutableArray<NetworkAcl> NetworkAcls { get; init; }

    public required ImmutableArray<RouteTable> RouteTables { get; init; }

    public required ImmutableArray<PrefixList> PrefixLists { get; init; }

    public required ImmutableArray<Gateway> Gateways { get; init; }

    /// <summary>Instance id to its interfaces, device 0 first.</summary>
    public required FrozenDictionary<string, ImmutableArray<string>> Instances { get; init; }

    /// <summary>What was chosen for a template, as sentences for a person: <c>Web: 10.0.1.4 in WebSubnet, public 198.18.0.1</c>.</summary>
    public ImmutableArray<string> Chosen { get; init; } = [];
}

/// <param name="Blocks">IPv4 and IPv6, the primary IPv4 block first. May hold no IPv4 block only in odd files.</param>
public sealed record Vpc(string Id, ImmutableArray<IpPrefix> Blocks, bool IsDefault = false);

/// <param name="Blocks">One IPv4 block (none if IPv6-native) and the IPv6 blocks.</param>
/// <param name="RouteTableId">The table that rules it: associated, else the VPC's main one.</param>
/// <param name="NetworkAclId">Its ACL: associated, else the VPC's default one.</param>
public sealed record Subnet(
    string Id, string VpcId, ImmutableArray<IpPrefix> Blocks, string RouteTableId, string NetworkAclId, string? AvailabilityZone = null);

/// <summary>What kind of thing owns an interface; decides whether groups filter it.</summary>
public enum InterfaceKind
{
    /// <summary>Instances, endpoints, load balancers, databases: has security groups.</summary>
    Standard,

    /// <summary>NAT gateway, transit gateway, Gateway Load Balancer: has none, no group filters it (SG-10, R-37).</summary>
    Managed,
}

/// <param name="Private">As the interface sees it: IPv4, primary or secondary, or IPv6.</param>
/// <param name="Public">The public or Elastic IP mapped to it one to one (IGW-01, IGW-05); null for IPv6.</param>
public readonly record struct InterfaceAddress(IpAddress Private, IpAddress? Public = null);

/// <param name="TcpEstablished">Seconds. AWS default 432,000.</param>
/// <param name="UdpStream">Seconds. AWS default 180.</param>
/// <param name="Udp">Seconds. AWS default 30.</param>
/// <remarks>Source: Amazon EC2 API Reference, ConnectionTrackingConfiguration (CT-21).</remarks>
public readonly record struct TrackingTimeouts(int TcpEstablished, int UdpStream, int Udp)
{
    public static TrackingTimeouts Default => new(432_000, 180, 30);
}

public sealed record NetworkInterface
{
    public required string Id { get; init; }

    public required string VpcId { get; init; }

    public required string SubnetId { get; init; }

    /// <summary>The primary IPv4 address first, in file order.</summary>
    public required ImmutableArray<InterfaceAddress> Addresses { get; init; }

    /// <summary>Delegated prefixes: every address inside is the interface's .</summary>
    public ImmutableArray<IpPrefix> Prefixes { get; init; } = [];

    /// <summary>Ordinal order; empty only for managed interfaces.</summary>
    public required ImmutableArray<string> SecurityGroupIds { get; init; }

    public InterfaceKind Kind { get; init; }

    /// <summary>CT-09: flows through it are tracked whatever the rules say.</summary>
    public TrackedService Service { get; init; }

    /// <summary>RT-28; default on.</summary>
    public bool SourceDestCheck { get; init; } = true;

    /// <summary>IGW-13.</summary>
    public bool DenyAllIgwTraffic { get; init; }

    public TrackingTimeouts Timeouts { get; init; } = TrackingTimeouts.Default;

    public string? InstanceId { get; init; }

    public int DeviceIndex { get; init; }

    /// <summary>The NAT gateway whose interface this is, or null.</summary>
    public string? NatGatewayId { get; init; }

    /// <summary>
    /// What it belongs to where that is not enforced yet: the id of a NAT gateway or Gateway Load Balancer endpoint, or its own where no file names a component. Packets from and to its
    /// addresses are unplaced, and no route leads to it. Null: it is judged.
    /// </summary>
    public string? Unenforced { get; init; }
}

/// <summary>What a security-group rule lets in or out to: exactly one of a block, a prefix list, a group (SG-21).</summary>
public abstract record Peer;

public sealed record CidrPeer(IpPrefix Block) : Peer;

/// <param name="PrefixListId">May name a list whose entries are in no file; it then matches nothing.</param>
public sealed record PrefixListPeer(string PrefixListId) : Peer;

/// <param name="GroupId">May name a group that is in no file (another account, a stale rule); it then matches nothing.</param>
public sealed record GroupPeer(string GroupId) : Peer;

/// <summary>One single-peer rule of a security group.</summary>
/// <param name="Name">RULE of contract terms: its sgr- id, a template's logical id, or its 1-based position in its direction .</param>
/// <param name="Protocol">-1 for all, else 0 to 255.</param>
/// <param name="From">TCP and UDP: first destination port, 0 to 65535. ICMP, ICMPv6: type, -1 any. Otherwise 0.</param>
/// <param name="To">TCP and UDP: last port. ICMP, ICMPv6: code, -1 any. Otherwise 65535.</param>
/// <param name="Line">The rule as the AWS console's columns show it, for people: <c>HTTPS (443) | TCP (6) | 443 | 0.0.0.0/0</c>.</param>
public sealed record SecurityGroupRule(string Name, int Protocol, int From, int To, Peer Peer, string Line = "")
{
    /// <summary>R-52: ICMP type -1 with a code matches nothing.</summary>
    public bool MatchesNothing => Protocol is 1 or 58 && From == -1 && To >= 0;
}

/// <param name="VpcIds">The VPCs it serves: its own first, then associated ones (SG-35).</param>
/// <param name="Ingress">File order.</param>
/// <param name="Egress">File order.</param>
public sealed record SecurityGroup(
    string Id, string Name, ImmutableArray<string> VpcIds, ImmutableArray<SecurityGroupRule> Ingress, ImmutableArray<SecurityGroupRule> Egress);

/// <summary>One numbered entry of a network ACL.</summary>
/// <param name="Number">1 to 32766; the implicit end (32767, 32768) is not an entry here.</param>
/// <param name="Protocol">-1 for all, else 0 to 255.</param>
/// <param name="From">TCP and UDP: first destination port. ICMP: type, -1 any. Otherwise 0.</param>
/// <param name="To">TCP and UDP: last port. ICMP: code, -1 any. Otherwise 65535.</param>
/// <param name="Line">As the AWS console's columns show it: <c>100 | HTTPS (443) | TCP (6) | 443 | 0.0.0.0/0 | Allow</c>.</param>
public sealed record NetworkAclEntry(int Number, bool Allow, int Protocol, int From, int To, IpPrefix Block, string Line = "");

/// <param name="Ingress">Ascending number.</param>
/// <param name="Egress">Ascending number.</param>
public sealed record NetworkAcl(
    string Id, string VpcId, bool IsDefault, ImmutableArray<NetworkAclEntry> Ingress, ImmutableArray<NetworkAclEntry> Egress);

/// <summary>What a route leads to.</summary>
public enum TargetKind
{
    Local,
    InternetGateway,
    EgressOnlyInternetGateway,

    /// <summary>An appliance's interface; never one of a component that is not enforced.</summary>
    NetworkInterface,

    /// <summary>Its target is gone (RT-12).</summary>
    Blackhole,

    /// <summary>A kind that is not enforced yet: NAT gateway, peering, transit gateway, VPN, endpoint, carrier ...</summary>
    Unsupported,
}

/// <summary>Where a route came from, in the order of RT-05.</summary>
public enum RouteOrigin
{
    Local,
    Static,
    Propagated,
}

/// <param name="Destination">A block; for a prefix-list route null.</param>
/// <param name="PrefixListId">The list of a prefix-list route, else null.</param>
/// <param name="TargetId">Interface or gateway id; the id of what is not enforced; "local" for local routes; for a blackhole the id of what is gone, if known.</param>
public sealed record Route(
    IpPrefix? Destination, string? PrefixListId, TargetKind Kind, string TargetId, RouteOrigin Origin = RouteOrigin.Static);

/// <param name="Routes">Each destination at most once per origin; local routes included.</param>
/// <param name="GatewayIds">Gateways whose incoming traffic it rules (RT-19).</param>
/// <param name="PropagatingGateways">Virtual private gateways that propagate into it.</param>
public sealed record RouteTable(
    string Id, string VpcId, bool IsMain, ImmutableArray<Route> Routes, ImmutableArray<string> GatewayIds, ImmutableArray<string> PropagatingGateways);

/// <param name="EntriesKnown">False when no file gives its entries: it matches nothing, with a warning.</param>
public sealed record PrefixList(string Id, string Name, ImmutableArray<IpPrefix> Entries, bool EntriesKnown);

public enum GatewayKind
{
    Internet,
    EgressOnlyInternet,
    Nat,
    VirtualPrivate,
    VpcPeering,
    Transit,
    VpcEndpoint,
    Carrier,
    Local,
    CoreNetwork,
    Other,
}

/// <summary>A gateway of a VPC. Only the two internet kinds are enforced.</summary>
/// <param name="VpcId">The VPC that it is attached to, or null.</param>
/// <param name="RemoteBlocks">What lies behind it as the files say it (static VPN routes, the far blocks of a peering whose far VPC is not in the files).</param>
public sealed record Gateway(string Id, GatewayKind Kind, string? VpcId, ImmutableArray<IpPrefix> RemoteBlocks);
