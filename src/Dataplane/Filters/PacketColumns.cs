using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Dataplane.Packets;

namespace Dataplane.Filters;

/// <summary>A chunk of packets by field. Belongs to one thread.</summary>
public sealed class PacketColumns
{
    private const int Lanes = 16;
    private const int Length = FiveTupleClassifier.Chunk + FiveTupleClassifier.Padding;

    public uint[] Source { get; } = new uint[Length];

    public uint[] Destination { get; } = new uint[Length];

    /// <summary>Protocol and destination port.</summary>
    public uint[] Service { get; } = new uint[Length];

    /// <summary>Source port and place.</summary>
    public uint[] Tag { get; } = new uint[Length];

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void Load(ReadOnlySpan<FiveTuple> packets)
    {
        Span<uint> source = Source.AsSpan(0, packets.Length);
        Span<uint> destination = Destination.AsSpan(0, packets.Length);
        Span<uint> service = Service.AsSpan(0, packets.Length);
        Span<uint> tag = Tag.AsSpan(0, packets.Length);
        for (int i = Avx512F.IsSupported ? LoadVectors(packets, source, destination, service, tag) : 0; i < packets.Length; i++)
        {
            ref readonly FiveTuple packet = ref packets[i];
            source[i] = packet.Source;
            destination[i] = packet.Destination;
            service[i] = (uint)packet.Protocol << 16 | packet.DestinationPort;
            tag[i] = (uint)packet.SourcePort << 16 | (uint)i;
        }
    }

    /// <summary>Sixteen packets at a time: four vectors of four packets become four of sixteen fields. A packet's 16 bytes, from the first: source, destination, source port, destination port, protocol.</summary>
    /// <returns>How many packets that were.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int LoadVectors(ReadOnlySpan<FiveTuple> packets, Span<uint> source, Span<uint> destination, Span<uint> service, Span<uint> tag)
    {
        ReadOnlySpan<uint> numbers = RecordNumbers.Of(packets);
        if (numbers.Length != packets.Length * 4)
        {
            return 0;
        }

        Vector512<uint> ends = Vector512.Create(0u, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29), rest = ends + Vector512.Create(2u);
        Vector512<uint> low = Vector512.Create(0u, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23), high = low + Vector512.Create(8u);
        Vector512<uint> place = Vector512.Create(0u, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), protocols = Vector512.Create(0xFFu);
        int i = 0;
        for (; i + Lanes <= packets.Length; i += Lanes)
        {
            ReadOnlySpan<uint> from = numbers.Slice(i * 4, 4 * Lanes);
            Vector512<uint> a = Vector512.Create(from), b = Vector512.Create(from[Lanes..]), c = Vector512.Create(from[(2 * Lanes)..]), d = Vector512.Create(from[(3 * Lanes)..]);
            Vector512<uint> first = Avx512F.PermuteVar16x32x2(a, ends, b), second = Avx512F.PermuteVar16x32x2(c, ends, d);
            Avx512F.PermuteVar16x32x2(first, low, second).CopyTo(source[i..]);
            Avx512F.PermuteVar16x32x2(first, high, second).CopyTo(destination[i..]);
            first = Avx512F.PermuteVar16x32x2(a, rest, b);
            second = Avx512F.PermuteVar16x32x2(c, rest, d);
            Vector512<uint> ports = Avx512F.PermuteVar16x32x2(first, low, second), protocol = Avx512F.PermuteVar16x32x2(first, high, second) & protocols;
            (protocol << 16 | ports >> 16).CopyTo(service[i..]);
            (ports << 16 | place).CopyTo(tag[i..]);
            place += Vector512.Create((uint)Lanes);
        }

        return i;
    }
}
