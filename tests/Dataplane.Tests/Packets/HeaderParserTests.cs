using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Packets;
using Xunit;
using static Dataplane.Tests.TestSupport.PacketBuilder;

namespace Dataplane.Tests.Packets;

/// <summary>What is malformed, what is not IP, and which integers a sound packet becomes.</summary>
public sealed class HeaderParserTests
{
    private const string A = "10.0.1.10";
    private const string B = "10.0.2.20";
    private const string A6 = "2001:db8::a";
    private const string B6 = "2001:db8::b";

    private static byte[] Changed(byte[] packet, params (int At, int Value)[] bytes)
    {
        byte[] copy = [.. packet];
        foreach ((int at, int value) in bytes)
        {
            copy[at] = (byte)value;
        }

        return copy;
    }

    [Fact]
    public void A_tcp_packet_becomes_its_integers()
    {
        Headers headers = Parse(Ethernet(Tcp(A, 40000, B, 443, Syn, 6)), LinkType.Ethernet);
        Assert.Equal(PacketStatus.Ok, headers.Status);
        Assert.Equal((A, 40000, B, 443, 6, Syn), (headers.Source.ToString(), headers.SourcePort, headers.Destination.ToString(), headers.DestinationPort, headers.Protocol, headers.TcpFlags));
        Assert.Equal(HeaderFlags.PortsKnown, headers.Flags);
        Assert.Equal((60u, 14, 34), (headers.WireLength, headers.NetworkOffset, headers.TransportOffset));
        Assert.True(headers.IsSyn);
    }

    [Fact]
    public void An_ipv6_packet_becomes_its_integers()
    {
        Headers headers = Parse(Udp(A6, 5353, B6, 53));
        Assert.Equal(PacketStatus.Ok, headers.Status);
        Assert.Equal((A6, 5353, B6, 53, 17), (headers.Source.ToString(), headers.SourcePort, headers.Destination.ToString(), headers.DestinationPort, headers.Protocol));
        Assert.Equal(HeaderFlags.PortsKnown | HeaderFlags.Ipv6, headers.Flags);
    }

    public static TheoryData<string, byte[]> Malformed => new()
    {
        { "an empty packet", [] },
        { "version 5", Changed(Tcp(A, 1, B, 2, Syn), (0, 0x55)) },
        { "an IPv4 header of 19 bytes", Tcp(A, 1, B, 2, Syn)[..19] },
        { "IHL 4", Changed(Tcp(A, 1, B, 2, Syn), (0, 0x44)) },
        { "IHL beyond the packet", Changed(Raw(A, B, 47), (0, 0x46), (3, 24)) },
        { "total length 0", Changed(Tcp(A, 1, B, 2, Syn), (3, 0)) },
        { "total length below IHL", Changed(Tcp(A, 1, B, 2, Syn), (3, 19)) },
        { "total length beyond the packet", Changed(Tcp(A, 1, B, 2, Syn), (3, 41)) },
        { "19 bytes of TCP", Raw(A, B, 6, TcpHeader(1, 2, Syn)[..19]) },
        { "TCP offset 4", Changed(Tcp(A, 1, B, 2, Syn), (32, 0x40)) },
        { "TCP offset beyond", Changed(Tcp(A, 1, B, 2, Syn), (32, 0x60)) },
        { "TCP header in padding only", Changed(Tcp(A, 1, B, 2, Syn), (3, 39)) },
        { "7 bytes of UDP", Raw(A, B, 17, UdpHeader(1, 2)[..7]) },
        { "UDP length 7", Raw(A, B, 17, UdpHeader(1, 2, 0, 7)) },
        { "UDP length 0", Raw(A, B, 17, UdpHeader(1, 2, 0, 0)) },
        { "UDP length beyond", Raw(A, B, 17, UdpHeader(1, 2, 4, 13)) },
        { "7 bytes of ICMP", Raw(A, B, 1, IcmpHeader(8, 0, 1, [])[..7]) },
        { "a first fragment without TCP's header", Fragment(A, B, 6, 7, 0, true, TcpHeader(1, 2, Syn)[..16]) },
        { "a first fragment without UDP's header", Fragment(A, B, 17, 7, 0, true, []) },
        { "a fragment that ends beyond 65,535", Fragment(A, B, 17, 7, 65528, false, new byte[8]) },
        { "an IPv6 header of 39 bytes", Tcp(A6, 1, B6, 2, Syn)[..39] },
        { "IPv6 payload beyond the packet", Changed(Tcp(A6, 1, B6, 2, Syn), (5, 21)) },
        { "IPv6 payload length 0 before TCP", Changed(Tcp(A6, 1, B6, 2, Syn), (5, 0)) },
        { "7 bytes of ICMPv6", Raw(A6, B6, 58, IcmpHeader(128, 0, 1, [])[..7]) },
        { "an IPv6 first fragment without UDP's header", Fragment(A6, B6, 17, 7, 0, true, []) },
        { "an extension header beyond the packet", Raw(A6, B6, 60, [6, 1, 0, 0, 0, 0, 0, 0]) },
        { "an extension header of 7 bytes", Raw(A6, B6, 60, [6, 0, 0, 0, 0, 0, 0]) },
        { "upper layer missing", Raw(A6, B6, 0, [6, 0, 0, 0, 0, 0, 0, 0]) },
        { "a fragment of a fragment", Fragment(A6, B6, 44, 7, 0, true, [6, 0, 0, 8, 0, 0, 0, 1]) },
        { "a short fragment header", Raw(A6, B6, 44, [6, 0, 0, 0]) },
    };

