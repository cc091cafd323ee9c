// Removes rules that can decide nothing, and nothing else: a record must not show whether this pass ran.
//
// A network ACL's entry goes when one earlier entry covers it: the earlier one always decides. A security group's rule goes when one earlier rule
// covers it and has the same kind of peer (0.0.0.0/0 and ::/0, or narrower): the earlier one is named instead, and gives the decision
// the same flag. A narrow rule under an any-peer rule stays: with --overlap tracked it decides that the flow is tracked.
//
// To find the covering rule without comparing all pairs, earlier rules stand in buckets by protocol, peer block (or set) and kind; a rule asks the
// buckets of its own and of all protocols, for every prefix length that occurs and is not longer than its own.

using System.Collections.Generic;
using System.Collections.Immutable;
using Dataplane.Compiler.Lower;
using Dataplane.Packets;

namespace Dataplane.Compiler.Simplify;

/// <summary>Leaves out rules that are wholly covered by one earlier rule, and rules that match nothing.</summary>
public static class Simplifier
{
    public static SimplifiedList Simplify(RuleList list)
    {
        ImmutableArray<LoweredRule>.Builder kept = ImmutableArray.CreateBuilder<LoweredRule>();
        ImmutableArray<LeftOutRule>.Builder leftOut = ImmutableArray.CreateBuilder<LeftOutRule>();
        Buckets buckets = new();
        foreach (LoweredRule rule in list.Rules)
        {
            if (rule.MatchesNothing is not null)
            {
                leftOut.Add(new LeftOutRule(rule, LeftOutReason.MatchesNothing, null));
            }
            else if (buckets.FirstCovering(rule) is { } by)
            {
                leftOut.Add(new LeftOutRule(rule, by.Action == rule.Action ? LeftOutReason.Redundant : LeftOutReason.Shadowed, by));
            }
            else
            {
                buckets.Add(rule);
                kept.Add(rule);
            }
        }

        return new SimplifiedList(list, kept.ToImmutable(), leftOut.ToImmutable());
    }

    /// <summary>Kept rules by what they look at. A rule that was left out need not stand here: what covers it covers what it covers.</summary>
    private sealed class Buckets
    {
        private readonly Dictionary<(int Protocol, IpPrefix Block, int Set, bool IsGroup), List<LoweredRule>> _rules = [];
        private readonly SortedSet<int> _lengthsV4 = [];
        private readonly SortedSet<int> _lengthsV6 = [];

        public void Add(LoweredRule rule)
        {
            if (rule.Block is { } block)
            {
                (block.IsIpv6 ? _lengthsV6 : _lengthsV4).Add(block.Length);
            }

            (int, IpPrefix, int, bool) key = (rule.Protocol, rule.Block ?? default, rule.Set, rule.IsGroup);
            if (!_rules.TryGetValue(key, out List<LoweredRule>? bucket))
            {
                _rules.Add(key, bucket = []);
            }

            bucket.Add(rule);
        }

        public LoweredRule? FirstCovering(LoweredRule rule)
        {
            LoweredRule? first = null;
            if (rule.Block is not { } block)
            {
                Look(default, ref first);
                return first;
            }

            foreach (int length in block.IsIpv6 ? _lengthsV6 : _lengthsV4)
            {
                if (length > block.Length)
                {
                    break;
                }

                Look(new IpPrefix(block.Address, length), ref first);
            }

            return first;

            void Look(IpPrefix outer, ref LoweredRule? first)
            {
                LookIn(-1, outer, ref first);
                if (rule.Protocol != -1)
                {
                    LookIn(rule.Protocol, outer, ref first);
                }
            }

            void LookIn(int protocol, IpPrefix outer, ref LoweredRule? first)
            {
                if (!_rules.TryGetValue((protocol, outer, rule.Set, rule.IsGroup), out List<LoweredRule>? bucket))
                {
                    return;
                }

                foreach (LoweredRule earlier in bucket)
                {
                    if ((first is null || earlier.Index < first.Index) && earlier.Covers(rule) && SaysTheSame(earlier, rule))
                    {
                        first = earlier;
                    }
                }
            }
        }

        /// <summary>Whether the earlier rule stands in for the later one in the decision, flags included.</summary>
        private static bool SaysTheSame(LoweredRule earlier, LoweredRule later) =>
            earlier.Action != RuleAction.Admit || earlier.IsAnyPeer == later.IsAnyPeer;
    }
}
