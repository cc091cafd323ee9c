using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using Dataplane.Analysis.Summary;
using Dataplane.Analysis.Trace;
using Dataplane.Capture;
using Dataplane.Capture.Live;
using Dataplane.Engine;
using Dataplane.Live;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Reports;
using Dataplane.Topology.Model;

namespace Dataplane.Cli;

/// <summary><c>run</c>: the same verdicts as replay, live, between interfaces.</summary>
internal sealed class RunCommand
{
    private readonly TopologyOptions _topology;
    private readonly LiveOptions _live;
    private readonly JudgeSwitches _switches;
    private readonly Option<string> _packets = ReplayCommand.Output("--packets", "One record per packet, in order of arrival: .jsonl, .csv, or - for JSON lines; each ends with its epoch");
    private readonly Option<string> _flows = ReplayCommand.Output("--flows", "One record per flow, in order of first packet, when the run ends");
    private readonly Option<string> _summary = ReplayCommand.Output("--summary", "The summary as one JSON object");
    private readonly Option<string> _allowed = ReplayCommand.Output("--allowed", "The allowed packets as pcapng, as they came in");
    private readonly Option<string> _denied = ReplayCommand.Output("--denied", "The denied packets as pcapng, each with its reason and rule as comment");
    private readonly Option<string> _write = ReplayCommand.Output("--write", "All packets as pcapng, as they came in, each with its interface");
    private readonly Option<string> _filter = new("--filter") { Description = "Count and write only these packets (all are judged): host, net, port, portrange, proto, and, or, not", HelpName = "EXPR" };
    private readonly Option<double> _seconds = new("--seconds") { Description = "End after so many seconds (default: run until Ctrl-C)", HelpName = "N" };
    private readonly Option<string> _whatIf = new("--what-if") { Description = "Say what this topology would do to the flows in progress, at SIGUSR1 and whenever it changes; it is never applied", HelpName = "PATH" };

    private RunCommand(Command command)
    {
        _topology = new TopologyOptions(command);
        _live = new LiveOptions(command);
        foreach (Option option in (Option[])[_packets, _flows, _summary, _allowed, _denied, _write, _filter, _seconds, _whatIf])
        {
            command.Options.Add(option);
        }

        _switches = new JudgeSwitches(command, isLive: true);
    }

    internal static Command Create()
    {
        Command command = new("run", "The same verdicts live, between interfaces: a bump in the wire (--bridge), or a VPC in a box (--attach)");
        RunCommand run = new(command);
        command.SetAction(parsed => Program.Guard(parsed, run.Run));
        return command;
    }

