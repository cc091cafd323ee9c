using System.Collections.Generic;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Analysis.Summary;

/// <summary>What was denied for one reason by one rule, between the same two places, with one protocol.</summary>
public sealed class DeniedRow
{
    /// <summary>Distinct ports, types or sources that are kept; beyond it they are only known to be more.</summary>
    public const int MostDistinct = 4_096;

    public required DenyReason Reason { get; init; }

    /// <summary>Null where no rule denied.</summary>
    public required string? Rule { get; init; }

    public required string? From { get; init; }

    public required string? To { get; init; }

    public required byte Protocol { get; init; }

    /// <summary>The first packet that was denied so.</summary>
    public required Headers Example { get; init; }

    public required Outcome ExampleOutcome { get; init; }

    public required long ExampleNumber { get; init; }

    /// <summary>The first packet of the example's flow: what a trace must ask for. The example itself unless it answers something.</summary>
    public required Headers Question { get; init; }

    /// <summary>The example goes against its flow's first packet: it is a return that was denied.</summary>
    public bool IsAnswer => Answers(Example, Question);

    public long Packets { get; internal set; }

    public long Bytes { get; internal set; }

    /// <summary>Destination ports, or type &lt;&lt; 8 | code of ICMP, with packets.</summary>
    public Dictionary<ushort, long> Services { get; } = [];

    public HashSet<IpAddress> Sources { get; } = [];

    public HashSet<IpAddress> Destinations { get; } = [];

    /// <summary>Whether a packet goes against the packet that its flow began with.</summary>
    internal static bool Answers(in Headers packet, in Headers question) => question.Source != packet.Source
        || (packet.PortsKnown && !packet.IsIcmp && question.SourcePort != packet.SourcePort);
}
