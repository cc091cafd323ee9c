using System;
using System.Text;
using Dataplane.Live;

namespace Dataplane.Capture.Live.Linux;

/// <summary>What the kernel says about a network interface of this program's network namespace.</summary>
/// <param name="Name">As it was asked for.</param>
/// <param name="Index">Positive.</param>
/// <param name="Address">All zero for the loopback interface.</param>
/// <param name="Mtu">The largest IP packet that it sends, bytes.</param>
/// <param name="Hardware">Number of ARPHRD_: 1 is Ethernet, 772 the loopback interface, which has Ethernet headers too.</param>
/// <param name="IsUp">An administrator has set it up.</param>
/// <param name="HasCarrier">It is up, and its link is.</param>
public sealed record InterfaceFacts(string Name, int Index, MacAddress Address, int Mtu, int Hardware, bool IsUp, bool HasCarrier)
{
    /// <summary>Longest name of an interface, bytes of UTF-8.</summary>
    internal const int MostNameBytes = 15;

    internal const int Ethernet = 1;
    internal const int Loopback = 772;

    private const uint GetFlags = 0x8913;
    private const uint GetMtu = 0x8921;
    private const uint GetHardwareAddress = 0x8927;
    private const int FlagUp = 1;
    private const int FlagRunning = 0x40;

    /// <summary>Asks the kernel.</summary>
    /// <exception cref="LiveException">There is no such interface.</exception>
    public static InterfaceFacts Read(string name)
    {
        using ControlSocket socket = new();
        int index = name.Length > 0 && Encoding.UTF8.GetByteCount(name) <= MostNameBytes ? (int)Libc.InterfaceIndex(name) : 0;
        if (index <= 0)
        {
            throw Missing(name);
        }

        Span<byte> answer = stackalloc byte[ControlSocket.AnswerBytes];
        if (!socket.Ask(name, GetFlags, answer))
        {
            throw Missing(name);
        }

        int flags = BitConverter.ToUInt16(answer);
        if (!socket.Ask(name, GetMtu, answer))
        {
            throw Missing(name);
        }

        int mtu = BitConverter.ToInt32(answer);
        if (!socket.Ask(name, GetHardwareAddress, answer))
        {
            throw Missing(name);
        }

        return new(
            name, index, MacAddress.Read(answer[2..]), mtu, BitConverter.ToUInt16(answer), (flags & FlagUp) != 0, (flags & (FlagUp | FlagRunning)) == (FlagUp | FlagRunning));
    }

    private static LiveException Missing(string name) =>
        new(name, "there is no network interface of this name here", "Look at what `ip link` lists; an interface in another network namespace is reached by `ip netns exec NAMESPACE`");
}
