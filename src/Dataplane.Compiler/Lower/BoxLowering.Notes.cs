using System.Collections.Generic;
using System.Linq;
using Dataplane.Fabric;
using Dataplane.Live;
using Dataplane.Records;
using Dataplane.Topology.Model;

namespace Dataplane.Compiler.Lower;

/// <content>What a person should know of the attachments before the first packet.</content>
public sealed partial class BoxLowering
{
    private void Note(BoxPort[] ports)
    {
        HashSet<int> attached = [.. ports.Where(port => port.Kind == BoxPortKind.Interface).Select(port => port.Number)];
        HashSet<int> targets = [.. _fabric.Tables.SelectMany(table => table.Routes).Where(route => route.Kind == RouteKind.Interface).Select(route => route.Target)];
        foreach (int number in attached.Order())
        {
            NetworkInterface one = _network.Interfaces[number];
            if (targets.Contains(number))
            {
                _notes.Add(
                    $"{one.Id} is an appliance on the way of other packets, and its program is passed by: a packet goes on behind it as if it had been returned unchanged at once. The program gets what is sent to its own addresses only.");
            }
            else if (!one.SourceDestCheck)
            {
                _notes.Add($"{one.Id} has no source/destination check, and no route leads to it: what its program forwards for others is unplaced and goes nowhere.");
            }

            NoteSharedAddresses(one, number);
        }

        NoteGateways(ports);
        int all = _network.Interfaces.Count(one => one.Unenforced is null), missing = all - attached.Count;
        if (missing > 0)
        {
            _notes.Add($"{missing} of {Counted.Of(all, "interface")} {(missing == 1 ? "is" : "are")} not attached: what is allowed to them goes nowhere and is counted as not attached.");
        }
    }

    private void NoteSharedAddresses(NetworkInterface one, int number)
    {
        foreach (InterfaceAddress address in one.Addresses)
        {
            int other = Enumerable.Range(0, _fabric.Interfaces.Length).FirstOrDefault(other => other != number && _fabric.Addresses.Has(other, address.Private), -1);
            if (other >= 0)
            {
                _notes.Add(
                    $"{one.Id} shares {address.Private} with {_network.Interfaces[other].Id}: packets are placed by their addresses, and one that is placed at the other of the two is dropped.");
            }
        }
    }

    private void NoteGateways(BoxPort[] ports)
    {
        foreach (BoxPort port in ports.Where(port => port.Kind == BoxPortKind.Gateway))
        {
            if (port.Via is null && port.ViaIpv6 is null)
            {
                _notes.Add($"{port.Component} has no next hop (via=): whoever has the destination's address is asked for on its live interface.");
            }
        }

        for (int i = 0; i < _fabric.Gateways.Length; i++)
        {
            if (!ports.Any(port => port.Kind == BoxPortKind.Gateway && port.Number == i))
            {
                _notes.Add($"{_names[_fabric.Gateways[i].Name]} is not attached: what is allowed out by it goes nowhere and is counted as not attached.");
            }
        }

        foreach (AssociationPlan association in _fabric.Addresses.Associations)
        {
            if (_fabric.Addresses.IsInside(association.Public))
            {
                _notes.Add($"{association.Public}, public address of {_network.Interfaces[association.Interface].Id}, lies inside a VPC's blocks: one that is translated a second time on its way is translated once only.");
            }
        }
    }
}
