using System.Linq;
using Dataplane.Topology;
using Dataplane.Topology.Model;
using Xunit;
using static Dataplane.Tests.Topology.Snapshots;

namespace Dataplane.Tests.Topology;

/// <summary>Interfaces out of describe-network-interfaces, describe-instances, describe-addresses and describe-nat-gateways, merged.</summary>
public sealed class InterfaceTests
{
    private const string Groups = "\"Groups\": [{\"GroupId\": \"sg-a\"}]";

    private static string Addresses(NetworkInterface card) =>
        string.Join(' ', card.Addresses.Select(a => a.Public is null ? a.Private.ToString() : $"{a.Private}={a.Public}"));

    private static NetworkInterface Single(params string[] files) => Sound([Base, .. files]).Interfaces.Single();

    private static string Instance(string members) => $$"""{"Reservations": [{"Instances": [{"InstanceId": "i-1", "VpcId": "vpc-a", "SubnetId": "subnet-a", {{members}}}]}]}""";

    [Fact]
    public void An_interface_with_all_that_the_file_can_say()
    {
        NetworkInterface card = Single(Card("""
            "InterfaceType": "interface", "SourceDestCheck": false, "DenyAllIgwTraffic": true, "Groups": [{"GroupId": "sg-b"}, {"GroupId": "sg-a"}],
            "PrivateIpAddress": "10.0.1.10",
            "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.1.11", "Primary": false, "Association": {"PublicIp": "203.0.113.11"}}, {"PrivateIpAddress": "10.0.1.10", "Primary": true}],
            "Ipv6Addresses": [{"Ipv6Address": "2001:db8::10"}], "Ipv4Prefixes": [{"Ipv4Prefix": "10.0.1.64/28"}], "Ipv6Prefixes": [{"Ipv6Prefix": "2001:db8:0:0:1::/80"}],
            "Attachment": {"InstanceId": "i-1", "DeviceIndex": 1, "Status": "attached"}, "TagSet": [{"Key": "Name", "Value": "x"}],
            "ConnectionTrackingConfiguration": {"TcpEstablishedTimeout": 350, "UdpStreamTimeout": 60, "UdpTimeout": 60}
            """), Group("[]"));
        Assert.Equal("10.0.1.10 10.0.1.11=203.0.113.11 2001:db8::10", Addresses(card));
        Assert.Equal("10.0.1.64/28 2001:db8:0:0:1::/80", string.Join(' ', card.Prefixes));
        Assert.Equal("sg-a sg-b", string.Join(' ', card.SecurityGroupIds));
        Assert.Equal((InterfaceKind.Standard, false, true, "i-1", 1), (card.Kind, card.SourceDestCheck, card.DenyAllIgwTraffic, card.InstanceId, card.DeviceIndex));
        Assert.Equal(new TrackingTimeouts(350, 60, 60), card.Timeouts);
    }

    [Theory]
    [InlineData("\"TcpEstablishedTimeout\": 59", "TcpEstablishedTimeout 59 is not in 60 to 432000")]
    [InlineData("\"TcpEstablishedTimeout\": 432001", "TcpEstablishedTimeout 432001 is not in 60 to 432000")]
    [InlineData("\"UdpStreamTimeout\": 181", "UdpStreamTimeout 181 is not in 60 to 180")]
    [InlineData("\"UdpTimeout\": 29", "UdpTimeout 29 is not in 30 to 60")]
    public void CT_21_Timers_outside_their_range_are_errors(string timer, string said)
    {
        Assert.Equal(
            [$"error f1.json:1, eni-a: {said} seconds (CT-21). Correct it, or leave it out for the default."],
            FaultsWithBase(Card($$"""{{Groups}}, "PrivateIpAddress": "10.0.1.10", "ConnectionTrackingConfiguration": {{{timer}}}""")));
    }

    [Fact]
    public void CT_21_R_11_Absent_timers_are_the_defaults() =>
        Assert.Equal(TrackingTimeouts.Default, Single(Card($"{Groups}, \"PrivateIpAddress\": \"10.0.1.10\"")).Timeouts);

