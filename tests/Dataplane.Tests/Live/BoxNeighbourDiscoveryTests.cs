using System;
using System.Buffers.Binary;
using System.Linq;
using Dataplane.Live;
using Dataplane.Packets;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Live;

/// <summary>IPv6 neighbour discovery as the fabric of a VPC answers it.</summary>
public sealed class BoxNeighbourDiscoveryTests
{
    private const string A = "2001:db8:1:1::10", Local = "fe80::6";

    [Theory]
    [InlineData("router", "router", "the router's own link-local address")]
    [InlineData("fe80:ec2::1", "router", "the one that all routers share")]
    [InlineData("fd00:ec2::253", "router", "a service")]
    [InlineData("2001:db8:1:1::20", "eni-b", "another interface of the subnet")]
    [InlineData("2001:db8:1:1::99", null, "an address that nobody has")]
    [InlineData("2001:db8:1:2::30", null, "an interface of another subnet")]
    [InlineData(A, null, "the asker's own")]
    public void At_an_interface_the_network_answers_for_whoever_is_on_the_link(string target, string? holder, string shows)
    {
        using BoxLab lab = new(BoxLab.Small, "eni-a");
        target = target == "router" ? lab.Plan.Ports[0].RouterLinkLocal.ToString() : target;
        foreach (string source in (string[])[A, Local])
        {
            lab.Frame(0, Solicitation(0, source, target));
            byte[][] sent = lab.Ports[0].Take();
            if (holder is null)
            {
                Assert.True(sent.Length == 0, shows);
                continue;
            }

            MacAddress mac = holder == "router" ? lab.Router(0) : lab.InterfaceAddress(holder);
            byte[] frame = Assert.Single(sent);
            byte[] ip = LiveFrames.IpOf(frame);
            Assert.Equal((shows, mac, BoxLab.Host(0)), (shows, LiveFrames.From(frame), LiveFrames.To(frame)));
            Assert.Equal((136, 0, 255), (ip[40], ip[41], ip[7]));
            Assert.Equal(holder == "router" ? 0xE0 : 0x60, ip[44]);    // router, solicited, override
            Assert.Equal((IpAddress.Parse(target), IpAddress.Parse(target), IpAddress.Parse(source)), (IpAddress.Read(ip.AsSpan(48, 16)), IpAddress.Read(ip.AsSpan(8, 16)), IpAddress.Read(ip.AsSpan(24, 16))));
            Assert.Equal((2, 1, mac), (ip[64], ip[65], MacAddress.Read(ip.AsSpan(66))));
            Assert.True(LiveFrames.IsSound(ip));
        }
    }

    [Fact]
    public void RT_34_The_router_is_at_its_link_local_address_by_EUI_64_and_at_fe80_ec2_1()
    {
        using BoxLab lab = new(BoxLab.Small, "eni-a");
        MacAddress router = lab.Router(0);
        string[] mac = router.ToString().Split(':');
        IpAddress linkLocal = IpAddress.Parse($"fe80::{Convert.ToInt32(mac[0], 16) ^ 2:x2}{mac[1]}:{mac[2]}ff:fe{mac[3]}:{mac[4]}{mac[5]}");
        foreach (string target in (string[])[linkLocal.ToString(), "fe80:ec2::1"])
        {
            lab.Frame(0, Solicitation(0, A, target));
            byte[] frame = Assert.Single(lab.Ports[0].Take());
            byte[] ip = LiveFrames.IpOf(frame);
            Assert.Equal((router, IpAddress.Parse(target)), (MacAddress.Read(ip.AsSpan(66)), IpAddress.Read(ip.AsSpan(48, 16))));
        }
    }

    [Fact]
    public void A_search_for_duplicates_is_answered_for_anothers_address_only()
    {
        using BoxLab lab = new(BoxLab.Small, "eni-a");
        lab.Frame(0, Solicitation(0, "::", A));
        lab.Frame(0, Solicitation(0, "::", Local));
        Assert.Empty(lab.Ports[0].Take());
        Assert.Equal(2, lab.Box.Fates[LiveFate.Answered]);
        lab.Frame(0, Solicitation(0, "::", "2001:db8:1:1::20"));
        byte[] frame = Assert.Single(lab.Ports[0].Take());
        Assert.Equal("33:33:00:00:00:01", LiveFrames.To(frame).ToString());
        Assert.Equal((IpAddress.Parse("ff02::1"), 0x20), (IpAddress.Read(frame.AsSpan(38, 16)), frame[58]));
    }

    public static TheoryData<string> Flaws => ["hop limit", "checksum", "code", "option of no length", "target a group", "source option without source", "short", "not the target's group", "somebody's source"];

