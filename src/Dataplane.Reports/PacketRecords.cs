using System;
using System.IO;
using Dataplane.Engine;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Reports;

/// <summary>One record per packet, in capture order.</summary>
/// <remarks>Allocates nothing per record once its path and ends were seen, but for IPv6 addresses, and paths beyond the 65,536 that are kept.</remarks>
public sealed class PacketRecords : IPacketSink
{
    internal const string CsvColumns = "packet,time,verdict,reason,rule,state,from,to,proto,src,srcPort,dst,dstPort,icmpType,icmpCode,bytes,path";

    private readonly Utf8Buffer _out;
    private readonly RecordText _text;
    private readonly RecordFormat _format;
    private readonly RecordTemplates _templates;
    private readonly bool _withEpoch;

    /// <param name="withEpoch">Whether a record ends with the number of the policy that judged it: live runs.</param>
    public PacketRecords(Stream stream, ResultTables tables, RecordFormat format, bool withEpoch = false)
    {
        _withEpoch = withEpoch;
        _out = new Utf8Buffer(stream);
        _text = new RecordText(tables, format);
        _format = format;
        _templates = new RecordTemplates(_text, format);
        if (format == RecordFormat.Csv)
        {
            _out.Text(CsvColumns);
            _out.Raw(withEpoch ? ",epoch\n"u8 : "\n"u8);
        }
    }

    /// <summary>Hand records on after every block: for a reader that waits for them.</summary>
    public bool FlushEachBlock { get; init; }

    public void Write(PacketBlock block)
    {
        for (int i = 0; i < block.Count; i++)
        {
            if (block.Selected[i])
            {
                Record(block, i);
            }
        }

        if (FlushEachBlock)
        {
            _out.Flush();
        }
    }

    public void Complete() => _out.Flush();

    private void Record(PacketBlock block, int index)
    {
        if (!_withEpoch && TryPlain(block, index))
        {
            _out.EndOfRecord();
            return;
        }

        if (_format == RecordFormat.Csv)
        {
            WriteCsv(_out, _text, block.FirstNumber + index, block.Packets[index].Time, block.Headers[index], block.Results[index]);
            if (_withEpoch)
            {
                _out.Byte((byte)',');
                _out.Number(block.Epoch);
            }
        }
        else
        {
            WriteJson(_out, _text, block.FirstNumber + index, block.Packets[index].Time, block.Headers[index], block.Results[index], _withEpoch ? block.Epoch : 0);
        }

        _out.Byte((byte)'\n');
        _out.EndOfRecord();
    }

    /// <summary>TCP and UDP over IPv4, which most packets are: from a template, in one run over reserved room. False for all others.</summary>
    private bool TryPlain(PacketBlock block, int index)
    {
        // Names of fields, a number, a time, two addresses, three more numbers.
        const int MostOwnText = 256;
        ref readonly Headers headers = ref block.Headers[index];
        const HeaderFlags kind = HeaderFlags.Ipv6 | HeaderFlags.PortsKnown;
        if ((headers.Flags & kind) != HeaderFlags.PortsKnown || headers.Protocol is not (6 or 17) || headers.WireLength >= 1_000_000 || headers.Status != PacketStatus.Ok
            || _templates.Of(block.Results[index], headers.Protocol) is not { } template)
        {
            return false;
        }

        Span<byte> to = _out.Reserve(MostOwnText + template.Middle.Length + template.Tail.Length);
        int at = 0;
        if (_format == RecordFormat.JsonLines)
        {
            "{\"packet\":"u8.CopyTo(to);
            at = 10;
        }

        (block.FirstNumber + index).TryFormat(to[at..], out int written, default, System.Globalization.CultureInfo.InvariantCulture);
        at += written;
        if (_format == RecordFormat.JsonLines)
        {
            ",\"time\":\""u8.CopyTo(to[at..]);
            at += 9;
            _out.WriteTime(to[at..], block.Packets[index].Time);
            at += Utf8Buffer.TimeLength;
            template.Middle.CopyTo(to[at..]);
            at += template.Middle.Length;
            at += Digits.WriteAddress(to[at..], (uint)headers.SourceLow);
            "\",\"srcPort\":"u8.CopyTo(to[at..]);
            at += 12;
            at += Digits.Write(to[at..], headers.SourcePort);
            ",\"dst\":\""u8.CopyTo(to[at..]);
            at += 8;
            at += Digits.WriteAddress(to[at..], (uint)headers.DestinationLow);
            "\",\"dstPort\":"u8.CopyTo(to[at..]);
            at += 12;
            at += Digits.Write(to[at..], headers.DestinationPort);
            ",\"bytes\":"u8.CopyTo(to[at..]);
            at += 9;
        }
        else
        {
            to[at++] = (byte)',';
            _out.WriteTime(to[at..], block.Packets[index].Time);
            at += Utf8Buffer.TimeLength;
            template.Middle.CopyTo(to[at..]);
            at += template.Middle.Length;
            at += Digits.WriteAddress(to[at..], (uint)headers.SourceLow);
            to[at++] = (byte)',';
            at += Digits.Write(to[at..], headers.SourcePort);
            to[at++] = (byte)',';
            at += Digits.WriteAddress(to[at..], (uint)headers.DestinationLow);
            to[at++] = (byte)',';
            at += Digits.Write(to[at..], headers.DestinationPort);
            ",,,"u8.CopyTo(to[at..]);
            at += 3;
        }

        at += Digits.Write(to[at..], headers.WireLength);
        template.Tail.CopyTo(to[at..]);
        _out.Advance(at + template.Tail.Length);
        return true;
    }

