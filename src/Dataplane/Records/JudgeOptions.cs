namespace Dataplane.Records;

/// <summary>CT-22: a TCP packet that is not a SYN and has no state.</summary>
public enum MidstreamPolicy
{
    /// <summary>Judged by the rules like a new flow and, when admitted, tracked.</summary>
    Rule,

    /// <summary>Denied where its flow would be tracked.</summary>
    Drop,
}

/// <summary>CT-12: which flows an ICMP error may belong to.</summary>
public enum IcmpErrorPolicy
{
    /// <summary>A live flow that is auto-tracked or untracked; else the rules.</summary>
    Aws,

    /// <summary>Any live flow that it quotes; else the rules.</summary>
    Related,

    /// <summary>The rules alone.</summary>
    Rules,
}

/// <summary>CT-25, ACL-28: fragments after the first.</summary>
public enum FragmentPolicy
{
    /// <summary>They get the record of the first fragment.</summary>
    First,

    /// <summary>Denied.</summary>
    Drop,
}

/// <summary>CT-08: several rules admit a flow and only some of them have the peer 0.0.0.0/0 or ::/0.</summary>
public enum OverlapPolicy
{
    /// <summary>One such rule is enough to make it untracked.</summary>
    Untracked,

    /// <summary>One narrower rule is enough to make it tracked.</summary>
    Tracked,
}

/// <summary>CT-23: idle seconds in the states for which AWS publishes none; defaults from Linux.</summary>
public sealed record TransientTimeouts
{
    public int SynSent { get; init; } = 120;

    public int SynReceived { get; init; } = 60;

    public int Fin { get; init; } = 120;

    public int TimeWait { get; init; } = 120;

    /// <summary>After RST.</summary>
    public int Closed { get; init; } = 10;

    public int Icmp { get; init; } = 30;
}

/// <summary>The switches that change verdicts; each default is the documented one.</summary>
public sealed record JudgeOptions
{
    public static JudgeOptions Default { get; } = new();

    /// <summary>Whether packets that a denied one caused are moot. Off in live runs.</summary>
    public bool Causal { get; init; } = true;

    public MidstreamPolicy Midstream { get; init; }

    public IcmpErrorPolicy IcmpErrors { get; init; }

    public FragmentPolicy Fragments { get; init; }

    public OverlapPolicy Overlap { get; init; }

    /// <summary>SG-39: EC2's block of outbound TCP port 25 to public addresses.</summary>
    public bool BlockPort25 { get; init; }

    /// <summary>Flows that are remembered at most; 1 or more.</summary>
    public int MaxFlows { get; init; } = 1_048_576;

    public TransientTimeouts Timeouts { get; init; } = new();
}