    private int Run(ParseResult parsed, Voice voice, Signals signals)
    {
        List<string> warnings = [];
        string? whatIf = parsed.GetValue(_whatIf);
        using Outputs outputs = new([.. _topology.Paths(parsed), .. whatIf is null ? (string[])[] : [whatIf]], inPlace: true);
        string stamp = ReloadWatch.Stamp(_topology.Paths(parsed));
        Checked run = Check(parsed, voice, outputs, warnings);
        (LiveChoice choice, JudgeOptions options, Network network) = (run.Choice, run.Options, run.Network);

        ResultTables tables = new();
        using ReplaySummary summary = new(tables, options, 1, run.Flows is not null);
        using LivePolicy policy = new(network, options, tables, summary.Observer);
        LiveWarmUp.Run(network, options, withRecords: HasRecords(parsed));
        using LivePorts ports = Open(choice);
        LiveNetwork forwarding = LiveNetwork.Create(choice, ports.Ports, policy.Engine, network);
        outputs.Begin();

        IReadOnlyList<CaptureInterface> described = [.. choice.Interfaces.Select((name, i) => new CaptureInterface(i, name, LinkType.Ethernet, name, 0, 0))];
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(signals.Token);
        LiveOutputs written = new(end.Cancel);
        written.Add(run.Packets, stream => new PacketRecords(stream, tables, run.PacketFormat, withEpoch: true) { FlushEachBlock = true });
        written.Add(run.Allowed, stream => Capture(stream, Verdict.Allow));
        written.Add(run.Denied, stream => Capture(stream, Verdict.Deny));
        written.Add(run.All, stream => Capture(stream, null));
        VerdictCapture Capture(Stream stream, Verdict? verdict) => new(stream, verdict, described, tables) { FlushEachBlock = true };

        IJudge judge = new CountedJudge(policy.Engine.Judge, (in Headers headers) => policy.Engine.Judge.Plan.View(in headers), summary);
        LiveLoop loop = new(ports, forwarding.Forwarding, judge, ReplayCommand.Prepare(null, run.Filter), written.HasSinks ? written : null);
        foreach (string note in ports.Notes.Concat(InterfaceChecks.Of(ports.Ports)).Concat(forwarding.Notes))
        {
            voice.Say(note.EndsWith('.') ? note : note + ".");
        }

        ReloadWatch reloads = new(
            voice, loop, policy, forwarding, options, network, warnings, ports.Now,
            said => _topology.Load(parsed, voice, said, _topology.Paths(parsed), isReload: true), _topology.Paths(parsed), stamp,
            whatIf is { } other ? () => _topology.Load(parsed, voice, [], [other], isReload: true) : null, whatIf);
        voice.Explain($"huge pages: {EngineJudge.HugePages}");
        voice.Say($"Running on {string.Join(", ", ports.Ports.Select(p => $"{p.Name} ({p.Method})"))}. Ctrl-C ends it with a summary; SIGHUP or a changed topology file reloads.");
        if (run.Seconds > 0)
        {
            end.CancelAfter(TimeSpan.FromSeconds(run.Seconds));
        }

        Stopwatch watch = Stopwatch.StartNew();
        using LinkWatch links = new(voice, choice.Interfaces);
        using (reloads)
        using (new LiveProgress(voice, () => loop.Received, forwarding.Forwarding.Fates))
        {
            reloads.Start();
            loop.Run(end.Token);
        }

        summary.Complete();
        watch.Stop();
        foreach (ILivePort port in ports.Ports)
        {
            port.ReadCounters();
        }

        written.Write(run.Flows, () => FlowRecords.WriteAll(run.Flows!.Stream, summary.FlowRecords(), tables, run.FlowFormat));
        warnings = [.. reloads.Warnings, .. links.Warnings(), .. policy.Warnings()];
        if (loop.WaitsForSinks > 0)
        {
            warnings.Add($"Writing records held the packets up {Counted.Of(loop.WaitsForSinks, "time")}. Write fewer of them, or to a faster place.");
        }

        LiveReport live = new(ports.Ports, forwarding.Forwarding.Fates, loop.Received, reloads.Done, reloads.Refused, loop.Epoch, (forwarding.Forwarding as Box)?.Counters,
            (forwarding.Forwarding as Bridge)?.FromWrongSide ?? 0, choice.Inside >= 0 ? choice.Interfaces[choice.Inside] : null);
        warnings.AddRange(live.Warnings());
        HashSet<string> components = [.. reloads.Network.Interfaces.Select(i => i.Id), .. reloads.Network.Gateways.Select(g => g.Id)];
        NearestMiss nearest = new(reloads.Network, options, Engines.Single);
        ReplayReport report = new()
        {
            Topologies = _topology.Paths(parsed),
            Captures = [.. choice.Interfaces],
            Summary = summary,
            Elapsed = watch.Elapsed,
            Warnings = warnings,
            Misses = row => nearest.Find(row.Example, row.ExampleOutcome),
            TraceCommand = row => TraceCommand.For(row, _topology.AsTyped(parsed), _switches.AsTyped(parsed)),
            IsComponent = components.Contains,
            Maps = [],
            Filter = parsed.GetValue(_filter),
            CompileMilliseconds = policy.CompileMilliseconds,
            Live = live,
        };
        written.Write(run.Summary, () => SummaryJson.Write(run.Summary!.Stream, report, reloads.Network));
        if (!outputs.UsesStandardOutput)
        {
            Show(report);
        }
        else
        {
            warnings.ForEach(voice.Warn);
        }

        return signals.Code ?? (written.HasFailed ? ExitCode.System : ExitCode.Done);
    }

