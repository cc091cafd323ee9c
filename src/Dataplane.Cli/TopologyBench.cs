// bench -t TOPOLOGY [CAPTURE]: the engine with a user's own network, in memory.
//
// The packets, captured or made, are one pass. The first pass sorts them by what they met: an established flow, a first packet that was allowed, a denial. Then four things are
// timed, each over whole passes until its share of the time is used: all packets; those of established flows while their flows live; the first packets; the denied ones. Before a
// pass that must find no flow alive all time-outs are let run out by moving the packets' time, never by sleeping. Timed is what the engine does, parsing and
// judging, block by block; copying packets into blocks, which a reader does, is not.
//
// What was measured must be right: a part of the packets is judged by the reference interpreter and by an engine of the same filters, and each word of both must agree.

using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading;
using Dataplane.Analysis;
using Dataplane.Capture;
using Dataplane.Compiler;
using Dataplane.Compiler.Load;
using Dataplane.Flows;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Topology.Model;
using Dataplane.Topology.Reference;

namespace Dataplane.Cli;

/// <summary>The form of <c>bench</c> for topologies.</summary>
internal sealed class TopologyBench
{
    private const int DefaultFlows = 65_536;
    private const int MostCaptured = 4_000_000;
    private const long MostBytes = 1L << 30;
    private const int MostCompared = 20_000;
    private const int FlowsForMemory = 262_144;

    /// <summary>More than the longest time-out of any flow.</summary>
    private const long AllTimeouts = 500_000L * 1_000_000_000;

    private static readonly TimeSpan CompileWait = TimeSpan.FromSeconds(30);

    private readonly TopologyOptions _network;
    private readonly RuleBench _shared;

    private readonly Option<string[]> _topology = new("--topology", "-t")
    {
        Description = "AWS CLI snapshot or CloudFormation template whose engine is measured (repeatable)",
        HelpName = "PATH",
        AllowMultipleArgumentsPerToken = false,
    };

    private readonly Argument<string[]> _capture = new("capture") { Description = "With -t: packets to measure with; without, traffic is made", Arity = ArgumentArity.ZeroOrMore };
    private readonly Option<int> _flows = new("--flows") { Description = "With -t: flows of the traffic that is made", HelpName = "N", DefaultValueFactory = _ => DefaultFlows };
    private readonly Option<int?> _workers = new("--workers") { Description = "With -t: worker threads (default: cores)", HelpName = "N" };

    internal TopologyBench(Command command, RuleBench shared)
    {
        _shared = shared;
        command.Options.Add(_topology);
        _network = new TopologyOptions(command, withTopology: false);
        command.Arguments.Add(_capture);
        command.Options.Add(_flows);
        command.Options.Add(_workers);
    }

    /// <summary>Whether this form is meant.</summary>
    internal bool IsAsked(ParseResult parsed) => parsed.GetValue(_topology) is { Length: > 0 };

    /// <exception cref="CommandException">The other form's options are misused with this one's.</exception>
    internal void RefuseWithoutTopology(ParseResult parsed)
    {
        if (parsed.GetValue(_capture) is { Length: > 0 } files)
        {
            throw new CommandException(ExitCode.Usage, $"bench: {files[0]} needs a topology. Give -t.");
        }
    }

    internal int Run(ParseResult parsed, Voice voice, Signals signals)
    {
        double seconds = _shared.ReadSeconds(parsed);
        int flows = parsed.GetValue(_flows);
        if (flows is < 1 or > 10_000_000)
        {
            throw new CommandException(ExitCode.Usage, $"--flows {flows}: out of range. Give a number from 1 to 10000000.");
        }

        int workers = ReplayCommand.Workers(parsed.GetValue(_workers));
        string[] files = parsed.GetValue(_capture) ?? [];
        Network network = _network.Load(parsed, voice, [], parsed.GetValue(_topology)!);
        TopologyOptions.ExplainChosen(network, voice);
        FilterCache cache = new();
        double compile = Compile(network, cache, voice, signals);
        MadeTraffic? made = null;
        using (NetworkEngine asked = NetworkEngine.Build(network, new JudgeOptions { Causal = false }, cache: cache))
        {
            made = new MadeTraffic(network, asked.Judge);
        }

        bool isDamaged = false;
        List<MemoryPacket> packets = files.Length > 0 ? Captured(files, voice, signals, out isDamaged) : made.Packets(flows);
        if (packets.Count == 0)
        {
            throw new CommandException(ExitCode.Topology, "bench: the topology has no interface to make traffic for. Add interfaces (--eni), or give a capture.");
        }

        JudgeOptions options = new() { MaxFlows = Math.Max(JudgeOptions.Default.MaxFlows, 2 * flows) };
        if (Difference(network, options, cache, packets) is { } difference)
        {
            throw new BenchDifference(difference);
        }

        Figures figures = Measure(network, options, cache, packets, seconds, workers, signals);
        double? bytes = BytesPerFlow(network, cache, made);
        Print(_shared.AsksJson(parsed), figures, bytes, compile, workers, files.Length > 0 ? null : made);
        return signals.Code ?? (isDamaged ? ExitCode.Capture : ExitCode.Done);
    }

