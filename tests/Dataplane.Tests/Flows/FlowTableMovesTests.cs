using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Dataplane.Fabric;
using Dataplane.Flows;
using Dataplane.Packets;
using Dataplane.Records;
using Xunit;

namespace Dataplane.Tests.Flows;

/// <summary>A table's flows under another policy, in another table, and in each other's way.</summary>
public sealed class FlowTableMovesTests
{
    private const long Second = 1_000_000_000;

    private static readonly PlanNumbers Same = new([.. Enumerable.Range(0, 10)], [0, 1, 2], Publics(), Publics());

    [Fact]
    public void IPv6_flows_whose_digests_are_equal_are_told_apart_by_all_four_words()
    {
        // The digest of the addresses is a XOR of the words: the same bit in two of them changes nothing.
        FlowTable table = Table(10);
        FlowKey[] keys = [V6(1, 2, 3, 4), V6(1, 2 ^ 8, 3 ^ 8, 4), V6(1, 2 ^ (8UL << 32), 3, 4 ^ 8), V6(1, 2, 3 ^ 64, 4 ^ (64UL << 32))];
        int[] made = [.. keys.Select(key => Add(table, key))];
        Assert.Single(made.Select(index => table[index].Ends).Distinct());
        for (int i = 0; i < keys.Length; i++)
        {
            Assert.Equal(made[i], table.Find(keys[i], table.Hash.Of(keys[i])));
            Assert.Equal(keys[i], table.Key(made[i]));
            Assert.All(keys.Where((_, j) => j != i), other => Assert.False(table.Is(made[i], other)));
        }

        Assert.Equal(-1, table.Find(V4(1), table.Hash.Of(V4(1))));
    }

    [Fact]
    public void Ports_protocol_and_family_belong_to_the_key()
    {
        FlowTable table = Table(10);
        int index = Add(table, V4(1));
        Assert.Equal((V4(1), false), (table.Key(index), table.IsMirror(index)));
        Assert.False(table.Is(index, V4(2)));
        Assert.False(table.Is(index, V4(1, protocol: 6)));
        Assert.Equal(index, Candidate(table, V4(1)));
        Assert.True(Table(1).Lacks(5));
    }

    [Fact]
    public void A_freed_place_is_used_again()
    {
        FlowTable table = Table(10);
        int index = Add(table, V4(1));
        table.Make(index, Slot(1, 0));
        table.End(index, 0);
        Assert.Equal((1, 1), (table.Count, table.Reclaim(0)));
        Assert.Equal((0, 1L), (table.Count, table.Reclaimed));
        Assert.True(table.Lacks(table.Hash.Of(V4(1))));
        Assert.Equal(index, Add(table, V4(2)));
        Assert.Equal((-1, 2), (table.Find(V4(1), table.Hash.Of(V4(1))), table.SlotCount(index)));
        Assert.Equal((-1, -1), (table[index].Slot0.Interface, table[index].Slot1.Interface));
    }

    [Fact]
    public void A_slot_that_comes_or_goes_drops_the_flows_cached_decisions_and_keeps_its_causal_memory()
    {
        FlowTable table = Table(10);
        int index = Add(table, V4(1)), other = Add(table, V4(2));
        table[index].Causal = new CausalState { Bits = 5 };
        foreach (Action change in (Action[])[() => table.Make(index, Slot(1, 0)), () => table.Make(index, Slot(2, 0)), () => table.Make(index, Slot(3, 0)), () => table.End(index, 0), () => table.Make(index, Slot(4, 0))])
        {
            (table[index].FromA, table[index].FromB, table[other].FromA) = (7, 8, 9);
            change();
            Assert.Equal((0, 0, 9, 5), (table[index].FromA, table[index].FromB, table[other].FromA, (int)table[index].Causal.Bits));
        }

        (table[index].FromA, table[index].FromB, table[other].FromA, table[other].FromB) = (7, 8, 9, 10);
        table.DropAllDecisions();
        Assert.Equal((0, 0, 0, 0), (table[index].FromA, table[index].FromB, table[other].FromA, table[other].FromB));
    }

