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
public sealed record GeneratedFilter(string ClassName, ChosenList Chosen, ImmutableArray<RuleList> Owners, CompiledText Text)
{
    public override string ToString() => Text.Text;
}
