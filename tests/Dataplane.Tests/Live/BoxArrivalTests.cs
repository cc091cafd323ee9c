using System;
using System.Linq;
using Dataplane.Live;
using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Live;

/// <summary>Live traffic enters where it arrives (contract 4): whose source may stand at which port.</summary>
public sealed class BoxArrivalTests
{
    private const string Topology = BoxLab.Small + """

        eni eni-fw sub-b 10.0.2.40 sg=sg-a nocheck
        vpc vpc-2 10.9.0.0/16
        subnet sub-z vpc-2 10.9.1.0/24
        eni eni-z sub-z 10.9.1.10=203.0.113.90 sg=sg-z
        sg sg-z vpc-2
          in all 0.0.0.0/0
        igw igw-2 vpc-2
        eigw eigw-1 vpc-1
        """;

    public static TheoryData<string, string, string, string, Verdict, string?> Sources => new()
    {
        // the row shows                                            port      source            destination          verdict           reason
        { "an interface's own address",                              "eni-a",  "10.0.1.10",       "10.0.2.30",          Verdict.Allow,    null },
        { "its IPv6 address",                                        "eni-a",  "2001:db8:1:1::10", "2001:db8:1:2::30",  Verdict.Allow,    null },
        { "somebody else's",                                         "eni-a",  "10.0.1.20",       "10.0.2.30",          Verdict.Deny,     "ENI_SOURCE_DEST_CHECK_RESTRICTION" },
        { "its own public one, which it never sees",                 "eni-a",  "203.0.113.10",    "10.0.2.30",          Verdict.Deny,     "ENI_SOURCE_DEST_CHECK_RESTRICTION" },
        { "an address of the internet",                              "eni-a",  "198.51.100.7",    "203.0.113.30",       Verdict.Deny,     "ENI_SOURCE_DEST_CHECK_RESTRICTION" },
        { "at an interface without check",                           "eni-fw", "198.51.100.7",    "203.0.113.30",       Verdict.Unplaced, null },
        { "link-local to an interface would enter from outside",     "eni-a",  "fe80::1",         "2001:db8:1:2::30",   Verdict.Deny,     "ENI_SOURCE_DEST_CHECK_RESTRICTION" },
        { "link-local to a group stays on the link",                 "eni-a",  "fe80::1",         "ff02::16",           Verdict.Unplaced, null },
        { "multicast from the own address is judged",                "eni-a",  "10.0.1.10",       "224.0.0.251",        Verdict.Deny,     "MULTICAST_NOT_SUPPORTED" },
        { "an address of the subnet that nobody has",                "eni-a",  "10.0.1.10",       "10.0.1.255",         Verdict.Deny,     "NO_INTERFACE_AT_DESTINATION" },
        { "from the internet",                                       "igw-1",  "198.51.100.7",    "203.0.113.10",       Verdict.Allow,    null },
        { "an inside address outside",                               "igw-1",  "10.0.1.20",       "203.0.113.10",       Verdict.Unplaced, null },
        { "a public address of the topology outside",                "igw-1",  "203.0.113.30",    "203.0.113.10",       Verdict.Unplaced, null },
        { "an address of the VPC that nobody has, outside",          "igw-1",  "10.0.77.7",       "203.0.113.10",       Verdict.Unplaced, null },
        { "a service's address outside",                             "igw-1",  "169.254.169.254", "10.0.1.10",          Verdict.Unplaced, null },
        { "loopback outside",                                        "igw-1",  "127.0.0.1",       "203.0.113.10",       Verdict.Unplaced, null },
        { "a private destination is not taken as translated",        "igw-1",  "198.51.100.7",    "10.0.1.10",          Verdict.Unplaced, null },
        { "one without public address is denied by the gateway",     "igw-1",  "198.51.100.7",    "10.0.1.20",          Verdict.Deny,     "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS" },
        { "a public address of another VPC",                         "igw-1",  "198.51.100.7",    "203.0.113.90",       Verdict.Unplaced, null },
        { "IPv4 at an egress-only gateway",                          "eigw-1", "198.51.100.7",    "203.0.113.10",       Verdict.Unplaced, null },
    };

    [Theory, MemberData(nameof(Sources))]
    public void A_packet_enters_where_it_arrives(string shows, string at, string source, string destination, Verdict verdict, string? reason)
    {
        string[] ports = ["eni-a", "eni-fw", "igw-1", "eigw-1", "eni-c"];
        using BoxLab lab = new BoxLab(Topology, ports).Up();
        Outcome outcome = lab.Ip(Array.IndexOf(ports, at), PacketBuilder.Tcp(source, 4_000, destination, 80, PacketBuilder.Syn));
        Assert.Equal((shows, verdict, reason), (shows, outcome.Verdict, outcome.Reason == DenyReason.None ? null : outcome.Reason.ToString()));
        if (verdict != Verdict.Allow)
        {
            Assert.All(lab.Ports, port => Assert.Empty(port.Take()));
        }
    }