    [Theory, MemberData(nameof(Malformed))]
    public void R_39_Malformed_packets_are_invalid(string shows, byte[] packet)
    {
        Headers headers = Parse(packet);
        Assert.Equal((shows, PacketStatus.Invalid), (shows, headers.Status));
        Assert.Equal((default, default, 0, (uint)packet.Length), (headers.Source, headers.Destination, headers.Protocol, headers.WireLength));
    }

    public static TheoryData<string, byte[]> Sound => new()
    {
        { "a bare protocol without ports", Raw(A, B, 47) },
        { "options in IPv4", Changed(Raw(A, B, 6, [.. new byte[4], .. TcpHeader(1, 2, Syn)]), (0, 0x46)) },
        { "padding behind the packet", [.. Tcp(A, 1, B, 2, Syn), 0, 0, 0, 0, 0, 0] },
        { "UDP length below IP's", Raw(A, B, 17, UdpHeader(1, 2, 4, 8)) },
        { "a first fragment whose UDP length is the datagram's", Fragment(A, B, 17, 7, 0, true, UdpHeader(1, 2, 8, 3000)) },
        { "a later fragment without anything", Fragment(A, B, 6, 7, 8, false, []) },
        { "no next header", Raw(A6, B6, 59) },
        { "hop-by-hop behind destination options", Raw(A6, B6, 60, [0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, .. TcpHeader(1, 2, Syn)]) },
        { "AH ends the chain", Raw(A6, B6, 51) },
        { "protocol 0 in IPv4", Raw(A, B, 0) },
    };

    [Theory, MemberData(nameof(Sound))]
    public void R_39_Unusual_but_sound_packets_are_not_invalid(string shows, byte[] packet) =>
        Assert.Equal((shows, PacketStatus.Ok), (shows, Parse(packet).Status));

    [Fact]
    public void R_39_The_length_on_the_wire_counts_not_the_snap_length()
    {
        byte[] packet = Tcp(A, 1, B, 2, Syn, 1000);
        for (int captured = 0; captured <= 60; captured++)
        {
            HeaderParser.Parse(packet.AsSpan(0, captured), LinkType.Raw, (uint)packet.Length, out Headers headers);
            Assert.Equal((captured, captured >= 40 ? PacketStatus.Ok : PacketStatus.Invalid), (captured, headers.Status));
        }

        // Bytes beyond the length on the wire were never there.
        HeaderParser.Parse(packet, LinkType.Raw, 39, out Headers shorter);
        Assert.Equal(PacketStatus.Invalid, shorter.Status);
        HeaderParser.Parse(packet, LinkType.Raw, uint.MaxValue, out Headers longer);
        Assert.Equal(PacketStatus.Ok, longer.Status);
    }

