using System;
using System.Collections.Generic;
using System.Linq;
using Xunit;

namespace Dataplane.Tests.Architecture;

/// <summary>What compiled projects may not refer to, though their references would let them.</summary>
public sealed class DependencyTests
{
    /// <summary>What only the named projects may refer to: an assembly's name or the beginning of one.</summary>
    public static TheoryData<string, string[]> Owners => new()
    {
        { "Microsoft.CodeAnalysis", ["Dataplane.Compiler"] },
        { "Basic.Reference.Assemblies", ["Dataplane.Compiler"] },
        { "YamlDotNet", ["Dataplane.Topology"] },
        { "System.Text.Json", ["Dataplane.Topology", "dataplane"] },
        { "ZstdSharp", ["Dataplane.Capture"] },
        { "SharpPcap", ["Dataplane.Capture"] },
        { "PacketDotNet", ["Dataplane.Capture"] },
        { "System.CommandLine", ["dataplane"] },
        { "Spectre.Console", ["dataplane"] },
    };

    [Theory, MemberData(nameof(Owners))]
    public void An_assembly_is_referred_to_by_its_owners_only(string assembly, string[] owners) =>
        Assert.Equal(owners, CompiledAssembly.All.Where(a => a.Assemblies.Any(r => r.StartsWith(assembly, StringComparison.Ordinal))).Select(a => a.Name));

    [Fact]
    public void The_core_refers_to_the_runtime_only() =>
        Assert.All(CompiledAssembly.Of("Dataplane.Core").Assemblies, a => Assert.StartsWith("System.", a, StringComparison.Ordinal));

    [Fact]
    public void The_program_writes_JSON_and_does_not_read_it()
    {
        string[] writing = ["System.Text.Json.JsonEncodedText", "System.Text.Json.JsonWriterOptions", "System.Text.Json.Utf8JsonWriter"];
        Assert.Empty(CompiledAssembly.Of("dataplane").Types.Where(t => t.StartsWith("System.Text.Json.", StringComparison.Ordinal)).Except(writing));
    }

    /// <summary>
    /// The reference interpreter judges the engine, so it may share nothing with it but what packets and results are. It lives in Dataplane.Topology, which as a
    /// whole names no type of the engine's rooms, and cannot name the compiler's, which it does not reference.
    /// </summary>
    [Fact]
    public void The_reference_interpreter_depends_on_nothing_of_the_engine()
    {
        CompiledAssembly topology = CompiledAssembly.Of("Dataplane.Topology");
        IEnumerable<string> rooms = topology.Types.Where(t => t.StartsWith("Dataplane.", StringComparison.Ordinal)).Select(t => t[..t.LastIndexOf('.')]).Distinct();
        Assert.Equal(["Dataplane.Packets", "Dataplane.Records"], rooms);
        Assert.Equal(["Dataplane.Core"], topology.Assemblies.Where(a => a.StartsWith("Dataplane", StringComparison.OrdinalIgnoreCase)));
    }

    /// <summary>PacketDotNet comes with SharpPcap, and hangs or throws on hostile packets: of its types only the number of a link type may be named.</summary>
    [Fact]
    public void PacketDotNet_parses_nothing() =>
        Assert.Equal(["PacketDotNet.LinkLayers"], CompiledAssembly.Of("Dataplane.Capture").Types.Where(t => t.StartsWith("PacketDotNet.", StringComparison.Ordinal)));

    [Fact]
    public void Only_the_program_prints()
    {
        // The others may open standard input and output as streams: a capture or a topology may come through a pipe, and records may leave by one.
        string[] streams = ["System.Console.OpenStandardInput", "System.Console.OpenStandardOutput"];
        foreach (CompiledAssembly assembly in CompiledAssembly.All.Where(a => a.Name != "dataplane"))
        {
            string[] said = [.. assembly.Members.Where(m => m.StartsWith("System.Console.", StringComparison.Ordinal)).Except(streams)];
            Assert.True(said.Length == 0, $"{assembly.Name} uses {string.Join(", ", said)}: only Dataplane.Cli prints.");
        }

        Assert.Contains("System.Console.OpenStandardInput", CompiledAssembly.Of("Dataplane.Capture").Members);
    }

    [Fact]
    public void The_engine_never_asks_for_the_time()
    {
        string[] clocks =
        [
            "System.DateTime.get_Now", "System.DateTime.get_UtcNow", "System.DateTime.get_Today", "System.DateTimeOffset.get_Now", "System.DateTimeOffset.get_UtcNow",
            "System.Environment.get_TickCount", "System.Environment.get_TickCount64",
        ];
        CompiledAssembly core = CompiledAssembly.Of("Dataplane.Core");
        Assert.Empty(core.Members.Intersect(clocks));
        Assert.Empty(core.Types.Intersect(["System.Diagnostics.Stopwatch", "System.TimeProvider"]));

        // The compiler measures itself, so the names are such as metadata has them.
        Assert.Contains("System.Diagnostics.Stopwatch", CompiledAssembly.Of("Dataplane.Compiler").Types);
    }
}
