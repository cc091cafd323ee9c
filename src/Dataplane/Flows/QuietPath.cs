// The usual packet of an established flow, for which nothing changes but times: TCP in the middle of a connection, UDP of a stream. Most packets of most
// traffic are of this kind, so their loop stands alone: small enough for registers, and without a branch on anything that is a coin's throw (which way
// a packet runs, which flow it is of).
//
// Quiet is a packet when its entry is the candidate, the decision of its alias and direction holds, every slot on its path (in the entry itself) is established
// or a stream and was touched less than the shortest time-out ago, and the causal memory says open (TCP) or allowed twice in this direction (UDP): it is then
// not moot, nothing is forgotten, and one more packet changes no state, no count, no flag.

using System;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Flows;

/// <summary>What a packet may be to the quiet path, by what it is alone.</summary>
internal enum QuietKind : byte
{
    /// <summary>It may change more than times.</summary>
    Loud,

    /// <summary>TCP without SYN, FIN, RST.</summary>
    Tcp,

    Udp,
}

/// <summary>Applies cached decisions to quiet packets.</summary>
internal sealed unsafe class QuietPath
{
    private readonly FlowTable _table;
    private readonly DecisionTable _decisions;
    private readonly long _span;
    private readonly ushort[] _causal;

    /// <param name="shortest">No slot lives shorter, in nanoseconds.</param>
    /// <param name="causal">Whether causal memory is kept.</param>
    public QuietPath(FlowTable table, DecisionTable decisions, long shortest, bool causal)
    {
        _table = table;
        _decisions = decisions;
        _span = Math.Min(shortest, 30 * Timeouts.Second);    // nor is any causal memory forgotten sooner

        // By kind, then by direction: the causal bits to look at (low byte) and what they must be (high byte).
        _causal = causal ? [0, 0, 0x0005, 0x0005, 0x0203, 0x080C] : new ushort[6];
    }

    /// <summary>Judges the packets of a batch from one on, until one is not quiet.</summary>
    /// <param name="into">Results by index in the block.</param>
    /// <param name="kinds">By place in the batch.</param>
    /// <param name="candidates">By place in the batch: an entry or -1.</param>
    /// <param name="bytes">Grows by the lengths of the packets judged.</param>
    /// <returns>The place of the first packet that was not judged, or the batch's length.</returns>
    public int Run(
        PacketBlock block, PacketResult[] into, ReadOnlySpan<int> batch, ReadOnlySpan<FlowView> views, ReadOnlySpan<QuietKind> kinds, ReadOnlySpan<int> candidates, int from, ref long bytes)
    {
        long span = _span;
        int generation = _decisions.Generation;
        long sum = 0;
        int i = from;
        fixed (int* index = batch)
        fixed (FlowView* view = views)
        fixed (QuietKind* kind = kinds)
        fixed (int* candidate = candidates)
        fixed (Headers* headers = block.Headers)
        fixed (CapturedPacket* packets = block.Packets)
        fixed (PacketResult* results = into)
        fixed (CachedDecision* decisions = _decisions.All)
        fixed (nint* chunks = _table.Chunks)
        fixed (ushort* causal = _causal)
        {
            for (; i < batch.Length; i++)
            {
                int flow = candidate[i];
                if (flow < 0 || kind[i] == QuietKind.Loud)
                {
                    break;
                }

                FlowView* mine = view + i;
                FlowEntry* entry = FlowChunks<FlowEntry>.At(chunks, flow);
                int back = *(byte*)&mine->FromB;
                int number = (&entry->FromA)[back];
                CachedDecision* decision = decisions + (number & DecisionTable.PlaceMask);
                if (entry->Ends != mine->Ends || entry->Rest != mine->Key.Rest || number >> DecisionTable.PlaceBits != generation)
                {
                    break;
                }

                if ((entry->Rest & 1) != 0 && !_table.Is(flow, in mine->Key))
                {
                    break;
                }

                int masks = decision->Ingress | decision->Egress;
                uint asked = causal[((int)kind[i] * 2) + back];
                if (((decision->FormA ^ mine->FormA) | (decision->FormB ^ mine->FormB) | (masks & ~3)
                    | ((entry->Slot0.Causal & (int)(asked & 0xFF)) ^ (int)(asked >> 8))) != 0 || masks == 0)
                {
                    break;
                }

                long now = packets[index[i]].Time;
                if ((masks & 1) != 0 && !IsQuiet(&entry->Slot0, now, span))
                {
                    break;
                }

                if ((masks & 2) != 0)
                {
                    if (!IsQuiet(&entry->Slot1, now, span))
                    {
                        break;
                    }

                    entry->Slot1.Last = Math.Max(entry->Slot1.Last, now);
                }

                if ((masks & 1) != 0)
                {
                    entry->Slot0.Last = Math.Max(entry->Slot0.Last, now);
                }

                entry->CausalLast = Math.Max(entry->CausalLast, now);
                results[index[i]] = decision->Result;
                sum += headers[index[i]].WireLength;
            }
        }

        bytes += sum;
        return i;
    }

    // Times from 0 to 2^62 (the year 2116) alone, so that differences cannot overflow.
    private static bool IsQuiet(SlotLife* slot, long now, long span) =>
        (slot->State == TcpState.Established || (slot->Flags & SlotFlags.Stream) != 0)
        && now - slot->Last < span
        && (ulong)(now | slot->Last) >> 62 == 0;
}