    /// <summary>Compiles the filters, or as many as half a minute allows; milliseconds.</summary>
    private static double Compile(Network network, FilterCache cache, Voice voice, Signals signals)
    {
        using NetworkEngine engine = NetworkEngine.Build(network, JudgeOptions.Default);
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(signals.Token);
        stop.CancelAfter(CompileWait);
        Stopwatch watch = Stopwatch.StartNew();
        try
        {
            CompileReport report = FilterCompiler.CompileAll(engine.Catalog, engine.Filters, cache, stop.Token);
            foreach (string bug in report.Bugs)
            {
                voice.Say($"warning: a compiled filter was not used: {bug} The interpreter judges for it. Report it.");
            }

            return report.Times.Total;
        }
        catch (OperationCanceledException)
        {
            signals.Token.ThrowIfCancellationRequested();
            voice.Say($"warning: only {Counted.Of(cache.Count, "rule list")} compiled in {CompileWait.TotalSeconds:F0} s; the interpreter judges for the others.");
            return watch.Elapsed.TotalMilliseconds;
        }
    }

    /// <param name="isDamaged">A file was used up to where it is whole.</param>
    private static List<MemoryPacket> Captured(string[] files, Voice voice, Signals signals, out bool isDamaged)
    {
        using CaptureReader reader = CaptureReader.Open(files);
        List<MemoryPacket> packets = [];
        PacketBlock block = new();
        long bytes = 0;
        while (packets.Count < MostCaptured && bytes < MostBytes && reader.ReadBlock(block, signals.Token))
        {
            for (int i = 0; i < block.Count; i++)
            {
                CapturedPacket packet = block.Packets[i];
                packets.Add(new MemoryPacket(block.Bytes(i).ToArray(), packet.Time, packet.WireLength, packet.Link, 0));
                bytes += packet.Length;
            }

            block.Reset();
        }

        isDamaged = reader.IsDamaged;
        foreach (string warning in reader.Warnings)
        {
            voice.Say($"warning: {warning}");
        }

        if (packets.Count >= MostCaptured || bytes >= MostBytes)
        {
            voice.Say($"warning: only the first {Counted.Of(packets.Count, "packet")} are used, since all of them are held in memory.");
        }

        return packets.Count > 0 ? packets : throw new CommandException(ExitCode.Capture, $"{string.Join(", ", files)}: there is no packet in it. Give a capture with packets.");
    }

    /// <summary>How engine and reference differ on a part of the packets that is whole flows, or the beginning; null when they agree.</summary>
    private static string? Difference(Network network, JudgeOptions options, FilterCache cache, List<MemoryPacket> packets)
    {
        int every = Math.Max(1, packets.Count / MostCompared);
        bool isMade = packets.Any(packet => packet.Flow != 0);
        IEnumerable<MemoryPacket> sample = isMade
            ? packets.Where(packet => unchecked((uint)packet.Flow * 0x9E37_79B1u) % (uint)every == 0).Take(MostCompared)
            : packets.Take(MostCompared);
        using NetworkEngine engine = NetworkEngine.Build(network, options, cache: cache);
        Interpreter reference = new(network, options);
        PacketBlock block = new();
        long number = 0;
        foreach (MemoryPacket[] chunk in sample.Chunk(PacketBlock.Capacity))
        {
            Fill(block, chunk, 0);
            HeaderParser.ParseBlock(block, null);
            engine.Judge.Judge(block);
            for (int i = 0; i < block.Count; i++)
            {
                number++;
                string said = Text(engine.Judge.Tables.Describe(in block.Results[i]));
                string meant = Text(reference.Judge(block.Headers[i], block.Headers[i].HasQuote ? block.Quotes[i] : default, block.Packets[i].Time));
                if (said != meant)
                {
                    return $"packet {number} of the sample: the engine says {said}, the reference {meant}";
                }
            }
        }

        return null;

        static string Text(Outcome outcome) =>
            $"{outcome.Verdict} {outcome.Reason} {outcome.State} {outcome.Rule} {outcome.From} {outcome.To} {string.Join('|', outcome.Path)}";
    }