    [Fact]
    public void RT_28_a_denied_source_begins_and_ends_at_its_interface()
    {
        using BoxLab lab = new(Topology, "eni-a");
        Outcome outcome = lab.Ip(0, PacketBuilder.Udp("10.0.1.20", 1, "10.0.2.30", 2));
        Assert.Equal("eni-a", outcome.From);
        Assert.Null(outcome.To);
        Assert.Null(outcome.Rule);
        Assert.Equal(["eni-a"], outcome.Path);
    }

    [Fact]
    public void A_misplaced_packet_does_not_ride_on_a_flow_that_is_remembered()
    {
        using BoxLab lab = new BoxLab(Topology, "eni-a", "eni-c", "eni-b").Up();
        byte[] packet = PacketBuilder.Udp("10.0.1.10", 1_000, "10.0.2.30", 2_000);
        Assert.Equal(Verdict.Allow, lab.Ip(0, packet).Verdict);
        Assert.Equal(Verdict.Allow, lab.Ip(0, packet).Verdict);
        Assert.Equal(Verdict.Deny, lab.Ip(2, packet).Verdict);
        Assert.Equal(2, lab.Ports[1].Take().Length);
    }

    [Fact]
    public void IPv6_from_the_wrong_gateway_is_dropped_though_its_addresses_are_allowed()
    {
        using BoxLab lab = new BoxLab(Topology, "eni-a", "eigw-1").Up();
        Outcome outcome = lab.Ip(1, PacketBuilder.Tcp("2a00::1", 4_000, "2001:db8:1:1::10", 80, PacketBuilder.Syn));
        Assert.Equal((Verdict.Allow, "igw-1"), (outcome.Verdict, outcome.From));
        Assert.Empty(lab.Ports[0].Take());
        Assert.Equal((1L, 1L), (lab.Box.Counters.Elsewhere, lab.Box.Fates[LiveFate.Dropped]));
    }

    [Theory]
    [InlineData("router", "10.0.2.30", Verdict.Allow, "to the router")]
    [InlineData("eni-b", "10.0.1.20", Verdict.Allow, "straight to the neighbour (RT-16)")]
    [InlineData("router", "10.0.1.20", Verdict.Allow, "to the neighbour by the router")]
    [InlineData("eni-b", "10.0.2.30", Verdict.Deny, "by a neighbour to somewhere else: the engine knows no such way")]
    [InlineData("nobody", "10.0.2.30", Verdict.Deny, "to a station that is not there")]
    [InlineData("all", "10.0.1.20", Verdict.Deny, "a broadcast frame with one host's address (RFC 1812, 5.3.4)")]
    public void Frames_must_go_to_whom_the_network_named(string station, string destination, Verdict verdict, string shows)
    {
        using BoxLab lab = new BoxLab(Topology, "eni-a").Up();
        MacAddress to = station switch
        {
            "router" => lab.Router(0),
            "all" => MacAddress.Broadcast,
            "nobody" => new MacAddress(0x0600_0000_0099),
            _ => lab.InterfaceAddress(station),
        };
        Outcome outcome = lab.Frame(0, BoxLab.Packet(BoxLab.Host(0), to, PacketBuilder.Udp("10.0.1.10", 1, destination, 2)));
        Assert.Equal((shows, verdict), (shows, outcome.Verdict));
    }

    [Fact]
    public void At_a_gateway_frames_between_others_are_not_ours()
    {
        using BoxLab lab = new BoxLab(Topology, "eni-a", "igw-1").Up();
        byte[] packet = PacketBuilder.Tcp("198.51.100.7", 4_000, "203.0.113.10", 80, PacketBuilder.Syn);
        Assert.Equal(Verdict.Unplaced, lab.Frame(1, BoxLab.Packet(BoxLab.Host(1), new MacAddress(0x0600_0000_0099), packet)).Verdict);
        Assert.Empty(lab.Ports[0].Take());
    }

    [Fact]
    public void Every_frame_has_one_fate()
    {
        string[] ports = ["eni-a", "eni-fw", "igw-1", "eigw-1", "eni-c"];
        using BoxLab lab = new BoxLab(Topology, ports).Up();
        Random random = new(1);
        long before = lab.Box.Fates.Total;
        string[] addresses = ["10.0.1.10", "10.0.2.30", "10.0.2.40", "203.0.113.10", "198.51.100.7", "10.0.1.99", "10.0.0.2", "0.0.0.0", "255.255.255.255"];
        foreach (int chunk in Enumerable.Range(0, 20))
        {
            lab.Frames(Enumerable.Range(0, 100).Select(_ =>
            {
                int port = random.Next(ports.Length);
                byte[] packet = PacketBuilder.Udp(addresses[random.Next(addresses.Length)], 1, addresses[random.Next(addresses.Length)], 80);
                return (port, random.Next(8) == 0 ? LiveFrames.Arp(1, BoxLab.Host(port), "10.0.1.10", default, "10.0.1.1") : BoxLab.Packet(BoxLab.Host(port), lab.Router(port), packet));
            }));
            lab.Pass(0.3);
        }

        lab.Pass(4);
        Assert.Equal(2_000, lab.Box.Fates.Total - before);
        Assert.Equal(0, lab.Box.Fates[LiveFate.Waiting]);
        Assert.All(Enum.GetValues<LiveFate>(), fate => Assert.True(lab.Box.Fates[fate] >= 0));
    }
}
