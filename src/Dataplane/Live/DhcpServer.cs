// DHCP (RFC 2131) as a VPC's subnet serves it: an interface has one primary private address, and that is what its host gets, whoever asks. So there is nothing to allot, to
// remember or to run out of. What is told: mask, router (base+1, the server too), resolvers (RT-32), domain, MTU, an hour's lease.
//
// The packets themselves are judged like all others and change nothing by that (SG-37): a host without an address is unplaced, one that renews talks to a service.
// Not given: a host name (option 12), which AWS gives, because the host may be a namespace of a machine whose name it would change.

using System;
using System.Buffers.Binary;
using System.Text;
using Dataplane.Packets;

namespace Dataplane.Live;

/// <summary>Answers DHCP at attached interfaces.</summary>
internal sealed class DhcpServer(Delivery delivery)
{
    /// <summary>The server's UDP port.</summary>
    public const int Port = 67;

    private const int ClientPort = 68;
    private const int Fixed = 240;
    private const uint Cookie = 0x6382_5363;
    private const int Lease = 3_600;

    /// <summary>Shorter messages are padded: what BOOTP hosts expect at least (RFC 1542 section 2.1).</summary>
    private const int Least = 300;

    private const int DatagramAt = OwnFrame.EthernetLength + OwnFrame.Ipv4Length;
    private const int MessageAt = DatagramAt + OwnFrame.UdpLength;

    private readonly byte[] _frame = new byte[1_024];
    private readonly byte[] _domain = new byte[255];

    private enum Kind : byte
    {
        None = 0,
        Discover = 1,
        Offer = 2,
        Request = 3,
        Decline = 4,
        Acknowledge = 5,
        Refuse = 6,
        Release = 7,
        Inform = 8,
    }

    /// <summary>A datagram to the server's port at an interface.</summary>
    /// <returns>Whether it was for this server: answered, or in need of no answer.</returns>
    public bool Receive(PortLink link, ReadOnlySpan<byte> frame, in Headers headers, long now)
    {
        HostSettings host = link.Plan.Host!;
        if (host.Primary is not { } own || (headers.Destination != host.Router && headers.DestinationLow != uint.MaxValue))
        {
            return false;
        }

        ReadOnlySpan<byte> datagram = frame[headers.TransportOffset..];
        int length = Math.Min(datagram.Length, BinaryPrimitives.ReadUInt16BigEndian(datagram[4..]));
        ReadOnlySpan<byte> message = datagram[OwnFrame.UdpLength..length];
        if (message.Length < Fixed || message[0] != 1 || message[1] != 1 || message[2] != 6 || BinaryPrimitives.ReadUInt32BigEndian(message[(Fixed - 4)..]) != Cookie
            || BinaryPrimitives.ReadUInt32BigEndian(message[24..]) != 0 || MacAddress.Read(message[28..]).IsGroup)
        {
            return false;    // not Ethernet, or by a relay, which no VPC has
        }

        ReadOptions(message[Fixed..], out Kind kind, out IpAddress? requested, out IpAddress? server);
        var client = IpAddress.Read(message[12..16]);
        switch (kind)
        {
            case Kind.Discover:
                Answer(link, host, own, message, Kind.Offer, now);
                return true;
            case Kind.Request when server is { } chosen && chosen != host.Router:
                return true;    // another server was chosen
            case Kind.Request:
                IpAddress wanted = client.Low != 0 ? client : requested ?? own;
                Answer(link, host, own, message, wanted == own ? Kind.Acknowledge : Kind.Refuse, now);
                return true;
            case Kind.Inform:
                Answer(link, host, own, message, Kind.Inform, now);
                return true;
            case Kind.Decline or Kind.Release:
                return true;
            default:
                return false;
        }
    }

