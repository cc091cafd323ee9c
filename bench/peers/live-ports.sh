#!/usr/bin/env bash
# What each live back-end costs by itself, without an engine: a generator, a forwarder and a receiver in three network namespaces of its own.
# Usage, as root: bench/peers/live-ports.sh [ROUNDS [SECONDS]]. Needs iproute2 and ethtool. Prints a line for each method, forwarding and dropping, in turn.
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=${1:-3}
seconds=${2:-4}
[ "$(id -u)" = 0 ] || { echo "network namespaces need root: run it as root" >&2; exit 5; }
for tool in ip ethtool; do
    command -v "$tool" >/dev/null || { echo "$tool: not found. Debian: apt-get install iproute2 ethtool" >&2; exit 5; }
done

dotnet build -c Release -nologo -clp:ErrorsOnly bench/Dataplane.Bench >&2
bench=bench/Dataplane.Bench/bin/Release/net10.0/Dataplane.Bench
name=dplp-$$
cleanup() {
    [ -z "${pid:-}" ] || kill "$pid" 2>/dev/null || true
    for space in g m s; do
        ip netns del "$name-$space" 2>/dev/null || true
    done
}
trap cleanup EXIT

for space in g m s; do
    ip netns add "$name-$space"
done

ip link add "dpg$$" netns "$name-g" type veth peer name pa netns "$name-m"
ip link add "dps$$" netns "$name-s" type veth peer name pb netns "$name-m"
ip -n "$name-g" link set "dpg$$" name eth0
ip -n "$name-s" link set "dps$$" name eth0
for end in g:eth0 s:eth0 m:pa m:pb; do
    space=$name-${end%%:*}
    interface=${end##*:}
    ip netns exec "$space" ethtool -K "$interface" tx off tso off gso off gro off >/dev/null
    ip netns exec "$space" sh -c "echo 1 >/proc/sys/net/ipv6/conf/$interface/disable_ipv6"
    ip -n "$space" link set "$interface" up
done

for round in $(seq "$rounds"); do
    for method in xdp packet pcap; do
        for what in forward drop; do
            ip netns exec "$name-m" "$bench" live-ports pa pb "$method" "$seconds" "$what" >"/tmp/$name.out" &
            pid=$!
            ip netns exec "$name-g" "$bench" live-send eth0 $((seconds + 2)) >/dev/null
            wait "$pid"
            pid=
            echo "$round $what $(tail -1 "/tmp/$name.out")"
            rm -f "/tmp/$name.out"
        done
    done
done
