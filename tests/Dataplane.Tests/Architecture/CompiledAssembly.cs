using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace Dataplane.Tests.Architecture;

/// <summary>What a compiled project refers to outside itself, signatures and method bodies alike, as its metadata tables list it.</summary>
/// <param name="Name">Simple name.</param>
/// <param name="Assemblies">Simple names of the assemblies that it refers to.</param>
/// <param name="Types">Full names of their types that it names; a nested type counts as its outermost one.</param>
/// <param name="Members">TYPE.MEMBER of their methods and fields that it names, those of generic types left out; a property is its get_ or set_.</param>
internal sealed record CompiledAssembly(string Name, ImmutableSortedSet<string> Assemblies, ImmutableSortedSet<string> Types, ImmutableSortedSet<string> Members)
{
    /// <summary>The projects of src, the program last.</summary>
    public static ImmutableArray<CompiledAssembly> All { get; } =
    [
        .. new[] { "Dataplane.Core", "Dataplane.Topology", "Dataplane.Compiler", "Dataplane.Capture", "Dataplane.Analysis", "Dataplane.Reports", "dataplane" }.Select(Read),
    ];

    public static CompiledAssembly Of(string name) => All.Single(a => a.Name == name);

    private static CompiledAssembly Read(string name)
    {
        using FileStream file = File.OpenRead(Path.Combine(AppContext.BaseDirectory, name + ".dll"));
        using PEReader image = new(file);
        MetadataReader reader = image.GetMetadataReader();
        IEnumerable<string> members = reader.MemberReferences.Select(reader.GetMemberReference)
            .Where(m => m.Parent.Kind == HandleKind.TypeReference)
            .Select(m => $"{FullName(reader, (TypeReferenceHandle)m.Parent)}.{reader.GetString(m.Name)}");
        return new CompiledAssembly(
            name,
            reader.AssemblyReferences.Select(a => reader.GetString(reader.GetAssemblyReference(a).Name)).ToImmutableSortedSet(StringComparer.Ordinal),
            reader.TypeReferences.Select(t => FullName(reader, t)).ToImmutableSortedSet(StringComparer.Ordinal),
            members.ToImmutableSortedSet(StringComparer.Ordinal));
    }

    private static string FullName(MetadataReader reader, TypeReferenceHandle handle)
    {
        TypeReference type = reader.GetTypeReference(handle);
        while (type.ResolutionScope.Kind == HandleKind.TypeReference)
        {
            type = reader.GetTypeReference((TypeReferenceHandle)type.ResolutionScope);
        }

        return $"{reader.GetString(type.Namespace)}.{reader.GetString(type.Name)}";
    }
}
