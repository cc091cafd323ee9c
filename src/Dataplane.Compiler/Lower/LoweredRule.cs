using System.Globalization;
using Dataplane.Packets;

namespace Dataplane.Compiler.Lower;

/// <summary>What a matching rule says.</summary>
public enum RuleAction
{
    /// <summary>A security group's rule: all of them are looked at, the first one is named.</summary>
    Admit,

    /// <summary>A network ACL's entry that allows.</summary>
    Allow,

    /// <summary>A network ACL's entry that denies.</summary>
    Deny,
}

/// <summary>An interval of <see cref="Headers.DestinationPort"/>: ports, or ICMP type &lt;&lt; 8 | code. Both ends belong to it.</summary>
public readonly record struct PortRange(ushort First, ushort Last)
{
    public bool Covers(PortRange other) => First <= other.First && other.Last <= Last;
}

/// <summary>One rule of a list as numbers. What it matches hangs on these alone; name and line are for people.</summary>
public sealed record LoweredRule
{
    /// <summary>0-based index in the list's rules: the number that a decision carries.</summary>
    public required int Index { get; init; }

    public required RuleAction Action { get; init; }

    /// <summary>-1 for all, else 0 to 255.</summary>
    public required int Protocol { get; init; }

    /// <summary>Null: the rule looks at no ports, so it matches later fragments too (R-42).</summary>
    public PortRange? Ports { get; init; }

    /// <summary>ICMP: any type with this code (ACL-13); <see cref="Ports"/> is null then.</summary>
    public byte? CodeOfAnyType { get; init; }

    /// <summary>The remote block; null when the peer is an address set.</summary>
    public IpPrefix? Block { get; init; }

    /// <summary>Index in the list's sets when <see cref="Block"/> is null.</summary>
    public int Set { get; init; } = -1;

    /// <summary>The set holds the members of a group: it does not match while references are lost (SG-33).</summary>
    public bool IsGroup { get; init; }

    /// <summary>Why no packet can match it, or null.</summary>
    public string? MatchesNothing { get; init; }

    /// <summary>As the record names it: <c>sg-app/ingress/1</c>. Not part of the list's identity.</summary>
    public required string Name { get; init; }

    /// <summary>As the console's columns show it. Not part of the list's identity.</summary>
    public string Line { get; init; } = "";

    /// <summary>The peer is exactly 0.0.0.0/0 or ::/0 (R-12: a prefix list that holds it does not count).</summary>
    public bool IsAnyPeer => Block is { IsAny: true };

    /// <summary>Whether packets of that family can match.</summary>
    public bool ServesFamily(bool ipv6) => Block is not { } block || block.IsIpv6 == ipv6;

    /// <summary>True when every packet that <paramref name="other"/> matches is matched by this rule too, whatever the sets hold.</summary>
    public bool Covers(LoweredRule other) =>
        MatchesNothing is null
        && (Protocol == -1 || Protocol == other.Protocol)
        && CoversPorts(other)
        && (Block is { } block
            ? other.Block is { } inner && block.Covers(inner)
            : other.Block is null && Set == other.Set && IsGroup == other.IsGroup);

    private bool CoversPorts(LoweredRule other)
    {
        if (CodeOfAnyType is { } code)
        {
            return other.CodeOfAnyType == code || (other.Ports is { } one && one.First == one.Last && (byte)one.First == code);
        }

        return Ports is not { } mine || (other.Ports is { } theirs && mine.Covers(theirs));
    }

    public override string ToString()
    {
        string protocol = Protocol < 0 ? "any" : Protocol.ToString(CultureInfo.InvariantCulture);
        string ports = Ports is { } range ? string.Create(CultureInfo.InvariantCulture, $"{range.First}-{range.Last}")
            : CodeOfAnyType is { } code ? string.Create(CultureInfo.InvariantCulture, $"code {code}")
            : "-";
        string remote = Block is { } block
            ? block.ToString()
            : string.Create(CultureInfo.InvariantCulture, $"{(IsGroup ? "group" : "list")} set {Set}");
        return string.Create(CultureInfo.InvariantCulture, $"{Index} {Action} protocol {protocol} ports {ports} remote {remote}")
            + (MatchesNothing is null ? "" : " (matches nothing)");
    }
}
