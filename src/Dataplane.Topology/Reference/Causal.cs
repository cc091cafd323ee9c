// What could not have existed: packets that a denied one would have caused (contract 5, R-13 to R-17, section 7 of the walk's page).
//
// Two memories: connections (TCP) by three bits, and other flows by what happened in each direction. Both learn only from packets that were judged.

using System;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Topology.Reference;

/// <summary>Causal memory of one replay.</summary>
internal sealed class Causal(AddressBook addresses)
{
    /// <summary>R-14.</summary>
    private const int Capacity = 1_048_576;

    private const long Second = 1_000_000_000;
    private const long TcpMemory = 432_000 * Second;

    private readonly Recency<FlowKey, Connection> _connections = new(Capacity);
    private readonly Recency<FlowKey, Exchange> _exchanges = new(Capacity);

    /// <summary>Whether the packet could not have existed. Changes nothing.</summary>
    public bool IsMoot(in Headers packet, in Headers quote, long now)
    {
        if (PacketKind.IsErrorWithQuote(packet))
        {
            return IsAboutDeniedFlow(quote, now);
        }

        if (FlowKey.Of(packet, addresses, out bool forward) is not { } key)
        {
            return false;
        }

        if (packet.Protocol == 6)
        {
            Connection connection = FindConnection(key, now);
            return PacketKind.Tcp(packet) switch
            {
                TcpClass.Syn => false,
                TcpClass.SynAck => connection.Denied,
                _ => connection.Denied || connection.Halted,
            };
        }

        // An ICMP request is never moot.
        bool isQuery = PacketKind.TryQuery(packet, out _, out bool asks) && asks;
        Exchange exchange = FindExchange(key, now);
        return !isQuery
            && exchange.ForwardAllowed == 0 && exchange.BackwardAllowed == 0
            && (forward ? exchange.BackwardDenied : exchange.ForwardDenied);
    }

    /// <summary>Learns from a packet that was judged.</summary>
    public void Remember(in Headers packet, Verdict verdict, long now)
    {
        if (FlowKey.Of(packet, addresses, out bool forward) is not { } key)
        {
            return;    // ICMP that is no query forms no flow
        }

        bool allowed = verdict == Verdict.Allow;
        if (packet.Protocol == 6)
        {
            RememberTcp(key, PacketKind.Tcp(packet), allowed, now);
            return;
        }

        Exchange exchange = FindExchange(key, now);
        _exchanges.Renew(key, exchange with
        {
            Last = Math.Max(exchange.Last, now),
            ForwardAllowed = exchange.ForwardAllowed + (allowed && forward ? 1 : 0),
            BackwardAllowed = exchange.BackwardAllowed + (allowed && !forward ? 1 : 0),
            ForwardDenied = exchange.ForwardDenied || (!allowed && forward),
            BackwardDenied = exchange.BackwardDenied || (!allowed && !forward),
        });
    }

    private void RememberTcp(FlowKey key, TcpClass packet, bool allowed, long now)
    {
        Connection connection = FindConnection(key, now);
        if (packet == TcpClass.Syn)
        {
            // an allowed SYN does not end a halt; only an allowed SYN-ACK does.
            connection = allowed ? connection with { Denied = false, Open = true } : connection with { Denied = true };
        }
        else if (!connection.Exists)
        {
            _connections.Remove(key);    // forgotten for good, should time run back
            return;                      // and one whose SYN was not seen makes nothing moot
        }
        else if (packet == TcpClass.SynAck)
        {
            connection = connection with { Halted = !allowed && (connection.Open || connection.Halted) };
        }

        _connections.Renew(key, connection with { Exists = true, Last = Math.Max(connection.Last, now) });
    }

    /// <summary>R-16: an error about a flow whose packets were denied and none allowed.</summary>
    private bool IsAboutDeniedFlow(in Headers quote, long now)
    {
        if (FlowKey.Of(quote, addresses, out _) is not { } key)
        {
            return false;
        }

        if (quote.Protocol == 6)
        {
            return FindConnection(key, now).Denied;
        }

        Exchange exchange = FindExchange(key, now);
        return exchange.ForwardAllowed == 0 && exchange.BackwardAllowed == 0 && (exchange.ForwardDenied || exchange.BackwardDenied);
    }

    private Connection FindConnection(FlowKey key, long now) =>
        _connections.TryGet(key, out Connection found) && now - found.Last < TcpMemory ? found : new Connection(false, false, false, false, long.MinValue);

    private Exchange FindExchange(FlowKey key, long now)
    {
        bool isLive = _exchanges.TryGet(key, out Exchange found) && now - found.Last < Idle(key, found);
        return isLive ? found : new Exchange(0, 0, false, false, long.MinValue);
    }

    /// <summary>R-15: nanoseconds after which all of a flow is forgotten.</summary>
    private static long Idle(FlowKey key, Exchange exchange) => Second * key.Protocol switch
    {
        17 => exchange.ForwardAllowed >= 2 && exchange.BackwardAllowed >= 2 ? 180 : 30,
        1 when !key.First.IsIpv6 => 30,
        58 when key.First.IsIpv6 => 30,
        _ => 600,
    };

    /// <param name="Denied">The last judged SYN was denied.</param>
    /// <param name="Open">A SYN was allowed.</param>
    /// <param name="Halted">A SYN-ACK was denied while open.</param>
    private readonly record struct Connection(bool Exists, bool Denied, bool Open, bool Halted, long Last);

    private readonly record struct Exchange(int ForwardAllowed, int BackwardAllowed, bool ForwardDenied, bool BackwardDenied, long Last);
}
