using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using Dataplane.Capture;
using Dataplane.Packets;
using Dataplane.Tests.Packets;
using Dataplane.Tests.TestSupport;
using Xunit;
using Xunit.Abstractions;
using static Dataplane.Tests.Capture.CaptureBytes;

namespace Dataplane.Tests.Capture;

/// <summary>Damaged captures give packets, a warning or a fault; never another exception, a hang, or memory without bound.</summary>
public sealed class HostileCaptureTests(ITestOutputHelper output)
{
    /// <summary>2,000 mutants, or with DATAPLANE_LONG=1 as many of a million as fit into eight minutes.</summary>
    private static readonly int Mutants = LongRuns.IsOn ? 1_000_000 : 2_000;

    private static readonly TimeSpan Most = TimeSpan.FromMinutes(8);

    private static List<byte[]> Sources()
    {
        var packets = new List<(long, uint, byte[])>();
        var little = new CaptureBytes(false);
        var big = new CaptureBytes(true);
        little.Section().Interface(LinkType.Raw, 0, (9, [9]), (2, Utf8("eth0")));
        big.Section().Interface(LinkType.Raw, 96, (9, [0x80 | 20]), (14, big.SignedSeconds(-5))).Interface(LinkType.Ethernet);
        foreach (byte[] packet in Samples.All)
        {
            packets.Add((packets.Count, 5, packet));
            little.Enhanced(0, (ulong)packets.Count, packet, 1500, (1, Utf8("comment"))).Block(0xBAD, b => b.U32(1));
            big.Obsolete(0, (ulong)packets.Count, packet).Enhanced(1, 7, PacketBuilder.Ethernet(packet, 0x8100)).Simple(packet[..Math.Min(packet.Length, 96)], (uint)packet.Length);
        }

        byte[] pcap = Pcap(false, false, 101, [.. packets]);
        return [pcap, Pcap(true, true, 0x24000065, [.. packets]), little.Bytes, big.Bytes, [.. little.Bytes, .. big.Bytes], Gzip(pcap), Zstd(little.Bytes)];
    }

    [Theory]
    [InlineData(20261123)]
    [InlineData(0)]    // a fresh seed, printed
    public void REL_17_Mutated_captures_never_get_an_exception_out_of_the_reader(int seed)
    {
        seed = seed != 0 ? seed : Random.Shared.Next(1, int.MaxValue);
        output.WriteLine($"seed {seed}; {Mutants} mutants");
        List<byte[]> sources = Sources();
        var mutator = new Mutator(seed);
        var block = new PacketBlock();
        var clock = Stopwatch.StartNew();
        long packets = 0;
        long faults = 0;
        long damaged = 0;
        long slowest = 0;
        int done = 0;
        for (; done < Mutants && clock.Elapsed < Most / 2; done++)
        {
            byte[] file = mutator.Next(sources);
            long start = Stopwatch.GetTimestamp();
            try
            {
                using CaptureReader reader = CaptureReader.Open(new MemoryStream(file), "x", live: false);
                try
                {
                    while (reader.ReadBlock(block))
                    {
                        HeaderParser.ParseBlock(block, null);
                        packets += block.Count;
                    }
                }
                catch (CaptureException)
                {
                    faults++;
                }

                damaged += reader.IsDamaged ? 1 : 0;
                Assert.Equal(reader.IsDamaged, reader.Warnings.Count > 0 && string.Concat(reader.Warnings).Contains("Its first ", StringComparison.Ordinal));
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed}, mutant {done}: {Convert.ToHexString(file)}", e);
            }

            slowest = Math.Max(slowest, (long)Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            Assert.True(slowest < 2_000, $"seed {seed}, mutant {done} took {slowest} ms");
        }

        long heap = GC.GetTotalMemory(forceFullCollection: true);
        output.WriteLine($"{done} mutants in {clock.Elapsed.TotalSeconds:F0} s: {packets} packets, {faults} no captures, {damaged} damaged; slowest {slowest} ms; heap {heap >> 20} MiB");
        Assert.True(done >= Math.Min(Mutants, 2_000), $"only {done} mutants in {Most}");
        Assert.True(packets > done && faults > 0 && damaged > 0, "the mutants are too tame or too wild to show anything");

        // 64 segments of 256 KiB are kept by design; the rest of the test program has its own.
        Assert.True(heap < 256 << 20, $"{heap} bytes are still held");
    }
}
