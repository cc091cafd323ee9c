using System.Collections.Generic;
using static Dataplane.Tests.TestSupport.PacketBuilder;

namespace Dataplane.Tests.Packets;

/// <summary>One IP packet of every shape that the parser tells apart.</summary>
internal static class Samples
{
    private const string A = "10.0.1.10";
    private const string B = "10.0.2.20";
    private const string A6 = "2001:db8::a";
    private const string B6 = "2001:db8::b";

    public static IReadOnlyList<byte[]> All { get; } =
    [
        Tcp(A, 40000, B, 443, Syn),
        Tcp(A, 40000, B, 443, Ack, 100),
        Tcp(A6, 40000, B6, 443, Syn | Ack, 3),
        Udp(A, 5353, B, 53, 30),
        Udp(A6, 5353, B6, 53, 30),
        Icmp(A, B, 8, 0, 7, 16),
        Icmp(A6, B6, 129, 0, 7, 16),
        Icmp(A6, B6, 135, 0, 0, 16),
        IcmpError(A, B, 3, 1, Udp(B, 53, A, 5353, 4)),
        IcmpError(A6, B6, 1, 4, Tcp(B6, 443, A6, 40000, Ack, 4)),
        IcmpError(A6, B6, 3, 0, Fragment(B6, A6, 17, 9, 0, true, UdpHeader(1, 2, 8, 900))),
        Fragment(A, B, 17, 77, 0, true, UdpHeader(1, 2, 16, 900)),
        Fragment(A, B, 17, 77, 24, false, new byte[24]),
        Fragment(A6, B6, 6, 77, 0, true, TcpHeader(1, 2, Ack, 12)),
        Fragment(A6, B6, 6, 77, 32, true, new byte[24]),
        Raw(A, B, 47, new byte[24]),
        Raw(A, B, 58, IcmpHeader(128, 0, 1, new byte[4])),
        Raw(A6, B6, 0, [60, 0, 1, 4, 0, 0, 0, 0, 6, 1, 1, 12, .. new byte[12], .. TcpHeader(1, 2, Syn)]),
        Raw(A6, B6, 43, [17, 2, 0, 0, .. new byte[20], .. UdpHeader(1, 2, 5)]),
        Raw(A6, B6, 50, new byte[24]),
    ];
}
