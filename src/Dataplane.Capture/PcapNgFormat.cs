// pcapng is a chain of blocks, each with its length in front and behind:
//
//   type (4) | total length (4) | body, padded to 4 | total length (4)
//
// A section header block fixes the byte order of all blocks until the next one and starts the interfaces at 0 again. Interface
// blocks describe interfaces in order; packets name one by number. All other blocks are skipped by their length.
// A block is taken only when it is whole, and only if both lengths agree, so a length that lies is damage and never a jump
// into the middle of something. Options are read from interface blocks alone, at most 64 KiB of them.

using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Text;
using Dataplane.Packets;

namespace Dataplane.Capture;

/// <summary>The pcapng format.</summary>
/// <remarks>Source: draft-ietf-opsawg-pcapng.</remarks>
internal sealed class PcapNgFormat(CaptureReader reader, string file) : CaptureFormat(reader, file)
{
    internal const uint SectionHeader = 0x0A0D0D0A;

    private const uint InterfaceDescription = 1;
    private const uint ObsoletePacket = 2;
    private const uint SimplePacket = 3;
    private const uint EnhancedPacket = 6;

    private const uint ByteOrderMagic = 0x1A2B3C4D;
    private const int MaxBlockLength = 32 * 1024 * 1024;
    private const int MaxOptionsLength = 64 * 1024;
    private const int MaxNameLength = 256;
    private const int HeaderLength = 8;
    private const int OverheadLength = 12;

    private readonly List<(CaptureInterface Interface, TimestampScale Scale)> _interfaces = [];
    private bool _bigEndian;
    private long _lastTime;
    private long _blocks;

    private protected override ReadStop Take(in ReadOnlySequence<byte> buffer, PacketBlock block, out long consumed)
    {
        var cursor = new SequenceCursor(buffer);
        Span<byte> header = stackalloc byte[OverheadLength];
        ReadStop stop = ReadStop.NeedsMore;
        while (cursor.Remaining >= OverheadLength)
        {
            cursor.Peek(0, header);
            if (BinaryPrimitives.ReadUInt32BigEndian(header) == SectionHeader)
            {
                // Its type reads the same both ways; the byte order stands behind the length. What was read before keeps its order if this block is damaged.
                uint order = BinaryPrimitives.ReadUInt32BigEndian(header[8..]);
                if (order is not (ByteOrderMagic or 0x4D3C2B1A))
                {
                    stop = Damaged($"block {_blocks + 1} is a section header without byte-order magic");
                    break;
                }

                _bigEndian = order == ByteOrderMagic;
            }

            uint type = UInt32(header);
            uint total = UInt32(header[4..]);
            if (total < OverheadLength || total % 4 != 0 || total > MaxBlockLength)
            {
                stop = Damaged($"block {_blocks + 1} claims a length of {total} bytes, and a block has {OverheadLength} to {MaxBlockLength}, a multiple of 4");
                break;
            }

            int length = (int)total;
            if (cursor.Remaining < length)
            {
                break;
            }

            cursor.Peek(length - 4, header[..4]);
            if (UInt32(header) != total)
            {
                stop = Damaged($"block {_blocks + 1} gives its length as {total} in front and {UInt32(header)} behind");
                break;
            }

            stop = ReadWholeBlock(type, length - OverheadLength, cursor, block);
            if (stop != ReadStop.NeedsMore)
            {
                break;
            }

            _blocks++;
            cursor.Skip(length);
        }

        consumed = cursor.Consumed;
        return stop;
    }

    /// <summary>Takes one block; NeedsMore means that it is done with.</summary>
    /// <param name="body">Bytes between the lengths.</param>
    private ReadStop ReadWholeBlock(uint type, int body, in SequenceCursor cursor, PacketBlock block) => type switch
    {
        SectionHeader => ReadSection(body, cursor),
        InterfaceDescription => ReadInterface(body, cursor),
        EnhancedPacket => ReadPacket(body, cursor, block, obsolete: false),
        ObsoletePacket => ReadPacket(body, cursor, block, obsolete: true),
        SimplePacket => ReadSimplePacket(body, cursor, block),
        _ => ReadStop.NeedsMore,
    };

    private ReadStop ReadSection(int body, in SequenceCursor cursor)
    {
        if (body < 16)
        {
            return Damaged($"block {_blocks + 1} is a section header of {body} bytes, and it needs 16");
        }

        Span<byte> version = stackalloc byte[4];
        cursor.Peek(HeaderLength + 4, version);
        if (UInt16(version) != 1)
        {
            return Damaged($"block {_blocks + 1} begins a section of version {UInt16(version)}.{UInt16(version[2..])}, and 1.x can be read");
        }

        _interfaces.Clear();
        return ReadStop.NeedsMore;
    }

