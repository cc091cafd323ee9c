using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Live;
using Dataplane.Packets;

namespace Dataplane.Tests.Live;

/// <summary>A live interface that keeps what is sent.</summary>
internal sealed class FakePort(string name, int mtu = 9_001) : ILivePort
{
    /// <summary>Frames that were sent, oldest first.</summary>
    public List<byte[]> Sent { get; } = [];

    /// <summary>Whether frames are kept; else only counted, for runs that may not allocate.</summary>
    public bool Keeps { get; set; } = true;

    public bool IsUp { get; set; } = true;

    public string Name => name;

    public string Method => "fake";

    public MacAddress Address => new(0x0200_0000_0001);

    public int Mtu { get; set; } = mtu;

    public LivePortCounters Counters { get; } = new();

    /// <summary>Frames that were said to be sent on.</summary>
    public int Finished { get; private set; }

    public void FinishChecksum(Span<byte> frame) => Finished++;

    public int Receive(PacketBlock block, int most, int captureInterface) => 0;

    public bool Send(ReadOnlySpan<byte> frame)
    {
        if (!IsUp)
        {
            Counters.NotSent++;
            return false;
        }

        Counters.Sent++;
        Counters.SentBytes += frame.Length;
        if (Keeps)
        {
            Sent.Add(frame.ToArray());
        }

        return true;
    }

    /// <summary>The frames sent since the last call.</summary>
    public byte[][] Take()
    {
        byte[][] taken = [.. Sent];
        Sent.Clear();
        return taken;
    }

    /// <summary>The same without router advertisements, which come when it is time for them.</summary>
    public byte[][] TakeOthers() => [.. Take().Where(frame => frame[12] != 0x86 || frame[54] != 134)];

    public void Flush()
    {
    }

    public void ReadCounters()
    {
    }

    public void Dispose()
    {
    }
}
