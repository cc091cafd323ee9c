using System;
using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using Dataplane.Capture.Live;
using Dataplane.Live;

namespace Dataplane.Bench;

/// <summary>Sends UDP frames of 60 bytes in 64 flows out of an interface, as fast as one thread can or at a rate: something for <see cref="LivePortsCommand"/> to forward.</summary>
internal static class LiveSendCommand
{
    private const int Flows = 64;
    private const int FrameBytes = 60;

    /// <param name="arguments">INTERFACE SECONDS [PACKETS-PER-SECOND].</param>
    internal static int Run(string[] arguments)
    {
        if (arguments.Length < 2)
        {
            Console.Error.WriteLine("live-send INTERFACE SECONDS [PACKETS-PER-SECOND]: an interface and a time are asked for.");
            return 2;
        }

        double seconds = double.Parse(arguments[1], CultureInfo.InvariantCulture);
        double rate = arguments.Length > 2 ? double.Parse(arguments[2], CultureInfo.InvariantCulture) : double.MaxValue;
        using LivePorts ports = LivePorts.Open([arguments[0]], LiveMethod.Packet);
        ILivePort port = ports.Ports[0];
        byte[][] frames = new byte[Flows][];
        for (int i = 0; i < Flows; i++)
        {
            frames[i] = Frame(i);
        }

        Stopwatch clock = Stopwatch.StartNew();
        long sent = 0;
        while (clock.Elapsed.TotalSeconds < seconds)
        {
            if (sent > clock.Elapsed.TotalSeconds * rate)
            {
                ports.Wait(TimeSpan.FromMicroseconds(100));
                continue;
            }

            foreach (byte[] frame in frames)
            {
                port.Send(frame);
            }

            port.Flush();
            sent += Flows;
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"sent {port.Counters.Sent}, {port.Counters.Sent / clock.Elapsed.TotalSeconds / 1e6:0.000} M packets/s"));
        return 0;
    }

    private static byte[] Frame(int flow)
    {
        byte[] frame = new byte[FrameBytes];
        BinaryPrimitives.WriteUInt64BigEndian(frame, 0x0200_0000_0099_0200);
        frame[11] = 1;
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(12), 0x0800_4500);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(16), FrameBytes - 14);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(22), 0x4011);
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(26), 0x0A09_0001);
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(30), 0x0A09_0002);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(24), InternetChecksum.Finish(InternetChecksum.Sum(frame.AsSpan(14, 20))));
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(34), (ushort)(10_000 + flow));
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(36), 9_000);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(38), FrameBytes - 34);
        return frame;
    }
}