    [Fact]
    public void R_39_A_version_that_contradicts_the_EtherType_is_invalid()
    {
        byte[] frame = Ethernet(Tcp(A, 1, B, 2, Syn));
        Assert.Equal(PacketStatus.Invalid, Parse(Changed(frame, (12, 0x86), (13, 0xDD)), LinkType.Ethernet).Status);
        byte[] v6 = Ethernet(Tcp(A6, 1, B6, 2, Syn));
        Assert.Equal(PacketStatus.Invalid, Parse(Changed(v6, (12, 8), (13, 0)), LinkType.Ethernet).Status);
        Assert.Equal(PacketStatus.Invalid, Parse(Tcp(A, 1, B, 2, Syn), LinkType.Ipv6).Status);
        Assert.Equal(PacketStatus.Invalid, Parse(Tcp(A6, 1, B6, 2, Syn), LinkType.Ipv4).Status);
    }

    [Theory]
    [InlineData(0x0806)]    // ARP
    [InlineData(0x88CC)]    // LLDP
    [InlineData(0x0026)]    // 802.3 length
    [InlineData(0x8863)]    // PPPoE discovery
    [InlineData(0x8864)]    // PPPoE session
    [InlineData(0x8847)]    // MPLS
    public void R_39_What_is_not_ip_is_ignored(int etherType)
    {
        byte[] frame = Ethernet(Tcp(A, 1, B, 2, Syn));
        Put16(frame, 12, etherType);
        Assert.Equal(PacketStatus.Ignored, Parse(frame, LinkType.Ethernet).Status);
        Assert.Equal(PacketStatus.Ignored, Parse(frame, (LinkType)147).Status);
    }

    [Theory]
    [InlineData(LinkType.Ethernet, 14)]
    [InlineData(LinkType.LinuxSll, 16)]
    [InlineData(LinkType.LinuxSll2, 20)]
    [InlineData(LinkType.Null, 4)]
    [InlineData(LinkType.Loop, 4)]
    [InlineData(LinkType.Ppp, 4)]
    [InlineData(LinkType.PppHdlc, 4)]
    public void R_39_A_frame_shorter_than_its_link_header_is_invalid(LinkType link, int length)
    {
        byte[] header = link is LinkType.Ppp or LinkType.PppHdlc ? [0xFF, 3, 0, 0x21] : new byte[length];
        for (int i = 0; i < length; i++)
        {
            Assert.Equal((i, PacketStatus.Invalid), (i, Parse(header[..i], link).Status));
        }
    }

    [Fact]
    public void Any_stack_of_vlan_tags_is_skipped()
    {
        byte[] packet = Tcp(A, 1, B, 443, Syn);
        int[][] stacks = [[0x8100], [0x88A8], [0x9100], [0x88A8, 0x8100], [0x9100, 0x9100, 0x8100], [.. Enumerable.Repeat(0x8100, 100)]];
        foreach (int[] stack in stacks)
        {
            Headers headers = Parse(Ethernet(packet, stack), LinkType.Ethernet);
            Assert.Equal((PacketStatus.Ok, 14 + 4 * stack.Length, 443), (headers.Status, headers.NetworkOffset, headers.DestinationPort));
        }

        Assert.Equal(PacketStatus.Invalid, Parse(Ethernet(packet, 0x8100)[..17], LinkType.Ethernet).Status);
        Assert.Equal(PacketStatus.Invalid, Parse(Ethernet(packet, [.. Enumerable.Repeat(0x8100, 20_000)]), LinkType.Ethernet).Status);
    }

