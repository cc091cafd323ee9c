using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Live;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Live;

/// <summary>RT-35, RT-36: what a link takes, and what becomes of longer packets.</summary>
public sealed class BoxTooBigTests
{
    private const string A = "10.0.1.10", C = "10.0.2.30", Outside = "198.51.100.7";

    [Theory]
    [InlineData(9_001, 9_001, 9_001, true, "inside a VPC 9,001")]
    [InlineData(9_001, 9_002, 9_001, false, "and no more, whatever the port takes")]
    [InlineData(1_500, 1_500, 1_500, true, "but what the port takes")]
    [InlineData(1_500, 1_501, 1_500, false, "and no more")]
    public void RT_35_inside_a_VPC(int portMtu, int length, int mtu, bool fits, string shows)
    {
        using BoxLab lab = new BoxLab(BoxLab.Small, "eni-a", "eni-c").Up();
        lab.Ports[1].Mtu = portMtu + (portMtu == 9_001 ? 999 : 0);
        byte[] packet = NoFragments(PacketBuilder.Udp(A, 1, C, 2, length - 28));
        lab.Ip(0, packet);
        Assert.Equal((shows, fits ? 1 : 0), (shows, lab.Ports[1].Take().Length));
        Assert.Equal(1, lab.Box.Fates[fits ? LiveFate.Forwarded : LiveFate.TooBig]);
        if (!fits)
        {
            Assert.Equal(mtu, BinaryPrimitives.ReadUInt16BigEndian(Assert.Single(lab.Ports[0].Take()).AsSpan(14 + 26)));
        }
    }

    [Fact]
    public void RT_36_IPv4_that_must_not_be_fragmented_is_answered_by_the_router_as_it_was_sent()
    {
        using BoxLab lab = new BoxLab(BoxLab.Small, "eni-a", "igw-1").Up();
        byte[] packet = NoFragments(PacketBuilder.Udp(A, 1, Outside, 2, 1_473));
        Assert.Equal(Verdict.Allow, lab.Ip(0, packet).Verdict);
        Assert.Empty(lab.Ports[1].Take());
        byte[] frame = Assert.Single(lab.Ports[0].Take());
        byte[] ip = LiveFrames.IpOf(frame);
        Assert.Equal((lab.Router(0), BoxLab.Host(0), "10.0.1.1 > 10.0.1.10"), (LiveFrames.From(frame), LiveFrames.To(frame), LiveFrames.Ends(frame)));
        Assert.Equal([3, 4], ip[20..22]);
        Assert.Equal(1_500, BinaryPrimitives.ReadUInt16BigEndian(ip.AsSpan(26)));
        Assert.Equal(packet[..548], ip[28..]);
        Assert.Equal(576, ip.Length);
        Assert.True(LiveFrames.IsSound(ip));
        Assert.Equal((1L, 1L), (lab.Box.Fates[LiveFate.TooBig], lab.Box.Counters.ErrorsSent));
    }

    [Fact]
    public void From_outside_it_comes_from_the_address_that_the_packet_was_for()
    {
        using BoxLab lab = new BoxLab(BoxLab.Small, "eni-a", "igw-1").Up();
        lab.Ports[0].Mtu = 1_400;
        byte[] packet = NoFragments(PacketBuilder.Tcp(Outside, 4_000, "203.0.113.10", 80, PacketBuilder.Syn, 1_400));
        lab.Ip(1, packet);
        byte[] frame = Assert.Single(lab.Ports[1].Take());
        Assert.Equal((lab.Router(1), BoxLab.Host(1), $"203.0.113.10 > {Outside}"), (LiveFrames.From(frame), LiveFrames.To(frame), LiveFrames.Ends(frame)));
        Assert.Equal(packet[..40], frame[42..82]);    // untranslated
    }

    [Fact]
    public void RT_36_IPv6_is_answered_by_packet_too_big()
    {
        using BoxLab lab = new BoxLab(BoxLab.Small, "eni-a", "eni-c").Up();
        lab.Ports[1].Mtu = 1_400;
        byte[] packet = PacketBuilder.Udp("2001:db8:1:1::10", 1, "2001:db8:1:2::30", 2, 1_353);
        lab.Ip(0, packet);
        byte[] frame = Assert.Single(lab.Ports[0].Take());
        byte[] ip = LiveFrames.IpOf(frame);
        Assert.Equal(2, ip[40]);
        Assert.Equal(1_400u, BinaryPrimitives.ReadUInt32BigEndian(ip.AsSpan(44)));
        Assert.Equal(lab.Plan.Ports[0].RouterLinkLocal, IpAddress.Read(ip.AsSpan(8, 16)));
        Assert.Equal(packet[..1_232], ip[48..]);
        Assert.True(LiveFrames.IsSound(ip));
    }

    [Theory]
    [InlineData("error")]
    [InlineData("later")]
    public void No_error_about_errors_and_later_fragments(string what)
    {
        using BoxLab lab = new BoxLab(BoxLab.Small, "eni-a", "eni-c").Up();
        lab.Ports[1].Mtu = 600;
        byte[] packet = NoFragments(what == "error"
            ? PacketBuilder.IcmpError(A, C, 3, 3, PacketBuilder.Udp(C, 1, A, 2, 700))
            : PacketBuilder.Fragment(A, C, 17, 7, 800, false, new byte[700]));
        lab.Ip(0, packet);
        Assert.Equal(1, lab.Box.Fates[LiveFate.TooBig]);
        Assert.Empty(lab.Ports[0].Take());
    }

