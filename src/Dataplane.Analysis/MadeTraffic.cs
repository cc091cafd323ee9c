// Traffic for a topology that comes without a capture: conversations that it allows and attempts that it denies, found by asking the engine.
//
// Candidates come from the rules: an interface, a rule of one of its groups, a remote out of the rule's peer, a port out of its range. A candidate is an allowed
// conversation when the engine allows its first packet and the answer; what is denied at the first packet, and strangers at random ports, are the denied ones. From a few
// thousand such pairs of ends as many flows as are wanted are made by other source ports, at which no rule looks.
//
// The result is a capture in memory: all first packets, then all answers, and so on, each round in another order, so that no packet's flow is in the cache for
// having just been there.

using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Dataplane.Engine;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Topology.Model;

namespace Dataplane.Analysis;

/// <summary>One captured packet in memory.</summary>
/// <param name="Time">Nanoseconds since 1970-01-01 UTC.</param>
/// <param name="Flow">Number of its flow where it was made; 0 where it was captured.</param>
public readonly record struct MemoryPacket(ReadOnlyMemory<byte> Bytes, long Time, uint WireLength, LinkType Link, int Flow);

/// <summary>Makes packets that a topology allows and denies, the same ones for the same topology.</summary>
public sealed class MadeTraffic
{
    /// <summary>Packets in all, at most.</summary>
    public const int MostPackets = 4_000_000;

    private const int Tries = 16_384;
    private const int MostPairs = 4_096;
    private const int FirstPort = 20_000;
    private const int Ports = 40_000;
    private const int MostRounds = 10;
    private const byte Syn = 2;
    private const byte Ack = 16;
    private const long Start = 1_700_000_000L * 1_000_000_000;

    private readonly Network _network;
    private readonly Dictionary<string, SecurityGroup> _groups;
    private readonly Dictionary<string, PrefixList> _lists;
    private readonly Dictionary<string, List<NetworkInterface>> _members = new(StringComparer.Ordinal);

    // CA5394: no secret; the same topology gets the same traffic.
#pragma warning disable CA5394
    private readonly Random _random = new(1);

    private readonly List<Pair> _allowed = [];
    private readonly List<Pair> _denied = [];

    /// <param name="judge">Of the network, without causal memory; it is asked some thousand packets.</param>
    public MadeTraffic(Network network, IJudge judge)
    {
        _network = network;
        _groups = network.SecurityGroups.ToDictionary(group => group.Id, StringComparer.Ordinal);
        _lists = network.PrefixLists.ToDictionary(list => list.Id, StringComparer.Ordinal);
        foreach (NetworkInterface one in network.Interfaces)
        {
            foreach (string group in one.SecurityGroupIds)
            {
                if (!_members.TryGetValue(group, out List<NetworkInterface>? members))
                {
                    _members.Add(group, members = []);
                }

                members.Add(one);
            }
        }

        Find(new SinglePackets(judge));
    }

    /// <summary>Pairs of ends between which conversations are allowed.</summary>
    public int AllowedPairs => _allowed.Count;

    /// <summary>Pairs of ends of which one side's first packet is denied.</summary>
    public int DeniedPairs => _denied.Count;

    /// <summary>Conversations of <paramref name="flows"/> flows, and for each tenth packet a denied attempt of a flow of its own.</summary>
    /// <param name="flows">1 and more; fewer are made where the allowed pairs and their ports do not give as many.</param>
    public List<MemoryPacket> Packets(int flows)
    {
        List<MemoryPacket> packets = [];
        flows = (int)Math.Min(flows, Math.Min((long)_allowed.Count * Ports, MostPackets / 4));
        int rounds = flows == 0 ? 0 : Math.Clamp(MostPackets / flows, 3, MostRounds);
        int[] order = [.. Enumerable.Range(0, flows)];
        long time = Start;
        int denied = 0;
        for (int round = 0; round < rounds; round++)
        {
            _random.Shuffle(order);
            foreach (int flow in order)
            {
                packets.Add(Packet(_allowed[flow % _allowed.Count], FirstPort + (flow / _allowed.Count), round, time += 1_000, flow));
                if (packets.Count % 10 == 0)
                {
                    Denied();
                }
            }
        }

        if (flows == 0)
        {
            for (int i = 0; i < 100_000 && _denied.Count > 0; i++)
            {
                Denied();
            }
        }

        return packets;

        void Denied()
        {
            if (_denied.Count > 0 && denied < (long)_denied.Count * Ports)
            {
                packets.Add(Packet(_denied[denied % _denied.Count], FirstPort + (denied / _denied.Count), 0, time += 1_000, -1 - denied));
                denied++;
            }
        }
    }

