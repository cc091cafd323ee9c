// DHCPv6 (RFC 8415) as a VPC's subnet serves it: DhcpServer says how, for IPv4. The router's advertisement tells hosts to ask (M).
//
//   solicit                       advertise, or reply with rapid commit       the interface's IPv6 addresses, in the first IA_NA; none in others
//   request, renew, rebind        reply                                       the same, and with lifetime 0 what the host has and should not have
//   confirm                       reply                                       whether its addresses lie in the subnet's blocks
//   release, decline              reply: success                              nothing is kept, so nothing changes
//   information-request           reply                                       resolver and domain
//
// Delegated prefixes are not given: on AWS a host learns them from the instance metadata. The server's name is DUID-LL of the router, the same in every run.

using System;
using System.Buffers.Binary;
using System.Text;
using Dataplane.Packets;

namespace Dataplane.Live;

/// <summary>Answers DHCPv6 at attached interfaces.</summary>
internal sealed class Dhcpv6Server(Delivery delivery)
{
    /// <summary>The server's UDP port.</summary>
    public const int Port = 547;

    private const int ClientPort = 546;
    private const int MessageAt = OwnFrame.EthernetLength + OwnFrame.Ipv6Length + OwnFrame.UdpLength;
    private const int MostClientId = 130;
    private const int MostAddresses = 16;

    private const ushort ClientId = 1;
    private const ushort ServerId = 2;
    private const ushort Association = 3;
    private const ushort Address = 5;
    private const ushort Status = 13;
    private const ushort RapidCommit = 14;
    private const ushort Resolvers = 23;
    private const ushort Domains = 24;
    private const ushort PrefixDelegation = 25;

    private const ushort Success = 0;
    private const ushort NoAddresses = 2;
    private const ushort NotOnLink = 4;
    private const ushort NoPrefixes = 6;

    private const int Renew = 1_800;
    private const int Rebind = 2_880;
    private const int Preferred = 3_600;
    private const int Valid = 7_200;

    private readonly byte[] _frame = new byte[MessageAt + 1_200];
    private readonly byte[] _domain = new byte[255];
    private int _at;

    private enum Kind : byte
    {
        Solicit = 1,
        Advertise = 2,
        Request = 3,
        Confirm = 4,
        Renew = 5,
        Rebind = 6,
        Reply = 7,
        Release = 8,
        Decline = 9,
        InformationRequest = 11,
    }

    /// <summary>All servers and relays on the link.</summary>
    private static IpAddress Servers => IpAddress.V6(0xFF02UL << 48, 0x1_0002);

    /// <summary>A datagram to the servers' port at an interface.</summary>
    /// <returns>Whether it was for this server: answered, or in need of no answer.</returns>
    public bool Receive(PortLink link, ReadOnlySpan<byte> frame, in Headers headers, long now)
    {
        HostSettings host = link.Plan.Host!;
        if (host.Ipv6Addresses.Length == 0 || headers.Destination != Servers || (headers.SourceHigh | headers.SourceLow) == 0)
        {
            return false;
        }

        ReadOnlySpan<byte> datagram = frame[headers.TransportOffset..];
        ReadOnlySpan<byte> message = datagram[OwnFrame.UdpLength..Math.Min(datagram.Length, BinaryPrimitives.ReadUInt16BigEndian(datagram[4..]))];
        if (message.Length < 4)
        {
            return false;
        }

        ReadOnlySpan<byte> options = message[4..];
        _ = TryFind(options, ClientId, out ReadOnlySpan<byte> client);
        bool hasServer = TryFind(options, ServerId, out ReadOnlySpan<byte> server);
        Span<byte> own = stackalloc byte[10];
        WriteServerId(own, link.Plan.Router);
        bool isOurs = hasServer && server.SequenceEqual(own);
        var kind = (Kind)message[0];
        bool isSound = client.Length is > 0 and <= MostClientId;
        switch (kind)
        {
            case Kind.Solicit or Kind.Confirm or Kind.Rebind when isSound && !hasServer:
            case Kind.Request or Kind.Renew or Kind.Release or Kind.Decline when isSound && isOurs:
            case Kind.InformationRequest when (!hasServer || isOurs) && client.Length <= MostClientId && !TryFind(options, Association, out _):
                break;
            case Kind.Request or Kind.Renew or Kind.Release or Kind.Decline when hasServer:
                return true;    // another server was chosen
            default:
                return false;
        }

        bool isRapid = kind == Kind.Solicit && TryFind(options, RapidCommit, out _);
        Begin(kind == Kind.Solicit && !isRapid ? Kind.Advertise : Kind.Reply, message, client, own);
        switch (kind)
        {
            case Kind.Confirm:
                if (!TryConfirm(host, options, out bool isOnLink))
                {
                    return true;    // it says no address: RFC 8415 section 18.3.3 answers nothing
                }

                PutStatus(isOnLink ? Success : NotOnLink);
                break;
            case Kind.Release or Kind.Decline:
                PutStatus(Success);
                break;
            default:
                if (isRapid)
                {
                    Put(RapidCommit, 0);
                }

                PutAssociations(host, options);
                PutSettings(host);
                break;
        }

        Send(link, MacAddress.Read(frame[6..]), headers.Source, now);
        return true;
    }

