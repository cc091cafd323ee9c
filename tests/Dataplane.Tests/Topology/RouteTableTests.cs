using System.Linq;
using Dataplane.Topology.Model;
using Xunit;
using static Dataplane.Tests.Topology.Snapshots;

namespace Dataplane.Tests.Topology;

/// <summary>Route tables as describe-route-tables prints them.</summary>
public sealed class RouteTableTests
{
    private const string Main = "{\"Main\": true}";

    private static string[] Routes(string routes, string more = "{\"Vpcs\": []}") => [.. TableB(Sound(Base, Table(routes), more)).Routes.Select(RouteText)];

    [Fact]
    public void RT_01_A_subnet_has_its_own_table_or_the_main_one()
    {
        Network network = WithBase("""
            {"Subnets": [{"SubnetId": "subnet-b", "VpcId": "vpc-a", "CidrBlock": "10.0.2.0/24"}],
             "RouteTables": [{"RouteTableId": "rtb-m", "VpcId": "vpc-a", "Associations": [{"Main": true}]},
                             {"RouteTableId": "rtb-b", "VpcId": "vpc-a", "Associations": [{"Main": false, "SubnetId": "subnet-b", "AssociationState": {"State": "associated"}}]}]}
            """);
        Assert.Equal(["subnet-a rtb-m", "subnet-b rtb-b"], network.Subnets.Select(s => $"{s.Id} {s.RouteTableId}"));
    }

    [Fact]
    public void RT_02_A_VPC_has_one_main_table()
    {
        Assert.Equal(
            ["error f1.json:1, rtb-2: vpc-a already has the main table rtb-1. Mark one table as main (RT-02)."],
            FaultsWithBase($$"""{"RouteTables": [{"RouteTableId": "rtb-1", "VpcId": "vpc-a", "Associations": [{{Main}}]}, {"RouteTableId": "rtb-2", "VpcId": "vpc-a", "Associations": [{{Main}}]}]}"""));
    }

    [Fact]
    public void RT_03_A_local_route_is_there_once_listed_or_not()
    {
        Assert.Equal(["10.0.0.0/16 Local local Local"], Routes("[]"));
        Assert.Equal(
            ["10.0.0.0/16 Local local Local"],
            Routes("""[{"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"}]"""));
    }

    [Fact]
    public void RT_10_A_route_to_the_whole_VPC_stands_in_place_of_the_local_one()
    {
        Assert.Equal(
            ["10.0.0.0/16 NetworkInterface eni-a Static"],
            Routes("""[{"DestinationCidrBlock": "10.0.0.0/16", "NetworkInterfaceId": "eni-a", "Origin": "CreateRouteTable", "State": "active"}]""", Card("\"PrivateIpAddress\": \"10.0.1.10\", \"Groups\": [{\"GroupId\": \"sg-a\"}]")));
    }

    [Fact]
    public void RT_05_A_propagated_route_to_the_whole_VPC_does_not_stand_in_place_of_the_local_one()
    {
        Assert.Equal(
            ["10.0.0.0/16 Local local Local", "10.0.0.0/16 Unsupported vgw-1 Propagated"],
            Routes("""[{"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "vgw-1", "Origin": "EnableVgwRoutePropagation", "State": "active"}]"""));
    }

    [Fact]
    public void RT_09_A_route_inside_the_VPC_must_be_a_subnet_to_an_appliance()
    {
        string card = Card("\"PrivateIpAddress\": \"10.0.1.10\", \"Groups\": [{\"GroupId\": \"sg-a\"}]");
        string[] faults = Texts(Load(Base, card, Table("""
            [{"DestinationCidrBlock": "10.0.1.0/24", "NetworkInterfaceId": "eni-a"},
             {"DestinationCidrBlock": "10.0.1.0/25", "NetworkInterfaceId": "eni-a"},
             {"DestinationCidrBlock": "10.0.2.0/24", "GatewayId": "igw-a"}]
            """)).Faults);
        Assert.Equal(2, faults.Length);
        Assert.StartsWith("warning f2.json:1, rtb-b, route 10.0.1.0/25: AWS refuses a route to 10.0.1.0/25 inside vpc-a", faults[0], System.StringComparison.Ordinal);
        Assert.StartsWith("warning f2.json:1, rtb-b, route 10.0.2.0/24: AWS refuses", faults[1], System.StringComparison.Ordinal);
    }

    [Fact]
    public void RT_12_A_blackhole_takes_part_and_keeps_the_id_of_what_is_gone()
    {
        Assert.Contains("10.9.0.0/16 Blackhole pcx-1 Static", Routes("""[{"DestinationCidrBlock": "10.9.0.0/16", "VpcPeeringConnectionId": "pcx-1", "State": "blackhole", "Origin": "CreateRoute"}]"""));
        Assert.Contains("10.9.0.0/16 Blackhole  Static", Routes("""[{"DestinationCidrBlock": "10.9.0.0/16", "State": "BlackHole"}]"""));
    }

