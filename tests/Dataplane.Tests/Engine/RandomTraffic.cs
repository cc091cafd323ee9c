using System;
using System.Collections.Generic;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Dataplane.Topology.Model;

namespace Dataplane.Tests.Engine;

/// <summary>One packet of random traffic.</summary>
internal readonly record struct TimedPacket(Headers Packet, Headers Quote, long Time);

/// <summary>Networks that reach every corner of the walk, and traffic between their addresses that meets its own state again and again.</summary>
internal static class RandomTraffic
{
    /// <summary>Two VPCs with all gateways, an appliance behind an edge table, address space used twice, delegated prefixes, untracked and tracked flows.</summary>
    public const string Wide = """
        vpc vpc-1 10.0.0.0/16 2001:db8:1::/56
        vpc vpc-2 10.0.0.0/17 10.2.0.0/16 2001:db8:2::/56
        vpc vpc-3 10.3.0.0/16 2001:db8:3::/56
        igw igw-1 vpc-1
        igw igw-2 vpc-2
        eigw eigw-1 vpc-1
        eigw eigw-3 vpc-3
        vgw vgw-1 vpc-1 172.16.0.0/12
        pl pl-1 198.51.100.0/24 203.0.113.0/25
        rtb rtb-a vpc-1
          0.0.0.0/0 igw-1
          ::/0 eigw-1
          172.16.0.0/12 vgw-1
          10.9.0.0/16 blackhole
          pl-1 igw-1
          10.0.3.0/24 eni-fw
          10.0.128.0/18 vgw-1 propagated
        rtb rtb-edge vpc-1 edge=igw-1
          10.0.2.0/24 eni-fw
        rtb rtb-fw vpc-1
          0.0.0.0/0 igw-1
          ::/0 igw-1
        rtb rtb-b vpc-1
          0.0.0.0/0 eni-fw
          ::/0 igw-1
        rtb rtb-2 vpc-2
          0.0.0.0/0 igw-2
          ::/0 igw-2
        rtb rtb-3 vpc-3
          ::/0 eigw-3
          0.0.0.0/0 vgw-9
        acl acl-a vpc-1
          in 50 deny tcp 25-30 0.0.0.0/0
          in 60 deny icmp 8/1 0.0.0.0/0
          in 100 allow all 0.0.0.0/0
          in 101 allow all ::/0
          out 90 deny udp 53 203.0.113.64/26
          out 100 allow all 0.0.0.0/0
          out 101 allow all ::/0
        subnet sub-a vpc-1 10.0.1.0/24 2001:db8:1:1::/64 rtb=rtb-a acl=acl-a
        subnet sub-b vpc-1 10.0.2.0/24 2001:db8:1:2::/64 rtb=rtb-b
        subnet sub-c vpc-1 10.0.3.0/24 rtb=rtb-a
        subnet sub-fw vpc-1 10.0.9.0/24 2001:db8:1:9::/64 rtb=rtb-fw
        subnet sub-2 vpc-2 10.0.1.0/24 2001:db8:2:1::/64 rtb=rtb-2
        subnet sub-3 vpc-3 10.3.1.0/24 2001:db8:3:1::/64 rtb=rtb-3
        sg sg-web vpc-1 vpc-2
          in tcp 80 0.0.0.0/0
          in tcp 80 ::/0
          in tcp 443 sg-web
          in tcp 443 pl-1
          in udp 53 0.0.0.0/0
          in icmp 8/* 0.0.0.0/0
          in icmpv6 128/* ::/0
          in 47 0.0.0.0/0
          out tcp 80-443 0.0.0.0/0
          out udp all 10.0.0.0/8
          out icmp all 0.0.0.0/0
          out icmpv6 all ::/0
          out tcp all ::/0
        sg sg-open vpc-1 vpc-2 vpc-3
          in tcp all 0.0.0.0/0
          in udp 1000-2000 10.0.0.0/8
          in icmp 3/* 0.0.0.0/0
          in tcp 443 ::/0
          in 58 0.0.0.0/0
          out all 0.0.0.0/0
          out all ::/0
        sg sg-fw vpc-1
          in all 0.0.0.0/0
          out all 0.0.0.0/0
          in all ::/0
          out all ::/0
        eni eni-a1 sub-a 10.0.1.10=203.0.113.10 10.0.1.11 2001:db8:1:1::10 sg=sg-web
        eni eni-a2 sub-a 10.0.1.20=203.0.113.20 2001:db8:1:1::20 sg=sg-open+sg-web timers=350/90/40
        eni eni-b1 sub-b 10.0.2.10=203.0.113.30 2001:db8:1:2::10 sg=sg-web
        eni eni-b2 sub-b 10.0.2.20 sg=sg-open prefix=10.0.2.64/28 denyigw
        eni eni-c1 sub-c 10.0.3.10 sg=sg-open
        eni eni-fw sub-fw 10.0.9.10=203.0.113.90 2001:db8:1:9::10 sg=sg-fw nocheck
        eni eni-m1 sub-c 10.0.3.50 managed
        eni eni-2a sub-2 10.0.1.10=198.51.100.10 2001:db8:2:1::10 sg=sg-web
        eni eni-2b sub-2 10.0.1.99=198.51.100.99 2001:db8:2:1::99 sg=sg-open
        eni eni-3a sub-3 10.3.1.10 2001:db8:3:1::10 sg=sg-open
        """;

