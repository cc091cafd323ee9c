#!/usr/bin/env bash
# What a packet costs live: `dataplane run` as a bump in the wire, by each back-end, beside the kernel's own filters and Open vSwitch in user space, on the same traffic in one run.
#
#   bench/peers/live.sh [CONTENDER ...]      all by default; ROUNDS=3 SECONDS_EACH=3 RULES="10 1000"
#
#   gen --g0==m0-- mid --m1==s0-- sink       three network namespaces; mid holds the contender
#
# For 64 and 4,096 established UDP flows, for packets that no rule admits, for packets of flows not seen before: packets a second that came out (denied: went in); "ns", the busy
# time of the whole machine a packet, the generator's included, since the kernel forwards within it (so an otherwise idle machine is wanted; the row "wire" is the generator
# alone); "own", processor time of the contender's own process a packet that it received. Then the median round trip of ping, and TCP by one iperf3 flow with all offloads off.
# Every rule list admits UDP 9000, TCP 5201 and ICMP echo by its last three rules. Medians of the rounds.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/compare.sh"
rounds=${ROUNDS:-3}
seconds=${SECONDS_EACH:-3}
for tool in ip ethtool nft gcc python3 ping iperf3 dotnet; do need "$tool" "On Debian and Ubuntu: apt-get install iproute2 ethtool nftables gcc python3 iputils-ping iperf3, and the .NET 10 SDK"; done
[ "$(id -u)" = 0 ] || { echo "root is needed: network namespaces, raw sockets, XDP" >&2; exit 3; }

work=$(mktemp -d)
root=$(cd "$here/../.." && pwd)
program=$root/artifacts/bench/dataplane.dll
if [[ ! -f $program || -n ${REBUILD:-} ]]; then
    dotnet publish "$root/src/Dataplane.Cli" -c Release -r "$(dotnet --info | awk '/^ RID:/ { print $2 }')" --self-contained false -p:PublishReadyToRun=true -v q -nologo -o "$root/artifacts/bench" >&2
fi
gcc -O2 -o "$work/traffic" "$here/live_traffic.c"
pids=()

end_pids() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    pids=()
}
end_lab() {
    end_pids
    for space in gen mid sink; do ip netns delete "dplive-$space" 2>/dev/null || true; done
}
trap 'end_lab; rm -rf "$work"' EXIT

in_gen() { ip netns exec dplive-gen "$@"; }
in_mid() { ip netns exec dplive-mid "$@"; }
in_sink() { ip netns exec dplive-sink "$@"; }

# begin_lab: namespaces and wires. Offloads are off everywhere; GRO stays on at m0 and m1, without which a veth takes no frames of the generator (kernel: veth_xdp_xmit).
begin_lab() {
    end_lab
    for space in gen mid sink; do ip netns add "dplive-$space"; done
    ip -n dplive-mid link add m0 type veth peer name g0 netns dplive-gen
    ip -n dplive-mid link add m1 type veth peer name s0 netns dplive-sink
    for side in "gen g0" "mid m0" "mid m1" "sink s0"; do
        read -r space device <<<"$side"
        ip netns exec "dplive-$space" sysctl -qw "net.ipv6.conf.$device.disable_ipv6=1"
        ip netns exec "dplive-$space" ethtool -K "$device" tx off gso off tso off gro off >/dev/null 2>&1 || true
        ip -n "dplive-$space" link set "$device" up
    done
    m0=$(in_mid cat /sys/class/net/m0/address)
    m1=$(in_mid cat /sys/class/net/m1/address)
    g0=$(in_gen cat /sys/class/net/g0/address)
    s0=$(in_sink cat /sys/class/net/s0/address)
    ip -n dplive-gen address add 198.51.100.0/32 dev g0
    ip -n dplive-gen route add 10.99.2.0/24 dev g0
    ip -n dplive-sink address add 10.99.2.10/32 dev s0
    ip -n dplive-sink route add 198.51.0.0/16 dev s0
    near=$s0 far=$g0
}
# neighbours: what the two ends send to; a router's own addresses, or each other's.
neighbours() {
    ip -n dplive-gen neigh replace 10.99.2.10 lladdr "$near" dev g0 nud permanent
    ip -n dplive-sink neigh replace 198.51.100.0 lladdr "$far" dev s0 nud permanent
}
router() {
    near=$m0 far=$m1
    in_mid sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.m0.rp_filter=0 net.ipv4.conf.m1.rp_filter=0
    in_mid sysctl -qw net.netfilter.nf_conntrack_max=8388608 2>/dev/null || true
    ip -n dplive-mid route add 198.51.0.0/16 dev m0
    ip -n dplive-mid route add 10.99.2.0/24 dev m1
    ip -n dplive-mid neigh add 198.51.100.0 lladdr "$g0" dev m0 nud permanent
    ip -n dplive-mid neigh add 10.99.2.10 lladdr "$s0" dev m1 nud permanent
}

