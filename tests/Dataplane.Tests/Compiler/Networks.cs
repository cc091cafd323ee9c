using System.Collections.Frozen;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Dataplane.Compiler.Load;
using Dataplane.Compiler.Lower;
using Dataplane.Packets;
using Dataplane.Topology.Model;
using Xunit;

namespace Dataplane.Tests.Compiler;

/// <summary>Networks made by hand for the compiler: only what rule lists need.</summary>
internal static class Networks
{
    public const string Vpc = "vpc-1";

    public static Network Of(
        IEnumerable<SecurityGroup>? groups = null,
        IEnumerable<NetworkAcl>? acls = null,
        IEnumerable<NetworkInterface>? interfaces = null,
        IEnumerable<PrefixList>? prefixLists = null) => new()
        {
            Vpcs = [new Vpc(Vpc, [IpPrefix.Parse("10.0.0.0/16")])],
            Subnets = [],
            Interfaces = [.. interfaces ?? []],
            SecurityGroups = [.. groups ?? []],
            NetworkAcls = [.. acls ?? []],
            RouteTables = [],
            PrefixLists = [.. prefixLists ?? []],
            Gateways = [],
            Instances = FrozenDictionary<string, ImmutableArray<string>>.Empty,
        };

    public static SecurityGroup Group(string id, params SecurityGroupRule[] ingress) => new(id, id, [Vpc], [.. ingress], []);

    public static SecurityGroupRule Rule(string name, int protocol, int from, int to, string peer, string line = "") =>
        new(name, protocol, from, to, Peer(peer), line);

    public static NetworkAclEntry Entry(int number, bool allow, int protocol, int from, int to, string block, string line = "") =>
        new(number, allow, protocol, from, to, IpPrefix.Parse(block), line);

    public static NetworkAcl Acl(string id, params NetworkAclEntry[] ingress) => new(id, Vpc, false, [.. ingress], []);

    public static NetworkInterface Interface(string id, string group, params string[] addresses) => new()
    {
        Id = id,
        VpcId = Vpc,
        SubnetId = "subnet-1",
        Addresses = [.. addresses.Where(a => !a.Contains('/', System.StringComparison.Ordinal)).Select(a => new InterfaceAddress(IpAddress.Parse(a)))],
        Prefixes = [.. addresses.Where(a => a.Contains('/', System.StringComparison.Ordinal)).Select(IpPrefix.Parse)],
        SecurityGroupIds = [group],
    };

    public static Headers Packet(int protocol, string source, string destination, int port, HeaderFlags flags = HeaderFlags.PortsKnown)
    {
        IpAddress from = IpAddress.Parse(source);
        return new Headers
        {
            Source = from,
            Destination = IpAddress.Parse(destination),
            Protocol = (byte)protocol,
            DestinationPort = (ushort)port,
            Flags = flags | (from.IsIpv6 ? HeaderFlags.Ipv6 : HeaderFlags.None),
        };
    }

    /// <summary>A list for tests of single passes, without a network around it.</summary>
    public static RuleList List(Network network, ListKind kind, string owner, bool ingress = true)
    {
        FilterCatalog catalog = new(network);
        return new Lowering(catalog).Lower(catalog.Find(kind, owner, Vpc, ingress));
    }

    public static void NoBugs(CompileReport report)
    {
        if (!report.Bugs.IsEmpty)
        {
            Assert.Fail(string.Join('\n', report.Bugs));
        }
    }

