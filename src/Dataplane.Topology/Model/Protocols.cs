using System;
using System.Collections.Frozen;
using System.Collections.Generic;
using System.Globalization;

namespace Dataplane.Topology.Model;

/// <summary>The spellings of a protocol: a name in any case, a decimal number, -1 for all.</summary>
/// <remarks>Source: Amazon EC2 API Reference, IpPermission and NetworkAclEntry; names as IANA's registry has them (SG-11, SG-13, ACL-10).</remarks>
public static class Protocols
{
    public const int All = -1;

    public const int Icmp = 1;

    public const int Tcp = 6;

    public const int Udp = 17;

    public const int Icmpv6 = 58;

    private static readonly FrozenDictionary<string, int> Names = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase)
    {
        ["all"] = All,
        ["icmp"] = Icmp,
        ["igmp"] = 2,
        ["ipip"] = 4,
        ["ipv4"] = 4,
        ["tcp"] = Tcp,
        ["egp"] = 8,
        ["igp"] = 9,
        ["udp"] = Udp,
        ["rdp"] = 27,
        ["dccp"] = 33,
        ["ipv6"] = 41,
        ["rsvp"] = 46,
        ["gre"] = 47,
        ["esp"] = 50,
        ["ah"] = 51,
        ["icmpv6"] = Icmpv6,
        ["icmp6"] = Icmpv6,
        ["ipv6-icmp"] = Icmpv6,
        ["eigrp"] = 88,
        ["ospf"] = 89,
        ["pim"] = 103,
        ["vrrp"] = 112,
        ["l2tp"] = 115,
        ["sctp"] = 132,
        ["udplite"] = 136,
    }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    /// <summary>-1, or 0 to 255. Numbers are plain decimal: no sign but that of -1, no leading zero, no space.</summary>
    public static bool TryParse(string text, out int protocol)
    {
        if (Names.TryGetValue(text, out protocol))
        {
            return true;
        }

        protocol = All;
        if (text == "-1")
        {
            return true;
        }

        return text.Length is > 0 and <= 3
            && (text.Length == 1 || text[0] != '0')
            && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out protocol)
            && protocol <= 255;
    }

    public static bool HasPorts(int protocol) => protocol is Tcp or Udp;

    public static bool IsIcmp(int protocol) => protocol is Icmp or Icmpv6;
}
