// YAML bytes to a Node tree, through YamlDotNet's events and never its object model.
//
// The object model recurses over whatever the file says: 100,000 nested brackets end the process, and ten lines of aliases fill the memory. Here the
// events are taken one by one and the tree is built on our own stack, so that three things are bounded while they grow:
//
//   depth     100 levels, expanded aliases and the level that a short tag adds included
//   nodes     2,000,000, each copy that an alias makes counted
//   bytes     64 MiB of file
//
// An alias is a copy (Node trees share nothing). An alias to an anchor that is still open would contain itself: a fault.
//
// CloudFormation's short tags become the long form while the tree is built, so that whoever reads it sees one spelling:
// !Ref X is {"Ref": "X"}, !GetAtt A.B.C is {"Fn::GetAtt": ["A", "B.C"]}, !Name X is {"Fn::Name": X}.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Dataplane.Topology.Documents;

/// <summary>Reads YAML documents, CloudFormation's short tags included.</summary>
public static class YamlNodes
{
    /// <summary>Levels of maps and lists.</summary>
    public const int MostDepth = 100;

    /// <summary>Values of one file, copies made by aliases included.</summary>
    public const int MostNodes = 2_000_000;

    /// <summary>Bytes of one file.</summary>
    public const int MostBytes = 64 * 1024 * 1024;

    private const int SmallMap = 12;

    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    private static readonly HashSet<string> Functions = new(StringComparer.Ordinal)
    {
        "And", "Base64", "Cidr", "Contains", "EachMemberEquals", "EachMemberIn", "Equals", "FindInMap", "GetAZs", "GetAtt", "If", "ImportValue", "Join",
        "Length", "Not", "Or", "RefAll", "Select", "Split", "Sub", "ToJsonString", "Transform", "ValueOf", "ValueOfAll",
    };

    /// <summary>The document's tree, or null when it cannot be read; the fault then says why and in which line.</summary>
    /// <remarks>Never throws for what the bytes hold. Memory is at most a small multiple of the bounds above.</remarks>
    public static Node? Read(SourceFile file, FaultList faults)
    {
        Builder? builder = null;
        try
        {
            builder = new Builder(Decode(file.Content));
            return builder.Document();
        }
        catch (YamlFault fault)
        {
            faults.Error(At(file, fault.Line), fault.Message, fault.Mend);
        }
        catch (YamlException exception)
        {
            (long line, string what, string mend) = Explain(file, exception);
            faults.Error(At(file, (int)Math.Clamp(line, 1, int.MaxValue)), what, mend);
        }
        catch (Exception slip) when (slip is ArgumentException or InvalidOperationException or IndexOutOfRangeException or FormatException or OverflowException)
        {
            // The scanner's own slips on damaged input: whatever they are, the file is not YAML, and what they say is of no use to its author.
            faults.Error(At(file, builder?.LastLine ?? 1), "the YAML cannot be read from about here on", "Look for a bracket, a brace or a quote that is not closed");
        }

        return null;
    }

    private static string At(SourceFile file, int line) => string.Create(CultureInfo.InvariantCulture, $"{file.Name}:{line}");