    [Theory, MemberData(nameof(Flaws))]
    public void What_RFC_4861_forbids_is_not_answered(string flaw)
    {
        using BoxLab lab = new(BoxLab.Small, "eni-a");
        byte[] frame = flaw switch
        {
            "target a group" => Solicitation(0, A, "ff02::1"),
            "source option without source" => Solicitation(0, "::", "2001:db8:1:1::20", withOption: true),
            "not the target's group" => Solicitation(0, "::", "2001:db8:1:1::20", group: "ff02::1"),
            "somebody's source" => Solicitation(0, "2001:db8:1:1::20", "fe80:ec2::1"),
            _ => Solicitation(0, A, "2001:db8:1:1::20"),
        };
        switch (flaw)
        {
            case "hop limit":
                frame[21] = 254;
                break;
            case "checksum":
                frame[56] ^= 1;
                break;
            case "code":
                frame[55] = 1;
                Resum(frame);
                break;
            case "option of no length":
                frame[79] = 0;
                Resum(frame);
                break;
            case "short":
                frame = frame[..(14 + 40 + 20)];
                PacketBuilder.Put16(frame, 18, 20);
                Resum(frame);
                break;
            default:
                break;
        }

        lab.Frame(0, frame);
        Assert.Empty(lab.Ports[0].Take());
        Assert.Equal(1, lab.Box.Fates[LiveFate.Ignored]);
    }

    [Fact]
    public void A_router_solicitation_draws_an_advertisement()
    {
        using BoxLab lab = new(BoxLab.Small, "eni-a");
        lab.Ports[0].Mtu = 1_500;
        lab.Frame(0, Message(0, Local, "ff02::2", 133, new byte[4]));
        byte[] frame = Assert.Single(lab.Ports[0].Take());
        byte[] ip = LiveFrames.IpOf(frame);
        Assert.Equal((BoxLab.Host(0), lab.Router(0)), (LiveFrames.To(frame), LiveFrames.From(frame)));
        Assert.Equal(lab.Plan.Ports[0].RouterLinkLocal, IpAddress.Read(ip.AsSpan(8, 16)));
        Assert.Equal((134, 255, 0x80), (ip[40], ip[7], ip[45]));    // managed: addresses come by DHCPv6
        Assert.Equal(1_800, BinaryPrimitives.ReadUInt16BigEndian(ip.AsSpan(46)));
        Assert.Equal((1, lab.Router(0)), (ip[56], MacAddress.Read(ip.AsSpan(58))));
        Assert.Equal((5, 1_500u), (ip[64], BinaryPrimitives.ReadUInt32BigEndian(ip.AsSpan(68))));
        Assert.Equal((3, 64, 0x80), (ip[72], ip[74], ip[75]));      // on the link, and no address from it
        Assert.Equal("2001:db8:1:1::", IpAddress.Read(ip.AsSpan(88, 16)).ToString());
        Assert.True(LiveFrames.IsSound(ip));
    }

    [Fact]
    public void Unasked_advertisements_are_three_at_first_and_one_in_five_minutes()
    {
        using BoxLab lab = new(BoxLab.Small, "eni-a", "igw-1");
        lab.Pass(40);
        Assert.Equal(3, lab.Ports[0].Take().Length);
        lab.Pass(900);
        Assert.Equal(3, lab.Ports[0].Take().Count(frame => frame[54] == 134 && LiveFrames.To(frame).ToString() == "33:33:00:00:00:01"));
        Assert.Empty(lab.Ports[1].Take());    // outside nobody is told
    }

    [Fact]
    public void A_subnet_without_IPv6_advertises_nothing()
    {
        using BoxLab lab = new(BoxLab.Small.Replace("2001:db8:1:1::/64", "", StringComparison.Ordinal).Replace("2001:db8:1:1::10", "", StringComparison.Ordinal), "eni-a");
        lab.Pass(40);
        lab.Frame(0, Message(0, Local, "ff02::2", 133, new byte[4]));
        Assert.Empty(lab.Ports[0].Take());
        Assert.Equal(1, lab.Box.Fates[LiveFate.Ignored]);
    }

    [Fact]
    public void IPv6_waits_for_a_solicitations_answer()
    {
        using BoxLab lab = new(BoxLab.Small, "eni-a", "eni-c");
        byte[] packet = PacketBuilder.Udp(A, 1, "2001:db8:1:2::30", 2);
        lab.Ip(0, packet);
        byte[] question = Assert.Single(lab.Ports[1].Take());
        byte[] ip = LiveFrames.IpOf(question);
        Assert.Equal(("33:33:ff:00:00:30", "ff02::1:ff00:30"), (LiveFrames.To(question).ToString(), IpAddress.Read(ip.AsSpan(24, 16)).ToString()));
        Assert.Equal((135, "2001:db8:1:2::30", lab.Router(1)), (ip[40], IpAddress.Read(ip.AsSpan(48, 16)).ToString(), MacAddress.Read(ip.AsSpan(66))));
        Assert.True(LiveFrames.IsSound(ip));
        lab.Frame(1, Advertisement(1, "2001:db8:1:2::30", lab.Plan.Ports[1].RouterLinkLocal.ToString(), "2001:db8:1:2::30"));
        Assert.Equal(packet, LiveFrames.IpOf(Assert.Single(lab.Ports[1].Take())));
    }

