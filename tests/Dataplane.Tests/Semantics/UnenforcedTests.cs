using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Semantics;

/// <summary>Packets of components that are not enforced have no place (contract 4, 1a of the walk's page), and what an interface endpoint does beyond an instance.</summary>
public sealed class UnenforcedTests
{
    private const string Ground = """
        vpc vpc-1 10.0.0.0/16 2001:db8:1::/56
        vpc vpc-2 10.0.0.0/16
        vpc vpc-3 2001:db8:3::/56
        igw igw-1 vpc-1
        igw igw-3 vpc-3
        nat nat-1 vpc-1
        subnet sub-a vpc-1 10.0.1.0/24 2001:db8:1:1::/64 rtb=rtb-a
        subnet sub-b vpc-1 10.0.2.0/24 rtb=rtb-b
        subnet sub-c vpc-2 10.0.2.0/24
        subnet sub-v vpc-3 2001:db8:3:3::/64
        eni eni-a sub-a 10.0.1.10=203.0.113.10 2001:db8:1:1::10 sg=sg-1
        eni eni-b sub-b 10.0.2.20 sg=sg-1
        eni eni-n sub-a 10.0.1.200=203.0.113.200 prefix=10.0.1.64/28 of=nat-1 nocheck
        eni eni-t sub-b 10.0.2.99 of=eni-t nocheck
        eni eni-v sub-v 2001:db8:3:3::30 of=vpce-1
        eni eni-c sub-c 10.0.2.30 of=eni-c
        sg sg-1 vpc-1
          in all 0.0.0.0/0
          out all 0.0.0.0/0
          in all ::/0
          out all ::/0
        rtb rtb-a vpc-1
          0.0.0.0/0 igw-1
          ::/0 igw-1
        rtb rtb-b vpc-1
          0.0.0.0/0 nat-1
          192.0.2.0/24 eni-n
          198.51.100.0/24 eni-t

        """;

    [Theory]
    [InlineData("the internet to its public address", "tcp 8.8.8.8:9 > 203.0.113.200:22 S")]
    [InlineData("the same, as seen inside", "tcp 8.8.8.8:9 > 10.0.1.200:22 S")]
    [InlineData("a ping, which it does not answer", "icmp 8.8.8.8 > 203.0.113.200 8/0")]
    [InlineData("what may be a reply to what it translated", "tcp 8.8.8.8:443 > 203.0.113.200:1024 SA")]
    [InlineData("an instance of its subnet", "tcp 10.0.1.10:9 > 10.0.1.200:22 S")]
    [InlineData("an instance of another subnet", "tcp 10.0.2.20:9 > 10.0.1.200:22 S")]
    [InlineData("an instance, by the public address", "tcp 10.0.1.10:9 > 203.0.113.200:22 S")]
    [InlineData("an instance, seen outside", "tcp 203.0.113.10:9 > 203.0.113.200:22 S")]
    [InlineData("into its delegated prefix", "tcp 10.0.1.10:9 > 10.0.1.65:22 S")]
    [InlineData("from its private address to the internet", "tcp 10.0.1.200:1024 > 8.8.8.8:443 S")]
    [InlineData("from its public address", "tcp 203.0.113.200:1024 > 8.8.8.8:443 S")]
    [InlineData("from it to an instance", "tcp 10.0.1.200:1024 > 10.0.2.20:443 S")]
    public void NAT_09_A_NAT_gateways_own_packets_have_no_place(string shows, string packet) => new Scenario(Ground)
        .Send(packet, "unplaced", "", shows.Length > 0 ? "-" : null, "-");

    [Fact]
    public void NAT_09_Rules_do_not_matter_at_a_component_that_is_not_enforced() =>
        new Scenario(Ground.Replace("out all 0.0.0.0/0", "out tcp 80 192.0.2.1/32", System.StringComparison.Ordinal)).Send("tcp 10.0.1.10:9 > 10.0.1.200:22 S", "unplaced");

