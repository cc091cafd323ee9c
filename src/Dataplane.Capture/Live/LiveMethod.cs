namespace Dataplane.Capture.Live;

/// <summary>How frames come from an interface and go out of it.</summary>
public enum LiveMethod : byte
{
    /// <summary>The fastest that works for the interface: <see cref="Xdp"/>, then <see cref="Packet"/>, then <see cref="Pcap"/>.</summary>
    Auto,

    /// <summary>libpcap, or Npcap on Windows, through SharpPcap: works everywhere, slowly.</summary>
    Pcap,

    /// <summary>Linux: a packet socket with a ring that the kernel and the program share.</summary>
    Packet,

    /// <summary>Linux: an AF_XDP socket, which gets frames before the network stack sees them.</summary>
    Xdp,
}
