// A walk's course as far as addresses decide it: docs/decisions/0002-the-walk.md, sections 2 to 5, with the questions to rules and slots (section 6) left open.
//
// The Surveyor writes it for one pair of addresses, as if every question were answered by yes; it holds for every packet whose ends are of the same classes
// (AddressClasses). The walk then goes along the legs, asks, and ends at the first no.

using System;

namespace Dataplane.Fabric;

/// <summary>What one leg of a course does.</summary>
internal enum LegKind : byte
{
    /// <summary>A rule's name (A) joins the path and is the last rule.</summary>
    Say,

    /// <summary>A component's name or mark (A) joins the path.</summary>
    Step,

    /// <summary>The packet is on its way to A.</summary>
    To,

    /// <summary>Asks the ACL list A; of leaving packets with GroupFlag.Egress.</summary>
    Acl,

    /// <summary>Asks interface A's security groups; B is the source's form there, C the destination's.</summary>
    Group,

    /// <summary>Denies TCP to port 25.</summary>
    Port25,

    /// <summary>Asks whether the packet answers interface A (EIGW-01).</summary>
    Reply,

    /// <summary>The text of the source's translation is A.</summary>
    SourceText,

    DestinationText,

    /// <summary>From here on the source is association A's private address.</summary>
    SourcePrivate,

    SourcePublic,
    DestinationPrivate,
    DestinationPublic,

    /// <summary>Allowed; A is the gateway by which it leaves the topology, or -1.</summary>
    Allow,

    /// <summary>Denied: reason A, rule B or -1.</summary>
    Deny,
}

[Flags]
internal enum GroupFlag : byte
{
    None = 0,
    Egress = 1,

    /// <summary>Behind an appliance: references to groups do not match (SG-33).</summary>
    ReferencesLost = 2,

    /// <summary>The flow passes something whose flows are all tracked (CT-09).</summary>
    AutoTracked = 4,

    /// <summary>That is a Network Load Balancer (CT-21).</summary>
    Balanced = 8,
}

/// <summary>One leg, 16 bytes.</summary>
internal struct Leg
{
    public LegKind Kind;
    public GroupFlag Group;
    public int A;
    public int B;
    public int C;
}

/// <summary>The course of all packets between two classes of addresses.</summary>
internal sealed class Itinerary
{
    /// <summary>Start of a course that placement decided without a remembered gateway.</summary>
    public const int ByAddresses = -1;

    /// <summary>No two courses of one atlas have the same number.</summary>
    public int Number;

    public int SourceClass;
    public int DestinationClass;

    /// <summary>The gateway at which a remembered flow's packet enters, or <see cref="ByAddresses"/>.</summary>
    public int Start;

    public Placement Placement;

    /// <summary>No interface has the source: a remembered flow may place the packet before the addresses do (section 2, 2).</summary>
    public bool AsksMemory;

    /// <summary>Name of where it enters.</summary>
    public int From;

    /// <summary>Name of where it arrives, for service traffic.</summary>
    public int To;

    /// <summary>The name of what is not enforced and because of which it is unplaced: the gateway that it would enter by, or the component at one of its ends; or NameTable.None.</summary>
    public int UnplacedBehind;

    public Leg[] Legs = new Leg[16];
    public int Count;

    /// <summary>The lists that it asks first (<see cref="Precedents"/>).</summary>
    public Question[] Questions = [];
    public int QuestionCount;

    /// <summary>Ports that are refused to everybody, when so many packets were refused that it pays; or null.</summary>
    public ClosedServices? Closed;

    /// <summary>Packets that its lists refused, as far as they are counted for that.</summary>
    public int Refusals;

    /// <summary>Nothing but those lists stands between a packet and its arrival.</summary>
    public bool IsAskedWhole;

    public void Ask(Question question)
    {
        if (QuestionCount == Questions.Length)
        {
            Array.Resize(ref Questions, Math.Max(4, QuestionCount * 2));
        }

        Questions[QuestionCount++] = question;
    }

    public void Add(LegKind kind, int a, int b = -1, int c = -1, GroupFlag group = GroupFlag.None)
    {
        if (Count == Legs.Length)
        {
            Array.Resize(ref Legs, Count * 2);
        }

        Legs[Count++] = new Leg { Kind = kind, A = a, B = b, C = c, Group = group };
    }
}

/// <summary>Courses that one worker has met, direct-mapped: a newer one takes the place, and the memory, of an older one.</summary>
/// <remarks>Bound: 8,192 courses; a usual one has 8 to 20 legs of 16 bytes.</remarks>
internal sealed class Atlas
{
    private const int Bits = 13;

    private readonly Itinerary?[] _courses = new Itinerary?[1 << Bits];
    private int _numbers;

    /// <summary>The course of a pair of classes; when <paramref name="isNew"/>, it is empty and the caller must survey it.</summary>
    public Itinerary Find(int source, int destination, int start, out bool isNew)
    {
        uint hash = (uint)source * 0x9E37_79B1u ^ (uint)destination * 0x85EB_CA77u ^ (uint)start * 0xC2B2_AE3Du;
        ref Itinerary? course = ref _courses[(hash ^ (hash >> 15)) & ((1 << Bits) - 1)];
        course ??= new Itinerary { SourceClass = -1 };
        isNew = course.SourceClass != source || course.DestinationClass != destination || course.Start != start;
        if (isNew)
        {
            course.SourceClass = source;
            course.DestinationClass = destination;
            course.Start = start;
            course.Count = 0;
            course.QuestionCount = 0;
            course.IsAskedWhole = false;
            course.Closed?.End();
            course.Refusals = 0;
            course.Number = ++_numbers;
        }

        return course;
    }

    /// <summary>Before numbers would repeat, every course is forgotten; the caller must forget what it kept by number.</summary>
    public bool Overflowed
    {
        get
        {
            if (_numbers < int.MaxValue - 2)
            {
                return false;
            }

            Array.Clear(_courses);
            _numbers = 0;
            return true;
        }
    }
}
