// Networks that nobody would draw and every importer could meet: overlapping VPCs, appliances in circles, edge tables, groups that name each other, lists,
// odd ports and ICMP types, both families, interfaces with several groups, own timers, delegated prefixes, managed interfaces, interfaces of what is not enforced.
//
// Everything comes from one Random, so a seed is a network.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Dataplane.Packets;
using Dataplane.Tests.TestSupport;
using Dataplane.Topology.Model;

namespace Dataplane.Tests.Properties;

/// <summary>A random network, and the addresses that its traffic should meet.</summary>
public sealed class RandomNetwork
{
    private static readonly string[] Ports = ["80", "443", "22", "1-1023", "1024-65535", "0-65535", "all", "0", "65535", "53", "8080-8090", "40000-40010"];
    private static readonly string[] IcmpTypes = ["all", "8/0", "8/*", "0/0", "3/*", "11/0", "3/4", "128/*", "1/*", "2/0"];

    private readonly Random _random;
    private readonly NetworkBuilder _builder = new();
    private readonly HashSet<string> _components = [];

    public RandomNetwork(Random random)
    {
        _random = random;
        int vpcs = random.Next(1, 4);
        bool overlap = vpcs > 1 && Chance(15);
        for (int lists = random.Next(0, 3), i = 0; i < lists; i++)
        {
            List<string> entries = [.. Enumerable.Range(0, random.Next(0, 5)).Select(_ => AnyBlock(Chance(30)))];
            _builder.List($"pl-{i}", [.. entries]);
            Lists.Add($"pl-{i}");
        }

        for (int v = 0; v < vpcs; v++)
        {
            Vpc(v, overlap && v == 1 ? 0 : v);
        }

        Network = _builder.Build();
        foreach (NetworkInterface eni in Network.Interfaces)
        {
            foreach (InterfaceAddress address in eni.Addresses)
            {
                Own.Add(address.Private);
                if (address.Public is { } known)
                {
                    Public.Add(known);
                }
            }

            foreach (IpPrefix prefix in eni.Prefixes)
            {
                Own.Add(prefix.Address.Plus(3));
            }
        }
    }

    public Network Network { get; }

    /// <summary>Private and IPv6 addresses of interfaces.</summary>
    public List<IpAddress> Own { get; } = [];

    public List<IpAddress> Public { get; } = [];

    /// <summary>Addresses of VPCs that no interface has, service addresses, far networks.</summary>
    public List<IpAddress> Odd { get; } = [.. new[]
    {
        "198.51.100.7", "198.51.100.8", "203.0.113.200", "192.168.7.7", "172.16.5.5", "100.64.1.1", "10.200.0.5", "169.254.169.254", "169.254.169.253", "169.254.168.5",
        "224.0.0.5", "255.255.255.255", "127.0.0.1", "2001:db8:ffff::7", "2001:db8:ffff::8", "fd00:ec2::253", "fd00:ec2::77", "ff02::1", "fe80::1",
    }.Select(IpAddress.Parse)];

    private List<string> Lists { get; } = [];

    private bool Chance(int percent) => _random.Next(100) < percent;

    private T Pick<T>(IReadOnlyList<T> from) => from[_random.Next(from.Count)];

