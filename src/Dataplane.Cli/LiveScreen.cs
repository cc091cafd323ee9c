using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Dataplane.Live;
using Dataplane.Records;

namespace Dataplane.Cli;

/// <summary>What became of live frames, and what went through each interface: the counters add up.</summary>
internal sealed class LiveScreen(Page page, LiveReport live)
{
    internal void Draw()
    {
        long dropped = live.Ports.Sum(p => p.Counters.DroppedByKernel);
        page.Heading("Frames: received = what became of them");
        List<string[]> rows = [[N(live.Received), "received", dropped > 0 ? $"and {N(dropped)} more that the system had no room for: they were not judged" : ""]];
        foreach (LiveFate fate in Enum.GetValues<LiveFate>().Where(f => live.Fates[f] != 0))
        {
            rows.Add([N(live.Fates[fate]), Word(fate), Meaning(fate)]);
        }

        page.Table(2, rows, "rll");
        page.Heading("Interfaces");
        rows = [["", "method", "received", "bytes", "sent", "bytes", "not sent", "lost before us"]];
        foreach (ILivePort port in live.Ports)
        {
            LivePortCounters counters = port.Counters;
            rows.Add([port.Name, port.Method, N(counters.Received), Progress.Size(counters.ReceivedBytes), N(counters.Sent), Progress.Size(counters.SentBytes), N(counters.NotSent),
                N(counters.DroppedByKernel) + (counters.KnowsDropped ? "" : " or more")]);
        }

        page.Table(2, rows, "llrrrrrr");
        if (live.Box is { } box && box.OwnSent + box.Fragmented > 0)
        {
            string fragments = box.Fragmented > 0 ? $"; {Counted.Of(box.Fragmented, "packet")} left in fragments" : "";
            page.Line($"  the network itself sent {Counted.Of(box.OwnSent, "frame")}, answers and questions: {Counted.Of(box.ErrorsSent, "ICMP error")} among them{fragments}");
        }

        if (live.Reloads + live.Refused > 0)
        {
            page.Line($"  {Counted.Of(live.Reloads, "reload")} ({(live.Refused == 0 ? "none refused" : $"{N(live.Refused)} more refused: the running topology stayed")}); the last epoch is {N(live.Epoch)}");
        }
    }

    /// <summary>A fate as JSON and people know it: <c>notSent</c>.</summary>
    internal static string Key(LiveFate fate) => char.ToLowerInvariant(fate.ToString()[0]) + fate.ToString()[1..];

    private static string Word(LiveFate fate) => fate switch
    {
        LiveFate.NotAttached => "not attached",
        LiveFate.NoNeighbour => "no neighbour",
        LiveFate.TooBig => "too big",
        LiveFate.NotSent => "not sent",
        _ => fate.ToString().ToLowerInvariant(),
    };

    private static string Meaning(LiveFate fate) => fate switch
    {
        LiveFate.Dropped => "by their verdict: denied, unplaced, invalid",
        LiveFate.Ignored => "not IP, and nothing that is answered",
        LiveFate.Passed => "not IP, sent on as asked (--non-ip)",
        LiveFate.Answered => "by the network itself: ARP, neighbour discovery, DHCP",
        LiveFate.Service => "allowed, to an Amazon service that nothing here provides",
        LiveFate.NotAttached => "allowed, to a component that has no interface here (--attach)",
        LiveFate.NoNeighbour => "allowed, and nobody answered for the next hop's address",
        LiveFate.TooBig => "allowed, and longer than the next link takes (RT-36)",
        LiveFate.NotSent => "allowed, and the interface had no room for them, or was down",
        LiveFate.Waiting => "allowed, and the next hop's address was still asked for at the end",
        _ => "",
    };

    private static string N(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
