// A benchmark class for each engine row. The method is timed whole: copying frames into blocks (Fill, the baseline, shows what that costs) as well as parsing and
// judging. `rows` times the latter two alone, by the thread's own CPU clock.

using System.Collections.Immutable;
using BenchmarkDotNet.Attributes;
using Dataplane.Compiler;
using Dataplane.Compiler.Load;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Topology.Model;

namespace Dataplane.Bench;

/// <summary>What a packet of an established flow costs.</summary>
[MemoryDiagnoser]
public class EstablishedBench
{
    private readonly PacketBlock _block = new();
    private EstablishedRow _row = null!;

    [Params(65_536, 1_048_576)]
    public int Flows { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _row = new EstablishedRow(Flows, 0, 0);
        _row.Setup();
    }

    [GlobalCleanup]
    public void Cleanup() => _row.Dispose();

    [Benchmark(Baseline = true, OperationsPerInvoke = EstablishedRow.Packets)]
    public int Fill()
    {
        int filled = 0;
        while (filled < _row.Frames.Count)
        {
            _block.Reset();
            filled += _row.Frames.Fill(_block, filled, Traffic.Start, 100);
        }

        return filled;
    }

    [Benchmark(OperationsPerInvoke = EstablishedRow.Packets)]
    public ulong Established()
    {
        _row.Pass();
        return _row.Drive.Checksum;
    }
}

/// <summary>What a packet costs when each fifth is the first of its flow.</summary>
[MemoryDiagnoser]
public class MixedBench
{
    private readonly MixedRow _row = new();
    private int _pass;

    [GlobalSetup]
    public void Setup() => _row.Setup();

    [GlobalCleanup]
    public void Cleanup() => _row.Dispose();

    [IterationSetup]
    public void Prepare() => _row.Prepare(_pass++);

    [Benchmark(OperationsPerInvoke = MixedRow.Packets)]
    public ulong Mixed()
    {
        _row.Pass();
        return _row.Drive.Checksum;
    }
}

/// <summary>What the first packet of an allowed flow costs, in a flood that has filled the table with flows that died.</summary>
[MemoryDiagnoser]
public class FirstPacketsBench
{
    private FirstPacketsRow _row = null!;
    private int _pass;

    [Params(60, 1_000)]
    public int Rules { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _row = new FirstPacketsRow(Rules, 0, 0);
        _row.Setup();
    }

    [GlobalCleanup]
    public void Cleanup() => _row.Dispose();

    [IterationSetup]
    public void Prepare() => _row.Prepare(_pass++);

    [Benchmark(OperationsPerInvoke = FirstPacketsRow.Packets)]
    public ulong First()
    {
        _row.Pass();
        return _row.Drive.Checksum;
    }
}

/// <summary>What a denied packet costs in a live run, which has no causal memory: a scan, a SYN flood; 60 rules.</summary>
[MemoryDiagnoser]
public class DeniedLiveBench
{
    private readonly DeniedRow _row = new(60, causal: false, 0, 0);
    private int _pass;

    [GlobalSetup]
    public void Setup() => _row.Setup();

    [GlobalCleanup]
    public void Cleanup() => _row.Dispose();

    [IterationSetup]
    public void Prepare() => _row.Prepare(_pass++);

    [Benchmark(OperationsPerInvoke = DeniedRow.Packets)]
    public ulong Denied()
    {
        _row.Pass();
        return _row.Drive.Checksum;
    }
}

/// <summary>What a denied packet costs in replay, which remembers each denied flow; 1,000 rules.</summary>
[MemoryDiagnoser]
public class DeniedReplayBench
{
    private readonly DeniedRow _row = new(1_000, causal: true, 0, 0);
    private int _pass;

    [GlobalSetup]
    public void Setup() => _row.Setup();

    [GlobalCleanup]
    public void Cleanup() => _row.Dispose();

    [IterationSetup]
    public void Prepare() => _row.Prepare(_pass++);

    [Benchmark(OperationsPerInvoke = DeniedRow.Packets)]
    public ulong Denied()
    {
        _row.Pass();
        return _row.Drive.Checksum;
    }
}

/// <summary>How judging scales from one worker to two, wall clock, established packets of a million flows. The cores must be free.</summary>
[MemoryDiagnoser]
public class TwoWorkersBench
{
    private EstablishedRow _row = null!;

    [Params(1, 2)]
    public int Workers { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _row = new EstablishedRow(1_048_576, 0, 0, workers: Workers);
        _row.Setup();
    }

    [GlobalCleanup]
    public void Cleanup() => _row.Dispose();

    [Benchmark(OperationsPerInvoke = EstablishedRow.Packets)]
    public double Judge() => RowsCommand.RunWall(_row).Wall;
}

/// <summary>How long it takes from a network of which one rule among 10,000 has changed to the first packet judged by it, with the filters of the old network at hand.</summary>
[MemoryDiagnoser]
public class RuleChangeBench
{
    private const int Rules = 10_000;

    private readonly FilterCache _cache = new();
    private readonly PacketBlock _block = new();
    private Network _network = null!;
    private int _change;

    /// <summary>Whether the changed list is compiled as well, or judged by the interpreter at first, as a run does it.</summary>
    [Params(false, true)]
    public bool Compiled { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        // 167 groups of 60 rules: what a group may hold.
        Network one = Traffic.Network(60);
        ImmutableArray<SecurityGroup>.Builder groups = ImmutableArray.CreateBuilder<SecurityGroup>();
        groups.Add(one.SecurityGroups[0]);
        for (int i = 1; i < Rules / 60; i++)
        {
            groups.Add(Traffic.Network(60, i + 1).SecurityGroups[0] with { Id = $"sg-{i + 1:D4}" });
        }

        _network = one with { SecurityGroups = groups.ToImmutable() };
        using NetworkEngine engine = NetworkEngine.Build(_network, JudgeOptions.Default);
        FilterCompiler.CompileAll(engine.Catalog, engine.Filters, _cache);
        FrameSet frames = new(1);
        frames.Set(0, 1, false, TcpFlag.Syn);
        frames.Fill(_block, 0, Traffic.Start, 1);
        HeaderParser.ParseBlock(_block, null);
    }

    [Benchmark]
    public int FirstPacket()
    {
        SecurityGroup group = _network.SecurityGroups[0];
        int port = 1_000 + (++_change % 50_000);
        Network changed = _network with
        {
            SecurityGroups = _network.SecurityGroups.SetItem(0, group with { Ingress = group.Ingress.SetItem(3, group.Ingress[3] with { Protocol = 6, From = port, To = port }) }),
        };
        using NetworkEngine engine = NetworkEngine.Build(changed, JudgeOptions.Default, cache: _cache);
        if (Compiled)
        {
            FilterCompiler.CompileAll(engine.Catalog, engine.Filters, _cache);
        }

        engine.Judge.Judge(_block);
        return _block.Results[0].Path;
    }
}
