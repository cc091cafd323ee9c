using System;
using Dataplane.Live;
using Dataplane.Packets;

namespace Dataplane.Capture.Live;

/// <summary>What all back-ends have in common.</summary>
internal abstract class LivePort(string name, MacAddress address, int mtu) : ILivePort
{
    public string Name { get; } = name;

    public abstract string Method { get; }

    public MacAddress Address { get; } = address;

    public int Mtu { get; } = mtu;

    public LivePortCounters Counters { get; } = new();

    /// <summary>Files to wait for, where the port has some; they are readable while frames wait.</summary>
    internal abstract ReadOnlySpan<int> Descriptors { get; }

    /// <summary>Whether frames wait that no descriptor tells of.</summary>
    internal virtual bool HasWaiting => false;

    public abstract int Receive(PacketBlock block, int most, int captureInterface);

    public virtual void FinishChecksum(Span<byte> frame)
    {
    }

    public abstract bool Send(ReadOnlySpan<byte> frame);

    public abstract void Flush();

    public abstract void ReadCounters();

    public abstract void Dispose();

    /// <summary>A descriptor has an error: takes it off, so that the next wait sleeps again.</summary>
    internal virtual void TakeError()
    {
    }
}