    public static TheoryData<string, LinkType, byte[], bool> Links
    {
        get
        {
            var rows = new TheoryData<string, LinkType, byte[], bool>();
            byte[] v4 = Tcp(A, 1, B, 443, Syn);
            byte[] v6 = Tcp(A6, 1, B6, 443, Syn);
            foreach (LinkType raw in (LinkType[])[LinkType.Raw, LinkType.RawBsd12, LinkType.RawBsd14])
            {
                rows.Add("raw 4", raw, v4, false);
                rows.Add("raw 6", raw, v6, true);
            }

            rows.Add("ipv4", LinkType.Ipv4, v4, false);
            rows.Add("ipv6", LinkType.Ipv6, v6, true);
            rows.Add("sll", LinkType.LinuxSll, [0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0, .. v4], false);
            rows.Add("sll 6", LinkType.LinuxSll, [0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 0x86, 0xDD, .. v6], true);
            rows.Add("sll vlan", LinkType.LinuxSll, [0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 0x81, 0, 0, 1, 8, 0, .. v4], false);
            rows.Add("sll2", LinkType.LinuxSll2, [8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, .. v4], false);
            rows.Add("sll2 6", LinkType.LinuxSll2, [0x86, 0xDD, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, .. v6], true);
            foreach (LinkType bsd in (LinkType[])[LinkType.Null, LinkType.Loop])
            {
                rows.Add("bsd 4 little", bsd, [2, 0, 0, 0, .. v4], false);
                rows.Add("bsd 4 big", bsd, [0, 0, 0, 2, .. v4], false);
                foreach (byte family in (byte[])[10, 24, 28, 30])
                {
                    rows.Add($"bsd 6 little {family}", bsd, [family, 0, 0, 0, .. v6], true);
                    rows.Add($"bsd 6 big {family}", bsd, [0, 0, 0, family, .. v6], true);
                }
            }

            foreach (LinkType ppp in (LinkType[])[LinkType.Ppp, LinkType.PppHdlc])
            {
                rows.Add("ppp", ppp, [0, 0x21, .. v4], false);
                rows.Add("ppp 6", ppp, [0, 0x57, .. v6], true);
                rows.Add("ppp short protocol", ppp, [0x21, .. v4], false);
                rows.Add("ppp hdlc", ppp, [0xFF, 3, 0, 0x21, .. v4], false);
                rows.Add("ppp hdlc short", ppp, [0xFF, 3, 0x57, .. v6], true);
                rows.Add("cisco hdlc", ppp, [0x0F, 0, 8, 0, .. v4], false);
            }

            return rows;
        }
    }

    [Theory, MemberData(nameof(Links))]
    public void All_link_types_are_read(string shows, LinkType link, byte[] frame, bool v6)
    {
        Headers headers = Parse(frame, link);
        Assert.Equal((shows, PacketStatus.Ok, v6, 443), (shows, headers.Status, headers.IsIpv6, headers.DestinationPort));
    }

    [Fact]
    public void Other_families_and_protocols_of_a_link_are_ignored()
    {
        Assert.Equal(PacketStatus.Ignored, Parse([7, 0, 0, 0, 1, 2], LinkType.Null).Status);
        Assert.Equal(PacketStatus.Ignored, Parse([0xC0, 0x21, 1, 2], LinkType.Ppp).Status);
        Assert.Equal(PacketStatus.Ignored, Parse([0, 4, 3, 56, .. new byte[10], 8, 0], LinkType.LinuxSll).Status);    // netlink
    }

    [Fact]
    public void R_40_Extension_headers_are_walked_and_at_most_sixteen()
    {
        byte[] types = [0, 43, 60, 135, 139, 140];
        for (int count = 1; count <= 20; count++)
        {
            var chain = new List<byte>();
            for (int i = 0; i < count; i++)
            {
                chain.AddRange([i + 1 < count ? types[(i + 1) % types.Length] : (byte)6, 0, 0, 0, 0, 0, 0, 0]);
            }

            chain.AddRange(TcpHeader(1, 443, Syn));
            Headers headers = Parse(Raw(A6, B6, 0, [.. chain]));
            Assert.Equal((count, count <= 16 ? PacketStatus.Ok : PacketStatus.Invalid), (count, headers.Status));
            Assert.Equal(count <= 16 ? (443, 40 + 8 * count, 6) : (0, 0, 0), (headers.DestinationPort, headers.TransportOffset, headers.Protocol));
        }
    }

