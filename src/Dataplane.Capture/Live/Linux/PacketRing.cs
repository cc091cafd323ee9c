// The receive ring of a packet socket, TPACKET_V2 (packet(7), Documentation/networking/packet_mmap.rst).
//
//   block 0                              block 1
//   | frame | frame | ... | rest |       | frame | frame | ...
//
//   a frame:  0        32            66 or later
//             | header | sockaddr_ll | Ethernet frame, without its VLAN tag
//
// The kernel fills frames in turn and sets TP_STATUS_USER in the header when one is whole; we copy it out and set the status to zero, which gives it back.
// A frame is woken for at once, unlike in a ring of blocks (V3), which tells only of whole blocks, or after a millisecond.
//
// Frames are an odd number of cache lines apart. With the usual power of two all headers would fall into the same few sets of the processor's caches.

using System;
using System.Numerics;

namespace Dataplane.Capture.Live.Linux;

/// <summary>Where the frames of a receive ring lie.</summary>
internal sealed unsafe class PacketRing : IDisposable
{
    private const int LevelPacket = 263;
    private const int OptionVersion = 10;
    private const int OptionReceiveRing = 5;
    private const int VersionTwo = 1;

    /// <summary>From the start of a ring frame to the Ethernet frame in it, at most: the header, the address, and rounding (netoff of the kernel less the header).</summary>
    private const int FrameHeadBytes = 80;

    private const int LineBytes = 64;
    private const int TagBytes = 8;
    private const int EthernetBytes = 14;
    private const int BlockBytes = 64 * 1024;

    private readonly byte* _memory;
    private readonly nuint _bytes;
    private readonly int _frameBytes;
    private readonly int _blockBytes;
    private readonly int _framesInBlock;

    /// <summary>Makes the ring of a socket that is not bound yet.</summary>
    /// <param name="frames">A power of two.</param>
    /// <exception cref="LiveException">The kernel has no memory for it, or knows no such ring.</exception>
    internal PacketRing(int socket, string name, int frames, int mtu)
    {
        int lines = (FrameHeadBytes + EthernetBytes + TagBytes + mtu + LineBytes - 1) / LineBytes;
        _frameBytes = (lines | 1) * LineBytes;
        _blockBytes = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(BlockBytes, _frameBytes));
        _framesInBlock = _blockBytes / _frameBytes;
        int blocks = (frames + _framesInBlock - 1) / _framesInBlock;
        Count = blocks * _framesInBlock;
        _bytes = (nuint)blocks * (nuint)_blockBytes;

        if (Libc.SetOption(socket, LevelPacket, OptionVersion, VersionTwo) < 0)
        {
            throw new LiveException(name, $"its packet socket has no ring of version 2 ({Libc.Describe(Libc.LastError)})", "Use --io pcap");
        }

        uint* request = stackalloc uint[4] { (uint)_blockBytes, (uint)blocks, (uint)_frameBytes, (uint)Count };
        if (Libc.SetSocketOption(socket, LevelPacket, OptionReceiveRing, request, 4 * sizeof(uint)) < 0)
        {
            throw new LiveException(name, $"the kernel gives no ring of {_bytes >> 10} KiB ({Libc.Describe(Libc.LastError)})", "Free memory, or use --io pcap");
        }

        _memory = (byte*)Libc.Map(null, _bytes, Libc.ProtectReadWrite, Libc.MapShared | Libc.MapPopulate, socket, 0);
        if (_memory == (byte*)-1)
        {
            throw new LiveException(name, $"a ring of {_bytes >> 10} KiB cannot be mapped ({Libc.Describe(Libc.LastError)})", "Free memory, or use --io pcap");
        }
    }

    /// <summary>Frames of the ring.</summary>
    internal int Count { get; }

    internal byte* First => _memory;

    /// <summary>The frame behind one; after the last comes the first.</summary>
    internal byte* After(byte* frame)
    {
        byte* next = frame + _frameBytes;
        nint offset = (nint)(next - _memory);
        if ((int)(offset & (_blockBytes - 1)) + _frameBytes <= _blockBytes && (offset & (_blockBytes - 1)) != 0)
        {
            return next;
        }

        // The rest of a block is too short for a frame. Blocks are a power of two long.
        offset = (offset + _blockBytes - 1) & ~((nint)_blockBytes - 1);
        return (nuint)offset == _bytes ? _memory : _memory + offset;
    }

    public void Dispose() => _ = Libc.Unmap(_memory, _bytes);
}
