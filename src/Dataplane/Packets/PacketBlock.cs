// A run of packets in capture order, with everything that later stages need: bytes, headers, quotes, results.
//
// Life: a reader rents a block, fills Packets[0..Count), and hands it on; the engine fills Headers, Quotes and Results; sinks read them; then
// the block goes back (Reset). Packet bytes live in the block's own buffer (Add), or where the reader has read them (Share, AddShared): a block refers to one such
// memory at a time, and lets it go with Reset, so they stay valid until then. One thread at a time owns a block, but for the engine's workers, which
// write results of their own (Split); whoever looks at Results first puts them together.
//
// A block is small enough that its headers and results are still in a core's cache when the next stage has it.

using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Dataplane.Records;

namespace Dataplane.Packets;

/// <summary>Where one captured packet's bytes are, and what its capture says of it.</summary>
public struct CapturedPacket
{
    /// <summary>Nanoseconds since 1970-01-01 UTC.</summary>
    public long Time;

    /// <summary>Where its bytes begin in the memory that the block refers to.</summary>
    public int Offset;

    /// <summary>Bytes that were captured.</summary>
    public int Length;

    /// <summary>Bytes that it had on the wire; at least <see cref="Length"/> in a sound capture.</summary>
    public uint WireLength;

    public LinkType Link;

    /// <summary>0-based interface of the capture it came from, counted over all files.</summary>
    public ushort CaptureInterface;

    /// <summary>Bytes of frame check sequence at the end of the frame on the wire, as the capture says; 0 where it says nothing.</summary>
    public byte FcsLength;
}

/// <summary>A run of packets in capture order on their way through the pipeline.</summary>
public sealed class PacketBlock
{
    private const int OwnBytes = 64 * 1024;
    private const int Line = 64;

    /// <summary>Packets in a full block.</summary>
    public const int Capacity = 512;

    private byte[] _own = [];
    private byte[] _bytes = [];
    private SharedBytes? _shared;
    private readonly bool[] _left = new bool[Capacity];
    // On the heap of what is never moved, so that the first line's edge stays where it was found.
    private readonly byte[] _headers = GC.AllocateArray<byte>((Capacity + 1) * Line, pinned: true);
    private readonly int _firstHeader;
    private readonly PacketResult[] _results = new PacketResult[Capacity];
    private bool _isSplit;
    private int _used;

