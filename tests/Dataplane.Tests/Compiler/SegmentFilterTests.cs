using System;
using System.Linq;
using System.Reflection;
using CsCheck;
using Dataplane.Compiler.Choose;
using Dataplane.Compiler.Emit;
using Dataplane.Compiler.Load;
using Dataplane.Compiler.Lower;
using Dataplane.Compiler.Simplify;
using Dataplane.Filters;
using Dataplane.Packets;
using Dataplane.Topology.Model;
using Xunit;

namespace Dataplane.Tests.Compiler;

/// <summary>Segments and covers say what the rules mean.</summary>
public sealed class SegmentFilterTests
{
    [Fact]
    public void REL_25_segments_decide_as_the_rules_do() =>
        Gen.Select(RandomRules.GroupRules.Array[20], RandomRules.AclEntries.Array[20], RandomRules.Packets.Array[1_000]).Sample(
            (groups, acls, packets) => Compare(RandomRules.Network(groups, acls), packets),
            iter: 4, threads: 1, print: sample => $"{sample.Item1.Length} groups");

    [Theory]
    [InlineData(60, 1)]
    [InlineData(1_000, 2)]
    [InlineData(3_000, 3)]
    public void Long_lists_of_many_services_and_blocks_decide_as_the_rules_do(int rules, int seed)
    {
        Random random = new(seed);
        SecurityGroupRule[] group = [.. Enumerable.Range(0, rules).Select(i => Rule(random, i))];
        Compare(RandomRules.Network([group], []), Packets(random, group, 2_000));
    }

    [Fact]
    public void Large_sets_are_asked_and_small_ones_are_part_of_the_cover()
    {
        Random random = new(4);
        IpPrefix[] large = [.. Enumerable.Range(0, 100_000).Select(_ => new IpPrefix(IpAddress.V4((uint)random.NextInt64(1L << 32)), random.Next(20, 33)))];
        AddressSet[] sets = [new(large), new([IpPrefix.Parse("10.0.0.0/8"), IpPrefix.Parse("fd00::/8")])];

        // TCP 443 from the large set (rule 1), from the small one (2, a group), from anyone (3); everything from the small one (0, a group).
        uint https = (6u << 17) | 0x10000 | 443;
        SegmentFilter filter = new(
            true, [0, 0, https, https, 3], [], [0, uint.MaxValue, 1, 1, 0, https, https, 0, 0, 1, https, https, 1, 1, 2], sets);
        for (int i = 0; i < 20_000; i++)
        {
            IpAddress source = i % 3 == 0 ? IpAddress.V4(0x0A000000u | (uint)i) : IpAddress.V4((uint)large[random.Next(large.Length)].Address.Low - (uint)random.Next(2));
            Headers packet = Networks.Packet(6, source.ToString(), "10.0.0.1", i % 2 == 0 ? 443 : 80, HeaderFlags.PortsKnown | (i % 5 == 0 ? HeaderFlags.ReferencesLost : 0));
            bool group = i % 5 != 0 && sets[1].Contains(source), listed = sets[0].Contains(source), web = i % 2 == 0;
            Decision meant = group ? Decision.Admit(0, web, true)
                : web ? Decision.Admit(listed ? 1 : 3, true, listed)
                : Decision.None;
            Assert.Equal((i, meant.Bits), (i, filter.Decide(in packet).Bits));
        }
    }

    [Fact]
    public void Every_protocol_can_have_its_own_rules()
    {
        uint[] rows = [.. Enumerable.Range(0, 256).SelectMany(protocol => new[] { 0u, 0u, (uint)protocol << 17, ((uint)protocol << 17) | 0x1FFFF, (uint)protocol })];
        SegmentFilter filter = new(false, rows, [], [], []);
        for (int protocol = 0; protocol < 256; protocol++)
        {
            Headers packet = Networks.Packet(protocol, "10.0.0.1", "10.0.0.2", 0, protocol % 2 == 0 ? HeaderFlags.PortsKnown : 0);
            Assert.Equal(Decision.Admit(protocol, true, false).Bits, filter.Decide(in packet).Bits);
        }
    }

    [Fact]
    public void The_printed_class_and_the_loaded_rows_are_one_filter()
    {
        Random random = new(8);
        SecurityGroupRule[] rules = [.. Enumerable.Range(0, 300).Select(i => Rule(random, i)), new("301", 6, 22, 22, new GroupPeer("sg-member"))];
        FilterCatalog catalog = new(RandomRules.Network([rules], [[.. rules.Take(60).Select(Entry), new NetworkAclEntry(61, false, 1, -1, 3, IpPrefix.AnyV4)]]));
        NetworkCompilation compilation = NetworkCompilation.Create(catalog, 0, default);
        Assembly assembly = FilterLoader.Load(FilterLoader.Compile(FilterLoader.NextName(), compilation.Filters, default), new FilterLoader.Context());
        Headers[] packets = Packets(random, rules, 3_000);
        Decision[] printed = new Decision[packets.Length], loaded = new Decision[packets.Length];
        foreach (GeneratedFilter filter in compilation.Filters.Where(filter => filter.Numbers is not null))
        {
            new CompiledClass(FilterLoader.TypeOf(assembly, filter.ClassName)).Create(filter.Owners[0]).Decide(packets, printed);
            new CompiledClass(null, filter.Numbers).Create(filter.Owners[0]).Decide(packets, loaded);
            Assert.Equal(loaded.Select(decision => decision.Bits), printed.Select(decision => decision.Bits));
        }

        Assert.Equal(4, compilation.Filters.Count(filter => filter.Numbers is not null));
    }