    private void Vpc(int v, int block)
    {
        string id = $"vpc-{v}";
        bool v6 = Chance(70);
        bool second = Chance(20);
        List<string> blocks = [$"10.{block}.0.0/16"];
        if (second)
        {
            blocks.Add($"100.{70 + v}.0.0/16");
        }

        if (v6)
        {
            blocks.Add($"2001:db8:{v}::/56");
        }

        _builder.Vpc(id, [.. blocks]);
        Odd.Add(IpAddress.Parse($"10.{block}.9.9"));
        Odd.Add(IpAddress.Parse($"10.{block}.0.2"));
        Odd.Add(IpAddress.Parse($"10.{block}.1.1"));
        if (Chance(85))
        {
            _builder.Gateway($"igw-{v}", GatewayKind.Internet, id);
        }

        if (v6 && Chance(50))
        {
            _builder.Gateway($"eigw-{v}", GatewayKind.EgressOnlyInternet, id);
        }

        if (Chance(50))
        {
            _builder.Gateway($"nat-{v}", GatewayKind.Nat, id);
            _components.Add($"nat-{v}");
        }

        bool vgw = Chance(25);
        if (vgw)
        {
            _builder.Gateway($"vgw-{v}", GatewayKind.VirtualPrivate, id, "192.168.0.0/16");
        }

        int groups = _random.Next(1, 5);
        string[] groupIds = [.. Enumerable.Range(0, groups).Select(g => $"sg-{v}-{g}")];
        foreach (string group in groupIds)
        {
            _builder.Group(group, id);
            Rules("in", groupIds, v);
            Rules("out", groupIds, v);
        }

        string[] acls = [.. Enumerable.Range(0, _random.Next(0, 3)).Select(a => $"acl-{v}-{a}")];
        foreach (string acl in acls)
        {
            _builder.Acl(acl, id);
            Entries("in", v);
            Entries("out", v);
        }

        int subnets = _random.Next(1, 5);
        int enis = 0;
        List<string> appliances = [];
        List<(string Subnet, string Table)> tables = [];
        for (int s = 0; s < subnets; s++)
        {
            string subnet = $"subnet-{v}-{s}";
            string table = Chance(60) ? $"rtb-{v}-{s}" : $"rtb-main-{id}";
            string acl = acls.Length > 0 && Chance(50) ? Pick(acls) : $"acl-default-{id}";
            List<string> subnetBlocks = [second && s == 3 ? $"100.{70 + v}.3.0/24" : $"10.{block}.{s}.0/24"];
            if (v6 && Chance(80))
            {
                subnetBlocks.Add($"2001:db8:{v}:{s:x}::/64");
            }

            _builder.Subnet(subnet, id, subnetBlocks, table, acl);
            if (table != $"rtb-main-{id}")
            {
                tables.Add((subnet, table));
            }

            for (int count = _random.Next(0, 4), e = 0; e < count; e++)
            {
                string eni = $"eni-{v}-{enis++}";
                if (Eni(eni, id, subnet, subnetBlocks, e, v, groupIds))
                {
                    appliances.Add(eni);
                }
            }
        }

        foreach ((string subnet, string table) in tables)
        {
            _builder.Table(table, id);
            Routes(v, block, v6, vgw, appliances);
        }

        if (Chance(40))
        {
            // The edge table may name only the VPC's own blocks (RT-21).
            _builder.Table($"rtb-edge-{v}", id, true, $"igw-{v}");
            if (appliances.Count > 0)
            {
                for (int s = 0; s < subnets; s++)
                {
                    if (Chance(50))
                    {
                        _builder.Route($"10.{block}.{s}.0/24", Pick(appliances));
                    }
                }
            }
        }
    }

    private bool Eni(string id, string vpc, string subnet, List<string> blocks, int index, int v, string[] groupIds)
    {
        List<InterfaceAddress> addresses = [];
        foreach (string text in blocks)
        {
            IpPrefix block = IpPrefix.Parse(text);
            int count = Chance(20) ? 2 : 1;
            for (int i = 0; i < count; i++)
            {
                IpAddress own = block.Address.Plus((ulong)(10 + (index * 10) + i));
                IpAddress? outside = !block.IsIpv6 && Chance(50)
                    ? IpAddress.V4((uint)(0xCB007100 + (v * 64) + ((int)(block.Address.Low >> 8) & 3) * 16 + (index * 4) + i))
                    : null;
                addresses.Add(new InterfaceAddress(own, outside));
            }
        }

        string? component = Chance(8) ? _components.Contains($"nat-{v}") && Chance(50) ? $"nat-{v}" : id : null;
        bool managed = component is not null || Chance(8);
        bool noCheck = Chance(25);
        _builder.Interface(new NetworkInterface
        {
            Id = id,
            VpcId = vpc,
            SubnetId = subnet,
            Addresses = [.. addresses],
            Prefixes = Chance(10) ? [IpPrefix.Parse(blocks[0]) is var b ? new IpPrefix(b.Address.Plus((ulong)(128 + (16 * index))), 28) : default] : [],
            SecurityGroupIds = managed ? [] : [.. groupIds.Where(_ => Chance(40)).DefaultIfEmpty(groupIds[0]).Order(StringComparer.Ordinal)],
            Kind = managed ? InterfaceKind.Managed : InterfaceKind.Standard,
            Unenforced = component,
            Service = Chance(12) ? (TrackedService)_random.Next(1, 5) : TrackedService.None,
            SourceDestCheck = !noCheck,
            DenyAllIgwTraffic = Chance(4),
            Timeouts = Chance(20) ? new TrackingTimeouts(350, 120, 60) : TrackingTimeouts.Default,
        });
        return noCheck || Chance(10);
    }

