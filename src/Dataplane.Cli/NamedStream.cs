using System;
using System.IO;

namespace Dataplane.Cli;

/// <summary>An output could not be written; the message says which.</summary>
internal sealed class OutputException(string message, IOException inner) : IOException(message, inner);

/// <summary>A stream whose failures say what was being written: the framework's name no file, or one that the user never heard of.</summary>
/// <param name="where">The option and path, for messages.</param>
/// <param name="hidden">A name of ours that stands for the path while it is written; null for none.</param>
internal sealed class NamedStream(Stream inner, string where, string? hidden = null) : Stream
{
    public override bool CanRead => false;

    public override bool CanSeek => inner.CanSeek;

    public override bool CanWrite => true;

    public override long Length => inner.Length;

    public override long Position
    {
        get => inner.Position;
        set => inner.Position = value;
    }

    public override void Flush()
    {
        try
        {
            inner.Flush();
        }
        catch (IOException e) when (!Program.IsClosedPipe(e))
        {
            throw Failure(e);
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => inner.Seek(offset, origin);

    public override void SetLength(long value) => inner.SetLength(value);

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        try
        {
            inner.Write(buffer);
        }
        catch (IOException e) when (!Program.IsClosedPipe(e))
        {
            throw Failure(e);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }

    private OutputException Failure(IOException e)
    {
        // "No space left on device : '/the/path'": the path is said already.
        string what = e.Message;
        int quoted = what.IndexOf(" : '", StringComparison.Ordinal);
        what = quoted > 0 ? what[..quoted] : hidden is null ? what : what.Replace(hidden, where, StringComparison.Ordinal);
        return new OutputException($"{where}: {OutputFile.Sentence(what)}", e);
    }
}
