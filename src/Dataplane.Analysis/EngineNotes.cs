using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Engine;
using Dataplane.Records;

namespace Dataplane.Analysis;

/// <summary>What an engine has to say at the end, besides the caps that a command words for itself.</summary>
public static class EngineNotes
{
    /// <summary>Sentences for a person: what is unplaced for want of enforcement, most packets first, and that there were more paths than are kept.</summary>
    public static IEnumerable<string> Of(EngineJudge judge)
    {
        ArgumentNullException.ThrowIfNull(judge);
        HashSet<string> components = [.. judge.Plan.Interfaces.Where(i => i.Unenforced >= 0).Select(i => judge.Tables.Names[i.Unenforced]!)];
        foreach ((string id, long packets) in judge.UnplacedBehind.OrderByDescending(g => g.Value).ThenBy(g => g.Key, StringComparer.Ordinal))
        {
            string would = components.Contains(id) ? "would leave from or arrive at this component" : "would enter through this gateway";
            yield return $"{id}: {Counted.Of(packets, "packet")} {would}, which is not enforced yet. {(packets == 1 ? "It is" : "They are")} unplaced.";
        }

        if (judge.Tables.Paths.Spilled > 0)
        {
            yield return $"More than {Counted.Of(PathTable.MaxPaths, "path")} through the topology were met: what is said of busy rules, and --flows, may show a later packet's path. Replay a part of the capture at a time.";
        }
    }
}
