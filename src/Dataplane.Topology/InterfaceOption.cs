using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Packets;
using Dataplane.Topology.Documents;
using Dataplane.Topology.Model;

namespace Dataplane.Topology;

/// <summary>One --eni: NAME=ADDRESS,sg=SG[+SG...][,subnet=SUBNET][,public=ADDRESS].</summary>
/// <param name="Groups">Ids or names, at least one.</param>
public sealed record InterfaceOption(string Name, IpAddress Address, IReadOnlyList<string> Groups, string? Subnet, IpAddress? Public)
{
    private const string Form = "Write --eni NAME=ADDRESS,sg=SG[+SG...][,subnet=SUBNET][,public=ADDRESS]";

    private string Where => $"--eni {Name}";

    /// <summary>Reads what the user typed; null with a fault if it is not of the form.</summary>
    public static InterfaceOption? Read(string text, FaultList faults)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(faults);
        string[] parts = text.Split(',');
        int equals = parts[0].IndexOf('=', StringComparison.Ordinal);
        string name = equals > 0 ? parts[0][..equals] : "";
        if (name.Length is 0 or > 255 || name.AsSpan().IndexOfAnyExceptInRange('!', '~') >= 0)
        {
            faults.Error("--eni", $"{SafeText.Quote(text)} does not begin with NAME=ADDRESS", Form);
            return null;
        }

        string where = $"--eni {name}";
        string address = parts[0][(equals + 1)..];
        if (!IpAddress.TryParse(address, out IpAddress parsed))
        {
            faults.Error(where, $"{SafeText.Quote(address)} is not an address", Form);
            return null;
        }

        Dictionary<string, string> values = new(StringComparer.Ordinal);
        foreach (string part in parts.Skip(1))
        {
            int at = part.IndexOf('=', StringComparison.Ordinal);
            string key = at > 0 ? part[..at] : part;
            if (at <= 0 || at == part.Length - 1 || key is not ("sg" or "subnet" or "public") || !values.TryAdd(key, part[(at + 1)..]))
            {
                faults.Error(where, $"{SafeText.Quote(part)} is not sg=, subnet= or public= with a value, each once", Form);
                return null;
            }
        }

        string[] groups = values.GetValueOrDefault("sg")?.Split('+', StringSplitOptions.RemoveEmptyEntries) ?? [];
        if (groups.Length == 0)
        {
            faults.Error(where, "it has no security group", Form);
            return null;
        }

        IpAddress? publicAddress = null;
        if (values.TryGetValue("public", out string? publicText))
        {
            if (!IpAddress.TryParse(publicText, out IpAddress p) || p.IsIpv6 || parsed.IsIpv6)
            {
                faults.Error(where, $"{SafeText.Quote(publicText)} is not a public IPv4 address for an IPv4 address", Form);
                return null;
            }

            publicAddress = p;
        }

        return new InterfaceOption(name, parsed, groups, values.GetValueOrDefault("subnet"), publicAddress);
    }

    /// <summary>The ids FILE/ID of an id that several templates have, so that it names none of them alone (IMP-30).</summary>
    private static string[] Shared(string id, IEnumerable<Draft> drafts) => [.. drafts.Select(d => d.Id).Where(known => known.EndsWith("/" + id, StringComparison.Ordinal))];

    private void Ambiguous(string key, string id, string[] candidates, FaultList faults) => faults.Usage(
        Where, $"{key}={SafeText.Line(id, 80)} is ambiguous", $"Name one of {SafeText.Line(string.Join(", ", candidates.Order(StringComparer.Ordinal)))}");

    /// <summary>Adds the interface to the drafts; groups are looked up by id, then by name in the VPCs that hold the address.</summary>
    public void AddTo(NetworkDraft draft, FaultList faults)
    {
        ArgumentNullException.ThrowIfNull(draft);
        ArgumentNullException.ThrowIfNull(faults);
        InterfaceDraft card = new() { Id = Name, Where = Where, SubnetId = Subnet };
        card.Addresses.Add(new AddressDraft { Private = Address.ToString(), Public = Public?.ToString(), Primary = true });
        HashSet<string> vpcs = [.. draft.Subnets
            .Where(s => Subnet is null ? s.Blocks.Exists(b => IpPrefix.TryParse(b, out IpPrefix block) && block.Contains(Address)) : s.Id == Subnet)
            .Select(s => s.VpcId).OfType<string>()];
        bool known = true;
        foreach (string group in Groups)
        {
            if (draft.SecurityGroups.Exists(g => g.Id == group))
            {
                card.SecurityGroupIds.Add(group);
                continue;
            }

            List<SecurityGroupDraft> named = draft.SecurityGroups.FindAll(g => g.Name == group);
            if (named.Count > 1)
            {
                named.RemoveAll(g => g.VpcId is null || !vpcs.Contains(g.VpcId));
            }

            if (named.Count == 1)
            {
                card.SecurityGroupIds.Add(named[0].Id);
                continue;
            }

            known = false;
            string[] candidates = named.Count > 1 ? [.. named.Select(g => g.Id)] : Shared(group, draft.SecurityGroups);
            if (candidates.Length > 1)
            {
                Ambiguous("sg", group, candidates, faults);
            }
            else
            {
                faults.Error(Where, $"no security group has the id or name {SafeText.Quote(group)}", "Name a group of the topology by its id");
            }
        }

        if (Subnet is not null && !draft.Subnets.Exists(s => s.Id == Subnet) && Shared(Subnet, draft.Subnets) is { Length: > 1 } shared)
        {
            known = false;
            Ambiguous("subnet", Subnet, shared, faults);
        }

        if (known)
        {
            draft.Interfaces.Add(card);
        }
    }
}
