using System;
using System.Text;

namespace Dataplane.Capture.Live.Linux;

/// <summary>A socket that carries questions about interfaces to the kernel (netdevice(7)).</summary>
internal sealed unsafe class ControlSocket : IDisposable
{
    /// <summary>Bytes of the union in struct ifreq.</summary>
    internal const int AnswerBytes = 24;

    private const int NameBytes = 16;

    private readonly int _socket;

    /// <exception cref="LiveException">The system gives no socket.</exception>
    internal ControlSocket()
    {
        _socket = Libc.Socket(Libc.AddressFamilyInternet, Libc.SocketDatagram | Libc.SocketCloseOnExec, 0);
        if (_socket < 0)
        {
            throw new LiveException("network interfaces", Libc.Describe(Libc.LastError), "Raise the limit of open files (ulimit -n)");
        }
    }

    /// <summary>Asks one question about an interface.</summary>
    /// <param name="answer">24 bytes: what the kernel wrote behind the name.</param>
    /// <returns>False when it refused; errno says why.</returns>
    internal bool Ask(string name, uint request, Span<byte> answer)
    {
        byte* buffer = stackalloc byte[NameBytes + AnswerBytes];
        new Span<byte>(buffer, NameBytes + AnswerBytes).Clear();
        Encoding.UTF8.GetBytes(name, new Span<byte>(buffer, InterfaceFacts.MostNameBytes));
        if (Libc.Control(_socket, request, buffer) < 0)
        {
            return false;
        }

        new Span<byte>(buffer + NameBytes, AnswerBytes).CopyTo(answer);
        return true;
    }

    /// <summary>Asks one question whose answer the kernel writes into a structure of the caller's.</summary>
    internal bool Ask(string name, uint request, void* argument)
    {
        byte* buffer = stackalloc byte[NameBytes + AnswerBytes];
        new Span<byte>(buffer, NameBytes + AnswerBytes).Clear();
        Encoding.UTF8.GetBytes(name, new Span<byte>(buffer, InterfaceFacts.MostNameBytes));
        *(void**)(buffer + NameBytes) = argument;
        return Libc.Control(_socket, request, buffer) >= 0;
    }

    public void Dispose() => _ = Libc.Close(_socket);
}
