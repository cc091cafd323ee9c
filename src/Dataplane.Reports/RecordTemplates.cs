// What all packets of one path, between the same two ends, with the same protocol and translations have in common, rendered once: a record is then two copies, and between them
// what only this packet has.
//
// A small table by hash is asked first, then a dictionary of at most MostTemplates; when that is full, or the path's number is lent, there is no template and
// the record is rendered piece by piece.

using System;
using System.Collections.Generic;
using System.IO;
using System.Numerics;
using Dataplane.Records;

namespace Dataplane.Reports;

/// <summary>The constant pieces of a packet record.</summary>
/// <param name="Middle">JSON: from the verdict to where the source address begins. CSV: the same columns, with their commas.</param>
/// <param name="Tail">JSON: <c>,"path":[...]}</c>; CSV: the field. Both with the line's end.</param>
internal sealed record RecordTemplate(byte[] Middle, byte[] Tail);

/// <summary>Templates of records that were written lately.</summary>
/// <remarks>Not thread-safe. Allocates for new templates only.</remarks>
internal sealed class RecordTemplates(RecordText text, RecordFormat format)
{
    private const int MostTemplates = 65_536;
    private const int CacheBits = 10;

    private readonly Dictionary<Key, RecordTemplate> _all = [];
    private readonly (Key Key, RecordTemplate? Template)[] _cache = new (Key, RecordTemplate?)[1 << CacheBits];

    /// <summary>The template of a TCP or UDP packet; null when there is no room for it.</summary>
    internal RecordTemplate? Of(in PacketResult result, byte protocol)
    {
        Key key = new(result.Path, result.From, result.To, result.SourceTranslation, result.DestinationTranslation, protocol);
        uint mixed = ((uint)key.Path * 0x9E37_79B1) ^ BitOperations.RotateLeft((uint)key.From * 0x85EB_CA6B, 11) ^ BitOperations.RotateLeft((uint)key.To * 0xC2B2_AE35, 5)
            ^ ((uint)key.SourceTranslation * 0x27D4_EB2F) ^ BitOperations.RotateLeft((uint)key.DestinationTranslation * 0x1656_67B1, 17);
        ref (Key Key, RecordTemplate? Template) cached = ref _cache[((mixed + protocol) * 0x9E37_79B1) >> (32 - CacheBits)];
        if (cached.Template is null || cached.Key != key)
        {
            RecordTemplate? template = Find(key, in result);
            if (template is null)
            {
                return null;
            }

            cached = (key, template);
        }

        return cached.Template;
    }

    private RecordTemplate? Find(Key key, in PacketResult result)
    {
        if (_all.TryGetValue(key, out RecordTemplate? template))
        {
            return template;
        }

        if (result.Path >= PathTable.MaxPaths || _all.Count >= MostTemplates)
        {
            return null;
        }

        template = Make(key, result);
        _all.Add(key, template);
        return template;
    }

    private RecordTemplate Make(Key key, PacketResult result)
    {
        bool isJson = format == RecordFormat.JsonLines;
        byte[] middle = Render(to =>
        {
            to.Raw(isJson ? "\","u8 : ","u8);
            to.Raw(text.Head(key.Path));
            to.Raw(isJson ? ",\"from\":"u8 : ","u8);
            to.Raw(text.Name(key.From));
            to.Raw(isJson ? ",\"to\":"u8 : ","u8);
            to.Raw(text.Name(key.To));
            to.Raw(isJson ? ",\"proto\":"u8 : ","u8);
            to.Number(key.Protocol);
            to.Raw(isJson ? ",\"src\":\""u8 : ","u8);
        });
        byte[] tail = Render(to =>
        {
            to.Raw(isJson ? ",\"path\":"u8 : ","u8);
            text.Path(to, result);
            to.Raw(isJson ? "}\n"u8 : "\n"u8);
        });
        return new RecordTemplate(middle, tail);
    }

    private static byte[] Render(Action<Utf8Buffer> write)
    {
        using MemoryStream bytes = new();
        Utf8Buffer to = new(bytes);
        write(to);
        to.Flush();
        return bytes.ToArray();
    }

    private readonly record struct Key(int Path, int From, int To, int SourceTranslation, int DestinationTranslation, byte Protocol);
}
