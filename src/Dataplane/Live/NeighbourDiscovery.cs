// IPv6 neighbour discovery (RFC 4861) as the fabric of a VPC speaks it; ArpResponder says how and why, for IPv4.
//
// At an interface it answers for the router (its link-local address by EUI-64 and fe80:ec2::1, RT-34), for the VPC's services, and for each address that another interface of the
// subnet has. Where the subnet has an IPv6 block it advertises itself: the block is on the link (L), addresses come by DHCPv6 (M, no A). At a gateway it answers for
// everything inside the VPC's blocks, which is routed through it, but not for an address that somebody else on the link has spoken for, and advertises nothing.
// Every message is checked as RFC 4861 asks: hop limit 255 (nobody far away can send it), checksum, code, options with a length.

using System;
using System.Buffers.Binary;
using Dataplane.Packets;

namespace Dataplane.Live;

/// <summary>Reads and answers neighbour discovery, and advertises the router.</summary>
internal sealed class NeighbourDiscovery(Delivery delivery)
{
    private const long Second = 1_000_000_000;
    private const long ClaimTime = 60 * Second;

    /// <summary>At first three in short order (RFC 4861 section 6.2.4), then one in five minutes.</summary>
    private const int InitialAdvertisements = 3;
    private const long InitialInterval = 16 * Second;
    private const long Interval = 300 * Second;

    private const int MostBlocks = 8;
    private const int RouterFlag = 0x80;
    private const int SolicitedFlag = 0x40;
    private const int OverrideFlag = 0x20;

    private static readonly IpAddress SharedRouter = IpAddress.V6(0xFE80_0EC2_0000_0000, 1);

    private readonly byte[] _frame = new byte[512];

    /// <param name="ip">What follows the frame's type.</param>
    /// <returns>Whether it was for the network: answered, or in need of no answer.</returns>
    public bool Receive(BoxPlan plan, PortLink link, ReadOnlySpan<byte> frame, ReadOnlySpan<byte> ip, long now)
    {
        if (ip.Length < OwnFrame.Ipv6Length + 8 || ip[6] != 58 || ip[7] != 255)
        {
            return false;
        }

        int length = BinaryPrimitives.ReadUInt16BigEndian(ip[4..]);
        if (length < 8 || OwnFrame.Ipv6Length + length > ip.Length)
        {
            return false;
        }

        var source = IpAddress.Read(ip[8..24]);
        var destination = IpAddress.Read(ip[24..40]);
        ReadOnlySpan<byte> icmp = ip.Slice(OwnFrame.Ipv6Length, length);
        var station = MacAddress.Read(frame[6..]);
        if (icmp[1] != 0 || station.IsGroup
            || InternetChecksum.Finish(InternetChecksum.Sum(icmp, InternetChecksum.Pseudo(source, destination, 58, length))) != 0
            || !ReadStation(icmp, ref station, out bool hasOption))
        {
            return false;
        }

        bool isUnspecified = source.High == 0 && source.Low == 0;
        switch (icmp[0])
        {
            case NeighbourFrames.RouterSolicitation when link.IsInterface && !(isUnspecified && hasOption):
                return Solicited(plan, link, source, isUnspecified, station, now);
            case NeighbourFrames.NeighbourSolicitation or NeighbourFrames.NeighbourAdvertisement when length >= NeighbourFrames.TargetLength:
                var target = IpAddress.Read(icmp[8..NeighbourFrames.TargetLength]);
                bool isQuestion = icmp[0] == NeighbourFrames.NeighbourSolicitation;
                if (target.High >> 56 == 0xFF || (isQuestion && isUnspecified && (hasOption || destination != NeighbourFrames.SolicitedNode(target))))
                {
                    return false;
                }

                return link.IsInterface ? AtInterface(plan, link, isQuestion, source, isUnspecified, target, station, now)
                    : link.IsGateway && AtGateway(plan, link, isQuestion, source, isUnspecified, target, station, now);
            default:
                return false;
        }
    }

