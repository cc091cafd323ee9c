using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CsCheck;
using Dataplane.Compiler;
using Dataplane.Compiler.Load;
using Dataplane.Compiler.Lower;
using Dataplane.Filters;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Tests.Engine;
using Dataplane.Tests.TestSupport;
using Dataplane.Topology.Model;
using Xunit;

namespace Dataplane.Tests.Compiler;

/// <summary>Compiled filters say what the rules mean.</summary>
public sealed class TranslationTests
{
    [Fact]
    public void REL_25_compiled_and_interpreted_lists_decide_as_the_rules_do() =>
        Gen.Select(RandomRules.GroupRules.Array[30], RandomRules.AclEntries.Array[30], RandomRules.Packets.Array[1_000]).Sample(
            (groups, acls, packets) =>
            {
                FilterCatalog catalog = new(RandomRules.Network(groups, acls));
                FilterSet chains = FilterCompiler.Interpret(catalog), tables = FilterCompiler.Interpret(catalog), segments = FilterCompiler.Interpret(catalog);
                Networks.NoBugs(FilterCompiler.CompileAll(NetworkCompilation.Create(catalog, int.MaxValue, default), chains));
                Networks.NoBugs(FilterCompiler.CompileAll(NetworkCompilation.Create(catalog, 0, default, mostCells: 0), tables));
                Networks.NoBugs(FilterCompiler.CompileAll(NetworkCompilation.Create(catalog, 0, default), segments));
                FilterSet interpreted = FilterCompiler.Interpret(catalog);
                ListMeaning meaning = new(catalog.Network);
                Decision[] byChain = new Decision[packets.Length], byTable = new Decision[packets.Length], bySegment = new Decision[packets.Length];
                foreach (RuleListKey key in catalog.Lists)
                {
                    Assert.IsNotType<InterpretedFilter>(chains[key.Slot]);
                    Assert.IsNotType<InterpretedFilter>(tables[key.Slot]);
                    chains[key.Slot].Decide(packets, byChain);
                    tables[key.Slot].Decide(packets, byTable);
                    segments[key.Slot].Decide(packets, bySegment);
                    Func<Headers, Decision> judge = meaning.Of(key);
                    for (int i = 0; i < packets.Length; i++)
                    {
                        (string, bool, int, uint) meant = (key.OwnerId, key.IsIngress, i, judge(packets[i]).Bits);
                        Assert.Equal(meant, (key.OwnerId, key.IsIngress, i, byChain[i].Bits));
                        Assert.Equal(meant, (key.OwnerId, key.IsIngress, i, byTable[i].Bits));
                        Assert.Equal(meant, (key.OwnerId, key.IsIngress, i, bySegment[i].Bits));
                        Assert.Equal(meant, (key.OwnerId, key.IsIngress, i, interpreted[key.Slot].Decide(in packets[i]).Bits));
                    }
                }
            },
            iter: 2, threads: 1, print: sample => $"{sample.Item1.Length} groups");

    /// <summary>Where a list says that it decides a service alike for everybody, it does; and it says so where it could not be otherwise.</summary>
    [Fact]
    public void SG_14_ACL_01_what_a_list_says_of_everybody_it_says_of_each() =>
        Gen.Select(RandomRules.GroupRules.Array[20], RandomRules.AclEntries.Array[20], RandomRules.Packets.Array[300]).Sample(
            (groups, acls, packets) =>
            {
                FilterCatalog catalog = new(RandomRules.Network(groups, acls));
                FilterSet chains = FilterCompiler.Interpret(catalog), segments = FilterCompiler.Interpret(catalog), interpreted = FilterCompiler.Interpret(catalog);
                Networks.NoBugs(FilterCompiler.CompileAll(NetworkCompilation.Create(catalog, int.MaxValue, default), chains));
                Networks.NoBugs(FilterCompiler.CompileAll(NetworkCompilation.Create(catalog, 0, default), segments));
                int forAll = 0, notForAll = 0;
                foreach (RuleListKey key in catalog.Lists)
                {
                    foreach (FilterSet set in (FilterSet[])[chains, segments, interpreted])
                    {
                        foreach (Headers packet in packets.Where(packet => packet.PortsKnown))
                        {
                            if (set.IsForAll(key.Slot, in packet) != true)
                            {
                                notForAll++;
                                continue;
                            }

                            forAll++;
                            uint bits = set[key.Slot].Decide(in packet).Bits;
                            foreach (Headers other in packets.Where(other => other.IsIpv6 == packet.IsIpv6))
                            {
                                Headers moved = packet;
                                (moved.Source, moved.Destination) = (other.Source, other.Destination);
                                Assert.Equal((key.OwnerId, bits), (key.OwnerId, set[key.Slot].Decide(in moved).Bits));
                            }
                        }
                    }
                }

                Assert.True(forAll > 100 && notForAll > 100, $"{forAll} and {notForAll}");
            },
            iter: 2, threads: 1, print: sample => $"{sample.Item1.Length} groups");

