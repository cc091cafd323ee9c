using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Compiler;
using Dataplane.Compiler.Lower;
using Dataplane.Fabric;
using Dataplane.Live;
using Dataplane.Records;
using Dataplane.Topology;
using Dataplane.Topology.Model;

namespace Dataplane.Cli;

/// <summary>What surrounds the verdicts of a live run, and how it follows a change of the network.</summary>
internal sealed class LiveNetwork
{
    private readonly LiveChoice _choice;
    private readonly NetworkEngine _engine;

    private LiveNetwork(LiveChoice choice, NetworkEngine engine, IForwarding forwarding, IReadOnlyList<string> notes) =>
        (_choice, _engine, Forwarding, Notes) = (choice, engine, forwarding, notes);

    internal IForwarding Forwarding { get; }

    /// <summary>What a person should know before the first packet, as sentences.</summary>
    internal IReadOnlyList<string> Notes { get; }

    /// <summary>Looks whether the attachments fit the network, before anything is opened.</summary>
    /// <exception cref="CommandException">They do not; all faults are in it.</exception>
    internal static void Check(LiveChoice choice, Network network)
    {
        if (choice.IsBox)
        {
            ResultTables tables = new();
            Lower(choice, tables, network, FabricLowering.Lower(new FilterCatalog(network), tables), isReload: false);
        }
    }

    /// <exception cref="CommandException">The attachments do not fit the network; all faults are in it.</exception>
    internal static LiveNetwork Create(LiveChoice choice, IReadOnlyList<ILivePort> ports, NetworkEngine engine, Network network)
    {
        if (!choice.IsBox)
        {
            return new LiveNetwork(choice, engine, new Bridge(ports[0], ports[1], choice.NonIp, choice.Inside, engine.Plan, engine.Judge.Tables.Paths), []);
        }

        BoxPlan plan = Lower(choice, engine.Judge.Tables, network, engine.Plan, isReload: false);
        return new LiveNetwork(choice, engine, new Box(plan, ports, engine.Judge.Tables.Paths), plan.Notes);
    }

    /// <summary>What must be done, between two blocks, when a network takes over. Any thread may ask for it.</summary>
    /// <exception cref="CommandException">The attachments do not fit the network.</exception>
    internal Action Prepare(Network network, FabricPlan plan)
    {
        if (Forwarding is Bridge bridge)
        {
            return () => bridge.Adopt(plan);
        }

        Box box = (Box)Forwarding;
        BoxPlan next = Lower(_choice, _engine.Judge.Tables, network, plan, isReload: true);
        return () => box.Adopt(next);
    }

    /// <summary>What is attached and not in a network that takes over, as warnings: what comes there is unplaced until a network has it again.</summary>
    internal IReadOnlyList<string> Lacks(Network network)
    {
        try
        {
            Check(_choice, network);
            return [];
        }
        catch (CommandException e)
        {
            return e.Message.Split(Environment.NewLine + "dataplane: ");
        }
    }

    private static BoxPlan Lower(LiveChoice choice, ResultTables tables, Network network, FabricPlan plan, bool isReload)
    {
        FaultList faults = new();
        BoxPlan? box = BoxLowering.Lower(network, plan, tables, choice.Attachments, choice.Interfaces.Count, faults, isReload);
        return box ?? throw new CommandException(ExitCode.Usage, string.Join(Environment.NewLine + "dataplane: ", faults.Errors.Select(f => f.ToString())));
    }
}
