using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Diagnostics;
using System.IO;
using System.Linq;
using Dataplane.Analysis.Summary;
using Dataplane.Analysis.Trace;
using Dataplane.Capture;
using Dataplane.Engine;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Reports;
using Dataplane.Topology.Model;

namespace Dataplane.Cli;

/// <summary><c>replay</c>: what would this network have done with these captured packets.</summary>
internal sealed class ReplayCommand
{
    private const int MostWorkers = 64;

    private readonly TopologyOptions _topology;
    private readonly CaptureOptions _captures;
    private readonly JudgeSwitches _switches;
    private readonly Option<string> _packets = Output("--packets", "One record per packet, in capture order: .jsonl, .csv, or - for JSON lines");
    private readonly Option<string> _flows = Output("--flows", "One record per flow, in order of first packet");
    private readonly Option<string> _summary = Output("--summary", "The summary as one JSON object");
    private readonly Option<string> _allowed = Output("--allowed", "The allowed packets as pcapng, byte for byte");
    private readonly Option<string> _denied = Output("--denied", "The denied packets as pcapng, each with its reason and rule as comment");
    private readonly Option<int?> _workers = WorkersOption();
    private readonly Option<string> _failOn = FailOn("Exit 1 if any packet was denied");

    private ReplayCommand(Command command)
    {
        _topology = new TopologyOptions(command);
        _captures = new CaptureOptions(command);
        foreach (Option option in (Option[])[_packets, _flows, _summary, _allowed, _denied])
        {
            command.Options.Add(option);
        }

        command.Options.Add(_workers);
        command.Options.Add(_failOn);
        _switches = new JudgeSwitches(command);
    }

    internal static Command Create()
    {
        Command command = new("replay", "What would this network have done with these captured packets, and which rule decided");
        ReplayCommand replay = new(command);
        command.SetAction(parsed => Program.Guard(parsed, replay.Run));
        return command;
    }

    /// <summary>Worker threads: as asked, else one per core.</summary>
    internal static int Workers(int? asked) => asked is null ? Math.Min(Environment.ProcessorCount, MostWorkers)
        : asked is >= 1 and <= MostWorkers ? asked.Value
        : throw new CommandException(ExitCode.Usage, $"--workers {asked}: out of range. Give a number from 1 to {MostWorkers}, or leave it out for one per core.");

    internal static Option<int?> WorkersOption() => new("--workers")
    {
        Description = "Worker threads, each of which reads, parses and judges (default: one per core); records do not depend on it",
        HelpName = "N",
    };

    internal static Option<string> FailOn(string description)
    {
        Option<string> option = new("--fail-on") { Description = description, HelpName = "deny" };
        option.AcceptOnlyFromAmong("deny");
        return option;
    }

    internal static Option<string> Output(string name, string description) => new(name) { Description = description, HelpName = "FILE|-" };

    /// <summary>A public address of the network to its private one, as flow keys want it (R-13).</summary>
    internal static Func<IpAddress, IpAddress> ToPrivate(Network network)
    {
        Dictionary<IpAddress, IpAddress> known = [];
        foreach (InterfaceAddress address in network.Interfaces.SelectMany(i => i.Addresses))
        {
            if (address.Public is { } outside)
            {
                known.TryAdd(outside, address.Private);
            }
        }

        return address => known.GetValueOrDefault(address, address);
    }

