using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;
using Dataplane.Compiler.Lower;
using Dataplane.Filters;
using Dataplane.Packets;

namespace Dataplane.Compiler.Load;

/// <summary>Checks a compiled filter against the rules that it was made from.</summary>
public static class TranslationValidator
{
    /// <summary>Probes of one list at most.</summary>
    public const int Budget = 20_000;

    // Rules times probes: the judge is linear, and a list of thousands of rules must not hold the swap up for long.
    private const long MostRuleTests = 400_000;

    // Of a look that is only the first one: some 0.1 s.
    private const long MostFirstTests = 10_000_000;

    /// <summary>Null when both say the same of every probe; else a sentence that names the first packet on which they differ.</summary>
    /// <param name="judge">Says what the list means.</param>
    /// <param name="probes">How many packets were compared.</param>
    /// <param name="isFirst">A look before the swap: of thousands of rules it takes a sample, and the rest is for after it.</param>
    public static string? Validate(RuleList list, Filter compiled, Func<Headers, Decision> judge, out int probes, CancellationToken cancel, bool isFirst = false)
    {
        int budget = isFirst ? FirstProbes(list) : AllProbes(list);
        List<Headers> packets = Probes.Of(list, budget);
        probes = packets.Count;

        // Through the batch, as the engine calls it; the batch asks for each packet alone.
        Decision[] decisions = new Decision[packets.Count];
        compiled.Decide(packets.ToArray(), decisions);
        for (int i = 0; i < decisions.Length; i++)
        {
            if ((i & 255) == 0)
            {
                cancel.ThrowIfCancellationRequested();
            }

            Decision meant = judge(packets[i]);
            if (meant.Bits != decisions[i].Bits)
            {
                return $"{Describe(packets[i])}: compiled {Describe(decisions[i])}, meant {Describe(meant)}";
            }
        }

        return null;
    }

    /// <summary>Whether a first look at that list is not all of it.</summary>
    public static bool NeedsSecond(RuleList list) => FirstProbes(list) < AllProbes(list);

    private static int AllProbes(RuleList list) =>
        (int)Math.Clamp(MostRuleTests / Math.Max(1, list.Rules.Length), Math.Min(Budget, 1_000 + (2 * list.Rules.Length)), Budget);

    private static int FirstProbes(RuleList list) => (int)Math.Min(AllProbes(list), Math.Max(256, MostFirstTests / Math.Max(1, list.Rules.Length)));

    private static string Describe(Headers packet)
    {
        string ports = packet.PortsKnown
            ? string.Create(CultureInfo.InvariantCulture, $"port {packet.DestinationPort}")
            : "no ports";
        string lost = (packet.Flags & HeaderFlags.ReferencesLost) != 0 ? ", references lost" : "";
        return string.Create(CultureInfo.InvariantCulture, $"protocol {packet.Protocol}, {packet.Source} > {packet.Destination}, {ports}{lost}");
    }

    private static string Describe(Decision decision) => decision.IsNone
        ? "none"
        : string.Create(
            CultureInfo.InvariantCulture,
            $"rule {decision.Rule}{(decision.IsDeny ? " denies" : "")}{(decision.HasAnyPeer ? " any" : "")}{(decision.HasNarrowPeer ? " narrow" : "")}");
}
