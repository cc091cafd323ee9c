using Dataplane.Packets;

namespace Dataplane.Compiler.Lower;

/// <summary>One <c>--attach NAME=IF[,via=ADDRESS]</c>.</summary>
/// <param name="Component">Id of an interface, of an instance with one interface, or of an internet or egress-only internet gateway.</param>
/// <param name="Port">Number of the live interface, from 0.</param>
/// <param name="Via">A gateway's next hop outside.</param>
/// <param name="ViaIpv6">The same for the other family, where both are given.</param>
public sealed record BoxAttachment(string Component, int Port, IpAddress? Via = null, IpAddress? ViaIpv6 = null);