    /// <summary>Advertises the router when it is time.</summary>
    public void Tick(PortLink link, long now)
    {
        if (!link.IsInterface || link.Plan.Host!.Ipv6Blocks.Length == 0 || now < link.NextAdvertisement)
        {
            return;
        }

        link.NextAdvertisement = now + (++link.Advertisements < InitialAdvertisements ? InitialInterval : Interval);
        Advertise(link, OwnFrame.Multicast(NeighbourFrames.AllNodes), NeighbourFrames.AllNodes, now);
    }

    /// <summary>Walks the options; the sender's station is what a link-layer option says, else what the frame says.</summary>
    /// <returns>False when they are broken, which makes the whole message void.</returns>
    private static bool ReadStation(ReadOnlySpan<byte> icmp, ref MacAddress station, out bool hasOption)
    {
        hasOption = false;
        int at = icmp[0] switch
        {
            NeighbourFrames.RouterSolicitation => 8,
            NeighbourFrames.NeighbourSolicitation or NeighbourFrames.NeighbourAdvertisement => NeighbourFrames.TargetLength,
            _ => icmp.Length,
        };
        byte wanted = icmp[0] == NeighbourFrames.NeighbourAdvertisement ? NeighbourFrames.TargetLinkLayerOption : NeighbourFrames.SourceLinkLayerOption;
        while (at + 2 <= icmp.Length)
        {
            int length = icmp[at + 1] * 8;
            if (length == 0 || at + length > icmp.Length)
            {
                return false;
            }

            if (icmp[at] == wanted)
            {
                station = MacAddress.Read(icmp[(at + 2)..]);
                hasOption = true;
            }

            at += length;
        }

        return !station.IsGroup && station.Bits != 0;
    }

    private bool Solicited(BoxPlan plan, PortLink link, IpAddress source, bool isUnspecified, MacAddress station, long now)
    {
        if (!IsOwn(plan, link, source, isUnspecified) || link.Plan.Host!.Ipv6Blocks.Length == 0)
        {
            return false;
        }

        if (isUnspecified)
        {
            Advertise(link, OwnFrame.Multicast(NeighbourFrames.AllNodes), NeighbourFrames.AllNodes, now);
        }
        else
        {
            delivery.HeardHost(link, station, now);
            Advertise(link, station, source, now);
        }

        return true;
    }

    private bool AtInterface(
        BoxPlan plan, PortLink link, bool isQuestion, IpAddress source, bool isUnspecified, IpAddress target, MacAddress station, long now)
    {
        if (!IsOwn(plan, link, source, isUnspecified))
        {
            return false;
        }

        if (!isUnspecified)
        {
            delivery.HeardHost(link, station, now);
        }

        if (!isQuestion || plan.Fabric.Addresses.Has(link.Plan.Number, target))
        {
            return true;    // an answer, or a search for duplicates of its own address
        }

        bool isRouter = target == link.Plan.RouterLinkLocal || target == SharedRouter || plan.Fabric.Vpcs[link.Plan.Vpc].Services.Contains(target);
        int owner = isRouter ? -1 : plan.Fabric.Addresses.Owner(target, link.Plan.Vpc);
        if (!isRouter && (owner < 0 || plan.Fabric.Interfaces[owner].Subnet != link.Plan.Subnet))
        {
            // Before a host has an address it looks whether its link-local one is free; nobody else is on its link.
            return isUnspecified && IsLinkLocal(target);
        }

        Answer(link, source, isUnspecified, target, station, isRouter ? link.Plan.Router : plan.InterfaceAddresses[owner], isRouter, now);
        return true;
    }

    private bool AtGateway(
        BoxPlan plan, PortLink link, bool isQuestion, IpAddress source, bool isUnspecified, IpAddress target, MacAddress station, long now)
    {
        bool isOurs = target == link.Plan.RouterLinkLocal || plan.Fabric.Addresses.Holds(link.Plan.Vpc, target);
        if (station == link.Plan.Router)
        {
            return false;
        }

        if (!isQuestion)
        {
            // RFC 4861 section 7.2.5: nobody is added by an answer that was not asked for; but who uses an address of ours is remembered.
            delivery.HeardNeighbour(link, target, station, now, mayAdd: isOurs);
            return true;
        }

        if (!isUnspecified)
        {
            delivery.HeardNeighbour(link, source, station, now, mayAdd: isOurs);
        }

        if (!isOurs)
        {
            return false;
        }

        int claim = link.Neighbours.Find(target);
        if (claim >= 0 && link.Neighbours[claim].IsKnown && now - link.Neighbours[claim].Heard < ClaimTime)
        {
            return false;
        }

        Answer(link, source, isUnspecified, target, station, link.Plan.Router, isRouter: true, now);
        return true;
    }

