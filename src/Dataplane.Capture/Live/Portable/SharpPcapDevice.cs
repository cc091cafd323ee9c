// SharpPcap behind the little that a port needs. One handle captures and sends.
//
// Own frames: on Linux and macOS libpcap is told to show only what comes in (pcap_setdirection, which SharpPcap does not offer, through the handle that it does); on
// Windows Npcap is told not to capture what this machine sends. No filter: `inbound` ate the first packet of each handle.

using System;
using System.Linq;
using System.Runtime.InteropServices;
using SharpPcap;
using SharpPcap.LibPcap;

namespace Dataplane.Capture.Live.Portable;

/// <summary>A device of libpcap or Npcap.</summary>
internal sealed unsafe class SharpPcapDevice : IPcapDevice
{
    /// <summary>PCAP_D_IN.</summary>
    private const int DirectionIn = 1;

    private const int BufferBytes = 16 << 20;
    private const int TimeoutMilliseconds = 100;

    /// <summary>More than <see cref="InterfaceLimits.FrameBytes"/>: room for a second tag.</summary>
    private const int SpareBytes = 8;

    private readonly LibPcapLiveDevice _device;
    private FrameArrived? _arrived;
    private Action? _stopped;

    private SharpPcapDevice(LibPcapLiveDevice device) => _device = device;

    public bool ShowsOwnFrames { get; private init; }

    /// <summary>Finds a device by the system's name of it or, as on Windows, by the name that people read.</summary>
    /// <exception cref="LiveException">There is none, libpcap or Npcap is missing, or it may not be opened.</exception>
    internal static SharpPcapDevice Open(string name, int mtu)
    {
        LibPcapLiveDevice device = Find(name);
        try
        {
            device.Open(new DeviceConfiguration
            {
                Mode = OperatingSystem.IsWindows() ? DeviceModes.Promiscuous | DeviceModes.NoCaptureLocal | DeviceModes.MaxResponsiveness : DeviceModes.Promiscuous,
                Immediate = true,
                ReadTimeout = TimeoutMilliseconds,
                Snaplen = InterfaceLimits.FrameBytes(mtu) + SpareBytes,
                BufferSize = OperatingSystem.IsWindows() ? null : BufferBytes,
            });
        }
        catch (PcapException exception)
        {
            device.Dispose();
            throw exception.Error is PcapError.PermissionDenied or PcapError.PromiscuousPermissionDenied
                ? new LiveException(name, "this user may not capture from it", "Run it as root or administrator, or give the program the capability CAP_NET_RAW", exception)
                : new LiveException(name, $"libpcap cannot open it ({OneLine(exception.Message)})", "Look whether it is up and no other program holds it", exception);
        }

        if (device.LinkType != PacketDotNet.LinkLayers.Ethernet)
        {
            string type = device.LinkType.ToString();
            device.Dispose();
            throw new LiveException(name, $"it is no Ethernet interface (link type {type})", "Name an Ethernet interface");
        }

        return new SharpPcapDevice(device) { ShowsOwnFrames = !OperatingSystem.IsWindows() && !TryReceiveOnly(device) };
    }

    public void Start(FrameArrived arrived, Action stopped)
    {
        (_arrived, _stopped) = (arrived, stopped);
        _device.OnPacketArrival += Arrived;
        _device.OnCaptureStopped += Stopped;
        _device.StartCapture();
    }

    public bool TryRestart()
    {
        try
        {
            _device.StopCapture();
            _device.StartCapture();
            return true;
        }
        catch (Exception exception) when (exception is PcapException or DeviceNotReadyException)
        {
            return false;
        }
    }

    public bool TrySend(ReadOnlySpan<byte> frame)
    {
        try
        {
            _device.SendPacket(frame);
            return true;
        }
        catch (Exception exception) when (exception is PcapException or DeviceNotReadyException)
        {
            return false;
        }
    }

    public long ReadDropped()
    {
        try
        {
            ICaptureStatistics statistics = _device.Statistics;
            return statistics.DroppedPackets;
        }
        catch (Exception exception) when (exception is PcapException or DeviceNotReadyException)
        {
            return 0;
        }
    }

    public void Dispose()
    {
        _stopped = null;
        _device.Dispose();
    }

    private static LibPcapLiveDevice Find(string name)
    {
        try
        {
            LibPcapLiveDeviceList all = LibPcapLiveDeviceList.New();
            return all.FirstOrDefault(d => d.Name == name) ?? all.FirstOrDefault(d => d.Interface?.FriendlyName == name)
                ?? throw new LiveException(name, "libpcap knows no device of this name", $"Name one of: {string.Join(", ", all.Select(d => d.Interface?.FriendlyName ?? d.Name))}");
        }
        catch (Exception exception) when (exception is DllNotFoundException or TypeInitializationException or EntryPointNotFoundException)
        {
            throw new LiveException(
                name, OperatingSystem.IsWindows() ? "Npcap is not installed" : "libpcap is not installed",
                OperatingSystem.IsWindows() ? "Install Npcap" : "Install it (Debian: apt-get install libpcap0.8), or use --io packet", exception);
        }
        catch (PcapException exception)
        {
            throw new LiveException(name, $"libpcap lists no devices ({OneLine(exception.Message)})", "Run it as root or administrator", exception);
        }
    }

    private static bool TryReceiveOnly(LibPcapLiveDevice device)
    {
        string[] names = OperatingSystem.IsMacOS() ? ["libpcap.dylib"] : ["libpcap.so", "libpcap.so.0", "libpcap.so.0.8", "libpcap.so.1"];
        foreach (string name in names)
        {
            if (NativeLibrary.TryLoad(name, out nint library) && NativeLibrary.TryGetExport(library, "pcap_setdirection", out nint function))
            {
                bool done = ((delegate* unmanaged<nint, int, int>)function)(device.Handle.DangerousGetHandle(), DirectionIn) == 0;
                GC.KeepAlive(device);
                return done;
            }
        }

        return false;
    }

    private static string OneLine(string message) => message.ReplaceLineEndings(" ").Trim().TrimEnd('.');

    private void Arrived(object sender, PacketCapture capture)
    {
        PosixTimeval time = capture.Header.Timeval;
        long wireLength = capture.Header is PcapHeader header ? header.PacketLength : capture.Data.Length;
        _arrived?.Invoke(((long)time.Seconds * 1_000_000_000) + ((long)time.MicroSeconds * 1_000), wireLength, capture.Data);
    }

    private void Stopped(object sender, CaptureStoppedEventStatus status) => _stopped?.Invoke();
}
