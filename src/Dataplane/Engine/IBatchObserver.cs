using System;
using Dataplane.Flows;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Engine;

/// <summary>Sees every batch right after it was judged, on its worker's thread, while packets and views are still in the cache: for what is counted per flow.</summary>
/// <remarks>A flow's packets all come to one worker, hence to one observer, in capture order; packets of different flows do not come in capture order.</remarks>
public interface IBatchObserver
{
    /// <summary>In a view's Refused: its number, in the bits below, is another flow's from here on.</summary>
    const ushort RefusedAnew = 0x8000;

    /// <summary>Numbers in a view's Refused are below this.</summary>
    const int MostRefused = RefusedFlows.Places;

    /// <param name="block">Its headers are filled in. Its own results may not be yet: <paramref name="results"/> are.</param>
    /// <param name="results">By index in the block, good for the batch.</param>
    /// <param name="views">
    /// One a packet of the batch, by ascending index in the block: its flow through private addresses, with the table's hash; HasKey is false for packets without one. Entry is
    /// the number of the flow's entry in this worker's table (below the most flows that it may hold), when the packet changed nothing but
    /// times; -1 without an entry; -2 - n for entry n and a packet that did more. An entry is given to another flow only by such a packet. Where Entry is -1, Refused is n + 1 for a packet that was refused
    /// like the one before it with this n (same flow, direction, flags of TCP, result); with <see cref="RefusedAnew"/> it is the first with this n, and 0 says nothing.
    /// </param>
    void Observe(PacketBlock block, ReadOnlySpan<PacketResult> results, ReadOnlySpan<FlowView> views);
}
