using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Encodings.Web;
using System.Text.Json;
using Dataplane.Analysis.Summary;
using Dataplane.Live;
using Dataplane.Records;
using Dataplane.Topology.Model;

namespace Dataplane.Cli;

/// <summary>The summary as one JSON object.</summary>
internal static class SummaryJson
{
    internal static void Write(Stream stream, ReplayReport report, Network network)
    {
        using Utf8JsonWriter json = Writer(stream);
        json.WriteStartObject();
        Body(json, report.Summary, network, report.Elapsed, report.CompileMilliseconds, report.Warnings);
        if (report.Live is { } live)
        {
            Live(json, live);
        }

        json.WriteEndObject();
        json.Flush();
        stream.WriteByte((byte)'\n');
    }

    internal static Utf8JsonWriter Writer(Stream stream) => new(stream, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, Indented = true });

    /// <summary>The keys that the summary of every replay has.</summary>
    internal static void Body(Utf8JsonWriter json, ReplaySummary summary, Network network, TimeSpan elapsed, double compileMilliseconds, IEnumerable<string> warnings)
    {
        Verdicts(json, "packets", summary.Packets);
        Verdicts(json, "bytes", summary.Bytes);
        json.WriteStartObject("flows");
        foreach (string verdict in (string[])["allow", "deny", "partial", "moot"])
        {
            json.WriteNumber(verdict, summary.Flows.GetValueOrDefault(verdict));
        }

        json.WriteEndObject();
        json.WriteStartObject("topology");
        json.WriteNumber("vpcs", network.Vpcs.Length);
        json.WriteNumber("subnets", network.Subnets.Length);
        json.WriteNumber("networkInterfaces", network.Interfaces.Length);
        json.WriteNumber("securityGroups", network.SecurityGroups.Length);
        json.WriteNumber("securityGroupRules", network.SecurityGroups.Sum(g => g.Ingress.Length + g.Egress.Length));
        json.WriteNumber("networkAcls", network.NetworkAcls.Length);
        json.WriteNumber("networkAclEntries", network.NetworkAcls.Sum(a => a.Ingress.Length + a.Egress.Length));
        json.WriteNumber("routeTables", network.RouteTables.Length);
        json.WriteNumber("routes", network.RouteTables.Sum(t => t.Routes.Length));
        json.WriteNumber("prefixLists", network.PrefixLists.Length);
        json.WriteNumber("gateways", network.Gateways.Length);
        json.WriteEndObject();
        json.WriteNumber("elapsedSeconds", Math.Round(elapsed.TotalSeconds, 6));
        json.WriteNumber("packetsPerSecond", Math.Round(summary.Read / Math.Max(elapsed.TotalSeconds, 1e-6)));
        json.WriteNumber("compileMilliseconds", Math.Round(compileMilliseconds, 3));
        json.WriteStartArray("warnings");
        foreach (string warning in warnings)
        {
            json.WriteStringValue(warning);
        }

        json.WriteEndArray();
    }

    private static void Live(Utf8JsonWriter json, LiveReport live)
    {
        json.WriteStartObject("frames");
        json.WriteNumber("received", live.Received);
        foreach (LiveFate fate in Enum.GetValues<LiveFate>())
        {
            json.WriteNumber(LiveScreen.Key(fate), live.Fates[fate]);
        }

        json.WriteEndObject();
        json.WriteStartArray("interfaces");
        foreach (ILivePort port in live.Ports)
        {
            json.WriteStartObject();
            json.WriteString("name", port.Name);
            json.WriteString("method", port.Method);
            json.WriteNumber("received", port.Counters.Received);
            json.WriteNumber("receivedBytes", port.Counters.ReceivedBytes);
            json.WriteNumber("droppedByKernel", port.Counters.DroppedByKernel);
            json.WriteNumber("sent", port.Counters.Sent);
            json.WriteNumber("sentBytes", port.Counters.SentBytes);
            json.WriteNumber("notSent", port.Counters.NotSent);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        if (live.Box is { } box)
        {
            json.WriteStartObject("box");
            json.WriteNumber("ownSent", box.OwnSent);
            json.WriteNumber("ownNotSent", box.OwnNotSent);
            json.WriteNumber("errorsSent", box.ErrorsSent);
            json.WriteNumber("errorsHeldBack", box.ErrorsHeldBack);
            json.WriteNumber("fragmented", box.Fragmented);
            json.WriteNumber("elsewhere", box.Elsewhere);
            json.WriteNumber("neighboursEvicted", box.NeighboursEvicted);
            json.WriteNumber("waitingFull", box.WaitingFull);
            json.WriteEndObject();
        }

        json.WriteNumber("reloads", live.Reloads);
        json.WriteNumber("refusedReloads", live.Refused);
        json.WriteNumber("epoch", live.Epoch);
    }

    private static void Verdicts(Utf8JsonWriter json, string key, long[] byVerdict)
    {
        json.WriteStartObject(key);
        foreach (Verdict verdict in Enum.GetValues<Verdict>())
        {
            json.WriteNumber(Reports.RecordText.Lower(verdict), byVerdict[(int)verdict]);
        }

        json.WriteEndObject();
    }
}
