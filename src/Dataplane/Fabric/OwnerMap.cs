// Who has an address. Listed addresses (both families) and public ones stand in two open-addressed tables of record numbers; delegated
// prefixes in a PrefixMap. Interfaces are numbered in ordinal order of id, so "the lowest id" is the lowest number.
//
//   _listed     address -> first record; records of one address (several VPCs may use it) are chained in order of interface
//   _public     public IPv4 address -> association
//   _maybe      one bit a hash: whether any public address has it, so that most look-ups of the hot path end in one read; _known the same of listed IPv4 ones

using System;
using System.Collections.Generic;
using System.Numerics;
using Dataplane.Flows;
using Dataplane.Packets;

namespace Dataplane.Fabric;

/// <summary>A private address and the public one mapped to it one to one (IGW-01).</summary>
/// <param name="Outbound">Name of the text <c>PRIVATE>PUBLIC</c>.</param>
/// <param name="Inbound">Name of the text <c>PUBLIC>PRIVATE</c>.</param>
public readonly record struct AssociationPlan(IpAddress Private, IpAddress Public, int Interface, int Outbound, int Inbound);

/// <summary>Addresses to interfaces and associations. Immutable, thread-safe.</summary>
public sealed class OwnerMap
{
    private const int MaybeBits = 14;

    private readonly Record[] _records;
    private readonly int[] _listed;
    private readonly int[] _public;
    private readonly ulong[] _maybe = new ulong[1 << (MaybeBits - 6)];
    private readonly int _knownBits;
    private readonly ulong[] _known;
    private readonly PrefixMap _prefixes;
    private readonly AssociationPlan[] _associations;
    private readonly int[] _vpcOf;
    private readonly PrefixMap _vpcBlocks;
    private readonly ulong _salt = BitConverter.ToUInt64(System.Security.Cryptography.RandomNumberGenerator.GetBytes(8)) | 1;

    /// <param name="listed">Address, interface, association or -1; in ascending order of interface.</param>
    /// <param name="prefixes">Delegated prefixes and their interfaces.</param>
    /// <param name="vpcOf">VPC by interface.</param>
    /// <param name="vpcBlocks">Blocks of all VPCs; values are VPC numbers.</param>
    public OwnerMap(
        IReadOnlyList<(IpAddress Address, int Interface, int Association)> listed,
        IEnumerable<(IpPrefix Block, int Interface)> prefixes,
        AssociationPlan[] associations,
        int[] vpcOf,
        PrefixMap vpcBlocks)
    {
        _records = new Record[listed.Count];
        _associations = associations;
        _vpcOf = vpcOf;
        _vpcBlocks = vpcBlocks;
        _prefixes = new PrefixMap(prefixes);
        _listed = NewTable(listed.Count);
        _knownBits = Math.Clamp(BitOperations.Log2((uint)listed.Count + 1) + 5, MaybeBits, 20);
        _known = new ulong[1 << (_knownBits - 6)];
        for (int i = listed.Count - 1; i >= 0; i--)
        {
            (IpAddress address, int owner, int association) = listed[i];
            Know(address);
            ref int place = ref Place(address);
            _records[i] = new Record { Address = address, Interface = owner, Association = association, Next = place - 1 };
            place = i + 1;
        }

        _public = NewTable(associations.Length);
        for (int i = associations.Length - 1; i >= 0; i--)
        {
            uint address = (uint)associations[i].Public.Low;
            int at = (int)(Mix(address) & (uint)(_public.Length - 1));
            while (_public[at] != 0 && (uint)associations[_public[at] - 1].Public.Low != address)
            {
                at = (at + 1) & (_public.Length - 1);
            }

            _public[at] = i + 1;    // of two interfaces that claim one address the first keeps it
            uint bit = MaybeBit(address);
            _maybe[bit >> 6] |= 1UL << (int)(bit & 63);
        }
    }

    public ReadOnlySpan<AssociationPlan> Associations => _associations;

    /// <summary>Blocks of all VPCs; values are VPC numbers.</summary>
    internal PrefixMap VpcBlocks => _vpcBlocks;

    /// <summary>Delegated prefixes; values are interface numbers.</summary>
    internal PrefixMap Prefixes => _prefixes;

    /// <summary>Every interface's addresses, prefixes aside.</summary>
    internal IEnumerable<IpAddress> Listed
    {
        get
        {
            foreach (Record record in _records)
            {
                yield return record.Address;
            }
        }
    }

