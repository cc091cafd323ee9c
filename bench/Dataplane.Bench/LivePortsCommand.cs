using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using Dataplane.Capture.Live;
using Dataplane.Live;
using Dataplane.Packets;

namespace Dataplane.Bench;

/// <summary>What a back-end costs by itself: forwards every frame between two interfaces, without an engine, or drops what it received.</summary>
internal static class LivePortsCommand
{
    private const int Most = 256;

    /// <param name="arguments">A B METHOD SECONDS [forward|drop [FRAMES]]: METHOD is auto, pcap, packet or xdp; FRAMES may wait in a port.</param>
    internal static int Run(string[] arguments)
    {
        if (arguments.Length < 4 || !Enum.TryParse(arguments[2], ignoreCase: true, out LiveMethod method))
        {
            Console.Error.WriteLine("live-ports A B auto|pcap|packet|xdp SECONDS [forward|drop [FRAMES]]: two interfaces, a method and a time are asked for.");
            return 2;
        }

        bool forward = arguments.Length < 5 || arguments[4] == "forward";
        int frames = arguments.Length > 5 ? int.Parse(arguments[5], CultureInfo.InvariantCulture) : 0;
        TimeSpan time = TimeSpan.FromSeconds(double.Parse(arguments[3], CultureInfo.InvariantCulture));
        LivePorts opened;
        try
        {
            opened = LivePorts.Open([arguments[0], arguments[1]], method, new LiveSizes(frames));
        }
        catch (LiveException exception)
        {
            Console.Error.WriteLine(exception.Message);
            return 5;
        }

        using LivePorts ports = opened;
        foreach (string note in ports.Notes)
        {
            Console.WriteLine(note);
        }

        // The first packets compile the loop, so they are not counted.
        Forward(ports, forward, TimeSpan.FromSeconds(1));
        Forward(ports, forward, time);
        return 0;
    }

    private static void Forward(LivePorts ports, bool forward, TimeSpan time)
    {
        IReadOnlyList<ILivePort> port = ports.Ports;
        PacketBlock block = new();
        long before = Received(port), cpu = Cpu(), memory = GC.GetAllocatedBytesForCurrentThread(), waits = 0;
        long dropped = Dropped(port), sent = port[0].Counters.Sent + port[1].Counters.Sent, notSent = port[0].Counters.NotSent + port[1].Counters.NotSent;
        Stopwatch clock = Stopwatch.StartNew();
        while (clock.Elapsed < time)
        {
            int received = 0;
            for (int i = 0; i < 2; i++)
            {
                int count = port[i].Receive(block, Most, i);
                for (int k = 0; forward && k < count; k++)
                {
                    port[1 - i].Send(block.Bytes(k));
                }

                if (count > 0)
                {
                    port[1 - i].Flush();
                    block.Reset();
                    received += count;
                }
            }

            if (received == 0)
            {
                waits++;
                ports.Wait(TimeSpan.FromMilliseconds(100));
            }
        }

        double seconds = clock.Elapsed.TotalSeconds;
        long packets = Received(port) - before;
        cpu = Cpu() - cpu;
        memory = GC.GetAllocatedBytesForCurrentThread() - memory;
        dropped = Dropped(port) - dropped;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{port[0].Method}: {packets / seconds / 1e6:0.000} M packets/s, {cpu / (double)Math.Max(1, packets):0} ns of CPU a packet, {cpu / seconds / 1e7:0} % of a core, sent {port[0].Counters.Sent + port[1].Counters.Sent - sent}, not sent {port[0].Counters.NotSent + port[1].Counters.NotSent - notSent}, dropped by the kernel {dropped}, waits {waits}, {memory} bytes allocated"));
    }

    private static long Received(IReadOnlyList<ILivePort> ports) => ports[0].Counters.Received + ports[1].Counters.Received;

    /// <summary>Nanoseconds of CPU time of the whole process: a back-end may have threads of its own.</summary>
    private static long Cpu() => Environment.CpuUsage.TotalTime.Ticks * TimeSpan.NanosecondsPerTick;

    private static long Dropped(IReadOnlyList<ILivePort> ports)
    {
        ports[0].ReadCounters();
        ports[1].ReadCounters();
        return ports[0].Counters.DroppedByKernel + ports[1].Counters.DroppedByKernel;
    }
}
