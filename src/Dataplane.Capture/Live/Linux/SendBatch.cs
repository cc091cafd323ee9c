using System;
using System.Runtime.InteropServices;
using Dataplane.Live;

namespace Dataplane.Capture.Live.Linux;

/// <summary>Frames on their way out of a packet socket, many with one system call.</summary>
/// <remarks>They lie one behind another, so that small ones share cache lines and pages.</remarks>
internal sealed unsafe class SendBatch : IDisposable
{
    private readonly LivePortCounters _counters;
    private readonly int _socket;
    private readonly int _most;
    private readonly int _longest;
    private readonly byte* _bytes;
    private readonly IoVector* _vectors;
    private readonly Message* _messages;
    private int _count;
    private int _used;

    /// <param name="most">Frames that are kept before they are sent unasked.</param>
    /// <param name="longest">Bytes of the longest frame that the interface takes.</param>
    internal SendBatch(int socket, int most, int longest, LivePortCounters counters)
    {
        (_socket, _most, _longest, _counters) = (socket, most, longest, counters);
        _bytes = (byte*)NativeMemory.Alloc((nuint)most * (nuint)longest);
        _vectors = (IoVector*)NativeMemory.AllocZeroed((nuint)most, (nuint)sizeof(IoVector));
        _messages = (Message*)NativeMemory.AllocZeroed((nuint)most, (nuint)sizeof(Message));
        for (int i = 0; i < most; i++)
        {
            _messages[i].Header.Vectors = _vectors + i;
            _messages[i].Header.VectorCount = 1;
        }
    }

    /// <summary>Copies a frame; false, and counted, when it is longer than the interface takes.</summary>
    internal bool Add(ReadOnlySpan<byte> frame)
    {
        if (frame.Length > _longest)
        {
            _counters.NotSent++;
            return false;
        }

        byte* place = _bytes + _used;
        frame.CopyTo(new Span<byte>(place, frame.Length));
        _vectors[_count].Base = place;
        _vectors[_count].Length = (nuint)frame.Length;
        _used += frame.Length;
        if (++_count == _most)
        {
            Flush();
        }

        return true;
    }

    /// <summary>Hands all frames to the kernel. A frame that it refuses is counted and passed over: others may still go.</summary>
    internal void Flush()
    {
        int done = 0;
        while (done < _count)
        {
            int sent = Libc.SendMany(_socket, _messages + done, (uint)(_count - done), Libc.MessageDontWait);
            if (sent > 0)
            {
                _counters.Sent += sent;
                for (int i = done; i < done + sent; i++)
                {
                    _counters.SentBytes += (long)_vectors[i].Length;
                }

                done += sent;
                continue;
            }

            switch (Libc.LastError)
            {
                case Errno.Interrupted:
                    continue;
                case Errno.NoBuffers or Errno.MessageTooLong or Errno.InvalidArgument:
                    _counters.NotSent++;
                    _counters.Refused++;
                    done++;
                    continue;
                default:
                    // The socket's buffer is full, or the link is down: the rest would fare no better.
                    _counters.NotSent += _count - done;
                    _counters.Refused += _count - done;
                    done = _count;
                    break;
            }
        }

        (_count, _used) = (0, 0);
    }

    public void Dispose()
    {
        NativeMemory.Free(_bytes);
        NativeMemory.Free(_vectors);
        NativeMemory.Free(_messages);
    }
}