    private static Figures Measure(Network network, JudgeOptions options, FilterCache cache, List<MemoryPacket> packets, double seconds, int workers, Signals signals)
    {
        using NetworkEngine engine = NetworkEngine.Build(network, options, workers, cache: cache);
        TimeSpan share = TimeSpan.FromSeconds(seconds / 4);
        MemoryPacket[] all = [.. packets];
        List<MemoryPacket> established = [], first = [], denied = [];
        long shift = 0;

        // The first pass warms up and says what each packet is.
        Pass(engine, all, shift, (packet, entry) => (entry.Verdict switch
        {
            Verdict.Allow when entry.State == FlowState.Established => established,
            Verdict.Allow => first,
            Verdict.Deny => denied,
            _ => [],
        }).Add(packet));
        Meter whole = new(), hits = new(), openings = new(), denials = new();
        long Fresh() => shift += AllTimeouts;
        void Repeat(Meter meter, MemoryPacket[] part, Func<long> next)
        {
            // One pass unmeasured: the runtime replaces code that has become hot.
            for (int pass = 0; part.Length > 0 && (pass < 2 || meter.Wall < share) && !signals.Token.IsCancellationRequested; pass++)
            {
                Pass(engine, part, next(), null, pass == 0 ? null : meter);
            }
        }

        Repeat(whole, all, Fresh);
        Pass(engine, all, Fresh(), null);
        Repeat(hits, [.. established], () => shift);
        Repeat(openings, [.. first], Fresh);
        Repeat(denials, [.. denied], Fresh);
        return new Figures(whole, hits, openings, denials);
    }

    /// <summary>Judges packets in order, their times moved by <paramref name="shift"/>.</summary>
    private static void Pass(NetworkEngine engine, MemoryPacket[] packets, long shift, Action<MemoryPacket, PathEntry>? sort, Meter? meter = null)
    {
        PacketBlock block = new();
        for (int from = 0; from < packets.Length; from += PacketBlock.Capacity)
        {
            ReadOnlySpan<MemoryPacket> chunk = packets.AsSpan(from, Math.Min(PacketBlock.Capacity, packets.Length - from));
            long bits = Fill(block, chunk, shift);
            TimeSpan cpu = Environment.CpuUsage.TotalTime;
            long then = Stopwatch.GetTimestamp();
            HeaderParser.ParseBlock(block, null);
            engine.Judge.Judge(block);
            long ticks = Stopwatch.GetTimestamp() - then;
            meter?.Add(block.Count, bits, ticks, Environment.CpuUsage.TotalTime - cpu);
            for (int i = 0; sort is not null && i < block.Count; i++)
            {
                sort(chunk[i], engine.Judge.Tables.Paths[block.Results[i].Path]);
            }
        }
    }

    private static long Fill(PacketBlock block, ReadOnlySpan<MemoryPacket> packets, long shift)
    {
        long bits = 0;
        block.Reset();
        foreach (ref readonly MemoryPacket packet in packets)
        {
            packet.Bytes.Span.CopyTo(block.Add(packet.Time + shift, packet.Bytes.Length, packet.WireLength, packet.Link, 0));
            bits += 8L * packet.WireLength;
        }

        return bits;
    }

    /// <summary>What tables hold for each flow that is tracked, index included; null where too few can be made to tell.</summary>
    private static double? BytesPerFlow(Network network, FilterCache cache, MadeTraffic made)
    {
        using NetworkEngine engine = NetworkEngine.Build(network, new JudgeOptions { MaxFlows = FlowsForMemory, Causal = false }, cache: cache);
        Pass(engine, [.. made.Openings(FlowsForMemory)], 0, null);
        int flows = engine.Judge.Flows;
        return flows < 1_000 ? null : engine.Judge.FlowBytes / (double)flows;
    }

