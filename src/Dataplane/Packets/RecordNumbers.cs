using System;
using System.Runtime.InteropServices;

namespace Dataplane.Packets;

/// <summary>Records as the 32-bit numbers that they consist of, in the processor's byte order: for loops that take many at a time.</summary>
internal static class RecordNumbers
{
    /// <returns>Of the same memory; as many numbers a record as four bytes go into it.</returns>
    internal static ReadOnlySpan<uint> Of<T>(ReadOnlySpan<T> records)
        where T : unmanaged => MemoryMarshal.Cast<T, uint>(records);
}
