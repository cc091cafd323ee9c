using System;
using System.IO;
using BenchmarkDotNet.Attributes;
using Dataplane.Capture;
using Dataplane.Packets;

namespace Dataplane.Bench;

/// <summary>What reading costs: a capture of 60-byte frames in the page cache, framed into blocks; and framed and parsed.</summary>
[MemoryDiagnoser]
public class CaptureReadBench
{
    private const int Packets = 1_000_000;

    private readonly PacketBlock _block = new();
    private string _file = "";

    [GlobalSetup]
    public void Setup()
    {
        _file = Path.Combine(Path.GetTempPath(), $"dataplane-read-{Environment.ProcessId}.pcap");
        Traffic.WriteCapture(_file, Packets, 60);
        if (Read() != Packets * 60L || ReadAndParse() != Packets)
        {
            throw new InvalidOperationException("the capture was not read as it was written");
        }
    }

    [GlobalCleanup]
    public void Cleanup() => File.Delete(_file);

    /// <returns>Captured bytes.</returns>
    [Benchmark(OperationsPerInvoke = Packets)]
    public long Read()
    {
        using CaptureReader reader = CaptureReader.Open([_file]);
        long bytes = 0;
        while (reader.ReadBlock(_block))
        {
            bytes += _block.BytesUsed;
        }

        return bytes;
    }

    /// <returns>Packets of TCP with their ports.</returns>
    [Benchmark(OperationsPerInvoke = Packets)]
    public int ReadAndParse()
    {
        using CaptureReader reader = CaptureReader.Open([_file]);
        int found = 0;
        while (reader.ReadBlock(_block))
        {
            HeaderParser.ParseBlock(_block, null);
            foreach (ref readonly Headers headers in _block.Headers[.._block.Count])
            {
                found += headers is { Protocol: 6, PortsKnown: true, DestinationPort: not 0 } ? 1 : 0;
            }
        }

        return found;
    }
}
