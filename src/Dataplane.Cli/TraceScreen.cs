using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Dataplane.Analysis;
using Dataplane.Analysis.Summary;
using Dataplane.Analysis.Trace;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Topology.Model;

namespace Dataplane.Cli;

/// <summary>Draws a trace: each stage, what it saw, which rule spoke and what that rule says.</summary>
internal sealed class TraceScreen(TextWriter writer, Network network)
{
    private readonly Page _page = new(writer);
    private readonly Dictionary<string, string> _lines = RuleLines(network);

    internal void Draw(TraceAnswer answer)
    {
        Packet("Packet", answer.Packet, answer.Forward);
        Miss(answer.NearestMiss);
        _page.Blank();
        if (answer.Forward.Verdict == Verdict.Deny)
        {
            _page.Line("Return: none, since the packet itself is denied.");
            return;
        }

        if (answer.Forward.Verdict != Verdict.Allow)
        {
            return;
        }

        Packet("Return", answer.Answer, answer.Return);
        Miss(answer.ReturnMiss);
    }

    private void Packet(string title, Headers headers, Outcome outcome)
    {
        _page.Line($"{title}: {PacketText.Line(headers)}{(headers.IsSyn ? " (SYN)" : "")}");
        (IpAddress source, IpAddress destination) = PlacedEnds.Of(network, headers, outcome);
        int number = 1;
        foreach (string step in outcome.Path)
        {
            (string what, string detail) = Describe(step, ref source, ref destination, headers, outcome);
            bool stopped = outcome.Verdict == Verdict.Deny && number == outcome.Path.Count;
            _page.Line($"  {number,2}. {step}", stopped ? "red" : null);
            _page.Paragraph(6, "", what + detail, "grey");
            number++;
        }

        string verdict = outcome.Verdict switch
        {
            Verdict.Allow => outcome.To is { } to ? $"allowed: it reaches {to}" : "allowed: traffic with an Amazon service, which nothing filters",
            Verdict.Deny => $"denied: {outcome.Reason}{(outcome.Rule is null ? "" : $" {outcome.Rule}")}: {ReasonText.Of(outcome)}",
            Verdict.Moot => "moot: it would not exist",
            Verdict.Unplaced => "unplaced: neither end has a place on this topology, or it would come through a gateway or belong to a component that is not enforced yet",
            _ => outcome.Verdict.ToString(),
        };
        _page.Paragraph(2, "", verdict, outcome.Verdict == Verdict.Allow ? "green" : outcome.Verdict == Verdict.Deny ? "red" : "olive");
    }

    private void Miss(Miss? miss)
    {
        if (miss is null)
        {
            return;
        }

        string label = "nearest miss";
        for (Miss? next = miss; next is not null; next = next.Next)
        {
            _page.Paragraph(16, "  " + label, $"{next.Change}; {Then(next)}");
            label = "and then";
        }
    }

    private static string Then(Miss miss) => miss.ThenAllowed ? "then it is allowed"
        : miss.ThenDeniedBy is null ? "whether it then passes cannot be tried here"
        : $"then {miss.ThenDeniedBy} denies it";

    private (string What, string Detail) Describe(string step, ref IpAddress source, ref IpAddress destination, Headers headers, Outcome outcome)
    {
        bool tracked = step.StartsWith("tracked ", StringComparison.Ordinal);
        string rule = tracked ? step["tracked ".Length..] : step;
        string sees = $"sees {Ends(source, destination, headers)}";
        int space = step.LastIndexOf(' ');
        int arrow = step.IndexOf('>', space + 1);
        if (space > 0 && arrow > 0 && IpAddress.TryParse(step.AsSpan(space + 1, arrow - space - 1), out IpAddress old)
            && IpAddress.TryParse(step.AsSpan(arrow + 1), out IpAddress now))
        {
            source = source == old ? now : source;
            destination = destination == old ? now : destination;
            return ("translates", $" {old} to {now}");
        }

        if (network.Interfaces.FirstOrDefault(i => i.Id == step) is { } eni)
        {
            return ($"interface in {eni.SubnetId}", eni.SecurityGroupIds.IsEmpty ? "" : $", groups {string.Join(", ", eni.SecurityGroupIds)}");
        }

        if (network.Gateways.FirstOrDefault(g => g.Id == step) is { } gateway)
        {
            return (gateway.Kind == GatewayKind.Internet ? "internet gateway" : gateway.Kind == GatewayKind.EgressOnlyInternet ? "egress-only internet gateway" : "gateway", "");
        }

        string line = _lines.TryGetValue(rule, out string? known) && known.Length > 0 ? $": {known}" : "";
        string kind = tracked ? "connection tracking: the flow was admitted by this rule"
            : rule.EndsWith("/none", StringComparison.Ordinal) && (rule.Contains("/ingress/", StringComparison.Ordinal) || rule.Contains("/egress/", StringComparison.Ordinal))
                ? "security groups: no rule matches"
            : rule.EndsWith("/*", StringComparison.Ordinal) ? "network ACL: the implicit end denies"
            : rule.EndsWith("/none", StringComparison.Ordinal) ? "route table: no route matches"
            : network.SecurityGroups.Any(g => rule.StartsWith(g.Id + "/", StringComparison.Ordinal)) ? "security group rule"
            : network.NetworkAcls.Any(a => rule.StartsWith(a.Id + "/", StringComparison.Ordinal)) ? "network ACL entry"
            : "route";
        return (kind + line, $"; {sees}");
    }

    private static string Ends(IpAddress source, IpAddress destination, Headers headers)
    {
        Headers now = headers;
        now.Source = source;
        now.Destination = destination;
        return PacketText.Line(now);
    }

    private static Dictionary<string, string> RuleLines(Network network)
    {
        Dictionary<string, string> lines = new(StringComparer.Ordinal);
        foreach (SecurityGroup group in network.SecurityGroups)
        {
            foreach (SecurityGroupRule rule in group.Ingress)
            {
                lines.TryAdd($"{group.Id}/ingress/{rule.Name}", rule.Line);
            }

            foreach (SecurityGroupRule rule in group.Egress)
            {
                lines.TryAdd($"{group.Id}/egress/{rule.Name}", rule.Line);
            }
        }

        foreach (NetworkAcl acl in network.NetworkAcls)
        {
            foreach (NetworkAclEntry entry in acl.Ingress)
            {
                lines.TryAdd($"{acl.Id}/ingress/{entry.Number}", entry.Line);
            }

            foreach (NetworkAclEntry entry in acl.Egress)
            {
                lines.TryAdd($"{acl.Id}/egress/{entry.Number}", entry.Line);
            }
        }

        foreach (RouteTable table in network.RouteTables)
        {
            foreach (Route route in table.Routes)
            {
                lines.TryAdd($"{table.Id}/{route.PrefixListId ?? route.Destination?.ToString()}", $"to {route.TargetId}");
            }
        }

        return lines;
    }
}
