// A first packet that rules let through, and a packet that rules refuse, are mostly like one before them: of the same course, with the same answers from the same lists. A walk for
// each of them is mostly overhead: it copies the packet, sets itself up, puts answers together, looks results up. So the lists of a course are asked before the walk, and what
// became of a packet of this course with these answers once becomes of the next one: the same denial, or the same slots in an entry of its own.
//
// Only for packets without an entry, a quoted packet, or fragments: theirs are the courses on which a group's list is asked whatever the flow table holds. Questions end where a course
// depends on more than lists, or asks about an address that was translated. Denials hold up to the first interface only: what its groups admit is to be tracked, for which there may be no
// room. Where nothing is known the walk begins anew, but does not ask again what was asked here.
//
// What is admitted rests on more than answers (section 6): on the protocol (CT-02), which end the packet comes from, how it spells the ends, ICMP's type and code; so they are compared as well. A
// packet that is its own mirror, and TCP that does not begin where that is asked for, walk.

using System;
using System.Buffers;
using System.Collections.Generic;
using System.Numerics;
using System.Runtime.CompilerServices;
using Dataplane.Filters;
using Dataplane.Flows;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Fabric;

/// <summary>One list that a course asks.</summary>
/// <param name="List">Slot of the filter set.</param>
/// <param name="IsAcl">It refuses alone. Lists of groups refuse together, if none of an interface's admits.</param>
/// <param name="IsLast">Of its interface's groups.</param>
/// <param name="IsBehind">Behind the groups of a first interface.</param>
internal readonly record struct Question(int List, bool IsAcl, bool IsLast, bool IsBehind);

/// <summary>What is known of a packet from one before it.</summary>
internal enum Precedent : byte
{
    None,
    Refused,
    Admitted,
}

/// <summary>A slot that a first packet makes at an interface.</summary>
internal struct SlotShape
{
    public int Interface;
    public int FormA;
    public int FormB;
    public int Rule;
    public SlotFlags Flags;
    public bool Egress;
}

/// <summary>What packets without a flow get that are like one before them. One worker's.</summary>
internal sealed class Precedents(FabricPlan plan, FilterSet filters, JudgeOptions options)
{
    /// <summary>Slots of an admitted packet: those that an entry holds itself.</summary>
    public const int MostSlots = 2;

    // An ACL at each end, and the groups of two interfaces, five by default and sixteen at most.
    private const int Most = 18;
    private const int RefusalBits = 12;
    private const int AdmissionBits = 11;

    // Courses whose closed ports are known at a time; what a course must have refused for it, and to take another's place, for beginning anew takes a microsecond; what that one must have
    // refused since it was last looked at to keep its place; and how long a course waits whose lists cannot tell yet.
    private const int MostClosed = 64;
    private const int LeastRefusals = 16;
    private const int LeastToTake = 64;
    private const int LeastToKeep = 4;
    private const int Wait = 1_024;

    private Refusal[] _refusals = [];
    private Admission[] _admissions = [];
    private List<ClosedServices> _closed = [];
    private int _nextClosed;
    private Itinerary? _refusedBy;
    private readonly int[] _lists = new int[Most];
    private Answers _answers;
    private int _count;
    private int _next;
    private uint _hash;
    private uint _kind;
    private bool _isRefused;
    private bool _isAdmitted;

    /// <summary>
    /// Takes over the memory of the policy before, emptied; or some that an engine before gave back (<see cref="End"/>). A reload, and the engines of its forecast, would else leave 800 KB
    /// of garbage each, and collecting that stops packets.
    /// </summary>
    public void Begin(Precedents? before)
    {
        (_refusals, _admissions, _closed) = before is null
            ? (ArrayPool<Refusal>.Shared.Rent(1 << RefusalBits), ArrayPool<Admission>.Shared.Rent(1 << AdmissionBits), [])
            : (before._refusals, before._admissions, before._closed);
        Clear();
    }

    /// <summary>Gives the memory back. Nothing may be asked afterwards.</summary>
    public void End()
    {
        ArrayPool<Refusal>.Shared.Return(_refusals);
        ArrayPool<Admission>.Shared.Return(_admissions);
        foreach (ClosedServices closed in _closed)
        {
            closed.Free();
        }

        (_refusals, _admissions, _closed) = ([], [], []);
    }

