// The kernel describes its own types and functions in BTF (Documentation/bpf/btf.rst):
//
//   header | types: { name, kind and count, size } and what the kind adds, numbered from 1 | names, each ended by a zero
//
// A program that calls a function of the kernel names it by its number in there.

using System;
using System.Buffers.Binary;
using System.IO;

namespace Dataplane.Capture.Live.Linux;

/// <summary>Finds functions of the running kernel by name.</summary>
internal static class KernelTypes
{
    private const string Path = "/sys/kernel/btf/vmlinux";
    private const ushort Magic = 0xeb9f;
    private const int HeaderBytes = 24;
    private const int TypeBytes = 12;
    private const int KindFunction = 12;

    /// <returns>Its number; 0 when the kernel has no such function or does not describe itself.</returns>
    internal static int Function(ReadOnlySpan<byte> name)
    {
        try
        {
            return Function(File.ReadAllBytes(Path), name);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    internal static int Function(ReadOnlySpan<byte> btf, ReadOnlySpan<byte> name)
    {
        if (btf.Length < HeaderBytes || Read16(btf, 0) != Magic)
        {
            return 0;
        }

        long header = Read32(btf, 4);
        long types = header + Read32(btf, 8), typesEnd = types + Read32(btf, 12);
        long names = header + Read32(btf, 16), namesEnd = names + Read32(btf, 20);
        if (typesEnd > btf.Length || namesEnd > btf.Length)
        {
            return 0;
        }

        int nameOffset = NameOffset(btf[(int)names..(int)namesEnd], name);
        if (nameOffset < 0)
        {
            return 0;
        }

        long at = types;
        for (int number = 1; at + TypeBytes <= typesEnd; number++)
        {
            uint info = Read32(btf, (int)at + 4);
            int kind = (int)(info >> 24) & 0x1F;
            if (kind == KindFunction && Read32(btf, (int)at) == nameOffset)
            {
                return number;
            }

            at += TypeBytes + AddedBytes(kind, (int)(info & 0xFFFF));
        }

        return 0;
    }

    private static int NameOffset(ReadOnlySpan<byte> names, ReadOnlySpan<byte> name)
    {
        int from = 0;
        while (true)
        {
            int found = names[from..].IndexOf(name);
            if (found < 0)
            {
                return -1;
            }

            int at = from + found;
            if (at > 0 && names[at - 1] == 0 && at + name.Length < names.Length && names[at + name.Length] == 0)
            {
                return at;
            }

            from = at + 1;
        }
    }

    /// <summary>What a kind adds behind the common head.</summary>
    private static int AddedBytes(int kind, int count) => kind switch
    {
        1 or 14 or 17 => 4,                  // integer, variable, tag of a declaration
        3 => 12,                             // array
        4 or 5 or 15 or 19 => 12 * count,    // structure, union, section, enumeration of 64 bits
        6 or 13 => 8 * count,                // enumeration, prototype
        _ => 0,
    };

    private static ushort Read16(ReadOnlySpan<byte> bytes, int at) =>
        BitConverter.IsLittleEndian ? BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]) : BinaryPrimitives.ReadUInt16BigEndian(bytes[at..]);

    private static uint Read32(ReadOnlySpan<byte> bytes, int at) =>
        BitConverter.IsLittleEndian ? BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]) : BinaryPrimitives.ReadUInt32BigEndian(bytes[at..]);
}
