using System;
using Dataplane.Live;
using Dataplane.Packets;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Live;

/// <summary>Forwarding allocates nothing, whatever becomes of a packet.</summary>
public sealed class BoxAllocationTests
{
    public static TheoryData<string, LiveFate> Ways => new()
    {
        { "between subnets", LiveFate.Forwarded },
        { "out, translated", LiveFate.Forwarded },
        { "out, ICMP error that quotes", LiveFate.Forwarded },
        { "in, translated", LiveFate.Forwarded },
        { "in fragments", LiveFate.Forwarded },
        { "misplaced", LiveFate.Dropped },
        { "too big", LiveFate.TooBig },
        { "ARP", LiveFate.Answered },
        { "neighbour solicitation", LiveFate.Answered },
        { "DHCP", LiveFate.Answered },
        { "DHCPv6", LiveFate.Answered },
        { "waiting", LiveFate.NoNeighbour },
    };

    [Theory, MemberData(nameof(Ways))]
    public void Not_a_byte_a_packet(string way, LiveFate fate)
    {
        using BoxLab lab = new BoxLab(BoxLab.Small, "eni-a", "igw-1", "eni-c").Up();
        lab.Frame(1, LiveFrames.Arp(1, BoxLab.Host(1), "198.51.100.7", default, "203.0.113.10"));
        foreach (FakePort port in lab.Ports)
        {
            port.Keeps = false;
        }

        byte[] big = PacketBuilder.Udp("10.0.1.10", 1, "198.51.100.7", 2, 2_000);
        byte[] tooBig = [.. big];
        tooBig[6] = 0x40;
        (int port, byte[] frame) at = way switch
        {
            "between subnets" => To(0, PacketBuilder.Udp("10.0.1.10", 1, "10.0.2.30", 2, 100)),
            "out, translated" => To(0, PacketBuilder.Udp("10.0.1.10", 1, "198.51.100.7", 2, 100)),
            "out, ICMP error that quotes" => To(0, PacketBuilder.IcmpError("10.0.1.10", "198.51.100.7", 3, 3, PacketBuilder.Udp("198.51.100.7", 1, "10.0.1.10", 2))),
            "in, translated" => To(1, PacketBuilder.Tcp("198.51.100.7", 4_000, "203.0.113.10", 80, PacketBuilder.Syn)),
            "in fragments" => To(0, big),
            "misplaced" => To(0, PacketBuilder.Udp("10.0.1.20", 1, "10.0.2.30", 2)),
            "too big" => To(0, tooBig),
            "ARP" => (0, LiveFrames.Arp(1, BoxLab.Host(0), "10.0.1.10", default, "10.0.1.1")),
            "neighbour solicitation" => (0, BoxNeighbourDiscoveryTests.Solicitation(0, "2001:db8:1:1::10", "fe80:ec2::1")),
            "DHCPv6" => (0, BoxDhcpv6Tests.Datagram(1, BoxDhcpv6Tests.ClientId(), BoxDhcpv6Tests.Association(7))),
            "DHCP" => (0, BoxDhcpTests.Broadcast(BoxDhcpTests.Message(1))),
            _ => To(0, PacketBuilder.Udp("10.0.1.10", 1, "198.51.100.8", 2, 100)),
        };
        PacketBlock block = new();
        for (int i = 0; i < 500; i++)
        {
            at.frame.CopyTo(block.Add(lab.Now, at.frame.Length, (uint)at.frame.Length, LinkType.Ethernet, at.port));
        }

        // The runtime itself allocates a little when it replaces a method's code; what a packet costs, it costs in every round.
        long least = long.MaxValue;
        long before = lab.Box.Fates[fate];
        for (int round = 0; round < 8; round++)
        {
            long start = GC.GetAllocatedBytesForCurrentThread();
            HeaderParser.ParseBlock(block, null);
            lab.Run(block);
            lab.Box.Tick(lab.Now);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - start);
        }

        Assert.Equal(0, least);
        Assert.InRange(lab.Box.Fates[fate] - before, 3_900, 4_000);

        (int, byte[]) To(int port, byte[] packet) => (port, BoxLab.Packet(BoxLab.Host(port), lab.Router(port), LiveFrames.Sound(packet)));
    }
}