    /// <summary>One packet record as a JSON object, without a line end.</summary>
    /// <param name="epoch">0 for records without one.</param>
    public static void WriteJson(Utf8Buffer to, RecordText text, long number, long time, in Headers headers, in PacketResult result, int epoch = 0)
    {
        to.Raw("{\"packet\":"u8);
        to.Number(number);
        to.Raw(",\"time\":\""u8);
        to.Time(time);
        to.Raw("\","u8);
        to.Raw(text.Head(result.Path));
        to.Raw(",\"from\":"u8);
        to.Raw(text.Name(result.From));
        to.Raw(",\"to\":"u8);
        to.Raw(text.Name(result.To));
        if (headers.Status is PacketStatus.Invalid or PacketStatus.Ignored)
        {
            to.Raw(",\"proto\":null,\"src\":null,\"srcPort\":null,\"dst\":null,\"dstPort\":null"u8);
        }
        else
        {
            JsonEnds(to, headers);
        }

        to.Raw(",\"bytes\":"u8);
        to.Number(headers.WireLength);
        to.Raw(",\"path\":"u8);
        text.Path(to, result);
        if (epoch > 0)
        {
            to.Raw(",\"epoch\":"u8);
            to.Number(epoch);
        }

        to.Byte((byte)'}');
    }

    /// <summary><c>,"proto":..</c> to the ports, or the ICMP type and code.</summary>
    internal static void JsonEnds(Utf8Buffer to, in Headers headers)
    {
        bool ports = headers.PortsKnown && headers.Protocol is (6 or 17);
        to.Raw(",\"proto\":"u8);
        to.Number(headers.Protocol);
        to.Raw(",\"src\":\""u8);
        to.Address(headers.Source);
        to.Raw("\",\"srcPort\":"u8);
        NumberOrNull(to, ports, headers.SourcePort);
        to.Raw(",\"dst\":\""u8);
        to.Address(headers.Destination);
        to.Raw("\",\"dstPort\":"u8);
        NumberOrNull(to, ports, headers.DestinationPort);
        if (headers.IsIcmp)
        {
            to.Raw(",\"icmpType\":"u8);
            NumberOrNull(to, headers.PortsKnown, headers.IcmpType);
            to.Raw(",\"icmpCode\":"u8);
            NumberOrNull(to, headers.PortsKnown, headers.IcmpCode);
        }
    }

    internal static void CsvEnds(Utf8Buffer to, in Headers headers)
    {
        bool ports = headers.PortsKnown && headers.Protocol is (6 or 17);
        to.Number(headers.Protocol);
        to.Byte((byte)',');
        to.Address(headers.Source);
        to.Byte((byte)',');
        NumberOrNothing(to, ports, headers.SourcePort);
        to.Byte((byte)',');
        to.Address(headers.Destination);
        to.Byte((byte)',');
        NumberOrNothing(to, ports, headers.DestinationPort);
        to.Byte((byte)',');
        NumberOrNothing(to, headers.IsIcmp && headers.PortsKnown, headers.IcmpType);
        to.Byte((byte)',');
        NumberOrNothing(to, headers.IsIcmp && headers.PortsKnown, headers.IcmpCode);
    }

    private static void NumberOrNull(Utf8Buffer to, bool known, int value)
    {
        if (known)
        {
            to.Number(value);
        }
        else
        {
            to.Raw("null"u8);
        }
    }

    private static void NumberOrNothing(Utf8Buffer to, bool known, int value)
    {
        if (known)
        {
            to.Number(value);
        }
    }

    /// <summary>One packet record as CSV fields, without a line end.</summary>
    internal static void WriteCsv(Utf8Buffer to, RecordText text, long number, long time, in Headers headers, in PacketResult result)
    {
        to.Number(number);
        to.Byte((byte)',');
        to.Time(time);
        to.Byte((byte)',');
        to.Raw(text.Head(result.Path));
        to.Byte((byte)',');
        to.Raw(text.Name(result.From));
        to.Byte((byte)',');
        to.Raw(text.Name(result.To));
        to.Byte((byte)',');
        if (headers.Status is PacketStatus.Ok or PacketStatus.Misplaced)
        {
            CsvEnds(to, headers);
        }
        else
        {
            to.Raw(",,,,,,"u8);
        }

        to.Byte((byte)',');
        to.Number(headers.WireLength);
        to.Byte((byte)',');
        text.Path(to, result);
    }
}
