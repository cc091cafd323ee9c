using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace Dataplane.Capture;

/// <summary>A stream whose first bytes can be looked at before they are read, and which counts what was read from below.</summary>
/// <remarks>
/// A file is read in the caller's thread even by ReadAsync: it is at hand, and a hop to another thread costs more than the copy.
/// What may wait for a sender (<paramref name="live"/>) is read asynchronously.
/// </remarks>
internal sealed class SourceStream(Stream inner, bool live) : Stream
{
    private readonly byte[] _prefix = new byte[4];
    private int _prefixLength;
    private int _prefixRead;
    private long _bytesRead;

    /// <summary>Bytes taken from the stream below so far. May be asked from any thread.</summary>
    internal long BytesRead => Interlocked.Read(ref _bytesRead);

    /// <summary>How long the stream below is, where it knows.</summary>
    internal long? LengthBelow { get; } = inner.CanSeek ? inner.Length : null;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>The first up to four bytes, which stay to be read; fewer only if there are no more.</summary>
    internal async ValueTask<ReadOnlyMemory<byte>> PeekAsync(CancellationToken cancellation)
    {
        while (_prefixLength < _prefix.Length)
        {
            int read = await BelowAsync(_prefix.AsMemory(_prefixLength), cancellation);
            if (read == 0)
            {
                break;
            }

            _prefixLength += read;
        }

        return _prefix.AsMemory(0, _prefixLength);
    }

    public override int Read(Span<byte> buffer)
    {
        if (TryPrefix(buffer, out int count))
        {
            return count;
        }

        int read = inner.Read(buffer);
        Interlocked.Add(ref _bytesRead, read);
        return read;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        TryPrefix(buffer.Span, out int count) ? new(count) : BelowAsync(buffer, cancellationToken);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }

    private async ValueTask<int> BelowAsync(Memory<byte> buffer, CancellationToken cancellation)
    {
        int read = live ? await inner.ReadAsync(buffer, cancellation) : inner.Read(buffer.Span);
        Interlocked.Add(ref _bytesRead, read);
        return read;
    }

    private bool TryPrefix(Span<byte> buffer, out int count)
    {
        count = Math.Min(buffer.Length, _prefixLength - _prefixRead);
        if (count <= 0)
        {
            return false;
        }

        _prefix.AsSpan(_prefixRead, count).CopyTo(buffer);
        _prefixRead += count;
        return true;
    }
}
