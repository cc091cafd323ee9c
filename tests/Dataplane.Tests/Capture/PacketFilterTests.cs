using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Capture;
using Dataplane.Packets;
using Xunit;
using static Dataplane.Tests.TestSupport.PacketBuilder;

namespace Dataplane.Tests.Capture;

/// <summary>--filter: libpcap's expressions, as far as headers can answer them.</summary>
public sealed class PacketFilterTests
{
    private static readonly Dictionary<string, Headers> Packets = new()
    {
        ["web"] = Parse(Tcp("10.0.1.10", 40000, "10.0.2.20", 443, Syn)),
        ["back"] = Parse(Tcp("10.0.2.20", 443, "10.0.1.10", 40000, Syn | Ack)),
        ["dns"] = Parse(Udp("10.0.1.10", 5353, "8.8.8.8", 53, 30)),
        ["ping"] = Parse(Icmp("10.0.1.10", "10.0.2.20", 8, 0, 1)),
        ["web6"] = Parse(Tcp("2001:db8::1", 40000, "2001:db8:1::2", 80, Syn, 1000)),
        ["ping6"] = Parse(Icmp("2001:db8::1", "2001:db8:1::2", 128, 0, 1)),
        ["gre"] = Parse(Raw("192.168.7.1", "10.0.2.20", 47)),
        ["frag"] = Parse(Fragment("10.0.1.10", "8.8.8.8", 17, 1, 64, false, new byte[8])),
        ["bad"] = Parse([0x45]),
        ["arp"] = Parse([.. new byte[12], 8, 6, .. new byte[28]], LinkType.Ethernet),
    };

    [Theory]
    [InlineData("", "web back dns ping web6 ping6 gre frag bad arp")]
    [InlineData("tcp", "web back web6")]
    [InlineData("udp", "dns frag")]
    [InlineData("ip proto \\udp", "dns frag")]
    [InlineData("proto \\icmp", "ping")]
    [InlineData("icmp", "ping")]
    [InlineData("icmp6", "ping6")]
    [InlineData("ip", "web back dns ping gre frag")]
    [InlineData("ip6", "web6 ping6")]
    [InlineData("arp", "")]
    [InlineData("not ip and not ip6", "bad arp")]
    [InlineData("host 10.0.1.10", "web back dns ping frag")]
    [InlineData("src host 10.0.1.10", "web dns ping frag")]
    [InlineData("dst host 10.0.1.10", "back")]
    [InlineData("src 10.0.1.10", "web dns ping frag")]
    [InlineData("10.0.1.10", "web back dns ping frag")]
    [InlineData("src or dst host 8.8.8.8", "dns frag")]
    [InlineData("src and dst net 10.0.0.0/16", "web back ping")]
    [InlineData("host 8.8.8.8 or 192.168.7.1", "dns gre frag")]
    [InlineData("host 2001:db8::1", "web6 ping6")]
    [InlineData("ip host 2001:db8::1", "")]
    [InlineData("net 10.0.2.0/24", "web back ping gre")]
    [InlineData("dst net 10.0.2.0 mask 255.255.255.0", "web ping gre")]
    [InlineData("net 192.168", "gre")]
    [InlineData("net 10", "web back dns ping gre frag")]
    [InlineData("net 2001:db8:1::/48", "web6 ping6")]
    [InlineData("port 443", "web back")]
    [InlineData("dst port 443", "web")]
    [InlineData("tcp port 80", "web6")]
    [InlineData("tcp port 80 or 443", "web back web6")]
    [InlineData("tcp dst port https or http", "web web6")]
    [InlineData("udp port domain", "dns")]
    [InlineData("tcp port 53", "")]
    [InlineData("portrange 50-443", "web back dns web6")]
    [InlineData("udp portrange 50-60", "dns")]
    [InlineData("port 2048", "")]    // an echo request's type and code, as a number
    [InlineData("proto 47", "gre")]
    [InlineData("ip proto icmp", "ping")]
    [InlineData("ip6 proto 58", "ping6")]
    [InlineData("ip6 proto 6 or 58", "web6 ping6")]
    [InlineData("less 40", "web back ping frag bad gre")]
    [InlineData("greater 1000", "web6")]
    [InlineData("tcp or udp and host 8.8.8.8", "dns frag")]          // from the left: (tcp or udp) and host
    [InlineData("tcp or (udp and host 8.8.8.8)", "web back dns web6 frag")]
    [InlineData("not host 10.0.2.20 and ip", "dns frag")]
    [InlineData("not host 10.0.2.20 and 8.8.8.8", "dns frag")]
    [InlineData("! (tcp || udp) && ip", "ping gre")]
    [InlineData("not not tcp", "web back web6")]
    [InlineData("ip and not (port 443 or port 53)", "ping gre frag")]
    public void An_expression_selects(string expression, string expected)
    {
        PacketFilter filter = PacketFilter.Parse(expression);
        string[] matches = [.. Packets.Where(p => filter.Matches(p.Value)).Select(p => p.Key).Order(StringComparer.Ordinal)];
        Assert.Equal(expected.Split(' ', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal), matches);
    }