    /// <summary>The first option of a kind.</summary>
    private static bool TryFind(ReadOnlySpan<byte> options, ushort wanted, out ReadOnlySpan<byte> value)
    {
        value = default;
        while (TryNext(ref options, out ushort code, out ReadOnlySpan<byte> next))
        {
            if (code == wanted)
            {
                value = next;
                return true;
            }
        }

        return false;
    }

    private static bool TryNext(scoped ref ReadOnlySpan<byte> options, out ushort code, out ReadOnlySpan<byte> value)
    {
        code = 0;
        value = default;
        if (options.Length < 4)
        {
            return false;
        }

        int length = BinaryPrimitives.ReadUInt16BigEndian(options[2..]);
        if (4 + length > options.Length)
        {
            return false;
        }

        code = BinaryPrimitives.ReadUInt16BigEndian(options);
        value = options.Slice(4, length);
        options = options[(4 + length)..];
        return true;
    }

    private static bool TryConfirm(HostSettings host, ReadOnlySpan<byte> options, out bool isOnLink)
    {
        bool hasAny = false;
        isOnLink = true;
        while (TryNext(ref options, out ushort code, out ReadOnlySpan<byte> association))
        {
            if (code != Association || association.Length < 12)
            {
                continue;
            }

            ReadOnlySpan<byte> inner = association[12..];
            while (TryNext(ref inner, out ushort innerCode, out ReadOnlySpan<byte> address))
            {
                if (innerCode == Address && address.Length >= 24)
                {
                    hasAny = true;
                    var own = IpAddress.Read(address[..16]);
                    bool isInside = false;
                    foreach (IpPrefix block in host.Ipv6Blocks)
                    {
                        isInside |= block.Contains(own);
                    }

                    isOnLink &= isInside;
                }
            }
        }

        return hasAny;
    }

    private static void WriteServerId(Span<byte> id, MacAddress router)
    {
        BinaryPrimitives.WriteUInt32BigEndian(id, 0x0003_0001);
        router.Write(id[4..]);
    }

    private void Begin(Kind kind, ReadOnlySpan<byte> question, ReadOnlySpan<byte> client, ReadOnlySpan<byte> server)
    {
        _at = MessageAt;
        question[..4].CopyTo(_frame.AsSpan(_at));    // the transaction
        _frame[_at] = (byte)kind;
        _at += 4;
        if (client.Length > 0)
        {
            Put(ClientId, client.Length);
            client.CopyTo(_frame.AsSpan(_at));
            _at += client.Length;
        }

        Put(ServerId, server.Length);
        server.CopyTo(_frame.AsSpan(_at));
        _at += server.Length;
    }

