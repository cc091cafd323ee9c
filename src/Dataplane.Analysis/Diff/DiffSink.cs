// Two judges, the same packets, in lock-step: the pipeline's own judge is "before", this sink asks "after" for the same block.

using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Analysis.Flows;
using Dataplane.Engine;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Analysis.Diff;

/// <summary>One kind of change: what decided before and what decides now.</summary>
public sealed class DiffGroup
{
    /// <summary>Flows that are kept as examples.</summary>
    public const int MostFlows = 20;

    public required Outcome Before { get; init; }

    public required Outcome After { get; init; }

    /// <summary>The rule that made the change: the first that spoke in one and not in the other.</summary>
    public required string ChangedBy { get; init; }

    /// <summary>It only follows from another change: what caused these packets is denied on one side, so they are moot there.</summary>
    public bool IsConsequence => Before.Verdict == Verdict.Moot || After.Verdict == Verdict.Moot;

    public bool VerdictDiffers => Before.Verdict != After.Verdict;

    public long Packets { get; internal set; }

    /// <summary>First packets of the flows of this group, in order; at most <see cref="MostFlows"/>.</summary>
    public List<Headers> Examples { get; } = [];

    /// <summary>Distinct flows with such a packet; kept up to <see cref="DiffSink.MostFlows"/>.</summary>
    public long Flows { get; internal set; }
}

/// <summary>A flow as both networks saw it.</summary>
public sealed record FlowPair(FlowRecord? Before, FlowRecord? After);

/// <summary>Compares two networks on the same packets.</summary>
public sealed class DiffSink : IPacketSink
{
    /// <summary>Flows of a group that are told apart when they are counted.</summary>
    public const int MostFlows = 1_048_576;

    private readonly IJudge _after;
    private readonly ResultTables _before;
    private readonly PacketBlock _block = new();
    private readonly FlowRecorder _beforeFlows;
    private readonly FlowRecorder _afterFlows;
    private readonly Action<PacketBlock, PacketBlock, int>? _onPacket;
    private readonly Dictionary<(int, int, int, int, int, int), DiffGroup?> _byNumbers = [];
    private readonly Dictionary<(Verdict, DenyReason, string?, Verdict, DenyReason, string?, string), DiffGroup> _groups = [];
    private readonly HashSet<(FlowRecord, DiffGroup)> _counted = [];
    private readonly Dictionary<(long, long), FlowPair> _pairs = [];

    /// <param name="before">What the results in the pipeline's blocks mean.</param>
    /// <param name="onPacket">Called with both blocks and the index for each packet whose verdict, reason or rule differs.</param>
    public DiffSink(ResultTables before, IJudge after, FlowRecorder beforeFlows, FlowRecorder afterFlows, Action<PacketBlock, PacketBlock, int>? onPacket)
    {
        _before = before;
        _after = after;
        _beforeFlows = beforeFlows;
        _afterFlows = afterFlows;
        _onPacket = onPacket;
    }

    public long Packets { get; private set; }

    public long VerdictsDiffer { get; private set; }

    /// <summary>Same verdict, another reason or rule.</summary>
    public long RulesDiffer { get; private set; }

    /// <summary>Same verdict, reason and rule, another way.</summary>
    public long PathsDiffer { get; private set; }

    /// <summary>Packets that have no place on either network.</summary>
    public long Unplaced { get; private set; }

    /// <summary>Changed verdicts first, causes before what follows from them, then by packets.</summary>
    public IEnumerable<DiffGroup> Groups => _groups.Values.OrderByDescending(g => g.VerdictDiffers).ThenBy(g => g.IsConsequence).ThenByDescending(g => g.Packets).ThenBy(g => g.ChangedBy, StringComparer.Ordinal);

    /// <summary>Flows whose verdict, reason or rule differs, in order of first packet. Complete after <see cref="Complete"/>.</summary>
    public IEnumerable<FlowPair> Flows => _pairs.Values.Where(Differs).OrderBy(p => p.Before?.First ?? p.After!.First).ThenBy(p => p.Before?.Number ?? p.After!.Number);

