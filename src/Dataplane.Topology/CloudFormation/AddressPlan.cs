// Which addresses a template's interfaces get where AWS would choose (contract: lowest free host address, in the template's order).
//
// Explicit addresses of all templates and those of --eni are taken first. Then each interface in order takes the lowest address of its subnet from +4 on
// (RT-31: the first four and the last are reserved) that nobody has. Public addresses count from 198.18.0.1. A subnet remembers how far it has
// counted, so that choosing n addresses costs n steps, whatever lies between.

using System.Collections.Generic;
using Dataplane.Packets;

namespace Dataplane.Topology.CloudFormation;

/// <summary>Chooses private and public addresses, deterministically.</summary>
internal sealed class AddressPlan
{
    private static readonly IpPrefix PublicBlock = IpPrefix.Parse("198.18.0.0/15");

    private readonly HashSet<IpAddress> _everywhere = [];
    private readonly HashSet<(string Subnet, IpAddress Address)> _taken = [];
    private readonly HashSet<IpAddress> _takenPublic = [];
    private readonly Dictionary<(string Subnet, IpPrefix Block), ulong> _next = [];
    private ulong _nextPublic = 1;

    /// <param name="interfaces">The --eni options as typed; only the address and public= are read here.</param>
    public AddressPlan(IEnumerable<string> interfaces)
    {
        foreach (string text in interfaces)
        {
            int equals = text.IndexOf('=', System.StringComparison.Ordinal);
            string[] parts = (equals < 0 ? text : text[(equals + 1)..]).Split(',');
            if (IpAddress.TryParse(parts[0].Trim(), out IpAddress address))
            {
                _everywhere.Add(address);
            }

            foreach (string part in parts)
            {
                if (part.StartsWith("public=", System.StringComparison.Ordinal) && IpAddress.TryParse(part["public=".Length..].Trim(), out IpAddress shown))
                {
                    _takenPublic.Add(shown);
                }
            }
        }
    }

    public void Take(string subnet, string address)
    {
        if (IpAddress.TryParse(address, out IpAddress parsed))
        {
            _taken.Add((subnet, parsed));
        }
    }

    public void TakePublic(string address)
    {
        if (IpAddress.TryParse(address, out IpAddress parsed))
        {
            _takenPublic.Add(parsed);
        }
    }

    /// <summary>The lowest free host address of a subnet's block; null when it is full.</summary>
    public string? Choose(string subnet, IpPrefix block)
    {
        ulong offset = _next.GetValueOrDefault((subnet, block), 4UL);
        for (IpAddress address = block.Address.Plus(offset); address < block.Last && block.Contains(address); address = block.Address.Plus(++offset))
        {
            if (!_everywhere.Contains(address) && _taken.Add((subnet, address)))
            {
                _next[(subnet, block)] = offset + 1;
                return address.ToString();
            }
        }

        _next[(subnet, block)] = offset;
        return null;
    }

    /// <summary>The next public address; null when all of 198.18.0.0/15 are given away.</summary>
    public string? ChoosePublic()
    {
        for (; _nextPublic < 1UL << (32 - PublicBlock.Length); _nextPublic++)
        {
            IpAddress address = PublicBlock.Address.Plus(_nextPublic);
            if (_takenPublic.Add(address))
            {
                _nextPublic++;
                return address.ToString();
            }
        }

        return null;
    }
}
