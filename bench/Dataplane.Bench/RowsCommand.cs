using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Threading;
using Dataplane.Engine;
using Dataplane.Packets;

namespace Dataplane.Bench;

/// <summary><c>rows [WORD ...] [--passes N]</c>: the engine's rows, CPU time of one thread, median of several passes, a sample checked against the reference in the same run.</summary>
internal static class RowsCommand
{
    internal static List<Func<EngineRow>> All { get; } =
    [
        () => new EstablishedRow(65_536, 25, 45),
        () => new EstablishedRow(1_048_576, 15, 28),
        () => new EstablishedRow(1_048_576, 0, 0, ipv6: true),
        () => new MixedRow(),
        () => new FirstPacketsRow(60, 4.5, 8),
        () => new FirstPacketsRow(1_000, 0, 0),
        () => new FirstPacketsRow(60, 0, 0, isFull: true),
        () => new DeniedRow(60, causal: false, 12, 25),
        () => new DeniedRow(1_000, causal: true, 6, 12),
    ];

    /// <returns>0; 70 when the engine and the reference differ.</returns>
    internal static int Run(string[] args)
    {
        int passes = 7;
        List<string> words = [];
        for (int i = 0; i < args.Length; i++)
        {
            if (args[i] == "--passes" && i + 1 < args.Length)
            {
                passes = int.Parse(args[++i], CultureInfo.InvariantCulture);
            }
            else
            {
                words.Add(args[i]);
            }
        }

        int exit = 0;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{"row",-75} {"Mpps",7} {"best",7} {"ns",6} {"parse",6} {"fill",6} {"B/pkt",6} {"floor",6} {"goal",6}  checked"));
        foreach (Func<EngineRow> make in All)
        {
            using EngineRow row = make();
            if (words.Count > 0 && !words.Any(word => row.Name.Contains(word, StringComparison.OrdinalIgnoreCase)))
            {
                continue;
            }

            exit = Measure(row, passes) ? exit : 70;
            GC.Collect();
        }

        if (words.Count == 0 || words.Contains("workers"))
        {
            TwoWorkers(passes);
        }

        return exit;
    }

    private static bool Measure(EngineRow row, int passes)
    {
        row.Setup();

        // Two passes for the JIT's second tier, the first of which the reference watches.
        for (int i = 0; i < 2; i++)
        {
            row.Prepare(i);
            row.Pass(compare: i == 0);
            Thread.Sleep(150);    // the JIT replaces hot code from a thread of its own
        }

        List<double> nanoseconds = [], parse = [], fill = [];
        long packets = 0, expected = Expected(row), allocated = long.MaxValue;
        for (int pass = 0; pass < passes; pass++)
        {
            row.Prepare(pass + 2);
            row.Drive.Restart();
            long before = GC.GetAllocatedBytesForCurrentThread();
            row.Pass();
            packets += row.Drive.Packets;
            allocated = Math.Min(allocated, GC.GetAllocatedBytesForCurrentThread() - before);
            nanoseconds.Add(row.Drive.Nanoseconds / (double)row.Drive.Packets);
            parse.Add(row.Drive.ParseNanoseconds / (double)row.Drive.Packets);
            fill.Add(row.Drive.FillNanoseconds / (double)row.Drive.Packets);
        }

        expected = Expected(row) - expected;

        // Once more with the reference: the sample must hold after the timed passes, too.
        row.Prepare(passes + 2);
        long compared = row.Drive.Compared;
        if (row is not EstablishedRow and not MixedRow)
        {
            row.Pass(compare: true);
        }

        compared = Math.Max(compared, row.Drive.Compared);
        double median = Median(nanoseconds);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{row.Name,-75} {1_000 / median,7:F2} {1_000 / nanoseconds.Min(),7:F2} {median,6:F1} {Median(parse),6:F1} {Median(fill),6:F1} {allocated / (double)row.Drive.Packets,6:F2} {row.Floor,6} {row.Goal,6}  {compared} packets, {(row.Drive.Difference is null ? "equal" : "DIFFERENT")}"));
        if (expected != packets)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {expected} of {packets} packets had the verdict {row.Expected}"));
        }