    private ReadStop ReadInterface(int body, in SequenceCursor cursor)
    {
        if (body < 8)
        {
            return Damaged($"block {_blocks + 1} is an interface description of {body} bytes, and it needs 8");
        }

        Span<byte> fixedPart = stackalloc byte[8];
        cursor.Peek(HeaderLength, fixedPart);
        byte[] options = new byte[Math.Min(body - 8, MaxOptionsLength)];
        cursor.Peek(HeaderLength + 8, options);
        byte resolution = 6;
        long offset = 0;
        byte fcsLength = 0;
        string? name = null;

        // Options that break off are left alone: the block's own lengths agreed, so what follows it is sound.
        for (ReadOnlySpan<byte> rest = options; rest.Length >= 4;)
        {
            int code = UInt16(rest);
            int length = UInt16(rest[2..]);
            if (code == 0 || length > rest.Length - 4)
            {
                break;
            }

            ReadOnlySpan<byte> value = rest.Slice(4, length);
            switch (code)
            {
                case 2:
                    name = Printable(value);
                    break;
                case 9 when length == 1:
                    resolution = value[0];
                    break;
                case 13 when length == 1:
                    // The draft says bits and shows 4; writers store bytes. Both are told apart by size.
                    fcsLength = (byte)(value[0] >= 16 ? value[0] / 8 : value[0]);
                    break;
                case 14 when length == 8:
                    offset = _bigEndian ? BinaryPrimitives.ReadInt64BigEndian(value) : BinaryPrimitives.ReadInt64LittleEndian(value);
                    break;
                default:
                    break;
            }

            rest = rest[Math.Min(rest.Length, 4 + ((length + 3) & ~3))..];
        }

        CaptureInterface? added = Reader.AddInterface(File, (LinkType)UInt16(fixedPart), name, UInt32(fixedPart[4..]), fcsLength);
        if (added is null)
        {
            return Damaged($"block {_blocks + 1} brings more interfaces than {CaptureReader.MaxInterfaces}");
        }

        _interfaces.Add((added, new TimestampScale(resolution, offset)));
        return ReadStop.NeedsMore;
    }

    private ReadStop ReadPacket(int body, in SequenceCursor cursor, PacketBlock block, bool obsolete)
    {
        const int FixedLength = 20;
        if (body < FixedLength)
        {
            return Damaged($"block {_blocks + 1} is a packet of {body} bytes, and it needs {FixedLength}");
        }

        Span<byte> fixedPart = stackalloc byte[FixedLength];
        cursor.Peek(HeaderLength, fixedPart);
        uint index = obsolete ? UInt16(fixedPart) : UInt32(fixedPart);
        uint captured = UInt32(fixedPart[12..]);
        if (captured > MaxPacketLength || captured > (uint)(body - FixedLength))
        {
            return Damaged($"block {_blocks + 1} claims a packet of {captured} captured bytes in a body of {body}, and the longest packet is {MaxPacketLength}");
        }

        if (index >= (uint)_interfaces.Count)
        {
            return Damaged($"block {_blocks + 1} names interface {index}, and its section describes {_interfaces.Count}");
        }

        int length = (int)captured;
        if (!HasRoom(block, length))
        {
            return ReadStop.BlockFull;
        }

        (CaptureInterface from, TimestampScale scale) = _interfaces[(int)index];
        _lastTime = scale.ToNanoseconds((ulong)UInt32(fixedPart[4..]) << 32 | UInt32(fixedPart[8..]));
        Add(block, cursor, HeaderLength + FixedLength, _lastTime, length, UInt32(fixedPart[16..]), from);
        return ReadStop.NeedsMore;
    }

    /// <summary>A packet of interface 0 without a time: it gets that of the packet before it.</summary>
    private ReadStop ReadSimplePacket(int body, in SequenceCursor cursor, PacketBlock block)
    {
        if (body < 4)
        {
            return Damaged($"block {_blocks + 1} is a simple packet of {body} bytes, and it needs 4");
        }

        if (_interfaces.Count == 0)
        {
            return Damaged($"block {_blocks + 1} is a simple packet, and its section describes no interface");
        }

        Span<byte> fixedPart = stackalloc byte[4];
        cursor.Peek(HeaderLength, fixedPart);
        CaptureInterface from = _interfaces[0].Interface;
        uint wire = UInt32(fixedPart);
        uint captured = Math.Min(wire, from.SnapLength == 0 ? uint.MaxValue : from.SnapLength);
        if (captured > MaxPacketLength || captured > (uint)(body - 4))
        {
            return Damaged($"block {_blocks + 1} claims a packet of {captured} captured bytes in a body of {body}, and the longest packet is {MaxPacketLength}");
        }

        if (!HasRoom(block, (int)captured))
        {
            return ReadStop.BlockFull;
        }

        Add(block, cursor, HeaderLength + 4, _lastTime, (int)captured, wire, from);
        return ReadStop.NeedsMore;
    }

    /// <summary>Text that a terminal can show: control characters are replaced, the length is bounded.</summary>
    private static string Printable(ReadOnlySpan<byte> utf8)
    {
        string text = Encoding.UTF8.GetString(utf8[..Math.Min(utf8.Length, MaxNameLength)]).TrimEnd('\0');
        return string.Create(text.Length, text, static (chars, source) =>
        {
            for (int i = 0; i < chars.Length; i++)
            {
                chars[i] = char.IsControl(source[i]) || char.IsSurrogate(source[i]) || source[i] is '\u2028' or '\u2029' ? '?' : source[i];
            }
        });
    }

    private ushort UInt16(ReadOnlySpan<byte> bytes) =>
        _bigEndian ? BinaryPrimitives.ReadUInt16BigEndian(bytes) : BinaryPrimitives.ReadUInt16LittleEndian(bytes);

    private uint UInt32(ReadOnlySpan<byte> bytes) =>
        _bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt32LittleEndian(bytes);
}
