using System;
using Dataplane.LiveTests.Lab;
using Xunit;

namespace Dataplane.LiveTests.Run;

/// <summary>Packets that are longer than the next link takes.</summary>
[Collection("live")]
public sealed class LongPacketTests
{
    [LiveFact("ping", "tracepath", "nginx", "udhcpc", "dotnet")]
    public void RT_35_RT_36_A_long_packet_is_cut_at_the_internet_gateway_or_its_sender_is_told()
    {
        using Shop shop = new("auto", mtu: 9001);

        // Inside the VPC 9001 bytes go as they are.
        NamespaceLab.In(shop.Database, "ping", "-c", "2", "-i", "0.2", "-W", "3", "-M", "do", "-s", "8000", "10.0.1.10");

        // Out of it 1500: told, where the packet may not be cut ...
        CommandResult told = NamespaceLab.Try(shop.Web, "ping", "-c", "1", "-W", "2", "-M", "do", "-s", "3000", "198.51.100.7");
        Assert.Contains("mtu = 1500", told.Output + told.Errors, StringComparison.Ordinal);
        Assert.Contains("mtu=1500", NamespaceLab.IpIn(shop.Web, "route", "get", "198.51.100.7").Output.Replace("mtu 1500", "mtu=1500", StringComparison.Ordinal), StringComparison.Ordinal);

        // ... and cut, where it may.
        NamespaceLab.IpIn(shop.Web, "route", "flush", "cache");
        NamespaceLab.In(shop.Web, "ping", "-c", "2", "-i", "0.2", "-W", "3", "-M", "dont", "-s", "3000", "198.51.100.7");
        Assert.Contains("9001", shop.Leased, StringComparison.Ordinal);
        shop.Run.Stop();
        shop.Run.CountersAddUp();
        Assert.NotEqual(0, shop.Run.Number("fragmented"));
        Assert.NotEqual(0, shop.Run.Number("errorsSent"));
        Assert.Equal(0, shop.Run.Number("elsewhere"));
    }
}
