// The flows of one worker, counted right after its packets were judged, while they are in the cache.
//
//   _index    hash -> record       one line to look at, one to fetch, both asked for before they are needed (Prefetch, Guess, then Add)
//   _live     64 bytes a flow      key, last packet, how far its life is, what was decided: all that a summary asks for
//   _first    64 bytes a flow      its first packet; written once, read when something of the flow is denied
//   _whole    only with keepAll    the counters of a flow record
//   _last     8 bytes an entry     by the engine's number of the flow: time of the last packet of a flow that is settled, else 0
//   _recordOf 4 bytes an entry     by the same number: its record
//
// A flow is settled when one more packet of the middle of a connection changes nothing but the time of the last one: that is all that is written then, beside
// each other for eight flows, and neither index nor record is touched. Anything else first puts the time back into the record (Unsettle).
//
// The rules are those of FlowRecorder (whose flows diff needs one by one); a test holds the two against each other. A flow's packets all come to one worker, in
// order, so no two tallies meet. But for one kind: a later fragment whose first one was not counted here has no ports, and the worker
// that gets it need not be the one that its like went to. Fragments that must be counted in one place are the caller's
// business; TryFragment says which ones have their first here.
//
// Without keepAll ended flows are forgotten: the next flow of the same key takes the record over. When there are `most` records, each flow that is new looks at the next few
// of them, round and round, and those that have timed out make room. Never at all of them at once: a live run would stand still for that, every second under a flood.

using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Dataplane.Engine;
using Dataplane.Flows;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Analysis.Flows;

/// <summary>Groups one worker's judged packets into flows.</summary>
/// <remarks>Not thread-safe. A flow's packets come in capture order. Allocates only when there are more flows than ever before.</remarks>
internal sealed class FlowTally : IDisposable
{
    /// <summary>What <see cref="Add"/> answers for a packet whose flow found no room.</summary>
    internal const int NoRoom = -1;

    private const long Second = 1_000_000_000;
    private const int MaxFragments = 65_536;
    private const int Chunk = 4_096;

    /// <summary>Records that a new flow looks at when there is no room.</summary>
    private const int Looks = 8;

    /// <summary>Of the place of a flow that found no room: 65,536 places, 256 KiB, once there is such a flow.</summary>
    private const int RefusedBits = 16;

    // No settled flow times out sooner (UDP streams do after 180 s, established TCP after days).
    private const long Safe = 30 * Second;

    private readonly JudgeOptions _options;
    private readonly int _most;
    private readonly long _shortest;
    private readonly FlowIndex _index = new();
    private readonly FlowChunks<Live> _live = new();
    private readonly FlowChunks<Headers> _first = new();
    private readonly FlowChunks<long> _last = new();
    private readonly FlowChunks<int> _recordOf = new();
    private readonly Dictionary<FragmentKey, Fragment> _fragments = [];
    private readonly List<Whole[]>? _whole;
    private readonly List<int> _wholeOf = [];
    private readonly long[] _ended = new long[4];
    private Headers _refused;
    private uint[]? _refusedHashes;
    private int _count;
    private int _entries;
    private int _wholes;
    private int _hand;

    /// <param name="most">Flows that are followed at a time when records are not kept.</param>
    /// <param name="keepAll">Whether every record is kept: memory then grows with the number of flows.</param>
    internal FlowTally(JudgeOptions options, int most, bool keepAll)
    {
        _options = options;
        _most = most;
        _whole = keepAll ? [] : null;
        TransientTimeouts t = options.Timeouts;
        _shortest = Math.Min(Math.Min(Math.Min(t.Closed, t.TimeWait), Math.Min(t.Fin, t.SynSent)), Math.Min(t.Icmp, TrackingDefaults.Udp)) * Second;
    }

    /// <summary>Flows that found no room and were counted by their first packet alone.</summary>
    internal long Overflowed { get; private set; }

    /// <summary>Records that were kept.</summary>
    internal int Kept => _wholes;

    /// <summary>Ended flows: allow, deny, partial, moot.</summary>
    internal ReadOnlySpan<long> Ended => _ended;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Prefetch(uint hash) => _index.Prefetch(hash);

    /// <summary>Asks the cache for what is known of an entry's flow.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void PrefetchEntry(int entry) => _last.Prefetch(entry);

    /// <summary>The record that most likely is the flow's, fetched; -1 for none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal int Guess(uint hash)
    {
        int record = _index.First(hash, out _);
        _live.Prefetch(record);
        _first.Prefetch(record);
        return record;
    }

    /// <summary>The record that an entry's flow had when it was last asked, or 0.</summary>
    internal int GuessOf(int entry) => entry < _entries ? _recordOf[entry] : 0;

