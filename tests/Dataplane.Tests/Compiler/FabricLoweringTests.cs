using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Compiler.Lower;
using Dataplane.Fabric;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Compiler;

/// <summary>What the engine's plan of a network says, where AWS's order and our rulings decide it without a packet.</summary>
public sealed class FabricLoweringTests
{
    private const string Ground = """
        vpc vpc-1 10.0.0.0/16 2001:db8:1::/56
        vpc vpc-2 10.2.0.0/16
        igw igw-1 vpc-1
        igw igw-2 vpc-2
        eigw eigw-1 vpc-1
        vgw vgw-1 vpc-1 172.16.0.0/12
        pcx pcx-1 vpc-1
        nat nat-1 vpc-1
        subnet sub-a vpc-1 10.0.1.0/24 rtb=rtb-a
        eni eni-a sub-a 10.0.1.10=203.0.113.10 sg=sg-a timers=350/120/60 type=network_load_balancer
        eni eni-b sub-a 10.0.1.11 sg=sg-a nocheck denyigw type=vpc_endpoint
        eni eni-c sub-a 10.0.1.12 managed
        sg sg-a vpc-1
          in all 0.0.0.0/0
          out tcp all ::/0
          out udp 0-65534 ::/0
          out icmpv6 */* ::/0
          out icmp 8/* ::/0
          out 47 ::/0
          out tcp all 10.0.0.0/8
        pl pl-1 198.51.100.0/24 192.0.2.0/24
        pl pl-2 198.51.100.0/24

        """;

    [Fact]
    public void RT_05_RT_06_RT_07_RT_08_RT_12_Of_equal_blocks_one_route_wins() => Assert.Equal(
        [
            "10.0.1.1 rtb-a/10.0.0.0/16 Local -",           // local before static and propagated of the same block
            "10.0.9.1 rtb-a/10.0.9.0/24 Interface eni-b",   // a longer static one
            "10.0.8.1 rtb-a/10.0.0.0/16 Local -",           // a longer propagated one inside a local block loses (RT-06)
            "10.9.0.1 rtb-a/10.9.0.0/16 Unsupported vgw-1", // propagated where nothing else has it
            "10.8.0.1 rtb-a/10.8.0.0/16 Interface eni-a",   // static before propagated
            "198.51.100.1 rtb-a/pl-1 Unsupported pcx-1",    // the lowest of two lists
            "192.0.2.1 rtb-a/192.0.2.0/24 Blackhole -",     // static before a list; a blackhole takes part
            "203.0.113.1 rtb-a/203.0.113.0/24 Blackhole -", // another VPC's gateway
            "8.8.8.8 rtb-a/0.0.0.0/0 Gateway igw-1",
            "169.254.169.1 - - -",                          // never routed (RT-11) is the walk's; a map alone would give the default
            "2001:db8:1::1 rtb-a/2001:db8:1::/56 Local -",
            "2001:db8:9::1 rtb-a/::/0 Gateway eigw-1",
        ],
        Routes(
            Ground + """
            rtb rtb-a vpc-1
              10.8.0.0/16 vgw-1 propagated
              10.0.0.0/16 vgw-1 propagated
              10.0.8.0/24 vgw-1 propagated
              10.9.0.0/16 vgw-1 propagated
              10.0.9.0/24 eni-b
              10.8.0.0/16 eni-a
              pl-2 eni-a
              pl-1 pcx-1
              192.0.2.0/24 blackhole
              203.0.113.0/24 igw-2
              0.0.0.0/0 igw-1
              ::/0 eigw-1
            """,
            "10.0.1.1", "10.0.9.1", "10.0.8.1", "10.9.0.1", "10.8.0.1", "198.51.100.1", "192.0.2.1", "203.0.113.1", "8.8.8.8", "169.254.169.1", "2001:db8:1::1", "2001:db8:9::1"));

