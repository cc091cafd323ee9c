using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using Dataplane.Compiler.Lower;
using Dataplane.Compiler.Simplify;
using Dataplane.Packets;

namespace Dataplane.Compiler.Emit;

/// <summary>Emits a chain of flat ifs, one method for each family.</summary>
internal static class ChainEmitter
{
    public static void Emit(CodeWriter code, string className, SimplifiedList list)
    {
        int[] sets = [.. list.Kept.Where(rule => rule.Block is null).Select(rule => rule.Set).Distinct().Order()];
        foreach (int set in sets)
        {
            code.Line($"private readonly AddressSet _set{FilterEmitter.Number(set)};");
        }

        code.Line().Open($"public {className}(AddressSet[] sets)");
        foreach (int set in sets)
        {
            code.Line($"_set{FilterEmitter.Number(set)} = sets[{FilterEmitter.Number(set)}];");
        }

        code.Close();

        bool v4 = list.Kept.Any(rule => rule.ServesFamily(ipv6: false));
        bool v6 = list.Kept.Any(rule => rule.ServesFamily(ipv6: true));
        code.Line();
        if (list.List.IsAcl)
        {
            code.Note("The first matching entry decides.");
        }
        else
        {
            code.Note("The first matching rule is named; the flags say which kinds of peer matched.");
        }

        code.Open("public override Decision Decide(in Headers packet)");
        code.Note("-1 where the packet shows no ports: then a rule that looks at them does not match. ICMP: type << 8 | code.");
        code.Line("int port = packet.PortsKnown ? packet.DestinationPort : -1;");
        code.Line($"return packet.IsIpv6 ? {(v6 ? "DecideV6(in packet, port)" : "Decision.None")} : {(v4 ? "DecideV4(in packet, port)" : "Decision.None")};");
        code.Close();
        foreach (bool ipv6 in new[] { false, true })
        {
            ImmutableArray<LoweredRule> rules = [.. list.Kept.Where(rule => rule.ServesFamily(ipv6))];
            if (!rules.IsEmpty)
            {
                code.Line();
                Family(code, rules, list.List.Key.IsIngress, ipv6);
            }
        }
    }

    private static void Family(CodeWriter code, ImmutableArray<LoweredRule> rules, bool ingress, bool ipv6)
    {
        string side = ingress ? "Source" : "Destination";
        bool isMixed = rules[0].Action == RuleAction.Admit && rules.Any(rule => rule.IsAnyPeer) && rules.Any(rule => !rule.IsAnyPeer);
        bool usesSets = rules.Any(rule => rule.Block is null);

        code.Open($"private {(usesSets ? "" : "static ")}Decision {(ipv6 ? "DecideV6" : "DecideV4")}(in Headers packet, int port)");
        if (rules.Any(rule => rule.Protocol >= 0))
        {
            code.Line("byte protocol = packet.Protocol;");
        }

        int longest = rules.Max(rule => rule.Block?.Length ?? 0);
        if (longest > 0)
        {
            code.Line(ipv6 ? $"ulong high = packet.{side}High;" : $"uint remote = (uint)packet.{side}Low;");
        }

        if (longest > 64)
        {
            code.Line($"ulong low = packet.{side}Low;");
        }

        if (rules.Any(rule => rule.IsGroup))
        {
            code.Line("bool groupsSeen = (packet.Flags & HeaderFlags.ReferencesLost) == 0;");
        }

        if (isMixed)
        {
            code.Line("int first = 0;").Line("bool anyPeer = false;").Line("bool narrowPeer = false;");
        }

        foreach (LoweredRule rule in rules)
        {
            code.Line();
            FilterEmitter.RuleComment(code, rule);
            List<string> conditions = Conditions(rule, side);
            if (isMixed)
            {
                string mine = rule.IsAnyPeer ? "anyPeer" : "narrowPeer";
                If(code, ["!" + mine, .. conditions]);
                code.Open($"if ({(rule.IsAnyPeer ? "narrowPeer" : "anyPeer")})");
                code.Line("return Decision.Admit(first, anyPeer: true, narrowPeer: true);");
                code.Close().Line();
                code.Line($"first = {FilterEmitter.Number(rule.Index)};").Line($"{mine} = true;").Close();
                continue;
            }

            string result = rule.Action switch
            {
                RuleAction.Allow => $"return Decision.Allow({FilterEmitter.Number(rule.Index)});",
                RuleAction.Deny => $"return Decision.Deny({FilterEmitter.Number(rule.Index)});",
                _ => $"return Decision.Admit({FilterEmitter.Number(rule.Index)}, anyPeer: {(rule.IsAnyPeer ? "true, narrowPeer: false" : "false, narrowPeer: true")});",
            };
            if (conditions.Count == 0)
            {
                // It matches every packet: no later rule can be the first match.
                code.Line(result).Close();
                return;
            }

            If(code, conditions);
            code.Line(result).Close();
        }

        code.Line();
        if (isMixed)
        {
            code.Line("return anyPeer || narrowPeer ? Decision.Admit(first, anyPeer, narrowPeer) : Decision.None;");
        }
        else
        {
            code.Note(rules[0].Action == RuleAction.Admit ? "No rule admits it." : "The implicit end denies.");
            code.Line("return Decision.None;");
        }

        code.Close();
    }

