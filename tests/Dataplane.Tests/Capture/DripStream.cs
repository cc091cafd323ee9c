using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace Dataplane.Tests.Capture;

/// <summary>Delivers a few bytes a read, and after <paramref name="stopAt"/> bytes nothing more until <see cref="Release"/>: a sender that thinks.</summary>
internal sealed class DripStream(byte[] bytes, int bytesARead, int stopAt = int.MaxValue) : Stream
{
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _at;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    internal void Release() => _released.SetResult();

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_at >= stopAt)
        {
            await _released.Task;    // like standard input, which cannot be called back
        }

        return Take(buffer.Span);
    }

    public override int Read(byte[] buffer, int offset, int count) => Take(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private int Take(Span<byte> buffer)
    {
        int limit = _at < stopAt ? Math.Min(bytes.Length, stopAt) : bytes.Length;
        int count = Math.Min(Math.Min(bytesARead, buffer.Length), limit - _at);
        bytes.AsSpan(_at, count).CopyTo(buffer);
        _at += count;
        return count;
    }
}
