// Frames in memory, one after the other at a fixed distance: what a reader or a network card would hand over. Made before anything is timed.

using System;
using System.Buffers.Binary;
using Dataplane.Packets;

namespace Dataplane.Bench;

/// <summary>TCP frames between clients on the internet and the server of <see cref="Traffic.Network"/>, 60 bytes (IPv4) or 74 (IPv6).</summary>
internal sealed class FrameSet
{
    private readonly int _stride;
    private readonly byte[] _bytes;
    private readonly SharedBytes _lent;

    internal FrameSet(int count, bool ipv6 = false)
    {
        IsIpv6 = ipv6;
        _stride = ipv6 ? 128 : 64;
        _bytes = new byte[(long)count * _stride];
        _lent = new SharedBytes(_bytes, static _ => { });
        Flow = new int[count];
    }

    internal bool IsIpv6 { get; }

    internal int Count => Flow.Length;

    internal int Length => IsIpv6 ? 74 : 60;

    /// <summary>With the check sequence: for IPv4 the smallest Ethernet frame.</summary>
    internal uint WireLength => (uint)Length + 4;

    /// <summary>By frame: the number of its flow, so that a sample can take whole flows.</summary>
    internal int[] Flow { get; }

    internal ReadOnlySpan<byte> this[int index] => _bytes.AsSpan(index * _stride, Length);

    /// <summary>The memory of all frames.</summary>
    internal ReadOnlySpan<byte> All => _bytes;

    internal int Stride => _stride;

    /// <summary>Writes one frame. Clients spread over 198.0.0.0/8 (2001:db8::/32) in no order.</summary>
    /// <param name="flow">0 to 268,435,455.</param>
    /// <param name="back">From the server to the client.</param>
    internal void Set(int index, int flow, bool back, byte flags, int serverPort = 443)
    {
        Flow[index] = flow;
        Span<byte> frame = _bytes.AsSpan(index * _stride, Length);
        frame.Clear();
        uint host = ((uint)(flow >> 4) * 0x9E37_B1u) & 0xFF_FFFF;
        ushort clientPort = (ushort)(32_768 + (flow & 15));
        int transport;
        if (IsIpv6)
        {
            transport = 54;
            frame[12] = 0x86;
            frame[13] = 0xDD;
            frame[14] = 0x60;
            BinaryPrimitives.WriteUInt16BigEndian(frame[18..], 20);
            frame[20] = 6;
            frame[21] = 64;
            Span<byte> client = frame.Slice(back ? 38 : 22, 16), server = frame.Slice(back ? 22 : 38, 16);
            BinaryPrimitives.WriteUInt64BigEndian(client, 0x2001_0DB8_0000_0000UL | host);
            BinaryPrimitives.WriteUInt64BigEndian(client[8..], 1);
            BinaryPrimitives.WriteUInt64BigEndian(server, Traffic.ServerHigh);
            BinaryPrimitives.WriteUInt64BigEndian(server[8..], Traffic.ServerLow);
        }
        else
        {
            transport = 34;
            frame[12] = 8;
            frame[14] = 0x45;
            BinaryPrimitives.WriteUInt16BigEndian(frame[16..], 40);
            frame[22] = 64;
            frame[23] = 6;
            BinaryPrimitives.WriteUInt32BigEndian(frame[(back ? 30 : 26)..], Traffic.Clients + host);
            BinaryPrimitives.WriteUInt32BigEndian(frame[(back ? 26 : 30)..], Traffic.Server);
        }

        BinaryPrimitives.WriteUInt16BigEndian(frame[transport..], (ushort)(back ? serverPort : clientPort));
        BinaryPrimitives.WriteUInt16BigEndian(frame[(transport + 2)..], (ushort)(back ? clientPort : serverPort));
        frame[transport + 12] = 0x50;
        frame[transport + 13] = flags;
    }

    /// <summary>A SYN from anywhere to a port that no rule of <see cref="Traffic.Network"/> names, as a flood sends them.</summary>
    internal void SetRandom(int index, int flow, Random random)
    {
        Set(index, flow, false, TcpFlag.Syn);
        Span<byte> frame = _bytes.AsSpan(index * _stride, Length);
        int transport = IsIpv6 ? 54 : 34;
        if (IsIpv6)
        {
            random.NextBytes(frame.Slice(24, 14));
        }
        else
        {
            BinaryPrimitives.WriteUInt32BigEndian(frame[26..], 0x0B00_0000 + (uint)random.Next(0x7000_0000));
        }

        BinaryPrimitives.WriteUInt16BigEndian(frame[transport..], (ushort)random.Next(65_536));
        BinaryPrimitives.WriteUInt16BigEndian(frame[(transport + 2)..], (ushort)random.Next(60_100, 65_536));
    }

    /// <summary>Copies as many frames as <paramref name="other"/> holds into it.</summary>
    internal void CopyTo(int first, FrameSet other)
    {
        _bytes.AsSpan(first * _stride, other._bytes.Length).CopyTo(other._bytes);
        Flow.AsSpan(first, other.Count).CopyTo(other.Flow);
    }

    /// <summary>Makes an empty block refer to frames, as the reader of a file does, until it is full or they end.</summary>
    /// <returns>How many.</returns>
    internal int Lend(PacketBlock block, int first, long time, long step)
    {
        int count = Math.Min(PacketBlock.Capacity, Count - first);
        block.Share(_lent);
        for (int i = 0; i < count; i++)
        {
            block.AddShared(time + (i * step), (first + i) * _stride, Length, WireLength, LinkType.Ethernet, 0, 0);
        }

        return count;
    }

    /// <summary>Copies frames into an empty block, until it is full or they end.</summary>
    /// <returns>How many.</returns>
    internal int Fill(PacketBlock block, int first, long time, long step)
    {
        int count = Math.Min(PacketBlock.Capacity, Count - first);
        for (int i = 0; i < count; i++)
        {
            this[first + i].CopyTo(block.Add(time + (i * step), Length, WireLength, LinkType.Ethernet, 0));
        }

        return count;
    }
}
