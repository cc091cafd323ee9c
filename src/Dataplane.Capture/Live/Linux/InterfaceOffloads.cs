using System;
using System.Globalization;
using System.Text;

namespace Dataplane.Capture.Live.Linux;

/// <summary>What a driver does to frames on their way, as ethtool(8) shows it; false where the driver knows no such thing.</summary>
/// <param name="ReceiveOffload">GRO: received segments of a TCP connection are merged.</param>
/// <param name="LargeReceive">LRO: the same in hardware.</param>
/// <param name="Segmentation">GSO: what is sent may be longer than the MTU until just before the driver.</param>
/// <param name="TcpSegmentation">TSO: the same until in the hardware.</param>
/// <param name="SendChecksum">Checksums of what is sent are left to the hardware.</param>
/// <param name="TakesTags">VLAN tags are taken out of received frames.</param>
/// <param name="Driver">Its name: <c>veth</c>; empty where it says none.</param>
public sealed record InterfaceOffloads(bool ReceiveOffload, bool LargeReceive, bool Segmentation, bool TcpSegmentation, bool SendChecksum, bool TakesTags, string Driver)
{
    private const uint EthtoolRequest = 0x8946;
    private const uint GetDriver = 0x3;
    private const uint GetSendChecksum = 0x16;
    private const uint GetTcpSegmentation = 0x1e;
    private const uint GetSegmentation = 0x23;
    private const uint GetFlags = 0x25;
    private const uint GetReceiveOffload = 0x2b;
    private const uint GetChannels = 0x3c;
    private const uint FlagLargeReceive = 1 << 15;
    private const uint FlagTakesTags = 1 << 8;

    /// <summary>Asks the driver of an interface of this program's network namespace.</summary>
    public static InterfaceOffloads Read(string name)
    {
        using ControlSocket socket = new();
        uint flags = Value(socket, name, GetFlags);
        return new(
            Value(socket, name, GetReceiveOffload) != 0,
            (flags & FlagLargeReceive) != 0,
            Value(socket, name, GetSegmentation) != 0,
            Value(socket, name, GetTcpSegmentation) != 0,
            Value(socket, name, GetSendChecksum) != 0,
            (flags & FlagTakesTags) != 0,
            DriverName(socket, name));
    }

    /// <summary>Queues in which an interface receives, at least 1.</summary>
    internal static unsafe int ReceiveQueues(string name)
    {
        using ControlSocket socket = new();

        // struct ethtool_channels: command; most of receive, send, other, combined; the same as they are.
        uint* channels = stackalloc uint[9];
        new Span<uint>(channels, 9).Clear();
        channels[0] = GetChannels;
        return socket.Ask(name, EthtoolRequest, channels) ? Math.Max(1, (int)(channels[5] + channels[8])) : 1;
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"gro {OnOff(ReceiveOffload)} lro {OnOff(LargeReceive)} gso {OnOff(Segmentation)} tso {OnOff(TcpSegmentation)} tx {OnOff(SendChecksum)} rxvlan {OnOff(TakesTags)}");

    private static unsafe string DriverName(ControlSocket socket, string name)
    {
        // struct ethtool_drvinfo: command, 32 bytes of a name, more that is not asked for.
        const int Bytes = 196, NameBytes = 32;
        byte* information = stackalloc byte[Bytes];
        Span<byte> all = new(information, Bytes);
        all.Clear();
        *(uint*)information = GetDriver;
        if (!socket.Ask(name, EthtoolRequest, information))
        {
            return "";
        }

        ReadOnlySpan<byte> driver = all.Slice(sizeof(uint), NameBytes);
        int end = driver.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? driver : driver[..end]);
    }

    private static string OnOff(bool value) => value ? "on" : "off";

    private static unsafe uint Value(ControlSocket socket, string name, uint command)
    {
        // struct ethtool_value: command, data.
        uint* value = stackalloc uint[2] { command, 0 };
        return socket.Ask(name, EthtoolRequest, value) ? value[1] : 0;
    }
}
