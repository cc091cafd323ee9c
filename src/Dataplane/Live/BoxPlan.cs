// The runtime image of a VPC in a box: which live interface is what, and what the network says of itself on each. Lower/BoxLowering makes it from the
// model; it never changes. Ports are numbered as the live interfaces are, interfaces and subnets as in the fabric's plan; names are those of ResultTables.

using Dataplane.Fabric;
using Dataplane.Packets;

namespace Dataplane.Live;

/// <summary>What the network says of itself inside one subnet.</summary>
/// <param name="Router">The implicit router's MAC address.</param>
/// <param name="Routers">Base+1 of each IPv4 block.</param>
public sealed record BoxSubnet(MacAddress Router, IpAddress[] Routers);

/// <summary>Attachments and MAC addresses of a VPC in a box.</summary>
/// <remarks>Immutable, thread-safe.</remarks>
public sealed record BoxPlan
{
    public required FabricPlan Fabric { get; init; }

    /// <summary>By number of the live interface.</summary>
    public required BoxPort[] Ports { get; init; }

    /// <summary>By subnet.</summary>
    public required BoxSubnet[] Subnets { get; init; }

    /// <summary>By interface, attached or not: what other hosts of its subnet see.</summary>
    public required MacAddress[] InterfaceAddresses { get; init; }

    /// <summary>By name: the port at which the component is attached, or -1. Names beyond its end are not attached.</summary>
    public required int[] PortOfName { get; init; }

    /// <summary>By name of a source's translation (<c>PRIVATE>PUBLIC</c>): the association, or -1.</summary>
    public required int[] Outbound { get; init; }

    /// <summary>By name of a destination's translation (<c>PUBLIC>PRIVATE</c>): the association, or -1.</summary>
    public required int[] Inbound { get; init; }

    /// <summary>What a person should know before the first packet, as sentences.</summary>
    public required string[] Notes { get; init; }

    /// <summary>The port where a component is attached, or -1.</summary>
    public int PortOf(int name) => At(PortOfName, name);

    /// <summary>The association whose private address becomes the public one, or -1.</summary>
    public int OutboundOf(int name) => At(Outbound, name);

    /// <summary>The association whose public address becomes the private one, or -1.</summary>
    public int InboundOf(int name) => At(Inbound, name);

    private static int At(int[] map, int name) => (uint)name < (uint)map.Length ? map[name] : -1;
}
