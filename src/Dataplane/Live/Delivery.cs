// From an allowed result to a frame on the wire.
//
//   result.To        the interface or gateway where the packet goes on: its port, or NotAttached
//   too long?        RT-35, RT-36: what may be fragmented will be, the rest is answered by TooBigErrors
//   copy             the IP packet, without tags and padding, into a buffer of ours: the block's bytes belong to the sinks too
//   translate        as the result's translations say (AddressRewrite)
//   next hop         the host of an interface; outside whoever has the destination's address, or the next hop that was given
//   send, or wait    for the neighbour's MAC address: one question a second, three of them
//
// The time to live is not touched: the implicit router of a VPC is no hop that a packet could see (a traceroute between two instances shows one hop), and nothing can
// run in circles: what comes back with an inside address from outside is misplaced.

using System;
using System.Buffers.Binary;
using Dataplane.Fabric;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Live;

/// <summary>Sends what is allowed to where it goes, and asks for neighbours.</summary>
/// <remarks>One thread. Allocates nothing a packet once the memory of frames that wait has grown.</remarks>
internal sealed class Delivery
{
    /// <summary>RT-35: inside a VPC.</summary>
    public const int InsideMtu = 9_001;

    /// <summary>RT-35: through an internet gateway.</summary>
    public const int InternetMtu = 1_500;

    private const long Second = 1_000_000_000;
    private const int Tries = 3;

    /// <summary>A neighbour that was not heard of for so long is asked again, while frames go on to it.</summary>
    private const long Fresh = 30 * Second;

    /// <summary>Who is known from packets only was perhaps never able to answer; so he is believed for longer.</summary>
    private const long FreshFromPackets = 600 * Second;

    private const int LongestPacket = 65_575;    // IPv6's header and its longest payload

    private readonly byte[] _frame = new byte[OwnFrame.EthernetLength + LongestPacket];
    private readonly byte[] _piece = new byte[OwnFrame.EthernetLength + LongestPacket];
    private readonly byte[] _question = new byte[128];
    private readonly LiveFates _fates;
    private readonly TooBigErrors _errors;

    public Delivery(LiveFates fates, BoxCounters counters)
    {
        _fates = fates;
        Counters = counters;
        Waiting = new WaitingFrames(fates, counters);
        _errors = new TooBigErrors(this);
    }

    public BoxCounters Counters { get; }

    public WaitingFrames Waiting { get; }

