using System;
using System.Threading;
using Dataplane.Live;
using Dataplane.Packets;

namespace Dataplane.Capture.Live.Portable;

/// <summary>An interface through libpcap or Npcap: the device's own thread captures into a bounded queue, from which frames are received.</summary>
internal sealed class PcapPort : LivePort
{
    private const int BytesForEachFrame = 512;
    private const int LeastQueueBytes = 1 << 20;
    private const int SentFramesKept = 4_096;

    /// <summary>How often a capture that ended is begun again, nanoseconds.</summary>
    private const long Pause = 200_000_000;

    private readonly IPcapDevice _device;
    private readonly IWaiter _waiter;
    private readonly LiveClock _clock;
    private readonly FrameQueue _queue;
    private readonly SentFrames? _sent;
    private readonly int _longest;
    private long _cut;
    private long _restartAt;
    private volatile bool _isStopped;
    private bool _isClosed;

    internal PcapPort(string name, MacAddress address, int mtu, IPcapDevice device, LiveClock clock, IWaiter waiter, LiveSizes sizes)
        : base(name, address, mtu)
    {
        (_device, _clock, _waiter) = (device, clock, waiter);
        _longest = InterfaceLimits.FrameBytes(mtu);
        _queue = new FrameQueue(sizes.ReceiveFrames, Math.Max(LeastQueueBytes, sizes.ReceiveFrames * BytesForEachFrame));
        _sent = device.ShowsOwnFrames ? new SentFrames(SentFramesKept) : null;
        Counters.KnowsDropped = false;
        device.Start(Arrived, Stopped);
    }

    public override string Method => "pcap";

    internal override ReadOnlySpan<int> Descriptors => default;

    internal override bool HasWaiting => _queue.HasFrames;

    public override int Receive(PacketBlock block, int most, int captureInterface)
    {
        if (_isStopped)
        {
            Restart();
        }

        int added = 0;
        while (added < most && !block.IsFull && _queue.TryTake(out long time, out ReadOnlySpan<byte> frame))
        {
            Span<byte> place = block.Add(_clock.Stamped(time), frame.Length, (uint)frame.Length, LinkType.Ethernet, captureInterface);
            frame.CopyTo(place);
            Counters.ReceivedBytes += frame.Length;
            added++;
        }

        Counters.Received += added;
        return added;
    }

    public override void FinishChecksum(Span<byte> frame) => PartialChecksum.Finish(frame);

    public override bool Send(ReadOnlySpan<byte> frame)
    {
        if (frame.Length > _longest)
        {
            Counters.NotSent++;
            return false;
        }

        // Before it is sent: it may be captured before the call returns.
        _sent?.Add(frame, _clock.Now());
        if (!_device.TrySend(frame))
        {
            Counters.NotSent++;
            return false;
        }

        Counters.Sent++;
        Counters.SentBytes += frame.Length;
        return true;
    }

    /// <summary>Frames have left with <see cref="Send"/>.</summary>
    public override void Flush()
    {
    }

    public override void ReadCounters() => Counters.DroppedByKernel = _device.ReadDropped() + _queue.Dropped + Interlocked.Read(ref _cut);

    public override void Dispose()
    {
        if (!_isClosed)
        {
            _isClosed = true;
            _device.Dispose();
        }
    }

    /// <summary>In the thread of the device.</summary>
    private void Arrived(long time, long wireLength, ReadOnlySpan<byte> frame)
    {
        if (wireLength > frame.Length)
        {
            Interlocked.Increment(ref _cut);
            return;
        }

        if (_sent is not null && _sent.Take(frame, time))
        {
            return;
        }

        if (_queue.Add(time, frame))
        {
            _waiter.Wake();
        }
    }

    /// <summary>In the thread of the device: the link went down, or the device went away.</summary>
    private void Stopped()
    {
        _isStopped = true;
        _waiter.Wake();
    }

    private void Restart()
    {
        long now = _clock.Now();
        if (now < _restartAt)
        {
            return;
        }

        _restartAt = now + Pause;
        _isStopped = false;
        if (!_device.TryRestart())
        {
            _isStopped = true;
        }
    }
}