    [Fact]
    public void Of_a_flow_that_is_its_own_mirror_the_slot_that_began_in_the_packets_direction_is_meant()
    {
        FlowTable table = Table(10);
        FlowKey mirror = new(IpAddress.V4(1), 5, IpAddress.V4(1), 5, 17);
        int index = Add(table, mirror);
        Assert.True(table.IsMirror(index));
        int ingress = table.Make(index, NewSlot.Of(3, SlotFlags.None, 0, 1, 0, 0, FlowKind.Udp, TcpClass.Other));
        Assert.Equal(ingress, table.FindSlot(index, 0, 3, egress: true, fromB: false, 1, 0));    // the only one, against its direction
        Assert.Equal(-1, table.FindSlot(index, 0, 3, egress: true, fromB: false, 0, 1));
        int egress = table.Make(index, NewSlot.Of(3, SlotFlags.FirstEgress, 1, 0, 0, 0, FlowKind.Udp, TcpClass.Other));
        Assert.Equal(egress, table.FindSlot(index, 0, 3, egress: true, fromB: false, 1, 0));
        Assert.Equal(ingress, table.FindSlot(index, 0, 3, egress: false, fromB: false, 0, 1));
        Assert.Equal(-1, table.FindSlot(index, 0, 4, egress: false, fromB: false, 0, 1));
        Assert.Equal(-1, table.FindSlot(index, 30 * Second, 3, egress: false, fromB: false, 0, 1));
        Assert.Equal((true, false), (table.IsLive(index, ingress, (30 * Second) - 1), table.IsLive(index, ingress, 30 * Second)));
    }

    [Fact]
    public void Slots_past_two_go_back_to_a_list_that_other_flows_draw_from()
    {
        FlowTable table = Table(1000);
        int[] flows = [.. Enumerable.Range(0, 200).Select(i => Add(table, V4(i)))];
        for (int i = 0; i < flows.Length; i++)
        {
            for (int slot = 0; slot < 6; slot++)
            {
                Assert.Equal(slot, table.Make(flows[i], Slot(slot, i % 2 * 100 * Second)));
            }
        }

        Assert.Equal(100, table.Reclaim(50 * Second));
        int[] fresh = [.. Enumerable.Range(500, 150).Select(i => Add(table, V4(i)))];
        foreach (int index in fresh)
        {
            for (int slot = 0; slot < 5; slot++)
            {
                Assert.Equal(slot, table.Make(index, Slot(9 - slot, 100 * Second)));
            }
        }

        Assert.Equal((250, 100L), (table.Count, table.Reclaimed));
        for (int i = 1; i < flows.Length; i += 2)
        {
            Assert.Equal(Enumerable.Range(0, 6), Enumerable.Range(0, table.SlotCount(flows[i])).Select(slot => table.Slot(flows[i], slot).Life.Interface));
        }

        Assert.All(fresh, index => Assert.Equal([9, 8, 7, 6, 5], Enumerable.Range(0, table.SlotCount(index)).Select(slot => table.Slot(index, slot).Life.Interface)));
    }

    [Fact]
    public void CopyLive_gives_the_live_slots_of_live_flows_page_by_page()
    {
        FlowTable table = Table(10);
        int[] flows = [.. Enumerable.Range(0, 5).Select(i => Add(table, i == 4 ? V6(1, 2, 3, 4) : V4(i)))];
        foreach (int index in flows)
        {
            table.Make(index, Slot(1, 0));
        }

        table.Make(flows[0], Slot(2, 50 * Second));
        table.Make(flows[0], Slot(3, 50 * Second));
        table.Make(flows[2], Slot(4, 50 * Second));
        table.Make(flows[4], Slot(5, 50 * Second));
        Assert.Equal(2, table.Reclaim(40 * Second));
        List<FlowSnapshot> live = [];
        int next = table.CopyLive(0, 2, 50 * Second, live);
        Assert.Equal((2, 1), (next, live.Count));
        next = table.CopyLive(next, 2, 50 * Second, live);
        Assert.Equal((4, 2), (next, live.Count));
        Assert.Equal(-1, table.CopyLive(next, 2, 50 * Second, live));
        Assert.Equal([V4(0), V4(2), V6(1, 2, 3, 4)], live.Select(flow => flow.Key));
        Assert.Equal(["2 3", "4", "5"], live.Select(flow => string.Join(' ', flow.Slots.Select(slot => slot.Life.Interface))));
        Assert.Equal(70, live[0].First.Origin.Rule);
        live.Clear();
        Assert.Equal(-1, table.CopyLive(0, 5, 80 * Second, live));
        Assert.Empty(live);
    }