    [Fact]
    public void R_32_What_lies_behind_gateways_that_are_not_enforced()
    {
        const string Text = Ground + """
            rtb rtb-a vpc-1
              0.0.0.0/0 igw-1
              10.9.0.0/16 vgw-1
              10.9.1.0/24 eni-a
              10.8.0.0/16 pcx-1
              192.168.0.0/16 nat-1
              pl-1 pcx-1
            rtb rtb-b vpc-1
              10.9.1.0/24 pcx-1
              10.8.0.0/16 vgw-1
              0.0.0.0/0 vgw-1
            """;
        (FabricPlan plan, ResultTables tables) = Lower(Text);
        string Behind(string address) =>
            plan.Vpcs[0].Behind.FindValue(IpAddress.Parse(address)) is >= 0 and int gateway ? tables.Names[gateway]! : "-";
        Assert.Equal("vgw-1", Behind("10.9.0.1"));
        Assert.Equal("pcx-1", Behind("10.9.1.1"));      // the one that is not enforced wins at the same length
        Assert.Equal("pcx-1", Behind("10.8.0.1"));      // the lowest of two
        Assert.Equal("-", Behind("192.168.0.1"));       // nobody is behind a NAT gateway
        Assert.Equal("pcx-1", Behind("198.51.100.9"));  // a list's entries
        Assert.Equal("vgw-1", Behind("172.16.0.1"));    // the gateway's own blocks
        Assert.Equal("-", Behind("8.8.8.8"));           // an internet gateway is attached: the default route says nothing
        Assert.Equal("-", Behind("10.0.1.1"));
        (plan, tables) = Lower(Text.Replace("igw igw-1 vpc-1", "igw igw-1", System.StringComparison.Ordinal));
        Assert.Equal("vgw-1", Behind("8.8.8.8"));       // none: it does
        Assert.Equal(-1, plan.Vpcs[0].InternetGateway);
    }

    [Fact]
    public void CT_02_CT_09_CT_21_What_an_interfaces_plan_says()
    {
        (FabricPlan plan, ResultTables tables) = Lower(Ground + "rtb rtb-a vpc-1\n");
        InterfacePlan[] all = plan.Interfaces;
        Assert.Equal(["eni-a", "eni-b", "eni-c"], all.Select(one => tables.Names[one.Name]));
        Assert.Equal([(true, true), (true, false), (false, false)], all.Select(one => (one.AutoTracks, one.IsBalancer)));
        Assert.Equal([(true, false, true, false), (false, true, false, false), (true, false, false, true)], all.Select(one => (one.SourceDestCheck, one.DenyAllIgwTraffic, one.HasPublic, one.IsManaged)));
        Assert.Equal((350_000_000_000, 120_000_000_000, 60_000_000_000), (all[0].Timeouts.TcpEstablished, all[0].Timeouts.UdpStream, all[0].Timeouts.Udp));
        Assert.Equal(("sg-a/ingress/none", "sg-a/egress/none"), (tables.Names[all[0].Ingress.None], tables.Names[all[0].Egress.None]));
        Assert.Equal(Enumerable.Range(0, 256), Open(all[0].Ingress.OpenV4));
        Assert.Empty(Open(all[0].Ingress.OpenV6));
        Assert.Empty(Open(all[0].Egress.OpenV4));
        Assert.Equal([6, 47, 58], Open(all[0].Egress.OpenV6));
    }

    [Fact]
    public void SG_38_Service_addresses_of_a_VPC()
    {
        (FabricPlan plan, _) = Lower(Ground + "rtb rtb-a vpc-1\n");
        foreach (string address in (string[])["169.254.169.254", "169.254.169.253", "169.254.169.123", "169.254.169.250", "169.254.169.251", "169.254.170.2", "fd00:ec2::254", "fd00:ec2::253", "fd00:ec2::123", "10.0.0.2", "10.0.1.1"])
        {
            Assert.True(plan.Vpcs[0].Services.Contains(IpAddress.Parse(address)), address);
        }

        foreach (string address in (string[])["10.0.1.2", "10.0.0.1", "10.2.0.2", "169.254.169.252"])
        {
            Assert.False(plan.Vpcs[0].Services.Contains(IpAddress.Parse(address)), address);
        }

        Assert.True(plan.Vpcs[1].Services.Contains(IpAddress.Parse("10.2.0.2")));
    }

