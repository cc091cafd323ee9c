using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.Json;
using Dataplane.Capture;
using Dataplane.Packets;
using Dataplane.Tests.Capture;
using Dataplane.Tests.TestSupport;
using PacketDotNet;
using Xunit;
using Xunit.Abstractions;

namespace Dataplane.Tests.Packets;

/// <summary>PacketDotNet judges the parser wherever both read a packet; docs/parser-differences.md explains where they do not.</summary>
/// <remarks>TcpPacket.OptionsCollection is never touched: it does not return on an option of length 0 (REL-19).</remarks>
public sealed class ParserDifferentialTests(ITestOutputHelper output)
{
    private static readonly int Mutants = LongRuns.IsOn ? 1_000_000 : 20_000;

    private static IEnumerable<string> CaptureFiles => Directory.EnumerateFiles(Repository.Captures)
        .Where(f => f.Contains(".pcap", StringComparison.Ordinal))
        .Order(StringComparer.Ordinal);

    [Fact]
    public void REL_20_Shipped_captures_are_parsed_as_the_judge_does()
    {
        var tally = new Tally();
        int files = 0;
        var block = new PacketBlock();
        foreach (string file in CaptureFiles)
        {
            files++;
            using CaptureReader reader = CaptureReader.Open([file]);
            while (reader.ReadBlock(block))
            {
                for (int i = 0; i < block.Count; i++)
                {
                    tally.Compare(block.Bytes(i).ToArray(), block.Packets[i].Link, block.Packets[i].WireLength);
                }
            }

            Assert.Empty(reader.Warnings);
        }

        output.WriteLine(tally.ToString());
        Assert.True(files > 5);
        Assert.Empty(tally.Differences);
        Assert.Equal(0, tally.Count("judge throws"));
    }

