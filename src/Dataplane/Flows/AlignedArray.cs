using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Dataplane.Flows;

/// <summary>A growing array of small structures whose first lies on a cache line: an entry of 64 bytes is then one line, and can be prefetched.</summary>
/// <remarks>Not thread-safe. Entries are zero until they are written. A reference to an entry is good until <see cref="Grow"/>.</remarks>
/// <typeparam name="T">Without references.</typeparam>
public sealed unsafe class AlignedArray<T>
    where T : unmanaged
{
    private const int Line = 64;

    private byte[] _bytes;
    private T* _first;

    public AlignedArray(int length)
    {
        _bytes = Allocate(length, out _first);
        Length = length;
    }

    public int Length { get; private set; }

    /// <exception cref="ArgumentOutOfRangeException">There is no such entry.</exception>
    public ref T this[int index]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Length);
            return ref _first[index];
        }
    }

    /// <summary>Makes it longer, keeping what it holds.</summary>
    public void Grow(int length)
    {
        length = Math.Max(length, Length);
        byte[] bytes = Allocate(length, out T* first);
        new ReadOnlySpan<T>(_first, Length).CopyTo(new Span<T>(first, length));
        GC.KeepAlive(_bytes);
        (_bytes, Length) = (bytes, length);
        _first = first;
    }

    public void Clear() => new Span<T>(_first, Length).Clear();

    /// <summary>Asks for an entry's first line; nothing happens for a number that has none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Prefetch(int index)
    {
        if (Sse.IsSupported && (uint)index < (uint)Length)
        {
            Sse.Prefetch0(_first + index);
        }
    }

    /// <summary>Pinned, so the address stays; the garbage collector still frees it.</summary>
    private static byte[] Allocate(int length, out T* first)
    {
        byte[] bytes = GC.AllocateArray<byte>(checked((length * sizeof(T)) + Line), pinned: true);
        first = (T*)(((nuint)Unsafe.AsPointer(ref bytes[0]) + (Line - 1)) & ~(nuint)(Line - 1));
        return bytes;
    }
}
