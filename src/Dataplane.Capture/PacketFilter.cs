// The grammar is libpcap's, as far as headers can answer it:
//
//   expression := term { (and | or) term }          and, or bind alike, from the left
//   term       := not term | ( expression ) | primitive
//   primitive  := [ip | ip6 | tcp | udp] [src | dst | src or dst | src and dst] [host | net | port | portrange] VALUE
//               | [ip | ip6] proto VALUE | less N | greater N | ip | ip6 | tcp | udp | icmp | icmp6 | ... | arp | rarp
//
// A value without a keyword in front repeats the qualifiers of the primitive before it: `host a or b`, `tcp port 80 or 443`.
// Depth comes only from parentheses and `not`, and is bounded; length is bounded; so neither parsing nor asking can overflow the stack.

using System;
using System.Collections.Generic;
using System.Globalization;
using Dataplane.Packets;

namespace Dataplane.Capture;

/// <summary>Selects packets by an expression like tcpdump's.</summary>
/// <remarks>
/// Immutable and thread-safe; <see cref="Matches"/> allocates nothing, O(primitives). Frames that are invalid or not IP match no primitive but length.
/// Source: pcap-filter(7).
/// </remarks>
public sealed class PacketFilter
{
    public const int MaxLength = 4_096;

    /// <summary>Parentheses and negations inside each other.</summary>
    public const int MaxDepth = 100;

    private static readonly Dictionary<string, byte> Protocols = new(StringComparer.Ordinal)
    {
        ["icmp"] = 1,
        ["igmp"] = 2,
        ["tcp"] = 6,
        ["igrp"] = 9,
        ["udp"] = 17,
        ["gre"] = 47,
        ["esp"] = 50,
        ["ah"] = 51,
        ["icmp6"] = 58,
        ["pim"] = 103,
        ["vrrp"] = 112,
        ["sctp"] = 132,
    };

    private static readonly Dictionary<string, ushort> Services = new(StringComparer.Ordinal)
    {
        ["ftp-data"] = 20,
        ["ftp"] = 21,
        ["ssh"] = 22,
        ["telnet"] = 23,
        ["smtp"] = 25,
        ["domain"] = 53,
        ["bootps"] = 67,
        ["bootpc"] = 68,
        ["tftp"] = 69,
        ["http"] = 80,
        ["pop3"] = 110,
        ["ntp"] = 123,
        ["imap"] = 143,
        ["snmp"] = 161,
        ["bgp"] = 179,
        ["ldap"] = 389,
        ["https"] = 443,
        ["ldaps"] = 636,
        ["imaps"] = 993,
        ["pop3s"] = 995,
        ["mysql"] = 3306,
        ["postgresql"] = 5432,
    };

    private readonly FilterNode _root;

    private PacketFilter(FilterNode root) => _root = root;

    /// <summary>Reads an expression. An empty one matches all packets, as in libpcap.</summary>
    /// <exception cref="FilterException">It cannot be read; says where, what and how to mend.</exception>
    public static PacketFilter Parse(string expression)
    {
        ArgumentNullException.ThrowIfNull(expression);
        return expression.Length > MaxLength
            ? throw new FilterException(MaxLength + 1, $"the expression has {expression.Length} characters, and {MaxLength} may be read", "Shorten it, for example by net instead of many hosts")
            : new PacketFilter(new Parser(expression).ReadAll());
    }

    /// <summary>True when the expression holds for the packet.</summary>
    public bool Matches(in Headers headers) => _root.Matches(headers);

    private enum Kind
    {
        Host,
        Net,
        Port,
        PortRange,
        Proto,
    }

    /// <param name="Protocol">6 or 17 in front of a port, else null.</param>
    /// <param name="Kind">Null where none was written.</param>
    private readonly record struct Qualifiers(bool? Ipv6, byte? Protocol, FilterEnd End, Kind? Kind);

    private sealed class Parser
    {
        private readonly string _text;
        private readonly List<(string Text, int Position)> _tokens = [];
        private int _at;
        private int _depth;
        private Qualifiers? _last;

        internal Parser(string text)
        {
            _text = text;
            Split();
        }

        private string? Token => _at < _tokens.Count ? _tokens[_at].Text : null;

