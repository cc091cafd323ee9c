using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using Dataplane.Capture;
using Dataplane.Packets;

namespace Dataplane.Cli;

/// <summary>Which packets are read, where they are put, and which of them count.</summary>
internal sealed class CaptureOptions
{
    private readonly Argument<string[]> _files = new("capture")
    {
        Description = "pcap or pcapng files, also gzip or zstd, in this order; - reads standard input",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<string[]> _map = new("--map")
    {
        Description = "Rewrite captured addresses before anything else: CIDR=CIDR of the same length (repeatable)",
        HelpName = "CIDR=CIDR",
        AllowMultipleArgumentsPerToken = false,
    };

    private readonly Option<string> _filter = new("--filter")
    {
        Description = "Count and write only these packets (all are judged): host, net, port, portrange, proto, and, or, not",
        HelpName = "EXPR",
    };

    internal CaptureOptions(Command command)
    {
        // A mistyped option would else be read as a file.
        _files.Validators.Add(result =>
        {
            foreach (System.CommandLine.Parsing.Token token in result.Tokens)
            {
                if (token.Value.Length > 1 && token.Value[0] == '-')
                {
                    result.AddError($"Unrecognized option '{token.Value}'. A file of this name can be given as ./{token.Value}.");
                }
            }
        });
        command.Arguments.Add(_files);
        command.Options.Add(_map);
        command.Options.Add(_filter);
    }

    internal IReadOnlyList<string> Files(ParseResult parsed) => parsed.GetValue(_files) ?? [];

    internal bool IsStream(ParseResult parsed) => Files(parsed).Contains("-");

    internal string? FilterText(ParseResult parsed) => parsed.GetValue(_filter);

    /// <exception cref="CommandException">The expression makes no sense.</exception>
    internal PacketFilter? Filter(ParseResult parsed) => Filter(parsed.GetValue(_filter));

    /// <exception cref="CommandException">The expression makes no sense.</exception>
    internal static PacketFilter? Filter(string? text)
    {
        if (text is null)
        {
            return null;
        }

        try
        {
            return PacketFilter.Parse(text);
        }
        catch (FilterException e)
        {
            throw new CommandException(ExitCode.Usage, e.Message);
        }
    }

    /// <exception cref="CommandException">Maps make no sense: all that do not.</exception>
    internal AddressMap? Map(ParseResult parsed)
    {
        string[] texts = parsed.GetValue(_map) ?? [];
        Faults faults = new();
        foreach (string text in texts)
        {
            faults.Of(() => OfMap(text));
        }

        faults.Throw();
        return OfMap(texts);
    }

    /// <exception cref="CommandException">Standard input is asked for twice, by captures or topologies.</exception>
    internal bool ReadsInputOnce(ParseResult parsed, IEnumerable<string> topologies) => Files(parsed).Concat(topologies).Count(path => path == "-") <= 1
        ? true
        : throw new CommandException(ExitCode.Usage, "-: standard input can be read once. Give - once.");

    /// <exception cref="CommandException">A file cannot be opened, or is no capture.</exception>
    internal CaptureReader Open(ParseResult parsed) => CaptureReader.Open(Files(parsed));

    private static AddressMap? OfMap(params string[] texts)
    {
        try
        {
            return AddressMap.Parse(texts);
        }
        catch (FormatException e)
        {
            throw new CommandException(ExitCode.Usage, e.Message);
        }
    }
}
