using System.Linq;
using Dataplane.Packets;
using Dataplane.Topology.Model;
using Xunit;
using static Dataplane.Tests.Topology.Snapshots;

namespace Dataplane.Tests.Topology;

/// <summary>What AWS makes with every VPC is there, listed or not.</summary>
public sealed class DefaultsTests
{
    private const string Ipv6Vpc = """
        {"Vpcs": [{"VpcId": "vpc-6", "CidrBlock": "10.6.0.0/16",
                   "Ipv6CidrBlockAssociationSet": [{"Ipv6CidrBlock": "2001:db8::/56", "Ipv6CidrBlockState": {"State": "associated"}}]}]}
        """;

    [Fact]
    public void SG_04_The_default_group_admits_its_own_members_and_lets_everything_out()
    {
        Network network = Sound(Ipv6Vpc);
        SecurityGroup group = network.SecurityGroups.Single();
        Assert.Equal(("vpc-6/default-sg", "default"), (group.Id, group.Name));
        Assert.Equal(["1: -1 0-65535 vpc-6/default-sg"], group.Ingress.Select(RuleText));
        Assert.Equal(["1: -1 0-65535 0.0.0.0/0", "2: -1 0-65535 ::/0"], group.Egress.Select(RuleText));
    }

    [Fact]
    public void SG_04_Without_IPv6_the_default_group_has_no_IPv6_rule()
    {
        SecurityGroup group = Sound(Base).SecurityGroups.Single(g => g.Id == "vpc-a/default-sg");
        Assert.Equal(["1: -1 0-65535 0.0.0.0/0"], group.Egress.Select(RuleText));
    }

    [Fact]
    public void ACL_16_The_default_ACL_allows_both_families_both_ways()
    {
        NetworkAcl acl = Sound(Ipv6Vpc).NetworkAcls.Single();
        Assert.Equal(("vpc-6/default-acl", true), (acl.Id, acl.IsDefault));
        string[] entries = ["100 allow -1 0-65535 0.0.0.0/0", "101 allow -1 0-65535 ::/0"];
        Assert.Equal(entries, acl.Ingress.Select(EntryText));
        Assert.Equal(entries, acl.Egress.Select(EntryText));
    }

    [Fact]
    public void ACL_17_A_listed_default_ACL_gets_no_rule_that_the_file_does_not_list()
    {
        NetworkAcl acl = Sound(Ipv6Vpc, """
            {"NetworkAcls": [{"NetworkAclId": "acl-b", "VpcId": "vpc-6", "IsDefault": true, "Entries": [
              {"Egress": false, "RuleNumber": 100, "RuleAction": "allow", "Protocol": "-1", "CidrBlock": "0.0.0.0/0"}]}]}
            """).NetworkAcls.Single();
        Assert.Equal(["100 allow -1 0-65535 0.0.0.0/0"], acl.Ingress.Select(EntryText));
        Assert.Empty(acl.Egress);
    }

    [Fact]
    public void RT_03_The_main_table_has_a_local_route_for_each_block()
    {
        RouteTable table = Sound(Ipv6Vpc).RouteTables.Single();
        Assert.Equal(("vpc-6/main", true), (table.Id, table.IsMain));
        Assert.Equal(["10.6.0.0/16 Local local Local", "2001:db8::/56 Local local Local"], table.Routes.Select(RouteText));
    }

    [Fact]
    public void IMP_16_A_subnet_without_table_and_ACL_gets_those_of_its_VPC()
    {
        Subnet subnet = Sound(Base).Subnets.Single();
        Assert.Equal(("vpc-a/main", "vpc-a/default-acl"), (subnet.RouteTableId, subnet.NetworkAclId));
    }

    [Fact]
    public void IMP_10_A_listed_default_group_keeps_the_rules_that_are_listed()
    {
        Network network = WithBase("""{"SecurityGroups": [{"GroupId": "sg-d", "GroupName": "default", "VpcId": "vpc-a"}]}""");
        Assert.Equal(["sg-a", "sg-d"], network.SecurityGroups.Select(g => g.Id));
        Assert.Empty(network.SecurityGroups[1].Ingress);
    }

    [Fact]
    public void IMP_13_The_default_VPC_is_a_VPC_like_any_other()
    {
        Network network = WithBase("""{"Vpcs": [{"VpcId": "vpc-d", "CidrBlock": "172.31.0.0/16", "IsDefault": true}]}""");
        Assert.True(network.Vpcs.Single(v => v.Id == "vpc-d").IsDefault);
        Assert.Equal(IpPrefix.Parse("172.31.0.0/16"), network.Vpcs.Single(v => v.Id == "vpc-d").Blocks.Single());
    }
}