    /// <summary>Counts a packet of a settled flow.</summary>
    /// <param name="entry">Of the packet's flow; it was allowed and changed nothing but times.</param>
    /// <returns>False when the flow is not settled, or the packet comes so late that it must be looked at.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TrySettled(int entry, long time)
    {
        if (entry >= _entries)
        {
            return false;
        }

        ref long last = ref _last[entry];
        if (last == 0 || time - last >= Safe)
        {
            return false;
        }

        last = Math.Max(last, time);
        return true;
    }

    /// <summary>Whatever flow was settled under an entry is so no more.</summary>
    internal void Unsettle(int entry)
    {
        if (entry < _entries && _last[entry] != 0)
        {
            ref Live flow = ref _live[_recordOf[entry]];
            flow.Last = _last[entry];
            flow.Entry = 0;
            _last[entry] = 0;
        }
    }

    /// <summary>Counts a packet that has a key.</summary>
    /// <param name="number">Of the packet, over all files.</param>
    /// <param name="guess">What <see cref="Guess"/> or <see cref="GuessOf"/> said.</param>
    /// <param name="entry">The engine's number of the flow, or -1.</param>
    /// <returns>The flow's record, or <see cref="NoRoom"/>.</returns>
    internal int Add(long number, long time, in Headers headers, in PacketResult result, Verdict verdict, in FlowView view, int guess, int entry = -1)
    {
        FlowKey key = view.Key;
        int record = guess >= 0 && guess < _count && _live[guess].Key.Equals(key) ? guess : Find(in key, view.Hash);
        if (record >= 0)
        {
            ref Live known = ref _live[record];
            if (known.Entry != 0)
            {
                Unsettle(known.Entry - 1);
            }

            if (time - known.Last >= _shortest || headers.IsSyn)
            {
                if (Ends(in known, time, headers))
                {
                    End(in known);
                    Begin(record, number, time, headers, result, view);
                }
            }
        }
        else
        {
            record = _whole is null && _count >= _most ? Room(time) : _count++;
            if (record < 0)
            {
                return Refuse(headers, verdict, view.Hash);
            }

            _live.Need(record);
            _first.Need(record);
            _index.Add(view.Hash, record);
            Begin(record, number, time, headers, result, view);
        }

        ref Live flow = ref _live[record];
        bool forward = view.FromB == flow.FirstFromB;
        Tally(ref flow, time, headers, verdict, forward);
        if (_whole is not null)
        {
            Tally(ref WholeAt(_wholeOf[record]), time, headers, result, verdict, forward);
        }
        else if (entry >= 0)
        {
            Know(entry, record, ref flow);
        }

        return record;
    }

    /// <summary>Counts a denied packet of a flow whose packet before was denied too, in the same direction and with the same result.</summary>
    /// <param name="record">What <see cref="Add"/> said for that packet.</param>
    /// <param name="flow">What <see cref="FlowOf"/> then said.</param>
    /// <returns>False when the record is another flow's by now, or the packet may begin a new flow: then it must be added.</returns>
    internal bool TryDenied(int record, long flow, long time, in Headers headers, in FlowView view)
    {
        ref Live known = ref _live[record];
        if (known.Number != flow || time - known.Last >= _shortest || known.Entry != 0 || _whole is not null || (headers.IsSyn && known.Life.IsClosed))
        {
            return false;
        }

        Tally(ref known, time, headers, Verdict.Deny, view.FromB == known.FirstFromB);
        return true;
    }

    /// <summary>Tells the flow of a record from those that may have it later.</summary>
    internal long FlowOf(int record) => _live[record].Number;

    /// <summary>The first packet of a record's flow.</summary>
    internal ref readonly Headers FirstOf(int record) => ref record < 0 ? ref _refused : ref _first[record];

    /// <summary>Remembers a first fragment that was counted.</summary>
    internal void Remember(in Headers headers, long time, int record)
    {
        if (_fragments.Count >= MaxFragments)
        {
            _fragments.Clear();
        }

        _fragments[FragmentKey.Of(headers)] = new Fragment
        {
            Dies = Timeouts.After(Timeouts.Clamp(time), FragmentMemory.Lifetime),
            Record = record,
            Number = record < 0 ? 0 : _live[record].Number,
            Whole = _whole is null || record < 0 ? -1 : _wholeOf[record],
            First = FirstOf(record),
        };
    }

    /// <summary>A first fragment came that was not counted: later ones do not belong to an older datagram of its key.</summary>
    internal void Forget(in Headers headers)
    {
        if (_fragments.Count > 0)
        {
            _fragments.Remove(FragmentKey.Of(headers));
        }
    }

