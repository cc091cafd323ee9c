namespace Dataplane.Analysis.Reload;

/// <summary>What a change of the network means for a flow that is in progress.</summary>
public enum FlowOutlook
{
    /// <summary>It goes on, and the rules would let it begin again.</summary>
    Stays,

    /// <summary>It goes on because it is tracked; no rule would let it begin again (CT-14, CT-16).</summary>
    KeptAsTracked,

    /// <summary>It goes on as tracked until it ends; begun again it would be untracked (CT-02).</summary>
    WouldBeUntracked,

    /// <summary>It was untracked and is judged as a new, tracked flow from its next packet on (CT-17).</summary>
    BecomesTracked,

    /// <summary>Its next packet in one direction or the other is denied (CT-13, CT-15).</summary>
    Cut,
}