    private static string Decode(byte[] content)
    {
        if (content.Length > MostBytes)
        {
            throw new YamlFault(1, string.Create(CultureInfo.InvariantCulture, $"the file has {content.Length} bytes, more than {MostBytes}"), "Split the template");
        }

        ReadOnlySpan<byte> bytes = content;
        if (bytes.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]) || bytes.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF]))
        {
            throw new YamlFault(1, "the file is UTF-16", "Save it as UTF-8");
        }

        if (bytes.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]))
        {
            bytes = bytes[3..];
        }

        int zero = bytes.IndexOf((byte)0);
        if (zero >= 0)
        {
            throw new YamlFault(LineOf(bytes, zero), "a NUL byte stands in the file: it is binary or UTF-16", "Save it as UTF-8 text");
        }

        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException fallback)
        {
            throw new YamlFault(LineOf(bytes, Math.Clamp(fallback.Index, 0, bytes.Length)), "the file is not UTF-8", "Save it as UTF-8");
        }
    }

    private static int LineOf(ReadOnlySpan<byte> bytes, int offset) => 1 + bytes[..offset].Count((byte)'\n');

    private static (long Line, string What, string Mend) Explain(SourceFile file, YamlException exception)
    {
        string[] lines = Encoding.UTF8.GetString(file.Content).Split('\n');
        for (long at = Math.Max(1, exception.Start.Line); at <= Math.Min(exception.End.Line + 1, lines.Length); at++)
        {
            string line = lines[at - 1];
            if (line[..^line.TrimStart().Length].Contains('\t', StringComparison.Ordinal))
            {
                return (at, "a tab stands in the indentation", "Indent with spaces; YAML allows no tabs there");
            }
        }

        string column = exception.Start.Column.ToString(CultureInfo.InvariantCulture);
        return (exception.Start.Line, "the YAML cannot be read: " + Short(exception.Message), $"Correct the syntax at this line, column {column}");
    }

    private static string Short(string message) => SafeText.Line(message.TrimEnd('.'), 160);

    /// <summary>Something that ends the reading of this file.</summary>
    private sealed class YamlFault(long line, string what, string mend) : Exception(what)
    {
        public int Line { get; } = (int)Math.Clamp(line, 1, int.MaxValue);

        public string Mend { get; } = mend;
    }

    private sealed class Builder(string text)
    {
        private readonly Parser _parser = new(new StringReader(text));
        private readonly Dictionary<string, Node> _anchors = new(StringComparer.Ordinal);
        private readonly HashSet<string> _open = new(StringComparer.Ordinal);
        private int _nodes;

        /// <summary>The line of the last event that was understood.</summary>
        public int LastLine { get; private set; } = 1;

        public Node Document()
        {
            Take<StreamStart>();
            if (_parser.Current is StreamEnd)
            {
                throw new YamlFault(1, "the file is empty", "Give a file that holds a template");
            }

            Take<DocumentStart>();
            Node root = Value(0);
            Take<DocumentEnd>();
            if (_parser.Current is not StreamEnd)
            {
                throw new YamlFault(Line(_parser.Current!), "a second document begins here", "Put each template into its own file");
            }

            return root;
        }

        /// <summary>Moves on, after checking what stands here.</summary>
        private T Take<T>()
            where T : ParsingEvent
        {
            if (_parser.Current is null)
            {
                Next();
            }

            if (_parser.Current is not T found)
            {
                throw new YamlFault(Line(_parser.Current!), "the YAML does not form one document", "Correct the file's YAML");
            }

            if (typeof(T) != typeof(StreamEnd))
            {
                Next();
            }

            return found;
        }

        private void Next()
        {
            do
            {
                if (!_parser.MoveNext())
                {
                    throw new YamlFault(1, "the YAML ends too early", "Give the whole file");
                }
            }
            while (_parser.Current is Comment);

            LastLine = (int)Math.Clamp(Line(_parser.Current!), LastLine, int.MaxValue);
        }

        private static long Line(ParsingEvent at) => at.Start.Line;

        private void Count(long line, int depth)
        {
            if (++_nodes > MostNodes)
            {
                throw new YamlFault(line, string.Create(CultureInfo.InvariantCulture, $"the file has more than {MostNodes} values, aliases expanded"), "Split the template, or use fewer aliases");
            }

            if (depth > MostDepth)
            {
                throw new YamlFault(line, string.Create(CultureInfo.InvariantCulture, $"values are nested deeper than {MostDepth} levels"), "Nest less deeply");
            }
        }

        private Node Value(int depth)
        {
            ParsingEvent at = _parser.Current!;
            Count(Line(at), depth);
            if (at is AnchorAlias alias)
            {
                string name = alias.Value.Value;
                Next();
                if (_open.Contains(name))
                {
                    throw new YamlFault(Line(at), $"the alias *{SafeText.Line(name)} stands inside what it names", "Write the value out, or anchor something smaller");
                }

                return _anchors.TryGetValue(name, out Node? anchored)
                    ? Copy(anchored, Line(at), depth)
                    : throw new YamlFault(Line(at), $"the alias *{SafeText.Line(name)} names no anchor", "Define the anchor before it is used");
            }

            if (at is not NodeEvent node)
            {
                throw new YamlFault(Line(at), "a value is missing", "Correct the file's YAML");
            }

            string? anchor = node.Anchor.IsEmpty ? null : node.Anchor.Value;
            string? function = Function(node);
            int inner = function is null ? depth : depth + 1;
            if (anchor is not null)
            {
                _open.Add(anchor);
            }

            Node value = node switch
            {
                Scalar scalar => ScalarNode(scalar, function is not null),
                SequenceStart => Sequence(inner),
                MappingStart => Mapping(inner),
                _ => throw new YamlFault(Line(at), "a value is missing", "Correct the file's YAML"),
            };
            if (function is not null)
            {
                Count(Line(at), inner);
                value = LongForm(function, value, Line(at));
            }

            if (anchor is not null)
            {
                _open.Remove(anchor);
                _anchors[anchor] = value;
            }

            return value;
        }

        private Node ScalarNode(Scalar scalar, bool tagged)
        {
            Next();
            bool isNull = scalar.Style == ScalarStyle.Plain && !tagged && scalar.Tag.IsEmpty
                && scalar.Value is "" or "~" or "null" or "Null" or "NULL";
            return new Node { Kind = isNull ? NodeKind.Null : NodeKind.Text, Line = (int)scalar.Start.Line, Text = isNull ? "" : scalar.Value };
        }

        private Node Sequence(int depth)
        {
            var start = (SequenceStart)_parser.Current!;
            Next();
            List<Node> items = [];
            while (_parser.Current is not SequenceEnd)
            {
                items.Add(Value(depth + 1));
            }

            Next();
            return new Node { Kind = NodeKind.List, Line = (int)start.Start.Line, Items = items };
        }

        private Node Mapping(int depth)
        {
            var start = (MappingStart)_parser.Current!;
            Next();
            List<KeyValuePair<string, Node>> members = [];
            List<long> lines = [];
            Dictionary<string, int>? index = null;
            while (_parser.Current is not MappingEnd)
            {
                ParsingEvent at = _parser.Current!;
                string key = Key(at);
                int earlier = Find(members, ref index, key);
                if (earlier >= 0)
                {
                    throw new YamlFault(
                        Line(at),
                        string.Create(CultureInfo.InvariantCulture, $"the key '{SafeText.Line(key)}' stands here and in line {lines[earlier]}"),
                        "Keep one of the two");
                }

                lines.Add(Line(at));
                index?.Add(key, members.Count);
                members.Add(new(key, Value(depth + 1)));
            }

            Next();
            return new Node { Kind = NodeKind.Map, Line = (int)start.Start.Line, Members = members };
        }

        /// <summary>The member of a key, or -1. Most maps are small; an index is made only for those that are not.</summary>
        private static int Find(List<KeyValuePair<string, Node>> members, ref Dictionary<string, int>? index, string key)
        {
            if (index is null && members.Count >= SmallMap)
            {
                index = new(StringComparer.Ordinal);
                for (int i = 0; i < members.Count; i++)
                {
                    index.Add(members[i].Key, i);
                }
            }

            if (index is not null)
            {
                return index.GetValueOrDefault(key, -1);
            }

            for (int i = 0; i < members.Count; i++)
            {
                if (members[i].Key == key)
                {
                    return i;
                }
            }

            return -1;
        }

        private string Key(ParsingEvent at)
        {
            Count(Line(at), 0);
            switch (at)
            {
                case Scalar { Value: "<<", Style: ScalarStyle.Plain }:
                    throw new YamlFault(Line(at), "the merge key << is not understood by CloudFormation", "Write the merged keys out");
                case Scalar scalar when Function(scalar) is null:
                    Next();
                    return scalar.Value;
                case AnchorAlias alias when _anchors.TryGetValue(alias.Value.Value, out Node? anchored) && anchored.Kind == NodeKind.Text:
                    Next();
                    return anchored.Text;
                default:
                    throw new YamlFault(Line(at), "a key is not plain text", "Use text as the key");
            }
        }

        /// <summary>The long name of a short tag; null when the value carries none.</summary>
        private static string? Function(NodeEvent node)
        {
            if (node.Tag.IsEmpty || node.Tag.IsNonSpecific)
            {
                return null;
            }

            string tag = node.Tag.Value;
            if (tag is "!Ref" or "!Condition")
            {
                return tag[1..];
            }

            if (tag.StartsWith('!') && Functions.Contains(tag[1..]))
            {
                return "Fn::" + tag[1..];
            }

            if (tag.StartsWith("tag:yaml.org,2002:", StringComparison.Ordinal)
                && tag["tag:yaml.org,2002:".Length..] is "str" or "int" or "float" or "bool" or "null" or "map" or "seq" or "timestamp")
            {
                return null;
            }

            string known = string.Join(' ', Functions.Order(StringComparer.Ordinal).Select(f => "!" + f));
            throw new YamlFault(Line(node), $"the tag {SafeText.Line(tag)} is unknown", "Use !Ref, !Condition or one of " + known);
        }

        private Node LongForm(string function, Node value, long line)
        {
            int at = (int)line;
            if (function == "Fn::GetAtt" && value.Kind == NodeKind.Text)
            {
                int dot = value.Text.IndexOf('.', StringComparison.Ordinal);
                if (dot <= 0 || dot == value.Text.Length - 1)
                {
                    throw new YamlFault(line, $"!GetAtt {SafeText.Line(value.Text)} has no dot between resource and attribute", "Write !GetAtt RESOURCE.ATTRIBUTE");
                }

                Count(line, 0);
                Count(line, 0);
                value = new Node
                {
                    Kind = NodeKind.List,
                    Line = at,
                    Items =
                    [
                        new Node { Kind = NodeKind.Text, Line = at, Text = value.Text[..dot] },
                        new Node { Kind = NodeKind.Text, Line = at, Text = value.Text[(dot + 1)..] },
                    ],
                };
            }

            return new Node { Kind = NodeKind.Map, Line = at, Members = [new(function, value)] };
        }

        /// <summary>A copy of an anchored value; every node of it counts again.</summary>
        private Node Copy(Node node, long line, int depth)
        {
            Count(line, depth);
            switch (node.Kind)
            {
                case NodeKind.Map:
                    var members = new List<KeyValuePair<string, Node>>(node.Members.Count);
                    foreach ((string key, Node value) in node.Members)
                    {
                        members.Add(new(key, Copy(value, line, depth + 1)));
                    }

                    return new Node { Kind = NodeKind.Map, Line = node.Line, Members = members };
                case NodeKind.List:
                    var items = new List<Node>(node.Items.Count);
                    foreach (Node item in node.Items)
                    {
                        items.Add(Copy(item, line, depth + 1));
                    }

                    return new Node { Kind = NodeKind.List, Line = node.Line, Items = items };
                default:
                    return new Node { Kind = node.Kind, Line = node.Line, Text = node.Text };
            }
        }
    }
}
