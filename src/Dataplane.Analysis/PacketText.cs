using System;
using System.Globalization;
using Dataplane.Packets;

namespace Dataplane.Analysis;

/// <summary>Packets in the words of people: TCP 443, ICMP 8/0, protocol 47.</summary>
public static class PacketText
{
    public static string Protocol(byte protocol) => protocol switch
    {
        1 => "ICMP",
        6 => "TCP",
        17 => "UDP",
        47 => "GRE",
        50 => "ESP",
        51 => "AH",
        58 => "ICMPv6",
        89 => "OSPF",
        132 => "SCTP",
        _ => string.Create(CultureInfo.InvariantCulture, $"protocol {protocol}"),
    };

    /// <summary>Protocol and what a rule would look at: the destination port, or type/code.</summary>
    public static string Service(in Headers headers) => !headers.PortsKnown
        ? Protocol(headers.Protocol)
        : headers.IsIcmp
            ? string.Create(CultureInfo.InvariantCulture, $"{Protocol(headers.Protocol)} {headers.IcmpType}/{headers.IcmpCode}")
            : string.Create(CultureInfo.InvariantCulture, $"{Protocol(headers.Protocol)} {headers.DestinationPort}");

    /// <summary>One packet: <c>TCP 198.51.100.7:40000 > 10.0.1.10:22</c>.</summary>
    public static string Line(in Headers headers)
    {
        bool ports = headers.PortsKnown && !headers.IsIcmp;
        string end = headers.IsIcmp && headers.PortsKnown
            ? string.Create(CultureInfo.InvariantCulture, $" {headers.IcmpType}/{headers.IcmpCode}")
            : "";
        return $"{Protocol(headers.Protocol)} {End(headers.Source, headers.SourcePort, ports)} > {End(headers.Destination, headers.DestinationPort, ports)}{end}";
    }

    private static string End(IpAddress address, ushort port, bool ports) => !ports
        ? address.ToString()
        : address.IsIpv6 ? FormattableString.Invariant($"[{address}]:{port}") : FormattableString.Invariant($"{address}:{port}");
}
