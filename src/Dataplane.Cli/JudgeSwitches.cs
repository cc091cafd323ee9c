using System;
using System.CommandLine;
using System.Globalization;
using Dataplane.Records;

namespace Dataplane.Cli;

/// <summary>The switches that change verdicts, each with its documented default (docs/verdicts.md).</summary>
internal sealed class JudgeSwitches
{
    private readonly Option<bool> _noCausal = new("--no-causal") { Description = "Judge also packets that a denied one caused (no moot verdicts)" };
    private readonly Option<string> _midstream = TopologyOptions.Choice("--midstream", "A TCP packet without state that is no SYN", "rule", "drop");
    private readonly Option<string> _icmpErrors = TopologyOptions.Choice("--icmp-errors", "Flows that an ICMP error may belong to", "aws", "related", "rules");
    private readonly Option<string> _fragments = TopologyOptions.Choice("--fragments", "Fragments after the first", "first", "drop");
    private readonly Option<string> _overlap = TopologyOptions.Choice("--overlap", "A flow that a 0.0.0.0/0 rule and a narrower one admit", "untracked", "tracked");
    private readonly Option<bool> _blockPort25 = new("--block-port-25") { Description = "EC2's block of outbound TCP 25 to public addresses" };

    private readonly Option<int> _maxFlows = new("--max-flows")
    {
        Description = "Flows that are tracked at most (default 1048576)",
        HelpName = "N",
        DefaultValueFactory = _ => JudgeOptions.Default.MaxFlows,
    };

    private readonly Option<string[]> _timeouts = new("--transient-timeouts")
    {
        Description = "Idle seconds that AWS does not publish: syn-sent=120,syn-received=60,fin=120,time-wait=120,closed=10,icmp=30",
        HelpName = "NAME=SECONDS,...",
        AllowMultipleArgumentsPerToken = false,
    };

    /// <param name="isLive">A live run never moots: there is no switch for it.</param>
    internal JudgeSwitches(Command command, bool isLive = false)
    {
        if (!isLive)
        {
            command.Options.Add(_noCausal);
        }

        foreach (Option option in (Option[])[_midstream, _icmpErrors, _fragments, _overlap, _timeouts, _blockPort25, _maxFlows])
        {
            command.Options.Add(option);
        }
    }

    /// <summary>The switches that were given and change what one packet gets, as they would be typed again; each with a space before it.</summary>
    internal string AsTyped(ParseResult parsed)
    {
        string typed = "";
        foreach (Option<string> choice in (Option<string>[])[_midstream, _icmpErrors, _fragments, _overlap])
        {
            typed += parsed.GetResult(choice) is { Implicit: false } ? $" {choice.Name} {parsed.GetValue(choice)}" : "";
        }

        return typed + (parsed.GetValue(_blockPort25) ? $" {_blockPort25.Name}" : "");
    }

    /// <exception cref="CommandException">Values make no sense: all that do not.</exception>
    internal JudgeOptions Read(ParseResult parsed)
    {
        Faults faults = new();
        int maxFlows = parsed.GetValue(_maxFlows);
        if (maxFlows is < 1 or > 100_000_000)
        {
            faults.Of(() => throw new CommandException(ExitCode.Usage, $"--max-flows {maxFlows}: out of range. Give a number from 1 to 100000000."));
        }

        TransientTimeouts timeouts = faults.Of(() => Timeouts(parsed.GetValue(_timeouts) ?? []))!;
        faults.Throw();
        return new JudgeOptions
        {
            Causal = !parsed.GetValue(_noCausal),
            Midstream = parsed.GetValue(_midstream) == "drop" ? MidstreamPolicy.Drop : MidstreamPolicy.Rule,
            IcmpErrors = parsed.GetValue(_icmpErrors) switch
            {
                "related" => IcmpErrorPolicy.Related,
                "rules" => IcmpErrorPolicy.Rules,
                _ => IcmpErrorPolicy.Aws,
            },
            Fragments = parsed.GetValue(_fragments) == "drop" ? FragmentPolicy.Drop : FragmentPolicy.First,
            Overlap = parsed.GetValue(_overlap) == "tracked" ? OverlapPolicy.Tracked : OverlapPolicy.Untracked,
            BlockPort25 = parsed.GetValue(_blockPort25),
            MaxFlows = maxFlows,
            Timeouts = timeouts,
        };
    }

    private static TransientTimeouts Timeouts(string[] texts)
    {
        TransientTimeouts timeouts = new();
        Faults faults = new();
        foreach (string part in string.Join(',', texts).Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            timeouts = faults.Of(() => With(timeouts, part)) ?? timeouts;
        }

        faults.Throw();
        return timeouts;
    }

    private static TransientTimeouts With(TransientTimeouts timeouts, string part)
    {
        int equals = part.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0
            || !int.TryParse(part.AsSpan(equals + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int seconds)
            || seconds is < 1 or > 432_000)
        {
            throw new CommandException(ExitCode.Usage, $"--transient-timeouts {part}: not NAME=SECONDS. Seconds go from 1 to 432000.");
        }

        return part[..equals] switch
        {
            "syn-sent" => timeouts with { SynSent = seconds },
            "syn-received" => timeouts with { SynReceived = seconds },
            "fin" => timeouts with { Fin = seconds },
            "time-wait" => timeouts with { TimeWait = seconds },
            "closed" => timeouts with { Closed = seconds },
            "icmp" => timeouts with { Icmp = seconds },
            _ => throw new CommandException(ExitCode.Usage,
                $"--transient-timeouts {part}: no such time-out. Use syn-sent, syn-received, fin, time-wait, closed, icmp."),
        };
    }
}
