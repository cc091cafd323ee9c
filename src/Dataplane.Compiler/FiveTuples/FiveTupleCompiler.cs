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

    /// <param name="rules">First one first; any number.</param>
    public static CompiledFiveTuples Compile(IReadOnlyList<FiveTupleRule> rules)
    {
        FiveTupleTreeBuilder builder = new(rules, MostReferences);
        FiveTupleTree tree = builder.Build();
        foreach (Type type in new[] { typeof(FiveTupleTree), typeof(PacketColumns) })
        {
            foreach (MethodInfo method in type.GetMethods(BindingFlags.DeclaredOnly | BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
            {
                RuntimeHelpers.PrepareMethod(method.MethodHandle);
            }
        }

        return new CompiledFiveTuples(tree, string.Create(
            CultureInfo.InvariantCulture, $"tree of {builder.Leaves} leaves, 16 packets a step"));
    }
}
