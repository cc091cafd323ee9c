using System;
using Dataplane.Compiler;
using Dataplane.Live;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Live;

/// <summary>A bump in the wire.</summary>
public sealed class BridgeTests : IDisposable
{
    private readonly NetworkEngine _engine = NetworkEngine.Build(NetworkBuilder.Network(BoxLab.Small), JudgeOptions.Default);
    private readonly FakePort[] _ports = [new("left"), new("right")];
    private readonly PacketBlock _block = new();

    public static TheoryData<string, int, string, string, Verdict> Sides => new()
    {
        // the row shows                                      port  source            destination       verdict
        { "an interface inside",                               0, "10.0.1.10",       "10.0.2.30",       Verdict.Allow },
        { "an interface outside",                              1, "10.0.1.10",       "10.0.2.30",       Verdict.Unplaced },
        { "the internet outside",                              1, "198.51.100.7",    "203.0.113.10",    Verdict.Allow },
        { "the internet inside",                               0, "198.51.100.7",    "203.0.113.10",    Verdict.Unplaced },
        { "a public address of the topology inside",           0, "203.0.113.10",    "198.51.100.7",    Verdict.Allow },
        { "and outside",                                       1, "203.0.113.10",    "198.51.100.7",    Verdict.Unplaced },
        { "an address of the VPC's blocks that nobody has",    1, "10.0.1.99",       "10.0.2.30",       Verdict.Unplaced },
        { "the resolver of the VPC, outside",                  1, "10.0.0.2",        "10.0.1.10",       Verdict.Allow },
        { "IPv6 inside",                                       0, "2001:db8:1:1::10", "2001:db8:1:2::30", Verdict.Allow },
        { "IPv6 outside",                                      1, "2001:db8:1:1::10", "2001:db8:1:2::30", Verdict.Unplaced },
        { "a link-local address inside, to the internet's side", 0, "fe80::1",        "2001:db8:1:2::30", Verdict.Unplaced },
        { "what stays on the link",                            0, "0.0.0.0",         "255.255.255.255", Verdict.Unplaced },
    };

    [Theory, MemberData(nameof(Sides))]
    public void With_an_inside_port_the_side_must_agree_with_the_source(string shows, int port, string source, string destination, Verdict verdict)
    {
        Bridge bridge = Make(inside: 0);
        byte[] frame = PacketBuilder.Ethernet(PacketBuilder.Tcp(source, 4_000, destination, 80, PacketBuilder.Syn));
        Assert.Equal((shows, verdict), (shows, Run(bridge, port, frame)));
        Assert.Equal(verdict == Verdict.Allow ? 1 : 0, _ports[1 - port].Take().Length);
        Assert.Equal(1, bridge.Fates[verdict == Verdict.Allow ? LiveFate.Forwarded : LiveFate.Dropped]);
        Assert.Equal((verdict == Verdict.Allow ? 1 : 0, 0), (_ports[port].Finished, _ports[1 - port].Finished));    // a checksum is the receiving port's to finish, before the frame goes on
    }

    [Fact]
    public void Packets_from_the_wrong_side_are_counted_so_that_a_wrong_inside_can_be_told()
    {
        Bridge bridge = Make(inside: 0);
        Assert.Equal(Verdict.Allow, Run(bridge, 1, PacketBuilder.Ethernet(PacketBuilder.Tcp("198.51.100.7", 4_000, "203.0.113.10", 80, PacketBuilder.Syn))));
        Assert.Equal(0, bridge.FromWrongSide);
        Assert.Equal(Verdict.Unplaced, Run(bridge, 0, PacketBuilder.Ethernet(PacketBuilder.Tcp("198.51.100.7", 4_000, "203.0.113.10", 80, PacketBuilder.Syn))));
        Assert.Equal(1, bridge.FromWrongSide);
    }

