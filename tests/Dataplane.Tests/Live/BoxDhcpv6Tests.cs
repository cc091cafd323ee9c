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

/// <summary>DHCPv6 at an attached interface.</summary>
public sealed class BoxDhcpv6Tests
{
    private const string Own = "2001:db8:1:1::10", Local = "fe80::6";
    private const int Solicit = 1, Request = 3, Confirm = 4, Renew = 5, Rebind = 6, Release = 8, Decline = 9, Information = 11;

    private static readonly byte[] Client = [0, 1, 0, 3, 0, 1, 6, 0, 0, 0, 0, 16];    // DUID-LL, with room for the code in front

    [Theory]
    [InlineData(Solicit, false, 2)]
    [InlineData(Solicit, true, 7)]
    [InlineData(Request, false, 7)]
    [InlineData(Renew, false, 7)]
    [InlineData(Rebind, false, 7)]
    public void The_interfaces_address_is_given(int kind, bool isRapid, int answer)
    {
        using BoxLab lab = new(BoxLab.Small, "eni-a");
        List<byte[]> options = [ClientId(), Association(7)];
        options.AddRange(kind is Request or Renew ? [ServerId(lab)] : []);
        options.AddRange(isRapid ? [Option(14)] : []);
        Assert.Equal(Verdict.Unplaced, lab.Frame(0, Datagram(kind, [.. options])).Verdict);
        byte[] frame = Assert.Single(lab.Ports[0].Take());
        byte[] ip = LiveFrames.IpOf(frame);
        Assert.Equal((BoxLab.Host(0), lab.Router(0)), (LiveFrames.To(frame), LiveFrames.From(frame)));
        Assert.Equal((lab.Plan.Ports[0].RouterLinkLocal, IpAddress.Parse(Local)), (IpAddress.Read(ip.AsSpan(8, 16)), IpAddress.Read(ip.AsSpan(24, 16))));
        Assert.Equal((547, 546), (BinaryPrimitives.ReadUInt16BigEndian(ip.AsSpan(40)), BinaryPrimitives.ReadUInt16BigEndian(ip.AsSpan(42))));
        Assert.True(LiveFrames.IsSound(ip));
        Assert.Equal([(byte)answer, 1, 2, 3], ip[48..52]);
        Dictionary<int, byte[]> reply = Options(ip.AsSpan(52));
        Assert.Equal(Client[2..], reply[1]);
        Assert.Equal(ServerId(lab)[4..], reply[2]);
        Assert.Equal([0, 0, 0, 7], reply[3][..4]);
        byte[] address = Options(reply[3].AsSpan(12))[5];
        Assert.Equal((Own, 3_600, 7_200), (IpAddress.Read(address.AsSpan(0, 16)).ToString(), BinaryPrimitives.ReadInt32BigEndian(address.AsSpan(16)), BinaryPrimitives.ReadInt32BigEndian(address.AsSpan(20))));
        Assert.Equal("fd00:ec2::253", IpAddress.Read(reply[23]).ToString());
        Assert.Equal([3, .. "ec2"u8, 8, .. "internal"u8, 0], reply[24]);
        Assert.Equal(isRapid, reply.ContainsKey(14));
        Assert.Equal(1, lab.Box.Fates[LiveFate.Answered]);
    }

    [Fact]
    public void What_a_host_should_not_have_gets_a_lifetime_of_0_and_more_is_not_given()
    {
        using BoxLab lab = new(BoxLab.Small, "eni-a");
        lab.Frame(0, Datagram(Renew, ClientId(), ServerId(lab), Association(7, "2001:db8:1:1::66"), Association(8), Option(25, new byte[12])));
        Span<byte> options = LiveFrames.IpOf(Assert.Single(lab.Ports[0].Take())).AsSpan(52);
        List<byte[]> associations = [.. All(options.ToArray()).Where(option => option.Code is 3 or 25).Select(option => option.Value)];
        List<(int Code, byte[] Value)> given = All(associations[0][12..]);
        Assert.Equal([Own, "2001:db8:1:1::66"], given.Select(option => IpAddress.Read(option.Value.AsSpan(0, 16)).ToString()));
        Assert.Equal([7_200, 0], given.Select(option => BinaryPrimitives.ReadInt32BigEndian(option.Value.AsSpan(20))));
        Assert.Equal([0, 2], Options(associations[1].AsSpan(12))[13]);    // NoAddrsAvail
        Assert.Equal([0, 6], Options(associations[2].AsSpan(12))[13]);    // NoPrefixAvail
    }

    [Theory]
    [InlineData(Own, 0)]
    [InlineData("2001:db8:9::1", 4)]
    [InlineData(null, -1)]
    public void Confirm_says_whether_addresses_belong_on_the_link(string? address, int status)
    {
        using BoxLab lab = new(BoxLab.Small, "eni-a");
        lab.Frame(0, Datagram(Confirm, ClientId(), address is null ? Association(7) : Association(7, address)));
        byte[][] sent = lab.Ports[0].Take();
        Assert.Equal(status < 0 ? 0 : 1, sent.Length);
        if (status >= 0)
        {
            Assert.Equal([0, (byte)status], Options(LiveFrames.IpOf(sent[0]).AsSpan(52))[13]);
        }
    }

