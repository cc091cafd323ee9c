using Dataplane.Flows;
using Dataplane.Packets;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Flows;

/// <summary>One key for both directions of a flow; what was packed comes out again.</summary>
public sealed class FlowKeyTests
{
    [Theory]
    [InlineData("10.0.0.1", 0, "10.0.0.2", 65535, 6)]
    [InlineData("255.255.255.255", 65535, "0.0.0.0", 0, 17)]
    [InlineData("2001:db8::1", 443, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1, 6)]
    [InlineData("::", 0, "::1", 7, 58)]
    [InlineData("10.0.0.1", 9, "10.0.0.1", 8, 255)]
    public void A_key_gives_back_what_was_put_in(string a, ushort portA, string b, ushort portB, byte protocol)
    {
        FlowKey key = new(IpAddress.Parse(a), portA, IpAddress.Parse(b), portB, protocol);
        Assert.Equal((IpAddress.Parse(a), portA, IpAddress.Parse(b), portB, protocol), (key.A, key.PortA, key.B, key.PortB, key.Protocol));
        Assert.Equal(IpAddress.Parse(a).IsIpv6, key.IsIpv6);
    }

    [Theory]
    [InlineData("tcp 10.0.0.1:1000 > 10.0.0.2:80 S", "tcp 10.0.0.2:80 > 10.0.0.1:1000 SA", true)]
    [InlineData("tcp 10.0.0.1:1000 > 10.0.0.1:80 S", "tcp 10.0.0.1:80 > 10.0.0.1:1000 SA", true)]
    [InlineData("tcp 10.0.0.1:1000 > 10.0.0.2:80 S", "tcp 10.0.0.1:80 > 10.0.0.2:1000 S", false)]
    [InlineData("tcp 10.0.0.1:1000 > 10.0.0.2:80 S", "udp 10.0.0.1:1000 > 10.0.0.2:80", false)]
    [InlineData("udp [2001:db8::1]:5 > [2001:db8::2]:6", "udp [2001:db8::2]:6 > [2001:db8::1]:5", true)]
    [InlineData("icmp 10.0.0.1 > 10.0.0.2 8/0 id 7", "icmp 10.0.0.2 > 10.0.0.1 0/0 id 7", true)]
    [InlineData("icmp 10.0.0.1 > 10.0.0.2 8/0 id 7", "icmp 10.0.0.2 > 10.0.0.1 8/0 id 7", false)]
    [InlineData("icmp 10.0.0.1 > 10.0.0.2 8/0 id 7", "icmp 10.0.0.2 > 10.0.0.1 0/0 id 8", false)]
    [InlineData("icmp 10.0.0.1 > 10.0.0.2 13/0 id 7", "icmp 10.0.0.2 > 10.0.0.1 14/0 id 7", true)]
    [InlineData("icmp 10.0.0.1 > 10.0.0.2 13/0 id 7", "icmp 10.0.0.2 > 10.0.0.1 0/0 id 7", false)]
    [InlineData("icmpv6 2001:db8::1 > 2001:db8::2 128/0 id 7", "icmpv6 2001:db8::2 > 2001:db8::1 129/0 id 7", true)]
    [InlineData("proto 47 10.0.0.1 > 10.0.0.2", "proto 47 10.0.0.2 > 10.0.0.1", true)]
    [InlineData("icmpv6 10.0.0.1 > 10.0.0.2 128/0", "icmpv6 10.0.0.2 > 10.0.0.1 3/1", true)]
    public void R_03_R_05_Both_directions_of_a_flow_have_one_key(string packet, string other, bool isSame)
    {
        FlowView one = View(packet), two = View(other);
        Assert.True(one.HasKey && two.HasKey);
        Assert.Equal(isSame, one.Key == two.Key);
        if (isSame)
        {
            Assert.NotEqual(one.FromB, two.FromB);
            Assert.Equal(FlowHash.Secret.Of(one.Key), FlowHash.Secret.Of(two.Key));
        }
    }

    [Theory]
    [InlineData("icmp 10.0.0.1 > 10.0.0.2 3/0")]
    [InlineData("icmp 10.0.0.1 > 10.0.0.2 9/0")]
    [InlineData("icmpv6 2001:db8::1 > 2001:db8::2 130/0")]
    [InlineData("tcp 10.0.0.1:1 > 10.0.0.2:2 later 5")]
    [InlineData("icmp 10.0.0.1 > 10.0.0.2 8/0 later 5")]
    public void R_05_R_42_Other_messages_and_packets_without_ports_have_none(string packet) =>
        Assert.False(View(packet).HasKey);

    private static FlowView View(string text)
    {
        Headers packet = PacketText.Parse(text).Headers;
        return FlowView.Of(packet, packet.Source, 0, packet.Destination, 0);
    }
}
