using System;
using System.Collections.Generic;
using System.CommandLine;
using System.IO;
using System.Text;
using Dataplane.Compiler.Emit;
using Dataplane.Compiler.Load;
using Dataplane.Compiler.Lower;
using Dataplane.Topology.Model;

namespace Dataplane.Cli;

/// <summary><c>compile</c>: the generated C# of a topology.</summary>
internal sealed class CompileCommand
{
    private readonly TopologyOptions _topology;
    private readonly Option<string> _output = new("--output", "-o") { Description = "Write the files into this folder; - prints them, which is the default", HelpName = "DIR" };

    private CompileCommand(Command command)
    {
        _topology = new TopologyOptions(command);
        command.Options.Add(_output);
    }

    internal static Command Create()
    {
        Command command = new("compile", "The generated C# for this topology");
        CompileCommand compile = new(command);
        command.SetAction(parsed => Program.Guard(parsed, compile.Run));
        return command;
    }

    private int Run(ParseResult parsed, Voice voice, Signals signals)
    {
        List<string> warnings = [];
        Network network = _topology.Load(parsed, voice, warnings);
        TopologyOptions.ExplainChosen(network, voice);
        FilterCatalog catalog = new(network);
        NetworkCompilation compilation = NetworkCompilation.Create(catalog, signals.Token);
        if (parsed.GetValue(_output) is { } folder and not "-")
        {
            try
            {
                Directory.CreateDirectory(folder);
                foreach (CompiledText text in compilation.Texts)
                {
                    File.WriteAllText(Path.Combine(folder, text.FileName), text.Text, new UTF8Encoding(false));
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new CommandException(ExitCode.System, $"-o {folder}: {OutputFile.Sentence(e.Message)} Choose a folder that can be written.");
            }
        }
        else
        {
            using StreamWriter screen = Program.StandardOutput();
            foreach (CompiledText text in compilation.Texts)
            {
                screen.Write(text.Text);
                screen.Write('\n');
            }
        }

        if (voice.Verbose)
        {
            CompileReport report = FilterCompiler.CompileAll(compilation, FilterCompiler.Interpret(catalog), signals.Token);
            foreach (string line in report.Lines())
            {
                voice.Explain(line);
            }
        }

        return signals.Code ?? ExitCode.Done;
    }
}