    private void Rules(string direction, string[] groups, int v)
    {
        if (Chance(25))
        {
            _builder.Rule(direction, "all", "all", Chance(50) ? "0.0.0.0/0" : "::/0");
        }

        for (int count = _random.Next(0, 6), i = 0; i < count; i++)
        {
            string protocol = Pick((string[])["tcp", "tcp", "tcp", "udp", "icmp", "icmpv6", "all", "47", "1", "58"]);
            string ports = protocol is "icmp" or "icmpv6" or "1" or "58" ? Pick(IcmpTypes) : Pick(Ports);
            string peer = _random.Next(10) switch
            {
                0 or 1 or 2 => Pick(groups),
                3 when Lists.Count > 0 => Pick(Lists),
                4 => "0.0.0.0/0",
                5 => "::/0",
                _ => AnyBlock(Chance(30), v),
            };
            _builder.Rule(direction, protocol, ports, peer);
        }
    }

    private void Entries(string direction, int v)
    {
        int number = 0;
        for (int count = _random.Next(0, 7), i = 0; i < count; i++)
        {
            number += _random.Next(1, 100);
            string protocol = Pick((string[])["tcp", "tcp", "udp", "icmp", "all", "all", "47", "58"]);
            string ports = protocol is "icmp" or "icmpv6" or "58" ? Pick(IcmpTypes) : Pick(Ports);
            string block = Chance(40) ? Chance(60) ? "0.0.0.0/0" : "::/0" : AnyBlock(Chance(30), v);
            _builder.Entry(direction, number, Chance(75), protocol, block, ports);
        }

        if (Chance(60))
        {
            _builder.Entry(direction, 9_000, true, "all", "0.0.0.0/0").Entry(direction, 9_001, true, "all", "::/0");
        }
    }

    private void Routes(int v, int block, bool v6, bool vgw, List<string> appliances)
    {
        HashSet<string> taken = [];
        void Add(string destination, string target, bool propagated = false)
        {
            if (taken.Add(destination))
            {
                _builder.Route(destination, target, propagated);
            }
        }

        if (Chance(80))
        {
            Add("0.0.0.0/0", Target("igw", v, appliances));
        }

        if (v6 && Chance(80))
        {
            Add("::/0", Chance(50) ? $"eigw-{v}" : Target("igw", v, appliances));
        }

        for (int count = _random.Next(0, 4), i = 0; i < count; i++)
        {
            string destination = _random.Next(6) switch
            {
                0 => $"10.{block}.{_random.Next(4)}.0/24",
                1 when Lists.Count > 0 => Pick(Lists),
                2 => "198.51.100.0/24",
                3 => "2001:db8:ffff::/48",
                4 => "192.168.0.0/16",
                _ => AnyBlock(false),
            };
            // A more specific route inside the VPC may only lead to an appliance (RT-09).
            bool inside = destination.StartsWith($"10.{block}.", StringComparison.Ordinal);
            if (inside && appliances.Count == 0)
            {
                continue;
            }

            Add(destination, inside ? Pick(appliances) : Target("igw", v, appliances));
        }

        if (vgw && Chance(60))
        {
            Add("192.168.0.0/17", $"vgw-{v}", Chance(50));
        }
    }

