// bench --rules FILE --headers FILE: the classifier alone, on ClassBench's files, so that it can be set beside other classifiers.
//
// Time is processor time of the process, not of the wall: on a shared machine the difference is what others did. A pass goes over all headers as often as
// it takes to fill its share of the time; the median of the passes is the figure. The clock does not run while files are read.

using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.IO;
using System.Text;
using System.Text.Json;
using Dataplane.Compiler.FiveTuples;
using Dataplane.Filters;
using Dataplane.Records;
using Dataplane.Topology;

namespace Dataplane.Cli;

/// <summary>The form of <c>bench</c> for rule sets and header traces.</summary>
internal sealed class RuleBench
{
    /// <summary>Passes that are measured at least.</summary>
    private const int LeastPasses = 5;

    private const double DefaultSeconds = 2;

    private readonly Option<string> _rules = new("--rules") { Description = "ClassBench rules, first line first", HelpName = "FILE" };
    private readonly Option<string> _headers = new("--headers") { Description = "ClassBench headers, one a line", HelpName = "FILE" };
    private readonly Option<string> _output = new("--output", "-o") { Description = "Write the 1-based number of each header's first matching rule, 0 for none", HelpName = "FILE|-" };
    private readonly Option<double> _seconds = new("--seconds") { Description = "How long to measure", HelpName = "N", DefaultValueFactory = _ => DefaultSeconds };
    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON object" };

    internal RuleBench(Command command)
    {
        command.Options.Add(_rules);
        command.Options.Add(_headers);
        command.Options.Add(_output);
        command.Options.Add(_seconds);
        command.Options.Add(_json);
    }

    /// <summary>--seconds, which both forms have.</summary>
    /// <exception cref="CommandException">It is out of range.</exception>
    internal double ReadSeconds(ParseResult parsed)
    {
        double seconds = parsed.GetValue(_seconds);
        return seconds is >= 0 and <= 3_600
            ? seconds
            : throw new CommandException(ExitCode.Usage, $"--seconds {seconds.ToString(CultureInfo.InvariantCulture)}: it is not between 0 and 3600. Give another number.");
    }

    /// <summary>--json, which both forms have.</summary>
    internal bool AsksJson(ParseResult parsed) => parsed.GetValue(_json);

    /// <summary>Whether an option of this form alone was given.</summary>
    internal bool IsAsked(ParseResult parsed) => (parsed.GetValue(_rules) ?? parsed.GetValue(_headers) ?? parsed.GetValue(_output)) is not null;

    internal int Run(ParseResult parsed, Voice voice, Signals signals)
    {
        if (parsed.GetValue(_rules) is not { } rulesPath || parsed.GetValue(_headers) is not { } headersPath)
        {
            throw new CommandException(ExitCode.Usage, "bench: --rules or --headers is missing. Give both files, or a topology with -t.");
        }

        double seconds = ReadSeconds(parsed);
        string? outputPath = parsed.GetValue(_output);
        bool json = parsed.GetValue(_json);
        if (outputPath == "-" && json)
        {
            throw new CommandException(ExitCode.Usage, "-o -: standard output is taken by --json. Name a file.");
        }

        FaultList faults = new();
        List<FiveTupleRule> rules = Read(rulesPath, "--rules", faults, ClassBench.ReadRules);
        FiveTuple[] headers = [.. Read(headersPath, "--headers", faults, ClassBench.ReadHeaders)];
        if (faults.HasErrors)
        {
            foreach (Fault fault in faults.All)
            {
                Voice.Error($"error: {fault}");
            }

            if (faults.Dropped > 0)
            {
                Voice.Error($"error: {Counted.Of(faults.Dropped, "more fault")} not shown.");
            }

            throw new CommandException(ExitCode.Topology, $"{rulesPath}, {headersPath}: the rules or headers cannot be used. Mend what is named above.");
        }

        using OutputFile? output = outputPath is null ? null : OutputFile.Open(outputPath, "-o", [rulesPath, headersPath]);
        TimeSpan before = Environment.CpuUsage.TotalTime;
        CompiledFiveTuples compiled = FiveTupleCompiler.Compile(rules);
        double build = (Environment.CpuUsage.TotalTime - before).TotalMilliseconds;

        uint[] found = new uint[headers.Length];
        double million = Measure(compiled.Classifier, headers, found, seconds, signals);
        if (output is not null)
        {
            Write(output, found);
        }

        if (outputPath != "-")
        {
            Print(json, million, build, compiled, rules.Count, headers.Length);
        }

        return signals.Code ?? ExitCode.Done;
    }

