// Who stands behind a group reference or a prefix list: membership is data, rules are code.
//
// A group's members are its interfaces in one VPC (SG-30, same VPC), with every private address that they have: primary, secondary, IPv6,
// delegated prefixes (SG-25, SG-29). Two sources with the same addresses share one set, so that a large list is held once.

using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Security.Cryptography;
using Dataplane.Filters;
using Dataplane.Packets;
using Dataplane.Topology.Model;

namespace Dataplane.Compiler.Lower;

/// <summary>A set and the blocks that it was made of, sorted.</summary>
public sealed record SetSource(AddressSet Set, ImmutableArray<IpPrefix> Blocks);

/// <summary>The address sets of one network, each made once.</summary>
/// <remarks>Not thread-safe.</remarks>
public sealed class AddressSets
{
    private readonly Dictionary<(string Vpc, string Group), List<IpPrefix>> _members = [];
    private readonly Dictionary<string, PrefixList> _lists = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Vpc, string Group), SetSource> _groups = [];
    private readonly Dictionary<string, SetSource> _prefixLists = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SetSource> _byContent = new(StringComparer.Ordinal);

    public AddressSets(Network network)
    {
        foreach (NetworkInterface networkInterface in network.Interfaces)
        {
            foreach (string group in networkInterface.SecurityGroupIds)
            {
                (string, string) key = (networkInterface.VpcId, group);
                if (!_members.TryGetValue(key, out List<IpPrefix>? blocks))
                {
                    _members.Add(key, blocks = []);
                }

                blocks.AddRange(networkInterface.Addresses.Select(address => new IpPrefix(address.Private, address.Private.Bits)));
                blocks.AddRange(networkInterface.Prefixes);
            }
        }

        foreach (PrefixList list in network.PrefixLists)
        {
            _lists[list.Id] = list;
        }
    }

    /// <summary>Sets with different contents that were asked for.</summary>
    public int Count => _byContent.Count;

    /// <summary>The private addresses of the group's interfaces in that VPC; empty when the group is in no file.</summary>
    public SetSource Members(string vpcId, string groupId)
    {
        if (!_groups.TryGetValue((vpcId, groupId), out SetSource? source))
        {
            source = Share(_members.TryGetValue((vpcId, groupId), out List<IpPrefix>? blocks) ? blocks : []);
            _groups.Add((vpcId, groupId), source);
        }

        return source;
    }

    /// <summary>The entries of a prefix list; empty when no file gives them.</summary>
    public SetSource Entries(string prefixListId)
    {
        if (!_prefixLists.TryGetValue(prefixListId, out SetSource? source))
        {
            source = Share(_lists.TryGetValue(prefixListId, out PrefixList? list) ? list.Entries : []);
            _prefixLists.Add(prefixListId, source);
        }

        return source;
    }

    private SetSource Share(IEnumerable<IpPrefix> blocks)
    {
        ImmutableArray<IpPrefix> sorted = [.. blocks.Distinct().Order()];
        byte[] bytes = new byte[sorted.Length * 18];
        for (int i = 0; i < sorted.Length; i++)
        {
            Span<byte> row = bytes.AsSpan(i * 18, 18);
            BinaryPrimitives.WriteUInt64BigEndian(row, sorted[i].Address.High);
            BinaryPrimitives.WriteUInt64BigEndian(row[8..], sorted[i].Address.Low);
            row[16] = (byte)sorted[i].Length;
            row[17] = sorted[i].IsIpv6 ? (byte)1 : (byte)0;
        }

        string content = Convert.ToHexString(SHA256.HashData(bytes));
        if (!_byContent.TryGetValue(content, out SetSource? source))
        {
            source = new SetSource(new AddressSet(sorted), sorted);
            _byContent.Add(content, source);
        }

        return source;
    }
}
