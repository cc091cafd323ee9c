using System;
using System.Linq;
using System.Threading;
using Dataplane.LiveTests.Lab;
using Xunit;

namespace Dataplane.LiveTests.Run;

/// <summary>Ordinary programs in a VPC in a box see what they would see on AWS. One run serves all tests of a back-end.</summary>
public abstract class BoxTests(Lazy<IDisposable> shop)
{
    private Shop Shop => (Shop)shop.Value;

    [LiveFact("curl", "nginx", "udhcpc", "dotnet")]
    public void IGW_01_The_public_address_is_translated_both_ways()
    {
        Assert.Equal("198.51.100.7", Shop.Curl(Shop.Internet, $"http://{Shop.Public}/"));
        Assert.Equal(Shop.Public, Shop.Curl(Shop.Web, "http://198.51.100.7:8000/"));
        Assert.NotEqual(0, Shop.Recorded("\"Gateway 198.18.0.1>10.0.1.10\"", "\"rule\":\"WebGroup/ingress/1\"", "\"state\":\"untracked\""));
        Assert.NotEqual(0, Shop.Recorded("\"Gateway 10.0.1.10>198.18.0.1\"", "\"dstPort\":8000"));
    }

    [LiveFact("curl", "nginx", "udhcpc", "dotnet")]
    public void IGW_11_IPv6_goes_through_the_gateway_as_it_is() =>
        Assert.Equal("2001:db8:ffff::7", Shop.Curl(Shop.Internet, $"http://[{Shop.WebIpv6}]/"));

    [LiveFact("curl", "nginx", "udhcpc", "dotnet")]
    public void SG_02_What_no_rule_admits_times_out()
    {
        Assert.Equal("exit 28", Shop.Curl(Shop.Internet, $"http://{Shop.Public}:8080/"));
        Assert.NotEqual(0, Shop.Recorded("\"verdict\":\"deny\"", "ENI_SG_RULES_MISMATCH", "\"rule\":\"WebGroup/ingress/none\"", "\"dstPort\":8080"));
        Assert.Equal("exit 28", Shop.Curl(Shop.Internet, $"http://[{Shop.WebIpv6}]:8080/"));
    }

    [LiveFact("curl", "nginx", "udhcpc", "dotnet")]
    public void SG_20_A_group_that_names_a_group_admits_its_members_only()
    {
        Assert.Equal("10.0.1.10", Shop.Curl(Shop.Web, "http://10.0.2.20:5432/"));
        Assert.Equal("exit 28", Shop.Curl(Shop.Broken, "http://10.0.2.20:5432/"));
    }

    [LiveFact("curl", "nginx", "udhcpc", "dotnet")]
    public void CT_01_CT_11_Replies_come_back_to_a_host_that_no_rule_lets_them_to()
    {
        Assert.Equal("10.0.2.20", Shop.Curl(Shop.Database, "http://10.0.1.10/"));
        Assert.NotEqual(0, Shop.Recorded("\"from\":\"Web\",\"to\":\"Database\"", "\"rule\":\"tracked DatabaseGroup/egress/1\""));
    }

    [LiveFact("curl", "nginx", "udhcpc", "dotnet")]
    public void ACL_01_A_network_ACL_without_the_ephemeral_ports_breaks_a_connection_that_the_groups_allow()
    {
        Assert.Equal("exit 28", Shop.Curl(Shop.Web, "http://10.0.3.30/"));
        Assert.NotEqual(0, Shop.Recorded("SUBNET_ACL_RESTRICTION", "\"rule\":\"BrokenAcl/egress/*\""));
    }

    [LiveFact("curl", "nginx", "udhcpc", "dotnet")]
    public void RT_01_Without_a_route_nothing_leaves()
    {
        Assert.Equal("exit 28", Shop.Curl(Shop.Database, "http://198.51.100.7:8000/"));
        Assert.NotEqual(0, Shop.Recorded("NO_ROUTE_TO_DESTINATION", "\"from\":\"Database\""));
    }

