using System;
using System.Collections.Frozen;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Dataplane.Compiler;
using Dataplane.Compiler.Lower;
using Dataplane.Live;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Dataplane.Topology;
using Dataplane.Topology.Model;
using Xunit;

namespace Dataplane.Tests.Live;

/// <summary>Attachments: what they may name, and what is said of them.</summary>
public sealed class BoxLoweringTests : IDisposable
{
    private readonly Network _network;
    private readonly NetworkEngine _engine;

    public BoxLoweringTests()
    {
        const string More = """

            vpc vpc-2 10.0.0.0/16
            subnet sub-z vpc-2 10.0.1.0/24
            eni eni-fw sub-b 10.0.2.40 sg=sg-a nocheck
            eni eni-copy sub-z 10.0.1.10 sg=sg-z
            eni eni-nat sub-b 10.0.2.41 of=nat-1
            rtb rtb-fw vpc-1
              198.18.0.0/15 eni-fw
            igw igw-loose
            nat nat-1 vpc-1
            sg sg-z vpc-2
            """;
        _network = NetworkBuilder.Network(BoxLab.Small + More) with
        {
            Instances = new Dictionary<string, ImmutableArray<string>> { ["i-web"] = ["eni-a"], ["i-two"] = ["eni-b", "eni-c"] }.ToFrozenDictionary(StringComparer.Ordinal),
        };
        _engine = NetworkEngine.Build(_network, JudgeOptions.Default);
    }

    public static TheoryData<string, string> Faults => new()
    {
        { "eni-nope", "--attach eni-nope: no interface, instance or gateway of the topology has this id. Use an id as the topology's files write it." },
        { "nat-1", "--attach nat-1: a gateway of the kind Nat is not enforced yet, so no packet could enter by it. Attach an internet or egress-only internet gateway." },
        { "eni-nat", "--attach eni-nat: it is an interface of nat-1, which is not enforced yet, so every packet there would be unplaced. Attach another interface." },
        { "igw-loose", "--attach igw-loose: this gateway is attached to no VPC. Attach it to a VPC in the topology first." },
        { "i-two", "--attach i-two: this instance has 2 interfaces: eni-b, eni-c. Attach each of them by its own id." },
        { "eni-b,via=10.0.1.1", "--attach eni-b: via=10.0.1.1 is given for an interface. Leave via= out: an interface has its host behind it, only a gateway has a next hop." },
        { "igw-1,via=10.0.1.1", "--attach igw-1: via=10.0.1.1 lies inside the topology. Give the address of a router outside of it." },
        { "igw-1,via=224.0.0.1", "--attach igw-1: via=224.0.0.1 is no address of one station. Give the address of the router behind this live interface." },
    };

    [Theory, MemberData(nameof(Faults))]
    public void Faults_say_where_what_and_how_to_mend(string attachment, string fault) => Assert.Equal([fault], Lower(out _, attachment));

    [Fact]
    public void All_faults_are_said_at_once()
    {
        string[] faults = Lower(out BoxPlan? plan, "eni-a", "eni-nope", "i-web", "nat-1", "eni-a");
        Assert.Null(plan);
        Assert.Equal(
            [
                "--attach eni-nope: no interface, instance or gateway of the topology has this id. Use an id as the topology's files write it.",
                "--attach i-web: eni-a is attached already, as eni-a. Attach each interface and gateway to one live interface.",
                "--attach nat-1: a gateway of the kind Nat is not enforced yet, so no packet could enter by it. Attach an internet or egress-only internet gateway.",
                "--attach eni-a: eni-a is attached twice. Attach each interface and gateway to one live interface.",
            ],
            faults);
        Assert.Equal(["--attach eni-b: its live interface is attached as something else already. Attach each live interface once."], Lower(out _, new BoxAttachment[] { new("eni-a", 0), new("eni-b", 0) }));
    }

    [Fact]
    public void An_instance_with_one_interface_means_it()
    {
        Assert.Empty(Lower(out BoxPlan? plan, "i-web", "igw-1,via=192.0.2.1"));
        Assert.Equal(("eni-a", BoxPortKind.Interface), (plan!.Ports[0].Component, plan.Ports[0].Kind));
        Assert.Equal((IpAddress.Parse("10.0.1.10"), 24, IpAddress.Parse("10.0.1.1")), (plan.Ports[0].Host!.Primary, plan.Ports[0].Host!.PrefixLength, plan.Ports[0].Host!.Router));
        Assert.Equal(["10.0.0.2", "169.254.169.253"], plan.Ports[0].Host!.Resolvers.Select(one => one.ToString()));
        Assert.Equal(IpAddress.Parse("192.0.2.1"), plan.Ports[1].Via);
    }

    [Fact]
    public void Notes_name_appliances_shared_addresses_and_what_is_not_attached()
    {
        Lower(out BoxPlan? plan, "eni-a", "eni-fw", "igw-1");
        Assert.Collection(
            plan!.Notes,
            note => Assert.StartsWith("eni-a shares 10.0.1.10 with eni-copy:", note, StringComparison.Ordinal),
            note => Assert.StartsWith("eni-fw is an appliance on the way of other packets, and its program is passed by:", note, StringComparison.Ordinal),
            note => Assert.StartsWith("igw-1 has no next hop (via=):", note, StringComparison.Ordinal),
            note => Assert.StartsWith("3 of 5 interfaces are not attached:", note, StringComparison.Ordinal));
    }

    [Fact]
    public void On_reload_what_is_gone_leaves_its_live_interface_attached_to_nothing()
    {
        FaultList faults = new();
        BoxPlan? plan = BoxLowering.Lower(_network, _engine.Plan, _engine.Judge.Tables, [new("eni-gone", 0), new("eni-a", 1)], 2, faults, isReload: true);
        Assert.Empty(faults.All);
        Assert.Equal(BoxPortKind.Nothing, plan!.Ports[0].Kind);
        Assert.Equal("eni-gone is not in the topology any more: its live interface is attached to nothing until it is there again.", plan.Notes[0]);
    }

    [Theory]
    [InlineData("us-east-1a", "ec2.internal")]
    [InlineData("eu-west-1b", "eu-west-1.compute.internal")]
    [InlineData("us-gov-west-1a", "us-gov-west-1.compute.internal")]
    [InlineData("us-west-2-lax-1a", "us-west-2.compute.internal")]
    [InlineData(null, "ec2.internal")]
    public void The_zone_gives_the_domain(string? zone, string domain)
    {
        Network network = _network with { Subnets = [.. _network.Subnets.Select(subnet => subnet with { AvailabilityZone = zone })] };
        BoxPlan? plan = BoxLowering.Lower(network, _engine.Plan, _engine.Judge.Tables, [new("eni-a", 0)], 1, new FaultList());
        Assert.Equal(domain, plan!.Ports[0].Host!.Domain);
    }

    public void Dispose() => _engine.Dispose();

    private string[] Lower(out BoxPlan? plan, params string[] attachments) => Lower(out plan, [.. attachments.Select((text, port) =>
    {
        string[] parts = text.Split(",via=");
        return new BoxAttachment(parts[0], port, parts.Length > 1 ? IpAddress.Parse(parts[1]) : null);
    })]);

    private string[] Lower(out BoxPlan? plan, BoxAttachment[] attachments)
    {
        FaultList faults = new();
        plan = BoxLowering.Lower(_network, _engine.Plan, _engine.Judge.Tables, attachments, attachments.Length, faults);
        return [.. faults.All.Select(fault => fault.ToString())];
    }
}
