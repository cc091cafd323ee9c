// A VPC in a box with everything in it that the tests ask for: a web server with a public address and IPv6, a database that only the web server reaches and that gets
// its address by DHCP, a server behind a network ACL that forgets the ephemeral ports, and the internet. Every host is a namespace; nginx says on every port who calls it.
//
//   internet 198.51.100.7, 203.0.113.9, 2001:db8:ffff::7 -- Gateway | box | Web      10.0.1.10, 198.18.0.1, 2001:db8:1:1::10
//                                                                          | Database 10.0.2.20
//                                                                          | Broken   10.0.3.30

using System;
using System.IO;
using System.Linq;
using Dataplane.LiveTests.Lab;

namespace Dataplane.LiveTests.Run;

/// <summary>The lab of the VPC in a box.</summary>
internal sealed class Shop : IDisposable
{
    internal const string Public = "198.18.0.1";
    internal const string WebIpv6 = "2001:db8:1:1::10";

    private const string Template = """
        Resources:
          Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
          Block: {Type: AWS::EC2::VPCCidrBlock, Properties: {VpcId: !Ref Vpc, Ipv6CidrBlock: "2001:db8:1::/56", Ipv6Pool: ipv6pool-ec2-0123456789abcdef0}}
          Gateway: {Type: AWS::EC2::InternetGateway}
          Attachment: {Type: AWS::EC2::VPCGatewayAttachment, Properties: {VpcId: !Ref Vpc, InternetGatewayId: !Ref Gateway}}
          WebSubnet: {Type: AWS::EC2::Subnet, DependsOn: Block, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24, Ipv6CidrBlock: "2001:db8:1:1::/64"}}
          WebTable: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Vpc}}
          WebOut: {Type: AWS::EC2::Route, DependsOn: Attachment, Properties: {RouteTableId: !Ref WebTable, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Gateway}}
          WebOut6: {Type: AWS::EC2::Route, DependsOn: Attachment, Properties: {RouteTableId: !Ref WebTable, DestinationIpv6CidrBlock: "::/0", GatewayId: !Ref Gateway}}
          WebTableOf: {Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {SubnetId: !Ref WebSubnet, RouteTableId: !Ref WebTable}}
          DatabaseSubnet: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.2.0/24}}
          BrokenSubnet: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.3.0/24}}
          BrokenAcl: {Type: AWS::EC2::NetworkAcl, Properties: {VpcId: !Ref Vpc}}
          BrokenAclOf: {Type: AWS::EC2::SubnetNetworkAclAssociation, Properties: {SubnetId: !Ref BrokenSubnet, NetworkAclId: !Ref BrokenAcl}}
          BrokenIn: {Type: AWS::EC2::NetworkAclEntry, Properties: {NetworkAclId: !Ref BrokenAcl, RuleNumber: 100, Protocol: -1, RuleAction: allow, CidrBlock: 0.0.0.0/0}}
          BrokenOut: {Type: AWS::EC2::NetworkAclEntry, Properties: {NetworkAclId: !Ref BrokenAcl, Egress: true, RuleNumber: 100, Protocol: 6, RuleAction: allow, CidrBlock: 0.0.0.0/0, PortRange: {From: 80, To: 80}}}
          WebGroup:
            Type: AWS::EC2::SecurityGroup
            Properties:
              GroupDescription: web
              VpcId: !Ref Vpc
              SecurityGroupIngress:
                - {IpProtocol: tcp, FromPort: 80, ToPort: 80, CidrIp: 0.0.0.0/0}
                - {IpProtocol: tcp, FromPort: 80, ToPort: 80, CidrIpv6: "::/0"}
                - {IpProtocol: icmp, FromPort: 8, ToPort: -1, CidrIp: 0.0.0.0/0}
                - {IpProtocol: icmpv6, FromPort: 128, ToPort: -1, CidrIpv6: "::/0"}
                - {IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 203.0.113.0/24}
                - {IpProtocol: tcp, FromPort: 5201, ToPort: 5201, CidrIp: 198.51.100.0/24}
          DatabaseGroup:
            Type: AWS::EC2::SecurityGroup
            Properties:
              GroupDescription: database
              VpcId: !Ref Vpc
              SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 5432, ToPort: 5432, SourceSecurityGroupId: !Ref WebGroup}]
          BrokenGroup:
            Type: AWS::EC2::SecurityGroup
            Properties:
              GroupDescription: broken
              VpcId: !Ref Vpc
              SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 80, ToPort: 80, SourceSecurityGroupId: !Ref WebGroup}]
          Web: {Type: AWS::EC2::NetworkInterface, Properties: {SubnetId: !Ref WebSubnet, PrivateIpAddress: 10.0.1.10, GroupSet: [!Ref WebGroup], Ipv6Addresses: [{Ipv6Address: "2001:db8:1:1::10"}]}}
          Database: {Type: AWS::EC2::NetworkInterface, Properties: {SubnetId: !Ref DatabaseSubnet, PrivateIpAddress: 10.0.2.20, GroupSet: [!Ref DatabaseGroup]}}
          Broken: {Type: AWS::EC2::NetworkInterface, Properties: {SubnetId: !Ref BrokenSubnet, PrivateIpAddress: 10.0.3.30, GroupSet: [!Ref BrokenGroup]}}
          Elastic: {Type: AWS::EC2::EIP, DependsOn: Attachment, Properties: {Domain: vpc}}
          ElasticOf: {Type: AWS::EC2::EIPAssociation, Properties: {AllocationId: !GetAtt Elastic.AllocationId, NetworkInterfaceId: !Ref Web}}
        """;

