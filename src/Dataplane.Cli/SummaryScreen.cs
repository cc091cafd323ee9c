// The summary on a terminal of 100 columns: what happened, what was denied and how to mend it, which rules did the work.
// Commands stand on lines of their own and are never wrapped, so that they can be pasted.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using Dataplane.Analysis;
using Dataplane.Analysis.Summary;
using Dataplane.Analysis.Trace;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Cli;

/// <summary>Draws a replay's summary for a person.</summary>
internal sealed class SummaryScreen(TextWriter writer, ReplayReport report)
{
    private const int MostDenied = 10;
    private const int MostUnplaced = 5;
    private const int MostWarnings = 8;
    private const int MostRules = 10;
    private const int MostServices = 6;
    private const int MostAddresses = 3;

    private readonly Page _page = new(writer);

    internal void Draw()
    {
        ReplaySummary summary = report.Summary;
        string did = report.Live is null ? "would have done with" : "did with the packets of";
        _page.Line($"What {string.Join(", ", report.Topologies.Select(Name))} {did} {string.Join(", ", report.Captures.Select(Name))}: "
            + $"{Counted.Of(summary.Read, "packet")}, {report.Elapsed.TotalSeconds.ToString("F2", CultureInfo.InvariantCulture)} s"
            + $" ({Rate(summary.Read / Math.Max(report.Elapsed.TotalSeconds, 1e-6))}/s)");
        if (report.Filter is not null)
        {
            _page.Line($"of which {N(summary.Selected)} match --filter {Shell.Quote(report.Filter)} and are counted here");
        }

        if (report.Interrupted)
        {
            _page.Line("Interrupted: this is what had been judged by then.");
        }

        _page.Blank();
        Verdicts(summary);
        if (report.Live is { } live)
        {
            new LiveScreen(_page, live).Draw();
        }

        Denied(summary);
        Unplaced(summary);
        Busiest(summary);
        Chosen();
        Warnings();
    }

    private void Chosen()
    {
        if (report.Chosen.Count == 0)
        {
            return;
        }

        _page.Heading("Addresses that were chosen for the template");
        foreach (string chosen in report.Chosen)
        {
            _page.Line($"  {chosen}");
        }
    }

    private void Verdicts(ReplaySummary summary)
    {
        IReadOnlyDictionary<string, long> flows = summary.Flows;
        List<string[]> rows = [["verdict", "packets", "bytes", "flows", ""]];
        List<string?> styles = [null];
        foreach (Verdict verdict in Enum.GetValues<Verdict>())
        {
            long packets = summary.Packets[(int)verdict];
            if (packets == 0 && verdict > Verdict.Deny)
            {
                continue;
            }

            string name = RecordText(verdict);
            long partial = flows.GetValueOrDefault("partial");
            string count = verdict is Verdict.Allow or Verdict.Deny ? N(flows.GetValueOrDefault(name)) : "";
            string meaning = verdict switch
            {
                Verdict.Allow => partial > 0 ? $"{Counted.Of(partial, "more flow")} in part: allowed at first, some packets denied" : "",
                Verdict.Moot => "would not exist: what caused them was denied",
                Verdict.Unplaced => "their addresses have no place here, or are of what is not enforced",
                Verdict.Invalid => "malformed",
                Verdict.Ignored => "not IP (ARP, LLDP ...), neighbour discovery",
                _ => "",
            };
            rows.Add([name, N(packets), Progress.Size(summary.Bytes[(int)verdict]), count, meaning]);
            styles.Add(verdict switch
            {
                Verdict.Allow => "green",
                Verdict.Deny => "red",
                _ => null,
            });
        }

        _page.Table(2, rows, "lrrrl", styles);
    }

    private void Denied(ReplaySummary summary)
    {
        List<DeniedRow> rows = [.. summary.Denied];
        if (rows.Count == 0)
        {
            return;
        }

        _page.Heading("Denied: what stopped it, and the smallest change that would let it past that");
        int number = 1;
        foreach (DeniedRow row in rows.Take(MostDenied))
        {
            _page.Paragraph(5, $" {number,2}.", $"{Counted.Of(row.Packets, "packet")}{(row.IsAnswer ? " of returns" : "")}, {Service(row)}: {Source(row)} > {Target(row)}", "red");
            _page.Paragraph(19, "     why", ReasonText.Of(row.ExampleOutcome, row.Example, report.Options));
            _page.Line($"                   {row.Reason}{(row.Rule is null ? "" : $" {row.Rule}")}");
            if (report.Misses(row) is { } miss)
            {
                bool many = row.Sources.Count > 1 || row.Destinations.Count > 1 || row.Services.Count > 1;
                string which = many ? $"for {PacketText.Service(row.Example)} {row.Example.Source} > {row.Example.Destination}: " : "";
                _page.Paragraph(19, "     nearest miss", $"{which}{miss.Change}; {Then(miss)}");
                for (Miss? next = miss.Next; next is not null; next = next.Next)
                {
                    _page.Paragraph(19, "     and then", $"{next.Change}; {Then(next)}");
                }
            }

            if (report.TraceCommand(row) is { } trace)
            {
                _page.Line($"     {trace}");
            }
            number++;
        }

        if (rows.Count > MostDenied || summary.DeniedWithoutRow > 0)
        {
            long rest = rows.Skip(MostDenied).Sum(r => r.Packets) + summary.DeniedWithoutRow;
            _page.Line($"     {Counted.Of(rest, "more packet")} in {Counted.Of(rows.Count - MostDenied, "more row")}: --flows FILE or --denied FILE lists them all");
        }
    }

