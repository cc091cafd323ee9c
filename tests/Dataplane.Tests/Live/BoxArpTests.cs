using Dataplane.Live;
using Xunit;

namespace Dataplane.Tests.Live;

/// <summary>ARP as the fabric of a VPC answers it.</summary>
public sealed class BoxArpTests
{
    private const string A = "10.0.1.10";

    [Theory]
    [InlineData("10.0.1.1", "router", "the implicit router, base+1")]
    [InlineData("10.0.1.20", "eni-b", "another interface of the subnet, attached or not")]
    [InlineData("169.254.169.254", "router", "a service on the link")]
    [InlineData("10.0.1.99", null, "an address of the subnet that nobody has")]
    [InlineData("10.0.2.30", null, "an interface of another subnet is not on the link")]
    [InlineData("10.0.2.1", null, "nor is that subnet's router")]
    [InlineData("10.0.1.10", null, "the asker's own")]
    public void At_an_interface_the_network_answers_for_whoever_is_on_the_link(string target, string? holder, string shows)
    {
        using BoxLab lab = new(BoxLab.Small, "eni-a");
        lab.Frame(0, LiveFrames.Arp(1, BoxLab.Host(0), A, default, target));
        byte[][] sent = lab.Ports[0].Take();
        if (holder is null)
        {
            Assert.True(sent.Length == 0, shows);
            Assert.Equal(target == A ? 1 : 0, lab.Box.Fates[LiveFate.Answered]);
            return;
        }

        MacAddress mac = holder == "router" ? lab.Router(0) : lab.InterfaceAddress(holder);
        Assert.Equal((shows, $"reply {target} ({mac}) > {A} ({BoxLab.Host(0)})"), (shows, LiveFrames.ReadArp(Assert.Single(sent))));
        Assert.Equal((mac, BoxLab.Host(0)), (LiveFrames.From(sent[0]), LiveFrames.To(sent[0])));
        Assert.Equal(1, lab.Box.Fates[LiveFate.Answered]);
    }

    [Fact]
    public void A_probe_finds_no_conflict_for_the_own_address_and_one_for_anothers()
    {
        using BoxLab lab = new(BoxLab.Small, "eni-a");
        lab.Frame(0, LiveFrames.Arp(1, BoxLab.Host(0), "0.0.0.0", default, A));
        Assert.Empty(lab.Ports[0].Take());
        lab.Frame(0, LiveFrames.Arp(1, BoxLab.Host(0), "0.0.0.0", default, "10.0.1.20"));
        Assert.Equal($"reply 10.0.1.20 ({lab.InterfaceAddress("eni-b")}) > 0.0.0.0 ({BoxLab.Host(0)})", LiveFrames.ReadArp(Assert.Single(lab.Ports[0].Take())));
    }

    [Fact]
    public void An_announcement_is_heard_and_not_answered()
    {
        using BoxLab lab = new(BoxLab.Small, "eni-a", "eni-b");
        lab.Frame(0, LiveFrames.Arp(1, BoxLab.Host(0), A, default, A));
        Assert.Empty(lab.Ports[0].Take());
        lab.Ip(1, TestSupport.PacketBuilder.Udp("10.0.1.20", 1, A, 2));
        Assert.Equal(BoxLab.Host(0), LiveFrames.To(Assert.Single(lab.Ports[0].Take())));
    }

    [Fact]
    public void Who_speaks_for_an_address_that_is_not_his_is_neither_answered_nor_believed()
    {
        using BoxLab lab = new(BoxLab.Small, "eni-a");
        lab.Frame(0, LiveFrames.Arp(1, BoxLab.Host(0), "10.0.1.20", default, "10.0.1.1"));
        Assert.Empty(lab.Ports[0].Take());
        Assert.Equal(1, lab.Box.Fates[LiveFate.Ignored]);
    }

    [Theory]
    [InlineData("203.0.113.10", true, "a public address of the VPC")]
    [InlineData("203.0.113.11", false, "a public address that nobody has")]
    [InlineData("10.0.1.10", false, "a private address is nothing outside")]
    [InlineData("203.0.113.1", false, "the asker's own")]
    public void At_a_gateway_the_network_answers_for_public_addresses(string target, bool isAnswered, string shows)
    {
        using BoxLab lab = new(BoxLab.Small, "igw-1");
        lab.Frame(0, LiveFrames.Arp(1, BoxLab.Host(0), "203.0.113.1", default, target));
        byte[][] sent = lab.Ports[0].Take();
        Assert.Equal((shows, isAnswered), (shows, sent.Length == 1));
        if (isAnswered)
        {
            Assert.Equal($"reply {target} ({lab.Router(0)}) > 203.0.113.1 ({BoxLab.Host(0)})", LiveFrames.ReadArp(sent[0]));
        }
    }

    [Fact]
    public void At_a_gateway_an_address_that_somebody_else_speaks_for_is_left_to_him_for_a_minute()
    {
        using BoxLab lab = new(BoxLab.Small, "igw-1");
        byte[] question = LiveFrames.Arp(1, BoxLab.Host(0), "203.0.113.1", default, "203.0.113.10");
        lab.Frame(0, LiveFrames.Arp(1, new MacAddress(0x0600_0000_0099), "203.0.113.10", default, "203.0.113.10"));
        lab.Frame(0, question);
        Assert.Empty(lab.Ports[0].Take());
        lab.Pass(61);
        lab.Frame(0, question);
        Assert.Single(lab.Ports[0].Take());
    }

    [Fact]
    public void MAC_addresses_are_the_same_in_every_run_and_of_one_local_station()
    {
        using BoxLab first = new(BoxLab.Small, "eni-a", "igw-1"), second = new(BoxLab.Small, "eni-a", "igw-1");
        Assert.Equal(first.Plan.InterfaceAddresses, second.Plan.InterfaceAddresses);
        Assert.Equal(first.Router(1), second.Router(1));
        Assert.All(first.Plan.InterfaceAddresses, mac => Assert.Equal(2UL, mac.Bits >> 40 & 3));
        Assert.NotEqual(first.Plan.Subnets[0].Router, first.Plan.Subnets[1].Router);
    }
}
