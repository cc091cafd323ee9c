// The runtime image of a network: numbers and arrays, nothing to parse and nothing to check. Lower/FabricLowering makes it from the model; it never
// changes. Interfaces, VPCs, gateways are numbered in ordinal order of id. Every "name" is a number of ResultTables.Names.

using System.Collections.Generic;
using Dataplane.Filters;
using Dataplane.Flows;
using Dataplane.Packets;

namespace Dataplane.Fabric;

/// <summary>Protocols of one family to which a direction is wide open: CT-02 (b).</summary>
public readonly struct ProtocolSet
{
    private readonly ulong _0;
    private readonly ulong _1;
    private readonly ulong _2;
    private readonly ulong _3;

    public ProtocolSet(IReadOnlyCollection<int> protocols)
    {
        ulong[] words = new ulong[4];
        foreach (int protocol in protocols)
        {
            words[protocol >> 6] |= 1UL << (protocol & 63);
        }

        (_0, _1, _2, _3) = (words[0], words[1], words[2], words[3]);
    }

    private ProtocolSet(ulong first, ulong second, ulong third, ulong fourth) => (_0, _1, _2, _3) = (first, second, third, fourth);

    public static ProtocolSet operator |(ProtocolSet a, ProtocolSet b) => new(a._0 | b._0, a._1 | b._1, a._2 | b._2, a._3 | b._3);

    public bool Contains(byte protocol)
    {
        ulong word = (protocol >> 6) switch
        {
            0 => _0,
            1 => _1,
            2 => _2,
            _ => _3,
        };
        return (word >> (protocol & 63) & 1) != 0;
    }
}

/// <summary>The security groups of one interface, one direction.</summary>
public sealed record GroupListPlan
{
    /// <summary>Filter slots, in ordinal order of group.</summary>
    public required int[] Lists { get; init; }

    /// <summary>Name of <c>sg+sg/dir/none</c>.</summary>
    public required int None { get; init; }

    /// <summary>CT-02 (b): protocols for which this direction has an open rule with the peer 0.0.0.0/0.</summary>
    public required ProtocolSet OpenV4 { get; init; }

    /// <summary>The same for ::/0.</summary>
    public required ProtocolSet OpenV6 { get; init; }
}

public sealed record InterfacePlan
{
    public required int Name { get; init; }

    public required int Vpc { get; init; }

    public required int Subnet { get; init; }

    /// <summary>No group filters it.</summary>
    public required bool IsManaged { get; init; }

    /// <summary>Flows through it are tracked whatever the rules say (CT-09).</summary>
    public required bool AutoTracks { get; init; }

    /// <summary>A Network Load Balancer's: flows through it have timers of their own (CT-21).</summary>
    public required bool IsBalancer { get; init; }

    /// <summary>An interface endpoint's: nothing begins there (IFE-03), so its egress asks no lists, and it answers no ping (IFE-04).</summary>
    public required bool OnlyAnswers { get; init; }

    /// <summary>Name of the component whose interface it is, where that is not enforced: packets from and to it are unplaced; else NameTable.None.</summary>
    public required int Unenforced { get; init; }

    public required bool SourceDestCheck { get; init; }

    public required bool DenyAllIgwTraffic { get; init; }

    /// <summary>Some address of it has a public association.</summary>
    public required bool HasPublic { get; init; }

    public required InterfaceTimeouts Timeouts { get; init; }

    public required GroupListPlan Ingress { get; init; }

    public required GroupListPlan Egress { get; init; }
}

/// <param name="AclIngress">Filter slot.</param>
/// <param name="AclEgress">Filter slot.</param>
public sealed record SubnetPlan(int Vpc, int Table, int AclIngress, int AclEgress, IpPrefix[] Blocks)
{
    public bool Holds(IpAddress address)
    {
        foreach (IpPrefix block in Blocks)
        {
            if (block.Contains(address))
            {
                return true;
            }
        }

        return false;
    }
}

public sealed record VpcPlan
{
    public required int Name { get; init; }

    /// <summary>Attached internet gateway, or -1.</summary>
    public required int InternetGateway { get; init; }

    /// <summary>Attached egress-only internet gateway, or -1.</summary>
    public required int EgressOnlyGateway { get; init; }

    /// <summary>Null where the VPC has no IPv4 block.</summary>
    public required IpPrefix? PrimaryBlock { get; init; }

    /// <summary>SG-38, base+2, base+1 of its subnets.</summary>
    public required AddressSet Services { get; init; }

    /// <summary>R-32: blocks that compete for what lies behind a gateway; the value is the gateway's name, or -1 where the block leads elsewhere.</summary>
    public required PrefixMap Behind { get; init; }
}

/// <param name="EdgeTable">The table that rules what enters by it (RT-19), or -1.</param>
public sealed record GatewayPlan(int Name, int Vpc, bool IsEgressOnly, int EdgeTable);

public enum RouteKind
{
    Local,
    Interface,

    /// <summary>Either kind of internet gateway.</summary>
    Gateway,
    Blackhole,
    Unsupported,
}

/// <param name="Target">Interface or gateway number; -1 for others.</param>
/// <param name="Name">Name of <c>rtb/PREFIX</c>.</param>
/// <param name="TargetName">Name of the target's id, for unsupported targets and gateways.</param>
public sealed record RoutePlan(RouteKind Kind, int Target, int Name, int TargetName);

/// <param name="None">Name of <c>rtb/none</c>.</param>
/// <param name="Map">Values are numbers in <paramref name="Routes"/>.</param>
public sealed record RouteTablePlan(int None, PrefixMap Map, RoutePlan[] Routes);

/// <summary>One filter slot's names.</summary>
/// <param name="Rules">By rule index.</param>
/// <param name="End">Name of the implicit end (<c>acl/dir/*</c>).</param>
public sealed record ListPlan(RuleNumbers Rules, int End);

/// <summary>A network as the engine walks it.</summary>
public sealed record FabricPlan
{
    public required InterfacePlan[] Interfaces { get; init; }

    /// <summary>By interface: the timers alone, for the hot path.</summary>
    public required InterfaceTimeouts[] InterfaceTimeouts { get; init; }

    public required SubnetPlan[] Subnets { get; init; }

    public required VpcPlan[] Vpcs { get; init; }

    public required GatewayPlan[] Gateways { get; init; }

    public required RouteTablePlan[] Tables { get; init; }

    /// <summary>By filter slot.</summary>
    public required ListPlan[] Lists { get; init; }

    public required OwnerMap Addresses { get; init; }

    /// <summary>The flow of a packet, through private addresses.</summary>
    public FlowView View(in Headers packet)
    {
        FlowView view = default;
        Addresses.View(in packet, ref view);
        return view;
    }
}