    [Fact]
    public void Import_takes_over_what_the_next_plan_still_has()
    {
        FlowTable table = Table(3);
        PlanNumbers numbers = new([4, -1, 6, 7], [-1, 2], Publics("10.1.0.0=203.0.113.1", "10.0.0.1=203.0.113.2"), Publics("10.0.0.1=203.0.113.2"));
        NewSlot kept = Slot(0, 9), gone = Slot(1, 9), nobodys = Slot(2, 9), translated = Slot(3, 9);
        kept.Origin.Gateway = 1;
        nobodys.Origin.FormB = 1;
        (translated.Origin.FormA, translated.Origin.Gateway) = (2, 0);
        Assert.True(table.Import(new FlowSnapshot(V4(1), [gone, kept, nobodys, translated]), 10, numbers, rule => rule + 1));
        Assert.Equal(["4 0 0 2 71 9", "7 1 0 -1 71 9"], Slots(table, V4(1)));
        Assert.Equal(["6 0 0 -1 71 9"], Slots(table, Key("10.0.0.1", 1, "203.0.113.1", 53)));
        Assert.Equal(2, table.Count);
        Assert.False(table.Import(new FlowSnapshot(V4(2), [gone]), 10, numbers, rule => rule));
        Assert.Equal(2, table.Count);
        Assert.True(table.Import(new FlowSnapshot(V6(1, 2, 3, 4), [kept]), 10, numbers, rule => rule));
        Assert.False(table.Import(new FlowSnapshot(V4(3), [kept, kept]), 10, numbers, rule => rule));    // full, and all live
        Assert.Equal(3, table.Count);
    }

    [Fact]
    public void Import_puts_slots_of_several_flows_into_one_when_they_belong_together_now()
    {
        FlowTable table = Table(1);
        PlanNumbers numbers = new([0, 1], [], Publics("10.1.0.7=203.0.113.1"), Publics("10.1.0.0=203.0.113.1"));
        NewSlot far = Slot(1, 9);
        far.Origin.FormB = 1;
        Assert.True(table.Import(new FlowSnapshot(V4(1), [Slot(0, 9)]), 10, numbers, rule => rule));
        Assert.True(table.Import(new FlowSnapshot(Key("10.0.0.1", 1, "10.1.0.7", 53), [far]), 10, numbers, rule => rule));
        Assert.Equal(["0 0 0 -1 70 9", "1 0 1 -1 70 9"], Slots(table, V4(1)));
    }

    [Fact]
    public void What_was_denied_once_stays_behind_when_a_flow_moves()
    {
        FlowTable from = Table(1), to = Table(1);
        int index = Add(from, V4(1));
        from.Make(index, Slot(1, 0));
        from[index].Causal = new CausalState { Bits = 5, Last = 1 };
        List<FlowSnapshot> live = [];
        from.CopyLive(0, 1, 0, live);
        Assert.True(to.Import(Assert.Single(live), 0, Same, rule => rule));
        Assert.Equal(0, (int)to[to.Find(V4(1), to.Hash.Of(V4(1)))].Causal.Bits);
    }