    [Fact]
    public void Without_one_either_side_may_send_and_frames_leave_as_they_came()
    {
        Bridge bridge = Make(inside: -1);
        byte[] frame = [.. PacketBuilder.Ethernet(PacketBuilder.Udp("10.0.1.10", 1, "10.0.2.30", 2), 0x88A8, 0x8100), 1, 2, 3];
        for (int port = 0; port < 2; port++)
        {
            Assert.Equal(Verdict.Allow, Run(bridge, port, frame));
            Assert.Equal(frame, Assert.Single(_ports[1 - port].Take()));
            Assert.Empty(_ports[port].Take());
        }
    }

    [Fact]
    public void Neighbour_discovery_that_a_router_passed_on_is_none()
    {
        Bridge bridge = Make(inside: -1);
        byte[] frame = PacketBuilder.Ethernet(PacketBuilder.Icmp("2001:db8:ffff::1", "2001:db8:1:1::10", 135, 0, payload: 16));
        foreach (byte hopLimit in (byte[])[254, 255])
        {
            frame[14 + 7] = hopLimit;
            Run(bridge, 1, frame);
        }

        Assert.Equal((1, 1), (bridge.Fates[LiveFate.Passed], bridge.Fates[LiveFate.Ignored]));
        Assert.Equal(255, Assert.Single(_ports[0].Take())[14 + 7]);
    }

    [Theory]
    [InlineData(NonIpPolicy.Pass, LiveFate.Passed)]
    [InlineData(NonIpPolicy.Drop, LiveFate.Ignored)]
    public void Non_IP_frames_and_neighbour_discovery_pass_or_not(NonIpPolicy policy, LiveFate fate)
    {
        Bridge bridge = Make(inside: 0, policy);
        byte[][] frames =
        [
            LiveFrames.Arp(1, BoxLab.Host(0), "10.0.1.10", default, "10.0.1.1"),
            PacketBuilder.Ethernet(PacketBuilder.Icmp("fe80::1", "ff02::1", 135, 0, payload: 16)),    // its hop limit is set below
        ];
        frames[1][14 + 7] = 255;
        foreach (byte[] frame in frames)
        {
            Assert.Equal(Verdict.Ignored, Run(bridge, 1, frame));
        }

        Assert.Equal(2, bridge.Fates[fate]);
        Assert.Equal(policy == NonIpPolicy.Pass ? frames : [], _ports[0].Take());
    }

    [Fact]
    public void Broken_and_denied_packets_and_full_ports_are_told_apart()
    {
        Bridge bridge = Make(inside: -1);
        Assert.Equal(Verdict.Invalid, Run(bridge, 0, PacketBuilder.Ethernet(PacketBuilder.Raw("10.0.1.10", "10.0.2.30", 6))));
        Assert.Equal(Verdict.Deny, Run(bridge, 0, PacketBuilder.Ethernet(PacketBuilder.Tcp("198.51.100.7", 4_000, "203.0.113.10", 22, PacketBuilder.Syn))));
        Assert.Equal(2, bridge.Fates[LiveFate.Dropped]);
        _ports[1].IsUp = false;
        Run(bridge, 0, PacketBuilder.Ethernet(PacketBuilder.Udp("10.0.1.10", 1, "10.0.2.30", 2)));
        Assert.Equal(1, bridge.Fates[LiveFate.NotSent]);
        Assert.Equal(3, bridge.Fates.Total);
    }

    public void Dispose() => _engine.Dispose();

    private Bridge Make(int inside, NonIpPolicy policy = NonIpPolicy.Pass) => new(_ports[0], _ports[1], policy, inside, _engine.Plan, _engine.Judge.Tables.Paths);

    private Verdict Run(Bridge bridge, int port, byte[] frame)
    {
        _block.Reset();
        frame.CopyTo(_block.Add(BoxLab.Second, frame.Length, (uint)frame.Length, LinkType.Ethernet, port));
        HeaderParser.ParseBlock(_block, null);
        bridge.Arrived(_block);
        _engine.Judge.Judge(_block);
        bridge.Judged(_block);
        return _engine.Judge.Tables.Describe(_block.Results[0]).Verdict;
    }
}