    [Fact]
    public void What_a_route_sends_to_a_NAT_gateway_is_denied_there_also_by_the_id_of_its_interface() => new Scenario(Ground)
        .Send("tcp 10.0.2.20:9 > 8.8.8.8:443 S", "deny UNSUPPORTED_COMPONENT rtb-b/0.0.0.0/0", null, "eni-b", "nat-1")
        .Send("tcp 10.0.2.20:9 > 192.0.2.1:443 S", "deny UNSUPPORTED_COMPONENT rtb-b/192.0.2.0/24", null, "eni-b", "nat-1")
        .Send("tcp 10.0.2.20:9 > 198.51.100.1:443 S", "deny UNSUPPORTED_COMPONENT rtb-b/198.51.100.0/24", null, "eni-b", "eni-t")
        // Nobody is behind an interface: what comes from there comes from the internet.
        .Send("tcp 198.51.100.1:9 > 10.0.1.10:443 S", "allow untracked sg-1/ingress/1", null, "igw-1", "eni-a");

    [Theory]
    [InlineData("a transit gateway's interface", "tcp 10.0.1.10:9 > 10.0.2.99:22 S")]
    [InlineData("from there", "tcp 10.0.2.99:9 > 10.0.1.10:22 S")]
    [InlineData("an endpoint in another VPC, by IPv6", "tcp [2001:db8:1:1::10]:9 > [2001:db8:3:3::30]:22 S")]
    [InlineData("and from the internet", "tcp [2001:db8:99::1]:9 > [2001:db8:3:3::30]:22 S")]
    public void Components_of_other_kinds_have_no_place_either(string shows, string packet) => new Scenario(Ground)
        .Send(packet, "unplaced", "", shows.Length > 0 ? "-" : null, "-");

    [Fact]
    public void R_33_An_address_that_such_a_component_has_in_another_VPC_is_nobodys_here() => new Scenario(Ground)
        .Send("tcp 10.0.1.10:9 > 10.0.2.30:22 S", "deny NO_INTERFACE_AT_DESTINATION -", null, "eni-a", "-");

    [Fact]
    public void R_28_A_service_of_the_VPC_comes_before_it() => new Scenario(Ground).Send("udp 10.0.1.200:9 > 10.0.0.2:53", "allow -", "eni-n");

    [Fact]
    public void What_is_remembered_from_before_a_reload_gives_it_no_place()
    {
        const string Now = "eni eni-a sub-a 10.0.1.10=203.0.113.10 2001:db8:1:1::10 of=nat-1 nocheck";
        const string Then = "eni eni-a sub-a 10.0.1.10=203.0.113.10 2001:db8:1:1::10 sg=sg-1";
        new Scenario(Ground, new JudgeOptions { Causal = false })
            .Send("udp 10.0.1.10:9 > 8.8.8.8:53", "allow untracked")
            .Send("udp 8.8.8.8:53 > 203.0.113.10:9", "allow untracked", null, "igw-1", "eni-a")
            .Change(Ground.Replace(Then, Now, System.StringComparison.Ordinal))
            .Send("udp 8.8.8.8:53 > 203.0.113.10:9", "unplaced")
            .Send("udp 8.8.8.8:53 > 10.0.1.10:9", "unplaced")
            .Send("udp 10.0.1.10:9 > 8.8.8.8:53", "unplaced")
            .Send("udp 203.0.113.10:9 > 8.8.8.8:53", "unplaced")
            .Change(Ground)
            .Send("udp 8.8.8.8:53 > 203.0.113.10:9", "allow untracked", null, "igw-1", "eni-a");
    }

    [Fact]
    public void Everything_else_goes_on_as_it_did() => new Scenario(Ground)
        .Send("tcp 10.0.1.10:9 > 8.8.8.8:443 S", "allow untracked rtb-a/0.0.0.0/0")
        .Send("tcp 8.8.8.8:443 > 203.0.113.10:9 SA", "allow untracked sg-1/ingress/1")
        .Send("tcp 10.0.2.20:9 > 10.0.1.10:443 S", "allow untracked sg-1/ingress/1");

