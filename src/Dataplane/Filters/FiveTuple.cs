namespace Dataplane.Filters;

/// <summary>What a general rule list looks at in an IPv4 packet. Addresses and ports in host byte order.</summary>
public readonly record struct FiveTuple(uint Source, uint Destination, ushort SourcePort, ushort DestinationPort, byte Protocol);

/// <summary>One rule of a general list: two address blocks, two port intervals, a protocol under a mask.</summary>
/// <param name="SourceMask">The block's leading one bits; bits of <paramref name="Source"/> outside it do not count.</param>
/// <param name="SourcePortFirst">Both ends of an interval belong to it; one that ends before it begins matches nothing.</param>
/// <param name="ProtocolMask">Bits of the protocol that must equal those of <paramref name="Protocol"/>; 0 for all protocols.</param>
public readonly record struct FiveTupleRule(
    uint Source,
    uint SourceMask,
    uint Destination,
    uint DestinationMask,
    ushort SourcePortFirst,
    ushort SourcePortLast,
    ushort DestinationPortFirst,
    ushort DestinationPortLast,
    byte Protocol,
    byte ProtocolMask)
{
    /// <summary>No packet can match it.</summary>
    public bool MatchesNothing => SourcePortFirst > SourcePortLast || DestinationPortFirst > DestinationPortLast;

    /// <summary>The meaning, plainly: what every classifier is checked against.</summary>
    public bool Matches(in FiveTuple packet) =>
        ((packet.Source ^ Source) & SourceMask) == 0
        && ((packet.Destination ^ Destination) & DestinationMask) == 0
        && packet.SourcePort >= SourcePortFirst && packet.SourcePort <= SourcePortLast
        && packet.DestinationPort >= DestinationPortFirst && packet.DestinationPort <= DestinationPortLast
        && ((packet.Protocol ^ Protocol) & ProtocolMask) == 0;
}
