using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Semantics;

/// <summary>ACL: a network ACL is ordered, has no memory, and ends closed.</summary>
public sealed class NetworkAclTests
{
    private const string Ground = """
        vpc vpc-1 10.0.0.0/16 2001:db8:1::/56
        igw igw-1 vpc-1
        subnet sub-a vpc-1 10.0.1.0/24 2001:db8:1:1::/64 rtb=rtb-1
        subnet sub-b vpc-1 10.0.2.0/24 2001:db8:1:2::/64 rtb=rtb-1 acl=acl-b
        rtb rtb-1 vpc-1
          0.0.0.0/0 igw-1
        eni eni-a sub-a 10.0.1.10=203.0.113.10 2001:db8:1:1::10 sg=sg-all
        eni eni-b sub-b 10.0.2.20=203.0.113.20 2001:db8:1:2::20 sg=sg-all
        eni eni-c sub-b 10.0.2.30 sg=sg-all
        sg sg-all vpc-1
          in all 10.0.0.0/8
          in all 198.0.0.0/8
          in all 2001:db8::/32
          out all 10.0.0.0/8
          out all 198.0.0.0/8
          out all 2001:db8::/32
        acl acl-b vpc-1

        """;

    [Theory]
    [InlineData("a lower deny hides a later allow", 22, "deny SUBNET_ACL_RESTRICTION acl-b/ingress/90")]
    [InlineData("the first match decides", 80, "allow new sg-all/ingress/1")]
    [InlineData("entries stand in any order in the file", 81, "deny SUBNET_ACL_RESTRICTION acl-b/ingress/95")]
    [InlineData("the end is closed", 443, "deny SUBNET_ACL_RESTRICTION acl-b/ingress/*")]
    public void ACL_01_ACL_02_ACL_04_ACL_05_The_lowest_numbered_matching_entry_decides(string shows, int port, string verdict) => With(
        "in 100 allow tcp 20-100 10.0.0.0/16", "in 90 deny tcp 22 10.0.0.0/16", "in 110 deny tcp 80 10.0.0.0/16", "in 95 deny tcp 81 10.0.0.0/16")
        .Send($"tcp 10.0.1.10:9 > 10.0.2.20:{port} S", verdict, null, shows.Length > 0 ? "eni-a" : null, "eni-b");

    [Fact]
    public void ACL_01_A_denial_by_the_end_is_written_with_a_star_and_ends_the_path() => With()
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 S", "deny SUBNET_ACL_RESTRICTION acl-b/ingress/*",
            "eni-a | sg-all/egress/1 | acl-default-vpc-1/egress/100 | rtb-1/10.0.0.0/16 | acl-b/ingress/*", "eni-a", "eni-b")
        .Send("tcp 10.0.2.20:9 > 10.0.1.10:443 S", "deny SUBNET_ACL_RESTRICTION acl-b/egress/*", "eni-b | sg-all/egress/1 | acl-b/egress/*", "eni-b", "-");

    [Fact]
    public void ACL_07_A_reply_needs_an_entry_of_its_own() => With("in 100 allow tcp 443 10.0.0.0/16", "out 100 allow tcp 1024-39999 10.0.0.0/16")
        .Send("tcp 10.0.1.10:39999 > 10.0.2.20:443 S", "allow new sg-all/ingress/1")
        .Send("tcp 10.0.2.20:443 > 10.0.1.10:39999 SA", "allow established tracked sg-all/egress/1")
        .Send("tcp 10.0.1.10:40000 > 10.0.2.20:443 S", "allow new sg-all/ingress/1")
        .Send("tcp 10.0.2.20:443 > 10.0.1.10:40000 SA", "deny SUBNET_ACL_RESTRICTION acl-b/egress/*", "eni-b | tracked sg-all/ingress/1 | acl-b/egress/*", "eni-b", "-");

    [Fact]
    public void ACL_08_A_block_never_matches_the_other_family() => With("in 100 allow all 0.0.0.0/0")
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 S", "allow new sg-all/ingress/1")
        .Send("tcp [2001:db8:1:1::10]:9 > [2001:db8:1:2::20]:443 S", "deny SUBNET_ACL_RESTRICTION acl-b/ingress/*");

    [Fact]
    public void ACL_09_Inbound_entries_compare_the_source_and_outbound_ones_the_destination() => With(
        "in 100 allow tcp 10.0.1.10/32", "in 110 deny tcp 10.0.2.20/32", "out 100 allow tcp 10.0.1.10/32", "out 110 deny tcp 10.0.2.20/32")
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 S", "allow new sg-all/ingress/1")
        .Send("tcp 10.0.2.20:443 > 10.0.1.10:9 SA", "allow established tracked sg-all/egress/1",
            "eni-b | tracked sg-all/ingress/1 | acl-b/egress/100 | rtb-1/10.0.0.0/16 | acl-default-vpc-1/ingress/100 | tracked sg-all/egress/1 | eni-a");

    [Theory]
    [InlineData("tcp 22-443", "tcp 10.0.1.10:9 > 10.0.2.20:22 S", true)]
    [InlineData("tcp 22-443", "tcp 10.0.1.10:9 > 10.0.2.20:443 S", true)]
    [InlineData("tcp 22-443", "tcp 10.0.1.10:9 > 10.0.2.20:444 S", false)]
    [InlineData("tcp 22-443", "tcp 10.0.1.10:100 > 10.0.2.20:21 S", false)]
    [InlineData("tcp 22-443", "udp 10.0.1.10:9 > 10.0.2.20:22", false)]
    [InlineData("47 22-443", "proto 47 10.0.1.10 > 10.0.2.20", true)]
    [InlineData("all 22-443", "tcp 10.0.1.10:9 > 10.0.2.20:9 S", true)]
    public void ACL_11_The_range_is_of_destination_ports_and_only_tcp_and_udp_have_one(string entry, string packet, bool allowed) => With($"in 100 allow {entry} 10.0.0.0/16")
        .Send(packet, allowed ? "allow new sg-all/ingress/1" : "deny SUBNET_ACL_RESTRICTION acl-b/ingress/*");

    [Theory]
    [InlineData("icmp 8/*", "icmp 10.0.1.10 > 10.0.2.20 8/0 id 1", true)]
    [InlineData("icmp 8/0", "icmp 10.0.1.10 > 10.0.2.20 8/1 id 1", false)]
    [InlineData("icmp */0", "icmp 10.0.1.10 > 10.0.2.20 13/0 id 1", true)]
    [InlineData("icmp */1", "icmp 10.0.1.10 > 10.0.2.20 13/0 id 1", false)]
    [InlineData("icmpv6 128/0", "proto 58 10.0.1.10 > 10.0.2.20", true)]
    [InlineData("icmpv6 128/0", "icmp 10.0.1.10 > 10.0.2.20 8/0 id 1", false)]
    public void ACL_13_ACL_14_R_38_Types_and_codes_and_protocol_58_in_IPv4(string entry, string packet, bool allowed) => With($"in 100 allow {entry} 10.0.0.0/16")
        .Send(packet, allowed ? "allow new sg-all/ingress/1" : "deny SUBNET_ACL_RESTRICTION acl-b/ingress/*");

