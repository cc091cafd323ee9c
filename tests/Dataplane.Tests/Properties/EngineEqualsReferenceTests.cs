using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using Dataplane.Compiler;
using Dataplane.Compiler.Load;
using Dataplane.Compiler.Lower;
using Dataplane.Engine;
using Dataplane.Filters;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Dataplane.Topology.Model;
using Dataplane.Topology.Reference;
using Xunit;
using Xunit.Abstractions;

namespace Dataplane.Tests.Properties;

/// <summary>The interpreter is the meaning: the engine says the same of every packet, for any number of workers and any batch size.</summary>
/// <remarks>
/// 200 cases by default; DATAPLANE_CASES=100000 runs that many. A failure prints the case's seed; DATAPLANE_SEED=SEED repeats that case alone.
/// </remarks>
public sealed class EngineEqualsReferenceTests(ITestOutputHelper output)
{
    private const int DefaultCases = 200;
    private const int MostPackets = 400;

    private static readonly (int Workers, int Batch)[] Shapes = [(1, 1), (1, 2), (1, 128), (2, 128), (4, 2)];

    [Fact]
    public void Verdict_reason_rule_state_and_path_are_equal_on_random_networks_and_traffic() => RandomCases.Run(DefaultCases, Check, output);

    private static void Check(int seed)
    {
        Random random = new(seed);
        RandomNetwork network = new(random);
        JudgeOptions options = Options(random);
        List<(TestPacket Packet, long Time)> traffic = RandomTraffic.Make(random, network, random.Next(1, MostPackets));
        if (options.MaxFlows <= MostPackets)
        {
            // Who makes room looks at what is dead then; were time to run backwards, some of it would live again for one that did not have to.
            long latest = long.MinValue;
            traffic = [.. traffic.Select(t => (t.Packet, latest = Math.Max(latest, t.Time)))];
        }

        Interpreter interpreter = new(network.Network, options);
        List<Outcome> meant = [.. traffic.Select(t => interpreter.Judge(t.Packet.Headers, t.Packet.Quote, t.Time))];
        // Roslyn is nearly all of what a case costs: one in eight pays for it, once, and all its engines take the compiled filters.
        FilterSet? compiled = random.Next(8) == 0 ? Compiled(network.Network) : null;
        // With a table that can fill, records may depend on the number of workers (contract of --workers): one worker only.
        foreach ((int workers, int batch) in Shapes.Where(s => options.MaxFlows > MostPackets || s.Workers == 1))
        {
            using NetworkEngine engine = NetworkEngine.Build(network.Network, options, workers, batchSize: batch);
            for (int slot = 0; slot < (compiled?.Count ?? 0); slot++)
            {
                engine.Filters.Replace(slot, compiled![slot]);
            }

            List<Outcome> said = Judge(engine.Judge, traffic, random.Next(1, 500));
            for (int i = 0; i < meant.Count; i++)
            {
                if (!meant[i].Equals(said[i]))
                {
                    Assert.Fail(Explain(seed, network, options, traffic, meant, said, i, workers, batch));
                }
            }
        }
    }

    private static FilterSet Compiled(Network network)
    {
        FilterCatalog catalog = new(network);
        FilterSet filters = FilterCompiler.Interpret(catalog);
        CompileReport report = FilterCompiler.CompileAll(catalog, filters);
        Assert.Empty(report.Bugs);
        return filters;
    }

    private static JudgeOptions Options(Random random) => new()
    {
        Causal = random.Next(4) != 0,
        Midstream = random.Next(5) == 0 ? MidstreamPolicy.Drop : MidstreamPolicy.Rule,
        IcmpErrors = (IcmpErrorPolicy)random.Next(3),
        Fragments = random.Next(5) == 0 ? FragmentPolicy.Drop : FragmentPolicy.First,
        Overlap = random.Next(4) == 0 ? OverlapPolicy.Tracked : OverlapPolicy.Untracked,
        BlockPort25 = random.Next(4) == 0,
        MaxFlows = random.Next(6) == 0 ? random.Next(1, 20) : 1_048_576,
    };

    private static List<Outcome> Judge(IJudge judge, List<(TestPacket Packet, long Time)> traffic, int blockSize)
    {
        List<Outcome> outcomes = [];
        PacketBlock block = new();
        for (int begin = 0; begin < traffic.Count; begin += blockSize)
        {
            int count = Math.Min(blockSize, traffic.Count - begin);
            block.Reset();
            block.FirstNumber = begin + 1;
            for (int i = 0; i < count; i++)
            {
                block.Add(traffic[begin + i].Time, 0, traffic[begin + i].Packet.Headers.WireLength, LinkType.Raw, 0);
                block.Headers[i] = traffic[begin + i].Packet.Headers;
                block.Quotes[i] = traffic[begin + i].Packet.Quote;
                block.Selected[i] = true;
            }

            judge.Judge(block);
            for (int i = 0; i < count; i++)
            {
                outcomes.Add(judge.Tables.Describe(block.Results[i]));
            }
        }

        return outcomes;
    }

    private static string Explain(
        int seed, RandomNetwork network, JudgeOptions options, List<(TestPacket Packet, long Time)> traffic, List<Outcome> meant, List<Outcome> said, int at, int workers, int batch)
    {
        StringBuilder text = new();
        text.AppendLine(CultureInfo.InvariantCulture, $"seed {seed}, {workers} workers, batches of {batch}: packet {at} differs. Repeat:");
        text.AppendLine(CultureInfo.InvariantCulture, $"  DATAPLANE_SEED={seed} dotnet test tests/Dataplane.Tests -c Release --filter FullyQualifiedName~EngineEqualsReference");
        text.AppendLine(CultureInfo.InvariantCulture, $"  meant {meant[at]}");
        text.AppendLine(CultureInfo.InvariantCulture, $"  said  {said[at]}");
        text.AppendLine(options.ToString());
        Headers odd = traffic[at].Packet.Headers;
        for (int i = 0; i <= at; i++)
        {
            Headers h = traffic[i].Packet.Headers;
            bool near = h.Source == odd.Source || h.Source == odd.Destination || h.Destination == odd.Source || h.Destination == odd.Destination;
            if (near || i == at)
            {
                text.AppendLine(CultureInfo.InvariantCulture,
                    $"  {i,4} {(traffic[i].Time - traffic[0].Time) / 1e9:F3} s {Analysis.PacketText.Line(h)} {h.Flags} tcp={h.TcpFlags:x2} id={h.SourcePort} frag={h.FragmentId}{(h.HasQuote ? $" quoting {Analysis.PacketText.Line(traffic[i].Packet.Quote)} {traffic[i].Packet.Quote.Flags}" : "")}: {meant[i]}");
            }
        }

        return text.AppendLine(network.ToString()).ToString();
    }
}
