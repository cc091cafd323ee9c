using System.Collections.Generic;
using BenchmarkDotNet.Attributes;
using Dataplane.Compiler;
using Dataplane.Compiler.Load;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Bench;

/// <summary>What a packet of a known flow costs: hash, look-up, states, timers, provenance. One worker, the worker that replay uses.</summary>
[MemoryDiagnoser]
public class FlowHitBench
{
    private const int Packets = 262_144;

    private NetworkEngine _engine = null!;
    private List<PacketBlock> _blocks = null!;

    [Params(1_024, 65_536, 1_048_576)]
    public int Flows { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _engine = NetworkEngine.Build(Traffic.Network(60), new JudgeOptions { MaxFlows = 2_000_000 });
        FilterCompiler.CompileAll(_engine.Catalog, _engine.Filters);
        foreach (PacketBlock block in Traffic.Blocks(Flows, Flows, true))
        {
            _engine.Judge.Judge(block);
        }

        _blocks = Traffic.Blocks(Flows, Packets, false);
    }

    [GlobalCleanup]
    public void Cleanup() => _engine.Dispose();

    [Benchmark(OperationsPerInvoke = Packets)]
    public int Established()
    {
        foreach (PacketBlock block in _blocks)
        {
            _engine.Judge.Judge(block);
        }

        return _blocks[^1].Results[0].Path;
    }
}

/// <summary>What the first packet of an allowed flow costs: a walk through the group, the ACL and the gateway, and an entry.</summary>
[MemoryDiagnoser]
public class FirstPacketBench
{
    private const int Packets = 262_144;

    private List<PacketBlock> _blocks = null!;
    private NetworkEngine _engine = null!;

    [Params(10, 100, 1_000)]
    public int Rules { get; set; }

    [GlobalSetup]
    public void Setup() => _blocks = Traffic.Blocks(Packets, Packets, true);

    [IterationSetup]
    public void Fresh()
    {
        _engine = NetworkEngine.Build(Traffic.Network(Rules), JudgeOptions.Default);
        FilterCompiler.CompileAll(_engine.Catalog, _engine.Filters);
    }

    [IterationCleanup]
    public void Cleanup() => _engine.Dispose();

    [Benchmark(OperationsPerInvoke = Packets)]
    public int First()
    {
        foreach (PacketBlock block in _blocks)
        {
            _engine.Judge.Judge(block);
        }

        return _blocks[^1].Results[0].Path;
    }
}

/// <summary>What parsing a 60-byte TCP frame costs.</summary>
[MemoryDiagnoser]
public class ParseBench
{
    private const int Packets = 65_536;

    private readonly List<PacketBlock> _blocks = Traffic.Blocks(4_096, Packets, false);

    [Benchmark(OperationsPerInvoke = Packets)]
    public int Parse()
    {
        foreach (PacketBlock block in _blocks)
        {
            HeaderParser.ParseBlock(block, null);
        }

        return _blocks[0].Headers[0].DestinationPort;
    }
}

/// <summary>How long a topology's rules take from model to checked, loaded code, Roslyn warm.</summary>
[MemoryDiagnoser]
public class CompileBench
{
    [Params(10, 100, 1_000)]
    public int Rules { get; set; }

    [Benchmark]
    public int Compile()
    {
        using NetworkEngine engine = NetworkEngine.Build(Traffic.Network(Rules), JudgeOptions.Default);
        return FilterCompiler.CompileAll(engine.Catalog, engine.Filters).CompiledLists;
    }
}

/// <summary>What a packet record costs, written to nowhere.</summary>
[MemoryDiagnoser]
public class RecordBench
{
    private const int Packets = 65_536;

    private readonly List<PacketBlock> _blocks = Traffic.Blocks(4_096, Packets, false);
    private Reports.PacketRecords _records = null!;

    [GlobalSetup]
    public void Setup()
    {
        using NetworkEngine engine = NetworkEngine.Build(Traffic.Network(60), JudgeOptions.Default);
        foreach (PacketBlock block in _blocks)
        {
            engine.Judge.Judge(block);
        }

        _records = new Reports.PacketRecords(System.IO.Stream.Null, engine.Judge.Tables, Reports.RecordFormat.JsonLines);
    }

    [Benchmark(OperationsPerInvoke = Packets)]
    public int Write()
    {
        foreach (PacketBlock block in _blocks)
        {
            _records.Write(block);
        }

        return _blocks.Count;
    }
}
