// Makes Model.Network records in a few lines, with what the resolver would fill in: local routes, a default ACL and a main table for each VPC.
//
//   vpc vpc-1 10.0.0.0/16 2001:db8:1::/56
//   subnet sub-a vpc-1 10.0.1.0/24 rtb=rtb-a acl=acl-a          without rtb= and acl=: rtb-main-vpc-1, acl-default-vpc-1
//   eni eni-a sub-a 10.0.1.10=203.0.113.10 2001:db8:1:1::10 sg=sg-a+sg-b [prefix=10.0.1.64/28] [nocheck] [managed] [denyigw] [timers=350/120/30] [type=lambda] [of=nat-1]
//     of=: an interface of something that is not enforced
//   sg sg-a vpc-1 [vpc-2]
//     in tcp 443 10.0.0.0/16           in udp 53-54 pl-1        in icmp 8/0 sg-a         in all 0.0.0.0/0      in 47 0.0.0.0/0     in tcp all ...
//     out all 0.0.0.0/0 name=sgr-1
//   acl acl-a vpc-1
//     in 100 allow tcp 22-443 0.0.0.0/0
//   rtb rtb-a vpc-1 [nolocal] [edge=igw-1]
//     0.0.0.0/0 igw-1                  10.1.0.0/16 blackhole    pl-1 eni-a      10.2.0.0/16 vgw-1 propagated    10.9.0.0/16 local
//   igw igw-1 vpc-1    eigw eigw-1 vpc-1    vgw vgw-1 vpc-1 [10.2.0.0/16]    nat nat-1 vpc-1    pcx ...   tgw ...
//   pl pl-1 203.0.113.0/24 ...

using System;
using System.Collections.Frozen;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using Dataplane.Packets;
using Dataplane.Topology.Model;

namespace Dataplane.Tests.TestSupport;

/// <summary>Builds networks for tests, from text or call by call.</summary>
public sealed class NetworkBuilder
{
    private readonly List<Vpc> _vpcs = [];
    private readonly List<Subnet> _subnets = [];
    private readonly List<NetworkInterface> _interfaces = [];
    private readonly List<(string Id, ImmutableArray<string> Vpcs, List<SecurityGroupRule> In, List<SecurityGroupRule> Out)> _groups = [];
    private readonly List<(string Id, string Vpc, List<NetworkAclEntry> In, List<NetworkAclEntry> Out)> _acls = [];
    private readonly List<(string Id, string Vpc, bool Local, ImmutableArray<string> Edge, List<(IpPrefix? Block, string? List, string Target, bool Propagated)> Routes)> _tables = [];
    private readonly List<Gateway> _gateways = [];
    private readonly List<PrefixList> _lists = [];

    /// <summary>Reads the text form that the top of this file shows; later texts add to earlier ones.</summary>
    public static NetworkBuilder Of(params string[] texts)
    {
        NetworkBuilder builder = new();
        foreach (string line in texts.SelectMany(t => t.Split('\n')))
        {
            string text = line.Split('#')[0].Trim();
            if (text.Length > 0)
            {
                builder.Line(text.Split(' ', StringSplitOptions.RemoveEmptyEntries));
            }
        }

        return builder;
    }

    public static Network Network(params string[] texts) => Of(texts).Build();

    public NetworkBuilder Vpc(string id, params string[] blocks)
    {
        _vpcs.Add(new Vpc(id, [.. blocks.Select(IpPrefix.Parse)]));
        Acl($"acl-default-{id}", id);
        Entry("in", 100, true, "all", "0.0.0.0/0").Entry("in", 101, true, "all", "::/0");
        Entry("out", 100, true, "all", "0.0.0.0/0").Entry("out", 101, true, "all", "::/0");
        return Table($"rtb-main-{id}", id);
    }

    public NetworkBuilder Subnet(string id, string vpc, IEnumerable<string> blocks, string? table = null, string? acl = null)
    {
        _subnets.Add(new Subnet(id, vpc, [.. blocks.Select(IpPrefix.Parse)], table ?? $"rtb-main-{vpc}", acl ?? $"acl-default-{vpc}"));
        return this;
    }

    public NetworkBuilder Interface(NetworkInterface value)
    {
        _interfaces.Add(value);
        return this;
    }

    /// <param name="addresses">PRIVATE or PRIVATE=PUBLIC.</param>
    public NetworkBuilder Eni(string id, string subnet, IEnumerable<string> addresses, params string[] groups)
    {
        IEnumerable<InterfaceAddress> parsed = addresses.Select(a => a.Split('=')).Select(
            a => new InterfaceAddress(IpAddress.Parse(a[0]), a.Length > 1 ? IpAddress.Parse(a[1]) : null));
        return Interface(new NetworkInterface
        {
            Id = id,
            VpcId = _subnets.Single(s => s.Id == subnet).VpcId,
            SubnetId = subnet,
            Addresses = [.. parsed],
            SecurityGroupIds = [.. groups.Order(StringComparer.Ordinal)],
        });
    }

    public NetworkBuilder Group(string id, params string[] vpcs)
    {
        _groups.Add((id, [.. vpcs], [], []));
        return this;
    }

