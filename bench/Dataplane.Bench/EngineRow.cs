using System;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Bench;

/// <summary>One row of the table of figures: an engine in a state, and the packets of a pass.</summary>
/// <remarks>The same rows stand behind the benchmark classes and behind <c>rows</c>, which times parsing and judging alone and checks a sample against the reference.</remarks>
internal abstract class EngineRow(string name, double floor, double goal) : IDisposable
{
    internal string Name { get; } = name;

    /// <summary>Million packets a second on one core.</summary>
    internal double Floor { get; } = floor;

    internal double Goal { get; } = goal;

    internal EngineDrive Drive { get; private protected set; } = null!;

    /// <summary>Packets of the next pass.</summary>
    internal FrameSet Frames { get; private protected set; } = null!;

    /// <summary>What every packet of a pass gets.</summary>
    internal virtual Verdict Expected => Verdict.Allow;

    /// <summary>Builds the engine and brings it to the state that the row measures.</summary>
    internal abstract void Setup();

    /// <summary>Makes the packets of pass <paramref name="pass"/>, 0 and up; outside of the clock.</summary>
    internal virtual void Prepare(int pass)
    {
    }

    internal void Pass(bool compare = false) => Drive.Run(Frames, compare: compare);

    public void Dispose() => Drive?.Dispose();

    /// <summary>SYN, SYN-ACK and ACK of flows 0 to <paramref name="flows"/> - 1.</summary>
    private protected void Establish(int flows, bool ipv6 = false)
    {
        const int Part = 65_536;
        for (int first = 0; first < flows; first += Part)
        {
            int count = Math.Min(Part, flows - first);
            FrameSet handshake = new(count * 3, ipv6);
            for (int i = 0; i < count; i++)
            {
                handshake.Set(i, first + i, false, TcpFlag.Syn);
                handshake.Set(count + i, first + i, true, TcpFlag.Syn | TcpFlag.Ack);
                handshake.Set((2 * count) + i, first + i, false, TcpFlag.Ack);
            }

            Drive.Run(handshake, compare: true);
        }
    }
}

/// <summary>Packets both ways of flows that are established, in random order.</summary>
internal sealed class EstablishedRow(int flows, double floor, double goal, bool ipv6 = false, int workers = 1)
    : EngineRow($"established, {flows:N0} flows{(ipv6 ? ", IPv6" : "")}{(workers > 1 ? $", {workers} workers" : "")}", floor, goal)
{
    internal const int Packets = 1_048_576;

    internal override void Setup()
    {
        Drive = new EngineDrive(Traffic.Network(60), new JudgeOptions { MaxFlows = 2_097_152 }, workers, sampleEvery: Math.Max(16, flows / 4_096));
        Establish(flows, ipv6);
        Random random = new(2);
        Frames = new FrameSet(Packets, ipv6);
        for (int i = 0; i < Packets; i++)
        {
            Frames.Set(i, random.Next(flows), random.Next(2) == 0, TcpFlag.Ack);
        }
    }
}

/// <summary>Four packets of established flows to one first packet that is allowed, 1,000 rules, about a million flows in the table.</summary>
internal sealed class MixedRow() : EngineRow("80 % of 1,048,576 established flows, 20 % first packets, 1,000 rules", 10, 18)
{
    internal const int Packets = 524_288;
    private const int Flows = 1_048_576;

    private readonly Random _random = new(3);
    private int _next = Flows;

    internal override void Setup()
    {
        Drive = new EngineDrive(Traffic.Network(1_000), new JudgeOptions { MaxFlows = 4 * Flows }, sampleEvery: 256, prepare: 4 * Flows);
        Establish(Flows);
        Frames = new FrameSet(Packets);
    }

    internal override void Prepare(int pass)
    {
        for (int i = 0; i < Packets; i++)
        {
            bool isFirst = _random.Next(5) == 0;
            Frames.Set(i, isFirst ? _next++ : _random.Next(Flows), !isFirst && _random.Next(2) == 0, isFirst ? TcpFlag.Syn : TcpFlag.Ack);
        }
    }
}

/// <summary>A flood of new flows that are allowed. The table is full of flows that died, as in a flood that lasts: making room is part of it.</summary>
internal sealed class FirstPacketsRow(int rules, double floor, double goal, bool isFull = false)
    : EngineRow(isFull ? $"first packets into a full table of the dead, {rules:N0} rules, causal memory full" : $"first packets, allowed, {rules:N0} rules", floor, goal)
{
    internal const int Packets = 524_288;
    private const long SynTimeout = 121_000_000_000;
    private const int MostPasses = 16;

    private int _next;

    internal override void Setup()
    {
        JudgeOptions options = new() { MaxFlows = isFull ? 2 * Packets : MostPasses * Packets };
        Drive = new EngineDrive(Traffic.Network(rules), options, sampleEvery: 128, prepare: options.MaxFlows);
        Frames = new FrameSet(Packets);
        for (int i = 0; i < (isFull ? 5 : 2); i++)
        {
            Prepare(0);
            Drive.Run(Frames, compare: true);
        }
    }

    internal override void Prepare(int pass)
    {
        Drive.Now += isFull ? SynTimeout : 0;
        for (int i = 0; i < Packets; i++)
        {
            Frames.Set(i, _next++, false, TcpFlag.Syn);
        }
    }
}

/// <summary>SYNs from anywhere to closed ports, each another flow.</summary>
internal sealed class DeniedRow(int rules, bool causal, double floor, double goal)
    : EngineRow($"denied, {rules:N0} rules, {(causal ? "replay (causal memory)" : "live")}", floor, goal)
{
    internal const int Packets = 524_288;

    private readonly Random _random = new(4);
    private int _next;

    internal override Verdict Expected => Verdict.Deny;

    internal override void Setup()
    {
        Drive = new EngineDrive(Traffic.Network(rules), new JudgeOptions { Causal = causal }, sampleEvery: 256, prepare: JudgeOptions.Default.MaxFlows);
        Frames = new FrameSet(Packets);
        for (int i = 0; i < 3; i++)
        {
            Prepare(0);
            Drive.Run(Frames, compare: true);
        }
    }

    internal override void Prepare(int pass)
    {
        for (int i = 0; i < Packets; i++)
        {
            Frames.SetRandom(i, _next++, _random);
        }
    }
}
