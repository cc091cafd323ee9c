using System.Linq;
using Dataplane.Topology;
using Dataplane.Topology.Model;
using Xunit;
using static Dataplane.Tests.Topology.Snapshots;

namespace Dataplane.Tests.Topology;

/// <summary>Addresses and blocks in every spelling that some parser somewhere takes for another number.</summary>
public sealed class SpellingTests
{
    /// <summary>A block as a rule's peer, and how it is kept; null: refused.</summary>
    public static TheoryData<string, string?> Blocks => new()
    {
        { "10.0.0.0/8", "10.0.0.0/8" },
        { "10.1.2.3/8", "10.0.0.0/8" },
        { "0.0.0.0/0", "0.0.0.0/0" },
        { "255.255.255.255/32", "255.255.255.255/32" },
        { "1.2.3.4/32", "1.2.3.4/32" },
        { "10.0.0.0/00", null },
        { "10.0.0.0/08", null },
        { "10.0.0.0/33", null },
        { "10.0.0.0/-1", null },
        { "10.0.0.0/+8", null },
        { "10.0.0.0/8 ", null },
        { " 10.0.0.0/8", null },
        { "10.0.0.0 /8", null },
        { "10.0.0.0/ 8", null },
        { "10.0.0.0/", null },
        { "10.0.0.0", null },
        { "/8", null },
        { "/", null },
        { "10.0.0.0/8/8", null },
        { "10.0.0.0/255.0.0.0", null },
        { "10.0.0.0\\\\8", null },
        { "010.0.0.0/8", null },
        { "10.00.0.0/8", null },
        { "10.0.0.00/8", null },
        { "0x0a.0.0.0/8", null },
        { "0x0a000000/8", null },
        { "167772160/8", null },
        { "1/8", null },
        { "10/8", null },
        { "10.0/16", null },
        { "10.0.0/24", null },
        { "10.0.0.0.0/8", null },
        { "10..0.0/8", null },
        { ".10.0.0.0/8", null },
        { "10.0.0./8", null },
        { "256.0.0.0/8", null },
        { "10.0.0.256/32", null },
        { "-1.0.0.0/8", null },
        { "1e1.0.0.0/8", null },
        { "10.0.0.0/1e1", null },
        { "10.0.0.0/8.0", null },
        { "\\uff11\\uff10.0.0.0/8", null },
        { "\\u0661\\u0660.0.0.0/8", null },
        { "10\\u3002.0.0.0/8", null },
        { "localhost/32", null },
        { "any", null },
        { "*", null },
        { "::/0", "::/0" },
        { "2001:db8::/32", "2001:db8::/32" },
        { "2001:DB8::1/32", "2001:db8::/32" },
        { "2001:0db8:0000:0000:0000:0000:0000:0000/32", "2001:db8::/32" },
        { "::ffff:10.0.0.1/128", "::ffff:10.0.0.1/128" },
        { "::ffff:010.0.0.1/128", null },
        { "::ffff:10.0.1/128", null },
        { "2001:db8::/129", null },
        { "2001:db8::/064", null },
        { "2001:db8::1::/64", null },
        { "2001:db8:::/64", null },
        { "[2001:db8::]/32", null },
        { "fe80::1%eth0/64", null },
        { "2001:db8:0:0:0:0:0:0:0/32", null },
        { "2001:db8/32", null },
        { "12345::/16", null },
        { "g::/16", null },
        { ":/0", null },
    };

    [Theory, MemberData(nameof(Blocks))]
    public void REL_27_A_block_is_exactly_what_it_says_or_refused(string text, string? kept)
    {
        (string ranges, string block) = text.Contains(':', System.StringComparison.Ordinal) ? ("Ipv6Ranges", "CidrIpv6") : ("IpRanges", "CidrIp");
        (Network? network, FaultList faults) = Load(Base, Group($$"""[{"IpProtocol": "-1", "{{ranges}}": [{"{{block}}": "{{text}}"}]}]"""));
        Assert.Equal((text, kept), (text, network is null ? null : ((CidrPeer)GroupB(network).Ingress.Single().Peer).Block.ToString()));
        Assert.Equal(kept is null, faults.HasErrors);
        if (kept is null)
        {
            string fault = Texts(faults).Single();
            Assert.StartsWith("error f1.json:1, sg-b, ingress rule 1: '", fault, System.StringComparison.Ordinal);
            Assert.EndsWith("' is not a CIDR block. Write ADDRESS/LENGTH, such as 10.0.0.0/16 or 2001:db8::/56, numbers without leading zeros.", fault, System.StringComparison.Ordinal);
        }
    }

    /// <summary>AWS has a place for each family and refuses the other one there: taken all the same, the rule would admit what it never did.</summary>
    [Theory]
    [InlineData("IpRanges", "CidrIp", "::/0", "'::/0' is an IPv6 block. Write it as CidrIpv6 (SG-21).")]
    [InlineData("Ipv6Ranges", "CidrIpv6", "0.0.0.0/0", "'0.0.0.0/0' is an IPv4 block. Write it as CidrIp (SG-21).")]
    public void SG_21_A_block_stands_where_its_family_does(string ranges, string field, string text, string said)
    {
        FaultList faults = Load(Base, Group($$"""[{"IpProtocol": "-1", "{{ranges}}": [{"{{field}}": "{{text}}"}]}]""")).Faults;
        Assert.Contains(said, Texts(faults).Single(), System.StringComparison.Ordinal);
    }

    /// <summary>An address of an interface, and how it is kept; null: refused.</summary>
    [Theory]
    [InlineData("10.0.1.10", "10.0.1.10")]
    [InlineData("010.0.1.10", null)]
    [InlineData("10.0.1.010", null)]
    [InlineData("10.0.266", null)]
    [InlineData("167772426", null)]
    [InlineData("0xa00010a", null)]
    [InlineData("10.0.1.10/32", null)]
    [InlineData("10.0.1.10 ", null)]
    [InlineData("10.0.1.10:80", null)]
    [InlineData("[::1]", null)]
    [InlineData("2001:db8::A", "2001:db8::a")]
    [InlineData("2001:db8::a%1", null)]
    public void REL_27_An_address_is_exactly_what_it_says_or_refused(string text, string? kept)
    {
        Network? network = Load(Base, Card($$""" "Groups": [{"GroupId": "sg-a"}], "PrivateIpAddress": "{{text}}" """)).Network;
        Assert.Equal((text, kept), (text, network?.Interfaces.Single().Addresses.Single().Private.ToString()));
    }
}
