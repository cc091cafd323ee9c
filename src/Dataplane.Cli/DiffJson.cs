using System;
using System.IO;
using System.Text.Json;
using Dataplane.Analysis.Diff;
using Dataplane.Records;
using Dataplane.Reports;

namespace Dataplane.Cli;

/// <summary>A comparison as one JSON object: what differs, by the rule that made it differ, and the summary of each replay.</summary>
internal static class DiffJson
{
    internal static void Write(Stream stream, DiffSink diff, int flows, DiffSide before, DiffSide after, TimeSpan elapsed)
    {
        using Utf8JsonWriter json = SummaryJson.Writer(stream);
        json.WriteStartObject();
        json.WriteStartObject("differ");
        json.WriteNumber("packets", diff.Packets);
        json.WriteNumber("verdict", diff.VerdictsDiffer);
        json.WriteNumber("rule", diff.RulesDiffer);
        json.WriteNumber("path", diff.PathsDiffer);
        json.WriteNumber("flows", flows);
        json.WriteNumber("unplaced", diff.Unplaced);
        json.WriteEndObject();
        json.WriteStartArray("groups");
        foreach (DiffGroup group in diff.Groups)
        {
            json.WriteStartObject();
            json.WriteString("changedBy", group.ChangedBy);
            json.WriteNumber("packets", group.Packets);
            json.WriteNumber("flows", group.Flows);
            One(json, "before", group.Before);
            One(json, "after", group.After);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        Side(json, "before", before, elapsed);
        Side(json, "after", after, elapsed);
        json.WriteEndObject();
        json.Flush();
        stream.WriteByte((byte)'\n');
    }

    private static void One(Utf8JsonWriter json, string key, Outcome outcome)
    {
        json.WriteStartObject(key);
        json.WriteString("verdict", RecordText.Lower(outcome.Verdict));
        json.WriteString("reason", outcome.Reason == DenyReason.None ? null : outcome.Reason.ToString());
        json.WriteString("rule", outcome.Rule);
        json.WriteStartArray("path");
        foreach (string step in outcome.Path)
        {
            json.WriteStringValue(step);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Side(Utf8JsonWriter json, string key, DiffSide side, TimeSpan elapsed)
    {
        json.WriteStartObject(key);
        SummaryJson.Body(json, side.Summary!, side.Network, elapsed, side.CompileMilliseconds, side.Warnings);
        json.WriteEndObject();
    }
}
