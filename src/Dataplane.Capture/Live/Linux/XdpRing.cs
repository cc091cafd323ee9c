// One of the four rings of an AF_XDP socket: numbers that only grow, one end each, and entries at number & mask (Documentation/networking/af_xdp.rst).
//
// The end that is ours is kept here too, and written back once for a batch: the kernel's core has that cache line else.

using System.Threading;

namespace Dataplane.Capture.Live.Linux;

/// <summary>A ring between the kernel and one thread of ours.</summary>
internal unsafe struct XdpRing
{
    private readonly byte* _memory;
    private readonly nuint _bytes;
    private readonly uint* _producer;
    private readonly uint* _consumer;
    private readonly uint* _flags;
    private readonly byte* _entries;
    private readonly uint _mask;

    private XdpRing(byte* memory, nuint bytes, ulong* offsets, int entries)
    {
        _memory = memory;
        _bytes = bytes;
        _producer = (uint*)(memory + offsets[0]);
        _consumer = (uint*)(memory + offsets[1]);
        _entries = memory + offsets[2];
        _flags = (uint*)(memory + offsets[3]);
        _mask = (uint)entries - 1;
    }

    /// <summary>Our end, not yet told to the kernel.</summary>
    internal uint Own;

    internal readonly bool IsMapped => _memory != null;

    /// <summary>The kernel waits for a system call.</summary>
    internal readonly bool NeedsWakeUp => (Volatile.Read(ref *_flags) & 1) != 0;

    /// <summary>Up to where the kernel has filled the ring that we empty.</summary>
    internal readonly uint KernelProducer => Volatile.Read(ref *_producer);

    /// <summary>Up to where the kernel has emptied the ring that we fill.</summary>
    internal readonly uint KernelConsumer => Volatile.Read(ref *_consumer);

    /// <summary>Maps a ring of a socket.</summary>
    /// <param name="offsets">Where in the mapping lie the producer, the consumer, the entries and the flags.</param>
    internal static bool TryMap(int socket, long page, ulong* offsets, int entries, int entryBytes, out XdpRing ring)
    {
        nuint bytes = (nuint)offsets[2] + ((nuint)entries * (nuint)entryBytes);
        byte* memory = (byte*)Libc.Map(null, bytes, Libc.ProtectReadWrite, Libc.MapShared | Libc.MapPopulate, socket, page);
        ring = memory == (byte*)-1 ? default : new XdpRing(memory, bytes, offsets, entries);
        return ring.IsMapped;
    }

    /// <summary>Entry of a fill or completion ring: where a frame lies in the shared memory.</summary>
    internal readonly ref ulong Address(uint number) => ref ((ulong*)_entries)[number & _mask];

    /// <summary>Entry of a receive or send ring.</summary>
    internal readonly ref XdpDescriptor Descriptor(uint number) => ref ((XdpDescriptor*)_entries)[number & _mask];

    /// <summary>Tells the kernel up to where we have filled.</summary>
    internal readonly void Publish() => Volatile.Write(ref *_producer, Own);

    /// <summary>Tells the kernel up to where we have emptied.</summary>
    internal readonly void Release() => Volatile.Write(ref *_consumer, Own);

    internal readonly void Unmap()
    {
        if (_memory != null)
        {
            _ = Libc.Unmap(_memory, _bytes);
        }
    }
}
