// JSON bytes to a Node tree with line numbers.
//
// The files are hostile: depth, node count and string length are bounded, invalid UTF-8 and duplicate keys are faults (most readers keep the
// last of two keys, so a file could show a person one rule and a program another). One syntax fault ends a file, duplicate
// keys do not: all of them are reported.
//
// A snapshot repeats itself: keys, protocols, ids of the VPC. Short strings are looked up among those that the file had before, by their bytes, so that each is
// made once. Members and items are gathered on one stack for all levels and copied out when their number is known.

using System;
using System.Collections.Generic;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Dataplane.Topology.Documents;

/// <summary>Reads a JSON file into nodes.</summary>
public sealed class JsonNodes
{
    public const int MostDepth = 100;

    public const int MostNodes = 5_000_000;

    /// <summary>Bytes of one string or key, as written.</summary>
    public const int LongestText = 1 << 20;

    private const int SmallMap = 12;

    /// <summary>Bytes of the longest string that is looked up.</summary>
    private const int LongestShared = 40;

    private const int SharedBits = 13;

    private readonly SourceFile _file;
    private readonly FaultList _faults;
    private readonly string?[] _shared = new string?[1 << SharedBits];
    private KeyValuePair<string, Node>[] _members = new KeyValuePair<string, Node>[64];
    private Node[] _items = new Node[64];
    private int _memberTop;
    private int _itemTop;
    private readonly int _start;
    private int _nodes;
    private int _line = 1;
    private int _counted;
    private bool _duplicates;

    private JsonNodes(SourceFile file, FaultList faults, int start)
    {
        _file = file;
        _faults = faults;
        _start = start;
    }

    /// <summary>The file's tree, or null with a fault.</summary>
    /// <remarks>A UTF-8 byte order mark is skipped. Comments and trailing commas are faults, as RFC 8259 has it.</remarks>
    public static Node? Read(SourceFile file, FaultList faults)
    {
        byte[] content = file.Content;
        if (content is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..])
        {
            faults.Error(file.Name, "it is UTF-16, as some shells write redirected output", "Save it as UTF-8");
            return null;
        }

        int start = content is [0xEF, 0xBB, 0xBF, ..] ? 3 : 0;
        if (!Utf8.IsValid(content.AsSpan(start)))
        {
            faults.Error($"{file.Name}:{InvalidLine(content)}", "the bytes are not valid UTF-8", "Save the file as UTF-8");
            return null;
        }

