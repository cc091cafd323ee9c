// Ports of a course that are refused to everybody.
//
// A scan, and most of what a firewall refuses, is about services that no rule names: the lists say the same of them whatever the remote address is. So once lists have refused such a
// packet, its destination port is closed for the course, and the next packet to it is refused by one look at a bit instead of by each list.
//
//   of each port of TCP and of UDP, two bits:   0 not known yet   1 closed   2 it depends on the address, or has another result
//
// All closed ports of a course have one result, that of the first one: nearly always "no rule of the group matches".

using System;
using System.Buffers;
using System.Runtime.CompilerServices;
using Dataplane.Records;

namespace Dataplane.Fabric;

/// <summary>The closed ports of one course: 32 KB, of which a worker has at most 64.</summary>
internal sealed class ClosedServices
{
    private const int ServicesOfWord = 32;
    private const int Words = 2 * 65_536 / ServicesOfWord;

    private ulong[] _words = ArrayPool<ulong>.Shared.Rent(Words);
    private PacketResult _result;
    private bool _hasResult;

    /// <summary>What packets to closed ports get.</summary>
    public ref readonly PacketResult Result => ref _result;

    /// <summary>The course whose ports they are; null when they are free.</summary>
    public Itinerary? Course { get; private set; }

    /// <summary>Packets that were refused by them since the last look.</summary>
    public int Hits { get; set; }

    /// <summary>Every port of another course; none is known.</summary>
    public void Begin(Itinerary course)
    {
        End();
        Array.Clear(_words);
        (Course, course.Closed) = (course, this);
        (_hasResult, Hits) = (false, 0);
    }

    /// <summary>They are no course's any more.</summary>
    public void End()
    {
        if (Course is { } before && before.Closed == this)
        {
            before.Closed = null;
        }

        Course = null;
    }

    /// <summary>Gives the memory back.</summary>
    public void Free()
    {
        End();
        ArrayPool<ulong>.Shared.Return(_words);
        _words = [];
    }

    /// <param name="protocol">6 or 17.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsClosed(byte protocol, ushort port) => State(protocol, port) == 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsKnown(byte protocol, ushort port) => State(protocol, port) != 0;

    /// <summary>Lists have refused a packet to a port of which nothing was known.</summary>
    /// <param name="isForAll">Whatever its remote address.</param>
    public void Learn(byte protocol, ushort port, bool isForAll, in PacketResult result)
    {
        if (isForAll && !_hasResult)
        {
            (_result, _hasResult) = (result, true);
        }

        bool isClosed = isForAll && result.Path == _result.Path && result.From == _result.From && result.To == _result.To
            && result.SourceTranslation == _result.SourceTranslation && result.DestinationTranslation == _result.DestinationTranslation;
        int service = Service(protocol, port);
        _words[service / ServicesOfWord] |= (isClosed ? 1UL : 2UL) << (service % ServicesOfWord * 2);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint State(byte protocol, ushort port)
    {
        int service = Service(protocol, port);
        return (uint)(_words[service / ServicesOfWord] >> (service % ServicesOfWord * 2)) & 3;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Service(byte protocol, ushort port) => ((protocol & 16) << 12) | port;
}
