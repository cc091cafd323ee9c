namespace Dataplane.Packets;

/// <summary>Which link types are read.</summary>
public static class LinkTypes
{
    /// <summary>False for numbers whose packets are all ignored.</summary>
    public static bool IsRead(LinkType link) => link is LinkType.Ethernet or LinkType.Raw or LinkType.RawBsd12 or LinkType.RawBsd14
        or LinkType.Ipv4 or LinkType.Ipv6 or LinkType.LinuxSll or LinkType.LinuxSll2 or LinkType.Null or LinkType.Loop or LinkType.Ppp or LinkType.PppHdlc;
}