    /// <summary>The addresses for which <see cref="Exact"/> has a number, some of them twice.</summary>
    internal IEnumerable<IpAddress> Single
    {
        get
        {
            foreach (AssociationPlan association in _associations)
            {
                yield return association.Public;
            }

            foreach (IpAddress address in Listed)
            {
                yield return address;
            }
        }
    }

    /// <summary>One bit for each <see cref="MaybeBit"/>: whether any public address has it.</summary>
    internal ulong[] Maybe => _maybe;

    /// <summary>A number of an address that is listed or public, one an address, from 0; -1 for any other.</summary>
    internal int Exact(IpAddress address)
    {
        int association = FindPublic(address);
        if (association >= 0)
        {
            return association;
        }

        int record = First(address);
        return record < 0 ? -1 : _associations.Length + record;
    }

    /// <summary>The association of a public address, or -1.</summary>
    public int FindPublic(IpAddress address)
    {
        uint low = (uint)address.Low;
        if (address.IsIpv6 || !MaybePublic(low))
        {
            return -1;
        }

        for (int at = (int)(Mix(low) & (uint)(_public.Length - 1)); _public[at] != 0; at = (at + 1) & (_public.Length - 1))
        {
            if ((uint)_associations[_public[at] - 1].Public.Low == low)
            {
                return _public[at] - 1;
            }
        }

        return -1;
    }

    /// <summary>priv(address), and the form in which it was written: 0, or association + 1.</summary>
    public IpAddress Private(IpAddress address, out int form)
    {
        form = FindPublic(address) + 1;
        return form == 0 ? address : _associations[form - 1].Private;
    }

    /// <summary>The address that <see cref="Private"/> took for a private one in a form.</summary>
    public IpAddress Written(IpAddress address, int form) => form == 0 ? address : _associations[form - 1].Public;

    /// <summary>Whether every address is private, or public for the same private one, as in another map, by the same numbers.</summary>
    public bool HasSameAssociations(OwnerMap other)
    {
        ReadOnlySpan<AssociationPlan> others = other._associations;
        bool isSame = others.Length == _associations.Length;
        for (int i = 0; isSame && i < others.Length; i++)
        {
            isSame = (others[i].Private, others[i].Public) == (_associations[i].Private, _associations[i].Public);
        }

        return isSame;
    }

    /// <summary>The flow of a packet, through private addresses. Every field of <paramref name="view"/> but Hash is set.</summary>
    public void View(in Headers packet, ref FlowView view)
    {
        const HeaderFlags shape = HeaderFlags.Ipv6 | HeaderFlags.PortsKnown;
        if ((packet.Flags & shape) == HeaderFlags.PortsKnown && packet.Protocol is 6 or 17)
        {
            // The usual packet, without an unpredictable branch.
            uint from = (uint)packet.SourceLow, to = (uint)packet.DestinationLow;
            int fromForm = 0, toForm = 0;
            if (MaybePublic(from))
            {
                from = (uint)Private(IpAddress.V4(from), out fromForm).Low;
            }

            if (MaybePublic(to))
            {
                to = (uint)Private(IpAddress.V4(to), out toForm).Low;
            }

            view.SetV4(from, packet.SourcePort, fromForm, to, packet.DestinationPort, toForm, packet.Protocol);
            return;
        }

        IpAddress source = Private(packet.Source, out int sourceForm), destination = Private(packet.Destination, out int destinationForm);
        FlowView.Set(in packet, source, sourceForm, destination, destinationForm, ref view);
    }

    /// <summary>The interface of a VPC that has an address (a listed one before a prefix, then the lowest), or -1.</summary>
    public int Owner(IpAddress address, int vpc)
    {
        for (int record = First(address); record >= 0; record = _records[record].Next)
        {
            if (_vpcOf[_records[record].Interface] == vpc)
            {
                return _records[record].Interface;
            }
        }

        int owner = -1;
        for (int node = _prefixes.Find(address); node >= 0; node = _prefixes.Parent(node))
        {
            int candidate = _prefixes.Value(node);
            if (_vpcOf[candidate] == vpc && (owner < 0 || candidate < owner))
            {
                owner = candidate;
            }
        }

        return owner;
    }

