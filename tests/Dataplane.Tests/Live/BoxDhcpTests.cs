using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Dataplane.Live;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Live;

/// <summary>DHCP at an attached interface.</summary>
public sealed class BoxDhcpTests
{
    private const string A = "10.0.1.10", Router = "10.0.1.1";

    [Fact]
    public void A_discovering_host_is_offered_the_primary_address_and_what_belongs_to_it()
    {
        using BoxLab lab = new(BoxLab.Small, "eni-a");
        Assert.Equal(Verdict.Unplaced, lab.Frame(0, Broadcast(Message(1))).Verdict);
        byte[] frame = Assert.Single(lab.Ports[0].Take());
        byte[] ip = LiveFrames.IpOf(frame);
        Assert.Equal((BoxLab.Host(0), lab.Router(0), $"{Router} > {A}"), (LiveFrames.To(frame), LiveFrames.From(frame), LiveFrames.Ends(frame)));
        Assert.Equal((67, 68), (BinaryPrimitives.ReadUInt16BigEndian(ip.AsSpan(20)), BinaryPrimitives.ReadUInt16BigEndian(ip.AsSpan(22))));
        Assert.True(LiveFrames.IsSound(ip));
        byte[] message = ip[28..];
        Assert.Equal((2, 0x1234_5678u), (message[0], BinaryPrimitives.ReadUInt32BigEndian(message.AsSpan(4))));
        Assert.Equal((A, BoxLab.Host(0)), (IpAddress.Read(message.AsSpan(16, 4)).ToString(), MacAddress.Read(message.AsSpan(28))));
        Dictionary<byte, string> options = Options(message);
        Assert.Equal(
            new Dictionary<byte, string>
            {
                [53] = "02",
                [54] = "0A000101",
                [51] = "00000E10",
                [58] = "00000708",
                [59] = "00000C4E",
                [1] = "FFFFFF00",
                [3] = "0A000101",
                [6] = "0A000002A9FEA9FD",
                [15] = Convert.ToHexString("ec2.internal"u8),
                [26] = "2329",
            },
            options);
        Assert.Equal(1, lab.Box.Fates[LiveFate.Answered]);
    }

    [Theory]
    [InlineData(A, Router, 5, "the address that was offered")]
    [InlineData("10.0.1.99", Router, 6, "another one")]
    [InlineData(A, "10.0.1.254", 0, "another server was chosen")]
    [InlineData(A, null, 5, "after a reboot, the right one")]
    [InlineData("192.168.0.7", null, 6, "after a reboot, one of another network")]
    public void A_request_is_acknowledged_or_refused(string requested, string? server, int answer, string shows)
    {
        using BoxLab lab = new(BoxLab.Small, "eni-a");
        lab.Frame(0, Broadcast(Message(3, requested, server)));
        byte[][] sent = lab.Ports[0].Take();
        Assert.Equal((shows, answer == 0 ? 0 : 1), (shows, sent.Length));
        Assert.Equal(1, lab.Box.Fates[LiveFate.Answered]);
        if (answer == 0)
        {
            return;
        }

        byte[] message = LiveFrames.IpOf(sent[0])[28..];
        Assert.Equal(answer.ToString("X2", null), Options(message)[53]);
        Assert.Equal(answer == 5 ? A : "0.0.0.0", IpAddress.Read(message.AsSpan(16, 4)).ToString());
        Assert.Equal(answer == 5 ? BoxLab.Host(0) : MacAddress.Broadcast, LiveFrames.To(sent[0]));    // who is refused has no address to be reached by
    }

    [Fact]
    public void A_renewal_goes_straight_to_the_server_and_back()
    {
        using BoxLab lab = new BoxLab(BoxLab.Small, "eni-a").Up();
        Outcome outcome = lab.Ip(0, Datagram(A, Router, Message(3, client: A)));
        Assert.Equal(Verdict.Allow, outcome.Verdict);    // SG-37
        byte[] frame = Assert.Single(lab.Ports[0].Take());
        Assert.Equal($"{Router} > {A}", LiveFrames.Ends(frame));
        Assert.Equal("05", Options(LiveFrames.IpOf(frame)[28..])[53]);
        Assert.Equal(2, lab.Box.Fates[LiveFate.Answered]);
    }

    [Fact]
    public void Inform_gets_settings_without_a_lease_and_release_needs_no_answer()
    {
        using BoxLab lab = new BoxLab(BoxLab.Small, "eni-a").Up();
        lab.Ip(0, Datagram(A, Router, Message(8, client: A)));
        byte[] message = LiveFrames.IpOf(Assert.Single(lab.Ports[0].Take()))[28..];
        Dictionary<byte, string> options = Options(message);
        Assert.Equal("05", options[53]);
        Assert.DoesNotContain((byte)51, options.Keys);
        Assert.Equal("0.0.0.0", IpAddress.Read(message.AsSpan(16, 4)).ToString());
        lab.Ip(0, Datagram(A, Router, Message(7, client: A)));
        Assert.Empty(lab.Ports[0].Take());
        Assert.Equal(3, lab.Box.Fates[LiveFate.Answered]);
    }