    [Theory]
    [InlineData(50)]
    [InlineData(51)]
    public void R_40_AH_and_ESP_end_the_chain(int protocol)
    {
        Headers headers = Parse(Raw(A6, B6, 60, [(byte)protocol, 0, 0, 0, 0, 0, 0, 0, 6, 4, 0, 0, 0, 0, 0, 0, .. TcpHeader(1, 443, Syn)]));
        Assert.Equal((PacketStatus.Ok, protocol, false, 48), (headers.Status, headers.Protocol, headers.PortsKnown, headers.TransportOffset));
    }

    [Fact]
    public void R_40_An_atomic_fragment_is_a_whole_packet()
    {
        Headers headers = Parse(Fragment(A6, B6, 6, 7, 0, false, TcpHeader(1, 443, Syn)));
        Assert.Equal((PacketStatus.Ok, HeaderFlags.Ipv6 | HeaderFlags.PortsKnown, 443, 0u), (headers.Status, headers.Flags, headers.DestinationPort, headers.FragmentId));
    }

    [Theory]
    [InlineData(A, B, 0xBEEFu)]
    [InlineData(A6, B6, 0xDEADBEEFu)]
    public void R_41_Fragments_carry_their_key(string a, string b, uint id)
    {
        Headers first = Parse(Fragment(a, b, 17, id, 0, true, UdpHeader(1, 53, 8, 3000)));
        Assert.Equal((PacketStatus.Ok, true, false, true, id, 17, 53), (first.Status, first.IsFirstFragment, first.IsLaterFragment, first.PortsKnown, first.FragmentId, first.FragmentProtocol, first.DestinationPort));
        Headers later = Parse(Fragment(a, b, 17, id, 16, false, UdpHeader(1, 53)));
        Assert.Equal((PacketStatus.Ok, false, true, false, id, 17, 0), (later.Status, later.IsFirstFragment, later.IsLaterFragment, later.PortsKnown, later.FragmentId, later.FragmentProtocol, later.DestinationPort));
    }

    [Fact]
    public void R_41_The_key_of_an_ipv6_fragment_has_the_fragment_headers_next_header()
    {
        Headers first = Parse(Fragment(A6, B6, 60, 7, 0, true, [6, 0, 0, 0, 0, 0, 0, 0, .. TcpHeader(1, 443, Syn, 4)]));
        Assert.Equal((PacketStatus.Ok, 6, 60, 443), (first.Status, first.Protocol, first.FragmentProtocol, first.DestinationPort));
        Headers later = Parse(Fragment(A6, B6, 60, 7, 32, false, [1, 2, 3]));
        Assert.Equal((PacketStatus.Ok, 60, 60), (later.Status, later.Protocol, later.FragmentProtocol));
    }

    [Fact]
    public void R_35_Neighbour_discovery_is_ignored()
    {
        for (int type = 130; type <= 140; type++)
        {
            Assert.Equal((type, type is >= 133 and <= 137 ? PacketStatus.Ignored : PacketStatus.Ok), (type, Parse(Icmp(A6, B6, type, 0)).Status));
        }

        Assert.Equal(PacketStatus.Ok, Parse(Raw(A, B, 58, IcmpHeader(133, 0, 0, []))).Status);
    }

    [Theory]
    [InlineData(A, B, new[] { 0, 8, 13, 14, 15, 16, 17, 18 })]
    [InlineData(A6, B6, new[] { 128, 129 })]
    public void R_05_Queries_and_replies_carry_their_identifier(string a, string b, int[] types)
    {
        for (int type = 0; type < 256; type++)
        {
            Headers headers = Parse(Icmp(a, b, type, 3, 77));
            if (headers.Status == PacketStatus.Ok)
            {
                Assert.Equal((type, types.Contains(type) ? 77 : 0, type << 8 | 3), (type, headers.SourcePort, headers.DestinationPort));
            }
        }
    }

