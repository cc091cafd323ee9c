using System.Collections.Generic;
using Dataplane.Capture;
using Dataplane.Packets;

namespace Dataplane.Tests.Cli;

/// <summary>Captures as lists of bytes, and in another format.</summary>
public static class PcapFiles
{
    public static List<byte[]> Packets(string path)
    {
        List<byte[]> packets = [];
        using CaptureReader reader = CaptureReader.Open([path]);
        PacketBlock block = new();
        while (reader.ReadBlock(block))
        {
            for (int i = 0; i < block.Count; i++)
            {
                packets.Add(block.Bytes(i).ToArray());
            }
        }

        return packets;
    }

    public static void CopyAsPcapNg(string from, string to)
    {
        using CaptureReader reader = CaptureReader.Open([from]);
        using PcapNgWriter writer = new(to, index => reader.Interfaces[index]);
        PacketBlock block = new();
        while (reader.ReadBlock(block))
        {
            for (int i = 0; i < block.Count; i++)
            {
                writer.Write(block, i);
            }
        }
    }
}
