// What cached decisions say. Thousands of flows share one: a flow's entry holds its number, 4 bytes a direction.
//
// A number is (generation << 20 | place). When the table is full, or the policy changed, the generation moves on: every number given before is
// then invalid, flows walk once more and get new ones. After 2,047 generations numbers begin again, and the owner's flows forget theirs first.
// One worker owns a table. Bound: 1,048,576 decisions of 44 bytes and 8 of index.

using System;
using Dataplane.Records;

namespace Dataplane.Flows;

/// <summary>What the next packet of one alias and direction gets, as long as the slots on its path live.</summary>
public struct CachedDecision
{
    public PacketResult Result;

    /// <summary>The alias: how the packet wrote the two ends.</summary>
    public int FormA;
    public int FormB;

    /// <summary>ICMP type and code; else 0.</summary>
    public ushort Code;

    /// <summary>Bit n: slot n lies on the path and was checked at ingress.</summary>
    public byte Ingress;

    /// <summary>Bit n: slot n lies on the path and was checked at egress.</summary>
    public byte Egress;
}

/// <summary>Decisions by number.</summary>
public sealed class DecisionTable
{
    internal const int PlaceBits = 20;
    internal const int PlaceMask = (1 << PlaceBits) - 1;

    private const int MostGenerations = 2_047;

    private readonly int _capacity;
    private CachedDecision[] _decisions = new CachedDecision[64];
    private int[] _index = new int[128];
    private int _count;

    /// <param name="capacity">1 to 1,048,576: how many it keeps at most.</param>
    public DecisionTable(int capacity = 1 << PlaceBits)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(capacity, 1 << PlaceBits);
        _capacity = capacity;
    }

    /// <summary>Called when numbers of long ago become possible again: every flow must forget its own.</summary>
    public required Action Forget { get; init; }

    public int Count => _count;

    /// <summary>What stands above the place in every number that still means a decision.</summary>
    internal int Generation { get; private set; } = 1;

    internal CachedDecision[] All => _decisions;

    /// <summary>Whether a number that a flow kept still means a decision. 0 never does.</summary>
    public bool Holds(int number) => number >> PlaceBits == Generation;

    public ref readonly CachedDecision this[int number] => ref _decisions[number & PlaceMask];

    /// <summary>Makes every number invalid.</summary>
    public void NextGeneration()
    {
        Array.Clear(_index);
        _count = 0;
        if (++Generation > MostGenerations)
        {
            Generation = 1;
            Forget();
        }
    }

    /// <summary>The number of a decision.</summary>
    public int Number(in CachedDecision decision)
    {
        uint hash = Hash(in decision);
        int at = (int)(hash & (uint)(_index.Length - 1));
        while (_index[at] != 0)
        {
            int known = _index[at] - 1;
            if (Equal(in _decisions[known], in decision))
            {
                return Generation << PlaceBits | known;
            }

            at = (at + 1) & (_index.Length - 1);
        }

        if (_count == _capacity)
        {
            NextGeneration();
            return Number(in decision);
        }

        if (_count == _decisions.Length)
        {
            Grow();
            return Number(in decision);
        }

        _decisions[_count] = decision;
        _index[at] = ++_count;
        return Generation << PlaceBits | (_count - 1);
    }

    private void Grow()
    {
        Array.Resize(ref _decisions, _count * 2);
        _index = new int[_count * 4];
        for (int i = 0; i < _count; i++)
        {
            int at = (int)(Hash(in _decisions[i]) & (uint)(_index.Length - 1));
            while (_index[at] != 0)
            {
                at = (at + 1) & (_index.Length - 1);
            }

            _index[at] = i + 1;
        }
    }

    private static bool Equal(in CachedDecision a, in CachedDecision b) =>
        a.Result.Path == b.Result.Path && a.Result.From == b.Result.From && a.Result.To == b.Result.To
        && a.Result.SourceTranslation == b.Result.SourceTranslation && a.Result.DestinationTranslation == b.Result.DestinationTranslation
        && a.FormA == b.FormA && a.FormB == b.FormB && a.Code == b.Code && a.Ingress == b.Ingress && a.Egress == b.Egress;

    private static uint Hash(in CachedDecision decision)
    {
        unchecked
        {
            ulong hash = ((ulong)(uint)decision.Result.Path << 32 | (uint)decision.Result.From) * 0x9E37_79B9_7F4A_7C15;
            hash = (hash ^ (hash >> 29) ^ ((ulong)(uint)decision.Result.To << 32 | (uint)decision.Result.SourceTranslation)) * 0xBF58_476D_1CE4_E5B9;
            hash = (hash ^ (hash >> 32) ^ ((ulong)(uint)decision.FormA << 32 | (uint)decision.FormB)) * 0x94D0_49BB_1331_11EB;
            hash = (hash ^ (hash >> 30) ^ ((ulong)(uint)decision.Result.DestinationTranslation << 32 | (uint)(decision.Code << 16 | decision.Ingress << 8 | decision.Egress))) * 0x9E37_79B9_7F4A_7C15;
            return (uint)(hash >> 32);
        }
    }
}
