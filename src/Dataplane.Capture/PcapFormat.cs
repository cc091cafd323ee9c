using System;
using System.Buffers;
using System.Buffers.Binary;
using Dataplane.Packets;

namespace Dataplane.Capture;

/// <summary>The classic format: a header of 24 bytes, then packets, each behind 16 bytes.</summary>
/// <remarks>Source: draft-ietf-opsawg-pcap. Versions before 2.4 swapped the two lengths, as libpcap knows.</remarks>
internal sealed class PcapFormat : CaptureFormat
{
    private const int FileHeaderLength = 24;
    private const int PacketHeaderLength = 16;

    private readonly bool _bigEndian;
    private readonly long _nanosecondsPerTick;
    private CaptureInterface? _interface;
    private int _minorVersion;

    private PcapFormat(CaptureReader reader, string file, bool bigEndian, bool nanoseconds)
        : base(reader, file)
    {
        _bigEndian = bigEndian;
        _nanosecondsPerTick = nanoseconds ? 1 : 1_000;
    }

    /// <summary>The format that a file beginning with these four bytes has, or null.</summary>
    internal static PcapFormat? Recognise(CaptureReader reader, string file, ReadOnlySpan<byte> magic) => BinaryPrimitives.ReadUInt32BigEndian(magic) switch
    {
        0xA1B2C3D4 => new(reader, file, bigEndian: true, nanoseconds: false),
        0xD4C3B2A1 => new(reader, file, bigEndian: false, nanoseconds: false),
        0xA1B23C4D => new(reader, file, bigEndian: true, nanoseconds: true),
        0x4D3CB2A1 => new(reader, file, bigEndian: false, nanoseconds: true),
        _ => null,
    };

    private protected override ReadStop Take(in ReadOnlySequence<byte> buffer, PacketBlock block, out long consumed)
    {
        consumed = 0;
        var cursor = new SequenceCursor(buffer);
        if (_interface is null)
        {
            if (cursor.Remaining < FileHeaderLength)
            {
                return ReadStop.NeedsMore;
            }

            if (!ReadFileHeader(cursor))
            {
                return ReadStop.Damaged;
            }

            cursor.Skip(FileHeaderLength);
        }

        ReadStop stop;
        if (IsShared)
        {
            int begin = (int)cursor.Consumed;
            stop = FramePackets(buffer.FirstSpan[begin..], begin, block, _interface!, out int framed);
            consumed = begin + framed;
        }
        else
        {
            stop = ReadPackets(ref cursor, block, _interface!);
            consumed = cursor.Consumed;
        }

        return stop;
    }

    private bool ReadFileHeader(in SequenceCursor cursor)
    {
        Span<byte> header = stackalloc byte[FileHeaderLength];
        cursor.Peek(0, header);
        int major = UInt16(header[4..]);
        _minorVersion = UInt16(header[6..]);
        if (major != 2)
        {
            Damaged($"its version is {major}.{_minorVersion}, and 2.0 to 2.4 can be read");
            return false;
        }

        // The link type is the low 26 bits. Above it stands a check-sequence length in units of 16 bits, valid only with bit 26.
        uint network = UInt32(header[20..]);
        byte fcsLength = (network & 0x0400_0000) != 0 ? (byte)((network >> 28) * 2) : (byte)0;
        _interface = Reader.AddInterface(File, (LinkType)(network & 0x03FF_FFFF), null, UInt32(header[16..]), fcsLength);
        if (_interface is null)
        {
            Damaged($"it brings more interfaces than {CaptureReader.MaxInterfaces}");
            return false;
        }

        return true;
    }

    private ReadStop ReadPackets(ref SequenceCursor cursor, PacketBlock block, CaptureInterface from)
    {
        Span<byte> header = stackalloc byte[PacketHeaderLength];
        while (cursor.Remaining >= PacketHeaderLength)
        {
            cursor.Peek(0, header);
            uint captured = UInt32(header[8..]);
            uint wire = UInt32(header[12..]);
            if (_minorVersion < 3 || (_minorVersion == 3 && captured > wire))
            {
                (captured, wire) = (wire, captured);
            }

            if (captured > MaxPacketLength)
            {
                return Damaged($"packet {Packets + 1} claims {captured} captured bytes, and the longest is {MaxPacketLength}");
            }

            int length = (int)captured;
            if (cursor.Remaining - PacketHeaderLength < length)
            {
                return ReadStop.NeedsMore;
            }

            if (!HasRoom(block, length))
            {
                return ReadStop.BlockFull;
            }

            // At most 2^32 s and 2^32 ticks: far below 2^63 nanoseconds. Ticks beyond a second carry.
            long time = UInt32(header) * 1_000_000_000L + UInt32(header[4..]) * _nanosecondsPerTick;
            Add(block, cursor, PacketHeaderLength, time, length, wire, from);
            cursor.Skip(PacketHeaderLength + length);
        }

        return ReadStop.NeedsMore;
    }

    /// <summary>The same where the bytes lie in one piece and stay there: most captures are read by this loop.</summary>
    /// <param name="place">Where the bytes begin in the buffer.</param>
    private ReadStop FramePackets(ReadOnlySpan<byte> bytes, int place, PacketBlock block, CaptureInterface from, out int consumed)
    {
        ReadStop stop = ReadStop.NeedsMore;
        int at = 0;
        int first = block.Count;
        while (bytes.Length - at >= PacketHeaderLength)
        {
            ReadOnlySpan<byte> header = bytes.Slice(at, PacketHeaderLength);
            uint captured = UInt32(header[8..]);
            uint wire = UInt32(header[12..]);
            if (_minorVersion < 4 && (_minorVersion < 3 || captured > wire))
            {
                (captured, wire) = (wire, captured);
            }

            if (captured > MaxPacketLength)
            {
                stop = Damaged($"packet {Packets + block.Count - first + 1} claims {captured} captured bytes, and the longest is {MaxPacketLength}");
                break;
            }

            if (bytes.Length - at - PacketHeaderLength < (int)captured)
            {
                break;
            }

            if (!HasRoom(block, (int)captured))
            {
                stop = ReadStop.BlockFull;
                break;
            }

            long time = UInt32(header) * 1_000_000_000L + UInt32(header[4..]) * _nanosecondsPerTick;
            block.AddShared(time, Shared(place + at + PacketHeaderLength), (int)captured, wire, from.Link, from.Index, from.FcsLength);
            at += PacketHeaderLength + (int)captured;
        }

        Added(block.Count - first, from);
        consumed = at;
        return stop;
    }

    private ushort UInt16(ReadOnlySpan<byte> bytes) =>
        _bigEndian ? BinaryPrimitives.ReadUInt16BigEndian(bytes) : BinaryPrimitives.ReadUInt16LittleEndian(bytes);

    private uint UInt32(ReadOnlySpan<byte> bytes) =>
        _bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt32LittleEndian(bytes);
}
