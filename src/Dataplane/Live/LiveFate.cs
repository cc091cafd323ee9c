namespace Dataplane.Live;

/// <summary>What became of a frame that was received. Each has one, so received = the sum over all fates.</summary>
public enum LiveFate : byte
{
    /// <summary>Sent on.</summary>
    Forwarded,

    /// <summary>Not sent on because of its verdict: denied, unplaced, invalid.</summary>
    Dropped,

    /// <summary>Not IP, and nothing that is passed or answered.</summary>
    Ignored,

    /// <summary>Not IP, sent on unchanged as asked.</summary>
    Passed,

    /// <summary>The network itself answered it or needs no answer: ARP, neighbour discovery, DHCP, echo to the router.</summary>
    Answered,

    /// <summary>Allowed, to an Amazon service that nothing here provides.</summary>
    Service,

    /// <summary>Allowed, and the interface or gateway where it goes is not attached.</summary>
    NotAttached,

    /// <summary>Allowed, and nobody answered for the address of the next hop.</summary>
    NoNeighbour,

    /// <summary>Allowed, longer than the next link takes, and not to be fragmented (RT-36).</summary>
    TooBig,

    /// <summary>Allowed, and the port had no room for it or its link was down.</summary>
    NotSent,

    /// <summary>Allowed, and kept until the next hop's address is known; it will be one of the others.</summary>
    Waiting,
}
