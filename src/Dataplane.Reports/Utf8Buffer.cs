using System;
using System.Buffers.Text;
using System.IO;
using System.Text;
using Dataplane.Packets;

namespace Dataplane.Reports;

/// <summary>UTF-8 text on its way to a stream: numbers, addresses and times without a string in between.</summary>
/// <remarks>Not thread-safe. Grows to the longest run between two flushes.</remarks>
public sealed class Utf8Buffer(Stream stream)
{
    private const int FlushAt = 64 * 1024;

    private byte[] _bytes = new byte[FlushAt * 2];
    private int _used;

    public void Raw(ReadOnlySpan<byte> text)
    {
        Room(text.Length);
        text.CopyTo(_bytes.AsSpan(_used));
        _used += text.Length;
    }

    public void Text(string text)
    {
        Room(text.Length * 3);
        _used += Encoding.UTF8.GetBytes(text, _bytes.AsSpan(_used));
    }

    public void Byte(byte value)
    {
        Room(1);
        _bytes[_used++] = value;
    }

    public void Number(long value)
    {
        Room(20);
        Utf8Formatter.TryFormat(value, _bytes.AsSpan(_used), out int written);
        _used += written;
    }

    public void Address(IpAddress address)
    {
        if (address.IsIpv6)
        {
            Text(address.ToString());
            return;
        }

        uint v4 = (uint)address.Low;
        Number(v4 >> 24);
        Byte((byte)'.');
        Number((v4 >> 16) & 255);
        Byte((byte)'.');
        Number((v4 >> 8) & 255);
        Byte((byte)'.');
        Number(v4 & 255);
    }

    /// <summary>Nanoseconds since 1970 as 2026-11-23T20:28:00.123456000Z.</summary>
    public void Time(long nanoseconds)
    {
        // Floor division: times before 1970 are legal in a damaged capture.
        long seconds = Math.DivRem(nanoseconds, 1_000_000_000, out long rest);
        if (rest < 0)
        {
            seconds--;
            rest += 1_000_000_000;
        }

        DateTime time = DateTime.UnixEpoch.AddSeconds(seconds);
        Room(32);
        Span<byte> at = _bytes.AsSpan(_used);
        Digits(at, time.Year, 4);
        at[4] = (byte)'-';
        Digits(at[5..], time.Month, 2);
        at[7] = (byte)'-';
        Digits(at[8..], time.Day, 2);
        at[10] = (byte)'T';
        Digits(at[11..], time.Hour, 2);
        at[13] = (byte)':';
        Digits(at[14..], time.Minute, 2);
        at[16] = (byte)':';
        Digits(at[17..], time.Second, 2);
        at[19] = (byte)'.';
        Digits(at[20..], (int)rest, 9);
        at[29] = (byte)'Z';
        _used += 30;
    }

    /// <summary>Hands full buffers to the stream.</summary>
    public void EndOfRecord()
    {
        if (_used >= FlushAt)
        {
            Flush();
        }
    }

    public void Flush()
    {
        stream.Write(_bytes, 0, _used);
        _used = 0;
        stream.Flush();
    }

    private static void Digits(Span<byte> at, int value, int count)
    {
        for (int i = count - 1; i >= 0; i--)
        {
            at[i] = (byte)('0' + (value % 10));
            value /= 10;
        }
    }

    private void Room(int length)
    {
        if (_bytes.Length - _used < length)
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _used + length));
        }
    }
}
