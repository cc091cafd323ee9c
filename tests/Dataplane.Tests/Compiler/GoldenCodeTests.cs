using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using Dataplane.Compiler.Emit;
using Dataplane.Compiler.Load;
using Dataplane.Compiler.Lower;
using Dataplane.Topology;
using Dataplane.Topology.Model;
using Xunit;

namespace Dataplane.Tests.Compiler;

/// <summary>Generated code as text. DATAPLANE_UPDATE_GOLDEN=1 writes the files anew; the change is then read like any other.</summary>
public sealed class GoldenCodeTests
{
    [Fact]
    public void The_small_network_gives_this_code() => Check("small-network.g.cs", Networks.Small());

    [Theory]
    [InlineData("three-tier.yaml")]
    [InlineData("three-tier-snapshot")]
    public void The_three_tier_network_gives_this_code_from_its_template_and_from_its_snapshot(string topology)
    {
        (Network? network, FaultList faults) = TopologyLoader.Load(LoadOptions.Of(Path.Combine(Root(), "captures", topology)));
        Assert.Empty(faults.Errors);
        Check("three-tier.g.cs", network!);
    }

    [Fact]
    public void The_same_network_gives_the_same_bytes()
    {
        List<CompiledText> first = [.. NetworkCompilation.Create(new FilterCatalog(Networks.Small())).Texts];
        List<CompiledText> second = [.. NetworkCompilation.Create(new FilterCatalog(Networks.Small())).Texts];
        Assert.Equal(first, second);
        Assert.Equal(first.Count, first.Select(text => text.FileName).Distinct().Count());
        Assert.All(first, text => Assert.DoesNotContain('\r', text.Text));
    }

    [Fact]
    public void Lists_with_equal_rules_share_one_class_that_names_both()
    {
        NetworkCompilation compilation = NetworkCompilation.Create(new FilterCatalog(Networks.Small()));
        GeneratedFilter shared = Assert.Single(compilation.Filters, filter => filter.Owners.Any(owner => owner.Key is { OwnerId: "sg-web", IsIngress: true }));
        Assert.Equal(["sg-twin", "sg-web"], shared.Owners.Select(owner => owner.Key.OwnerId));
        Assert.Contains("//              sg-web, 2 of its 3 ingress rules\n", shared.Text.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_report_says_what_went_in_what_was_left_out_and_what_was_chosen()
    {
        FilterCatalog catalog = new(Networks.Small());
        List<string> lines = [.. FilterCompiler.CompileAll(catalog, FilterCompiler.Interpret(catalog)).Lines()];
        Assert.Contains(lines, line => line.StartsWith("sg-partners ingress: 36 rules in, 0 left out; segments, for 35 rules for IPv4 and 2 for IPv6", StringComparison.Ordinal));
        Assert.Contains("  left out acl-web/ingress/120: shadowed: acl-web/ingress/100 allows every packet it matches", lines);
        Assert.Contains("10 lists, 6 distinct, 10 compiled, 3 address sets", lines);
    }

    internal static void Check(string name, Network network)
    {
        StringBuilder all = new();
        foreach (CompiledText text in NetworkCompilation.Create(new FilterCatalog(network)).Texts)
        {
            all.Append("// ==== ").Append(text.FileName).Append('\n').Append(text.Text).Append('\n');
        }

        string path = Path.Combine(Root(), "tests", "Dataplane.Tests", "Golden", name);
        if (Environment.GetEnvironmentVariable("DATAPLANE_UPDATE_GOLDEN") == "1")
        {
            File.WriteAllText(path, all.ToString());
        }

        Assert.Equal(File.ReadAllText(path), all.ToString());
    }

    internal static string Root()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Dataplane.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new DirectoryNotFoundException("no folder above the tests holds Dataplane.sln");
    }
}
