// Every distinct way through the topology, once. A packet's result names one by number, so provenance costs four bytes.
//
// A path holds what all packets that took it share: verdict, reason, state, the rule that decided, and the steps between its two ends. A step
// is a name's number; two bits mark a translation, whose text ("10.0.0.91>18.216.80.133") stands beside the path in the result,
// as do the ends: interfaces and addresses would otherwise multiply the paths.
//
// Bounded: past MaxPaths, Intern answers -1 and nothing grows any more. A record still needs its path: Spill then lends a number of a ring of
// SpillPaths places. It is good until as many others were lent, hence while its block is on its way to the sinks, and must not be
// kept for later packets. At most SpillPaths / PacketBlock.Capacity blocks may be under way at once: 256.

using System;
using System.Collections.Generic;
using System.Threading;

namespace Dataplane.Records;

/// <summary>What the packets of one path share.</summary>
public sealed class PathEntry
{
    /// <summary>On a step: the packet's source was translated there; its text is PacketResult.SourceTranslation.</summary>
    public const int TranslatesSource = 1 << 30;

    /// <summary>On a step: the packet's destination was translated there.</summary>
    public const int TranslatesDestination = 1 << 29;

    /// <summary>The bits of a step that hold its name's number.</summary>
    public const int NameMask = TranslatesDestination - 1;

    internal PathEntry(Verdict verdict, DenyReason reason, FlowState state, int rule, int[] steps)
    {
        Verdict = verdict;
        Reason = reason;
        State = state;
        Rule = rule;
        Steps = steps;
    }

    public Verdict Verdict { get; }

    public DenyReason Reason { get; }

    public FlowState State { get; }

    /// <summary>The name of the rule that decided, or <see cref="NameTable.None"/>.</summary>
    public int Rule { get; }

    /// <summary>Between <c>from</c> and <c>to</c>, in order.</summary>
    public int[] Steps { get; }
}

/// <summary>Paths by number.</summary>
/// <remarks>Thread-safe; reading takes no lock. Path 0 to 3 are the bare verdicts moot, unplaced, invalid, ignored.</remarks>
public sealed class PathTable
{
    public const int Moot = 0;
    public const int Unplaced = 1;
    public const int Invalid = 2;
    public const int Ignored = 3;

    /// <summary>Paths that are kept at most.</summary>
    public const int MaxPaths = 1 << 20;

    /// <summary>Lent numbers that are good at once.</summary>
    public const int SpillPaths = 1 << 17;

    private readonly Lock _writing = new();
    private readonly Dictionary<Key, int> _numbers = [];
    private PathEntry[] _spilled = [];
    private int _nextSpill;
    private PathEntry[] _entries = new PathEntry[256];
    private int _count;

    public PathTable()
    {
        foreach (Verdict verdict in (ReadOnlySpan<Verdict>)[Verdict.Moot, Verdict.Unplaced, Verdict.Invalid, Verdict.Ignored])
        {
            Intern(verdict, DenyReason.None, FlowState.None, NameTable.None, []);
        }
    }

    public int Count => Volatile.Read(ref _count);

    /// <summary>Paths that were lent for want of room: when not 0, the engine's warnings say so.</summary>
    public long Spilled { get; private set; }

    public PathEntry this[int number] => number < MaxPaths ? Volatile.Read(ref _entries)[number] : Volatile.Read(ref _spilled)[number - MaxPaths];

    /// <summary>The number of a path; -1 when the table is full and the path is not in it.</summary>
    public int Intern(Verdict verdict, DenyReason reason, FlowState state, int rule, ReadOnlySpan<int> steps)
    {
        Key key = new(verdict, reason, state, rule, steps.ToArray());
        lock (_writing)
        {
            if (_numbers.TryGetValue(key, out int number))
            {
                return number;
            }

            if (_count == MaxPaths)
            {
                return -1;
            }

            if (_count == _entries.Length)
            {
                PathEntry[] larger = new PathEntry[_count * 2];
                _entries.CopyTo(larger, 0);
                Volatile.Write(ref _entries, larger);
            }

            number = _count;
            _entries[number] = new PathEntry(verdict, reason, state, rule, key.Steps);
            _numbers.Add(key, number);
            Volatile.Write(ref _count, number + 1);
            return number;
        }
    }

    /// <summary>Lends a number, at least <see cref="MaxPaths"/>, for a path that the table has no room for.</summary>
    public int Spill(Verdict verdict, DenyReason reason, FlowState state, int rule, ReadOnlySpan<int> steps) =>
        Spill(new PathEntry(verdict, reason, state, rule, steps.ToArray()));

    /// <summary>Lends a number for a path that was lent before.</summary>
    public int Spill(PathEntry path)
    {
        lock (_writing)
        {
            if (_spilled.Length == 0)
            {
                Volatile.Write(ref _spilled, new PathEntry[SpillPaths]);
            }

            int place = _nextSpill;
            _nextSpill = (place + 1) & (SpillPaths - 1);
            Volatile.Write(ref _spilled[place], path);
            Spilled++;
            return MaxPaths + place;
        }
    }

    private readonly record struct Key(Verdict Verdict, DenyReason Reason, FlowState State, int Rule, int[] Steps)
    {
        public bool Equals(Key other) =>
            Verdict == other.Verdict && Reason == other.Reason && State == other.State && Rule == other.Rule
            && Steps.AsSpan().SequenceEqual(other.Steps);

        public override int GetHashCode()
        {
            HashCode hash = default;
            hash.Add((int)Verdict | (int)Reason << 8 | (int)State << 16);
            hash.Add(Rule);
            foreach (int step in Steps)
            {
                hash.Add(step);
            }

            return hash.ToHashCode();
        }
    }
}
