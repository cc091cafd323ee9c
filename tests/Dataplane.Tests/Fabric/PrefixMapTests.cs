using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Fabric;
using Dataplane.Packets;
using Xunit;

namespace Dataplane.Tests.Fabric;

/// <summary>The longest prefix wins, and the wider ones enclose it.</summary>
public sealed class PrefixMapTests
{
    [Fact]
    public void RT_04_Random_blocks_are_found_as_a_plain_search_finds_them()
    {
        for (int seed = 0; seed < 40; seed++)
        {
            Random random = new(seed);
            bool isIpv6 = seed % 2 == 1;
            HashSet<IpPrefix> distinct = [];
            for (int i = 0; i < 60; i++)
            {
                distinct.Add(new IpPrefix(Address(random, isIpv6), random.Next(isIpv6 ? 129 : 33)));
            }

            (IpPrefix Block, int Value)[] blocks = [.. distinct.Select((block, number) => (block, number))];
            PrefixMap map = new(blocks);
            IEnumerable<IpAddress> asked = Enumerable.Range(0, 200).Select(_ => Address(random, isIpv6))
                .Concat(blocks.SelectMany(entry => new[] { entry.Block.Address, entry.Block.Last, entry.Block.Last.Plus(1), entry.Block.Address.Plus(ulong.MaxValue) }));
            foreach (IpAddress address in asked)
            {
                int[] expected = [.. blocks.Where(entry => entry.Block.Contains(address)).OrderByDescending(entry => entry.Block.Length).Select(entry => entry.Value)];
                List<int> found = [];
                for (int node = map.Find(address); node >= 0; node = map.Parent(node))
                {
                    found.Add(map.Value(node));
                }

                Assert.Equal((seed, address, string.Join(',', expected)), (seed, address, string.Join(',', found)));
                Assert.Equal(expected.Length == 0 ? -1 : expected[0], map.FindValue(address));
            }
        }
    }

    [Fact]
    public void Equal_blocks_enclose_each_other()
    {
        PrefixMap map = new([(IpPrefix.Parse("10.0.0.0/8"), 1), (IpPrefix.Parse("10.0.0.0/8"), 2)]);
        int node = map.Find(IpAddress.Parse("10.255.255.255"));
        Assert.Equal(2, map.Value(node));
        Assert.Equal(1, map.Value(map.Parent(node)));
        Assert.Equal(-1, map.Find(IpAddress.Parse("11.0.0.0")));
        Assert.Equal(-1, map.Find(IpAddress.Parse("a00::")));
    }

    private static IpAddress Address(Random random, bool isIpv6) => isIpv6
        ? IpAddress.V6((ulong)random.NextInt64() & 0xC000_0000_0000_00FF, (ulong)random.NextInt64() & 0xFF00_0000_0000_000F)
        : IpAddress.V4((uint)random.NextInt64() & 0xC00F_00FF);
}
