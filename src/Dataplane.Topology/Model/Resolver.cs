// Drafts to a Network: the one place where both formats are checked, so that both mean the same.
//
// Order: prefix lists and VPCs need nothing; subnets need VPCs; gateways need VPCs; groups need VPCs and lists; ACLs need VPCs; interfaces need subnets
// and groups; tables need all of them; subnets are finished last, when their table and ACL are known. A step never stops at
// its first fault and leaves out what it could not read, so later steps can report theirs; references to something that was left out
// because of a fault of its own (it is in the drafts) are not reported a second time.
//
// A resource (group, ACL, table) of a VPC that is in no file is left out with a warning: accounts hold more than what one looks at. A subnet or an
// interface without its VPC is an error.

using System;
using System.Collections.Frozen;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Dataplane.Packets;
using Dataplane.Topology.Documents;

namespace Dataplane.Topology.Model;

/// <summary>Checks drafts, fills what AWS would fill, and makes the network.</summary>
public sealed partial class Resolver
{
    /// <summary>Far beyond the quota of a VPC or a subnet; it bounds the work on a hostile file.</summary>
    private const int MostBlocks = 1_000;

    private readonly NetworkDraft _draft;
    private readonly FaultList _faults;
    private readonly QuotaPolicy _quotas;
    private readonly Dictionary<string, Vpc> _vpcs = new(StringComparer.Ordinal);

    /// <summary>VPCs not all of whose blocks are known.</summary>
    private readonly HashSet<string> _uncertain = new(StringComparer.Ordinal);

    private Resolver(NetworkDraft draft, LoadOptions options, FaultList faults)
    {
        _draft = draft;
        _faults = faults;
        _quotas = options.Quotas;
    }

    /// <summary>The network, or null when <paramref name="faults"/> holds errors, from here or from the readers before.</summary>
    public static Network? Resolve(NetworkDraft draft, LoadOptions options, FaultList faults)
    {
        ArgumentNullException.ThrowIfNull(draft);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(faults);
        return new Resolver(draft, options, faults).Run();
    }

    private static string Quote(string? text) => SafeText.Quote(text ?? "");

    private static ImmutableArray<T> ById<T>(IEnumerable<T> records, Func<T, string> id) =>
        [.. records.OrderBy(id, StringComparer.Ordinal)];

    private Network? Run()
    {
        Defaults.Fill(_draft);
        PrefixLists();
        Vpcs();
        Subnets();
        Gateways();
        SecurityGroups();
        NetworkAcls();
        Interfaces();
        RouteTables();
        Quotas();
        if (_faults.HasErrors)
        {
            return null;
        }

        ImmutableArray<NetworkInterface> interfaces = ById(_interfaces.Values, i => i.Id);
        return new Network
        {
            Vpcs = ById(_vpcs.Values, v => v.Id),
            Subnets = ById(FinishSubnets(), s => s.Id),
            Interfaces = interfaces,
            SecurityGroups = ById(_groups.Values, g => g.Id),
            NetworkAcls = ById(_acls.Values, a => a.Id),
            RouteTables = ById(_tables.Values, t => t.Id),
            PrefixLists = ById(_lists.Values, l => l.Id),
            Gateways = ById(_gateways.Values.Where(g => !g.Gone).Select(g => g.Record), g => g.Id),
            Instances = interfaces
                .Where(i => i.InstanceId is not null)
                .GroupBy(i => i.InstanceId!, StringComparer.Ordinal)
                .ToFrozenDictionary(
                    g => g.Key, g => g.OrderBy(i => i.DeviceIndex).Select(i => i.Id).ToImmutableArray(), StringComparer.Ordinal),
            Chosen = [.. _draft.Chosen],
        };
    }