    [Fact]
    public void Adopt_gives_new_numbers_and_ends_what_is_gone()
    {
        FlowTable table = Table(2);
        int index = Add(table, V4(1));
        for (int i = 0; i < 5; i++)
        {
            NewSlot slot = Slot(i, 0);
            slot.Origin.Gateway = i == 2 ? 1 : -1;
            slot.Origin.FormA = i == 2 ? 2 : 0;
            table.Make(index, slot);
        }

        table.End(index, 0);
        table.Adopt(Timers(30), Same, 1);
        Assert.Equal(["1 0 0 -1 70 0", "2 2 0 1 70 0", "3 0 0 -1 70 0", "4 0 0 -1 70 0"], Slots(table, V4(1)));
        table.Adopt(Timers(30), new PlanNumbers([9, -1, 5, 6, 7], [0, 2], Publics("10.9.0.9=203.0.113.9", "10.0.0.1=203.0.113.2"), Publics("10.0.0.1=203.0.113.2")), 1);
        Assert.Equal(["5 1 0 2 70 0", "6 0 0 -1 70 0", "7 0 0 -1 70 0"], Slots(table, V4(1)));
        table.Adopt(Timers(30), new PlanNumbers([-1, -1, -1, -1, -1, -1, -1, -1, -1, -1], [0, 1, 2], Publics("10.0.0.1=203.0.113.2"), Publics("10.0.0.1=203.0.113.2")), 1);
        Assert.Equal((0, -1), (table.Count, table.Find(V4(1), table.Hash.Of(V4(1)))));
    }

    /// <summary>A slot is what its interface saw: 10.0.0.1:1 and 203.0.113.1:53, whoever has the latter.</summary>
    [Theory]
    [InlineData("10.0.0.1", "10.1.0.0", "0 0 2 -1 70 0", false)]      // another association before it: another form
    [InlineData("10.0.0.1", "10.1.0.7", "0 0 2 -1 70 0", false)]
    [InlineData("10.0.0.1", "203.0.113.1", "0 0 0 -1 70 0", false)]   // nobody's
    [InlineData("10.0.0.0", "10.0.0.1", "0 2 0 -1 70 0", true)]       // of a lower address: the ends change places
    [InlineData("10.0.0.1", "10.0.0.1", "0 0 2 -1 70 0", false)]      // of the caller itself
    public void CT_14_A_slot_goes_where_its_packets_are_looked_for_when_a_public_address_moves(string a, string b, string slot, bool isTurned)
    {
        foreach (bool isBack in (bool[])[false, true])
        {
            FlowTable table = Table(1);
            NewSlot made = Slot(0, 0);
            made.Origin.FormB = 1;
            made.Life.Flags |= isBack ? SlotFlags.FirstFromB : SlotFlags.None;
            table.Make(Add(table, V4(1)), made);
            string owner = isTurned ? a : b;
            table.Adopt(Timers(30), new PlanNumbers([0], [], Publics("10.1.0.0=203.0.113.1"), owner == "203.0.113.1" ? Publics() : Publics("10.9.0.9=203.0.113.9", $"{owner}=203.0.113.1")), 1);
            FlowKey key = isTurned ? Key(a, 53, b, 1) : Key(a, 1, b, 53);
            Assert.Equal([slot], Slots(table, key));
            Assert.Equal(isBack != isTurned, (table.Slot(table.Find(key, table.Hash.Of(key)), 0).Life.Flags & SlotFlags.FirstFromB) != 0);
            Assert.Equal(1, table.Count);
        }
    }

    [Fact]
    public void CT_14_The_ends_of_a_flow_between_a_host_and_itself_are_told_apart_by_who_sent_first()
    {
        FlowTable table = Table(1);
        FlowKey mirror = Key("10.0.0.1", 53, "10.0.0.1", 53);
        NewSlot made = Slot(0, 0);
        made.Origin.FormA = 1;
        table.Make(Add(table, mirror), made);    // 203.0.113.1:53 to 10.0.0.1:53
        OwnerMap own = Publics("10.0.0.1=203.0.113.1"), others = Publics("10.9.0.9=203.0.113.9", "10.0.0.7=203.0.113.1");
        table.Adopt(Timers(30), new PlanNumbers([0], [], own, others), 1);
        FlowKey apart = Key("10.0.0.1", 53, "10.0.0.7", 53);
        Assert.Equal(["0 0 2 -1 70 0"], Slots(table, apart));
        Assert.Equal(SlotFlags.FirstFromB, table.Slot(table.Find(apart, table.Hash.Of(apart)), 0).Life.Flags & SlotFlags.FirstFromB);
        table.Adopt(Timers(30), new PlanNumbers([0], [], others, own), 1);
        Assert.Equal(["0 1 0 -1 70 0"], Slots(table, mirror));
        Assert.Equal(SlotFlags.None, table.Slot(table.Find(mirror, table.Hash.Of(mirror)), 0).Life.Flags & SlotFlags.FirstFromB);
    }

