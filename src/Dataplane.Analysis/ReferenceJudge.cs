using System;
using System.Collections.Generic;
using Dataplane.Engine;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Topology.Model;
using Dataplane.Topology.Reference;

namespace Dataplane.Analysis;

/// <summary>The reference interpreter behind the engine's own interface: slow, and right by definition.</summary>
/// <remarks>
/// Not thread-safe. When the table of paths is full, a packet whose path is new keeps its verdict, reason and state, from and to, but loses its rule and path;
/// <see cref="Abridged"/> counts them, so that a caller can say so.
/// </remarks>
public sealed class ReferenceJudge : IJudge
{
    private readonly Interpreter _interpreter;

    // One path without rule and steps for each thing that can be said, interned while there is room.
    private readonly Dictionary<(Verdict, DenyReason, FlowState), int> _bare = [];

    public ReferenceJudge(Network network, JudgeOptions options)
        : this(network, options, new ResultTables())
    {
    }

    public ReferenceJudge(Network network, JudgeOptions options, ResultTables tables)
    {
        _interpreter = new Interpreter(network, options);
        Tables = tables;
        foreach (FlowState state in Enum.GetValues<FlowState>())
        {
            Reserve(Verdict.Allow, DenyReason.None, state);
        }

        foreach (DenyReason reason in Enum.GetValues<DenyReason>())
        {
            Reserve(Verdict.Deny, reason, FlowState.None);
        }
    }

    public ResultTables Tables { get; }

    /// <summary>Packets whose rule and path did not fit into the table of paths.</summary>
    public long Abridged { get; private set; }

    public void Judge(PacketBlock block)
    {
        for (int i = 0; i < block.Count; i++)
        {
            ref readonly Headers headers = ref block.Headers[i];
            Headers quote = headers.HasQuote ? block.Quotes[i] : default;
            block.Results[i] = Number(_interpreter.Judge(headers, quote, block.Packets[i].Time));
        }
    }

    private PacketResult Number(Outcome outcome)
    {
        switch (outcome.Verdict)
        {
            case Verdict.Invalid:
                return PacketResult.Bare(PathTable.Invalid);
            case Verdict.Ignored:
                return PacketResult.Bare(PathTable.Ignored);
            case Verdict.Unplaced:
                return PacketResult.Bare(PathTable.Unplaced);
            case Verdict.Moot:
                return PacketResult.Bare(PathTable.Moot, Name(outcome.From));
        }

        try
        {
            return Tables.Intern(outcome);
        }
        catch (InvalidOperationException)
        {
            Abridged++;
            return PacketResult.Bare(_bare[(outcome.Verdict, outcome.Reason, outcome.State)], Name(outcome.From)) with { To = Name(outcome.To) };
        }
    }

    private int Name(string? name) => name is null ? NameTable.None : Tables.Names.Intern(name);

    private void Reserve(Verdict verdict, DenyReason reason, FlowState state)
    {
        int path = Tables.Paths.Intern(verdict, reason, state, NameTable.None, []);
        _bare[(verdict, reason, state)] = path < 0 ? PathTable.Unplaced : path;
    }
}
