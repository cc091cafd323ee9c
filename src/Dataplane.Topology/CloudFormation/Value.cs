using System.Collections.Generic;

namespace Dataplane.Topology.CloudFormation;

internal enum ValueKind
{
    /// <summary>Not there: a null, or AWS::NoValue.</summary>
    None,
    Text,
    List,
    Map,

    /// <summary>Only a deployment would tell.</summary>
    Unknown,
}

/// <summary>What a template's expression comes to, functions carried out. Immutable.</summary>
internal sealed class Value
{
    public required ValueKind Kind { get; init; }

    public required int Line { get; init; }

    /// <summary>The scalar of a Text.</summary>
    public string Text { get; init; } = "";

    public IReadOnlyList<Value> Items { get; init; } = [];

    public IReadOnlyList<KeyValuePair<string, Value>> Members { get; init; } = [];

    /// <summary>Of an Unknown: why nobody can know it; null when a fault has said so already.</summary>
    public string? Why { get; init; }

    /// <summary>Of an Unknown: an imperative sentence.</summary>
    public string Mend { get; init; } = "";

    /// <summary>Of an Unknown: an export that no template gives (IMP-30).</summary>
    public bool IsImport { get; init; }

    /// <summary>Of an Unknown: an attribute that only a deployed resource has (IMP-21).</summary>
    public bool IsAttribute { get; init; }

    public bool IsNone => Kind == ValueKind.None;

    public Value? this[string key]
    {
        get
        {
            foreach (KeyValuePair<string, Value> member in Members)
            {
                if (member.Key == key)
                {
                    return member.Value;
                }
            }

            return null;
        }
    }

    public static Value None(int line) => new() { Kind = ValueKind.None, Line = line };

    public static Value Of(string text, int line) => new() { Kind = ValueKind.Text, Line = line, Text = text };

    public static Value Of(IReadOnlyList<Value> items, int line) => new() { Kind = ValueKind.List, Line = line, Items = items };

    public static Value Unknown(int line, string? why, string mend = "") =>
        new() { Kind = ValueKind.Unknown, Line = line, Why = why, Mend = mend };
}
