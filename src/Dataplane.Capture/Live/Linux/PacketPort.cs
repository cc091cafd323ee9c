// A port on a packet socket: frames come through a ring that kernel and program share (PacketRing), and go out by sendmmsg, many with one call.
//
// Two options keep the program's own frames away: PACKET_IGNORE_OUTGOING (the kernel does not show a socket what the machine sends) and PACKET_QDISC_BYPASS (frames
// go to the driver and past the taps). Without either two pings became a storm: each port received what it had sent and sent it again.
//
// The kernel takes the outer VLAN tag out of a frame and reports it beside it; Receive puts it back. On sending a tag stands in the frame and stays there.
//
// When the interface goes down the socket gets the error ENETDOWN, which poll reports until it is read (TakeError); the socket lives, and works again when the
// interface is up.

using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using System.Threading;
using Dataplane.Packets;

namespace Dataplane.Capture.Live.Linux;

/// <summary>An interface through an AF_PACKET socket.</summary>
internal sealed unsafe class PacketPort : LivePort
{
    private const int LevelPacket = 263;
    private const int OptionAddMembership = 1;
    private const int OptionStatistics = 6;
    private const int OptionCopyThreshold = 7;
    private const int OptionQdiscBypass = 20;
    private const int OptionIgnoreOutgoing = 23;
    private const short MembershipPromiscuous = 1;
    private const int SendBufferBytes = 4 << 20;

    /// <summary>Frames ahead of the one that is copied, whose header is asked for: memory answers in about as long as so many take.</summary>
    private const int Ahead = 6;

    private readonly int[] _descriptors;
    private readonly LiveClock _clock;
    private readonly PacketRing _ring;
    private readonly SendBatch _batch;
    private readonly byte[] _long = new byte[InterfaceLimits.LongestFrame];
    private readonly int _socket;
    private byte* _next;
    private byte* _ahead;

    private PacketPort(InterfaceFacts facts, LiveClock clock, int socket, PacketRing ring, LiveSizes sizes)
        : base(facts.Name, facts.Address, facts.Mtu)
    {
        _clock = clock;
        _socket = socket;
        _descriptors = [socket];
        _ring = ring;
        _next = ring.First;
        _ahead = ring.First;
        for (int i = 0; i < Ahead; i++)
        {
            _ahead = ring.After(_ahead);
        }

        _batch = new SendBatch(socket, sizes.SendFrames, InterfaceLimits.FrameBytes(facts.Mtu), Counters);
    }

    public override string Method => "packet";

    internal override ReadOnlySpan<int> Descriptors => _descriptors;

    /// <exception cref="LiveException">It cannot be opened.</exception>
    internal static PacketPort Open(InterfaceFacts facts, LiveClock clock, LiveSizes sizes)
    {
        // Protocol 0: nothing arrives before it is bound to its interface.
        int socket = Libc.Socket(Libc.AddressFamilyPacket, Libc.SocketRaw | Libc.SocketCloseOnExec, 0);
        if (socket < 0)
        {
            int error = Libc.LastError;
            throw error is Errno.NotPermitted or Errno.AccessDenied
                ? new LiveException(facts.Name, "this user may not open packet sockets", "Run it as root, or give the program the capability CAP_NET_RAW")
                : new LiveException(facts.Name, $"no packet socket can be opened ({Libc.Describe(error)})", "Use --io pcap");
        }

        PacketRing? ring = null;
        try
        {
            ring = new PacketRing(socket, facts.Name, sizes.ReceiveFrames, facts.Mtu);
            Option(socket, facts.Name, OptionIgnoreOutgoing, "PACKET_IGNORE_OUTGOING");
            Option(socket, facts.Name, OptionQdiscBypass, "PACKET_QDISC_BYPASS");
            Option(socket, facts.Name, OptionCopyThreshold, "PACKET_COPY_THRESH");
            _ = Libc.SetOption(socket, Libc.LevelSocket, Libc.OptionSendBufferForce, SendBufferBytes);
            Bind(socket, facts);
            return new PacketPort(facts, clock, socket, ring, sizes);
        }
        catch
        {
            ring?.Dispose();
            _ = Libc.Close(socket);
            throw;
        }
    }

    public override int Receive(PacketBlock block, int most, int captureInterface)
    {
        int added = 0;
        long bytes = 0;
        while (added < most && !block.IsFull)
        {
            PacketFrame* frame = (PacketFrame*)_next;
            uint status = Volatile.Read(ref frame->Status);
            if ((status & PacketFrame.StatusUser) == 0)
            {
                break;
            }

            Prefetch();
            if (frame->PacketType != PacketFrame.OutgoingType)
            {
                int length = Take(frame, status, block, captureInterface);
                if (length > 0)
                {
                    bytes += length;
                    added++;
                }
            }

            Volatile.Write(ref frame->Status, 0);
            _next = _ring.After(_next);
            _ahead = _ring.After(_ahead);
        }

        Counters.Received += added;
        Counters.ReceivedBytes += bytes;
        return added;
    }