    [Fact]
    public void Errors_are_so_many_a_second()
    {
        using BoxLab lab = new BoxLab(BoxLab.Small, "eni-a", "igw-1").Up();
        byte[] packet = NoFragments(PacketBuilder.Udp(A, 1, Outside, 2, 1_473));
        for (int i = 0; i < 200; i++)
        {
            lab.Ip(0, packet);
        }

        Assert.Equal((50, 150L), (lab.Ports[0].Take().Length, lab.Box.Counters.ErrorsHeldBack));
        lab.Now += BoxLab.Second / 10;
        for (int i = 0; i < 200; i++)
        {
            lab.Ip(0, packet);
        }

        Assert.Equal(10, lab.Ports[0].Take().Length);
    }

    [Fact]
    public void RT_36_IPv4_that_may_be_is_fragmented_after_translation()
    {
        using BoxLab lab = new BoxLab(BoxLab.Small, "eni-a", "igw-1").Up();
        lab.Frame(1, LiveFrames.Arp(1, BoxLab.Host(1), Outside, default, "203.0.113.10"));
        lab.Ports[1].Take();
        byte[] udp = PacketBuilder.UdpHeader(1, 2, 4_000);
        new Random(1).NextBytes(udp.AsSpan(8));
        lab.Ip(0, LiveFrames.Sound(PacketBuilder.Raw(A, Outside, 17, udp)));
        byte[][] frames = lab.Ports[1].Take();
        Assert.Equal([1_500, 1_500, 1_068], frames.Select(frame => frame.Length - 14));
        Assert.All(frames, frame => Assert.Equal((BoxLab.Host(1), lab.Router(1)), (LiveFrames.To(frame), LiveFrames.From(frame))));
        byte[] whole = Reassemble([.. frames.Select(LiveFrames.IpOf)]);
        Assert.Equal(LiveFrames.Sound(PacketBuilder.Raw("203.0.113.10", Outside, 17, udp))[20..], whole[20..]);
        Assert.Equal((1L, 1L), (lab.Box.Fates[LiveFate.Forwarded], lab.Box.Counters.Fragmented));
    }

    [Fact]
    public void Waiting_packets_are_fragmented_when_they_go()
    {
        using BoxLab lab = new BoxLab(BoxLab.Small, "eni-a", "igw-1").Up();
        lab.Ip(0, PacketBuilder.Udp(A, 1, Outside, 2, 4_000));
        lab.Ports[1].Take();
        lab.Frame(1, LiveFrames.Arp(2, BoxLab.Host(1), Outside, lab.Router(1), "203.0.113.10"));
        Assert.Equal(3, lab.Ports[1].Take().Length);
    }

    [Fact]
    public void RFC_791_options_are_copied_as_they_say_and_a_fragment_can_be_cut_again()
    {
        byte[] plain = PacketBuilder.Raw(A, Outside, 17, PacketBuilder.UdpHeader(1, 2, 2_992));
        byte[] options = [0x94, 4, 0, 0, 1, 7, 3, 4];    // router alert (copied), no operation, record route (not copied)
        byte[] packet = [.. plain[..20], .. options, .. plain[20..]];
        packet[0] = 0x47;
        packet[4] = 9;
        PacketBuilder.Put16(packet, 2, packet.Length);
        new Random(2).NextBytes(packet.AsSpan(36));
        foreach (int mtu in (int[])[68, 69, 100, 576, 1_500, 3_027])
        {
            List<byte[]> pieces = Cut(packet, mtu);
            Assert.All(pieces, piece => Assert.InRange(piece.Length, 28, mtu));
            Assert.All(pieces, piece => Assert.True(LiveFrames.IsSound(piece)));
            Assert.Equal(options, pieces[0][20..28]);
            Assert.All(pieces[1..], piece => Assert.Equal((0x46, Convert.ToHexString(options[..4])), (piece[0], Convert.ToHexString(piece[20..24]))));
            byte[] again = Reassemble([.. pieces.SelectMany(piece => Cut(piece, 80))]);
            Assert.Equal(packet[28..], again[20..]);
        }
    }

    private static List<byte[]> Cut(byte[] packet, int mtu)
    {
        List<byte[]> pieces = [];
        byte[] room = new byte[10_000];
        Ipv4Fragments fragments = new(packet, mtu);
        while (fragments.TryNext(room, out int length))
        {
            pieces.Add(room[..length]);
        }

        return pieces;
    }

    /// <summary>A packet without options from its fragments, in any order; fails where one is missing.</summary>
    private static byte[] Reassemble(byte[][] pieces)
    {
        byte[] payload = [];
        foreach (byte[] piece in pieces.OrderBy(piece => BinaryPrimitives.ReadUInt16BigEndian(piece.AsSpan(6)) & 0x1FFF))
        {
            int field = BinaryPrimitives.ReadUInt16BigEndian(piece.AsSpan(6));
            Assert.Equal(payload.Length, (field & 0x1FFF) * 8);
            payload = [.. payload, .. piece[((piece[0] & 15) * 4)..]];
            Assert.Equal(piece == pieces[^1], (field & 0x2000) == 0);
        }

        return [.. pieces[0][..20], .. payload];
    }

    private static byte[] NoFragments(byte[] packet)
    {
        packet[6] |= 0x40;
        return LiveFrames.Sound(packet);
    }
}
