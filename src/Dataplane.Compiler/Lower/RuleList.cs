// The first form: a rule list as numbers.
//
// Its identity is the SHA-256 of a canonical serialisation of kind, direction and rules, without any name, line or address set: two lists that
// decide alike, given their sets, share one generated class. Sets have local numbers by first use, so that references to different groups in
// the same places still give one class.

using System;
using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using System.IO;
using System.Security.Cryptography;
using System.Text;

namespace Dataplane.Compiler.Lower;

/// <summary>One list of a catalog, lowered.</summary>
/// <param name="Rules">In the list's order; rule i has index i.</param>
/// <param name="Sets">The address sets that its rules name by index.</param>
public sealed record RuleList(RuleListKey Key, ImmutableArray<LoweredRule> Rules, ImmutableArray<SetSource> Sets)
{
    private string? _contentHash;

    public bool IsAcl => Key.Kind == ListKind.NetworkAcl;

    /// <summary>SHA-256 of what the list decides, 64 lower-case hexadecimal digits.</summary>
    public string ContentHash => _contentHash ??= Hash();

    /// <summary>Prints one rule a line.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"{Key.Kind} {Key.OwnerId} {(Key.IsIngress ? "ingress" : "egress")}, {ContentHash}\n");
        foreach (LoweredRule rule in Rules)
        {
            text.Append(rule).Append('\n');
        }

        return text.ToString();
    }

    private string Hash()
    {
        using MemoryStream stream = new();
        stream.WriteByte((byte)Key.Kind);
        stream.WriteByte(Key.IsIngress ? (byte)1 : (byte)0);
        Span<byte> row = stackalloc byte[36];
        foreach (LoweredRule rule in Rules)
        {
            row.Clear();
            row[0] = (byte)rule.Action;
            BinaryPrimitives.WriteInt16BigEndian(row[1..], (short)rule.Protocol);
            row[3] = rule.Ports is null ? (byte)0 : (byte)1;
            BinaryPrimitives.WriteUInt16BigEndian(row[4..], rule.Ports?.First ?? 0);
            BinaryPrimitives.WriteUInt16BigEndian(row[6..], rule.Ports?.Last ?? 0);
            row[8] = rule.MatchesNothing is null ? (byte)0 : (byte)1;
            row[9] = rule.Block is not { } any ? (rule.IsGroup ? (byte)3 : (byte)2) : any.IsIpv6 ? (byte)1 : (byte)0;
            BinaryPrimitives.WriteInt32BigEndian(row[10..], rule.Set);
            row[14] = rule.CodeOfAnyType is null ? (byte)0 : (byte)1;
            row[15] = rule.CodeOfAnyType ?? 0;
            if (rule.Block is { } block)
            {
                BinaryPrimitives.WriteUInt64BigEndian(row[16..], block.Address.High);
                BinaryPrimitives.WriteUInt64BigEndian(row[24..], block.Address.Low);
                row[32] = (byte)block.Length;
            }

            stream.Write(row);
        }

        return Convert.ToHexStringLower(SHA256.HashData(stream.ToArray()));
    }
}
