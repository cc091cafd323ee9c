// Which structure a list gets.
//
// A packet asks a remote address, a protocol and a destination port. Measured on random headers (docs/decisions/0003-classifiers.md): a chain of ifs takes 2 ns for 1 rule, 8 for 4, 10 to 12 for 8, 20
// for 60, since each if is a guess; segments take 8 to 12 ns from 1 to 100 rules and 20 for 1,000; a table one vector step for every 16 rules, 17 for 60 and 85 for 1,000. So
// a chain, the easiest to read, up to 8 rules of a family, then segments. Segments repeat a rule wherever its services overlap those of others: where that would take too
// much memory the list gets a table, whose size follows the rules alone.

using System;
using System.Globalization;
using System.Linq;
using Dataplane.Compiler.Emit;
using Dataplane.Compiler.Simplify;
using Dataplane.Filters;

namespace Dataplane.Compiler.Choose;

/// <summary>Chooses by size and shape.</summary>
public static class Chooser
{
    /// <summary>Rules of one family up to which a chain of ifs is emitted.</summary>
    public const int LongestChain = 8;

    /// <summary>Cells of segments: 4 bytes each, 20 in IPv6.</summary>
    public const long MostCells = 500_000;

    /// <param name="longestChain">Another limit than <see cref="LongestChain"/>: for tests that want every structure from one list.</param>
    /// <param name="mostCells">Another limit than <see cref="MostCells"/>.</param>
    public static ChosenList Choose(SimplifiedList list, int longestChain = LongestChain, long mostCells = MostCells)
    {
        int v4 = list.Kept.Count(rule => rule.ServesFamily(ipv6: false));
        int v6 = list.Kept.Count(rule => rule.ServesFamily(ipv6: true));
        string sizes = string.Create(CultureInfo.InvariantCulture, $"{v4} {(v4 == 1 ? "rule" : "rules")} for IPv4 and {v6} for IPv6");
        if (list.Kept.IsEmpty)
        {
            return new ChosenList(list, Classifier.Empty, "no rule can match") { Numbers = SegmentNumbers.Of(list) };
        }

        if (Math.Max(v4, v6) <= longestChain)
        {
            return new ChosenList(list, Classifier.Chain, string.Create(
                CultureInfo.InvariantCulture, $"{sizes}, and a chain is faster up to {longestChain} of a family"));
        }

        SegmentNumbers numbers = SegmentNumbers.Of(list);
        long cells = SegmentFilter.Cells(numbers.RowsV4, numbers.RowsV6);
        return cells <= mostCells
            ? new ChosenList(list, Classifier.Segments, string.Create(
                CultureInfo.InvariantCulture, $"{sizes}, and above {longestChain} of a family a look-up by port and address is faster"))
            { Numbers = numbers }
            : new ChosenList(list, Classifier.Table, string.Create(
                CultureInfo.InvariantCulture, $"{sizes}, and their services overlap so much that segments would need {cells} cells; 16 rules a step are faster than a chain"));
    }
}
