using System;
using System.Collections.Generic;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using Dataplane.Filters;

namespace Dataplane.Compiler.FiveTuples;

/// <summary>A general rule list, ready to be asked.</summary>
/// <param name="Structure">What was chosen, for a person.</param>
public sealed record CompiledFiveTuples(FiveTupleClassifier Classifier, string Structure);

/// <summary>Chooses and builds the classifier of a general rule list.</summary>
public static class FiveTupleCompiler
{
    /// <summary>References that the leaves of a tree may hold: 4 bytes each.</summary>
    private const long MostReferences = 400_000;

    // Where bit vectors are worth it (docs/decisions/0003): fewer rules are compared one by one as soon, more blocks cost more than a tree.
    private const int LeastRules = 8, MostBlocks = 2;

    /// <param name="rules">First one first; any number.</param>
    public static CompiledFiveTuples Compile(IReadOnlyList<FiveTupleRule> rules)
    {
        if (FiveTupleBitVectors.IsFast && rules.Count >= LeastRules && BitVectorBuilder.Build(rules, MostBlocks) is { } vectors)
        {
            Prepare(typeof(FiveTupleBitVectors));
            return new CompiledFiveTuples(vectors, string.Create(
                CultureInfo.InvariantCulture, $"bit vectors, {vectors.Blocks} x up to {FiveTupleBitVectors.BlockRules} rules, 16 packets a step"));
        }

        FiveTupleTreeBuilder builder = new(rules, MostReferences);
        FiveTupleTree tree = builder.Build();
        Prepare(typeof(FiveTupleTree));
        return new CompiledFiveTuples(tree, string.Create(
            CultureInfo.InvariantCulture, $"tree of {builder.Leaves} leaves, 16 packets a step"));
    }

    /// <summary>Compiles the loops now, not when the first packets wait for them.</summary>
    private static void Prepare(Type classifier)
    {
        foreach (Type type in new[] { classifier, typeof(PacketColumns) })
        {
            foreach (MethodInfo method in type.GetMethods(BindingFlags.DeclaredOnly | BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
            {
                RuntimeHelpers.PrepareMethod(method.MethodHandle);
            }
        }
    }
}
