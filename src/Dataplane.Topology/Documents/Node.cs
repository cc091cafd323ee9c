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
/// text. The tree is bounded by its reader: depth 100, 2,000,000 nodes, no shared nodes.
/// </remarks>
public sealed class Node
{
    public required NodeKind Kind { get; init; }

    /// <summary>1-based.</summary>
    public required int Line { get; init; }

    /// <summary>The scalar as written (booleans: true, false); empty for maps, lists and null.</summary>
    public string Text { get; init; } = "";

    /// <summary>Members of a map in file order; keys are unique (a duplicate is a fault).</summary>
    public IReadOnlyList<KeyValuePair<string, Node>> Members { get; init; } = [];

    /// <summary>Entries of a list.</summary>
    public IReadOnlyList<Node> Items { get; init; } = [];

    /// <summary>A member of a map, or null.</summary>
    public Node? this[string key]
    {
        get
        {
            foreach (KeyValuePair<string, Node> member in Members)
            {
                if (member.Key == key)
                {
                    return member.Value;
                }
            }

            return null;
        }
    }
}

/// <summary>One file's content, by the name that faults print.</summary>
/// <param name="Name">As the user gave it, or relative to the folder that the user gave.</param>
public sealed record SourceFile(string Name, byte[] Content);