    [Fact]
    public void Lists_gateways_and_translations_have_the_names_that_records_show()
    {
        (FabricPlan plan, ResultTables tables) = Lower(Ground + """
            igw igw-0 vpc-1
            sg sg-b vpc-1
            eni eni-d sub-a 10.0.1.13 sg=sg-b+sg-a
            eni eni-e sub-a 10.0.1.14
            eni eni-f sub-a 10.0.1.15 managed sg=sg-a
            rtb rtb-a vpc-1
            rtb rtb-e vpc-1 edge=igw-1
            """);
        Assert.Equal(["igw-0 False -", "igw-1 False rtb-e/none", "igw-2 False -", "eigw-1 True -"], plan.Gateways.Select(one =>
            $"{tables.Names[one.Name]} {one.IsEgressOnly} {(one.EdgeTable < 0 ? "-" : tables.Names[plan.Tables[one.EdgeTable].None])}").OrderBy(text => text[0] == 'e'));
        Assert.Equal(("igw-0", "eigw-1"), (tables.Names[plan.Gateways[plan.Vpcs[0].InternetGateway].Name], tables.Names[plan.Gateways[plan.Vpcs[0].EgressOnlyGateway].Name]));
        Assert.Equal((-1, 0, 1), (plan.Vpcs[1].EgressOnlyGateway, plan.Gateways[0].Vpc, plan.Gateways.Single(one => tables.Names[one.Name] == "igw-2").Vpc));
        Assert.Equal(
            ["acl-default-vpc-1/egress/*", "acl-default-vpc-1/ingress/*", "acl-default-vpc-2/egress/*", "acl-default-vpc-2/ingress/*", "sg-a/egress/*", "sg-a/ingress/*", "sg-b/egress/*", "sg-b/ingress/*"],
            plan.Lists.Select(list => tables.Names[list.End]!).Order(System.StringComparer.Ordinal));
        Assert.Equal("sg-a/ingress/1", tables.Names[plan.Lists[plan.Interfaces[0].Ingress.Lists[0]].Rules[0]]);
        Assert.Equal("acl-default-vpc-1/egress/101", tables.Names[plan.Lists[plan.Subnets[0].AclEgress].Rules[1]]);
        Assert.Equal(("10.0.1.10>203.0.113.10", "203.0.113.10>10.0.1.10"), (tables.Names[plan.Addresses.Associations[0].Outbound], tables.Names[plan.Addresses.Associations[0].Inbound]));
        Assert.Equal("sg-a+sg-b/egress/none", tables.Names[plan.Interfaces[3].Egress.None]);
        Assert.Equal(plan.Interfaces[0].Egress.Lists[0], plan.Interfaces[3].Egress.Lists[0]);
        Assert.Equal([true, true], plan.Interfaces.Skip(4).Select(one => one.IsManaged));
        Assert.Null(tables.Names[plan.Interfaces[4].Ingress.None]);
    }

    [Fact]
    public void A_rule_s_name_is_kept_only_when_the_rule_has_spoken()
    {
        // A live run is reloaded for weeks, and the table of names forgets nothing.
        ResultTables tables = new();
        FabricPlan Of(int reload) => FabricLowering.Lower(
            new FilterCatalog(NetworkBuilder.Network($"{Ground}rtb rtb-a vpc-1\nsubnet sub-z vpc-1 10.0.7.0/24 acl=acl-1\nacl acl-1 vpc-1\n{string.Join('\n', Enumerable.Range(1, 100).Select(i => $"in {(reload * 100) + i} allow tcp {i} 0.0.0.0/0"))}")), tables);
        FabricPlan first = Of(0);
        int names = tables.Names.Count;
        FabricPlan second = Of(1);
        Assert.Equal(names, tables.Names.Count);
        RuleNumbers before = first.Lists[first.Subnets[^1].AclIngress].Rules, after = second.Lists[second.Subnets[^1].AclIngress].Rules;
        Assert.Equal(("acl-1/ingress/7", "acl-1/ingress/107"), (tables.Names[before[6]], tables.Names[after[6]]));
        Assert.Equal(before[6], before[6]);
        Assert.Equal(names + 2, tables.Names.Count);
    }

