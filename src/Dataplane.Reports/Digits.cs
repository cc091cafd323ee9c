// Numbers of up to three digits as they stand in text, packed into four bytes: one store writes them, and the caller goes on behind as many as count. A store may write up to three
// bytes more than the text has; what comes next writes over them.

using System;
using System.Buffers.Binary;

namespace Dataplane.Reports;

/// <summary>Small numbers and addresses as UTF-8, from tables.</summary>
internal static class Digits
{
    /// <summary>What a store may write beyond the text.</summary>
    internal const int Slack = 3;

    // 0 to 999: three bytes of text, then how many of them count.
    private static readonly uint[] Short = Make(static (value, text) =>
    {
        int length = value < 10 ? 1 : value < 100 ? 2 : 3;
        for (int i = length - 1; i >= 0; i--, value /= 10)
        {
            text[i] = (byte)('0' + (value % 10));
        }

        text[3] = (byte)length;
    });

    // 000 to 999: three digits and a point.
    private static readonly uint[] Three = Make(static (value, text) =>
    {
        for (int i = 2; i >= 0; i--, value /= 10)
        {
            text[i] = (byte)('0' + (value % 10));
        }

        text[3] = (byte)'.';
    });

    private delegate void Writer(int value, Span<byte> text);

    /// <summary>Writes a number below 1,000,000.</summary>
    /// <param name="to">At least 6 bytes and <see cref="Slack"/>.</param>
    /// <returns>Bytes of the text.</returns>
    internal static int Write(Span<byte> to, uint value)
    {
        if (value < 1_000)
        {
            return WriteShort(to, value);
        }

        uint high = value / 1_000;
        int length = WriteShort(to, high);
        BinaryPrimitives.WriteUInt32LittleEndian(to[length..], Three[value - (high * 1_000)]);
        return length + 3;
    }

    /// <summary>Writes nine digits.</summary>
    /// <param name="to">At least 9 bytes and <see cref="Slack"/>.</param>
    internal static void WriteNine(Span<byte> to, uint value)
    {
        uint thousands = value / 1_000;
        uint millions = thousands / 1_000;
        BinaryPrimitives.WriteUInt32LittleEndian(to, Three[millions]);
        BinaryPrimitives.WriteUInt32LittleEndian(to[3..], Three[thousands - (millions * 1_000)]);
        BinaryPrimitives.WriteUInt32LittleEndian(to[6..], Three[value - (thousands * 1_000)]);
    }

    /// <summary>Writes an IPv4 address in dotted decimal.</summary>
    /// <param name="to">At least 15 bytes and <see cref="Slack"/>.</param>
    /// <returns>Bytes of the text, 7 to 15.</returns>
    internal static int WriteAddress(Span<byte> to, uint address)
    {
        int at = WriteShort(to, address >> 24);
        to[at++] = (byte)'.';
        at += WriteShort(to[at..], address >> 16 & 255);
        to[at++] = (byte)'.';
        at += WriteShort(to[at..], address >> 8 & 255);
        to[at++] = (byte)'.';
        return at + WriteShort(to[at..], address & 255);
    }

    private static int WriteShort(Span<byte> to, uint value)
    {
        uint text = Short[value];
        BinaryPrimitives.WriteUInt32LittleEndian(to, text);
        return (int)(text >> 24);
    }

    private static uint[] Make(Writer write)
    {
        uint[] table = new uint[1_000];
        Span<byte> text = stackalloc byte[4];
        for (int value = 0; value < table.Length; value++)
        {
            text.Clear();
            write(value, text);
            table[value] = BinaryPrimitives.ReadUInt32LittleEndian(text);
        }

        return table;
    }
}