    [Theory]
    [InlineData("m8i.large", 350)]
    [InlineData("C8GN.xlarge", 350)]
    [InlineData("m8i-flex.large", 350)]
    [InlineData("p6-b200.48xlarge", 350)]
    [InlineData("p6e-gb200.36xlarge", 432_000)]
    [InlineData("m8g.large", 432_000)]
    [InlineData("t3.micro", 432_000)]
    [InlineData("m8", 432_000)]
    [InlineData("", 432_000)]
    public void CT_18_Established_connections_of_Nitro_v6_instances_last_350_seconds_by_default(string type, int seconds)
    {
        const string Card = "\"NetworkInterfaces\": [{\"NetworkInterfaceId\": \"eni-1\", \"SubnetId\": \"subnet-a\", \"Groups\": [{\"GroupId\": \"sg-a\"}], \"PrivateIpAddress\": \"10.0.1.10\"}]";
        Assert.Equal(new TrackingTimeouts(seconds, 180, 30), Single(Instance($"\"InstanceType\": \"{type}\", {Card}")).Timeouts);
        Assert.Equal(
            new TrackingTimeouts(600, 180, 30),
            Single(
                Instance($"\"InstanceType\": \"{type}\", {Card}"),
                Snapshots.Card($"{Groups}, \"PrivateIpAddress\": \"10.0.1.10\", \"ConnectionTrackingConfiguration\": {{\"TcpEstablishedTimeout\": 600}}", "eni-1")).Timeouts);
    }

    [Theory]
    [InlineData("vpc_endpoint", TrackedService.InterfaceEndpoint)]
    [InlineData("network_load_balancer", TrackedService.NetworkLoadBalancer)]
    [InlineData("networkLoadBalancer", TrackedService.NetworkLoadBalancer)]
    [InlineData("lambda", TrackedService.Lambda)]
    [InlineData("global_accelerator_managed", TrackedService.GlobalAccelerator)]
    [InlineData("gateway_load_balancer", TrackedService.None)]
    [InlineData("load_balancer", TrackedService.None)]
    [InlineData("interface", TrackedService.None)]
    public void CT_09_The_type_of_an_interface_says_whether_its_flows_are_tracked_automatically(string type, TrackedService service) =>
        Assert.Equal(service, Single(Card($$"""{{Groups}}, "InterfaceType": "{{type}}", "PrivateIpAddress": "10.0.1.10" """)).Service);

    [Theory]
    [InlineData("\"InterfaceType\": \"interface\",", "Interface", TrackedService.InterfaceEndpoint)]
    [InlineData("", "Interface", TrackedService.InterfaceEndpoint)]
    [InlineData("\"InterfaceType\": \"lambda\",", "Interface", TrackedService.Lambda)]
    [InlineData("", "Resource", TrackedService.None)]
    public void CT_09_An_endpoint_says_which_interfaces_are_its_own(string type, string kind, TrackedService service) => Assert.Equal(
        service,
        Single(
            Card($$"""{{type}} {{Groups}}, "PrivateIpAddress": "10.0.1.10" """),
            $$"""{"VpcEndpoints": [{"VpcEndpointId": "vpce-1", "VpcEndpointType": "{{kind}}", "VpcId": "vpc-a", "State": "available", "NetworkInterfaceIds": ["eni-a", "eni-b"]}]}""").Service);

    [Theory]
    [InlineData("natGateway")]
    [InlineData("nat_gateway")]
    [InlineData("transit_gateway")]
    [InlineData("gateway_load_balancer")]
    [InlineData("gateway_load_balancer_endpoint")]
    public void R_37_Managed_interfaces_have_no_groups(string type)
    {
        string file = Card($$"""{{Groups}}, "InterfaceType": "{{type}}", "PrivateIpAddress": "10.0.1.10" """);
        NetworkInterface card = Single(file);
        Assert.Equal((InterfaceKind.Managed, "eni-a"), (card.Kind, card.Unenforced));
        Assert.Empty(card.SecurityGroupIds);
        Assert.Equal(
            [$"warning f1.json:1, eni-a: the interface eni-a is of a component that is not enforced yet (type {type}): packets from and to its own addresses are unplaced. Read verdicts about its traffic with care."],
            FaultsWithBase(file));
    }

