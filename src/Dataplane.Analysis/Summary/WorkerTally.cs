// What one worker counts, right after it judged a batch: packets and bytes by verdict, packets by path, flows, denials.
//
// Left to be counted in capture order by one tally for all (ReplaySummary's own, the same class): packets without a place, whose address pairs no shard
// keeps together; later fragments without their first one and TCP or UDP between ports 0 and 0, which share a flow key and may be in several
// shards; and with --fragments drop everything, since the dispatcher then does not bring later fragments to where their first one went.

using System;
using System.Runtime.CompilerServices;
using Dataplane.Analysis.Flows;
using Dataplane.Engine;
using Dataplane.Flows;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Analysis.Summary;

/// <summary>Counts the packets of one worker.</summary>
/// <remarks>One thread at a time. Allocates nothing per packet in steady state.</remarks>
internal sealed class WorkerTally : IBatchObserver, IDisposable
{
    private const byte Unknown = 255;

    private readonly ResultTables _tables;
    private readonly bool _leavesAll;
    private byte[] _verdicts = [];
    private long[] _hits = [];
    private int[] _guesses = [];
    private int[] _loud = [];
    private Refused[] _refused = [];

    internal WorkerTally(ResultTables tables, JudgeOptions options, int mostFlows, bool keepAll)
    {
        _tables = tables;
        _leavesAll = options.Fragments == FragmentPolicy.Drop;
        Flows = new FlowTally(options, mostFlows, keepAll);
        Denied = new DeniedTally(tables);
    }

    internal FlowTally Flows { get; }

    internal DeniedTally Denied { get; }

    /// <summary>By <see cref="Verdict"/>.</summary>
    internal long[] Packets { get; } = new long[ReplaySummary.Verdicts];

    /// <summary>On the wire, by <see cref="Verdict"/>.</summary>
    internal long[] Bytes { get; } = new long[ReplaySummary.Verdicts];

    /// <summary>Packets by number of path.</summary>
    internal ReadOnlySpan<long> PathHits => _hits;

