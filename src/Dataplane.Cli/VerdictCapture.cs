using System.IO;
using System.Text;
using Dataplane.Capture;
using Dataplane.Engine;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Cli;

/// <summary>The packets of one verdict, byte for byte, as pcapng; each denied one says why in a comment that Wireshark shows.</summary>
internal sealed class VerdictCapture(Stream stream, Verdict verdict, CaptureReader reader, ResultTables tables) : IPacketSink
{
    private readonly PcapNgWriter _writer = new(stream);

    public void Write(PacketBlock block)
    {
        for (int i = 0; i < block.Count; i++)
        {
            PathEntry entry = tables.Paths[block.Results[i].Path];
            if (!block.Selected[i] || entry.Verdict != verdict)
            {
                continue;
            }

            string? comment = verdict != Verdict.Deny ? null
                : entry.Rule < 0 ? entry.Reason.ToString()
                : new StringBuilder().Append(entry.Reason).Append(' ').Append(tables.Names[entry.Rule]).ToString();
            _writer.Write(block.Packets[i], block.Bytes(i), reader.Interfaces[block.Packets[i].CaptureInterface], comment);
        }
    }

    public void Complete() => _writer.Complete();
}
