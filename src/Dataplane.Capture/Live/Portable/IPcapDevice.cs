using System;

namespace Dataplane.Capture.Live.Portable;

/// <summary>A frame that a device captured.</summary>
/// <param name="time">Nanoseconds since 1970-01-01 UTC.</param>
/// <param name="wireLength">Bytes that it had; more than <paramref name="frame"/> has when it was too long for the device's buffer.</param>
/// <param name="frame">Valid during the call.</param>
internal delegate void FrameArrived(long time, long wireLength, ReadOnlySpan<byte> frame);

/// <summary>What the portable port needs of libpcap: so little that a test can stand in for it.</summary>
internal interface IPcapDevice : IDisposable
{
    /// <summary>Frames that the program sends are captured too.</summary>
    bool ShowsOwnFrames { get; }

    /// <summary>Begins to capture in another thread, which calls <paramref name="arrived"/> for each frame and <paramref name="stopped"/> when it ends unasked.</summary>
    void Start(FrameArrived arrived, Action stopped);

    /// <summary>Captures again after it stopped.</summary>
    /// <returns>False when it cannot yet: the interface is down or gone.</returns>
    bool TryRestart();

    /// <returns>False when the system did not take the frame.</returns>
    bool TrySend(ReadOnlySpan<byte> frame);

    /// <summary>Frames that the system says it dropped, which may be fewer than it did.</summary>
    long ReadDropped();
}
