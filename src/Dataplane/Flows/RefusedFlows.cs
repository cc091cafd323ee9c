// What is refused is often tried again: SYNs are repeated, a stream that no rule admits goes on. So a flow whose packet rules refused twice keeps that result here, and its
// next packet in the same direction and with the same flags is refused by one look instead of by the lists.
//
// It is no state: the lists would say the same (Precedents says why no more than headers decides), and a new policy begins with an empty table. The first packet of a flow leaves a hash
// only, so that a flood of flows that come once fills nothing.

using System;
using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Flows;

/// <summary>Flows that rules refused before, with the result. One worker's.</summary>
/// <remarks>Of IPv4; direct-mapped, so a newer flow takes the place of an older one. Bound: 4,096 flows, 272 KB.</remarks>
internal sealed class RefusedFlows
{
    private const int Bits = 12;

    /// <summary>Places, and the most flows at a time.</summary>
    internal const int Places = 1 << Bits;

    private Flow[] _flows = ArrayPool<Flow>.Shared.Rent(Places);
    private readonly uint[] _met = new uint[Places];
    private int _generation = 1;

    internal RefusedFlows() => Array.Clear(_flows);

    /// <summary>The place where a packet's flow is, if it was refused before.</summary>
    /// <returns>-1 when it is not known.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal int Find(in Headers packet, in FlowView view)
    {
        int place = (int)(view.Hash >> (32 - Bits));
        if (_met[place] != view.Hash)
        {
            return -1;    // a flood of flows that come once stays out of the table
        }

        ref readonly Flow flow = ref _flows[place];
        return ((flow.Ends ^ view.Ends) | (flow.Rest ^ view.Rest) | (ulong)((flow.Kind ^ Kind(in packet, in view)) | (uint)(flow.FormA ^ view.FormA) | (uint)(flow.FormB ^ view.FormB)
            | (uint)(flow.Generation ^ _generation))) == 0 ? place : -1;
    }

    internal ref readonly PacketResult this[int place] => ref _flows[place].Result;

    /// <summary>Rules refused a packet that <see cref="Find"/> did not know.</summary>
    /// <returns>Where its flow is now, or -1 if it is not kept.</returns>
    internal int Add(in Headers packet, in FlowView view, in PacketResult result)
    {
        int place = (int)(view.Hash >> (32 - Bits));
        if (_met[place] != view.Hash || (view.Rest & 1) != 0)
        {
            _met[place] = view.Hash;
            return -1;
        }

        _flows[place] = new Flow
        {
            Ends = view.Ends,
            Rest = view.Rest,
            FormA = view.FormA,
            FormB = view.FormB,
            Kind = Kind(in packet, in view),
            Generation = _generation,
            Result = result,
        };
        return place;
    }

    /// <summary>Gives the memory back. Nothing may be asked afterwards.</summary>
    internal void End()
    {
        ArrayPool<Flow>.Shared.Return(_flows);
        _flows = [];
    }

    /// <summary>Another policy refuses from here on.</summary>
    internal void Clear() => _generation++;

    /// <summary>What of a packet, besides its key and forms, rules look at.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Kind(in Headers packet, in FlowView view) => (uint)view.Code << 16 | (uint)packet.TcpFlags << 8 | (view.FromB ? 1u : 0);

    [StructLayout(LayoutKind.Sequential, Size = 64)]
    private struct Flow
    {
        public ulong Ends;
        public ulong Rest;
        public int FormA;
        public int FormB;
        public uint Kind;
        public int Generation;
        public PacketResult Result;
    }
}
