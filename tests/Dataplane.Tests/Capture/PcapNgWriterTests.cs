using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using Dataplane.Capture;
using Dataplane.Packets;
using Xunit;
using static Dataplane.Tests.Capture.CaptureBytes;

namespace Dataplane.Tests.Capture;

/// <summary>What is written is read back byte for byte; a file appears whole or not at all.</summary>
public sealed class PcapNgWriterTests
{
    private static PacketBlock Block()
    {
        var block = new PacketBlock();
        LinkType[] links = [LinkType.Ethernet, LinkType.Raw, LinkType.LinuxSll2, (LinkType)147];
        for (int i = 0; i < 40; i++)
        {
            Span<byte> room = block.Add(1_700_000_000_123_456_789 + i, i * 3, (uint)(i * 3 + i % 2), links[i % 4], i % 4, (byte)(i % 4 == 0 ? 4 : 0));
            for (int j = 0; j < room.Length; j++)
            {
                room[j] = (byte)(i + j);
            }
        }

        block.FirstNumber = 1;
        return block;
    }

    [Fact]
    public void What_the_writer_writes_the_reader_reads_back()
    {
        PacketBlock block = Block();
        using var file = new MemoryStream();
        using (var writer = new PcapNgWriter(file, i => new CaptureInterface(i, "x", LinkType.Raw, i == 1 ? "eth1" : null, 100, 0)))
        {
            for (int i = 0; i < block.Count; i++)
            {
                writer.Write(block, i, i % 3 == 0 ? $"ENI_SG_RULES_MISMATCH sg-\u00e4/ingress/{i}" : null);
            }

            Assert.Equal(block.Count, writer.Packets);
        }

        byte[] bytes = file.ToArray();
        using CaptureReader reader = CaptureReader.Open(new MemoryStream(bytes), "x", live: false);
        Assert.Equal([.. Enumerable.Range(0, block.Count).Select(i => Describe(block, i))], ReadAll(reader));
        Assert.Equal((false, 4, "eth1", 100u), (reader.IsDamaged, reader.Interfaces.Count, reader.Interfaces[1].Name, reader.Interfaces[1].SnapLength));
        Assert.True(bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes("ENI_SG_RULES_MISMATCH sg-\u00e4/ingress/39")) > 0);
    }

    [Fact]
    public void A_comment_longer_than_its_field_is_cut_at_a_character()
    {
        var block = new PacketBlock();
        block.Add(0, 1, 1, LinkType.Raw, 0)[0] = 7;
        using var file = new MemoryStream();
        using (var writer = new PcapNgWriter(file))
        {
            writer.Write(block, 0, new string('\u20ac', 30_000));
        }

        (List<string> packets, bool damaged, _) = ReadAll(file.ToArray());
        Assert.Equal((1, false), (packets.Count, damaged));
    }

    [Fact]
    public void REL_30_A_file_appears_under_its_name_when_it_is_complete_and_never_half()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            string path = Path.Combine(folder, "denied.pcapng");
            File.WriteAllText(path, "before");
            PacketBlock block = Block();
            using (var writer = new PcapNgWriter(path))
            {
                writer.Write(block, 5);
                writer.Flush();
                Assert.Equal("before", File.ReadAllText(path));
            }

            using (CaptureReader reader = CaptureReader.Open([path]))
            {
                Assert.Single(ReadAll(reader));
            }

            var abandoned = new PcapNgWriter(path);
            abandoned.Write(block, 5);
            abandoned.Write(block, 6);
            abandoned.Abandon();
            abandoned.Dispose();
            using (CaptureReader reader = CaptureReader.Open([path]))
            {
                Assert.Single(ReadAll(reader));
            }

            Assert.Equal([path], Directory.GetFiles(folder));
            string link = Path.Combine(folder, "link.pcapng");
            File.CreateSymbolicLink(link, path);
            using (var writer = new PcapNgWriter(link))
            {
                writer.Write(block, 1);
                writer.Write(block, 2);
            }

            Assert.NotNull(new FileInfo(link).LinkTarget);
            using (CaptureReader reader = CaptureReader.Open([path]))
            {
                Assert.Equal(2, ReadAll(reader).Count);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void A_device_is_written_and_not_replaced()
    {
        using (var writer = new PcapNgWriter("/dev/null"))
        {
            writer.Write(Block(), 3);
        }

        Assert.Empty(File.ReadAllBytes("/dev/null"));
        Assert.Throws<DirectoryNotFoundException>(() => new PcapNgWriter("/nowhere/at/all.pcapng"));
    }
}