    [Theory]
    [InlineData(A, B, 58)]
    [InlineData(A6, B6, 1)]
    public void R_38_The_other_familys_icmp_has_type_and_code_but_no_identifier(string a, string b, int protocol)
    {
        Headers headers = Parse(Raw(a, b, protocol, IcmpHeader(8, 2, 77, [])));
        Assert.Equal((PacketStatus.Ok, 8, 2, 0, true), (headers.Status, headers.IcmpType, headers.IcmpCode, headers.SourcePort, headers.PortsKnown));
        Headers bare = Parse(Raw(a, b, protocol));
        Assert.Equal((PacketStatus.Ok, false), (bare.Status, bare.PortsKnown));
    }

    [Theory]
    [InlineData(A, B, new[] { 3, 4, 5, 11, 12 })]
    [InlineData(A6, B6, new[] { 1, 2, 3, 4 })]
    public void R_06_Errors_quote_the_packet_they_are_about(string a, string b, int[] types)
    {
        byte[] quoted = Tcp(b, 443, a, 40000, Ack, 100);
        for (int type = 0; type < 256; type++)
        {
            byte[] packet = IcmpError(a, b, type, 0, quoted[..^92]);
            Headers headers = Parse(packet);
            bool has = HeaderParser.TryParseQuote(packet, headers, out Headers quote);
            Assert.Equal((type, types.Contains(type), types.Contains(type)), (type, headers.HasQuote, has));
            Assert.Equal(has ? (b, 443, a, 40000, 6, (uint)quoted.Length) : ("0.0.0.0", 0, "0.0.0.0", 0, 0, 0u), (quote.Source.ToString(), quote.SourcePort, quote.Destination.ToString(), quote.DestinationPort, quote.Protocol, quote.WireLength));
            Assert.Equal(has ? headers.TransportOffset + 8 : 0, headers.QuoteOffset);
        }
    }

    [Theory]
    [InlineData(A, B, 3, 20)]
    [InlineData(A6, B6, 1, 40)]
    public void R_06_A_quotation_needs_a_whole_ip_header_and_eight_bytes_for_its_ports(string a, string b, int type, int header)
    {
        byte[] quoted = Udp(b, 53, a, 4000, 20);
        for (int length = 0; length <= quoted.Length; length++)
        {
            byte[] packet = [.. IcmpError(a, b, type, 0, quoted[..length]), 0, 0, 0, 0, 0, 0, 0, 0];    // padding is no quotation
            Headers headers = Parse(packet);
            bool has = HeaderParser.TryParseQuote(packet, headers, out Headers quote);
            Assert.Equal((length, PacketStatus.Ok, length >= header, length >= header + 8), (length, headers.Status, has, quote.PortsKnown));
        }
    }

    [Fact]
    public void R_06_A_quoted_query_carries_identifier_and_type_and_a_quoted_fragment_no_ports()
    {
        byte[] packet = IcmpError(A, B, 11, 0, Icmp(B, A, 8, 0, 99));
        Assert.True(HeaderParser.TryParseQuote(packet, Parse(packet), out Headers query));
        Assert.Equal((1, 99, 8, true), (query.Protocol, query.SourcePort, query.IcmpType, query.PortsKnown));
        packet = IcmpError(A, B, 11, 0, Fragment(B, A, 17, 5, 64, false, new byte[16]));
        Assert.True(HeaderParser.TryParseQuote(packet, Parse(packet), out Headers later));
        Assert.Equal((true, false, 5u), (later.IsLaterFragment, later.PortsKnown, later.FragmentId));
        packet = IcmpError(A, B, 3, 0, Tcp(A6, 1, B6, 2, Syn));
        Assert.False(Parse(packet).HasQuote);
    }