    private static void Print(bool asJson, Figures figures, double? bytes, double compile, int workers, MadeTraffic? made)
    {
        if (asJson)
        {
            using Stream stream = Console.OpenStandardOutput();
            using (Utf8JsonWriter json = new(stream))
            {
                json.WriteStartObject();
                Write(json, figures.All);
                foreach ((string name, Meter meter) in new[] { ("established", figures.Established), ("firstPackets", figures.First), ("denied", figures.Denied) })
                {
                    json.WriteStartObject(name);
                    Write(json, meter);
                    json.WriteEndObject();
                }

                Number(json, "bytesPerFlow", bytes);
                Number(json, "compileMilliseconds", compile);
                json.WriteNumber("workers", workers);
                json.WriteEndObject();
            }

            stream.WriteByte((byte)'\n');
            return;
        }

        using StreamWriter screen = Program.StandardOutput();
        screen.WriteLine($"{"",-16} {"packets/s",14} {"packets/CPU s",14} {"ns/packet",10} {"Gbit/s",8} {"p50 us",8} {"p99 us",8}");
        foreach ((string name, Meter meter) in new[]
        {
            ("all", figures.All), ("established", figures.Established), ("first packets", figures.First), ("denied", figures.Denied),
        })
        {
            screen.WriteLine(meter.Packets == 0
                ? $"{name,-16} {"none",14}"
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"{name,-16} {meter.PerSecond,14:N0} {meter.PerCpuSecond,14:N0} {meter.Nanoseconds,10:F1} {meter.GigabitsPerSecond,8:F2} {meter.Percentile(0.50),8:F1} {meter.Percentile(0.99),8:F1}"));
        }

        screen.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"\n{Counted.Of(workers, "worker")}; p50 and p99 of the time of a block of {PacketBlock.Capacity} packets; {(bytes is { } each ? $"{each:F0}" : "unknown")} bytes a flow; filters compiled in {compile:F0} ms"));
        screen.WriteLine($"flow tables: {FlowTable.HugePages}");
        if (made is not null)
        {
            screen.WriteLine(string.Create(CultureInfo.InvariantCulture, $"traffic made from {Counted.Of(made.AllowedPairs, "allowed pair")} of ends and {Counted.Of(made.DeniedPairs, "denied one")}"));
        }

        screen.WriteLine("a sample was judged by the reference interpreter as well: equal");
    }

    private static void Write(Utf8JsonWriter json, Meter meter)
    {
        bool any = meter.Packets > 0;
        Number(json, "packetsPerSecond", any ? meter.PerSecond : null);
        Number(json, "packetsPerCpuSecond", any ? meter.PerCpuSecond : null);
        Number(json, "nanosecondsPerPacket", any ? meter.Nanoseconds : null);
    }

    private static void Number(Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } number && double.IsFinite(number))
        {
            json.WriteNumber(name, Math.Round(number, 3));
        }
        else
        {
            json.WriteNull(name);
        }
    }

    private sealed record Figures(Meter All, Meter Established, Meter First, Meter Denied);

    /// <summary>Packets and the time that they took.</summary>
    private sealed class Meter
    {
        private readonly List<long> _blocks = [];
        private long _ticks;
        private long _bits;
        private TimeSpan _cpu;

        public long Packets { get; private set; }

        public TimeSpan Wall => Stopwatch.GetElapsedTime(0, _ticks);

        public double PerSecond => Packets / Wall.TotalSeconds;

        /// <summary>Of all threads of the process.</summary>
        public double? PerCpuSecond => _cpu > TimeSpan.Zero ? Packets / _cpu.TotalSeconds : null;

        public double Nanoseconds => Wall.TotalNanoseconds / Packets;

        public double GigabitsPerSecond => _bits / Wall.TotalNanoseconds;

        public void Add(int packets, long bits, long ticks, TimeSpan cpu)
        {
            Packets += packets;
            _bits += bits;
            _ticks += ticks;
            _cpu += cpu;
            if (packets == PacketBlock.Capacity || _blocks.Count == 0)
            {
                _blocks.Add(ticks);
            }
        }

        /// <summary>Microseconds of a block.</summary>
        public double Percentile(double part)
        {
            List<long> sorted = [.. _blocks.Order()];
            return Stopwatch.GetElapsedTime(0, sorted[(int)((sorted.Count - 1) * part)]).TotalMicroseconds;
        }
    }
}

/// <summary>The measured engine and the reference differ: a bug (exit 70).</summary>
internal sealed class BenchDifference(string message) : System.Exception(message);