    private static void Show(ReplayReport report)
    {
        try
        {
            using StreamWriter screen = Program.StandardOutput();
            new SummaryScreen(screen, report).Draw();
        }
        catch (IOException e) when (Program.IsClosedPipe(e))
        {
            // | head has seen enough; what else there is to say, the exit code says.
        }
    }

    /// <summary>Everything that can be known to be wrong before an interface is touched or a file loses what stood in it.</summary>
    /// <exception cref="CommandException">All that is.</exception>
    private Checked Check(ParseResult parsed, Voice voice, Outputs outputs, List<string> warnings)
    {
        Faults faults = new();
        OutputFile? Opened(Option<string> option) => faults.Of(() => outputs.Open(parsed.GetValue(option), option.Name));
        LiveChoice? choice = faults.Of(() => _live.Read(parsed));
        JudgeOptions? options = faults.Of(() => _switches.Read(parsed) with { Causal = false });
        double seconds = parsed.GetValue(_seconds);
        if (seconds < 0 || seconds > 1e9 || (seconds == 0 && parsed.GetResult(_seconds) is not null))
        {
            faults.Of(() => throw new CommandException(ExitCode.Usage, $"--seconds {seconds}: out of range. Give a number of seconds above 0, or leave it out."));
        }

        RecordFormat packetFormat = faults.Of(() => RecordFiles.Format(parsed.GetValue(_packets), "--packets")), flowFormat = faults.Of(() => RecordFiles.Format(parsed.GetValue(_flows), "--flows"));
        PacketFilter? filter = faults.Of(() => CaptureOptions.Filter(parsed.GetValue(_filter)));
        OutputFile? packets = Opened(_packets), flows = Opened(_flows), summary = Opened(_summary), allowed = Opened(_allowed), denied = Opened(_denied), all = Opened(_write);
        faults.Of(outputs.OneStandardOutput);
        Network? network = faults.Of(() => _topology.Load(parsed, voice, warnings));
        if (parsed.GetValue(_whatIf) is { } whatIf && !Path.Exists(whatIf))
        {
            faults.Of(() => throw new CommandException(ExitCode.Topology, $"--what-if {whatIf}: there is no such file or folder. Name the topology to compare with; it may change later."));
        }

        if (choice is not null)
        {
            faults.Of(() => Said(LivePorts.Check(choice.Interfaces)));
            if (network is not null)
            {
                faults.Of(() => LiveNetwork.Check(choice, network));
            }
        }

        faults.Throw();
        TopologyOptions.ExplainChosen(network!, voice);
        return new Checked(choice!, options!, seconds, packetFormat, flowFormat, filter, packets, flows, summary, allowed, denied, all, network!);
    }

    private bool HasRecords(ParseResult parsed) =>
        (parsed.GetValue(_packets) ?? parsed.GetValue(_write) ?? parsed.GetValue(_denied) ?? parsed.GetValue(_allowed)) is not null;

    private static LivePorts Open(LiveChoice choice)
    {
        try
        {
            return LivePorts.Open(choice.Interfaces, choice.Method);
        }
        catch (LiveException e)
        {
            Said(e.Faults);
            throw;
        }
    }

    /// <exception cref="CommandException">There are faults.</exception>
    private static void Said(IReadOnlyList<LiveFault> faults)
    {
        if (faults.Count > 0)
        {
            throw new CommandException(ExitCode.System, string.Join(Environment.NewLine + "dataplane: ", faults));
        }
    }

    /// <summary>What a live run was asked for, once nothing more can be found wrong with it.</summary>
    /// <param name="All">Of --write.</param>
    private sealed record Checked(
        LiveChoice Choice, JudgeOptions Options, double Seconds, RecordFormat PacketFormat, RecordFormat FlowFormat, PacketFilter? Filter,
        OutputFile? Packets, OutputFile? Flows, OutputFile? Summary, OutputFile? Allowed, OutputFile? Denied, OutputFile? All, Network Network);
}
