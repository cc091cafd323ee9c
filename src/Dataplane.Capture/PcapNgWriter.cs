// One section, little-endian. Interfaces are described when their first packet comes, with the numbers that they have in this file;
// times are nanoseconds, so nothing of what was read is lost.
//
// A file is written under another name beside its own and renamed when it is complete, so what stands under the name is never half a
// capture. What cannot be replaced (standard output, a device, a named pipe) is written straight.

using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Text;
using Dataplane.Packets;

namespace Dataplane.Capture;

/// <summary>Writes packets byte for byte as pcapng, each with a comment where asked for.</summary>
/// <remarks>Not thread-safe. Source: draft-ietf-opsawg-pcapng.</remarks>
public sealed class PcapNgWriter : IDisposable
{
    /// <summary>The longest comment, in bytes of UTF-8; a longer one is cut at a character.</summary>
    public const int MaxCommentLength = 65_535;

    private const int BufferLength = 64 * 1024;

    private readonly Stream _stream;
    private readonly string? _temporary;
    private readonly string? _final;
    private readonly Func<int, CaptureInterface?>? _describe;
    private readonly Dictionary<(int Interface, LinkType Link, byte Fcs), int> _interfaces = [];
    private bool _done;

    /// <param name="path">Where to write; <c>-</c> is standard output. The file appears under this name on <see cref="Dispose"/>.</param>
    /// <param name="describe">Names and snap lengths of the interfaces by <see cref="CapturedPacket.CaptureInterface"/>, or null.</param>
    /// <exception cref="IOException">The file cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be made.</exception>
    public PcapNgWriter(string path, Func<int, CaptureInterface?>? describe = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        _describe = describe;
        (_stream, _temporary, _final) = Create(path);
        WriteSectionHeader();
    }

    /// <param name="stream">Is flushed and closed on <see cref="Dispose"/>.</param>
    public PcapNgWriter(Stream stream, Func<int, CaptureInterface?>? describe = null)
    {
        _describe = describe;
        _stream = new BufferedStream(stream, BufferLength);
        WriteSectionHeader();
    }

    /// <summary>Packets written so far.</summary>
    public long Packets { get; private set; }

    /// <summary>Writes packet <paramref name="index"/> of a block.</summary>
    /// <exception cref="IOException">The disk is full, or the reader of a pipe has gone.</exception>
    public void Write(PacketBlock block, int index, string? comment = null)
    {
        ArgumentNullException.ThrowIfNull(block);
        Write(block.Packets[index], block.Bytes(index), comment);
    }

    /// <summary>Writes one packet with its time, lengths, link type and interface.</summary>
    public void Write(in CapturedPacket packet, ReadOnlySpan<byte> bytes, string? comment = null)
    {
        int index = InterfaceOf(packet);
        byte[] text = string.IsNullOrEmpty(comment) ? [] : Utf8(comment);
        int padded = Padded(bytes.Length);
        int options = text.Length == 0 ? 0 : 4 + Padded(text.Length) + 4;
        int total = checked(28 + padded + options + 4);
        Span<byte> head = stackalloc byte[28];
        Put32(head, 6);
        Put32(head[4..], (uint)total);
        Put32(head[8..], (uint)index);
        ulong time = (ulong)Math.Max(0, packet.Time);
        Put32(head[12..], (uint)(time >> 32));
        Put32(head[16..], (uint)time);
        Put32(head[20..], (uint)bytes.Length);
        Put32(head[24..], packet.WireLength);
        _stream.Write(head);
        _stream.Write(bytes);
        Pad(padded - bytes.Length);
        if (options > 0)
        {
            WriteOption(1, text);
            WriteOption(0, []);
        }

        WriteLength(total);
        Packets++;
    }

    /// <summary>Hands on what is buffered.</summary>
    public void Flush() => _stream.Flush();

    /// <summary>Gives up: nothing appears under the file's name.</summary>
    public void Abandon()
    {
        if (_done)
        {
            return;
        }

        _done = true;
        try
        {
            _stream.Dispose();
        }
        catch (IOException)
        {
            // The last bytes did not fit; they are not wanted.
        }

        if (_temporary is not null)
        {
            File.Delete(_temporary);
        }
    }