    /// <summary>Sends one packet on.</summary>
    /// <param name="result">It says allow.</param>
    /// <returns>Its fate.</returns>
    public LiveFate Deliver(BoxPlan plan, PortLink[] links, PacketBlock block, int index, in PacketResult result)
    {
        if (result.To < 0 || result.From < 0)
        {
            return LiveFate.Service;    // the only packets that are allowed without two ends
        }

        ref readonly CapturedPacket captured = ref block.Packets[index];
        PortLink from = links[captured.CaptureInterface];
        if (result.From != from.Plan.Name)
        {
            Counters.Elsewhere++;
            return LiveFate.Dropped;
        }

        int port = plan.PortOf(result.To);
        if (port < 0)
        {
            return LiveFate.NotAttached;
        }

        PortLink to = links[port];
        ref readonly Headers shape = ref block.Headers[index];
        ReadOnlySpan<byte> frame = block.Bytes(index);
        ReadOnlySpan<byte> ip = frame[shape.NetworkOffset..];
        int length = shape.IsIpv6 ? OwnFrame.Ipv6Length + BinaryPrimitives.ReadUInt16BigEndian(ip[4..]) : BinaryPrimitives.ReadUInt16BigEndian(ip[2..]);
        if (length > ip.Length)
        {
            return LiveFate.NotSent;    // not all of it was received
        }

        int mtu = Mtu(from, to, in result);
        if (length > mtu && (shape.IsIpv6 || (ip[6] & 0x40) != 0))
        {
            _errors.Send(from, frame, in shape, length, mtu, captured.Time);
            return LiveFate.TooBig;
        }

        Span<byte> copy = _frame.AsSpan(0, OwnFrame.EthernetLength + length);
        ip[..length].CopyTo(copy[OwnFrame.EthernetLength..]);
        IpAddress source = shape.Source, destination = shape.Destination;
        if (result.SourceTranslation >= 0 && plan.OutboundOf(result.SourceTranslation) is >= 0 and int outbound)
        {
            source = plan.Fabric.Addresses.Associations[outbound].Public;
            AddressRewrite.Source(copy[OwnFrame.EthernetLength..], in shape, source);
        }

        if (result.DestinationTranslation >= 0 && plan.InboundOf(result.DestinationTranslation) is >= 0 and int inbound)
        {
            destination = plan.Fabric.Addresses.Associations[inbound].Private;
            AddressRewrite.Destination(copy[OwnFrame.EthernetLength..], in shape, destination);
        }

        OwnFrame.Ethernet(copy, default, SourceStation(plan, from, to, in result), shape.IsIpv6 ? OwnFrame.EtherTypeIpv6 : OwnFrame.EtherTypeIpv4);
        MacAddress station = to.IsInterface
            ? HostOf(plan, to, destination, captured.Time, out int asked)
            : NextHop(to, destination, source, captured.Time, out asked);
        if (station.Bits != 0)
        {
            return Send(to, copy, station, mtu);
        }

        return Waiting.TryAdd(ref to.Neighbours[asked], copy, mtu) ? LiveFate.Waiting : LiveFate.NoNeighbour;
    }

    /// <summary>The host of an interface spoke.</summary>
    public void HeardHost(PortLink link, MacAddress host, long now)
    {
        if (host.IsGroup || host.Bits == 0)
        {
            return;
        }

        link.Host = host;
        link.HostHeard = now;
        while (link.Neighbours.AskingCount > 0)
        {
            int place = link.Neighbours.Asking(link.Neighbours.AskingCount - 1);
            Release(link, place, host);
            link.Neighbours.Remove(place, LiveFate.NoNeighbour);
        }
    }

    /// <summary>Somebody outside said that he has an address.</summary>
    public void HeardNeighbour(PortLink link, IpAddress address, MacAddress station, long now, bool mayAdd)
    {
        int place = link.Neighbours.Find(address);
        if (place < 0)
        {
            if (!mayAdd)
            {
                return;
            }

            place = link.Neighbours.Add(address, now);
        }

        Know(link, place, station, now, isFromPackets: false);
    }

    /// <summary>A packet that is allowed came in by a gateway: who sent it can take the answer.</summary>
    public void HeardPacket(PortLink link, IpAddress source, MacAddress station, long now)
    {
        if (station.IsGroup || station.Bits == 0)
        {
            return;
        }

        // With a next hop given, everything beyond the link comes from it and tells nothing; that it lives, it does tell.
        IpAddress? via = link.Via(source.IsIpv6);
        int place = link.Neighbours.Find(via ?? source);
        if (place < 0)
        {
            if (via is null)
            {
                Know(link, link.Neighbours.Add(source, now), station, now, isFromPackets: true);
            }

            return;
        }

        ref Neighbour neighbour = ref link.Neighbours[place];
        if (neighbour.IsKnown && neighbour.Station == station)
        {
            neighbour.Heard = Math.Max(neighbour.Heard, now);
            link.Neighbours.StopAsking(place);
        }
        else if (via is null && (!neighbour.IsKnown || neighbour.IsFromPackets))
        {
            Know(link, place, station, now, isFromPackets: true);
        }
    }