    public void Write(PacketBlock block)
    {
        ArgumentNullException.ThrowIfNull(block);
        block.CopyHeadersTo(_block);
        _after.Judge(_block);
        for (int i = 0; i < block.Count; i++)
        {
            if (!block.Selected[i])
            {
                _beforeFlows.Forget(block.Headers[i]);
                _afterFlows.Forget(block.Headers[i]);
                continue;
            }

            Packets++;
            FlowRecord? before = _beforeFlows.Add(block.Packets[i].Time, block.Headers[i], block.Results[i]);
            FlowRecord? after = _afterFlows.Add(block.Packets[i].Time, block.Headers[i], _block.Results[i]);
            if (before is not null || after is not null)
            {
                _pairs.TryAdd((before?.Number ?? 0, after?.Number ?? 0), new FlowPair(before, after));
            }

            Compare(block, i, before ?? after);
        }
    }

    public void Complete()
    {
        _beforeFlows.Complete();
        _afterFlows.Complete();
    }

    /// <summary>Whether a flow's verdict, reason or deciding rule differs.</summary>
    private bool Differs(FlowPair pair)
    {
        if (pair.Before is null || pair.After is null)
        {
            return true;
        }

        PathEntry before = _before.Paths[pair.Before.Result.Path], after = _after.Tables.Paths[pair.After.Result.Path];
        return pair.Before.VerdictText != pair.After.VerdictText || before.Reason != after.Reason
            || _before.Names[before.Rule] != _after.Tables.Names[after.Rule];
    }

    private void Compare(PacketBlock block, int i, FlowRecord? flow)
    {
        PacketResult b = block.Results[i], a = _block.Results[i];
        if (b.Path == PathTable.Unplaced && a.Path == PathTable.Unplaced)
        {
            Unplaced++;
            return;
        }

        (int, int, int, int, int, int) numbers = (b.Path, b.From, b.To, a.Path, a.From, a.To);
        if (!_byNumbers.TryGetValue(numbers, out DiffGroup? group))
        {
            group = Group(_before.Describe(b), _after.Tables.Describe(a));
            _byNumbers.Add(numbers, group);
        }

        if (group is null)
        {
            return;
        }

        group.Packets++;
        if (group.VerdictDiffers)
        {
            VerdictsDiffer++;
        }
        else if (group.Before.Reason != group.After.Reason || group.Before.Rule != group.After.Rule)
        {
            RulesDiffer++;
        }
        else
        {
            PathsDiffer++;
            return;
        }

        if (flow is not null && _counted.Count < MostFlows && _counted.Add((flow, group)))
        {
            group.Flows++;
            if (group.Examples.Count < DiffGroup.MostFlows)
            {
                group.Examples.Add(flow.Headers);
            }
        }

        _onPacket?.Invoke(block, _block, i);
    }

    private DiffGroup? Group(Outcome before, Outcome after)
    {
        if (before.Verdict == after.Verdict && before.Reason == after.Reason && before.Rule == after.Rule && before.Path.SequenceEqual(after.Path))
        {
            return null;
        }

        string by = ChangedBy(before, after);
        (Verdict, DenyReason, string?, Verdict, DenyReason, string?, string) key =
            (before.Verdict, before.Reason, before.Rule, after.Verdict, after.Reason, after.Rule, by);
        if (!_groups.TryGetValue(key, out DiffGroup? group))
        {
            group = new DiffGroup { Before = before, After = after, ChangedBy = by };
            _groups.Add(key, group);
        }

        return group;
    }

    private static string ChangedBy(Outcome before, Outcome after)
    {
        if (after.Verdict == Verdict.Moot)
        {
            return "what is denied now: they would not exist";
        }

        if (before.Verdict == Verdict.Moot)
        {
            return "what was denied before: they would exist";
        }

        string? gone = before.Path.FirstOrDefault(step => !after.Path.Contains(step));
        string? come = after.Path.FirstOrDefault(step => !before.Path.Contains(step));
        return (after.Verdict == Verdict.Deny ? gone ?? after.Rule : come ?? gone) ?? after.Rule ?? before.Rule
            ?? (after.Reason != DenyReason.None ? after.Reason.ToString() : before.Reason != DenyReason.None ? before.Reason.ToString() : "placement");
    }
}
