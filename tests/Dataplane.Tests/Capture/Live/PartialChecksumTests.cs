using System;
using System.Buffers.Binary;
using System.Linq;
using Dataplane.Capture.Live;
using Xunit;

namespace Dataplane.Tests.Capture.Live;

/// <summary>Checksums that a machine left to hardware are finished, and nothing else is touched.</summary>
public sealed class PartialChecksumTests
{
    public static TheoryData<bool, byte, int, bool> Kinds
    {
        get
        {
            TheoryData<bool, byte, int, bool> kinds = [];
            foreach (bool isIpv6 in new[] { false, true })
            {
                foreach (byte protocol in new byte[] { 6, 17 })
                {
                    foreach (int payload in new[] { 0, 1, 2, 3, 1_001 })
                    {
                        kinds.Add(isIpv6, protocol, payload, false);
                        kinds.Add(isIpv6, protocol, payload, true);
                    }
                }
            }

            return kinds;
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_checksum_that_was_left_to_hardware_is_finished(bool isIpv6, byte protocol, int payload, bool hasTag)
    {
        byte[] whole = Frame(isIpv6, protocol, payload, hasTag, finished: true), partial = Frame(isIpv6, protocol, payload, hasTag, finished: false);
        Assert.NotEqual(whole, partial);
        PartialChecksum.Finish(partial);
        Assert.Equal(whole, partial);
        PartialChecksum.Finish(partial);
        Assert.Equal(whole, partial);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_wrong_checksum_stays_wrong(bool isIpv6, byte protocol, int payload, bool hasTag)
    {
        byte[] frame = Frame(isIpv6, protocol, payload, hasTag, finished: true);
        frame[ChecksumAt(isIpv6, protocol, hasTag)] ^= 1;
        byte[] before = [.. frame];
        PartialChecksum.Finish(frame);
        Assert.Equal(before, frame);
    }

    [Fact]
    public void A_fragment_is_left_as_it_is()
    {
        byte[] frame = Frame(false, 17, 100, false, finished: false);
        frame[20] = 0x20;
        byte[] before = [.. frame];
        PartialChecksum.Finish(frame);
        Assert.Equal(before, frame);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_frame_cut_anywhere_is_left_as_it_is(bool isIpv6, byte protocol, int payload, bool hasTag)
    {
        byte[] frame = Frame(isIpv6, protocol, payload, hasTag, finished: false);
        for (int length = 0; length < frame.Length; length++)
        {
            byte[] cut = frame[..length];
            PartialChecksum.Finish(cut);
            Assert.Equal(frame[..length], cut);
        }
    }

    [Fact]
    public void Random_bytes_do_not_make_it_fail()
    {
        Random random = new(1);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] frame = new byte[random.Next(0, 120)];
            random.NextBytes(frame);
            if (frame.Length > 34)
            {
                BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), random.Next(2) == 0 ? (ushort)0x0800 : (ushort)0x86dd);
                frame[random.Next(2) == 0 ? 23 : 20] = 6;
            }

            PartialChecksum.Finish(frame);
        }
    }

    private static int ChecksumAt(bool isIpv6, byte protocol, bool hasTag) => 14 + (hasTag ? 4 : 0) + (isIpv6 ? 40 : 20) + (protocol == 6 ? 16 : 6);

    private static byte[] Frame(bool isIpv6, byte protocol, int payload, bool hasTag, bool finished)
    {
        int link = hasTag ? 18 : 14, ip = isIpv6 ? 40 : 20, transport = protocol == 6 ? 20 : 8;
        byte[] frame = new byte[link + ip + transport + payload];
        new Random(payload).NextBytes(frame);
        if (hasTag)
        {
            BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), 0x8100);
        }

        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(link - 2), isIpv6 ? (ushort)0x86dd : (ushort)0x0800);
        Span<byte> packet = frame.AsSpan(link);
        if (isIpv6)
        {
            packet[0] = 0x60;
            BinaryPrimitives.WriteUInt16BigEndian(packet[4..], (ushort)(transport + payload));
            packet[6] = protocol;
        }
        else
        {
            packet[0] = 0x45;
            BinaryPrimitives.WriteUInt16BigEndian(packet[2..], (ushort)packet.Length);
            packet[6] = packet[7] = 0;
            packet[9] = protocol;
        }

        byte[] pseudo = [.. packet[(isIpv6 ? 8 : 12)..ip], 0, protocol, (byte)((transport + payload) >> 8), (byte)(transport + payload)];
        Span<byte> field = frame.AsSpan(ChecksumAt(isIpv6, protocol, hasTag), 2);
        field.Clear();
        BinaryPrimitives.WriteUInt16BigEndian(field, finished ? (ushort)~Sum([.. pseudo, .. packet[ip..]]) : Sum(pseudo));
        return frame;
    }

    /// <summary>RFC 1071, word by word.</summary>
    private static ushort Sum(byte[] bytes)
    {
        uint sum = 0;
        foreach (byte[] word in bytes.Chunk(2))
        {
            sum += (uint)((word[0] << 8) | (word.Length > 1 ? word[1] : 0));
            sum = (sum & 0xFFFF) + (sum >> 16);
        }

        return (ushort)sum;
    }
}
