using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Text;
using System.Text.RegularExpressions;
using Dataplane.Compiler.Emit;
using Dataplane.Compiler.Load;
using Dataplane.Compiler.Lower;
using Dataplane.Topology.Model;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;

namespace Dataplane.Tests.Compiler;

/// <summary>No name of an input file becomes code.</summary>
public sealed partial class HostileNamesTests
{
    private static readonly string[] Pieces =
    [
        "\"", "\"\"\"", "*/", "/*", "\\u002a/", "\n", "\r\n", "\u2028", "\u2029", "\u0085", "\v", "\f", "\0", "#line 1 \"x\"", "\n#error x", "\n}\nclass Evil { }\n",
        "{0}", "{", "}", "{{", "'", "@", "$\"", "//", "///", "\u202e", "\u200b", "\ufeff", "\ud800", "\udc00", "\ud83d\ude00", "a\u0301\u0301\u0301", "\\", "\x1b[31m", "%s", "sg-1", " ",
        "Process.Start", "return Decision.Allow(0);", "</auto-generated>", "\u0000\u0001", "\uffff",
    ];

    // Whole words that generated code may hold besides the language's: types and members of the runtime contract, and the emitter's own names.
    private static readonly HashSet<string> Allowed =
    [
        "System", "Numerics", "Runtime", "Intrinsics", "Dataplane", "Filters", "Packets", "Generated",
        "Filter", "AddressSet", "Headers", "HeaderFlags", "ReferencesLost", "Decision", "None", "Allow", "Deny", "Admit", "Decide", "DecideV4", "DecideV6",
        "PortsKnown", "DestinationPort", "Protocol", "IsIpv6", "SourceHigh", "SourceLow", "DestinationHigh", "DestinationLow", "Flags",
        "ContainsSource", "ContainsDestination", "ReadOnlySpan", "Span", "Length", "Array", "Fill", "Math", "Min", "Vector512", "Create", "Equals",
        "LessThanOrEqual", "ExtractMostSignificantBits", "BitOperations", "TrailingZeroCount", "MaxValue",
        "sets", "_sets", "packet", "packets", "decisions", "i", "port", "protocol", "remote", "high", "low", "groupsSeen", "first", "anyPeer", "narrowPeer", "narrow", "entries",
        "service", "limit", "rows", "References", "FirstReference", "NoRule", "columns", "count", "length", "address", "asked", "hit", "bits", "upper", "lower",
        "ColumnsV4", "ColumnsV6", "FindV4", "FindV6", "AnyPeerV4", "AnyPeerV6", "NarrowV4", "NarrowV6", "EntriesV4", "EntriesV6",
        "_anyPeerV4", "_anyPeerV6", "_narrowV4", "_narrowV6", "_entriesV4", "_entriesV6",
        "SegmentFilter", "RowsV4", "RowsV6", "isIngress",
    ];

    [Fact]
    public void REL_22_ten_thousand_hostile_names_change_comments_only()
    {
        string benign = CodeOf(With(Networks.Small(), _ => "name"));
        const int Strings = 10_000;
        const int NamesOfOne = 50;
        Random random = new(22);
        for (int done = 0; done < Strings; done += NamesOfOne)
        {
            string[] names = [.. Enumerable.Range(0, NamesOfOne).Select(_ => Hostile(random))];
            Assert.Equal(benign, CodeOf(With(Networks.Small(), i => names[i % NamesOfOne])));
        }

        string huge = string.Concat(Enumerable.Repeat("*/\n#line \u2028\"{", 1 << 17));
        Assert.Equal(benign, CodeOf(With(Networks.Small(), _ => huge)));
    }