    /// <summary>A web tier: each kind of rule once, short lists, one long list, two lists with equal rules.</summary>
    public static Network Small()
    {
        SecurityGroupRule[] partners =
        [
            .. Enumerable.Range(0, 33).Select(i => Rule($"sgr-{i:D2}", 6, 443, 443, $"203.0.{i}.0/24", $"HTTPS (443) | TCP (6) | 443 | 203.0.{i}.0/24")),
            Rule("sgr-v6", 6, 443, 443, "2001:db8:7::/48", "HTTPS (443) | TCP (6) | 443 | 2001:db8:7::/48"),
            Rule("sgr-any", 6, 80, 80, "0.0.0.0/0", "HTTP (80) | TCP (6) | 80 | 0.0.0.0/0"),
            Rule("sgr-app", 6, 8_000, 8_099, "sg-app", "Custom TCP | TCP (6) | 8000 - 8099 | sg-app"),
        ];
        return Of(
            [
                Group(
                    "sg-app",
                    Rule("1", 6, 443, 443, "sg-web", "HTTPS (443) | TCP (6) | 443 | sg-web"),
                    Rule("2", 6, 22, 22, "pl-admin", "SSH (22) | TCP (6) | 22 | pl-admin"),
                    Rule("3", 1, 8, -1, "10.0.0.0/16", "Custom ICMP | ICMP (1) | Echo Request | All | 10.0.0.0/16"),
                    Rule("4", 1, -1, 3, "10.0.0.0/16", "odd"),
                    Rule("5", 58, -1, -1, "fd00:1::/64", "All ICMPv6 | ICMPv6 (58) | All | fd00:1::/64")),
                Group("sg-partners", partners),
                Group(
                    "sg-twin",
                    Rule("sgr-a", 6, 443, 443, "0.0.0.0/0", "HTTPS (443) | TCP (6) | 443 | 0.0.0.0/0"),
                    Rule("sgr-b", 6, 443, 443, "10.0.0.0/8", "HTTPS (443) | TCP (6) | 443 | 10.0.0.0/8"),
                    Rule("sgr-c", 6, 443, 443, "10.1.0.0/16", "HTTPS (443) | TCP (6) | 443 | 10.1.0.0/16")),
                Group(
                    "sg-web",
                    Rule("1", 6, 443, 443, "0.0.0.0/0", "HTTPS (443) | TCP (6) | 443 | 0.0.0.0/0"),
                    Rule("2", 6, 443, 443, "10.0.0.0/8", "HTTPS (443) | TCP (6) | 443 | 10.0.0.0/8"),
                    Rule("3", 6, 443, 443, "10.1.0.0/16", "HTTPS (443) | TCP (6) | 443 | 10.1.0.0/16")),
            ],
            [
                Acl(
                    "acl-web",
                    Entry(90, false, 6, 22, 22, "203.0.113.0/24", "90 | SSH (22) | TCP (6) | 22 | 203.0.113.0/24 | Deny"),
                    Entry(100, true, 6, 22, 443, "0.0.0.0/0", "100 | Custom TCP | TCP (6) | 22 - 443 | 0.0.0.0/0 | Allow"),
                    Entry(110, true, 6, 80, 80, "10.0.0.0/8", "110 | HTTP (80) | TCP (6) | 80 | 10.0.0.0/8 | Allow"),
                    Entry(120, false, 6, 443, 443, "10.0.0.0/8", "120 | HTTPS (443) | TCP (6) | 443 | 10.0.0.0/8 | Deny"),
                    Entry(130, true, 1, -1, 0, "10.0.0.0/8", "130 | Custom ICMP | ICMP (1) | code 0 | 10.0.0.0/8 | Allow"),
                    Entry(140, true, 6, 1_024, 65_535, "::/0", "140 | Custom TCP | TCP (6) | 1024 - 65535 | ::/0 | Allow")),
            ],
            [
                Interface("eni-app", "sg-app", "10.0.2.20", "fd00:1::20", "10.0.2.32/28"),
                Interface("eni-web", "sg-web", "10.0.1.10"),
            ],
            [new PrefixList("pl-admin", "admin", [IpPrefix.Parse("198.51.100.0/24"), IpPrefix.Parse("0.0.0.0/32")], true)]);
    }

    private static Peer Peer(string peer) => peer switch
    {
        _ when peer.StartsWith("sg-", System.StringComparison.Ordinal) => new GroupPeer(peer),
        _ when peer.StartsWith("pl-", System.StringComparison.Ordinal) => new PrefixListPeer(peer),
        _ => new CidrPeer(IpPrefix.Parse(peer)),
    };
}
