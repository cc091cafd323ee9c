using System;
using Dataplane.LiveTests.Lab;

namespace Dataplane.LiveTests.Ports;

/// <summary>Two hosts and a namespace between them, where a forwarder is put: host a, 10.9.0.1 -- pa [middle] pb -- host b, 10.9.0.2.</summary>
internal sealed class Bridge : IDisposable
{
    internal const string AddressA = "10.9.0.1";
    internal const string AddressB = "10.9.0.2";

    internal Bridge()
    {
        try
        {
            A = Lab.Namespace("a");
            Middle = Lab.Namespace("middle");
            B = Lab.Namespace("b");
            Lab.Cable(A, "eth0", Middle, "pa");
            Lab.Cable(B, "eth0", Middle, "pb");
            NamespaceLab.Address(A, "eth0", AddressA + "/24");
            NamespaceLab.Address(B, "eth0", AddressB + "/24");
            NamespaceLab.Address(A, "eth0", "fd00:9::1/64");
            NamespaceLab.Address(B, "eth0", "fd00:9::2/64");
        }
        catch
        {
            Lab.Dispose();
            throw;
        }
    }

    internal NamespaceLab Lab { get; } = new();

    internal string A { get; }

    internal string B { get; }

    internal string Middle { get; }

    public void Dispose() => Lab.Dispose();
}
