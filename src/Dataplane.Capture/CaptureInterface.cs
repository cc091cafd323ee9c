using Dataplane.Packets;

namespace Dataplane.Capture;

/// <summary>An interface that a capture file speaks of; a pcap file has exactly one.</summary>
/// <param name="Index">0-based, counted over all files: what <see cref="CapturedPacket.CaptureInterface"/> says.</param>
/// <param name="File">The file as it was named, or "standard input".</param>
/// <param name="Name">Its name where the file gives one (printable, at most 256 characters), else null.</param>
/// <param name="SnapLength">Bytes that were captured of a packet at most; 0 means no limit.</param>
/// <param name="FcsLength">Bytes of frame check sequence behind each frame; 0 where the file says nothing.</param>
public sealed record CaptureInterface(int Index, string File, LinkType Link, string? Name, uint SnapLength, byte FcsLength);
