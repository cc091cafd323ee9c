// Where the nanoseconds of an established packet go. Each step is what one run costs more than the one before it: the same frames, one more stage. Steps that the
// engine does in one loop are told apart by the state that they meet: packets that end after parsing show the loop and the counters, 256 flows show hashing, look-up and
// applying without cache misses, more flows add the misses.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Dataplane.Compiler;
using Dataplane.Engine;
using Dataplane.Flows;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Bench;

/// <summary><c>profile [FLOWS]</c>: the steps of an established packet beside the floor of touching its memory.</summary>
internal static class ProfileCommand
{
    private const int Passes = 9;
    private const int FewFlows = 256;

    internal static int Run(int flows)
    {
        List<(string Step, double Nanoseconds)> steps = [];
        using EstablishedRow few = new(FewFlows, 0, 0), many = new(flows, 0, 0);
        few.Setup();
        many.Setup();
        PacketBlock[] blocks = Parsed(few.Frames);

        steps.Add(("touch: read one word of each frame in memory", Time(() => Touch(few.Frames))));
        steps.Add(("fill: copy the frame into a block (a reader's work)", Time(() => Fill(few.Frames))));
        double parse = Time(() => Parse(blocks));
        steps.Add(("parse: Ethernet, IPv4, TCP with all checks", parse));
        double view = Time(() => View(few.Drive.Engine, blocks));
        steps.Add(("view: addresses through public ones, the flow's key, hash", view));
        double loop = Time(() => Judge(few.Drive.Engine, Ended(few.Frames)));
        steps.Add(("loop and counters: packets that end after parsing", loop));
        double hot = Time(() => Judge(few.Drive.Engine, blocks));
        steps.Add(($"judge, {FewFlows} flows: view, look-up, states, timers, result, counters", hot));
        steps.Add(("  of it look-up and apply (judge - view - loop)", hot - view - loop));
        double cold = Whole(many);
        steps.Add((string.Create(CultureInfo.InvariantCulture, $"judge, {flows:N0} flows"), cold));
        steps.Add(("  of it cache misses (judge many - judge few)", cold - hot));
        using EngineDrive observed = new(Traffic.Network(60), JudgeOptions.Default, observers: _ => new Observer());
        FrameSet open = new(FewFlows * 3);
        for (int i = 0; i < FewFlows; i++)
        {
            open.Set(i, i, false, TcpFlag.Syn);
            open.Set(FewFlows + i, i, true, TcpFlag.Syn | TcpFlag.Ack);
            open.Set((2 * FewFlows) + i, i, false, TcpFlag.Ack);
        }

        observed.Run(open);
        blocks = Parsed(few.Frames);
        steps.Add(("observer: a batch shown to one that looks at each view (judge with - without)", Time(() => Judge(observed.Engine, blocks)) - hot));
        steps.Add((string.Create(CultureInfo.InvariantCulture, $"parse + judge, {flows:N0} flows"), parse + cold));
        foreach ((string step, double nanoseconds) in steps)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{step,-85} {nanoseconds,7:F1} ns"));
        }

        return 0;
    }

    /// <summary>CPU nanoseconds a packet of the calling thread: the median of some passes after two that warm up. Blocks are few enough to stay in the cache.</summary>
    private static double Time(Func<(long Packets, long Result)> pass)
    {
        List<double> times = [];
        for (int i = -4; i < Passes; i++)
        {
            long before = ThreadClock.Now;
            (long packets, long result) = pass();
            double time = (ThreadClock.Now - before) / (double)packets;
            GC.KeepAlive(result);
            if (i >= 0)
            {
                times.Add(time);
            }
            else
            {
                System.Threading.Thread.Sleep(120);    // for the JIT's second tier
            }
        }

        return RowsCommand.Median(times);
    }

    /// <summary>Judging alone, over all frames of a row, so that each flow is met as seldom as the row says.</summary>
    private static double Whole(EngineRow row)
    {
        List<double> times = [];
        for (int pass = -2; pass < Passes; pass++)
        {
            row.Drive.Restart();
            row.Pass();
            if (pass >= 0)
            {
                times.Add((row.Drive.Nanoseconds - row.Drive.ParseNanoseconds) / (double)row.Drive.Packets);
            }
        }

        return RowsCommand.Median(times);
    }

    private static PacketBlock[] Parsed(FrameSet frames)
    {
        // Two blocks: their arrays stay in the second-level cache, as those of a pipeline of few blocks nearly do.
        PacketBlock[] blocks = [new PacketBlock(), new PacketBlock()];
        long time = Traffic.Start + 60_000_000_000;
        int first = 0;
        foreach (PacketBlock block in blocks)
        {
            first += frames.Fill(block, first, time, 100);
            HeaderParser.ParseBlock(block, null);
        }

        return blocks;
    }

    private static PacketBlock[] Ended(FrameSet frames)
    {
        PacketBlock[] blocks = Parsed(frames);
        foreach (PacketBlock block in blocks)
        {
            for (int i = 0; i < block.Count; i++)
            {
                block.Headers[i].Status = PacketStatus.Ignored;
            }
        }

        return blocks;
    }

    private static (long, long) Touch(FrameSet frames)
    {
        ReadOnlySpan<byte> all = frames.All;
        long sum = 0;
        for (int i = 0; i < all.Length; i += frames.Stride)
        {
            sum += all[i + 30];
        }

        return (frames.Count, sum);
    }

    private static (long, long) Fill(FrameSet frames)
    {
        PacketBlock block = new();
        int filled = 0;
        while (filled < frames.Count)
        {
            block.Reset();
            filled += frames.Fill(block, filled, Traffic.Start, 100);
        }

        return (filled, block.Count);
    }

    private static (long, long) Parse(PacketBlock[] blocks) => Repeat(blocks, block => HeaderParser.ParseBlock(block, null));

    private static (long, long) Judge(NetworkEngine engine, PacketBlock[] blocks) => Repeat(blocks, engine.Judge.Judge);

    private static (long, long) View(NetworkEngine engine, PacketBlock[] blocks)
    {
        FlowHash hash = FlowHash.Secret;
        long sum = 0;
        (long packets, _) = Repeat(blocks, block =>
        {
            for (int i = 0; i < block.Count; i++)
            {
                FlowView view = engine.Plan.View(in block.Headers[i]);
                sum += hash.Of(view.Key);
            }
        });
        return (packets, sum);
    }

    private static (long, long) Repeat(PacketBlock[] blocks, Action<PacketBlock> work)
    {
        const int Rounds = 16;
        for (int round = 0; round < Rounds; round++)
        {
            foreach (PacketBlock block in blocks)
            {
                work(block);
            }
        }

        return ((long)Rounds * blocks.Sum(block => block.Count), blocks[0].Results[0].Path);
    }

    private sealed class Observer : IBatchObserver
    {
        private long _sum;

        public void Observe(PacketBlock block, ReadOnlySpan<PacketResult> results, ReadOnlySpan<FlowView> views)
        {
            foreach (ref readonly FlowView view in views)
            {
                _sum += view.Hash + results[view.Index].Path;
            }
        }
    }
}