    /// <summary>Adds a rule to the group that was begun last.</summary>
    /// <param name="ports">443, 1-9, all; for ICMP type/code, *, or 8/*.</param>
    public NetworkBuilder Rule(string direction, string protocol, string ports, string peer, string? name = null)
    {
        List<SecurityGroupRule> rules = direction == "in" ? _groups[^1].In : _groups[^1].Out;
        int number = Protocol(protocol);
        (int from, int to) = Ports(number, ports);
        Peer parsed = peer.StartsWith("pl-", StringComparison.Ordinal) ? new PrefixListPeer(peer)
            : peer.Contains('/', StringComparison.Ordinal) ? new CidrPeer(IpPrefix.Parse(peer))
            : new GroupPeer(peer);
        rules.Add(new SecurityGroupRule(name ?? (rules.Count + 1).ToString(CultureInfo.InvariantCulture), number, from, to, parsed));
        return this;
    }

    public NetworkBuilder Acl(string id, string vpc)
    {
        _acls.Add((id, vpc, [], []));
        return this;
    }

    /// <summary>Adds an entry to the ACL that was begun last.</summary>
    public NetworkBuilder Entry(string direction, int number, bool allow, string protocol, string block, string ports = "all")
    {
        int parsed = Protocol(protocol);
        (int from, int to) = Ports(parsed, ports);
        (direction == "in" ? _acls[^1].In : _acls[^1].Out).Add(new NetworkAclEntry(number, allow, parsed, from, to, IpPrefix.Parse(block)));
        return this;
    }

    public NetworkBuilder Table(string id, string vpc, bool local = true, params string[] edge)
    {
        _tables.Add((id, vpc, local, [.. edge], []));
        return this;
    }

    /// <summary>Adds a route to the table that was begun last.</summary>
    /// <param name="destination">A block or the id of a prefix list.</param>
    /// <param name="target">An id, local, or blackhole.</param>
    public NetworkBuilder Route(string destination, string target, bool propagated = false)
    {
        bool isList = destination.StartsWith("pl-", StringComparison.Ordinal);
        _tables[^1].Routes.Add((isList ? null : IpPrefix.Parse(destination), isList ? destination : null, target, propagated));
        return this;
    }

    public NetworkBuilder Gateway(string id, GatewayKind kind, string? vpc, params string[] behind)
    {
        _gateways.Add(new Gateway(id, kind, vpc, [.. behind.Select(IpPrefix.Parse)]));
        return this;
    }

    public NetworkBuilder List(string id, params string[] entries)
    {
        _lists.Add(new PrefixList(id, id, [.. entries.Select(IpPrefix.Parse)], true));
        return this;
    }

    public Network Build() => new()
    {
        Vpcs = [.. _vpcs.OrderBy(v => v.Id, StringComparer.Ordinal)],
        Subnets = [.. _subnets.OrderBy(s => s.Id, StringComparer.Ordinal)],
        Interfaces = [.. _interfaces.OrderBy(i => i.Id, StringComparer.Ordinal)],
        SecurityGroups = [.. _groups.Select(g => new SecurityGroup(g.Id, g.Id, g.Vpcs, [.. g.In], [.. g.Out])).OrderBy(g => g.Id, StringComparer.Ordinal)],
        NetworkAcls =
        [
            .. _acls.Select(a => new NetworkAcl(
                a.Id, a.Vpc, a.Id == $"acl-default-{a.Vpc}", [.. a.In.OrderBy(e => e.Number)], [.. a.Out.OrderBy(e => e.Number)])).OrderBy(a => a.Id, StringComparer.Ordinal),
        ],
        RouteTables = [.. _tables.Select(BuildTable).OrderBy(t => t.Id, StringComparer.Ordinal)],
        PrefixLists = [.. _lists.OrderBy(l => l.Id, StringComparer.Ordinal)],
        Gateways = [.. _gateways.OrderBy(g => g.Id, StringComparer.Ordinal)],
        Instances = FrozenDictionary<string, ImmutableArray<string>>.Empty,
    };

    private RouteTable BuildTable((string Id, string Vpc, bool Local, ImmutableArray<string> Edge, List<(IpPrefix? Block, string? List, string Target, bool Propagated)> Routes) table)
    {
        IEnumerable<Route> local = table.Local
            ? _vpcs.Single(v => v.Id == table.Vpc).Blocks.Select(b => new Route(b, null, TargetKind.Local, "local", RouteOrigin.Local))
            : [];
        IEnumerable<Route> own = table.Routes.Select(r => new Route(
            r.Block, r.List, Kind(r.Target, table.Vpc), Component(r.Target) ?? r.Target, r.Propagated ? RouteOrigin.Propagated : r.Target == "local" ? RouteOrigin.Local : RouteOrigin.Static));
        return new RouteTable(
            table.Id, table.Vpc, table.Id == $"rtb-main-{table.Vpc}", [.. local.Where(l => !own.Any(o => o.Destination == l.Destination && o.Origin != RouteOrigin.Propagated)), .. own], table.Edge, []);
    }