    /// <summary>Whether a host may speak with a source: its own address, a link-local one, or none yet.</summary>
    private static bool IsOwn(BoxPlan plan, PortLink link, IpAddress source, bool isUnspecified) =>
        isUnspecified || IsLinkLocal(source) || plan.Fabric.Addresses.Has(link.Plan.Number, source);

    private static bool IsLinkLocal(IpAddress address) => address.High >> 54 == 0xFE80 >> 6;

    private void Answer(PortLink link, IpAddress source, bool isUnspecified, IpAddress target, MacAddress station, MacAddress holder, bool isRouter, long now)
    {
        int flags = OverrideFlag | (isRouter ? RouterFlag : 0) | (isUnspecified ? 0 : SolicitedFlag);
        IpAddress to = isUnspecified ? NeighbourFrames.AllNodes : source;
        int length = NeighbourFrames.WriteAdvertisement(_frame, isUnspecified ? OwnFrame.Multicast(to) : station, holder, to, target, (byte)flags);
        delivery.Answer(link, _frame.AsSpan(0, length), now);
    }

    private void Advertise(PortLink link, MacAddress station, IpAddress to, long now)
    {
        const int HopLimit = 64;
        const int Managed = 0x80;
        const int RouterLifetime = 1_800;
        const int OnLink = 0x80;
        const uint ValidLifetime = 2_592_000;       // the defaults of RFC 4861 section 6.2.1
        const uint PreferredLifetime = 604_800;

        BoxPort port = link.Plan;
        Span<byte> icmp = _frame.AsSpan(OwnFrame.EthernetLength + OwnFrame.Ipv6Length);
        icmp.Clear();
        icmp[0] = NeighbourFrames.RouterAdvertisement;
        (icmp[4], icmp[5]) = (HopLimit, Managed);
        BinaryPrimitives.WriteUInt16BigEndian(icmp[6..], RouterLifetime);
        int at = 16;
        (icmp[at], icmp[at + 1]) = (NeighbourFrames.SourceLinkLayerOption, 1);
        port.Router.Write(icmp[(at + 2)..]);
        at += 8;
        int mtu = Math.Min(link.Port.Mtu, Delivery.InsideMtu);
        if (mtu >= 1_280)
        {
            (icmp[at], icmp[at + 1]) = (5, 1);
            BinaryPrimitives.WriteUInt32BigEndian(icmp[(at + 4)..], (uint)mtu);
            at += 8;
        }

        IpPrefix[] blocks = port.Host!.Ipv6Blocks;
        for (int i = 0; i < Math.Min(blocks.Length, MostBlocks); i++)
        {
            (icmp[at], icmp[at + 1], icmp[at + 2], icmp[at + 3]) = (3, 4, (byte)blocks[i].Length, OnLink);
            BinaryPrimitives.WriteUInt32BigEndian(icmp[(at + 4)..], ValidLifetime);
            BinaryPrimitives.WriteUInt32BigEndian(icmp[(at + 8)..], PreferredLifetime);
            blocks[i].Address.Write(icmp[(at + 16)..]);
            at += 32;
        }

        OwnFrame.Ethernet(_frame, station, port.Router, OwnFrame.EtherTypeIpv6);
        OwnFrame.Ipv6(_frame.AsSpan(OwnFrame.EthernetLength), port.RouterLinkLocal, to, 58, at, 255);
        OwnFrame.FinishIcmpv6(icmp[..at], port.RouterLinkLocal, to);
        delivery.Answer(link, _frame.AsSpan(0, OwnFrame.EthernetLength + OwnFrame.Ipv6Length + at), now);
    }
}