    private static void If(CodeWriter code, List<string> conditions)
    {
        for (int i = 0; i < conditions.Count; i++)
        {
            string end = i == conditions.Count - 1 ? ")" : "";
            code.Line(i == 0 ? $"if ({conditions[i]}{end}" : $"    && {conditions[i]}{end}");
        }

        code.Open();
    }

    private static List<string> Conditions(LoweredRule rule, string side)
    {
        List<string> conditions = [];
        if (rule.Protocol >= 0)
        {
            conditions.Add($"protocol == {FilterEmitter.Number(rule.Protocol)}");
        }

        if (rule.Ports is { } ports)
        {
            // An ICMP field reads better in hexadecimal: the type is one byte, the code the other.
            string first = Port(ports.First), last = Port(ports.Last);
            conditions.Add(ports.First == ports.Last ? $"port == {first}" : $"port is >= {first} and <= {last}");
        }

        if (rule.CodeOfAnyType is { } code)
        {
            conditions.Add("port >= 0");
            conditions.Add($"(port & 0xFF) == {FilterEmitter.Number(code)}");
        }

        if (rule.Block is not { } block)
        {
            if (rule.IsGroup)
            {
                conditions.Add("groupsSeen");
            }

            conditions.Add($"_set{FilterEmitter.Number(rule.Set)}.Contains{side}(in packet)");
        }
        else if (!block.IsIpv6)
        {
            Add("remote", block.Address.Low, block.Length == 0 ? 0 : uint.MaxValue << (32 - block.Length), uint.MaxValue, "X8");
        }
        else
        {
            Ipv6Masks(block, out ulong high, out ulong low);
            Add("high", block.Address.High, high, ulong.MaxValue, "X16");
            Add("low", block.Address.Low, low, ulong.MaxValue, "X16");
        }

        return conditions;

        string Port(ushort port) => rule.Protocol is 1 or 58
            ? "0x" + port.ToString("X4", CultureInfo.InvariantCulture)
            : FilterEmitter.Number(port);

        void Add(string name, ulong value, ulong mask, ulong all, string format)
        {
            string number = "0x" + value.ToString(format, CultureInfo.InvariantCulture);
            if (mask == all)
            {
                conditions.Add($"{name} == {number}");
            }
            else if (mask != 0)
            {
                conditions.Add($"({name} & 0x{mask.ToString(format, CultureInfo.InvariantCulture)}) == {number}");
            }
        }
    }

    /// <summary>The two halves of an IPv6 block's mask.</summary>
    internal static void Ipv6Masks(IpPrefix block, out ulong high, out ulong low)
    {
        high = block.Length == 0 ? 0 : block.Length >= 64 ? ulong.MaxValue : ulong.MaxValue << (64 - block.Length);
        low = block.Length <= 64 ? 0 : ulong.MaxValue << (128 - block.Length);
    }
}
