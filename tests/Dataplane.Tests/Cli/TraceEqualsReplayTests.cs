using System.Collections.Generic;
using System.Linq;
using Dataplane.Analysis;
using Dataplane.Capture;
using Dataplane.Compiler;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Dataplane.Topology;
using Dataplane.Topology.Model;
using Xunit;

namespace Dataplane.Tests.Cli;

/// <summary>trace and replay give the same verdict, rule and path for the same packet: over every first packet of every shipped capture.</summary>
public sealed class TraceEqualsReplayTests
{
    public static TheoryData<string> Captures => [.. Expectations.All.Select(e => e.Capture)];

    [Theory, MemberData(nameof(Captures))]
    public void A_flow_that_begins_is_decided_alike(string capture)
    {
        Expectation expected = Expectations.All.Single(e => e.Capture == capture);
        (Network? network, FaultList faults) = TopologyLoader.Load(LoadOptions.Of(Repository.At("captures/" + expected.Topology)));
        Assert.False(faults.HasErrors, string.Join('\n', faults.Errors));
        using NetworkEngine replay = NetworkEngine.Build(network!, JudgeOptions.Default, 2);
        using CaptureReader reader = CaptureReader.Open([Repository.At("captures/" + capture)]);
        HashSet<(IpAddress, ushort, IpAddress, ushort, byte)> seen = [];
        PacketBlock block = new();
        int compared = 0;
        while (reader.ReadBlock(block))
        {
            HeaderParser.ParseBlock(block, null);
            replay.Judge.Judge(block);
            for (int i = 0; i < block.Count; i++)
            {
                Headers h = block.Headers[i];
                bool first = seen.Add((h.Source, h.SourcePort, h.Destination, h.DestinationPort, h.Protocol))
                    & seen.Add((h.Destination, h.DestinationPort, h.Source, h.SourcePort, h.Protocol));
                // The first packet of a five-tuple, when nothing that was seen before can matter: what trace asks with.
                bool asks = h.Status == PacketStatus.Ok && !h.IsLaterFragment && !h.HasQuote && (h.IsSyn || h.Protocol == 17 || (h.IsIcmp && h.IcmpType is 8 or 128));
                if (!first || !asks)
                {
                    continue;
                }

                using NetworkEngine trace = NetworkEngine.Build(network!, JudgeOptions.Default);
                Outcome traced = new SinglePackets(trace.Judge).Decide(h, block.Packets[i].Time);
                Assert.Equal(replay.Judge.Tables.Describe(block.Results[i]), traced);
                compared++;
            }
        }

        Assert.True(compared > 0);
    }
}