    [Theory]
    [InlineData(Release)]
    [InlineData(Decline)]
    [InlineData(Information)]
    public void Others_get_what_they_ask_for(int kind)
    {
        using BoxLab lab = new(BoxLab.Small, "eni-a");
        lab.Frame(0, kind == Information ? Datagram(kind) : Datagram(kind, ClientId(), ServerId(lab), Association(7, Own)));
        Dictionary<int, byte[]> reply = Options(LiveFrames.IpOf(Assert.Single(lab.Ports[0].Take())).AsSpan(52));
        Assert.Equal((kind != Information, kind == Information, false), (reply.ContainsKey(13), reply.ContainsKey(23), reply.ContainsKey(3)));
    }

    [Theory]
    [InlineData("another server", LiveFate.Answered)]
    [InlineData("no client", LiveFate.Dropped)]
    [InlineData("solicit with server", LiveFate.Dropped)]
    [InlineData("long client", LiveFate.Dropped)]
    [InlineData("short", LiveFate.Dropped)]
    [InlineData("unknown", LiveFate.Dropped)]
    public void What_is_not_for_this_server_is_not_answered(string flaw, LiveFate fate)
    {
        using BoxLab lab = new(BoxLab.Small, "eni-a");
        byte[] other = Option(2, [0, 3, 0, 1, 6, 6, 6, 6, 6, 6]);
        lab.Frame(0, flaw switch
        {
            "another server" => Datagram(Request, ClientId(), other, Association(7)),
            "no client" => Datagram(Solicit, Association(7)),
            "solicit with server" => Datagram(Solicit, ClientId(), ServerId(lab), Association(7)),
            "long client" => Datagram(Solicit, Option(1, new byte[131]), Association(7)),
            "short" => Cut(Datagram(Solicit)),
            _ => Datagram(99, ClientId()),
        });
        Assert.Empty(lab.Ports[0].Take());
        Assert.Equal(1, lab.Box.Fates[fate]);

        static byte[] Cut(byte[] frame)
        {
            byte[] udp = [.. PacketBuilder.UdpHeader(546, 547), 1];
            PacketBuilder.Put16(udp, 4, 9);
            return [.. frame[..14], .. PacketBuilder.Raw(Local, "ff02::1:2", 17, udp)];
        }
    }

    [Fact]
    public void The_longest_answer_fits()
    {
        string many = string.Join(' ', Enumerable.Range(0, 40).Select(i => $"2001:db8:1:1::10:{i}"));
        using BoxLab lab = new(BoxLab.Small.Replace("2001:db8:1:1::10", many, StringComparison.Ordinal), "eni-a");
        byte[][] options = [Option(1, new byte[130]), .. Enumerable.Range(0, 30).Select(i => Association(i, "2001:db8:1:1::66")), Option(14)];
        lab.Frame(0, Datagram(Solicit, options));
        byte[] ip = LiveFrames.IpOf(Assert.Single(lab.Ports[0].Take()));
        Assert.InRange(ip.Length, 600, 1_280);
        Assert.True(LiveFrames.IsSound(ip));
    }

    internal static byte[] Datagram(int kind, params byte[][] options)
    {
        byte[] message = [(byte)kind, 1, 2, 3, .. options.SelectMany(option => option)];
        byte[] udp = PacketBuilder.UdpHeader(546, 547, message.Length);
        message.CopyTo(udp, 8);
        return LiveFrames.Ethernet(BoxLab.Host(0), new MacAddress(0x3333_0001_0002), 0x86DD, LiveFrames.Sound(PacketBuilder.Raw(Local, "ff02::1:2", 17, udp)));
    }

    internal static byte[] ClientId() => Option(1, Client[2..]);

    internal static byte[] ServerId(BoxLab lab)
    {
        byte[] id = [0, 3, 0, 1, 0, 0, 0, 0, 0, 0];
        lab.Router(0).Write(id.AsSpan(4));
        return Option(2, id);
    }

    internal static byte[] Association(int id, string? address = null)
    {
        byte[] value = new byte[12];
        BinaryPrimitives.WriteInt32BigEndian(value, id);
        byte[] inner = new byte[24];
        if (address is not null)
        {
            IpAddress.Parse(address).Write(inner);
            value = [.. value, .. Option(5, inner)];
        }

        return Option(3, value);
    }

    private static byte[] Option(int code, byte[]? value = null)
    {
        value ??= [];
        return [0, (byte)code, (byte)(value.Length >> 8), (byte)value.Length, .. value];
    }

    private static Dictionary<int, byte[]> Options(Span<byte> options) => All(options.ToArray()).ToDictionary(option => option.Code, option => option.Value);

    private static List<(int Code, byte[] Value)> All(byte[] options)
    {
        List<(int, byte[])> all = [];
        int at = 0;
        while (at < options.Length)
        {
            int length = BinaryPrimitives.ReadUInt16BigEndian(options.AsSpan(at + 2));
            all.Add((BinaryPrimitives.ReadUInt16BigEndian(options.AsSpan(at)), options.AsSpan(at + 4, length).ToArray()));
            at += 4 + length;
        }

        return all;
    }
}
