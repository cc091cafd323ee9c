using System;
using System.Collections.Generic;

namespace Dataplane.Tests.Capture;

/// <summary>Seeded damage: bits, bytes, lengths of interest, cuts, repeats and splices.</summary>
internal sealed class Mutator(int seed)
{
    private static readonly uint[] Interesting = [0, 1, 3, 4, 7, 8, 11, 12, 16, 19, 20, 28, 40, 44, 255, 256, 65535, 65536, 1 << 24, (1 << 24) + 1, 1 << 25, int.MaxValue, 1u << 31, uint.MaxValue];

    private readonly Random _random = new(seed);

    /// <summary>A copy of one of the sources with 1 to 6 changes; a change that needs bytes is skipped on an empty one.</summary>
    internal byte[] Next(IReadOnlyList<byte[]> sources)
    {
        List<byte> bytes = [.. sources[_random.Next(sources.Count)]];
        for (int i = _random.Next(1, 7); i > 0 && bytes.Count > 0; i--)
        {
            int at = _random.Next(bytes.Count);
            switch (_random.Next(8))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << _random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)_random.Next(256);
                    break;
                case 2:
                    bytes.RemoveRange(at, Math.Min(_random.Next(1, 24), bytes.Count - at));
                    break;
                case 3:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 4:
                    bytes.InsertRange(at, bytes.GetRange(at, Math.Min(_random.Next(1, 64), bytes.Count - at)));
                    break;
                case 5:
                    byte[] other = sources[_random.Next(sources.Count)];
                    int from = _random.Next(other.Length + 1);
                    bytes.InsertRange(at, other[from..Math.Min(other.Length, from + _random.Next(1, 200))]);
                    break;
                default:
                    // A length field, in either byte order; half of them where fields stand.
                    at = _random.Next(2) == 0 ? at & ~3 : at;
                    uint value = Interesting[_random.Next(Interesting.Length)];
                    int width = _random.Next(2) == 0 ? 4 : 2;
                    bool big = _random.Next(2) == 0;
                    for (int j = 0; j < width && at + j < bytes.Count; j++)
                    {
                        bytes[at + j] = (byte)(value >> 8 * (big ? width - 1 - j : j));
                    }

                    break;
            }
        }

        return [.. bytes];
    }
}
