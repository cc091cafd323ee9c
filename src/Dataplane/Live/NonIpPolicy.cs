namespace Dataplane.Live;

/// <summary>What a bump in the wire does with frames that are not IP, and with IPv6 neighbour discovery .</summary>
public enum NonIpPolicy : byte
{
    /// <summary>Sends them on: without ARP and neighbour discovery the two sides could not find each other.</summary>
    Pass,

    Drop,
}