    /// <summary>Two web servers and a database behind an internet gateway.</summary>
    public const string Small = """
        vpc vpc-1 10.0.0.0/16
        igw igw-1 vpc-1
        rtb rtb-a vpc-1
          0.0.0.0/0 igw-1
        acl acl-a vpc-1
          in 100 allow tcp 80 0.0.0.0/0
          in 110 allow tcp 1024-65535 0.0.0.0/0
          in 120 allow udp 1024-65535 0.0.0.0/0
          in 130 allow icmp all 0.0.0.0/0
          out 100 allow all 0.0.0.0/0
        subnet sub-a vpc-1 10.0.1.0/24 rtb=rtb-a acl=acl-a
        subnet sub-b vpc-1 10.0.2.0/24
        sg sg-a vpc-1
          in tcp 80 0.0.0.0/0
          in tcp 1024-2000 10.0.2.0/24
          out all 0.0.0.0/0
        sg sg-b vpc-1
          in tcp 80 sg-a
          in udp all sg-a
          in icmp 8/0 sg-a
          out tcp 1024-65535 10.0.1.0/24
        eni eni-a1 sub-a 10.0.1.10=203.0.113.10 sg=sg-a
        eni eni-a2 sub-a 10.0.1.20=203.0.113.20 sg=sg-a
        eni eni-b1 sub-b 10.0.2.10 sg=sg-b
        """;

    private static readonly string[] V4 =
    [
        "10.0.1.10", "10.0.1.11", "10.0.1.20", "10.0.2.10", "10.0.2.20", "10.0.2.70", "10.0.3.10", "10.0.3.50", "10.0.9.10", "10.0.1.99", "10.2.0.9", "10.3.1.10",
        "203.0.113.10", "203.0.113.20", "203.0.113.30", "203.0.113.90", "198.51.100.10", "198.51.100.99",
        "203.0.113.70", "198.51.100.7", "8.8.8.8", "172.16.5.5", "10.9.0.1", "100.64.1.1", "192.168.7.7", "10.0.1.77", "10.0.130.1",
        "169.254.169.254", "10.0.0.2", "10.0.1.1", "169.254.168.9", "224.0.0.5", "255.255.255.255",
    ];

    private static readonly string[] V6 =
    [
        "2001:db8:1:1::10", "2001:db8:1:1::20", "2001:db8:1:2::10", "2001:db8:1:9::10", "2001:db8:2:1::10", "2001:db8:2:1::99", "2001:db8:3:1::10",
        "2001:db8:ffff::1", "2001:db8:1:1::77", "fd00:ec2::254", "ff02::1",
    ];

    private static readonly ushort[] Ports = [80, 443, 53, 25, 1500, 40000, 40001];

    private static readonly byte[] Flags = [TcpFlag.Syn, TcpFlag.Syn, TcpFlag.Syn | TcpFlag.Ack, TcpFlag.Ack, TcpFlag.Ack, TcpFlag.Ack | TcpFlag.Fin, TcpFlag.Rst, 0, TcpFlag.Syn | TcpFlag.Fin];

    public static Network Network(string text) => NetworkBuilder.Network(text);