    /// <summary>First packets alone, each of an allowed flow of its own.</summary>
    public List<MemoryPacket> Openings(int flows)
    {
        List<MemoryPacket> packets = [];
        for (int flow = 0; flow < Math.Min(flows, (long)_allowed.Count * Ports); flow++)
        {
            packets.Add(Packet(_allowed[flow % _allowed.Count], FirstPort + (flow / _allowed.Count), 0, Start + flow, flow));
        }

        return packets;
    }

    private void Find(SinglePackets judge)
    {
        NetworkInterface[] cards = [.. _network.Interfaces.Where(one => !one.Addresses.IsEmpty && one.Unenforced is null)];
        PacketBlock block = new();
        long time = Start;
        for (int i = 0; cards.Length > 0 && i < Tries && (_allowed.Count < MostPairs || _denied.Count < MostPairs); i++)
        {
            NetworkInterface card = cards[_random.Next(cards.Length)];
            bool stranger = i % 4 == 3;
            if ((stranger ? Stranger(card) : ByRule(card)) is not { } pair)
            {
                continue;
            }

            // Each try is a minute after the one before: what it leaves in the table is of no other's concern.
            time += 60_000_000_000;
            int port = FirstPort + _random.Next(Ports);
            Verdict forward = Ask(pair, port, 0, time);
            if (forward == Verdict.Deny)
            {
                Keep(_denied, pair);
            }
            else if (forward == Verdict.Allow && Ask(pair, port, 1, time + 1_000_000) == Verdict.Allow)
            {
                Keep(_allowed, pair);
            }
        }

        Verdict Ask(Pair pair, int port, int round, long at)
        {
            MemoryPacket packet = Packet(pair, port, round, at, 0);
            block.Reset();
            packet.Bytes.Span.CopyTo(block.Add(at, packet.Bytes.Length, packet.WireLength, packet.Link, 0));
            HeaderParser.ParseBlock(block, null);
            return judge.Decide(in block.Headers[0], at).Verdict;
        }

        static void Keep(List<Pair> pairs, Pair pair)
        {
            if (pairs.Count < MostPairs)
            {
                pairs.Add(pair);
            }
        }
    }

    private Pair? Stranger(NetworkInterface card)
    {
        InterfaceAddress own = card.Addresses[_random.Next(card.Addresses.Length)];
        IpAddress near = own.Public ?? own.Private;
        IpAddress far = near.IsIpv6
            ? IpAddress.V6(0x2600_0000_0000_0000 | (ulong)_random.NextInt64(1L << 48), (ulong)_random.NextInt64(long.MaxValue))
            : IpAddress.V4(0x0B00_0000 + (uint)_random.Next(0x7000_0000));
        return new Pair(far, near, _random.Next(3) == 0 ? (byte)17 : (byte)6, (ushort)_random.Next(1, 65_536));
    }

    private Pair? ByRule(NetworkInterface card)
    {
        if (card.SecurityGroupIds.IsEmpty || !_groups.TryGetValue(card.SecurityGroupIds[_random.Next(card.SecurityGroupIds.Length)], out SecurityGroup? group))
        {
            return null;
        }

        bool ingress = _random.Next(3) != 0;
        ImmutableArray<SecurityGroupRule> rules = ingress ? group.Ingress : group.Egress;
        if (rules.IsEmpty)
        {
            return null;
        }

        SecurityGroupRule rule = rules[_random.Next(rules.Length)];
        if (rule.MatchesNothing || rule.Protocol is not (-1 or 6 or 17) || Remote(rule.Peer) is not { } remote)
        {
            return null;
        }

        InterfaceAddress[] own = [.. card.Addresses.Where(address => address.Private.IsIpv6 == remote.IsIpv6)];
        if (own.Length == 0)
        {
            return null;
        }

        InterfaceAddress near = own[_random.Next(own.Length)];
        bool inside = _network.Vpcs.Any(vpc => vpc.Blocks.Any(block => block.Contains(remote)));
        int first = rule.Protocol == -1 ? 1 : Math.Max(1, rule.From), last = rule.Protocol == -1 ? 65_535 : rule.To;
        byte protocol = rule.Protocol == 17 ? (byte)17 : (byte)6;
        ushort port = (ushort)_random.Next(Math.Min(first, last), last + 1);
        return ingress
            ? new Pair(remote, inside ? near.Private : near.Public ?? near.Private, protocol, port)
            : new Pair(near.Private, remote, protocol, port);
    }

