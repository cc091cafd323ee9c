using System;
using System.Collections.Generic;
using System.Numerics;
using System.Runtime.Intrinsics.X86;
using Dataplane.Packets;

namespace Dataplane.Capture.Live.Linux;

/// <summary>An interface through AF_XDP: one socket for each receive queue, the first of them sends.</summary>
/// <remarks>The network stack of the machine sees none of its frames.</remarks>
internal sealed unsafe class XdpPort : LivePort
{
    private const int SmallChunk = 2_048;
    private const int LargeChunk = 4_096;
    private const int SendChunks = 1_024;
    private const int LeastReceiveChunks = 512;
    private const int MostQueues = 64;

    /// <summary>Frames ahead of the one that is copied, whose bytes are asked for.</summary>
    private const int Ahead = 4;

    private readonly XdpProgram _program;
    private readonly XdpSocket[] _sockets;
    private readonly int[] _descriptors;
    private readonly LiveClock _clock;
    private readonly ulong[] _free = new ulong[SendChunks];
    private readonly int _flushAt;
    private readonly int _longest;
    private int _freeCount;
    private uint _published;
    private uint _counted;
    private int _turn;
    private bool _isClosed;

    private XdpPort(InterfaceFacts facts, LiveClock clock, XdpProgram program, XdpSocket[] sockets, LiveSizes sizes, int chunkBytes, int receive)
        : base(facts.Name, facts.Address, facts.Mtu)
    {
        (_clock, _program, _sockets) = (clock, program, sockets);
        _descriptors = Array.ConvertAll(sockets, s => s.Descriptor);
        _flushAt = sizes.SendFrames;
        _longest = InterfaceLimits.FrameBytes(facts.Mtu);
        for (int i = 0; i < SendChunks; i++)
        {
            _free[_freeCount++] = (ulong)(receive + i) * (ulong)chunkBytes;
        }
    }

    public override string Method => _program.IsNative ? "xdp (native, copy)" : "xdp (generic, copy)";

    internal bool KeepsTags => _program.KeepsTags;

    internal bool IsNative => _program.IsNative;

    internal override ReadOnlySpan<int> Descriptors => _descriptors;

    /// <exception cref="LiveException">It cannot be opened.</exception>
    internal static XdpPort Open(InterfaceFacts facts, LiveClock clock, LiveSizes sizes)
    {
        if (!Environment.Is64BitProcess)
        {
            throw new LiveException(facts.Name, "AF_XDP is for 64-bit processes", "Use --io packet");
        }

        int most = LargeChunk - XdpSocket.HeadBytes - InterfaceLimits.FrameBytes(0);
        if (facts.Mtu > most)
        {
            throw new LiveException(facts.Name, $"its MTU is {facts.Mtu}, and a frame of AF_XDP holds {most}", $"Lower it (ip link set {facts.Name} mtu {most}), or use --io packet");
        }

        int queues = InterfaceOffloads.ReceiveQueues(facts.Name);
        if (queues > MostQueues)
        {
            throw new LiveException(facts.Name, $"it has {queues} receive queues, and {MostQueues} are the most", $"Use fewer (ethtool -L {facts.Name} combined {MostQueues}), or use --io packet");
        }

        int chunkBytes = InterfaceLimits.FrameBytes(facts.Mtu) <= SmallChunk - XdpSocket.HeadBytes ? SmallChunk : LargeChunk;
        int receive = Math.Max(LeastReceiveChunks, sizes.ReceiveFrames / (int)BitOperations.RoundUpToPowerOf2((uint)queues));
        XdpProgram program = new(facts.Name, queues);
        List<XdpSocket> sockets = [];
        try
        {
            for (int queue = 0; queue < queues; queue++)
            {
                XdpSocket socket = new(facts, queue, chunkBytes, receive, queue == 0 ? SendChunks : 0);
                sockets.Add(socket);
                program.Add(facts.Name, queue, socket.Descriptor);
            }

            program.Attach(facts.Name, facts.Index);
            return new XdpPort(facts, clock, program, [.. sockets], sizes, chunkBytes, receive);
        }
        catch
        {
            program.Dispose();
            sockets.ForEach(s => s.Dispose());
            throw;
        }
    }

    public override int Receive(PacketBlock block, int most, int captureInterface)
    {
        int added = 0;
        for (int i = 0; i < _sockets.Length && added < most; i++)
        {
            added += Receive(_sockets[_turn], block, most - added, captureInterface);
            _turn = _turn + 1 == _sockets.Length ? 0 : _turn + 1;
        }

        return added;
    }

    public override void FinishChecksum(Span<byte> frame) => PartialChecksum.Finish(frame);

    public override bool Send(ReadOnlySpan<byte> frame)
    {
        if (frame.Length > _longest || !TryChunk(out ulong chunk))
        {
            Counters.NotSent++;
            return false;
        }

        XdpSocket socket = _sockets[0];
        frame.CopyTo(new Span<byte>(socket.Memory + chunk, frame.Length));
        socket.Sending.Descriptor(socket.Sending.Own++) = new XdpDescriptor { Address = chunk, Length = (uint)frame.Length };
        if (socket.Sending.Own - _published >= (uint)_flushAt)
        {
            Flush();
        }

        return true;
    }

