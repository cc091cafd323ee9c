using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Dataplane.Tests.TestSupport;
using Dataplane.Topology;
using Dataplane.Topology.Documents;
using Dataplane.Topology.Model;
using Xunit;
using Xunit.Abstractions;
using static Dataplane.Tests.Topology.Snapshots;

namespace Dataplane.Tests.Topology;

/// <summary>Files that want to break their reader.</summary>
public sealed class HostileJsonTests(ITestOutputHelper output)
{
    /// <summary>No file may keep its reader busy for longer (processor time, since wall time says what else the machine did).</summary>
    private static readonly TimeSpan Most = TimeSpan.FromSeconds(5);

    [Fact]
    public void REL_26_Ten_thousand_levels_are_a_fault()
    {
        string text = "{\"Vpcs\": " + string.Concat(Enumerable.Repeat("[", 10_000)) + string.Concat(Enumerable.Repeat("]", 10_000)) + "}";
        Assert.Equal(["error f0.json:1: it is nested deeper than 100 levels. Write the file anew with the command that made it."], Texts(Load(text).Faults));
    }

    [Fact]
    public void REL_26_Each_duplicate_key_is_an_error_with_both_lines()
    {
        Assert.Equal(
            [
                "error f0.json:4: the key 'CidrBlock' stands here and on line 3 of the same object. Keep one of the two.",
                "error f0.json:6: the key 'Vpcs' stands here and on line 1 of the same object. Keep one of the two.",
            ],
            Texts(Load("{\"Vpcs\": [\n{\"VpcId\": \"vpc-a\",\n\"CidrBlock\": \"10.0.0.0/16\",\n\"CidrBlock\": \"0.0.0.0/0\"}],\n\"Subnets\": [],\n\"Vpcs\": []}").Faults));
    }

    [Fact]
    public void REL_26_A_duplicate_key_of_a_large_object_is_found()
    {
        string keys = string.Join(',', Enumerable.Range(0, 50).Select(i => $"\"k{i}\": {i}"));
        Assert.Contains("error f0.json:1: the key 'k3' stands here and on line 1 of the same object. Keep one of the two.", Texts(Load($"{{{keys}, \"k3\": 0, \"Vpcs\": []}}").Faults));
    }

