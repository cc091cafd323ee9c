using System;
using System.Collections.Generic;
using System.IO;
using Dataplane.Analysis.Flows;
using Dataplane.Records;

namespace Dataplane.Reports;

/// <summary>Writes flow records.</summary>
public sealed class FlowRecords
{
    internal const string CsvColumns =
        "flow,first,last,proto,src,srcPort,dst,dstPort,icmpType,icmpCode,from,to,verdict,reason,rule,packets,bytes,returnPackets,returnBytes,denied,moot,state,path";

    private readonly Utf8Buffer _out;
    private readonly RecordText _text;
    private readonly RecordFormat _format;

    public FlowRecords(Stream stream, ResultTables tables, RecordFormat format)
    {
        _out = new Utf8Buffer(stream);
        _text = new RecordText(tables, format);
        _format = format;
        if (format == RecordFormat.Csv)
        {
            _out.Text(CsvColumns);
            _out.Byte((byte)'\n');
        }
    }

    /// <summary>Writes all flows to a stream, and flushes.</summary>
    public static void WriteAll(Stream stream, IEnumerable<FlowRecord> flows, ResultTables tables, RecordFormat format)
    {
        ArgumentNullException.ThrowIfNull(flows);
        FlowRecords writer = new(stream, tables, format);
        foreach (FlowRecord flow in flows)
        {
            writer.Write(flow, tables);
        }

        writer.Flush();
    }

    public void Write(FlowRecord flow, ResultTables tables)
    {
        if (_format == RecordFormat.Csv)
        {
            Csv(_out, _text, flow, tables);
        }
        else
        {
            Json(_out, _text, flow, tables);
        }

        _out.Byte((byte)'\n');
        _out.EndOfRecord();
    }

    public void Flush() => _out.Flush();

    /// <summary>One flow record as a JSON object, without a line end.</summary>
    public static void Json(Utf8Buffer to, RecordText text, FlowRecord flow, ResultTables tables)
    {
        PathEntry entry = tables.Paths[flow.Result.Path];
        to.Raw("{\"flow\":"u8);
        to.Number(flow.Number);
        to.Raw(",\"first\":\""u8);
        to.Time(flow.First);
        to.Raw("\",\"last\":\""u8);
        to.Time(flow.Last);
        to.Raw("\""u8);
        PacketRecords.JsonEnds(to, flow.Headers);
        to.Raw(",\"from\":"u8);
        to.Raw(text.Name(flow.FirstResult.From));
        to.Raw(",\"to\":"u8);
        to.Raw(text.Name(flow.FirstResult.To));
        to.Text($",\"verdict\":\"{flow.VerdictText}\",\"reason\":{Quoted(Reason(entry))},\"rule\":");
        to.Raw(text.Name(entry.Rule));
        to.Raw(",\"packets\":"u8);
        to.Number(flow.Packets);
        to.Raw(",\"bytes\":"u8);
        to.Number(flow.Bytes);
        to.Raw(",\"returnPackets\":"u8);
        to.Number(flow.ReturnPackets);
        to.Raw(",\"returnBytes\":"u8);
        to.Number(flow.ReturnBytes);
        to.Raw(",\"denied\":"u8);
        to.Number(flow.Denied);
        to.Raw(",\"moot\":"u8);
        to.Number(flow.Moot);
        to.Text($",\"state\":{Quoted(RecordText.Lower(entry.State))},\"path\":");
        text.Path(to, flow.Result);
        to.Byte((byte)'}');
    }

    private static string? Reason(PathEntry entry) => entry.Reason == DenyReason.None ? null : entry.Reason.ToString();

    private static string Quoted(string? text) => RecordText.Quote(text, RecordFormat.JsonLines);

    /// <summary>One flow record as CSV fields, without a line end.</summary>
    internal static void Csv(Utf8Buffer to, RecordText text, FlowRecord flow, ResultTables tables)
    {
        PathEntry entry = tables.Paths[flow.Result.Path];
        to.Number(flow.Number);
        to.Byte((byte)',');
        to.Time(flow.First);
        to.Byte((byte)',');
        to.Time(flow.Last);
        to.Byte((byte)',');
        PacketRecords.CsvEnds(to, flow.Headers);
        to.Byte((byte)',');
        to.Raw(text.Name(flow.FirstResult.From));
        to.Byte((byte)',');
        to.Raw(text.Name(flow.FirstResult.To));
        to.Text($",{flow.VerdictText},{Reason(entry)},");
        to.Raw(text.Name(entry.Rule));
        to.Text(System.FormattableString.Invariant(
            $",{flow.Packets},{flow.Bytes},{flow.ReturnPackets},{flow.ReturnBytes},{flow.Denied},{flow.Moot},{RecordText.Lower(entry.State)},"));
        text.Path(to, flow.Result);
    }
}
