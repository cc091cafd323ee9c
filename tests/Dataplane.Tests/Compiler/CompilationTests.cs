using System;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Threading.Tasks;
using Dataplane.Compiler.Load;
using Dataplane.Compiler.Lower;
using Dataplane.Filters;
using Dataplane.Packets;
using Dataplane.Topology.Model;
using Xunit;

namespace Dataplane.Tests.Compiler;

/// <summary>Only what changed is compiled, nothing waits for it, and what is no longer used goes.</summary>
public sealed class CompilationTests
{
    [Fact]
    public void Equal_lists_of_another_network_are_not_compiled_again()
    {
        FilterCache cache = new();
        FilterCatalog before = new(Many(40));
        Networks.NoBugs(FilterCompiler.CompileAll(before, FilterCompiler.Interpret(before), cache));

        // One rule of one group changes: one list is new, all others come from the cache, before Roslyn is asked and with it.
        FilterCatalog after = new(Many(40, changed: 7));
        FilterSet set = FilterCompiler.Interpret(after);
        Assert.Equal(after.Lists.Length - 1, FilterCompiler.Reuse(after, set, cache));
        RuleListKey changed = Assert.Single(after.Lists, key => set[key.Slot] is InterpretedFilter);
        Assert.Equal(("sg-007", true), (changed.OwnerId, changed.IsIngress));
        Assert.Equal(443 + 7, Port(set[changed.Slot]));

        CompileReport report = FilterCompiler.CompileAll(after, set, cache);
        Networks.NoBugs(report);
        Assert.Equal((after.Lists.Length, after.Lists.Length - 1, 1), (report.CompiledLists, report.ReusedLists, report.Distinct));
        Assert.DoesNotContain(after.Lists, key => set[key.Slot] is InterpretedFilter);
        Assert.Equal(443 + 7, Port(set[changed.Slot]));
    }

    [Fact]
    public void A_cached_class_gets_the_members_of_its_new_network()
    {
        FilterCache cache = new();
        SecurityGroup group = Networks.Group("sg-a", Networks.Rule("1", 6, 443, 443, "sg-a"));
        FilterCatalog before = new(Networks.Of([group], interfaces: [Networks.Interface("eni-1", "sg-a", "10.0.0.5")]));
        FilterCompiler.CompileAll(before, FilterCompiler.Interpret(before), cache);
        FilterCatalog after = new(Networks.Of([group], interfaces: [Networks.Interface("eni-1", "sg-a", "10.0.0.6")]));
        FilterSet set = FilterCompiler.Interpret(after);
        FilterCompiler.Reuse(after, set, cache);
        Filter filter = set[after.Find(ListKind.SecurityGroup, "sg-a", Networks.Vpc, ingress: true).Slot];
        Assert.IsNotType<InterpretedFilter>(filter);
        Assert.True(filter.Decide(Networks.Packet(6, "10.0.0.5", "10.0.0.9", 443)).IsNone);
        Assert.Equal(0, filter.Decide(Networks.Packet(6, "10.0.0.6", "10.0.0.9", 443)).Rule);
    }

    [Fact]
    public async Task Verdicts_are_right_while_filters_are_being_compiled()
    {
        Network network = Many(60);
        FilterCatalog catalog = new(network);
        FilterSet set = FilterCompiler.Interpret(catalog);
        ListMeaning meaning = new(network);
        Func<Headers, Decision>[] meant = [.. catalog.Lists.Select(meaning.Of)];
        Headers[] packets = [.. Enumerable.Range(0, 400).Select(i => Networks.Packet(i % 5 == 0 ? 17 : 6, $"10.{i % 40}.3.9", "10.0.0.5", 440 + i))];
        Task<CompileReport> compile = Task.Run(() => FilterCompiler.CompileAll(catalog, set));
        long asked = 0, interpreted = 0;
        do
        {
            // Whatever stands in the slot at this moment says what the rules mean.
            int slot = (int)(asked * 7 % catalog.Lists.Length);
            Filter filter = set[slot];
            interpreted += filter is InterpretedFilter ? 1 : 0;
            foreach (Headers packet in packets)
            {
                Assert.Equal((slot, meant[slot](packet).Bits), (slot, filter.Decide(in packet).Bits));
            }

            asked++;
        }
        while (!compile.IsCompleted || asked < catalog.Lists.Length);
        Networks.NoBugs(await compile);
        Assert.True(interpreted > 0);
        Assert.DoesNotContain(catalog.Lists, key => set[key.Slot] is InterpretedFilter);
    }

