namespace Dataplane.Packets;

/// <summary>What a frame begins with, by the numbers that capture files use (LINKTYPE_ registry).</summary>
public enum LinkType
{
    /// <summary>BSD loopback: a 4-byte family in the byte order of the host that captured.</summary>
    Null = 0,

    Ethernet = 1,

    Ppp = 9,

    /// <summary>PPP with HDLC-like framing.</summary>
    PppHdlc = 50,

    /// <summary>IP without a link header; the number that OpenBSD and older files use is 12 or 14.</summary>
    RawBsd12 = 12,

    RawBsd14 = 14,

    /// <summary>IPv4 or IPv6 without a link header.</summary>
    Raw = 101,

    /// <summary>OpenBSD loopback: as Null, in network byte order.</summary>
    Loop = 108,

    /// <summary>Linux cooked, version 1.</summary>
    LinuxSll = 113,

    Ipv4 = 228,

    Ipv6 = 229,

    /// <summary>Linux cooked, version 2.</summary>
    LinuxSll2 = 276,
}
