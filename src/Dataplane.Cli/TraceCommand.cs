using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.IO;
using Dataplane.Analysis;
using Dataplane.Analysis.Summary;
using Dataplane.Analysis.Trace;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Reports;
using Dataplane.Topology.Model;

namespace Dataplane.Cli;

/// <summary><c>trace</c>: what happens to this one packet, hop by hop, and why.</summary>
internal sealed class TraceCommand
{
    private readonly TopologyOptions _topology;
    private readonly JudgeSwitches _switches;
    private readonly Option<string> _from = new("--from") { Description = "Interface or instance id, address, or internet", HelpName = "END", Required = true };
    private readonly Option<string> _to = new("--to") { Description = "Interface or instance id, address, or internet", HelpName = "END", Required = true };
    private readonly Option<string> _protocol = new("--protocol") { Description = "tcp, udp, icmp, icmpv6 or a number (default tcp, or icmp with --icmp)", HelpName = "PROTOCOL" };
    private readonly Option<int?> _port = new("--port") { Description = "Destination port", HelpName = "N" };
    private readonly Option<int?> _sourcePort = new("--source-port") { Description = "Source port (default 40000)", HelpName = "N" };
    private readonly Option<string> _icmp = new("--icmp") { Description = "ICMP type and code (default: echo request)", HelpName = "TYPE/CODE" };
    private readonly Option<bool> _json = new("--json") { Description = "One JSON object: forward, return, nearestMiss" };

    private TraceCommand(Command command)
    {
        _topology = new TopologyOptions(command);
        foreach (Option option in (Option[])[_from, _to, _protocol, _port, _sourcePort, _icmp, _json])
        {
            command.Options.Add(option);
        }

        _switches = new JudgeSwitches(command);
    }

    internal static Command Create()
    {
        Command command = new("trace", "What happens to this one packet, hop by hop, and why");
        TraceCommand trace = new(command);
        command.SetAction(parsed => Program.Guard(parsed, trace.Run));
        return command;
    }

    /// <summary>The command that explains a denied row: for a return, the command of the packet that it answers. Null for what trace cannot ask: fragments without ports, ICMP of the other family.</summary>
    /// <param name="topology">The topology's options, as they were typed.</param>
    /// <param name="switches">Those that change verdicts, each with a space before it.</param>
    internal static string? For(DeniedRow row, string topology, string switches)
    {
        Headers ask = row.Question;
        if (!ask.PortsKnown && (ask.Protocol is 6 or 17 || ask.IsIcmp) || ask.IsIcmp && ask.IsIpv6 != (ask.Protocol == 58))
        {
            return null;
        }

        string protocol = ask.Protocol switch
        {
            1 => "icmp",
            6 => "tcp",
            17 => "udp",
            58 => "icmpv6",
            _ => ask.Protocol.ToString(CultureInfo.InvariantCulture),
        };
        string service = ask.IsIcmp
            ? ask.PortsKnown ? $" --icmp {ask.IcmpType}/{ask.IcmpCode}" : ""
            : ask.Protocol is 6 or 17 && ask.PortsKnown
                ? string.Create(CultureInfo.InvariantCulture, $" --port {ask.DestinationPort}{(row.IsAnswer ? $" --source-port {ask.SourcePort}" : "")}")
                : "";
        return $"dataplane trace {topology} --from {ask.Source} --to {ask.Destination} --protocol {protocol}{service}{switches}";
    }

    private int Run(ParseResult parsed, Voice voice, Signals signals)
    {
        List<string> warnings = [];
        Faults faults = new();
        JudgeOptions? options = faults.Of(() => _switches.Read(parsed));
        TraceQuestion? question = faults.Of(() => Question(parsed));
        Network? loaded = faults.Of(() => _topology.Load(parsed, voice, warnings));
        Tracer? tracer = loaded is null ? null : new Tracer(loaded, options ?? JudgeOptions.Default, Engines.Single);
        foreach (string fault in tracer?.FaultsOf(parsed.GetValue(_from)!, parsed.GetValue(_to)!) ?? [])
        {
            faults.Of(() => throw new CommandException(ExitCode.Usage, fault));
        }

        faults.Throw();
        Network network = loaded!;
        TopologyOptions.ExplainChosen(network, voice);
        TraceAnswer answer;
        SinglePackets judge;
        try
        {
            (answer, judge) = tracer!.Trace(question!);
        }
        catch (TraceException e)
        {
            throw new CommandException(ExitCode.Usage, e.Message);
        }

        if (parsed.GetValue(_json))
        {
            Json(answer, judge.Judge.Tables);
        }
        else
        {
            using StreamWriter screen = Program.StandardOutput();
            new TraceScreen(screen, network).Draw(answer);
        }

        return answer.Forward.Verdict == Verdict.Deny ? ExitCode.Negative : ExitCode.Done;
    }

