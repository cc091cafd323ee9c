using System;
using System.Collections.Concurrent;
using Dataplane.Packets;

namespace Dataplane.Live;

/// <summary>A live interface without a system behind it: frames come out of a queue, and what is sent is handed to a listener. For warming up, and for tests.</summary>
/// <param name="sent">Sees each frame that is sent; null forgets them.</param>
public sealed class MemoryPort(string name, Action<ReadOnlySpan<byte>>? sent = null) : ILivePort
{
    private readonly ConcurrentQueue<(long Time, byte[] Frame)> _arriving = new();

    public string Name => name;

    public string Method => "memory";

    public MacAddress Address => new(0x0200_0000_0000);

    public int Mtu => 9_001;

    public LivePortCounters Counters { get; } = new();

    /// <summary>Frames that were not received yet.</summary>
    public int Arriving => _arriving.Count;

    /// <summary>A frame arrives. Any thread.</summary>
    public void Arrive(long time, byte[] frame) => _arriving.Enqueue((time, frame));

    /// <inheritdoc/>
    public int Receive(PacketBlock block, int most, int captureInterface)
    {
        ArgumentNullException.ThrowIfNull(block);
        int count = 0;
        while (count < most && !block.IsFull && _arriving.TryDequeue(out (long Time, byte[] Frame) next))
        {
            next.Frame.CopyTo(block.Add(next.Time, next.Frame.Length, (uint)next.Frame.Length, LinkType.Ethernet, captureInterface));
            Counters.Received++;
            Counters.ReceivedBytes += next.Frame.Length;
            count++;
        }

        return count;
    }

    /// <inheritdoc/>
    public bool Send(ReadOnlySpan<byte> frame)
    {
        Counters.Sent++;
        Counters.SentBytes += frame.Length;
        sent?.Invoke(frame);
        return true;
    }

    public void Flush()
    {
    }

    public void ReadCounters()
    {
    }

    public void Dispose()
    {
    }
}
