using Dataplane.Compiler.Emit;
using Dataplane.Compiler.Simplify;

namespace Dataplane.Compiler.Choose;

/// <summary>The structure of the generated code.</summary>
public enum Classifier
{
    /// <summary>No rule is left: nothing matches.</summary>
    Empty,

    /// <summary>One flat if for each rule.</summary>
    Chain,

    /// <summary>Answers by port and address, as data.</summary>
    Segments,

    /// <summary>Columns of numbers, compared 16 IPv4 rules (8 IPv6 rules) a step.</summary>
    Table,
}

/// <summary>The third form: the rules and how they will be looked up.</summary>
/// <param name="Why">The reason as a sentence without full stop.</param>
public sealed record ChosenList(SimplifiedList List, Classifier Classifier, string Why)
{
    /// <summary>The rules as rows of segments, if they were chosen.</summary>
    internal SegmentNumbers? Numbers { get; init; }

    /// <summary>Prints the choice, then the rules.</summary>
    public override string ToString() => $"{Classifier}: {Why}\n{List}";
}
