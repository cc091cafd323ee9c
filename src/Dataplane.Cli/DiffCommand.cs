using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
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
    private readonly Option<string> _packets = ReplayCommand.Output("--packets", "The packets that differ, {\"before\": record, \"after\": record}");
    private readonly Option<string> _flows = ReplayCommand.Output("--flows", "The flows that differ, {\"before\": record, \"after\": record}");
    private readonly Option<int> _workers = new("--workers") { Description = "Worker threads (default: one per core)", HelpName = "N" };

    private DiffCommand(Command command)
    {
        command.Options.Add(_before);
        command.Options.Add(_after);
        _topology = new TopologyOptions(command, false);
        _captures = new CaptureOptions(command);
        command.Options.Add(_packets);
        command.Options.Add(_flows);
        command.Options.Add(_workers);
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
        List<string> warnings = [];
        JudgeOptions options = _switches.Read(parsed);
        int workers = ReplayCommand.Workers(parsed.GetValue(_workers));
        _ = RecordFiles.Format(parsed.GetValue(_packets), "--packets", csv: false);
        _ = RecordFiles.Format(parsed.GetValue(_flows), "--flows", csv: false);
        PacketFilter? filter = _captures.Filter(parsed);
        Faults faults = new();
        Network? before = faults.Of(() => _topology.Load(parsed, voice, warnings, parsed.GetValue(_before)!));
        Network? after = faults.Of(() => _topology.Load(parsed, voice, warnings, parsed.GetValue(_after)!));
        faults.Throw();
        TopologyOptions.ExplainChosen(before!, voice);
        TopologyOptions.ExplainChosen(after!, voice);
        using CaptureReader reader = _captures.Open(parsed);
        using Outputs outputs = new(_captures.Files(parsed));
        OutputFile? packets = outputs.Open(parsed.GetValue(_packets), "--packets");
        OutputFile? flows = outputs.Open(parsed.GetValue(_flows), "--flows");
        outputs.OneStandardOutput();

        using EngineRun beforeEngine = Engines.Start(before!, options, workers), afterEngine = Engines.Start(after!, options, workers);
        ResultTables beforeTables = beforeEngine.Judge.Tables, afterTables = afterEngine.Judge.Tables;
        PairWriter? packetPairs = packets is null ? null : new PairWriter(packets.Stream, beforeTables, afterTables);
        DiffSink diff = new(
            beforeTables,
            afterEngine.Judge,
            new FlowRecorder(beforeTables, options, ReplayCommand.ToPrivate(before!)),
            new FlowRecorder(afterTables, options, ReplayCommand.ToPrivate(after!)),
            packetPairs is null ? null : packetPairs.Packet);
        bool finished;
        using (Progress progress = new(voice, () => (diff.Packets, reader.BytesRead, reader.TotalBytes)))
        {
            Pipeline pipeline = new(new CaptureSource(reader), ReplayCommand.Prepare(_captures.Map(parsed), filter), beforeEngine.Judge, diff);
            finished = pipeline.Run(signals.Token);
        }

        packetPairs?.Flush();
        List<FlowPair> changed = [.. diff.Flows];
        if (flows is not null)
        {
            PairWriter pairs = new(flows.Stream, beforeTables, afterTables);
            foreach (FlowPair pair in changed)
            {
                pairs.Flow(pair);
            }

            pairs.Flush();
        }

        outputs.Complete();
        warnings.AddRange(reader.Warnings);
        foreach (string warning in warnings.Distinct())
        {
            voice.Say($"warning: {warning}");
        }

        if (!outputs.UsesStandardOutput)
        {
            using StreamWriter screen = Program.StandardOutput();
            Draw(screen, diff, changed, finished);
        }

        return signals.Code
            ?? (reader.IsDamaged ? ExitCode.Capture : diff.VerdictsDiffer > 0 ? ExitCode.Negative : ExitCode.Done);
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
            page.Line(FormattableString.Invariant(
                $"{diff.Unplaced:N0} of {diff.Packets:N0} packets have no place on either topology and were not compared: replay says which, and the --map that places them."));
        }

        if (diff.VerdictsDiffer + diff.RulesDiffer + diff.PathsDiffer == 0)
        {
            page.Line(FormattableString.Invariant($"{diff.Packets:N0} packets: no difference."));
            return;
        }

        page.Line(FormattableString.Invariant(
            $"{diff.Packets:N0} packets: {diff.VerdictsDiffer:N0} change verdict, {diff.RulesDiffer:N0} only the reason or rule, {diff.PathsDiffer:N0} only the path; {changed.Count:N0} flows differ."));
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
            page.Line(FormattableString.Invariant($"  {group.Packets:N0} packets in {group.Flows:N0} flows, by {group.ChangedBy}"), group.VerdictDiffers ? "red" : null);
            Line(page, "before", group.Before);
            Line(page, "after", group.After);
            foreach (Headers example in group.Examples.Take(MostExamples))
            {
                page.Line($"      {PacketText.Line(example)}");
            }

            if (group.Flows > MostExamples)
            {
                page.Line(string.Create(CultureInfo.InvariantCulture, $"      and {group.Flows - MostExamples:N0} more flows"));
            }
        }

        if (groups.Count > MostGroups)
        {
            page.Line($"  and {groups.Count - MostGroups} more groups: --flows FILE lists all flows");
        }
    }

    private static void Line(Page page, string side, Outcome outcome)
    {
        string reason = outcome.Verdict == Verdict.Deny ? $" {outcome.Reason}" : "";
        string way = outcome.Path.Count > 0 ? $" [{string.Join(" | ", outcome.Path)}]" : "";
        page.Paragraph(11, "    " + side, $"{RecordText.Lower(outcome.Verdict)}{reason}{(outcome.Rule is null ? "" : " " + outcome.Rule)}{way}");
    }

    /// <summary>Writes pairs of records as JSON lines.</summary>
    private sealed class PairWriter(Stream stream, ResultTables before, ResultTables after)
    {
        private readonly Utf8Buffer _out = new(stream);
        private readonly RecordText _before = new(before, RecordFormat.JsonLines);
        private readonly RecordText _after = new(after, RecordFormat.JsonLines);

        internal void Packet(PacketBlock b, PacketBlock a, int i)
        {
            _out.Raw("{\"before\":"u8);
            PacketRecords.WriteJson(_out, _before, b.FirstNumber + i, b.Packets[i].Time, b.Headers[i], b.Results[i]);
            _out.Raw(",\"after\":"u8);
            PacketRecords.WriteJson(_out, _after, b.FirstNumber + i, b.Packets[i].Time, b.Headers[i], a.Results[i]);
            _out.Raw("}\n"u8);
            _out.EndOfRecord();
        }

        internal void Flow(FlowPair pair)
        {
            _out.Raw("{\"before\":"u8);
            One(pair.Before, _before, before);
            _out.Raw(",\"after\":"u8);
            One(pair.After, _after, after);
            _out.Raw("}\n"u8);
            _out.EndOfRecord();
        }

        internal void Flush() => _out.Flush();

        private void One(FlowRecord? flow, RecordText text, ResultTables tables)
        {
            if (flow is null)
            {
                _out.Raw("null"u8);
            }
            else
            {
                FlowRecords.Json(_out, text, flow, tables);
            }
        }
    }
}
