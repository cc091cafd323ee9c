using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Flows;
using Dataplane.Packets;
using Xunit;

namespace Dataplane.Tests.Flows;

/// <summary>The store: limits, reclaiming, hash flooding, causal memory.</summary>
public sealed class FlowTableTests
{
    private static readonly Timeouts Timers = new(
        new Dataplane.Records.TransientTimeouts(), [.. Enumerable.Repeat(new InterfaceTimeouts(432_000 * Second, 180 * Second, 30 * Second), 10)]);

    private const long Second = 1_000_000_000;

    [Fact]
    public void REL_04_A_table_holds_its_limit_and_not_one_more()
    {
        (FlowTable table, FlowPool pool) = Table(1000);
        for (int i = 0; i < 1000; i++)
        {
            Assert.True(table.TryReserve(0));
            Udp(table, i, now: 0);
        }

        Assert.False(table.TryReserve(29 * Second));
        Assert.Equal((1000, 1000), (table.Count, pool.Taken));
        Assert.Equal(0, table.Reclaimed);
    }

    [Fact]
    public void REL_04_Expired_flows_make_room_at_their_last_nanosecond_and_live_ones_stay()
    {
        (FlowTable table, FlowPool pool) = Table(1000);
        for (int i = 0; i < 1000; i++)
        {
            table.TryReserve(0);
            Udp(table, i, now: i < 10 ? 0 : Second);
        }

        Assert.False(table.TryReserve((30 * Second) - 1));
        Assert.True(table.TryReserve(30 * Second));
        Assert.Equal((10, 990, 991), ((int)table.Reclaimed, table.Count, pool.Taken));
        for (int i = 0; i < 1000; i++)
        {
            FlowKey key = Key(i);
            Assert.Equal(i >= 10, table.Find(key, table.Hash.Of(key)) >= 0);
        }
    }

    [Fact]
    public void A_place_that_was_given_back_can_be_taken_again()
    {
        (FlowTable table, FlowPool pool) = Table(1);
        Assert.True(table.TryReserve(0));
        Assert.False(table.TryReserve(0));
        table.Release();
        Assert.True(table.TryReserve(0));
        Assert.Equal(1, pool.Taken);
    }

    [Fact]
    public void A_deadline_that_moves_forward_is_found_by_the_next_sweep()
    {
        // A sweep has seen a five-day deadline; a RST then makes it ten seconds.
        (FlowTable table, _) = Table(1);
        table.TryReserve(0);
        int index = table.Add(Key(1, 6), table.Hash.Of(Key(1, 6)));
        table.Make(index, NewSlot.Of(0, SlotFlags.FirstEgress, 0, 0, 0, 0, FlowKind.Tcp, TcpClass.Other));
        Assert.False(table.TryReserve(200 * Second));
        Assert.True(table[index].Slot0.Touch(300 * Second, FlowKind.Tcp, TcpClass.Rst, true));
        table.MayDieEarlier(index);
        Assert.False(table.TryReserve((310 * Second) - 1));
        Assert.True(table.TryReserve(310 * Second));
    }

    [Fact]
    public void Slots_past_two_are_kept_freed_and_used_again()
    {
        (FlowTable table, _) = Table(10);
        for (int round = 0; round < 3; round++)
        {
            Assert.True(table.TryReserve(round * 1000 * Second));
            int index = table.Add(Key(round), table.Hash.Of(Key(round)));
            for (int i = 0; i < 7; i++)
            {
                Assert.Equal(i, table.Make(index, Slot(i, round * 1000 * Second)));
            }

            table.End(index, 4);
            table.End(index, 1);
            Assert.Equal(-1, table.FindSlot(index, round * 1000 * Second, 4, true, false, 0, 0));
            Assert.Equal(6, table.FindSlot(index, round * 1000 * Second, 6, true, false, 0, 0));
            Assert.Equal(1, table.Make(index, Slot(9, round * 1000 * Second)));
            Assert.Equal(4, table.Make(index, Slot(8, round * 1000 * Second)));
            Assert.Equal(7, table.SlotCount(index));
            Assert.Equal(1, table.Reclaim((round * 1000 * Second) + (40 * Second)));
        }
    }

