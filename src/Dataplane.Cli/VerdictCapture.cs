using System.Collections.Generic;
using System.IO;
using Dataplane.Capture;
using Dataplane.Engine;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Cli;

/// <summary>The packets of one verdict, or all, byte for byte, as pcapng; each denied one says why in a comment that Wireshark shows.</summary>
/// <param name="verdict">Null for all.</param>
/// <param name="interfaces">Where packets come from; may grow.</param>
internal sealed class VerdictCapture(Stream stream, Verdict? verdict, IReadOnlyList<CaptureInterface> interfaces, ResultTables tables) : IPacketSink, System.IDisposable
{
    // The writer closes what it is given; the file is the command's, to be renamed when everything was written.
    private readonly PcapNgWriter _writer = new(new KeptOpen(stream), index => index < interfaces.Count ? interfaces[index] : null);

    /// <summary>Hand packets on after every block: for a file that is read while it grows.</summary>
    internal bool FlushEachBlock { get; init; }

    public void Write(PacketBlock block)
    {
        long before = _writer.Packets;
        for (int i = 0; i < block.Count; i++)
        {
            if (block.Selected[i] && (verdict is null || tables.Paths[block.Results[i].Path].Verdict == verdict))
            {
                Write(block, i, in block.Results[i]);
            }
        }

        if (FlushEachBlock && _writer.Packets > before)
        {
            _writer.Flush();
        }
    }

    /// <summary>Writes one packet, with the reason of this result if it is a denial.</summary>
    internal void Write(PacketBlock block, int i, in PacketResult result)
    {
        PathEntry entry = tables.Paths[result.Path];
        _writer.Write(block, i, entry.Verdict != Verdict.Deny ? null
            : entry.Rule < 0 ? entry.Reason.ToString()
            : $"{entry.Reason} {tables.Names[entry.Rule]}");
    }

    public void Complete() => _writer.Dispose();

    public void Dispose() => _writer.Dispose();

    private sealed class KeptOpen(Stream stream) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => stream.Length;

        public override long Position
        {
            get => stream.Position;
            set => throw new System.NotSupportedException();
        }

        public override void Flush() => stream.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new System.NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new System.NotSupportedException();

        public override void SetLength(long value) => throw new System.NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => stream.Write(buffer, offset, count);

        public override void Write(System.ReadOnlySpan<byte> buffer) => stream.Write(buffer);
    }
}
