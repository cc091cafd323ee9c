// The meaning of the product: what every packet's record must say, decided one packet at a time, plainly and slowly.
//
// It follows docs/decisions/0002-the-walk.md and names the AWS statement behind each step. It shares no code with the engine but the packet's and the
// record's types, so that two independent programs read the same page; tests hold the engine to this one. It allocates freely. Memory is bounded
// by the caps that the page names: --max-flows, 1,048,576 connections and as many other flows, 65,536 datagrams.

using System;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Topology.Model;

namespace Dataplane.Topology.Reference;

/// <summary>Decides packets of one topology in capture order.</summary>
/// <remarks>Not thread-safe: packets of one replay share state. A packet is never an exception.</remarks>
public sealed class Interpreter
{
    private readonly JudgeOptions _options;
    private readonly Slots _slots;
    private readonly Causal _causal;
    private readonly Fragments _fragments = new();
    private Placement _placement;
    private Terrain _terrain;

    public Interpreter(Network network, JudgeOptions options)
    {
        _options = options;
        AddressBook addresses = new(network);
        _slots = new Slots(options);
        _causal = new Causal(addresses);
        (_placement, _terrain) = Lay(network, addresses);
    }

    /// <summary>From the next packet on another network judges; what interfaces remember stays (CT-14, CT-16). For live runs: without causal memory.</summary>
    /// <param name="time">When that is, nanoseconds since 1970: what has timed out by then stays dead.</param>
    /// <exception cref="InvalidOperationException">Causal memory is on.</exception>
    public void Adopt(Network network, long time)
    {
        if (_options.Causal)
        {
            throw new InvalidOperationException("a network is changed without causal memory only");
        }

        AddressBook addresses = new(network);
        _slots.Adopt(network, addresses, time);
        (_placement, _terrain) = Lay(network, addresses);
    }

    /// <summary>Flows that some interface remembers at a time, in nanoseconds since 1970.</summary>
    public int LiveFlows(long time) => _slots.LiveFlows(time);

    /// <summary>What becomes of the next packet.</summary>
    /// <param name="packet">As captured, after --map.</param>
    /// <param name="quote">What an ICMP error quotes; looked at only when <see cref="Headers.HasQuote"/>.</param>
    /// <param name="time">The packet's own time, nanoseconds since 1970; may run back.</param>
    public Outcome Judge(in Headers packet, in Headers quote, long time)
    {
        if (packet.Status != PacketStatus.Ok)
        {
            return Outcome.Bare(packet.Status == PacketStatus.Invalid ? Verdict.Invalid : Verdict.Ignored);
        }

        bool reassembles = _options.Fragments == FragmentPolicy.First;
        if (packet.IsLaterFragment && reassembles && _fragments.Find(packet, time) is { } first)
        {
            return first;    // the whole record, and nothing is touched
        }

        Outcome outcome = JudgeWhole(packet, quote, time);
        if (packet.IsFirstFragment && reassembles)
        {
            _fragments.Remember(packet, outcome, time);
        }

        return outcome;
    }

    private (Placement Placement, Terrain Terrain) Lay(Network network, AddressBook addresses)
    {
        Routing routing = new(network);
        ReturnPaths returns = new(addresses, _slots);
        SecurityGroups groups = new(network, _options, addresses, routing, _slots, returns);
        return (new Placement(network, addresses, routing, returns), new Terrain(network, _options, addresses, routing, groups, returns));
    }

    private Outcome JudgeWhole(in Headers packet, in Headers quote, long time)
    {
        Place place = _placement.Of(packet, quote, time);
        switch (place.Entrance)
        {
            case Entrance.None:
                return Outcome.Bare(Verdict.Unplaced);
            case Entrance.Service:
                string end = place.Interface!.Id;
                return new Outcome(
                    Verdict.Allow, DenyReason.None, FlowState.None, null, place.From, place.ServiceIsSource ? end : null, [end]);
        }

        if (packet.IsLaterFragment && _options.Fragments == FragmentPolicy.Drop)
        {
            return new Outcome(Verdict.Deny, DenyReason.FRAGMENT_DROPPED, FlowState.None, null, place.From, null, [place.From!]);
        }

        if (_options.Causal && _causal.IsMoot(packet, quote, time))
        {
            return Outcome.Bare(Verdict.Moot, place.From);
        }

        Walk walk = new(_terrain, place.Packet, quote, time);
        Outcome outcome = walk.From(place);
        if (outcome.Verdict == Verdict.Allow)
        {
            _slots.Commit(walk.Touches, walk.ExitGateway, time);    // only now
        }

        if (_options.Causal)
        {
            _causal.Remember(packet, outcome.Verdict, time);
        }

        return outcome;
    }
}
