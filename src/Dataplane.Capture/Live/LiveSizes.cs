namespace Dataplane.Capture.Live;

/// <summary>How many frames a port can hold for us between two looks.</summary>
/// <param name="ReceiveFrames">Frames that may wait in a port; 64 to 65,536, rounded up to a power of two. What comes when all are taken is dropped and counted.</param>
/// <param name="SendFrames">Frames that are taken over before they are handed to the system without being asked for; 16 to 1,024, rounded up to a power of two.</param>
public sealed record LiveSizes(int ReceiveFrames = LiveSizes.DefaultReceiveFrames, int SendFrames = LiveSizes.DefaultSendFrames)
{
    /// <summary>20 ms at 200,000 packets/s: longer than a garbage collection or a slice of another program.</summary>
    public const int DefaultReceiveFrames = 4_096;

    public const int DefaultSendFrames = 64;
}