    /// <summary>Asks again, gives up.</summary>
    public void Tick(BoxPlan plan, PortLink link, long now)
    {
        for (int i = link.Neighbours.AskingCount - 1; i >= 0; i--)
        {
            int place = link.Neighbours.Asking(i);
            ref Neighbour neighbour = ref link.Neighbours[place];
            if (now - neighbour.Asked < Second)
            {
                continue;
            }

            if (neighbour.Tries < Tries)
            {
                Ask(plan, link, ref neighbour, now);
                continue;
            }

            link.Neighbours.Remove(place, LiveFate.NoNeighbour);
            if (link.IsInterface)
            {
                link.Host = default;
            }
        }
    }

    /// <summary>Sends an answer of the network's own, if that port has not had too many.</summary>
    public void Answer(PortLink link, ReadOnlySpan<byte> frame, long now)
    {
        if (link.Answers.TryTake(now))
        {
            SendOwn(link, frame);
        }
        else
        {
            Counters.OwnNotSent++;
        }
    }

    public void SendOwn(PortLink link, ReadOnlySpan<byte> frame)
    {
        if (link.Port.Send(frame))
        {
            Counters.OwnSent++;
        }
        else
        {
            Counters.OwnNotSent++;
        }
    }

    private static int Mtu(PortLink from, PortLink to, in PacketResult result)
    {
        // Two VPCs of the topology meet through their internet gateways only.
        bool isThroughInternet = from.IsGateway || to.IsGateway || result.SourceTranslation >= 0 || result.DestinationTranslation >= 0 || from.Plan.Vpc != to.Plan.Vpc;
        return Math.Min(to.Port.Mtu, isThroughInternet ? InternetMtu : InsideMtu);
    }

    /// <summary>Whom a frame comes from: inside one subnet (RT-16) the other interface, else, also after a translation, the router.</summary>
    private static MacAddress SourceStation(BoxPlan plan, PortLink from, PortLink to, in PacketResult result) =>
        to.IsInterface && from.IsInterface && from.Plan.Subnet == to.Plan.Subnet && result.SourceTranslation < 0 ? plan.InterfaceAddresses[from.Plan.Number] : to.Plan.Router;

    /// <summary>The station of an interface's host; all zero when it is asked for.</summary>
    private MacAddress HostOf(BoxPlan plan, PortLink to, IpAddress destination, long now, out int asked)
    {
        asked = -1;
        if (to.Host.Bits != 0 && now - to.HostHeard < Fresh)
        {
            return to.Host;
        }

        // In a delegated prefix there may be nobody to answer: its host routes it. So the host is asked for by an address of its own.
        OwnerMap addresses = plan.Fabric.Addresses;
        IpAddress wanted = addresses.Exact(destination) >= 0 ? destination
            : destination.IsIpv6 ? (to.Plan.Host!.Ipv6Addresses is [IpAddress first, ..] ? first : destination)
            : to.Plan.Host!.Primary ?? destination;
        asked = to.Neighbours.Find(wanted);
        if (asked < 0)
        {
            asked = to.Neighbours.Add(wanted, now);
            to.Neighbours.StartAsking(asked);
            Ask(plan, to, ref to.Neighbours[asked], now);
        }

        return to.Host;
    }

    private MacAddress NextHop(PortLink to, IpAddress destination, IpAddress source, long now, out int asked)
    {
        NeighbourTable neighbours = to.Neighbours;
        asked = neighbours.Find(destination);
        IpAddress hop = destination;
        if (to.Via(destination.IsIpv6) is { } via && (asked < 0 || !neighbours[asked].IsKnown))
        {
            hop = via;
            asked = neighbours.Find(via);
        }

        if (asked >= 0)
        {
            ref Neighbour known = ref neighbours[asked];
            long age = now - known.Heard;
            if (known.IsKnown && known.IsFromPackets && age >= FreshFromPackets)
            {
                neighbours.Remove(asked, LiveFate.NoNeighbour);
                asked = -1;
            }
            else if (known.IsKnown)
            {
                if (age >= Fresh && !known.IsFromPackets && !known.IsAsked)
                {
                    AskFor(to, asked, source, now);
                }

                return known.Station;
            }
        }

        if (asked < 0)
        {
            asked = neighbours.Add(hop, now);
            AskFor(to, asked, source, now);
        }

        return default;
    }

