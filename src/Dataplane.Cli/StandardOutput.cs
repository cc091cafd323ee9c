// The framework's own stream of standard output says nothing when the reader of a pipe has gone: | head would end no command. This one throws, as for any other file.
//
// A pipe that whoever started us left non-blocking takes either all of a piece of 4,096 bytes or none (PIPE_BUF), so a piece is what is tried again.

using System;
using System.IO;
using System.Threading;
using Microsoft.Win32.SafeHandles;

namespace Dataplane.Cli;

/// <summary>Standard output, where it is a pipe.</summary>
internal sealed class StandardOutput : Stream
{
    private const int Piece = 4_096;
    private const int TryAgainLinux = 11;
    private const int TryAgainMac = 35;

    private readonly FileStream _pipe;

    private StandardOutput(FileStream pipe) => _pipe = pipe;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Standard output; a file and a terminal, which nobody closes, are the framework's.</summary>
    internal static Stream Open()
    {
        if (OperatingSystem.IsWindows() || !Console.IsOutputRedirected)
        {
            return Console.OpenStandardOutput();
        }

        try
        {
            FileStream stream = new(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, 0);
            return stream.CanSeek ? Console.OpenStandardOutput() : new StandardOutput(stream);
        }
        catch (Exception e) when (e is IOException or ArgumentException or UnauthorizedAccessException)
        {
            return Console.OpenStandardOutput();    // it is closed
        }
    }

    public override void Flush()
    {
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <exception cref="IOException">The reader has gone.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            ReadOnlySpan<byte> piece = buffer[..Math.Min(Piece, buffer.Length)];
            try
            {
                _pipe.Write(piece);
                buffer = buffer[piece.Length..];
            }
            catch (IOException e) when ((e.HResult & 0xFFFF) is TryAgainLinux or TryAgainMac)
            {
                Thread.Sleep(1);
            }
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