    [Theory]
    [InlineData("interface")]
    [InlineData("vpc_endpoint")]
    [InlineData("load_balancer")]
    [InlineData("network_load_balancer")]
    [InlineData("lambda")]
    [InlineData("global_accelerator_managed")]
    [InlineData("efa")]
    public void SG_10_Interfaces_that_have_groups_are_judged(string type)
    {
        string file = Card($$"""{{Groups}}, "InterfaceType": "{{type}}", "PrivateIpAddress": "10.0.1.10" """);
        Assert.Equal((InterfaceKind.Standard, null), (Single(file).Kind, Single(file).Unenforced));
        Assert.Empty(FaultsWithBase(file));
    }

    [Theory]
    [InlineData("nat-1", "", "packets from and to its own addresses are unplaced")]
    [InlineData("nat-1", ", {\"DestinationCidrBlock\": \"0.0.0.0/0\", \"NatGatewayId\": \"nat-1\"}",
        "packets that a route sends to it are denied UNSUPPORTED_COMPONENT, and packets from and to its own addresses are unplaced")]
    [InlineData("nat-1", ", {\"DestinationCidrBlock\": \"0.0.0.0/0\", \"NetworkInterfaceId\": \"eni-a\"}",
        "packets that a route sends to it are denied UNSUPPORTED_COMPONENT, and packets from and to its own addresses are unplaced")]
    public void NAT_09_A_NAT_gateway_is_warned_about_once_whatever_leads_to_it(string id, string route, string effect)
    {
        string[] files =
        [
            $$"""{"NatGateways": [{"NatGatewayId": "{{id}}", "VpcId": "vpc-a", "SubnetId": "subnet-a", "State": "available", "NatGatewayAddresses": [{"NetworkInterfaceId": "eni-a", "PrivateIp": "10.0.1.20", "PublicIp": "203.0.113.7"}, {"NetworkInterfaceId": "eni-b", "PrivateIp": "10.0.1.21"}]}]}""",
            Table($$"""[{"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local"}{{route}}]"""),
        ];
        Assert.Equal(
            [$"warning f1.json:1, nat-1: the NAT gateway nat-1 is not enforced yet: {effect}. Read verdicts about its traffic with care."],
            Texts(Load([Base, .. files]).Faults));
        Network network = Sound([Base, .. files]);
        Assert.All(network.Interfaces, card => Assert.Equal(id, card.Unenforced));
        Assert.All(TableB(network).Routes.Where(r => r.Kind != TargetKind.Local), r => Assert.Equal((TargetKind.Unsupported, id), (r.Kind, r.TargetId)));
    }

    [Fact]
    public void A_deleted_NAT_gateways_interface_that_is_still_listed_is_not_judged_either()
    {
        const string Nat = """{"NatGateways": [{"NatGatewayId": "nat-1", "VpcId": "vpc-a", "SubnetId": "subnet-a", "State": "deleting", "NatGatewayAddresses": [{"NetworkInterfaceId": "eni-a", "PrivateIp": "10.0.1.20"}]}]}""";
        Assert.Equal("eni-a", Single(Nat, Card("\"InterfaceType\": \"nat_gateway\", \"PrivateIpAddress\": \"10.0.1.20\"")).Unenforced);
    }

    [Theory]
    [InlineData("interface", "available")]
    [InlineData("gateway_load_balancer_endpoint", "Available")]
    public void IFE_09_A_Gateway_Load_Balancer_endpoint_says_which_interfaces_are_its_own(string type, string state)
    {
        string[] files =
        [
            Card($$"""{{Groups}}, "InterfaceType": "{{type}}", "PrivateIpAddress": "10.0.1.10" """),
            $$"""{"VpcEndpoints": [{"VpcEndpointId": "vpce-1", "VpcEndpointType": "GatewayLoadBalancer", "VpcId": "vpc-a", "State": "{{state}}", "NetworkInterfaceIds": ["eni-a"]}]}""",
        ];
        Assert.Equal((InterfaceKind.Managed, "vpce-1"), (Single(files).Kind, Single(files).Unenforced));
        Assert.Equal(
            ["warning f2.json:1, vpce-1: the VPC endpoint vpce-1 is not enforced yet: packets from and to its own addresses are unplaced. Read verdicts about its traffic with care."],
            Texts(Load([Base, .. files]).Faults));
    }