    [Fact]
    public void RT_13_A_filtered_route_is_not_installed()
    {
        Assert.Equal(["10.0.0.0/16 Local local Local"], Routes("""[{"DestinationCidrBlock": "10.9.0.0/16", "GatewayId": "vgw-1", "State": "filtered"}]"""));
    }

    /// <summary>A route's target members, and what it leads to.</summary>
    [Theory]
    [InlineData("\"GatewayId\": \"igw-a\"", "InternetGateway igw-a")]
    [InlineData("\"EgressOnlyInternetGatewayId\": \"eigw-1\"", "EgressOnlyInternetGateway eigw-1")]
    [InlineData("\"NatGatewayId\": \"nat-1\"", "Unsupported nat-1")]
    [InlineData("\"TransitGatewayId\": \"tgw-1\"", "Unsupported tgw-1")]
    [InlineData("\"VpcPeeringConnectionId\": \"pcx-1\"", "Unsupported pcx-1")]
    [InlineData("\"GatewayId\": \"vgw-1\"", "Unsupported vgw-1")]
    [InlineData("\"GatewayId\": \"vpce-1\"", "Unsupported vpce-1")]
    [InlineData("\"LocalGatewayId\": \"lgw-1\"", "Unsupported lgw-1")]
    [InlineData("\"CarrierGatewayId\": \"cagw-1\"", "Unsupported cagw-1")]
    [InlineData("\"CoreNetworkArn\": \"arn:aws:networkmanager::1:core-network/c\"", "Unsupported arn:aws:networkmanager::1:core-network/c")]
    [InlineData("\"InstanceId\": \"i-1\", \"NetworkInterfaceId\": \"eni-a\"", "NetworkInterface eni-a")]
    [InlineData("\"InstanceId\": \"i-1\"", "NetworkInterface eni-a")]
    [InlineData("\"InstanceId\": \"i-2\"", "Blackhole i-2")]
    [InlineData("\"NetworkInterfaceId\": \"eni-2\"", "Blackhole eni-2")]
    [InlineData("\"SpaceElevatorId\": \"se-1\"", "Unsupported unknown")]
    public void RT_25_Each_target_key_leads_to_its_kind(string target, string leads)
    {
        string card = Card("\"PrivateIpAddress\": \"10.0.1.10\", \"Groups\": [{\"GroupId\": \"sg-a\"}], \"Attachment\": {\"InstanceId\": \"i-1\", \"DeviceIndex\": 0, \"Status\": \"attached\"}");
        Assert.Contains($"0.0.0.0/0 {leads} Static", Routes($$"""[{"DestinationCidrBlock": "0.0.0.0/0", {{target}}, "State": "active", "Origin": "CreateRoute"}]""", card));
    }

    [Fact]
    public void RT_24_Propagated_routes_are_told_by_their_origin()
    {
        RouteTable table = TableB(WithBase("""
            {"RouteTables": [{"RouteTableId": "rtb-b", "VpcId": "vpc-a", "PropagatingVgws": [{"GatewayId": "vgw-1"}], "Routes": [
              {"DestinationCidrBlock": "192.168.0.0/16", "GatewayId": "vgw-1", "Origin": "EnableVgwRoutePropagation", "State": "active"},
              {"DestinationCidrBlock": "192.168.0.0/16", "GatewayId": "vgw-1", "Origin": "CreateRoute", "State": "active"}]}]}
            """));
        Assert.Equal("vgw-1", Assert.Single(table.PropagatingGateways));
        Assert.Equal(["192.168.0.0/16 Unsupported vgw-1 Propagated", "192.168.0.0/16 Unsupported vgw-1 Static"], table.Routes.Skip(1).Select(RouteText));
    }

    [Fact]
    public void RT_26_RT_27_Destinations_of_all_three_kinds()
    {
        Assert.Equal(
            ["10.0.0.0/16 Local local Local", "2001:db8::/32 InternetGateway igw-a Static", "pl-1 Unsupported vpce-1 Static"],
            Routes("""[{"DestinationIpv6CidrBlock": "2001:db8::/32", "GatewayId": "igw-a"}, {"DestinationPrefixListId": "pl-1", "GatewayId": "vpce-1"}]"""));
        Assert.Equal(
            ["error f1.json:1, rtb-b: the route has no destination, or several. Give exactly one of an IPv4 block, an IPv6 block, a prefix list (RT-26)."],
            FaultsWithBase(Table("""[{"GatewayId": "igw-a"}]""")));
    }

