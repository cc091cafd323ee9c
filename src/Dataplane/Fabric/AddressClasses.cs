// Which addresses the fabric cannot tell apart. Two addresses are of one class when every question that a walk asks of an address, rules aside, has the same
// answer for both: which blocks of VPCs, subnets, delegated prefixes hold it, which route each table gives it, what lies behind gateways, what special block it is of.
// So a walk's course depends on the classes of its two ends, and can be kept by them (Itinerary).
//
// Made once: all those maps cut the address space into ranges; from the lowest address up, a signature (128 bits, the XOR of a keyed hash of
// each map's answer) is kept as the answers change; equal signatures are one class. The key is random, so no file can be written that makes two
// signatures meet. An address that an interface has, or that is public, is a class of its own.

using System;
using System.Collections.Generic;
using System.Security.Cryptography;
using Dataplane.Filters;
using Dataplane.Packets;

namespace Dataplane.Fabric;

/// <summary>Classes of addresses. Immutable, thread-safe.</summary>
/// <remarks>8 bytes a range of IPv4, 1 KiB from 33 ranges on, 256 KiB from 2,048 on; 20 bytes a range of IPv6; up to two ranges for each address of an interface.</remarks>
public sealed class AddressClasses
{
    private readonly SortedStarts _startsV4;
    private readonly int[] _classV4;
    private readonly SortedStartsV6 _startsV6;
    private readonly int[] _classV6;

    public AddressClasses(FabricPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        Signatures signatures = new();
        (List<UInt128> first, _classV4) = Cut(plan, false, signatures);
        _startsV4 = new SortedStarts([.. first.ConvertAll(one => (uint)one)]);
        (first, _classV6) = Cut(plan, true, signatures);
        _startsV6 = new SortedStartsV6([.. first]);
    }

    /// <summary>The classes of a packet's ends.</summary>
    public (int Source, int Destination) Of(in Headers packet)
    {
        // The first range starts at 0.
        if (packet.IsIpv6)
        {
            return (_classV6[_startsV6.UpTo(packet.SourceHigh, packet.SourceLow) - 1], _classV6[_startsV6.UpTo(packet.DestinationHigh, packet.DestinationLow) - 1]);
        }

        (int source, int destination) = _startsV4.UpTo((uint)packet.SourceLow, (uint)packet.DestinationLow);
        return (_classV4[source - 1], _classV4[destination - 1]);
    }

    private static (List<UInt128> First, int[] Classes) Cut(FabricPlan plan, bool isIpv6, Signatures signatures)
    {
        List<(UInt128 First, int Map, int Answer)> changes = [];
        int maps = 1;
        AddNodes(plan.Addresses.VpcBlocks);
        AddNodes(plan.Addresses.Prefixes);
        foreach (RouteTablePlan table in plan.Tables)
        {
            AddValues(table.Map);
        }

        foreach (VpcPlan vpc in plan.Vpcs)
        {
            AddValues(vpc.Behind);
            int map = maps++;
            foreach ((UInt128 first, UInt128 last) in vpc.Services.Ranges(isIpv6))
            {
                AddRange(map, first, last);
            }
        }

        foreach (SubnetPlan subnet in plan.Subnets)
        {
            foreach (IpPrefix block in subnet.Blocks)
            {
                AddBlock(block);
            }
        }

        foreach (IpPrefix block in SpecialAddresses.Blocks)
        {
            AddBlock(block);
        }

        // Single addresses that nothing else is like.
        int singles = maps++;
        foreach (IpAddress address in plan.Addresses.Single)
        {
            if (address.IsIpv6 == isIpv6)
            {
                UInt128 only = new(address.High, address.Low);
                AddRange(singles, only, only, plan.Addresses.Exact(address) + 1);
            }
        }

        changes.Sort((a, b) => a.First.CompareTo(b.First) is var order and not 0 ? order : a.Map != b.Map ? a.Map.CompareTo(b.Map) : a.Answer.CompareTo(b.Answer));
        int[] answers = new int[maps];
        UInt128 signature = signatures.Of(0, isIpv6 ? 1 : 0);
        List<UInt128> starts = [0];
        List<int> classes = [signatures.Class(signature)];
        for (int i = 0; i < changes.Count;)
        {
            UInt128 at = changes[i].First;
            for (; i < changes.Count && changes[i].First == at; i++)
            {
                (_, int map, int answer) = changes[i];
                signature ^= signatures.Of(map, answers[map]) ^ signatures.Of(map, answer);
                answers[map] = answer;
            }

            int number = signatures.Class(signature);
            if (starts[^1] == at)
            {
                classes[^1] = number;
            }
            else if (classes[^1] != number)
            {
                starts.Add(at);
                classes.Add(number);
            }
        }

        return (starts, [.. classes]);

        // Answers are 0 for none; maps that are climbed (Parent) answer with their node, the others with what the node says.
        void AddNodes(PrefixMap map)
        {
            int number = maps++;
            foreach ((UInt128 first, int node) in map.Ranges(isIpv6))
            {
                changes.Add((first, number, node + 1));
            }
        }

        void AddValues(PrefixMap map)
        {
            int number = maps++;
            foreach ((UInt128 first, int node) in map.Ranges(isIpv6))
            {
                changes.Add((first, number, node < 0 ? 0 : map.Value(node) + 2));
            }
        }

        void AddBlock(IpPrefix block)
        {
            if (block.IsIpv6 == isIpv6)
            {
                AddRange(maps++, new UInt128(block.Address.High, block.Address.Low), new UInt128(block.Last.High, block.Last.Low));
            }
        }

        void AddRange(int map, UInt128 first, UInt128 last, int answer = 1)
        {
            changes.Add((first, map, answer));
            if (last < (isIpv6 ? UInt128.MaxValue : uint.MaxValue))
            {
                changes.Add((last + 1, map, 0));
            }
        }
    }

    private sealed class Signatures
    {
        private readonly Dictionary<UInt128, int> _classes = [];
        private readonly ulong _first = Draw();
        private readonly ulong _second = Draw();

        public int Class(UInt128 signature)
        {
            if (!_classes.TryGetValue(signature, out int number))
            {
                number = _classes.Count;
                _classes.Add(signature, number);
            }

            return number;
        }

        public UInt128 Of(int map, int answer)
        {
            ulong word = (ulong)(uint)map << 32 | (uint)answer;
            return new UInt128(Mix(word + _first), Mix((word ^ _second) + (_first << 1)));
        }

        private static ulong Mix(ulong word)
        {
            unchecked
            {
                word = (word ^ (word >> 30)) * 0xBF58_476D_1CE4_E5B9;
                word = (word ^ (word >> 27)) * 0x94D0_49BB_1331_11EB;
                return word ^ (word >> 31);
            }
        }

        private static ulong Draw() => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8));
    }
}