    public override bool Send(ReadOnlySpan<byte> frame) => _batch.Add(frame);

    public override void Flush() => _batch.Flush();

    public override void ReadCounters()
    {
        // struct tpacket_stats: packets, drops. Reading sets both to zero.
        uint* statistics = stackalloc uint[2];
        uint length = 2 * sizeof(uint);
        if (Libc.GetSocketOption(_socket, LevelPacket, OptionStatistics, statistics, &length) == 0)
        {
            Counters.DroppedByKernel += statistics[1];
        }
    }

    public override void Dispose()
    {
        if (_descriptors[0] >= 0)
        {
            _descriptors[0] = -1;
            _batch.Dispose();
            _ring.Dispose();
            _ = Libc.Close(_socket);
        }
    }

    internal override void TakeError()
    {
        int error;
        uint length = sizeof(int);
        _ = Libc.GetSocketOption(_socket, Libc.LevelSocket, Libc.OptionError, &error, &length);
    }

    private static void Option(int socket, string name, int option, string what)
    {
        if (Libc.SetOption(socket, LevelPacket, option, 1) < 0)
        {
            throw new LiveException(name, $"the kernel refuses {what} ({Libc.Describe(Libc.LastError)})", "Use Linux 4.20 or later, or --io pcap");
        }
    }

    private static void Bind(int socket, InterfaceFacts facts)
    {
        // struct sockaddr_ll: family, protocol (ETH_P_ALL in network order), index.
        ushort* address = stackalloc ushort[10];
        new Span<ushort>(address, 10).Clear();
        address[0] = Libc.AddressFamilyPacket;
        address[1] = BitConverter.IsLittleEndian ? (ushort)0x0300 : (ushort)0x0003;
        *(int*)(address + 2) = facts.Index;

        // struct packet_mreq: index, type, length and bytes of an address.
        byte* member = stackalloc byte[16];
        new Span<byte>(member, 16).Clear();
        *(int*)member = facts.Index;
        *(short*)(member + 4) = MembershipPromiscuous;

        // An interface that is down is bound all the same; the error waits at the socket and is taken with the first poll.
        if (Libc.Bind(socket, address, 20) < 0 || Libc.SetSocketOption(socket, LevelPacket, OptionAddMembership, member, 16) < 0)
        {
            throw new LiveException(facts.Name, $"its packet socket cannot be bound ({Libc.Describe(Libc.LastError)})", "Look at `ip link show`, then try again");
        }
    }

    /// <summary>Copies a frame into the block.</summary>
    /// <returns>Its bytes; 0 when it was not whole, which is counted as dropped by the kernel.</returns>
    private int Take(PacketFrame* frame, uint status, PacketBlock block, int captureInterface)
    {
        ReadOnlySpan<byte> bytes = new((byte*)frame + frame->Offset, (int)frame->Captured);
        if (frame->Captured < frame->Length && !TakeLong(frame, status, out bytes))
        {
            Counters.DroppedByKernel++;
            return 0;
        }

        long time = _clock.Stamped((frame->Seconds * 1_000_000_000L) + frame->Nanoseconds);
        bool hasTag = (status & PacketFrame.StatusTagValid) != 0;
        int length = bytes.Length + (hasTag ? VlanTag.Length : 0);
        Span<byte> place = block.Add(time, length, (uint)length, LinkType.Ethernet, captureInterface);
        if (hasTag)
        {
            VlanTag.CopyWith(bytes, (status & PacketFrame.StatusTagProtocolValid) != 0 ? frame->TagProtocol : VlanTag.Protocol, frame->TagControl, place);
        }
        else
        {
            bytes.CopyTo(place);
        }

        if ((status & PacketFrame.StatusChecksumNotReady) != 0)
        {
            PartialChecksum.Finish(place);
        }

        return length;
    }

    /// <summary>A frame that is longer than its place in the ring, as receive offload makes them: its whole waits in the socket's queue.</summary>
    private bool TakeLong(PacketFrame* frame, uint status, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        if ((status & PacketFrame.StatusCopy) == 0)
        {
            return false;
        }

        fixed (byte* buffer = _long)
        {
            nint length = Libc.Receive(_socket, buffer, (nuint)_long.Length, Libc.MessageDontWait | Libc.MessageTruncated);
            if (length != frame->Length || length > _long.Length)
            {
                return false;
            }

            bytes = _long.AsSpan(0, (int)length);
            return true;
        }
    }

    // Worth its place: see bench/README.md, live-ports.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Prefetch()
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(_ahead);
            Sse.Prefetch0(_ahead + 64);
        }
    }
}
