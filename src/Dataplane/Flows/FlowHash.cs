// A keyed hash of flow keys: who does not know the key cannot make keys collide (REL-01).
//
// The words of a key go through NH (UMAC, RFC 4418): sums of products of words with secret words added, over 128 bits; an IPv4 key is two words, an IPv6
// key five. NH is universal: for two keys of a family that an attacker chooses before the secret is drawn, the sums are equal with probability
// about 2^-64. A second keyed product folds the 128 bits to 64, of which 32 are the table's hash. Nothing that a record shows depends on it.

using System;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace Dataplane.Flows;

/// <summary>The hash of a table, under a secret drawn once per process.</summary>
public readonly struct FlowHash
{
    private static readonly ulong[] ProcessSecret = Draw();

    private readonly ulong _k0;
    private readonly ulong _k1;
    private readonly ulong _k2;
    private readonly ulong _k3;
    private readonly ulong _k4;
    private readonly ulong _k5;
    private readonly ulong _k6;

    /// <param name="secret">At least 7 words.</param>
    public FlowHash(ReadOnlySpan<ulong> secret)
    {
        _k0 = secret[0];
        _k1 = secret[1];
        _k2 = secret[2];
        _k3 = secret[3];
        _k4 = secret[4];
        _k5 = secret[5] | 1;
        _k6 = secret[6] | 1;
    }

    /// <summary>Under this process's secret.</summary>
    public static FlowHash Secret => new(ProcessSecret);

    /// <summary>The hash of an IPv4 key, by its two words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal uint OfV4(ulong ends, ulong rest)
    {
        unchecked
        {
            ulong high = Math.BigMul(ends + _k0, rest + _k1, out ulong low);
            return Fold(high, low);
        }
    }

    public uint Of(in FlowKey key)
    {
        (ulong aHigh, ulong aLow, ulong bHigh, ulong bLow, ulong rest) = key.Words;
        return Of(aHigh, aLow, bHigh, bLow, rest);
    }

    internal uint Of(in FlowView view) => (view.Rest & 1) == 0 ? OfV4(view.Ends, view.Rest) : Of(view.AHigh, view.ALow, view.BHigh, view.BLow, view.Rest);

    private uint Of(ulong aHigh, ulong aLow, ulong bHigh, ulong bLow, ulong rest)
    {
        unchecked
        {
            ulong high, low;
            if ((rest & 1) == 0)
            {
                high = Math.BigMul((aLow << 32 | bLow) + _k0, rest + _k1, out low);
            }
            else
            {
                high = Math.BigMul(aLow + _k0, bLow + _k1, out low);
                high += Math.BigMul(aHigh + _k2, bHigh + _k3, out ulong lowHigh);
                low += lowHigh;
                high += low < lowHigh ? 1UL : 0;
                high += Math.BigMul(rest + _k4, _k5, out ulong lowRest);
                low += lowRest;
                high += low < lowRest ? 1UL : 0;
            }

            return Fold(high, low);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint Fold(ulong high, ulong low) => (uint)((Math.BigMul(low ^ high, _k6, out ulong folded) ^ folded) >> 16);

    private static ulong[] Draw()
    {
        Span<byte> bytes = stackalloc byte[56];
        RandomNumberGenerator.Fill(bytes);
        ulong[] words = new ulong[7];
        for (int i = 0; i < words.Length; i++)
        {
            words[i] = BitConverter.ToUInt64(bytes[(8 * i)..]);
        }

        return words;
    }
}
