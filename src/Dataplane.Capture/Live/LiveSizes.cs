using System;
using System.Numerics;

namespace Dataplane.Capture.Live;

/// <summary>How many frames a port can hold for us between two looks.</summary>
/// <param name="ReceiveFrames">
/// Frames that may wait in a port; 64 to 65,536, rounded up to a power of two. What comes when all are taken is dropped and counted. 0 shares <see cref="AllReceiveFrames"/>
/// among the ports.
/// </param>
/// <param name="SendFrames">Frames that are taken over before they are handed to the system without being asked for; 16 to 1,024, rounded up to a power of two.</param>
public sealed record LiveSizes(int ReceiveFrames = 0, int SendFrames = LiveSizes.DefaultSendFrames)
{
    /// <summary>
    /// Frames that may wait in all ports together: some 100 MiB. Two ports hold 160 ms each at 200,000 packets/s, four 80: longer than a garbage collection or what other programs
    /// take of a processor. More frames cost no time (bench/README.md, live-ports).
    /// </summary>
    public const int AllReceiveFrames = 65_536;

    public const int DefaultSendFrames = 64;

    private const int LeastShare = 1_024;
    private const int MostShare = 32_768;

    /// <summary>Within the bounds, for so many ports.</summary>
    internal LiveSizes For(int ports)
    {
        int receive = ReceiveFrames > 0
            ? (int)BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(ReceiveFrames, 64, 65_536))
            : (int)Math.Clamp(BitOperations.RoundUpToPowerOf2((uint)(AllReceiveFrames / Math.Max(1, ports)) + 1) / 2, LeastShare, MostShare);
        return new(receive, (int)BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(SendFrames, 16, 1_024)));
    }
}
