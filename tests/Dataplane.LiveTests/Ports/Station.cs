using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Dataplane.Capture.Live;
using Dataplane.LiveTests.Lab;
using Dataplane.Packets;

namespace Dataplane.LiveTests.Ports;

/// <summary>An end of a cable that sends and receives frames of the test's own making, by a packet socket.</summary>
internal sealed class Station : IDisposable
{
    /// <summary>IEEE 802 local experimental: no system sends or answers it.</summary>
    internal const ushort Experimental = 0x88b5;

    private readonly LivePorts _ports;
    private readonly PacketBlock _block = new();

    internal Station(string space, string name) => _ports = NamespaceThread.Call(space, () => LivePorts.Open([name], LiveMethod.Packet, new LiveSizes(ReceiveFrames: 16_384)));

    /// <summary>A frame of random bytes.</summary>
    internal static byte[] Frame(int number, int length, ReadOnlySpan<byte> tag = default)
    {
        byte[] frame = new byte[length];
        new Random(number).NextBytes(frame);
        BinaryPrimitives.WriteUInt64BigEndian(frame, 0x0200_0000_00bb_0200);
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(8), 0x0000_00aa);
        tag.CopyTo(frame.AsSpan(12));
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12 + tag.Length), Experimental);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(14 + tag.Length), number);
        return frame;
    }

    /// <summary>Whether a frame was made by <see cref="Frame"/>, with or without a tag.</summary>
    internal static bool IsOurs(ReadOnlySpan<byte> frame) =>
        frame.Length >= 20 && (BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) == Experimental || BinaryPrimitives.ReadUInt16BigEndian(frame[16..]) == Experimental);

    internal void Send(IEnumerable<byte[]> frames)
    {
        foreach (byte[] frame in frames)
        {
            Send(frame);
        }

        _ports.Ports[0].Flush();
    }

    /// <summary>The frames of the test's making that come, until there are so many; fewer when no more come for a while.</summary>
    internal List<byte[]> Receive(int count)
    {
        List<byte[]> frames = [];
        long end = _ports.Now() + (Until.Longest.Ticks * 100);
        while (frames.Count < count && _ports.Now() < end)
        {
            if (_ports.Ports[0].Receive(_block, PacketBlock.Capacity, 0) == 0)
            {
                _ports.Wait(TimeSpan.FromMilliseconds(100));
            }

            for (int i = 0; i < _block.Count; i++)
            {
                if (IsOurs(_block.Bytes(i)))
                {
                    frames.Add(_block.Bytes(i).ToArray());
                }
            }

            _block.Reset();
        }

        return frames;
    }

    public void Dispose() => _ports.Dispose();

    private void Send(byte[] frame)
    {
        if (!_ports.Ports[0].Send(frame))
        {
            throw new InvalidOperationException($"a frame of {frame.Length} bytes was not sent");
        }
    }
}
