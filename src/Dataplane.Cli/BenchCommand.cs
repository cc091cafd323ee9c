using System.CommandLine;

namespace Dataplane.Cli;

/// <summary><c>bench</c>: how fast this machine is.</summary>
internal sealed class BenchCommand
{
    private readonly RuleBench _rules;
    private readonly TopologyBench _topology;

    private BenchCommand(Command command)
    {
        _rules = new RuleBench(command);
        _topology = new TopologyBench(command, _rules);
    }

    internal static Command Create()
    {
        Command command = new("bench", "How many packets or look-ups a second are reached here: the engine with -t, a classifier alone with --rules and --headers");
        BenchCommand bench = new(command);
        command.SetAction(parsed => Program.Guard(parsed, bench.Run));
        return command;
    }

    private int Run(ParseResult parsed, Voice voice, Signals signals)
    {
        if (!_topology.IsAsked(parsed))
        {
            _topology.RefuseWithoutTopology(parsed);
            return _rules.Run(parsed, voice, signals);
        }

        return _rules.IsAsked(parsed)
            ? throw new CommandException(ExitCode.Usage, "bench: -t measures a topology, --rules, --headers and -o a classifier alone. Give one of the two forms.")
            : _topology.Run(parsed, voice, signals);
    }
}