    [Fact]
    public void REL_22_the_syntax_tree_holds_no_string_and_no_identifier_but_ours()
    {
        Random random = new(23);
        string[] names = [.. Enumerable.Range(0, 50).Select(_ => Hostile(random))];
        Network network = With(Networks.Small(), i => names[i % names.Length]);
        foreach (CompiledText text in NetworkCompilation.Create(new FilterCatalog(network)).Texts)
        {
            SyntaxNode root = CSharpSyntaxTree.ParseText(text.Text).GetRoot();
            Assert.Empty(root.GetDiagnostics());
            foreach (SyntaxToken token in root.DescendantTokens(descendIntoTrivia: true))
            {
                Assert.False(token.RawKind is (int)SyntaxKind.StringLiteralToken or (int)SyntaxKind.CharacterLiteralToken or (int)SyntaxKind.InterpolatedStringTextToken, token.ToString());
                if (token.IsKind(SyntaxKind.IdentifierToken))
                {
                    Assert.True(Allowed.Contains(token.ValueText) || OwnName().IsMatch(token.ValueText), token.ValueText);
                }
            }

            // #nullable enable, and no other directive.
            Assert.Equal(SyntaxKind.NullableDirectiveTrivia, Assert.Single(root.DescendantTrivia(), trivia => trivia.IsDirective).Kind());
            Assert.All(text.Text.Split('\n'), line => Assert.True(line.Length < 220, line));
            Assert.DoesNotContain(text.Text, c => char.IsControl(c) && c != '\n');
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void REL_22_the_generated_assembly_names_only_the_runtime_contract(bool segments)
    {
        NetworkCompilation compilation = NetworkCompilation.Create(new FilterCatalog(Networks.Small()), 8, default, mostCells: segments ? long.MaxValue : 0);
        byte[] image = FilterLoader.Compile("Dataplane.Generated.Test", compilation.Filters, default);
        using PEReader reader = new(ImmutableArray.Create(image));
        MetadataReader metadata = reader.GetMetadataReader();
        Assert.Equal(
            segments ? ["Dataplane.Core", "System.Runtime"] : ["Dataplane.Core", "System.Runtime", "System.Runtime.Intrinsics"],
            metadata.AssemblyReferences.Select(handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name)).Order());

        string[] allowed =
        [
            "Dataplane.Filters.AddressSet", "Dataplane.Filters.Decision", "Dataplane.Filters.Filter", "Dataplane.Filters.SegmentFilter", "Dataplane.Packets.Headers", "Dataplane.Packets.HeaderFlags",
            "System.Array", "System.Math", "System.Numerics.BitOperations", "System.Object", "System.RuntimeFieldHandle", "System.UInt32", "System.UInt64", "System.ReadOnlySpan`1", "System.Span`1", "System.ValueType", "System.Enum", "System.Attribute",
            "System.Runtime.Intrinsics.Vector512", "System.Runtime.Intrinsics.Vector512`1", "System.Runtime.CompilerServices.RuntimeHelpers", "System.Runtime.InteropServices.InAttribute",
        ];
        foreach (TypeReferenceHandle handle in metadata.TypeReferences)
        {
            TypeReference type = metadata.GetTypeReference(handle);
            string name = $"{metadata.GetString(type.Namespace)}.{metadata.GetString(type.Name)}";

            // Roslyn's own marks: nullability, debugging, security.
            Assert.True(
                allowed.Contains(name) || name.EndsWith("Attribute", StringComparison.Ordinal) || name is ".DebuggingModes" or "System.Security.Permissions.SecurityAction", name);
        }

        Assert.Equal(0, metadata.GetHeapSize(HeapIndex.UserString) & ~7);
    }

    [Theory]
    [InlineData("plain name, ünïcode 名前", "plain name, ünïcode 名前")]
    [InlineData("a\nb\u2028c\u202ed\u0000", "a?b?c?d?")]
    [InlineData("a\u00a0b", "a b")]
    public void Harmless_text_is_one_printable_line(string name, string harmless) => Assert.Equal(harmless, HarmlessText.Of(name));

    [Fact]
    public void Harmless_text_is_bounded_and_holds_no_half_characters()
    {
        Assert.Equal(new string('x', 157) + "...", HarmlessText.Of(new string('x', 1 << 20)));
        Assert.Equal("?x", HarmlessText.Of("\ud800x"));
        Assert.Equal(new string('x', 156) + "...", HarmlessText.Of(new string('x', 156) + "\ud83d\ude00xxxx"));
    }

    [GeneratedRegex("^(Filter_[0-9a-f]{16}|_set[0-9]+)$")]
    private static partial Regex OwnName();

    private static string Hostile(Random random)
    {
        StringBuilder name = new();
        for (int i = random.Next(1, 8); i > 0; i--)
        {
            name.Append(Pieces[random.Next(Pieces.Length)]);
        }

        return name.ToString();
    }

    /// <summary>All code without comment lines.</summary>
    private static string CodeOf(Network network) => string.Concat(
        NetworkCompilation.Create(new FilterCatalog(network)).Texts.Select(text => text.FileName + "\n" + string.Concat(
            text.Text.Split('\n').Where(line => !line.TrimStart().StartsWith("//", StringComparison.Ordinal)).Select(line => line + "\n"))));

    /// <summary>The same rules with other names and lines everywhere; ids stay distinct and in order.</summary>
    private static Network With(Network network, Func<int, string> name)
    {
        int next = 0;
        Dictionary<string, string> ids = network.SecurityGroups.Select(group => group.Id).Concat(network.NetworkAcls.Select(acl => acl.Id))
            .ToDictionary(id => id, id => $"{id[..6]}{name(next++)}{next}");
        return network with
        {
            SecurityGroups =
            [
                .. network.SecurityGroups.Select(group => group with
                {
                    Id = ids[group.Id],
                    Name = name(next++),
                    Ingress = [.. group.Ingress.Select(Renamed)],
                    Egress = [.. group.Egress.Select(Renamed)],
                }),
            ],
            NetworkAcls =
            [
                .. network.NetworkAcls.Select(acl => acl with
                {
                    Id = ids[acl.Id],
                    Ingress = [.. acl.Ingress.Select(entry => entry with { Line = name(next++) })],
                    Egress = [.. acl.Egress.Select(entry => entry with { Line = name(next++) })],
                }),
            ],
            Interfaces = [.. network.Interfaces.Select(i => i with { Id = name(next++), SecurityGroupIds = [.. i.SecurityGroupIds.Select(id => ids[id])] })],
        };

        SecurityGroupRule Renamed(SecurityGroupRule rule) => rule with
        {
            Name = name(next++),
            Line = name(next++),
            Peer = rule.Peer is GroupPeer peer ? new GroupPeer(ids[peer.GroupId]) : rule.Peer,
        };
    }
}
