using System;
using System.Buffers;

namespace Dataplane.Capture;

/// <summary>Goes through a pipe's buffer.</summary>
internal ref struct SequenceCursor
{
    private ReadOnlySequence<byte> _rest;
    private ReadOnlySpan<byte> _span;
    private long _offset;

    internal SequenceCursor(ReadOnlySequence<byte> buffer)
    {
        _rest = buffer;
        _span = buffer.FirstSpan;
        Remaining = buffer.Length;
    }

    /// <summary>Bytes in front of the cursor.</summary>
    internal long Remaining { get; private set; }

    /// <summary>Bytes behind the cursor.</summary>
    internal long Consumed { get; private set; }

    /// <summary>Copies bytes from <paramref name="ahead"/> bytes in front of the cursor; the caller has checked that they are there.</summary>
    internal readonly void Peek(int ahead, scoped Span<byte> bytes)
    {
        if (_span.Length - ahead >= bytes.Length)
        {
            _span.Slice(ahead, bytes.Length).CopyTo(bytes);
        }
        else
        {
            _rest.Slice(_offset + ahead, bytes.Length).CopyTo(bytes);
        }
    }

    /// <summary>Moves on; the caller has checked that the bytes are there.</summary>
    internal void Skip(int count)
    {
        Remaining -= count;
        Consumed += count;
        if (count < _span.Length)
        {
            _span = _span[count..];
            _offset += count;
        }
        else
        {
            _rest = _rest.Slice(_offset + count);
            _offset = 0;
            _span = _rest.FirstSpan;
        }
    }
}