    private string Target(string usual, int v, List<string> appliances) => _random.Next(10) switch
    {
        0 => "blackhole",
        1 when appliances.Count > 0 => Pick(appliances),
        2 => $"nat-{v}",
        _ => $"{usual}-{v}",
    };

    private string AnyBlock(bool v6, int? v = null)
    {
        if (v6)
        {
            return Pick((string[])["2001:db8::/32", "2001:db8:ffff::/48", $"2001:db8:{v ?? 0}::/56", $"2001:db8:{v ?? 0}:1::/64", "2001:db8:ffff::7/128"]);
        }

        int length = Pick((int[])[0, 1, 8, 16, 16, 24, 24, 28, 31, 32]);
        string address = Pick((string[])["10.0.0.0", "10.0.1.10", "10.1.0.0", "10.1.1.10", "10.2.0.20", "198.51.100.7", "198.51.100.0", "203.0.113.16", "192.168.0.0", "172.16.0.0"]);
        return new IpPrefix(IpAddress.Parse(address), length).ToString();
    }

    public override string ToString() => string.Join('\n',
        Network.Vpcs.Select(x => $"vpc {x.Id} {string.Join(' ', x.Blocks)}")
            .Concat(Network.Subnets.Select(s => $"subnet {s.Id} {s.VpcId} {string.Join(' ', s.Blocks)} rtb={s.RouteTableId} acl={s.NetworkAclId}"))
            .Concat(Network.Interfaces.Select(i => string.Create(CultureInfo.InvariantCulture,
                $"eni {i.Id} {i.SubnetId} {string.Join(' ', i.Addresses.Select(a => a.Public is { } p ? $"{a.Private}={p}" : a.Private.ToString()))} sg={string.Join('+', i.SecurityGroupIds)} {(i.SourceDestCheck ? "" : "nocheck ")}{(i.Kind == InterfaceKind.Managed ? "managed " : "")}{(i.Unenforced is { } component ? $"of={component} " : "")}{(i.Service == TrackedService.None ? "" : $"service={i.Service} ")}{(i.DenyAllIgwTraffic ? "denyigw " : "")}{string.Concat(i.Prefixes.Select(p => $"prefix={p} "))}timers={i.Timeouts.TcpEstablished}/{i.Timeouts.UdpStream}/{i.Timeouts.Udp}")))
            .Concat(Network.SecurityGroups.SelectMany(g => (string[])[$"sg {g.Id} {string.Join(' ', g.VpcIds)}",
                .. g.Ingress.Select(r => $"  in {r.Protocol} {r.From}-{r.To} {Peer(r.Peer)}"), .. g.Egress.Select(r => $"  out {r.Protocol} {r.From}-{r.To} {Peer(r.Peer)}")]))
            .Concat(Network.NetworkAcls.SelectMany(a => (string[])[$"acl {a.Id} {a.VpcId}",
                .. a.Ingress.Select(e => $"  in {e.Number} {(e.Allow ? "allow" : "deny")} {e.Protocol} {e.From}-{e.To} {e.Block}"),
                .. a.Egress.Select(e => $"  out {e.Number} {(e.Allow ? "allow" : "deny")} {e.Protocol} {e.From}-{e.To} {e.Block}")]))
            .Concat(Network.RouteTables.SelectMany(t => (string[])[$"rtb {t.Id} {t.VpcId} {string.Join(' ', t.GatewayIds.Select(g => $"edge={g}"))}",
                .. t.Routes.Select(r => $"  {r.PrefixListId ?? r.Destination.ToString()} {r.Kind} {r.TargetId} {r.Origin}")]))
            .Concat(Network.Gateways.Select(g => $"{g.Kind} {g.Id} {g.VpcId} {string.Join(' ', g.RemoteBlocks)}"))
            .Concat(Network.PrefixLists.Select(l => $"pl {l.Id} {string.Join(' ', l.Entries)}")));

    private static string Peer(Peer peer) => peer switch
    {
        CidrPeer cidr => cidr.Block.ToString(),
        PrefixListPeer list => list.PrefixListId,
        GroupPeer group => group.GroupId,
        _ => "?",
    };
}