    /// <summary>Whether an address is an interface's own.</summary>
    public bool Has(int networkInterface, IpAddress address)
    {
        for (int record = First(address); record >= 0; record = _records[record].Next)
        {
            if (_records[record].Interface == networkInterface)
            {
                return true;
            }
        }

        for (int node = _prefixes.Find(address); node >= 0; node = _prefixes.Parent(node))
        {
            if (_prefixes.Value(node) == networkInterface)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The interface that a private address means: the one whose VPC holds the packet's other end, else the lowest; or -1.</summary>
    /// <param name="other">The packet's other end, through priv.</param>
    public int Resolve(IpAddress address, IpAddress other)
    {
        int best = -1;
        bool bestHolds = false;
        for (int record = First(address); record >= 0; record = _records[record].Next)
        {
            Offer(_records[record].Interface);
        }

        for (int node = _prefixes.Find(address); node >= 0; node = _prefixes.Parent(node))
        {
            Offer(Owner(address, _vpcOf[_prefixes.Value(node)]));
        }

        return best;

        void Offer(int candidate)
        {
            bool holds = Holds(_vpcOf[candidate], other);
            if (best < 0 || (holds && !bestHolds) || (holds == bestHolds && candidate < best))
            {
                (best, bestHolds) = (candidate, holds);
            }
        }
    }

    /// <summary>The association of an interface's private address, or -1.</summary>
    public int PublicOf(IpAddress address, int networkInterface)
    {
        for (int record = First(address); record >= 0; record = _records[record].Next)
        {
            if (_records[record].Interface == networkInterface)
            {
                return _records[record].Association;
            }
        }

        return -1;
    }

    /// <summary>Whether a VPC's blocks hold an address.</summary>
    public bool Holds(int vpc, IpAddress address)
    {
        for (int node = _vpcBlocks.Find(address); node >= 0; node = _vpcBlocks.Parent(node))
        {
            if (_vpcBlocks.Value(node) == vpc)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The lowest VPC whose blocks hold an address, or -1.</summary>
    public int LowestVpc(IpAddress address)
    {
        int lowest = -1;
        for (int node = _vpcBlocks.Find(address); node >= 0; node = _vpcBlocks.Parent(node))
        {
            int vpc = _vpcBlocks.Value(node);
            lowest = lowest < 0 || vpc < lowest ? vpc : lowest;
        }

        return lowest;
    }

    /// <summary>Whether an address (through priv) lies inside the topology: an interface's, or in a VPC's blocks.</summary>
    public bool IsInside(IpAddress address) => First(address) >= 0 || _vpcBlocks.Find(address) >= 0 || _prefixes.Find(address) >= 0;

    private int First(IpAddress address) => address.IsIpv6 || MaybeListed((uint)address.Low) ? Place(address) - 1 : -1;

    private void Know(IpAddress address)
    {
        if (!address.IsIpv6)
        {
            uint bit = (uint)address.Low * 0x9E37_79B1u >> (32 - _knownBits);
            _known[bit >> 6] |= 1UL << (int)(bit & 63);
        }
    }

    private bool MaybeListed(uint address)
    {
        uint bit = address * 0x9E37_79B1u >> (32 - _knownBits);
        return (_known[bit >> 6] >> (int)(bit & 63) & 1) != 0;
    }

    private ref int Place(IpAddress address)
    {
        int at = (int)(Mix(address.Low ^ BitOperations.RotateLeft(address.High, 29)) & (uint)(_listed.Length - 1));
        while (_listed[at] != 0 && _records[_listed[at] - 1].Address != address)
        {
            at = (at + 1) & (_listed.Length - 1);
        }

        return ref _listed[at];
    }

    internal bool MaybePublic(uint address)
    {
        uint bit = MaybeBit(address);
        return (_maybe[bit >> 6] >> (int)(bit & 63) & 1) != 0;
    }

    private uint Mix(ulong value) => (uint)(Math.BigMul(value + 0x9E37_79B9_7F4A_7C15, _salt, out ulong low) ^ low);

    internal static uint MaybeBit(uint address) => (address * 0x9E37_79B1u) >> (32 - MaybeBits);

    private static int[] NewTable(int count) => new int[BitOperations.RoundUpToPowerOf2((uint)Math.Max(8, count * 2))];

    private struct Record
    {
        public IpAddress Address;
        public int Interface;
        public int Association;
        public int Next;
    }
}
