using System;
using System.IO;
using System.Linq;
using System.Text;
using Dataplane.Topology;
using Dataplane.Topology.Documents;
using Dataplane.Topology.Model;
using Xunit;
using static Dataplane.Tests.Topology.Snapshots;

namespace Dataplane.Tests.Topology;

/// <summary>What files of a snapshot hold beyond its resources, and how kinds of files are told apart.</summary>
public sealed class SnapshotFileTests
{
    [Fact]
    public void IN_01_The_key_tells_the_kind_and_several_may_stand_in_one_file()
    {
        (Network? network, FaultList faults) = LoadFiles([("route-tables.json", Base)], []);
        Assert.Empty(faults.All);
        Assert.Equal("subnet-a", network!.Subnets.Single().Id);
    }

    [Fact]
    public void IN_02_IMP_02_Unknown_keys_are_noted_once_and_never_a_failure()
    {
        string large = """{"ServiceNames": ["com.amazonaws.us-east-1.s3"], "ServiceDetails": [], "Frobs": {"a": [1, "LARGE"]}}""".Replace("LARGE", new string('x', 400_000), StringComparison.Ordinal);
        Assert.Equal(
            ["warning f1.json:1: the key 'Frobs' is unknown and was not read. Nothing to mend if no packet depends on it."],
            Texts(Load(Base, large, "{\"Vpcs\": [], \"Frobs\": null}").Faults));
    }

    [Fact]
    public void IN_03_A_page_is_warned_about()
    {
        Assert.Equal(
            ["warning f1.json:1: the file is one page of several (NextToken). Run the command without --max-items, or add the other pages."],
            FaultsWithBase("{\"Vpcs\": [], \"NextToken\": \"abc\"}"));
        Assert.Empty(FaultsWithBase("{\"Vpcs\": [], \"NextToken\": \"\"}"));
    }

    [Fact]
    public void IN_04_Absent_lists_are_empty_ones()
    {
        Assert.Empty(FaultsWithBase("""{"RouteTables": [{"RouteTableId": "rtb-b", "VpcId": "vpc-a"}], "NetworkAcls": [{"NetworkAclId": "acl-b", "VpcId": "vpc-a", "Entries": null}]}"""));
    }

    [Fact]
    public void IN_05_Tags_stand_under_either_key_and_mean_nothing()
    {
        const string Tags = """[{"Key": "Name", "Value": "x"}]""";
        Assert.Empty(FaultsWithBase($$"""
            {"Vpcs": [{"VpcId": "vpc-b", "CidrBlock": "10.9.0.0/16", "Tags": {{Tags}}}],
             "Subnets": [{"SubnetId": "subnet-b", "VpcId": "vpc-b", "CidrBlock": "10.9.1.0/24", "Tags": []}],
             "SecurityGroups": [{"GroupId": "sg-b", "GroupName": "b", "VpcId": "vpc-b", "Tags": {{Tags}}}],
             "NetworkInterfaces": [
               {"NetworkInterfaceId": "eni-1", "SubnetId": "subnet-b", "PrivateIpAddress": "10.9.1.10", "Groups": [{"GroupId": "sg-b"}], "TagSet": {{Tags}}},
               {"NetworkInterfaceId": "eni-2", "SubnetId": "subnet-b", "PrivateIpAddress": "10.9.1.11", "Groups": [{"GroupId": "sg-b"}], "Tags": {{Tags}}}]}
            """));
    }

    [Fact]
    public void IN_06_States_in_any_case()
    {
        Network network = Sound("""
            {"Vpcs": [{"VpcId": "vpc-a", "CidrBlock": "10.0.0.0/16", "CidrBlockAssociationSet": [
               {"CidrBlock": "10.0.0.0/16", "CidrBlockState": {"State": "Associated"}}, {"CidrBlock": "10.1.0.0/16", "CidrBlockState": {"State": "ASSOCIATED"}},
               {"CidrBlock": "10.2.0.0/16", "CidrBlockState": {"State": "disassociated"}}]}],
             "InternetGateways": [{"InternetGatewayId": "igw-a", "Attachments": [{"VpcId": "vpc-a", "State": "Available"}]}]}
            """);
        Assert.Equal("10.0.0.0/16 10.1.0.0/16", string.Join(' ', network.Vpcs.Single().Blocks));
        Assert.Equal("vpc-a", network.Gateways.Single().VpcId);
    }

    [Fact]
    public void IMP_03_An_empty_file_is_a_warning_and_the_others_are_read()
    {
        (Network? network, FaultList faults) = LoadFiles([("a.json", ""), ("b.json", Base), ("c.json", "\uFEFF \n")], []);
        Assert.Equal(
            [
                "warning a.json: the file is empty, as a command that failed leaves it. Run the command again.",
                "warning c.json: the file is empty, as a command that failed leaves it. Run the command again.",
            ], Texts(faults));
        Assert.NotNull(network);
    }