    private int Run(ParseResult parsed, Voice voice, Signals signals)
    {
        List<string> warnings = [];
        Faults faults = new();
        JudgeOptions options = faults.Of(() => _switches.Read(parsed))!;
        int workers = faults.Of(() => Workers(parsed.GetValue(_workers)));
        RecordFormat packetFormat = faults.Of(() => RecordFiles.Format(parsed.GetValue(_packets), "--packets")), flowFormat = faults.Of(() => RecordFiles.Format(parsed.GetValue(_flows), "--flows"));
        PacketFilter? filter = faults.Of(() => _captures.Filter(parsed));
        AddressMap? map = faults.Of(() => _captures.Map(parsed));
        IReadOnlyList<string> paths = _topology.Paths(parsed);
        bool canRead = faults.Of(() => _captures.ReadsInputOnce(parsed, paths)) || !paths.Contains("-");
        Network network = (canRead ? faults.Of(() => _topology.Load(parsed, voice, warnings)) : null)!;
        faults.Throw();
        using CaptureReader reader = _captures.Open(parsed);
        using Outputs outputs = new([.. _captures.Files(parsed), .. paths]);
        OutputFile? packets = outputs.Open(parsed.GetValue(_packets), "--packets");
        OutputFile? flows = outputs.Open(parsed.GetValue(_flows), "--flows");
        OutputFile? summaryFile = outputs.Open(parsed.GetValue(_summary), "--summary");
        OutputFile? allowed = outputs.Open(parsed.GetValue(_allowed), "--allowed");
        OutputFile? denied = outputs.Open(parsed.GetValue(_denied), "--denied");
        outputs.OneStandardOutput();

        Stopwatch watch = Stopwatch.StartNew();
        ResultTables tables = new();
        using ReplaySummary summary = new(tables, options, workers, flows is not null);
        using EngineRun engine = Engines.Start(network, options, workers, tables, summary.Observer);
        IJudge judge = new CountedJudge(engine.Judge, engine.Views, summary);
        List<IPacketSink> sinks = [];
        if (packets is not null)
        {
            sinks.Add(new PacketRecords(packets.Stream, judge.Tables, packetFormat) { FlushEachBlock = packets.IsStandardOutput && _captures.IsStream(parsed) });
        }

        AddCapture(sinks, allowed, Verdict.Allow, reader, judge.Tables);
        AddCapture(sinks, denied, Verdict.Deny, reader, judge.Tables);

        bool finished;
        using (Progress progress = new(voice, () => (summary.Read, reader.BytesRead, reader.TotalBytes)))
        {
            Pipeline pipeline = new(new CaptureSource(reader), Prepare(map, filter), judge, sinks.Count == 0 ? null : new AllSinks(sinks), inOneThread: workers == 1);
            finished = pipeline.Run(signals.Token);
        }

        summary.Complete();

        watch.Stop();
        if (flows is not null)
        {
            FlowRecords.WriteAll(flows.Stream, summary.FlowRecords(), judge.Tables, flowFormat);
        }

        warnings.AddRange(reader.Warnings);
        warnings.AddRange(engine.Warnings);
        if (summary.FlowsOverflowed > 0)
        {
            warnings.Add($"Counted by the first packet alone: {Counted.Of(summary.FlowsOverflowed, "flow")}, for more than {Counted.Of(ReplaySummary.MostFlows, "flow")} lived at a time. --flows FILE follows them all.");
        }

        HashSet<string> components = [.. network.Interfaces.Select(i => i.Id), .. network.Gateways.Select(g => g.Id)];
        NearestMiss nearest = new(network, options, Engines.Single);
        ReplayReport report = new()
        {
            Topologies = _topology.Paths(parsed),
            Captures = _captures.Files(parsed),
            Summary = summary,
            Options = options,
            Elapsed = watch.Elapsed,
            Warnings = warnings,
            Misses = row => nearest.Find(row.Example, row.ExampleOutcome),
            TraceCommand = row => TraceCommand.For(row, _topology.AsTyped(parsed), _switches.AsTyped(parsed)),
            IsComponent = components.Contains,
            Maps = summary.Packets[(int)Verdict.Unplaced] * 2 > summary.Selected ? MapProposal.Find(network, summary.Unplaced) : [],
            Chosen = voice.Verbose ? network.Chosen : [],
            Filter = _captures.FilterText(parsed),
            Interrupted = !finished,
            CompileMilliseconds = engine.CompileMilliseconds,
        };
        if (summaryFile is not null)
        {
            SummaryJson.Write(summaryFile.Stream, report, network);
        }

        outputs.Complete();
        if (reader.IsDamaged && !outputs.UsesStandardOutput)
        {
            // The exit code will say 4: so does standard error, whatever becomes of the summary.
            foreach (string warning in reader.Warnings)
            {
                Voice.Error($"dataplane: {warning}");
            }
        }

        if (!outputs.UsesStandardOutput)
        {
            using StreamWriter screen = Program.StandardOutput();
            new SummaryScreen(screen, report).Draw();
            warnings.ForEach(voice.ExplainWarning);
        }
        else
        {
            TopologyOptions.ExplainChosen(network, voice);
            warnings.ForEach(voice.Warn);
        }

        return signals.Code
            ?? (reader.IsDamaged ? ExitCode.Capture
                : parsed.GetValue(_failOn) == "deny" && summary.Packets[(int)Verdict.Deny] > 0 ? ExitCode.Negative
                : ExitCode.Done);
    }

    /// <summary>Parses a block and marks the packets that are counted and written.</summary>
    internal static Action<PacketBlock> Prepare(AddressMap? map, PacketFilter? filter) => block =>
    {
        HeaderParser.ParseBlock(block, map);
        if (filter is null)
        {
            block.Selected.AsSpan(0, block.Count).Fill(true);
            return;
        }

        for (int i = 0; i < block.Count; i++)
        {
            block.Selected[i] = filter.Matches(block.Headers[i]);
        }
    };

    private static void AddCapture(List<IPacketSink> sinks, OutputFile? file, Verdict verdict, CaptureReader reader, ResultTables tables)
    {
        if (file is not null)
        {
            sinks.Add(new VerdictCapture(file.Stream, verdict, reader.Interfaces, tables));
        }
    }
}
