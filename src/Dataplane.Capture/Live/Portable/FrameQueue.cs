// Frames on their way from the thread that captures them to the thread that judges them.
//
// Two halves: one is filled, the other emptied; when the emptied one is at its end they change places. So the lock is held for one copy by the first thread, and once
// for a whole half by the second. A full half drops what comes, counted; nothing grows.

using System;
using System.Threading;

namespace Dataplane.Capture.Live.Portable;

/// <summary>A bounded queue of frames between two threads.</summary>
/// <param name="frames">Frames that may wait.</param>
/// <param name="bytes">Bytes that they may have together.</param>
internal sealed class FrameQueue(int frames, int bytes)
{
    private readonly Lock _lock = new();
    private Half _filled = new(frames, bytes);
    private Half _emptied = new(frames, bytes);
    private int _next;
    private long _dropped;

    /// <summary>Frames that found no room. Any thread.</summary>
    internal long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>Whether a frame waits. The emptying thread.</summary>
    internal bool HasFrames
    {
        get
        {
            if (_next < _emptied.Count)
            {
                return true;
            }

            lock (_lock)
            {
                return _filled.Count > 0;
            }
        }
    }

    /// <summary>Adds a frame. The filling thread.</summary>
    /// <returns>True when it is the first one that waits: who sleeps must be woken.</returns>
    internal bool Add(long time, ReadOnlySpan<byte> frame)
    {
        lock (_lock)
        {
            if (_filled.TryAdd(time, frame))
            {
                return _filled.Count == 1;
            }
        }

        Interlocked.Increment(ref _dropped);
        return false;
    }

    /// <summary>The frame that has waited longest; it stays valid until the next call. The emptying thread.</summary>
    internal bool TryTake(out long time, out ReadOnlySpan<byte> frame)
    {
        if (_next == _emptied.Count)
        {
            _emptied.Clear();
            _next = 0;
            lock (_lock)
            {
                (_filled, _emptied) = (_emptied, _filled);
            }
        }

        if (_next == _emptied.Count)
        {
            time = 0;
            frame = default;
            return false;
        }

        frame = _emptied.Read(_next++, out time);
        return true;
    }

    private sealed class Half(int frames, int bytes)
    {
        private readonly byte[] _bytes = new byte[bytes];
        private readonly (long Time, int Offset, int Length)[] _frames = new (long, int, int)[frames];
        private int _used;

        internal int Count { get; private set; }

        internal ReadOnlySpan<byte> Read(int index, out long time)
        {
            (time, int offset, int length) = _frames[index];
            return _bytes.AsSpan(offset, length);
        }

        internal bool TryAdd(long time, ReadOnlySpan<byte> frame)
        {
            if (Count == _frames.Length || _bytes.Length - _used < frame.Length)
            {
                return false;
            }

            frame.CopyTo(_bytes.AsSpan(_used));
            _frames[Count++] = (time, _used, frame.Length);
            _used += frame.Length;
            return true;
        }

        internal void Clear() => (Count, _used) = (0, 0);
    }
}
