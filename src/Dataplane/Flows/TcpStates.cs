using System;
using Dataplane.Packets;

namespace Dataplane.Flows;

/// <summary>What a TCP segment is to connection tracking: the first that holds, from Rst down.</summary>
public enum TcpClass : byte
{
    Other,
    SynAck,

    /// <summary>SYN without ACK.</summary>
    Syn,
    Fin,
    Rst,
}

/// <summary>What a slot knows of its TCP connection.</summary>
public enum TcpState : byte
{
    /// <summary>Not TCP.</summary>
    None,
    SynSent,
    SynReceived,
    Established,
    Fin,
    TimeWait,
    Closed,
}

/// <summary>The states of R-09. No sequence numbers: AWS documents none.</summary>
public static class TcpStates
{
    // By FIN, SYN, RST, PSH, ACK: the five low bits of the flags.
    private static ReadOnlySpan<byte> Classes =>
    [
        0, 3, 2, 3, 4, 4, 4, 4, 0, 3, 2, 3, 4, 4, 4, 4,
        0, 3, 1, 3, 4, 4, 4, 4, 0, 3, 1, 3, 4, 4, 4, 4,
    ];

    public static TcpClass ClassOf(in Headers packet) => packet.Protocol == 6 ? (TcpClass)Classes[packet.TcpFlags & 31] : TcpClass.Other;

    /// <summary>The state that a connection begins with at an interface.</summary>
    public static TcpState First(TcpClass first) => first switch
    {
        TcpClass.Syn => TcpState.SynSent,
        TcpClass.SynAck => TcpState.SynReceived,
        TcpClass.Fin => TcpState.Fin,
        TcpClass.Rst => TcpState.Closed,
        _ => TcpState.Established,
    };

    /// <summary>The state after one more packet.</summary>
    /// <param name="along">It runs in the direction of the slot's first packet.</param>
    /// <param name="otherFin">The other side's FIN was seen.</param>
    public static TcpState Next(TcpState state, TcpClass packet, bool along, bool otherFin)
    {
        if (state is TcpState.Closed or TcpState.TimeWait)
        {
            return state;
        }

        return packet switch
        {
            TcpClass.Rst => TcpState.Closed,
            TcpClass.Fin => otherFin ? TcpState.TimeWait : TcpState.Fin,
            TcpClass.SynAck => state == TcpState.SynSent ? TcpState.SynReceived : state,
            TcpClass.Other when state == TcpState.SynReceived => TcpState.Established,
            TcpClass.Other when state == TcpState.SynSent && !along => TcpState.Established,
            _ => state,
        };
    }

    /// <summary>Whether a SYN ends such a slot.</summary>
    public static bool IsOver(TcpState state) => state is TcpState.Closed or TcpState.TimeWait;
}
