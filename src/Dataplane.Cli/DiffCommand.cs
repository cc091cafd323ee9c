using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Diagnostics;
using System.IO;
using System.Linq;
using Dataplane.Analysis;
using Dataplane.Analysis.Diff;
using Dataplane.Analysis.Flows;
using Dataplane.Capture;
using Dataplane.Engine;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Reports;
using Dataplane.Topology.Model;

namespace Dataplane.Cli;

/// <summary><c>diff</c>: which packets and flows of a capture change verdict between two topologies.</summary>
internal sealed class DiffCommand
{
    private const int MostGroups = 20;
    private const int MostExamples = 5;

    private readonly Option<string[]> _before = Side("--before");
    private readonly Option<string[]> _after = Side("--after");
    private readonly TopologyOptions _topology;
    private readonly CaptureOptions _captures;
    private readonly JudgeSwitches _switches;
    private readonly Option<string> _packets = ReplayCommand.Output("--packets", "The packets that differ, {\"before\": record, \"after\": record}: .jsonl, .csv, or - for JSON lines");
    private readonly Option<string> _flows = ReplayCommand.Output("--flows", "The flows that differ, likewise");
    private readonly Option<string> _summary = ReplayCommand.Output("--summary", "What differs, and the summaries of both replays, as one JSON object");
    private readonly Option<string> _allowed = ReplayCommand.Output("--allowed", "The packets that only the second topology allows, as pcapng, byte for byte");
    private readonly Option<string> _denied = ReplayCommand.Output("--denied", "The packets that only the second topology denies, as pcapng, each with its reason and rule as comment");
    private readonly Option<int?> _workers = ReplayCommand.WorkersOption();
    private readonly Option<string> _failOn = ReplayCommand.FailOn("Exit 1 also if the second topology denied any packet, changed or not");

    private DiffCommand(Command command)
    {
        command.Options.Add(_before);
        command.Options.Add(_after);
        _topology = new TopologyOptions(command, false);
        _captures = new CaptureOptions(command);
        foreach (Option option in (Option[])[_packets, _flows, _summary, _allowed, _denied, _workers, _failOn])
        {
            command.Options.Add(option);
        }

        _switches = new JudgeSwitches(command);
    }

    internal static Command Create()
    {
        Command command = new("diff", "Which packets and flows of a capture change verdict between two topologies");
        DiffCommand diff = new(command);
        command.SetAction(parsed => Program.Guard(parsed, diff.Run));
        return command;
    }

    private static Option<string[]> Side(string name) => new(name)
    {
        Description = $"The topology {name[2..]}; several are merged (repeatable)",
        HelpName = "PATH",
        Required = true,
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
    };

    private int Run(ParseResult parsed, Voice voice, Signals signals)
    {
        Faults faults = new();
        JudgeOptions options = faults.Of(() => _switches.Read(parsed))!;
        int workers = faults.Of(() => ReplayCommand.Workers(parsed.GetValue(_workers)));
        RecordFormat packetFormat = faults.Of(() => RecordFiles.Format(parsed.GetValue(_packets), "--packets")), flowFormat = faults.Of(() => RecordFiles.Format(parsed.GetValue(_flows), "--flows"));
        PacketFilter? filter = faults.Of(() => _captures.Filter(parsed));
        AddressMap? map = faults.Of(() => _captures.Map(parsed));
        List<string> beforeWarnings = [], afterWarnings = [];
        string[] beforePaths = parsed.GetValue(_before)!, afterPaths = parsed.GetValue(_after)!;
        bool readsOnce = faults.Of(() => _captures.ReadsInputOnce(parsed, [.. beforePaths, .. afterPaths]));
        Network? beforeNetwork = readsOnce || !beforePaths.Contains("-") ? faults.Of(() => _topology.Load(parsed, voice, beforeWarnings, beforePaths)) : null;
        Network? afterNetwork = readsOnce || !afterPaths.Contains("-") ? faults.Of(() => _topology.Load(parsed, voice, afterWarnings, afterPaths)) : null;
        faults.Throw();
        TopologyOptions.ExplainChosen(beforeNetwork!, voice);
        TopologyOptions.ExplainChosen(afterNetwork!, voice);
        using CaptureReader reader = _captures.Open(parsed);
        using Outputs outputs = new([.. _captures.Files(parsed), .. beforePaths, .. afterPaths]);
        OutputFile? packets = outputs.Open(parsed.GetValue(_packets), "--packets");
        OutputFile? flows = outputs.Open(parsed.GetValue(_flows), "--flows");
        OutputFile? summary = outputs.Open(parsed.GetValue(_summary), "--summary");
        OutputFile? allowed = outputs.Open(parsed.GetValue(_allowed), "--allowed");
        OutputFile? denied = outputs.Open(parsed.GetValue(_denied), "--denied");
        outputs.OneStandardOutput();

        Stopwatch watch = Stopwatch.StartNew();
        bool counts = summary is not null || parsed.GetValue(_failOn) is not null;
        using DiffSide before = new(beforeNetwork!, options, workers, counts, beforeWarnings), after = new(afterNetwork!, options, workers, counts, afterWarnings);
        PairRecords? packetPairs = packets is null ? null : new PairRecords(packets.Stream, PairKind.Packets, before.Tables, after.Tables, packetFormat);
        using VerdictCapture? nowAllowed = Capture(allowed, Verdict.Allow), nowDenied = Capture(denied, Verdict.Deny);
        VerdictCapture? Capture(OutputFile? file, Verdict verdict) => file is null ? null : new(file.Stream, verdict, reader.Interfaces, after.Tables);
        DiffSink diff = new(
            before.Tables,
            after.Judge,
            new FlowRecorder(before.Tables, options, ReplayCommand.ToPrivate(beforeNetwork!)),
            new FlowRecorder(after.Tables, options, ReplayCommand.ToPrivate(afterNetwork!)),
            packetPairs is null && nowAllowed is null && nowDenied is null ? null : OnPacket);
        bool finished;
        using (Progress progress = new(voice, () => (diff.Packets, reader.BytesRead, reader.TotalBytes)))
        {
            Pipeline pipeline = new(new CaptureSource(reader), ReplayCommand.Prepare(map, filter), before.Judge, diff);
            finished = pipeline.Run(signals.Token);
        }

        before.Complete();
        after.Complete();
        watch.Stop();
        packetPairs?.Flush();
        nowAllowed?.Complete();
        nowDenied?.Complete();
        List<FlowPair> changed = [.. diff.Flows];
        if (flows is not null)
        {
            PairRecords pairs = new(flows.Stream, PairKind.Flows, before.Tables, after.Tables, flowFormat);
            changed.ForEach(pairs.Flow);
            pairs.Flush();
        }

        foreach (List<string> warnings in (List<string>[])[beforeWarnings, afterWarnings])
        {
            warnings.AddRange(reader.Warnings);
        }

        if (summary is not null)
        {
            DiffJson.Write(summary.Stream, diff, changed.Count, before, after, watch.Elapsed);
        }

        outputs.Complete();
        foreach (string warning in beforeWarnings.Concat(afterWarnings))
        {
            voice.Warn(warning);
        }

        if (!outputs.UsesStandardOutput)
        {
            using StreamWriter screen = Program.StandardOutput();
            Draw(screen, diff, changed, finished);
        }

        return signals.Code
            ?? (reader.IsDamaged ? ExitCode.Capture
                : diff.VerdictsDiffer > 0 || after.Summary?.Packets[(int)Verdict.Deny] > 0 && parsed.GetValue(_failOn) is not null ? ExitCode.Negative
                : ExitCode.Done);

        void OnPacket(PacketBlock b, PacketBlock a, int i)
        {
            packetPairs?.Packet(b, a, i);
            Verdict now = after.Tables.Paths[a.Results[i].Path].Verdict;
            if (now != before.Tables.Paths[b.Results[i].Path].Verdict)
            {
                (now == Verdict.Allow ? nowAllowed : now == Verdict.Deny ? nowDenied : null)?.Write(b, i, in a.Results[i]);
            }
        }
    }

