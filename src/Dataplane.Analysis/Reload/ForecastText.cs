using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Dataplane.Records;

namespace Dataplane.Analysis.Reload;

/// <summary>A forecast in sentences.</summary>
public static class ForecastText
{
    private const int MostRows = 12;

    /// <summary>One line of sums, then what is cut and what goes on against the rules, a line each.</summary>
    public static IEnumerable<string> Lines(ReloadForecast forecast)
    {
        ArgumentNullException.ThrowIfNull(forecast);
        List<string> sums = [.. Enum.GetValues<FlowOutlook>().Where(o => forecast.Flows[o] > 0).Select(o => $"{N(forecast.Flows[o])} {Words(o)}")];
        yield return forecast.Total == 0 ? "no flows in progress" : $"{Counted.Of(forecast.Total, "flow")} in progress: {string.Join(", ", sums)}";
        foreach (ForecastRow row in forecast.Rows.Take(MostRows))
        {
            string why = row.Outlook switch
            {
                FlowOutlook.Cut => $" by {(row.Reason == DenyReason.None ? "its addresses: they have no place any more" : row.Reason)}{(row.Rule is null ? "" : $" {row.Rule}")}",
                FlowOutlook.KeptAsTracked => $", admitted by {row.Rule}",
                _ => "",
            };
            yield return $"  {N(row.Flows)} {Words(row.Outlook)}{why}, as {row.Example}";
        }

        if (forecast.Rows.Count > MostRows)
        {
            yield return $"  and {Counted.Of(forecast.Rows.Count - MostRows, "more row")}";
        }
    }

    private static string Words(FlowOutlook outlook) => outlook switch
    {
        FlowOutlook.Stays => "unchanged",
        FlowOutlook.KeptAsTracked => "kept as tracked, though no rule would let them begin now",
        FlowOutlook.WouldBeUntracked => "kept as tracked, untracked when begun again",
        FlowOutlook.BecomesTracked => "untracked, judged as new and tracked from their next packet on",
        _ => "cut",
    };

    private static string N(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