    /// <summary>Random switches; the first of each seed are the defaults.</summary>
    public static JudgeOptions Options(Random random) => new()
    {
        Causal = random.Next(4) != 0,
        Midstream = (MidstreamPolicy)(random.Next(4) / 3),
        IcmpErrors = (IcmpErrorPolicy)random.Next(3),
        Fragments = (FragmentPolicy)(random.Next(4) / 3),
        Overlap = (OverlapPolicy)random.Next(2),
        BlockPort25 = random.Next(2) == 0,
        MaxFlows = random.Next(4) == 0 ? random.Next(1, 12) : 1_048_576,
    };

    /// <summary>Packets between the addresses of the networks above and outsiders. Half of them repeat or answer an earlier one.</summary>
    /// <param name="isMonotonic">Whether time never runs backwards.</param>
    public static List<TimedPacket> Packets(Random random, int count, bool isMonotonic = true)
    {
        List<TimedPacket> packets = [];
        long now = 1_700_000_000L * 1_000_000_000;
        while (packets.Count < count)
        {
            now += random.Next(40) switch
            {
                0 => random.Next(200) * 1_000_000_000L,
                1 => random.Next(600) * 1_000_000_000L,
                2 => 30_000_000_000,
                3 => 10_000_000_000,
                4 when random.Next(40) == 0 => 432_000_000_000_000,
                5 when !isMonotonic => -random.Next(90) * 1_000_000_000L,
                _ => random.Next(3_000_000),
            };
            Headers quote = default;
            Headers packet;
            int earlier = packets.Count == 0 ? 0 : packets.Count - 1 - random.Next(Math.Min(packets.Count, 60));
            int kind = packets.Count == 0 ? 19 : random.Next(20);
            switch (kind)
            {
                case <= 3:
                    packet = packets[earlier].Packet;
                    Refresh(ref packet, random);
                    break;
                case <= 9:
                    packet = Answer(packets[earlier].Packet, random);
                    break;
                case 10:
                    packet = OtherView(packets[earlier].Packet, random);
                    break;
                case 11 or 12 when packets[earlier].Packet is { IsLaterFragment: false } quoted:
                    quote = quoted;
                    quote.Flags &= HeaderFlags.Ipv6 | HeaderFlags.PortsKnown;
                    packet = Error(quoted, random);
                    break;
                default:
                    packet = Fresh(random);
                    break;
            }

            packet.WireLength = (uint)random.Next(60, 1500);
            packet.Status = random.Next(200) switch
            {
                0 => PacketStatus.Invalid,
                1 => PacketStatus.Ignored,
                _ => PacketStatus.Ok,
            };
            if (!packet.HasQuote && (packet.Flags & (HeaderFlags.FirstFragment | HeaderFlags.LaterFragment)) == 0 && random.Next(25) == 0)
            {
                Fragment(ref packet, random);
            }

            packets.Add(new TimedPacket(packet, quote, now));
        }

        return packets;
    }

    public static string Show(in TimedPacket packet) =>
        $"{packet.Time} {Show(packet.Packet)}{(packet.Packet.HasQuote ? " quoting " + Show(packet.Quote) : "")}";

    private static string Show(in Headers packet) =>
        $"{packet.Status} proto {packet.Protocol} {packet.Source}:{packet.SourcePort} > {packet.Destination}:{packet.DestinationPort} ({packet.IcmpType}/{packet.IcmpCode}) flags {packet.TcpFlags} {packet.Flags} id {packet.FragmentId}";

    private static Headers Fresh(Random random)
    {
        bool isIpv6 = random.Next(4) == 0;
        string[] pool = isIpv6 ? V6 : V4;
        Headers packet = default;
        packet.Flags = isIpv6 ? HeaderFlags.Ipv6 : HeaderFlags.None;
        packet.Source = IpAddress.Parse(pool[random.Next(pool.Length)]);
        packet.Destination = IpAddress.Parse(pool[random.Next(pool.Length)]);
        packet.Protocol = random.Next(12) switch
        {
            <= 4 => 6,
            <= 7 => 17,
            <= 9 => isIpv6 ? (byte)58 : (byte)1,
            10 => 47,
            _ => isIpv6 ? (byte)1 : (byte)58,
        };
        if (packet.Protocol is 6 or 17)
        {
            packet.SourcePort = Ports[random.Next(Ports.Length)];
            packet.DestinationPort = Ports[random.Next(Ports.Length)];
            packet.Flags |= HeaderFlags.PortsKnown;
        }
        else if (packet.IsIcmp)
        {
            packet.Flags |= HeaderFlags.PortsKnown;
            int type = packet.Protocol == 58 ? new[] { 128, 129, 130, 1 }[random.Next(4)] : new[] { 8, 0, 13, 14, 3, 9 }[random.Next(6)];
            packet.DestinationPort = (ushort)(type << 8 | (random.Next(8) == 0 ? 1 : 0));
            if (packet.Protocol == (isIpv6 ? 58 : 1) && type is 128 or 129 or 8 or 0 or 13 or 14)
            {
                packet.SourcePort = (ushort)random.Next(3);
            }
        }

        packet.TcpFlags = packet.Protocol == 6 ? Flags[random.Next(Flags.Length)] : (byte)0;
        return packet;
    }

