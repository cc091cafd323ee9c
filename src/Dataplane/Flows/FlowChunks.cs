using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Dataplane.Flows;

/// <summary>A growing column of values outside the garbage collector: 262,144 to a block (so that every block is whole pages of 2 MiB), mapped when first needed, zeroed, never moved.</summary>
/// <remarks>Not thread-safe. Reading a place that was never needed is an error that nobody notices.</remarks>
/// <typeparam name="T">Without references.</typeparam>
public sealed unsafe class FlowChunks<T> : IDisposable
    where T : unmanaged
{
    private const int Bits = 18;

    /// <summary>Places of a block.</summary>
    public const int Size = 1 << Bits;

    private readonly List<FlowMemory> _owned = [];
    private nint[] _blocks = new nint[4];

    public long BytesMapped { get; private set; }

    /// <summary>A place that has memory.</summary>
    public ref T this[int index] => ref *At(index);

    /// <summary>By the upper bits of a place's number; for <see cref="At(nint*, int)"/>, until the next <see cref="Need"/>.</summary>
    internal nint[] Blocks => _blocks;

    internal static T* At(nint* blocks, int index) => (T*)blocks[index >> Bits] + (index & (Size - 1));

    internal T* At(int index) => (T*)_blocks[index >> Bits] + (index & (Size - 1));

    /// <summary>Makes sure that a place has memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Need(int index)
    {
        int block = index >> Bits;
        if (block >= _blocks.Length || _blocks[block] == 0)
        {
            Map(block);
        }
    }

    /// <summary>Maps and commits the memory of the first <paramref name="count"/> places.</summary>
    public void Prepare(int count)
    {
        for (int place = 0; place < count; place += Size)
        {
            int before = _owned.Count;
            Need(place);
            if (_owned.Count > before)
            {
                _owned[^1].Touch((nuint)Math.Min(count - place, Size) * (nuint)sizeof(T));
            }
        }
    }

    /// <summary>Asks the cache for a place, if it has memory; nothing happens for a negative number.</summary>
    public void Prefetch(int index)
    {
        int block = index >> Bits;
        if (Sse.IsSupported && (uint)block < (uint)_blocks.Length && _blocks[block] != 0)
        {
            Sse.Prefetch0(At(index));
        }
    }

    public void Dispose()
    {
        foreach (FlowMemory memory in _owned)
        {
            memory.Dispose();
        }

        _owned.Clear();
        Array.Clear(_blocks);    // whoever comes too late finds nothing, not memory of others
    }

    private void Map(int block)
    {
        if (block >= _blocks.Length)
        {
            Array.Resize(ref _blocks, Math.Max(block + 1, _blocks.Length * 2));
        }

        FlowMemory memory = new((nuint)sizeof(T) * Size);
        _owned.Add(memory);
        BytesMapped += (long)sizeof(T) * Size;
        _blocks[block] = (nint)memory.Start;
    }
}