    [Theory]
    [InlineData("tcp port", 9, "port has no value")]
    [InlineData("tcp port 65536", 10, "'65536' is not a port")]
    [InlineData("port 080x", 6, "'080x' is not a port")]
    [InlineData("host web.example.org", 6, "'web.example.org' is not an IP address")]
    [InlineData("host 010.0.0.1", 6, "'010.0.0.1'")]
    [InlineData("host 10.0.0.0/8", 6, "is a block")]
    [InlineData("net 10.0.0.1/8", 5, "bits set")]
    [InlineData("net 10.0.0.0 mask 255.0.255.0", 19, "not a network mask")]
    [InlineData("net 10.0.0.0/33", 5, "not a network")]
    [InlineData("portrange 9-2", 11, "ends before it begins")]
    [InlineData("tcp host 10.0.0.1", 1, "tcp cannot be asked for host")]
    [InlineData("icmp port 8", 1, "icmp cannot be asked for port")]
    [InlineData("proto 256", 7, "'256'")]
    [InlineData("less x", 6, "'x'")]
    [InlineData("greater", 8, "a number is missing")]
    [InlineData("(tcp", 5, "')' is missing")]
    [InlineData("tcp)", 4, "')' stands behind")]
    [InlineData("tcp udp", 5, "'udp' stands behind")]
    [InlineData("tcp and", 8, "ends where a term")]
    [InlineData("or tcp", 1, "'or' is not a term")]
    [InlineData("tcp[13] & 2 != 0", 4, "'[' has no meaning")]
    [InlineData("vlan 5", 1, "'vlan' is not a term")]
    [InlineData("tcp and 80", 9, "'80' is not a term")]
    [InlineData("src proto 6", 11, "proto has no source")]
    public void A_bad_expression_says_where_what_and_how_to_mend(string expression, int position, string names)
    {
        FilterException fault = Assert.Throws<FilterException>(() => PacketFilter.Parse(expression));
        Assert.Equal((expression, position), (expression, fault.Position));
        Assert.Contains(names, fault.Message, StringComparison.Ordinal);
        Assert.StartsWith($"--filter, character {position}: ", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Length_and_depth_are_bounded()
    {
        Assert.Throws<FilterException>(() => PacketFilter.Parse(new string(' ', 4097)));
        Assert.Throws<FilterException>(() => PacketFilter.Parse(new string('!', 101) + "tcp"));
        Assert.Throws<FilterException>(() => PacketFilter.Parse(new string('(', 101) + "tcp" + new string(')', 101)));
        Headers web = Packets["web"];
        Assert.True(PacketFilter.Parse(new string('(', 100) + "tcp" + new string(')', 100)).Matches(web));
        Assert.True(PacketFilter.Parse("tcp" + string.Concat(Enumerable.Repeat(" or tcp", 580))).Matches(web));
    }

    [Fact]
    public void Asking_allocates_nothing()
    {
        PacketFilter filter = PacketFilter.Parse("not (tcp port 80 or udp portrange 1-10) and src or dst net 10.0.0.0/8 or ip6 host 2001:db8::1 and less 500");
        Headers web = Packets["web"];
        filter.Matches(web);
        long least = long.MaxValue;
        for (int i = 0; i < 1000; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            filter.Matches(web);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, least);
    }

    [Fact]
    public void REL_28_Random_expressions_give_a_filter_or_a_fault_and_never_hang()
    {
        string[] words = ["tcp", "udp", "ip", "ip6", "icmp", "src", "dst", "or", "and", "not", "!", "(", ")", "host", "net", "port", "portrange", "proto", "less", "greater", "mask", "10.0.0.0/8", "10.0.0.1", "1-2", "80", "::1", "http", "-", "/", "&&", "\u0001"];
        var random = new Random(7);
        int parsed = 0;
        for (int i = 0; i < 20_000; i++)
        {
            string expression = string.Join(' ', Enumerable.Range(0, random.Next(1, 9)).Select(_ => words[random.Next(words.Length)]));
            try
            {
                PacketFilter filter = PacketFilter.Parse(expression);
                parsed++;
                foreach (Headers headers in Packets.Values)
                {
                    filter.Matches(headers);
                }
            }
            catch (FilterException)
            {
                // a fault is an answer
            }
        }

        Assert.InRange(parsed, 100, 19_900);
    }
}
