// The words of records, rendered once per path and name and then copied: a record costs a few copies and some numbers.

using System;
using System.Buffers;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using Dataplane.Records;

namespace Dataplane.Reports;

public enum RecordFormat
{
    /// <summary>One JSON object a line.</summary>
    JsonLines,

    /// <summary>RFC 4180 with a header line.</summary>
    Csv,
}

/// <summary>Text of verdicts, states, names and paths in one format.</summary>
/// <remarks>Not thread-safe. Caches by number, so it grows with the tables of the topology, never with the traffic.</remarks>
public sealed class RecordText(ResultTables tables, RecordFormat format)
{
    private static readonly SearchValues<char> NeedsCsvQuotes = SearchValues.Create(",\"\r\n");

    private static readonly byte[] Null = "null"u8.ToArray();

    private readonly List<byte[]?> _names = [];
    private readonly List<byte[]?> _heads = [];

    public static string Lower(Verdict verdict) => verdict switch
    {
        Verdict.Allow => "allow",
        Verdict.Deny => "deny",
        Verdict.Moot => "moot",
        Verdict.Unplaced => "unplaced",
        Verdict.Invalid => "invalid",
        _ => "ignored",
    };

    public static string? Lower(FlowState state) => state switch
    {
        FlowState.New => "new",
        FlowState.Established => "established",
        FlowState.Untracked => "untracked",
        FlowState.Related => "related",
        _ => null,
    };

    /// <summary>A JSON string with its quotes, or a CSV field.</summary>
    public static string Quote(string? text, RecordFormat format)
    {
        if (format == RecordFormat.Csv)
        {
            return CsvField(text);
        }

        if (text is null)
        {
            return "null";
        }

        StringBuilder quoted = new(text.Length + 2);
        quoted.Append('"');
        foreach (char c in text)
        {
            switch (c)
            {
                case '"':
                    quoted.Append("\\\"");
                    break;
                case '\\':
                    quoted.Append("\\\\");
                    break;
                case < ' ' or '\u007f' or '\u2028' or '\u2029':
                    quoted.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture));
                    break;
                default:
                    // A lone surrogate has no UTF-8 form; the replacement character stands for it.
                    quoted.Append(c);
                    break;
            }
        }

        return quoted.Append('"').ToString();
    }

    /// <summary>A name by number, quoted; null's text for none.</summary>
    public byte[] Name(int number)
    {
        if (number < 0)
        {
            return format == RecordFormat.Csv ? [] : Null;
        }

        return Cached(_names, number) ?? Cache(_names, number, Encoding.UTF8.GetBytes(Quote(tables.Names[number], format)));
    }

    /// <summary>JSON: <c>"verdict":V,"reason":R,"rule":U,"state":S</c>; CSV: the four fields.</summary>
    public byte[] Head(int path)
    {
        if (Cached(_heads, path) is { } cached)
        {
            return cached;
        }

        PathEntry entry = tables.Paths[path];
        string verdict = Quote(Lower(entry.Verdict), format);
        string reason = Quote(entry.Reason == DenyReason.None ? null : entry.Reason.ToString(), format);
        string rule = Quote(tables.Names[entry.Rule], format);
        string state = Quote(Lower(entry.State), format);
        string head = format == RecordFormat.Csv
            ? $"{verdict},{reason},{rule},{state}"
            : $"\"verdict\":{verdict},\"reason\":{reason},\"rule\":{rule},\"state\":{state}";
        return Cache(_heads, path, Encoding.UTF8.GetBytes(head));
    }

    /// <summary>The path: a JSON list of strings, or a CSV field joined by |.</summary>
    public void Path(Utf8Buffer to, in PacketResult result)
    {
        PathEntry entry = tables.Paths[result.Path];
        bool csv = format == RecordFormat.Csv;
        if (csv)
        {
            // Rare enough to go through strings: a field may need quotes as a whole.
            to.Text(CsvField(string.Join('|', tables.Describe(result).Path)));
            return;
        }

        to.Byte((byte)'[');
        bool first = true;
        if (entry.Verdict is Verdict.Allow or Verdict.Deny)
        {
            if (result.From >= 0)
            {
                to.Raw(Name(result.From));
                first = false;
            }

            foreach (int step in entry.Steps)
            {
                if (!first)
                {
                    to.Byte((byte)',');
                }

                first = false;
                if ((step & ~PathEntry.NameMask) == 0)
                {
                    to.Raw(Name(step));
                }
                else
                {
                    to.Text(Quote(tables.StepText(step, result), format));
                }
            }

            if (entry.Verdict == Verdict.Allow && result.To >= 0)
            {
                if (!first)
                {
                    to.Byte((byte)',');
                }

                to.Raw(Name(result.To));
            }
        }

        to.Byte((byte)']');
    }

    private static byte[]? Cached(List<byte[]?> cache, int number) => number < cache.Count ? cache[number] : null;

    private static byte[] Cache(List<byte[]?> cache, int number, byte[] text)
    {
        while (cache.Count <= number)
        {
            cache.Add(null);
        }

        cache[number] = text;
        return text;
    }

    private static string CsvField(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return "";
        }

        // A spreadsheet would run a field that begins like a formula; an apostrophe keeps it text.
        string inert = text[0] is '=' or '+' or '-' or '@' or '\t' or '\r' ? "'" + text : text;
        return inert.AsSpan().IndexOfAny(NeedsCsvQuotes) < 0 ? inert : "\"" + inert.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"";
    }
}