    [Fact]
    public void REL_01_Keys_crafted_under_a_known_key_do_not_collide_under_a_secret_one()
    {
        Random random = new(1);
        ulong[] known = [.. Enumerable.Range(0, 7).Select(_ => (ulong)random.NextInt64())];
        FlowHash guessed = new(known);
        List<FlowKey> crafted = [];
        for (int i = 0; crafted.Count < 600 && i < 8_000_000; i++)
        {
            FlowKey key = Key(i);
            if ((guessed.Of(key) & 4095) == 0)
            {
                crafted.Add(key);
            }
        }

        int longest(FlowHash hash)
        {
            (FlowTable table, _) = Table(1000, hash);
            foreach (FlowKey key in crafted)
            {
                table.TryReserve(0);
                table.Add(key, hash.Of(key));
            }

            return crafted.Max(key => table.ChainLength(hash.Of(key)));
        }

        Assert.InRange(longest(guessed), 75, 80);    // buckets of eight
        Assert.InRange(longest(FlowHash.Secret), 1, 4);
    }

    /// <summary>Under secrets that are the same each time: of a hundred drawn anew, two give some search of five buckets or more by chance alone, as any good hash would.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void REL_01_Random_keys_fill_the_buckets_evenly_in_both_families(int seed)
    {
        Random random = new(seed);
        FlowHash hash = new([.. Enumerable.Range(0, 7).Select(_ => (ulong)random.NextInt64(long.MinValue, long.MaxValue))]);
        foreach (bool isIpv6 in (bool[])[false, true])
        {
            (FlowTable table, _) = Table(100_000, hash);
            FlowKey key(int i) => isIpv6
                ? new FlowKey(IpAddress.V6(0x2001_0db8_0000_0000, 1), (ushort)i, IpAddress.V6(0x2001_0db8_0000_0000 + (ulong)(i >> 16), 2), 443, 6)
                : Key(i);
            for (int i = 0; i < 100_000; i++)
            {
                table.TryReserve(0);
                table.Add(key(i), table.Hash.Of(key(i)));
            }

            Assert.InRange(Enumerable.Range(0, 100_000).Max(i => table.ChainLength(table.Hash.Of(key(i)))), 1, 4);
        }
    }

    /// <summary>Numbers come and go for long in buckets that are often full: all are found, and searches stay as short as in an index that nothing ever left.</summary>
    [Theory]
    [InlineData(0u, uint.MaxValue)]
    [InlineData(0u, 1_023u)]    // a quarter of the buckets, side by side: what spills, spills far
    [InlineData(4_000u, 200u)]    // and over the last one to the first
    public void REL_01_An_index_from_which_numbers_come_and_go_stays_as_it_was_made(uint first, uint span)
    {
        const int Buckets = 4_096;
        int count = span == uint.MaxValue ? 16_384 : (int)span * 12;
        Random random = new(7);
        using FlowIndex index = new(), fresh = new();
        Queue<(uint Hash, int Number)> held = [];
        for (int i = 0; i < 40 * count; i++)
        {
            if (held.Count == count)
            {
                (uint gone, int number) = held.Dequeue();
                index.Remove(gone, number);
                if (i % 64 == 0)
                {
                    (uint hash, int there) = held.ElementAt(random.Next(held.Count));
                    Assert.True(Finds(index, hash, there), $"{there} after {i}");
                    Assert.False(Finds(index, gone, number), $"{number} after {i}");
                }
            }

            uint made = span == uint.MaxValue ? (uint)random.NextInt64(1L << 32) : ((first + (uint)random.Next((int)span)) % Buckets) | ((uint)i << 12);
            held.Enqueue((made, i));
            index.Add(made, i);
        }

        Assert.Equal(count, index.Count);
        foreach ((uint hash, int number) in held)
        {
            fresh.Add(hash, number);
            Assert.True(Finds(index, hash, number), $"{number}");
        }

        double before = held.Average(one => (double)fresh.SearchLength(one.Hash)), after = held.Average(one => (double)index.SearchLength(one.Hash));
        Assert.InRange(after, 1, before * 1.05);

        static bool Finds(FlowIndex index, uint hash, int number)
        {
            int found = index.First(hash, out FlowIndex.Search search);
            while (found >= 0 && found != number)
            {
                found = index.Next(ref search);
            }

            return found == number;
        }
    }

