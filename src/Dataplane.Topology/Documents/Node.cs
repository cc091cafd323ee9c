using System.Collections.Generic;

namespace Dataplane.Topology.Documents;

public enum NodeKind
{
    Map,
    List,
    Text,
    Number,
    Boolean,
    Null,
}

/// <summary>One value of a JSON or YAML file, with the line on which it begins.</summary>
/// <remarks>
/// YAML's plain scalars are Text (a template's 012345678901 and 2012-10-17 stay as written, IMP-31), but for an empty plain scalar, ~ and null, which are Null. JSON's numbers keep their
/// text. The tree is bounded by its reader: depth 100, 2,000,000 nodes (YAML) or 5,000,000 (JSON), no shared nodes.
/// </remarks>
public sealed class Node
{
    // Large snapshots are millions of nodes: one reference (a string, members or items, by kind) and two numbers keep each at 32 bytes.
    private readonly object? _value;

    public required NodeKind Kind { get; init; }

    /// <summary>1-based.</summary>
    public required int Line { get; init; }

    /// <summary>The scalar as written (booleans: true, false); empty for maps, lists and null.</summary>
    public string Text
    {
        get => _value as string ?? "";
        init => _value = value;
    }

    /// <summary>Members of a map in file order; keys are unique (a duplicate is a fault).</summary>
    public IReadOnlyList<KeyValuePair<string, Node>> Members
    {
        get => MemberArray;
        init => _value = value as KeyValuePair<string, Node>[] ?? [.. value];
    }

    /// <summary>Entries of a list.</summary>
    public IReadOnlyList<Node> Items
    {
        get => _value as Node[] ?? [];
        init => _value = value as Node[] ?? [.. value];
    }

    /// <summary>A member of a map, or null.</summary>
    public Node? this[string key]
    {
        get
        {
            foreach (KeyValuePair<string, Node> member in MemberArray)
            {
                if (member.Key == key)
                {
                    return member.Value;
                }
            }

            return null;
        }
    }

    private KeyValuePair<string, Node>[] MemberArray => _value as KeyValuePair<string, Node>[] ?? [];
}

/// <summary>One file's content, by the name that faults print.</summary>
/// <param name="Name">As the user gave it, or relative to the folder that the user gave.</param>
public sealed record SourceFile(string Name, byte[] Content);