    [Fact]
    public void IMP_08_The_two_commands_for_prefix_lists_and_the_entries_are_merged_by_id()
    {
        Network network = Sound(
            Base,
            """{"PrefixLists": [{"PrefixListId": "pl-1", "PrefixListName": "office", "State": "create-complete", "MaxEntries": 5}, {"PrefixListId": "pl-2", "PrefixListName": "com.amazonaws.us-east-1.s3"}]}""",
            """{"PrefixLists": [{"PrefixListId": "pl-2", "PrefixListName": "com.amazonaws.us-east-1.s3", "Cidrs": ["52.216.0.0/15"]}]}""",
            """{"PrefixListEntries": [{"PrefixListId": "pl-1", "Entries": [{"Cidr": "203.0.113.0/24", "Description": "hq"}]}]}""");
        Assert.Equal(
            ["pl-1 office 203.0.113.0/24", "pl-2 com.amazonaws.us-east-1.s3 52.216.0.0/15"], network.PrefixLists.Select(l => $"{l.Id} {l.Name} {string.Join(' ', l.Entries)}"));
    }

    [Fact]
    public void IMP_08_A_list_whose_entries_are_nowhere_warns_once_where_it_is_used()
    {
        string group = Group("""[{"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": "pl-9"}]}, {"IpProtocol": "6", "FromPort": 1, "ToPort": 1, "PrefixListIds": [{"PrefixListId": "pl-9"}]}]""");
        Assert.Equal(
            ["warning f1.json:1, sg-b, ingress rule 1: no file holds the entries of prefix list pl-9, so it matches nothing. Add them: {\"PrefixListEntries\":[{\"PrefixListId\":\"pl-9\",\"Entries\":[{\"Cidr\":\"...\"}]}]}."],
            FaultsWithBase(group));
        Assert.False(Sound(Base, group).PrefixLists.Single().EntriesKnown);
    }

    [Fact]
    public void R_43_The_name_of_the_file_tells_whose_entries_it_holds()
    {
        const string Entries = """{"Entries": [{"Cidr": "203.0.113.0/24"}]}""";
        Assert.Equal("pl-0123abc", LoadFiles([("b.json", Base), ("x/entries-pl-0123abc.json", Entries)], []).Network!.PrefixLists.Single().Id);
        Assert.Empty(LoadFiles([("b.json", Base), ("pl-1/supl-2.json", Entries)], []).Network!.PrefixLists);
        string[] said = Texts(LoadFiles([("b.json", Base), ("entries.json", Entries)], []).Faults);
        Assert.StartsWith("warning entries.json:1, Entries: the output of get-managed-prefix-list-entries does not say which list it is of, so it is not used.", said.Single(), StringComparison.Ordinal);
    }

    [Fact]
    public void IMP_09_Transit_gateway_routes_without_a_table_are_not_used()
    {
        const string Tables = """{"TransitGateways": [{"TransitGatewayId": "tgw-1", "State": "available"}], "TransitGatewayVpcAttachments": [{"TransitGatewayAttachmentId": "tgw-attach-1", "TransitGatewayId": "tgw-1", "VpcId": "vpc-a", "State": "available"}], "TransitGatewayRouteTables": [{"TransitGatewayRouteTableId": "tgw-rtb-1", "TransitGatewayId": "tgw-1"}]}""";
        const string Routes = """{"Routes": [{"DestinationCidrBlock": "192.168.0.0/16", "State": "active", "Type": "static", "TransitGatewayAttachments": [{"TransitGatewayAttachmentId": "tgw-attach-9", "ResourceType": "vpn"}]}], "AdditionalRoutesAvailable": false}""";
        string[] said = Texts(LoadFiles([("b.json", Base), ("t.json", Tables), ("routes.json", Routes)], []).Faults);
        Assert.StartsWith("warning routes.json:1, Routes: the output of search-transit-gateway-routes does not say which table it is of, so it is not used.", said[0], StringComparison.Ordinal);
        Gateway gateway = LoadFiles([("b.json", Base), ("t.json", Tables), ("routes-tgw-rtb-1.json", Routes)], []).Network!.Gateways.Single(g => g.Id == "tgw-1");
        Assert.Equal(("vpc-a", "192.168.0.0/16"), (gateway.VpcId, gateway.RemoteBlocks.Single().ToString()));
    }

