// Takes frames through an engine block by block and times what is the engine's: parsing and judging. Copying frames into the block, which a reader does, and
// checksums, which nobody does, stand outside of the clock; the clock is read once a block.

using System;
using System.Collections.Generic;
using System.Globalization;
using Dataplane.Compiler;
using Dataplane.Compiler.Load;
using Dataplane.Engine;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Topology.Model;
using Dataplane.Topology.Reference;

namespace Dataplane.Bench;

/// <summary>An engine with compiled filters, the time of its packets, and the reference that judges a sample beside it.</summary>
internal sealed class EngineDrive : IDisposable
{
    private const int RingSize = 4;

    private readonly PacketBlock[] _ring = new PacketBlock[RingSize];
    private readonly Interpreter _reference;
    private readonly Dictionary<(int, int, int, int, int), string> _described = [];
    private readonly int _sampleEvery;
    private int _turn;

    /// <param name="prepare">Flows for which memory is committed before the first packet: a fresh page costs more than a walk, and a table in use has none.</param>
    /// <param name="sampleEvery">One flow of so many is judged by the reference, too; 0 for none.</param>
    internal EngineDrive(Network network, JudgeOptions options, int workers = 1, int sampleEvery = 0, Func<int, IBatchObserver>? observers = null, int prepare = 0)
    {
        Engine = NetworkEngine.Build(network, options, workers, observers: observers);
        CompileReport report = FilterCompiler.CompileAll(Engine.Catalog, Engine.Filters);
        Engine.Judge.Prepare(prepare);
        if (!report.Bugs.IsEmpty)
        {
            throw new InvalidOperationException(report.Bugs[0]);
        }

        _reference = new Interpreter(network, options);
        _sampleEvery = sampleEvery;
        for (int i = 0; i < RingSize; i++)
        {
            _ring[i] = new PacketBlock();
        }
    }

    internal NetworkEngine Engine { get; }

    /// <summary>Time of the next packet.</summary>
    internal long Now { get; set; } = Traffic.Start;

    /// <summary>CPU nanoseconds of this thread in parsing and judging.</summary>
    internal long Nanoseconds { get; private set; }

    /// <summary>The part of it that parsing took.</summary>
    internal long ParseNanoseconds { get; private set; }

    /// <summary>CPU nanoseconds of this thread in copying frames into blocks.</summary>
    internal long FillNanoseconds { get; private set; }

    internal long Packets { get; private set; }

    /// <summary>Sum over all results since the last <see cref="Restart"/>; equal passes over equal state have equal ones.</summary>
    internal ulong Checksum { get; private set; }

    /// <summary>Packets that the reference judged as well.</summary>
    internal long Compared { get; private set; }

    /// <summary>How the first packet that the two judge differently is judged by each; null when there is none.</summary>
    internal string? Difference { get; private set; }

    internal void Restart()
    {
        Nanoseconds = ParseNanoseconds = FillNanoseconds = Packets = 0;
        Checksum = 0;
    }

    /// <summary>Judges all frames in order.</summary>
    /// <param name="step">Nanoseconds of packet time from one to the next.</param>
    /// <param name="compare">Whether the reference judges its sample: needed as soon as it must know a flow.</param>
    internal void Run(FrameSet frames, long step = 100, bool compare = false)
    {
        for (int first = 0; first < frames.Count;)
        {
            PacketBlock block = _ring[_turn++ % RingSize];
            long begin = ThreadClock.Now;
            block.Reset();
            int count = frames.Fill(block, first, Now, step);
            long filled = ThreadClock.Now;
            HeaderParser.ParseBlock(block, null);
            long parsed = ThreadClock.Now;
            Engine.Judge.Judge(block);
            long judged = ThreadClock.Now;
            FillNanoseconds += filled - begin;
            ParseNanoseconds += parsed - filled;
            Nanoseconds += judged - filled;
            Packets += count;
            Checksum += Sum(block);
            if (compare && _sampleEvery > 0)
            {
                Compare(block, frames, first);
            }

            Now += count * step;
            first += count;
        }
    }

    public void Dispose() => Engine.Dispose();

    private static ulong Sum(PacketBlock block)
    {
        ulong sum = 0;
        foreach (ref readonly PacketResult result in block.Results.AsSpan(0, block.Count))
        {
            sum += (((ulong)(uint)result.Path * 0x9E37_79B9_7F4A_7C15) ^ (uint)result.From) + (uint)result.To;
        }

        return sum;
    }

    private void Compare(PacketBlock block, FrameSet frames, int first)
    {
        for (int i = 0; i < block.Count; i++)
        {
            // By a hash of the flow's number, so that no order of numbers spoils the sample.
            if (unchecked((uint)frames.Flow[first + i] * 0x9E37_79B1u) % (uint)_sampleEvery != 0)
            {
                continue;
            }

            string meant = Text(_reference.Judge(block.Headers[i], default, block.Packets[i].Time));
            PacketResult result = block.Results[i];
            (int, int, int, int, int) key = (result.Path, result.From, result.To, result.SourceTranslation, result.DestinationTranslation);
            if (!_described.TryGetValue(key, out string? said))
            {
                _described.Add(key, said = Text(Engine.Judge.Tables.Describe(in result)));
            }

            Compared++;
            if (said != meant)
            {
                Difference ??= string.Create(CultureInfo.InvariantCulture, $"packet {Packets - block.Count + i}: the engine says {said}, the reference {meant}");
            }
        }
    }

    private static string Text(Outcome outcome) =>
        $"{outcome.Verdict} {outcome.Reason} {outcome.State} {outcome.Rule} {outcome.From} {outcome.To} {string.Join('|', outcome.Path)}";
}
