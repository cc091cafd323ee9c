using System;
using System.Linq;
using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Live;

/// <summary>IGW-01: one-to-one translation at the internet gateway, as the hosts on both sides see it.</summary>
public sealed class BoxTranslationTests
{
    private const string A = "10.0.1.10", PublicA = "203.0.113.10", PublicC = "203.0.113.30", Outside = "198.51.100.7";

    [Theory]
    [InlineData("tcp")]
    [InlineData("udp")]
    [InlineData("icmp")]
    public void IGW_01_out_the_source_is_the_public_address_and_in_the_destination_the_private_one(string protocol)
    {
        using BoxLab lab = Lab();
        byte[] Request(string source) => LiveFrames.Sound(protocol switch
        {
            "tcp" => PacketBuilder.Tcp(source, 4_000, Outside, 80, PacketBuilder.Syn, 7),
            "udp" => PacketBuilder.Udp(source, 4_000, Outside, 53, 7),
            _ => PacketBuilder.Icmp(source, Outside, 8, 0, 9, 7),
        });
        byte[] Reply(string destination) => LiveFrames.Sound(protocol switch
        {
            "tcp" => PacketBuilder.Tcp(Outside, 80, destination, 4_000, PacketBuilder.Syn | PacketBuilder.Ack),
            "udp" => PacketBuilder.Udp(Outside, 53, destination, 4_000, 7),
            _ => PacketBuilder.Icmp(Outside, destination, 0, 0, 9, 7),
        });
        for (int round = 0; round < 3; round++)
        {
            lab.Ip(0, Request(A));
            Assert.Equal(Request(PublicA), LiveFrames.IpOf(Assert.Single(lab.Ports[1].Take())));
            lab.Ip(1, Reply(PublicA));
            Assert.Equal(Reply(A), LiveFrames.IpOf(Assert.Single(lab.Ports[0].Take())));
        }
    }

    [Fact]
    public void An_ICMP_error_from_outside_quotes_what_the_host_sent()
    {
        using BoxLab lab = Lab();
        byte[] Sent(string source) => LiveFrames.Sound(PacketBuilder.Udp(source, 33_434, Outside, 33_434, 12));
        lab.Ip(0, Sent(A));
        byte[] seen = LiveFrames.IpOf(Assert.Single(lab.Ports[1].Take()));
        Assert.Equal(Sent(PublicA), seen);
        Outcome outcome = lab.Ip(1, LiveFrames.Sound(PacketBuilder.IcmpError(Outside, PublicA, 3, 3, seen)));
        Assert.Equal(Verdict.Allow, outcome.Verdict);
        Assert.Equal(LiveFrames.Sound(PacketBuilder.IcmpError(Outside, A, 3, 3, Sent(A))), LiveFrames.IpOf(Assert.Single(lab.Ports[0].Take())));
    }

    [Fact]
    public void IGW_11_by_its_public_address_both_ends_are_translated()
    {
        using BoxLab lab = Lab();
        Outcome outcome = lab.Ip(0, LiveFrames.Sound(PacketBuilder.Tcp(A, 4_000, PublicC, 80, PacketBuilder.Syn)));
        Assert.Equal((Verdict.Allow, "eni-c"), (outcome.Verdict, outcome.To));
        byte[] frame = Assert.Single(lab.Ports[2].Take());
        Assert.Equal(LiveFrames.Sound(PacketBuilder.Tcp(PublicA, 4_000, "10.0.2.30", 80, PacketBuilder.Syn)), LiveFrames.IpOf(frame));
        Assert.Equal(lab.Router(2), LiveFrames.From(frame));
        Assert.Empty(lab.Ports[1].Take());

        lab.Ip(2, LiveFrames.Sound(PacketBuilder.Tcp("10.0.2.30", 80, PublicA, 4_000, PacketBuilder.Syn | PacketBuilder.Ack)));
        Assert.Equal(
            LiveFrames.Sound(PacketBuilder.Tcp(PublicC, 80, A, 4_000, PacketBuilder.Syn | PacketBuilder.Ack)),
            LiveFrames.IpOf(Assert.Single(lab.Ports[0].Take())));
    }

    [Fact]
    public void By_a_public_address_a_neighbour_of_the_same_subnet_hears_the_router()
    {
        using BoxLab lab = new BoxLab(BoxLab.Small.Replace("10.0.1.20", "10.0.1.20=203.0.113.20", StringComparison.Ordinal), "eni-a", "eni-b").Up();
        lab.Ip(0, PacketBuilder.Tcp(A, 4_000, "203.0.113.20", 80, PacketBuilder.Syn));
        byte[] frame = Assert.Single(lab.Ports[1].Take());
        Assert.Equal((lab.Router(1), $"{PublicA} > 10.0.1.20"), (LiveFrames.From(frame), LiveFrames.Ends(frame)));
    }

    [Fact]
    public void IGW_08_IPv6_is_not_translated()
    {
        using BoxLab lab = Lab();
        byte[] packet = LiveFrames.Sound(PacketBuilder.Udp("2001:db8:1:1::10", 1, "2a00::1", 2, 5));
        lab.Frame(1, BoxNeighbourDiscoveryTests.Solicitation(1, "2a00::1", "2001:db8:1:1::10"));
        lab.Ports[1].Take();
        lab.Ip(0, packet);
        Assert.Equal(packet, LiveFrames.IpOf(Assert.Single(lab.Ports[1].Take())));
    }

    [Fact]
    public void Later_fragments_follow_the_first()
    {
        using BoxLab lab = Lab();
        byte[] udp = PacketBuilder.UdpHeader(53, 4_000, 64);
        byte[] Whole(string source) => LiveFrames.Sound(PacketBuilder.Raw(source, Outside, 17, udp))[20..];
        byte[] whole = Whole(A);
        foreach ((int offset, bool more) in (ReadOnlySpan<(int, bool)>)[(0, true), (40, false)])
        {
            byte[] part = more ? whole[..40] : whole[40..];
            lab.Ip(0, LiveFrames.Sound(PacketBuilder.Fragment(A, Outside, 17, 77, offset, more, part)));
        }

        byte[][] sent = [.. lab.Ports[1].Take().Select(LiveFrames.IpOf)];
        Assert.Equal(2, sent.Length);
        Assert.All(sent, ip => Assert.True(LiveFrames.IsSound(ip)));
        Assert.Equal([$"{PublicA} > {Outside}", $"{PublicA} > {Outside}"], sent.Select(ip => LiveFrames.Ends([.. new byte[12], 8, 0, .. ip])));
        Assert.Equal(Whole(PublicA), (byte[])[.. sent[0][20..], .. sent[1][20..]]);
    }

    private static BoxLab Lab()
    {
        BoxLab lab = new BoxLab(BoxLab.Small.Replace("in tcp 80 0.0.0.0/0", "in tcp 80 0.0.0.0/0\n  in icmp 3/3 0.0.0.0/0", StringComparison.Ordinal), "eni-a", "igw-1", "eni-c").Up();
        lab.Frame(1, LiveFrames.Arp(1, BoxLab.Host(1), Outside, default, PublicA));
        lab.Ports[1].Take();
        return lab;
    }
}