    [Fact]
    public void CT_14_CT_24_Slots_that_part_are_kept_in_a_full_table_and_it_has_room_again_when_as_many_are_gone()
    {
        FlowPool pool = new(2);
        using FlowTable table = new(pool, new CausalMemory(new CausalBudget()), FlowHash.Secret, Timers(30));
        foreach (int number in (int[])[1, 2])
        {
            NewSlot far = Slot(1, number);
            far.Origin.FormB = 1;
            int index = Add(table, V4(number));
            table.Make(index, Slot(0, number));
            table.Make(index, far);
        }

        Assert.False(table.TryReserve(3));
        table.Adopt(Timers(30), new PlanNumbers([0, 1], [], Publics("10.1.0.0=203.0.113.1"), Publics("10.1.0.7=203.0.113.1")), 3);
        foreach (int number in (int[])[1, 2])
        {
            Assert.Equal([$"0 0 0 -1 70 {number}"], Slots(table, V4(number)));
            Assert.Equal([$"1 0 1 -1 70 {number}"], Slots(table, Key("10.0.0.1", (ushort)number, "10.1.0.7", 53)));
        }

        Assert.Equal((4, 4), (table.Count, pool.Taken));
        Assert.False(table.TryReserve((30 * Second) + 1));    // two gone of four, and two is what there may be
        Assert.Equal((2, 2), (table.Count, pool.Taken));
        Assert.True(table.TryReserve((30 * Second) + 2));
    }

    [Fact]
    public void CT_14_Slots_that_meet_leave_their_places_to_others()
    {
        FlowPool pool = new(2);
        using FlowTable table = new(pool, new CausalMemory(new CausalBudget()), FlowHash.Secret, Timers(30));
        NewSlot far = Slot(1, 0);
        far.Origin.FormB = 1;
        table.Make(Add(table, Key("10.0.0.1", 1, "10.1.0.7", 53)), far);
        table.Make(Add(table, V4(1)), Slot(0, 0));
        table.Adopt(Timers(30), new PlanNumbers([0, 1], [], Publics("10.1.0.7=203.0.113.1"), Publics("10.1.0.0=203.0.113.1")), 1);
        Assert.Equal(["0 0 0 -1 70 0", "1 0 1 -1 70 0"], Slots(table, V4(1)));
        Assert.Equal((1, 1), (table.Count, pool.Taken));
    }

    [Fact]
    public void CT_14_A_slot_that_has_timed_out_stays_dead_when_its_interfaces_time_outs_grow()
    {
        foreach ((int seconds, string[] left) in ((int, string[])[])[(59, ["1 0 0 -1 70 0", "2 0 0 -1 70 20000000000"]), (45, ["1 0 0 -1 70 0", "2 0 0 -1 70 20000000000"]), (30, ["0 0 0 -1 70 0", "1 0 0 -1 70 0", "2 0 0 -1 70 20000000000"])])
        {
            FlowTable table = Table(1);
            int index = Add(table, V4(1));
            table.Make(index, Slot(0, 0));
            table.Make(index, Slot(1, 0));
            table.Make(index, Slot(2, 20 * Second));
            table.Adopt(new Timeouts(new TransientTimeouts(), [Udp(seconds), Udp(30), Udp(seconds)]), new PlanNumbers([0, 1, 2], [], Publics(), Publics()), 30 * Second);
            Assert.Equal(left, Slots(table, V4(1)));
            Assert.Equal((true, false), (table.IsLive(index, 2, ((20 + seconds) * Second) - 1), table.IsLive(index, 2, (20 + seconds) * Second)));
        }
    }