        JsonNodes reader = new(file, faults, start);
        try
        {
            return reader.Document();
        }
        catch (JsonException e)
        {
            // Its own message quotes the file and repeats the position; we say both our own way.
            long line = (e.LineNumber ?? 0) + 1;
            string what = e.Message.Contains("maximum configured depth", StringComparison.Ordinal)
                ? $"it is nested deeper than {MostDepth} levels"
                : $"not JSON at byte {e.BytePositionInLine ?? 0} of the line";
            faults.Error($"{file.Name}:{line}", what, "Write the file anew with the command that made it");
            return null;
        }
        catch (TooMuchException e)
        {
            faults.Error($"{file.Name}:{reader._line}", e.Message, e.Mend);
            return null;
        }
    }

    private Node? Document()
    {
        Utf8JsonReader json = new(
            _file.Content.AsSpan(_start), new JsonReaderOptions { MaxDepth = MostDepth, CommentHandling = JsonCommentHandling.Disallow });
        json.Read();
        Node node = Value(ref json);
        json.Read();    // anything but white space after the value throws
        return _duplicates ? null : node;
    }

    private Node Value(ref Utf8JsonReader json)
    {
        if (++_nodes > MostNodes)
        {
            throw new TooMuchException($"it holds more than {MostNodes} values", "Split the file, or ask for fewer resources");
        }

        int line = LineAt(json.TokenStartIndex);
        switch (json.TokenType)
        {
            case JsonTokenType.StartObject:
                return Map(ref json, line);
            case JsonTokenType.StartArray:
                int first = _itemTop;
                while (json.Read() && json.TokenType != JsonTokenType.EndArray)
                {
                    Node item = Value(ref json);
                    if (_itemTop == _items.Length)
                    {
                        Array.Resize(ref _items, _itemTop * 2);
                    }

                    _items[_itemTop++] = item;
                }

                Node list = new() { Kind = NodeKind.List, Line = line, Items = _itemTop == first ? [] : _items[first.._itemTop] };
                _itemTop = first;
                return list;
            case JsonTokenType.String:
                return new Node { Kind = NodeKind.Text, Line = line, Text = Text(ref json) };
            case JsonTokenType.Number:
                return new Node { Kind = NodeKind.Number, Line = line, Text = Shared(Bounded(json.ValueSpan)) };
            case JsonTokenType.True:
                return new Node { Kind = NodeKind.Boolean, Line = line, Text = "true" };
            case JsonTokenType.False:
                return new Node { Kind = NodeKind.Boolean, Line = line, Text = "false" };
            default:
                return new Node { Kind = NodeKind.Null, Line = line };
        }
    }

    private Node Map(ref Utf8JsonReader json, int line)
    {
        int start = _memberTop;
        Dictionary<string, int>? lines = null;
        while (json.Read() && json.TokenType != JsonTokenType.EndObject)
        {
            string key = Text(ref json);
            int keyLine = LineAt(json.TokenStartIndex);
            int first = FirstLine(_members.AsSpan(start, _memberTop - start), lines, key);
            json.Read();
            Node value = Value(ref json);
            if (first != 0)
            {
                _duplicates = true;
                _faults.Error(
                    $"{_file.Name}:{keyLine}", $"the key {SafeText.Quote(key)} stands here and on line {first} of the same object", "Keep one of the two");
                continue;
            }

            if (_memberTop == _members.Length)
            {
                Array.Resize(ref _members, _memberTop * 2);
            }

            _members[_memberTop++] = new(key, value);
            if (_memberTop - start > SmallMap && lines is null)
            {
                lines = [];
                foreach (KeyValuePair<string, Node> member in _members.AsSpan(start, _memberTop - start))
                {
                    lines[member.Key] = member.Value.Line;
                }
            }
            else
            {
                lines?.Add(key, value.Line);
            }
        }

        Node map = new() { Kind = NodeKind.Map, Line = line, Members = _memberTop == start ? [] : _members[start.._memberTop] };
        _memberTop = start;
        return map;
    }

    /// <summary>The line of an earlier member of that key, or 0.</summary>
    private static int FirstLine(ReadOnlySpan<KeyValuePair<string, Node>> members, Dictionary<string, int>? lines, string key)
    {
        if (lines is not null)
        {
            return lines.GetValueOrDefault(key);
        }

        foreach (KeyValuePair<string, Node> member in members)
        {
            if (member.Key == key)
            {
                return member.Value.Line;
            }
        }

        return 0;
    }

    private string Text(ref Utf8JsonReader json)
    {
        ReadOnlySpan<byte> bytes = Bounded(json.ValueSpan);
        try
        {
            return json.ValueIsEscaped ? json.GetString() ?? "" : Shared(bytes);
        }
        catch (InvalidOperationException)
        {
            LineAt(json.TokenStartIndex);
            throw new TooMuchException("a string holds half of a surrogate pair", "Write the character whole");
        }
    }

    /// <summary>The string of these bytes; the one that the file had before when they are short and were seen lately.</summary>
    private string Shared(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > LongestShared)
        {
            return Encoding.UTF8.GetString(bytes);
        }

        uint hash = 2_166_136_261;
        foreach (byte b in bytes)
        {
            hash = unchecked((hash ^ b) * 16_777_619);
        }

        ref string? place = ref _shared[(hash ^ (hash >> 16)) & ((1 << SharedBits) - 1)];
        return place is not null && Ascii.Equals(bytes, place) ? place : place = Encoding.UTF8.GetString(bytes);
    }

    private static ReadOnlySpan<byte> Bounded(ReadOnlySpan<byte> text) => text.Length <= LongestText
        ? text
        : throw new TooMuchException($"a string of {text.Length} bytes is longer than {LongestText}", "Leave it out: no value that matters here is that long");

    /// <summary>The line of a byte; tokens come in order, so each newline is counted once.</summary>
    private int LineAt(long index)
    {
        int at = _start + (int)index;
        _line += _file.Content.AsSpan(_counted, at - _counted).Count((byte)'\n');
        _counted = at;
        return _line;
    }

    private static int InvalidLine(byte[] content)
    {
        int low = 0;
        ReadOnlySpan<byte> rest = content;
        while (!rest.IsEmpty && Rune.DecodeFromUtf8(rest, out _, out int used) == System.Buffers.OperationStatus.Done)
        {
            rest = rest[used..];
            low += used;
        }

        return content.AsSpan(0, low).Count((byte)'\n') + 1;
    }

    /// <summary>A bound was passed; ends this file only.</summary>
    private sealed class TooMuchException(string what, string mend) : Exception(what)
    {
        public string Mend { get; } = mend;
    }
}