        if (row.Drive.Difference is { } difference)
        {
            Console.WriteLine("  " + difference);
        }

        return row.Drive.Difference is null && expected == packets;
    }

    private static long Expected(EngineRow row) => row.Drive.Engine.Judge.Counters.Packets[(int)row.Expected];

    /// <summary>Wall clock of everything but reading from a file, one worker and two in turn; the cores must be free for it to mean anything.</summary>
    private static void TwoWorkers(int passes)
    {
        foreach (int flows in (int[])[65_536, 1_048_576])
        {
            using EstablishedRow one = new(flows, 0, 0), two = new(flows, 0, 0, workers: 2);
            one.Setup();
            two.Setup();
            List<double> walls1 = [], walls2 = [], cpus1 = [], cpus2 = [];
            for (int pass = -2; pass < passes; pass++)
            {
                (double wall1, double cpu1) = RunWall(one);
                (double wall2, double cpu2) = RunWall(two);
                if (pass >= 0)
                {
                    walls1.Add(wall1);
                    walls2.Add(wall2);
                    cpus1.Add(cpu1);
                    cpus2.Add(cpu2);
                }
            }

            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"two workers, {flows:N0} established flows, framing, parsing and judging: wall ns a packet {Median(walls1):F1} with one, {Median(walls2):F1} with two: {Median(walls1) / Median(walls2):F2} times; best {walls1.Min() / walls2.Min():F2}; CPU ns a packet {Median(cpus1):F1} and {Median(cpus2):F1}: {2 * Median(cpus1) / Median(cpus2):F2} on free cores. Floor 1.7, goal 1.9"));
        }
    }

    /// <summary>Nanoseconds a packet of wall clock and of the process's CPU, from frames in memory to results, over four million packets.</summary>
    internal static (double Wall, double Cpu) RunWall(EngineRow row)
    {
        EngineJudge judge = row.Drive.Engine.Judge;
        int rounds = Math.Max(1, 4_194_304 / row.Frames.Count);
        RowFeed feed = new(row, rounds);
        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        long begin = Stopwatch.GetTimestamp();
        if (judge.Workers > 1)
        {
            judge.Run(feed);
        }
        else
        {
            while (feed.Take(out PacketBlock block) == Fed.Block)
            {
                feed.Prepare(block);
                judge.Judge(block);
                feed.Give(block);
            }
        }

        long ticks = Stopwatch.GetTimestamp() - begin;
        cpu = Environment.CpuUsage.TotalTime - cpu;
        double packets = (double)row.Frames.Count * rounds;
        return (ticks * (1e9 / Stopwatch.Frequency) / packets, cpu.TotalNanoseconds / packets);
    }

    /// <summary>A row's frames, some rounds of them, in blocks that refer to them.</summary>
    private sealed class RowFeed(EngineRow row, int rounds) : IBlockFeed
    {
        private readonly Stack<PacketBlock> _free = new();
        private int _first;
        private int _round;

        public Action? Changed { get; set; }

        public Fed Take(out PacketBlock block)
        {
            block = null!;
            if (_round == rounds)
            {
                return Fed.End;
            }

            lock (_free)
            {
                if (!_free.TryPop(out block!))
                {
                    block = new PacketBlock();
                }
            }

            _first += row.Frames.Lend(block, _first, row.Drive.Now, 100);
            row.Drive.Now += 100 * PacketBlock.Capacity;
            if (_first >= row.Frames.Count)
            {
                _first = 0;
                _round++;
            }

            return Fed.Block;
        }

        public void Prepare(PacketBlock block) => HeaderParser.ParseBlock(block, null);

        public void Give(PacketBlock block)
        {
            block.Reset();
            lock (_free)
            {
                _free.Push(block);
            }
        }
    }

    internal static double Median(List<double> values)
    {
        List<double> sorted = [.. values.Order()];
        return sorted.Count % 2 == 1 ? sorted[sorted.Count / 2] : (sorted[(sorted.Count / 2) - 1] + sorted[sorted.Count / 2]) / 2;
    }
}
