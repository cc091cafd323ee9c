using System.Linq;
using Dataplane.Compiler;
using Dataplane.Engine;
using Dataplane.Flows;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Fabric;

/// <summary>Which packets walk and which are answered by a decision that an earlier walk kept: records do not show it, speed and stale answers would.</summary>
public sealed class KeptDecisionTests
{
    /// <summary>A server that the internet calls, a client beside it in another subnet.</summary>
    private const string Ground = """
        vpc vpc-1 10.0.0.0/16
        igw igw-1 vpc-1
        subnet sub-a vpc-1 10.0.1.0/24 rtb=rtb-a
        subnet sub-b vpc-1 10.0.2.0/24 rtb=rtb-a
        eni eni-a sub-a 10.0.1.10=203.0.113.10 sg=sg-a
        eni eni-b sub-b 10.0.2.20=203.0.113.20 sg=sg-b
        sg sg-a vpc-1
          out tcp 443 0.0.0.0/0
          out udp 53 0.0.0.0/0
          out icmp 8/* 0.0.0.0/0
        sg sg-b vpc-1
          in tcp 443 0.0.0.0/0
          in udp 53 0.0.0.0/0
          in icmp 8/* 0.0.0.0/0
        rtb rtb-a vpc-1
          0.0.0.0/0 igw-1

        """;

    /// <summary>The same with two groups at the server and a list of its subnet's.</summary>
    private static readonly string Listed = Ground
        .Replace("10.0.2.0/24 rtb=rtb-a", "10.0.2.0/24 rtb=rtb-a acl=acl-b", System.StringComparison.Ordinal)
        .Replace("sg=sg-b", "sg=sg-b+sg-c", System.StringComparison.Ordinal) + """
        sg sg-c vpc-1
          in tcp 8080 0.0.0.0/0
        acl acl-b vpc-1
          in 90 deny all 198.51.100.1/32
          in 91 deny all 198.51.100.2/32
          in 92 allow all 198.51.100.4/32
          in 93 allow all 198.51.100.5/32
          out 100 allow all 0.0.0.0/0

        """;

    [Fact]
    public void The_first_packet_of_each_direction_walks_and_all_others_are_answered_at_once() => new Talk(Ground)
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 S", "walk allow new sg-b/ingress/1")
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 S", "kept allow established tracked sg-b/ingress/1")
        .Send("tcp 10.0.2.20:443 > 10.0.1.10:9 SA", "walk allow established tracked sg-a/egress/1")
        .Send("tcp 10.0.2.20:443 > 10.0.1.10:9 SA", "kept allow established tracked sg-a/egress/1")
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 A", "kept allow established tracked sg-b/ingress/1")
        .Send("tcp 10.0.1.10:8 > 10.0.2.20:443 S", "like allow new sg-b/ingress/1")
        .Send("tcp 10.0.1.10:8 > 10.0.2.20:443 A", "kept allow established tracked sg-b/ingress/1");