    /// <summary>Writes down the lists that a surveyed course asks. Allocates nothing when its place had as many before.</summary>
    public void Prepare(Itinerary course)
    {
        bool sourceChanged = false, destinationChanged = false, isBehind = false;
        foreach (ref readonly Leg leg in course.Legs.AsSpan(0, course.Count))
        {
            bool changed = (leg.Group & GroupFlag.Egress) != 0 ? destinationChanged : sourceChanged;
            switch (leg.Kind)
            {
                case LegKind.Say or LegKind.Step or LegKind.To or LegKind.SourceText or LegKind.DestinationText:
                    break;
                case LegKind.SourcePrivate or LegKind.SourcePublic:
                    sourceChanged = true;
                    break;
                case LegKind.DestinationPrivate or LegKind.DestinationPublic:
                    destinationChanged = true;
                    break;
                case LegKind.Acl when !changed && course.QuestionCount < Most:
                    course.Ask(new Question(leg.A, true, false, isBehind));
                    break;
                case LegKind.Group when !changed && (leg.Group & GroupFlag.ReferencesLost) == 0:
                    int[] lists = ((leg.Group & GroupFlag.Egress) != 0 ? plan.Interfaces[leg.A].Egress : plan.Interfaces[leg.A].Ingress).Lists;
                    if (lists.Length == 0 || course.QuestionCount + lists.Length > Most)
                    {
                        return;
                    }

                    foreach (int list in lists)
                    {
                        course.Ask(new Question(list, false, list == lists[^1], isBehind));
                    }

                    isBehind = true;
                    break;
                case LegKind.Allow:
                    course.IsAskedWhole = true;
                    return;
                default:
                    return;
            }
        }
    }

    /// <summary>Asks a course's lists. When nothing is known, what they said is there for the walk (<see cref="TryNext"/>).</summary>
    public Precedent Ask(Itinerary course, in Headers packet, in FlowView view)
    {
        // TCP and UDP that has a flow shows its ports.
        bool hasPorts = packet.Protocol is 6 or 17;
        if (course.Closed is { } closed && hasPorts && closed.IsClosed(packet.Protocol, packet.DestinationPort))
        {
            closed.Hits++;
            (_refusedBy, _isRefused, _isAdmitted, _count, _next) = (course, false, false, 0, 0);
            return Precedent.Refused;
        }

        _refusedBy = null;
        ReadOnlySpan<Question> questions = course.Questions.AsSpan(0, course.QuestionCount);
        Span<uint> answers = _answers;
        uint hash = (uint)course.Number * 0x9E37_79B1u;
        bool admits = false, refuses = false, isBehind = false;
        int count = 0;
        while (count < questions.Length && !refuses)
        {
            ref readonly Question question = ref questions[count];
            Decision decision = filters[question.List].Decide(in packet);
            _lists[count] = question.List;
            answers[count++] = decision.Bits;
            hash = (BitOperations.RotateLeft(hash, 5) ^ decision.Bits) * 0x9E37_79B1u;
            isBehind = question.IsBehind;
            if (question.IsAcl)
            {
                refuses = decision.IsNone || decision.IsDeny;
            }
            else
            {
                admits |= !decision.IsNone;
                refuses = question.IsLast && !admits;
                admits &= !question.IsLast;
            }
        }

        (_count, _next, _hash) = (count, 0, hash);
        (_isRefused, _isAdmitted) = (refuses && !isBehind, !refuses && course.IsAskedWhole && MayBegin(in packet, in view));
        if (_isRefused)
        {
            ref Refusal kept = ref _refusals[hash >> (32 - RefusalBits)];
            if (kept.Course != course.Number || kept.Count != count || !Same(in kept.Answers, count))
            {
                return Precedent.None;
            }

            if (hasPorts)
            {
                Learn(course, in packet, in kept.Result);
            }

            return Precedent.Refused;
        }

        if (_isAdmitted)
        {
            _kind = (uint)view.Code << 16 | (uint)packet.Protocol << 8 | (view.FromB ? 2u : 0) | (packet.IsIpv6 ? 1u : 0);
            _hash = (hash ^ _kind) * 0x85EB_CA77u;
            ref Admission kept = ref _admissions[_hash >> (32 - AdmissionBits)];
            return kept.Course == course.Number && kept.Count == count && kept.Kind == _kind && ((kept.FormA ^ view.FormA) | (kept.FormB ^ view.FormB)) == 0 && Same(in kept.Answers, count)
                ? Precedent.Admitted
                : Precedent.None;
        }

        return Precedent.None;
    }

    /// <summary>What the packet gets that <see cref="Ask"/> called refused.</summary>
    public ref readonly PacketResult Refused => ref _refusedBy?.Closed is { } closed ? ref closed.Result : ref _refusals[_hash >> (32 - RefusalBits)].Result;

    /// <summary>What the packet gets that <see cref="Ask"/> called admitted.</summary>
    public ref readonly Admission Admitted => ref _admissions[_hash >> (32 - AdmissionBits)];

    /// <summary>What a list said of the packet that was asked about last, if the walk now comes to it in the same order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryNext(int list, out Decision decision)
    {
        if (_next < _count && _lists[_next] == list)
        {
            decision = Decision.FromBits(_answers[_next++]);
            return true;
        }

        decision = default;
        return false;
    }

