using Dataplane.Tests.TestSupport;
using Dataplane.Tests.Topology;
using Xunit;

namespace Dataplane.Tests.Semantics;

/// <summary>ORD: in which order the pieces of AWS are asked.</summary>
public sealed class OrderTests
{
    /// <summary>Two subnets with ACLs and tables of their own, three instances, an internet gateway.</summary>
    private const string TwoSubnets = """
        vpc vpc-1 10.0.0.0/16
        igw igw-1 vpc-1
        subnet sub-a vpc-1 10.0.1.0/24 rtb=rtb-a acl=acl-a
        subnet sub-b vpc-1 10.0.2.0/24 rtb=rtb-b acl=acl-b
        eni eni-a sub-a 10.0.1.10=203.0.113.10 sg=sg-a
        eni eni-n sub-a 10.0.1.20 sg=sg-b
        eni eni-b sub-b 10.0.2.20 sg=sg-b
        sg sg-a vpc-1
          in tcp 22 198.51.100.0/24
          out tcp 1-65535 0.0.0.0/0
        sg sg-b vpc-1
          in tcp 443 10.0.0.0/16
        acl acl-a vpc-1
          in 100 allow tcp 0.0.0.0/0
          out 110 allow tcp 0.0.0.0/0
        acl acl-b vpc-1
          in 120 allow tcp 443 10.0.1.0/24
          out 130 allow tcp 1024-65535 10.0.1.0/24
        rtb rtb-a vpc-1
          0.0.0.0/0 igw-1
        rtb rtb-b vpc-1
        """;

    [Fact]
    public void ORD_01_ORD_05_From_one_subnet_to_another_six_components_are_asked_and_three_on_the_way_back() => new Scenario(TwoSubnets)
        .Send("tcp 10.0.1.10:40000 > 10.0.2.20:443 S", "allow new sg-b/ingress/1",
            "eni-a | sg-a/egress/1 | acl-a/egress/110 | rtb-a/10.0.0.0/16 | acl-b/ingress/120 | sg-b/ingress/1 | eni-b")
        .Send("tcp 10.0.2.20:443 > 10.0.1.10:40000 SA", "allow established tracked sg-a/egress/1",
            "eni-b | tracked sg-b/ingress/1 | acl-b/egress/130 | rtb-b/10.0.0.0/16 | acl-a/ingress/100 | tracked sg-a/egress/1 | eni-a");

    [Fact]
    public void ORD_04_ORD_08_Inside_a_subnet_two_groups_are_asked_and_nothing_else() => new Scenario(TwoSubnets)
        .Send("tcp 10.0.1.10:40000 > 10.0.1.20:443 S", "allow new sg-b/ingress/1", "eni-a | sg-a/egress/1 | sg-b/ingress/1 | eni-n");

    [Fact]
    public void ORD_02_ORD_06_Out_to_the_internet_every_filter_saw_the_private_address() => new Scenario(TwoSubnets)
        .Send("tcp 10.0.1.10:40000 > 198.51.100.7:80 S", "allow new rtb-a/0.0.0.0/0",
            "eni-a | sg-a/egress/1 | acl-a/egress/110 | rtb-a/0.0.0.0/0 | igw-1 10.0.1.10>203.0.113.10 | igw-1");

    [Fact]
    public void ORD_03_ORD_07_In_from_the_internet_the_address_is_translated_before_the_ACL_and_the_group() => new Scenario(TwoSubnets)
        .Send("tcp 198.51.100.7:5000 > 203.0.113.10:22 S", "allow new sg-a/ingress/1",
            "igw-1 | igw-1 203.0.113.10>10.0.1.10 | acl-a/ingress/100 | sg-a/ingress/1 | eni-a");

    [Fact]
    public void ORD_17_An_interface_endpoint_is_asked_like_an_instance_with_the_endpoints_group() => new Scenario(Snapshots.WithBase("""
        {
          "Subnets": [{"SubnetId": "subnet-b", "VpcId": "vpc-a", "CidrBlock": "10.0.2.0/24"}],
          "SecurityGroups": [
            {"GroupId": "sg-c", "GroupName": "clients", "VpcId": "vpc-a", "IpPermissionsEgress": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]},
            {"GroupId": "sg-v", "GroupName": "endpoint", "VpcId": "vpc-a",
             "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [{"GroupId": "sg-c"}]}]}],
          "NetworkInterfaces": [
            {"NetworkInterfaceId": "eni-c", "VpcId": "vpc-a", "SubnetId": "subnet-a", "PrivateIpAddress": "10.0.1.10", "Groups": [{"GroupId": "sg-c"}]},
            {"NetworkInterfaceId": "eni-v1", "InterfaceType": "vpc_endpoint", "VpcId": "vpc-a", "SubnetId": "subnet-a", "PrivateIpAddress": "10.0.1.99", "Groups": [{"GroupId": "sg-v"}]},
            {"NetworkInterfaceId": "eni-v2", "InterfaceType": "vpc_endpoint", "VpcId": "vpc-a", "SubnetId": "subnet-b", "PrivateIpAddress": "10.0.2.99", "Groups": [{"GroupId": "sg-v"}]}]
        }
        """))
        .Send("tcp 10.0.1.10:9 > 10.0.1.99:443 S", "allow new sg-v/ingress/1", "eni-c | sg-c/egress/1 | sg-v/ingress/1 | eni-v1")
        .Send("tcp 10.0.1.10:9 > 10.0.2.99:443 S", "allow new sg-v/ingress/1",
            "eni-c | sg-c/egress/1 | vpc-a/default-acl/egress/100 | vpc-a/main/10.0.0.0/16 | vpc-a/default-acl/ingress/100 | sg-v/ingress/1 | eni-v2")
        .Send("tcp 10.0.1.10:9 > 10.0.2.99:80 S", "deny ENI_SG_RULES_MISMATCH sg-v/ingress/none", null, "eni-c", "eni-v2");
}
