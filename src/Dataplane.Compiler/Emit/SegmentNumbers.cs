using System.Collections.Generic;
using System.Linq;
using Dataplane.Compiler.Lower;
using Dataplane.Compiler.Simplify;
using Dataplane.Filters;

namespace Dataplane.Compiler.Emit;

/// <summary>A list as the rows of a <see cref="SegmentFilter"/>: what is loaded and what is printed are these numbers.</summary>
internal sealed class SegmentNumbers
{
    private SegmentNumbers(uint[] rowsV4, ulong[] rowsV6, uint[] references)
    {
        RowsV4 = rowsV4;
        RowsV6 = rowsV6;
        References = references;
    }

    public uint[] RowsV4 { get; }

    public ulong[] RowsV6 { get; }

    public uint[] References { get; }

    public static SegmentNumbers Of(SimplifiedList list)
    {
        List<uint> v4 = [], references = [];
        List<ulong> v6 = [];
        foreach (LoweredRule rule in list.Kept)
        {
            foreach ((uint first, uint last) in Services(rule))
            {
                uint index = Index(rule);
                if (rule.Block is not { } block)
                {
                    references.AddRange([first, last, (uint)rule.Set, rule.IsGroup ? 1u : 0u, index]);
                }
                else if (block.IsIpv6)
                {
                    v6.AddRange([block.Address.High, block.Address.Low, (ulong)block.Length, first, last, index]);
                }
                else
                {
                    v4.AddRange([(uint)block.Address.Low, (uint)block.Length, first, last, index]);
                }
            }
        }

        return new SegmentNumbers([.. v4], [.. v6], [.. references]);
    }

    /// <summary>Intervals of services, both ends included. One for each rule, or one for each ICMP type where a rule is for a code of any type (ACL-13).</summary>
    public static IEnumerable<(uint First, uint Last)> Services(LoweredRule rule)
    {
        if (rule.CodeOfAnyType is { } code)
        {
            uint portful = (uint)rule.Protocol << 17 | 0x10000;
            return Enumerable.Range(0, 256).Select(type => (portful | (uint)type << 8 | code, portful | (uint)type << 8 | code));
        }

        (uint first, uint span) = TableEmitter.Services(rule);
        return [(first, first + span)];
    }

    public static uint Index(LoweredRule rule) => (uint)rule.Index
        | (rule.Action == RuleAction.Admit ? 0 : SegmentFilter.AclBit)
        | (rule.Action == RuleAction.Deny ? SegmentFilter.DenyBit : 0);

    public SegmentFilter Create(bool isIngress, AddressSet[] sets) => new(isIngress, RowsV4, RowsV6, References, sets);
}
