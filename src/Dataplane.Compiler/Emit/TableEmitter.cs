// A table's numbers.
//
// Protocol and port are one number, the service: protocol << 17 | 0x10000 | port where the packet shows ports, protocol << 17 where it does not. A rule's
// services are one interval: everything for all protocols; a protocol's whole block, its portless number included, for a rule that looks at no ports; else an interval of its upper half.
// So (service - first) <= last - first, unsigned, is the whole test, and a later fragment needs no case of its own.
//
//   IPv4 row: value, mask, first service, last - first, rule           IPv6 row: value high, value low, mask high, mask low, first, last - first, rule
//   reference row: first service, last - first, set, 1 for a group, rule
//
// An ACL's entry for an ICMP code of any type is no interval. A list that has one gets one more number a row, before first: a mask for the service.
//
// For a network ACL bit 31 of rule says that it denies. Columns are padded to whole steps with rows that have the mask 0 and the value 1: they match nothing.

using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Dataplane.Compiler.Lower;
using Dataplane.Compiler.Simplify;

namespace Dataplane.Compiler.Emit;

/// <summary>Emits rows of numbers and the loops over them.</summary>
internal static class TableEmitter
{
    private const uint DenyBit = 1u << 31;

    // Protocol, "ports known" and code.
    private const uint CodeMask = 0x01FF00FF;

    public static void Emit(CodeWriter code, string className, SimplifiedList list)
    {
        bool acl = list.List.IsAcl;
        List<Part> parts = [];
        foreach (bool ipv6 in new[] { false, true })
        {
            LoweredRule[] blocks = [.. list.Kept.Where(rule => rule.Block is { } block && block.IsIpv6 == ipv6)];
            if (acl)
            {
                AddPart("entries", ipv6, blocks);
            }
            else
            {
                AddPart("anyPeer", ipv6, [.. blocks.Where(rule => rule.IsAnyPeer)]);
                AddPart("narrow", ipv6, [.. blocks.Where(rule => !rule.IsAnyPeer)]);
            }
        }

        bool masked = list.Kept.Any(rule => rule.CodeOfAnyType is not null);
        LoweredRule[] references = [.. list.Kept.Where(rule => rule.Block is null)];

        code.Line("private const int NoRule = int.MaxValue;");
        foreach (Part part in parts)
        {
            code.Line($"private readonly {part.Type}[] {part.Field};");
        }

        if (references.Length > 0)
        {
            code.Line("private readonly AddressSet[] _sets;");
        }

        code.Line().Open($"public {className}(AddressSet[] sets)");
        foreach (Part part in parts)
        {
            code.Line($"{part.Field} = {part.ColumnsMethod}({part.Rows});");
        }

        if (references.Length > 0)
        {
            code.Line("_sets = sets;");
        }

        code.Close();
        foreach (Part part in parts)
        {
            code.Line();
            Rows(code, part, masked);
        }

        if (references.Length > 0)
        {
            code.Line();
            ReferenceRows(code, references);
        }

        code.Line();
        Decide(code, parts, acl, list.List.Key.IsIngress ? "Source" : "Destination", references.Length > 0);
        if (references.Length > 0)
        {
            code.Line();
            FirstReference(code, list.List.Key.IsIngress ? "Source" : "Destination");
        }

        if (parts.Any(part => !part.IsIpv6))
        {
            code.Line();
            Columns(code, "uint", "ColumnsV4", masked ? 6 : 5, 16);
            code.Line();
            FindV4(code, masked);
        }

        if (parts.Any(part => part.IsIpv6))
        {
            code.Line();
            Columns(code, "ulong", "ColumnsV6", masked ? 8 : 7, 8);
            code.Line();
            FindV6(code, masked);
        }

        void AddPart(string name, bool ipv6, LoweredRule[] rules)
        {
            if (rules.Length > 0)
            {
                parts.Add(new Part(name, ipv6, rules));
            }
        }
    }

    /// <summary>The interval of services that a rule matches: first, and last - first.</summary>
    internal static (uint First, uint Span) Services(LoweredRule rule)
    {
        if (rule.Protocol < 0)
        {
            return (0, uint.MaxValue);
        }

        uint protocol = (uint)rule.Protocol << 17;
        if (rule.CodeOfAnyType is { } code)
        {
            return (protocol | 0x10000 | code, 0);
        }

        return rule.Ports is { } ports
            ? (protocol | 0x10000 | ports.First, (uint)(ports.Last - ports.First))
            : (protocol, 0x1FFFF);
    }

