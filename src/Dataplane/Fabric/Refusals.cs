// Most packets of a scan or a flood are refused by rules, at the first list or the second, and each is another flow's first packet. A walk for each of them is mostly
// overhead: it copies the packet, sets itself up, puts answers together. So the lists that a course asks first are asked before the walk, and what refused a packet of this
// course with these answers once refuses the next one with the same result.
//
// Only for packets without an entry, a quoted packet, or fragments: theirs are the courses on which a group's list is asked whatever the flow table holds. Questions end
// where a course depends on more than lists, or asks about an address that was translated, and after the first interface: what its groups admit is to be tracked, for which there
// may be no room. The walk begins anew then, but does not ask again what was asked here.

using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using Dataplane.Filters;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Fabric;

/// <summary>One list that a course asks before anything else can end it.</summary>
/// <param name="List">Slot of the filter set.</param>
/// <param name="IsAcl">It refuses alone. Lists of groups refuse together, if none of an interface's admits.</param>
/// <param name="IsLast">Of its interface's groups.</param>
internal readonly record struct Question(int List, bool IsAcl, bool IsLast);

/// <summary>What packets without a flow are refused by. One worker's.</summary>
internal sealed class Refusals(FabricPlan plan, FilterSet filters)
{
    // An ACL and the groups of an interface, five by default and sixteen at most.
    private const int Most = 18;
    private const int KeptBits = 12;

    private readonly Refusal[] _kept = new Refusal[1 << KeptBits];
    private readonly int[] _lists = new int[Most];
    private Answers _answers;
    private int _count;
    private int _next;
    private uint _hash;
    private bool _isRefused;

    /// <summary>Writes down the lists that a surveyed course asks first. Allocates nothing when its place had as many before.</summary>
    public void Prepare(Itinerary course)
    {
        bool sourceChanged = false, destinationChanged = false;
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
                    course.Ask(new Question(leg.A, true, false));
                    break;
                case LegKind.Group when !changed && (leg.Group & GroupFlag.ReferencesLost) == 0:
                    int[] lists = ((leg.Group & GroupFlag.Egress) != 0 ? plan.Interfaces[leg.A].Egress : plan.Interfaces[leg.A].Ingress).Lists;
                    if (course.QuestionCount + lists.Length <= Most)
                    {
                        foreach (int list in lists)
                        {
                            course.Ask(new Question(list, false, list == lists[^1]));
                        }
                    }

                    return;
                default:
                    return;
            }
        }
    }

    /// <summary>Asks a course's lists. True when they refuse the packet and the result is known; else what they said is there for the walk (<see cref="TryNext"/>).</summary>
    public bool Ask(Itinerary course, in Headers packet, ref PacketResult result)
    {
        ReadOnlySpan<Question> questions = course.Questions.AsSpan(0, course.QuestionCount);
        Span<uint> answers = _answers;
        uint hash = (uint)course.Number * 0x9E37_79B1u;
        bool admits = false, refuses = false;
        int count = 0;
        while (count < questions.Length && !refuses)
        {
            ref readonly Question question = ref questions[count];
            Decision decision = filters[question.List].Decide(in packet);
            _lists[count] = question.List;
            answers[count++] = decision.Bits;
            hash = (BitOperations.RotateLeft(hash, 5) ^ decision.Bits) * 0x9E37_79B1u;
            refuses = question.IsAcl ? decision.IsNone || decision.IsDeny : !(admits |= !decision.IsNone) && question.IsLast;
        }

        (_count, _next, _isRefused, _hash) = (count, 0, refuses, hash);
        if (!refuses)
        {
            return false;
        }

        ref Refusal kept = ref _kept[hash >> (32 - KeptBits)];
        ReadOnlySpan<uint> before = kept.Answers;
        if (kept.Course != course.Number || kept.Count != count || !answers[..count].SequenceEqual(before[..count]))
        {
            return false;
        }

        _isRefused = false;
        result = kept.Result;
        return true;
    }

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
    public void Keep(Itinerary course, in PacketResult result)
    {
        if (_isRefused)
        {
            ref Refusal kept = ref _kept[_hash >> (32 - KeptBits)];
            (kept.Course, kept.Count, kept.Answers, kept.Result) = (course.Number, _count, _answers, result);
        }
    }

    /// <summary>A walk begins of a packet that was not asked about.</summary>
    public void Forget() => (_count, _next, _isRefused) = (0, 0, false);

    /// <summary>Numbers of courses begin anew.</summary>
    public void Clear() => Array.Clear(_kept);

    [InlineArray(Most)]
    private struct Answers
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
}
