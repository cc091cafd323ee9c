using System;
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

/// <summary>Another plan for the same live interfaces.</summary>
public sealed class BoxReloadTests
{
    [Fact]
    public void Neighbours_are_kept_and_what_waits_goes_on_waiting()
    {
        using BoxLab lab = new BoxLab(BoxLab.Small, "eni-a", "igw-1").Up();
        lab.Frame(1, LiveFrames.Arp(1, BoxLab.Host(1), "198.51.100.7", default, "203.0.113.10"));
        lab.Ip(0, PacketBuilder.Udp("10.0.1.10", 1, "198.51.100.8", 2));
        lab.Ports[1].Take();
        lab.Box.Adopt(BoxLab.Lower(lab.Network, lab.Engine, lab.Attachments));
        lab.Ip(0, PacketBuilder.Udp("10.0.1.10", 1, "198.51.100.7", 2));
        Assert.Equal(BoxLab.Host(1), LiveFrames.To(Assert.Single(lab.Ports[1].Take())));
        lab.Frame(1, LiveFrames.Arp(2, BoxLab.Host(2), "198.51.100.8", lab.Router(1), "203.0.113.10"));
        Assert.Equal(BoxLab.Host(2), LiveFrames.To(Assert.Single(lab.Ports[1].Take())));
    }

    [Fact]
    public void An_interface_may_vanish_and_come_back_and_numbers_may_move()
    {
        using BoxLab lab = new BoxLab(BoxLab.Small, "eni-a", "eni-b", "eni-c").Up();
        string without = string.Join('\n', BoxLab.Small.Split('\n').Where(line => !line.Contains("eni eni-a", StringComparison.Ordinal)));
        Network network = NetworkBuilder.Network(without);
        ResultTables tables = lab.Engine.Judge.Tables;
        using NetworkEngine engine = NetworkEngine.Build(network, JudgeOptions.Default, tables: tables);
        FaultList faults = new();
        BoxPlan plan = BoxLowering.Lower(network, engine.Plan, tables, lab.Attachments, 3, faults, isReload: true)!;
        Assert.Empty(faults.All);
        Assert.Equal(lab.Plan.Ports[2].Router, plan.Ports[2].Router);
        lab.Box.Adopt(plan);

        // Its host may send nothing now, not even ARP; the others' numbers have moved by one, and nothing else of theirs.
        lab.Frame(0, LiveFrames.Arp(1, BoxLab.Host(0), "10.0.1.10", default, "10.0.1.1"));
        Assert.Empty(lab.Ports[0].Take());
        Assert.Equal(Verdict.Unplaced, Judge(lab, engine, 0, PacketBuilder.Udp("10.0.1.10", 1, "10.0.2.30", 2)));
        Assert.Equal(Verdict.Allow, Judge(lab, engine, 1, PacketBuilder.Udp("10.0.1.20", 1, "10.0.2.30", 2)));
        Assert.Equal(BoxLab.Host(2), LiveFrames.To(Assert.Single(lab.Ports[2].Take())));
        lab.Frame(1, LiveFrames.Arp(1, BoxLab.Host(1), "10.0.1.20", default, "10.0.1.10"));
        Assert.Empty(lab.Ports[1].Take());    // nobody has it any more

        lab.Box.Adopt(lab.Plan);
        lab.Frame(1, LiveFrames.Arp(1, BoxLab.Host(1), "10.0.1.20", default, "10.0.1.10"));
        Assert.Single(lab.Ports[1].Take());
    }

    [Fact]
    public void A_plan_for_other_ports_is_refused_and_the_old_one_stays()
    {
        using BoxLab lab = new BoxLab(BoxLab.Small, "eni-a", "eni-b").Up();
        BoxPlan other = BoxLab.Lower(lab.Network, lab.Engine, [new("eni-a", 0)]);
        Assert.Throws<ArgumentException>(() => lab.Box.Adopt(other));
        lab.Ip(0, PacketBuilder.Udp("10.0.1.10", 1, "10.0.1.20", 2));
        Assert.Single(lab.Ports[1].Take());
    }

    private static Verdict Judge(BoxLab lab, NetworkEngine engine, int port, byte[] packet)
    {
        PacketBlock block = new();
        byte[] frame = BoxLab.Packet(BoxLab.Host(port), lab.Router(port), packet);
        frame.CopyTo(block.Add(lab.Now, frame.Length, (uint)frame.Length, LinkType.Ethernet, port));
        HeaderParser.ParseBlock(block, null);
        lab.Box.Arrived(block);
        engine.Judge.Judge(block);
        lab.Box.Judged(block);
        return engine.Judge.Tables.Describe(block.Results[0]).Verdict;
    }
}