    /// <summary>Which rules admitted it, of which protocol it is, which way it runs, how it spells the ends and what it asks: all of that it has in common with one before it.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_first_packet_that_rules_admit_as_one_before_it_does_not_walk(bool causal) => new Talk(Ground, new JudgeOptions { Causal = causal })
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 S", "walk allow new sg-b/ingress/1")
        .Send("tcp 10.0.1.10:8 > 10.0.2.20:443 S", "like allow new sg-b/ingress/1")
        .Send("tcp 10.0.2.20:443 > 10.0.1.10:8 SA", "walk allow established tracked sg-a/egress/1")
        .Send("tcp 10.0.1.10:8 > 10.0.2.20:443 A", "kept allow established tracked sg-b/ingress/1")
        .Send("udp 10.0.1.10:8 > 10.0.2.20:53", "walk allow new sg-b/ingress/2")
        .Send("udp 10.0.1.10:7 > 10.0.2.20:53", "like allow new sg-b/ingress/2")
        .Send("udp 10.0.2.20:53 > 10.0.1.10:7", "walk allow established tracked sg-a/egress/2")
        .Send("icmp 10.0.1.10 > 10.0.2.20 8/0 id 7", "walk allow new sg-b/ingress/3")
        .Send("icmp 10.0.1.10 > 10.0.2.20 8/0 id 8", "like allow new sg-b/ingress/3")
        .Send("icmp 10.0.1.10 > 10.0.2.20 8/1 id 9", "walk allow new sg-b/ingress/3")
        .Send("icmp 10.0.2.20 > 10.0.1.10 0/0 id 8", "walk allow established tracked sg-a/egress/3")
        .Send("tcp 198.51.100.1:9 > 203.0.113.20:443 S", "walk allow new sg-b/ingress/1")
        .Send("tcp 198.51.100.2:9 > 203.0.113.20:443 S", "like allow new sg-b/ingress/1")
        .Send("tcp 9.9.9.9:9 > 203.0.113.20:443 S", "walk allow new sg-b/ingress/1")    // the other end is the lower one
        .Send("tcp 198.51.100.2:9 > 203.0.113.20:443 S", "kept allow established tracked sg-b/ingress/1")
        .Send("tcp 203.0.113.20:443 > 198.51.100.2:9 SA", "walk allow established rtb-a/0.0.0.0/0");

    /// <summary>CT-02: one rule for all protocols, an answer to any TCP: so TCP is untracked, and UDP is not.</summary>
    [Fact]
    public void CT_02_What_one_protocol_makes_is_no_precedent_for_another() => new Talk(Ground.Replace("out tcp 443 0.0.0.0/0", "out all 0.0.0.0/0\n  in tcp 0-65535 0.0.0.0/0", System.StringComparison.Ordinal))
        .Send("tcp 10.0.1.10:9 > 198.51.100.1:443 S", "walk allow untracked rtb-a/0.0.0.0/0")
        .Send("tcp 10.0.1.10:8 > 198.51.100.1:443 S", "like allow untracked rtb-a/0.0.0.0/0")
        .Send("udp 10.0.1.10:9 > 198.51.100.1:443", "walk allow new rtb-a/0.0.0.0/0")
        .Send("udp 10.0.1.10:8 > 198.51.100.1:443", "like allow new rtb-a/0.0.0.0/0");

    [Fact]
    public void A_first_packet_for_which_there_is_no_room_is_denied_whatever_became_of_one_before_it() => new Talk(Ground, new JudgeOptions { Causal = false, MaxFlows = 2 })
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 S", "walk allow new sg-b/ingress/1")
        .Send("tcp 10.0.1.10:8 > 10.0.2.20:443 S", "like allow new sg-b/ingress/1")
        .Send("tcp 10.0.1.10:7 > 10.0.2.20:443 S", "walk deny TRACKING_TABLE_FULL ")
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 A", "kept allow established tracked sg-b/ingress/1");

    [Fact]
    public void TCP_that_is_in_its_middle_has_no_precedent_where_that_is_refused() => new Talk(Ground, new JudgeOptions { Causal = false, Midstream = MidstreamPolicy.Drop })
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 S", "walk allow new sg-b/ingress/1")
        .Send("tcp 10.0.1.10:8 > 10.0.2.20:443 A", "walk deny ENI_SG_RULES_MISMATCH sg-a/egress/none")
        .Send("tcp 10.0.1.10:8 > 10.0.2.20:443 S", "like allow new sg-b/ingress/1");

