using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Semantics;

/// <summary>Moot: packets that could not exist, because what caused them was denied (contract 5, R-13 to R-17).</summary>
public sealed class CausalTests
{
    private const string Ground = """
        vpc vpc-1 10.0.0.0/16
        igw igw-1 vpc-1
        subnet sub-a vpc-1 10.0.1.0/24 rtb=rtb-a
        subnet sub-b vpc-1 10.0.2.0/24 rtb=rtb-a acl=acl-b
        eni eni-a sub-a 10.0.1.10=203.0.113.10 sg=sg-a
        eni eni-b sub-b 10.0.2.20=203.0.113.20 sg=sg-b
        sg sg-a vpc-1
          out all 0.0.0.0/0
        sg sg-b vpc-1
          in tcp 443-444 0.0.0.0/0
          in udp 53-54 0.0.0.0/0
          in icmp 3/* 0.0.0.0/0
          in 47 10.0.1.11/32
          out all 0.0.0.0/0
        acl acl-b vpc-1
          in 100 allow all 0.0.0.0/0
          out 90 deny tcp 40444 0.0.0.0/0
          out 91 deny udp 40054 0.0.0.0/0
          out 100 allow all 0.0.0.0/0
        rtb rtb-a vpc-1
          0.0.0.0/0 igw-1

        """;

    [Fact]
    public void Contract_5_After_a_denied_SYN_all_but_SYNs_are_moot_until_one_is_allowed() => new Scenario(Ground)
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:80 S", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("tcp 10.0.2.20:80 > 10.0.1.10:9 SA", "moot", "", "eni-b", "-")
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:80 A", "moot", "", "eni-a", "-")
        .Send("tcp 10.0.2.20:80 > 10.0.1.10:9 FA", "moot")
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:80 R", "moot")
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:80 S", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("tcp 10.0.2.20:80 > 10.0.1.10:9 S", "deny ENI_SG_RULES_MISMATCH sg-a/ingress/none")
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:80 A", "moot");

    [Fact]
    public void Contract_5_R_17_A_later_allowed_SYN_ends_it() => new Scenario(Ground + """
        sg sg-c vpc-1
          in all 10.0.2.0/24
        eni eni-c sub-a 10.0.1.30 sg=sg-c
        """)
        .Send("tcp 10.0.1.30:9 > 10.0.2.20:443 S", "deny ENI_SG_RULES_MISMATCH sg-c/egress/none")
        .Send("tcp 10.0.2.20:443 > 10.0.1.30:9 SA", "moot")
        .Send("tcp 10.0.2.20:443 > 10.0.1.30:9 S", "allow new sg-c/ingress/1")
        .Send("tcp 10.0.1.30:9 > 10.0.2.20:443 SA", "allow established tracked sg-b/egress/1")
        .Send("tcp 10.0.2.20:443 > 10.0.1.30:9 A", "allow established tracked sg-c/ingress/1");

    [Fact]
    public void Contract_5_R_17_After_a_denied_SYN_ACK_all_but_SYN_and_SYN_ACK_are_moot_until_a_SYN_ACK_is_allowed() => new Scenario(Ground)
        .Send("tcp 10.0.1.10:40444 > 10.0.2.20:443 S", "allow untracked")
        .Send("tcp 10.0.2.20:443 > 10.0.1.10:40444 SA", "deny SUBNET_ACL_RESTRICTION acl-b/egress/90")
        .Send("tcp 10.0.1.10:40444 > 10.0.2.20:443 A", "moot", "", "eni-a")
        .Send("tcp 10.0.2.20:443 > 10.0.1.10:40444 A", "moot", "", "eni-b")
        .Send("tcp 10.0.1.10:40444 > 10.0.2.20:443 S", "allow untracked")
        .Send("tcp 10.0.1.10:40444 > 10.0.2.20:443 A", "moot")
        .Send("tcp 10.0.1.10:40444 > 10.0.2.20:443 SA", "allow untracked")
        .Send("tcp 10.0.1.10:40444 > 10.0.2.20:443 A", "allow untracked");

    [Fact]
    public void R_17_Without_an_allowed_SYN_a_denied_packet_makes_nothing_moot() => new Scenario(Ground)
        .Send("tcp 10.0.2.20:443 > 10.0.1.10:40444 SA", "deny SUBNET_ACL_RESTRICTION acl-b/egress/90")
        .Send("tcp 10.0.1.10:40444 > 10.0.2.20:443 A", "allow untracked")
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:80 A", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("tcp 10.0.2.20:80 > 10.0.1.10:9 A", "deny ENI_SG_RULES_MISMATCH sg-a/ingress/none");

    [Fact]
    public void R_13_The_key_knows_public_addresses_as_the_private_ones() => new Scenario(Ground)
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:80 S", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("tcp 203.0.113.20:80 > 203.0.113.10:9 SA", "moot", "", "eni-b", "-");