    [Theory]
    [InlineData(6, "10.0.1.10", 443, HeaderFlags.PortsKnown, 0)]
    [InlineData(6, "10.0.1.10", 443, HeaderFlags.PortsKnown | HeaderFlags.ReferencesLost, -1)]
    [InlineData(6, "198.51.100.9", 22, HeaderFlags.PortsKnown | HeaderFlags.ReferencesLost, 1)]
    [InlineData(6, "198.51.101.0", 22, HeaderFlags.PortsKnown, -1)]
    [InlineData(1, "10.0.1.10", 0x0807, HeaderFlags.PortsKnown, 2)]
    [InlineData(1, "10.0.1.10", 0x0003, HeaderFlags.PortsKnown, -1)]
    [InlineData(6, "10.0.1.10", 0, HeaderFlags.LaterFragment, -1)]
    [InlineData(58, "fd00:1::9", 0, HeaderFlags.LaterFragment, 4)]
    public void SG_33_R_42_compiled_references_and_fragments(int protocol, string source, int port, HeaderFlags flags, int rule)
    {
        FilterCatalog catalog = new(Networks.Small());
        FilterSet set = FilterCompiler.Interpret(catalog);
        Networks.NoBugs(FilterCompiler.CompileAll(catalog, set));
        Headers packet = Networks.Packet(protocol, source, source.Contains(':', StringComparison.Ordinal) ? "fd00:1::20" : "10.0.2.20", port, flags);
        Decision decision = set[catalog.Find(ListKind.SecurityGroup, "sg-app", Networks.Vpc, ingress: true).Slot].Decide(in packet);
        Assert.Equal(rule, decision.IsNone ? -1 : decision.Rule);
    }

    [Theory]
    [InlineData(RandomTraffic.Small, 1)]
    [InlineData(RandomTraffic.Wide, 2)]
    public void REL_25_The_engine_with_compiled_filters_says_what_the_reference_says(string topology, int seed)
    {
        Network network = RandomTraffic.Network(topology);
        FilterSet? compiled = null;
        for (int round = 0; round < 6; round++)
        {
            Random random = new(unchecked(seed * 1_000 + round));
            JudgeOptions options = RandomTraffic.Options(random);
            using NetworkEngine engine = NetworkEngine.Build(network, options);
            if (compiled is null)
            {
                compiled = engine.Filters;
                Networks.NoBugs(FilterCompiler.CompileAll(engine.Catalog, engine.Filters));
            }

            foreach (RuleListKey key in engine.Catalog.Lists)
            {
                engine.Filters.Replace(key.Slot, compiled[key.Slot]);
            }

            TestEngine reference = TestEngine.All[0](network, options);
            PacketBlock block = new();
            foreach (TimedPacket packet in RandomTraffic.Packets(random, 500))
            {
                block.Reset();
                block.Add(packet.Time, 0, packet.Packet.WireLength, LinkType.Raw, 0);
                block.Headers[0] = packet.Packet;
                block.Quotes[0] = packet.Quote;
                engine.Judge.Judge(block);
                Assert.Equal(
                    (round, reference.Judge(packet.Packet, packet.Quote, packet.Time)), (round, engine.Judge.Tables.Describe(block.Results[0])));
            }
        }
    }

    [Fact]
    public void A_filter_that_disagrees_is_found_and_its_packet_named()
    {
        // The rules say 443, the filter says 444: only the edges show it.
        Network network = Networks.Of([Networks.Group("sg-a", Networks.Rule("1", 6, 443, 443, "10.0.0.0/8"))]);
        RuleList list = Networks.List(network, ListKind.SecurityGroup, "sg-a");
        Network other = Networks.Of([Networks.Group("sg-a", Networks.Rule("1", 6, 443, 444, "10.0.0.0/8"))]);
        InterpretedFilter meant = new(network, list.Key, new AddressSets(network));
        InterpretedFilter wrong = new(other, list.Key, new AddressSets(other));

        Assert.Null(TranslationValidator.Validate(list, meant, packet => meant.Decide(in packet), out int probes, CancellationToken.None));
        Assert.True(probes > 20);
        string? difference = TranslationValidator.Validate(list, wrong, packet => meant.Decide(in packet), out _, CancellationToken.None);
        Assert.Equal("protocol 6, 10.0.0.0 > 10.0.0.1, port 444: compiled rule 0 narrow, meant none", difference);
    }

    [Fact]
    public async Task The_background_compiler_replaces_every_slot_and_can_be_cancelled()
    {
        FilterCatalog catalog = new(Networks.Small());
        FilterSet set = FilterCompiler.Interpret(catalog);
        CompileReport report = await FilterCompiler.CompileInBackground(catalog, set);
        Networks.NoBugs(report);
        Assert.Equal(catalog.Lists.Length, report.CompiledLists);
        Assert.DoesNotContain(catalog.Lists, key => set[key.Slot] is InterpretedFilter);

        FilterSet untouched = FilterCompiler.Interpret(catalog);
        using CancellationTokenSource cancelled = new();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => FilterCompiler.CompileInBackground(catalog, untouched, cancelled.Token));
        Assert.All(catalog.Lists, key => Assert.IsType<InterpretedFilter>(untouched[key.Slot]));
    }

    [Fact]
    public void Probes_hold_every_edge_and_both_families()
    {
        RuleList list = Networks.List(Networks.Small(), ListKind.SecurityGroup, "sg-partners");
        List<Headers> probes = Probes.Of(list, TranslationValidator.Budget);
        foreach (LoweredRule rule in list.Rules.Where(rule => rule.Block is not null))
        {
            foreach (IpAddress edge in new[] { rule.Block!.Value.Address, rule.Block.Value.Last, rule.Block.Value.Last.Plus(1) })
            {
                foreach (int port in new[] { rule.Ports!.Value.First - 1, rule.Ports.Value.First, rule.Ports.Value.Last + 1 })
                {
                    Assert.Contains(probes, probe => probe.Source == edge && probe.DestinationPort == port && probe.PortsKnown);
                }
            }
        }

        Assert.Contains(probes, probe => !probe.PortsKnown);
        Assert.Contains(probes, probe => (probe.Flags & HeaderFlags.ReferencesLost) != 0);
        Assert.Contains(probes, probe => probe.Protocol != 6);
        Assert.Equal(probes.Count, probes.Distinct().Count());
    }
}