    private void PutAssociations(HostSettings host, ReadOnlySpan<byte> options)
    {
        bool isGiven = false;
        for (int seen = 0; seen < 8 && TryNext(ref options, out ushort code, out ReadOnlySpan<byte> asked);)
        {
            if (code is not (Association or PrefixDelegation) || asked.Length < 12)
            {
                continue;
            }

            seen++;
            int start = _at;
            Put(code, 0);
            asked[..4].CopyTo(_frame.AsSpan(_at));
            BinaryPrimitives.WriteInt32BigEndian(_frame.AsSpan(_at + 4), Renew);
            BinaryPrimitives.WriteInt32BigEndian(_frame.AsSpan(_at + 8), Rebind);
            _at += 12;
            if (code == PrefixDelegation || isGiven)
            {
                PutStatus(code == PrefixDelegation ? NoPrefixes : NoAddresses);
            }
            else
            {
                isGiven = true;
                PutAddresses(host, asked[12..]);
            }

            BinaryPrimitives.WriteUInt16BigEndian(_frame.AsSpan(start + 2), (ushort)(_at - start - 4));
        }
    }

    private void PutAddresses(HostSettings host, ReadOnlySpan<byte> known)
    {
        int count = Math.Min(host.Ipv6Addresses.Length, MostAddresses);
        for (int i = 0; i < count; i++)
        {
            PutAddress(host.Ipv6Addresses[i], Preferred, Valid);
        }

        while (count < MostAddresses && TryNext(ref known, out ushort code, out ReadOnlySpan<byte> value))
        {
            if (code == Address && value.Length >= 24)
            {
                var address = IpAddress.Read(value[..16]);
                if (Array.IndexOf(host.Ipv6Addresses, address) < 0)
                {
                    PutAddress(address, 0, 0);
                    count++;
                }
            }
        }
    }

    private void PutAddress(IpAddress address, int preferred, int valid)
    {
        Put(Address, 24);
        address.Write(_frame.AsSpan(_at));
        BinaryPrimitives.WriteInt32BigEndian(_frame.AsSpan(_at + 16), preferred);
        BinaryPrimitives.WriteInt32BigEndian(_frame.AsSpan(_at + 20), valid);
        _at += 24;
    }

    private void PutSettings(HostSettings host)
    {
        if (host.Ipv6Resolvers.Length > 0)
        {
            Put(Resolvers, 16 * host.Ipv6Resolvers.Length);
            foreach (IpAddress resolver in host.Ipv6Resolvers)
            {
                _at += resolver.Write(_frame.AsSpan(_at));
            }
        }

        // A name as DNS writes it: each label behind its length, and 0.
        int length = Encoding.ASCII.GetBytes(host.Domain.AsSpan(0, Math.Min(host.Domain.Length, 253)), _domain);
        Put(Domains, length + 2);
        ReadOnlySpan<byte> rest = _domain.AsSpan(0, length);
        while (rest.Length > 0)
        {
            int dot = rest.IndexOf((byte)'.');
            ReadOnlySpan<byte> label = dot < 0 ? rest : rest[..dot];
            _frame[_at++] = (byte)label.Length;
            label.CopyTo(_frame.AsSpan(_at));
            _at += label.Length;
            rest = dot < 0 ? default : rest[(dot + 1)..];
        }

        _frame[_at++] = 0;
    }

    private void PutStatus(ushort code)
    {
        Put(Status, 2);
        BinaryPrimitives.WriteUInt16BigEndian(_frame.AsSpan(_at), code);
        _at += 2;
    }

    private void Put(ushort code, int length)
    {
        BinaryPrimitives.WriteUInt16BigEndian(_frame.AsSpan(_at), code);
        BinaryPrimitives.WriteUInt16BigEndian(_frame.AsSpan(_at + 2), (ushort)length);
        _at += 4;
    }

    private void Send(PortLink link, MacAddress station, IpAddress to, long now)
    {
        BoxPort port = link.Plan;
        int udp = _at - MessageAt + OwnFrame.UdpLength;
        OwnFrame.Ethernet(_frame, station, port.Router, OwnFrame.EtherTypeIpv6);
        OwnFrame.Ipv6(_frame.AsSpan(OwnFrame.EthernetLength), port.RouterLinkLocal, to, 17, udp, 64);
        OwnFrame.Udp(_frame.AsSpan(OwnFrame.EthernetLength + OwnFrame.Ipv6Length, udp), port.RouterLinkLocal, Port, to, ClientPort);
        delivery.Answer(link, _frame.AsSpan(0, _at), now);
    }
}
