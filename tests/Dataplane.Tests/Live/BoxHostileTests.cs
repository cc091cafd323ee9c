using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Live;
using Dataplane.Packets;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Live;

/// <summary>Frames that nobody sound sends: no exception, no table beyond its bound, every frame one fate, and nothing broken is sent.</summary>
/// <remarks>20,000 frames; a million with DATAPLANE_LONG=1.</remarks>
public sealed class BoxHostileTests
{
    private const string A = "10.0.1.10", Outside = "198.51.100.7";

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Mutated_frames_break_nothing(int seed)
    {
        int frames = LongRuns.IsOn ? 500_000 : 10_000;
        string[] ports = ["eni-a", "igw-1", "eni-c", "eni-b"];
        using BoxLab lab = new BoxLab(BoxLab.Small, ports).Up();
        long before = lab.Box.Fates.Total;
        Random random = new(seed);
        byte[][] seeds = [.. Seeds(lab)];
        int done = 0;
        while (done < frames)
        {
            (int, byte[])[] some = [.. Enumerable.Range(0, Math.Min(250, frames - done)).Select(_ => (random.Next(ports.Length), Mutate(random, seeds)))];
            lab.Frames(some);
            done += some.Length;
            lab.Now += random.Next(3) == 0 ? BoxLab.Second : BoxLab.Second / 1_000;
            lab.Box.Tick(lab.Now);
            Assert.InRange(lab.Box.Waiting, 0, 1_024);
            Assert.InRange(lab.Box.Neighbours, 0, 4_096 + (3 * 64));
            foreach (FakePort port in lab.Ports)
            {
                foreach (byte[] frame in port.Take())
                {
                    HeaderParser.Parse(frame, LinkType.Ethernet, (uint)frame.Length, out Headers headers);
                    Assert.True(headers.Status is PacketStatus.Ok or PacketStatus.Ignored, $"seed {seed}: {port.Name} sent {Convert.ToHexString(frame)}");
                }
            }
        }

        lab.Pass(5);
        Assert.Equal(frames, lab.Box.Fates.Total - before);
        Assert.Equal((0, 0L), (lab.Box.Waiting, lab.Box.Fates[LiveFate.Waiting]));
        Assert.All(Enum.GetValues<LiveFate>(), fate => Assert.True(lab.Box.Fates[fate] >= 0, $"{fate}"));
        Assert.True(lab.Box.Fates[LiveFate.Answered] > frames / 100 && lab.Box.Fates[LiveFate.Forwarded] > frames / 100, $"seed {seed}: the frames are too broken to prove anything");
    }

    private static byte[] Mutate(Random random, byte[][] seeds)
    {
        byte[] frame = [.. seeds[random.Next(seeds.Length)]];
        switch (random.Next(8))
        {
            case 0:
                return frame;
            case 1:
                frame = frame[..random.Next(frame.Length + 1)];
                break;
            case 2:
                frame = [.. frame, .. new byte[random.Next(100)]];
                break;
            case 3:
                byte[] other = seeds[random.Next(seeds.Length)];
                int cut = random.Next(Math.Min(frame.Length, other.Length));
                frame = [.. frame[..cut], .. other[cut..]];
                break;
            default:
                for (int i = random.Next(1, 5); i > 0 && frame.Length > 0; i--)
                {
                    // Behind the link header most of the time, at values where lengths and offsets turn over some of the time.
                    int at = random.Next(4) == 0 ? random.Next(frame.Length) : Math.Min(frame.Length - 1, 14 + random.Next(80));
                    frame[at] = random.Next(3) == 0 ? (byte)(random.Next(2) * 255) : (byte)random.Next(256);
                }

                break;
        }

        // Neighbour discovery looks at checksums before all else.
        if (random.Next(2) == 0 && frame.Length > 14 + 44 && frame[12] == 0x86 && frame[20] == 58 && frame[14] >> 4 == 6)
        {
            LiveFrames.Sound(frame[14..]).CopyTo(frame, 14);
        }

        return frame;
    }