    private static void ReadOptions(ReadOnlySpan<byte> options, out Kind kind, out IpAddress? requested, out IpAddress? server)
    {
        kind = Kind.None;
        requested = server = null;
        for (int at = 0; at < options.Length && options[at] != 255;)
        {
            if (options[at] == 0)
            {
                at++;
                continue;
            }

            if (at + 2 > options.Length || at + 2 + options[at + 1] > options.Length)
            {
                return;
            }

            ReadOnlySpan<byte> value = options.Slice(at + 2, options[at + 1]);
            switch (options[at])
            {
                case 53 when value.Length == 1:
                    kind = (Kind)value[0];
                    break;
                case 50 when value.Length == 4:
                    requested = IpAddress.Read(value);
                    break;
                case 54 when value.Length == 4:
                    server = IpAddress.Read(value);
                    break;
                default:
                    break;
            }

            at += 2 + value.Length;
        }
    }

    /// <param name="kind">What is answered; to <see cref="Kind.Inform"/> an acknowledgement without address and lease (RFC 2131 section 4.3.5).</param>
    private void Answer(PortLink link, HostSettings host, IpAddress own, ReadOnlySpan<byte> question, Kind kind, long now)
    {
        bool isRefusal = kind == Kind.Refuse, isInform = kind == Kind.Inform;
        Span<byte> message = _frame.AsSpan(MessageAt);
        message.Clear();
        question[..Fixed].CopyTo(message);    // transaction, flags, hardware address ...
        message[0] = 2;
        message[3] = 0;
        message[8..10].Clear();
        message[44..236].Clear();
        var client = IpAddress.Read(question[12..16]);
        message[12..28].Clear();
        if (!isRefusal)
        {
            client.Write(message[12..]);
            if (!isInform)
            {
                own.Write(message[16..]);
            }
        }

        int at = Fixed;
        Put(message, ref at, 53, (byte)(isInform ? Kind.Acknowledge : kind));
        Put(message, ref at, 54, host.Router);
        if (!isRefusal)
        {
            if (!isInform)
            {
                Put(message, ref at, 51, Lease);
                Put(message, ref at, 58, Lease / 2);
                Put(message, ref at, 59, Lease * 7 / 8);
            }

            Put(message, ref at, 1, uint.MaxValue << (32 - host.PrefixLength));
            Put(message, ref at, 3, host.Router);
            message[at++] = 6;
            message[at++] = (byte)(4 * host.Resolvers.Length);
            foreach (IpAddress resolver in host.Resolvers)
            {
                at += resolver.Write(message[at..]);
            }

            int domain = Encoding.ASCII.GetBytes(host.Domain.AsSpan(0, Math.Min(host.Domain.Length, _domain.Length)), _domain);
            message[at++] = 15;
            message[at++] = (byte)domain;
            _domain.AsSpan(0, domain).CopyTo(message[at..]);
            at += domain;
            message[at++] = 26;
            message[at++] = 2;
            BinaryPrimitives.WriteUInt16BigEndian(message[at..], (ushort)Math.Clamp(link.Port.Mtu, 68, Delivery.InsideMtu));
            at += 2;
        }

        message[at++] = 255;
        int length = Math.Max(at, Least);
        bool isToAll = isRefusal || (client.Low == 0 && (question[10] & 0x80) != 0);
        IpAddress to = isToAll ? IpAddress.V4(uint.MaxValue) : client.Low != 0 ? client : own;
        OwnFrame.Ethernet(_frame, isToAll ? MacAddress.Broadcast : MacAddress.Read(question[28..]), link.Plan.Router, OwnFrame.EtherTypeIpv4);
        OwnFrame.Ipv4(_frame.AsSpan(OwnFrame.EthernetLength), host.Router, to, 17, OwnFrame.UdpLength + length);
        OwnFrame.Udp(_frame.AsSpan(DatagramAt, OwnFrame.UdpLength + length), host.Router, Port, to, ClientPort);
        delivery.Answer(link, _frame.AsSpan(0, MessageAt + length), now);
    }

    private static void Put(Span<byte> message, ref int at, byte option, byte value)
    {
        message[at++] = option;
        message[at++] = 1;
        message[at++] = value;
    }

    private static void Put(Span<byte> message, ref int at, byte option, uint value)
    {
        message[at++] = option;
        message[at++] = 4;
        BinaryPrimitives.WriteUInt32BigEndian(message[at..], value);
        at += 4;
    }

    private static void Put(Span<byte> message, ref int at, byte option, IpAddress value) => Put(message, ref at, option, (uint)value.Low);
}
