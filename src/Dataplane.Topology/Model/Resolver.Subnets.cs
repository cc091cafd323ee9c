using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Dataplane.Packets;

namespace Dataplane.Topology.Model;

public sealed partial class Resolver
{
    /// <summary>Subnets without their table and ACL; see FinishSubnets.</summary>
    private readonly Dictionary<string, Subnet> _subnets = new(StringComparer.Ordinal);

    private readonly HashSet<(string VpcId, IpPrefix Block)> _subnetBlocks = [];

    private void Subnets()
    {
        foreach (SubnetDraft draft in Index(_draft.Subnets, "subnet").Values)
        {
            ImmutableArray<IpPrefix> blocks = Blocks(draft, draft.Blocks);
            if (draft.Blocks.Count == 0)
            {
                _faults.Error(draft.Where, "the subnet has no CIDR block", "Give it a CidrBlock or an IPv6 block");
            }

            if (draft.VpcId is null || !_vpcs.TryGetValue(draft.VpcId, out Vpc? vpc))
            {
                if (draft.VpcId is null || !_draft.Vpcs.Exists(v => v.Id == draft.VpcId))
                {
                    _faults.Error(draft.Where, $"its VPC {Quote(draft.VpcId)} is in no file", "Add the output of describe-vpcs");
                }

                continue;
            }

            if (blocks.Length > MostBlocks)
            {
                _faults.Error(draft.Where, $"the subnet has {blocks.Length} blocks, more than {MostBlocks}", "Write the file anew with the command that made it");
                continue;
            }

            foreach (IpPrefix block in blocks)
            {
                _subnetBlocks.Add((vpc.Id, block));
                if (!vpc.Blocks.Any(b => b.Covers(block)))
                {
                    if (_uncertain.Contains(vpc.Id))
                    {
                        continue;
                    }

                    _faults.Error(
                        draft.Where, $"{block} is in no block of {vpc.Id} ({string.Join(", ", vpc.Blocks)})", "Choose a block inside the VPC, or add one to the VPC");
                }
                else if (block.IsIpv6 ? block.Length is < 44 or > 64 || block.Length % 4 != 0 : block.Length is < 16 or > 28)
                {
                    string sizes = block.IsIpv6 ? "/44 and /64 in steps of 4" : "/16 and /28";
                    _faults.Warn(draft.Where, $"{block} is not between {sizes}, which AWS asks of a subnet", "Check the block");
                }
            }

            _subnets.Add(draft.Id, new Subnet(draft.Id, vpc.Id, blocks, "", "", draft.AvailabilityZone));
        }

        foreach (IGrouping<string, Subnet> vpc in _subnets.Values.GroupBy(s => s.VpcId, StringComparer.Ordinal))
        {
            OverlappingSubnets(vpc);
        }
    }

    /// <summary>Sorted by first address, the wider first: a block overlaps an earlier one exactly if it begins before the latest end.</summary>
    private void OverlappingSubnets(IEnumerable<Subnet> subnets)
    {
        (IpPrefix Block, string Id)? widest = null;
        foreach ((IpPrefix block, string id) in subnets
            .SelectMany(s => s.Blocks.Select(b => (Block: b, s.Id))).OrderBy(x => x.Block).ThenBy(x => x.Id, StringComparer.Ordinal))
        {
            if (widest is { } earlier && earlier.Block.Overlaps(block))
            {
                string where = _draft.Subnets.Find(s => s.Id == id)?.Where ?? id;
                _faults.Error(where, $"{block} overlaps {earlier.Block} of {earlier.Id}", "Give each subnet addresses of its own");
            }
            else
            {
                widest = (block, id);
            }
        }
    }

    private IEnumerable<Subnet> FinishSubnets() => _subnets.Values.Select(s => s with
    {
        RouteTableId = _tableOfSubnet.GetValueOrDefault(s.Id) ?? _mainTables[s.VpcId],
        NetworkAclId = _aclOfSubnet.GetValueOrDefault(s.Id) ?? _defaultAcls[s.VpcId],
    });
}
