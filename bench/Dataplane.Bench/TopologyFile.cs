// A large VPC as `aws ec2 describe-*` would print it, indented by four spaces, from a fixed seed: the same arguments give the same bytes.

using System;
using System.Collections.Generic;
using System.IO;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Dataplane.Bench;

/// <summary>Writes snapshots of any size.</summary>
internal static class TopologyFile
{
    private const string Vpc = "vpc-0000000000000001";
    private const int Subnets = 16;

    /// <summary><c>make-topology FILE GROUPS RULES INTERFACES</c>.</summary>
    /// <param name="groups">Security groups, 1 or more; all in one VPC 10.0.0.0/8 of 16 subnets.</param>
    /// <param name="rules">Ingress rules of each group; each tenth refers to another group, some to IPv6 blocks.</param>
    /// <param name="interfaces">Interfaces with one to three groups; each fifth has a public address.</param>
    internal static void Write(Stream output, int groups, int rules, int interfaces)
    {
        Random random = new(7);
        using Utf8JsonWriter json = new(output, new JsonWriterOptions { Indented = true, IndentSize = 4, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        json.WriteStartObject();
        List(json, "Vpcs", 1, _ => Text(json, ("VpcId", Vpc), ("CidrBlock", "10.0.0.0/8"), ("State", "available")));
        List(json, "Subnets", Subnets, i => Text(json, ("SubnetId", Id("subnet", i)), ("VpcId", Vpc), ("CidrBlock", $"10.{i * 16}.0.0/12"), ("State", "available")));
        List(json, "InternetGateways", 1, _ =>
        {
            json.WriteString("InternetGatewayId", Id("igw", 1));
            List(json, "Attachments", 1, _ => Text(json, ("VpcId", Vpc), ("State", "available")));
        });
        List(json, "RouteTables", 1, _ =>
        {
            Text(json, ("RouteTableId", Id("rtb", 1)), ("VpcId", Vpc));
            List(json, "Associations", 1, _ => json.WriteBoolean("Main", true));
            List(json, "Routes", 2, i => Text(json,
                ("DestinationCidrBlock", i == 0 ? "10.0.0.0/8" : "0.0.0.0/0"), ("GatewayId", i == 0 ? "local" : Id("igw", 1)), ("State", "active")));
        });
        List(json, "NetworkAcls", 1, _ =>
        {
            Text(json, ("NetworkAclId", Id("acl", 1)), ("VpcId", Vpc));
            json.WriteBoolean("IsDefault", true);
            List(json, "Entries", 2, i =>
            {
                json.WriteBoolean("Egress", i == 1);
                json.WriteNumber("RuleNumber", 100);
                Text(json, ("Protocol", "-1"), ("RuleAction", "allow"), ("CidrBlock", "0.0.0.0/0"));
            });
        });
        List(json, "SecurityGroups", groups, i =>
        {
            Text(json, ("GroupId", Id("sg", i)), ("GroupName", $"group {i}"), ("Description", $"number {i}"), ("VpcId", Vpc), ("OwnerId", "111122223333"));
            List(json, "IpPermissions", rules, rule => Permission(json, random, groups, i, rule));
            List(json, "IpPermissionsEgress", 1, _ =>
            {
                json.WriteString("IpProtocol", "-1");
                Peers(json, 2, "0.0.0.0/0", "");
            });
        });
        List(json, "NetworkInterfaces", interfaces, i => Interface(json, random, groups, i));
        json.WriteEndObject();
    }

    /// <summary>The private address of interface <paramref name="number"/>: host 10 and up of its subnet.</summary>
    private static string Address(int number)
    {
        int host = 10 + (number / Subnets);
        return $"10.{(number % Subnets * 16) + (host >> 16)}.{(host >> 8) & 255}.{host & 255}";
    }

    private static void Permission(Utf8JsonWriter json, Random random, int groups, int group, int rule)
    {
        int protocol = random.Next(8) switch
        {
            0 => 1,
            1 or 2 => 17,
            _ => 6,
        };
        json.WriteString("IpProtocol", protocol switch
        {
            1 => "icmp",
            17 => "udp",
            _ => "tcp",
        });
        int port = random.Next(1, 60_000);
        json.WriteNumber("FromPort", protocol == 1 ? 8 : port);
        json.WriteNumber("ToPort", protocol == 1 ? -1 : port + (random.Next(3) == 0 ? random.Next(100) : 0));
        int kind = rule % 10 == 9 ? 0 : random.Next(20) == 0 ? 1 : 2;
        string peer = kind switch
        {
            0 => Id("sg", random.Next(groups)),
            1 => $"2001:db8:{random.Next(65_536):x}::/48",
            _ => Block(random),
        };
        Peers(json, kind, peer, $"rule {rule} of group {group}");
    }

    private static string Block(Random random)
    {
        int length = random.Next(12, 33);
        uint address = (uint)random.NextInt64(0x0B00_0000, 0xDF00_0000) & (uint.MaxValue << (32 - length));
        return $"{address >> 24}.{(address >> 16) & 255}.{(address >> 8) & 255}.{address & 255}/{length}";
    }

    private static void Peers(Utf8JsonWriter json, int kind, string peer, string description)
    {
        (string Key, string Peer)[] lists = [("UserIdGroupPairs", "GroupId"), ("Ipv6Ranges", "CidrIpv6"), ("IpRanges", "CidrIp"), ("PrefixListIds", "PrefixListId")];
        for (int i = 0; i < lists.Length; i++)
        {
            List(json, lists[i].Key, i == kind ? 1 : 0, _ =>
            {
                Text(json, (lists[i].Peer, peer));
                if (description.Length > 0)
                {
                    json.WriteString("Description", description);
                }

                if (i == 0)
                {
                    json.WriteString("UserId", "111122223333");
                }
            });
        }
    }

    private static void Interface(Utf8JsonWriter json, Random random, int groups, int number)
    {
        string address = Address(number);
        string open = $"198.{18 + (number >> 16)}.{(number >> 8) & 255}.{number & 255}";
        Text(json,
            ("NetworkInterfaceId", Id("eni", number)), ("VpcId", Vpc), ("SubnetId", Id("subnet", number % Subnets)), ("InterfaceType", "interface"),
            ("PrivateIpAddress", address), ("Status", "in-use"));
        json.WriteBoolean("SourceDestCheck", true);
        HashSet<int> own = [number % groups];
        for (int more = random.Next(3); more > 0; more--)
        {
            own.Add(random.Next(groups));
        }

        List<int> chosen = [.. own];
        List(json, "Groups", chosen.Count, i => Text(json, ("GroupId", Id("sg", chosen[i])), ("GroupName", $"group {chosen[i]}")));
        List(json, "PrivateIpAddresses", 1, _ =>
        {
            json.WriteBoolean("Primary", true);
            json.WriteString("PrivateIpAddress", address);
            if (number % 5 == 0)
            {
                json.WriteStartObject("Association");
                json.WriteString("PublicIp", open);
                json.WriteEndObject();
            }
        });
    }

    private static string Id(string kind, int number) => $"{kind}-{number:x16}";

    private static void List(Utf8JsonWriter json, string name, int count, Action<int> each)
    {
        json.WriteStartArray(name);
        for (int i = 0; i < count; i++)
        {
            json.WriteStartObject();
            each(i);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void Text(Utf8JsonWriter json, params (string Key, string Value)[] members)
    {
        foreach ((string key, string value) in members)
        {
            json.WriteString(key, value);
        }
    }
}