    private static void Rows(CodeWriter code, Part part, bool masked)
    {
        code.Note(part.IsIpv6
            ? $"value high, value low, mask high, mask low, {(masked ? "service mask, " : "")}first service, last - first, rule"
            : $"value, mask, {(masked ? "service mask, " : "")}first service, last - first, rule");
        code.OpenList($"private static ReadOnlySpan<{part.Type}> {part.Rows} =>");
        foreach (LoweredRule rule in part.Rules)
        {
            FilterEmitter.RuleComment(code, rule);
            (uint first, uint span) = Services(rule);
            string service = $"{(masked ? Hex(rule.CodeOfAnyType is null ? uint.MaxValue : CodeMask, 8) + ", " : "")}{Hex(first, 8)}, {Hex(span, 8)}";
            uint index = (uint)rule.Index | (rule.Action == RuleAction.Deny ? DenyBit : 0);
            ulong value = rule.Block!.Value.Address.Low;
            if (part.IsIpv6)
            {
                ChainEmitter.Ipv6Masks(rule.Block.Value, out ulong high, out ulong low);
                code.Line($"{Hex(rule.Block.Value.Address.High, 16)}, {Hex(value, 16)}, {Hex(high, 16)}, {Hex(low, 16)}, {service}, {Hex(index, 8)},");
            }
            else
            {
                uint mask = rule.Block.Value.Length == 0 ? 0 : uint.MaxValue << (32 - rule.Block.Value.Length);
                code.Line($"{Hex(value, 8)}, {Hex(mask, 8)}, {service}, {Hex(index, 8)},");
            }
        }

        code.CloseList();
    }

    private static void ReferenceRows(CodeWriter code, LoweredRule[] references)
    {
        code.Note("first service, last - first, set, 1 for a group, rule");
        code.OpenList("private static ReadOnlySpan<uint> References =>");
        foreach (LoweredRule rule in references)
        {
            FilterEmitter.RuleComment(code, rule);
            (uint first, uint span) = Services(rule);
            code.Line($"{Hex(first, 8)}, {Hex(span, 8)}, {FilterEmitter.Number(rule.Set)}, {(rule.IsGroup ? "1" : "0")}, {FilterEmitter.Number(rule.Index)},");
        }

        code.CloseList();
    }

    private static void Decide(CodeWriter code, List<Part> parts, bool acl, string side, bool hasReferences)
    {
        code.Open("public override Decision Decide(in Headers packet)");
        code.Line("uint service = (uint)packet.Protocol << 17 | (packet.PortsKnown ? 0x10000u | packet.DestinationPort : 0);");
        string[] names = acl ? ["entries"] : ["anyPeer", "narrow"];
        foreach (string name in names)
        {
            code.Line($"int {name} = NoRule;");
        }

        foreach (bool ipv6 in new[] { true, false })
        {
            code.Open(ipv6 ? "if (packet.IsIpv6)" : "else");
            foreach (Part part in parts.Where(part => part.IsIpv6 == ipv6))
            {
                code.Line(ipv6
                    ? $"{part.Name} = FindV6({part.Field}, packet.{side}High, packet.{side}Low, service);"
                    : $"{part.Name} = FindV4({part.Field}, (uint)packet.{side}Low, service);");
            }

            code.Close();
        }

        code.Line();
        if (acl)
        {
            code.Note("Bit 31 says that the entry denies; int.MaxValue that none matched.");
            code.Open("if (entries == NoRule)").Line("return Decision.None;").Close().Line();
            code.Line("return entries < 0 ? Decision.Deny(entries & int.MaxValue) : Decision.Allow(entries);");
        }
        else
        {
            if (hasReferences)
            {
                code.Line("narrow = Math.Min(narrow, FirstReference(in packet, service, narrow));");
            }

            code.Line("int first = Math.Min(anyPeer, narrow);");
            code.Line("return first == NoRule ? Decision.None : Decision.Admit(first, anyPeer != NoRule, narrow != NoRule);");
        }

        code.Close();
    }

    private static void FirstReference(CodeWriter code, string side)
    {
        code.Note("The first reference below a limit that matches: later ones would change nothing.");
        code.Open("private int FirstReference(in Headers packet, uint service, int limit)");
        code.Line("bool groupsSeen = (packet.Flags & HeaderFlags.ReferencesLost) == 0;");
        code.Line("ReadOnlySpan<uint> rows = References;");
        code.Open("for (int i = 0; i < rows.Length && rows[i + 4] < (uint)limit; i += 5)");
        code.Line("if (service - rows[i] <= rows[i + 1]");
        code.Line("    && (groupsSeen || rows[i + 3] == 0)");
        code.Line($"    && _sets[rows[i + 2]].Contains{side}(in packet))");
        code.Open().Line("return (int)rows[i + 4];").Close();
        code.Close().Line();
        code.Line("return NoRule;").Close();
    }

