using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Dataplane.Flows;

/// <summary>A growing array of small structures in the memory of flow tables, in huge pages when it is large: its first lies on a cache line, so an entry of 64 bytes is one line, and can be prefetched.</summary>
/// <remarks>Not thread-safe. Entries are zero until they are written. A reference to an entry is good until <see cref="Grow"/>.</remarks>
/// <typeparam name="T">Without references.</typeparam>
public sealed unsafe class AlignedArray<T> : IDisposable
    where T : unmanaged
{
    private FlowMemory _memory;
    private T* _first;

    public AlignedArray(int length)
    {
        _memory = new FlowMemory(checked((nuint)length * (nuint)sizeof(T)));
        _first = (T*)_memory.Start;
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
        FlowMemory longer = new(checked((nuint)length * (nuint)sizeof(T)));
        new ReadOnlySpan<T>(_first, Length).CopyTo(new Span<T>(longer.Start, length));
        _memory.Dispose();
        (_memory, Length) = (longer, length);
        _first = (T*)longer.Start;
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

    /// <summary>Gives the memory back; it has no entries then.</summary>
    public void Dispose()
    {
        _memory.Dispose();
        Length = 0;
    }
}
