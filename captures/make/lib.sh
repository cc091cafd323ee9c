# shellcheck shell=bash
# Common functions of the scripts in this folder: namespaces, real programs in them, captures of them.
#
# A script sources this file, calls `begin`, builds one of the networks below, starts `capture`, makes traffic,
# and calls `finish`. Everything lives in network namespaces named dpc<pid>-NAME, in a temporary folder, and in
# processes whose ids are kept in PIDS; the trap on EXIT removes exactly those, also after a failure or Ctrl-C.
# Nothing touches the network of the machine itself. Needs root.
#
#   inet --- isp --- rtr --+-- bridge per subnet --- one namespace per instance
#   clients  192.0.2.0/30  |
#            2001:db8:f01::/64
#
# The internet reaches the instances by their private addresses: the capture stands where the internet gateway
# has already translated. The networks forward everything; what a VPC would deny is for the replay to say.

set -euo pipefail
export LC_ALL=C

CAPTURES=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PREFIX=dpc$$
PIDS=()
NAMESPACES=()
CAPTURE_PIDS=()
WORK=

# begin ARGS -- COMMAND:PACKAGE ...
# Checks for root and for the commands; with --install among ARGS the missing packages are installed.
begin() {
    local install=no item missing=()
    while [[ $1 != -- ]]; do
        case $1 in
            --install) install=yes ;;
            *) echo "usage: $(basename "$0") [--install]" >&2; exit 2 ;;
        esac
        shift
    done
    shift
    PATH=$PATH:/usr/sbin:/sbin
    for item in ip:iproute2 sysctl:procps ethtool:ethtool python3:python3 setpriv:util-linux timeout:coreutils "$@"; do
        command -v "${item%%:*}" > /dev/null || missing+=("${item##*:}")
    done
    if [[ $EUID -ne 0 ]]; then
        echo "$(basename "$0"): needs root, for network namespaces. Run it with sudo." >&2
        exit 5
    fi
    if [[ ${#missing[@]} -gt 0 ]]; then
        if [[ $install == no ]]; then
            echo "$(basename "$0"): missing Debian packages: ${missing[*]}. Install them, or run with --install." >&2
            exit 5
        fi
        apt-get update -q
        DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
    fi
    WORK=$(mktemp -d)
    chmod 755 "$WORK"
    trap cleanup EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

cleanup() {
    local status=$? pid ns left
    trap - EXIT INT TERM
    set +e
    for pid in "${CAPTURE_PIDS[@]}" "${PIDS[@]}"; do kill -TERM "$pid" 2> /dev/null; done
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        left=
        for pid in "${CAPTURE_PIDS[@]}" "${PIDS[@]}"; do kill -0 "$pid" 2> /dev/null && left=yes; done
        [[ -z $left ]] && break
        sleep 0.2
    done
    # Whatever still lives in our namespaces was started by us: children of the programs above.
    for ns in "${NAMESPACES[@]}"; do
        for pid in $(ip netns pids "$ns" 2> /dev/null); do kill -KILL "$pid" 2> /dev/null; done
        ip netns del "$ns" 2> /dev/null
    done
    [[ -n $WORK ]] && rm -rf "$WORK"
    exit "$status"
}

say() { echo "$(basename "$0" .sh): $*" >&2; }

# ---- namespaces --------------------------------------------------------------------------------

# inside NS COMMAND...: runs a program in a namespace, in the foreground, for at most 60 s.
inside() { local ns=$1; shift; timeout --foreground -k 2 60 ip netns exec "$PREFIX-$ns" "$@"; }

# spawn NS COMMAND...: the same in the background, until the script ends; its process id is $!, its output in SPAWN_LOG.
spawn() {
    local ns=$1; shift
    SPAWN_LOG=$WORK/spawn-$ns-${#PIDS[@]}.log
    ip netns exec "$PREFIX-$ns" "$@" < /dev/null > "$SPAWN_LOG" 2>&1 &
    PIDS+=($!)
}

# namespace NS [ipv6]
namespace() {
    local ns=$1
    ip netns add "$PREFIX-$ns"
    NAMESPACES+=("$PREFIX-$ns")
    inside "$ns" ip link set lo up
    # Routers answer every probe, so that no traceroute depends on the pace of the machine.
    inside "$ns" sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv4.ip_forward=0 net.ipv4.conf.all.rp_filter=0 \
        net.ipv4.icmp_echo_ignore_broadcasts=1
    if [[ ${2:-} == ipv6 ]]; then
        inside "$ns" sysctl -qw net.ipv6.conf.all.accept_ra=0 net.ipv6.conf.default.accept_ra=0 net.ipv6.icmp.ratelimit=0
    else
        inside "$ns" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
    fi
}

# Cable between two namespaces: cable NS1 IF1 NS2 IF2. Offloads are off, so that captures hold what a wire would.
cable() {
    ip link add name "$2" netns "$PREFIX-$1" type veth peer name "$4" netns "$PREFIX-$3"
    local end
    for end in "$1 $2" "$3 $4"; do
        # shellcheck disable=SC2086
        set -- $end
        inside "$1" ethtool -K "$2" tx off rx off tso off gso off gro off > /dev/null
        inside "$1" ip link set "$2" up
    done
}

# slow_wire NS1 IF1 NS2 IF2: a cable that takes 30 ms each way, so that packets can cross. Its program is the last of
# PIDS; each SIGUSR1 switches the loss of every tenth frame towards NS1 on or off. (The kernel's own netem would do, but
# not every kernel has it.)
slow_wire() {
    namespace wire
    cable "$1" "$2" wire left
    cable "$3" "$4" wire right
    cat > "$WORK/wire.py" << 'PY'
import heapq, random, select, signal, socket, time

DELAY, LOSS = 0.03, 0.1
random.seed(7)
lossy = False

def toggle(*_):
    global lossy
    lossy = not lossy

def port(name):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    s.bind((name, 0))
    return s

signal.signal(signal.SIGUSR1, toggle)
left, right = port("left"), port("right")
print("up", flush=True)
queue, number = [], 0
while True:
    wait = max(0, queue[0][0] - time.monotonic()) if queue else None
    for s in select.select([left, right], [], [], wait)[0]:
        frame, address = s.recvfrom(65536)
        if address[2] == socket.PACKET_OUTGOING or lossy and s is right and random.random() < LOSS:
            continue
        number += 1
        heapq.heappush(queue, (time.monotonic() + DELAY, number, frame, left if s is right else right))
    while queue and queue[0][0] <= time.monotonic():
        _, _, frame, out = heapq.heappop(queue)
        out.send(frame)
PY
    spawn wire python3 "$WORK/wire.py"
    # shellcheck disable=SC2034 # for the script that slowed the wire
    WIRE_PID=$!
    await_log "$SPAWN_LOG" up
}

# tunnel NS1 IF1 NS2 IF2: a point-to-point link without Ethernet: socat carries bare IP packets over UDP between two tun devices.
tunnel() {
    cable "$1" under "$3" under
    inside "$1" ip addr add 172.31.255.1/30 dev under
    inside "$3" ip addr add 172.31.255.2/30 dev under
    spawn "$1" socat "TUN,tun-name=$2,iff-no-pi,iff-up" UDP4-DATAGRAM:172.31.255.2:4500,bind=172.31.255.1:4500
    spawn "$3" socat "TUN,tun-name=$4,iff-no-pi,iff-up" UDP4-DATAGRAM:172.31.255.1:4500,bind=172.31.255.2:4500
    local end
    for end in "$1 $2" "$3 $4"; do
        for _ in {1..50}; do
            # shellcheck disable=SC2086
            set -- $end
            inside "$1" ip link show dev "$2" 2> /dev/null | grep -q LOWER_UP && break
            sleep 0.1
        done
        inside "$1" ip link set "$2" mtu 1400
    done
}

# internet [ipv6]: namespaces inet, isp and rtr, joined; clients have many addresses. With SLOW=yes the way to the
# clients is a slow wire, with TUNNEL=yes the router's way to the internet a tunnel.
internet() {
    local v6=${1:-} host
    namespace inet "$v6"; namespace isp "$v6"; namespace rtr "$v6"
    if [[ ${SLOW:-no} == yes ]]; then slow_wire inet eth0 isp inet0; else cable inet eth0 isp inet0; fi
    if [[ ${TUNNEL:-no} == yes ]]; then tunnel isp vpc0 rtr ext; else cable isp vpc0 rtr ext; fi
    inside isp sysctl -qw net.ipv4.ip_forward=1
    inside rtr sysctl -qw net.ipv4.ip_forward=1
    inside isp ip -b - <<< "addr add 198.51.100.1/24 dev inet0
addr add 203.0.113.1/24 dev inet0
addr add 192.0.2.1/30 dev vpc0
route add 10.0.0.0/8 via 192.0.2.2"
    inside rtr ip -b - <<< "addr add 192.0.2.2/30 dev ext
route add default via 192.0.2.1"
    {
        for host in {10..99} 200 201; do echo "addr add 198.51.100.$host/24 dev eth0"; done
        for host in {10..29}; do echo "addr add 203.0.113.$host/24 dev eth0"; done
        echo "route add 10.0.0.0/8 via 198.51.100.1"
    } | inside inet ip -b -
    if [[ -n $v6 ]]; then
        inside isp sysctl -qw net.ipv6.conf.all.forwarding=1
        inside rtr sysctl -qw net.ipv6.conf.all.forwarding=1
        inside isp ip -b - <<< "addr add 2001:db8:f00::1/64 dev inet0 nodad
addr add 2001:db8:f01::1/64 dev vpc0 nodad
route add 2001:db8::/32 via 2001:db8:f01::2"
        inside rtr ip -b - <<< "addr add 2001:db8:f01::2/64 dev ext nodad
route add default via 2001:db8:f01::1"
        {
            for host in {10..59}; do echo "addr add 2001:db8:f00::$host/64 dev eth0 nodad"; done
            echo "route add 2001:db8::/32 via 2001:db8:f00::1"
        } | inside inet ip -b -
    fi
}

# subnet NAME ROUTER4/LEN [ROUTER6/LEN]: a bridge br-NAME in rtr with the router's addresses.
subnet() {
    inside rtr ip link add "br-$1" type bridge mcast_snooping 0
    inside rtr ip addr add "$2" dev "br-$1"
    [[ -z ${3:-} ]] || inside rtr ip addr add "$3" dev "br-$1" nodad
    inside rtr ip link set "br-$1" up
}

# instance NS SUBNET ADDRESS4 ROUTER4 [ADDRESS6 ROUTER6]: one namespace with eth0 on the subnet's bridge.
instance() {
    local ns=$1 net=$2 v4=$3 via4=$4 v6=${5:-} via6=${6:-} mac
    namespace "$ns" ${v6:+ipv6}
    cable "$ns" eth0 rtr "to-$ns"
    inside rtr ip link set "to-$ns" master "br-$net"
    # shellcheck disable=SC2046,SC2183 # four words
    mac=$(printf '02:00:%02x:%02x:%02x:%02x' $(tr . ' ' <<< "$v4"))
    inside "$ns" ip link set eth0 address "$mac"
    inside "$ns" ip addr add "$v4/24" dev eth0
    inside "$ns" ip route add default via "$via4"
    if [[ -n $v6 ]]; then
        inside "$ns" ip addr add "$v6/64" dev eth0 nodad
        inside "$ns" ip route add default via "$via6"
    fi
}

# The network of three-tier.yaml.
three_tier() {
    internet
    subnet web 10.0.1.1/24
    subnet app 10.0.2.1/24
    subnet db 10.0.3.1/24
    instance web web 10.0.1.10 10.0.1.1
    instance app app 10.0.2.20 10.0.2.1
    instance dns app 10.0.2.53 10.0.2.1
    instance db db 10.0.3.30 10.0.3.1
}

# The network of dual-stack.yaml.
dual_stack() {
    internet ipv6
    subnet pub 10.1.1.1/24 2001:db8:1:1::1/64
    subnet priv 10.1.2.1/24 2001:db8:1:2::1/64
    instance front pub 10.1.1.10 10.1.1.1 2001:db8:1:1::10 2001:db8:1:1::1
    instance back priv 10.1.2.20 10.1.2.1 2001:db8:1:2::20 2001:db8:1:2::1
}

# The network of classic-mistakes.yaml. The API answers to its public address as well, so that the web server can call it
# by that: the capture then shows what an instance sees that calls a neighbour by its public name.
classic_mistakes() {
    internet ipv6
    subnet web 10.2.1.1/24 2001:db8:100::1/64
    subnet app 10.2.2.1/24
    subnet admin 10.2.3.1/24
    subnet report 10.2.4.1/24
    instance web web 10.2.1.10 10.2.1.1 2001:db8:100::4 2001:db8:100::1
    instance api web 10.2.1.80 10.2.1.1
    instance app app 10.2.2.20 10.2.2.1
    instance dns admin 10.2.3.53 10.2.3.1
    instance bastion admin 10.2.3.22 10.2.3.1
    instance report report 10.2.4.40 10.2.4.1
    inside api ip addr add 198.18.0.2/32 dev lo
    inside rtr ip route add 198.18.0.2/32 via 10.2.1.80
}

# wait_port NS ADDRESS PORT: until something listens there, at most 10 s.
wait_port() {
    for _ in {1..100}; do
        if inside "$1" python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET); s.settimeout(1); s.connect((sys.argv[1], int(sys.argv[2])))' "$2" "$3" 2> /dev/null; then return 0; fi
        sleep 0.1
    done
    say "nothing listens on $2:$3 in $1"
    return 1
}

# ---- captures ----------------------------------------------------------------------------------

# capture NS FILE TCPDUMP-OPTIONS...: classic pcap with tcpdump.
capture() {
    local ns=$1 file=$2; shift 2
    ip netns exec "$PREFIX-$ns" tcpdump -Z root -n -U --immediate-mode -B 8192 -w "$file" "$@" 2> "$file.log" < /dev/null &
    CAPTURE_PIDS+=($!)
    await_log "$file.log" 'listening on'
}

# capture_ng NS FILE DUMPCAP-OPTIONS...: pcapng with dumpcap, which can take several interfaces, each with its filter.
capture_ng() {
    local ns=$1 file=$2; shift 2
    ip netns exec "$PREFIX-$ns" dumpcap -q -w "$file" "$@" 2> "$file.log" < /dev/null &
    CAPTURE_PIDS+=($!)
    await_log "$file.log" '^File: '
}

# await_log FILE PATTERN: until a program has said so, at most 10 s; then a moment more.
await_log() {
    for _ in {1..100}; do
        grep -q "$2" "$1" 2> /dev/null && { sleep 0.3; return 0; }
        sleep 0.1
    done
    cat "$1" >&2
    return 1
}

# end_capture: the last packets arrive, then the capture programs write and end.
end_capture() {
    local pid
    sleep 0.7
    for pid in "${CAPTURE_PIDS[@]}"; do kill -INT "$pid"; done
    for pid in "${CAPTURE_PIDS[@]}"; do wait "$pid" || true; done
    CAPTURE_PIDS=()
}

# anonymous FILE: takes the maker's machine and system out of a pcapng file: all options of the section header, and the
# operating system and hardware of each interface. Everything else stays as dumpcap wrote it.
anonymous() {
    python3 - "$1" << 'PY'
import struct, sys

SECTION, INTERFACE, IF_OS, IF_HARDWARE = 0x0A0D0D0A, 1, 12, 15
data = open(sys.argv[1], "rb").read()
assert struct.unpack_from("<IxxxxI", data) == (SECTION, 0x1A2B3C4D), "not a little-endian pcapng file"

def block(kind, body):
    length = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + length + body + length

out, at = [], 0
while at < len(data):
    kind, length = struct.unpack_from("<II", data, at)
    body = data[at + 8:at + length - 4]
    if kind == SECTION:
        body = body[:16]
    elif kind == INTERFACE:
        kept, option = body[:8], 8
        while option < len(body):
            code, size = struct.unpack_from("<HH", body, option)
            end = option + 4 + (size + 3) // 4 * 4
            if code not in (IF_OS, IF_HARDWARE):
                kept += body[option:end]
            option = end
        body = kept
    out.append(block(kind, body))
    at += length
open(sys.argv[1], "wb").write(b"".join(out))
PY
}

# finish FILE NAME: moves a finished capture to its place.
finish() {
    mv -f "$1" "$CAPTURES/$2"
    chmod 644 "$CAPTURES/$2"
    say "wrote $2, $(stat -c %s "$CAPTURES/$2") bytes"
}

# settle: waits for the background jobs of the script that are neither programs of `spawn` nor captures.
settle() {
    local pid
    for pid in $(jobs -rp); do
        [[ " ${PIDS[*]} ${CAPTURE_PIDS[*]} " == *" $pid "* ]] || wait "$pid" || true
    done
}