    /// <summary>Flushes, and puts the file under its name.</summary>
    /// <exception cref="IOException">The disk is full: the unfinished file is removed, and what stood under the name before still does.</exception>
    public void Dispose()
    {
        if (_done)
        {
            return;
        }

        try
        {
            _stream.Flush();
        }
        catch
        {
            Abandon();
            throw;
        }

        _done = true;
        _stream.Dispose();
        if (_temporary is not null)
        {
            File.Move(_temporary, _final!, overwrite: true);
        }
    }

    private static (Stream Stream, string? Temporary, string? Final) Create(string path)
    {
        if (path == "-")
        {
            return (new BufferedStream(Console.OpenStandardOutput(), BufferLength), null, null);
        }

        // A link is followed: the file that it names is replaced, not the link.
        FileInfo named = new(path);
        string final = Path.GetFullPath(named.LinkTarget is null ? path : named.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? path);
        if (File.Exists(final))
        {
            var existing = new FileStream(final, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, BufferLength);
            if (!existing.CanSeek || final.StartsWith("/dev/", StringComparison.Ordinal) || final.StartsWith("/proc/", StringComparison.Ordinal))
            {
                return (existing, null, null);
            }

            existing.Dispose();
        }

        string temporary = $"{final}.{Guid.NewGuid():N}.tmp";
        return (new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.Read, BufferLength), temporary, final);
    }

    private static int Padded(int length) => (length + 3) & ~3;

    private static void Put32(Span<byte> bytes, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);

    private static byte[] Utf8(string comment)
    {
        byte[] text = Encoding.UTF8.GetBytes(comment);
        if (text.Length <= MaxCommentLength)
        {
            return text;
        }

        int end = MaxCommentLength;
        while ((text[end] & 0xC0) == 0x80)
        {
            end--;    // not inside a character
        }

        return text[..end];
    }

    private void WriteSectionHeader()
    {
        Span<byte> header = stackalloc byte[28];
        Put32(header, PcapNgFormat.SectionHeader);
        Put32(header[4..], 28);
        Put32(header[8..], 0x1A2B3C4D);
        BinaryPrimitives.WriteUInt16LittleEndian(header[12..], 1);
        BinaryPrimitives.WriteUInt16LittleEndian(header[14..], 0);
        header.Slice(16, 8).Fill(0xFF);    // the section's length is not said
        Put32(header[24..], 28);
        _stream.Write(header);
    }

    private int InterfaceOf(in CapturedPacket packet)
    {
        (int, LinkType, byte) key = (packet.CaptureInterface, packet.Link, packet.FcsLength);
        if (_interfaces.TryGetValue(key, out int index))
        {
            return index;
        }

        CaptureInterface? known = _describe?.Invoke(packet.CaptureInterface);
        byte[] name = known?.Name is { Length: > 0 } text ? Utf8(text) : [];
        int options = (name.Length == 0 ? 0 : 4 + Padded(name.Length)) + 8 + (packet.FcsLength == 0 ? 0 : 8) + 4;
        int total = 16 + options + 4;
        Span<byte> head = stackalloc byte[16];
        head.Clear();
        Put32(head, 1);
        Put32(head[4..], (uint)total);
        BinaryPrimitives.WriteUInt16LittleEndian(head[8..], (ushort)packet.Link);
        Put32(head[12..], known?.SnapLength ?? 0);
        _stream.Write(head);
        if (name.Length > 0)
        {
            WriteOption(2, name);
        }

        WriteOption(9, [9]);
        if (packet.FcsLength > 0)
        {
            WriteOption(13, [packet.FcsLength]);
        }

        WriteOption(0, []);
        WriteLength(total);
        index = _interfaces.Count;
        _interfaces.Add(key, index);
        return index;
    }

    private void WriteOption(ushort code, ReadOnlySpan<byte> value)
    {
        Span<byte> head = stackalloc byte[4];
        BinaryPrimitives.WriteUInt16LittleEndian(head, code);
        BinaryPrimitives.WriteUInt16LittleEndian(head[2..], (ushort)value.Length);
        _stream.Write(head);
        _stream.Write(value);
        Pad(Padded(value.Length) - value.Length);
    }

    private void WriteLength(int total)
    {
        Span<byte> length = stackalloc byte[4];
        Put32(length, (uint)total);
        _stream.Write(length);
    }

    private void Pad(int count)
    {
        ReadOnlySpan<byte> zeros = [0, 0, 0];
        _stream.Write(zeros[..count]);
    }
}