    [Fact]
    public void A_packet_that_is_moot_has_no_precedent() => new Talk(Ground, JudgeOptions.Default)
        .Send("tcp 198.51.100.1:9 > 203.0.113.20:443 S", "walk allow new sg-b/ingress/1")
        .Send("tcp 198.51.100.2:9 > 203.0.113.20:80 S", "walk deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("tcp 198.51.100.2:9 > 203.0.113.20:80 A", "none moot none ")
        .Send("tcp 203.0.113.20:80 > 198.51.100.2:9 SA", "none moot none ")
        .Send("tcp 198.51.100.2:9 > 203.0.113.20:80 S", "like deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("tcp 198.51.100.3:9 > 203.0.113.20:443 S", "like allow new sg-b/ingress/1");

    [Fact]
    public void A_packet_that_rules_deny_as_one_before_it_does_not_walk() => new Talk(Ground)
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:80 S", "walk deny ENI_SG_RULES_MISMATCH sg-a/egress/none")
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:80 S", "like deny ENI_SG_RULES_MISMATCH sg-a/egress/none")
        .Send("udp 10.0.1.10:8 > 10.0.2.20:81", "like deny ENI_SG_RULES_MISMATCH sg-a/egress/none")
        .Send("icmp 10.0.1.10 > 10.0.2.20 13/0 id 7", "like deny ENI_SG_RULES_MISMATCH sg-a/egress/none")
        .Send("tcp 198.51.100.1:9 > 203.0.113.20:80 S", "walk deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("tcp 198.51.100.2:9 > 203.0.113.20:81 S", "like deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("tcp 198.51.100.2:9 > 203.0.113.20:443 S", "walk allow new sg-b/ingress/1")
        .Send("tcp 198.51.100.2:9 > 203.0.113.10:443 S", "walk deny ENI_SG_RULES_MISMATCH sg-a/ingress/none")
        .Send("tcp 198.51.100.2:9 > 203.0.113.10:443 S", "like deny ENI_SG_RULES_MISMATCH sg-a/ingress/none");

    /// <summary>Which entry of the list decided is a part of what a packet has in common with one before it.</summary>
    [Fact]
    public void Another_rule_that_denies_is_another_likeness() => new Talk(Listed)
        .Send("tcp 198.51.100.1:9 > 203.0.113.20:443 S", "walk deny SUBNET_ACL_RESTRICTION acl-b/ingress/90")
        .Send("tcp 198.51.100.1:8 > 203.0.113.20:443 S", "like deny SUBNET_ACL_RESTRICTION acl-b/ingress/90")
        .Send("tcp 198.51.100.2:9 > 203.0.113.20:443 S", "walk deny SUBNET_ACL_RESTRICTION acl-b/ingress/91")
        .Send("tcp 198.51.100.3:9 > 203.0.113.20:443 S", "walk deny SUBNET_ACL_RESTRICTION acl-b/ingress/*")
        .Send("tcp 198.51.100.4:9 > 203.0.113.20:443 S", "walk allow new sg-b/ingress/1")
        .Send("tcp 198.51.100.4:9 > 203.0.113.20:444 S", "walk deny ENI_SG_RULES_MISMATCH sg-b+sg-c/ingress/none")
        .Send("tcp 198.51.100.5:9 > 203.0.113.20:444 S", "walk deny ENI_SG_RULES_MISMATCH sg-b+sg-c/ingress/none")    // let through by another entry
        .Send("tcp 198.51.100.5:9 > 203.0.113.20:445 S", "like deny ENI_SG_RULES_MISMATCH sg-b+sg-c/ingress/none")
        .Send("tcp 198.51.100.5:9 > 203.0.113.20:8080 S", "walk allow new sg-c/ingress/1")    // the second group's
        .Send("tcp 198.51.100.2:7 > 203.0.113.20:443 S", "like deny SUBNET_ACL_RESTRICTION acl-b/ingress/91");

    /// <summary>What the first interface's groups admit is tracked there, for which there may be no room and which a policy may refuse: the lists behind it are the walk's to ask.</summary>
    [Fact]
    public void Behind_an_interface_that_admits_a_packet_each_one_walks() => new Talk(Listed)
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 S", "walk deny SUBNET_ACL_RESTRICTION acl-b/ingress/*")
        .Send("tcp 10.0.1.10:8 > 10.0.2.20:443 S", "walk deny SUBNET_ACL_RESTRICTION acl-b/ingress/*");

    /// <summary>The allow of a list's entry is an answer too: which of them let a packet through stands in its path.</summary>
    [Fact]
    public void Another_rule_that_admits_is_another_likeness() => new Talk(Listed)
        .Send("tcp 198.51.100.4:9 > 203.0.113.20:443 S", "walk allow new sg-b/ingress/1")
        .Send("tcp 198.51.100.4:8 > 203.0.113.20:443 S", "like allow new sg-b/ingress/1")
        .Send("tcp 198.51.100.5:9 > 203.0.113.20:443 S", "walk allow new sg-b/ingress/1")
        .Send("tcp 198.51.100.5:8 > 203.0.113.20:443 S", "like allow new sg-b/ingress/1")
        .Send("tcp 198.51.100.4:7 > 203.0.113.20:8080 S", "walk allow new sg-c/ingress/1")
        .Send("tcp 198.51.100.4:6 > 203.0.113.20:8080 S", "like allow new sg-c/ingress/1");

    /// <summary>More pairs of hosts than courses have places (8,192), so that most are surveyed anew: that too takes no memory once all places were in use.</summary>
    [Fact]
    public void A_scan_of_more_hosts_than_courses_have_places_allocates_nothing()
    {
        const int Hosts = 120;
        string topology = Ground + string.Concat(Enumerable.Range(0, Hosts).Select(i => $"eni eni-x{i} sub-b 10.0.2.{i + 100} sg=sg-b\n"));
        EngineJudge judge = NetworkEngine.Build(NetworkBuilder.Network(topology), new JudgeOptions { Causal = false }).Judge;
        PacketBlock block = new();
        long allocated = 0;
        for (int pass = 0; pass < 4; pass++)
        {
            allocated = 0;
            for (int from = 0; from < Hosts; from++)
            {
                block.Reset();
                for (int to = 0; to < Hosts; to++)
                {
                    _ = block.Add(0, 0, 60, LinkType.Raw, 0);
                    block.Headers[to] = PacketText.Parse($"tcp 10.0.2.{from + 100}:9 > 10.0.2.{to + 100}:80 S").Headers;
                }

                long before = System.GC.GetAllocatedBytesForCurrentThread();
                judge.Judge(block);
                allocated += System.GC.GetAllocatedBytesForCurrentThread() - before;
            }
        }

        Assert.Equal((long)Hosts * Hosts * 4, judge.Counters.Packets[(int)Verdict.Deny]);
        Assert.Equal(0, allocated);
    }

    /// <summary>A flow that rules refused twice is known by its key, direction, spelling and flags; no other packet is taken for it.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_refused_again_and_again_is_refused_by_one_look(bool causal) => new Talk(Ground, new JudgeOptions { Causal = causal })
        .Send("udp 198.51.100.1:9 > 203.0.113.20:80", "walk deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("udp 198.51.100.1:9 > 203.0.113.20:80", "like deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("udp 198.51.100.1:9 > 203.0.113.20:80", "like deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("udp 198.51.100.1:9 > 203.0.113.20:80", "again deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("udp 198.51.100.1:9 > 203.0.113.20:81", "like deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("udp 198.51.100.1:9 > 203.0.113.20:80", "again deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("udp 198.51.100.1:9 > 203.0.113.20:53", "walk allow new sg-b/ingress/2")
        .Send("tcp 198.51.100.1:9 > 203.0.113.10:80 S", "walk deny ENI_SG_RULES_MISMATCH sg-a/ingress/none")
        .Send("tcp 198.51.100.1:9 > 203.0.113.10:80 S", "like deny ENI_SG_RULES_MISMATCH sg-a/ingress/none")
        .Send("tcp 198.51.100.1:9 > 203.0.113.10:80 S", "like deny ENI_SG_RULES_MISMATCH sg-a/ingress/none")
        .Send("tcp 198.51.100.1:9 > 203.0.113.10:80 S", "again deny ENI_SG_RULES_MISMATCH sg-a/ingress/none")
        .Send("tcp 198.51.100.1:9 > 10.0.1.10:80 S", "walk deny ENI_SG_RULES_MISMATCH sg-a/ingress/none");    // the private spelling has a course of its own

    [Fact]
    public void Another_topology_refuses_by_its_own_rules() => new Talk(Ground)
        .Send("udp 198.51.100.1:9 > 203.0.113.20:80", "walk deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("udp 198.51.100.1:9 > 203.0.113.20:80", "like deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("udp 198.51.100.1:9 > 203.0.113.20:80", "like deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Send("udp 198.51.100.1:9 > 203.0.113.20:80", "again deny ENI_SG_RULES_MISMATCH sg-b/ingress/none")
        .Adopt(Ground.Replace("in udp 53", "in udp 80", System.StringComparison.Ordinal))
        .Send("udp 198.51.100.1:9 > 203.0.113.20:80", "walk allow new sg-b/ingress/2")
        .Send("udp 198.51.100.1:9 > 203.0.113.20:80", "kept allow established tracked sg-b/ingress/2");

    /// <summary>A flow that got an entry meanwhile is its rules' no more.</summary>
    [Fact]
    public void A_refused_answer_of_a_flow_that_is_tracked_by_now_is_let_through() => new Talk(Ground)
        .Send("udp 203.0.113.20:443 > 10.0.1.10:53", "walk deny ENI_SG_RULES_MISMATCH sg-b/egress/none")
        .Send("tcp 10.0.2.20:443 > 10.0.1.10:9 A", "walk deny ENI_SG_RULES_MISMATCH sg-b/egress/none")
        .Send("tcp 10.0.2.20:443 > 10.0.1.10:9 A", "like deny ENI_SG_RULES_MISMATCH sg-b/egress/none")
        .Send("tcp 10.0.2.20:443 > 10.0.1.10:9 A", "like deny ENI_SG_RULES_MISMATCH sg-b/egress/none")
        .Send("tcp 10.0.2.20:443 > 10.0.1.10:9 A", "again deny ENI_SG_RULES_MISMATCH sg-b/egress/none")
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 S", "walk allow new sg-b/ingress/1")
        .Send("tcp 10.0.2.20:443 > 10.0.1.10:9 A", "walk allow established tracked sg-a/egress/1");

    /// <summary>Fragments and errors have more to say than their course, and a packet of a flow with an entry has slots.</summary>
    [Fact]
    public void Only_whole_packets_without_an_entry_are_denied_like_others() => new Talk(Ground)
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 S", "walk allow new sg-b/ingress/1")
        .Send("tcp 198.51.100.1:9 > 203.0.113.10:80 S", "walk deny ENI_SG_RULES_MISMATCH sg-a/ingress/none")
        .Send("udp 198.51.100.1:9 > 203.0.113.10:80 first 7", "walk deny ENI_SG_RULES_MISMATCH sg-a/ingress/none")
        .Send("udp 198.51.100.1:9 > 203.0.113.10:80", "like deny ENI_SG_RULES_MISMATCH sg-a/ingress/none");

    [Fact]
    public void A_client_behind_a_gateway_and_its_answers_that_a_remembered_flow_places() => new Talk(Ground)
        .Send("udp 10.0.1.10:9 > 198.51.100.1:53", "walk allow new rtb-a/0.0.0.0/0")
        .Send("udp 10.0.1.10:9 > 198.51.100.1:53", "kept allow established rtb-a/0.0.0.0/0")
        .Send("udp 198.51.100.1:53 > 203.0.113.10:9", "walk allow established tracked sg-a/egress/2")
        .Send("udp 198.51.100.1:53 > 203.0.113.10:9", "kept allow established tracked sg-a/egress/2")
        .Send("udp 10.0.1.10:9 > 198.51.100.1:53", "kept allow established rtb-a/0.0.0.0/0");

    [Fact]
    public void By_which_gateway_an_answer_leaves_is_nothing_to_the_other_direction() => new Talk(Ground)
        .Send("tcp 198.51.100.1:9 > 203.0.113.20:443 S", "walk allow new sg-b/ingress/1")
        .Send("tcp 198.51.100.1:9 > 203.0.113.20:443 S", "kept allow established tracked sg-b/ingress/1")
        .Send("tcp 10.0.2.20:443 > 198.51.100.1:9 SA", "walk allow established rtb-a/0.0.0.0/0")
        .Send("tcp 198.51.100.1:9 > 203.0.113.20:443 A", "kept allow established tracked sg-b/ingress/1")
        .Send("tcp 198.51.100.1:9 > 203.0.113.20:443 A", "kept allow established tracked sg-b/ingress/1")
        .Send("tcp 10.0.2.20:443 > 198.51.100.1:9 A", "kept allow established rtb-a/0.0.0.0/0");

    [Fact]
    public void A_query_and_its_replies_are_kept_by_type_and_code() => new Talk(Ground)
        .Send("icmp 10.0.1.10 > 10.0.2.20 8/0 id 7", "walk allow new sg-b/ingress/3")
        .Send("icmp 10.0.1.10 > 10.0.2.20 8/0 id 7", "kept allow established tracked sg-b/ingress/3")
        .Send("icmp 10.0.2.20 > 10.0.1.10 0/0 id 7", "walk allow established tracked sg-a/egress/3")
        .Send("icmp 10.0.2.20 > 10.0.1.10 0/0 id 7", "kept allow established tracked sg-a/egress/3")
        .Send("icmp 10.0.1.10 > 10.0.2.20 8/1 id 7", "walk allow established tracked sg-b/ingress/3");

    /// <summary>The public address is another alias of the same flow: a decision for one is none for the other.</summary>
    [Fact]
    public void Each_spelling_of_an_address_has_its_own_decision() => new Talk(Ground)
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 S", "walk allow new sg-b/ingress/1")
        .Send("tcp 10.0.1.10:9 > 203.0.113.20:443 S", "walk allow new sg-b/ingress/1")
        .Send("tcp 10.0.1.10:9 > 203.0.113.20:443 A", "kept allow established tracked sg-b/ingress/1")
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 A", "walk allow established tracked sg-b/ingress/1")
        .Send("tcp 10.0.1.10:9 > 10.0.2.20:443 A", "kept allow established tracked sg-b/ingress/1")
        .Send("tcp 10.0.1.10:9 > 203.0.113.20:443 A", "walk allow established tracked sg-b/ingress/1");

    [Fact]
    public void An_untracked_flow_is_kept_too_for_its_rules_cannot_change_under_it() => new Talk(Ground.Replace("out udp 53", "in all 0.0.0.0/0\n  out udp 53", System.StringComparison.Ordinal))
        .Send("udp 10.0.1.10:9 > 198.51.100.1:53", "walk allow untracked rtb-a/0.0.0.0/0")
        .Send("udp 10.0.1.10:9 > 198.51.100.1:53", "kept allow untracked rtb-a/0.0.0.0/0")
        .Send("udp 198.51.100.1:53 > 203.0.113.10:9", "walk allow untracked sg-a/ingress/1");

    /// <summary>Through appliances a flow has more slots than an entry's two: what the first packet left behind is not what the next one meets at the second, so that one walks too.</summary>
    [Theory]
    [InlineData(1, "walk walk kept kept")]
    [InlineData(3, "walk walk kept kept")]
    [InlineData(4, "walk walk walk walk")]
    public void A_decision_rests_on_eight_slots_at_most(int appliances, string first)
    {
        // eni-a, two slots at each appliance; the last interface has no groups.
        string text = Ground.Replace("10.0.1.0/24 rtb=rtb-a", "10.0.1.0/24 rtb=rtb-1", System.StringComparison.Ordinal)
            + "subnet sub-z vpc-1 10.0.9.0/24\neni eni-z sub-z 10.0.9.90 managed\nsg sg-f vpc-1\n  in all 10.0.0.0/16\n  out all 10.0.0.0/16\n";
        for (int i = 1; i <= appliances; i++)
        {
            string next = i < appliances ? $"rtb=rtb-{i + 1}" : "";
            text += $"subnet sub-{i} vpc-1 10.0.{i + 20}.0/24 {next}\neni eni-{i} sub-{i} 10.0.{i + 20}.9 nocheck sg=sg-f\nrtb rtb-{i} vpc-1\n  10.0.9.0/24 eni-{i}\n";
        }

        Talk talk = new(text);
        string[] how = first.Split(' ');
        for (int i = 0; i < how.Length; i++)
        {
            talk.Send("tcp 10.0.1.10:9 > 10.0.9.90:443 S", $"{how[i]} allow {(i == 0 ? "new" : "established")} acl-default-vpc-1/ingress/100");
        }
    }

    /// <summary>In front of the server an appliance: what the answer passes are two slots.</summary>
    [Fact]
    public void By_which_gateway_an_answer_leaves_through_an_appliance_is_nothing_to_the_other_direction() => new Talk(
        Ground.Replace("10.0.2.0/24 rtb=rtb-a", "10.0.2.0/24 rtb=rtb-b", System.StringComparison.Ordinal) + """
        subnet sub-f vpc-1 10.0.3.0/24 rtb=rtb-a
        eni eni-g sub-f 10.0.3.31=203.0.113.31 sg=sg-f nocheck
        sg sg-f vpc-1
          in tcp 443 0.0.0.0/0
          out tcp 443 0.0.0.0/0
        rtb rtb-b vpc-1
          0.0.0.0/0 eni-g
        rtb rtb-e vpc-1 edge=igw-1
          10.0.2.0/24 eni-g
        """)
        .Send("tcp 198.51.100.1:9 > 203.0.113.20:443 S", "walk allow new sg-b/ingress/1")
        .Send("tcp 198.51.100.1:9 > 203.0.113.20:443 S", "walk allow established tracked sg-b/ingress/1")
        .Send("tcp 198.51.100.1:9 > 203.0.113.20:443 S", "kept allow established tracked sg-b/ingress/1")
        .Send("tcp 10.0.2.20:443 > 198.51.100.1:9 SA", "walk allow established rtb-a/0.0.0.0/0")
        .Send("tcp 198.51.100.1:9 > 203.0.113.20:443 A", "kept allow established tracked sg-b/ingress/1")
        .Send("tcp 198.51.100.1:9 > 203.0.113.20:443 A", "kept allow established tracked sg-b/ingress/1");

    /// <summary>Two instances with one private address in two VPCs have one entry: the second, without groups, makes no slot in it and is answered at once all the same.</summary>
    [Fact]
    public void A_path_without_any_group_is_kept_where_its_flow_has_an_entry() => new Talk(Ground + """
        vpc vpc-2 10.0.0.0/16
        igw igw-2 vpc-2
        subnet sub-2 vpc-2 10.0.1.0/24 rtb=rtb-2
        eni eni-z sub-2 10.0.1.10=203.0.113.99 managed
        rtb rtb-2 vpc-2
          0.0.0.0/0 igw-2
        """)
        .Send("udp 203.0.113.99:9 > 198.51.100.1:53", "walk allow none rtb-2/0.0.0.0/0")
        .Send("udp 203.0.113.99:9 > 198.51.100.1:53", "walk allow none rtb-2/0.0.0.0/0")
        .Send("udp 203.0.113.10:9 > 198.51.100.1:53", "walk allow new rtb-a/0.0.0.0/0")
        .Send("udp 203.0.113.99:9 > 198.51.100.1:53", "walk allow none rtb-2/0.0.0.0/0")
        .Send("udp 203.0.113.99:9 > 198.51.100.1:53", "kept allow none rtb-2/0.0.0.0/0");

    /// <summary>What a walk says is made once for all flows that get the same answers, and differs where any answer does.</summary>
    [Fact]
    public void Flows_with_the_same_answers_share_a_path_and_others_do_not()
    {
        Talk talk = new(Ground);
        int[] paths = [.. Enumerable.Range(1, 3).Select(port => talk.Path($"tcp 10.0.1.10:{port} > 10.0.2.20:443 S"))];
        int[] next = [.. Enumerable.Range(1, 3).Select(port => talk.Path($"tcp 10.0.1.10:{port} > 10.0.2.20:443 S"))];
        int[] others = [talk.Path("udp 10.0.1.10:9 > 10.0.2.20:53"), talk.Path("tcp 10.0.1.10:9 > 10.0.2.20:80 S"), talk.Path("tcp 10.0.2.20:9 > 10.0.1.10:80 S")];
        Assert.Equal((1, 1, 5), (paths.Distinct().Count(), next.Distinct().Count(), paths.Concat(next).Concat(others).Distinct().Count()));
    }

    private sealed class Talk : IBatchObserver
    {
        private readonly NetworkEngine _engine;
        private readonly PacketBlock _block = new();
        private ushort _refused;

        public Talk(string topology, JudgeOptions? options = null) =>
            _engine = NetworkEngine.Build(NetworkBuilder.Network(topology), options ?? new JudgeOptions { Causal = false }, observers: _ => this);

        private EngineJudge Judge => _engine.Judge;

        private long Now => 1_000_000 * Judge.Counters.Total;

        public void Observe(PacketBlock block, System.ReadOnlySpan<PacketResult> results, System.ReadOnlySpan<FlowView> views) => _refused = views[0].Entry == -1 ? views[0].Refused : (ushort)0;

        /// <summary>Another topology takes over.</summary>
        public Talk Adopt(string topology)
        {
            Judge.Adopt(_engine.Next(NetworkBuilder.Network(topology)).Policy, Now);
            return this;
        }

        /// <summary>Sends a packet, a millisecond after the one before, and asserts who answered it and what.</summary>
        public Talk Send(string packet, string expected)
        {
            (long hits, long walks, long like) = (Judge.Counters.Hits, Judge.Counters.Walks, Judge.Counters.Refused + Judge.Counters.Admitted);
            Outcome outcome = Judge.Tables.Describe(Decide(packet));
            string who = (Judge.Counters.Hits - hits, Judge.Counters.Walks - walks, Judge.Counters.Refused + Judge.Counters.Admitted - like) switch
            {
                (1, 0, 0) => "kept",
                (0, 1, 0) => "walk",
                (0, 0, 1) => _refused is > 0 and < IBatchObserver.RefusedAnew ? "again" : "like",
                (0, 0, 0) when outcome.Verdict == Verdict.Moot => "none",
                _ => "nobody",
            };
            string what = outcome.Verdict == Verdict.Deny ? $"{outcome.Reason}" : $"{outcome.State}".ToLowerInvariant();
            Assert.Equal((packet, expected), (packet, $"{who} {outcome.Verdict.ToString().ToLowerInvariant()} {what} {outcome.Rule}"));
            return this;
        }

        public int Path(string packet) => Decide(packet).Path;

        private PacketResult Decide(string packet)
        {
            TestPacket parsed = PacketText.Parse(packet);
            _block.Reset();
            _block.Add(Now, 0, parsed.Headers.WireLength, LinkType.Raw, 0);
            _block.Headers[0] = parsed.Headers;
            _block.Quotes[0] = parsed.Quote;
            Judge.Judge(_block);
            return _block.Results[0];
        }
    }
}