    [Theory]
    [InlineData("interface")]
    [InlineData("efa")]
    [InlineData("vpc_endpoint")]
    public void R_37_An_interface_without_groups_is_an_error(string type)
    {
        Assert.Equal(
            [$"error f1.json:1, eni-a: an interface of type {type} without security groups: AWS always gives it one. Add its Groups to the file."],
            FaultsWithBase(Card($$""" "InterfaceType": "{{type}}", "PrivateIpAddress": "10.0.1.10", "Groups": []""")));
    }

    [Fact]
    public void A_load_balancer_without_groups_is_not_filtered_by_any()
    {
        Assert.Equal(InterfaceKind.Managed, Single(Card("\"InterfaceType\": \"network_load_balancer\", \"PrivateIpAddress\": \"10.0.1.10\"")).Kind);
    }

    [Fact]
    public void IMP_01_Empty_strings_are_absent()
    {
        NetworkInterface card = Single(
            Card($$"""{{Groups}}, "PrivateIpAddress": "10.0.1.10", "Association": {"PublicIp": ""}"""),
            """{"Addresses": [{"PublicIp": "203.0.113.1", "InstanceId": "", "NetworkInterfaceId": ""}, {"PublicIp": "203.0.113.2", "InstanceId": "", "NetworkInterfaceId": "eni-a", "PrivateIpAddress": ""}]}""");
        Assert.Equal("10.0.1.10=203.0.113.2", Addresses(card));
    }

    [Fact]
    public void IMP_04_Instances_alone_give_their_interfaces()
    {
        NetworkInterface card = Single(Instance("""
            "State": {"Name": "running"}, "PublicIpAddress": "203.0.113.5",
            "NetworkInterfaces": [{"NetworkInterfaceId": "eni-1", "SubnetId": "subnet-a", "Groups": [{"GroupId": "sg-a"}], "SourceDestCheck": false, "PrivateIpAddress": "10.0.1.10",
              "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.1.10", "Primary": true}], "Attachment": {"DeviceIndex": 0, "Status": "attached"}}]
            """));
        Assert.Equal(("eni-1", "10.0.1.10=203.0.113.5", "i-1", false), (card.Id, Addresses(card), card.InstanceId, card.SourceDestCheck));
    }

    [Fact]
    public void IMP_04_The_interfaces_own_file_wins_and_addresses_are_joined()
    {
        NetworkInterface card = Single(
            Instance("""
                "NetworkInterfaces": [{"NetworkInterfaceId": "eni-a", "SubnetId": "subnet-a", "Groups": [{"GroupId": "sg-b"}], "SourceDestCheck": true,
                  "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.1.10", "Primary": true, "Association": {"PublicIp": "203.0.113.5"}}, {"PrivateIpAddress": "10.0.1.12"}]}]
                """),
            Card($$"""{{Groups}}, "SourceDestCheck": false, "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.1.10", "Primary": true}, {"PrivateIpAddress": "10.0.1.11"}], "Status": "in-use" """),
            Group("[]"));
        Assert.Equal(("10.0.1.10=203.0.113.5 10.0.1.11 10.0.1.12", "sg-a", false, "i-1"), (Addresses(card), card.SecurityGroupIds.Single(), card.SourceDestCheck, card.InstanceId));
    }

    [Fact]
    public void IMP_04_Terminated_instances_have_no_interface()
    {
        Assert.Empty(WithBase(Instance("\"State\": {\"Name\": \"terminated\"}, \"PrivateIpAddress\": \"10.0.1.10\", \"SecurityGroups\": [{\"GroupId\": \"sg-a\"}]")).Interfaces);
    }

    [Fact]
    public void IMP_04_The_same_id_with_other_content_under_one_command_names_both_files()
    {
        Assert.Equal(
            ["error f1.json:1, subnet-a: f0.json:3 says something else of it. Keep the newer of the two files."],
            FaultsWithBase("""{"Subnets": [{"SubnetId": "subnet-a", "VpcId": "vpc-a", "CidrBlock": "10.0.7.0/24"}]}"""));
        Assert.Empty(FaultsWithBase(Base));
    }

