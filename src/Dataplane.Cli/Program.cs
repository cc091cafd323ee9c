using System;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text;
using Dataplane.Capture;

namespace Dataplane.Cli;

/// <summary>The command line: commands, options every command has, exit codes.</summary>
internal static class Program
{
    private static readonly Option<bool> Quiet = new("--quiet", "-q") { Description = "Say nothing on standard error but errors; results are printed", Recursive = true };
    private static readonly Option<bool> Verbose = new("--verbose", "-v") { Description = "Explain: warnings, chosen addresses, stacks of bugs", Recursive = true };

    internal static int Main(string[] args)
    {
        RootCommand root = new("Real packets through real AWS network configuration: what would have happened, and which rule decided.");
        root.Options.Add(Quiet);
        root.Options.Add(Verbose);
        root.Subcommands.Add(ReplayCommand.Create());
        root.Subcommands.Add(RunCommand.Create());
        root.Subcommands.Add(TraceCommand.Create());
        root.Subcommands.Add(DiffCommand.Create());
        root.Subcommands.Add(CompileCommand.Create());
        root.Subcommands.Add(BenchCommand.Create());
        ParseResult parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (ParseError error in parsed.Errors)
            {
                Voice.Error($"dataplane: {Said(error)}");
            }

            if (string.Join(" or ", Spelling.Meant(parsed)) is { Length: > 0 } meant)
            {
                Voice.Error($"Did you mean {meant}?");
            }

            Voice.Error($"Try: dataplane {string.Join(' ', parsed.CommandResult.Command == root ? [] : (string[])[parsed.CommandResult.Command.Name])} --help".Replace("  ", " ", StringComparison.Ordinal));
            return ExitCode.Usage;
        }

        try
        {
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (IOException e) when (IsClosedPipe(e))
        {
            return ExitCode.Done;
        }
    }

    /// <summary>A fault of the command line. What was wanted where a number was is said in words, not as a type.</summary>
    private static string Said(ParseError error)
    {
        const string Begin = "Cannot parse argument '", Middle = "' for option '", End = "' as expected type ";
        string text = error.Message;
        int middle = text.IndexOf(Middle, StringComparison.Ordinal), end = text.IndexOf(End, StringComparison.Ordinal);
        return text.StartsWith(Begin, StringComparison.Ordinal) && middle > 0 && end > middle
            ? $"{text[(middle + Middle.Length)..end]} {text[Begin.Length..middle]}: not a number. Give {(text.Contains("Double", StringComparison.Ordinal) ? "a" : "a whole")} number."
            : text;
    }

    /// <summary>Runs a command's work: messages for what goes wrong, exit codes, signals.</summary>
    internal static int Guard(ParseResult parsed, Func<ParseResult, Voice, Signals, int> work)
    {
        Voice voice = new(parsed.GetValue(Quiet), parsed.GetValue(Verbose));
        using Signals signals = new();
        try
        {
            return work(parsed, voice, signals);
        }
        catch (CommandException e)
        {
            Voice.Error($"dataplane: {e.Message}");
            return e.ExitCode;
        }
        catch (CaptureException e)
        {
            Voice.Error($"dataplane: {e.Message}");
            return ExitCode.Capture;
        }
        catch (IOException e) when (IsClosedPipe(e))
        {
            return signals.Code ?? ExitCode.Done;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Voice.Error($"dataplane: {OutputFile.Sentence(e.Message)} Free space or choose another place.");
            return ExitCode.System;
        }
        catch (OperationCanceledException) when (signals.Code is { } code)
        {
            return code;
        }
        catch (Exception e)
        {
            Voice.Error($"dataplane: a bug: {e.GetType().Name}: {e.Message} Report it with this line, the version ({Version()}) and the command; -v shows where it happened.");
            voice.Explain(e.ToString());
            return ExitCode.Bug;
        }
    }

    /// <summary>Standard output as UTF-8 text with plain line ends.</summary>
    internal static StreamWriter StandardOutput() => new(new NamedStream(Cli.StandardOutput.Open(), "standard output"), new UTF8Encoding(false), 16 * 1024) { NewLine = "\n" };

    private static string Version() =>
        Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+').First() ?? "unknown";

    /// <summary>The reader of standard output went away: | head.</summary>
    internal static bool IsClosedPipe(IOException e) =>
        (e.HResult & 0xFFFF) is 32 or 109 or 232 || e.Message.Contains("Broken pipe", StringComparison.Ordinal);
}
