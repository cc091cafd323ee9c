using System;
using System.Buffers.Binary;

namespace Dataplane.Live;

/// <summary>Cuts an IPv4 packet that may be fragmented into packets that a link takes (RFC 791 section 3.2).</summary>
/// <remarks>Allocates nothing. The first piece has all options, the others those that are to be copied. A fragment can be cut again.</remarks>
public ref struct Ipv4Fragments
{
    private const int Fixed = 20;
    private const int MoreFragments = 0x2000;

    private readonly ReadOnlySpan<byte> _packet;
    private readonly int _header;
    private readonly int _mtu;
    private readonly int _field;
    private int _at;

    /// <param name="packet">A sound packet, as long as its header says, without Don't Fragment.</param>
    /// <param name="mtu">68 or more (RFC 791): less counts as 68, which every header leaves room for eight bytes in.</param>
    public Ipv4Fragments(ReadOnlySpan<byte> packet, int mtu)
    {
        _packet = packet;
        _header = (packet[0] & 15) * 4;
        _mtu = Math.Max(mtu, 68);
        _field = BinaryPrimitives.ReadUInt16BigEndian(packet[6..]);
        _at = _header;
    }

    /// <summary>Writes the next piece.</summary>
    /// <param name="piece">Room for the MTU.</param>
    /// <param name="length">Bytes of it that were written.</param>
    /// <returns>False when there is none.</returns>
    public bool TryNext(Span<byte> piece, out int length)
    {
        length = 0;
        if (_at >= _packet.Length)
        {
            return false;
        }

        int header = _at == _header ? CopyHeader(piece) : CopyLaterHeader(piece);
        int left = _packet.Length - _at, room = _mtu - header;
        int data = left <= room ? left : room & ~7;
        bool more = data < left || (_field & MoreFragments) != 0;
        _packet.Slice(_at, data).CopyTo(piece[header..]);
        length = header + data;
        piece[0] = (byte)(0x40 | (header / 4));
        BinaryPrimitives.WriteUInt16BigEndian(piece[2..], (ushort)length);
        BinaryPrimitives.WriteUInt16BigEndian(piece[6..], (ushort)(((_field & 0x1FFF) + ((_at - _header) / 8)) | (more ? MoreFragments : 0)));
        BinaryPrimitives.WriteUInt16BigEndian(piece[10..], 0);
        BinaryPrimitives.WriteUInt16BigEndian(piece[10..], InternetChecksum.Finish(InternetChecksum.Sum(piece[..header])));
        _at += data;
        return true;
    }

    private readonly int CopyHeader(Span<byte> piece)
    {
        _packet[.._header].CopyTo(piece);
        return _header;
    }

    private readonly int CopyLaterHeader(Span<byte> piece)
    {
        _packet[..Fixed].CopyTo(piece);
        int to = Fixed;
        for (int at = Fixed; at < _header;)
        {
            byte option = _packet[at];
            if (option == 0)
            {
                break;    // end of the list
            }

            int length = option == 1 ? 1 : at + 1 < _header ? _packet[at + 1] : 0;
            if (length == 0 || (option != 1 && length < 2) || at + length > _header)
            {
                break;    // not an option: what follows cannot be told apart
            }

            if ((option & 0x80) != 0)
            {
                _packet.Slice(at, length).CopyTo(piece[to..]);
                to += length;
            }

            at += length;
        }

        while ((to & 3) != 0)
        {
            piece[to++] = 0;
        }

        return to;
    }
}
