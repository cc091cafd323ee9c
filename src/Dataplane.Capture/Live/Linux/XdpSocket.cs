// An AF_XDP socket of one queue of an interface, with the memory that it shares with the kernel:
//
//   | chunks for receiving: 0 .. R-1 | chunks for sending: R .. R+T-1 |
//
// Receiving chunks go round: fill ring -> kernel -> receive ring -> copied out -> fill ring. There are as many as the fill ring has room for, so it never overflows.
// Sending chunks: free stack -> filled -> send ring -> kernel -> completion ring -> free stack. The stack gives the chunk that was used last, which is in the cache.
//
// Copy mode always: the kernel copies each frame in or out. It reads the send ring only in our own system calls then, so what it refused can be taken back.

using System;
using System.Threading;

namespace Dataplane.Capture.Live.Linux;

/// <summary>Memory, rings and descriptor of an AF_XDP socket.</summary>
internal sealed unsafe class XdpSocket : IDisposable
{
    /// <summary>The kernel keeps so many bytes free before each received frame.</summary>
    internal const int HeadBytes = 256;

    private const int LevelXdp = 283;
    private const int OptionOffsets = 1;
    private const int OptionReceiveRing = 2;
    private const int OptionSendRing = 3;
    private const int OptionMemory = 4;
    private const int OptionFillRing = 5;
    private const int OptionCompletionRing = 6;
    private const int OptionStatistics = 7;
    private const int OptionSendBudget = 9;
    private const long PageSendRing = 0x80000000;
    private const long PageFillRing = 0x100000000;
    private const long PageCompletionRing = 0x180000000;
    private const ushort BindCopy = 2;
    private const ushort BindNeedWakeUp = 8;
    private const int SendBufferBytes = 4 << 20;
    private const int BindTries = 50;
    private static readonly TimeSpan BindPause = TimeSpan.FromMilliseconds(10);

    private readonly nuint _bytes;
    private bool _isClosed;