    private static readonly int[] Ports = [80, 8080, 8000, 5432];

    private readonly string _folder = Directory.CreateTempSubdirectory("dataplane-live-").FullName;

    /// <param name="method">Of --io.</param>
    /// <param name="mtu">Of all links but the internet's.</param>
    internal Shop(string method, int mtu = 1500)
    {
        try
        {
            string box = Lab.Namespace("box");
            (Internet, Web, Database, Broken) = (Lab.Namespace("internet"), Lab.Namespace("web"), Lab.Namespace("database"), Lab.Namespace("broken"));
            foreach ((string space, string port) in new[] { (Internet, "internet"), (Web, "web"), (Database, "database"), (Broken, "broken") })
            {
                Lab.Cable(space, "eth0", box, port);
                if (space != Internet && mtu != 1500)
                {
                    NamespaceLab.IpIn(box, "link", "set", port, "mtu", mtu.ToString(System.Globalization.CultureInfo.InvariantCulture));
                    NamespaceLab.IpIn(space, "link", "set", "eth0", "mtu", mtu.ToString(System.Globalization.CultureInfo.InvariantCulture));
                }
            }

            Addresses();
            string topology = Path.Combine(_folder, "vpc.yaml");
            File.WriteAllText(topology, Template);
            Run = DataplaneRun.Start(
                Lab, box, _folder, ["-t", topology], "--io", method, "--attach", "Web=web", "--attach", "Database=database", "--attach", "Broken=broken", "--attach", "Gateway=internet");
            Lease();
            Solicit();
            foreach (string space in new[] { Internet, Web, Database, Broken })
            {
                Serve(space);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal NamespaceLab Lab { get; } = new();

    internal DataplaneRun Run { get; } = null!;

    internal string Internet { get; } = "";

    internal string Web { get; } = "";

    internal string Database { get; } = "";

    internal string Broken { get; } = "";

    /// <summary>What udhcpc was told.</summary>
    internal string Leased => File.ReadAllText(Path.Combine(_folder, "lease"));

    /// <summary>The body of a page, or the exit code of curl: 28 is a time-out.</summary>
    internal static string Curl(string space, string url)
    {
        CommandResult result = NamespaceLab.Try(space, "curl", "-s", "-m", "3", url);
        return result.Succeeded ? result.Output.Trim() : $"exit {result.ExitCode}";
    }

    /// <summary>How many records hold all of these: one at least. Records are written beside the packets, so a client may have its answer before they stand in the file.</summary>
    internal int Recorded(params string[] parts)
    {
        int Count() => Run.Records.Count(r => parts.All(p => r.Contains(p, StringComparison.Ordinal)));
        Until.True(() => Count() > 0, () => $"no record holds {string.Join(" and ", parts)}");
        return Count();
    }

    public void Dispose()
    {
        Run?.Dispose();
        Lab.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private void Addresses()
    {
        NamespaceLab.Address(Internet, "eth0", "198.51.100.7/24");
        NamespaceLab.Address(Internet, "eth0", "203.0.113.9/32");
        NamespaceLab.Address(Internet, "eth0", "2001:db8:ffff::7/64");
        NamespaceLab.IpIn(Internet, "route", "add", "198.18.0.0/15", "dev", "eth0", "src", "198.51.100.7");
        NamespaceLab.IpIn(Internet, "-6", "route", "add", "2001:db8:1::/56", "dev", "eth0");
        NamespaceLab.Address(Web, "eth0", "10.0.1.10/24");
        NamespaceLab.Address(Broken, "eth0", "10.0.3.30/24");
        NamespaceLab.IpIn(Broken, "route", "add", "default", "via", "10.0.3.1");
    }

    /// <summary>The database's host knows nothing of itself; a DHCP client finds out.</summary>
    private void Lease()
    {
        string script = Path.Combine(_folder, "udhcpc.sh");
        File.WriteAllText(
            script,
            $"""
            #!/bin/sh
            [ "$1" = bound ] || exit 0
            echo "$ip $subnet $router $dns $mtu" > {_folder}/lease
            ip address add "$ip/24" dev "$interface"
            ip route add default via "$router"
            """);
        NamespaceLab.In(Database, "chmod", "700", script);
        NamespaceLab.In(Database, "udhcpc", "-f", "-n", "-q", "-t", "5", "-T", "1", "-O", "mtu", "-i", "eth0", "-s", script);
    }

    /// <summary>The web server's host asks for a router over IPv6, as hosts do when their link comes up, and takes the address that it is to have.</summary>
    private void Solicit()
    {
        NamespaceLab.IpIn(Web, "link", "set", "eth0", "down");
        NamespaceLab.In(Web, "sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/eth0/addr_gen_mode");
        NamespaceLab.IpIn(Web, "link", "set", "eth0", "up");
        NamespaceLab.Address(Web, "eth0", WebIpv6 + "/64");
        NamespaceLab.IpIn(Web, "route", "add", "default", "via", "10.0.1.1");
        Until.True(() => NamespaceLab.IpIn(Web, "-6", "route", "show", "default").Output.Contains("proto ra", StringComparison.Ordinal), () => $"no router advertisement: {Run.Said}");
    }

    private void Serve(string space)
    {
        string folder = Directory.CreateDirectory(Path.Combine(_folder, space)).FullName, file = Path.Combine(folder, "nginx.conf");
        string listen = string.Join(' ', Ports.SelectMany(p => new[] { $"listen {p};", $"listen [::]:{p};" }));
        File.WriteAllText(
            file,
            $"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error; events {{ }} http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;"
            + $" fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; server {{ {listen} location / {{ return 200 \"$remote_addr\\n\"; }} }} }}");
        Command server = Lab.Start(space, "nginx", "-c", file, "-p", folder);
        Until.True(
            () => server.HasExited || NamespaceLab.Try(space, "sh", "-c", "grep -q ':1538 .* 0A ' /proc/net/tcp").Succeeded, () => $"nginx did not listen: {server.Errors}");
    }
}
