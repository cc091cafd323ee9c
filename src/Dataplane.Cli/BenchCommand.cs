using System.CommandLine;

namespace Dataplane.Cli;

/// <summary><c>bench</c>: how fast this machine is.</summary>
internal sealed class BenchCommand
{
    private readonly RuleBench _rules;

    private BenchCommand(Command command) => _rules = new RuleBench(command);

    internal static Command Create()
    {
        Command command = new("bench", "How many packets or look-ups a second are reached here");
        BenchCommand bench = new(command);
        command.SetAction(parsed => Program.Guard(parsed, bench._rules.Run));
        return command;
    }
}
