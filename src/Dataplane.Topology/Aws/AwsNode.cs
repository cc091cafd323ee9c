using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Dataplane.Topology.Documents;

namespace Dataplane.Topology.Aws;

/// <summary>A node of one file with what its faults need. Members of a wrong kind are faults; empty strings are absent (IMP-01).</summary>
internal sealed class AwsNode(string file, Node node, FaultList faults)
{
    public string File => file;

    public Node Node => node;

    /// <summary>file:line, id.</summary>
    public string Where(string? id = null) => id is null ? $"{file}:{node.Line}" : $"{file}:{node.Line}, {SafeText.Line(id, 200)}";

    public string? Text(string key)
    {
        Node? value = node[key];
        switch (value?.Kind)
        {
            case null or NodeKind.Null:
                return null;
            case NodeKind.Text or NodeKind.Number or NodeKind.Boolean:
                return value.Text.Length == 0 ? null : value.Text;
            default:
                WrongKind(key, value, "a string");
                return null;
        }
    }

    /// <summary>An id: printable ASCII without spaces, at most 255 characters; anything else is a fault and null.</summary>
    public string? Id(string key)
    {
        string? id = Text(key);
        if (id is not null && (id.Length > 255 || id.AsSpan().IndexOfAnyExceptInRange('!', '~') >= 0))
        {
            faults.Error(Where(), $"{key} {SafeText.Quote(id)} is not an id: it is too long or holds characters that no AWS id has", "Write the file anew with the command that made it");
            return null;
        }

        return id;
    }

    /// <summary>A whole number in plain decimal; anything else is a fault and null.</summary>
    public int? Int(string key)
    {
        Node? value = node[key];
        if (value is null || value.Kind == NodeKind.Null)
        {
            return null;
        }

        string text = value.Text;
        ReadOnlySpan<char> digits = text.StartsWith('-') ? text.AsSpan(1) : text;
        if (value.Kind is NodeKind.Number or NodeKind.Text
            && digits.Length is > 0 and <= 10
            && (digits.Length == 1 || digits[0] != '0')
            && int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number)
            && !text.StartsWith('+') && text != "-0")
        {
            return number;
        }

        WrongKind(key, value, "a whole number");
        return null;
    }

    public bool? Flag(string key)
    {
        Node? value = node[key];
        switch (value?.Kind)
        {
            case null or NodeKind.Null:
                return null;
            case NodeKind.Boolean:
                return value.Text == "true";
            case NodeKind.Text when bool.TryParse(value.Text, out bool flag):
                return flag;
            default:
                WrongKind(key, value, "true or false");
                return null;
        }
    }

    /// <summary>The maps of a list; an absent list is an empty one (IN-04).</summary>
    public IEnumerable<AwsNode> List(string key)
    {
        foreach (Node item in Items(key))
        {
            if (item.Kind == NodeKind.Map)
            {
                yield return new AwsNode(file, item, faults);
            }
            else
            {
                faults.Error($"{file}:{item.Line}", $"an entry of {key} is not an object", "Write the file anew with the command that made it");
            }
        }
    }

    /// <summary>The strings of a list.</summary>
    public IEnumerable<string> Texts(string key)
    {
        foreach (Node item in Items(key))
        {
            if (item.Kind == NodeKind.Text)
            {
                yield return item.Text;
            }
            else
            {
                faults.Error($"{file}:{item.Line}", $"an entry of {key} is not a string", "Write the file anew with the command that made it");
            }
        }
    }

    public AwsNode? Map(string key)
    {
        Node? value = node[key];
        switch (value?.Kind)
        {
            case null or NodeKind.Null:
                return null;
            case NodeKind.Map:
                return new AwsNode(file, value, faults);
            default:
                WrongKind(key, value, "an object");
                return null;
        }
    }

    private IEnumerable<Node> Items(string key)
    {
        Node? value = node[key];
        switch (value?.Kind)
        {
            case null or NodeKind.Null:
                return [];
            case NodeKind.List:
                return value.Items;
            default:
                WrongKind(key, value, "a list");
                return [];
        }
    }

    private void WrongKind(string key, Node value, string wanted)
    {
        string got = value.Kind switch
        {
            NodeKind.Map => "an object",
            NodeKind.List => "a list",
            NodeKind.Null => "null",
            _ => SafeText.Quote(value.Text),
        };
        faults.Error($"{file}:{value.Line}", $"{SafeText.Line(key, 80)} is {got} where {wanted} is expected", "Write the file anew with the command that made it");
    }

    /// <summary>The same value: members of maps in any order, lists in theirs.</summary>
    public static bool Same(Node a, Node b)
    {
        if (a.Kind != b.Kind || a.Text != b.Text || a.Members.Count != b.Members.Count || a.Items.Count != b.Items.Count)
        {
            return false;
        }

        return a.Members.All(m => b[m.Key] is { } other && Same(m.Value, other)) && a.Items.Zip(b.Items).All(p => Same(p.First, p.Second));
    }
}
