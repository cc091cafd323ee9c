using System;
using System.IO;
using System.Linq;
using Dataplane.Topology;
using Dataplane.Topology.Model;
using Xunit;
using static Dataplane.Tests.Topology.Snapshots;

namespace Dataplane.Tests.Topology;

/// <summary>Real output of the AWS CLI, of a simulator's API: see tests/data/make-snapshot.sh.</summary>
public sealed class CliCorpusTests
{
    [Fact]
    public void IMP_01_to_13_What_the_CLI_prints_loads_with_warnings_only()
    {
        (Network? network, FaultList faults) = TopologyLoader.Load(LoadOptions.Of(Path.Combine(CaptureSnapshotTests.Root(), "tests", "Dataplane.Tests", "Corpus", "aws-cli")));
        Assert.Empty(faults.Errors.Select(f => f.ToString()));
        Assert.Equal(3, network!.Vpcs.Length);
        Vpc vpc = network.Vpcs.Single(v => v.Blocks[0].ToString() == "10.0.0.0/16");
        Assert.Equal(2, vpc.Blocks.Length);

        SecurityGroup web = network.SecurityGroups.Single(g => g.Name == "web");
        Assert.All(web.Ingress, r => Assert.StartsWith("sgr-", r.Name, StringComparison.Ordinal));
        Assert.Equal(["6 443-443", "6 443-443", "6 22-22", "1 8--1"], web.Ingress.Select(r => $"{r.Protocol} {r.From}-{r.To}"));
        Assert.Equal("203.0.113.0/24 198.51.100.0/25", string.Join(' ', network.PrefixLists.Single(l => l.Name == "office").Entries));

        NetworkInterface server = network.Interfaces.Single(i => i.InstanceId is not null && i.VpcId == vpc.Id);
        Assert.NotNull(server.Addresses[0].Public);
        Assert.Equal([web.Id], server.SecurityGroupIds.ToArray());
        NetworkInterface nat = network.Interfaces.Single(i => i.NatGatewayId is not null);
        Assert.Equal(InterfaceKind.Managed, nat.Kind);
        Assert.False(network.Interfaces.Single(i => i.Addresses[0].Private.ToString() == "10.0.2.20").SourceDestCheck);

        // The simulator prints no IcmpTypeCode for the entry that was made with type 8 (IMP-07).
        NetworkAcl acl = network.NetworkAcls.Single(a => a.VpcId == vpc.Id && !a.IsDefault);
        Assert.Equal(["90 allow 1 -1--1 10.0.0.0/16", "100 allow 6 8080-8090 10.0.1.0/24"], acl.Ingress.Select(EntryText));
        Assert.Equal("10.0.2.0/24", network.Subnets.Single(s => s.NetworkAclId == acl.Id).Blocks[0].ToString());

        RouteTable own = network.RouteTables.Single(t => t.Id == network.Subnets.Single(s => s.NetworkAclId == acl.Id).RouteTableId);
        Assert.Equal(
            "Local Local Unsupported Unsupported EgressOnlyInternetGateway",
            string.Join(' ', own.Routes.OrderBy(r => r.Kind == TargetKind.Local ? 0 : 1).ThenBy(r => r.Destination!.Value.IsIpv6).Select(r => r.Kind)));
    }
}
