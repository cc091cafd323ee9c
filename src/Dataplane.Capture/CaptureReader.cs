// Files -> packets, in order, a block at a time.
//
//   file or stdin -> SourceStream (counts, first four bytes) -> [GZipStream | zstd] -> SourceStream -> SharedBytes, or PipeReader -> CaptureFormat -> PacketBlock
//
// A file is read in pieces of 256 KiB, and packets stay in the piece: blocks refer to it, and when the last of them is done with it, it is used again. So a block's
// packets come from one piece, and a packet that a piece cuts is carried to the front of the next one. What waits for a sender goes through a pipe, and packets are copied.
//
// Life: a file is opened when the one before it is used up, and closed at its end. A block holds packets of one file.
// A file that ends early or lies about a length is used up to its last whole packet; that is a warning and IsDamaged, and the
// next file goes on. A file that is no capture at all is an exception, but not before the packets in front of it were handed on.
//
// A source that waits for a sender (standard input, a pipe) hands its block on as soon as no more input is at hand; the read
// that waits is kept and awaited by the next call. Such a read cannot be called back: after cancellation the reader is done with, and
// its pipe is left to the read that still owns a piece of it.
//
// One thread at a time reads; progress, interfaces and warnings may be asked from any thread.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.IO.Compression;
using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;
using Dataplane.Packets;
using Dataplane.Records;
using ZstdSharp;

namespace Dataplane.Capture;

/// <summary>Reads packets from pcap and pcapng files, plain or in gzip or zstd, and from standard input as it arrives.</summary>
/// <remarks>Memory is bounded whatever a file says: 256 KiB segments up to the longest block (32 MiB), and zstd's window up to 128 MiB.</remarks>
public sealed class CaptureReader : IDisposable, IAsyncDisposable
{
    /// <summary>Interfaces that all files may describe together.</summary>
    public const int MaxInterfaces = 65_536;

    /// <summary>Warnings that are kept; more are counted by the last one.</summary>
    private const int MaxWarnings = 1_000;

    private const string StandardInput = "standard input";

    private readonly (string Name, Func<(Stream Stream, bool Live)> Open, bool Live)[] _sources;
    private readonly Lock _gate = new();
    private readonly List<CaptureInterface> _interfaces = [];
    private readonly List<string> _warnings = [];
    private int _nextSource;
    private long _nextNumber = 1;
    private long _closedBytes;
    private long _suppressed;
    private string _name = "";
    private bool _live;
    private SourceStream? _raw;
    private PipeReader? _pipe;
    private SourceStream? _stream;
    private SharedBytes? _piece;
    private int _begin;
    private int _end;
    private bool _isUsedUp;
    private string? _readFault;
    private CaptureFormat? _format;
    private Task<ReadResult>? _waiting;
    private bool _abandoned;
    private bool _disposed;

    // GZipStream takes the end of a stream that is cut off for its proper end, unless asked. Programs of ours ask in their configuration; a program
    // of somebody else's is asked here, before its first use.
    static CaptureReader() => AppContext.SetSwitch("System.IO.Compression.UseStrictValidation", true);

    private CaptureReader((string Name, Func<(Stream Stream, bool Live)> Open, bool Live)[] sources, long? totalBytes)
    {
        _sources = sources;
        TotalBytes = totalBytes;
    }

    /// <summary>Bytes of all files together as they lie on disk; null when one is standard input or a pipe.</summary>
    public long? TotalBytes { get; }

    /// <summary>Bytes read so far, as they lie on disk.</summary>
    public long BytesRead
    {
        get
        {
            lock (_gate)
            {
                return _closedBytes + (_raw?.BytesRead ?? 0);
            }
        }
    }

    /// <summary>True when a file was cut off or damaged: exit code 4 at the end.</summary>
    public bool IsDamaged { get; private set; }

    /// <summary>Interfaces seen so far, by their index.</summary>
    public IReadOnlyList<CaptureInterface> Interfaces
    {
        get
        {
            lock (_gate)
            {
                return [.. _interfaces];
            }
        }
    }

    /// <summary>What is to be said to the user so far, each <c>FILE: WHAT. HOW TO MEND.</c></summary>
    public IReadOnlyList<string> Warnings
    {
        get
        {
            lock (_gate)
            {
                return _suppressed == 0 ? [.. _warnings] : [.. _warnings, $"Not shown: {Counted.Of(_suppressed, "more warning")} about captures."];
            }
        }
    }