# Rules: all but the last three are of UDP to other ports from single addresses.
filler() { awk -v n="$1" 'BEGIN { for (i = 0; i < n - 3; i++) printf "192.0.%d.%d %d\n", int(i / 256) % 256, i % 256, 20000 + i % 30000 }'; }

begin_nft() {
    router
    {
        echo "table ip filter {"
        echo "chain forward {"
        echo "type filter hook forward priority 0; policy drop;"
        echo "ct state established,related accept"
        filler "$1" | awk '{ print "ip saddr " $1 " udp dport " $2 " accept" }'
        echo "udp dport 9000 accept"
        echo "tcp dport 5201 accept"
        echo "icmp type echo-request accept"
        echo "}"
        echo "}"
    } >"$work/rules.nft"
    in_mid nft -f "$work/rules.nft"
}
begin_iptables() {
    router
    {
        echo "*filter"
        echo ":FORWARD DROP [0:0]"
        echo "-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
        filler "$1" | awk '{ print "-A FORWARD -s " $1 " -p udp -m udp --dport " $2 " -j ACCEPT" }'
        echo "-A FORWARD -p udp -m udp --dport 9000 -j ACCEPT"
        echo "-A FORWARD -p tcp -m tcp --dport 5201 -j ACCEPT"
        echo "-A FORWARD -p icmp -m icmp --icmp-type 8 -j ACCEPT"
        echo "COMMIT"
    } >"$work/rules.ipt"
    in_mid iptables-legacy-restore "$work/rules.ipt"
}
begin_ovs() {
    local db=$work/ovs
    rm -rf "$db" && mkdir "$db"
    ovsdb-tool create "$db/conf.db" /usr/share/openvswitch/vswitch.ovsschema
    ip netns exec dplive-mid ovsdb-server "$db/conf.db" --remote="punix:$db/db.sock" --pidfile="$db/ovsdb.pid" --unixctl="$db/ovsdb.ctl" >/dev/null 2>&1 & pids+=($!)
    for _ in $(seq 50); do [ -S "$db/db.sock" ] && break; sleep 0.1; done
    OVS_RUNDIR=$db ip netns exec dplive-mid ovs-vswitchd "unix:$db/db.sock" --pidfile="$db/vs.pid" --unixctl="$db/vs.ctl" >"$db/log" 2>&1 & pids+=($!) process=$!
    local vsctl=(ovs-vsctl --db="unix:$db/db.sock" --timeout=10)
    "${vsctl[@]}" add-br br0 -- set bridge br0 datapath_type=netdev -- add-port br0 m0 -- set interface m0 ofport_request=1 -- add-port br0 m1 -- set interface m1 ofport_request=2
    {
        echo "table=0,priority=10,ip,actions=ct(table=1)"
        echo "table=0,priority=1,arp,actions=normal"
        echo "table=1,priority=100,ct_state=+trk+est,ip,in_port=1,actions=output:2"
        echo "table=1,priority=100,ct_state=+trk+est,ip,in_port=2,actions=output:1"
        echo "table=1,priority=100,ct_state=+trk+rel,ip,in_port=2,actions=output:1"
        filler "$1" | awk '{ print "table=1,priority=50,ct_state=+trk+new,udp,in_port=1,nw_src=" $1 ",tp_dst=" $2 ",actions=ct(commit),output:2" }'
        echo "table=1,priority=50,ct_state=+trk+new,udp,in_port=1,tp_dst=9000,actions=ct(commit),output:2"
        echo "table=1,priority=50,ct_state=+trk+new,tcp,in_port=1,tp_dst=5201,actions=ct(commit),output:2"
        echo "table=1,priority=50,ct_state=+trk+new,icmp,in_port=1,icmp_type=8,actions=ct(commit),output:2"
        echo "table=1,priority=1,actions=drop"
    } >"$work/flows.ovs"
    in_mid ovs-ofctl add-flows "$db/br0.mgmt" "$work/flows.ovs"
}
# begin_dataplane METHOD RULES
begin_dataplane() {
    filler "$2" | python3 -c '
import json, sys
rules = [{"IpProtocol": "udp", "FromPort": int(p), "ToPort": int(p), "CidrIp": a + "/32"} for a, p in (line.split() for line in sys.stdin)]
rules += [{"IpProtocol": "udp", "FromPort": 9000, "ToPort": 9000, "CidrIp": "198.51.0.0/16"}, {"IpProtocol": "tcp", "FromPort": 5201, "ToPort": 5201, "CidrIp": "198.51.0.0/16"},
          {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "CidrIp": "198.51.0.0/16"}]
ref = lambda name: {"Ref": name}
thing = lambda kind, **properties: {"Type": "AWS::EC2::" + kind, "Properties": properties}
json.dump({"Resources": {
    "Vpc": thing("VPC", CidrBlock="10.99.0.0/16"), "Gateway": thing("InternetGateway"),
    "Attachment": thing("VPCGatewayAttachment", VpcId=ref("Vpc"), InternetGatewayId=ref("Gateway")),
    "Subnet": thing("Subnet", VpcId=ref("Vpc"), CidrBlock="10.99.2.0/24"),
    "Routes": thing("RouteTable", VpcId=ref("Vpc")),
    "Default": thing("Route", RouteTableId=ref("Routes"), DestinationCidrBlock="0.0.0.0/0", GatewayId=ref("Gateway")),
    "Association": thing("SubnetRouteTableAssociation", SubnetId=ref("Subnet"), RouteTableId=ref("Routes")),
    "Group": thing("SecurityGroup", GroupDescription="bench", VpcId=ref("Vpc"), SecurityGroupIngress=rules),
    "Host": thing("NetworkInterface", SubnetId=ref("Subnet"), PrivateIpAddress="10.99.2.10", GroupSet=[ref("Group")]),
    "Address": thing("EIP", Domain="vpc"),
    "Public": thing("EIPAssociation", AllocationId={"Fn::GetAtt": ["Address", "AllocationId"]}, NetworkInterfaceId=ref("Host"))}}, sys.stdout)' >"$work/vpc.json"
    ip netns exec dplive-mid dotnet "$program" run -t "$work/vpc.json" --quotas ignore --max-flows 8388608 --bridge m0:m1 --io "$1" >"$work/run.out" 2>"$work/run.err" & pids+=($!) process=$!
    for _ in $(seq 200); do
        grep -q '^Running' "$work/run.err" && return
        kill -0 "${pids[-1]}" 2>/dev/null || break
        sleep 0.1
    done
    cat "$work/run.err" >&2
    return 1
}

