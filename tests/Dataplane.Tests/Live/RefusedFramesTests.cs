using System;
using System.Collections.Generic;
using System.Threading;
using Dataplane.Engine;
using Dataplane.Live;
using Dataplane.Packets;
using Dataplane.Records;
using Xunit;

namespace Dataplane.Tests.Live;

/// <summary>Frames that a port takes and the system then refuses: a link that is down, a full queue.</summary>
public sealed class RefusedFramesTests
{
    [Theory, InlineData(10), InlineData(200)]
    public void Frames_that_the_system_refuses_are_not_called_forwarded_also_when_a_full_port_flushes_by_itself(int frames)
    {
        using OnePort port = new() { Arriving = frames };
        SendsBack forwarding = new(port);
        Run(port, forwarding, () => forwarding.Fates.Total == frames);
        Assert.Equal((0, frames, frames), (forwarding.Fates[LiveFate.Forwarded], forwarding.Fates[LiveFate.NotSent], port.Counters.NotSent));
    }

    [Fact]
    public void Frames_of_the_networks_own_that_are_refused_make_no_fate_negative()
    {
        using OnePort port = new();
        SendsBack forwarding = new(port) { Advertises = true };
        Run(port, forwarding, () => port.Counters.NotSent > 2);
        Assert.All(Enum.GetValues<LiveFate>(), fate => Assert.Equal(0, forwarding.Fates[fate]));
    }

    [Fact]
    public void Frames_that_are_no_IP_and_are_refused_are_not_called_passed()
    {
        LiveFates fates = new();
        fates.Add(LiveFate.Forwarded);
        fates.Add(LiveFate.Passed);
        fates.Refused(3);
        Assert.Equal((0, 0, 2, 2), (fates[LiveFate.Forwarded], fates[LiveFate.Passed], fates[LiveFate.NotSent], fates.Total));
    }

    private static void Run(OnePort port, IForwarding forwarding, Func<bool> isDone)
    {
        using CancellationTokenSource end = new();
        LiveLoop loop = new(port, forwarding, new NoJudge(), _ => { }, null);
        DateTime deadline = DateTime.UtcNow.AddSeconds(20);
        void Look()
        {
            if (isDone() || DateTime.UtcNow > deadline)
            {
                end.Cancel();
            }
            else
            {
                loop.Post(Look);
            }
        }

        loop.Post(Look);
        loop.Run(end.Token);
        Assert.True(isDone(), "it did not come to its end in time");
    }

    private sealed class NoJudge : IJudge
    {
        public ResultTables Tables { get; } = new();

        public void Judge(PacketBlock block)
        {
        }
    }

    private sealed class SendsBack(ILivePort port) : IForwarding
    {
        public bool Advertises { get; init; }

        public LiveFates Fates { get; } = new();

        public void Arrived(PacketBlock block)
        {
        }

        public void Judged(PacketBlock block)
        {
            for (int i = 0; i < block.Count; i++)
            {
                Fates.Add(port.Send(block.Bytes(i)) ? LiveFate.Forwarded : LiveFate.NotSent);
            }
        }

        public void Tick(long now)
        {
            if (Advertises)
            {
                _ = port.Send(new byte[60]);
            }
        }
    }

    /// <summary>It takes 64 frames before it asks the system, which refuses all of them.</summary>
    private sealed class OnePort : ILivePorts, ILivePort
    {
        private int _taken;
        private long _now;

        public int Arriving { get; set; }

        public IReadOnlyList<ILivePort> Ports => [this];

        public string Name => "down";

        public string Method => "fake";

        public MacAddress Address => default;

        public int Mtu => 1_500;

        public LivePortCounters Counters { get; } = new();

        public long Now() => _now += 100_000_000;

        public void Wait(TimeSpan most)
        {
        }

        public void Rest(int microseconds)
        {
        }

        public void Wake()
        {
        }

        public int Receive(PacketBlock block, int most, int captureInterface)
        {
            int count = Math.Min(most, Arriving);
            for (int i = 0; i < count; i++)
            {
                block.Add(1, 60, 60, LinkType.Ethernet, captureInterface).Clear();
            }

            Arriving -= count;
            return count;
        }

        public bool Send(ReadOnlySpan<byte> frame)
        {
            if (++_taken == 64)
            {
                Flush();
            }

            return true;
        }

        public void Flush()
        {
            Counters.NotSent += _taken;
            Counters.Refused += _taken;
            _taken = 0;
        }

        public void ReadCounters()
        {
        }

        public void Dispose()
        {
        }
    }
}
