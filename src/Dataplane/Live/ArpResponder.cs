// ARP (RFC 826) as the fabric of a VPC speaks it. No broadcast reaches another host: the network answers in everybody's place.
//
// At an interface it answers for the implicit router, for the services of the VPC that are on the link (base+2, 169.254.169.253 ...), and for each address that
// another interface of the subnet has, with that interface's MAC address, attached or not. For an address that nobody has it is silent, so a
// host finds "no route to host" as it would on AWS (the mapping service knows no such address); it never answers for the asker's own, so a probe (RFC 5227) finds no conflict.
// At a gateway it answers for the public addresses of its VPC, but not for one that somebody else on the link has spoken for.

using System;
using System.Buffers.Binary;
using Dataplane.Fabric;
using Dataplane.Packets;

namespace Dataplane.Live;

/// <summary>Reads and answers ARP.</summary>
internal sealed class ArpResponder(Delivery delivery)
{
    private const int Length = 28;
    private const int Request = 1;
    private const int Reply = 2;

    /// <summary>How long a word of somebody who uses an address of ours counts.</summary>
    private const long ClaimTime = 60_000_000_000;

    private readonly byte[] _frame = new byte[OwnFrame.EthernetLength + Length];

    /// <summary>Writes a question: who has <paramref name="target"/>?</summary>
    /// <returns>Bytes of the frame.</returns>
    public static int WriteRequest(Span<byte> frame, MacAddress from, IpAddress askAs, IpAddress target)
    {
        OwnFrame.Ethernet(frame, MacAddress.Broadcast, from, OwnFrame.EtherTypeArp);
        Write(frame[OwnFrame.EthernetLength..], Request, from, (uint)askAs.Low, default, (uint)target.Low);
        return OwnFrame.EthernetLength + Length;
    }

    /// <param name="arp">What follows the frame's type.</param>
    /// <returns>Whether it was for the network: answered, or in need of no answer.</returns>
    public bool Receive(BoxPlan plan, PortLink link, ReadOnlySpan<byte> arp, long now)
    {
        if (arp.Length < Length || BinaryPrimitives.ReadUInt64BigEndian(arp) >> 16 != 0x0001_0800_0604)
        {
            return false;    // not IPv4 over Ethernet
        }

        int operation = BinaryPrimitives.ReadUInt16BigEndian(arp[6..]);
        var sender = MacAddress.Read(arp[8..]);
        var senderAddress = IpAddress.Read(arp[14..18]);
        var target = IpAddress.Read(arp[24..28]);
        if (operation is not (Request or Reply) || sender.IsGroup || sender.Bits == 0)
        {
            return false;
        }

        return link.IsInterface ? AtInterface(plan, link, operation, sender, senderAddress, target, now)
            : link.IsGateway && AtGateway(plan, link, operation, sender, senderAddress, target, now);
    }

    private bool AtInterface(BoxPlan plan, PortLink link, int operation, MacAddress sender, IpAddress senderAddress, IpAddress target, long now)
    {
        OwnerMap addresses = plan.Fabric.Addresses;
        bool isProbe = senderAddress.Low == 0;
        if (!isProbe)
        {
            if (!addresses.Has(link.Plan.Number, senderAddress))
            {
                return false;    // speaks for an address that is not its own
            }

            delivery.HeardHost(link, sender, now);
        }

        if (operation == Reply || target == senderAddress || addresses.Has(link.Plan.Number, target))
        {
            return true;    // an answer, an announcement, a probe
        }

        MacAddress holder = HolderAt(plan, link.Plan, target);
        if (holder.Bits == 0)
        {
            return false;
        }

        Answer(link, sender, senderAddress, holder, target, now);
        return true;
    }

    /// <summary>Who answers for an IPv4 address on the link of an interface; all zero: nobody.</summary>
    private static MacAddress HolderAt(BoxPlan plan, BoxPort port, IpAddress target)
    {
        FabricPlan fabric = plan.Fabric;
        SubnetPlan subnet = fabric.Subnets[port.Subnet];
        bool isLinkLocal = target.Low >> 16 == 0xA9FE;
        if ((isLinkLocal || subnet.Holds(target)) && fabric.Vpcs[port.Vpc].Services.Contains(target))
        {
            return port.Router;
        }

        int owner = fabric.Addresses.Owner(target, port.Vpc);
        return owner >= 0 && fabric.Interfaces[owner].Subnet == port.Subnet ? plan.InterfaceAddresses[owner] : default;
    }

    private bool AtGateway(BoxPlan plan, PortLink link, int operation, MacAddress sender, IpAddress senderAddress, IpAddress target, long now)
    {
        int association = plan.Fabric.Addresses.FindPublic(target);
        bool isOurs = association >= 0 && !link.Plan.IsEgressOnly && plan.Fabric.Interfaces[plan.Fabric.Addresses.Associations[association].Interface].Vpc == link.Plan.Vpc;
        bool isForUs = operation == Reply || (isOurs && target != senderAddress);
        if (senderAddress.Low != 0 && sender != link.Plan.Router)
        {
            // RFC 826: one that is known is always brought up to date; one that is not is added only by a word for us, or about an address of ours.
            delivery.HeardNeighbour(link, senderAddress, sender, now, mayAdd: isForUs || plan.Fabric.Addresses.FindPublic(senderAddress) >= 0);
        }

        if (operation == Reply || target == senderAddress)
        {
            return true;
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

        Answer(link, sender, senderAddress, link.Plan.Router, target, now);
        return true;
    }

    private void Answer(PortLink link, MacAddress to, IpAddress toAddress, MacAddress holder, IpAddress target, long now)
    {
        OwnFrame.Ethernet(_frame, to, holder, OwnFrame.EtherTypeArp);
        Write(_frame.AsSpan(OwnFrame.EthernetLength), Reply, holder, (uint)target.Low, to, (uint)toAddress.Low);
        delivery.Answer(link, _frame, now);
    }

    private static void Write(Span<byte> arp, int operation, MacAddress sender, uint senderAddress, MacAddress target, uint targetAddress)
    {
        BinaryPrimitives.WriteUInt64BigEndian(arp, (0x0001_0800_0604UL << 16) | (uint)operation);
        sender.Write(arp[8..]);
        BinaryPrimitives.WriteUInt32BigEndian(arp[14..], senderAddress);
        target.Write(arp[18..]);
        BinaryPrimitives.WriteUInt32BigEndian(arp[24..], targetAddress);
    }
}
