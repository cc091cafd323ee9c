using System.Threading;
using Dataplane.Capture;
using Dataplane.Engine;
using Dataplane.Packets;

namespace Dataplane.Cli;

/// <summary>Capture files as a source of the pipeline.</summary>
internal sealed class CaptureSource(CaptureReader reader) : IPacketSource
{
    public bool MayWait => reader.TotalBytes is null;

    public bool ReadBlock(PacketBlock block, CancellationToken cancellation) => reader.ReadBlock(block, cancellation);
}
