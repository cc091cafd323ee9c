// What one worker counts, right after it judged a batch: packets and bytes by verdict, packets by path, flows, denials.
//
// Left to be counted in capture order by one tally for all (ReplaySummary's own, the same class): packets without a place, whose address pairs no shard
// keeps together; later fragments without their first one and TCP or UDP between ports 0 and 0, which share a flow key and may be in several
// shards; and with --fragments drop everything, since the dispatcher then does not bring later fragments to where their first one went.

using System;
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

    public void Observe(PacketBlock block, ReadOnlySpan<PacketResult> results, ReadOnlySpan<int> batch, ReadOnlySpan<FlowView> views, ReadOnlySpan<int> entries)
    {
        if (_leavesAll)
        {
            foreach (int index in batch)
            {
                block.Leave(index);
            }

            return;
        }

        if (_guesses.Length < batch.Length)
        {
            _guesses = new int[batch.Length];
        }

        int loud = 0;
        for (int i = 0; i < batch.Length; i++)
        {
            if (entries[i] >= 0)
            {
                Flows.PrefetchEntry(entries[i]);
            }
            else if (views[i].HasKey)
            {
                Flows.Prefetch(views[i].Hash);
                loud++;
            }
        }

        for (int i = 0; i < batch.Length && loud > 0; i++)
        {
            if (entries[i] < 0 && views[i].HasKey)
            {
                _guesses[i] = Flows.Guess(views[i].Hash);
                loud--;
            }
        }

        ReadOnlySpan<Headers> headers = block.Headers;
        long settled = 0, settledBytes = 0;
        for (int i = 0; i < batch.Length; i++)
        {
            int index = batch[i];
            ref readonly Headers packet = ref headers[index];
            int entry = entries[i];
            if (entry >= 0 && block.Selected[index] && Flows.TrySettled(entry, block.Packets[index].Time))
            {
                settled++;
                settledBytes += packet.WireLength;
                Hit(results[index].Path);
                continue;
            }

            if (entry <= -2)
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

                continue;
            }

            ref readonly PacketResult result = ref results[index];
            Verdict verdict = VerdictOf(result.Path);
            if (packet.Status is PacketStatus.Ok or PacketStatus.Misplaced && ((packet.Flags & (HeaderFlags.FirstFragment | HeaderFlags.LaterFragment)) != 0
                || verdict == Verdict.Unplaced || (packet.SourcePort | packet.DestinationPort) == 0))
            {
                Unusual(block, in result, index, verdict, in views[i]);
                continue;
            }

            Count(in packet, result.Path, verdict);
            if (views[i].HasKey && verdict <= Verdict.Moot)
            {
                int record = Flows.Add(block.FirstNumber + index, block.Packets[index].Time, in packet, in result, verdict, in views[i], entries[i] >= 0 ? Flows.GuessOf(entry) : _guesses[i], entry);
                if (verdict == Verdict.Deny)
                {
                    Denied.Add(block.FirstNumber + index, in packet, in result, _tables.Paths[result.Path], in Flows.FirstOf(record), true);
                }
            }
            else if (verdict == Verdict.Deny)
            {
                Denied.Add(block.FirstNumber + index, in packet, in result, _tables.Paths[result.Path], in packet, false);
            }
        }

        Packets[(int)Verdict.Allow] += settled;
        Bytes[(int)Verdict.Allow] += settledBytes;
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
}