        private int Position => _at < _tokens.Count ? _tokens[_at].Position : _text.Length + 1;

        internal FilterNode ReadAll()
        {
            if (_tokens.Count == 0)
            {
                return new FilterLength(0, uint.MaxValue);
            }

            FilterNode all = ReadExpression();
            return Token is null ? all : throw Fault($"'{Token}' stands behind a whole expression", Token == ")" ? "Remove it, or open a parenthesis" : "Join terms by and, or");
        }

        private FilterNode ReadExpression()
        {
            var terms = new List<FilterNode> { ReadTerm() };
            var isAnd = new List<bool>();
            while (Token is "and" or "or")
            {
                isAnd.Add(Token == "and");
                _at++;
                terms.Add(ReadTerm());
            }

            return terms.Count == 1 ? terms[0] : new FilterSequence([.. terms], [.. isAnd]);
        }

        private FilterNode ReadTerm()
        {
            if (Token is not ("not" or "("))
            {
                return ReadPrimitive();
            }

            if (++_depth > MaxDepth)
            {
                throw Fault($"parentheses and negations are more than {MaxDepth} deep", "Write the expression flatter");
            }

            FilterNode node;
            if (Token == "not")
            {
                _at++;
                node = new FilterNot(ReadTerm());
            }
            else
            {
                _at++;
                node = ReadExpression();
                Expect(")");
            }

            _depth--;
            return node;
        }

        private FilterNode ReadPrimitive()
        {
            int start = _at;
            bool? ipv6 = null;
            byte? protocol = null;
            string? name = null;
            switch (Token)
            {
                case "arp" or "rarp":
                    _at++;
                    _last = null;
                    return new FilterNever();

                case "less" or "greater":
                    bool less = Token == "less";
                    _at++;
                    _last = null;
                    uint length = Number(uint.MaxValue, "a length in bytes");
                    return less ? new FilterLength(0, length) : new FilterLength(length, uint.MaxValue);

                case "ip" or "ip6":
                    name = Token;
                    ipv6 = name == "ip6";
                    _at++;
                    break;

                case { } word when Protocols.TryGetValue(word, out byte number):
                    name = word;
                    protocol = number;
                    ipv6 = word == "icmp" ? false : word == "icmp6" ? true : null;
                    _at++;
                    break;

                default:
                    break;
            }

            FilterEnd? end = ReadEnd();
            Kind? kind = ReadKind();
            if (name is not null && end is null && kind is null)
            {
                _last = null;
                return new FilterProtocol(ipv6, protocol);
            }

            if (name is not null && protocol is not null && !(protocol is 6 or 17 && kind is Kind.Port or Kind.PortRange))
            {
                _at = start;
                throw Fault($"{name} cannot be asked for {(kind is null ? "an address" : Word(kind.Value))}", protocol is 6 or 17 ? $"Write {name} and ..., or {name} port N" : $"Write {name} and ...");
            }

            if (start == _at)
            {
                if (_last is not { } repeated)
                {
                    // A bare value begins an expression only as a host or a net.
                    return LooksLikeAddress(Token) ? ReadValue(new Qualifiers(null, null, FilterEnd.Either, null)) : throw Unknown();
                }

                return LooksLikeValue(Token, repeated) ? ReadValue(repeated) : throw Unknown();
            }

            if (kind == Kind.Proto && end is not null)
            {
                throw Fault("proto has no source or destination", "Write proto N");
            }

            return ReadValue(new Qualifiers(ipv6, protocol, end ?? FilterEnd.Either, kind));
        }

        private FilterEnd? ReadEnd()
        {
            if (Token is not ("src" or "dst"))
            {
                return null;
            }

            string first = Token;
            _at++;
            if (Token is "or" or "and" && _at + 1 < _tokens.Count && _tokens[_at + 1].Text is "src" or "dst" && _tokens[_at + 1].Text != first)
            {
                bool both = Token == "and";
                _at += 2;
                return both ? FilterEnd.Both : FilterEnd.Either;
            }

            return first == "src" ? FilterEnd.Source : FilterEnd.Destination;
        }