    [Fact]
    public void ACL_21_Inside_a_subnet_no_ACL_is_asked() => With()
        .Send("tcp 10.0.2.20:9 > 10.0.2.30:443 S", "allow new sg-all/ingress/1", "eni-b | sg-all/egress/1 | sg-all/ingress/1 | eni-c");

    [Fact]
    public void ACL_27_CT_15_An_ACL_stops_a_tracked_flow_at_once_in_either_direction()
    {
        // The same conversation before and after the entry: what security groups remember does not help.
        foreach (string entry in new[] { "out 90 deny tcp 40000 10.0.0.0/16", "in 90 deny tcp 443 10.0.0.0/16" })
        {
            string[] open = ["in 100 allow all 10.0.0.0/16", "out 100 allow all 10.0.0.0/16"];
            With(open)
                .Send("tcp 10.0.1.10:40000 > 10.0.2.20:443 S", "allow new")
                .Send("tcp 10.0.2.20:443 > 10.0.1.10:40000 SA", "allow established");
            bool isOut = entry.StartsWith("out", System.StringComparison.Ordinal);
            new Scenario(Ground + string.Join('\n', [.. open, entry]), new JudgeOptions { Causal = false })
                .Send("tcp 10.0.1.10:40000 > 10.0.2.20:443 S", isOut ? "allow new" : "deny SUBNET_ACL_RESTRICTION acl-b/ingress/90")
                .Send("tcp 10.0.2.20:443 > 10.0.1.10:40000 SA", isOut ? "deny SUBNET_ACL_RESTRICTION acl-b/egress/90" : "allow new");
        }
    }

    [Fact]
    public void ACL_23_It_applies_to_interfaces_that_no_group_filters() => With("in 100 allow tcp 443 10.0.1.0/24", "eni eni-lb sub-b 10.0.2.99 managed")
        .Send("tcp 10.0.1.10:9 > 10.0.2.99:443 S", "allow new acl-b/ingress/100",
            "eni-a | sg-all/egress/1 | acl-default-vpc-1/egress/100 | rtb-1/10.0.0.0/16 | acl-b/ingress/100 | eni-lb")
        .Send("tcp 10.0.1.10:9 > 10.0.2.99:444 S", "deny SUBNET_ACL_RESTRICTION acl-b/ingress/*",
            "eni-a | sg-all/egress/1 | acl-default-vpc-1/egress/100 | rtb-1/10.0.0.0/16 | acl-b/ingress/*", "eni-a", "eni-lb");

