namespace Dataplane.Live;

/// <summary>What went in and out of one live interface since it was opened.</summary>
/// <remarks>Frames that came in = <see cref="Received"/> + <see cref="DroppedByKernel"/>.</remarks>
public sealed class LivePortCounters
{
    /// <summary>Frames that Receive has handed on.</summary>
    public long Received { get; set; }

    public long ReceivedBytes { get; set; }

    /// <summary>Frames that the system had no room for: they were not judged.</summary>
    public long DroppedByKernel { get; set; }

    /// <summary>Whether the system says how many it dropped; where not, <see cref="DroppedByKernel"/> is a lower bound.</summary>
    public bool KnowsDropped { get; set; } = true;

    /// <summary>Frames that the system took for sending.</summary>
    public long Sent { get; set; }

    public long SentBytes { get; set; }

    /// <summary>Frames that it did not take: queue full, too long, link down.</summary>
    public long NotSent { get; set; }

    /// <summary>Those of <see cref="NotSent"/> that Send had already taken.</summary>
    public long Refused { get; set; }
}
