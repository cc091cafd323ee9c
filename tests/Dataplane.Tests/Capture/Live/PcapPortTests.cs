using System;
using System.Linq;
using System.Threading;
using Dataplane.Capture.Live;
using Dataplane.Capture.Live.Portable;
using Dataplane.Live;
using Dataplane.Packets;
using Xunit;

namespace Dataplane.Tests.Capture.Live;

/// <summary>The portable port, against a device that the test plays.</summary>
public sealed class PcapPortTests : IDisposable
{
    private const long Second = 1_000_000_000;

    private readonly EventWaiter _waiter = new();
    private readonly PacketBlock _block = new();
    private long _now = 100 * Second;

    public void Dispose() => _waiter.Dispose();

    [Fact]
    public void A_frame_is_received_as_it_arrived()
    {
        FakePcapDevice device = new();
        using PcapPort port = Port(device);
        device.Arrive(_now + 5, 1, 2, 3);
        device.Arrive(_now + 6, 4, 5);
        Assert.True(port.HasWaiting);
        Assert.Equal(2, port.Receive(_block, 10, 7));
        Assert.False(port.HasWaiting);
        Assert.Equal([1, 2, 3], _block.Bytes(0).ToArray());
        Assert.Equal([4, 5], _block.Bytes(1).ToArray());
        CapturedPacket packet = _block.Packets[1];
        Assert.Equal((_now + 6, 2, 2u, LinkType.Ethernet, (ushort)7, (byte)0), (packet.Time, packet.Length, packet.WireLength, packet.Link, packet.CaptureInterface, packet.FcsLength));
        Assert.Equal((2, 5), (port.Counters.Received, port.Counters.ReceivedBytes));
    }

    [Fact]
    public void No_more_are_received_than_asked_for_and_the_rest_still_waits()
    {
        FakePcapDevice device = new();
        using PcapPort port = Port(device);
        for (byte i = 0; i < 10; i++)
        {
            device.Arrive(_now, i);
        }

        Assert.Equal(4, port.Receive(_block, 4, 0));
        Assert.True(port.HasWaiting);
        device.Arrive(_now, 10);
        Assert.Equal(7, port.Receive(_block, 100, 0));
        Assert.Equal(Enumerable.Range(0, 11), Enumerable.Range(0, 11).Select(i => (int)_block.Bytes(i)[0]));
    }

    [Fact]
    public void A_full_block_takes_no_more()
    {
        FakePcapDevice device = new();
        using PcapPort port = Port(device, 2_048);
        for (int i = 0; i < PacketBlock.Capacity + 5; i++)
        {
            device.Arrive(_now, 1);
        }

        Assert.Equal(PacketBlock.Capacity, port.Receive(_block, int.MaxValue, 0));
        _block.Reset();
        Assert.Equal(5, port.Receive(_block, int.MaxValue, 0));
    }

    [Fact]
    public void Times_never_go_back()
    {
        FakePcapDevice device = new();
        using PcapPort port = Port(device);
        device.Arrive(_now + 50, 1);
        device.Arrive(_now + 40, 2);
        port.Receive(_block, 2, 0);
        Assert.Equal(_block.Packets[0].Time, _block.Packets[1].Time);
    }

    [Fact]
    public void What_finds_no_room_is_dropped_and_counted()
    {
        FakePcapDevice device = new() { Dropped = 1_000 };
        using PcapPort port = Port(device, 64);
        for (int i = 0; i < 100; i++)
        {
            device.Arrive(_now, 1);
        }

        device.ArriveCut(_now, 70_000, 1, 2, 3);
        port.ReadCounters();
        Assert.Equal(1_000 + 36 + 1, port.Counters.DroppedByKernel);
        Assert.False(port.Counters.KnowsDropped);
        Assert.Equal(64, port.Receive(_block, 1_000, 0));

        // There is room again.
        device.Arrive(_now, 9);
        Assert.Equal(1, port.Receive(_block, 1_000, 0));
    }