    /// <summary>Counts a later fragment with its first one.</summary>
    /// <param name="first">The first packet of the flow.</param>
    /// <returns>False when no first fragment is remembered.</returns>
    internal bool TryFragment(long time, in Headers headers, in PacketResult result, Verdict verdict, out Headers first)
    {
        first = default;
        if (_fragments.Count == 0 || !_fragments.TryGetValue(FragmentKey.Of(headers), out Fragment fragment) || Timeouts.Clamp(time) >= fragment.Dies)
        {
            return false;
        }

        first = fragment.First;
        bool forward = first.Source == headers.Source;
        if (fragment.Record >= 0 && fragment.Record < _count && _live[fragment.Record].Number == fragment.Number)
        {
            if (_live[fragment.Record].Entry != 0)
            {
                Unsettle(_live[fragment.Record].Entry - 1);
            }

            Tally(ref _live[fragment.Record], time, headers, verdict, forward);
        }

        if (fragment.Whole >= 0)
        {
            Tally(ref WholeAt(fragment.Whole), time, headers, result, verdict, forward);
        }

        return true;
    }

    /// <summary>Ends what still lives, and gives its memory back: nothing can be counted afterwards, and what was counted can be asked.</summary>
    internal void Complete()
    {
        for (int i = 0; i < _count; i++)
        {
            End(in _live[i]);
        }

        Dispose();
    }

    public void Dispose()
    {
        _count = 0;
        _entries = 0;
        _index.Dispose();
        _live.Dispose();
        _first.Dispose();
        _last.Dispose();
        _recordOf.Dispose();
    }

    /// <summary>A kept record's first packet: its number over all files.</summary>
    internal long NumberOf(int whole) => WholeAt(whole).Number;