    /// <summary>A reload that changes rules alone costs nothing for each flow.</summary>
    [Fact]
    public void REL_14_Adopt_looks_at_no_flow_when_nothing_that_slots_remember_changed()
    {
        FlowTable table = Table(1);
        table.Make(Add(table, V4(1)), Slot(1, 0));
        Assert.False(table.TryReserve(Second));
        OwnerMap publics = Publics("10.0.0.1=203.0.113.1"), more = Publics("10.0.0.1=203.0.113.1", "10.0.0.2=203.0.113.2"), swapped = Publics("10.0.0.2=203.0.113.2", "10.0.0.1=203.0.113.1");
        Assert.True(new PlanNumbers([0, 1], [0], publics, Publics("10.0.0.1=203.0.113.1")).IsSame);
        Assert.False(new PlanNumbers([0, 1], [0], publics, more).IsSame);
        Assert.False(new PlanNumbers([0, 1], [0], more, publics).IsSame);
        Assert.False(new PlanNumbers([0, 1], [0], more, swapped).IsSame);
        Assert.False(new PlanNumbers([1, 0], [0], more, more).IsSame);
        Assert.False(new PlanNumbers([0, 1], [-1], more, more).IsSame);
        long before = GC.GetAllocatedBytesForCurrentThread();
        table.Adopt(Timers(30), Same, Second);
        Assert.False(table.TryReserve(2 * Second));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10_000);    // the wheel, half a MiB, is still the same
    }

    [Theory]
    [InlineData(20)]
    [InlineData(45)]
    public void After_Adopt_a_full_table_reclaims_by_the_new_time_outs(int seconds)
    {
        FlowTable table = Table(1);
        Assert.True(table.TryReserve(0));
        table.Make(table.Add(V4(1), table.Hash.Of(V4(1))), Slot(1, 0));
        Assert.False(table.TryReserve(Second));    // from here on deadlines are kept in a wheel
        table.Adopt(Timers(seconds), Same, Second);
        Assert.False(table.TryReserve((seconds * Second) - 1));
        Assert.True(table.TryReserve(seconds * Second));
        Assert.Equal((0, 1L), (table.Count, table.Reclaimed));
    }

    [Fact]
    public void The_last_slot_to_die_decides_when_an_entry_does()
    {
        FlowTable table = Table(1);
        Assert.True(table.TryReserve(0));
        int index = table.Add(V4(1), table.Hash.Of(V4(1)));
        foreach (int second in (int[])[5, 9, 20, 3])
        {
            table.Make(index, Slot(1, second * Second));
        }

        Assert.False(table.TryReserve((50 * Second) - 1));
        table.End(index, 2);
        Assert.False(table.TryReserve((39 * Second) - 1));
        Assert.True(table.TryReserve(39 * Second));
    }

    [Fact]
    public void Memory_is_mapped_ahead_when_asked_for()
    {
        using FlowTable table = Table(100_000), idle = Table(100_000);
        table.Prepare(50_000);
        Assert.InRange(table.BytesMapped - idle.BytesMapped, 50_000 * 104, 1L << 30);
        FlowPool pool = new(8_192);
        using FlowTable one = new(pool, new CausalMemory(new CausalBudget()), FlowHash.Secret, Timers(30));
        Assert.True(one.TryReserve(0));
        Assert.Equal(2, pool.Taken);    // places are taken a few at a time, a 4,096th of the pool
    }

    [Fact]
    public void Interface_0_is_an_interface_like_others_and_not_a_free_place()
    {
        FlowTable table = Table(2);
        int index = Add(table, V4(1));
        Assert.Equal([0, 1, 2, 3], Enumerable.Range(0, 4).Select(_ => table.Make(index, Slot(0, 0))));
        table.Adopt(Timers(30), new PlanNumbers([9], [], Publics(), Publics()), 1);
        Assert.Equal([9, 9, 9, 9], Enumerable.Range(0, 4).Select(i => table.Slot(index, i).Life.Interface));
        int gone = Add(table, V4(2));
        table.Make(gone, Slot(0, 0));
        Assert.True(table.Import(new FlowSnapshot(V4(3), [Slot(0, 30 * Second)]), 30 * Second, Same, rule => rule));
        Assert.Equal((1, 2L), (table.Count, table.Reclaimed));
    }

    [Fact]
    public void A_flow_that_came_when_the_table_had_been_full_is_reclaimed_too()
    {
        FlowTable table = Table(2);
        for (int round = 0; round < 4; round++)
        {
            long now = round * 100 * Second;
            foreach (int number in (int[])[1, 2])
            {
                Assert.True(table.TryReserve(now));
                table.Make(table.Add(V4(number), table.Hash.Of(V4(number))), Slot(1, now));
            }

            Assert.False(table.TryReserve(now + (30 * Second) - 1));
        }

        Assert.Equal((2, 6L), (table.Count, table.Reclaimed));
    }

    [Fact]
    public void REL_04_A_table_that_fills_and_empties_again_and_again_does_not_grow()
    {
        using FlowTable table = Table(1_000);
        long mapped = 0;
        for (int round = 0; round < 25; round++)
        {
            for (int i = 0; i < 1_000; i++)
            {
                Assert.True(table.TryReserve(round * 30 * Second));
                table.Make(table.Add(V4((round * 1_000) + i), table.Hash.Of(V4((round * 1_000) + i))), Slot(1, round * 30 * Second));
            }

            mapped = round == 0 ? table.BytesMapped : mapped;
        }

        Assert.Equal((mapped, 1_000, 24_000L), (table.BytesMapped, table.Count, table.Reclaimed));
    }

    [Fact]
    public void A_slot_that_was_ended_long_before_its_time_leaves_room_at_once()
    {
        FlowTable table = Table(1);
        Assert.True(table.TryReserve(0));
        int index = table.Add(V4(1, protocol: 6), table.Hash.Of(V4(1, protocol: 6)));
        table.Make(index, NewSlot.Of(1, SlotFlags.FirstEgress, 0, 0, 0, 0, FlowKind.Tcp, TcpClass.Other));
        Assert.False(table.TryReserve(Second));    // five days to go
        table.End(index, 0);
        Assert.True(table.TryReserve(2 * Second));
    }

    [Fact]
    public void A_deadline_of_days_is_looked_at_once_and_not_at_each_packet_of_a_full_table()
    {
        FlowTable table = Table(1_000);
        for (int i = 0; i < 1_000; i++)
        {
            Assert.True(table.TryReserve(0));
            table.Make(table.Add(V4(i, protocol: 6), table.Hash.Of(V4(i, protocol: 6))), NewSlot.Of(1, SlotFlags.FirstEgress, 0, 0, 0, 0, FlowKind.Tcp, TcpClass.Other));
        }

        Assert.False(table.TryReserve(Second));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.False(table.TryReserve(2 * Second));
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);    // the wheel, half a MiB, is made once
    }

    [Fact]
    public void A_hash_is_absent_when_its_bucket_ends_the_search_and_not_when_flows_may_have_gone_past_it()
    {
        FlowTable table = Table(100);

        // The hash has a secret: which bucket of 4,096 gets many of 60,000 is not known beforehand, but the fullest has more than the 14 that fall to each.
        FlowKey[] crowd = [.. Enumerable.Range(0, 60_000).Select(i => V4(i)).GroupBy(key => table.Hash.Of(key) & 4_095).MaxBy(bucket => bucket.Count())!.Take(9)];
        Assert.Equal(9, crowd.Length);
        int[] made = [.. crowd.Take(8).Select(key => Add(table, key))];
        uint hash = table.Hash.Of(crowd[8]);
        Assert.Equal((-1, -1, false), (Candidate(table, crowd[8]), table.Find(crowd[8], hash), table.Lacks(hash)));
        Assert.True(table.Lacks(hash + 1));
        Assert.Equal(made, crowd.Take(8).Select(key => Candidate(table, key)));
    }

    [Fact]
    public void What_is_mapped_is_counted_by_column()
    {
        const long Block = FlowChunks<byte>.Size, Entry = 64, Detail = 40, Wide = 32, Bucket = 64;
        using FlowTable table = Table(10), prepared = Table(10);
        Assert.Equal(4_096 * Bucket, table.BytesMapped);
        Add(table, V4(1));
        Assert.Equal((4_096 * Bucket) + (Block * (Entry + Detail)), table.BytesMapped);
        Add(table, V6(1, 2, 3, 4));
        Assert.Equal((4_096 * Bucket) + (Block * (Entry + Detail + Wide)), table.BytesMapped);
        prepared.Prepare(30_000);    // five to a bucket, the next power of two
        Assert.Equal((8_192 * Bucket) + (Block * (Entry + Detail)), prepared.BytesMapped);
    }

    /// <summary>Who has which public address: <c>PRIVATE=PUBLIC</c>.</summary>
    private static OwnerMap Publics(params string[] associations) => new(
        [], [], [.. associations.Select(one => new AssociationPlan(IpAddress.Parse(one.Split('=')[0]), IpAddress.Parse(one.Split('=')[1]), 0, 0, 0))], [], new PrefixMap([]));

    /// <summary>The slots of a key: interface, forms of A and B, gateway, rule, last.</summary>
    private static string[] Slots(FlowTable table, FlowKey key)
    {
        int index = table.Find(key, table.Hash.Of(key));
        List<string> slots = [];
        for (int i = 0; i < (index < 0 ? 0 : table.SlotCount(index)); i++)
        {
            FlowSlot slot = table.Slot(index, i);
            if (slot.Life.Interface >= 0)
            {
                slots.Add(string.Create(CultureInfo.InvariantCulture, $"{slot.Life.Interface} {slot.Origin.FormA} {slot.Origin.FormB} {slot.Origin.Gateway} {slot.Origin.Rule} {slot.Life.Last}"));
            }
        }

        return [.. slots];
    }

    private static InterfaceTimeouts Udp(int seconds) => new(432_000 * Second, 180 * Second, seconds * Second);

    private static FlowKey Key(string a, ushort portA, string b, ushort portB) => new(IpAddress.Parse(a), portA, IpAddress.Parse(b), portB, 17);

    private static FlowTable Table(int capacity) => new(new FlowPool(capacity), new CausalMemory(new CausalBudget()), FlowHash.Secret, Timers(30));

    private static Timeouts Timers(int udp) =>
        new(new TransientTimeouts(), [.. Enumerable.Repeat(new InterfaceTimeouts(432_000 * Second, 180 * Second, udp * Second), 10)]);

    /// <summary>What a batch of one packet of the flow is given.</summary>
    private static int Candidate(FlowTable table, FlowKey key)
    {
        FlowView[] views = [new FlowView { HasKey = true, Key = key, Hash = table.Hash.Of(key) }];
        Assert.Equal(table.Seek(views, new int[1]) == 1, views[0].Entry < 0);
        return views[0].Entry;
    }

    private static int Add(FlowTable table, FlowKey key)
    {
        Assert.True(table.TryReserve(0));
        return table.Add(key, table.Hash.Of(key));
    }

    private static NewSlot Slot(int networkInterface, long now) =>
        NewSlot.Of(networkInterface, SlotFlags.FirstEgress, 0, 0, 70, now, FlowKind.Udp, TcpClass.Other);

    private static FlowKey V4(int number, byte protocol = 17) => new(IpAddress.V4(0x0A00_0001), (ushort)number, IpAddress.V4(0x0A01_0000), 53, protocol);

    private static FlowKey V6(ulong aHigh, ulong aLow, ulong bHigh, ulong bLow) => new(IpAddress.V6(aHigh, aLow), 9, IpAddress.V6(bHigh, bLow), 53, 17);
}
