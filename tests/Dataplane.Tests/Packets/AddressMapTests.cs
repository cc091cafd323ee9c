using System;
using Dataplane.Packets;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Packets;

/// <summary>--map: a block changes, the host part stays.</summary>
public sealed class AddressMapTests
{
    [Theory]
    [InlineData("192.168.1.0/24=10.0.1.0/24", "192.168.1.77", "10.0.1.77")]
    [InlineData("192.168.1.0/24=10.0.1.0/24", "192.168.2.77", "192.168.2.77")]
    [InlineData("192.168.1.9/32=10.0.1.1/32", "192.168.1.9", "10.0.1.1")]
    [InlineData("0.0.0.0/0=0.0.0.0/0", "8.8.8.8", "8.8.8.8")]
    [InlineData("172.16.0.0/12=10.16.0.0/12", "172.31.255.254", "10.31.255.254")]
    [InlineData("2001:db8::/48=fd00:1:2::/48", "2001:db8:0:5::9", "fd00:1:2:5::9")]
    [InlineData("2001:db8::/72=fd00::/72", "2001:db8::12:3456:789a:bcde", "fd00::12:3456:789a:bcde")]
    public void The_host_part_is_kept(string map, string address, string expected) =>
        Assert.Equal(expected, AddressMap.Parse([map])!.Apply(IpAddress.Parse(address)).ToString());

    [Fact]
    public void The_first_pair_that_matches_decides_and_nothing_is_mapped_twice()
    {
        AddressMap map = AddressMap.Parse(["10.0.0.0/24=10.1.0.0/24", "10.0.0.0/16=10.9.0.0/16", "10.1.0.0/24=10.2.0.0/24"])!;
        Assert.Equal("10.1.0.5", map.Apply(IpAddress.Parse("10.0.0.5")).ToString());
        Assert.Equal("10.9.1.5", map.Apply(IpAddress.Parse("10.0.1.5")).ToString());
        Assert.Null(AddressMap.Parse([]));
    }

    [Fact]
    public void Both_ends_of_a_packet_and_of_its_quotation_are_mapped()
    {
        var block = new PacketBlock();
        block.Add(0, PacketBuilder.IcmpError("192.168.1.1", "192.168.2.2", 3, 1, PacketBuilder.Udp("192.168.2.2", 53, "192.168.1.1", 99)));
        HeaderParser.ParseBlock(block, AddressMap.Parse(["192.168.0.0/16=10.0.0.0/16"]));
        Assert.Equal(("10.0.1.1", "10.0.2.2"), (block.Headers[0].Source.ToString(), block.Headers[0].Destination.ToString()));
        Assert.Equal(("10.0.2.2", "10.0.1.1"), (block.Quotes[0].Source.ToString(), block.Quotes[0].Destination.ToString()));
        Assert.True(block.Quotes[0].PortsKnown);
    }

    [Theory]
    [InlineData("10.0.0.0/8", "no '='")]
    [InlineData("10.0.0.0/8=", "''")]
    [InlineData("10.0.0.0=10.1.0.0", "'10.0.0.0'")]
    [InlineData("10.0.0.0/8=10.1.0.0/16", "/8 and /16")]
    [InlineData("10.0.0.0/8=fd00::/8", "IPv6")]
    [InlineData("010.0.0.0/8=10.0.0.0/8", "'010.0.0.0/8'")]
    public void A_bad_map_says_what_is_wrong(string map, string names)
    {
        FormatException fault = Assert.Throws<FormatException>(() => AddressMap.Parse([map]));
        Assert.StartsWith($"--map {map}: ", fault.Message, StringComparison.Ordinal);
        Assert.Contains(names, fault.Message, StringComparison.Ordinal);
    }
}
