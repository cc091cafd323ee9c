namespace Dataplane.Filters;

/// <summary>What a rule list says of one packet: which rule decided, and how. 32 bits.</summary>
/// <remarks>The default value is the allow of rule 0.</remarks>
public readonly struct Decision
{
    // bit 31 nothing matched | bit 30 denied | bit 29 a rule with the peer 0.0.0.0/0 or ::/0 matched | bit 28 a narrower rule matched | 27..0 rule
    private const uint NothingMatched = 1u << 31;
    private const uint Denied = 1u << 30;
    private const uint AnyPeer = 1u << 29;
    private const uint NarrowPeer = 1u << 28;
    private const uint RuleMask = NarrowPeer - 1;

    private readonly uint _bits;

    private Decision(uint bits) => _bits = bits;

    /// <summary>No rule matched: the implicit end of the list.</summary>
    public static Decision None => new(NothingMatched | RuleMask);

    /// <summary>A network ACL's entry allows.</summary>
    public static Decision Allow(int rule) => new((uint)rule);

    /// <summary>A network ACL's entry denies.</summary>
    public static Decision Deny(int rule) => new(Denied | (uint)rule);

    /// <summary>A security group admits.</summary>
    /// <param name="rule">0-based index of the first matching rule of the list.</param>
    /// <param name="anyPeer">Some matching rule has the peer 0.0.0.0/0 or ::/0.</param>
    /// <param name="narrowPeer">Some matching rule has another peer.</param>
    public static Decision Admit(int rule, bool anyPeer, bool narrowPeer) =>
        new((uint)rule | (anyPeer ? AnyPeer : 0) | (narrowPeer ? NarrowPeer : 0));

    /// <summary>What <see cref="Bits"/> said.</summary>
    internal static Decision FromBits(uint bits) => new(bits);

    public bool IsNone => (_bits & NothingMatched) != 0;

    public bool IsDeny => (_bits & Denied) != 0;

    public bool HasAnyPeer => (_bits & AnyPeer) != 0;

    public bool HasNarrowPeer => (_bits & NarrowPeer) != 0;

    /// <summary>0-based index in the list's rules; meaningless when <see cref="IsNone"/>.</summary>
    public int Rule => (int)(_bits & RuleMask);

    /// <summary>All that it says, for equality.</summary>
    public uint Bits => _bits;
}