    /// <summary>Opens files to be read in the order given; <c>-</c> is standard input.</summary>
    /// <exception cref="CaptureException">A file does not exist or cannot be opened; or standard input stands twice.</exception>
    public static CaptureReader Open(IReadOnlyList<string> paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        var sources = new (string, Func<(Stream, bool)>, bool)[paths.Count];
        long? total = 0;
        bool hasStandardInput = false;
        for (int i = 0; i < sources.Length; i++)
        {
            string path = paths[i];
            if (path == "-")
            {
                if (hasStandardInput)
                {
                    throw new CaptureException(StandardInput, "it is named twice", "Name - once");
                }

                hasStandardInput = true;
                total = null;
                sources[i] = (StandardInput, static () => (Console.OpenStandardInput(), true), true);
                continue;
            }

            long? length = CheckFile(path);
            total = length is null ? null : total + length;
            sources[i] = (path, () => OpenFile(path), length is null);
        }

        return new(sources, total);
    }

    /// <summary>Reads a stream that the caller has opened; it is closed with the reader or at its end.</summary>
    /// <param name="live">The stream may wait for a sender: blocks are handed on when no more input is at hand.</param>
    public static CaptureReader Open(Stream stream, string name, bool live)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return new([(name, () => (stream, live), live)], stream.CanSeek ? stream.Length : null);
    }

    /// <summary>As <see cref="ReadBlockAsync"/>, waiting in the caller's thread.</summary>
    public bool ReadBlock(PacketBlock block, CancellationToken cancellation = default)
    {
        ValueTask<bool> read = ReadBlockAsync(block, cancellation);
        return read.IsCompletedSuccessfully ? read.Result : read.AsTask().GetAwaiter().GetResult();
    }

    /// <summary>Fills a block with the next packets.</summary>
    /// <param name="block">Emptied first; holds 1 to <see cref="PacketBlock.Capacity"/> packets afterwards, its FirstNumber set.</param>
    /// <returns>False, with an empty block, when all files are used up.</returns>
    /// <exception cref="CaptureException">The next file cannot be opened or is not a capture; the packets before it were handed on, and the next call goes on behind it.</exception>
    /// <exception cref="OperationCanceledException">The reader cannot be used any more.</exception>
    public async ValueTask<bool> ReadBlockAsync(PacketBlock block, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(block);
        ObjectDisposedException.ThrowIf(_disposed, this);
        block.Reset();
        block.FirstNumber = _nextNumber;
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            if (_format is null)
            {
                if (block.Count > 0 || _nextSource == _sources.Length)
                {
                    break;
                }

                await OpenNextAsync(cancellation);
            }
            else if (_pipe is null ? !Fill(block) : !await FillAsync(block, cancellation))
            {
                break;
            }
        }

        _nextNumber += block.Count;
        return block.Count > 0;
    }

    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            Close();
        }
    }

    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>A new interface, or null when there are too many.</summary>
    internal CaptureInterface? AddInterface(string file, LinkType link, string? name, uint snapLength, byte fcsLength)
    {
        lock (_gate)
        {
            if (_interfaces.Count == MaxInterfaces)
            {
                return null;
            }

            var added = new CaptureInterface(_interfaces.Count, file, link, name, snapLength, fcsLength);
            _interfaces.Add(added);
            return added;
        }
    }

    internal void Warn(string warning)
    {
        lock (_gate)
        {
            if (_warnings.Count < MaxWarnings)
            {
                _warnings.Add(warning);
            }
            else
            {
                _suppressed++;
            }
        }
    }

    /// <summary>The length of a regular file that can be opened; null for a pipe or device, which is not touched before its turn.</summary>
    private static long? CheckFile(string path)
    {
        if (Directory.Exists(path))
        {
            throw new CaptureException(path, "it is a folder", "Name the capture files in it");
        }

        var info = new FileInfo(path);
        if (!info.Exists)
        {
            throw new CaptureException(path, "there is no such file", "Check the path");
        }

        // Opening a named pipe would wait for its writer; pipes and devices have no length, like empty files, and are met in their turn.
        if (info.Length == 0)
        {
            return null;
        }

        (Stream stream, bool _) = OpenFile(path);
        using (stream)
        {
            return info.Length;
        }
    }

    private static (Stream Stream, bool Live) OpenFile(string path)
    {
        try
        {
            var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 0, FileOptions.SequentialScan);
            return (stream, !stream.CanSeek);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new CaptureException(path, "it may not be read", "Give this user permission to read it", e);
        }
        catch (Exception e) when (e is IOException or ArgumentException or NotSupportedException)
        {
            throw new CaptureException(path, $"it cannot be opened ({Line(e.Message)})", "Check the path", e);
        }
    }

    /// <summary>Opens the next source and finds out what it is.</summary>
    private async ValueTask OpenNextAsync(CancellationToken cancellation)
    {
        (_name, Func<(Stream Stream, bool Live)> open, _) = _sources[_nextSource++];
        (Stream stream, _live) = open();
        SourceStream source = new(stream, _live);
        lock (_gate)
        {
            _raw = source;
        }

        bool opened = false;
        string packed = "";
        try
        {
            ReadOnlyMemory<byte> first = await Peek(source, cancellation);
            if (IsGzip(first.Span))
            {
                packed = "gzip";
                source = new SourceStream(new GZipStream(source, CompressionMode.Decompress), _live);
                first = await Peek(source, cancellation);
            }
            else if (IsZstd(first.Span))
            {
                packed = "zstd";
                source = new SourceStream(new DecompressionStream(source, leaveOpen: false), _live);
                first = await Peek(source, cancellation);
            }

            _format = Recognise(first.Span, packed);
            if (_live)
            {
                _pipe = PipeReader.Create(source, new StreamPipeReaderOptions(SegmentPool.Instance, SegmentPool.SegmentLength, 64 * 1024));
            }
            else
            {
                _stream = source;
                (_begin, _end, _isUsedUp, _readFault) = (0, 0, false, null);
            }

            opened = true;
        }
        catch (Exception e) when (IsReadFault(e))
        {
            throw new CaptureException(_name, packed.Length == 0 ? $"it cannot be read ({Line(e.Message)})" : $"it is {packed} and cannot be unpacked ({Line(e.Message)})", "Copy it again from where it was made", e);
        }
        finally
        {
            if (!opened)
            {
                Close();
                if (!_abandoned)
                {
                    await source.DisposeAsync();
                }
            }
        }
    }

    private ValueTask<ReadOnlyMemory<byte>> Peek(SourceStream source, CancellationToken cancellation) =>
        _live ? AbandonOnCancel(source.PeekAsync(cancellation).AsTask(), cancellation) : source.PeekAsync(cancellation);

    private CaptureFormat Recognise(ReadOnlySpan<byte> first, string packed)
    {
        string inside = packed.Length == 0 ? "" : $"the {packed} file holds something that ";
        if (first.Length < 4)
        {
            throw new CaptureException(_name, first.Length == 0 ? $"{inside}{(packed.Length == 0 ? "it " : "")}is empty" : $"{inside}{(packed.Length == 0 ? "it " : "")}is shorter than the header of a capture", "Give a pcap or pcapng file");
        }

        if (PcapFormat.Recognise(this, _name, first) is { } pcap)
        {
            return pcap;
        }

        if (first.SequenceEqual((ReadOnlySpan<byte>)[0x0A, 0x0D, 0x0D, 0x0A]))
        {
            return new PcapNgFormat(this, _name);
        }

        throw new CaptureException(_name, $"{inside}{(packed.Length == 0 ? "it " : "")}begins with {Convert.ToHexString(first)}, which is neither pcap nor pcapng", "Give a pcap or pcapng file, plain or in gzip or zstd; editcap -F pcapng IN OUT converts other formats");
    }

    /// <summary>Makes the block refer to packets of the open file, which is read when none are left.</summary>
    /// <returns>False when the block is to be handed on; true when there may be more, in this file or the next.</returns>
    private bool Fill(PacketBlock block)
    {
        if (_piece is not null)
        {
            if (block.Count == 0)
            {
                block.Share(_piece);
            }

            ReadStop stop = _format!.Read(_piece, _begin, _end - _begin, block, out int consumed);
            _begin += consumed;
            switch (stop)
            {
                case ReadStop.BlockFull:
                    return false;

                case ReadStop.Damaged:
                    Damaged(_format.Damage);
                    return block.Count == 0;

                default:
                    break;
            }

            if (block.Count > 0)
            {
                return false;
            }
        }

        if (!_isUsedUp)
        {
            ReadPiece();
        }
        else if (_readFault is not null)
        {
            Damaged($"it cannot be read further ({_readFault})");
        }
        else if (_begin < _end)
        {
            Damaged("it ends in the middle of a packet or header");
        }
        else
        {
            Close();
        }

        return true;
    }

    /// <summary>Reads the next piece of the open file; what is left of the last one stands in front of it.</summary>
    private void ReadPiece()
    {
        int left = _end - _begin;

        // A packet or block that fills a piece needs a longer one; formats refuse what is longer than 32 MiB before that much is read.
        SharedBytes piece = SegmentPool.Instance.Share(left < SegmentPool.SegmentLength / 2 ? SegmentPool.SegmentLength : checked(left * 2));
        if (left > 0)
        {
            _piece!.Bytes.AsSpan(_begin, left).CopyTo(piece.Bytes);
        }

        _piece?.Release();
        _piece = piece;
        (_begin, _end) = (0, left);
        try
        {
            while (_end < piece.Bytes.Length && !_isUsedUp)
            {
                int read = _stream!.Read(piece.Bytes.AsSpan(_end));
                _end += read;
                _isUsedUp = read == 0;
            }
        }
        catch (Exception e) when (IsReadFault(e))
        {
            _isUsedUp = true;
            _readFault = Line(e.Message);
        }
    }

    /// <summary>Moves packets of the open file into the block.</summary>
    /// <returns>False when the block is to be handed on; true when there may be more, in this file or the next.</returns>
    private async ValueTask<bool> FillAsync(PacketBlock block, CancellationToken cancellation)
    {
        ReadResult result;
        try
        {
            if (!_live)
            {
                result = await _pipe!.ReadAsync(cancellation);
            }
            else
            {
                _waiting ??= _pipe!.ReadAsync(cancellation).AsTask();
                if (block.Count > 0 && !IsAtHand(_waiting))
                {
                    return false;
                }

                result = await AbandonOnCancel(_waiting, cancellation);
                _waiting = null;
            }
        }
        catch (Exception e) when (IsReadFault(e))
        {
            Damaged($"it cannot be read further ({Line(e.Message)})");
            return true;
        }

        ReadStop stop = _format!.Read(result.Buffer, block, out long consumed);
        long rest = result.Buffer.Length - consumed;
        SequencePosition end = result.Buffer.GetPosition(consumed);
        _pipe!.AdvanceTo(end, stop == ReadStop.NeedsMore ? result.Buffer.End : end);
        switch (stop)
        {
            case ReadStop.BlockFull:
                return false;

            case ReadStop.Damaged:
                Damaged(_format.Damage);
                return true;

            default:
                if (result.IsCompleted)
                {
                    if (rest > 0)
                    {
                        Damaged("it ends in the middle of a packet or header");
                    }
                    else
                    {
                        Close();
                    }
                }

                return true;
        }
    }

    /// <summary>True when a read of a live source is done, or gets done in the time that a busy sender needs for its next write.</summary>
    private static bool IsAtHand(Task read)
    {
        var spin = new SpinWait();
        while (!read.IsCompleted && spin.Count < 20)
        {
            spin.SpinOnce(sleep1Threshold: -1);
        }

        return read.IsCompleted;
    }

    private async ValueTask<T> AbandonOnCancel<T>(Task<T> task, CancellationToken cancellation)
    {
        try
        {
            return await task.WaitAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            _abandoned = !task.IsCompleted;
            throw;
        }
    }

    private void Damaged(string what)
    {
        IsDamaged = true;
        long packets = _format?.Packets ?? 0;
        Warn(string.Create(CultureInfo.InvariantCulture, $"{_name}: {what}. {(packets == 1 ? "Its first packet is" : $"Its first {packets} packets are")} used; copy the file again from where it was made, or repair it."));
        Close();
    }

    private void Close()
    {
        if (_pipe is { } pipe && !_abandoned && _waiting is not { IsCompleted: false })
        {
            try
            {
                pipe.Complete();
            }
            catch (Exception e) when (IsReadFault(e))
            {
                // The decompressor complains again of what was reported when it was read.
            }
        }

        try
        {
            _stream?.Dispose();
        }
        catch (Exception e) when (IsReadFault(e))
        {
            // As above.
        }

        _piece?.Release();
        _piece = null;
        _stream = null;
        lock (_gate)
        {
            // The rest of a damaged file is done with as well.
            _closedBytes += _raw?.LengthBelow ?? _raw?.BytesRead ?? 0;
            _raw = null;
        }

        _pipe = null;
        _waiting = null;
        _format = null;
    }

    private static bool IsGzip(ReadOnlySpan<byte> first) => first.Length >= 2 && first[0] == 0x1F && first[1] == 0x8B;

    /// <summary>A zstd frame, or one that zstd skips (RFC 8878 section 3.1.2).</summary>
    private static bool IsZstd(ReadOnlySpan<byte> first) => first.Length == 4
        && (first.SequenceEqual((ReadOnlySpan<byte>)[0x28, 0xB5, 0x2F, 0xFD]) || ((first[0] & 0xF0) == 0x50 && first[1] == 0x2A && first[2] == 0x4D && first[3] == 0x18));

    /// <summary>What a disk, a sender or a decompressor may throw at us. Their exception types are many; a bad file must not end the program.</summary>
    private static bool IsReadFault(Exception e) => e is not (OperationCanceledException or OutOfMemoryException or CaptureException or NullReferenceException);

    private static string Line(string message) => message.ReplaceLineEndings(" ").TrimEnd('.', ' ');
}
