using System;
using System.Threading;
using Dataplane.Records;

namespace Dataplane.Fabric;

/// <summary>Names of <c>tracked RULE</c> by the rule's name, interned when first needed.</summary>
/// <remarks>Thread-safe: two workers that ask at once intern the same string and write the same number.</remarks>
public sealed class TrackedNames
{
    private readonly NameTable _names;
    private readonly int[] _tracked;

    /// <param name="names">Holds the names of all rules already.</param>
    public TrackedNames(NameTable names)
    {
        _names = names;
        _tracked = new int[names.Count];
        Array.Fill(_tracked, NameTable.None);
    }

    /// <param name="rule">A name's number; of those that came after this table was made the text is put together each time.</param>
    public int Of(int rule)
    {
        if (rule >= _tracked.Length)
        {
            return _names.Intern($"tracked {_names[rule]}");
        }

        int tracked = Volatile.Read(ref _tracked[rule]);
        if (tracked < 0)
        {
            tracked = _names.Intern($"tracked {_names[rule]}");
            Volatile.Write(ref _tracked[rule], tracked);
        }

        return tracked;
    }
}