    [Theory]
    [InlineData("many Linux kernels", 32_768, 61_000)]
    [InlineData("Windows", 49_152, 65_535)]
    [InlineData("Windows up to 2003", 1_025, 5_000)]
    [InlineData("load balancers, NAT gateways, functions", 1_024, 65_535)]
    public void ACL_29_The_way_out_must_be_open_for_the_whole_ephemeral_range_of_the_clients(string clients, int first, int last)
    {
        foreach (int port in (System.ReadOnlySpan<int>)[first - 1, first, last])
        {
            With("in 100 allow tcp 443 10.0.1.0/24", $"out 100 allow tcp {first}-{last} 10.0.1.0/24")
                .Send($"tcp 10.0.1.10:{port} > 10.0.2.20:443 S", "allow new sg-all/ingress/1", null, clients.Length > 0 ? "eni-a" : null)
                .Send($"tcp 10.0.2.20:443 > 10.0.1.10:{port} SA", port < first ? "deny SUBNET_ACL_RESTRICTION acl-b/egress/*" : "allow established tracked sg-all/egress/1");
        }
    }

    [Theory]
    [InlineData("too big", "3/4")]
    [InlineData("a hop of a traceroute", "11/0")]
    public void ACL_30_Path_MTU_discovery_and_traceroute_need_an_entry_for_ICMP(string shows, string kind)
    {
        foreach (string entry in new[] { "", $"in 110 allow icmp {kind} 0.0.0.0/0" })
        {
            With("in 100 allow tcp 0.0.0.0/0", "out 100 allow all 0.0.0.0/0", entry)
                .Send("tcp 10.0.2.20:9 > 198.51.100.7:80 S", "allow new rtb-1/0.0.0.0/0", null, shows.Length > 0 ? "eni-b" : null)
                .Send($"icmp 198.51.100.254 > 203.0.113.20 {kind} quoting tcp 203.0.113.20:9 > 198.51.100.7:80 S",
                    entry.Length == 0 ? "deny SUBNET_ACL_RESTRICTION acl-b/ingress/*" : "allow - sg-all/ingress/2",
                    $"igw-1 | igw-1 203.0.113.20>10.0.2.20 | {(entry.Length == 0 ? "acl-b/ingress/*" : "acl-b/ingress/110 | sg-all/ingress/2 | eni-b")}");
        }
    }

    [Fact]
    public void ACL_30_In_IPv6_it_is_ICMPv6_packet_too_big()
    {
        foreach (string entry in new[] { "", "in 110 allow icmpv6 2/0 ::/0" })
        {
            With("in 100 allow tcp ::/0", "out 100 allow all ::/0", entry)
                .Send("tcp [2001:db8:1:2::20]:9 > [2001:db8:1:1::10]:80 S", "allow new sg-all/ingress/3")
                .Send("icmpv6 2001:db8:1:1::10 > 2001:db8:1:2::20 2/0 quoting tcp [2001:db8:1:2::20]:9 > [2001:db8:1:1::10]:80 S",
                    entry.Length == 0 ? "deny SUBNET_ACL_RESTRICTION acl-b/ingress/*" : "allow - sg-all/ingress/3");
        }
    }

    [Theory]
    [InlineData("a deny with ports is passed over", "in 90 deny tcp 22 10.0.0.0/16", "allow - sg-all/ingress/1")]
    [InlineData("a deny of all ports is not", "in 90 deny tcp 10.0.0.0/16", "deny SUBNET_ACL_RESTRICTION acl-b/ingress/90")]
    [InlineData("nor one of all protocols", "in 90 deny all 10.0.0.0/16", "deny SUBNET_ACL_RESTRICTION acl-b/ingress/90")]
    public void ACL_28_R_42_A_later_fragment_whose_first_was_not_seen_matches_only_entries_without_ports(string shows, string entry, string verdict) => With(
        entry, "in 100 allow all 10.0.0.0/16")
        .Send("tcp 10.0.1.10 > 10.0.2.20 later 7", verdict, null, shows.Length > 0 ? "eni-a" : null, "eni-b");

    [Fact]
    public void ORD_20_Group_and_ACL_must_both_admit() => With("in 100 allow tcp 443 0.0.0.0/0", "in 110 allow tcp 443 2001:db8::/32")
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 S", "allow new")
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:444 S", "deny SUBNET_ACL_RESTRICTION acl-b/ingress/*")
        .Send("tcp 192.0.2.9:9 > 203.0.113.20:443 S", "deny ENI_SG_RULES_MISMATCH sg-all/ingress/none");

    private static Scenario With(params string[] entries) => new(Ground + string.Join('\n', entries));
}
