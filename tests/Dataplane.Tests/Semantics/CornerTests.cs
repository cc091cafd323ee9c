using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Semantics;

/// <summary>Corners that mutants of the interpreter survived in: each line here is one that no other statement's test notices.</summary>
public sealed class CornerTests
{
    private const string Ask = "udp 10.0.1.10:9 > 10.0.2.20:53";
    private const string Answer = "udp 10.0.2.20:53 > 10.0.1.10:9";

    /// <summary>Interfaces that forget a stream after 60 s, so that its packets are judged anew while causal memory still knows it.</summary>
    private const string Impatient = """
        vpc vpc-1 10.0.0.0/16
        subnet sub-a vpc-1 10.0.1.0/24
        subnet sub-b vpc-1 10.0.2.0/24
        eni eni-a sub-a 10.0.1.10 sg=sg-a timers=350/60/30
        eni eni-b sub-b 10.0.2.20 sg=sg-b timers=350/60/30
        sg sg-a vpc-1
          out udp 53 10.0.0.0/16
        sg sg-b vpc-1
          in udp 53 10.0.0.0/16
        """;

    private const string NoAnswer = "deny ENI_SG_RULES_MISMATCH sg-b/egress/none";

    /// <summary>What is still remembered was allowed once, so the request is judged; what is forgotten knows the denied answer alone, and the request is moot.</summary>
    [Theory]
    [InlineData("two each way", "aAaA", 179.999, "allow new sg-b/ingress/1")]
    [InlineData("and 180 seconds", "aAaA", 180, "moot")]
    [InlineData("one answer only", "aAa", 29.999, "allow established")]
    [InlineData("one answer only, and 30 seconds", "aAa", 30, "moot")]
    [InlineData("one request only, and 30 seconds", "aAA", 30, "moot")]
    public void R_15_Datagrams_are_remembered_180_seconds_once_two_were_allowed_each_way(string shows, string talk, double idle, string then)
    {
        Scenario scenario = new(Impatient);
        foreach (char packet in talk)
        {
            scenario.Send(packet == 'a' ? Ask : Answer, "allow");
        }

        scenario.Wait(idle);
        if (idle >= 30)
        {
            scenario.Send(Answer, NoAnswer);
        }

        scenario.Send(PacketText.Parse(Ask), shows, then);
    }

    [Fact]
    public void R_14_A_forgotten_connection_stays_forgotten_when_time_runs_back() => new Scenario(Impatient)
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:80 S", "deny ENI_SG_RULES_MISMATCH sg-a/egress/none")
        .Wait(432_000).Send("tcp 10.0.2.20:80 > 10.0.1.10:9 SA", NoAnswer)
        .Wait(-1).Send("tcp 10.0.2.20:80 > 10.0.1.10:9 SA", NoAnswer);

    [Theory]
    [InlineData("sg-1+sg-2", OverlapPolicy.Untracked, "allow untracked sg-1/ingress/1")]
    [InlineData("sg-2+sg-3", OverlapPolicy.Untracked, "allow untracked sg-2/ingress/1")]
    [InlineData("sg-1+sg-2", OverlapPolicy.Tracked, "allow new sg-1/ingress/1")]
    [InlineData("sg-2+sg-3", OverlapPolicy.Tracked, "allow new sg-2/ingress/1")]
    [InlineData("sg-1+sg-3", OverlapPolicy.Tracked, "allow untracked sg-1/ingress/1")]
    [InlineData("sg-1+sg-2+sg-4", OverlapPolicy.Tracked, "allow new sg-1/ingress/1")]
    public void CT_08_R_12_Wide_and_narrow_rules_of_several_groups_count_together(string groups, OverlapPolicy overlap, string verdict) => new Scenario(
        $"""
        vpc vpc-1 10.0.0.0/16
        subnet sub-a vpc-1 10.0.1.0/24
        subnet sub-b vpc-1 10.0.2.0/24
        eni eni-a sub-a 10.0.1.10 sg=sg-a
        eni eni-b sub-b 10.0.2.20 sg={groups}
        sg sg-a vpc-1
          out tcp 443 10.0.0.0/16
        sg sg-1 vpc-1
          in tcp 443 0.0.0.0/0
          out all 0.0.0.0/0
        sg sg-2 vpc-1
          in tcp 443 10.0.0.0/16
        sg sg-3 vpc-1
          in tcp 443 0.0.0.0/0
          out all 0.0.0.0/0
        sg sg-4 vpc-1
          in tcp 443 10.0.1.0/24
        """,
        new JudgeOptions { Overlap = overlap })
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 S", verdict);

    [Fact]
    public void SG_39_Mail_inside_the_primary_block_passes_and_to_a_secondary_block_it_does_not() => new Scenario(
        """
        vpc vpc-1 2001:db8:1::/56 203.1.0.0/16 203.2.0.0/16
        subnet sub-a vpc-1 203.1.1.0/24
        subnet sub-b vpc-1 203.1.2.0/24
        subnet sub-c vpc-1 203.2.1.0/24
        eni eni-a sub-a 203.1.1.10 sg=sg-a
        eni eni-b sub-b 203.1.2.20 sg=sg-a
        eni eni-c sub-c 203.2.1.30 sg=sg-a
        sg sg-a vpc-1
          in tcp 25 203.0.0.0/8
          out tcp 25 203.0.0.0/8
        """,
        new JudgeOptions { BlockPort25 = true })
        .Send("tcp 203.1.1.10:9 > 203.1.2.20:25 S", "allow new sg-a/ingress/1")
        .Send("tcp 203.1.1.10:9 > 203.2.1.30:25 S", "deny PORT_25_BLOCKED");

    [Fact]
    public void R_31_Of_several_internet_gateways_traffic_enters_by_the_lowest_id() => new Scenario(
        """
        vpc vpc-1 10.0.0.0/16
        igw igw-2 vpc-1
        igw igw-1 vpc-1
        igw igw-3 vpc-1
        subnet sub-a vpc-1 10.0.1.0/24
        eni eni-a sub-a 10.0.1.10=203.0.113.10 sg=sg-a
        sg sg-a vpc-1
          in tcp 80 0.0.0.0/0
        """)
        .Send("tcp 198.51.100.1:9 > 203.0.113.10:80 S", "allow new sg-a/ingress/1", null, "igw-1", "eni-a");

    [Fact]
    public void R_09_A_side_that_repeats_its_FIN_has_still_sent_it() => new Scenario(
        """
        vpc vpc-1 10.0.0.0/16
        subnet sub-a vpc-1 10.0.1.0/24
        eni eni-a sub-a 10.0.1.10 sg=sg-a
        eni eni-b sub-a 10.0.1.20 sg=sg-b
        sg sg-a vpc-1
          out tcp 80 10.0.0.0/16
        sg sg-b vpc-1
          in tcp 80 10.0.0.0/16
        """)
        .Send("tcp 10.0.1.10:9 > 10.0.1.20:80 S", "allow new")
        .Send("tcp 10.0.1.20:80 > 10.0.1.10:9 SA", "allow established")
        .Send("tcp 10.0.1.10:9 > 10.0.1.20:80 A", "allow established")
        .Send("tcp 10.0.1.10:9 > 10.0.1.20:80 FA", "allow established")
        .Send("tcp 10.0.1.10:9 > 10.0.1.20:80 FA", "allow established")
        .Send("tcp 10.0.1.20:80 > 10.0.1.10:9 FA", "allow established")
        .Send("tcp 10.0.1.20:80 > 10.0.1.10:9 FA", "allow established")
        .Send("tcp 10.0.1.10:9 > 10.0.1.20:80 S", "allow new");
}