    public unsafe PacketBlock()
    {
        nuint begin = (nuint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_headers));
        _firstHeader = (int)((Line - (begin % Line)) % Line);
    }

    /// <summary>Packets in the block, 0 to <see cref="Capacity"/>.</summary>
    public int Count { get; private set; }

    /// <summary>1-based number of the first packet, over all files.</summary>
    public long FirstNumber { get; set; }

    /// <summary>Which policy judged it: 1 for the first, one more after each reload. 0 in replay.</summary>
    public int Epoch { get; set; }

    public CapturedPacket[] Packets { get; } = new CapturedPacket[Capacity];

    /// <summary>One cache line each: two cores that look at neighbours do not look at one line.</summary>
    public Span<Headers> Headers => MemoryMarshal.CreateSpan(ref Unsafe.As<byte, Headers>(ref _headers[_firstHeader]), Capacity);

    /// <summary>The packet that an ICMP error quotes, for entries whose headers say HasQuote; unset elsewhere.</summary>
    public Headers[] Quotes { get; } = new Headers[Capacity];

    /// <summary>By index, once judged. After several workers had the block, the first look puts their results together: then the block is one thread's again.</summary>
    public PacketResult[] Results
    {
        get
        {
            if (_isSplit)
            {
                _isSplit = false;
                Shares!.GatherInto(_results);
            }

            return _results;
        }
    }

    /// <summary>How the workers shared it, after <see cref="Split"/>.</summary>
    internal BlockShares? Shares { get; private set; }

    /// <summary>Where worker 0 writes, without looking at what others wrote.</summary>
    internal PacketResult[] OwnResults => _results;

    /// <summary>Which packets are counted and written. All packets are judged.</summary>
    public bool[] Selected { get; } = new bool[Capacity];

    /// <summary>Whether some packet was left: <see cref="IsLeft"/> need not be asked else.</summary>
    public bool HasLeft { get; private set; }

    /// <summary>By capture interface: the result of a packet whose status is <see cref="PacketStatus.Misplaced"/>. Set in live runs only.</summary>
    public PacketResult[] Misplaced { get; set; } = [];

    public bool IsFull => Count == Capacity;

    /// <summary>Bytes of packets that the block holds now.</summary>
    public int BytesUsed => _used;

    /// <summary>Where the packets lie, by their offsets.</summary>
    internal ReadOnlySpan<byte> Memory => _bytes;

    public ReadOnlySpan<byte> Bytes(int index) => _bytes.AsSpan(Packets[index].Offset, Packets[index].Length);

    /// <summary>The same, to be changed: of a live block, whose memory is its own.</summary>
    internal Span<byte> Writable(int index) => _bytes.AsSpan(Packets[index].Offset, Packets[index].Length);

    /// <summary>Makes room for a packet of <paramref name="length"/> captured bytes, to be filled by the caller.</summary>
    /// <exception cref="InvalidOperationException">The block is full.</exception>
    public Span<byte> Add(long time, int length, uint wireLength, LinkType link, int captureInterface, byte fcsLength = 0)
    {
        if (IsFull)
        {
            throw new InvalidOperationException("the block is full");
        }

        if (_shared is not null)
        {
            throw new InvalidOperationException("the block refers to bytes that others may refer to");
        }

        if (_own.Length - _used < length)
        {
            Array.Resize(ref _own, Math.Max(Math.Max(_own.Length * 2, OwnBytes), _used + length));
        }

        _bytes = _own;

        Packets[Count++] = new CapturedPacket
        {
            Time = time,
            Offset = _used,
            Length = length,
            WireLength = wireLength,
            Link = link,
            CaptureInterface = (ushort)captureInterface,
            FcsLength = fcsLength,
        };
        Span<byte> room = _bytes.AsSpan(_used, length);
        _used += length;
        return room;
    }

    /// <summary>Makes an empty block refer to bytes of the reader's: <see cref="AddShared"/> then says where packets lie in them.</summary>
    /// <exception cref="InvalidOperationException">The block has packets.</exception>
    public void Share(SharedBytes shared)
    {
        ArgumentNullException.ThrowIfNull(shared);
        if (Count > 0)
        {
            throw new InvalidOperationException("the block has packets elsewhere");
        }

        if (_shared != shared)
        {
            shared.AddUser();
            _shared?.Release();
            _shared = shared;
            _bytes = shared.Bytes;
        }
    }

    /// <summary>Adds a packet that lies in the shared bytes. The block is not full and <see cref="Share"/> was called: else an exception, at the latest when its bytes are read.</summary>
    public void AddShared(long time, int offset, int length, uint wireLength, LinkType link, int captureInterface, byte fcsLength)
    {
        ref CapturedPacket packet = ref Packets[Count];
        packet.Time = time;
        packet.Offset = offset;
        packet.Length = length;
        packet.WireLength = wireLength;
        packet.Link = link;
        packet.CaptureInterface = (ushort)captureInterface;
        packet.FcsLength = fcsLength;
        Count++;
        _used += length;
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
        Headers[..Count].CopyTo(other.Headers);
        Quotes.AsSpan(0, Count).CopyTo(other.Quotes);
        Selected.AsSpan(0, Count).CopyTo(other.Selected);
    }

    /// <summary>Asks the cache for packets' headers: another core may have written them last.</summary>
    internal unsafe void Prefetch(ReadOnlySpan<int> indexes)
    {
        if (Sse.IsSupported)
        {
            fixed (Headers* headers = Headers)
            {
                foreach (int index in indexes)
                {
                    Sse.Prefetch0(headers + index);
                }
            }
        }
    }

    /// <summary>From here on several workers write results, each into its share.</summary>
    internal BlockShares Split(int workers)
    {
        if (Shares?.Workers != workers)
        {
            Shares = new BlockShares(workers);
        }

        _isSplit = true;
        return Shares;
    }

    /// <summary>Empties the block for its next use. Buffers stay.</summary>
    public void Reset()
    {
        _isSplit = false;
        Count = 0;
        _used = 0;
        FirstNumber = 0;
        if (_shared is not null)
        {
            _shared.Release();
            _shared = null;
            _bytes = _own;
        }

        if (HasLeft)
        {
            Array.Clear(_left);
            HasLeft = false;
        }
    }
}
