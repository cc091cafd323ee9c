// Packets come in chunks, and a chunk is turned into four columns of 32 bits, so that one vector holds the same field of 16 packets:
//
//   Source        address
//   Destination   address
//   Service       bits 23..16 protocol | 15..0 destination port
//   Tag           bits 31..16 source port | 15..0 the packet's place in the chunk
//
// A rule is then compared with 16 packets at once, without a branch. The place travels with the packet, so packets of a chunk can be sorted by
// where they go in a tree and still find their result.

using System;

namespace Dataplane.Filters;

/// <summary>First match in a general rule list.</summary>
/// <remarks>Thread-safe: the columns belong to the calling thread. Allocates nothing after a thread's first call.</remarks>
public abstract class FiveTupleClassifier
{
    /// <summary>Packets of a chunk.</summary>
    public const int Chunk = 4_096;

    /// <summary>Vectors are loaded whole: columns are that much longer than a chunk.</summary>
    internal const int Padding = 32;

    [ThreadStatic]
    private static PacketColumns? OwnColumns;

    [ThreadStatic]
    private static PacketColumns? OtherColumns;

    /// <summary>Bytes of its tables.</summary>
    public abstract long Bytes { get; }

    /// <summary>Finds the first matching rule of each packet.</summary>
    /// <param name="packets">Any number.</param>
    /// <param name="rules">At least as long. Entry i becomes the 1-based number of the first rule that matches packet i, 0 when none does.</param>
    /// <exception cref="ArgumentException"><paramref name="rules"/> is shorter.</exception>
    public void Classify(ReadOnlySpan<FiveTuple> packets, Span<uint> rules)
    {
        if (rules.Length < packets.Length)
        {
            throw new ArgumentException("fewer results than packets", nameof(rules));
        }

        PacketColumns columns = OwnColumns ??= new PacketColumns(), other = OtherColumns ??= new PacketColumns();
        for (int from = 0; from < packets.Length; from += Chunk)
        {
            int count = Math.Min(Chunk, packets.Length - from);
            columns.Load(packets.Slice(from, count));
            Classify(columns, other, count, rules.Slice(from, count));
        }
    }

    /// <summary>Decides a loaded chunk.</summary>
    /// <param name="columns">The chunk; it may be overwritten.</param>
    /// <param name="other">Room of the same size.</param>
    /// <param name="results">As long as the chunk.</param>
    protected abstract void Classify(PacketColumns columns, PacketColumns other, int count, Span<uint> results);
}
