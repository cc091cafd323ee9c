using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Dataplane.Tests.TestSupport;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;

namespace Dataplane.Tests.Architecture;

/// <summary>What only some folders of src may write.</summary>
public sealed class SourceTests
{
    private static readonly string[] MayBeUnsafe = ["src/Dataplane.Capture/", "src/Dataplane/Flows/", "src/Dataplane/Packets/"];

    [Theory]
    [InlineData("unsafe class C { }", true)]
    [InlineData("class C { void M(byte[] b) { fixed (byte* p = b) { } } }", true)]
    [InlineData("class C { ref int M(ref byte b) => ref Unsafe.As<byte, int>(ref b); }", true)]
    [InlineData("class C { int M(Span<byte> b) => System.Runtime.InteropServices.MemoryMarshal.Read<int>(b); }", true)]
    [InlineData("class C { string unsafely = \"unsafe Unsafe.As\"; } // unsafe MemoryMarshal", false)]
    [InlineData("class C { void M() { System.Span<int> a = stackalloc int[4]; int b = 2 * a[0]; } }", false)]
    public void Unsafe_code_is_told_from_words(string code, bool isUnsafe) => Assert.Equal(isUnsafe, UnsafeTokens(code).Any());

    [Fact]
    public void Unsafe_code_stands_only_where_it_may()
    {
        List<string> found = [];
        int allowed = 0;
        foreach (string file in Directory.GetFiles(Repository.At("src"), "*.cs", SearchOption.AllDirectories))
        {
            string path = Path.GetRelativePath(Repository.Root, file).Replace('\\', '/');
            if (path.Contains("/obj/", StringComparison.Ordinal) || path.Contains("/bin/", StringComparison.Ordinal))
            {
                continue;
            }

            foreach (SyntaxToken token in UnsafeTokens(File.ReadAllText(file)))
            {
                if (Array.Exists(MayBeUnsafe, f => path.StartsWith(f, StringComparison.Ordinal)))
                {
                    allowed++;
                }
                else
                {
                    found.Add($"{path}:{token.GetLocation().GetLineSpan().StartLinePosition.Line + 1}: {token.Text}");
                }
            }
        }

        Assert.True(found.Count == 0, $"unsafe code outside {string.Join(", ", MayBeUnsafe)}:\n{string.Join('\n', found)}");
        Assert.True(allowed > 0, "no unsafe code was found at all: the search is broken, or the three folders no longer need it");
    }

    /// <summary>The keyword, pinned pointers, and the types of the runtime that do without checks; comments and strings do not count.</summary>
    private static IEnumerable<SyntaxToken> UnsafeTokens(string code) =>
        CSharpSyntaxTree.ParseText(code).GetRoot().DescendantTokens().Where(t =>
            t.Kind() is SyntaxKind.UnsafeKeyword or SyntaxKind.FixedKeyword
            || (t.IsKind(SyntaxKind.IdentifierToken) && t.Text is "Unsafe" or "UnsafeAccessor" or "MemoryMarshal" or "NativeMemory" or "Marshal"));
}