    private static IEnumerable<byte[]> Seeds(BoxLab lab)
    {
        yield return LiveFrames.Arp(1, BoxLab.Host(0), A, default, "10.0.1.1");
        yield return LiveFrames.Arp(1, BoxLab.Host(0), "0.0.0.0", default, "10.0.1.20");
        yield return LiveFrames.Arp(2, BoxLab.Host(1), Outside, lab.Router(1), "203.0.113.10");
        yield return LiveFrames.Arp(1, BoxLab.Host(1), Outside, default, "203.0.113.10");
        yield return BoxNeighbourDiscoveryTests.Solicitation(0, "2001:db8:1:1::10", "fe80:ec2::1");
        yield return BoxNeighbourDiscoveryTests.Solicitation(0, "::", "2001:db8:1:1::20");
        yield return BoxNeighbourDiscoveryTests.Solicitation(1, "2a00::1", "2001:db8:1:1::20");
        yield return BoxNeighbourDiscoveryTests.Advertisement(1, "2a00::1", "ff02::1", "2a00::1");
        yield return BoxNeighbourDiscoveryTests.Message(0, "fe80::6", "ff02::2", 133, [0, 0, 0, 0, 1, 1, 6, 0, 0, 0, 0, 16]);
        yield return BoxDhcpTests.Broadcast(BoxDhcpTests.Message(1));
        yield return BoxDhcpTests.Broadcast(BoxDhcpTests.Message(3, A, "10.0.1.1"));
        yield return BoxDhcpv6Tests.Datagram(1, BoxDhcpv6Tests.ClientId(), BoxDhcpv6Tests.Association(7, "2001:db8:1:1::66"));
        yield return BoxDhcpv6Tests.Datagram(5, BoxDhcpv6Tests.ClientId(), BoxDhcpv6Tests.ServerId(lab), BoxDhcpv6Tests.Association(7), BoxDhcpv6Tests.Association(8));
        foreach (byte[] packet in (byte[][])
        [
            PacketBuilder.Udp(A, 1, "10.0.2.30", 2, 30),
            PacketBuilder.Tcp(A, 1, Outside, 80, PacketBuilder.Syn, 10),
            PacketBuilder.Udp(A, 1, Outside, 53, 3_000),
            PacketBuilder.Udp(A, 1, "203.0.113.30", 53, 9),
            PacketBuilder.Udp(A, 1, "198.51.100.8", 53, 9),
            PacketBuilder.IcmpError(A, Outside, 3, 3, PacketBuilder.Tcp(Outside, 1, A, 2, 0)),
            PacketBuilder.Fragment(A, Outside, 17, 7, 0, true, PacketBuilder.UdpHeader(1, 2, 40)),
            PacketBuilder.Fragment(A, Outside, 17, 7, 48, false, new byte[40]),
            PacketBuilder.Udp("2001:db8:1:1::10", 1, "2001:db8:1:2::30", 2, 30),
            PacketBuilder.Udp("2001:db8:1:1::10", 1, "2a00::1", 2, 1_600),
        ])
        {
            yield return BoxLab.Packet(BoxLab.Host(0), lab.Router(0), LiveFrames.Sound(packet));
        }

        foreach (byte[] packet in (byte[][])
        [
            PacketBuilder.Tcp(Outside, 4_000, "203.0.113.10", 80, PacketBuilder.Syn),
            PacketBuilder.IcmpError(Outside, "203.0.113.10", 11, 0, PacketBuilder.Udp("203.0.113.10", 1, "198.51.100.9", 53, 9)),
            PacketBuilder.Tcp("2a00::1", 4_000, "2001:db8:1:1::10", 80, PacketBuilder.Syn),
        ])
        {
            yield return BoxLab.Packet(BoxLab.Host(1), lab.Router(1), LiveFrames.Sound(packet));
        }
    }
}