begin() {
    process=
    case $1 in
        nft-*) begin_nft "${1#nft-}" ;;
        iptables-*) begin_iptables "${1#iptables-}" ;;
        ovs-*) begin_ovs "${1#ovs-}" ;;
        xdp-* | packet-* | pcap-*) begin_dataplane "${1%-*}" "${1#*-}" ;;
        *) echo "$1: no such contender. Try nft-10 iptables-1000 ovs-10 xdp-1000 packet-1000 pcap-1000" >&2; return 1 ;;
    esac
}

# own: processor seconds of the contender's process so far; 0 for the kernel's.
own() { [ -n "$process" ] && awk '{ print ($14 + $15) / 100 }' "/proc/$process/stat" || echo 0; }
busy() { awk '/^cpu / { print ($2 + $3 + $4 + $7 + $8) / 100 }' /proc/stat; }
gro() { in_mid ethtool -K m0 gro "$1" >/dev/null 2>&1 || true; in_mid ethtool -K m1 gro "$1" >/dev/null 2>&1 || true; }

arrived() { in_sink cat /sys/class/net/s0/statistics/rx_packets; }

# flood SOURCES PORTS PORT: "packets/s nanoseconds" of what comes out; of what goes in, when nothing is to come out.
flood() {
    local b0 b1 o0 o1 sent out dropper
    # What arrives is counted by the device and dropped before the stack sees it.
    : >"$work/dropping"
    ip netns exec dplive-sink "$work/traffic" drop s0 >"$work/dropping" & dropper=$!
    pids+=($dropper)
    for _ in $(seq 50); do [ -s "$work/dropping" ] && break; sleep 0.1; done
    [ -s "$work/dropping" ] || { echo "the sink drops nothing: tcx needs Linux 6.6" >&2; return 1; }
    in_gen "$work/traffic" send g0 0.3 100000 udp 198.51.100.0 "$1" "$2" 10.99.2.10 "$3" "$near" >/dev/null
    sleep 0.3
    out=$(arrived)
    b0=$(busy) o0=$(own)
    in_gen "$work/traffic" send g0 "$seconds" "${PPS:-0}" udp 198.51.100.0 "$1" "$2" 10.99.2.10 "$3" "$near" >"$work/sent"
    b1=$(busy) o1=$(own)
    sleep 0.3
    out=$(($(arrived) - out))
    kill $dropper
    wait $dropper 2>/dev/null || true
    read -r _ sent _ took _ _ <"$work/sent"
    [ "$3" = 9000 ] || out=$sent
    awk -v n="$out" -v s="$took" -v b="$(awk -v a="$b1" -v b="$b0" 'BEGIN { print a - b }')" -v o="$(awk -v a="$o1" -v b="$o0" 'BEGIN { print a - b }')" \
        'BEGIN { printf "%.0f %.0f %.0f\n", n / s, n ? b * 1e9 / n : 0, n ? o * 1e9 / n : 0 }'
}

