using System;
using System.IO;
using Dataplane.LiveTests.Lab;

namespace Dataplane.LiveTests.Run;

/// <summary>A bump in the wire between a client outside (198.51.100.7) and a server inside (10.0.1.10, public 203.0.113.10), both families.</summary>
internal sealed class Bump : IDisposable
{
    internal const string Server = "10.0.1.10";
    internal const string ServerIpv6 = "2001:db8:1:1::10";

    private readonly string _folder = Directory.CreateTempSubdirectory("dataplane-live-").FullName;

    /// <param name="method">Of --io.</param>
    /// <param name="rules">Ingress rules of the server's group, as YAML flow mappings.</param>
    /// <param name="options">Further options of run.</param>
    internal Bump(string method, string[] rules, params string[] options)
        : this(method, rules, start: true, options: options)
    {
    }

    /// <param name="start">Whether the program is started: else it is the test's.</param>
    /// <param name="path">What -t names, when that is not <see cref="Topology"/> itself; called with its folder before the program starts.</param>
    internal Bump(string method, string[] rules, bool start, Func<string, string>? path = null, params string[] options)
    {
        try
        {
            (Client, Middle, Inside) = (Lab.Namespace("client"), Lab.Namespace("middle"), Lab.Namespace("server"));
            Lab.Cable(Client, "eth0", Middle, "outside");
            Lab.Cable(Inside, "eth0", Middle, "inside");
            NamespaceLab.Address(Client, "eth0", "198.51.100.7/32");
            NamespaceLab.Address(Client, "eth0", "2001:db8:ffff::7/128");
            NamespaceLab.IpIn(Client, "route", "add", "10.0.0.0/16", "dev", "eth0", "src", "198.51.100.7");
            NamespaceLab.IpIn(Client, "-6", "route", "add", "2001:db8:1::/56", "dev", "eth0");
            NamespaceLab.Address(Inside, "eth0", Server + "/32");
            NamespaceLab.Address(Inside, "eth0", ServerIpv6 + "/128");
            NamespaceLab.IpIn(Inside, "route", "add", "default", "dev", "eth0");
            NamespaceLab.IpIn(Inside, "-6", "route", "add", "default", "dev", "eth0");
            Write(Topology, rules);
            string named = path?.Invoke(_folder) ?? Topology;
            if (start)
            {
                Run = DataplaneRun.Start(Lab, Middle, _folder, ["-t", named], ["--io", method, "--bridge", "outside:inside", .. options]);
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

    internal string Client { get; } = "";

    internal string Middle { get; } = "";

    internal string Inside { get; } = "";

    /// <summary>The program between its two interfaces, for a shell.</summary>
    internal string CommandLine => $"dotnet {DataplaneRun.Program} run -t {Topology} --bridge outside:inside";

    internal string Topology => Path.Combine(_folder, "vpc.yaml");

    /// <summary>Puts a topology in place in one step, as editors do.</summary>
    /// <param name="egress">Of the group: YAML flow mappings; null is AWS's default, everything.</param>
    internal static void Write(string path, string[] rules, string? egress = null)
    {
        File.WriteAllText(
            path + ".new",
            $$$"""
            Resources:
              Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
              Block: {Type: AWS::EC2::VPCCidrBlock, Properties: {VpcId: !Ref Vpc, Ipv6CidrBlock: "2001:db8:1::/56", Ipv6Pool: ipv6pool-ec2-0123456789abcdef0}}
              Gateway: {Type: AWS::EC2::InternetGateway}
              Attachment: {Type: AWS::EC2::VPCGatewayAttachment, Properties: {VpcId: !Ref Vpc, InternetGatewayId: !Ref Gateway}}
              Subnet: {Type: AWS::EC2::Subnet, DependsOn: Block, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24, Ipv6CidrBlock: "2001:db8:1:1::/64"}}
              Table: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Vpc}}
              Out: {Type: AWS::EC2::Route, DependsOn: Attachment, Properties: {RouteTableId: !Ref Table, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Gateway}}
              Out6: {Type: AWS::EC2::Route, DependsOn: Attachment, Properties: {RouteTableId: !Ref Table, DestinationIpv6CidrBlock: "::/0", GatewayId: !Ref Gateway}}
              TableOf: {Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {SubnetId: !Ref Subnet, RouteTableId: !Ref Table}}
              Group:
                Type: AWS::EC2::SecurityGroup
                Properties: {GroupDescription: server, VpcId: !Ref Vpc, SecurityGroupIngress: [{{{string.Join(", ", rules)}}}]{{{Egress(egress)}}}}
              Server: {Type: AWS::EC2::NetworkInterface, Properties: {SubnetId: !Ref Subnet, PrivateIpAddress: 10.0.1.10, GroupSet: [!Ref Group], Ipv6Addresses: [{Ipv6Address: "2001:db8:1:1::10"}]}}
              Elastic: {Type: AWS::EC2::EIP, DependsOn: Attachment, Properties: {Domain: vpc}}
              ElasticOf: {Type: AWS::EC2::EIPAssociation, Properties: {AllocationId: !GetAtt Elastic.AllocationId, NetworkInterfaceId: !Ref Server}}
            """);
        File.Move(path + ".new", path, true);
    }

    private static string Egress(string? rules) => rules is null ? "" : $", SecurityGroupEgress: [{rules}]";

    /// <summary>A rule for one TCP port.</summary>
    internal static string Tcp(int port, string peer) => $"{{IpProtocol: tcp, FromPort: {port}, ToPort: {port}, {(peer.Contains(':', StringComparison.Ordinal) ? $"CidrIpv6: \"{peer}\"" : $"CidrIp: {peer}")}}}";

    /// <summary>Starts a server that sends back each line, on some ports.</summary>
    internal void Echo(params int[] ports)
    {
        foreach (int port in ports)
        {
            Command server = Lab.Start(Inside, "socat", $"TCP6-LISTEN:{port},fork,reuseaddr,ipv6only=0", "EXEC:cat");
            Until.True(() => server.HasExited || NamespaceLab.Try(Inside, "sh", "-c", $"grep -q ':{port:X4} .* 0A ' /proc/net/tcp6").Succeeded, () => server.Errors);
        }
    }

    /// <summary>Opens a connection that stays open.</summary>
    internal Command Connect(int port) => Lab.Start(Client, "socat", "-", $"TCP4:{Server}:{port},connect-timeout=3");

    /// <summary>One line there and back; false when it does not come back in time.</summary>
    internal static bool Exchange(Command connection, string line, TimeSpan longest)
    {
        connection.Input.Write(System.Text.Encoding.ASCII.GetBytes(line + "\n"));
        connection.Input.Flush();
        System.Diagnostics.Stopwatch clock = System.Diagnostics.Stopwatch.StartNew();
        while (!connection.Output.Contains(line, StringComparison.Ordinal))
        {
            if (clock.Elapsed > longest)
            {
                return false;
            }

            System.Threading.Thread.Sleep(10);
        }

        return true;
    }

    public void Dispose()
    {
        Run?.Dispose();
        Lab.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