    [Fact]
    public void Shipped_captures_hold_as_many_invalid_and_ignored_packets_as_they_say()
    {
        using JsonDocument expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Repository.Captures, "expected.json")));
        var block = new PacketBlock();
        foreach (string file in CaptureFiles)
        {
            var counts = new Dictionary<PacketStatus, int>();
            using CaptureReader reader = CaptureReader.Open([file]);
            while (reader.ReadBlock(block))
            {
                HeaderParser.ParseBlock(block, null);
                for (int i = 0; i < block.Count; i++)
                {
                    counts[block.Headers[i].Status] = counts.GetValueOrDefault(block.Headers[i].Status) + 1;
                }
            }

            JsonElement said = expected.RootElement.EnumerateArray().Single(e => e.GetProperty("capture").GetString() == Path.GetFileName(file)).GetProperty("verdicts");
            Assert.Equal((file, said.GetProperty("invalid").GetInt32(), said.GetProperty("ignored").GetInt32()), (file, counts.GetValueOrDefault(PacketStatus.Invalid), counts.GetValueOrDefault(PacketStatus.Ignored)));
        }
    }

    [Theory]
    [InlineData(20261123)]
    [InlineData(0)]    // a fresh seed, printed
    public void REL_20_Mutated_packets_are_parsed_as_the_judge_does(int seed)
    {
        seed = seed != 0 ? seed : Random.Shared.Next(1, int.MaxValue);
        var mutator = new Mutator(seed);
        List<byte[]> raw = [.. Samples.All];
        List<byte[]> framed = [.. Samples.All.Select(p => PacketBuilder.Ethernet(p)), .. Samples.All.Select(p => PacketBuilder.Ethernet(p, 0x8100))];
        var tally = new Tally();
        var clock = Stopwatch.StartNew();
        int done = 0;
        for (; done < Mutants / 2 && clock.Elapsed < TimeSpan.FromMinutes(4); done++)
        {
            bool ethernet = done % 2 == 0;
            byte[] packet = mutator.Next(ethernet ? framed : raw);
            tally.Compare(packet, ethernet ? LinkType.Ethernet : LinkType.Raw, (uint)packet.Length);
        }

        output.WriteLine($"seed {seed}, {done} mutants in {clock.Elapsed.TotalSeconds:F0} s\n{tally}");
        Assert.True(tally.Differences.Count == 0, $"seed {seed}:\n{tally}");
        Assert.True(tally.Count("both read it alike") > done / 10);
    }

    /// <summary>Counts of how two parsers answered, and the packets on which they contradict each other.</summary>
    private sealed class Tally
    {
        private readonly SortedDictionary<string, int> _counts = new(StringComparer.Ordinal);
        private readonly PacketBlock _block = new();

        internal List<string> Differences { get; } = [];

        public override string ToString() => string.Join('\n', [.. _counts.Select(c => FormattableString.Invariant($"{c.Value,9} {c.Key}")), .. Differences.Take(20)]);

        internal int Count(string what) => _counts.GetValueOrDefault(what);

        internal void Compare(byte[] frame, LinkType link, uint wireLength)
        {
            _block.Reset();
            frame.CopyTo(_block.Add(0, frame.Length, wireLength, link, 0));
            HeaderParser.ParseBlock(_block, null);
            Headers ours = _block.Headers[0];
            string answer;
            try
            {
                answer = Judge(frame, link, ours);
            }
            catch (Exception e) when (e is not (OutOfMemoryException or StackOverflowException))
            {
                answer = ours.Status == PacketStatus.Ok ? "judge throws" : "judge throws, not read by us either";
            }

            _counts[answer] = Count(answer) + 1;
            if (answer.StartsWith("DIFFERS", StringComparison.Ordinal))
            {
                Differences.Add($"{answer}: {link} {wireLength} {Convert.ToHexString(frame)}");
            }
        }

        private static string Judge(byte[] frame, LinkType link, in Headers ours)
        {
            LinkLayers layers = (LinkLayers)(int)link;
            IPPacket? ip = Packet.ParsePacket(layers, frame)?.Extract<IPPacket>();
            if (ours.Status != PacketStatus.Ok)
            {
                return ours.Status == PacketStatus.Ignored
                    ? ip is null || (ip.Version == IPVersion.IPv6 && ip.Protocol == ProtocolType.IcmpV6) ? "neither reads it as a packet to judge" : "judge reads a packet in what is not IP to us"
                    : ip is null ? "neither reads it" : "invalid to us, the judge does not check lengths";
            }

            if (ip is null)
            {
                return "judge finds no IP packet";
            }

            if ((ip.Version == IPVersion.IPv6) != ours.IsIpv6 || ip.SourceAddress.ToString() != ours.Source.ToString() || ip.DestinationAddress.ToString() != ours.Destination.ToString())
            {
                return "DIFFERS in addresses";
            }

            if (ours.IsLaterFragment)
            {
                return "a later fragment, in which the judge reads ports all the same";
            }

            if ((int)ip.Protocol != ours.Protocol)
            {
                return IsWhereTheRfcSays(frame, ours) ? "the judge loses its way in extension headers" : "DIFFERS in protocol";
            }

            bool alike = ours.Protocol switch
            {
                6 => ip.Extract<TcpPacket>() is { } tcp ? (tcp.SourcePort, tcp.DestinationPort, (byte)tcp.Flags) == (ours.SourcePort, ours.DestinationPort, ours.TcpFlags) : throw new InvalidOperationException("no TCP"),
                17 => ip.Extract<UdpPacket>() is { } udp ? (udp.SourcePort, udp.DestinationPort) == (ours.SourcePort, ours.DestinationPort) : throw new InvalidOperationException("no UDP"),
                1 when !ours.IsIpv6 => ip.Extract<IcmpV4Packet>() is { } icmp ? (ushort)icmp.TypeCode == ours.DestinationPort && (ours.SourcePort == 0 || icmp.Id == ours.SourcePort) : throw new InvalidOperationException("no ICMP"),
                58 when ours.IsIpv6 => ip.Extract<IcmpV6Packet>() is { } icmp6 ? ((int)icmp6.Type << 8 | icmp6.Code) == ours.DestinationPort : throw new InvalidOperationException("no ICMPv6"),
                _ => true,
            };
            return alike ? "both read it alike"
                : IsWhereTheRfcSays(frame, ours) ? "the judge loses its way in extension headers"
                : $"DIFFERS in protocol {ours.Protocol}";
        }

        /// <summary>True for an IPv6 packet with extension headers whose upper layer stands, by RFC 8200's lengths, where our parser found it.</summary>
        private static bool IsWhereTheRfcSays(ReadOnlySpan<byte> frame, in Headers ours)
        {
            if (!ours.IsIpv6)
            {
                return false;
            }

            ReadOnlySpan<byte> ip = frame[ours.NetworkOffset..];
            int next = ip[6];
            int at = 40;
            while (next is 0 or 43 or 44 or 60 or 135 or 139 or 140)
            {
                int length = next == 44 ? 8 : (ip[at + 1] + 1) * 8;
                next = ip[at];
                at += length;
            }

            bool ports = !ours.PortsKnown || next is not (6 or 17)
                || ((ip[at] << 8 | ip[at + 1]) == ours.SourcePort && (ip[at + 2] << 8 | ip[at + 3]) == ours.DestinationPort);
            // At 98 (IANA: a transport), 51 and the experimental 253 and 254 the chain ends for us; the judge walks on.
            return (at > 40 || next is 51 or 98 or 253 or 254) && ours.TransportOffset == ours.NetworkOffset + at && next == ours.Protocol && ports;
        }
    }
}