    [Theory]
    [InlineData(3, "192.168.0.7", "0.0.0.0")]
    [InlineData(8, null, A)]
    public void Nothing_that_a_client_writes_into_the_servers_fields_comes_back(byte kind, string? requested, string client)
    {
        using BoxLab lab = new BoxLab(BoxLab.Small, "eni-a").Up();
        byte[] message = Message(kind, requested, client: client == "0.0.0.0" ? null : client);
        message.AsSpan(16, 8).Fill(7);
        message.AsSpan(44, 192).Fill(7);
        lab.Frame(0, client == "0.0.0.0" ? Broadcast(message) : BoxLab.Packet(BoxLab.Host(0), lab.Router(0), Datagram(A, Router, message)));
        byte[] answer = LiveFrames.IpOf(Assert.Single(lab.Ports[0].Take()))[28..];
        Assert.Equal(client, IpAddress.Read(answer.AsSpan(12, 4)).ToString());
        Assert.All(answer[16..28], b => Assert.Equal(0, b));
        Assert.All(answer[44..236], b => Assert.Equal(0, b));
    }

    [Fact]
    public void Who_cannot_be_addressed_yet_is_answered_by_broadcast()
    {
        using BoxLab lab = new(BoxLab.Small, "eni-a");
        byte[] message = Message(1);
        message[10] = 0x80;
        lab.Frame(0, Broadcast(message));
        byte[] frame = Assert.Single(lab.Ports[0].Take());
        Assert.Equal((MacAddress.Broadcast, $"{Router} > 255.255.255.255"), (LiveFrames.To(frame), LiveFrames.Ends(frame)));
    }

    [Fact]
    public void The_MTU_is_the_ports_where_that_is_less()
    {
        using BoxLab lab = new(BoxLab.Small, "eni-a");
        lab.Ports[0].Mtu = 1_500;
        lab.Frame(0, Broadcast(Message(1)));
        Assert.Equal("05DC", Options(LiveFrames.IpOf(Assert.Single(lab.Ports[0].Take()))[28..])[26]);
    }

    [Theory]
    [InlineData("short")]
    [InlineData("relay")]
    [InlineData("cookie")]
    [InlineData("a reply")]
    [InlineData("no kind")]
    public void What_is_no_question_is_not_answered(string flaw)
    {
        using BoxLab lab = new(BoxLab.Small, "eni-a");
        byte[] message = Message(1);
        switch (flaw)
        {
            case "short":
                message = message[..239];
                break;
            case "relay":
                message[27] = 1;
                break;
            case "cookie":
                message[236] = 0;
                break;
            case "a reply":
                message[0] = 2;
                break;
            default:
                message[240] = 0;
                break;
        }

        lab.Frame(0, Broadcast(message));
        Assert.Empty(lab.Ports[0].Take());
        Assert.Equal(1, lab.Box.Fates[LiveFate.Dropped]);
    }

    [Fact]
    public void Nobody_serves_at_a_gateway()
    {
        using BoxLab lab = new(BoxLab.Small, "igw-1");
        lab.Frame(0, Broadcast(Message(1)));
        Assert.Empty(lab.Ports[0].Take());
    }

    internal static byte[] Broadcast(byte[] message) =>
        BoxLab.Packet(BoxLab.Host(0), MacAddress.Broadcast, Datagram("0.0.0.0", "255.255.255.255", message));

    internal static byte[] Message(byte kind, string? requested = null, string? server = null, string? client = null)
    {
        List<byte> message = [.. new byte[240], 53, 1, kind];
        byte[] Four(string text)
        {
            byte[] four = new byte[4];
            IpAddress.Parse(text).Write(four);
            return four;
        }

        if (requested is not null)
        {
            message.AddRange([50, 4, .. Four(requested)]);
        }

        if (server is not null)
        {
            message.AddRange([54, 4, .. Four(server)]);
        }

        message.AddRange([55, 3, 1, 3, 6, 255]);
        byte[] bytes = [.. message];
        (bytes[0], bytes[1], bytes[2]) = (1, 1, 6);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(4), 0x1234_5678);
        if (client is not null)
        {
            Four(client).CopyTo(bytes, 12);
        }

        BoxLab.Host(0).Write(bytes.AsSpan(28));
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(236), 0x6382_5363);
        return bytes;
    }

    private static byte[] Datagram(string source, string destination, byte[] message)
    {
        byte[] udp = [.. PacketBuilder.UdpHeader(68, 67, message.Length)];
        message.CopyTo(udp, 8);
        return LiveFrames.Sound(PacketBuilder.Raw(source, destination, 17, udp));
    }

    private static Dictionary<byte, string> Options(byte[] message)
    {
        Assert.Equal(0x6382_5363u, BinaryPrimitives.ReadUInt32BigEndian(message.AsSpan(236)));
        Dictionary<byte, string> options = [];
        for (int at = 240; message[at] != 255; at += 2 + message[at + 1])
        {
            options.Add(message[at], Convert.ToHexString(message.AsSpan(at + 2, message[at + 1])));
        }

        return options;
    }
}
