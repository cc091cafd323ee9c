using System.Globalization;
using System.Linq;
using Dataplane.Compiler.Lower;
using Dataplane.Compiler.Simplify;

namespace Dataplane.Compiler.Emit;

/// <summary>Emits the rows of a list whose loops are Dataplane's own. The program loads the same numbers as data: no list is too long for that.</summary>
internal static class SegmentEmitter
{
    public static void Emit(CodeWriter code, string className, SimplifiedList list)
    {
        LoweredRule[] v4 = [.. list.Kept.Where(rule => rule.Block is { IsIpv6: false })];
        LoweredRule[] v6 = [.. list.Kept.Where(rule => rule.Block is { IsIpv6: true })];
        LoweredRule[] references = [.. list.Kept.Where(rule => rule.Block is null)];
        code.Line($"public {className}(AddressSet[] sets)");
        code.Line($"    : base(isIngress: {(list.List.Key.IsIngress ? "true" : "false")}, {Name(v4, "RowsV4")}, {Name(v6, "RowsV6")}, {Name(references, "References")}, sets)");
        code.Open().Close();
        if (v4.Length > 0)
        {
            code.Line().Note("value, prefix length, first service, last service, rule");
            Rows(code, "uint", "RowsV4", v4);
        }

        if (v6.Length > 0)
        {
            code.Line().Note("value high, value low, prefix length, first service, last service, rule");
            Rows(code, "ulong", "RowsV6", v6);
        }

        if (references.Length > 0)
        {
            code.Line().Note("first service, last service, set, 1 for a group, rule");
            Rows(code, "uint", "References", references);
        }

        static string Name(LoweredRule[] rules, string name) => rules.Length > 0 ? name : "[]";
    }

    private static void Rows(CodeWriter code, string type, string name, LoweredRule[] rules)
    {
        code.OpenList($"private static ReadOnlySpan<{type}> {name} =>");
        foreach (LoweredRule rule in rules)
        {
            FilterEmitter.RuleComment(code, rule);
            foreach ((uint first, uint last) in SegmentNumbers.Services(rule))
            {
                string rest = $"{Hex(first, 8)}, {Hex(last, 8)}";
                string index = Hex(SegmentNumbers.Index(rule), 8);
                code.Line(rule.Block is not { } block
                    ? $"{rest}, {FilterEmitter.Number(rule.Set)}, {(rule.IsGroup ? "1" : "0")}, {index},"
                    : block.IsIpv6
                    ? $"{Hex(block.Address.High, 16)}, {Hex(block.Address.Low, 16)}, {FilterEmitter.Number(block.Length)}, {rest}, {index},"
                    : $"{Hex(block.Address.Low, 8)}, {FilterEmitter.Number(block.Length)}, {rest}, {index},");
            }
        }

        code.CloseList();
    }

    private static string Hex(ulong number, int digits) => "0x" + number.ToString("X" + FilterEmitter.Number(digits), CultureInfo.InvariantCulture);
}
