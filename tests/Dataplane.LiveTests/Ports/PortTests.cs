using System;
using System.Collections.Generic;
using System.Linq;
using System.Security.Cryptography;
using System.Threading;
using Dataplane.Capture.Live;
using Dataplane.Live;
using Dataplane.LiveTests.Lab;
using Dataplane.Packets;
using Xunit;

namespace Dataplane.LiveTests.Ports;

/// <summary>What every back-end promises, between real interfaces.</summary>
public sealed class PortTests
{
    public static TheoryData<LiveMethod> Methods => [LiveMethod.Pcap, LiveMethod.Packet, LiveMethod.Xdp];

    [LiveTheory, MemberData(nameof(Methods))]
    public void Frames_arrive_whole_and_unchanged_in_both_directions(LiveMethod method)
    {
        using Bridge bridge = new();
        using Forwarder forwarder = new(bridge.Middle, "pa", "pb", method);
        using Station a = new(bridge.A, "eth0"), b = new(bridge.B, "eth0");
        byte[][] frames = [.. Enumerable.Range(0, 300).Select(i => Station.Frame(i, i switch { 0 => 60, 1 => 1_514, _ => 60 + (i * 37 % 1_455) }))];
        a.Send(frames);
        Assert.Equal(frames, b.Receive(frames.Length));
        byte[][] back = [.. Enumerable.Range(1_000, 300).Select(i => Station.Frame(i, 60 + (i * 53 % 1_455)))];
        b.Send(back);
        Assert.Equal(back, a.Receive(back.Length));
    }

    [LiveTheory("ping", "nc", "sha256sum"), MemberData(nameof(Methods))]
    public void Ping_and_a_megabyte_of_TCP_pass(LiveMethod method)
    {
        using Bridge bridge = new();
        using Forwarder forwarder = new(bridge.Middle, "pa", "pb", method);
        NamespaceLab.In(bridge.A, "ping", "-c", "3", "-i", "0.2", "-W", "5", Bridge.AddressB);
        NamespaceLab.In(bridge.A, "ping", "-6", "-c", "3", "-i", "0.2", "-W", "5", "fd00:9::2");

        AMegabytePasses(bridge);
    }

    /// <summary>As a machine is by default: checksums are left to hardware, and with native XDP, where the kernel itself sees to it, segmentation seems to be too.</summary>
    [LiveTheory("nc", "sha256sum"), MemberData(nameof(Methods))]
    public void TCP_passes_between_hosts_that_leave_checksums_to_hardware(LiveMethod method)
    {
        using Bridge bridge = new();
        string segmentation = method == LiveMethod.Xdp ? "on" : "off";
        foreach (string space in new[] { bridge.A, bridge.B })
        {
            NamespaceLab.In(space, "ethtool", "-K", "eth0", "tx", "on", "gso", segmentation, "tso", segmentation);
        }

        using Forwarder forwarder = new(bridge.Middle, "pa", "pb", method);
        AMegabytePasses(bridge);
    }

    [LiveTheory, MemberData(nameof(Methods))]
    public void Own_frames_are_not_seen_again(LiveMethod method)
    {
        int[] seen = new int[2];
        using Bridge bridge = new();
        using Forwarder forwarder = new(bridge.Middle, "pa", "pb", method, (port, _, frame) => seen[port] += Station.IsOurs(frame) ? 1 : 0);
        using Station a = new(bridge.A, "eth0"), b = new(bridge.B, "eth0");
        const int Count = 100;
        a.Send(Enumerable.Range(0, Count).Select(i => Station.Frame(i, 100)));
        Assert.Equal(Count, b.Receive(Count).Count);

        // Whatever came back would come before the answer to this one.
        b.Send([Station.Frame(Count, 100)]);
        Assert.Single(a.Receive(1));
        Assert.Equal([Count, 1], seen);
    }

    [LiveTheory, MemberData(nameof(Methods))]
    public void Tags_that_stand_in_the_frame_stay(LiveMethod method)
    {
        using Bridge bridge = new();
        using Forwarder forwarder = new(bridge.Middle, "pa", "pb", method);
        using Station a = new(bridge.A, "eth0"), b = new(bridge.B, "eth0");
        byte[][] frames =
        [
            Station.Frame(1, 64, [0x81, 0x00, 0x60, 0x64]), Station.Frame(2, 1_518, [0x81, 0x00, 0x00, 0x01]), Station.Frame(3, 200, [0x88, 0xa8, 0x0f, 0xfe]), Station.Frame(4, 100),
        ];
        a.Send(frames);
        Assert.Equal(frames, b.Receive(frames.Length));
    }