    public void Observe(PacketBlock block, ReadOnlySpan<PacketResult> results, ReadOnlySpan<FlowView> views)
    {
        if (_leavesAll)
        {
            foreach (ref readonly FlowView view in views)
            {
                block.Leave(view.Index);
            }

            return;
        }

        if (_guesses.Length < views.Length)
        {
            _guesses = new int[views.Length];
            _loud = new int[views.Length];
        }

        int[] loud = _loud;
        int count = 0;
        for (int i = 0; i < views.Length; i++)
        {
            int entry = views[i].Entry;
            Flows.PrefetchEntry(Math.Max(entry, 0));
            loud[count] = i;
            count += (int)((uint)entry >> 31) & (IsRepeated(in views[i]) ? 0 : 1);    // no branch: which packets are loud cannot be foretold
        }

        foreach (int place in loud.AsSpan(0, count))
        {
            Flows.Prefetch(views[place].Hash);
        }

        foreach (int place in loud.AsSpan(0, count))
        {
            _guesses[place] = views[place].HasKey ? Flows.Guess(views[place].Hash) : -1;
        }

        bool[] selected = block.Selected;
        long settled = 0, settledBytes = 0;
        for (int i = 0; i < views.Length; i++)
        {
            ref readonly FlowView view = ref views[i];
            int index = view.Index;
            if (view.Entry >= 0 && selected[index] && Flows.TrySettled(view.Entry, view.Time))
            {
                settled++;
                settledBytes += view.WireLength;
                Hit(results[index].Path);
                continue;
            }

            if (!IsRepeated(in view))
            {
                Loud(block, in results[index], in view, _guesses[i]);
            }
            else if (!selected[index] || !TryRepeated(block, in results[index], in view))
            {
                Loud(block, in results[index], in view, -1);
            }
        }

        Packets[(int)Verdict.Allow] += settled;
        Bytes[(int)Verdict.Allow] += settledBytes;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsRepeated(in FlowView view) => view.Entry == -1 & (short)view.Refused > 0;

    /// <summary>Counts a packet that was refused like the one before it of its flow.</summary>
    /// <returns>False when something else must be looked at.</returns>
    private bool TryRepeated(PacketBlock block, in PacketResult result, in FlowView view)
    {
        int number = view.Refused - 1;
        if ((uint)number >= (uint)_refused.Length)
        {
            return false;
        }

        ref Refused refused = ref _refused[number];
        ref readonly Headers packet = ref block.Headers[view.Index];
        if (refused.Row is null || !Flows.TryDenied(refused.Record, refused.Flow, view.Time, in packet, in view))
        {
            return false;
        }

        Count(in packet, result.Path, Verdict.Deny);
        Denied.Again(refused.Row, block.FirstNumber + view.Index, in packet);
        return true;
    }

    /// <summary>Remembers where a refused packet was counted, for the next one like it.</summary>
    private void Remember(ushort refused, int record, DeniedTally.Row? row)
    {
        if (refused == 0)
        {
            return;
        }

        if (_refused.Length == 0)
        {
            _refused = new Refused[IBatchObserver.MostRefused];
        }

        _refused[(refused & ~IBatchObserver.RefusedAnew) - 1] = record < 0 ? default : new Refused { Record = record, Flow = Flows.FlowOf(record), Row = row };
    }

    /// <summary>Counts a packet that may change more than its flow's last time.</summary>
    /// <param name="guess">The record that most likely is its flow's, where it has no quiet entry.</param>
    private void Loud(PacketBlock block, in PacketResult result, in FlowView view, int guess)
    {
        int index = view.Index;
        ref readonly Headers packet = ref block.Headers[index];
        int entry = view.Entry;
        if (entry == -1)
        {
            Forget(view.Refused);
        }
        else if (entry <= -2)
        {
            entry = -2 - entry;
            Flows.Unsettle(entry);
        }

        if (!block.Selected[index])
        {
            if (packet.IsFirstFragment)
            {
                Flows.Forget(in packet);
            }

            return;
        }

        Verdict verdict = VerdictOf(result.Path);
        if (packet.Status is PacketStatus.Ok or PacketStatus.Misplaced && ((packet.Flags & (HeaderFlags.FirstFragment | HeaderFlags.LaterFragment)) != 0
            || verdict == Verdict.Unplaced || (packet.SourcePort | packet.DestinationPort) == 0))
        {
            Unusual(block, in result, index, verdict, in view);
            return;
        }

        Count(in packet, result.Path, verdict);
        long number = block.FirstNumber + index;
        if (view.HasKey && verdict <= Verdict.Moot)
        {
            int record = Flows.Add(number, view.Time, in packet, in result, verdict, in view, view.Entry >= 0 ? Flows.GuessOf(entry) : guess, entry);
            if (verdict == Verdict.Deny)
            {
                DeniedTally.Row? row = Denied.Add(number, in packet, in result, _tables.Paths[result.Path], in Flows.FirstOf(record), true);
                if (entry == -1)
                {
                    Remember(view.Refused, record, row);
                }
            }
        }
        else if (verdict == Verdict.Deny)
        {
            Denied.Add(number, in packet, in result, _tables.Paths[result.Path], in packet, false);
        }
    }

    /// <summary>Counts a packet that a worker left; packets come in capture order.</summary>
    /// <param name="view">With a key for everything that belongs to a flow, later fragments too.</param>
    internal void AddLeft(long number, long time, in Headers headers, in PacketResult result, in FlowView view)
    {
        Verdict verdict = VerdictOf(result.Path);
        Count(in headers, result.Path, verdict);
        if (!TryFragment(number, time, in headers, in result, verdict))
        {
            Whole(number, time, in headers, in result, verdict, in view);
        }
    }

    public void Dispose() => Flows.Dispose();

    /// <summary>A first fragment that is not counted by any tally.</summary>
    internal void Forget(in Headers headers) => Flows.Forget(in headers);

    /// <summary>Packets that are seldom seen: fragments, no place, no ports.</summary>
    private void Unusual(PacketBlock block, in PacketResult result, int index, Verdict verdict, in FlowView view)
    {
        ref readonly Headers packet = ref block.Headers[index];
        long number = block.FirstNumber + index;
        long time = block.Packets[index].Time;
        if (verdict <= Verdict.Moot && packet.IsLaterFragment && TryFragment(number, time, in packet, in result, verdict))
        {
            Count(in packet, result.Path, verdict);
            return;
        }

        bool isOrphan = packet.IsLaterFragment && (packet.Protocol is 6 or 17 || (packet.IsIpv6 && packet.Protocol is 0 or 43 or 44 or 60 or 135 or 139 or 140));
        bool isNameless = packet.Protocol is 6 or 17 && !packet.IsLaterFragment && (packet.SourcePort | packet.DestinationPort) == 0;
        if (verdict == Verdict.Unplaced || isOrphan || isNameless)
        {
            if (packet.IsFirstFragment)
            {
                Flows.Forget(in packet);
            }

            block.Leave(index);
            return;
        }

        Count(in packet, result.Path, verdict);
        Whole(number, time, in packet, in result, verdict, in view);
    }

    private bool TryFragment(long number, long time, in Headers headers, in PacketResult result, Verdict verdict)
    {
        if (!headers.IsLaterFragment || verdict > Verdict.Moot || !Flows.TryFragment(time, in headers, in result, verdict, out Headers first))
        {
            return false;
        }

        if (verdict == Verdict.Deny)
        {
            Denied.Add(number, in headers, in result, _tables.Paths[result.Path], in first, true);
        }

        return true;
    }

    private void Whole(long number, long time, in Headers headers, in PacketResult result, Verdict verdict, in FlowView view)
    {
        bool hasFlow = view.HasKey && verdict <= Verdict.Moot;
        int record = hasFlow ? Flows.Add(number, time, in headers, in result, verdict, in view, -1) : FlowTally.NoRoom;
        if (headers.IsFirstFragment)
        {
            if (hasFlow)
            {
                Flows.Remember(in headers, time, record);
            }
            else
            {
                Flows.Forget(in headers);
            }
        }

        if (verdict == Verdict.Deny)
        {
            Denied.Add(number, in headers, in result, _tables.Paths[result.Path], in hasFlow ? ref Flows.FirstOf(record) : ref headers, hasFlow);
        }
    }

    /// <summary>A packet with this number is not counted as its like: what was remembered of the number may be of another flow.</summary>
    private void Forget(ushort refused)
    {
        if ((uint)((refused & ~IBatchObserver.RefusedAnew) - 1) < (uint)_refused.Length)
        {
            _refused[(refused & ~IBatchObserver.RefusedAnew) - 1] = default;
        }
    }

    private void Count(in Headers headers, int path, Verdict verdict)
    {
        Packets[(int)verdict]++;
        Bytes[(int)verdict] += headers.WireLength;
        _hits[path]++;
    }

    private void Hit(int path)
    {
        if ((uint)path >= (uint)_hits.Length)
        {
            Learn(path);
        }

        _hits[path]++;
    }

    /// <summary>The verdict of a path; numbers below MaxPaths keep theirs for good, and are remembered.</summary>
    private Verdict VerdictOf(int path)
    {
        if ((uint)path < (uint)_verdicts.Length && _verdicts[path] != Unknown)
        {
            return (Verdict)_verdicts[path];
        }

        return Learn(path);
    }

    private Verdict Learn(int path)
    {
        if (path >= _verdicts.Length)
        {
            int known = _verdicts.Length;
            int length = Math.Max(256, Math.Max(path + 1, known * 2));
            Array.Resize(ref _verdicts, length);
            Array.Resize(ref _hits, length);
            Array.Fill(_verdicts, Unknown, known, length - known);
        }

        Verdict verdict = _tables.Paths[path].Verdict;
        if (path < PathTable.MaxPaths)
        {
            _verdicts[path] = (byte)verdict;
        }

        return verdict;
    }

    /// <summary>Where the last packet with a number of the refused ones was counted.</summary>
    private struct Refused
    {
        public long Flow;
        public DeniedTally.Row? Row;
        public int Record;
    }
}
