// The usual packet of an established flow, for which nothing changes but times: TCP in the middle of a connection, UDP of a stream. Most packets of most
// traffic are of this kind, so their loop stands alone: small enough for registers, and without a branch on anything that is a coin's throw (which way
// a packet runs, which flow it is of).
//
// Quiet is a packet when its entry is the candidate, the decision of its alias and direction holds, every slot on its path (in the entry itself) is established
// or a stream and was touched less than the shortest time-out ago, and the causal memory says open (TCP) or allowed twice in this direction (UDP): it is then
// not moot, nothing is forgotten, and one more packet changes no state, no count, no flag.

using System;
using System.Runtime.CompilerServices;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Flows;

/// <summary>Applies cached decisions to quiet packets.</summary>
/// <param name="shortest">No slot lives shorter, in nanoseconds.</param>
internal sealed unsafe class QuietPath(FlowTable table, DecisionTable decisions, long shortest)
{
    /// <summary>In place of what is asked: the packet may change more than times.</summary>
    internal const ushort Loud = 0xFFFF;

    private readonly long _span = Math.Min(shortest, 30 * Timeouts.Second);    // nor is any causal memory forgotten sooner

    /// <summary>
    /// What a packet asks of its flow's causal bits, which of them (low byte) and how they are (high byte), or <see cref="Loud"/>; by FIN, SYN, RST, PSH, ACK of TCP, then 32 places for UDP, each of
    /// them by direction.
    /// </summary>
    /// <param name="causal">Whether causal memory is kept.</param>
    internal static ushort[] Asked(bool causal)
    {
        ushort[] asked = new ushort[128];
        for (int flags = 0; flags < 32; flags++)
        {
            bool isQuiet = TcpStates.ClassOf(new Headers { Protocol = 6, TcpFlags = (byte)flags }) == TcpClass.Other;
            asked[2 * flags] = asked[(2 * flags) + 1] = !isQuiet ? Loud : causal ? (ushort)0x0005 : (ushort)0;
            asked[2 * (32 + flags)] = causal ? (ushort)0x0203 : (ushort)0;
            asked[(2 * (32 + flags)) + 1] = causal ? (ushort)0x080C : (ushort)0;
        }

        return asked;
    }

    /// <summary>Judges the packets of a batch from one on, until one is not quiet.</summary>
    /// <param name="into">Results by index in the block.</param>
    /// <param name="views">With their entries' lines.</param>
    /// <param name="bytes">Grows by the lengths of the packets judged.</param>
    /// <returns>The place of the first packet that was not judged, or the batch's length.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public int Run(PacketResult[] into, ReadOnlySpan<FlowView> views, int from, ref long bytes)
    {
        long span = _span;
        int generation = decisions.Generation;
        long sum = 0;
        fixed (FlowView* first = views)
        fixed (PacketResult* results = into)
        fixed (CachedDecision* all = decisions.All)
        {
            FlowView* end = first + views.Length;
            FlowView* view = first + from;
            for (; view < end; view++)
            {
                FlowEntry* entry = view->Line;
                if (entry == null)
                {
                    break;
                }

                int number = (&entry->FromA)[*(byte*)&view->FromB];
                if (((entry->Ends ^ view->Ends) | (entry->Rest ^ view->Rest) | (uint)(number >> DecisionTable.PlaceBits ^ generation)) != 0
                    || ((entry->Rest & 1) != 0 && !table.HasAddresses(view->Entry, in *view)))
                {
                    break;
                }

                CachedDecision* decision = all + (number & DecisionTable.PlaceMask);
                int masks = decision->Ingress | decision->Egress;
                int asked = view->Asked;
                if (((decision->FormA ^ view->FormA) | (decision->FormB ^ view->FormB) | (masks & ~3) | ((entry->Slot0.Causal & asked & 0xFF) ^ (asked >> 8))) != 0 || masks == 0)
                {
                    break;
                }

                long now = view->Time;
                if ((masks & 2) != 0)
                {
                    if (((masks & 1) != 0 && !IsQuiet(&entry->Slot0, now, span)) || !IsQuiet(&entry->Slot1, now, span))
                    {
                        break;
                    }

                    entry->Slot1.Last = Math.Max(entry->Slot1.Last, now);
                }
                else if (!IsQuiet(&entry->Slot0, now, span))
                {
                    break;
                }

                if ((masks & 1) != 0)
                {
                    entry->Slot0.Last = Math.Max(entry->Slot0.Last, now);
                }

                entry->CausalLast = Math.Max(entry->CausalLast, now);
                results[view->Index] = decision->Result;
                sum += view->WireLength;
            }

            bytes += sum;
            return (int)(view - first);
        }
    }

    // A packet's time is from 0 to 2^62 here (the year 2116), a slot's not before 0, so that the difference cannot overflow.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsQuiet(SlotLife* slot, long now, long span)
    {
        long last = slot->Last;
        return (slot->State == TcpState.Established || (slot->Flags & SlotFlags.Stream) != 0) && now - last < span && last >= 0;
    }
}
