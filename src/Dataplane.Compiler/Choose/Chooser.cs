// Which structure a list gets.
//
// A packet asks a remote address, a protocol and a destination port. A chain of ifs is the easiest to read and the fastest while it is short: with rules of
// this shape most packets leave an if at its first condition. On a busy machine 4 to 16 rules took 5 to 17 ns in a chain and 16 to 40 in a table;
// where they cross was lost in the noise, and 32 is a choice that wants a quiet measurement. Beyond, a chain's cost grows with each rule, and the JIT stops optimising methods of several hundred conditions, while a table costs one vector
// step for every 16 rules and its code has always the same size, whatever the list.

using System;
using System.Globalization;
using System.Linq;
using Dataplane.Compiler.Simplify;

namespace Dataplane.Compiler.Choose;

/// <summary>Chooses by size and shape.</summary>
public static class Chooser
{
    /// <summary>Rules of one family up to which a chain of ifs is emitted.</summary>
    public const int LongestChain = 32;

    /// <param name="longestChain">Another limit than <see cref="LongestChain"/>: for tests that want both structures from one list.</param>
    public static ChosenList Choose(SimplifiedList list, int longestChain = LongestChain)
    {
        int v4 = list.Kept.Count(rule => rule.ServesFamily(ipv6: false));
        int v6 = list.Kept.Count(rule => rule.ServesFamily(ipv6: true));
        string sizes = string.Create(CultureInfo.InvariantCulture, $"{v4} {(v4 == 1 ? "rule" : "rules")} for IPv4 and {v6} for IPv6");
        if (list.Kept.IsEmpty)
        {
            return new ChosenList(list, Classifier.Empty, "no rule can match");
        }

        return Math.Max(v4, v6) <= longestChain
            ? new ChosenList(list, Classifier.Chain, string.Create(
                CultureInfo.InvariantCulture, $"{sizes}, and a chain is faster up to {longestChain} of a family"))
            : new ChosenList(list, Classifier.Table, string.Create(
                CultureInfo.InvariantCulture, $"{sizes}, and above {longestChain} of a family 16 rules a step are faster"));
    }
}
