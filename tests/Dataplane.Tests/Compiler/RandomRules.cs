using System;
using System.Collections.Generic;
using System.Linq;
using CsCheck;
using Dataplane.Packets;
using Dataplane.Topology.Model;

namespace Dataplane.Tests.Compiler;

/// <summary>Random rule lists and packets on few addresses, ports and protocols, so that edges meet often.</summary>
internal static class RandomRules
{
    private static readonly string[] BlocksV4 = ["0.0.0.0/0", "0.0.0.0/1", "10.0.0.0/8", "10.0.0.0/16", "10.0.1.0/24", "10.0.1.10/32", "255.255.255.255/32", "128.0.0.0/1"];
    private static readonly string[] BlocksV6 = ["::/0", "8000::/1", "fd00::/8", "fd00:1::/64", "fd00:1::/65", "fd00:1::20/128", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"];
    private static readonly int[] Edges = [0, 1, 22, 79, 80, 443, 1_024, 65_534, 65_535];

    private static readonly Gen<(int Protocol, int From, int To)> Services = Gen.OneOf(
        Gen.Const((-1, 0, 65_535)),
        Gen.Const((47, 0, 65_535)),
        Gen.Const((6, 0, 65_535)),
        Gen.Select(Gen.OneOf(6, 17), Gen.OneOf(Edges), Gen.OneOf(Edges), (protocol, a, b) => (protocol, Math.Min(a, b), Math.Max(a, b))),
        Gen.Select(Gen.OneOf(1, 58), Gen.OneOf(-1, 0, 3, 8, 255), Gen.OneOf(-1, 0, 4, 255), (protocol, type, code) => (protocol, type, code)));

    public static readonly Gen<SecurityGroupRule[]> GroupRules = Gen.Select(
        Services,
        Gen.OneOf(
            Gen.OneOf(BlocksV4).Select(Cidr),
            Gen.OneOf(BlocksV6).Select(Cidr),
            Gen.OneOf<Peer>(new GroupPeer("sg-member"), new GroupPeer("sg-unknown"), new PrefixListPeer("pl-1"), new PrefixListPeer("pl-unknown"))),
        (service, peer) => new SecurityGroupRule("", service.Protocol, service.From, service.To, peer)).Array[0, 40].Select(Named);

    public static readonly Gen<NetworkAclEntry[]> AclEntries = Gen.Select(
        Gen.Bool, Services, Gen.OneOf([.. BlocksV4, .. BlocksV6]),
        (allow, service, block) => new NetworkAclEntry(0, allow, service.Protocol, service.From, service.To, IpPrefix.Parse(block))).Array[0, 40].Select(Numbered);

    public static readonly Gen<Headers> Packets = Gen.Select(
        Gen.Bool, Gen.Int[0, 1_000], Gen.Int[0, 1_000], Gen.OneOf<byte>(6, 17, 1, 58, 47, 50), Gen.Int[0, 1_000], Gen.Int[-1, 1], Gen.Int[0, 7],
        (ipv6, source, destination, protocol, port, shift, flags) =>
        {
            // Ports known on most packets; references lost on some.
            bool known = flags != 0 && protocol is not (47 or 50);
            ushort field = protocol is 1 or 58
                ? (ushort)(new[] { 0, 3, 8, 255 }[port % 4] << 8 | new[] { 0, 4, 255 }[port % 3])
                : (ushort)(Edges[port % Edges.Length] + shift);
            return new Headers
            {
                Source = Address(ipv6, source),
                Destination = Address(ipv6, destination),
                Protocol = protocol,
                DestinationPort = known ? field : (ushort)0,
                Flags = (ipv6 ? HeaderFlags.Ipv6 : HeaderFlags.None)
                    | (known ? HeaderFlags.PortsKnown : HeaderFlags.None)
                    | (flags == 0 ? HeaderFlags.LaterFragment : HeaderFlags.None)
                    | (flags is 1 or 2 ? HeaderFlags.ReferencesLost : HeaderFlags.None),
            };
        });

    /// <summary>One network with all these lists: groups sg-0000 ..., ACLs acl-0000 ..., each list in both directions.</summary>
    public static Network Network(IReadOnlyList<SecurityGroupRule[]> groups, IReadOnlyList<NetworkAclEntry[]> acls) => Networks.Of(
        groups.Select((rules, i) => new SecurityGroup($"sg-{i:D4}", "", [Networks.Vpc], [.. rules], [.. rules])),
        acls.Select((entries, i) => new NetworkAcl($"acl-{i:D4}", Networks.Vpc, false, [.. entries], [.. entries])),
        [Networks.Interface("eni-1", "sg-member", "10.0.1.10", "10.0.0.255", "fd00:1::20", "fd00:1::8000:0:0:0/68")],
        [new PrefixList("pl-1", "", [IpPrefix.Parse("10.0.0.0/16"), IpPrefix.Parse("255.255.255.255/32"), IpPrefix.Parse("fd00:1::/64")], true)]);

    private static Peer Cidr(string block) => new CidrPeer(IpPrefix.Parse(block));

    private static SecurityGroupRule[] Named(SecurityGroupRule[] rules) => [.. rules.Select((rule, i) => rule with { Name = $"{i + 1}" })];

    private static NetworkAclEntry[] Numbered(NetworkAclEntry[] entries) => [.. entries.Select((entry, i) => entry with { Number = i + 1 })];

    /// <summary>An edge of one of the blocks, or one beside it.</summary>
    private static IpAddress Address(bool ipv6, int choice)
    {
        string[] blocks = ipv6 ? BlocksV6 : BlocksV4;
        IpPrefix block = IpPrefix.Parse(blocks[choice % blocks.Length]);
        return (choice / blocks.Length % 4) switch
        {
            0 => block.Address,
            1 => block.Last,
            2 => block.Last.Plus(1),
            _ => block.Address.Plus(ulong.MaxValue),
        };
    }
}
