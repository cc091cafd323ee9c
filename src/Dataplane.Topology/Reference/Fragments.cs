using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Topology.Reference;

/// <summary>What became of the first fragments of datagrams, for the ones that follow .</summary>
internal sealed class Fragments
{
    private const int Capacity = 65_536;
    private const long Lifetime = 30L * 1_000_000_000;

    private readonly Recency<Key, (Outcome Outcome, long Time)> _firsts = new(Capacity);

    /// <summary>The record of the datagram's first fragment, or null when it was not seen in the last 30 seconds.</summary>
    public Outcome? Find(in Headers packet, long now) =>
        _firsts.TryGet(KeyOf(packet), out (Outcome Outcome, long Time) first) && now - first.Time < Lifetime ? first.Outcome : null;

    /// <summary>Remembers a first fragment's record; a second first fragment replaces the first.</summary>
    public void Remember(in Headers packet, Outcome outcome, long now) => _firsts.Renew(KeyOf(packet), (outcome, now));

    private static Key KeyOf(in Headers packet) => new(packet.Source, packet.Destination, packet.FragmentProtocol, packet.FragmentId);

    private readonly record struct Key(IpAddress Source, IpAddress Destination, byte Protocol, uint Identification);
}
