using System;
using System.Collections.Generic;
using System.Threading;

namespace Dataplane.Records;

/// <summary>Strings of records by number: ids of components, rules, translations.</summary>
/// <remarks>Thread-safe. Reading takes no lock. Numbers begin at 0 and stay; nothing is ever removed, so callers intern only what the topology bounds.</remarks>
public sealed class NameTable
{
    /// <summary>The number that stands for null.</summary>
    public const int None = -1;

    private readonly Lock _writing = new();
    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private string[] _names = new string[256];
    private int _count;

    public int Count => Volatile.Read(ref _count);

    /// <summary>The name with that number; null for <see cref="None"/>.</summary>
    public string? this[int number] => number < 0 ? null : Volatile.Read(ref _names)[number];

    public int Intern(string name)
    {
        lock (_writing)
        {
            if (_numbers.TryGetValue(name, out int number))
            {
                return number;
            }

            if (_count == _names.Length)
            {
                string[] larger = new string[_count * 2];
                _names.CopyTo(larger, 0);
                Volatile.Write(ref _names, larger);
            }

            number = _count;
            _names[number] = name;
            _numbers.Add(name, number);
            Volatile.Write(ref _count, number + 1);
            return number;
        }
    }
}
