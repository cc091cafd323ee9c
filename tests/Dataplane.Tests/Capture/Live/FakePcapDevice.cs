using System;
using System.Collections.Generic;
using Dataplane.Capture.Live.Portable;

namespace Dataplane.Tests.Capture.Live;

/// <summary>Stands in for libpcap: the test is the wire.</summary>
internal sealed class FakePcapDevice : IPcapDevice
{
    private FrameArrived? _arrived;
    private Action? _stopped;

    public bool ShowsOwnFrames { get; init; }

    /// <summary>Sends fail, as on a link that is down.</summary>
    internal bool IsDown { get; set; }

    internal long Dropped { get; set; }

    internal bool IsDisposed { get; private set; }

    internal int Restarts { get; private set; }

    internal List<byte[]> Sent { get; } = [];

    public void Start(FrameArrived arrived, Action stopped) => (_arrived, _stopped) = (arrived, stopped);

    public bool TryRestart()
    {
        Restarts++;
        return !IsDown;
    }

    public bool TrySend(ReadOnlySpan<byte> frame)
    {
        if (IsDown)
        {
            return false;
        }

        Sent.Add(frame.ToArray());
        return true;
    }

    public long ReadDropped() => Dropped;

    public void Dispose() => IsDisposed = true;

    internal void Arrive(long time, params byte[] frame) => _arrived!(time, frame.Length, frame);

    internal void ArriveCut(long time, long wireLength, params byte[] frame) => _arrived!(time, wireLength, frame);

    internal void Stop() => _stopped!();
}
