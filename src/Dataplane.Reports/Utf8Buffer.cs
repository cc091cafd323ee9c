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

    /// <summary>2026-11-23T20:28:00. with its point.</summary>
    private const int SecondLength = 20;

    private const long NanosecondsPerSecond = 1_000_000_000;

    private byte[] _bytes = new byte[FlushAt * 2];
    private readonly byte[] _second = new byte[SecondLength];
    private int _used;
    private long _secondBegins = long.MaxValue;

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
        if ((ulong)value < 1_000_000)
        {
            _used += Digits.Write(_bytes.AsSpan(_used), (uint)value);
            return;
        }

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

        Room(15 + Digits.Slack);
        _used += Digits.WriteAddress(_bytes.AsSpan(_used), (uint)address.Low);
    }

    /// <summary>Nanoseconds since 1970 as 2026-11-23T20:28:00.123456000Z.</summary>
    public void Time(long nanoseconds)
    {
        Room(TimeLength + Digits.Slack);
        WriteTime(_bytes.AsSpan(_used), nanoseconds);
        _used += TimeLength;
    }

    /// <summary>Room for text that the caller writes himself; <see cref="Advance"/> then says how much it was.</summary>
    internal Span<byte> Reserve(int length)
    {
        Room(length);
        return _bytes.AsSpan(_used, length);
    }

    internal void Advance(int length) => _used += length;

    /// <summary>Bytes of a time.</summary>
    internal const int TimeLength = SecondLength + 10;

    /// <param name="to">At least <see cref="TimeLength"/> bytes and <see cref="Digits.Slack"/>.</param>
    internal void WriteTime(Span<byte> to, long nanoseconds)
    {
        long rest = nanoseconds - _secondBegins;
        if ((ulong)rest >= NanosecondsPerSecond)
        {
            rest = BeginSecond(nanoseconds);
        }

        _second.CopyTo(to);
        Digits.WriteNine(to[SecondLength..], (uint)rest);
        to[TimeLength - 1] = (byte)'Z';
    }

    /// <summary>Packets come in order, more or less: the text of a second is good for many of them.</summary>
    /// <returns>Nanoseconds since it began.</returns>
    private long BeginSecond(long nanoseconds)
    {
        // Floor division: times before 1970 are legal in a damaged capture.
        long seconds = Math.DivRem(nanoseconds, NanosecondsPerSecond, out long rest);
        if (rest < 0)
        {
            seconds--;
            rest += NanosecondsPerSecond;
        }

        DateTime time = DateTime.UnixEpoch.AddSeconds(seconds);
        Span<byte> at = _second;
        Decimal(at, time.Year, 4);
        at[4] = (byte)'-';
        Decimal(at[5..], time.Month, 2);
        at[7] = (byte)'-';
        Decimal(at[8..], time.Day, 2);
        at[10] = (byte)'T';
        Decimal(at[11..], time.Hour, 2);
        at[13] = (byte)':';
        Decimal(at[14..], time.Minute, 2);
        at[16] = (byte)':';
        Decimal(at[17..], time.Second, 2);
        at[19] = (byte)'.';
        _secondBegins = nanoseconds - rest;
        return rest;
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

    private static void Decimal(Span<byte> at, int value, int count)
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