    [Fact]
    public void Own_frames_are_dropped_once_for_each_time_they_were_sent_where_the_device_shows_them()
    {
        FakePcapDevice device = new() { ShowsOwnFrames = true };
        using PcapPort port = Port(device);
        port.Send([1, 2, 3]);
        port.Send([1, 2, 3]);
        device.Arrive(_now, 1, 2, 3);
        device.Arrive(_now, 1, 2, 4);
        device.Arrive(_now, 1, 2, 3);
        device.Arrive(_now, 1, 2, 3);
        Assert.Equal(2, port.Receive(_block, 10, 0));
        Assert.Equal([1, 2, 4], _block.Bytes(0).ToArray());
        Assert.Equal([1, 2, 3], _block.Bytes(1).ToArray());
    }

    [Fact]
    public void A_frame_that_was_sent_long_ago_is_somebody_elses()
    {
        FakePcapDevice device = new() { ShowsOwnFrames = true };
        using PcapPort port = Port(device);
        port.Send([1, 2, 3]);
        device.Arrive(_now + (2 * Second), 1, 2, 3);
        Assert.Equal(1, port.Receive(_block, 10, 0));
    }

    [Fact]
    public void Nothing_is_taken_for_an_own_frame_where_the_device_hides_them()
    {
        FakePcapDevice device = new() { ShowsOwnFrames = false };
        using PcapPort port = Port(device);
        port.Send([1, 2, 3]);
        device.Arrive(_now, 1, 2, 3);
        Assert.Equal(1, port.Receive(_block, 10, 0));
    }

    [Fact]
    public void Sent_and_not_sent_are_counted()
    {
        FakePcapDevice device = new();
        using PcapPort port = Port(device);
        Assert.True(port.Send([1, 2, 3]));
        device.IsDown = true;
        Assert.False(port.Send([1, 2, 3]));
        device.IsDown = false;
        Assert.False(port.Send(new byte[1_500 + 14 + 4 + 1]));
        Assert.True(port.Send(new byte[1_500 + 14 + 4]));
        Assert.Equal((2, 3 + 1_518, 2), (port.Counters.Sent, port.Counters.SentBytes, port.Counters.NotSent));
        Assert.Equal(2, device.Sent.Count);
    }

    [Fact]
    public void A_capture_that_ended_is_begun_again_until_it_can_and_not_all_the_time()
    {
        FakePcapDevice device = new() { IsDown = true };
        using PcapPort port = Port(device);
        device.Stop();
        port.Receive(_block, 1, 0);
        port.Receive(_block, 1, 0);
        Assert.Equal(1, device.Restarts);
        _now += Second;
        device.IsDown = false;
        port.Receive(_block, 1, 0);
        _now += Second;
        port.Receive(_block, 1, 0);
        Assert.Equal(2, device.Restarts);
        device.Arrive(_now, 1);
        Assert.Equal(1, port.Receive(_block, 1, 0));
    }

    [Fact]
    public void A_frame_wakes_who_sleeps()
    {
        FakePcapDevice device = new();
        using PcapPort port = Port(device);
        using ManualResetEventSlim woken = new();
        Thread sleeper = new(() =>
        {
            _waiter.Wait(TimeSpan.FromMinutes(1));
            woken.Set();
        });
        sleeper.Start();
        device.Arrive(_now, 1);
        Assert.True(woken.Wait(TimeSpan.FromSeconds(20)), "nobody woke");
    }

    [Fact]
    public void Closing_the_port_closes_the_device()
    {
        FakePcapDevice device = new();
        Port(device).Dispose();
        Assert.True(device.IsDisposed);
    }

    private PcapPort Port(FakePcapDevice device, int frames = 256) =>
        new("eth0", new MacAddress(0x0200_0000_0001), 1_500, device, new LiveClock(() => _now), _waiter, new LiveSizes(frames));
}