    private void Unplaced(ReplaySummary summary)
    {
        if (summary.Packets[(int)Verdict.Unplaced] == 0)
        {
            return;
        }

        _page.Heading("Unplaced");
        List<((IpAddress Source, IpAddress Destination) Pair, long Packets)> pairs = [.. summary.Unplaced];
        _page.Table(2, [.. pairs.Take(MostUnplaced).Select(p => (string[])[Counted.Of(p.Packets, "packet"), $"{p.Pair.Source} > {p.Pair.Destination}"])], "rl");
        if (pairs.Count > MostUnplaced)
        {
            _page.Line($"  and {Counted.Of(pairs.Count - MostUnplaced, "more address pair")}");
        }

        if (report.Maps.Count > 0)
        {
            _page.Line("  Most of this capture comes from other addresses. To place it here, add:");
            _page.Line("  " + string.Join(' ', report.Maps.Select(m => $"--map {m.From}={m.To}")));
        }
    }

    private void Busiest(ReplaySummary summary)
    {
        IReadOnlyList<(string Rule, long Packets, long ByTracking)> rules = summary.BusiestRules(report.IsComponent, MostRules);
        if (rules.Count == 0)
        {
            return;
        }

        _page.Heading("Busiest rules");
        _page.Table(2, [.. rules.Select(r => (string[])[r.Rule, Counted.Of(r.Packets, "packet"), r.ByTracking > 0 ? $"{N(r.ByTracking)} of them by tracking" : ""])], "lrl");
    }

    private void Warnings()
    {
        if (report.Warnings.Count == 0)
        {
            return;
        }

        _page.Heading(Counted.Of(report.Warnings.Count, "warning"));
        foreach (string warning in report.Warnings.Take(MostWarnings))
        {
            _page.Paragraph(4, "  -", warning);
        }

        if (report.Warnings.Count > MostWarnings)
        {
            _page.Line($"  {N(report.Warnings.Count - MostWarnings)} more: -v says them all");
        }
    }

    private static string Then(Miss miss) => miss.ThenAllowed ? "then it is allowed"
        : miss.ThenDeniedBy is null ? "whether it then passes cannot be tried here"
        : $"then {miss.ThenDeniedBy} denies it";

    private static string Service(DeniedRow row)
    {
        string protocol = PacketText.Protocol(row.Protocol);
        if (row.Services.Count == 0)
        {
            return protocol;
        }

        bool icmp = row.Example.IsIcmp;
        IEnumerable<string> most = row.Services.OrderByDescending(s => s.Value).ThenBy(s => s.Key).Take(MostServices)
            .Select(s => icmp ? $"{s.Key >> 8}/{s.Key & 255}" : s.Key.ToString(CultureInfo.InvariantCulture));
        string more = row.Services.Count > MostServices ? $" and {row.Services.Count - MostServices} more" : "";
        return $"{protocol} {string.Join(',', most)}{more}";
    }

    private static string Source(DeniedRow row) => End(row.From, row.Sources);

    private static string Target(DeniedRow row) => End(row.To, row.Destinations);

    private static string End(string? id, HashSet<IpAddress> addresses)
    {
        string many = addresses.Count <= MostAddresses
            ? string.Join(", ", addresses.Order())
            : $"{N(addresses.Count)}{(addresses.Count >= DeniedRow.MostDistinct ? " or more" : "")} addresses";
        return id is null ? many : $"{id} ({many})";
    }

    private static string RecordText(Verdict verdict) => Reports.RecordText.Lower(verdict);

    private static string Name(string path) => path == "-" ? "standard input" : Path.GetFileName(Path.TrimEndingDirectorySeparator(path));

    private static string N(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    private static string Rate(double perSecond) => perSecond switch
    {
        >= 1e6 => (perSecond / 1e6).ToString("F1", CultureInfo.InvariantCulture) + " M",
        >= 1e3 => (perSecond / 1e3).ToString("F0", CultureInfo.InvariantCulture) + " k",
        _ => perSecond.ToString("F0", CultureInfo.InvariantCulture),
    };
}
