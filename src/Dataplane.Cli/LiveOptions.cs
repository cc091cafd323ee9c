using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using Dataplane.Capture.Live;
using Dataplane.Compiler.Lower;
using Dataplane.Live;
using Dataplane.Packets;

namespace Dataplane.Cli;

/// <summary>The options that say between which interfaces a live run stands, and how.</summary>
internal sealed class LiveOptions
{
    private readonly Option<string> _bridge = new("--bridge") { Description = "A bump in the wire between two interfaces", HelpName = "IF:IF" };
    private readonly Option<string> _inside = new("--inside") { Description = "With --bridge: the interface behind which the topology's own interfaces are; sources must agree with the side (without it any source is believed)", HelpName = "IF" };

    private readonly Option<string[]> _attach = new("--attach")
    {
        Description = "A VPC in a box: an interface, instance or gateway of the topology and the interface it is attached to; via= is a gateway's next hop (repeatable)",
        HelpName = "ID=IF[,via=ADDRESS]",
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
    };

    private readonly Option<string> _io = TopologyOptions.Choice("--io", "How frames come and go; auto takes the fastest that works", "auto", "pcap", "packet", "xdp");
    private readonly Option<string> _nonIp = TopologyOptions.Choice("--non-ip", "With --bridge: what becomes of frames that are not IP (ARP, LLDP ...)", "pass", "drop");

    internal LiveOptions(Command command)
    {
        foreach (Option option in (Option[])[_bridge, _inside, _attach, _io, _nonIp])
        {
            command.Options.Add(option);
        }
    }

    /// <exception cref="CommandException">The options make no sense together.</exception>
    internal LiveChoice Read(ParseResult parsed)
    {
        string[] attached = parsed.GetValue(_attach) ?? [];
        string? bridge = parsed.GetValue(_bridge), inside = parsed.GetValue(_inside);
        LiveMethod method = Enum.Parse<LiveMethod>(parsed.GetValue(_io)!, ignoreCase: true);
        NonIpPolicy nonIp = parsed.GetValue(_nonIp) == "drop" ? NonIpPolicy.Drop : NonIpPolicy.Pass;
        if (bridge is null == (attached.Length == 0))
        {
            throw new CommandException(
                ExitCode.Usage, $"run: {(bridge is null ? "no interface is named" : "--bridge and --attach are given")}. Give either --bridge IF:IF (a bump in the wire) or --attach ID=IF ... (a VPC in a box).");
        }

        if (bridge is not null)
        {
            return Bump(bridge, inside, nonIp, method);
        }

        if (inside is not null)
        {
            throw new CommandException(ExitCode.Usage, $"--inside {inside}: it belongs to --bridge. Leave it out; each attached interface has its own side.");
        }

        List<string> interfaces = [], faults = [];
        List<BoxAttachment> attachments = [];
        foreach (string text in attached)
        {
            Attach(text, interfaces, attachments, faults);
        }

        return faults.Count > 0
            ? throw new CommandException(ExitCode.Usage, string.Join(Environment.NewLine + "dataplane: ", faults))
            : new LiveChoice(interfaces, attachments, -1, nonIp, method);
    }

    private static LiveChoice Bump(string bridge, string? inside, NonIpPolicy nonIp, LiveMethod method)
    {
        string[] pair = bridge.Split(':');
        if (pair.Length != 2 || pair[0].Length == 0 || pair[1].Length == 0 || pair[0] == pair[1])
        {
            string what = pair.Length == 2 && pair[0] == pair[1] && pair[0].Length > 0 ? "one interface twice" : "this is not a pair of interfaces";
            throw new CommandException(ExitCode.Usage, $"--bridge {bridge}: {what}. Write --bridge eth1:eth2.");
        }

        int side = inside is null ? -1 : Array.IndexOf(pair, inside);
        return inside is not null && side < 0
            ? throw new CommandException(ExitCode.Usage, $"--inside {inside}: it is neither {pair[0]} nor {pair[1]}. Name one of the two.")
            : new LiveChoice(pair, [], side, nonIp, method);
    }

    private static void Attach(string text, List<string> interfaces, List<BoxAttachment> attachments, List<string> faults)
    {
        string[] parts = text.Split(',');
        int equals = parts[0].LastIndexOf('=');
        if (equals <= 0 || equals == parts[0].Length - 1)
        {
            faults.Add($"--attach {text}: it names no interface. Write --attach eni-web=veth0.");
            return;
        }

        IpAddress? via = null, viaIpv6 = null;
        foreach (string part in parts.Skip(1))
        {
            if (!part.StartsWith("via=", StringComparison.Ordinal) || !IpAddress.TryParse(part.AsSpan(4), out IpAddress address))
            {
                faults.Add($"--attach {text}: '{part}' is not understood. After the interface only via=ADDRESS, the next hop, can stand.");
                return;
            }

            ref IpAddress? hop = ref (address.IsIpv6 ? ref viaIpv6 : ref via);
            if (hop is not null)
            {
                faults.Add($"--attach {text}: two next hops of one family. Give one IPv4 and one IPv6 address at most.");
                return;
            }

            hop = address;
        }

        string name = parts[0][(equals + 1)..];
        if (interfaces.Contains(name))
        {
            faults.Add($"--attach {text}: {name} is attached twice. Give each component an interface of its own.");
            return;
        }

        attachments.Add(new BoxAttachment(parts[0][..equals], interfaces.Count, via, viaIpv6));
        interfaces.Add(name);
    }
}