    [Theory]
    [InlineData("2001:db8:1:1::10", true, "an interface")]
    [InlineData("2001:db8:1:7::77", true, "an address of the VPC's block is routed through the gateway, whoever has it")]
    [InlineData("2a00::77", false, "somebody outside")]
    public void At_a_gateway_the_network_answers_for_the_VPCs_blocks(string target, bool isAnswered, string shows)
    {
        using BoxLab lab = new(BoxLab.Small, "igw-1");
        lab.Frame(0, Solicitation(0, "2a00::1", target));
        byte[][] sent = lab.Ports[0].Take();
        Assert.Equal((shows, isAnswered), (shows, sent.Length == 1));
        if (isAnswered)
        {
            Assert.Equal(lab.Router(0), MacAddress.Read(sent[0].AsSpan(14 + 66)));

            // Somebody else says that he has it: it is left to him for a minute.
            lab.Frame(0, Advertisement(9, target, "ff02::1", target));
            lab.Frame(0, Solicitation(0, "2a00::1", target));
            Assert.Empty(lab.Ports[0].Take());
            lab.Pass(61);
            lab.Frame(0, Solicitation(0, "2a00::1", target));
            Assert.Single(lab.Ports[0].Take());
        }
    }

    [Fact]
    public void Out_by_the_gateway_IPv6_goes_to_who_asked_or_answered()
    {
        using BoxLab lab = new BoxLab(BoxLab.Small, "eni-a", "igw-1").Up();
        lab.Ip(0, PacketBuilder.Udp(A, 1, "2a00::1", 2));
        Assert.Equal(lab.Plan.Ports[1].RouterLinkLocal, IpAddress.Read(Assert.Single(lab.Ports[1].Take()).AsSpan(22, 16)));
        lab.Frame(1, Advertisement(1, "2a00::1", lab.Plan.Ports[1].RouterLinkLocal.ToString(), "2a00::1"));
        Assert.Equal(BoxLab.Host(1), LiveFrames.To(Assert.Single(lab.Ports[1].Take())));
        lab.Frame(1, Solicitation(2, "2a00::2", A));
        lab.Ports[1].Take();
        lab.Ip(0, PacketBuilder.Udp(A, 1, "2a00::2", 2));
        Assert.Equal(BoxLab.Host(2), LiveFrames.To(Assert.Single(lab.Ports[1].Take())));
    }

    internal static byte[] Solicitation(int host, string source, string target, bool? withOption = null, string? group = null)
    {
        var address = IpAddress.Parse(target);
        byte[] body = new byte[withOption ?? source != "::" ? 28 : 20];
        address.Write(body.AsSpan(4));
        if (body.Length == 28)
        {
            (body[20], body[21]) = (1, 1);
            BoxLab.Host(host).Write(body.AsSpan(22));
        }

        return Message(host, source, group ?? IpAddress.V6(0xFF02UL << 48, 0x1_FF00_0000 | (address.Low & 0xFF_FFFF)).ToString(), 135, body);
    }

    internal static byte[] Advertisement(int host, string source, string destination, string target)
    {
        byte[] body = new byte[28];
        body[0] = 0x60;
        IpAddress.Parse(target).Write(body.AsSpan(4));
        (body[20], body[21]) = (2, 1);
        BoxLab.Host(host).Write(body.AsSpan(22));
        return Message(host, source, destination, 136, body);
    }

    internal static byte[] Message(int host, string source, string destination, int type, byte[] body)
    {
        byte[] icmp = [(byte)type, 0, 0, 0, .. body];
        byte[] ip = PacketBuilder.Raw(source, destination, 58, icmp);
        ip[7] = 255;
        var group = IpAddress.Parse(destination);
        return LiveFrames.Ethernet(BoxLab.Host(host), new MacAddress(0x3333_0000_0000 | (group.Low & 0xFFFF_FFFF)), 0x86DD, LiveFrames.Sound(ip));
    }

    private static void Resum(byte[] frame)
    {
        byte[] ip = LiveFrames.Sound(LiveFrames.IpOf(frame));
        ip.CopyTo(frame, 14);
    }
}
