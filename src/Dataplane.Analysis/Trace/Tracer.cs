using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Topology.Model;

namespace Dataplane.Analysis.Trace;

/// <summary>What a user asks trace for.</summary>
/// <param name="From">Interface or instance id, address, or "internet".</param>
/// <param name="To">Likewise.</param>
/// <param name="Protocol">IANA number.</param>
/// <param name="Port">Destination port; ignored for protocols without ports.</param>
/// <param name="SourcePort">Default 40000.</param>
public sealed record TraceQuestion(string From, string To, byte Protocol, int? Port, int? SourcePort, byte IcmpType, byte IcmpCode);

/// <summary>What happens to one packet and to its answer.</summary>
/// <param name="ForwardResult">Numbers of <paramref name="Forward"/>, for records.</param>
/// <param name="Return">Moot when the packet itself is denied.</param>
public sealed record TraceAnswer(
    Headers Packet, Outcome Forward, PacketResult ForwardResult, Headers Answer, Outcome Return, PacketResult ReturnResult, Miss? NearestMiss, Miss? ReturnMiss);

/// <summary>A question that names nothing of the topology, or two things.</summary>
public sealed class TraceException(string message) : Exception(message);

/// <summary>Follows one packet and its answer through a network, by the judge that replays captures.</summary>
public sealed class Tracer(Network network, JudgeOptions options, JudgeFactory judges)
{
    private const int DefaultSourcePort = 40_000;

    private static readonly IpAddress InternetV4 = IpAddress.Parse("192.0.2.1");
    private static readonly IpAddress InternetV6 = IpAddress.Parse("2001:db8::1");

    /// <exception cref="TraceException">An end names nothing, or the two ends have no family in common.</exception>
    public (TraceAnswer Answer, SinglePackets Judge) Trace(TraceQuestion question)
    {
        ArgumentNullException.ThrowIfNull(question);
        Headers packet = Build(question);
        SinglePackets judge = new(judges(network, options));
        Outcome forward = judge.Decide(packet, 0);
        PacketResult forwardResult = judge.Last;
        Headers reply = Reply(packet, forward);
        Outcome back = judge.Decide(reply, 1_000_000);
        PacketResult backResult = judge.Last;
        NearestMiss misses = new(network, options, judges);
        return (new TraceAnswer(packet, forward, forwardResult, reply, back, backResult,
            misses.Find(packet, forward), misses.Find(reply, back)), judge);
    }

    /// <summary>What is wrong with the two ends, each by itself; nothing when both name something.</summary>
    public IEnumerable<string> FaultsOf(string from, string to)
    {
        foreach ((string end, string option) in ((string, string)[])[(from, "--from"), (to, "--to")])
        {
            string? fault = null;
            try
            {
                _ = Ends(end, option);
            }
            catch (TraceException e)
            {
                fault = e.Message;
            }

            if (fault is not null)
            {
                yield return fault;
            }
        }
    }

    /// <summary>The packet that the question means.</summary>
    /// <exception cref="TraceException">An end names nothing, or the two ends have no family in common.</exception>
    public Headers Build(TraceQuestion question)
    {
        ArgumentNullException.ThrowIfNull(question);
        bool fromInternet = IsInternet(question.From), toInternet = IsInternet(question.To);
        if (fromInternet && toInternet)
        {
            throw new TraceException("--from, --to: both ends are the internet. Name an interface, an instance or an address for one of them.");
        }

        ImmutableArray<InterfaceAddress> from = Ends(question.From, "--from"), to = Ends(question.To, "--to");
        bool v6 = question.Protocol == 58 ? true
            : question.Protocol == 1 ? false
            : !(Has(from, fromInternet, false) && Has(to, toInternet, false));
        IpAddress source = Pick(from, fromInternet, v6, question, "--from", false);
        IpAddress destination = Pick(to, toInternet, v6, question, "--to", fromInternet);
        bool ports = question.Protocol is 6 or 17;
        bool icmp = question.Protocol is 1 or 58;
        Headers packet = new()
        {
            Protocol = question.Protocol,
            Flags = (v6 ? HeaderFlags.Ipv6 : 0) | (ports || icmp ? HeaderFlags.PortsKnown : 0),
            TcpFlags = question.Protocol == 6 ? TcpFlag.Syn : (byte)0,
            SourcePort = ports ? (ushort)(question.SourcePort ?? DefaultSourcePort) : icmp ? (ushort)1 : (ushort)0,
            DestinationPort = ports ? (ushort)(question.Port ?? 0) : icmp ? (ushort)(question.IcmpType << 8 | question.IcmpCode) : (ushort)0,
            WireLength = (uint)(14 + (v6 ? 40 : 20) + (question.Protocol == 6 ? 20 : 8)),
            NetworkOffset = 14,
            TransportOffset = (ushort)(14 + (v6 ? 40 : 20)),
        };
        packet.Source = source;
        packet.Destination = destination;
        return packet;
    }

