// Traffic of the benchmarks, from fixed seeds. Clients on the internet talk to one server in a VPC: the same addresses as in captures/three-tier.yaml's web tier.

using System;
using System.Buffers.Binary;
using System.Collections.Frozen;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.IO;
using Dataplane.Packets;
using Dataplane.Topology.Model;

namespace Dataplane.Bench;

internal static class Traffic
{
    internal const long Start = 1_700_000_000L * 1_000_000_000;

    internal const uint Server = 0x0A00010A;    // 10.0.1.10
    internal const uint Clients = 0xC6000000;   // 198.0.0.0 and upward

    // 2600:1f18::10
    internal const ulong ServerHigh = 0x2600_1F18_0000_0000;
    internal const ulong ServerLow = 0x10;

    /// <summary>One server with a public address; its group has <paramref name="rules"/> ingress rules of AWS shape and lets TCP 443 in last.</summary>
    internal static Network Network(int rules, int seed = 1)
    {
        Random random = new(seed);
        ImmutableArray<SecurityGroupRule>.Builder ingress = ImmutableArray.CreateBuilder<SecurityGroupRule>();
        for (int i = 0; i < rules - 1; i++)
        {
            IpPrefix block = new(IpAddress.V4((uint)random.Next()), random.Next(12, 33));
            int port = random.Next(1, 60_000);
            ingress.Add(new SecurityGroupRule($"{i + 1}", random.Next(3) == 0 ? 17 : 6, port, port + random.Next(0, 20), new CidrPeer(block)));
        }

        ingress.Add(new SecurityGroupRule($"{rules}", 6, 443, 443, new CidrPeer(new IpPrefix(IpAddress.V4(Clients), 8))));
        ingress.Add(new SecurityGroupRule($"{rules + 1}", 6, 443, 443, new CidrPeer(IpPrefix.Parse("2001:db8::/32"))));
        NetworkAclEntry all = new(100, true, -1, 0, 65_535, IpPrefix.AnyV4), allV6 = new(101, true, -1, 0, 65_535, IpPrefix.AnyV6);
        return new Network
        {
            Vpcs = [new Vpc("vpc-1", [IpPrefix.Parse("10.0.0.0/16"), IpPrefix.Parse("2600:1f18::/56")])],
            Subnets = [new Subnet("subnet-1", "vpc-1", [IpPrefix.Parse("10.0.1.0/24"), IpPrefix.Parse("2600:1f18::/64")], "rtb-1", "acl-1")],
            Interfaces =
            [
                new NetworkInterface
                {
                    Id = "eni-1",
                    VpcId = "vpc-1",
                    SubnetId = "subnet-1",
                    Addresses =
                    [
                        new InterfaceAddress(IpAddress.V4(Server), IpAddress.Parse("203.0.113.1")),
                        new InterfaceAddress(IpAddress.V6(ServerHigh, ServerLow)),
                    ],
                    SecurityGroupIds = ["sg-1"],
                },
            ],
            SecurityGroups = [new SecurityGroup("sg-1", "web", ["vpc-1"], ingress.ToImmutable(), [])],
            NetworkAcls = [new NetworkAcl("acl-1", "vpc-1", true, [all, allV6], [all, allV6])],
            RouteTables =
            [
                new RouteTable("rtb-1", "vpc-1", true,
                    [
                        new Route(IpPrefix.Parse("10.0.0.0/16"), null, TargetKind.Local, "local", RouteOrigin.Local),
                        new Route(IpPrefix.Parse("2600:1f18::/56"), null, TargetKind.Local, "local", RouteOrigin.Local),
                        new Route(IpPrefix.AnyV4, null, TargetKind.InternetGateway, "igw-1"),
                        new Route(IpPrefix.AnyV6, null, TargetKind.InternetGateway, "igw-1"),
                    ], [], []),
            ],
            PrefixLists = [],
            Gateways = [new Gateway("igw-1", GatewayKind.Internet, "vpc-1", [])],
            Instances = FrozenDictionary<string, ImmutableArray<string>>.Empty,
        };
    }