    private static void Columns(CodeWriter code, string type, string method, int width, int step)
    {
        code.Note("Rows to columns of whole steps. What is left over has the mask 0 and the value 1 and matches nothing.");
        code.Open($"private static {type}[] {method}(ReadOnlySpan<{type}> rows)");
        code.Line($"int count = rows.Length / {FilterEmitter.Number(width)};");
        code.Line($"int length = (count + {FilterEmitter.Number(step - 1)}) / {FilterEmitter.Number(step)} * {FilterEmitter.Number(step)};");
        code.Line($"{type}[] columns = new {type}[{FilterEmitter.Number(width)} * length];");
        code.Line($"Array.Fill<{type}>(columns, 1, 0, length);");
        code.Open("for (int i = 0; i < rows.Length; i++)");
        code.Line($"columns[i % {FilterEmitter.Number(width)} * length + i / {FilterEmitter.Number(width)}] = rows[i];");
        code.Close().Line();
        code.Line("return columns;").Close();
    }

    private static void FindV4(CodeWriter code, bool masked)
    {
        // Columns after value and mask: [service mask], first, last - first, rule.
        int first = masked ? 3 : 2;
        code.Note("The first row that matches, 16 a step. Without 512-bit vectors the runtime makes two or four smaller ones of each.");
        code.Open("private static int FindV4(uint[] columns, uint remote, uint service)");
        code.Line($"int length = columns.Length / {FilterEmitter.Number(first + 3)};");
        code.Line("Vector512<uint> address = Vector512.Create(remote);");
        code.Line("Vector512<uint> asked = Vector512.Create(service);");
        code.Open("for (int i = 0; i < length; i += 16)");
        code.Line($"Vector512<uint> hit = Vector512.Equals(address & {Column("length")}, {Column("")})");
        code.Line($"    & Vector512.LessThanOrEqual({Asked(masked, 2)} - {Column(Times(first))}, {Column(Times(first + 1))});");
        Hit(code, $"(int)columns[{FilterEmitter.Number(first + 2)} * length + i + BitOperations.TrailingZeroCount(bits)]");
    }

    private static void FindV6(CodeWriter code, bool masked)
    {
        int first = masked ? 5 : 4;
        code.Note("The same for IPv6, 8 a step.");
        code.Open("private static int FindV6(ulong[] columns, ulong high, ulong low, uint service)");
        code.Line($"int length = columns.Length / {FilterEmitter.Number(first + 3)};");
        code.Line("Vector512<ulong> upper = Vector512.Create(high);");
        code.Line("Vector512<ulong> lower = Vector512.Create(low);");
        code.Line("Vector512<ulong> asked = Vector512.Create((ulong)service);");
        code.Open("for (int i = 0; i < length; i += 8)");
        code.Line($"Vector512<ulong> hit = Vector512.Equals(upper & {Column(Times(2))}, {Column("")})");
        code.Line($"    & Vector512.Equals(lower & {Column(Times(3))}, {Column("length")})");
        code.Line($"    & Vector512.LessThanOrEqual({Asked(masked, 4)} - {Column(Times(first))}, {Column(Times(first + 1))});");
        Hit(code, $"(int)(uint)columns[{FilterEmitter.Number(first + 2)} * length + i + BitOperations.TrailingZeroCount(bits)]");
    }

    private static void Hit(CodeWriter code, string rule)
    {
        code.Line("ulong bits = hit.ExtractMostSignificantBits();");
        code.Open("if (bits != 0)").Line($"return {rule};").Close();
        code.Close().Line();
        code.Line("return NoRule;").Close();
    }

    private static string Asked(bool masked, int column) => masked ? $"(asked & {Column(Times(column))})" : "asked";

    private static string Times(int column) => $"{FilterEmitter.Number(column)} * length";

    private static string Column(string offset) => $"Vector512.Create(columns, {(offset.Length == 0 ? "" : offset + " + ")}i)";

    private static string Hex(ulong number, int digits) => "0x" + number.ToString("X" + FilterEmitter.Number(digits), CultureInfo.InvariantCulture);

    /// <summary>The rows of one family, of one kind of peer for a security group.</summary>
    private sealed record Part(string Name, bool IsIpv6, LoweredRule[] Rules)
    {
        public string Type => IsIpv6 ? "ulong" : "uint";

        public string Field => $"_{Name}{(IsIpv6 ? "V6" : "V4")}";

        public string Rows => $"{char.ToUpperInvariant(Name[0])}{Name[1..]}{(IsIpv6 ? "V6" : "V4")}";

        public string ColumnsMethod => IsIpv6 ? "ColumnsV6" : "ColumnsV4";
    }
}
