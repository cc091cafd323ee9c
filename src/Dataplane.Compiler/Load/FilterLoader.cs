// From text to running code: Roslyn, a collectible load context, the JIT before the first packet.
//
// Methods of a collectible context are optimised at their first call, without tiering. Each assembly has a context of its own, which lives as long as an instance of a
// filter of it does (or a cache holds a class), so a filter set that is dropped takes its code with it. Only System.Runtime, its intrinsics and Dataplane itself can be named by generated code.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using System.Threading;
using Basic.Reference.Assemblies;
using Dataplane.Compiler.Emit;
using Dataplane.Filters;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Dataplane.Compiler.Load;

/// <summary>Compiles and loads generated classes.</summary>
internal static class FilterLoader
{
    private static int AssembliesMade;

    private static readonly CSharpParseOptions Parse = CSharpParseOptions.Default
        .WithLanguageVersion(LanguageVersion.CSharp13)
        .WithDocumentationMode(DocumentationMode.None);

    private static readonly CSharpCompilationOptions Options = new(
        OutputKind.DynamicallyLinkedLibrary,
        optimizationLevel: OptimizationLevel.Release,
        checkOverflow: false,
        allowUnsafe: false,
        deterministic: true,
        // One thread: the other cores are the packets'.
        concurrentBuild: false,
        nullableContextOptions: NullableContextOptions.Enable);

    private static readonly Lazy<MetadataReference[]> References = new(() =>
    [
        Net100.References.SystemRuntime,
        Net100.References.SystemRuntimeIntrinsics,
        MetadataReference.CreateFromFile(DataplanePath()),
    ]);

    /// <summary>The bytes of an assembly with these classes.</summary>
    /// <exception cref="InvalidOperationException">Roslyn refuses the text: a bug of the emitter; the message is its first error.</exception>
    public static byte[] Compile(string assemblyName, IReadOnlyCollection<GeneratedFilter> filters, CancellationToken cancel)
    {
        SyntaxTree[] trees = [.. filters.Select(filter => CSharpSyntaxTree.ParseText(filter.Text.Text, Parse, filter.Text.FileName, cancellationToken: cancel))];
        CSharpCompilation compilation = CSharpCompilation.Create(assemblyName, trees, References.Value, Options);
        using MemoryStream stream = new();
        Microsoft.CodeAnalysis.Emit.EmitResult result = compilation.Emit(stream, cancellationToken: cancel);
        if (!result.Success)
        {
            Diagnostic error = result.Diagnostics.First(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
            throw new InvalidOperationException($"generated code does not compile: {error}");
        }

        return stream.ToArray();
    }

    /// <summary>Loads an assembly and has all its methods compiled to machine code.</summary>
    public static Assembly Load(byte[] image, AssemblyLoadContext context)
    {
        using MemoryStream stream = new(image);
        Assembly assembly = context.LoadFromStream(stream);
        foreach (Type type in assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Filter))))
        {
            const BindingFlags All = BindingFlags.DeclaredOnly | BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;
            foreach (MethodBase method in type.GetMethods(All).Concat<MethodBase>(type.GetConstructors(All)))
            {
                RuntimeHelpers.PrepareMethod(method.MethodHandle);
            }
        }

        return assembly;
    }

    public static Type TypeOf(Assembly assembly, string className) => assembly.GetType($"{FilterEmitter.Namespace}.{className}", throwOnError: true)!;

    public static Filter Create(Type type, AddressSet[] sets) => (Filter)Activator.CreateInstance(type, [sets])!;

    /// <summary>A name that no other assembly of this process has.</summary>
    public static string NextName() => string.Create(CultureInfo.InvariantCulture, $"Dataplane.Generated.{Interlocked.Increment(ref AssembliesMade) - 1}");

    private static string DataplanePath()
    {
        // Empty in a single-file program; the file then lies beside it, or compiling is refused and the interpreter judges.
        string path = Path.Combine(AppContext.BaseDirectory, typeof(Filter).Assembly.GetName().Name + ".dll");
#pragma warning disable IL3000 // an empty Location is what is asked about
        string location = typeof(Filter).Assembly.Location;
#pragma warning restore IL3000
        return location.Length > 0 ? location : path;
    }

    /// <summary>Resolves Dataplane to the assembly that this program runs, wherever that was loaded.</summary>
    public sealed class Context() : AssemblyLoadContext("Dataplane.Generated", isCollectible: true)
    {
        protected override Assembly? Load(AssemblyName assemblyName) =>
            assemblyName.Name == typeof(Filter).Assembly.GetName().Name ? typeof(Filter).Assembly : null;
    }
}