    /// <summary>What the other end would answer: from the address that it was delivered to.</summary>
    private static Headers Reply(in Headers packet, Outcome forward)
    {
        Headers reply = packet;
        reply.Source = packet.Destination;
        reply.Destination = packet.Source;
        // The path's translations tell what each end calls the other.
        foreach (string step in forward.Path)
        {
            int space = step.LastIndexOf(' ');
            int arrow = step.IndexOf('>', space + 1);
            if (space > 0 && arrow > 0
                && IpAddress.TryParse(step.AsSpan(space + 1, arrow - space - 1), out IpAddress old)
                && IpAddress.TryParse(step.AsSpan(arrow + 1), out IpAddress now))
            {
                reply.Source = reply.Source == old ? now : reply.Source;
                reply.Destination = reply.Destination == old ? now : reply.Destination;
            }
        }

        switch (packet.Protocol)
        {
            case 6:
                reply.TcpFlags = TcpFlag.Syn | TcpFlag.Ack;
                goto case 17;
            case 17:
                reply.SourcePort = packet.DestinationPort;
                reply.DestinationPort = packet.SourcePort;
                break;
            case 1:
                reply.DestinationPort = packet.IcmpType switch
                {
                    8 => 0,
                    13 => 14 << 8,
                    15 => 16 << 8,
                    17 => 18 << 8,
                    _ => packet.DestinationPort,
                };
                break;
            case 58 when packet.IcmpType == 128:
                reply.DestinationPort = 129 << 8;
                break;
        }

        return reply;
    }

    private static bool IsInternet(string end) => string.Equals(end, "internet", StringComparison.OrdinalIgnoreCase);

    private static bool Has(ImmutableArray<InterfaceAddress> ends, bool internet, bool v6) =>
        internet || ends.Any(e => e.Private.IsIpv6 == v6);

    private static IpAddress Pick(
        ImmutableArray<InterfaceAddress> ends, bool internet, bool v6, TraceQuestion question, string option, bool callPublic)
    {
        if (internet)
        {
            return v6 ? InternetV6 : InternetV4;
        }

        foreach (InterfaceAddress end in ends)
        {
            if (end.Private.IsIpv6 == v6)
            {
                // IMP-35: from the internet a target is called by its public address, if it has one.
                return callPublic && ends.FirstOrDefault(e => e.Public is not null && !v6).Public is { } known ? known : end.Private;
            }
        }

        string name = option == "--from" ? question.From : question.To;
        throw new TraceException($"{option} {name}: it has no {(v6 ? "IPv6" : "IPv4")} address. Name an address of the other end's family.");
    }

    private ImmutableArray<InterfaceAddress> Ends(string end, string option)
    {
        if (IsInternet(end))
        {
            return [];
        }

        if (IpAddress.TryParse(end, out IpAddress address))
        {
            return [new InterfaceAddress(address)];
        }

        if (network.Interfaces.FirstOrDefault(i => i.Id == end) is { } eni)
        {
            return eni.Addresses;
        }

        if (network.Instances.TryGetValue(end, out ImmutableArray<string> interfaces) && interfaces.Length > 0)
        {
            return network.Interfaces.First(i => i.Id == interfaces[0]).Addresses;
        }

        // IMP-30: an id that two templates share is FILE/ID in this topology, and ID alone names neither.
        List<string> same = [.. network.Interfaces.Select(i => i.Id).Where(id => id.EndsWith("/" + end, StringComparison.Ordinal))];
        if (same.Count == 0 && IsLikeAnAddress(end))
        {
            throw new TraceException(end.Contains('/', StringComparison.Ordinal)
                ? $"{option} {end}: a block, not an address. Name one address of it."
                : $"{option} {end}: no valid address. Write IPv4 as four numbers from 0 to 255 without leading zeros (10.0.1.5), IPv6 in groups of hexadecimal digits (2001:db8::5).");
        }

        throw new TraceException(same.Count > 0
            ? $"{option} {end}: ambiguous. Name one of {string.Join(", ", same.Take(10))}."
            : $"{option} {end}: no interface or instance has this id. Name an interface, an instance, an address, or internet{Known()}.");
    }

    /// <summary>Nobody who writes this means an id: hexadecimal digits between dots or colons.</summary>
    private static bool IsLikeAnAddress(string end) =>
        end.AsSpan().IndexOfAny('.', ':') >= 0 && end.All(c => char.IsAsciiHexDigit(c) || c is '.' or ':' or '/');

    private string Known() => network.Interfaces.IsEmpty
        ? ""
        : $"; the topology has {string.Join(", ", network.Interfaces.Select(i => i.Id).Take(10))}{(network.Interfaces.Length > 10 ? " ..." : "")}";
}
