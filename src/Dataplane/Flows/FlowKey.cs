// A connection's name, the same for both directions and for both of its views.
//
// A flow has two ends, A and B. Each end is an address (public addresses of the topology replaced by the private ones that they stand for) and a
// port; the smaller pair of address and port is A, so both directions give one key. ICMP queries and their replies have no ports:
// A is who asks, B who answers, port A the identifier and port B the query's type.
//
//   _aHigh _aLow _bHigh _bLow    the two addresses, 128 bits each; IPv4 in the low 32
//   _rest   63..48 port A | 47..32 port B | 31..16 0 | 15..8 protocol | 7..2 0 | 1 set | 0 IPv6
//
// What the key leaves out stands in FlowView: which way the packet runs, and how it wrote each end (its "form": 0 as private, n + 1 as the
// public address of association n). Slots compare forms, since an interface knows its packets only as it sees them.

using System;
using System.Numerics;
using Dataplane.Packets;

namespace Dataplane.Flows;

/// <summary>What kind of state a flow has: which timers and which rules of section 7 of the walk.</summary>
public enum FlowKind : byte
{
    /// <summary>No ports, no connection: only addresses and protocol.</summary>
    Other,

    Tcp,
    Udp,

    /// <summary>Queries and replies: protocol 1 in IPv4, 58 in IPv6.</summary>
    Icmp,
}

/// <summary>Both directions of one flow, through private addresses.</summary>
public readonly struct FlowKey : IEquatable<FlowKey>
{
    internal const ulong IsSet = 2;

    private readonly ulong _aHigh;
    private readonly ulong _aLow;
    private readonly ulong _bHigh;
    private readonly ulong _bLow;
    private readonly ulong _rest;

    /// <param name="a">End A's address; the caller has put the ends in order.</param>
    public FlowKey(IpAddress a, ushort portA, IpAddress b, ushort portB, byte protocol)
    {
        (_aHigh, _aLow, _bHigh, _bLow) = (a.High, a.Low, b.High, b.Low);
        _rest = (ulong)portA << 48 | (ulong)portB << 32 | (ulong)protocol << 8 | IsSet | (a.IsIpv6 ? 1UL : 0);
    }

    internal FlowKey(ulong aHigh, ulong aLow, ulong bHigh, ulong bLow, ulong rest) =>
        (_aHigh, _aLow, _bHigh, _bLow, _rest) = (aHigh, aLow, bHigh, bLow, rest);

    public IpAddress A => new(_aHigh, _aLow, IsIpv6);

    public IpAddress B => new(_bHigh, _bLow, IsIpv6);

    public ushort PortA => (ushort)(_rest >> 48);

    public ushort PortB => (ushort)(_rest >> 32 & 0xFFFF);

    public byte Protocol => (byte)(_rest >> 8 & 0xFF);

    public bool IsIpv6 => (_rest & 1) != 0;

    public FlowKind Kind => KindOf(Protocol, IsIpv6);

    /// <summary>Whether the flow is its own mirror: both ends are the same address and port.</summary>
    public bool IsMirror => _aLow == _bLow && _aHigh == _bHigh && PortA == PortB && Kind != FlowKind.Icmp;

    /// <summary>Both addresses in 64 bits: of IPv4 all there is to know, of IPv6 a digest without secret.</summary>
    internal ulong Ends => (_rest & 1) == 0 ? _aLow << 32 | _bLow : Digest(_aHigh, _aLow, _bHigh, _bLow);

    internal static ulong Digest(ulong aHigh, ulong aLow, ulong bHigh, ulong bLow) => aLow ^ BitOperations.RotateLeft(bLow, 32) ^ (aHigh * 0x9E37_79B9_7F4A_7C15) ^ bHigh;

    /// <summary>Ports, protocol, family; never 0, for bit 1 is always set.</summary>
    internal ulong Rest => _rest;

    internal (ulong AHigh, ulong ALow, ulong BHigh, ulong BLow, ulong Others) Words => (_aHigh, _aLow, _bHigh, _bLow, _rest);

    public static FlowKind KindOf(byte protocol, bool isIpv6) => protocol switch
    {
        6 => FlowKind.Tcp,
        17 => FlowKind.Udp,
        1 when !isIpv6 => FlowKind.Icmp,
        58 when isIpv6 => FlowKind.Icmp,
        _ => FlowKind.Other,
    };

    public bool Equals(FlowKey other) =>
        _aLow == other._aLow && _bLow == other._bLow && _rest == other._rest && _aHigh == other._aHigh && _bHigh == other._bHigh;

    public override bool Equals(object? obj) => obj is FlowKey other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(_aHigh, _aLow, _bHigh, _bLow, _rest);

    public static bool operator ==(FlowKey left, FlowKey right) => left.Equals(right);

    public static bool operator !=(FlowKey left, FlowKey right) => !left.Equals(right);
}