    [Fact]
    public void R_14_A_connection_is_remembered_for_five_days() => new Scenario(Ground)
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:80 S", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Wait(431_999.999).Send("tcp 10.0.2.20:80 > 10.0.1.10:9 SA", "moot")
        .Wait(0.001).Send("tcp 10.0.2.20:80 > 10.0.1.10:9 SA", "deny ENI_SG_RULES_MISMATCH sg-a/ingress/none");

    [Fact]
    public void Contract_5_R_15_Against_a_denied_direction_a_datagram_is_moot_while_none_was_allowed() => new Scenario(Ground)
        .Send("udp 10.0.1.10:9 > 10.0.2.20:99", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("udp 10.0.2.20:99 > 10.0.1.10:9", "moot", "", "eni-b", "-")
        .Send("udp 10.0.1.10:9 > 10.0.2.20:99", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Wait(29.999).Send("udp 10.0.2.20:99 > 10.0.1.10:9", "moot")
        .Wait(0.001).Send("udp 10.0.2.20:99 > 10.0.1.10:9", "deny ENI_SG_RULES_MISMATCH sg-a/ingress/none")
        .Send("udp 10.0.1.10:9 > 10.0.2.20:99", "moot", "", "eni-a", "-");

    [Fact]
    public void R_15_Once_a_packet_was_allowed_nothing_of_the_flow_is_moot() => new Scenario(Ground)
        .Send("udp 10.0.1.10:40054 > 10.0.2.20:54", "allow untracked")
        .Send("udp 10.0.2.20:54 > 10.0.1.10:40054", "deny SUBNET_ACL_RESTRICTION acl-b/egress/91")
        .Send("udp 10.0.1.10:40054 > 10.0.2.20:54", "allow untracked");

    [Fact]
    public void R_15_Another_protocol_is_idle_after_600_seconds() => new Scenario(Ground)
        .Send("proto 47 10.0.1.10 > 10.0.2.20", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Wait(599.999).Send("proto 47 10.0.2.20 > 10.0.1.10", "moot")
        .Wait(0.001).Send("proto 47 10.0.2.20 > 10.0.1.10", "deny ENI_SG_RULES_MISMATCH sg-a/ingress/none");

    [Fact]
    public void R_15_A_request_is_never_moot_and_its_reply_is() => new Scenario(Ground)
        .Send("icmp 10.0.1.10 > 10.0.2.20 8/0 id 7", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("icmp 10.0.2.20 > 10.0.1.10 0/0 id 7", "moot", "", "eni-b", "-")
        .Send("icmp 10.0.2.20 > 10.0.1.10 0/0 id 8", "deny ENI_SG_RULES_MISMATCH sg-a/ingress/none")
        .Send("icmp 10.0.1.10 > 10.0.2.20 8/0 id 8", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("icmp 10.0.2.20 > 10.0.1.10 8/0 id 7", "deny ENI_SG_RULES_MISMATCH sg-a/ingress/none")
        .Wait(30).Send("icmp 10.0.2.20 > 10.0.1.10 0/0 id 7", "deny ENI_SG_RULES_MISMATCH sg-a/ingress/none");

    [Fact]
    public void R_16_An_error_about_a_denied_flow_is_moot() => new Scenario(Ground)
        .Send("icmp 10.0.1.10 > 10.0.2.20 3/3 quoting udp 10.0.2.20:99 > 10.0.1.10:9", "allow - sg-b/ingress/3")
        .Send("udp 10.0.1.10:9 > 10.0.2.20:99", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("icmp 10.0.2.20 > 10.0.1.10 3/3 quoting udp 10.0.1.10:9 > 10.0.2.20:99", "moot", "", "eni-b", "-")
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:80 S", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("icmp 10.0.2.20 > 10.0.1.10 3/3 quoting tcp 10.0.1.10:9 > 10.0.2.20:80 S", "moot", "", "eni-b", "-")
        .Send("icmp 10.0.2.20 > 10.0.1.10 3/3 quoting tcp 10.0.1.10:9 > 10.0.2.20:81 S", "deny ENI_SG_RULES_MISMATCH sg-a/ingress/none")
        .Wait(30).Send("icmp 10.0.2.20 > 10.0.1.10 3/3 quoting udp 10.0.1.10:9 > 10.0.2.20:99", "deny ENI_SG_RULES_MISMATCH sg-a/ingress/none");

    [Fact]
    public void R_01_Contract_5_A_moot_packet_refreshes_nothing() => new Scenario(Ground)
        .Send("udp 10.0.1.10:9 > 10.0.2.20:99", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Wait(20).Send("udp 10.0.2.20:99 > 10.0.1.10:9", "moot")
        .Wait(10).Send("udp 10.0.2.20:99 > 10.0.1.10:9", "deny ENI_SG_RULES_MISMATCH sg-a/ingress/none");

    [Fact]
    public void Contract_5_Without_causal_memory_everything_is_judged() => new Scenario(Ground, new JudgeOptions { Causal = false })
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:80 S", "deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("tcp 10.0.2.20:80 > 10.0.1.10:9 SA", "deny ENI_SG_RULES_MISMATCH sg-a/ingress/none");
}