        private Kind? ReadKind()
        {
            Kind? kind = Token switch
            {
                "host" => Kind.Host,
                "net" => Kind.Net,
                "port" => Kind.Port,
                "portrange" => Kind.PortRange,
                "proto" => Kind.Proto,
                _ => null,
            };
            if (kind is not null)
            {
                _at++;
            }

            return kind;
        }

        private FilterNode ReadValue(Qualifiers asked)
        {
            _last = asked;
            string word = Token is { } text and not (")" or "(" or "and" or "or" or "not")
                ? text
                : throw Fault($"{(asked.Kind is { } kind ? Word(kind) : "an address")} has no value", "Write one behind it");
            FilterNode node;
            switch (asked.Kind)
            {
                case Kind.Port:
                    ushort port = Port(word);
                    node = new FilterPort(asked.End, asked.Protocol, port, port);
                    break;

                case Kind.PortRange:
                    (ushort from, ushort to) = PortRange(word);
                    node = new FilterPort(asked.End, asked.Protocol, from, to);
                    break;

                case Kind.Proto:
                    // tcpdump wants names escaped behind proto (\tcp), for they are keywords; here both are read.
                    byte protocol = Protocols.TryGetValue(word.StartsWith('\\') ? word[1..] : word, out byte known) ? known : (byte)NumberOf(word, 255, "a protocol number 0 to 255, or a name like tcp");
                    node = new FilterProtocol(asked.Ipv6, protocol);
                    break;

                case Kind.Net:
                    return Family(asked, new FilterNet(asked.End, Net(word)));

                case Kind.Host:
                    node = Family(asked, new FilterNet(asked.End, Host(word)));
                    break;

                default:
                    node = Family(asked, new FilterNet(asked.End, word.Contains('/', StringComparison.Ordinal) ? Cidr(word) : Host(word)));
                    break;
            }

            _at++;
            return node;
        }

        private static FilterNode Family(Qualifiers asked, FilterNode node) => asked.Ipv6 is null
            ? node
            : new FilterSequence([new FilterProtocol(asked.Ipv6, null), node], [true]);

        private IpPrefix Host(string word)
        {
            if (word.Contains('/', StringComparison.Ordinal))
            {
                throw Fault($"'{word}' is a block, not a host", $"Write net {word}");
            }

            return IpAddress.TryParse(word, out IpAddress address)
                ? new IpPrefix(address, address.Bits)
                : throw Fault($"'{word}' is not an IP address", "Write four decimal numbers, or an IPv6 address; names are not looked up");
        }

        /// <summary>ADDRESS/LENGTH, ADDRESS mask MASK, an address, or the first one to three numbers of one.</summary>
        private IpPrefix Net(string word)
        {
            IpPrefix net;
            if (word.Contains('/', StringComparison.Ordinal))
            {
                net = Cidr(word);
                _at++;
                return net;
            }

            int numbers = word.Contains(':', StringComparison.Ordinal) ? 4 : word.Split('.').Length;
            string whole = word;
            for (int i = numbers; i < 4; i++)
            {
                whole += ".0";
            }

            if (!IpAddress.TryParse(whole, out IpAddress address))
            {
                throw Fault($"'{word}' is not a network", "Write ADDRESS/LENGTH, for example 10.0.0.0/8");
            }

            int length = address.IsIpv6 ? 128 : numbers * 8;
            _at++;
            if (Token == "mask")
            {
                _at++;
                length = !address.IsIpv6 && IpAddress.TryParse(Token, out IpAddress mask) && !mask.IsIpv6 && MaskLength((uint)mask.Low) is { } bits
                    ? bits
                    : throw Fault($"'{Token}' is not a network mask", "Write one of ones and then zeros, for example 255.255.0.0, or net ADDRESS/LENGTH");
                _at++;
            }

            net = new IpPrefix(address, length);
            if (net.Address != address)
            {
                _at--;
                throw Fault($"{address} has bits set behind the first {length}", $"Write net {net}");
            }

            return net;
        }

        private IpPrefix Cidr(string word)
        {
            if (!IpPrefix.TryParse(word, out IpPrefix net))
            {
                throw Fault($"'{word}' is not a network", "Write ADDRESS/LENGTH, for example 10.0.0.0/8");
            }

            return IpAddress.TryParse(word.AsSpan(0, word.IndexOf('/', StringComparison.Ordinal)), out IpAddress address) && address == net.Address
                ? net
                : throw Fault($"{word} has bits set behind the first {net.Length}", $"Write net {net}");
        }

