using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
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

    /// <exception cref="CommandException">The topology cannot be read; all its faults were said.</exception>
    internal Network Load(ParseResult parsed, Voice voice, List<string> warnings, IReadOnlyList<string> paths)
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
        bool strict = parsed.GetValue(_strict);
        foreach (Fault fault in faults.All.Where(f => f.IsError || strict))
        {
            Voice.Error($"error: {fault}");
        }

        if (faults.Dropped > 0)
        {
            Voice.Error($"error: {faults.Dropped} more faults are not shown.");
        }

        if (network is null || faults.HasErrors || (strict && faults.All.Count > 0))
        {
            throw new CommandException(ExitCode.Topology, $"{string.Join(", ", paths)}: the topology cannot be used: {faults.Errors.Count()} errors, {faults.Warnings.Count()} warnings. Mend what is named above.");
        }

        foreach (Fault warning in faults.Warnings)
        {
            warnings.Add(warning.ToString());
            voice.Explain($"warning: {warning}");
        }

        return network;
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
