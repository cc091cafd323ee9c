using System.IO;
using System.Linq;
using Dataplane.Analysis.Diff;
using Dataplane.Analysis.Flows;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Reports;

/// <summary>Which records a file of pairs holds.</summary>
public enum PairKind
{
    Packets,
    Flows,
}

/// <summary>What two networks did with the same packet or flow, side by side.</summary>
/// <remarks>
/// JSON lines <c>{"before": record, "after": record}</c>, null where one side has no such flow; CSV with the columns of the record twice, <c>before.</c> and <c>after.</c> in front, empty
/// where JSON has null.
/// </remarks>
public sealed class PairRecords
{
    private readonly Utf8Buffer _out;
    private readonly RecordText _beforeText;
    private readonly RecordText _afterText;
    private readonly ResultTables _before;
    private readonly ResultTables _after;
    private readonly RecordFormat _format;

    public PairRecords(Stream stream, PairKind kind, ResultTables before, ResultTables after, RecordFormat format)
    {
        _out = new Utf8Buffer(stream);
        (_before, _after, _format) = (before, after, format);
        _beforeText = new RecordText(before, format);
        _afterText = new RecordText(after, format);
        if (format == RecordFormat.Csv)
        {
            string[] columns = (kind == PairKind.Packets ? PacketRecords.CsvColumns : FlowRecords.CsvColumns).Split(',');
            _out.Text(string.Join(',', columns.Select(c => "before." + c).Concat(columns.Select(c => "after." + c))));
            _out.Byte((byte)'\n');
        }
    }

    /// <summary>Packet <paramref name="i"/> of two blocks with the same packets.</summary>
    public void Packet(PacketBlock before, PacketBlock after, int i)
    {
        Begin();
        One(_beforeText, before.Results[i]);
        Between();
        One(_afterText, after.Results[i]);
        End();

        void One(RecordText text, in PacketResult result)
        {
            (long number, long time) = (before.FirstNumber + i, before.Packets[i].Time);
            if (_format == RecordFormat.Csv)
            {
                PacketRecords.WriteCsv(_out, text, number, time, before.Headers[i], result);
            }
            else
            {
                PacketRecords.WriteJson(_out, text, number, time, before.Headers[i], result);
            }
        }
    }

    public void Flow(FlowPair pair)
    {
        Begin();
        One(pair.Before, _beforeText, _before);
        Between();
        One(pair.After, _afterText, _after);
        End();
    }

    public void Flush() => _out.Flush();

    private void One(FlowRecord? flow, RecordText text, ResultTables tables)
    {
        switch (_format, flow)
        {
            case (RecordFormat.Csv, null):
                _out.Text(new string(',', FlowRecords.CsvColumns.Count(c => c == ',')));
                break;
            case (RecordFormat.Csv, _):
                FlowRecords.Csv(_out, text, flow, tables);
                break;
            case (_, null):
                _out.Raw("null"u8);
                break;
            default:
                FlowRecords.Json(_out, text, flow, tables);
                break;
        }
    }

    private void Begin() => Json("{\"before\":"u8);

    private void Between() => _out.Raw(_format == RecordFormat.Csv ? ","u8 : ",\"after\":"u8);

    private void End()
    {
        Json("}"u8);
        _out.Byte((byte)'\n');
        _out.EndOfRecord();
    }

    private void Json(System.ReadOnlySpan<byte> text)
    {
        if (_format != RecordFormat.Csv)
        {
            _out.Raw(text);
        }
    }
}