    private static void Draw(TextWriter writer, DiffSink diff, List<FlowPair> changed, bool finished)
    {
        Page page = new(writer);
        if (!finished)
        {
            page.Line("Interrupted: this is what had been compared by then.");
        }

        if (diff.Unplaced > 0)
        {
            bool one = diff.Unplaced == 1;
            page.Line(FormattableString.Invariant(
                $"{diff.Unplaced:N0} of {Counted.Of(diff.Packets, "packet")} {(one ? "has" : "have")} no place on either topology and {(one ? "was" : "were")} not compared: replay says why, and the --map that would help."));
        }

        if (diff.VerdictsDiffer + diff.RulesDiffer + diff.PathsDiffer == 0)
        {
            page.Line($"{Counted.Of(diff.Packets, "packet")}: no difference.");
            return;
        }

        page.Line(FormattableString.Invariant(
            $"{Counted.Of(diff.Packets, "packet")}: {diff.VerdictsDiffer:N0} change{(diff.VerdictsDiffer == 1 ? "s" : "")} verdict, {diff.RulesDiffer:N0} only the reason or rule, {diff.PathsDiffer:N0} only the path; {Counted.Of(changed.Count, "flow")} differ{(changed.Count == 1 ? "s" : "")}."));
        List<DiffGroup> verdicts = [.. diff.Groups.Where(g => g.VerdictDiffers)];
        List<DiffGroup> rules = [.. diff.Groups.Where(g => !g.VerdictDiffers)];
        Groups(page, "Verdict changes", verdicts);
        Groups(page, "Only the rule or the path changes", rules);
    }

    private static void Groups(Page page, string title, List<DiffGroup> groups)
    {
        if (groups.Count == 0)
        {
            return;
        }

        page.Heading(title);
        foreach (DiffGroup group in groups.Take(MostGroups))
        {
            page.Line($"  {Counted.Of(group.Packets, "packet")} in {Counted.Of(group.Flows, "flow")}, by {group.ChangedBy}", group.VerdictDiffers ? "red" : null);
            Line(page, "before", group.Before);
            Line(page, "after", group.After);
            foreach (Headers example in group.Examples.Take(MostExamples))
            {
                page.Line($"      {PacketText.Line(example)}");
            }

            if (group.Flows > MostExamples)
            {
                page.Line($"      and {Counted.Of(group.Flows - MostExamples, "more flow")}");
            }
        }

        if (groups.Count > MostGroups)
        {
            page.Line($"  and {Counted.Of(groups.Count - MostGroups, "more group")}: --flows FILE lists all flows");
        }
    }

    private static void Line(Page page, string side, Outcome outcome)
    {
        string reason = outcome.Verdict == Verdict.Deny ? $" {outcome.Reason}" : "";
        string way = outcome.Path.Count > 0 ? $" [{string.Join(" | ", outcome.Path)}]" : "";
        page.Paragraph(11, "    " + side, $"{RecordText.Lower(outcome.Verdict)}{reason}{(outcome.Rule is null ? "" : " " + outcome.Rule)}{way}");
    }
}
