// The interpreter behind a slot: it judges until the compiled filter is ready and checked, and for good where the two disagree.
//
// It reads the model's rules as they are, not their lowered form, so that a mistake of a compiler pass cannot be in it too. At its first packet it turns them into rows
// of numbers: a topology has thousands of lists of which a capture asks a few, and a list that nobody asks costs nothing here.

using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Dataplane.Compiler.Lower;
using Dataplane.Filters;
using Dataplane.Packets;
using Dataplane.Topology.Model;

namespace Dataplane.Compiler.Load;

/// <summary>Decides by walking a list's rules one by one.</summary>
/// <remarks>O(rules) per packet; allocates nothing when it decides, but at its first packet. Thread-safe.</remarks>
public sealed class InterpretedFilter : Filter
{
    private const int MostTold = 256;

    private readonly ImmutableArray<SecurityGroupRule> _rules = [];
    private readonly ImmutableArray<NetworkAclEntry> _entries = [];
    private readonly AddressSets? _sets;
    private readonly string _vpcId;
    private readonly bool _isIngress;
    private readonly bool _isAcl;
    private Row[]? _rows;
    private int _counted;

    /// <param name="sets">Of the same network; shared by all its filters.</param>
    public InterpretedFilter(Network network, RuleListKey key, AddressSets sets)
        : this(key, sets)
    {
        if (_isAcl)
        {
            NetworkAcl acl = network.NetworkAcls.Single(acl => acl.Id == key.OwnerId);
            _entries = key.IsIngress ? acl.Ingress : acl.Egress;
            return;
        }

        SecurityGroup group = network.SecurityGroups.Single(group => group.Id == key.OwnerId);
        _rules = key.IsIngress ? group.Ingress : group.Egress;
    }

    internal InterpretedFilter(RuleListKey key, ImmutableArray<SecurityGroupRule> rules, AddressSets sets)
        : this(key, sets) => _rules = rules;

    internal InterpretedFilter(RuleListKey key, ImmutableArray<NetworkAclEntry> entries)
        : this(key, null) => _entries = entries;

    private InterpretedFilter(RuleListKey key, AddressSets? sets)
    {
        _sets = sets;
        _vpcId = key.VpcId;
        _isIngress = key.IsIngress;
        _isAcl = key.Kind == ListKind.NetworkAcl;
    }

    /// <summary>Whether a packet has asked it: its list is compiled before those that none did.</summary>
    public bool IsAsked => Volatile.Read(ref _rows) is not null;

    /// <summary>About how many packets have asked it: one in 64 is counted, and some are lost when threads count at once.</summary>
    public long Asked => 64L * Volatile.Read(ref _counted);

    /// <summary>Rules that a packet is compared with, at most; 0 before the first packet.</summary>
    public int Rules => Volatile.Read(ref _rows)?.Length ?? 0;

    public override Decision Decide(in Headers packet)
    {
        Row[] rows = Volatile.Read(ref _rows) ?? Prepare();
        if ((((uint)packet.SourceLow + (uint)packet.DestinationLow + packet.SourcePort + packet.DestinationPort) & 63) == 0)
        {
            _counted++;
        }

        bool ipv6 = packet.IsIpv6;
        ulong high = _isIngress ? packet.SourceHigh : packet.DestinationHigh;
        ulong low = _isIngress ? packet.SourceLow : packet.DestinationLow;
        bool groupsSeen = (packet.Flags & HeaderFlags.ReferencesLost) == 0;
        int first = -1;
        bool anyPeer = false, narrowPeer = false;
        for (int i = 0; i < rows.Length; i++)
        {
            ref readonly Row row = ref rows[i];
            if (!row.IsOfService(in packet))
            {
                continue;
            }

            if (row.Set is { } set)
            {
                if ((row.IsGroup && !groupsSeen) || !(ipv6 ? set.ContainsV6(high, low) : set.ContainsV4((uint)low)))
                {
                    continue;
                }
            }
            else if (row.IsIpv6 != ipv6 || (high & row.HighMask) != row.High || (low & row.LowMask) != row.Low)
            {
                continue;
            }

            if (_isAcl)
            {
                return row.Allows ? Decision.Allow(row.Index) : Decision.Deny(row.Index);
            }

            first = first < 0 ? row.Index : first;
            anyPeer |= row.IsAnyPeer;
            narrowPeer |= !row.IsAnyPeer;
            if (anyPeer && narrowPeer)
            {
                break;
            }
        }

        return first < 0 ? Decision.None : Decision.Admit(first, anyPeer, narrowPeer);
    }

