using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using Dataplane.Records;
using Dataplane.Topology;
using Dataplane.Topology.Model;

namespace Dataplane.Cli;

/// <summary>The options that say which network is meant, and how strict its reading is.</summary>
internal sealed class TopologyOptions
{
    private readonly Option<string[]> _parameters = new("--parameter")
    {
        Description = "A CloudFormation parameter's value, Name=Value (repeatable)",
        HelpName = "NAME=VALUE",
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
    };

    private readonly Option<string[]> _interfaces = new("--eni")
    {
        Description = "An interface that the files do not have: NAME=ADDRESS,sg=SG[+SG...][,subnet=SUBNET][,public=ADDRESS] (repeatable)",
        HelpName = "NAME=ADDRESS,...",
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
    };

    private readonly Option<bool> _strict = new("--strict") { Description = "Warnings of the topology are errors" };

    private readonly Option<string> _quotas = Choice("--quotas", "What exceeding an AWS quota is", "warn", "ignore", "error");

    private readonly Option<string[]>? _topology;

    internal TopologyOptions(Command command, bool withTopology = true)
    {
        if (withTopology)
        {
            _topology = new Option<string[]>("--topology", "-t")
            {
                Description = "AWS CLI snapshot (a JSON file, or a folder of them) or CloudFormation template; all are merged (repeatable)",
                HelpName = "PATH",
                Required = true,
                Arity = ArgumentArity.OneOrMore,
                AllowMultipleArgumentsPerToken = false,
            };
            command.Options.Add(_topology);
        }

        command.Options.Add(_parameters);
        command.Options.Add(_interfaces);
        command.Options.Add(_strict);
        command.Options.Add(_quotas);
    }

    /// <summary>An option with a fixed list of values; the first is the default.</summary>
    internal static Option<string> Choice(string name, string description, params string[] values)
    {
        Option<string> option = new(name)
        {
            Description = $"{description}: {string.Join(", ", values)}",
            HelpName = string.Join('|', values),
            DefaultValueFactory = _ => values[0],
        };
        option.AcceptOnlyFromAmong(values);
        return option;
    }

    /// <summary>The paths of -t as typed.</summary>
    internal IReadOnlyList<string> Paths(ParseResult parsed) => parsed.GetValue(_topology!) ?? [];

    /// <summary>-t, --parameter and --eni as words of a shell, for a command that means the same network.</summary>
    internal string AsTyped(ParseResult parsed) => string.Join(' ', Paths(parsed).Select(p => "-t " + Shell.Quote(p))
        .Concat((parsed.GetValue(_parameters) ?? []).Select(p => "--parameter " + Shell.Quote(p)))
        .Concat((parsed.GetValue(_interfaces) ?? []).Select(i => "--eni " + Shell.Quote(i))));

    internal Network Load(ParseResult parsed, Voice voice, List<string> warnings) => Load(parsed, voice, warnings, Paths(parsed));

    /// <param name="isReload">It would take over from one that is in force: it has to be whole, for who writes a file may not have come to its end.</param>
    /// <exception cref="CommandException">The topology cannot be read; all its faults were said.</exception>
    internal Network Load(ParseResult parsed, Voice voice, List<string> warnings, IReadOnlyList<string> paths, bool isReload = false)
    {
        Dictionary<string, string> parameters = new(StringComparer.Ordinal);
        foreach (string text in parsed.GetValue(_parameters) ?? [])
        {
            int equals = text.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                throw new CommandException(ExitCode.Usage, $"--parameter {text}: there is no = in it. Write Name=Value.");
            }

            parameters[text[..equals]] = text[(equals + 1)..];
        }

        string[] interfaces = parsed.GetValue(_interfaces) ?? [];
        FaultList malformed = new();
        foreach (string text in interfaces)
        {
            _ = InterfaceOption.Read(text, malformed);
        }

        if (malformed.HasErrors)
        {
            throw new CommandException(ExitCode.Usage, string.Join(Environment.NewLine, malformed.Errors));
        }

        LoadOptions options = new(paths, parameters, interfaces)
        {
            Quotas = parsed.GetValue(_quotas) switch
            {
                "ignore" => QuotaPolicy.Ignore,
                "error" => QuotaPolicy.Error,
                _ => QuotaPolicy.Warn,
            },
        };
        (Network? network, FaultList faults) = TopologyLoader.Load(options);
        if (isReload && !faults.HasErrors && (faults.All.Any(f => f.IsIncomplete) || network is { Vpcs.IsEmpty: true }))
        {
            string where = faults.All.FirstOrDefault(f => f.IsIncomplete)?.Where ?? string.Join(", ", paths);
            throw new CommandException(ExitCode.Topology, $"{where}: {(network is { Vpcs.IsEmpty: true } ? "no VPC is in the topology" : "the file is empty")}, as while it is being written. Write it beside its name and rename it.");
        }

        bool strict = parsed.GetValue(_strict);
        if (network is null || faults.HasErrors || (strict && faults.All.Count > 0))
        {
            throw Unusable(faults, strict, voice, paths);
        }

        foreach (Fault warning in faults.Warnings)
        {
            warnings.Add(warning.ToString());
            voice.ExplainWarning(warning.ToString());
        }

        return network;
    }

    /// <summary>Says all that is wrong with the files, warnings too: what is to be mended may be among them. What the user typed wrongly is wrong usage.</summary>
    private static CommandException Unusable(FaultList faults, bool strict, Voice voice, IReadOnlyList<string> paths)
    {
        List<Fault> typed = [.. faults.Errors.Where(f => f.IsUsage)], errors = [.. faults.All.Where(f => !f.IsUsage && (f.IsError || strict))];
        List<Fault> warned = [.. faults.Warnings.Except(errors)];
        errors.ForEach(fault => Voice.Error($"error: {fault}"));
        warned.ForEach(fault => voice.Warn(fault.ToString()));
        if (faults.Dropped > 0)
        {
            Voice.Error($"error: {Counted.Of(faults.Dropped, "more fault")} not shown.");
        }

        List<string> said = [.. typed.Select(f => f.ToString())];
        if (errors.Count > 0 || typed.Count == 0)
        {
            said.Add($"{string.Join(", ", paths)}: the topology cannot be used: {Counted.Of(errors.Count, "error")}, {Counted.Of(warned.Count, "warning")}. Mend what is named above.");
        }

        return new CommandException(typed.Count > 0 ? ExitCode.Usage : ExitCode.Topology, string.Join(Environment.NewLine + "dataplane: ", said));
    }

    /// <summary>With -v the addresses that were chosen for a template, on standard error: for commands whose standard output is not a summary.</summary>
    internal static void ExplainChosen(Network network, Voice voice)
    {
        foreach (string chosen in network.Chosen)
        {
            voice.Explain($"chosen: {chosen}");
        }
    }
}
