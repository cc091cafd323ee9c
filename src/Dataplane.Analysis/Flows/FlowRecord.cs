using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Analysis.Flows;

/// <summary>One flow of a capture: both directions of one connection, from its first packet to its time-out.</summary>
public sealed class FlowRecord
{
    /// <summary>1-based, in order of first packet.</summary>
    public long Number { get; init; }

    /// <summary>Nanoseconds since 1970.</summary>
    public long First { get; init; }

    public long Last { get; internal set; }

    /// <summary>Its first packet.</summary>
    public Headers Headers { get; init; }

    /// <summary>What was decided of its first packet.</summary>
    public PacketResult FirstResult { get; init; }

    /// <summary>What was decided of its first denied packet, else of its first packet: reason, rule, state and path are this one's.</summary>
    public PacketResult Result { get; internal set; }

    public Verdict FirstJudged { get; internal set; } = Verdict.Moot;

    public long Packets { get; internal set; }

    public long Bytes { get; internal set; }

    public long ReturnPackets { get; internal set; }

    public long ReturnBytes { get; internal set; }

    public long Denied { get; internal set; }

    public long Moot { get; internal set; }

    /// <summary>allow, deny (its first judged packet was denied) or partial (later ones were). A flow of moot packets only is moot.</summary>
    public string VerdictText => FirstJudged switch
    {
        Records.Verdict.Deny => "deny",
        Records.Verdict.Moot => "moot",
        _ => Denied > 0 ? "partial" : "allow",
    };

    internal FlowLife Life;
}

/// <summary>How far a flow's life is, as its packets showed it: decides when a new record begins.</summary>
internal struct FlowLife
{
    private const byte ForwardFin = 1;
    private const byte ReturnFin = 2;
    private const byte Reset = 4;
    private const byte Answered = 8;

    private byte _seen;

    internal readonly bool IsClosed => (_seen & Reset) != 0 || (_seen & (ForwardFin | ReturnFin)) == (ForwardFin | ReturnFin);

    /// <summary>Whether packets without SYN, FIN, RST change nothing any more, and the flow may be idle for 30 s and more.</summary>
    internal readonly bool IsSettled(byte protocol) => protocol == 6 ? _seen == Answered : protocol == 17;

    internal void See(in Headers headers, bool forward)
    {
        if (headers.Protocol != 6)
        {
            _seen |= forward ? (byte)0 : Answered;
            return;
        }

        if ((headers.TcpFlags & TcpFlag.Rst) != 0)
        {
            _seen |= Reset;
        }
        else if ((headers.TcpFlags & TcpFlag.Fin) != 0)
        {
            _seen |= forward ? ForwardFin : ReturnFin;
        }
        else if (!headers.IsSyn)
        {
            _seen |= Answered;
        }
    }

    /// <summary>Idle seconds after which the next packet begins another record.</summary>
    internal readonly int TimeOut(byte protocol, long packets, long returnPackets, JudgeOptions options) => protocol switch
    {
        6 => (_seen & Reset) != 0 ? options.Timeouts.Closed
            : IsClosed ? options.Timeouts.TimeWait
            : (_seen & (ForwardFin | ReturnFin)) != 0 ? options.Timeouts.Fin
            : (_seen & Answered) != 0 ? TrackingDefaults.TcpEstablished
            : options.Timeouts.SynSent,
        17 => packets >= 2 && returnPackets >= 2 ? TrackingDefaults.UdpStream : TrackingDefaults.Udp,
        1 or 58 => options.Timeouts.Icmp,
        _ => TrackingDefaults.Other,
    };
}

/// <summary>Idle seconds that AWS publishes (CT-10, CT-18 to CT-20).</summary>
internal static class TrackingDefaults
{
    internal const int TcpEstablished = 432_000;
    internal const int UdpStream = 180;
    internal const int Udp = 30;
    internal const int Other = 600;
}