prime() {
    ip netns exec dplive-sink python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("10.99.2.10", 9000))
while True:
    data, peer = s.recvfrom(2048)
    if peer[1]: s.sendto(data, peer)' & pids+=($!)
    sleep 0.5
    in_gen python3 -c '
import socket, struct, random
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
for _ in range(3):
    for port in range(4096):
        raw.sendto(struct.pack("!HHHH", port, 9000, 10, 0) + b"hi", ("10.99.2.10", 0))' 2>/dev/null || true
    sleep 0.5
}

# wire_round: what the generator costs, and a program that counts and drops at the other end of one wire.
wire_round() {
    begin_lab
    process=
    local b0 b1
    ip netns exec dplive-mid "$work/traffic" count m0 $((seconds + 2)) >"$work/count" & local counter=$!
    sleep 0.5
    b0=$(busy)
    in_gen "$work/traffic" send g0 "$seconds" "${PPS:-0}" udp 198.51.100.0 1 64 10.99.2.10 9000 "$m0" >"$work/sent"
    b1=$(busy)
    wait $counter
    awk -v b="$b0" -v e="$b1" '{ printf "%.0f %.0f 0 0 0 0 0 0 0 0 0 0 0 0\n", $2 / $4, (e - b) * 1e9 / $2 }' "$work/sent"
    end_lab
}

one_round() {
    if [ "$1" = wire ]; then
        wire_round
        return
    fi
    begin_lab
    begin "$1"
    neighbours
    ip netns exec dplive-sink iperf3 -s -1 >/dev/null 2>&1 & pids+=($!)
    sleep 0.5
    local rtt tcp
    in_gen ping -q -c 20 -i 0.01 10.99.2.10 >/dev/null 2>&1 || true
    rtt=$(in_gen ping -c 500 -i 0.002 10.99.2.10 | sed -n 's/.*time=\([0-9.]*\) ms/\1/p' | median | awk '{ printf "%.0f", $1 * 1000 }')
    tcp=$(in_gen timeout 20 iperf3 -c 10.99.2.10 -t 3 -J 2>/dev/null | python3 -c 'import json, sys; print("%.2f" % (json.load(sys.stdin)["end"]["sum_received"]["bits_per_second"] / 1e9))' 2>/dev/null || echo 0)
    gro on
    prime
    local established many denied fresh
    established=$(flood 1 64 9000)
    many=$(flood 1 4096 9000)
    denied=$(flood 1 64 9001)
    fresh=$(flood 256 65536 9000)
    echo "$established $many $denied $fresh ${rtt:-0} $tcp"
    end_lab
}

contenders=("$@")
if [ ${#contenders[@]} = 0 ]; then
    contenders=(wire nft-10 nft-1000 iptables-1000 ovs-10 xdp-10 xdp-1000 packet-1000 pcap-1000)
fi
for name in "${contenders[@]}"; do
    case $name in
        nft-*) need nft "On Debian and Ubuntu: apt-get install nftables" ;;
        iptables-*) need iptables-legacy "On Debian and Ubuntu: apt-get install iptables" ;;
        ovs-*) need ovs-vswitchd "On Debian and Ubuntu: apt-get install openvswitch-switch" ;;
    esac
    : >"$work/$name"
done
for ((round = 0; round < rounds; round++)); do
    for name in "${contenders[@]}"; do
        one_round "$name" >>"$work/$name" || { echo "$name: failed" >&2; end_lab; }
    done
done

column() { awk -v c="$2" '{ print $c }' "$work/$1" | median; }
header=(64 ns own 4096 ns own denied ns own new ns own "rtt us" "Gb/s")
printf '%-14s' ""
for c in "${!header[@]}"; do printf " %$((c > 11 ? 7 : c % 3 ? 6 : 9))s" "${header[$c]}"; done
echo
for name in "${contenders[@]}"; do
    [ -s "$work/$name" ] || continue
    printf '%-14s' "$name"
    for c in "${!header[@]}"; do printf " %$((c > 11 ? 7 : c % 3 ? 6 : 9))s" "$(column "$name" $((c + 1)))"; done
    echo
done
