using System;
using System.Runtime.CompilerServices;

namespace Dataplane.Filters;

/// <summary>A chunk of packets by field. Belongs to one thread.</summary>
public sealed class PacketColumns
{
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
        for (int i = 0; i < packets.Length; i++)
        {
            ref readonly FiveTuple packet = ref packets[i];
            source[i] = packet.Source;
            destination[i] = packet.Destination;
            service[i] = (uint)packet.Protocol << 16 | packet.DestinationPort;
            tag[i] = (uint)packet.SourcePort << 16 | (uint)i;
        }
    }
}
