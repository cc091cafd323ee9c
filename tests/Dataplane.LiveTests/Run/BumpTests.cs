using System;
using System.IO;
using System.Linq;
using Dataplane.LiveTests.Lab;
using Xunit;

namespace Dataplane.LiveTests.Run;

/// <summary>A bump in the wire: the same verdicts as replay, and changes of the topology under traffic.</summary>
[Collection("live")]
public sealed class BumpTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Never = TimeSpan.FromSeconds(1.5);

    public static TheoryData<string> Methods => ["pcap", "packet", "xdp"];

    [LiveTheory("socat", "ping", "nmap", "nc", "dig", "dotnet"), MemberData(nameof(Methods))]
    public void What_run_decided_replay_decides_too(string method)
    {
        using Bump bump = new(
            method, [Bump.Tcp(7, "198.51.100.0/24"), Bump.Tcp(7, "::/0"), "{IpProtocol: icmp, FromPort: 8, ToPort: -1, CidrIp: 198.51.100.0/24}", "{IpProtocol: icmpv6, FromPort: 128, ToPort: -1, CidrIpv6: \"::/0\"}"]);
        bump.Echo(7);
        NamespaceLab.In(bump.Client, "ping", "-c", "5", "-i", "0.05", "-W", "3", Bump.Server);
        NamespaceLab.In(bump.Client, "ping", "-c", "3", "-i", "0.05", "-W", "3", "-s", "4000", Bump.Server);    // fragments
        NamespaceLab.In(bump.Client, "ping", "-6", "-c", "3", "-i", "0.05", "-W", "3", Bump.ServerIpv6);
        Assert.True(Bump.Exchange(bump.Connect(7), "hello", Soon));
        NamespaceLab.Try(bump.Client, "nmap", "-n", "-Pn", "-p", "1-60", "--max-retries", "0", Bump.Server);
        NamespaceLab.Try(bump.Client, "dig", "+time=1", "+tries=1", $"@{Bump.Server}", "shop.test");
        NamespaceLab.Try(bump.Inside, "nc", "-z", "-w", "1", "198.51.100.7", "80");
        NamespaceLab.Try(bump.Client, "nc", "-z", "-w", "1", Bump.Server, "8");

        string summary = bump.Run.Stop();
        Assert.Contains("TCP 8", summary, StringComparison.Ordinal);
        bump.Run.CountersAddUp();
        foreach (string seen in (string[])["\"verdict\":\"allow\"", "ENI_SG_RULES_MISMATCH", "\"verdict\":\"ignored\"", "\"state\":\"established\"", "\"proto\":58", "\"proto\":17"])
        {
            Assert.Contains(bump.Run.Records, r => r.Contains(seen, StringComparison.Ordinal));
        }

        bump.Run.EqualsReplay();
    }

    [LiveTheory("socat", "dotnet"), MemberData(nameof(Methods))]
    public void CT_13_CT_14_REL_15_A_rule_that_goes_cuts_an_untracked_connection_and_leaves_a_tracked_one(string method)
    {
        using Bump bump = new(method, [Bump.Tcp(7001, "198.51.100.0/24"), Bump.Tcp(7002, "0.0.0.0/0")]);
        bump.Echo(7001, 7002);
        Command tracked = bump.Connect(7001), untracked = bump.Connect(7002);
        Assert.True(Bump.Exchange(tracked, "one", Soon));
        Assert.True(Bump.Exchange(untracked, "one", Soon));

        Bump.Write(bump.Topology, [Bump.Tcp(7003, "198.51.100.0/24")]);
        Until.True(() => bump.Run.Said.Contains("epoch 2", StringComparison.Ordinal) && bump.Run.Said.Contains("cut by", StringComparison.Ordinal), () => bump.Run.Said);
        Assert.Contains("1 kept as tracked, though no rule would let them begin now, admitted by Group/ingress/1, as TCP 198.51.100.7:", bump.Run.Said, StringComparison.Ordinal);
        Assert.Contains("1 cut by ENI_SG_RULES_MISMATCH Group/ingress/none, as TCP 198.51.100.7:", bump.Run.Said, StringComparison.Ordinal);
        Assert.True(Bump.Exchange(tracked, "two", Soon));
        Assert.False(Bump.Exchange(untracked, "two", Never));
        Assert.False(NamespaceLab.Try(bump.Client, "nc", "-z", "-w", "1", Bump.Server, "7001").Succeeded);

        string[] records = bump.Run.Records;
        Assert.Contains(records, r => Holds(r, "\"verdict\":\"allow\"", "tracked Group/ingress/1", "\"dstPort\":7001", "\"epoch\":2}"));
        Assert.Contains(records, r => Holds(r, "\"verdict\":\"deny\"", "Group/ingress/none", "\"dstPort\":7002", "\"epoch\":2}"));
        Assert.DoesNotContain(records, r => Holds(r, "\"verdict\":\"deny\"", "\"epoch\":1}"));
        bump.Run.Stop();
        bump.Run.CountersAddUp();
    }

    [LiveFact("socat", "dotnet")]
    public void A_faulty_file_is_reported_and_the_running_topology_stays()
    {
        using Bump bump = new("packet", [Bump.Tcp(7001, "198.51.100.0/24")]);
        bump.Echo(7001);
        File.WriteAllText(bump.Topology, "Resources: [");
        Until.True(() => bump.Run.Said.Contains("The running topology stays.", StringComparison.Ordinal), () => bump.Run.Said);
        Assert.Contains("vpc.yaml", bump.Run.Said, StringComparison.Ordinal);
        Assert.True(Bump.Exchange(bump.Connect(7001), "still", Soon));

        // An empty file is one that somebody has begun to write: not a network without rules.
        int refused = bump.Run.Said.Length;
        File.WriteAllText(bump.Topology, "");
        Until.True(() => bump.Run.Said[refused..].Contains("vpc.yaml: no VPC is in the topology, as while it is being written.", StringComparison.Ordinal), () => bump.Run.Said);
        Assert.True(Bump.Exchange(bump.Connect(7001), "still", Soon));

        // A signal asks again, and finds the same fault; then the file is mended, and says what will not be enforced.
        int before = bump.Run.Said.Length;
        bump.Run.Signal("HUP");
        Until.True(() => bump.Run.Said[before..].Contains("The running topology stays.", StringComparison.Ordinal), () => bump.Run.Said);
        Bump.Write(bump.Topology, [Bump.Tcp(7002, "198.51.100.0/24")]);
        Until.True(() => bump.Run.Said.Contains("epoch 2", StringComparison.Ordinal), () => bump.Run.Said);
        Assert.False(NamespaceLab.Try(bump.Client, "nc", "-z", "-w", "1", Bump.Server, "7001").Succeeded);
        bump.Run.Stop();
        Assert.Equal((1, 2), (bump.Run.Number("reloads"), bump.Run.Number("epoch")));
        Assert.InRange(bump.Run.Number("refusedReloads"), 3, 12);
    }

    [LiveTheory("dotnet"), InlineData("packet"), InlineData("xdp"), InlineData("pcap")]
    public void A_link_that_goes_down_and_an_interface_that_goes_away_are_said(string method)
    {
        using Bump bump = new(method, [Bump.Tcp(7001, "198.51.100.0/24")]);
        NamespaceLab.IpIn(bump.Middle, "link", "set", "inside", "down");
        Until.True(() => bump.Run.Said.Contains("inside: the link is down.", StringComparison.Ordinal), () => bump.Run.Said);
        NamespaceLab.IpIn(bump.Middle, "link", "set", "inside", "up");
        Until.True(() => bump.Run.Said.Contains("inside: the link is up.", StringComparison.Ordinal), () => bump.Run.Said);
        NamespaceLab.IpIn(bump.Middle, "link", "delete", "inside");
        Until.True(() => bump.Run.Said.Contains("inside: the interface is gone.", StringComparison.Ordinal), () => bump.Run.Said);
        Assert.Contains("inside: the interface is gone.", bump.Run.Stop(), StringComparison.Ordinal);
    }

    [LiveFact("dotnet")]
    public void What_a_new_topology_does_not_enforce_is_said_when_it_takes_over_and_at_the_end()
    {
        using Bump bump = new("packet", [Bump.Tcp(7001, "198.51.100.0/24")]);
        string good = File.ReadAllText(bump.Topology);
        void Put(string text)
        {
            File.WriteAllText(bump.Topology + ".new", text);
            File.Move(bump.Topology + ".new", bump.Topology, true);
        }

        Put(good.Replace("DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Gateway", "DestinationCidrBlock: 0.0.0.0/0, NatGatewayId: nat-0123", StringComparison.Ordinal));
        Until.True(() => bump.Run.Said.Contains("epoch 2", StringComparison.Ordinal) && bump.Run.Said.Contains("nat-0123", StringComparison.Ordinal), () => bump.Run.Said);
        bump.Run.Stop();
        Assert.Contains("nat-0123", File.ReadAllText(Path.Combine(Path.GetDirectoryName(bump.Topology)!, "summary.json")), StringComparison.Ordinal);
    }

    public static TheoryData<string, string> Switches => new()
    {
        // what -t names       what is switched
        { "link.yaml",         "link.yaml" },                 // a link to a file
        { "now/vpc.yaml",      "now" },                       // a file behind a link to a folder
        { "mounted.yaml",      "now" },                       // a link to a file behind such a link, as a cluster mounts its configuration
        { "now",               "now" },                       // the link to a folder itself
    };

    [LiveTheory("mv", "dotnet"), MemberData(nameof(Switches))]
    public void A_link_that_leads_elsewhere_is_noticed(string named, string switched)
    {
        string folder = "";
        void Lead(string link, string target)
        {
            File.CreateSymbolicLink(Path.Combine(folder, link + ".new"), target);
            Assert.True(Command.Run("mv", ["-T", Path.Combine(folder, link + ".new"), Path.Combine(folder, link)]).Succeeded);
        }

        bool isFile = named == switched && named != "now";
        using Bump bump = new("packet", [Bump.Tcp(7001, "198.51.100.0/24")], start: true, at =>
        {
            folder = at;
            foreach (string version in (string[])["one", "two"])
            {
                Directory.CreateDirectory(Path.Combine(folder, version));
                File.WriteAllText(Path.Combine(folder, version, "vpc.yaml"), File.ReadAllText(Path.Combine(folder, "vpc.yaml")).Replace("7001", version == "one" ? "7001" : "7002", StringComparison.Ordinal));
                Snapshot(Path.Combine(folder, version, "vpc.json"), version == "one" ? 7001 : 7002);
            }

            Lead(switched, isFile ? "one/vpc.yaml" : "one");
            if (named == "mounted.yaml")
            {
                Lead(named, "now/vpc.yaml");
            }

            return Path.Combine(folder, named);
        });
        Lead(switched, isFile ? "two/vpc.yaml" : "two");
        Until.True(() => bump.Run.Said.Contains("epoch 2", StringComparison.Ordinal), () => bump.Run.Said);

        // What is written behind the link is noticed too.
        Bump.Write(Path.Combine(folder, "two", "vpc.yaml"), [Bump.Tcp(7003, "198.51.100.0/24")]);
        Snapshot(Path.Combine(folder, "two", "vpc.json"), 7003);
        Until.True(() => bump.Run.Said.Contains("epoch 3", StringComparison.Ordinal), () => bump.Run.Said);
        bump.Run.Stop();
        Assert.Equal(0, bump.Run.Number("refusedReloads"));
    }

    /// <summary>What a folder of a snapshot holds: the least that is a network.</summary>
    private static void Snapshot(string path, int port)
    {
        File.WriteAllText(
            path + ".new",
            $$"""
            {"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16", "State": "available"}],
             "SecurityGroups": [{"GroupId": "sg-1", "GroupName": "a", "VpcId": "vpc-1", "IpPermissionsEgress": [], "IpPermissions": [{"IpProtocol": "tcp", "FromPort": {{port}}, "ToPort": {{port}}, "IpRanges": [{"CidrIp": "198.51.100.0/24"}]}]}]}
            """);
        File.Move(path + ".new", path, true);
    }

    [LiveFact("socat", "dotnet")]
    public void What_if_says_what_a_topology_would_do_and_does_not_do_it()
    {
        string other = Path.Combine(Path.GetTempPath(), $"{NamespaceLab.Prefix}what-if.yaml");
        try
        {
            Bump.Write(other, [Bump.Tcp(7009, "198.51.100.0/24")]);
            using Bump bump = new("packet", [Bump.Tcp(7001, "0.0.0.0/0")], "--what-if", other);
            bump.Echo(7001);
            Command connection = bump.Connect(7001);
            Assert.True(Bump.Exchange(connection, "one", Soon));
            bump.Run.Signal("USR1");
            Until.True(() => bump.Run.Said.Contains("not applied", StringComparison.Ordinal), () => bump.Run.Said);
            Assert.Contains("1 cut by ENI_SG_RULES_MISMATCH Group/ingress/none, as TCP 198.51.100.7:", bump.Run.Said, StringComparison.Ordinal);
            Assert.True(Bump.Exchange(connection, "two", Soon));

            int before = bump.Run.Said.Length;
            Bump.Write(other, [Bump.Tcp(7001, "0.0.0.0/0")]);
            Until.True(() => bump.Run.Said[before..].Contains("1 flow in progress: 1 unchanged", StringComparison.Ordinal), () => bump.Run.Said);
            bump.Run.Stop();
            Assert.Equal((0, 1), (bump.Run.Number("reloads"), bump.Run.Number("epoch")));
        }
        finally
        {
            File.Delete(other);
        }
    }

    [LiveFact("ping", "dotnet")]
    public void With_an_inside_a_source_must_be_of_its_side()
    {
        using Bump bump = new("packet", ["{IpProtocol: icmp, FromPort: 8, ToPort: -1, CidrIp: 0.0.0.0/0}"], "--inside", "inside");
        NamespaceLab.In(bump.Client, "ping", "-c", "1", "-W", "3", Bump.Server);
        NamespaceLab.IpIn(bump.Client, "addr", "add", "10.0.1.77/32", "dev", "lo");    // an address of the subnet, outside
        Assert.False(NamespaceLab.Try(bump.Client, "ping", "-c", "1", "-W", "1", "-I", "10.0.1.77", Bump.Server).Succeeded);
        NamespaceLab.IpIn(bump.Inside, "addr", "add", "192.0.2.66/32", "dev", "lo");    // an address of the internet, inside
        Assert.False(NamespaceLab.Try(bump.Inside, "ping", "-c", "1", "-W", "1", "-I", "192.0.2.66", "198.51.100.7").Succeeded);
        Assert.Equal(
            ["10.0.1.77", "192.0.2.66"],
            bump.Run.Records.Where(r => r.Contains("\"verdict\":\"unplaced\"", StringComparison.Ordinal)).Select(r => r.Split("\"src\":\"")[1].Split('"')[0]).Where(a => !a.Contains(':', StringComparison.Ordinal)).Distinct());
        bump.Run.Stop();
        bump.Run.CountersAddUp();
    }

    [LiveFact("bash", "curl", "python3", "dotnet")]
    public void The_demonstration_of_the_README_shows_what_it_says()
    {
        string root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root, "Dataplane.sln")))
        {
            root = Path.GetDirectoryName(root)!;
        }

        CommandResult shown = Command.Run("env", [$"DATAPLANE=dotnet {DataplaneRun.Program}", "bash", Path.Combine(root, "docs", "vpc-in-a-box", "run.sh")]);
        Assert.True(shown.Succeeded, shown.ToString());
        string[] lines = [.. shown.Output.Split('\n').Select(l => string.Join(' ', l.Split(' ', StringSplitOptions.RemoveEmptyEntries)))];
        Assert.Contains("internet curl http://198.18.0.1/ hello from web", lines);
        Assert.Contains("internet curl http://198.18.0.1:22/ no answer", lines);
        Assert.Contains("web curl http://10.0.2.20:5432/ hello from database", lines);
        Assert.Contains("internet curl http://10.0.2.20:5432/ no answer", lines);
        Assert.Contains("ENI_SG_RULES_MISMATCH WebGroup/ingress/none", lines);
    }

    private static bool Holds(string record, params string[] parts) => parts.All(p => record.Contains(p, StringComparison.Ordinal));
}