        private static int? MaskLength(uint mask)
        {
            uint zeros = ~mask;
            return (zeros & (zeros + 1)) == 0 ? System.Numerics.BitOperations.PopCount(mask) : null;
        }

        private ushort Port(string word) => Services.TryGetValue(word, out ushort port)
            ? port
            : (ushort)NumberOf(word, ushort.MaxValue, "a port 0 to 65535");

        private (ushort From, ushort To) PortRange(string word)
        {
            int dash = word.IndexOf('-', StringComparison.Ordinal);
            if (dash < 0)
            {
                ushort only = Port(word);
                return (only, only);
            }

            ushort from = Port(word[..dash]);
            ushort to = Port(word[(dash + 1)..]);
            return from <= to ? (from, to) : throw Fault($"{word} ends before it begins", $"Write {to}-{from}");
        }

        private uint Number(uint most, string what)
        {
            uint number = NumberOf(Token ?? "", most, what);
            _at++;
            return number;
        }

        private uint NumberOf(string word, uint most, string what) =>
            uint.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out uint number) && number <= most
                ? number
                : throw Fault(word.Length == 0 ? "a number is missing" : $"'{word}' is not {what}", $"Write {what}");

        private static bool LooksLikeAddress(string? word) =>
            word is not null && (word.Contains('.', StringComparison.Ordinal) || word.Contains(':', StringComparison.Ordinal));

        private static bool LooksLikeValue(string? word, Qualifiers asked) =>
            LooksLikeAddress(word)
            || (word is not null && (char.IsAsciiDigit(word[0]) || (asked.Kind is Kind.Port or Kind.PortRange && Services.ContainsKey(word)) || (asked.Kind == Kind.Proto && Protocols.ContainsKey(word))));

        private FilterException Unknown() => Token is null
            ? Fault("the expression ends where a term should be", "Write a term, for example tcp port 443")
            : Fault($"'{Token}' is not a term of a filter", "Terms are host, net, port, portrange, proto, ip, ip6, tcp, udp, icmp, icmp6, less and greater, with src, dst, and, or, not and parentheses");

        private void Expect(string token)
        {
            if (Token != token)
            {
                throw Fault(Token is null ? $"a '{token}' is missing at the end" : $"'{Token}' stands where '{token}' should", "Close the parenthesis, or join terms by and, or");
            }

            _at++;
        }

        private static string Word(Kind kind) => kind switch
        {
            Kind.Host => "host",
            Kind.Net => "net",
            Kind.Port => "port",
            Kind.PortRange => "portrange",
            _ => "proto",
        };

        private FilterException Fault(string what, string mend) => new(Position, what, mend);

        private void Split()
        {
            int at = 0;
            while (at < _text.Length)
            {
                char c = _text[at];
                if (char.IsWhiteSpace(c))
                {
                    at++;
                }
                else if (c is '(' or ')')
                {
                    _tokens.Add((c.ToString(), ++at));
                }
                else if (c == '!' && !_text.AsSpan(at).StartsWith("!=", StringComparison.Ordinal))
                {
                    _tokens.Add(("not", ++at));
                }
                else if (_text.AsSpan(at).StartsWith("&&", StringComparison.Ordinal) || _text.AsSpan(at).StartsWith("||", StringComparison.Ordinal))
                {
                    _tokens.Add((c == '&' ? "and" : "or", at + 1));
                    at += 2;
                }
                else if (IsWordCharacter(c))
                {
                    int start = at;
                    while (at < _text.Length && IsWordCharacter(_text[at]))
                    {
                        at++;
                    }

                    _tokens.Add((_text[start..at], start + 1));
                }
                else
                {
                    string shown = char.IsControl(c) || char.IsSurrogate(c) ? "a control character" : $"'{c}'";
                    throw new FilterException(at + 1, $"{shown} has no meaning in a filter", "Comparisons of bytes and lengths are not read; use less, greater, host, net, port, proto");
                }
            }
        }

        private static bool IsWordCharacter(char c) => char.IsAsciiLetterOrDigit(c) || c is '.' or ':' or '/' or '-' or '_' or '\\';
    }
}
