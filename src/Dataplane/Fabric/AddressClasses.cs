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
/// <remarks>8 bytes a range of IPv4, two ranges for each address of an interface, and 256 KiB beyond 2,048 ranges; 20 bytes a range of IPv6.</remarks>
public sealed class AddressClasses
{
    private readonly OwnerMap _addresses;
    private readonly SortedStarts _startsV4;
    private readonly int[] _classV4;
    private readonly UInt128[] _firstV6;
    private readonly int[] _classV6;

    public AddressClasses(FabricPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        _addresses = plan.Addresses;
        Signatures signatures = new();
        (List<UInt128> rangesV4, List<int> classesV4) = Cut(plan, false, signatures);
        (List<UInt128> rangesV6, List<int> classesV6) = Cut(plan, true, signatures);
        _firstV6 = [.. rangesV6];
        _classV6 = [.. classesV6];
        Count = signatures.Count;
        (List<uint> starts, _classV4) = WithSingles(rangesV4, classesV4);
        _startsV4 = new SortedStarts([.. starts]);
    }

    /// <summary>Classes of ranges; those of single addresses come after them.</summary>
    public int Count { get; }

    public int Of(IpAddress address)
    {
        if (!address.IsIpv6)
        {
            return _classV4[_startsV4.UpTo((uint)address.Low) - 1];    // the first range starts at 0
        }

        int exact = _addresses.Exact(address);
        return exact >= 0 ? Count + exact : _classV6[Find(_firstV6, new UInt128(address.High, address.Low))];
    }

    /// <summary>IPv4's ranges with those single addresses cut out that are classes of their own: one search then says the class of any address.</summary>
    private (List<uint> Starts, int[] Classes) WithSingles(List<UInt128> ranges, List<int> classes)
    {
        SortedSet<uint> singles = [];
        foreach (IpAddress address in _addresses.Listed)
        {
            if (!address.IsIpv6)
            {
                singles.Add((uint)address.Low);
            }
        }

        foreach (AssociationPlan association in _addresses.Associations)
        {
            singles.Add((uint)association.Public.Low);
        }

        List<uint> starts = [];
        List<int> all = [];
        int range = 0;
        void RangesUpTo(ulong end)
        {
            for (; range < ranges.Count && (ulong)ranges[range] < end; range++)
            {
                Add((uint)ranges[range], classes[range]);
            }
        }

        void Add(uint start, int number)
        {
            if (starts.Count > 0 && starts[^1] == start)
            {
                all[^1] = number;
                return;
            }

            starts.Add(start);
            all.Add(number);
        }

        foreach (uint single in singles)
        {
            RangesUpTo((ulong)single + 1);
            int around = classes[range - 1];
            Add(single, Count + _addresses.Exact(IpAddress.V4(single)));
            if (single < uint.MaxValue)
            {
                Add(single + 1, around);    // the next range or address may begin just here, and takes the place
            }
        }

        RangesUpTo(ulong.MaxValue);
        return (starts, [.. all]);
    }

    private static int Find(UInt128[] first, UInt128 address)
    {
        int at = Array.BinarySearch(first, address);
        return at >= 0 ? at : ~at - 1;
    }

    private static (List<UInt128> First, List<int> Classes) Cut(FabricPlan plan, bool isIpv6, Signatures signatures)
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

        return (starts, classes);

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

        void AddRange(int map, UInt128 first, UInt128 last)
        {
            changes.Add((first, map, 1));
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

        public int Count => _classes.Count;

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
