using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using Dataplane.Tests.TestSupport;

namespace Dataplane.Tests.Cli;

/// <summary>What captures/expected.json says of one capture.</summary>
public sealed record Expectation(
    string Capture, string Topology, IReadOnlyDictionary<string, int> Verdicts, IReadOnlyDictionary<(string? Reason, string? Rule), int> Denied);

public static class Expectations
{
    public static IReadOnlyList<Expectation> All { get; } = Read();

    private static List<Expectation> Read()
    {
        using JsonDocument file = JsonDocument.Parse(File.ReadAllText(Repository.At("captures/expected.json")));
        return [.. file.RootElement.EnumerateArray().Select(e => new Expectation(
            e.GetProperty("capture").GetString()!,
            e.GetProperty("topology").GetString()!,
            e.GetProperty("verdicts").EnumerateObject().ToDictionary(v => v.Name, v => v.Value.GetInt32()),
            e.GetProperty("denials").EnumerateArray().ToDictionary(
                d => (d.GetProperty("reason").GetString(), d.GetProperty("rule").GetString()), d => d.GetProperty("packets").GetInt32())))];
    }
}