    public override void Flush()
    {
        XdpSocket socket = _sockets[0];
        if (socket.Sending.KernelConsumer != socket.Sending.Own)
        {
            Kick(socket);
        }

        Account(socket);
    }

    public override void ReadCounters()
    {
        long dropped = 0;
        foreach (XdpSocket socket in _sockets)
        {
            dropped += socket.Dropped();
        }

        Counters.DroppedByKernel = dropped;
        Account(_sockets[0]);
    }

    public override void Dispose()
    {
        if (!_isClosed)
        {
            _isClosed = true;
            _program.Dispose();
            foreach (XdpSocket socket in _sockets)
            {
                socket.Dispose();
            }
        }
    }

    internal override void TakeError()
    {
        foreach (int descriptor in _descriptors)
        {
            int error;
            uint length = sizeof(int);
            _ = Libc.GetSocketOption(descriptor, Libc.LevelSocket, Libc.OptionError, &error, &length);
        }
    }

    private int Receive(XdpSocket socket, PacketBlock block, int most, int captureInterface)
    {
        uint first = socket.Received.Own;
        int room = Math.Min(most, PacketBlock.Capacity - block.Count);
        int count = (int)Math.Min(socket.Received.KernelProducer - first, (uint)room);
        if (count == 0)
        {
            return 0;
        }

        // The socket says no time: that of the look at it is at most one look late.
        long time = _clock.Now();
        long bytes = 0;
        byte* memory = socket.Memory;
        for (uint number = first; number != first + (uint)count; number++)
        {
            if (Sse.IsSupported)
            {
                // Beyond the last it is an older entry, whose chunk is as good as any.
                Sse.Prefetch0(memory + socket.Received.Descriptor(number + Ahead).Address);
            }

            ref XdpDescriptor descriptor = ref socket.Received.Descriptor(number);
            int length = (int)descriptor.Length;
            Span<byte> place = block.Add(time, length, (uint)length, LinkType.Ethernet, captureInterface);
            new ReadOnlySpan<byte>(memory + descriptor.Address, length).CopyTo(place);
            bytes += length;
            socket.Fill.Address(socket.Fill.Own++) = descriptor.Address;
        }

        socket.Received.Own = first + (uint)count;
        socket.Received.Release();
        socket.Fill.Publish();
        Counters.Received += count;
        Counters.ReceivedBytes += bytes;
        return count;
    }

    /// <summary>A chunk to fill: a free one, or one that the kernel is done with.</summary>
    private bool TryChunk(out ulong chunk)
    {
        if (_freeCount == 0)
        {
            Flush();
        }

        chunk = _freeCount > 0 ? _free[--_freeCount] : 0;
        return chunk != 0;
    }

    /// <summary>Lets the kernel send what stands in the ring. What it cannot send now stays there for the next time.</summary>
    private void Kick(XdpSocket socket)
    {
        uint before = _published, consumed = socket.Sending.KernelConsumer;
        socket.Sending.Publish();
        _published = socket.Sending.Own;
        bool isFirst = true;
        while (consumed != _published && socket.Sending.NeedsWakeUp)
        {
            int error = Libc.SendTo(socket.Descriptor, null, 0, Libc.MessageDontWait, null, 0) < 0 ? Libc.LastError : 0;
            uint now = socket.Sending.KernelConsumer;
            if (error == Errno.Busy && now != consumed)
            {
                // The driver dropped the last one that it took.
                Counters.NotSent++;
                Counters.Refused++;
                Counters.Sent--;
                Counters.SentBytes -= socket.Sending.Descriptor(now - 1).Length;
            }
            else if (error is Errno.NetworkDown or Errno.NoSuchDeviceOrAddress or Errno.NoDevice)
            {
                if (isFirst)
                {
                    TakeBack(socket, before);
                }

                return;
            }
            else if (now == consumed && error != Errno.Interrupted)
            {
                return;
            }

            consumed = now;
            isFirst = false;
        }
    }

    /// <summary>The link is down: what was published just now would leave late, when it is up again. The kernel has not looked at it.</summary>
    private void TakeBack(XdpSocket socket, uint before)
    {
        for (uint number = before; number != _published; number++)
        {
            _free[_freeCount++] = socket.Sending.Descriptor(number).Address;
            Counters.NotSent++;
            Counters.Refused++;
        }

        socket.Sending.Own = before;
        socket.Sending.Publish();
        _published = before;
    }

    /// <summary>Counts what the kernel took, and takes back the chunks of what has left.</summary>
    private void Account(XdpSocket socket)
    {
        uint taken = socket.Sending.KernelConsumer;
        Counters.Sent += taken - _counted;
        while (_counted != taken)
        {
            Counters.SentBytes += socket.Sending.Descriptor(_counted++).Length;
        }

        uint until = socket.Completed.KernelProducer;
        if (until == socket.Completed.Own)
        {
            return;
        }

        while (socket.Completed.Own != until)
        {
            _free[_freeCount++] = socket.Completed.Address(socket.Completed.Own++);
        }

        socket.Completed.Release();
    }
}
