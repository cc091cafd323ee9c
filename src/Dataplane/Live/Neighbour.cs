using Dataplane.Packets;

namespace Dataplane.Live;

/// <summary>One address on the link behind a port: who has it, or that it is being asked for.</summary>
internal struct Neighbour
{
    public IpAddress Address;

    /// <summary>Good when <see cref="IsKnown"/>.</summary>
    public MacAddress Station;

    /// <summary>In whose name it is asked for; the unspecified address for nobody's.</summary>
    public IpAddress AskAs;

    /// <summary>When it was last heard of.</summary>
    public long Heard;

    /// <summary>When it was last asked for.</summary>
    public long Asked;

    /// <summary>Questions since it was last heard of.</summary>
    public int Tries;

    /// <summary>Its place in the list of those that are asked for, or -1.</summary>
    public int AskingAt;

    /// <summary>Frames that wait for it, numbers in <see cref="WaitingFrames"/>; good when <see cref="Waiting"/> is above 0.</summary>
    public int FirstWaiting;
    public int LastWaiting;
    public int Waiting;

    public bool IsUsed;
    public bool IsKnown;

    /// <summary>Known only from packets that came from it, which need not come from it alone: a router sends those of all that lie behind it.</summary>
    public bool IsFromPackets;

    public readonly bool IsAsked => AskingAt >= 0;
}
