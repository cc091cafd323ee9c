using System.IO;
using System.Text.Json;
using Dataplane.Analysis;
using Dataplane.Compiler;
using Dataplane.Records;
using Dataplane.Reports;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Reports;

/// <summary>When a packet's record has ports.</summary>
public sealed class PacketRecordPortTests
{
    [Theory]
    [InlineData("tcp 10.0.1.10:40000 > 10.0.1.20:443 S", "40000 443")]
    [InlineData("udp 10.0.1.10:40000 > 10.0.1.20:53", "40000 53")]
    [InlineData("udp 10.0.1.10:40000 > 10.0.1.20:53 first 7", "40000 53")]
    [InlineData("udp 10.0.1.10:40000 > 10.0.1.20:53 later 8", "null null")]
    [InlineData("icmp 10.0.1.10 > 10.0.1.20 8/0 id 3", "null null")]
    [InlineData("proto 47 10.0.1.10 > 10.0.1.20", "null null")]
    [InlineData("proto 132 10.0.1.10 > 10.0.1.20", "null null")]
    public void R_27_Only_TCP_and_UDP_have_ports_and_later_fragments_have_none(string packet, string ports)
    {
        using NetworkEngine engine = NetworkEngine.Build(
            NetworkBuilder.Network("""
                vpc vpc-1 10.0.0.0/16
                subnet sub-a vpc-1 10.0.1.0/24
                eni eni-a sub-a 10.0.1.10 sg=sg-1
                eni eni-b sub-a 10.0.1.20 sg=sg-1
                sg sg-1 vpc-1
                  in all 10.0.0.0/16
                  out all 10.0.0.0/16
                """),
            JudgeOptions.Default);
        SinglePackets judge = new(engine.Judge);
        TestPacket parsed = TestSupport.PacketText.Parse(packet);
        Assert.Equal(Verdict.Allow, judge.Decide(parsed.Headers, 0).Verdict);

        using MemoryStream output = new();
        Utf8Buffer json = new(output);
        PacketRecords.WriteJson(json, new RecordText(engine.Judge.Tables, RecordFormat.JsonLines), 1, 0, parsed.Headers, judge.Last);
        json.Flush();
        using JsonDocument record = JsonDocument.Parse(output.ToArray());
        Assert.Equal(ports, $"{record.RootElement.GetProperty("srcPort").GetRawText()} {record.RootElement.GetProperty("dstPort").GetRawText()}");
    }
}
