using System;
using System.Threading;
using Dataplane.Records;

namespace Dataplane.Fabric;

/// <summary>Names of <c>tracked RULE</c> by the rule's name, interned when first needed.</summary>
/// <remarks>Thread-safe. Reading takes no lock.</remarks>
public sealed class TrackedNames(NameTable names)
{
    private readonly Lock _writing = new();
    private int[] _tracked = new int[names.Count];    // number + 1; 0 until it is needed

    /// <param name="rule">A name's number.</param>
    public int Of(int rule)
    {
        int[] known = Volatile.Read(ref _tracked);
        return rule < known.Length && Volatile.Read(ref known[rule]) is > 0 and int tracked ? tracked - 1 : Intern(rule);
    }

    private int Intern(int rule)
    {
        int tracked = names.Intern($"tracked {names[rule]}");
        lock (_writing)
        {
            if (rule >= _tracked.Length)
            {
                int[] larger = new int[Math.Max(rule + 1, _tracked.Length * 2)];
                _tracked.CopyTo(larger, 0);
                Volatile.Write(ref _tracked, larger);
            }

            Volatile.Write(ref _tracked[rule], tracked + 1);
        }

        return tracked;
    }
}