    private static List<T> Read<T>(string path, string option, FaultList faults, Func<TextReader, string, FaultList, List<T>> read)
    {
        try
        {
            using StreamReader reader = path == "-" ? new(Console.OpenStandardInput(), Encoding.ASCII) : new(path, Encoding.ASCII);
            return read(reader, path == "-" ? "standard input" : path, faults);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            faults.Error($"{option} {path}", e.Message.TrimEnd('.'), "Name a file that can be read");
            return [];
        }
    }

    /// <summary>Million look-ups per second of processor time: the median of the passes.</summary>
    private static double Measure(FiveTupleClassifier classifier, FiveTuple[] headers, uint[] found, double seconds, Signals signals)
    {
        // Until the runtime has compiled the loops for good: that takes some calls and a moment of its background thread.
        TimeSpan share = TimeSpan.FromSeconds(Math.Max(0.02, seconds / (LeastPasses * 2)));
        long warm = Environment.TickCount64 + (long)(1_000 * Math.Min(0.5, 0.1 + seconds));
        int rounds = 0;
        TimeSpan then = Environment.CpuUsage.TotalTime;
        do
        {
            classifier.Classify(headers, found);
            rounds++;
        }
        while (Environment.TickCount64 < warm && !signals.Token.IsCancellationRequested);

        TimeSpan each = (Environment.CpuUsage.TotalTime - then) / rounds;
        int repeat = (int)Math.Clamp(share / (each > TimeSpan.Zero ? each : TimeSpan.FromMilliseconds(0.01)), 1, 1_000_000);
        List<double> passes = [];
        long end = Environment.TickCount64 + (long)(1_000 * seconds);
        while ((passes.Count < LeastPasses || Environment.TickCount64 < end) && !signals.Token.IsCancellationRequested)
        {
            then = Environment.CpuUsage.TotalTime;
            for (int i = 0; i < repeat; i++)
            {
                classifier.Classify(headers, found);
            }

            double took = (Environment.CpuUsage.TotalTime - then).TotalMicroseconds;
            passes.Add((double)repeat * headers.Length / Math.Max(1, took));
        }

        passes.Sort();
        return passes.Count == 0 ? 0 : passes[passes.Count / 2];
    }

    private static void Write(OutputFile output, uint[] found)
    {
        StreamWriter writer = new(output.Stream, new UTF8Encoding(false), 64 * 1024) { NewLine = "\n" };
        foreach (uint rule in found)
        {
            writer.WriteLine(rule.ToString(CultureInfo.InvariantCulture));
        }

        writer.Flush();
        output.Complete();
    }

    private static void Print(bool asJson, double million, double build, CompiledFiveTuples compiled, int rules, int headers)
    {
        if (asJson)
        {
            using Stream stream = Console.OpenStandardOutput();
            using (Utf8JsonWriter json = new(stream))
            {
                json.WriteStartObject();
                json.WriteNumber("millionLookupsPerCpuSecond", Math.Round(million, 3));
                json.WriteNumber("buildMilliseconds", Math.Round(build, 3));
                json.WriteNumber("bytes", compiled.Classifier.Bytes);
                json.WriteString("structure", compiled.Structure);
                json.WriteNumber("rules", rules);
                json.WriteNumber("headers", headers);
                json.WriteEndObject();
            }

            stream.WriteByte((byte)'\n');
            return;
        }

        using StreamWriter screen = Program.StandardOutput();
        foreach ((string name, string value) in new[]
        {
            ("million look-ups per CPU second", million.ToString("F1", CultureInfo.InvariantCulture)),
            ("build, ms of CPU", build.ToString("F1", CultureInfo.InvariantCulture)),
            ("bytes", compiled.Classifier.Bytes.ToString("N0", CultureInfo.InvariantCulture)),
            ("structure", compiled.Structure),
            ("rules", rules.ToString("N0", CultureInfo.InvariantCulture)),
            ("headers", headers.ToString("N0", CultureInfo.InvariantCulture)),
        })
        {
            screen.WriteLine($"{name,-32} {value}");
        }
    }
}