    [Fact]
    public void IGW_10_An_Elastic_IP_replaces_an_assigned_address()
    {
        string card = Card($$"""{{Groups}}, "PrivateIpAddress": "10.0.1.10", "Association": {"PublicIp": "203.0.113.1"}""");
        const string Elastic = """{"Addresses": [{"PublicIp": "203.0.113.9", "AllocationId": "eipalloc-1", "NetworkInterfaceId": "eni-a", "PrivateIpAddress": "10.0.1.10"}]}""";
        Assert.Equal("10.0.1.10=203.0.113.9", Addresses(Single(card, Elastic)));
        Assert.Equal(
            ["warning f2.json:1, 203.0.113.9: eni-a has 203.0.113.1 for 10.0.1.10 in another file: the Elastic IP is used. Take all outputs at the same time."],
            Texts(Load(Base, card, Elastic).Faults));
    }

    [Fact]
    public void IMP_05_The_interface_of_a_NAT_gateway_is_known_by_the_gateway()
    {
        const string Nat = """{"NatGateways": [{"NatGatewayId": "nat-1", "VpcId": "vpc-a", "SubnetId": "subnet-a", "State": "available", "NatGatewayAddresses": [{"NetworkInterfaceId": "eni-a", "PrivateIp": "10.0.1.20", "PublicIp": "203.0.113.7"}]}]}""";
        NetworkInterface listed = Single(Nat, Card($$"""{{Groups}}, "InterfaceType": "interface", "PrivateIpAddress": "10.0.1.20" """));
        Assert.Equal((InterfaceKind.Managed, "nat-1", "10.0.1.20=203.0.113.7"), (listed.Kind, listed.NatGatewayId, Addresses(listed)));
        NetworkInterface unlisted = Single(Nat);
        Assert.Equal(("eni-a", InterfaceKind.Managed, "nat-1", "10.0.1.20=203.0.113.7", "subnet-a"), (unlisted.Id, unlisted.Kind, unlisted.NatGatewayId, Addresses(unlisted), unlisted.SubnetId));
    }

    [Fact]
    public void IMP_06_An_address_outside_its_subnet_is_the_interfaces_all_the_same()
    {
        string card = Card($$"""{{Groups}}, "PrivateIpAddress": "10.0.9.10" """);
        Assert.Equal("10.0.9.10", Addresses(Single(card)));
        Assert.Equal(
            ["warning f1.json:1, eni-a: 10.0.9.10 is in no block of its subnet subnet-a; it belongs to the interface all the same. Check the address."], FaultsWithBase(card));
    }

    [Fact]
    public void IMP_12_A_public_address_need_not_look_like_one() =>
        Assert.Equal("10.0.1.10=127.38.1.2", Addresses(Single(Card($$"""{{Groups}}, "PrivateIpAddress": "10.0.1.10", "Association": {"PublicIp": "127.38.1.2"}"""))));

    [Fact]
    public void RT_31_A_reserved_address_is_warned_about()
    {
        foreach (string address in (System.ReadOnlySpan<string>)["10.0.1.0", "10.0.1.3", "10.0.1.255"])
        {
            Assert.Equal(
                [$"warning f1.json:1, eni-a: {address} is one of the five addresses that AWS keeps in each subnet (RT-31). Choose another address."],
                FaultsWithBase(Card($$"""{{Groups}}, "PrivateIpAddress": "{{address}}" """)));
        }

        Assert.Empty(FaultsWithBase(Card($"{Groups}, \"PrivateIpAddress\": \"10.0.1.4\"")));
        Assert.Empty(FaultsWithBase(Card($"{Groups}, \"PrivateIpAddress\": \"10.0.1.254\"")));
    }