    /// <remarks>A list of many rules does not tell.</remarks>
    public override bool? IsForAll(in Headers packet)
    {
        if (_rules.Length + _entries.Length > MostTold)
        {
            return null;
        }

        Row[] rows = Volatile.Read(ref _rows) ?? Prepare();
        foreach (ref readonly Row row in rows.AsSpan())
        {
            if (row.IsOfService(in packet) && (row.Set is not null || row.IsIpv6 == packet.IsIpv6))
            {
                bool isAnyone = row.Set is null && (row.HighMask | row.LowMask) == 0;
                if (_isAcl || !isAnyone)
                {
                    return isAnyone;
                }
            }
        }

        return true;
    }

    private Row[] Prepare()
    {
        List<Row> rows = [];
        for (int i = 0; i < _entries.Length; i++)
        {
            NetworkAclEntry entry = _entries[i];

            // protocol 58 with an IPv4 block matches every type and code.
            bool looksAtPorts = entry.Protocol != 58 || entry.Block.IsIpv6;
            Row row = new() { Index = i, Protocol = entry.Protocol, Allows = entry.Allow };
            Block(ref row, entry.Block);
            if (!looksAtPorts || Ports(ref row, entry.From, entry.To))
            {
                rows.Add(row);
            }
        }

        for (int i = 0; i < _rules.Length; i++)
        {
            SecurityGroupRule rule = _rules[i];
            Row row = new() { Index = i, Protocol = rule.Protocol };
            switch (rule.Peer)
            {
                case CidrPeer cidr:
                    Block(ref row, cidr.Block);
                    row.IsAnyPeer = cidr.Block.IsAny;
                    break;
                case GroupPeer group:
                    row.Set = Members(group.GroupId);
                    row.IsGroup = true;
                    break;
                case PrefixListPeer list:
                    row.Set = Entries(list.PrefixListId);
                    break;
            }

            if (!rule.MatchesNothing && Ports(ref row, rule.From, rule.To))
            {
                rows.Add(row);
            }
        }

        // Two threads may both do this: their rows are equal.
        Row[] made = [.. rows];
        Volatile.Write(ref _rows, made);
        return made;
    }

    private AddressSet Members(string groupId)
    {
        lock (_sets!)
        {
            return _sets.Members(_vpcId, groupId).Set;
        }
    }

    private AddressSet Entries(string listId)
    {
        lock (_sets!)
        {
            return _sets.Entries(listId).Set;
        }
    }

    private static void Block(ref Row row, IpPrefix block)
    {
        row.IsIpv6 = block.IsIpv6;
        (row.High, row.Low) = (block.Address.High, block.Address.Low);
        int length = block.Length;
        row.HighMask = !block.IsIpv6 || length == 0 ? 0 : length >= 64 ? ulong.MaxValue : ulong.MaxValue << (64 - length);
        row.LowMask = block.IsIpv6
            ? length <= 64 ? 0 : ulong.MaxValue << (128 - length)
            : length == 0 ? 0 : uint.MaxValue << (32 - length);
    }

    /// <summary>The protocol's ports, or ICMP type and code, as a field of the packet's port; false when no packet has them.</summary>
    private static bool Ports(ref Row row, int from, int to)
    {
        switch (row.Protocol)
        {
            case 6 or 17 when from == 0 && to == 65_535:
            case 1 or 58 when from == -1 && to == -1:
                return true;
            case 6 or 17:
                row.LooksAtPorts = true;
                (row.PortMask, row.PortFirst, row.PortSpan) = (0xFFFF, from, (uint)(to - from));
                return from <= to;
            case 1 or 58:
                row.LooksAtPorts = true;
                row.PortMask = (from == -1 ? 0 : 0xFF00) | (to == -1 ? 0 : 0xFF);
                row.PortFirst = (from == -1 ? 0 : from << 8) | (to == -1 ? 0 : to);
                return true;
            default:
                return true;
        }
    }

    private struct Row
    {
        public ulong High;
        public ulong Low;
        public ulong HighMask;
        public ulong LowMask;

        /// <summary>For a group or a prefix list; null for a block.</summary>
        public AddressSet? Set;
        public int Index;

        /// <summary>-1 for all.</summary>
        public int Protocol;
        public int PortMask;
        public int PortFirst;
        public uint PortSpan;
        public bool LooksAtPorts;
        public bool IsIpv6;
        public bool IsGroup;
        public bool IsAnyPeer;
        public bool Allows;

        public readonly bool IsOfService(in Headers packet) =>
            (Protocol < 0 || Protocol == packet.Protocol)
            && (!LooksAtPorts || (packet.PortsKnown && (uint)((packet.DestinationPort & PortMask) - PortFirst) <= PortSpan));
    }
}
