// ClassBench's two formats, as text.
//
//   rule     @192.0.2.0/24 198.51.100.7/32 0 : 65535 443 : 443 0x06/0xFF [0x0000/0x0000]        flags are read and mean nothing here
//   header   3221225985 3325256711 40000 443 6 [...]                                            decimal; what follows is not read
//
// Empty lines are skipped. Files are hostile: lines and their number are bounded, every fault is collected.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using Dataplane.Filters;
using Dataplane.Packets;
using Dataplane.Topology;

namespace Dataplane.Compiler.FiveTuples;

/// <summary>Reads rule sets and header traces.</summary>
public static class ClassBench
{
    /// <summary>Rules of a file, headers of a file, characters of a line.</summary>
    public const int MostRules = 1_000_000, MostHeaders = 50_000_000, LongestLine = 1_024;

    private const string RuleMend = "Write @source/length destination/length first : last first : last 0xPROTOCOL/0xMASK";
    private const string HeaderMend = "Write source destination source-port destination-port protocol as decimal numbers";

    /// <param name="name">For messages.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static List<FiveTupleRule> ReadRules(TextReader reader, string name, FaultList faults)
    {
        List<FiveTupleRule> rules = [];
        foreach ((string line, string where) in Lines(reader, name, MostRules, "rules", faults))
        {
            if (TryRule(line, out FiveTupleRule rule, out string what))
            {
                rules.Add(rule);
            }
            else
            {
                faults.Error(where, what, RuleMend);
            }
        }

        if (rules.Count == 0 && !faults.HasErrors)
        {
            faults.Error(name, "it holds no rule", RuleMend);
        }

        return rules;
    }

    /// <inheritdoc cref="ReadRules"/>
    public static List<FiveTuple> ReadHeaders(TextReader reader, string name, FaultList faults)
    {
        List<FiveTuple> headers = [];
        foreach ((string line, string where) in Lines(reader, name, MostHeaders, "headers", faults))
        {
            if (TryHeader(line, out FiveTuple header, out string what))
            {
                headers.Add(header);
            }
            else
            {
                faults.Error(where, what, HeaderMend);
            }
        }

        if (headers.Count == 0 && !faults.HasErrors)
        {
            faults.Error(name, "it holds no header", HeaderMend);
        }

        return headers;
    }

    private static IEnumerable<(string Line, string Where)> Lines(TextReader reader, string name, int most, string what, FaultList faults)
    {
        char[] buffer = new char[LongestLine + 1];
        int number = 0, read = 0;
        while (NextLine(reader, buffer) is { } line)
        {
            string where = string.Create(CultureInfo.InvariantCulture, $"{name}:{++number}");
            if (line.Length > LongestLine)
            {
                faults.Error(where, string.Create(CultureInfo.InvariantCulture, $"the line has more than {LongestLine} characters"), "Put one entry on each line");
            }
            else if (!string.IsNullOrWhiteSpace(line))
            {
                if (++read > most)
                {
                    faults.Error(where, string.Create(CultureInfo.InvariantCulture, $"there are more than {most} {what}"), "Split the file");
                    yield break;
                }

                yield return (line, where);
            }
        }
    }

    /// <summary>The next line, cut after one character too many; null at the end.</summary>
    private static string? NextLine(TextReader reader, char[] buffer)
    {
        int length = 0;
        while (true)
        {
            int c = reader.Read();
            if (c < 0 && length == 0)
            {
                return null;
            }

            if (c is < 0 or '\n')
            {
                return new string(buffer, 0, length > 0 && buffer[length - 1] == '\r' ? length - 1 : length);
            }

            if (length < buffer.Length)
            {
                buffer[length++] = (char)c;
            }
        }
    }

    private static bool TryRule(string line, out FiveTupleRule rule, out string what)
    {
        rule = default;
        string[] words = line.Replace(":", " : ", StringComparison.Ordinal).Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        if (words.Length is < 9 or > 10 || words[0][0] != '@' || words[3] != ":" || words[6] != ":")
        {
            what = $"'{Shown(line)}' is not a rule";
            return false;
        }

        if (!TryBlock(words[0].AsSpan(1), out IpPrefix source) || !TryBlock(words[1], out IpPrefix destination))
        {
            what = $"'{Shown(words[0])} {Shown(words[1])}' are not two IPv4 blocks";
            return false;
        }

        if (!TryPort(words[2], out ushort sourceFirst) || !TryPort(words[4], out ushort sourceLast)
            || !TryPort(words[5], out ushort first) || !TryPort(words[7], out ushort last))
        {
            what = $"'{Shown(string.Join(' ', words[2..8]))}' are not two intervals of ports, 0 to 65535";
            return false;
        }

        int slash = words[8].IndexOf('/', StringComparison.Ordinal);
        if (slash < 0 || !TryByte(words[8].AsSpan(0, slash), out byte protocol) || !TryByte(words[8].AsSpan(slash + 1), out byte mask))
        {
            what = $"'{Shown(words[8])}' is not a protocol and its mask in hexadecimal";
            return false;
        }

        rule = new FiveTupleRule(
            (uint)source.Address.Low, Mask(source.Length), (uint)destination.Address.Low, Mask(destination.Length), sourceFirst, sourceLast, first, last, protocol, mask);
        what = "";
        return true;
    }

    private static bool TryHeader(string line, out FiveTuple header, out string what)
    {
        header = default;
        what = "";
        Span<Range> words = stackalloc Range[6];
        ReadOnlySpan<char> text = line.AsSpan();
        int count = text.SplitAny(words, " \t", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (count >= 5
            && Number(text[words[0]], uint.MaxValue, out uint source) && Number(text[words[1]], uint.MaxValue, out uint destination)
            && Number(text[words[2]], ushort.MaxValue, out uint sourcePort) && Number(text[words[3]], ushort.MaxValue, out uint destinationPort)
            && Number(text[words[4]], byte.MaxValue, out uint protocol))
        {
            header = new FiveTuple(source, destination, (ushort)sourcePort, (ushort)destinationPort, (byte)protocol);
            return true;
        }

        what = $"'{Shown(line)}' is not a header";
        return false;
    }

    private static bool TryBlock(ReadOnlySpan<char> text, out IpPrefix block) => IpPrefix.TryParse(text, out block) && !block.IsIpv6;

    private static bool TryPort(string text, out ushort port) => ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port);

    private static bool TryByte(ReadOnlySpan<char> text, out byte value)
    {
        value = 0;
        return text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            && byte.TryParse(text[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }

    private static bool Number(ReadOnlySpan<char> text, uint most, out uint value) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value <= most;

    private static uint Mask(int length) => length == 0 ? 0 : uint.MaxValue << (32 - length);

    private static string Shown(string text) => text.Length <= 80 ? text : text[..77] + "...";
}
