using Dataplane.Packets;

namespace Dataplane.Capture;

/// <summary>Which end of a packet a primitive looks at.</summary>
internal enum FilterEnd
{
    Either,
    Source,
    Destination,
    Both,
}

/// <summary>A piece of a filter expression. Immutable; asks a packet without allocating.</summary>
internal abstract class FilterNode
{
    internal abstract bool Matches(in Headers headers);

    private protected static bool AtEnds(FilterEnd end, bool source, bool destination) => end switch
    {
        FilterEnd.Source => source,
        FilterEnd.Destination => destination,
        FilterEnd.Both => source && destination,
        _ => source || destination,
    };
}

/// <summary>Terms joined by and/or, which bind alike and from the left, as in libpcap.</summary>
internal sealed class FilterSequence(FilterNode[] terms, bool[] isAnd) : FilterNode
{
    /// <param name="headers">Term 0 begins; isAnd[i] joins term i + 1.</param>
    internal override bool Matches(in Headers headers)
    {
        bool result = terms[0].Matches(headers);
        for (int i = 0; i < isAnd.Length; i++)
        {
            if (result == isAnd[i])
            {
                result = terms[i + 1].Matches(headers);
            }
        }

        return result;
    }
}

internal sealed class FilterNot(FilterNode inner) : FilterNode
{
    internal override bool Matches(in Headers headers) => !inner.Matches(headers);
}

/// <summary>A family, a protocol, or both.</summary>
/// <param name="ipv6">Null for either family.</param>
/// <param name="protocol">Null for any.</param>
internal sealed class FilterProtocol(bool? ipv6, byte? protocol) : FilterNode
{
    internal override bool Matches(in Headers headers) =>
        headers.Status == PacketStatus.Ok
        && (ipv6 is null || ipv6 == headers.IsIpv6)
        && (protocol is null || protocol == headers.Protocol);
}

/// <summary>What is never an IP packet: arp, rarp.</summary>
internal sealed class FilterNever : FilterNode
{
    internal override bool Matches(in Headers headers) => false;
}

internal sealed class FilterNet(FilterEnd end, IpPrefix prefix) : FilterNode
{
    internal override bool Matches(in Headers headers) =>
        headers.Status == PacketStatus.Ok && AtEnds(end, prefix.Contains(headers.Source), prefix.Contains(headers.Destination));
}

/// <summary>A range of TCP or UDP ports; never a fragment without ports, nor ICMP.</summary>
/// <param name="protocol">6, 17, or null for both.</param>
internal sealed class FilterPort(FilterEnd end, byte? protocol, ushort from, ushort to) : FilterNode
{
    internal override bool Matches(in Headers headers) =>
        headers.Status == PacketStatus.Ok
        && headers.PortsKnown
        && (protocol is null ? headers.Protocol is 6 or 17 : protocol == headers.Protocol)
        && AtEnds(end, headers.SourcePort >= from && headers.SourcePort <= to, headers.DestinationPort >= from && headers.DestinationPort <= to);
}

/// <summary>Length on the wire, of packets of every kind.</summary>
internal sealed class FilterLength(uint least, uint most) : FilterNode
{
    internal override bool Matches(in Headers headers) => headers.WireLength >= least && headers.WireLength <= most;
}