    /// <summary>A 60-byte TCP frame between client number <paramref name="flow"/> and the server.</summary>
    internal static void Frame(Span<byte> frame, int flow, bool back, byte flags, int destinationPort = 443)
    {
        frame.Clear();
        frame[12] = 8;
        frame[14] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(frame[16..], (ushort)(frame.Length - 14));
        frame[22] = 64;
        frame[23] = 6;
        uint client = Clients + (uint)(flow >> 4);
        ushort port = (ushort)(32_768 + (flow & 15));
        BinaryPrimitives.WriteUInt32BigEndian(frame[26..], back ? Server : client);
        BinaryPrimitives.WriteUInt32BigEndian(frame[30..], back ? client : Server);
        BinaryPrimitives.WriteUInt16BigEndian(frame[34..], (ushort)(back ? destinationPort : port));
        BinaryPrimitives.WriteUInt16BigEndian(frame[36..], (ushort)(back ? port : destinationPort));
        frame[46] = 0x50;
        frame[47] = flags;
    }

    /// <summary>Blocks of parsed packets: one SYN for each flow, then packets both ways in random order.</summary>
    internal static List<PacketBlock> Blocks(int flows, int packets, bool opening, int destinationPort = 443)
    {
        Random random = new(2);
        List<PacketBlock> blocks = [];
        Span<byte> frame = stackalloc byte[60];
        PacketBlock? block = null;
        for (int i = 0; i < packets; i++)
        {
            if (block is null || block.IsFull)
            {
                block = new PacketBlock { FirstNumber = i + 1 };
                blocks.Add(block);
            }

            int flow = opening ? i : random.Next(flows);
            Frame(frame, flow, !opening && random.Next(2) == 0, opening ? TcpFlag.Syn : TcpFlag.Ack, destinationPort);
            frame.CopyTo(block.Add(Start + (i * 1_000L), 60, 60, LinkType.Ethernet, 0));
        }

        foreach (PacketBlock full in blocks)
        {
            HeaderParser.ParseBlock(full, null);
            full.Selected.AsSpan(0, full.Count).Fill(true);
        }

        return blocks;
    }

    /// <summary>A nanosecond pcap of 65,536 TCP flows, most of them established, a tenth of the packets to a port that is closed.</summary>
    internal static void WriteCapture(string path, long packets, int length)
    {
        const int Flows = 65_536;
        Random random = new(3);
        using FileStream file = new(path, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20);
        Span<byte> head = stackalloc byte[24];
        BinaryPrimitives.WriteUInt32LittleEndian(head, 0xA1B23C4D);
        BinaryPrimitives.WriteUInt16LittleEndian(head[4..], 2);
        BinaryPrimitives.WriteUInt16LittleEndian(head[6..], 4);
        BinaryPrimitives.WriteUInt32LittleEndian(head[16..], 65_535);
        BinaryPrimitives.WriteUInt32LittleEndian(head[20..], 1);
        file.Write(head);
        byte[] record = new byte[16 + length];
        long time = Start;
        for (long i = 0; i < packets; i++)
        {
            time += random.Next(100, 2_000);
            bool opening = i < Flows;
            int flow = opening ? (int)i : random.Next(Flows);
            bool closed = !opening && random.Next(10) == 0;
            Frame(record.AsSpan(16, 60), flow, !opening && !closed && random.Next(2) == 0, opening || closed ? TcpFlag.Syn : TcpFlag.Ack, closed ? 23 : 443);
            BinaryPrimitives.WriteUInt16BigEndian(record.AsSpan(32), (ushort)(length - 14));
            BinaryPrimitives.WriteUInt32LittleEndian(record, (uint)(time / 1_000_000_000));
            BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(4), (uint)(time % 1_000_000_000));
            BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), (uint)length);
            BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(12), (uint)length);
            file.Write(record);
        }
    }
}
