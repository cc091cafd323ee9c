using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Compiler;
using Dataplane.Compiler.Lower;
using Dataplane.Live;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Dataplane.Topology;
using Dataplane.Topology.Model;

namespace Dataplane.Tests.Live;

/// <summary>A VPC in a box between fake ports, with a clock that the test moves.</summary>
internal sealed class BoxLab : IDisposable
{
    /// <summary>Two subnets, three interfaces and an internet gateway; everything is allowed inside, port 80 from outside.</summary>
    public const string Small = """
        vpc vpc-1 10.0.0.0/16 2001:db8:1::/56
        subnet sub-a vpc-1 10.0.1.0/24 2001:db8:1:1::/64 rtb=rtb-out
        subnet sub-b vpc-1 10.0.2.0/24 2001:db8:1:2::/64 rtb=rtb-out
        eni eni-a sub-a 10.0.1.10=203.0.113.10 2001:db8:1:1::10 sg=sg-a
        eni eni-b sub-a 10.0.1.20 2001:db8:1:1::20 sg=sg-a
        eni eni-c sub-b 10.0.2.30=203.0.113.30 2001:db8:1:2::30 sg=sg-a
        sg sg-a vpc-1
          in all 10.0.0.0/16
          in all 2001:db8:1::/56
          in tcp 80 0.0.0.0/0
          in tcp 80 ::/0
          out all 0.0.0.0/0
          out all ::/0
        igw igw-1 vpc-1
        rtb rtb-out vpc-1
          0.0.0.0/0 igw-1
          ::/0 igw-1
        """;

    public const long Second = 1_000_000_000;

    private readonly PacketBlock _block = new();

    public BoxLab(string topology, params string[] attachments)
        : this(NetworkBuilder.Network(topology), attachments)
    {
    }

    /// <param name="attachments">ID or ID,via=ADDRESS, one a port.</param>
    public BoxLab(Network network, params string[] attachments)
    {
        Network = network;
        Attachments = [.. attachments.Select((text, port) => Attachment(text, port))];
        Engine = NetworkEngine.Build(network, JudgeOptions.Default with { Causal = false });    // live runs never moot
        Ports = [.. attachments.Select(text => new FakePort(text))];
        Plan = Lower(network, Engine, Attachments);
        Box = new Box(Plan, Ports, Engine.Judge.Tables.Paths);
    }

    public Network Network { get; }

    public BoxAttachment[] Attachments { get; }

    public NetworkEngine Engine { get; }

    public FakePort[] Ports { get; }

    public BoxPlan Plan { get; }

    public Box Box { get; }

    public long Now { get; set; } = 1_700_000_000 * Second;

    /// <summary>The host behind port N.</summary>
    public static MacAddress Host(int port) => new(0x0600_0000_0010UL + (uint)port);

    public MacAddress Router(int port) => Plan.Ports[port].Router;

    public MacAddress InterfaceAddress(string id) => Plan.InterfaceAddresses[Network.Interfaces.Select(one => one.Id).ToList().IndexOf(id)];

    public static BoxPlan Lower(Network network, NetworkEngine engine, BoxAttachment[] attachments)
    {
        FaultList faults = new();
        BoxPlan? plan = BoxLowering.Lower(network, engine.Plan, engine.Judge.Tables, attachments, attachments.Length, faults);
        return plan ?? throw new InvalidOperationException(string.Join('\n', faults.All));
    }

    /// <summary>An IP packet from the host of a port, to the router.</summary>
    public Outcome Ip(int port, byte[] packet) => Frame(port, Packet(Host(port), Router(port), packet));

    /// <summary>One frame comes in and is dealt with.</summary>
    public Outcome Frame(int port, byte[] frame)
    {
        Frames([(port, frame)]);
        return Engine.Judge.Tables.Describe(_block.Results[0]);
    }

    /// <summary>Several frames come in as one block.</summary>
    public PacketBlock Frames(IEnumerable<(int Port, byte[] Frame)> frames)
    {
        _block.Reset();
        foreach ((int port, byte[] frame) in frames)
        {
            frame.CopyTo(_block.Add(Now, frame.Length, (uint)frame.Length, LinkType.Ethernet, port));
        }

        HeaderParser.ParseBlock(_block, null);
        Run(_block);
        return _block;
    }

    public void Run(PacketBlock block)
    {
        Box.Arrived(block);
        Engine.Judge.Judge(block);
        Box.Judged(block);
    }

    /// <summary>Lets time pass, with a tick every 100 ms.</summary>
    public void Pass(double seconds)
    {
        for (long end = Now + (long)(seconds * Second); Now < end;)
        {
            Now = Math.Min(end, Now + (Second / 10));
            Box.Tick(Now);
        }
    }

    /// <summary>The hosts of all interface ports say who they are, as they do when they come up; what is sent for that is forgotten.</summary>
    public BoxLab Up()
    {
        for (int port = 0; port < Ports.Length; port++)
        {
            if (Plan.Ports[port].Host?.Primary is { } own)
            {
                Frame(port, LiveFrames.Arp(1, Host(port), own.ToString(), default, own.ToString()));
                Ports[port].Take();
            }
        }

        return this;
    }

    public static byte[] Packet(MacAddress from, MacAddress to, byte[] packet) => LiveFrames.Ethernet(from, to, packet[0] >> 4 == 6 ? 0x86DD : 0x0800, packet);

    public void Dispose() => Engine.Dispose();

    private static BoxAttachment Attachment(string text, int port)
    {
        string[] parts = text.Split(",via=");
        return new BoxAttachment(parts[0], port, parts.Length > 1 ? IpAddress.Parse(parts[1]) : null, parts.Length > 2 ? IpAddress.Parse(parts[2]) : null);
    }
}