    [Fact]
    public void IMP_09_The_wrapper_tells_the_table()
    {
        Gateway gateway = WithBase("""
            {"TransitGatewayVpcAttachments": [{"TransitGatewayAttachmentId": "tgw-attach-1", "TransitGatewayId": "tgw-1", "VpcId": "vpc-a", "State": "available"}],
             "TransitGatewayRouteTables": [{"TransitGatewayRouteTableId": "tgw-rtb-1", "TransitGatewayId": "tgw-1"}],
             "TransitGatewayStaticRoutes": [{"TransitGatewayRouteTableId": "tgw-rtb-1", "Routes": [{"DestinationCidrBlock": "192.168.0.0/16", "State": "active", "TransitGatewayAttachments": [{"TransitGatewayAttachmentId": "x"}]}]}]}
            """).Gateways.Single(g => g.Id == "tgw-1");
        Assert.Equal("192.168.0.0/16", gateway.RemoteBlocks.Single().ToString());
    }

    [Fact]
    public void IMP_13_A_peering_without_CidrBlockSet_has_its_CidrBlock_behind_it()
    {
        Gateway gateway = WithBase("""
            {"VpcPeeringConnections": [{"VpcPeeringConnectionId": "pcx-1", "Status": {"Code": "active"}, "RequesterVpcInfo": {"VpcId": "vpc-a", "CidrBlock": "10.0.0.0/16"}, "AccepterVpcInfo": {"VpcId": "vpc-far", "CidrBlock": "10.9.0.0/16"}}]}
            """).Gateways.Single(g => g.Id == "pcx-1");
        Assert.Equal((GatewayKind.VpcPeering, "vpc-a", "10.9.0.0/16"), (gateway.Kind, gateway.VpcId, gateway.RemoteBlocks.Single().ToString()));
    }

    [Fact]
    public void Static_routes_of_a_VPN_lie_behind_its_gateway_and_keys_are_never_printed()
    {
        const string Vpn = """
            {"VpnGateways": [{"VpnGatewayId": "vgw-1", "State": "available", "VpcAttachments": [{"VpcId": "vpc-a", "State": "attached"}]}],
             "VpnConnections": [{"VpnConnectionId": "vpn-1", "State": "available", "VpnGatewayId": "vgw-1", "CustomerGatewayConfiguration": "<pre_shared_key>HUSH</pre_shared_key>",
               "Options": {"StaticRoutesOnly": true, "TunnelOptions": [{"PreSharedKey": "HUSH"}]},
               "Routes": [{"DestinationCidrBlock": "192.168.0.0/16", "State": "available"}, {"DestinationCidrBlock": "192.168.9.0/24", "State": "deleted"}]}]}
            """;
        Assert.Equal("192.168.0.0/16", WithBase(Vpn).Gateways.Single(g => g.Id == "vgw-1").RemoteBlocks.Single().ToString());
        string other = Vpn.Replace("vpc-a", "vpc-q", StringComparison.Ordinal).Replace("HUSH", "HUSH2", StringComparison.Ordinal);
        string[] faults = Texts(Load(Base, Vpn, other).Faults);
        Assert.NotEmpty(faults);
        Assert.DoesNotContain(faults, f => f.Contains("HUSH", StringComparison.Ordinal));
    }

    [Fact]
    public void R_37_Block_Public_Access_is_said_not_to_be_enforced()
    {
        Assert.Equal(
            ["warning f1.json:1, VpcBlockPublicAccessOptions: VPC Block Public Access (block-bidirectional) is not enforced yet. Expect that AWS blocks more internet traffic than the verdicts say."],
            FaultsWithBase("""{"VpcBlockPublicAccessOptions": {"InternetGatewayBlockMode": "block-bidirectional", "State": "update-complete"}}"""));
        Assert.Empty(FaultsWithBase("""{"VpcBlockPublicAccessOptions": {"InternetGatewayBlockMode": "off"}}"""));
    }

    [Fact]
    public void What_belongs_to_a_VPC_in_no_file_is_left_out_and_said()
    {
        string[] faults = FaultsWithBase("""
            {"SecurityGroups": [{"GroupId": "sg-q", "GroupName": "q", "VpcId": "vpc-q"}], "NetworkAcls": [{"NetworkAclId": "acl-q", "VpcId": "vpc-q"}],
             "RouteTables": [{"RouteTableId": "rtb-q", "VpcId": "vpc-q"}]}
            """);
        Assert.Equal(
            [
                "warning f1.json:1, sg-q: the security group is in VPC 'vpc-q', which is in no file, and is left out. Add the output of describe-vpcs if packets should meet it.",
                "warning f1.json:1, acl-q: the network ACL is in VPC 'vpc-q', which is in no file, and is left out. Add the output of describe-vpcs if packets should meet it.",
                "warning f1.json:2, rtb-q: the route table is in VPC 'vpc-q', which is in no file, and is left out. Add the output of describe-vpcs if packets should meet it.",
            ], faults);
    }

