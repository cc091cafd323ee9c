using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Dataplane.Capture;
using Dataplane.Packets;
using Xunit;
using static Dataplane.Tests.Capture.CaptureBytes;

namespace Dataplane.Tests.Capture;

/// <summary>Every packet of every kind of file, in order, with its time; and no more than is there.</summary>
public sealed class CaptureReaderTests
{
    private static readonly byte[] One = [1, 2, 3, 4, 5];
    private static readonly byte[] Two = [9, 8, 7];

    private static byte[] SmallPcap => Pcap(false, false, 1, (1, 2, One), (3, 4, Two));

    private static byte[] SmallPcapNg => new CaptureBytes(false).Section().Interface(LinkType.Ethernet).Enhanced(0, 1_000_002, One).Enhanced(0, 3_000_004, Two).Bytes;

    private static readonly string[] Small = ["1 1000002000 1 0 5/5 fcs0 0102030405", "2 3000004000 1 0 3/3 fcs0 090807"];

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Pcap_is_read_in_both_byte_orders_and_resolutions(bool bigEndian, bool nanoseconds)
    {
        byte[] file = Pcap(bigEndian, nanoseconds, 101, (1_700_000_000, 999_999, One), (4_000_000_000, 3_999_999_999, Two));
        long tick = nanoseconds ? 1 : 1000;
        Assert.Equal(
            [$"1 {1_700_000_000_000_000_000 + 999_999 * tick} 101 0 5/5 fcs0 0102030405", $"2 {4_000_000_000_000_000_000 + 3_999_999_999 * tick} 101 0 3/3 fcs0 090807"],
            ReadAll(file).Packets);
    }

    [Theory]
    [InlineData(0x00000001u, 1, 0)]
    [InlineData(0x30000001u, 1, 0)]    // a length without the bit that makes it valid
    [InlineData(0x24000001u, 1, 4)]
    [InlineData(0x14000065u, 101, 2)]
    [InlineData(0xF4000001u, 1, 30)]
    public void REL_21_Check_sequence_bits_above_the_link_type_are_masked_and_honoured(uint network, int link, int fcs) =>
        Assert.Equal([$"1 0 {link} 0 5/5 fcs{fcs} 0102030405"], ReadAll(Pcap(false, false, network, (0, 0, One))).Packets);