    [LiveFact("ping", "udhcpc", "dotnet")]
    public void CT_04_Ping_is_answered_over_both_families_and_not_by_the_router()
    {
        NamespaceLab.In(Shop.Internet, "ping", "-c", "3", "-i", "0.2", "-W", "3", Shop.Public);
        NamespaceLab.In(Shop.Internet, "ping", "-6", "-c", "3", "-i", "0.2", "-W", "3", Shop.WebIpv6);
        Assert.False(NamespaceLab.Try(Shop.Web, "ping", "-c", "1", "-W", "1", "10.0.1.1").Succeeded);
    }

    [LiveFact("udhcpc", "dotnet")]
    public void A_host_gets_its_address_by_DHCP() => Assert.StartsWith("10.0.2.20 255.255.255.0 10.0.2.1 10.0.0.2", Shop.Leased, StringComparison.Ordinal);

    [LiveFact("dig", "dnsmasq", "udhcpc", "dotnet")]
    public void CT_03_A_name_server_answers_over_UDP()
    {
        Command server = Shop.Lab.Start(Shop.Internet, "dnsmasq", "-k", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--bind-interfaces", "--listen-address=198.51.100.7",
            "--address=/shop.test/192.0.2.80", "--user=root", "--pid-file=");
        Until.True(() => server.HasExited || NamespaceLab.Try(Shop.Internet, "sh", "-c", "grep -q ':0035 ' /proc/net/udp").Succeeded, () => server.Errors);
        Assert.Equal("192.0.2.80", NamespaceLab.In(Shop.Web, "dig", "+short", "+time=3", "+tries=1", "@198.51.100.7", "shop.test").Output.Trim());
    }

    [LiveFact("nmap", "nginx", "udhcpc", "dotnet")]
    public void A_scan_finds_what_the_rules_admit()
    {
        string[] lines = [.. NamespaceLab.In(Shop.Internet, "nmap", "-n", "-Pn", "--max-retries", "1", "-p", "22,80,5432,8080", Shop.Public).Output.Split('\n').Where(l => l.Contains("/tcp", StringComparison.Ordinal))];
        Assert.Equal(["22/tcp filtered", "80/tcp open", "5432/tcp filtered", "8080/tcp filtered"], lines.Select(l => string.Join(' ', l.Split(' ', StringSplitOptions.RemoveEmptyEntries)[..2])));
    }

    [LiveFact("traceroute", "nginx", "udhcpc", "dotnet")]
    public void CT_12_An_ICMP_error_about_a_tracked_flow_needs_a_rule_and_a_reply_does_not()
    {
        string echo = NamespaceLab.Try(Shop.Web, "traceroute", "-n", "-I", "-w", "1", "-q", "1", "-m", "2", "198.51.100.7").Output;
        Assert.Contains(" 198.51.100.7 ", echo.Split('\n')[1], StringComparison.Ordinal);    // the implicit router takes no hop
        string udp = NamespaceLab.Try(Shop.Web, "traceroute", "-n", "-U", "-p", "40000", "-w", "1", "-q", "1", "-m", "2", "198.51.100.7").Output;
        Assert.Contains("*", udp.Split('\n')[1], StringComparison.Ordinal);
        Assert.NotEqual(0, Shop.Recorded("\"verdict\":\"deny\"", "\"icmpType\":3", "\"rule\":\"WebGroup/ingress/none\""));
        string tcp = NamespaceLab.Try(Shop.Web, "traceroute", "-n", "-T", "-p", "8000", "-w", "1", "-q", "1", "-m", "2", "198.51.100.7").Output;
        Assert.Contains(" 198.51.100.7 ", tcp.Split('\n')[1], StringComparison.Ordinal);
    }