    [Fact]
    public void R_14_Causal_memory_forgets_the_connection_judged_longest_ago()
    {
        CausalBudget budget = new(capacity: 100);
        CausalMemory memory = new(budget);
        for (int i = 0; i < 100; i++)
        {
            memory.Store(Key(i, 6), (uint)i, Denied(i), i);
        }

        memory.Store(Key(0, 6), 0, Denied(100), 100);
        memory.Store(Key(500, 17), 500, new CausalState { Bits = 16, Last = 100 }, 100);
        Assert.Equal((101, 0L), (memory.Count, budget.Dropped));
        memory.Store(Key(100, 6), 100, Denied(101), 101);
        memory.CountDropped();
        Assert.Equal((101, 1L), (memory.Count, budget.Dropped));
        Assert.False(memory.Load(Key(0, 6), 0).IsEmpty);
        Assert.True(memory.Load(Key(1, 6), 1).IsEmpty);
        Assert.False(memory.Load(Key(2, 6), 2).IsEmpty);
        Assert.False(memory.Take(Key(2, 6), 2).IsEmpty);
        Assert.True(memory.Load(Key(2, 6), 2).IsEmpty);
    }

    [Fact]
    public void A_reclaimed_flow_keeps_its_causal_memory()
    {
        FlowPool pool = new(1);
        CausalMemory memory = new(new CausalBudget());
        FlowTable table = new(pool, memory, FlowHash.Secret, Timers);
        table.TryReserve(0);
        FlowKey key = Key(1, 6);
        int index = table.Add(key, table.Hash.Of(key));
        table[index].Causal = Denied(5);
        table.Make(index, NewSlot.Of(0, SlotFlags.FirstEgress, 0, 0, 0, 0, FlowKind.Tcp, TcpClass.Rst));
        Assert.True(table.TryReserve(30 * Second));
        Assert.Equal(-1, table.Find(key, table.Hash.Of(key)));
        Assert.Equal(5, memory.Load(key, table.Hash.Of(key)).Last);
    }

    private static CausalState Denied(long now)
    {
        CausalState state = default;
        state.Judged(FlowKind.Tcp, TcpClass.Syn, false, allowed: false, now);
        return state;
    }

    private static NewSlot Slot(int networkInterface, long now) =>
        NewSlot.Of(networkInterface, SlotFlags.FirstEgress, 0, 0, 0, now, FlowKind.Udp, TcpClass.Other);

    private static void Udp(FlowTable table, int number, long now)
    {
        FlowKey key = Key(number);
        int index = table.Add(key, table.Hash.Of(key));
        table.Make(index, Slot(0, now));
    }

    private static FlowKey Key(int number, byte protocol = 17) =>
        new(IpAddress.V4(0x0A00_0001), (ushort)number, IpAddress.V4(0x0A01_0000 + (uint)(number >> 16)), 53, protocol);

    private static (FlowTable Table, FlowPool Pool) Table(int capacity, FlowHash? hash = null)
    {
        FlowPool pool = new(capacity);
        return (new FlowTable(pool, new CausalMemory(new CausalBudget()), hash ?? FlowHash.Secret, Timers), pool);
    }
}