    [Fact]
    public void Old_versions_that_swapped_the_lengths_are_read()
    {
        byte[] file = new CaptureBytes(true).U32(0xA1B2C3D4).U16(2).U16(2).U32(0).U32(0).U32(100).U32(1).U32(0).U32(0).U32(60).U32(5).Raw(One).Bytes;
        Assert.Equal(["1 0 1 0 5/60 fcs0 0102030405"], ReadAll(file).Packets);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Pcapng_is_read_with_all_blocks_that_carry_packets(bool bigEndian)
    {
        byte[] file = new CaptureBytes(bigEndian)
            .Section()
            .Block(5, b => b.U32(0).U32(0).U32(0))                    // statistics
            .Interface(LinkType.Ethernet, 3)
            .Block(4, b => b.U16(1).U16(0).U16(0).U16(0))             // names
            .Interface(LinkType.Raw, 0, (2, Utf8("eth\u001b[7m")), (9, [9]))
            .Enhanced(1, 1_234_567_890_123_456_789, One, 1500, (1, Utf8("a comment")))
            .Block(0x0BAD, b => b.Raw([1, 2, 3]))
            .Obsolete(0, 5_000_000, Two)
            .Simple([4, 5, 6], 900)
            .Bytes;
        using CaptureReader reader = CaptureReader.Open(new MemoryStream(file), "x.pcapng", live: false);
        Assert.Equal(
            ["1 1234567890123456789 101 1 5/1500 fcs0 0102030405", "2 5000000000 1 0 3/3 fcs0 090807", "3 5000000000 1 0 3/900 fcs0 040506"],
            ReadAll(reader));
        Assert.Equal([new CaptureInterface(0, "x.pcapng", LinkType.Ethernet, null, 3, 0), new CaptureInterface(1, "x.pcapng", LinkType.Raw, "eth?[7m", 0, 0)], reader.Interfaces);
        Assert.Empty(reader.Warnings);
    }

    [Fact]
    public void Sections_have_their_own_byte_order_and_interfaces()
    {
        byte[] file =
        [
            .. new CaptureBytes(false).Section().Interface(LinkType.Ethernet).Enhanced(0, 1, One).Bytes,
            .. new CaptureBytes(true).Section().Interface(LinkType.Raw).Interface(LinkType.Null).Enhanced(1, 2, Two).Enhanced(0, 3, Two).Bytes,
        ];
        Assert.Equal(["1 1000 1 0 5/5 fcs0 0102030405", "2 2000 0 2 3/3 fcs0 090807", "3 3000 101 1 3/3 fcs0 090807"], ReadAll(file).Packets);
    }

    public static TheoryData<int, long, ulong, long> Resolutions => new()
    {
        { 0, 0, 7, 7_000_000_000 },
        { 3, 0, 7, 7_000_000 },
        { 6, 100, 7, 100_000_007_000 },
        { 6, -1, 3_000_000, 2_000_000_000 },
        { 9, 0, 7, 7 },
        { 9, 0, long.MaxValue, long.MaxValue },
        { 9, 0, ulong.MaxValue, long.MaxValue },
        { 9, long.MaxValue, 1, long.MaxValue },
        { 9, long.MinValue, 1, 0 },
        { 0, 0, ulong.MaxValue, long.MaxValue },
        { 12, 0, 7_999, 7 },
        { 28, 0, ulong.MaxValue, 1 },
        { 29, 0, ulong.MaxValue, 0 },
        { 127, 5, ulong.MaxValue, 5_000_000_000 },
        { 0x80, 0, 7, 7_000_000_000 },
        { 0x80 | 10, 0, 1_024 + 512, 1_500_000_000 },
        { 0x80 | 32, 0, 1ul << 31, 500_000_000 },
        { 0x80 | 127, 0, ulong.MaxValue, 0 },
    };

    [Theory, MemberData(nameof(Resolutions))]
    public void REL_16_Any_timestamp_resolution_and_offset_gives_nanoseconds_without_overflow(int resolution, long offset, ulong ticks, long expected)
    {
        foreach (bool bigEndian in (bool[])[false, true])
        {
            var file = new CaptureBytes(bigEndian);
            file.Section().Interface(LinkType.Ethernet, 0, (9, [(byte)resolution]), (14, file.SignedSeconds(offset))).Enhanced(0, ticks, Two);
            Assert.Equal([$"1 {expected} 1 0 3/3 fcs0 090807"], ReadAll(file.Bytes).Packets);
        }
    }

    [Fact]
    public void Gzip_and_zstd_are_recognised_by_content_and_members_may_be_concatenated()
    {
        foreach (byte[] file in (byte[][])[SmallPcap, SmallPcapNg])
        {
            byte[] head = file[..30];
            byte[] tail = file[30..];
            byte[][] packed = [file, Gzip(file), Zstd(file), [.. Gzip(head), .. Gzip(tail)], [.. Zstd(head), .. Zstd(tail)], [0x50, 0x2A, 0x4D, 0x18, 2, 0, 0, 0, 1, 1, .. Zstd(file)]];
            for (int i = 0; i < packed.Length; i++)
            {
                (List<string> packets, bool damaged, _) = ReadAll(packed[i]);
                Assert.Equal((i, string.Join('\n', Small), false), (i, string.Join('\n', packets), damaged));
            }
        }
    }

    [Fact]
    public void REL_29_A_packed_file_that_is_cut_off_is_used_up_to_there()
    {
        var packets = new (long, uint, byte[])[3_000];
        var random = new Random(5);
        for (int i = 0; i < packets.Length; i++)
        {
            packets[i] = (i, 0, new byte[200]);
            random.NextBytes(packets[i].Item3);
        }

        byte[] file = Pcap(false, false, 1, packets);
        foreach (byte[] packed in (byte[][])[Gzip(file), Zstd(file)])
        {
            Assert.Equal((3_000, false), (ReadAll(packed).Packets.Count, ReadAll(packed).Damaged));
            for (int length = packed.Length - 1; length > packed.Length / 2; length -= length > packed.Length - 20 ? 1 : packed.Length / 20)
            {
                (List<string> read, bool damaged, IReadOnlyList<string> warnings) = ReadAll(packed[..length]);
                Assert.Equal((length, true, 1), (length, damaged, warnings.Count));
                Assert.InRange(read.Count, 600, 3_000);
            }

        }

        // gzip always has a checksum; zstd has one only where its writer asked for it.
        byte[] changed = Gzip(file);
        changed[changed.Length / 2] ^= 0x55;
        Assert.True(ReadAll(changed).Damaged);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_file_that_ends_anywhere_is_used_up_to_its_last_whole_packet(bool next)
    {
        byte[] file = next ? SmallPcapNg : SmallPcap;
        int[] ends = next ? [file.Length - 36 - 40, file.Length - 36, file.Length] : [24, 24 + 21, file.Length];
        for (int length = 4; length <= file.Length; length++)
        {
            (List<string> packets, bool damaged, IReadOnlyList<string> warnings) = ReadAll(file[..length]);
            int whole = length >= ends[2] ? 2 : length >= ends[1] ? 1 : 0;
            bool atEnd = ends.Contains(length) || (next && length == 28);
            Assert.Equal((length, whole, !atEnd, atEnd ? 0 : 1), (length, packets.Count, damaged, warnings.Count));
            Assert.Equal(Small.Take(whole), packets);
            if (!atEnd)
            {
                Assert.StartsWith("x.pcap: it ends in the middle of a packet or header. Its first ", warnings[0], StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [InlineData("", "it is empty")]
    [InlineData("A1B2", "shorter than the header")]
    [InlineData("736E6F6F70", "begins with 736E6F6F, which is neither pcap nor pcapng")]
    [InlineData("1F8B080000", "is gzip and cannot be unpacked")]
    [InlineData("28B52FFD00", "is zstd and cannot be unpacked")]
    public void What_is_no_capture_says_so(string hex, string names)
    {
        CaptureException fault = Assert.Throws<CaptureException>(() => ReadAll(Convert.FromHexString(hex)));
        Assert.StartsWith("x.pcap: ", fault.Message, StringComparison.Ordinal);
        Assert.Contains(names, fault.Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, byte[], int> Damages
    {
        get
        {
            CaptureBytes Start(bool big = false) => new CaptureBytes(big).Section().Interface(LinkType.Ethernet).Enhanced(0, 1, One);
            return new()
            {
                { "claims a length of 0 bytes", Start().U32(6).U32(0).U32(0).U32(0).Bytes, 1 },
                { "claims a length of 8 bytes", Start().U32(6).U32(8).U32(8).Bytes, 1 },
                { "claims a length of 13 bytes", Start().U32(7).U32(13).U32(0).U32(0).U32(13).Bytes, 1 },
                { "claims a length of 33554436 bytes", Start().U32(7).U32(33554436).U32(0).Bytes, 1 },
                { "claims a length of 4294967292 bytes", Start().U32(7).U32(4294967292).U32(0).Bytes, 1 },
                { "gives its length as 16 in front and 20 behind", Start().U32(7).U32(16).U32(0).U32(20).Bytes, 1 },
                { "claims a packet of 9 captured bytes in a body of 28", Start().Block(6, b => b.U32(0).U32(0).U32(0).U32(9).U32(9).U32(0).U32(0)).Bytes, 1 },
                { "claims a packet of 4294967295 captured bytes", Start().Block(2, b => b.U32(0).U32(0).U32(0).U32(uint.MaxValue).U32(9)).Bytes, 1 },
                { "names interface 1, and its section describes 1", Start().Enhanced(1, 0, One).Bytes, 1 },
                { "names interface 4294967295", Start().Enhanced(uint.MaxValue, 0, One).Bytes, 1 },
                { "section describes 0", [.. Start().Bytes, .. new CaptureBytes(true).Section().Enhanced(0, 0, One).Bytes], 1 },
                { "describes no interface", new CaptureBytes(false).Section().Simple(One, 5).Bytes, 0 },
                { "a simple packet of 0 bytes", Start().Block(3, b => b.Raw([])).Bytes, 1 },
                { "claims a packet of 900 captured bytes in a body of 12", Start().Simple(One, 900).Bytes, 1 },
                { "a packet of 16 bytes", Start().Block(6, b => b.U32(0).U32(0).U32(0).U32(0)).Bytes, 1 },
                { "an interface description of 4 bytes", Start().Block(1, b => b.U32(0)).Bytes, 1 },
                { "version 2.0", Start().Block(0x0A0D0D0A, b => b.U32(0x1A2B3C4D).U16(2).U16(0).U32(0).U32(0)).Bytes, 1 },
                { "a section header of 4 bytes", Start().Block(0x0A0D0D0A, b => b.U32(0x1A2B3C4D)).Bytes, 1 },
                { "without byte-order magic", Start().Block(0x0A0D0D0A, b => b.U32(0x1A2B3C4E).U16(1).U16(0).U32(0).U32(0)).Bytes, 1 },
                { "packet 2 claims 16777217 captured bytes", [.. Pcap(false, false, 1, (0, 0, One)), .. new CaptureBytes(false).U32(0).U32(0).U32(16777217).U32(16777217).Bytes], 1 },
                { "version is 543.0", new CaptureBytes(false).U32(0xA1B2C3D4).U16(543).U16(0).U32(0).U32(0).U32(1).U32(1).Bytes, 0 },
            };
        }
    }

    [Theory, MemberData(nameof(Damages))]
    public void REL_18_A_length_that_lies_is_damage_and_names_itself(string names, byte[] file, int packets)
    {
        (List<string> read, bool damaged, IReadOnlyList<string> warnings) = ReadAll(file);
        Assert.Equal((packets, true), (read.Count, damaged));
        Assert.Contains(names, Assert.Single(warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Options_that_break_off_do_no_harm()
    {
        byte[] file = new CaptureBytes(false).Section()
            .Block(1, b => b.U16(1).U16(0).U32(0).U16(9).U16(1).Raw([9, 0, 0, 0]).U16(2).U16(65535).Raw([1, 2, 3]))
            .Enhanced(0, 77, Two).Bytes;
        (List<string> packets, bool damaged, _) = ReadAll(file);
        Assert.Equal(["1 77 1 0 3/3 fcs0 090807"], packets);
        Assert.False(damaged);
    }

    [Fact]
    public void An_unknown_link_type_is_kept_and_warned_of_once()
    {
        (List<string> packets, bool damaged, IReadOnlyList<string> warnings) = ReadAll(Pcap(false, false, 147, (0, 0, One), (0, 0, Two)));
        Assert.Equal((2, false), (packets.Count, damaged));
        Assert.StartsWith("x.pcap: link type 147 is not read, its packets are ignored. ", Assert.Single(warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void More_packets_than_a_block_holds_come_in_several_and_keep_their_numbers()
    {
        var packets = new (long, uint, byte[])[10_000];
        for (int i = 0; i < packets.Length; i++)
        {
            packets[i] = (i, 0, new byte[i % 1500]);
        }

        using CaptureReader reader = CaptureReader.Open(new MemoryStream(Pcap(true, false, 1, packets)), "x", live: false);
        var block = new PacketBlock();
        var sizes = new List<int>();
        int seen = 0;
        while (reader.ReadBlock(block))
        {
            Assert.Equal((seen + 1, true), (block.FirstNumber, block.Count <= PacketBlock.Capacity));
            sizes.Add(block.Count);
            for (int i = 0; i < block.Count; i++, seen++)
            {
                Assert.Equal((seen * 1_000_000_000L, seen % 1500), (block.Packets[i].Time, block.Packets[i].Length));
            }
        }

        Assert.Equal(packets.Length, seen);
        Assert.True(sizes.Count >= packets.Length / PacketBlock.Capacity, "a block holds more than its capacity");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_packet_that_a_piece_of_the_file_cuts_is_read_whole(bool next)
    {
        // A file stays where it was read, piece by piece; what a sender sends is copied out of a pipe. Both give the same packets, whatever lies across the cuts.
        Random random = new(5);
        var packets = new (long, uint, byte[])[3_000];
        for (int i = 0; i < packets.Length; i++)
        {
            byte[] packet = new byte[random.Next(40) == 0 ? random.Next(400_000) : random.Next(1500)];
            random.NextBytes(packet);
            packets[i] = (i, 0, packet);
        }

        byte[] file;
        if (next)
        {
            var blocks = new CaptureBytes(false).Section().Interface(LinkType.Ethernet);
            foreach ((long seconds, uint _, byte[] packet) in packets)
            {
                blocks.Enhanced(0, (ulong)seconds, packet);
            }

            file = blocks.Bytes;
        }
        else
        {
            file = Pcap(false, false, 1, packets);
        }

        using CaptureReader stays = CaptureReader.Open(new MemoryStream(file), "x", live: false);
        using CaptureReader copies = CaptureReader.Open(new MemoryStream(file), "x", live: true);
        List<string> expected = ReadAll(copies);
        Assert.Equal(packets.Length, expected.Count);
        Assert.Equal(expected, ReadAll(stays));
        Assert.False(stays.IsDamaged);
    }

    [Fact]
    public void REL_17_A_block_of_huge_packets_is_handed_on_early()
    {
        byte[] huge = new byte[16 * 1024 * 1024];
        using CaptureReader reader = CaptureReader.Open(new MemoryStream(Pcap(false, false, 1, (0, 0, One), (1, 0, huge), (2, 0, huge), (3, 0, Two))), "x", live: false);
        var block = new PacketBlock();
        var counts = new List<int>();
        while (reader.ReadBlock(block))
        {
            counts.Add(block.Count);
        }

        Assert.Equal([1, 1, 1, 1], counts);
        Assert.False(reader.IsDamaged);
    }

    [Fact]
    public async Task A_live_source_hands_packets_on_as_they_arrive()
    {
        byte[] file = SmallPcap;
        foreach (byte[] bytes in (byte[][])[file, SmallPcapNg])
        {
            int stop = bytes.Length - 3;    // inside the second packet
            var stream = new DripStream(bytes, 1, stop);
            await using CaptureReader reader = CaptureReader.Open(stream, "standard input", live: true);
            var block = new PacketBlock();
            Assert.True(await reader.ReadBlockAsync(block));
            Assert.Equal([Small[0]], Enumerable.Range(0, block.Count).Select(i => Describe(block, i)));
            ValueTask<bool> second = reader.ReadBlockAsync(block);
            Assert.False(second.IsCompleted);
            stream.Release();
            Assert.True(await second);
            Assert.Equal([Small[1]], Enumerable.Range(0, block.Count).Select(i => Describe(block, i)));
            Assert.False(await reader.ReadBlockAsync(block));
            Assert.False(reader.IsDamaged);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100_000)]
    public void A_live_source_byte_by_byte_gives_the_same_packets(int bytesARead)
    {
        foreach (byte[] bytes in (byte[][])[SmallPcap, SmallPcapNg, Gzip(SmallPcap), Zstd(SmallPcapNg)])
        {
            using CaptureReader reader = CaptureReader.Open(new DripStream(bytes, bytesARead), "standard input", live: true);
            Assert.Equal(Small, ReadAll(reader));
            Assert.Equal(bytes.Length, reader.BytesRead);
        }
    }

    [Fact]
    public async Task A_live_source_that_waits_can_be_cancelled()
    {
        var stream = new DripStream(SmallPcap, 1000, 30);
        using var cancel = new CancellationTokenSource();
        CaptureReader reader = CaptureReader.Open(stream, "standard input", live: true);
        ValueTask<bool> read = reader.ReadBlockAsync(new PacketBlock(), cancel.Token);
        Assert.False(read.IsCompleted);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await read);
        await reader.DisposeAsync();
        stream.Release();    // the read that could not be called back ends now, into memory that is still its own
    }

    [Fact]
    public void Several_files_are_read_in_order_and_a_bad_one_does_not_hide_the_packets_before_it()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            string first = Path.Combine(folder, "a.pcap");
            string bad = Path.Combine(folder, "b.pcap");
            string last = Path.Combine(folder, "c.pcapng.gz");
            File.WriteAllBytes(first, SmallPcap[..^1]);
            File.WriteAllText(bad, "no capture");
            File.WriteAllBytes(last, Gzip(SmallPcapNg));
            using CaptureReader reader = CaptureReader.Open([first, bad, last]);
            var block = new PacketBlock();
            Assert.True(reader.ReadBlock(block));
            Assert.Equal((1, 1L), (block.Count, block.FirstNumber));
            Assert.Equal(bad, Assert.Throws<CaptureException>(() => reader.ReadBlock(block)).Where);
            Assert.True(reader.ReadBlock(block));
            Assert.Equal((2, 2L, 1), (block.Count, block.FirstNumber, block.Packets[0].CaptureInterface));
            Assert.False(reader.ReadBlock(block));
            Assert.Equal((true, 1), (reader.IsDamaged, reader.Warnings.Count));
            Assert.Equal(reader.TotalBytes, reader.BytesRead);
            Assert.Equal([(first, 0), (last, 1)], reader.Interfaces.Select(i => (i.File, i.Index)));
            Assert.Throws<CaptureException>(() => CaptureReader.Open([Path.Combine(folder, "none")]));
            Assert.Throws<CaptureException>(() => CaptureReader.Open([folder]));
            Assert.Throws<CaptureException>(() => CaptureReader.Open(["-", "-"]));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void REL_17_Interfaces_are_bounded()
    {
        var file = new CaptureBytes(false).Section();
        for (int i = 0; i <= CaptureReader.MaxInterfaces; i++)
        {
            file.Interface(LinkType.Ethernet);
        }

        (_, bool damaged, IReadOnlyList<string> warnings) = ReadAll(file.Bytes);
        Assert.True(damaged);
        Assert.Contains("more interfaces than 65536", warnings[0], StringComparison.Ordinal);
    }
}