    [Fact]
    public void Gateways_that_are_not_enforced_warn_once_each_and_say_what_that_means()
    {
        string[] faults = FaultsWithBase(Table("""
            [{"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1"}, {"DestinationCidrBlock": "10.9.0.0/16", "NatGatewayId": "nat-1"},
             {"DestinationCidrBlock": "192.168.0.0/16", "GatewayId": "vgw-1"}]
            """));
        Assert.Equal(
            [
                "warning f1.json:1, rtb-b, route 0.0.0.0/0: the NAT gateway nat-1 is not enforced yet: packets that a route sends to it are denied UNSUPPORTED_COMPONENT. Read verdicts about its traffic with care.",
                "warning f1.json:2, rtb-b, route 192.168.0.0/16: the virtual private gateway vgw-1 is not enforced yet: packets that a route sends to it are denied UNSUPPORTED_COMPONENT, and packets that would enter there are unplaced. Read verdicts about its traffic with care.",
            ], faults);
    }

    [Fact]
    public void NAT_18_A_gateway_in_a_bad_state_makes_a_blackhole()
    {
        Assert.Contains(
            "0.0.0.0/0 Blackhole nat-1 Static",
            Routes("""[{"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1"}]""", """{"NatGateways": [{"NatGatewayId": "nat-1", "VpcId": "vpc-a", "SubnetId": "subnet-a", "State": "failed"}]}"""));
    }

    [Theory]
    [InlineData("active", "Unsupported")]
    [InlineData("pending-acceptance", "Blackhole")]
    [InlineData("rejected", "Blackhole")]
    [InlineData("deleted", "Blackhole")]
    public void PCX_01_Only_an_active_peering_could_carry_packets(string status, string kind) => Assert.Contains(
        $"10.9.0.0/16 {kind} pcx-1 Static",
        Routes(
            """[{"DestinationCidrBlock": "10.9.0.0/16", "VpcPeeringConnectionId": "pcx-1"}]""",
            $$$"""{"VpcPeeringConnections": [{"VpcPeeringConnectionId": "pcx-1", "Status": {"Code": "{{{status}}}"}, "RequesterVpcInfo": {"VpcId": "vpc-a"}, "AccepterVpcInfo": {"VpcId": "vpc-z", "CidrBlock": "10.9.0.0/16"}}]}"""));

    [Fact]
    public void IGW_12_A_gateway_of_another_VPC_or_of_none_makes_a_blackhole()
    {
        const string Gateways = """{"InternetGateways": [{"InternetGatewayId": "igw-free", "Attachments": []}]}""";
        Assert.Equal(
            ["warning f1.json:1, rtb-b, route 0.0.0.0/0: the internet gateway igw-free is attached to no VPC of the topology, not to vpc-a: the route is a blackhole. Correct the route, or add what it leads to."],
            Texts(Load(Base, Table("""[{"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-free"}]"""), Gateways).Faults));
        Assert.Contains("0.0.0.0/0 Blackhole igw-free Static", Routes("""[{"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-free"}]""", Gateways));
    }

    [Fact]
    public void IGW_12_One_gateway_for_one_VPC()
    {
        Assert.Equal(
            ["error f1.json:1, igw-b: vpc-a already has the internet gateway igw-a. Attach one to each VPC (IGW-12)."],
            FaultsWithBase("""{"InternetGateways": [{"InternetGatewayId": "igw-b", "Attachments": [{"VpcId": "vpc-a", "State": "attached"}]}]}"""));
        Assert.Equal(
            ["error f1.json:1, igw-b: the internet gateway is attached to 'vpc-x' and 'vpc-y'. Attach it to one VPC (IGW-12)."],
            FaultsWithBase("""{"InternetGateways": [{"InternetGatewayId": "igw-b", "Attachments": [{"VpcId": "vpc-x"}, {"VpcId": "vpc-y"}]}]}"""));
    }

    [Fact]
    public void A_gateway_in_no_file_is_attached_since_its_route_is_active()
    {
        Network network = Sound(Base, Table("""[{"DestinationIpv6CidrBlock": "::/0", "EgressOnlyInternetGatewayId": "eigw-1", "State": "active"}]"""));
        Assert.Equal(new Gateway("eigw-1", GatewayKind.EgressOnlyInternet, "vpc-a", []) with { RemoteBlocks = network.Gateways[0].RemoteBlocks }, network.Gateways.Single(g => g.Id == "eigw-1"));
    }