    [Fact]
    public async Task Lists_that_packets_have_asked_are_compiled_first()
    {
        FilterCatalog catalog = new(Many(60));
        FilterSet set = FilterCompiler.Interpret(catalog);
        RuleListKey last = catalog.Find(ListKind.SecurityGroup, "sg-059", Networks.Vpc, ingress: true);
        Assert.False(((InterpretedFilter)set[last.Slot]).IsAsked);
        set[last.Slot].Decide(Networks.Packet(6, "10.0.0.5", "10.0.0.9", 443));
        Assert.True(((InterpretedFilter)set[last.Slot]).IsAsked);

        // Whenever another ingress list is compiled, the one that was asked is as well, though its slot is the last.
        RuleListKey[] others = [.. catalog.Lists.Where(key => key.IsIngress && key != last)];
        Task<CompileReport> compile = Task.Run(() => FilterCompiler.CompileAll(catalog, set));
        while (!compile.IsCompleted)
        {
            bool other = others.Any(key => set[key.Slot] is not InterpretedFilter), own = set[last.Slot] is not InterpretedFilter;
            Assert.True(own || !other, "a list that no packet asked was compiled first");
        }

        Networks.NoBugs(await compile);
        Assert.IsNotType<InterpretedFilter>(set[last.Slot]);
    }

    [Fact]
    public void REL_24_Code_of_replaced_filters_is_unloaded()
    {
        FilterCache cache = new();
        for (int round = 0; round < 100; round++)
        {
            Recompile(cache, round);
        }

        int alive = int.MaxValue;
        for (int i = 0; i < 20 && alive > 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            alive = cache.LiveAssemblies;
        }

        // The unchanged lists' one, the last change's, and one that may still be on its way out.
        Assert.InRange(alive, 1, 3);
        GC.KeepAlive(cache);
    }

    [Theory]
    [InlineData(1_000)]
    [InlineData(60_000)]
    public void REL_23_A_list_of_many_rules_compiles_within_its_budget(int rules)
    {
        Random random = new(rules);
        FilterCatalog catalog = new(Networks.Of(
            [Networks.Group("sg-a", [.. Enumerable.Range(0, rules).Select(i => Networks.Rule($"{i}", 6, i % 60_000, i % 60_000, $"{random.Next(11, 200)}.{random.Next(256)}.{random.Next(256)}.0/24"))])]));
        FilterSet set = FilterCompiler.Interpret(catalog);
        TimeSpan before = Environment.CpuUsage.TotalTime;
        CompileReport report = FilterCompiler.CompileAll(catalog, set);
        TimeSpan used = Environment.CpuUsage.TotalTime - before;
        Networks.NoBugs(report);

        // 5 s for each 10,000 rules; the process runs other tests meanwhile, so the stages' own clock is asked and given as much again.
        double budget = 10_000 * Math.Max(1, rules / 10_000.0);
        Assert.True(Math.Min(used.TotalMilliseconds, report.Times.Total) < budget, $"{rules} rules: {report.Times}");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Recompile(FilterCache cache, int round)
    {
        FilterCatalog catalog = new(Many(6, changed: 3, by: round));
        FilterSet set = FilterCompiler.Interpret(catalog);
        Networks.NoBugs(FilterCompiler.CompileAll(catalog, set, cache));
        Assert.DoesNotContain(catalog.Lists, key => set[key.Slot] is InterpretedFilter);
        cache.Keep(catalog);
    }

    /// <summary>The one port that the list of <see cref="Many"/>'s rule 1 lets in.</summary>
    private static int Port(Filter filter) =>
        Enumerable.Range(0, 2_000).First(port => !filter.Decide(Networks.Packet(6, "172.16.0.1", "10.0.0.9", port)).IsNone);

    private static Network Many(int groups, int changed = -1, int by = 7) => Networks.Of(Enumerable.Range(0, groups).Select(i => Networks.Group(
        $"sg-{i:D3}",
        Networks.Rule("1", 6, i == changed ? 443 + by : 443, i == changed ? 443 + by : 443, "172.16.0.0/12"),
        Networks.Rule("2", 6, 600 + i, 610 + i, $"10.{i % 256}.0.0/16"),
        Networks.Rule("3", 17, 500 + i, 500 + i, "0.0.0.0/0"))));
}