    /// <summary>A VLAN device leaves its tag to the device below, so it is beside the frame when it crosses the cable, not in it.</summary>
    [LiveTheory("ping", "Linux 6.8"), MemberData(nameof(Methods))]
    public void Tags_that_stand_beside_the_frame_are_put_back(LiveMethod method)
    {
        List<byte[]> seen = [];
        using Bridge bridge = new();
        using TagPusher pusher = new(bridge.A, "eth0", 0x6064);
        NamespaceLab.IpIn(bridge.A, "neigh", "add", Bridge.AddressB, "lladdr", "02:00:00:00:00:bb", "dev", "eth0");
        using (Forwarder forwarder = new(bridge.Middle, "pa", "pb", method, (_, _, frame) => seen.Add(frame.ToArray())))
        {
            NamespaceLab.Try(bridge.A, "ping", "-c", "4", "-i", "0.1", "-W", "1", "-s", "1472", Bridge.AddressB);
        }

        byte[][] pings = [.. seen.Where(f => f.Length == 1_518)];
        Assert.Equal(4, pings.Length);
        Assert.All(pings, p => Assert.Equal([0x02, 0, 0, 0, 0, 0xbb], p[..6]));
        Assert.All(pings, p => Assert.Equal([0x81, 0x00, 0x60, 0x64, 0x08, 0x00, 0x45], p[12..19]));
    }

    [LiveTheory("ping"), MemberData(nameof(Methods))]
    public void A_link_that_goes_down_and_up_again_is_survived(LiveMethod method)
    {
        using Bridge bridge = new();
        using Forwarder forwarder = new(bridge.Middle, "pa", "pb", method);
        NamespaceLab.In(bridge.A, "ping", "-c", "2", "-i", "0.2", "-W", "5", Bridge.AddressB);
        NamespaceLab.IpIn(bridge.Middle, "link", "set", "pa", "down");

        using (Station b = new(bridge.B, "eth0"))
        {
            long notSent = forwarder.Ports[0].Counters.NotSent;
            b.Send(Enumerable.Range(0, 10).Select(i => Station.Frame(i, 100)));
            Until.True(() => forwarder.Ports[0].Counters.NotSent >= notSent + 10, () => $"{forwarder.Ports[0].Counters.NotSent} frames counted as not sent");
        }

        NamespaceLab.IpIn(bridge.Middle, "link", "set", "pa", "up");
        Until.True(() => NamespaceLab.Try(bridge.A, "ping", "-c", "1", "-W", "1", Bridge.AddressB).Succeeded, () => "no ping passes after the link was down");
        NamespaceLab.IpIn(bridge.B, "link", "set", "eth0", "down");
        NamespaceLab.IpIn(bridge.B, "link", "set", "eth0", "up");
        Until.True(() => NamespaceLab.Try(bridge.A, "ping", "-c", "1", "-W", "1", Bridge.AddressB).Succeeded, () => "no ping passes after the other end was down");
    }

    [LiveTheory, MemberData(nameof(Methods))]
    public void What_finds_no_room_is_counted(LiveMethod method)
    {
        const int Sent = 20_000;
        using Bridge bridge = new();
        using LivePorts ports = NamespaceThread.Call(bridge.Middle, () => LivePorts.Open(["pa"], method, new LiveSizes(ReceiveFrames: 512)));
        using Station a = new(bridge.A, "eth0");
        for (int i = 0; i < Sent; i += 100)
        {
            a.Send(Enumerable.Range(i, 100).Select(n => Station.Frame(n, 60)));
        }

        ILivePort port = ports.Ports[0];
        PacketBlock block = new();
        long received = 0;
        Until.True(
            () =>
            {
                port.Receive(block, PacketBlock.Capacity, 0);
                for (int i = 0; i < block.Count; i++)
                {
                    received += Station.IsOurs(block.Bytes(i)) ? 1 : 0;
                }

                block.Reset();
                port.ReadCounters();
                return received + port.Counters.DroppedByKernel >= Sent;
            },
            () => $"{received} received and {port.Counters.DroppedByKernel} dropped of {Sent}");
        Assert.InRange(port.Counters.DroppedByKernel, 1, Sent);
        if (port.Counters.KnowsDropped)
        {
            // Nothing else was sent but perhaps some frames of the system itself.
            Assert.InRange(port.Counters.Received + port.Counters.DroppedByKernel, Sent, Sent + 20);
        }
    }