    private IpAddress? Remote(Peer peer)
    {
        switch (peer)
        {
            case CidrPeer cidr:
                return Within(cidr.Block);
            case PrefixListPeer list when _lists.TryGetValue(list.PrefixListId, out PrefixList? entries) && !entries.Entries.IsEmpty:
                return Within(entries.Entries[_random.Next(entries.Entries.Length)]);
            case GroupPeer group when _members.TryGetValue(group.GroupId, out List<NetworkInterface>? members):
                NetworkInterface member = members[_random.Next(members.Count)];
                return member.Addresses.IsEmpty ? null : member.Addresses[_random.Next(member.Addresses.Length)].Private;
            default:
                return null;
        }
    }

    private IpAddress Within(IpPrefix block)
    {
        if (block.IsAny)
        {
            // Anywhere that is neither private nor a multicast group.
            return block.IsIpv6 ? IpAddress.V6(0x2A00_0000_0000_0000 | (ulong)_random.NextInt64(1L << 48), 1) : IpAddress.V4(0x2D00_0000 + (uint)_random.Next(0x1000_0000));
        }

        int hostBits = Math.Min(62, (block.IsIpv6 ? 128 : 32) - block.Length);
        return block.Address.Plus((ulong)_random.NextInt64(1L << hostBits));
    }
#pragma warning restore CA5394

    /// <param name="round">0 the first packet, 1 its answer, then data: even ones from the first side.</param>
    private static MemoryPacket Packet(Pair pair, int sourcePort, int round, long time, int flow)
    {
        bool back = round % 2 == 1;
        bool ipv6 = pair.From.IsIpv6, tcp = pair.Protocol == 6;
        int transport = ipv6 ? 54 : 34;
        byte[] frame = new byte[Math.Max(60, transport + (tcp ? 20 : 8))];
        (IpAddress source, IpAddress destination) = back ? (pair.To, pair.From) : (pair.From, pair.To);
        int payload = frame.Length - transport;
        if (ipv6)
        {
            frame[12] = 0x86;
            frame[13] = 0xDD;
            frame[14] = 0x60;
            BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(18), (ushort)payload);
            frame[20] = pair.Protocol;
            frame[21] = 64;
            Write(frame.AsSpan(22), source);
            Write(frame.AsSpan(38), destination);
        }
        else
        {
            frame[12] = 8;
            frame[14] = 0x45;
            BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(16), (ushort)(frame.Length - 14));
            frame[22] = 64;
            frame[23] = pair.Protocol;
            BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(26), (uint)source.Low);
            BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(30), (uint)destination.Low);
        }

        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(transport), back ? pair.Port : (ushort)sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(transport + 2), back ? (ushort)sourcePort : pair.Port);
        if (tcp)
        {
            frame[transport + 12] = 0x50;
            frame[transport + 13] = round switch
            {
                0 => Syn,
                1 => Syn | Ack,
                _ => Ack,
            };
        }
        else
        {
            BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(transport + 4), (ushort)payload);
        }

        return new MemoryPacket(frame, time, (uint)frame.Length + 4, LinkType.Ethernet, flow);
    }

    private static void Write(Span<byte> target, IpAddress address)
    {
        BinaryPrimitives.WriteUInt64BigEndian(target, address.High);
        BinaryPrimitives.WriteUInt64BigEndian(target[8..], address.Low);
    }

    /// <summary>Who begins, with whom, on which of the latter's ports.</summary>
    private readonly record struct Pair(IpAddress From, IpAddress To, byte Protocol, ushort Port);
}