    /// <summary>A kept record; records are kept in order of first packet.</summary>
    internal FlowRecord Record(int whole, long number)
    {
        ref readonly Whole flow = ref WholeAt(whole);
        return new FlowRecord
        {
            Number = number,
            First = flow.First,
            Last = flow.Last,
            Headers = flow.Headers,
            FirstResult = flow.FirstResult,
            Result = flow.Result,
            FirstJudged = flow.FirstJudged,
            Packets = flow.Packets,
            Bytes = flow.Bytes,
            ReturnPackets = flow.ReturnPackets,
            ReturnBytes = flow.ReturnBytes,
            Denied = flow.Denied,
            Moot = flow.Moot,
        };
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Tally(ref Live flow, long time, in Headers headers, Verdict verdict, bool forward)
    {
        flow.Last = Math.Max(flow.Last, time);
        flow.Count(forward, verdict == Verdict.Deny);
        if (flow.FirstJudged == Verdict.Moot)
        {
            flow.FirstJudged = verdict;
        }

        flow.Life.See(headers, forward);
    }

    private static void Tally(ref Whole flow, long time, in Headers headers, in PacketResult result, Verdict verdict, bool forward)
    {
        flow.Last = Math.Max(flow.Last, time);
        if (forward)
        {
            flow.Packets++;
            flow.Bytes += headers.WireLength;
        }
        else
        {
            flow.ReturnPackets++;
            flow.ReturnBytes += headers.WireLength;
        }

        if (verdict == Verdict.Moot)
        {
            flow.Moot++;
        }
        else if (verdict == Verdict.Deny && flow.Denied++ == 0)
        {
            flow.Result = result;
        }

        if (flow.FirstJudged == Verdict.Moot && verdict != Verdict.Moot)
        {
            flow.FirstJudged = verdict;
        }
    }

    /// <summary>Remembers an entry's record, and settles the flow if it can be.</summary>
    private void Know(int entry, int record, ref Live flow)
    {
        for (; entry >= _entries; _entries += FlowChunks<long>.Size)
        {
            _last.Need(_entries);
            _recordOf.Need(_entries);
        }

        Unsettle(entry);
        _recordOf[entry] = record;
        if (flow.IsSettled && flow.Last > 0)
        {
            _last[entry] = flow.Last;
            flow.Entry = entry + 1;
        }
    }

    private int Find(in FlowKey key, uint hash)
    {
        int record = _index.First(hash, out FlowIndex.Search search);
        while (record >= 0 && !_live[record].Key.Equals(key))
        {
            record = _index.Next(ref search);
        }

        return record;
    }

    private bool Ends(in Live flow, long time, in Headers headers) =>
        time - flow.Last >= flow.Life.TimeOut(headers.Protocol, flow.Packets, flow.ReturnPackets, _options) * Second
        || (headers.IsSyn && flow.Life.IsClosed);

    private void Begin(int record, long number, long time, in Headers headers, in PacketResult result, in FlowView view)
    {
        _live[record] = new Live
        {
            Key = view.Key,
            Last = time,
            Number = number,
            FirstJudged = Verdict.Moot,
        };
        _live[record].StartFrom(view.FromB);
        _first[record] = headers;
        if (_whole is not null)
        {
            if (_wholes == _whole.Count * Chunk)
            {
                _whole.Add(new Whole[Chunk]);
            }

            while (_wholeOf.Count <= record)
            {
                _wholeOf.Add(0);
            }

            _wholeOf[record] = _wholes++;
            WholeAt(_wholeOf[record]) = new Whole
            {
                Number = number,
                First = time,
                Last = time,
                Headers = headers,
                FirstResult = result,
                Result = result,
                FirstJudged = Verdict.Moot,
            };
        }
    }

    /// <summary>A packet of a flow without a record. Whether it is the first one is known for as long as no other flow without a record has its place.</summary>
    private int Refuse(in Headers headers, Verdict verdict, uint hash)
    {
        _refusedHashes ??= new uint[1 << RefusedBits];
        ref uint last = ref _refusedHashes[hash >> (32 - RefusedBits)];
        if (last != (hash | 1))
        {
            last = hash | 1;    // 0 is nobody's
            Overflowed++;
            _ended[verdict == Verdict.Allow ? 0 : verdict == Verdict.Deny ? 1 : 3]++;
        }

        _refused = headers;
        return NoRoom;
    }

    /// <summary>Ends a flow that has timed out, and gives its record; -1 when none of those looked at has.</summary>
    private int Room(long time)
    {
        for (int looks = 0; looks < Looks; looks++)
        {
            int record = _hand;
            _hand = record + 1 == _count ? 0 : record + 1;
            ref Live flow = ref _live[record];
            long last = flow.Entry == 0 ? flow.Last : _last[flow.Entry - 1];
            if (time - last >= flow.Life.TimeOut(flow.Key.Protocol, flow.Packets, flow.ReturnPackets, _options) * Second)
            {
                if (flow.Entry != 0)
                {
                    Unsettle(flow.Entry - 1);
                }

                End(in flow);
                _index.Remove(FlowHash.Secret.Of(in flow.Key), record);
                return record;
            }
        }

        return -1;
    }

    private void End(in Live flow) => _ended[flow.FirstJudged switch
    {
        Verdict.Deny => 1,
        Verdict.Moot => 3,
        _ => flow.Denied ? 2 : 0,
    }]++;

    private ref Whole WholeAt(int whole) => ref _whole![whole / Chunk][whole % Chunk];

    private readonly record struct FragmentKey(IpAddress Source, IpAddress Destination, byte Protocol, uint Id)
    {
        internal static FragmentKey Of(in Headers headers) => new(headers.Source, headers.Destination, headers.FragmentProtocol, headers.FragmentId);
    }

    /// <summary>A first fragment. Its record may have ended, moved or gone to another flow: then the number differs.</summary>
    private struct Fragment
    {
        public long Dies;
        public int Record;
        public int Whole;
        public long Number;
        public Headers First;
    }

    [StructLayout(LayoutKind.Sequential, Size = 64)]
    private struct Live
    {
        public FlowKey Key;
        public long Last;

        /// <summary>Of its first packet.</summary>
        public long Number;

        /// <summary>While the flow is settled: the number of its entry in the engine, and one. Else 0.</summary>
        public int Entry;
        public FlowLife Life;
        public Verdict FirstJudged;

        // bit 0 first packet from B | 1 something was denied | 3..2 packets | 5..4 return packets: none 00, one 01, more 11, which is all that time-outs ask
        private byte _flags;

        public readonly bool FirstFromB => (_flags & 1) != 0;

        public readonly bool Denied => (_flags & 2) != 0;

        public readonly int Packets => _flags >> 2 & 3;

        public readonly int ReturnPackets => _flags >> 4 & 3;

        /// <summary>Two packets or more each way, none of them denied or moot at first, no FIN, no RST: a packet of the middle of the connection changes nothing but <see cref="Last"/>.</summary>
        public readonly bool IsSettled => (_flags & 0b11_1100) == 0b11_1100 && FirstJudged == Verdict.Allow && Life.IsSettled(Key.Protocol);

        public void StartFrom(bool fromB) => _flags = fromB ? (byte)1 : (byte)0;

        public void Count(bool forward, bool denied)
        {
            int shift = forward ? 2 : 4;
            int count = _flags >> shift & 3;
            _flags |= (byte)(((count << 1) | 1) << shift & 0b11 << shift | (denied ? 2 : 0));
        }
    }

    private struct Whole
    {
        public long Number;
        public long First;
        public long Last;
        public Headers Headers;
        public PacketResult FirstResult;
        public PacketResult Result;
        public Verdict FirstJudged;
        public long Packets;
        public long Bytes;
        public long ReturnPackets;
        public long ReturnBytes;
        public long Denied;
        public long Moot;
    }
}