    private static string Endpoint(string rules) => $"""
        vpc vpc-1 10.0.0.0/16
        igw igw-1 vpc-1
        subnet sub-a vpc-1 10.0.1.0/24 rtb=rtb-a
        subnet sub-b vpc-1 10.0.2.0/24 rtb=rtb-a
        eni eni-c sub-a 10.0.1.10 sg=sg-c
        eni eni-e sub-b 10.0.2.20 sg=sg-e type=vpc_endpoint
        sg sg-c vpc-1
          in all 0.0.0.0/0
          out tcp 443 sg-e
          out udp all 0.0.0.0/0
          out icmp all 0.0.0.0/0
        sg sg-e vpc-1
          {rules}
          out all 0.0.0.0/0
        rtb rtb-a vpc-1
          0.0.0.0/0 igw-1
        """;

    [Fact]
    public void IFE_02_The_clients_group_and_the_endpoints_must_both_allow()
    {
        new Scenario(Endpoint("in tcp 443 sg-c"))
            .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 S", "allow new sg-e/ingress/1",
                "eni-c | sg-c/egress/1 | acl-default-vpc-1/egress/100 | rtb-a/10.0.0.0/16 | acl-default-vpc-1/ingress/100 | sg-e/ingress/1 | eni-e")
            .Send("tcp 10.0.2.20:443 > 10.0.1.10:9 SA", "allow established tracked sg-c/egress/1")
            .Send("tcp 10.0.1.10:9 > 10.0.2.20:80 S", "deny ENI_SG_RULES_MISMATCH sg-c/egress/none");
        new Scenario(Endpoint("in tcp 80 sg-c")).Send("tcp 10.0.1.10:9 > 10.0.2.20:443 S", "deny ENI_SG_RULES_MISMATCH sg-e/ingress/none");
    }

    [Theory]
    [InlineData("a connection", "tcp 10.0.2.20:9 > 10.0.1.10:80 S")]
    [InlineData("to the internet", "tcp 10.0.2.20:9 > 8.8.8.8:80 S")]
    [InlineData("a datagram", "udp 10.0.2.20:9 > 10.0.1.10:53")]
    [InlineData("a connection whose beginning was not seen counts as new (CT-22)", "tcp 10.0.2.20:443 > 10.0.1.10:9 A")]
    [InlineData("another protocol", "proto 47 10.0.2.20 > 10.0.1.10")]
    [InlineData("a ping", "icmp 10.0.2.20 > 10.0.1.10 8/0")]
    public void IFE_03_An_endpoint_begins_nothing_whatever_its_rules_say(string shows, string packet) => new Scenario(Endpoint("in all 0.0.0.0/0"))
        .Send(packet, "deny VPCE_INTRA_VPC_TRAFFIC -", "eni-e", shows.Length > 0 ? "eni-e" : null, "-");

    [Fact]
    public void IFE_03_An_answer_is_an_answer_as_long_as_its_flow_lives() => new Scenario(Endpoint("in all 0.0.0.0/0"), new JudgeOptions { Causal = false })
        .Send("udp 10.0.1.10:9 > 10.0.2.20:53", "allow new")
        .Wait(29.9).Send("udp 10.0.2.20:53 > 10.0.1.10:9", "allow established")
        .Wait(30).Send("udp 10.0.2.20:53 > 10.0.1.10:9", "deny VPCE_INTRA_VPC_TRAFFIC -");

    [Fact]
    public void IFE_04_An_endpoint_answers_no_ping() => new Scenario(Endpoint("in all 0.0.0.0/0"))
        .Send("icmp 10.0.1.10 > 10.0.2.20 8/0 id 7", "allow new")
        .Send("icmp 10.0.2.20 > 10.0.1.10 0/0 id 7", "deny VPCE_INTRA_VPC_TRAFFIC -", "eni-e", "eni-e", "-")
        .Send("udp 10.0.1.10:9 > 10.0.2.20:53", "allow new")
        .Send("icmp 10.0.2.20 > 10.0.1.10 3/4 quoting udp 10.0.1.10:9 > 10.0.2.20:53", "allow related")
        .Send("icmp 10.0.2.20 > 10.0.1.10 3/4 quoting udp 10.0.1.10:8 > 10.0.2.20:53", "deny VPCE_INTRA_VPC_TRAFFIC -");
}