    /// <param name="receive">Chunks for receiving, a power of two.</param>
    /// <param name="send">Chunks for sending, a power of two; 0 makes a socket that does not send.</param>
    /// <exception cref="LiveException">The kernel refuses.</exception>
    internal XdpSocket(InterfaceFacts facts, int queue, int chunkBytes, int receive, int send)
    {
        Descriptor = Libc.Socket(Libc.AddressFamilyXdp, Libc.SocketRaw | Libc.SocketCloseOnExec, 0);
        if (Descriptor < 0)
        {
            int error = Libc.LastError;
            throw error is Errno.NotPermitted
                ? new LiveException(facts.Name, "this user may not open AF_XDP sockets", "Run it as root, or give the program the capability CAP_NET_RAW")
                : new LiveException(facts.Name, $"the kernel has no AF_XDP sockets ({Libc.Describe(error)})", "Use --io packet");
        }

        _bytes = (nuint)(receive + send) * (nuint)chunkBytes;
        Memory = (byte*)Libc.Map(null, _bytes, Libc.ProtectReadWrite, Libc.MapPrivateAnonymous, -1, 0);
        if (Memory == (byte*)-1)
        {
            int error = Libc.LastError;
            _ = Libc.Close(Descriptor);
            throw new LiveException(facts.Name, $"there is no memory for {_bytes >> 10} KiB of frames ({Libc.Describe(error)})", "Free memory");
        }

        try
        {
            _ = Libc.Advise(Memory, _bytes, Libc.AdviseHugePage);
            ulong* region = stackalloc ulong[3] { (ulong)Memory, _bytes, (ulong)chunkBytes };    // address, length, chunk and headroom of 0
            Set(facts, OptionMemory, region, 3 * sizeof(ulong), "memory for frames");
            Rings(facts, receive, send);
            _ = Libc.SetOption(Descriptor, Libc.LevelSocket, Libc.OptionSendBufferForce, SendBufferBytes);

            // Since Linux 6.17: frames that one system call sends, else 32.
            _ = Libc.SetOption(Descriptor, LevelXdp, OptionSendBudget, send);

            for (int i = 0; i < receive; i++)
            {
                Fill.Address(Fill.Own++) = (ulong)i * (ulong)chunkBytes;
            }

            Fill.Publish();
            Bind(facts, queue);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal int Descriptor { get; }

    /// <summary>Chunk 0.</summary>
    internal byte* Memory { get; }

    internal XdpRing Fill;
    internal XdpRing Received;
    internal XdpRing Sending;
    internal XdpRing Completed;

    /// <summary>Frames that were for us and found no room, since the socket was made.</summary>
    internal long Dropped()
    {
        // struct xdp_statistics: rx_dropped, rx_invalid_descs, tx_invalid_descs, rx_ring_full, rx_fill_ring_empty_descs, tx_ring_empty_descs.
        ulong* statistics = stackalloc ulong[6];
        uint length = 6 * sizeof(ulong);
        return Libc.GetSocketOption(Descriptor, LevelXdp, OptionStatistics, statistics, &length) == 0 && length == 6 * sizeof(ulong)
            ? (long)(statistics[0] + statistics[3])
            : 0;
    }

    public void Dispose()
    {
        if (!_isClosed)
        {
            _isClosed = true;
            Fill.Unmap();
            Received.Unmap();
            Sending.Unmap();
            Completed.Unmap();
            _ = Libc.Close(Descriptor);
            _ = Libc.Unmap(Memory, _bytes);
        }
    }

    private void Rings(InterfaceFacts facts, int receive, int send)
    {
        const string Ring = "a ring";
        Set(facts, OptionFillRing, &receive, sizeof(int), Ring);
        int completions = Math.Max(send, 2);
        Set(facts, OptionCompletionRing, &completions, sizeof(int), Ring);
        Set(facts, OptionReceiveRing, &receive, sizeof(int), Ring);
        if (send > 0)
        {
            Set(facts, OptionSendRing, &send, sizeof(int), Ring);
        }

        // struct xdp_mmap_offsets: four numbers each for the receive, send, fill and completion ring.
        ulong* offsets = stackalloc ulong[16];
        uint length = 16 * sizeof(ulong);
        bool mapped = Libc.GetSocketOption(Descriptor, LevelXdp, OptionOffsets, offsets, &length) == 0 && length == 16 * sizeof(ulong)
            && XdpRing.TryMap(Descriptor, 0, offsets, receive, sizeof(XdpDescriptor), out Received)
            && XdpRing.TryMap(Descriptor, PageFillRing, offsets + 8, receive, sizeof(ulong), out Fill)
            && XdpRing.TryMap(Descriptor, PageCompletionRing, offsets + 12, completions, sizeof(ulong), out Completed)
            && (send == 0 || XdpRing.TryMap(Descriptor, PageSendRing, offsets + 4, send, sizeof(XdpDescriptor), out Sending));
        if (!mapped)
        {
            throw new LiveException(facts.Name, $"the rings of its AF_XDP socket cannot be mapped ({Libc.Describe(Libc.LastError)})", "Use Linux 5.9 or later, or --io packet");
        }
    }

    private void Bind(InterfaceFacts facts, int queue)
    {
        // struct sockaddr_xdp: family and flags, interface, queue, descriptor of a socket that shares its memory.
        uint* address = stackalloc uint[4];
        ((ushort*)address)[0] = Libc.AddressFamilyXdp;
        ((ushort*)address)[1] = BindCopy | BindNeedWakeUp;
        (address[1], address[2], address[3]) = ((uint)facts.Index, (uint)queue, 0);

        // The kernel lets go of a queue only some time after its last socket was closed, so who comes right after another has to be patient.
        int error = 0;
        for (int left = BindTries; left > 0; left--)
        {
            if (Libc.Bind(Descriptor, address, 4 * sizeof(uint)) == 0)
            {
                return;
            }

            error = Libc.LastError;
            if (error != Errno.Busy)
            {
                break;
            }

            Thread.Sleep(BindPause);
        }

        throw error switch
        {
            Errno.Busy => new LiveException(facts.Name, $"another AF_XDP socket has its queue {queue}", "End the other program, or use --io packet"),
            Errno.NetworkDown => new LiveException(facts.Name, "it is down, and an AF_XDP socket needs it up", $"Set it up (ip link set {facts.Name} up), or use --io packet"),
            _ => new LiveException(facts.Name, $"its AF_XDP socket cannot be bound to queue {queue} ({Libc.Describe(error)})", "Use --io packet"),
        };
    }

    private void Set(InterfaceFacts facts, int option, void* value, int length, string what)
    {
        if (Libc.SetSocketOption(Descriptor, LevelXdp, option, value, (uint)length) < 0)
        {
            int error = Libc.LastError;
            throw error == Errno.NoBuffers
                ? new LiveException(facts.Name, $"this user may lock no {_bytes >> 10} KiB of memory", "Run it as root, or raise the limit of locked memory (ulimit -l)")
                : new LiveException(facts.Name, $"the kernel refuses {what} of its AF_XDP socket ({Libc.Describe(error)})", "Use --io packet");
        }
    }
}
