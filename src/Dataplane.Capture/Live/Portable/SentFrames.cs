// Some systems show a capture what the machine itself sends, and cannot be told not to. A bridge would then receive what it sent, send it again at the other side,
// receive that, and so on: two pings become a storm. So what was sent is remembered by a fingerprint for a short while, and a captured frame that equals one is taken
// for it, once for each time it was sent.
//
// A frame that really comes back, the same to the last byte, is lost once for each time it was sent; the sender's next one, with another identification or checksum, is not.

using System;
using System.Collections.Generic;
using System.Threading;

namespace Dataplane.Capture.Live.Portable;

/// <summary>What was sent lately, to know it again when it is captured.</summary>
/// <remarks>Two threads may use it.</remarks>
/// <param name="most">Frames that are remembered; the oldest is forgotten for a new one.</param>
internal sealed class SentFrames(int most)
{
    /// <summary>How long a frame may take from being sent to being captured.</summary>
    private const long Longest = 1_000_000_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, int> _count = new(most);
    private readonly Queue<(ulong Print, long Time)> _order = new(most);

    /// <summary>Remembers a frame that is about to be sent.</summary>
    /// <param name="time">Nanoseconds, never going back.</param>
    internal void Add(ReadOnlySpan<byte> frame, long time)
    {
        ulong print = Print(frame);
        lock (_lock)
        {
            Forget(time);
            if (_order.Count == most)
            {
                Remove(_order.Dequeue().Print);
            }

            _order.Enqueue((print, time));
            _count[print] = _count.GetValueOrDefault(print) + 1;
        }
    }

    /// <summary>Whether a captured frame is one that was sent; if so it is not taken for it again.</summary>
    internal bool Take(ReadOnlySpan<byte> frame, long time)
    {
        ulong print = Print(frame);
        lock (_lock)
        {
            Forget(time);
            return Remove(print);
        }
    }

    private void Forget(long time)
    {
        while (_order.TryPeek(out (ulong Print, long Time) oldest) && time - oldest.Time > Longest)
        {
            _order.Dequeue();
            Remove(oldest.Print);
        }
    }

    private bool Remove(ulong print)
    {
        if (!_count.TryGetValue(print, out int count))
        {
            return false;
        }

        if (count > 1)
        {
            _count[print] = count - 1;
        }
        else
        {
            _count.Remove(print);
        }

        return true;
    }

    /// <summary>64 bits of a frame's bytes. Nobody gains by making two frames with one print: the second is only not received.</summary>
    private static ulong Print(ReadOnlySpan<byte> frame)
    {
        HashCode first = default, second = default;
        first.AddBytes(frame);
        second.Add(frame.Length);
        second.AddBytes(frame);
        return ((ulong)(uint)first.ToHashCode() << 32) | (uint)second.ToHashCode();
    }
}
