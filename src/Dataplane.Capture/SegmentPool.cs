using System;
using System.Buffers;
using System.Collections.Concurrent;
using System.Threading;
using Dataplane.Packets;

namespace Dataplane.Capture;

/// <summary>256 KiB segments of pinned memory for pipes and blocks; at most 64 (16 MiB) are kept for the next use.</summary>
/// <remarks>A pipe's own defaults, 4 KiB from the array pool, are an order of magnitude slower on capture files.</remarks>
internal sealed class SegmentPool : MemoryPool<byte>
{
    internal const int SegmentLength = 256 * 1024;

    private const int MaxKept = 64;

    private readonly ConcurrentBag<byte[]> _kept = [];

    internal static SegmentPool Instance { get; } = new();

    public override int MaxBufferSize => SegmentLength;

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, SegmentLength);
        return new Segment(this, Take());
    }

    /// <summary>A segment for blocks to share, or a longer piece of memory that nobody keeps.</summary>
    internal SharedBytes Share(int length) => length <= SegmentLength
        ? new SharedBytes(Take(), Keep)
        : new SharedBytes(GC.AllocateUninitializedArray<byte>(length), static _ => { });

    protected override void Dispose(bool disposing)
    {
    }

    private byte[] Take() => _kept.TryTake(out byte[]? bytes) ? bytes : GC.AllocateUninitializedArray<byte>(SegmentLength, pinned: true);

    private void Keep(byte[] bytes)
    {
        if (_kept.Count < MaxKept)
        {
            _kept.Add(bytes);
        }
    }

    private sealed class Segment(SegmentPool pool, byte[] bytes) : IMemoryOwner<byte>
    {
        private byte[]? _bytes = bytes;

        public Memory<byte> Memory => _bytes;

        public void Dispose()
        {
            // Once only: a segment that came back twice would be lent to two pipes.
            if (Interlocked.Exchange(ref _bytes, null) is { } free)
            {
                pool.Keep(free);
            }
        }
    }
}
