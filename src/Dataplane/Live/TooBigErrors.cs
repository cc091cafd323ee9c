using System;
using System.Buffers.Binary;
using Dataplane.Fabric;
using Dataplane.Packets;

namespace Dataplane.Live;

/// <summary>Tells a sender that its packet is longer than the next link takes (RT-36): ICMP 3/4, ICMPv6 packet too big.</summary>
/// <remarks>
/// The network itself says it, so nothing judges it. It comes from the implicit router at an interface; outside from the address that the packet was for, since a gateway
/// has none of its own. It quotes the packet as the sender sent it. None about ICMP errors, later fragments and multicast. Sources: RFC 1191, RFC 1812 sections 4.3.2.3 and 4.3.2.7, RFC 4443 section 3.2.
/// </remarks>
internal sealed class TooBigErrors(Delivery delivery)
{
    private const int IcmpLength = 8;
    private const int MostIpv4 = 576;
    private const int MostIpv6 = 1_280;

    private readonly byte[] _frame = new byte[OwnFrame.EthernetLength + MostIpv6];

    /// <param name="length">The packet's.</param>
    public void Send(PortLink from, ReadOnlySpan<byte> frame, in Headers shape, int length, int mtu, long now)
    {
        bool isError = shape.Protocol == (shape.IsIpv6 ? 58 : 1) && (shape.IsIpv6 ? shape.IcmpType < 128 : shape.IcmpType is 3 or 4 or 5 or 11 or 12);
        if (shape.IsLaterFragment || isError || SpecialAddresses.IsMulticast(shape.Destination))
        {
            return;
        }

        if (!from.Errors.TryTake(now))
        {
            delivery.Counters.ErrorsHeldBack++;
            return;
        }

        ReadOnlySpan<byte> packet = frame.Slice(shape.NetworkOffset, length);
        var sender = MacAddress.Read(frame[6..]);
        int written = shape.IsIpv6 ? WriteIpv6(from, sender, in shape, packet, mtu) : WriteIpv4(from, sender, in shape, packet, mtu);
        delivery.Counters.ErrorsSent++;
        delivery.SendOwn(from, _frame.AsSpan(0, written));
    }

    private int WriteIpv4(PortLink from, MacAddress sender, in Headers shape, ReadOnlySpan<byte> packet, int mtu)
    {
        int quoted = Math.Min(packet.Length, MostIpv4 - OwnFrame.Ipv4Length - IcmpLength);
        OwnFrame.Ethernet(_frame, sender, from.Plan.Router, OwnFrame.EtherTypeIpv4);
        Span<byte> ip = _frame.AsSpan(OwnFrame.EthernetLength);
        OwnFrame.Ipv4(ip, from.IsInterface ? from.Plan.Host!.Router : shape.Destination, shape.Source, 1, IcmpLength + quoted);
        Span<byte> icmp = ip.Slice(OwnFrame.Ipv4Length, IcmpLength + quoted);
        icmp[..IcmpLength].Clear();
        (icmp[0], icmp[1]) = (3, 4);
        BinaryPrimitives.WriteUInt16BigEndian(icmp[6..], (ushort)mtu);
        packet[..quoted].CopyTo(icmp[IcmpLength..]);
        BinaryPrimitives.WriteUInt16BigEndian(icmp[2..], InternetChecksum.Finish(InternetChecksum.Sum(icmp)));
        return OwnFrame.EthernetLength + OwnFrame.Ipv4Length + icmp.Length;
    }

    private int WriteIpv6(PortLink from, MacAddress sender, in Headers shape, ReadOnlySpan<byte> packet, int mtu)
    {
        int quoted = Math.Min(packet.Length, MostIpv6 - OwnFrame.Ipv6Length - IcmpLength);
        IpAddress source = from.IsInterface ? from.Plan.RouterLinkLocal : shape.Destination;
        OwnFrame.Ethernet(_frame, sender, from.Plan.Router, OwnFrame.EtherTypeIpv6);
        Span<byte> ip = _frame.AsSpan(OwnFrame.EthernetLength);
        OwnFrame.Ipv6(ip, source, shape.Source, 58, IcmpLength + quoted, 64);
        Span<byte> icmp = ip.Slice(OwnFrame.Ipv6Length, IcmpLength + quoted);
        icmp[..IcmpLength].Clear();
        icmp[0] = 2;
        BinaryPrimitives.WriteUInt32BigEndian(icmp[4..], (uint)mtu);
        packet[..quoted].CopyTo(icmp[IcmpLength..]);
        OwnFrame.FinishIcmpv6(icmp, source, shape.Source);
        return OwnFrame.EthernetLength + OwnFrame.Ipv6Length + icmp.Length;
    }
}
