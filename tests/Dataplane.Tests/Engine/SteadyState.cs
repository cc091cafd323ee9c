// A process of its own in which nothing runs but the engine: `dotnet Dataplane.Tests.dll` prints what each round over the same block allocates.
//
// Beside a test runner one round in many had some bytes that are not the engine's (where they come from was not found: here they never appear), so a check there had
// to be content with the least of several rounds. Here every round counts.

using System;
using System.Globalization;
using Dataplane.Compiler;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Tests.TestSupport;

namespace Dataplane.Tests.Engine;

/// <summary>The test assembly's own program; test runners do not call it.</summary>
internal static class SteadyState
{
    public const int Rounds = 400;
    public const int Flows = 80;

    /// <summary>Packets of a round that a remembered decision answers; one more a flow is denied and walks each time.</summary>
    public const int Hits = 5 * Flows;

    private const string Topology = """
        vpc vpc-1 10.0.0.0/16
        igw igw-1 vpc-1
        rtb rtb-a vpc-1
          0.0.0.0/0 igw-1
        subnet sub-a vpc-1 10.0.1.0/24 rtb=rtb-a
        subnet sub-b vpc-1 10.0.2.0/24
        sg sg-a vpc-1
          in tcp 80 0.0.0.0/0
          out all 0.0.0.0/0
        sg sg-b vpc-1
          in tcp 443 sg-a
          in udp 53 sg-a
        eni eni-a sub-a 10.0.1.10=203.0.113.10 sg=sg-a
        eni eni-b sub-b 10.0.2.20 sg=sg-b
        """;

    /// <summary>Prints one line a round: bytes that this thread allocated, and hits.</summary>
    public static void Main()
    {
        using NetworkEngine engine = NetworkEngine.Build(NetworkBuilder.Network(Topology), JudgeOptions.Default);
        PacketBlock block = new();
        block.Reset();
        for (int i = 0; i < Flows; i++)
        {
            Add(block, $"tcp 10.0.1.10:{1000 + i} > 10.0.2.20:443 S", i);
            Add(block, $"tcp 10.0.2.20:443 > 10.0.1.10:{1000 + i} SA", i);
            Add(block, $"udp 10.0.1.10:{1000 + i} > 10.0.2.20:53", i);
            Add(block, $"tcp 8.8.8.8:{1000 + i} > 203.0.113.10:80 A", i);
            Add(block, $"tcp 10.0.1.10:80 > 8.8.8.8:{1000 + i} A", i);
            Add(block, $"tcp 10.0.1.10:{i} > 10.0.2.20:81 S", i);
        }

        long[] bytes = new long[Rounds], hits = new long[Rounds];
        for (int i = 0; i < Rounds; i++)
        {
            long hitsBefore = engine.Judge.Counters.Hits, before = GC.GetAllocatedBytesForCurrentThread();
            engine.Judge.Judge(block);
            bytes[i] = GC.GetAllocatedBytesForCurrentThread() - before;
            hits[i] = engine.Judge.Counters.Hits - hitsBefore;
        }

        for (int i = 0; i < Rounds; i++)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{bytes[i]} {hits[i]}"));
        }
    }

    private static void Add(PacketBlock block, string text, int second)
    {
        TestPacket packet = PacketText.Parse(text);
        block.Headers[block.Count] = packet.Headers;
        block.Quotes[block.Count] = packet.Quote;
        block.Add((1_000_000L + second) * 1_000_000_000, 0, packet.Headers.WireLength, LinkType.Raw, 0);
    }
}