    [Theory]
    [InlineData("2001:db8:0:1::", true)]
    [InlineData("2001:db8:0:1::3", true)]
    [InlineData("2001:db8:0:1::4", false)]
    [InlineData("2001:db8:0:1:ffff:ffff:ffff:fffe", false)]
    [InlineData("2001:db8:0:1:ffff:ffff:ffff:ffff", true)]
    public void RT_31_In_IPv6_too(string address, bool reserved)
    {
        string[] faults = FaultsWithBase($$$"""
            {"Vpcs": [{"VpcId": "vpc-6", "CidrBlock": "10.6.0.0/16", "Ipv6CidrBlockAssociationSet": [{"Ipv6CidrBlock": "2001:db8::/56", "Ipv6CidrBlockState": {"State": "associated"}}]}],
             "Subnets": [{"SubnetId": "subnet-6", "VpcId": "vpc-6", "CidrBlock": "10.6.1.0/24",
                          "Ipv6CidrBlockAssociationSet": [{"Ipv6CidrBlock": "2001:db8:0:1::/64", "Ipv6CidrBlockState": {"State": "associated"}}]}],
             "NetworkInterfaces": [{"NetworkInterfaceId": "eni-6", "SubnetId": "subnet-6", "PrivateIpAddress": "10.6.1.10", "Ipv6Addresses": [{"Ipv6Address": "{{{address}}}"}],
                                    "Groups": [{"GroupId": "vpc-6/default-sg"}]}]}
            """);
        Assert.Equal(
            reserved ? [$"warning f1.json:4, eni-6: {address} is one of the five addresses that AWS keeps in each subnet (RT-31). Choose another address."] : [], faults);
    }

    [Fact]
    public void One_private_address_for_one_interface_of_a_VPC()
    {
        Assert.Equal(
            ["error f2.json:1, eni-b: 10.0.1.10 is an address of eni-a in vpc-a as well. Give each interface addresses of its own."],
            Texts(Load(Base, Card($"{Groups}, \"PrivateIpAddress\": \"10.0.1.10\""), Card($"{Groups}, \"PrivateIpAddress\": \"10.0.1.10\"", "eni-b")).Faults));
    }

    [Fact]
    public void One_public_address_for_one_private_address()
    {
        string card(string id, string address) => Card($$"""{{Groups}}, "PrivateIpAddress": "{{address}}", "Association": {"PublicIp": "203.0.113.1"}""", id);
        Assert.Equal(
            ["error f2.json:1, eni-b: the public address 203.0.113.1 is mapped to eni-a as well. Map it to one private address."],
            Texts(Load(Base, card("eni-a", "10.0.1.10"), card("eni-b", "10.0.1.11")).Faults));
    }

    [Fact]
    public void R_37_An_address_inside_a_delegated_prefix_is_taken()
    {
        Assert.Equal(
            ["error f2.json:1, eni-b: 10.0.1.70 lies in a prefix that is delegated to eni-a. Give each interface addresses of its own."],
            Texts(Load(
                Base, Card($$"""{{Groups}}, "PrivateIpAddress": "10.0.1.10", "Ipv4Prefixes": [{"Ipv4Prefix": "10.0.1.64/28"}]"""),
                Card($"{Groups}, \"PrivateIpAddress\": \"10.0.1.70\"", "eni-b")).Faults));
    }

    [Fact]
    public void R_33_One_private_address_in_two_VPCs_is_warned_about()
    {
        Assert.Equal(
            ["warning f2.json:3, eni-z: 10.0.1.10 is an address of eni-a in vpc-a as well: a packet belongs to the interface whose VPC holds its other end, else to the lowest id. Look at one of the two VPCs at a time if that is not meant."],
            Texts(Load(Base, Card($"{Groups}, \"PrivateIpAddress\": \"10.0.1.10\""), """
                {"Vpcs": [{"VpcId": "vpc-z", "CidrBlock": "10.0.0.0/16"}], "Subnets": [{"SubnetId": "subnet-z", "VpcId": "vpc-z", "CidrBlock": "10.0.1.0/24"}],
                 "SecurityGroups": [{"GroupId": "sg-z", "GroupName": "z", "VpcId": "vpc-z"}],
                 "NetworkInterfaces": [{"NetworkInterfaceId": "eni-z", "SubnetId": "subnet-z", "PrivateIpAddress": "10.0.1.10", "Groups": [{"GroupId": "sg-z"}]}]}
                """).Faults));
    }

