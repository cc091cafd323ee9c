using System;
using System.Buffers;
using System.Collections.Generic;
using System.Globalization;
using Dataplane.Packets;

namespace Dataplane.Capture;

/// <summary>Why a format stopped taking bytes.</summary>
internal enum ReadStop
{
    /// <summary>The rest of the buffer is less than a packet or block.</summary>
    NeedsMore,

    /// <summary>The block has as many packets, or bytes, as it may have.</summary>
    BlockFull,

    /// <summary>What follows cannot be read: <see cref="CaptureFormat.Damage"/> says why.</summary>
    Damaged,
}

/// <summary>Takes packets out of the bytes of one capture file.</summary>
internal abstract class CaptureFormat(CaptureReader reader, string file)
{
    /// <summary>The longest packet that is read, in captured bytes.</summary>
    internal const int MaxPacketLength = 16 * 1024 * 1024;

    /// <summary>Packets of a block may hold this many bytes together before the block is handed on; one packet more may overshoot it.</summary>
    private const int BlockBytes = 8 * 1024 * 1024;

    private readonly HashSet<LinkType> _unread = [];

    /// <summary>WHAT is wrong, after <see cref="ReadStop.Damaged"/>.</summary>
    internal string Damage { get; private protected set; } = "";

    private protected CaptureReader Reader => reader;

    private protected string File => file;

    /// <summary>Whole packets taken so far.</summary>
    internal long Packets { get; private set; }

    /// <summary>Where the buffer's first byte lies in the bytes that the block shares; -1 when the block takes copies.</summary>
    private int _origin = -1;

    private protected bool IsShared => _origin >= 0;

    /// <summary>Takes as much as there is and the block has room for, as copies.</summary>
    /// <param name="consumed">Bytes of the buffer that are done with.</param>
    internal ReadStop Read(in ReadOnlySequence<byte> buffer, PacketBlock block, out long consumed)
    {
        _origin = -1;
        return Take(buffer, block, out consumed);
    }

    /// <summary>Takes as much as there is and the block has room for; packets stay where they are.</summary>
    /// <param name="shared">What the block refers to.</param>
    /// <param name="start">Where in it the bytes begin that are to be read.</param>
    internal ReadStop Read(SharedBytes shared, int start, int length, PacketBlock block, out int consumed)
    {
        _origin = start;
        ReadStop stop = Take(new ReadOnlySequence<byte>(shared.Bytes, start, length), block, out long taken);
        consumed = (int)taken;
        return stop;
    }

    private protected abstract ReadStop Take(in ReadOnlySequence<byte> buffer, PacketBlock block, out long consumed);

    private protected static bool HasRoom(PacketBlock block, int length) =>
        !block.IsFull && (block.Count == 0 || block.BytesUsed + length <= BlockBytes);

    private protected ReadStop Damaged(FormattableString what)
    {
        Damage = what.ToString(CultureInfo.InvariantCulture);
        return ReadStop.Damaged;
    }

    /// <summary>Adds the packet whose bytes begin <paramref name="ahead"/> bytes in front of the cursor.</summary>
    private protected void Add(PacketBlock block, in SequenceCursor cursor, int ahead, long time, int length, uint wireLength, CaptureInterface from)
    {
        if (IsShared)
        {
            block.AddShared(time, _origin + (int)cursor.Consumed + ahead, length, wireLength, from.Link, from.Index, from.FcsLength);
        }
        else
        {
            cursor.Peek(ahead, block.Add(time, length, wireLength, from.Link, from.Index, from.FcsLength));
        }

        Added(1, from);
    }

    /// <summary>Where a place in the buffer lies in the shared bytes.</summary>
    private protected int Shared(int place) => _origin + place;

    /// <summary>Counts packets of an interface, and says once that its kind is not read.</summary>
    private protected void Added(int packets, CaptureInterface from)
    {
        Packets += packets;
        if (packets > 0 && !LinkTypes.IsRead(from.Link) && _unread.Add(from.Link))
        {
            reader.Warn($"{file}: link type {(int)from.Link} is not read, its packets are ignored. Capture on an interface of type Ethernet, Linux cooked, raw IP, BSD loopback or PPP.");
        }
    }
}