    private string? Component(string interfaceId) => _interfaces.FirstOrDefault(i => i.Id == interfaceId)?.Unenforced;

    private TargetKind Kind(string target, string vpc)
    {
        if (target == "local")
        {
            return TargetKind.Local;
        }

        if (_interfaces.Any(i => i.Id == target))
        {
            return Component(target) is null ? TargetKind.NetworkInterface : TargetKind.Unsupported;
        }

        Gateway? gateway = _gateways.SingleOrDefault(g => g.Id == target);
        return gateway?.Kind switch
        {
            GatewayKind.Internet => gateway.VpcId == vpc ? TargetKind.InternetGateway : TargetKind.Blackhole,
            GatewayKind.EgressOnlyInternet => gateway.VpcId == vpc ? TargetKind.EgressOnlyInternetGateway : TargetKind.Blackhole,
            null => TargetKind.Blackhole,
            _ => TargetKind.Unsupported,
        };
    }

    private void Line(string[] words)
    {
        string? Option(string name) => words.FirstOrDefault(w => w.StartsWith(name + "=", StringComparison.Ordinal))?[(name.Length + 1)..];
        switch (words[0])
        {
            case "vpc":
                Vpc(words[1], words[2..]);
                break;
            case "subnet":
                Subnet(words[1], words[2], words[3..].Where(w => !w.Contains('=', StringComparison.Ordinal)), Option("rtb"), Option("acl"));
                break;
            case "eni":
                IEnumerable<string> addresses = words[3..].Where(w => char.IsAsciiHexDigit(w[0]) && (w.Contains('.', StringComparison.Ordinal) || w.Contains(':', StringComparison.Ordinal)));
                Eni(words[1], words[2], addresses, Option("sg")?.Split('+') ?? []);
                int[]? timers = Option("timers")?.Split('/').Select(t => int.Parse(t, CultureInfo.InvariantCulture)).ToArray();
                _interfaces[^1] = _interfaces[^1] with
                {
                    SourceDestCheck = !words.Contains("nocheck"),
                    Kind = words.Contains("managed") || Option("of") is not null ? InterfaceKind.Managed : InterfaceKind.Standard,
                    Unenforced = Option("of"),
                    Service = AutoTracking.Of(Option("type")),
                    DenyAllIgwTraffic = words.Contains("denyigw"),
                    Prefixes = Option("prefix") is { } prefix ? [IpPrefix.Parse(prefix)] : [],
                    Timeouts = timers is null ? TrackingTimeouts.Default : new TrackingTimeouts(timers[0], timers[1], timers[2]),
                };
                break;
            case "sg":
                Group(words[1], words[2..]);
                break;
            case "acl":
                Acl(words[1], words[2]);
                break;
            case "rtb":
                Table(words[1], words[2], !words.Contains("nolocal"), Option("edge") is { } edge ? [edge] : []);
                break;
            case "igw":
                Gateway(words[1], GatewayKind.Internet, words.ElementAtOrDefault(2));
                break;
            case "eigw":
                Gateway(words[1], GatewayKind.EgressOnlyInternet, words.ElementAtOrDefault(2));
                break;
            case "vgw":
                Gateway(words[1], GatewayKind.VirtualPrivate, words[2], words[3..]);
                break;
            case "pcx":
                Gateway(words[1], GatewayKind.VpcPeering, words[2], words[3..]);
                break;
            case "tgw":
                Gateway(words[1], GatewayKind.Transit, words[2], words[3..]);
                break;
            case "nat":
                Gateway(words[1], GatewayKind.Nat, words[2]);
                break;
            case "pl":
                List(words[1], words[2..]);
                break;
            case "in" or "out" when int.TryParse(words[1], out int number) && words[2] is "allow" or "deny":
                Entry(words[0], number, words[2] == "allow", words[3], words[^1], words.Length > 5 ? words[4] : "all");
                break;
            case "in" or "out":
                string[] rule = [.. words.Where(w => !w.StartsWith("name=", StringComparison.Ordinal))];
                Rule(rule[0], rule[1], rule.Length > 3 ? rule[2] : "all", rule[^1], Option("name"));
                break;
            default:
                Route(words[0], words[1], words.Contains("propagated"));
                break;
        }
    }

    private static int Protocol(string text) => text switch
    {
        "all" => -1,
        "icmp" => 1,
        "tcp" => 6,
        "udp" => 17,
        "icmpv6" => 58,
        _ => int.Parse(text, CultureInfo.InvariantCulture),
    };

    private static (int From, int To) Ports(int protocol, string text)
    {
        static int Number(string part) => part == "*" ? -1 : int.Parse(part, CultureInfo.InvariantCulture);
        if (protocol is 1 or 58)
        {
            string[] parts = text is "all" ? ["*", "*"] : text.Split('/');
            return (Number(parts[0]), Number(parts[1]));
        }

        if (text == "all" || protocol is not (6 or 17))
        {
            return (0, 65_535);
        }

        string[] range = text.Split('-');
        return (Number(range[0]), Number(range[^1]));
    }
}