    /// <summary>Drafts by id; a second draft of an id, and an id that cannot be printed, is an error.</summary>
    private Dictionary<string, T> Index<T>(List<T> drafts, string kind)
        where T : Draft
    {
        Dictionary<string, T> index = new(StringComparer.Ordinal);
        foreach (T draft in drafts)
        {
            if (draft.Id.Length is 0 or > 1_000 || draft.Id.AsSpan().IndexOfAnyExceptInRange(' ', '~') >= 0)
            {
                _faults.Error(
                    SafeText.Line(draft.Where), $"the {kind} id {Quote(draft.Id)} is empty, too long or holds characters other than printable ASCII", "Give it a plain id");
            }
            else if (!index.TryAdd(draft.Id, draft))
            {
                _faults.Error(draft.Where, $"the {kind} {draft.Id} was already given at {index[draft.Id].Where}", "Remove one of the two");
            }
        }

        return index;
    }

    private ImmutableArray<IpPrefix> Blocks(Draft owner, IEnumerable<string> texts)
    {
        ImmutableArray<IpPrefix>.Builder blocks = ImmutableArray.CreateBuilder<IpPrefix>();
        HashSet<IpPrefix> seen = [];
        foreach (string text in texts)
        {
            if (!IpPrefix.TryParse(text, out IpPrefix block))
            {
                BadBlock(owner.Where, text);
            }
            else if (seen.Add(block))
            {
                blocks.Add(block);
            }
        }

        return blocks.ToImmutable();
    }

    private void BadBlock(string where, string? text) => _faults.Error(
        where, $"{Quote(text)} is not a CIDR block", "Write ADDRESS/LENGTH, such as 10.0.0.0/16 or 2001:db8::/56, numbers without leading zeros");

    /// <summary>True if the VPC is in the topology; else says that the resource is left out.</summary>
    private bool InKnownVpc(Draft draft, string? vpcId, string kind)
    {
        if (vpcId is not null && _vpcs.ContainsKey(vpcId))
        {
            return true;
        }

        if (vpcId is null || !_draft.Vpcs.Exists(v => v.Id == vpcId))
        {
            _faults.Warn(
                draft.Where,
                vpcId is null ? $"the {kind} names no VPC and is left out" : $"the {kind} is in VPC {Quote(vpcId)}, which is in no file, and is left out",
                vpcId is null ? "Add its VpcId if packets should meet it" : "Add the output of describe-vpcs if packets should meet it");
        }

        return false;
    }

    private void Quota(string where, string what, string mend)
    {
        if (_quotas != QuotaPolicy.Ignore)
        {
            _faults.Add(new Fault(where, what, mend, _quotas == QuotaPolicy.Error));
        }
    }

    private void Vpcs()
    {
        foreach (VpcDraft draft in Index(_draft.Vpcs, "VPC").Values)
        {
            ImmutableArray<IpPrefix> blocks = Blocks(draft, draft.Blocks);
            bool isCertain = draft.Blocks.Count > 0 && blocks.Length <= MostBlocks && draft.Blocks.TrueForAll(text => IpPrefix.TryParse(text, out _));
            if (draft.Blocks.Count == 0)
            {
                _faults.Error(draft.Where, "the VPC has no CIDR block", "Give it a CidrBlock");
            }

            if (blocks.Length > MostBlocks)
            {
                _faults.Error(draft.Where, $"the VPC has {blocks.Length} blocks, more than {MostBlocks}", "Write the file anew with the command that made it");
                blocks = [];
            }

            if (!isCertain)
            {
                _uncertain.Add(draft.Id);    // what is in it is looked at all the same: its faults are said in the same run
            }

            foreach (IpPrefix block in blocks)
            {
                if (!block.IsIpv6 && block.Length is < 16 or > 28)
                {
                    _faults.Warn(draft.Where, $"{block} is not between /16 and /28, which AWS asks of an IPv4 block of a VPC", "Check the block");
                }
            }

            // The primary IPv4 block gives the resolver's address (RT-32), so it stays first of its family.
            _vpcs.Add(draft.Id, new Vpc(draft.Id, blocks, draft.IsDefault));
        }
    }
}