    [Theory]
    [InlineData("{\"Vpcs\": [", 1)]
    [InlineData("{\n\"Vpcs\": [}\n", 2)]
    [InlineData("{}\n{}", 2)]
    [InlineData("{\"a\": 01}", 1)]
    [InlineData("{\"a\": 1,}", 1)]
    [InlineData("{// no\n}", 1)]
    [InlineData("{\"a\": 'b'}", 1)]
    [InlineData("{\"a\": \"b\nc\"}", 1)]
    public void REL_26_What_is_not_JSON_is_a_fault_with_its_line(string text, int line)
    {
        string fault = Texts(Load(text).Faults).Single();
        Assert.StartsWith($"error f0.json:{line}: not JSON at byte ", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void REL_26_Bytes_that_are_not_UTF8_are_a_fault_with_their_line()
    {
        byte[] bytes = [.. Encoding.UTF8.GetBytes("{\n\"Vpcs\": \"é"), 0xC3, 0x28, (byte)'"', (byte)'}'];
        Assert.Equal(
            ["error a.json:2: the bytes are not valid UTF-8. Save the file as UTF-8."], Texts(TopologyLoader.Load([new SourceFile("a.json", bytes)], LoadOptions.Of()).Faults));
        Assert.Equal(["error f0.json:1: a string holds half of a surrogate pair. Write the character whole."], Texts(Load("{\"Vpcs\": \"\\ud800\"}").Faults));
    }

    [Fact]
    public void REL_26_Names_of_a_megabyte_are_refused_or_shortened()
    {
        string tooLong = new('x', (1 << 20) + 1);
        Assert.Equal(
            ["error f0.json:1: a string of 1048577 bytes is longer than 1048576. Leave it out: no value that matters here is that long."], Texts(Load($"{{\"Vpcs\": [{{\"VpcId\": \"{tooLong}\"}}]}}").Faults));
        string[] faults = Texts(Load($"{{\"Vpcs\": [{{\"VpcId\": \"{tooLong[..1_000_000]}\"}}]}}").Faults);
        Assert.All(faults, f => Assert.InRange(f.Length, 1, 600));
        Assert.StartsWith("error f0.json:1: VpcId 'xxx", faults[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("vpc\\na")]
    [InlineData("vpc\\u2028a")]
    [InlineData("vpc\\u001b[31m")]
    [InlineData("vpc a")]
    public void REL_22_An_id_that_no_AWS_id_looks_like_is_refused_in_one_line(string id)
    {
        string[] faults = Texts(Load($"{{\"Vpcs\": [{{\"VpcId\": \"{id}\", \"CidrBlock\": \"10.0.0.0/16\"}}]}}").Faults);
        Assert.Contains("is not an id: it is too long or holds characters that no AWS id has", faults.Single(), StringComparison.Ordinal);
        Assert.DoesNotContain(faults.Single(), c => c is < ' ' or > '~');
    }

    [Fact]
    public void REL_26_Members_of_a_wrong_kind_are_faults()
    {
        Assert.Equal(
            [
                "error f0.json:1: an entry of Vpcs is not an object. Write the file anew with the command that made it.",
                "error f0.json:1: an entry of Vpcs has no VpcId. Write the file anew with the command that made it.",
                "error f0.json:2: Subnets is an object where a list is expected. Write the file anew with the command that made it.",
                "error f0.json:1: IsDefault is 'maybe' where true or false is expected. Write the file anew with the command that made it.",
                "error f0.json:1: CidrBlock is a list where a string is expected. Write the file anew with the command that made it.",
                "error f0.json:1, vpc-b: the VPC has no CIDR block. Give it a CidrBlock.",
            ],
            Texts(Load("{\"Vpcs\": [1, {}, {\"VpcId\": \"vpc-b\", \"IsDefault\": \"maybe\", \"CidrBlock\": []}],\n\"Subnets\": {}}").Faults));
    }

    [Fact]
    public void REL_26_Ten_megabytes_are_read_in_a_few_seconds()
    {
        StringBuilder text = new("{\"SecurityGroups\": [");
        for (int i = 0; text.Length < 10_000_000; i++)
        {
            text.Append(i == 0 ? "" : ",").Append("{\"GroupId\": \"sg-").Append(i).Append("\", \"GroupName\": \"g\", \"VpcId\": \"vpc-a\", \"IpPermissions\": [{\"IpProtocol\": \"tcp\", \"FromPort\": 1, \"ToPort\": 2, \"IpRanges\": [{\"CidrIp\": \"10.0.0.0/8\"}]}]}");
        }

        ThreadClock clock = ThreadClock.StartNew();
        Assert.NotNull(Load(Base, text.Append("]}").ToString()).Network);
        TimeSpan took = clock.Elapsed;
        output.WriteLine($"{text.Length} bytes: {took.TotalMilliseconds:F0} ms of processor time");
        Assert.True(took < Most, $"{took}");
    }

    /// <summary>A sound snapshot with bytes, digits and members changed: every mutant loads or has faults, and nothing escapes.</summary>
    [Fact]
    public void REL_26_Mutants_of_a_sound_snapshot_never_throw()
    {
        int rounds = Environment.GetEnvironmentVariable("DATAPLANE_LONG") == "1" ? 50_000 : 2_000;
        int fresh = Random.Shared.Next();
        output.WriteLine($"seeds 1 and {fresh}");
        string[] seeds = Mutants();
        int sound = 0;
        TimeSpan slowest = TimeSpan.Zero;
        foreach (int seed in (ReadOnlySpan<int>)[1, fresh])
        {
            Random random = new(seed);
            for (int i = 0; i < rounds / 2; i++)
            {
                byte[] bytes = Mutate(random, Encoding.UTF8.GetBytes(seeds[random.Next(seeds.Length)]));
                ThreadClock clock = ThreadClock.StartNew();
                try
                {
                    (Network? network, FaultList faults) = TopologyLoader.Load([new SourceFile("m.json", bytes)], LoadOptions.Of());
                    Assert.Equal(network is null, faults.HasErrors);
                    Assert.All(faults.All, f => Assert.DoesNotContain(f.ToString(), c => c is < ' ' or > '~'));
                    sound += network is null ? 0 : 1;
                }
                catch (Exception e) when (e is not Xunit.Sdk.XunitException)
                {
                    Assert.Fail($"seed {seed}, round {i}: {e}\n{Convert.ToBase64String(bytes)}");
                }

                TimeSpan took = clock.Elapsed;
                slowest = took > slowest ? took : slowest;
                Assert.True(took < Most, $"seed {seed}, round {i}: {took}\n{Convert.ToBase64String(bytes)}");
            }
        }

        output.WriteLine($"slowest {slowest.TotalMilliseconds:F0} ms of processor time");
        Assert.InRange(sound, 1, rounds - 1);    // mutants that all fail, or none, would test little
    }

    private static string[] Mutants()
    {
        string Merged(params string[] parts) => "{" + string.Join(',', parts.Select(p => p.Trim()[1..^1])) + "}";
        string Without(string text, string key) => text.Replace(key, "x" + key, StringComparison.Ordinal);
        return
        [
            Merged(Base, Card("""
                "Groups": [{"GroupId": "sg-a"}], "PrivateIpAddress": "10.0.1.10", "Ipv4Prefixes": [{"Ipv4Prefix": "10.0.1.64/28"}], "Association": {"PublicIp": "203.0.113.1"},
                "Attachment": {"InstanceId": "i-1", "DeviceIndex": 0}, "ConnectionTrackingConfiguration": {"UdpTimeout": 45}
                """), Table("""
                [{"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-a", "State": "active"}, {"DestinationPrefixListId": "pl-1", "GatewayId": "vpce-1"}, {"DestinationCidrBlock": "10.9.0.0/16", "InstanceId": "i-1"}]
                """), Acl("""
                [{"Egress": false, "RuleNumber": 100, "RuleAction": "allow", "Protocol": "6", "PortRange": {"From": 22, "To": 443}, "CidrBlock": "10.0.0.0/8"},
                 {"Egress": true, "RuleNumber": 32767, "RuleAction": "deny", "Protocol": "-1", "CidrBlock": "0.0.0.0/0"}]
                """)),
            Merged(Without(Base, "SecurityGroups"), Group("""
                [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "d"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
                  "PrefixListIds": [{"PrefixListId": "pl-1"}], "UserIdGroupPairs": [{"GroupId": "sg-b"}]}]
                """), """
                {"SecurityGroupRules": [{"SecurityGroupRuleId": "sgr-1", "GroupId": "sg-b", "IsEgress": false, "IpProtocol": "tcp", "FromPort": 22, "ToPort": 443, "CidrIpv6": "::/0"}],
                 "PrefixListEntries": [{"PrefixListId": "pl-1", "Entries": [{"Cidr": "203.0.113.0/24"}]}],
                 "NatGateways": [{"NatGatewayId": "nat-1", "SubnetId": "subnet-a", "State": "available", "NatGatewayAddresses": [{"PrivateIp": "10.0.1.9"}]}],
                 "VpcPeeringConnections": [{"VpcPeeringConnectionId": "pcx-1", "AccepterVpcInfo": {"VpcId": "vpc-q", "CidrBlock": "10.9.0.0/16"}}],
                 "Addresses": [{"PublicIp": "203.0.113.8", "NetworkInterfaceId": "eni-1"}]}
                """),
        ];
    }

    /// <summary>One to four changes: a byte, a digit, a piece cut out, a piece doubled, a value for another.</summary>
    private static byte[] Mutate(Random random, byte[] bytes)
    {
        List<byte> text = [.. bytes];
        string[] values = ["null", "[]", "{}", "-1", "\"\"", "true", "1e9", "99999999999", "\"::/0\"", "\"10.0.0.0/33\"", "\"\\u0000\"", "\"\\ud800\""];
        for (int n = random.Next(1, 5); n > 0; n--)
        {
            int at = random.Next(text.Count);
            switch (random.Next(6))
            {
                case 0:
                    text[at] = (byte)random.Next(256);
                    break;
                case 1:
                    int digit = text.FindIndex(at, b => b is >= (byte)'0' and <= (byte)'9');
                    if (digit >= 0)
                    {
                        text[digit] = (byte)('0' + random.Next(10));
                    }

                    break;
                case 2:
                    text.RemoveRange(at, Math.Min(random.Next(1, 20), text.Count - at - 1));
                    break;
                case 3:
                    text.InsertRange(at, text.GetRange(at, Math.Min(random.Next(1, 60), text.Count - at)));
                    break;
                default:
                    int colon = text.IndexOf((byte)':', at);
                    int end = colon < 0 ? -1 : text.FindIndex(colon, b => b is (byte)',' or (byte)'}' or (byte)']');
                    if (end > colon && colon >= 0)
                    {
                        text.RemoveRange(colon + 1, end - colon - 1);
                        text.InsertRange(colon + 1, Encoding.ASCII.GetBytes(values[random.Next(values.Length)]));
                    }

                    break;
            }
        }

        return [.. text];
    }
}