    [Fact]
    public void A_list_whose_services_all_overlap_gets_a_table()
    {
        // 2,000 intervals of ports, each overlapping half of the others.
        SecurityGroupRule[] rules = [.. Enumerable.Range(0, 2_000).Select(i => new SecurityGroupRule($"{i + 1}", 6, i, 20_000 + i, new CidrPeer(new IpPrefix(IpAddress.V4((uint)i << 16), 16))))];
        NetworkCompilation compilation = NetworkCompilation.Create(new FilterCatalog(RandomRules.Network([rules], [])));
        Assert.Contains(compilation.Filters, filter => filter.Chosen.Classifier == Classifier.Table);
    }

    [Fact]
    public void Deciding_allocates_nothing()
    {
        Random random = new(6);
        SecurityGroupRule[] rules = [.. Enumerable.Range(0, 200).Select(i => Rule(random, i))];
        Network network = RandomRules.Network([rules], []);
        Headers[] packets = Packets(random, rules, 1_000);
        Decision[] decisions = new Decision[packets.Length];
        Filter filter = Of(Networks.List(network, ListKind.SecurityGroup, "sg-0000"));
        filter.Decide(packets, decisions);
        long before = GC.GetAllocatedBytesForCurrentThread();
        filter.Decide(packets, decisions);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static void Compare(Network network, Headers[] packets)
    {
        FilterCatalog catalog = new(network);
        Lowering lowering = new(catalog);
        ListMeaning meaning = new(network);
        Decision[] decisions = new Decision[packets.Length];
        foreach (RuleListKey key in catalog.Lists)
        {
            SegmentFilter filter = Of(lowering.Lower(key));
            Func<Headers, Decision> judge = meaning.Of(key);
            filter.Decide(packets, decisions);
            for (int i = 0; i < packets.Length; i++)
            {
                uint meant = judge(packets[i]).Bits;
                if (meant != decisions[i].Bits || meant != filter.Decide(in packets[i]).Bits)
                {
                    Assert.Fail($"{key.OwnerId} {(key.IsIngress ? "ingress" : "egress")}, packet {i}, {packets[i].Source} > {packets[i].Destination} protocol {packets[i].Protocol} port {packets[i].DestinationPort} {packets[i].Flags}: meant {meant:X8}, not {decisions[i].Bits:X8}");
                }
            }
        }
    }

    private static SegmentFilter Of(RuleList list) =>
        SegmentNumbers.Of(Simplifier.Simplify(list)).Create(list.Key.IsIngress, [.. list.Sets.Select(source => source.Set)]);

    /// <summary>Rules as large groups have them: few popular ports, many others, blocks of both families, whole protocols, everything.</summary>
    private static SecurityGroupRule Rule(Random random, int i)
    {
        int protocol = random.Next(20) switch
        {
            0 => -1,
            1 => 1,
            < 6 => 17,
            _ => 6,
        };
        int port = random.Next(3) == 0 ? 443 : random.Next(65_536);
        (int from, int to) = protocol switch
        {
            -1 => (0, 65_535),
            1 => (8, -1),
            _ when random.Next(10) == 0 => (0, 65_535),
            _ => (port, Math.Min(65_535, port + (random.Next(4) == 0 ? random.Next(2_000) : 0))),
        };
        IpPrefix block = random.Next(8) == 0
            ? new IpPrefix(IpAddress.V6(0x2001_0DB8_0000_0000UL | (uint)random.Next(4), (ulong)random.NextInt64()), random.Next(32, 129))
            : new IpPrefix(IpAddress.V4((uint)random.NextInt64(1L << 32)), random.Next(20) == 0 ? 0 : random.Next(8, 33));
        return new SecurityGroupRule($"{i + 1}", protocol, from, to, new CidrPeer(block));
    }

    private static NetworkAclEntry Entry(SecurityGroupRule rule, int i) =>
        new(i + 1, i % 3 != 0, rule.Protocol, rule.From, rule.To, ((CidrPeer)rule.Peer).Block);

    private static Headers[] Packets(Random random, SecurityGroupRule[] rules, int count) =>
    [
        .. Enumerable.Range(0, count).Select(_ =>
        {
            // The edges of one rule's block and of another one's ports.
            SecurityGroupRule rule = rules[random.Next(rules.Length)], other = random.Next(3) == 0 ? rules[random.Next(rules.Length)] : rule;
            IpPrefix block = rule.Peer is CidrPeer cidr ? cidr.Block : IpPrefix.Parse("10.0.1.10/32");
            IpAddress remote = random.Next(4) switch
            {
                0 => block.Address,
                1 => block.Last,
                2 => block.Last.Plus(1),
                _ => block.Address.Plus(ulong.MaxValue),
            };
            bool known = random.Next(10) != 0;
            int port = other.Protocol == 1 ? 0x0800 : (random.Next(2) == 0 ? other.From : other.To) + random.Next(3) - 1;
            return new Headers
            {
                Source = remote,
                Destination = remote,
                Protocol = (byte)(other.Protocol < 0 ? 6 : other.Protocol),
                DestinationPort = known ? (ushort)port : (ushort)0,
                Flags = (remote.IsIpv6 ? HeaderFlags.Ipv6 : 0) | (known ? HeaderFlags.PortsKnown : HeaderFlags.LaterFragment),
            };
        }),
    ];
}