    /// <summary>The walk of the packet that was asked about last has ended in this denial, which holds for all packets of the course with the same answers.</summary>
    public void Keep(Itinerary course, in PacketResult denied)
    {
        if (_isRefused)
        {
            ref Refusal kept = ref _refusals[_hash >> (32 - RefusalBits)];
            (kept.Course, kept.Count, kept.Answers, kept.Result) = (course.Number, _count, _answers, denied);
        }
    }

    /// <summary>The walk of the packet that was asked about last was allowed and made an entry with these slots, which is what all packets of the course do with the same answers.</summary>
    /// <param name="slots">At most <see cref="MostSlots"/>, of different interfaces.</param>
    /// <param name="gateway">By which it leaves, or -1.</param>
    /// <param name="decision">The number of what the next packet gets; for the table of decisions to say whether it still holds.</param>
    public void Keep(Itinerary course, in FlowView view, in PacketResult allowed, ReadOnlySpan<SlotShape> slots, int gateway, int decision)
    {
        if (_isAdmitted && slots.Length is 1 or MostSlots)
        {
            ref Admission kept = ref _admissions[_hash >> (32 - AdmissionBits)];
            (kept.Course, kept.Count, kept.Answers, kept.Kind, kept.FormA, kept.FormB) = (course.Number, _count, _answers, _kind, view.FormA, view.FormB);
            (kept.Result, kept.SlotCount, kept.First, kept.Second, kept.Gateway, kept.Decision) = (allowed, slots.Length, slots[0], slots[^1], gateway, decision);
        }
    }

    /// <summary>A walk begins of a packet that was not asked about.</summary>
    public void Forget() => (_count, _next, _isRefused, _isAdmitted) = (0, 0, false, false);

    /// <summary>Numbers of courses begin anew, or a list says something else than before.</summary>
    public void Clear()
    {
        foreach (ClosedServices closed in _closed)
        {
            closed.End();
        }

        Array.Clear(_refusals);
        Array.Clear(_admissions);
    }

    /// <summary>Notes whether what was refused here is refused to everybody.</summary>
    private void Learn(Itinerary course, in Headers packet, in PacketResult refused)
    {
        if (course.Closed is not { } closed)
        {
            course.Refusals++;
            ClosedServices? taken = course.Refusals is LeastRefusals or LeastToTake ? TakeClosed(course.Refusals) : null;
            if (taken is not null || course.Refusals >= LeastToTake)
            {
                course.Refusals = 0;
                taken?.Begin(course);
            }

            return;
        }

        if (closed.IsKnown(packet.Protocol, packet.DestinationPort))
        {
            return;
        }

        bool? isForAll = true;
        for (int i = 0; i < _count && isForAll == true; i++)
        {
            isForAll = filters.IsForAll(_lists[i], in packet);
        }

        if (isForAll is { } known)
        {
            closed.Learn(packet.Protocol, packet.DestinationPort, known, in refused);
        }
        else
        {
            closed.End();
            course.Refusals = -Wait;
        }
    }

    /// <summary>A place for one more course's closed ports: a free one, or, where many were refused, that of a course that had little of it.</summary>
    private ClosedServices? TakeClosed(int refusals)
    {
        foreach (ClosedServices one in _closed)
        {
            if (one.Course is null)
            {
                return one;
            }
        }

        if (_closed.Count < MostClosed)
        {
            ClosedServices made = new();
            _closed.Add(made);
            return made;
        }

        if (refusals < LeastToTake)
        {
            return null;
        }

        _nextClosed = (_nextClosed + 1) % MostClosed;
        ClosedServices other = _closed[_nextClosed];
        bool stays = other.Hits >= LeastToKeep;
        other.Hits = 0;
        return stays ? null : other;
    }

    /// <summary>Whether a packet makes a tracked flow wherever rules admit it.</summary>
    private bool MayBegin(in Headers packet, in FlowView view) =>
        !(packet.IsIcmp && view.FromB) && !view.IsMirror
        && (packet.Protocol != 6 || options.Midstream == MidstreamPolicy.Rule || TcpStates.ClassOf(in packet) == TcpClass.Syn);

    private bool Same(in Answers kept, int count) => ((ReadOnlySpan<uint>)_answers)[..count].SequenceEqual(((ReadOnlySpan<uint>)kept)[..count]);

    [InlineArray(Most)]
    internal struct Answers
    {
        private uint _first;
    }

    private struct Refusal
    {
        public int Course;
        public int Count;
        public Answers Answers;
        public PacketResult Result;
    }

    /// <summary>What became of a packet that made an entry.</summary>
    internal struct Admission
    {
        public int Course;
        public int Count;
        public uint Kind;
        public int FormA;
        public int FormB;
        public Answers Answers;
        public int SlotCount;
        public int Gateway;
        public int Decision;
        public SlotShape First;
        public SlotShape Second;
        public PacketResult Result;
    }
}