    private static void Refresh(ref Headers packet, Random random)
    {
        if (packet.Protocol == 6 && !packet.IsLaterFragment)
        {
            packet.TcpFlags = Flags[random.Next(Flags.Length)];
        }
    }

    private static Headers Answer(Headers packet, Random random)
    {
        (packet.Source, packet.Destination) = (packet.Destination, packet.Source);
        if (packet.Protocol is 6 or 17)
        {
            (packet.SourcePort, packet.DestinationPort) = (packet.DestinationPort, packet.SourcePort);
        }
        else if (packet.IsIcmp && packet.PortsKnown)
        {
            int type = (int)packet.IcmpType switch
            {
                8 => 0,
                0 => 8,
                13 => 14,
                14 => 13,
                128 => 129,
                129 => 128,
                int other => other,
            };
            packet.DestinationPort = (ushort)(type << 8 | packet.IcmpCode);
        }

        packet.Flags &= ~(HeaderFlags.FirstFragment | HeaderFlags.LaterFragment | HeaderFlags.HasQuote);
        if (packet.Protocol is 6 or 17 || packet.IsIcmp)
        {
            packet.Flags |= HeaderFlags.PortsKnown;
        }

        packet.FragmentId = 0;
        Refresh(ref packet, random);
        return packet;
    }

    /// <summary>The same packet as seen from the other side of an internet gateway.</summary>
    private static Headers OtherView(Headers packet, Random random)
    {
        (string, string)[] pairs = [("10.0.1.10", "203.0.113.10"), ("10.0.1.20", "203.0.113.20"), ("10.0.2.10", "203.0.113.30"), ("10.0.1.99", "198.51.100.99"), ("10.0.1.10", "198.51.100.10")];
        foreach ((string inside, string outside) in pairs)
        {
            (IpAddress a, IpAddress b) = (IpAddress.Parse(inside), IpAddress.Parse(outside));
            if (packet.Source == a || packet.Source == b)
            {
                packet.Source = packet.Source == a ? b : a;
                break;
            }

            if (packet.Destination == a || packet.Destination == b)
            {
                packet.Destination = packet.Destination == a ? b : a;
                break;
            }
        }

        Refresh(ref packet, random);
        return packet;
    }

    private static Headers Error(Headers quoted, Random random)
    {
        Headers error = Fresh(random);
        string[] pool = quoted.IsIpv6 ? V6 : V4;
        error.Flags = (quoted.IsIpv6 ? HeaderFlags.Ipv6 : HeaderFlags.None) | HeaderFlags.PortsKnown | HeaderFlags.HasQuote;
        error.Protocol = quoted.IsIpv6 ? (byte)58 : (byte)1;
        error.SourcePort = 0;
        error.TcpFlags = 0;
        error.DestinationPort = (ushort)((quoted.IsIpv6 ? 1 : 3) << 8 | random.Next(5));
        error.Source = random.Next(2) == 0 ? quoted.Destination : IpAddress.Parse(pool[random.Next(pool.Length)]);
        error.Destination = quoted.Source;
        error.FragmentId = 0;
        return random.Next(3) == 0 ? OtherView(error, random) : error;
    }

    private static void Fragment(ref Headers packet, Random random)
    {
        packet.FragmentId = (uint)random.Next(4);
        packet.FragmentProtocol = packet.Protocol;
        if (random.Next(2) == 0)
        {
            packet.Flags |= HeaderFlags.FirstFragment;
            return;
        }

        packet.Flags = (packet.Flags | HeaderFlags.LaterFragment) & ~HeaderFlags.PortsKnown;
        packet.SourcePort = packet.DestinationPort = 0;
        packet.TcpFlags = 0;
    }
}