    [Fact]
    public void REL_18_Every_truncation_of_every_packet_gets_a_verdict_and_never_reads_beyond()
    {
        foreach (byte[] packet in Samples.All)
        {
            foreach (LinkType link in Enum.GetValues<LinkType>())
            {
                byte[] frame = link == LinkType.Ethernet ? Ethernet(packet) : packet;
                for (int length = 0; length <= frame.Length; length++)
                {
                    // A copy of exactly this length: a read beyond it would throw.
                    byte[] cut = frame[..length];
                    Headers headers = Parse(cut, link);
                    _ = HeaderParser.TryParseQuote(cut, headers, out _);
                    HeaderParser.Parse(cut, link, (uint)frame.Length, out headers);
                    _ = HeaderParser.TryParseQuote(cut, headers, out _);
                    Assert.True(headers.Status != PacketStatus.Ok || headers.TransportOffset <= frame.Length);
                }
            }
        }
    }

    [Fact]
    public void REL_21_A_frame_check_sequence_is_no_part_of_the_packet()
    {
        byte[] packet = Tcp(A, 1, B, 443, Syn);
        var block = new PacketBlock();
        packet[3] += 4;    // claims the four bytes that are the check sequence
        byte[] frame = [.. Ethernet(packet), 1, 2, 3, 4];
        frame.CopyTo(block.Add(0, frame.Length, (uint)frame.Length, LinkType.Ethernet, 0, fcsLength: 4));
        frame.CopyTo(block.Add(0, frame.Length, (uint)frame.Length, LinkType.Ethernet, 0));
        HeaderParser.ParseBlock(block, null);
        Assert.Equal((PacketStatus.Invalid, PacketStatus.Ok), (block.Headers[0].Status, block.Headers[1].Status));
        Assert.Equal((uint)frame.Length, block.Headers[0].WireLength);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void R_39_R_40_A_block_with_runs_of_plain_frames_is_parsed_as_each_frame_is_alone(int seed)
    {
        // In a block plain packets are parsed by a loop of their own for each kind of link; alone, and without a link header, they take the general way.
        Random random = new(seed);
        PacketBlock block = new();
        int plain = 0;
        for (int round = 0; round < 300; round++)
        {
            block.Reset();
            LinkType usual = new[] { LinkType.Ethernet, LinkType.Ethernet, LinkType.LinuxSll, LinkType.LinuxSll2, LinkType.Raw }[random.Next(5)];
            while (!block.IsFull)
            {
                LinkType link = random.Next(20) == 0 ? LinkType.LinuxSll : usual;
                byte[] frame = Relinked(random, random.Next(3) == 0 ? PlainIpv6(random) : PlainIpv4(random), link);
                uint wire = (uint)Math.Max(0, frame.Length + (random.Next(8) == 0 ? random.Next(-20, 20) : 0));
                byte check = random.Next(16) == 0 ? (byte)random.Next(9) : (byte)0;
                frame.CopyTo(block.Add(round, frame.Length, wire, link, 0, check));
            }

            HeaderParser.ParseBlock(block, null);
            for (int i = 0; i < block.Count; i++)
            {
                (CapturedPacket packet, Headers actual) = (block.Packets[i], block.Headers[i]);
                uint wire = (uint)Math.Max(0, (long)packet.WireLength - packet.FcsLength);
                HeaderParser.Parse(block.Bytes(i), packet.Link, wire, out Headers expected);
                expected.WireLength = packet.WireLength;
                Assert.True(Same(expected, actual), $"seed {seed}, {round}: {Convert.ToHexString(block.Bytes(i))} wire {packet.WireLength} check {packet.FcsLength}: {actual.Status}, and alone {expected.Status}");
                if (actual.Status == PacketStatus.Ok)
                {
                    int before = actual.NetworkOffset;
                    HeaderParser.Parse(block.Bytes(i)[before..], actual.IsIpv6 ? LinkType.Ipv6 : LinkType.Ipv4, (uint)Math.Max(0, (int)wire - before), out Headers bare);
                    Assert.True(actual.Status != PacketStatus.Ok || (bare.Source, bare.Destination, bare.SourcePort, bare.DestinationPort, bare.Protocol, bare.TcpFlags)
                        == (actual.Source, actual.Destination, actual.SourcePort, actual.DestinationPort, actual.Protocol, actual.TcpFlags));
                    plain += actual.Status == PacketStatus.Ok && actual.Protocol is 6 or 17 && !actual.IsLaterFragment && !actual.IsFirstFragment ? 1 : 0;
                }
            }
        }

        Assert.InRange(plain, 300 * PacketBlock.Capacity / 4, 300 * PacketBlock.Capacity * 3 / 4);    // the rest breaks rules, or is of another kind
    }

    /// <summary>A frame of Ethernet over another kind of link.</summary>
    private static byte[] Relinked(Random random, byte[] frame, LinkType link)
    {
        int hardware = random.Next(10) == 0 ? new[] { 0, 768, 770, 803, 824, 65_535 }[random.Next(6)] : random.Next(2) == 0 ? 1 : 772;
        byte[] high = [(byte)(hardware >> 8), (byte)hardware], type = frame[12..14];
        return link switch
        {
            LinkType.LinuxSll => [0, 4, .. high, .. new byte[10], .. type, .. frame[14..]],
            LinkType.LinuxSll2 => [.. type, .. new byte[6], .. high, .. new byte[10], .. frame[14..]],
            LinkType.Raw => frame[14..],
            _ => frame,
        };
    }

    /// <summary>Mostly a whole packet of TCP or UDP.</summary>
    private static byte[] PlainIpv4(Random random)
    {
        byte[] frame = new byte[14 + 20 + random.Next(8, 60)];
        random.NextBytes(frame);
        frame[12] = 8;
        frame[13] = random.Next(50) == 0 ? (byte)random.Next(256) : (byte)0;
        frame[14] = random.Next(12) == 0 ? (byte)random.Next(0x44, 0x48) : (byte)0x45;
        int length = random.Next(8) == 0 ? random.Next(frame.Length + 8) : frame.Length - 14 - random.Next(4);
        (frame[16], frame[17]) = ((byte)(length >> 8), (byte)length);
        (frame[20], frame[21]) = random.Next(10) == 0 ? ((byte)random.Next(256), (byte)random.Next(4)) : ((byte)(random.Next(2) * 0x40), (byte)0);
        frame[23] = (byte)new[] { 6, 6, 6, 6, 17, 17, 17, 17, 1, 47 }[random.Next(10)];
        Transport(random, frame, 34, frame[23], length);
        return frame;
    }

    private static byte[] PlainIpv6(Random random)
    {
        byte[] frame = new byte[14 + 40 + random.Next(8, 60)];
        random.NextBytes(frame);
        (frame[12], frame[13]) = (0x86, 0xDD);
        frame[14] = (byte)(random.Next(12) == 0 ? random.Next(256) : 0x60 | random.Next(16));
        int length = random.Next(8) == 0 ? random.Next(frame.Length) : frame.Length - 54 - random.Next(4);
        (frame[18], frame[19]) = ((byte)(length >> 8), (byte)length);
        frame[20] = (byte)new[] { 6, 6, 6, 6, 17, 17, 17, 17, 58, 0, 44, 60, 59 }[random.Next(13)];
        Transport(random, frame, 54, frame[20], length);
        return frame;
    }

    private static void Transport(Random random, byte[] frame, int at, byte protocol, int length)
    {
        if (protocol == 6 && random.Next(8) != 0 && frame.Length > at + 12)
        {
            frame[at + 12] = (byte)(random.Next(8) == 0 ? random.Next(4, 9) << 4 : 0x50);
        }
        else if (protocol == 17 && random.Next(8) != 0)
        {
            (frame[at + 4], frame[at + 5]) = ((byte)0, (byte)random.Next(random.Next(8) == 0 ? 5 : 8, Math.Max(9, length - (at == 34 ? 20 : 0) + 1)));
        }
    }

    private static bool Same(Headers a, Headers b) =>
        System.Runtime.InteropServices.MemoryMarshal.AsBytes(new ReadOnlySpan<Headers>(in a)).SequenceEqual(System.Runtime.InteropServices.MemoryMarshal.AsBytes(new ReadOnlySpan<Headers>(in b)));
}
