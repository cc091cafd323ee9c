using System;
using System.Collections.Generic;
using Dataplane.Capture.Live;
using Dataplane.Live;
using Dataplane.LiveTests.Lab;
using Dataplane.Packets;

namespace Dataplane.LiveTests.Ports;

/// <summary>Called for each frame that comes.</summary>
/// <param name="port">0 or 1.</param>
internal delegate void FrameSeen(int port, long time, ReadOnlySpan<byte> frame);

/// <summary>Two ports in a namespace and a thread that sends what comes in at one out of the other: a cable with a program in it.</summary>
internal sealed class Forwarder : IDisposable
{
    private readonly NamespaceThread _thread;
    private readonly FrameSeen? _seen;
    private volatile LivePorts? _ports;
    private volatile bool _stop;

    internal Forwarder(string space, string a, string b, LiveMethod method, FrameSeen? seen = null)
    {
        _seen = seen;
        _thread = new NamespaceThread(space, () => Run([a, b], method));
        Until.True(() => _ports is not null || _thread.HasEnded, () => "the forwarder did not open its ports");
        if (_ports is null)
        {
            _thread.Join();
        }
    }

    /// <summary>Its two ports; only their counters may be read while it runs.</summary>
    internal IReadOnlyList<ILivePort> Ports => _ports!.Ports;

    internal IReadOnlyList<string> Notes => _ports!.Notes;

    public void Dispose()
    {
        _stop = true;
        _ports?.Wake();
        _thread.Join();
    }

    private void Run(string[] names, LiveMethod method)
    {
        using LivePorts ports = LivePorts.Open(names, method);
        _ports = ports;
        PacketBlock block = new();
        while (!_stop)
        {
            if (Forward(ports, block, 0) + Forward(ports, block, 1) == 0)
            {
                ports.Wait(TimeSpan.FromMilliseconds(100));
            }
        }

        ports.Ports[0].ReadCounters();
        ports.Ports[1].ReadCounters();
    }

    private int Forward(LivePorts ports, PacketBlock block, int from)
    {
        int count = ports.Ports[from].Receive(block, 256, from);
        for (int i = 0; i < count; i++)
        {
            _seen?.Invoke(from, block.Packets[i].Time, block.Bytes(i));
            byte[] frame = block.Bytes(i).ToArray();
            ports.Ports[from].FinishChecksum(frame);
            ports.Ports[1 - from].Send(frame);
        }

        ports.Ports[1 - from].Flush();
        block.Reset();
        return count;
    }
}