    [Fact]
    public void The_name_of_a_tracked_rule_that_spoke_later_is_put_together_once()
    {
        NameTable names = new();
        names.Intern("vpc-1");
        TrackedNames tracked = new(names);
        int rule = names.Intern("sg-a/ingress/1"), other = names.Intern("sg-a/ingress/2");
        Assert.Equal(("tracked sg-a/ingress/2", "tracked sg-a/ingress/1"), (names[tracked.Of(other)], names[tracked.Of(rule)]));
        long before = GC.GetAllocatedBytesForCurrentThread();
        int sum = tracked.Of(rule) + tracked.Of(other);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal((names.Count, names.Count - 1 + names.Count - 2), (5, sum));
    }

    [Fact]
    public void RT_07_RT_08_Of_equal_blocks_the_order_in_the_file_does_not_matter()
    {
        string[] routes = ["10.8.0.0/16 vgw-1 propagated", "10.8.0.0/16 eni-a", "pl-3 eni-b", "pl-2 pcx-1"];
        foreach (string[] order in (string[][])[[routes[0], routes[1], routes[2], routes[3]], [routes[3], routes[2], routes[1], routes[0]], [routes[2], routes[0], routes[3], routes[1]]])
        {
            Assert.Equal(
                ["10.8.0.1 rtb-a/10.8.0.0/16 Interface eni-a", "198.51.100.1 rtb-a/pl-2 Unsupported pcx-1"],
                Routes(Ground + "pl pl-3 198.51.100.0/24 10.8.0.0/16\nrtb rtb-a vpc-1\n" + string.Join('\n', order), "10.8.0.1", "198.51.100.1"));
        }

        Assert.Equal(
            ["10.8.0.1 rtb-a/pl-3 Interface eni-b"],
            Routes(Ground + "pl pl-3 198.51.100.0/24 10.8.0.0/16\nrtb rtb-a vpc-1\n10.8.0.0/16 vgw-1 propagated\npl-3 eni-b\n", "10.8.0.1"));
    }

    private static IEnumerable<int> Open(ProtocolSet set) => Enumerable.Range(0, 256).Where(protocol => set.Contains((byte)protocol));

    private static (FabricPlan Plan, ResultTables Tables) Lower(string topology)
    {
        ResultTables tables = new();
        return (FabricLowering.Lower(new FilterCatalog(NetworkBuilder.Network(topology)), tables), tables);
    }

    private static IEnumerable<string> Routes(string topology, params string[] destinations)
    {
        (FabricPlan plan, ResultTables tables) = Lower(topology);
        RouteTablePlan table = plan.Tables[plan.Subnets[0].Table];
        Assert.Equal("rtb-a/none", tables.Names[table.None]);
        return destinations.Select(destination =>
        {
            int found = SpecialAddresses.IsUnroutable(IpAddress.Parse(destination)) ? -1 : table.Map.FindValue(IpAddress.Parse(destination));
            if (found < 0)
            {
                return $"{destination} - - -";
            }

            RoutePlan route = table.Routes[found];
            string target = route.Kind switch
            {
                RouteKind.Interface => tables.Names[plan.Interfaces[route.Target].Name]!,
                RouteKind.Gateway => tables.Names[plan.Gateways[route.Target].Name]!,
                RouteKind.Unsupported => tables.Names[route.TargetName]!,
                _ => "-",
            };
            Assert.Equal(route.Kind is RouteKind.Gateway or RouteKind.Unsupported ? target : null, tables.Names[route.TargetName]);
            return $"{destination} {tables.Names[route.Name]} {route.Kind} {target}";
        });
    }
}
