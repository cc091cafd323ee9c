using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.IO.Compression;
using System.Text;
using Dataplane.Capture;
using Dataplane.Packets;
using ZstdSharp;

namespace Dataplane.Tests.Capture;

/// <summary>Capture files written byte by byte, and what a reader makes of them.</summary>
internal sealed class CaptureBytes(bool bigEndian)
{
    private readonly List<byte> _bytes = [];

    internal byte[] Bytes => [.. _bytes];

    internal static byte[] Pcap(bool bigEndian, bool nanoseconds, uint network, params (long Seconds, uint Ticks, byte[] Packet)[] packets)
    {
        var file = new CaptureBytes(bigEndian);
        file.U32(nanoseconds ? 0xA1B23C4D : 0xA1B2C3D4).U16(2).U16(4).U32(0).U32(0).U32(65535).U32(network);
        foreach ((long seconds, uint ticks, byte[] packet) in packets)
        {
            file.U32((uint)seconds).U32(ticks).U32((uint)packet.Length).U32((uint)packet.Length).Raw(packet);
        }

        return file.Bytes;
    }

    internal CaptureBytes Section() => Block(0x0A0D0D0A, b => b.U32(0x1A2B3C4D).U16(1).U16(0).U32(uint.MaxValue).U32(uint.MaxValue));

    internal CaptureBytes Interface(LinkType link, uint snapLength = 0, params (int Code, byte[] Value)[] options) =>
        Block(1, b => b.U16((int)link).U16(0).U32(snapLength).Options(options));

    internal CaptureBytes Enhanced(uint at, ulong ticks, byte[] packet, uint? wire = null, params (int Code, byte[] Value)[] options) =>
        Block(6, b => b.U32(at).U32((uint)(ticks >> 32)).U32((uint)ticks).U32((uint)packet.Length).U32(wire ?? (uint)packet.Length).Raw(packet).Pad().Options(options));

    internal CaptureBytes Obsolete(int at, ulong ticks, byte[] packet) =>
        Block(2, b => b.U16(at).U16(0).U32((uint)(ticks >> 32)).U32((uint)ticks).U32((uint)packet.Length).U32((uint)packet.Length).Raw(packet).Pad());

    internal CaptureBytes Simple(byte[] packet, uint wire) => Block(3, b => b.U32(wire).Raw(packet).Pad());

    internal CaptureBytes Block(uint type, Action<CaptureBytes> fill)
    {
        var body = new CaptureBytes(bigEndian);
        fill(body);
        body.Pad();
        uint total = (uint)body._bytes.Count + 12;
        return U32(type).U32(total).Raw(body.Bytes).U32(total);
    }

    internal CaptureBytes Options((int Code, byte[] Value)[] options)
    {
        foreach ((int code, byte[] value) in options)
        {
            U16(code).U16(value.Length).Raw(value).Pad();
        }

        return options.Length == 0 ? this : U16(0).U16(0);
    }

    internal CaptureBytes U16(int value)
    {
        Span<byte> bytes = stackalloc byte[2];
        if (bigEndian)
        {
            BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)value);
        }
        else
        {
            BinaryPrimitives.WriteUInt16LittleEndian(bytes, (ushort)value);
        }

        return Raw(bytes);
    }

    internal CaptureBytes U32(uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        if (bigEndian)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        }
        else
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        }

        return Raw(bytes);
    }

    internal CaptureBytes Raw(ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    internal CaptureBytes Pad()
    {
        while (_bytes.Count % 4 != 0)
        {
            _bytes.Add(0);
        }

        return this;
    }

    internal byte[] SignedSeconds(long value)
    {
        byte[] bytes = new byte[8];
        if (bigEndian)
        {
            BinaryPrimitives.WriteInt64BigEndian(bytes, value);
        }
        else
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        }

        return bytes;
    }

    internal static byte[] Gzip(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
        {
            gzip.Write(bytes);
        }

        return packed.ToArray();
    }

    internal static byte[] Zstd(byte[] bytes)
    {
        using var compressor = new Compressor();
        return compressor.Wrap(bytes).ToArray();
    }

    /// <summary>One packet as text: number, time, link, interface, both lengths, bytes.</summary>
    internal static string Describe(PacketBlock block, int index)
    {
        ref readonly CapturedPacket packet = ref block.Packets[index];
        return FormattableString.Invariant($"{block.FirstNumber + index} {packet.Time} {(int)packet.Link} {packet.CaptureInterface} {packet.Length}/{packet.WireLength} fcs{packet.FcsLength} {Convert.ToHexString(block.Bytes(index))}");
    }

    internal static List<string> ReadAll(CaptureReader reader)
    {
        var lines = new List<string>();
        var block = new PacketBlock();
        while (reader.ReadBlock(block))
        {
            for (int i = 0; i < block.Count; i++)
            {
                lines.Add(Describe(block, i));
            }
        }

        return lines;
    }

    internal static (List<string> Packets, bool Damaged, IReadOnlyList<string> Warnings) ReadAll(byte[] file)
    {
        using CaptureReader reader = CaptureReader.Open(new MemoryStream(file), "x.pcap", live: false);
        List<string> packets = ReadAll(reader);
        return (packets, reader.IsDamaged, reader.Warnings);
    }

    internal static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
