namespace Dataplane.Packets;

/// <summary>What follows a link header.</summary>
internal enum NetworkKind
{
    Ipv4,
    Ipv6,

    /// <summary>IPv4 or IPv6: the link does not say which, the version number does.</summary>
    ByVersion,

    /// <summary>Not IP, or a link that is not read: the frame is ignored.</summary>
    Other,

    /// <summary>The frame ends inside its link header.</summary>
    Broken,
}
