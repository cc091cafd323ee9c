using System;
using System.IO;
using System.Text.Json;
using Dataplane.Compiler;
using Dataplane.Compiler.Load;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Reports;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Budgets;

/// <summary>Allocations do not depend on the machine, so they are held: bench/budget.json says how many bytes a packet may cost in steady state.</summary>
public sealed class AllocationBudgetTests
{
    private const int Packets = PacketBlock.Capacity;
    private const int Rounds = 8;

    private static readonly string Topology = """
        vpc vpc-1 10.0.0.0/16
        subnet sub-a vpc-1 10.0.1.0/24
        eni eni-a sub-a 10.0.1.10=203.0.113.10 sg=sg-a
        sg sg-a vpc-1
          in tcp 443 198.51.0.0/16
        igw igw-1 vpc-1
        """;

    private readonly NetworkEngine _engine = NetworkEngine.Build(NetworkBuilder.Network(Topology), JudgeOptions.Default);

    public static TheoryData<string> Work => ["parse", "hit", "denied", "record"];

    [Theory, MemberData(nameof(Work))]
    public void Bytes_per_packet_stay_within_the_budget(string work)
    {
        FilterCompiler.CompileAll(_engine.Catalog, _engine.Filters);
        PacketBlock block = Block(work == "denied" ? 23 : 443);
        PacketRecords records = new(Stream.Null, _engine.Judge.Tables, RecordFormat.JsonLines);
        Action step = work switch
        {
            "parse" => () => HeaderParser.ParseBlock(block, null),
            "record" => () => records.Write(block),
            _ => () => _engine.Judge.Judge(block),
        };
        _engine.Judge.Judge(block);
        step();
        step();
        // The runtime itself allocates a little when it replaces a method's code; what a packet costs, it costs in every round.
        long least = long.MaxValue;
        for (int i = 0; i < Rounds; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            step();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        double perPacket = least / (double)Packets;
        Assert.True(perPacket <= Budget(work), $"{work}: {perPacket:F2} bytes a packet; bench/budget.json allows {Budget(work)}");
        _engine.Dispose();
    }

    private static double Budget(string work)
    {
        using JsonDocument budget = JsonDocument.Parse(File.ReadAllText(Repository.At("bench/budget.json")));
        return budget.RootElement.GetProperty("bytesPerPacket").GetProperty(work).GetDouble();
    }

    private static PacketBlock Block(int port)
    {
        PacketBlock block = new() { FirstNumber = 1 };
        for (int i = 0; i < Packets; i++)
        {
            int flow = i % 1_000;
            block.Add(1_700_000_000_000_000_000 + (i * 1_000L), PacketBuilder.Tcp($"198.51.{flow / 250}.{flow % 250}", 40_000, "10.0.1.10", port, PacketBuilder.Syn));
        }

        HeaderParser.ParseBlock(block, null);
        block.Selected.AsSpan(0, block.Count).Fill(true);
        return block;
    }
}