    [LiveFact("iperf3", "udhcpc", "dotnet")]
    public void A_bulk_transfer_goes_through()
    {
        Command server = Shop.Lab.Start(Shop.Web, "iperf3", "-s", "-1");
        Until.True(() => server.HasExited || NamespaceLab.Try(Shop.Web, "sh", "-c", "grep -q ':1451 .* 0A ' /proc/net/tcp6").Succeeded, () => server.Errors);
        NamespaceLab.In(Shop.Internet, "iperf3", "-c", Shop.Public, "-n", "4M", "-B", "198.51.100.7", "--connect-timeout", "3000");
    }

    [LiveFact("sshd", "ssh-keygen", "nc", "udhcpc", "dotnet")]
    public void SG_14_SSH_is_for_the_office_only()
    {
        string key = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"{NamespaceLab.Prefix}key-{Environment.TickCount64}");
        try
        {
            Assert.True(Command.Run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]).Succeeded);
            System.IO.Directory.CreateDirectory("/run/sshd");
            Shop.Lab.Start(Shop.Web, "sshd", "-D", "-e", "-h", key, "-p", "22", "-o", "PidFile=none", "-o", "UseDNS=no", "-f", "/dev/null");
            Until.True(() => NamespaceLab.Try(Shop.Web, "sh", "-c", "grep -q ':0016 .* 0A ' /proc/net/tcp").Succeeded, () => "sshd did not listen");
            Assert.StartsWith("SSH-2.0-", NamespaceLab.Try(Shop.Internet, "timeout", "3", "nc", "-s", "203.0.113.9", "-w", "2", Shop.Public, "22").Output, StringComparison.Ordinal);
            Assert.Equal("", NamespaceLab.Try(Shop.Internet, "timeout", "3", "nc", "-s", "198.51.100.7", "-w", "2", Shop.Public, "22").Output);
            Assert.NotEqual(0, Shop.Recorded("\"src\":\"203.0.113.9\"", "\"rule\":\"WebGroup/ingress/5\""));
        }
        finally
        {
            System.IO.File.Delete(key);
            System.IO.File.Delete(key + ".pub");
        }
    }

    [LiveFact("ping", "udhcpc", "dotnet")]
    public void SG_18_A_foreign_source_does_not_leave_an_interface_that_checks_it()
    {
        NamespaceLab.In(Shop.Web, "ping", "-c", "1", "-W", "3", "198.51.100.7");    // it knows the router's address from here on, and asks nobody with the foreign one
        NamespaceLab.IpIn(Shop.Web, "addr", "replace", "10.0.2.99/32", "dev", "lo");
        Assert.False(NamespaceLab.Try(Shop.Web, "ping", "-c", "1", "-W", "1", "-I", "10.0.2.99", "198.51.100.7").Succeeded);
        Assert.Equal(1, Shop.Recorded("\"reason\":\"ENI_SOURCE_DEST_CHECK_RESTRICTION\"", "\"from\":\"Web\"", "\"src\":\"10.0.2.99\""));
    }
}

/// <summary>The lab of one back-end, made when the first test wants it.</summary>
public class BoxFixture(string method) : IDisposable
{
    public Lazy<IDisposable> Shop { get; } = new(() => new Shop(method), LazyThreadSafetyMode.ExecutionAndPublication);

    public void Dispose()
    {
        if (Shop.IsValueCreated)
        {
            Shop.Value.Dispose();
        }

        GC.SuppressFinalize(this);
    }
}

public sealed class PcapBox() : BoxFixture("pcap");

public sealed class PacketBox() : BoxFixture("packet");

public sealed class XdpBox() : BoxFixture("xdp");

[Collection("live")]
public sealed class PcapBoxTests(PcapBox box) : BoxTests(box.Shop), IClassFixture<PcapBox>;

[Collection("live")]
public sealed class PacketBoxTests(PacketBox box) : BoxTests(box.Shop), IClassFixture<PacketBox>;

[Collection("live")]
public sealed class XdpBoxTests(XdpBox box) : BoxTests(box.Shop), IClassFixture<XdpBox>;
