// May a packet enter where it arrived (contract 4: live traffic enters where it arrives)? The engine places packets by their addresses; this is what makes both agree.
//
// At an interface
//   its own source          enters, if the frame goes to whom the fabric would have named for that destination: the router, or inside the subnet (RT-16) the other interface.
//                           A frame straight to a third station, an appliance that a host uses behind the router's back, is no way that the engine knows: misplaced
//   unspecified, link-local to a group or to the link: DHCP, MLD, a ping to the router. Not misplaced: no interface has such a source, so the engine finds it unplaced, as a replay does
//   any other source        misplaced (RT-28)
// At a gateway
//   a frame to another station, a source inside the topology or one that no packet from outside has, a destination of another VPC's, a private address with a public one
//   (it would count as already translated, contract 4.5), IPv4 at an egress-only gateway: misplaced

using Dataplane.Fabric;
using Dataplane.Packets;

namespace Dataplane.Live;

/// <summary>Decides whether a packet may enter at its port.</summary>
internal static class Arrival
{
    /// <summary>A packet that stays on its link, from an address that no interface has.</summary>
    public static bool IsLinkTalk(IpAddress source, IpAddress destination) =>
        (IsUnspecified(source) || IsIpv6LinkLocal(source)) && (SpecialAddresses.IsMulticast(destination) || IsIpv6LinkLocal(destination));

    public static bool MayEnterAtInterface(BoxPlan plan, BoxPort port, MacAddress station, IpAddress destination)
    {
        if (station == port.Router || SpecialAddresses.IsMulticast(destination))
        {
            return true;
        }

        FabricPlan fabric = plan.Fabric;
        int owner = fabric.Addresses.Owner(destination, port.Vpc);
        return owner < 0
            ? fabric.Subnets[port.Subnet].Holds(destination)    // nobody has it: the engine says so
            : fabric.Interfaces[owner].Subnet == port.Subnet && station == plan.InterfaceAddresses[owner];
    }

    public static bool MayEnterAtGateway(BoxPlan plan, BoxPort port, MacAddress station, IpAddress source, IpAddress destination)
    {
        OwnerMap addresses = plan.Fabric.Addresses;
        if (station != port.Router && !(station.IsGroup && SpecialAddresses.IsMulticast(destination)))
        {
            return false;
        }

        if (addresses.IsInside(source) || addresses.FindPublic(source) >= 0 || IsNeverOutside(source) || (port.IsEgressOnly && !source.IsIpv6))
        {
            return false;
        }

        int association = addresses.FindPublic(destination);
        if (association >= 0)
        {
            return plan.Fabric.Interfaces[addresses.Associations[association].Interface].Vpc == port.Vpc;
        }

        int owner = addresses.Owner(destination, port.Vpc);
        return owner >= 0
            ? destination.IsIpv6 || addresses.PublicOf(destination, owner) < 0
            : addresses.Holds(port.Vpc, destination) || !addresses.IsInside(destination);
    }

    /// <summary>Sources that a router drops (RFC 1812 section 5.3.7, RFC 4291 section 2), and those of a VPC's services.</summary>
    private static bool IsNeverOutside(IpAddress address) =>
        IsUnspecified(address) || SpecialAddresses.IsMulticast(address) || SpecialAddresses.IsUnroutable(address) || IsIpv6LinkLocal(address)
        || (address.IsIpv6 ? address.High == 0 && address.Low == 1 : address.Low >> 24 is 0 or 127 || address.Low >> 16 == 0xA9FE);

    private static bool IsUnspecified(IpAddress address) => address.High == 0 && address.Low == 0;

    private static bool IsIpv6LinkLocal(IpAddress address) => address.IsIpv6 && address.High >> 54 == 0xFE80 >> 6;
}