    [Fact]
    public void Every_fault_is_reported_in_one_run()
    {
        string[] faults = FaultsWithBase("""
            {"Subnets": [{"SubnetId": "subnet-x", "VpcId": "vpc-x", "CidrBlock": "10.0.3.0/24"},
                         {"SubnetId": "subnet-y", "VpcId": "vpc-a", "CidrBlock": "10.1.0.0/24"},
                         {"SubnetId": "subnet-z", "VpcId": "vpc-a", "CidrBlock": "10.0.1.128/25"}],
             "NetworkInterfaces": [{"NetworkInterfaceId": "eni-1", "SubnetId": "subnet-q", "PrivateIpAddress": "10.0.1.10", "Groups": [{"GroupId": "sg-a"}]},
                                   {"NetworkInterfaceId": "eni-2", "SubnetId": "subnet-a", "PrivateIpAddress": "010.0.1.10", "Groups": [{"GroupId": "sg-q"}]}]}
            """);
        Assert.Equal(
            [
                "error f1.json:1, subnet-x: its VPC 'vpc-x' is in no file. Add the output of describe-vpcs.",
                "error f1.json:2, subnet-y: 10.1.0.0/24 is in no block of vpc-a (10.0.0.0/16). Choose a block inside the VPC, or add one to the VPC.",
                "error f1.json:3, subnet-z: 10.0.1.128/25 overlaps 10.0.1.0/24 of subnet-a. Give each subnet addresses of its own.",
                "error f1.json:4, eni-1: its subnet 'subnet-q' is in no file. Add the output of describe-subnets, or name a subnet of the topology.",
                "error f1.json:5, eni-2: '010.0.1.10' is not an address of the family that is asked for here. Write it as 10.0.1.5 or 2001:db8::5, numbers without leading zeros.",
                "error f1.json:5, eni-2: its security group 'sg-q' is in no file. Add the output of describe-security-groups, or name a group of the topology.",
            ], faults);
    }

    /// <summary>An --eni as typed, and the fault without its beginning; null: it is sound.</summary>
    [Theory]
    [InlineData("web=10.0.1.20,sg=sg-a", null)]
    [InlineData("web=10.0.1.20,sg=web", null)]
    [InlineData("web=10.0.1.20,sg=web+vpc-a/default-sg,subnet=subnet-a,public=203.0.113.4", null)]
    [InlineData("web=10.0.1.20,sg=default", null)]
    [InlineData("web=10.0.1.20,sg=nobody", "--eni web: no security group has the id or name 'nobody'. Name a group of the topology by its id.")]
    [InlineData("web=10.0.1.20", "--eni web: it has no security group. Write --eni NAME=ADDRESS,sg=SG[+SG...][,subnet=SUBNET][,public=ADDRESS].")]
    [InlineData("web=10.7.1.20,sg=sg-a", "--eni web: no subnet holds 10.7.1.20. Name its subnet.")]
    [InlineData("web=10.0.1.020,sg=sg-a", "--eni web: '10.0.1.020' is not an address. Write --eni NAME=ADDRESS,sg=SG[+SG...][,subnet=SUBNET][,public=ADDRESS].")]
    [InlineData("10.0.1.20,sg=sg-a", "--eni: '10.0.1.20,sg=sg-a' does not begin with NAME=ADDRESS. Write --eni NAME=ADDRESS,sg=SG[+SG...][,subnet=SUBNET][,public=ADDRESS].")]
    [InlineData("web=10.0.1.20,sg=sg-a,sg=sg-a", "--eni web: 'sg=sg-a' is not sg=, subnet= or public= with a value, each once. Write --eni NAME=ADDRESS,sg=SG[+SG...][,subnet=SUBNET][,public=ADDRESS].")]
    [InlineData("web=10.0.1.20,sg=sg-a,subnet=subnet-q", "--eni web: its subnet 'subnet-q' is in no file. Add the output of describe-subnets, or name a subnet of the topology.")]
    public void An_interface_of_the_command_line_joins_the_topology(string option, string? fault)
    {
        (Network? network, FaultList faults) = LoadFiles([("f0.json", Base)], [option]);
        Assert.Equal(fault, faults.All.Select(f => f.ToString()).SingleOrDefault());
        if (fault is null)
        {
            NetworkInterface card = network!.Interfaces.Single();
            Assert.Equal(("web", "subnet-a", "vpc-a"), (card.Id, card.SubnetId, card.VpcId));
        }
    }
}
