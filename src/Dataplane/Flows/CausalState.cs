// What a replay remembers of a flow so that packets which a denied one caused are moot (walk page, section 7). Rules only; where the state is
// kept is CausalMemory's and the flow entry's business.
//
//   TCP     bit 0 denied   bit 1 open   bit 2 halted
//   others  bits 0-1 allowed from A (counted to 2)   bits 2-3 allowed from B   bit 4 denied from A   bit 5 denied from B
//
// No bits: nothing is remembered, whatever Last says.

using System;

namespace Dataplane.Flows;

/// <summary>Causal memory of one flow.</summary>
public struct CausalState
{
    private const ushort Denied = 1;
    private const ushort Open = 2;
    private const ushort Halted = 4;

    private const ushort AllowedMask = 15;
    private const ushort DeniedFromA = 16;
    private const ushort DeniedFromB = 32;

    /// <summary>Time of the last judged packet.</summary>
    public long Last;

    public ushort Bits;

    public readonly bool IsEmpty => Bits == 0;

    /// <summary>Whether, at that moment, the memory is to be forgotten.</summary>
    public readonly bool IsForgotten(FlowKind kind, long now) => IsEmpty || now >= Timeouts.After(Last, Limit(kind));

    /// <summary>Whether a packet could not have existed.</summary>
    /// <param name="fromB">It runs from end B to A; for ICMP: it is the reply.</param>
    public readonly bool IsMoot(FlowKind kind, TcpClass tcp, bool fromB, long now)
    {
        if (IsForgotten(kind, now))
        {
            return false;
        }

        if (kind == FlowKind.Tcp)
        {
            return tcp switch
            {
                TcpClass.Syn => false,
                TcpClass.SynAck => (Bits & Denied) != 0,
                _ => (Bits & (Denied | Halted)) != 0,
            };
        }

        if (kind == FlowKind.Icmp && !fromB)
        {
            return false;
        }

        return (Bits & AllowedMask) == 0 && (Bits & (fromB ? DeniedFromA : DeniedFromB)) != 0;
    }

    /// <summary>Whether an ICMP error about this flow could not have existed.</summary>
    public readonly bool IsErrorMoot(FlowKind kind, long now) =>
        !IsForgotten(kind, now)
        && (kind == FlowKind.Tcp ? (Bits & Denied) != 0 : (Bits & AllowedMask) == 0 && (Bits & (DeniedFromA | DeniedFromB)) != 0);

    /// <summary>Takes in one judged packet.</summary>
    public void Judged(FlowKind kind, TcpClass tcp, bool fromB, bool allowed, long now)
    {
        if (IsForgotten(kind, now))
        {
            (Bits, Last) = (0, now);
        }

        Last = Math.Max(Last, now);
        if (kind == FlowKind.Tcp)
        {
            if (tcp == TcpClass.Syn)
            {
                Bits = allowed ? (ushort)(Bits & ~Denied | Open) : (ushort)(Bits | Denied);
            }
            else if (tcp == TcpClass.SynAck)
            {
                Bits = allowed ? (ushort)(Bits & ~Halted) : (Bits & Open) != 0 ? (ushort)(Bits | Halted) : Bits;
            }

            return;
        }

        if (!allowed)
        {
            Bits |= fromB ? DeniedFromB : DeniedFromA;
            return;
        }

        int shift = fromB ? 2 : 0;
        if ((Bits >> shift & 3) < 2)
        {
            Bits = (ushort)(Bits + (1 << shift));
        }
    }

    private readonly long Limit(FlowKind kind) => kind switch
    {
        FlowKind.Tcp => 432_000 * Timeouts.Second,
        FlowKind.Udp => ((Bits & 3) == 2 && (Bits >> 2 & 3) == 2 ? 180 : 30) * Timeouts.Second,
        FlowKind.Icmp => 30 * Timeouts.Second,
        _ => Timeouts.Other,
    };
}
