// A bump in the wire: what comes in at one port and is allowed goes out of the other, byte for byte, tags and padding too.
//
// Packets are placed by their addresses, as in a capture. With an inside port the side must agree: inside only addresses of interfaces (private, delegated, public:
// the bump may stand on either side of the translation) send, outside nobody sends with one of them, nor with any other address of a VPC's blocks, but the VPC's own services
// may. What stays on the link (DHCP from 0.0.0.0, MLD) is left to the engine, which finds it unplaced.

using System;
using Dataplane.Fabric;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Live;

/// <summary>Forwarding of a bump in the wire.</summary>
public sealed class Bridge : IForwarding
{
    private static readonly PacketResult[] Unplaced = [PacketResult.Bare(PathTable.Unplaced), PacketResult.Bare(PathTable.Unplaced)];

    private readonly ILivePort[] _ports;
    private readonly PathTable _paths;
    private readonly NonIpPolicy _nonIp;
    private readonly int _inside;
    private FabricPlan _plan;

    /// <param name="first">Port 0.</param>
    /// <param name="second">Port 1.</param>
    /// <param name="inside">The port behind which the topology's interfaces are, 0 or 1; -1 when either side may be.</param>
    /// <param name="paths">Of the tables that the plan's names are in.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="inside"/> is no port.</exception>
    public Bridge(ILivePort first, ILivePort second, NonIpPolicy nonIp, int inside, FabricPlan plan, PathTable paths)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        ArgumentOutOfRangeException.ThrowIfLessThan(inside, -1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(inside, 1);
        _ports = [first, second];
        _nonIp = nonIp;
        _inside = inside;
        _plan = plan ?? throw new ArgumentNullException(nameof(plan));
        _paths = paths ?? throw new ArgumentNullException(nameof(paths));
    }

    /// <inheritdoc/>
    public LiveFates Fates { get; } = new();

    /// <summary>Packets whose source is not behind the port that they came in by.</summary>
    public long FromWrongSide { get; private set; }

    /// <summary>Another plan, between two blocks.</summary>
    public void Adopt(FabricPlan plan) => _plan = plan ?? throw new ArgumentNullException(nameof(plan));

    /// <inheritdoc/>
    public void Arrived(PacketBlock block)
    {
        ArgumentNullException.ThrowIfNull(block);
        block.Misplaced = Unplaced;
        if (_inside < 0)
        {
            return;
        }

        for (int i = 0; i < block.Count; i++)
        {
            ref Headers headers = ref block.Headers[i];
            if (headers.Status == PacketStatus.Ok && !MayEnter(block.Packets[i].CaptureInterface == _inside, headers.Source, headers.Destination))
            {
                headers.Status = PacketStatus.Misplaced;
                FromWrongSide++;
            }
        }
    }

    /// <inheritdoc/>
    public void Judged(PacketBlock block)
    {
        ArgumentNullException.ThrowIfNull(block);
        for (int i = 0; i < block.Count; i++)
        {
            Fates.Add(Fate(block, i));
        }
    }

    /// <inheritdoc/>
    public void Tick(long now)
    {
    }

    private bool MayEnter(bool isInside, IpAddress source, IpAddress destination)
    {
        OwnerMap addresses = _plan.Addresses;
        bool isInterface = addresses.FindPublic(source) >= 0 || addresses.Resolve(source, destination) >= 0;
        if (isInside)
        {
            return isInterface || Arrival.IsLinkTalk(source, destination);
        }

        if (isInterface)
        {
            return false;
        }

        if (!addresses.IsInside(source))
        {
            return true;
        }

        int into = addresses.Resolve(destination, source);
        return into >= 0 && _plan.Vpcs[_plan.Interfaces[into].Vpc].Services.Contains(source);
    }

    /// <summary>
    /// Neighbour discovery is not judged, so nothing else may look like it: what a router has passed on (hop limit below 255) is none (RFC 4861, 6.1 and 7.1), whoever made it, and would be a way
    /// past every rule.
    /// </summary>
    private static bool IsRoutedIpv6(ReadOnlySpan<byte> frame) =>
        LinkHeader.Skip(frame, LinkType.Ethernet, out int offset) == NetworkKind.Ipv6 && (frame.Length < offset + 8 || frame[offset + 7] != 255);

    private LiveFate Fate(PacketBlock block, int index)
    {
        ILivePort other = _ports[1 - block.Packets[index].CaptureInterface];
        switch (block.Headers[index].Status)
        {
            case PacketStatus.Ignored:
                return _nonIp == NonIpPolicy.Drop || IsRoutedIpv6(block.Bytes(index)) ? LiveFate.Ignored
                    : other.Send(block.Bytes(index)) ? LiveFate.Passed
                    : LiveFate.NotSent;
            case PacketStatus.Ok when _paths[block.Results[index].Path].Verdict == Verdict.Allow:
                Span<byte> frame = block.Writable(index);
                _ports[block.Packets[index].CaptureInterface].FinishChecksum(frame);
                return other.Send(frame) ? LiveFate.Forwarded : LiveFate.NotSent;
            default:
                return LiveFate.Dropped;
        }
    }
}
