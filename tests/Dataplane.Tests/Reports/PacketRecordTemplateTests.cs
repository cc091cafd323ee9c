using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json;
using Dataplane.Compiler;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Reports;
using Dataplane.Tests.Engine;
using Dataplane.Tests.Summary;
using Xunit;

namespace Dataplane.Tests.Reports;

/// <summary>Records from templates say, byte for byte, what records written piece by piece say.</summary>
public sealed class PacketRecordTemplateTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void R_27_Records_from_templates_equal_records_written_piece_by_piece(int seed)
    {
        Random random = new(seed);
        List<TimedPacket> traffic = RandomTraffic.Packets(random, 4_000, isMonotonic: false);
        for (int i = 0; i < traffic.Count; i += 7)
        {
            // Times before 1970, and lengths that no frame has.
            Headers oversized = traffic[i].Packet;
            oversized.WireLength = (uint)random.NextInt64(1L << 32);
            traffic[i] = traffic[i] with { Packet = oversized, Time = random.NextInt64(-4_000_000_000_000_000_000, 4_000_000_000_000_000_000) };
        }

        bool[] selected = [.. traffic.Select(_ => random.Next(10) != 0)];
        using NetworkEngine engine = NetworkEngine.Build(RandomTraffic.Network(RandomTraffic.Wide), JudgeOptions.Default);
        RecordText text = new(engine.Judge.Tables, RecordFormat.JsonLines);
        using MemoryStream expected = new(), json = new(), csv = new();
        Utf8Buffer plain = new(expected);
        PacketRecords records = new(json, engine.Judge.Tables, RecordFormat.JsonLines), columns = new(csv, engine.Judge.Tables, RecordFormat.Csv);
        List<string> cells = [];
        foreach (PacketBlock block in ReplaySummaryTests.Blocks(traffic, selected, 500))
        {
            engine.Judge.Judge(block);
            records.Write(block);
            columns.Write(block);
            for (int i = 0; i < block.Count; i++)
            {
                if (block.Selected[i])
                {
                    PacketRecords.WriteJson(plain, text, block.FirstNumber + i, block.Packets[i].Time, block.Headers[i], block.Results[i]);
                    plain.Byte((byte)'\n');
                }
            }

            block.Reset();
        }

        records.Complete();
        columns.Complete();
        plain.Flush();
        string[] lines = Encoding.UTF8.GetString(expected.ToArray()).Split('\n');
        Assert.Equal(lines, Encoding.UTF8.GetString(json.ToArray()).Split('\n'));
        Assert.Equal(selected.Count(s => s) + 1, lines.Length);

        // CSV has the same fields; a path is joined, and nothing here needs quotes.
        string[] rows = Encoding.UTF8.GetString(csv.ToArray()).Split('\n');
        Assert.Equal(["packet,time,verdict,reason,rule,state,from,to,proto,src,srcPort,dst,dstPort,icmpType,icmpCode,bytes,path", .. lines.Select(AsRow)], rows);
    }

    private static string AsRow(string line)
    {
        if (line.Length == 0)
        {
            return "";
        }

        using JsonDocument record = JsonDocument.Parse(line);
        string[] names = ["packet", "time", "verdict", "reason", "rule", "state", "from", "to", "proto", "src", "srcPort", "dst", "dstPort", "icmpType", "icmpCode", "bytes"];
        IEnumerable<string> fields = names.Select(name => record.RootElement.TryGetProperty(name, out JsonElement field) ? field.ToString() : "");
        return string.Join(',', fields.Append(string.Join('|', record.RootElement.GetProperty("path").EnumerateArray().Select(step => step.GetString()))));
    }
}
