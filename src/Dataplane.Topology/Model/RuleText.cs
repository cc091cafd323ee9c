using System.Globalization;
using Dataplane.Packets;
using Dataplane.Topology.Documents;

namespace Dataplane.Topology.Model;

/// <summary>Rules as the columns of the AWS console show them: type, protocol, port range, source or destination.</summary>
internal static class RuleText
{
    private const int Longest = 120;

    public static string Of(int protocol, int from, int to, Peer peer, string? description)
    {
        bool ipv6 = peer is CidrPeer { Block.IsIpv6: true };
        string line = $"{Columns(protocol, from, to, ipv6)} | {Text(peer)}";
        return SafeText.Line(string.IsNullOrEmpty(description) ? line : $"{line} | {description}", Longest);
    }

    public static string Of(int number, bool allow, int protocol, int from, int to, IpPrefix block) => SafeText.Line(
        string.Create(CultureInfo.InvariantCulture, $"{number} | {Columns(protocol, from, to, block.IsIpv6)} | {block} | {(allow ? "Allow" : "Deny")}"), Longest);

    private static string Text(Peer peer) => peer switch
    {
        CidrPeer cidr => cidr.Block.ToString(),
        PrefixListPeer list => list.PrefixListId,
        GroupPeer group => group.GroupId,
        _ => "",
    };

    private static string Columns(int protocol, int from, int to, bool ipv6)
    {
        switch (protocol)
        {
            case Protocols.All:
                return "All traffic | All | All";
            case Protocols.Tcp:
            case Protocols.Udp:
                string name = protocol == Protocols.Tcp ? "TCP" : "UDP";
                if (from == 0 && to == 65535)
                {
                    return $"All {name} | {name} ({protocol}) | All";
                }

                string range = from == to ? $"{from}" : $"{from} - {to}";
                string? service = from == to ? Service(protocol, from) : null;
                return $"{(service is null ? $"Custom {name}" : $"{service} ({from})")} | {name} ({protocol}) | {range}";
            case Protocols.Icmp:
            case Protocols.Icmpv6:
                string icmp = protocol == Protocols.Icmp ? "ICMP" : "ICMPv6";
                string family = protocol == Protocols.Icmpv6 || ipv6 ? "ICMP - IPv6" : "ICMP - IPv4";
                return from == -1 && to == -1
                    ? $"All {family} | {icmp} ({protocol}) | All"
                    : $"Custom {family} | {icmp} ({protocol}) | type {from}{(to == -1 ? "" : $" code {to}")}";
            default:
                return $"Custom protocol | {protocol} | All";
        }
    }

    private static string? Service(int protocol, int port) => (protocol, port) switch
    {
        (Protocols.Udp, 53) => "DNS (UDP)",
        (Protocols.Udp, _) => null,
        (_, 22) => "SSH",
        (_, 25) => "SMTP",
        (_, 53) => "DNS (TCP)",
        (_, 80) => "HTTP",
        (_, 110) => "POP3",
        (_, 143) => "IMAP",
        (_, 389) => "LDAP",
        (_, 443) => "HTTPS",
        (_, 445) => "SMB",
        (_, 465) => "SMTPS",
        (_, 993) => "IMAPS",
        (_, 995) => "POP3S",
        (_, 1433) => "MSSQL",
        (_, 1521) => "Oracle-RDS",
        (_, 2049) => "NFS",
        (_, 3306) => "MYSQL/Aurora",
        (_, 3389) => "RDP",
        (_, 5432) => "PostgreSQL",
        (_, 5439) => "Redshift",
        (_, 5985) => "WinRM-HTTP",
        (_, 5986) => "WinRM-HTTPS",
        (_, 8080) => "HTTP*",
        (_, 8443) => "HTTPS*",
        _ => null,
    };
}
