// A run of packets in capture order, with everything that later stages need: bytes, headers, quotes, results.
//
// Life: a reader rents a block, fills Packets[0..Count), and hands it on; the engine fills Headers, Quotes and Results; sinks read them; then
// the block goes back (Reset). Packet bytes live in the block's own buffer, so they stay valid until Reset and no
// other stage of the pipeline can reach into them. One thread at a time owns a block, but for the engine's workers, which
// write disjoint entries of Results.

using System;
using Dataplane.Records;

namespace Dataplane.Packets;

/// <summary>Where one captured packet's bytes are, and what its capture says of it.</summary>
public struct CapturedPacket
{
    /// <summary>Nanoseconds since 1970-01-01 UTC.</summary>
    public long Time;

    /// <summary>Where its bytes begin in the block's buffer.</summary>
    public int Offset;

    /// <summary>Bytes that were captured.</summary>
    public int Length;

    /// <summary>Bytes that it had on the wire; at least <see cref="Length"/> in a sound capture.</summary>
    public uint WireLength;

    public LinkType Link;

    /// <summary>0-based interface of the capture it came from, counted over all files.</summary>
    public int CaptureInterface;

    /// <summary>Bytes of frame check sequence at the end of the frame on the wire, as the capture says; 0 where it says nothing.</summary>
    public byte FcsLength;
}

/// <summary>A run of packets in capture order on their way through the pipeline.</summary>
public sealed class PacketBlock
{
    /// <summary>Packets in a full block.</summary>
    public const int Capacity = 4096;

    private byte[] _bytes = new byte[256 * 1024];
    private readonly bool[] _left = new bool[Capacity];
    private int _used;

    /// <summary>Packets in the block, 0 to <see cref="Capacity"/>.</summary>
    public int Count { get; private set; }

    /// <summary>1-based number of the first packet, over all files.</summary>
    public long FirstNumber { get; set; }

    public CapturedPacket[] Packets { get; } = new CapturedPacket[Capacity];

    public Headers[] Headers { get; } = new Headers[Capacity];

    /// <summary>The packet that an ICMP error quotes, for entries whose headers say HasQuote; unset elsewhere.</summary>
    public Headers[] Quotes { get; } = new Headers[Capacity];

    public PacketResult[] Results { get; } = new PacketResult[Capacity];

    /// <summary>Which packets are counted and written. All packets are judged.</summary>
    public bool[] Selected { get; } = new bool[Capacity];

    /// <summary>Whether some packet was left: <see cref="IsLeft"/> need not be asked else.</summary>
    public bool HasLeft { get; private set; }

    public bool IsFull => Count == Capacity;

    /// <summary>Bytes of packets that the block holds now.</summary>
    public int BytesUsed => _used;

    public ReadOnlySpan<byte> Bytes(int index) => _bytes.AsSpan(Packets[index].Offset, Packets[index].Length);

    /// <summary>Makes room for a packet of <paramref name="length"/> captured bytes, to be filled by the caller.</summary>
    /// <exception cref="InvalidOperationException">The block is full.</exception>
    public Span<byte> Add(long time, int length, uint wireLength, LinkType link, int captureInterface, byte fcsLength = 0)
    {
        if (IsFull)
        {
            throw new InvalidOperationException("the block is full");
        }

        if (_bytes.Length - _used < length)
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _used + length));
        }

        Packets[Count++] = new CapturedPacket
        {
            Time = time,
            Offset = _used,
            Length = length,
            WireLength = wireLength,
            Link = link,
            CaptureInterface = captureInterface,
            FcsLength = fcsLength,
        };
        Span<byte> room = _bytes.AsSpan(_used, length);
        _used += length;
        return room;
    }

    /// <summary>A worker leaves a packet to be counted in capture order, by whoever has the block when all workers are done. Workers may leave different packets at once.</summary>
    public void Leave(int index)
    {
        _left[index] = true;
        HasLeft = true;
    }

    public bool IsLeft(int index) => _left[index];

    /// <summary>Makes <paramref name="other"/> a block of the same parsed packets, without their bytes: to judge them a second time.</summary>
    public void CopyHeadersTo(PacketBlock other)
    {
        ArgumentNullException.ThrowIfNull(other);
        other.Count = Count;
        other.FirstNumber = FirstNumber;
        Packets.AsSpan(0, Count).CopyTo(other.Packets);
        Headers.AsSpan(0, Count).CopyTo(other.Headers);
        Quotes.AsSpan(0, Count).CopyTo(other.Quotes);
        Selected.AsSpan(0, Count).CopyTo(other.Selected);
    }

    /// <summary>Empties the block for its next use. Buffers stay.</summary>
    public void Reset()
    {
        Count = 0;
        _used = 0;
        FirstNumber = 0;
        if (HasLeft)
        {
            Array.Clear(_left);
            HasLeft = false;
        }
    }
}
