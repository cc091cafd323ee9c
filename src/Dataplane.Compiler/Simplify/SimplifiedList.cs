using System.Collections.Immutable;
using System.Text;
using Dataplane.Compiler.Lower;

namespace Dataplane.Compiler.Simplify;

/// <summary>Why a rule is not in the generated code.</summary>
public enum LeftOutReason
{
    /// <summary>An earlier rule matches every packet that it matches and says the same.</summary>
    Redundant,

    /// <summary>An earlier entry matches every packet that it matches and says the opposite.</summary>
    Shadowed,

    /// <summary>No packet can match it.</summary>
    MatchesNothing,
}

/// <param name="By">The earlier rule that covers it; null when no packet can match.</param>
public sealed record LeftOutRule(LoweredRule Rule, LeftOutReason Reason, LoweredRule? By)
{
    /// <summary>The reason as a sentence without full stop.</summary>
    public string Why => Reason switch
    {
        LeftOutReason.MatchesNothing => $"matches nothing: {Rule.MatchesNothing}",
        LeftOutReason.Shadowed => $"shadowed: {By!.Name} {(By.Action == RuleAction.Deny ? "denies" : "allows")} every packet it matches",
        _ => $"redundant: {By!.Name} {Verb(By.Action)} every packet it matches",
    };

    private static string Verb(RuleAction action) => action switch
    {
        RuleAction.Admit => "admits",
        RuleAction.Allow => "allows",
        _ => "denies",
    };
}

/// <summary>The second form: the rules that can decide something, and those that cannot.</summary>
/// <param name="Kept">In the list's order, with their old indexes.</param>
/// <param name="LeftOut">In the list's order.</param>
public sealed record SimplifiedList(RuleList List, ImmutableArray<LoweredRule> Kept, ImmutableArray<LeftOutRule> LeftOut)
{
    /// <summary>Prints one rule a line, then those that were left out.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        foreach (LoweredRule rule in Kept)
        {
            text.Append(rule).Append('\n');
        }

        foreach (LeftOutRule rule in LeftOut)
        {
            text.Append("without ").Append(rule.Rule).Append(", ").Append(rule.Why).Append('\n');
        }

        return text.ToString();
    }
}