    [LiveTheory, MemberData(nameof(Methods))]
    public void A_block_is_filled_in_the_order_of_time(LiveMethod method)
    {
        List<long> times = [];
        using Bridge bridge = new();
        long before = (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;
        using (Forwarder forwarder = new(bridge.Middle, "pa", "pb", method, (_, time, _) => times.Add(time)))
        {
            using Station a = new(bridge.A, "eth0"), b = new(bridge.B, "eth0");
            for (int i = 0; i < 20; i++)
            {
                a.Send([Station.Frame(i, 100)]);
                b.Send([Station.Frame(i, 100)]);
                Assert.Single(b.Receive(1));
                Assert.Single(a.Receive(1));
            }
        }

        Assert.Equal(times.Order(), times);
        Assert.InRange(times[0], before - 1_000_000, times[^1]);
        Assert.InRange(times[^1], before, (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100);
    }

    [LiveTheory, MemberData(nameof(Methods))]
    public void Forwarding_allocates_nothing(LiveMethod method)
    {
        using Bridge bridge = new();
        using Station a = new(bridge.A, "eth0");
        byte[][] frames = [.. Enumerable.Range(0, 64).Select(i => Station.Frame(i, 100))];
        using LivePorts ports = NamespaceThread.Call(bridge.Middle, () => LivePorts.Open(["pa", "pb"], method));
        PacketBlock block = new();
        long allocated = 0;
        const int Warm = 50, Rounds = 200;
        for (int round = 0; round < Warm + Rounds; round++)
        {
            a.Send(frames);
            long before = GC.GetAllocatedBytesForCurrentThread();
            int forwarded = 0;
            while (forwarded < frames.Length)
            {
                int count = ports.Ports[0].Receive(block, PacketBlock.Capacity, 0);
                for (int i = 0; i < count; i++)
                {
                    ports.Ports[1].Send(block.Bytes(i));
                }

                ports.Ports[1].Flush();
                block.Reset();
                forwarded += count;
                if (count == 0)
                {
                    ports.Wait(TimeSpan.FromSeconds(5));
                }
            }

            ports.Ports[0].ReadCounters();
            allocated += round < Warm ? 0 : GC.GetAllocatedBytesForCurrentThread() - before;
        }

        // ReadCounters of SharpPcap makes an object, and its SendPacket none.
        Assert.InRange(allocated, 0, method == LiveMethod.Pcap ? Rounds * 200 : 0);
    }

    [LiveTheory, MemberData(nameof(Methods))]
    public void A_wake_ends_the_wait_that_is_going_on_or_the_next(LiveMethod method)
    {
        using Bridge bridge = new();
        using LivePorts ports = NamespaceThread.Call(bridge.Middle, () => LivePorts.Open(["pa"], method));
        using ManualResetEventSlim ended = new();
        Thread waiting = new(() =>
        {
            ports.Wake();
            ports.Wait(TimeSpan.FromMinutes(5));
            ended.Set();
        });
        waiting.Start();
        Assert.True(ended.Wait(Until.Longest), "the wait after a wake did not end");
        ended.Reset();
        waiting = new Thread(() =>
        {
            ports.Wait(TimeSpan.FromMinutes(5));
            ended.Set();
        });
        waiting.Start();
        ports.Wake();
        Assert.True(ended.Wait(Until.Longest), "the wait did not end");
    }

    [LiveTheory, MemberData(nameof(Methods))]
    public void A_frame_longer_than_the_link_takes_is_refused_and_counted(LiveMethod method)
    {
        using Bridge bridge = new();
        using LivePorts ports = NamespaceThread.Call(bridge.Middle, () => LivePorts.Open(["pa"], method));
        ILivePort port = ports.Ports[0];
        Assert.Equal(1_500, port.Mtu);
        Assert.False(port.Send(Station.Frame(1, 1_519)));
        Assert.Equal((1, 0), (port.Counters.NotSent, port.Counters.Sent));
        Assert.True(port.Send(Station.Frame(1, 1_514)));
        port.Flush();
        Assert.Equal((1, 1, 1_514), (port.Counters.NotSent, port.Counters.Sent, port.Counters.SentBytes));
    }

    private static void AMegabytePasses(Bridge bridge)
    {
        byte[] sent = new byte[1 << 20];
        new Random(1).NextBytes(sent);
        Command server = bridge.Lab.Start(bridge.B, "sh", "-c", "nc -l -p 9000 | sha256sum");
        Until.True(() => NamespaceLab.Try(bridge.B, "sh", "-c", "grep -q ':2328 .* 0A ' /proc/net/tcp").Succeeded, () => "nc did not listen");
        CommandResult client = NamespaceLab.Try(bridge.A, sent, "nc", "-N", "-w", "20", Bridge.AddressB, "9000");
        Assert.True(client.Succeeded, client.ToString());
        string received = server.Wait(Until.Longest).Output;
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(sent)), received.Split(' ')[0]);
    }
}
