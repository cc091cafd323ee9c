using System;
using CsCheck;
using Dataplane.Live;
using Dataplane.Packets;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Live;

/// <summary>Checksums that are updated equal checksums that are computed.</summary>
public sealed class InternetChecksumTests
{
    [Fact]
    public void The_example_of_RFC_1071()
    {
        byte[] bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        Assert.Equal(0x220D, InternetChecksum.Finish(InternetChecksum.Sum(bytes)));
    }

    [Fact]
    public void The_example_of_RFC_1624() =>
        Assert.Equal(0x0000, InternetChecksum.Update(0xDD2F, (ushort)0x5555, (ushort)0x3285));

    [Fact]
    public void An_update_gives_what_all_bytes_give() => Gen.Select(Gen.Byte.Array[20, 200], Gen.Int[0, 44], Gen.UInt, Gen.Bool).Sample((bytes, word, value, isEmpty) =>
    {
        if (isEmpty)
        {
            bytes.AsSpan(2).Clear();    // sums near 0 and 0xFFFF are where updates go wrong
        }

        int at = Math.Min(word * 2, (bytes.Length - 4) & ~1);
        bytes[0] |= 1;
        at = Math.Max(at, 2);
        ushort before = InternetChecksum.Finish(InternetChecksum.Sum(bytes));
        uint old = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(at));
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(at), value);
        return InternetChecksum.Update(before, old, value) == InternetChecksum.Finish(InternetChecksum.Sum(bytes));
    });

    [Theory]
    [InlineData(6)]
    [InlineData(17)]
    [InlineData(1)]
    [InlineData(136)]
    [InlineData(47)]
    public void A_rewritten_packet_is_what_would_have_been_made_of_the_new_addresses(int protocol) =>
        Gen.Select(Gen.UInt, Gen.UInt, Gen.UInt, Gen.Byte.Array[20, 100], Gen.Bool, Gen.Int[0, 3]).Sample((source, destination, other, payload, isSource, special) =>
        {
            if (special == 0)
            {
                (other, payload) = (0xFFFF_FFFF, new byte[payload.Length]);
            }

            byte[] packet = Make(source, destination, protocol, payload);
            byte[] expected = isSource ? Make(other, destination, protocol, payload) : Make(source, other, protocol, payload);
            Headers shape = PacketBuilder.Parse(packet);
            if (shape.Status != PacketStatus.Ok || shape.HasQuote)
            {
                return true;
            }

            if (isSource)
            {
                AddressRewrite.Source(packet, in shape, IpAddress.V4(other));
            }
            else
            {
                AddressRewrite.Destination(packet, in shape, IpAddress.V4(other));
            }

            return packet.AsSpan().SequenceEqual(expected);
        });

    [Fact]
    public void A_UDP_checksum_of_0_stays_and_a_new_one_never_becomes_0()
    {
        byte[] none = PacketBuilder.Udp("10.0.1.10", 1, "198.51.100.7", 2, 10);
        Headers shape = PacketBuilder.Parse(none);
        AddressRewrite.Source(none, in shape, IpAddress.Parse("203.0.113.10"));
        Assert.Equal([0, 0], none[26..28]);

        int seen = 0;
        for (int low = 0; low < 65_536; low++)
        {
            byte[] packet = LiveFrames.Sound(PacketBuilder.Udp("10.0.1.10", 1, "198.51.100.7", 2, 10));
            IpAddress to = IpAddress.V4(0xCB00_0000 | (uint)low);
            AddressRewrite.Source(packet, in shape, to);
            Assert.False(packet[26] == 0 && packet[27] == 0);
            seen += packet[26] == 0xFF && packet[27] == 0xFF ? 1 : 0;
        }

        Assert.True(seen > 0);
    }

    [Fact]
    public void A_later_fragment_has_no_checksum_but_IPs()
    {
        byte[] packet = PacketBuilder.Fragment("10.0.1.10", "198.51.100.7", 6, 7, 1_480, false, new byte[40]);
        Headers shape = PacketBuilder.Parse(packet);
        AddressRewrite.Source(packet, in shape, IpAddress.Parse("203.0.113.10"));
        Assert.All(packet[20..], b => Assert.Equal(0, b));
        Assert.Equal("203.0.113.10", IpAddress.Read(packet.AsSpan(12, 4)).ToString());
    }

    [Theory]
    [InlineData(6, 60, "whole")]
    [InlineData(6, 28, "TCP's checksum is not quoted")]
    [InlineData(17, 40, "whole")]
    [InlineData(17, 28, "a UDP header and no more")]
    [InlineData(1, 40, "an echo")]
    [InlineData(6, 20, "an IP header and no more")]
    public void What_an_ICMP_error_quotes_is_rewritten_the_other_way_round(int protocol, int quoted, string shows)
    {
        byte[] transport = protocol switch
        {
            6 => PacketBuilder.TcpHeader(80, 4_000, PacketBuilder.Ack, 20),
            17 => PacketBuilder.UdpHeader(53, 4_000, 20),
            _ => PacketBuilder.IcmpHeader(0, 0, 9, new byte[20]),
        };

        // A's host says that a packet from outside came to no good; outside has sent it to the public address.
        byte[] Quote(string destination) => LiveFrames.Sound(PacketBuilder.Raw("198.51.100.7", destination, protocol, transport))[..quoted];
        byte[] error = LiveFrames.Sound(PacketBuilder.IcmpError("10.0.1.10", "198.51.100.7", 3, 3, Quote("10.0.1.10")));
        byte[] expected = LiveFrames.Sound(PacketBuilder.IcmpError("203.0.113.10", "198.51.100.7", 3, 3, Quote("203.0.113.10")));
        Headers shape = PacketBuilder.Parse(error);
        AddressRewrite.Source(error, in shape, IpAddress.Parse("203.0.113.10"));
        Assert.Equal((shows, Convert.ToHexString(expected)), (shows, Convert.ToHexString(error)));

        AddressRewrite.Source(error, in shape, IpAddress.Parse("10.0.1.10"));
        Assert.Equal(Convert.ToHexString(Quote("10.0.1.10")), Convert.ToHexString(error[28..]));
    }

    private static byte[] Make(uint source, uint destination, int protocol, byte[] payload)
    {
        byte[] transport = [.. payload];
        if (protocol == 6)
        {
            transport[12] = 0x50;
        }
        else if (protocol == 17)
        {
            PacketBuilder.Put16(transport, 4, transport.Length);
        }

        return LiveFrames.Sound(PacketBuilder.Raw(IpAddress.V4(source).ToString(), IpAddress.V4(destination).ToString(), protocol, transport));
    }
}