    [Fact]
    public void RT_33_Odd_sizes_are_warned_about()
    {
        Assert.Equal(
            [
                "warning f0.json:1, vpc-a: 10.0.0.0/8 is not between /16 and /28, which AWS asks of an IPv4 block of a VPC. Check the block.",
                "warning f0.json:1, subnet-a: 10.0.0.0/29 is not between /16 and /28, which AWS asks of a subnet. Check the block.",
            ],
            Texts(Load("""{"Vpcs": [{"VpcId": "vpc-a", "CidrBlock": "10.0.0.0/8"}], "Subnets": [{"SubnetId": "subnet-a", "VpcId": "vpc-a", "CidrBlock": "10.0.0.0/29"}]}""").Faults));
    }

    [Theory]
    [InlineData("""{"format_version": "1.0", "terraform_version": "1.9.0", "values": {}}""", "it is the output of terraform show -json, which is not read yet. Give the output of aws ec2 describe-* for what Terraform made, or a CloudFormation template.")]
    [InlineData("""{"version": 4, "terraform_version": "1.9.0", "resources": []}""", "it is a raw Terraform state, which is not read. Give the output of aws ec2 describe-* for what Terraform made, or a CloudFormation template.")]
    [InlineData("""{"name": "x"}""", "it is neither output of aws ec2 describe-* nor a CloudFormation template. Name a snapshot, a folder of snapshots or a template: YAML is taken for one by its line Resources:.")]
    [InlineData("[]", "it is neither output of aws ec2 describe-* nor a CloudFormation template. Name a snapshot, a folder of snapshots or a template: YAML is taken for one by its line Resources:.")]
    [InlineData("hello", "it is neither output of aws ec2 describe-* nor a CloudFormation template. Name a snapshot, a folder of snapshots or a template: YAML is taken for one by its line Resources:.")]
    public void Kinds_are_told_by_content(string text, string fault)
    {
        Assert.Equal([$"error x: {fault}"], Texts(LoadFiles([("x", text)], []).Faults));
    }

    [Fact]
    public void Folders_are_searched_in_order_and_loops_of_links_end()
    {
        string root = Directory.CreateTempSubdirectory("dataplane-").FullName;
        try
        {
            string region = Directory.CreateDirectory(Path.Combine(root, "aws_configs", "us-east-1")).FullName;
            File.WriteAllText(Path.Combine(region, "b.json"), Base);
            File.WriteAllText(Path.Combine(region, "a.json"), "");
            File.WriteAllText(Path.Combine(region, "package.json"), "{\"name\": \"other\"}");
            File.WriteAllText(Path.Combine(region, "notes.txt"), "not read");
            Directory.CreateSymbolicLink(Path.Combine(region, "loop"), root);
            (Network? network, FaultList faults) = TopologyLoader.Load(LoadOptions.Of(root));
            Assert.Equal(
                [
                    "warning aws_configs/us-east-1/a.json: the file is empty, as a command that failed leaves it. Run the command again.",
                    "warning aws_configs/us-east-1/package.json: it is neither output of aws ec2 describe-* nor a CloudFormation template, and was not read. Nothing to mend if no packet depends on it.",
                ], Texts(faults));
            Assert.Equal("vpc-a", network!.Vpcs.Single().Id);
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    [Fact]
    public void A_missing_path_and_an_empty_folder_are_errors()
    {
        string root = Directory.CreateTempSubdirectory("dataplane-").FullName;
        try
        {
            (Network? network, FaultList faults) = TopologyLoader.Load(LoadOptions.Of(root, Path.Combine(root, "no.json")));
            Assert.Null(network);
            Assert.Equal(
                [
                    $"error {root}: the folder holds no *.json file. Name the folder that holds the output of aws ec2 describe-*.",
                    $"error {root}/no.json: there is no such file or folder. Check the path.",
                ], Texts(faults));
        }
        finally
        {
            Directory.Delete(root);
        }
    }

    [Fact]
    public void A_network_has_its_lists_in_ordinal_order_of_id()
    {
        Network network = Sound("""{"Vpcs": [{"VpcId": "vpc-b", "CidrBlock": "10.1.0.0/16"}, {"VpcId": "vpc-B", "CidrBlock": "10.2.0.0/16"}, {"VpcId": "vpc-a", "CidrBlock": "10.0.0.0/16"}]}""");
        Assert.Equal(["vpc-B", "vpc-a", "vpc-b"], network.Vpcs.Select(v => v.Id));
    }

    [Fact]
    public void A_UTF8_mark_is_skipped_and_UTF16_is_named()
    {
        Assert.NotNull(LoadFiles([("a.json", "\uFEFF" + Base)], []).Network);
        FaultList faults = TopologyLoader.Load([new SourceFile("a.json", [0xFF, 0xFE, .. Encoding.Unicode.GetBytes(Base)])], LoadOptions.Of()).Faults;
        Assert.Equal(["error a.json: it is UTF-16, as some shells write redirected output. Save it as UTF-8."], Texts(faults));
    }
}
