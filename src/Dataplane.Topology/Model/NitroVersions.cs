using System;
using System.Collections.Frozen;

namespace Dataplane.Topology.Model;

/// <summary>Which instance types forget idle connections sooner (CT-18).</summary>
/// <remarks>
/// Source: Amazon EC2 API Reference, ConnectionTrackingConfiguration: 350 seconds by default on Nitro v6 (but P6e-GB200), 432,000 on all others. The families
/// are those that the Amazon EC2 Instance Types guide lists with the hypervisor "Nitro v6", as of 2026; a family that is newer than the table counts as older.
/// </remarks>
internal static class NitroVersions
{
    /// <summary>Seconds.</summary>
    public const int TcpEstablishedOnV6 = 350;

    // P6e-GB200 is left out on purpose: AWS excepts it.
    private static readonly FrozenSet<string> V6 =
        """
        c8a c8gb c8gn c8i c8i-flex c8ib c8id c8in c8ine
        g7e hpc8a i8ge
        m8a m8azn m8gb m8gn m8i m8i-flex m8ib m8id m8idb m8idn m8in m8ine m9g m9gd
        p6-b200 p6-b300
        r8a r8gb r8gn r8i r8i-flex r8ib r8id r8idb r8idn r8in
        x8aedz x8i
        """.Split((char[])[' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries).ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <param name="instanceType">As in <c>m8i.large</c>; null when no file says it.</param>
    public static bool IsV6(string? instanceType) => instanceType is not null && V6.Contains(instanceType.Split('.')[0]);
}
