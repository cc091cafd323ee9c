using System;
using System.Collections.Immutable;
using System.Threading;
using Dataplane.Records;

namespace Dataplane.Fabric;

/// <summary>The numbers of a rule list's names, interned when a rule speaks for the first time.</summary>
/// <remarks>
/// A name table forgets nothing. Rules that never decide a packet, which are most, would stay in it for as long as a live run lasts, for every topology that it ever had.
/// Thread-safe: two workers that ask at once intern the same string and write the same number.
/// </remarks>
public sealed class RuleNumbers
{
    private readonly NameTable _table;
    private readonly ImmutableArray<string> _names;
    private readonly int[] _numbers;    // number + 1; 0 until the rule has spoken

    /// <param name="names">By rule index.</param>
    public RuleNumbers(NameTable table, ImmutableArray<string> names)
    {
        _table = table ?? throw new ArgumentNullException(nameof(table));
        _names = names;
        _numbers = new int[names.Length];
    }

    /// <summary>The number of a rule's name.</summary>
    public int this[int rule] => Volatile.Read(ref _numbers[rule]) is > 0 and int number ? number - 1 : Intern(rule);

    private int Intern(int rule)
    {
        int number = _table.Intern(_names[rule]);
        Volatile.Write(ref _numbers[rule], number + 1);
        return number;
    }
}