    private void AskFor(PortLink link, int place, IpAddress askAs, long now)
    {
        link.Neighbours.StartAsking(place);
        ref Neighbour neighbour = ref link.Neighbours[place];
        neighbour.AskAs = askAs;
        Ask(null, link, ref neighbour, now);
    }

    /// <summary>One question: ARP, or a neighbour solicitation. Beyond a thousand a second it counts as asked and is not: a scan from inside is no storm outside.</summary>
    private void Ask(BoxPlan? plan, PortLink link, ref Neighbour neighbour, long now)
    {
        neighbour.Tries++;
        neighbour.Asked = now;
        if (!link.Questions.TryTake(now))
        {
            Counters.OwnNotSent++;
            return;
        }

        BoxPort port = link.Plan;
        int length;
        if (neighbour.Address.IsIpv6)
        {
            length = NeighbourFrames.WriteSolicitation(_question, port.Router, port.RouterLinkLocal, neighbour.Address);
        }
        else
        {
            IpAddress askAs = plan is not null && link.IsInterface ? RouterOf(plan, port, neighbour.Address) : neighbour.AskAs;
            length = ArpResponder.WriteRequest(_question, port.Router, askAs, neighbour.Address);
        }

        SendOwn(link, _question.AsSpan(0, length));
    }

    /// <summary>The implicit router's address in the block of an address; the first one for an address outside all blocks.</summary>
    private static IpAddress RouterOf(BoxPlan plan, BoxPort port, IpAddress address)
    {
        IpAddress[] routers = plan.Subnets[port.Subnet].Routers;
        int at = 0;
        foreach (IpPrefix block in plan.Fabric.Subnets[port.Subnet].Blocks)
        {
            if (block.IsIpv6)
            {
                continue;
            }

            if (block.Contains(address))
            {
                return routers[at];
            }

            at++;
        }

        return routers.Length > 0 ? routers[0] : default;
    }

    private void Know(PortLink link, int place, MacAddress station, long now, bool isFromPackets)
    {
        ref Neighbour neighbour = ref link.Neighbours[place];
        neighbour.Station = station;
        neighbour.IsKnown = true;
        neighbour.IsFromPackets = isFromPackets;
        neighbour.Heard = now;
        link.Neighbours.StopAsking(place);
        Release(link, place, station);
    }

    /// <summary>Sends what waited for a neighbour.</summary>
    private void Release(PortLink link, int place, MacAddress station)
    {
        ref Neighbour neighbour = ref link.Neighbours[place];
        while (neighbour.Waiting > 0)
        {
            Span<byte> frame = Waiting.Peek(in neighbour, out int mtu);
            LiveFate fate = Send(link, frame, station, mtu);
            Waiting.Settle(ref neighbour, fate);
        }
    }

    private LiveFate Send(PortLink to, Span<byte> frame, MacAddress station, int mtu)
    {
        station.Write(frame);
        if (frame.Length - OwnFrame.EthernetLength <= mtu)
        {
            return to.Port.Send(frame) ? LiveFate.Forwarded : LiveFate.NotSent;
        }

        Counters.Fragmented++;
        Ipv4Fragments fragments = new(frame[OwnFrame.EthernetLength..], mtu);
        frame[..OwnFrame.EthernetLength].CopyTo(_piece);
        while (fragments.TryNext(_piece.AsSpan(OwnFrame.EthernetLength), out int length))
        {
            if (!to.Port.Send(_piece.AsSpan(0, OwnFrame.EthernetLength + length)))
            {
                return LiveFate.NotSent;    // without one piece the rest is of no use
            }
        }

        return LiveFate.Forwarded;
    }
}