    private TraceQuestion Question(ParseResult parsed)
    {
        string? icmp = parsed.GetValue(_icmp);
        string name = parsed.GetValue(_protocol) ?? (icmp is not null ? "icmp" : "tcp");
        byte protocol = name.ToUpperInvariant() switch
        {
            "TCP" => 6,
            "UDP" => 17,
            "ICMP" => 1,
            "ICMPV6" or "ICMP6" => 58,
            _ => byte.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out byte number)
                ? number
                : throw new CommandException(ExitCode.Usage, $"--protocol {name}: no such protocol. Use tcp, udp, icmp, icmpv6 or a number from 0 to 255."),
        };
        int? port = Port(parsed.GetValue(_port), "--port");
        int? sourcePort = Port(parsed.GetValue(_sourcePort), "--source-port");
        if (protocol is 6 or 17 && port is null)
        {
            throw new CommandException(ExitCode.Usage, $"--port: {name} needs a destination port. Add --port N.");
        }

        if (protocol is not (6 or 17) && port is not null)
        {
            throw new CommandException(ExitCode.Usage, $"--port {port}: {name} has no ports. Leave --port out, or use --icmp TYPE/CODE.");
        }

        (byte type, byte code) = ((byte)(protocol == 58 ? 128 : 8), (byte)0);
        if (icmp is not null)
        {
            if (protocol is not (1 or 58))
            {
                throw new CommandException(ExitCode.Usage, $"--icmp {icmp}: the protocol is {name}. Use --protocol icmp or icmpv6, or leave --protocol out.");
            }

            string[] parts = icmp.Split('/');
            if (parts.Length is < 1 or > 2 || !byte.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out type)
                || (parts.Length == 2 && !byte.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out code)))
            {
                throw new CommandException(ExitCode.Usage, $"--icmp {icmp}: not TYPE/CODE. Write two numbers from 0 to 255, for example 8/0.");
            }
        }

        return new TraceQuestion(parsed.GetValue(_from)!, parsed.GetValue(_to)!, protocol, port, sourcePort, type, code);
    }

    private static int? Port(int? port, string option) => port is < 0 or > 65_535
        ? throw new CommandException(ExitCode.Usage, $"{option} {port}: out of range. Give a number from 0 to 65535.")
        : port;

    private static void Json(TraceAnswer answer, ResultTables tables)
    {
        using Stream output = Console.OpenStandardOutput();
        Utf8Buffer json = new(output);
        RecordText text = new(tables, RecordFormat.JsonLines);
        json.Raw("{\"forward\":"u8);
        PacketRecords.WriteJson(json, text, 1, 0, answer.Packet, answer.ForwardResult);
        json.Raw(",\"return\":"u8);
        PacketRecords.WriteJson(json, text, 2, 1_000_000, answer.Answer, answer.ReturnResult);
        json.Raw(",\"nearestMiss\":"u8);
        if ((answer.NearestMiss ?? (answer.Forward.Verdict == Verdict.Allow ? answer.ReturnMiss : null)) is { } miss)
        {
            string change = RecordText.Quote(miss.Change, RecordFormat.JsonLines);
            string by = RecordText.Quote(miss.ThenDeniedBy, RecordFormat.JsonLines);
            json.Text($"{{\"change\":{change},\"thenAllowed\":{(miss.ThenAllowed ? "true" : "false")},\"thenDeniedBy\":{by}}}");
        }
        else
        {
            json.Raw("null"u8);
        }

        json.Raw("}\n"u8);
        json.Flush();
    }
}