    [Fact]
    public void RT_19_RT_20_RT_21_RT_21b_An_edge_table_leads_VPC_and_subnet_blocks_to_appliances()
    {
        string card = Card("\"PrivateIpAddress\": \"10.0.1.10\", \"Groups\": [{\"GroupId\": \"sg-a\"}]");
        const string Edge = "[{\"GatewayId\": \"igw-a\"}]";
        const string Good = """[{"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local"}, {"DestinationCidrBlock": "10.0.1.0/24", "NetworkInterfaceId": "eni-a"}]""";
        (Network? network, Dataplane.Topology.FaultList faults) = Load(Base, card, Table(Good, Edge));
        Assert.Empty(faults.All);
        Assert.Equal("igw-a", Assert.Single(TableB(network!).GatewayIds));
        string[] said = Texts(Load(Base, card, Table("""
            [{"DestinationCidrBlock": "10.0.1.0/25", "NetworkInterfaceId": "eni-a"}, {"DestinationCidrBlock": "10.0.1.0/24", "GatewayId": "igw-a"}, {"DestinationPrefixListId": "pl-1", "NetworkInterfaceId": "eni-a"}]
            """, Edge)).Faults);
        foreach (string route in (System.ReadOnlySpan<string>)["10.0.1.0/25", "10.0.1.0/24", "pl-1"])
        {
            Assert.Contains(
                $"warning f2.json:1, rtb-b, route {route}: the table of a gateway may only lead whole blocks of the VPC or of a subnet to local, an interface or a Gateway Load Balancer endpoint (RT-20, RT-21); the route is used as it stands. Check the route.", said);
        }
    }

    [Fact]
    public void RT_20_The_table_of_a_virtual_private_gateway_may_lead_to_a_Gateway_Load_Balancer_endpoint()
    {
        string[] said = FaultsWithBase("""
            {"VpnGateways": [{"VpnGatewayId": "vgw-1", "State": "available", "VpcAttachments": [{"VpcId": "vpc-a", "State": "attached"}]}],
             "VpcEndpoints": [{"VpcEndpointId": "vpce-1", "VpcEndpointType": "GatewayLoadBalancer", "VpcId": "vpc-a", "State": "available", "SubnetIds": ["subnet-a"]}],
             "RouteTables": [{"RouteTableId": "rtb-b", "VpcId": "vpc-a", "Associations": [{"GatewayId": "vgw-1"}], "Routes": [
               {"DestinationCidrBlock": "10.0.1.0/24", "GatewayId": "vpce-1"}, {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "vgw-1"}]}]}
            """);
        Assert.DoesNotContain(said, f => f.Contains("route 10.0.1.0/24", System.StringComparison.Ordinal));
        Assert.Contains(said, f => f.Contains("rtb-b, route 10.0.0.0/16", System.StringComparison.Ordinal));
    }

    [Fact]
    public void RT_21b_Nothing_is_propagated_into_an_edge_table()
    {
        Assert.Contains(
            "warning f1.json:1, rtb-b: routes are propagated into the table of a gateway, which AWS refuses (RT-21). Check the table.",
            FaultsWithBase("""{"RouteTables": [{"RouteTableId": "rtb-b", "VpcId": "vpc-a", "Associations": [{"GatewayId": "igw-a"}], "PropagatingVgws": [{"GatewayId": "vgw-1"}]}]}"""));
    }

    [Fact]
    public void Two_routes_to_one_destination_are_an_error()
    {
        Assert.Equal(
            ["error f1.json:1, rtb-b: a second route to 0.0.0.0/0 leads elsewhere: 'igw-a' and 'eni-9'. Keep one of the two."],
            FaultsWithBase(Table("""[{"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-a"}, {"DestinationCidrBlock": "0.0.0.0/0", "NetworkInterfaceId": "eni-9"}]"""))
                .Where(f => f.StartsWith("error", System.StringComparison.Ordinal)));
    }

    [Fact]
    public void RT_08_Two_lists_with_a_common_entry_and_different_targets_are_warned_about()
    {
        string[] faults = Texts(Load(
            Base, Table("""[{"DestinationPrefixListId": "pl-2", "GatewayId": "igw-a"}, {"DestinationPrefixListId": "pl-1", "GatewayId": "vpce-1"}]"""),
            """{"PrefixListEntries": [{"PrefixListId": "pl-1", "Entries": [{"Cidr": "203.0.113.0/24"}]}, {"PrefixListId": "pl-2", "Entries": [{"Cidr": "203.0.113.0/24"}]}]}""").Faults);
        Assert.Contains("warning f1.json:1, rtb-b: pl-1 and pl-2 both hold 203.0.113.0/24 and lead to different targets: pl-1 is used. Make the lists disjoint; AWS picks one at random (RT-08).", faults);
    }

    [Fact]
    public void RT_37_More_than_500_routes_warn()
    {
        string routes = string.Join(',', Enumerable.Range(0, 500).Select(i => $"{{\"DestinationCidrBlock\": \"11.{i / 256}.{i % 256}.0/24\", \"GatewayId\": \"igw-a\"}}"));
        Assert.Equal(
            ["warning f1.json:1, rtb-b: 501 routes are more than the 500 of a route table (RT-37). Ask AWS for more, or join routes."], FaultsWithBase(Table($"[{routes}]")));
    }
}
