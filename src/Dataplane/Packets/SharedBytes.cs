using System;
using System.Threading;

namespace Dataplane.Packets;

/// <summary>Bytes of a capture that several blocks of packets refer to; when the last one is done with them, they go back to where they came from.</summary>
/// <param name="bytes">Packets lie in it; nobody writes while a block refers to it.</param>
/// <param name="back">Called once, by the last user's thread.</param>
public sealed class SharedBytes(byte[] bytes, Action<byte[]> back)
{
    private int _users = 1;

    public byte[] Bytes => bytes;

    /// <summary>One user more. Only a user may call it.</summary>
    public void AddUser() => Interlocked.Increment(ref _users);

    /// <summary>One user less.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref _users) == 0)
        {
            back(bytes);
        }
    }
}
