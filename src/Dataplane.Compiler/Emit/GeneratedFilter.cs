using System.Collections.Immutable;
using Dataplane.Compiler.Choose;
using Dataplane.Compiler.Lower;

namespace Dataplane.Compiler.Emit;

/// <summary>One file of generated code.</summary>
/// <param name="FileName">Of the content hash: <c>Filter_3b1f9a0c12345678.g.cs</c>.</param>
public sealed record CompiledText(string FileName, string Text);

/// <summary>The fourth form: one class, which every list with its content hash shares.</summary>
/// <param name="ClassName">Without namespace.</param>
/// <param name="Chosen">The lists' common rules, with the names of the first owner.</param>
/// <param name="Owners">By slot; the first one's names stand in the comments.</param>
/// <remarks>Its text is made when it is asked for: a list that is loaded as data needs none.</remarks>
public sealed record GeneratedFilter(string ClassName, ChosenList Chosen, ImmutableArray<RuleList> Owners)
{
    private CompiledText? _text;

    public CompiledText Text => _text ??= new CompiledText(ClassName + ".g.cs", FilterEmitter.Emit(ClassName, Chosen, Owners));

    /// <summary>The rows that are loaded in place of compiled code; null where there is code.</summary>
    internal SegmentNumbers? Numbers => Chosen.Numbers;

    public override string ToString() => Text.Text;
}
