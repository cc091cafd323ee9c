// How long a slot lives. All timers are idle timers by packet time: dead when now >= last + time-out, last never moving back.

using System;
using Dataplane.Records;

namespace Dataplane.Flows;

/// <summary>One interface's own timers, in nanoseconds.</summary>
public readonly record struct InterfaceTimeouts(long TcpEstablished, long UdpStream, long Udp);

/// <summary>The time-outs of all states.</summary>
public sealed class Timeouts
{
    /// <summary>The last moment that packets are taken to have: sums past it mean never.</summary>
    public const long LastMoment = long.MaxValue - 1;

    /// <summary>Protocols without ports (CT-10).</summary>
    public const long Other = 600 * Second;

    internal const long Second = 1_000_000_000;

    /// <summary>Of flows through a Network Load Balancer, whatever the interface says (CT-21).</summary>
    private static readonly InterfaceTimeouts Balancer = new(350 * Second, 120 * Second, 120 * Second);

    private readonly long _synSent;
    private readonly long _synReceived;
    private readonly long _fin;
    private readonly long _timeWait;
    private readonly long _closed;
    private readonly long _icmp;
    private readonly InterfaceTimeouts[] _interfaces;

    /// <param name="transient">Of states that AWS does not let one set.</param>
    /// <param name="interfaces">By interface number.</param>
    public Timeouts(TransientTimeouts transient, InterfaceTimeouts[] interfaces)
    {
        _interfaces = interfaces;
        _synSent = transient.SynSent * Second;
        _synReceived = transient.SynReceived * Second;
        _fin = transient.Fin * Second;
        _timeWait = transient.TimeWait * Second;
        _closed = transient.Closed * Second;
        _icmp = transient.Icmp * Second;
        Shortest = Math.Min(Math.Min(Math.Min(_synSent, _synReceived), Math.Min(_fin, _timeWait)), Math.Min(Math.Min(_closed, _icmp), Other));
        foreach (InterfaceTimeouts one in interfaces)
        {
            Shortest = Math.Min(Shortest, Math.Min(one.TcpEstablished, Math.Min(one.Udp, one.UdpStream)));
        }
    }

    /// <summary>No slot of any kind and state dies sooner after its last packet, in nanoseconds.</summary>
    public long Shortest { get; }

    /// <summary>Whether every interface has the time-outs that it has in another plan with the same numbers.</summary>
    public bool IsSame(Timeouts next) => next._interfaces.AsSpan().StartsWith(_interfaces);

    /// <summary>Whether an interface has the time-outs that it has in another plan.</summary>
    public bool IsSame(int networkInterface, Timeouts next, int itsNumber) => _interfaces[networkInterface] == next._interfaces[itsNumber];

    /// <summary>The moment at which a slot dies if nothing touches it.</summary>
    public long Deadline(in SlotLife slot, FlowKind kind) => After(slot.Last, Of(kind, slot.State, slot.IsStream, in slot.IsBalanced ? ref Balancer : ref _interfaces[slot.Interface]));

    /// <summary>Whether a slot is in use and has not timed out.</summary>
    public bool IsLive(in SlotLife slot, FlowKind kind, long now) =>
        slot.Interface >= 0 && (now < slot.Last || (ulong)(now - slot.Last) < (ulong)Shortest || now < Deadline(in slot, kind));

    private long Of(FlowKind kind, TcpState state, bool isStream, in InterfaceTimeouts own) => kind switch
    {
        FlowKind.Tcp => state switch
        {
            TcpState.SynSent => _synSent,
            TcpState.SynReceived => _synReceived,
            TcpState.Fin => _fin,
            TcpState.TimeWait => _timeWait,
            TcpState.Closed => _closed,
            _ => own.TcpEstablished,
        },
        FlowKind.Udp => isStream ? own.UdpStream : own.Udp,
        FlowKind.Icmp => _icmp,
        _ => Other,
    };

    /// <summary>A moment and a span later, or the end of time.</summary>
    public static long After(long moment, long span) => moment > long.MaxValue - span ? long.MaxValue : moment + span;

    /// <summary>A packet's time as the engine uses it.</summary>
    public static long Clamp(long time) => Math.Min(time, LastMoment);
}
