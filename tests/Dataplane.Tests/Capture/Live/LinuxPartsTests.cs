using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Capture.Live;
using Dataplane.Capture.Live.Linux;
using Dataplane.Live;
using Xunit;

namespace Dataplane.Tests.Capture.Live;

/// <summary>Pieces of the Linux back-ends that need no interface.</summary>
public sealed class LinuxPartsTests
{
    [Fact]
    public void A_tag_is_put_behind_the_addresses()
    {
        byte[] frame = [.. Enumerable.Range(0, 20).Select(i => (byte)i)];
        byte[] tagged = new byte[24];
        VlanTag.CopyWith(frame, 0x88a8, 0x6064, tagged);
        Assert.Equal([.. frame[..12], 0x88, 0xa8, 0x60, 0x64, .. frame[12..]], tagged);
    }

    [Fact]
    public void A_function_of_the_kernel_is_found_by_its_whole_name()
    {
        // integer (4 bytes more), prototype without parameters, a function whose name ends like the one that is asked for, the function.
        byte[] btf = Btf("\0int\0not_asked\0asked\0", Type(1, 1, 0, 4), Word(32), Type(0, 13, 0, 0), Type(5, 12, 0, 2), Type(15, 12, 0, 2));
        Assert.Equal(4, KernelTypes.Function(btf, "asked"u8));
        Assert.Equal(3, KernelTypes.Function(btf, "not_asked"u8));
        Assert.Equal(0, KernelTypes.Function(btf, "int"u8));
        Assert.Equal(0, KernelTypes.Function(btf, "absent"u8));
        Assert.Equal(0, KernelTypes.Function(btf.AsSpan(0, 30), "asked"u8));
        Assert.Equal(0, KernelTypes.Function([], "asked"u8));
    }

    public static TheoryData<string, bool, bool, bool, string[]> Settings => new()
    {
        // method                  up     carrier gro    what is said
        { "packet",                true,  true,   false, [] },
        { "packet",                true,  true,   true,  ["`ethtool -K eth1 gro off gso off tso off` mends it"] },
        { "pcap",                  true,  true,   true,  ["`ethtool -K eth1 gro off gso off tso off` mends it"] },
        { "xdp (generic, copy)",   true,  true,   true,  ["`ethtool -K eth1 gro off gso off tso off` mends it"] },
        { "xdp (native, copy)",    true,  true,   true,  [] },
        { "packet",                false, false,  false, ["until `ip link set eth1 up`"] },
        { "packet",                true,  false,  false, ["until the other end is up"] },
    };

    [Theory, MemberData(nameof(Settings))]
    public void A_setting_that_hurts_is_said_with_what_mends_it(string method, bool isUp, bool hasCarrier, bool merges, string[] said)
    {
        InterfaceFacts facts = new("eth1", 5, new MacAddress(1), 1_500, 1, isUp, hasCarrier);
        InterfaceOffloads offloads = new(merges, false, merges, merges, true, true, "e1000");
        string[] sentences = [.. InterfaceChecks.Of(method, facts, offloads, [])];
        Assert.Equal(said.Length, sentences.Length);
        Assert.All(sentences.Zip(said), s => Assert.EndsWith(s.Second, s.First, StringComparison.Ordinal));
    }

    [Fact]
    public void Addresses_of_the_machine_and_the_other_end_of_a_pair_are_spoken_of()
    {
        InterfaceFacts facts = new("eth1", 5, new MacAddress(1), 1_500, 1, true, true);
        InterfaceOffloads offloads = new(false, false, false, false, true, true, "veth");
        string[] sentences = [.. InterfaceChecks.Of("packet", facts, offloads, ["10.0.0.1"])];
        Assert.Contains("`ethtool -K INTERFACE tx off` there mends it", sentences[0], StringComparison.Ordinal);
        Assert.Contains("`ip addr flush dev eth1` ends that", sentences[1], StringComparison.Ordinal);

        // The network stack sees nothing of what an XDP program takes, and the kernel does not send such segments to one.
        Assert.Empty(InterfaceChecks.Of("xdp (native, copy)", facts, offloads, ["10.0.0.1"]));
    }

    [Theory]
    [InlineData(0, 0, 32_768)]
    [InlineData(0, 2, 32_768)]
    [InlineData(0, 4, 16_384)]
    [InlineData(0, 5, 8_192)]
    [InlineData(0, 8, 8_192)]
    [InlineData(0, 1_000, 1_024)]
    [InlineData(1, 2, 64)]
    [InlineData(65, 2, 128)]
    [InlineData(1_000_000, 2, 65_536)]
    public void Frames_that_may_wait_are_shared_among_the_ports(int asked, int ports, int frames) => Assert.Equal(frames, new LiveSizes(asked).For(ports).ReceiveFrames);

    [Fact]
    public void All_faults_are_in_the_message()
    {
        LiveException exception = new([new LiveFault("eth0", "it is down", "Set it up"), new LiveFault("eth1", "there is none", "Name another")]);
        Assert.Equal("eth0: it is down. Set it up.\neth1: there is none. Name another.", exception.Message);
    }

    private static byte[] Btf(string names, params byte[][] types)
    {
        byte[] all = [.. types.SelectMany(t => t)];
        List<byte> file = [];
        file.AddRange(Word(0x0001_eb9f));
        file.AddRange([.. Word(24), .. Word(0), .. Word((uint)all.Length), .. Word((uint)all.Length), .. Word((uint)names.Length)]);
        file.AddRange(all);
        file.AddRange(names.Select(c => (byte)c));
        return [.. file];
    }

    private static byte[] Type(uint name, uint kind, uint count, uint size) => [.. Word(name), .. Word((kind << 24) | count), .. Word(size)];

    private static byte[] Word(uint value) => BitConverter.GetBytes(value);
}
