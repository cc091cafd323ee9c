#!/usr/bin/env bash
# A VPC in a box: three hosts, each a network namespace, and between them nothing but `dataplane run`.
#
#   internet 192.0.2.7 ---- Gateway |                | Web 10.0.1.10 (198.18.0.1 outside) ---- web
#                                   | dataplane run  |
#                                   |                | Database 10.0.2.20 ---- database
#
# Needs root, iproute2, ethtool, curl, python3. Makes namespaces dpbox-*, removes them at the end. DATAPLANE is the program's command.
set -euo pipefail
cd "$(dirname "$0")"
dataplane=${DATAPLANE:-dotnet run -c Release --project ../../src/Dataplane.Cli --}
hosts=(internet web database)
out=$(mktemp -d)
pids=()

clean() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    for host in "${hosts[@]}" box; do ip netns delete "dpbox-$host" 2>/dev/null || true; done
    rm -rf "$out"
}
trap clean EXIT

ip netns add dpbox-box
for host in "${hosts[@]}"; do
    ip netns add "dpbox-$host"
    ip -n dpbox-box link add "$host" type veth peer name eth0 netns "dpbox-$host"
    for side in "dpbox-box $host" "dpbox-$host eth0"; do
        read -r space device <<<"$side"
        ip netns exec "$space" ethtool -K "$device" tx off gro off gso off tso off >/dev/null 2>&1 || true
        ip -n "$space" link set "$device" up
    done
    ip -n "dpbox-$host" link set lo up
done
ip -n dpbox-internet address add 192.0.2.7/24 dev eth0
ip -n dpbox-internet route add 198.18.0.0/15 dev eth0
ip -n dpbox-web address add 10.0.1.10/24 dev eth0
ip -n dpbox-web route add default via 10.0.1.1
ip -n dpbox-database address add 10.0.2.20/24 dev eth0
ip -n dpbox-database route add default via 10.0.2.1

# A web server that does not ask the name service for its own name, since there is none here.
serve() {
    ip netns exec "dpbox-$1" python3 -c '
import http.server, socketserver, sys
class Server(socketserver.ThreadingMixIn, socketserver.TCPServer): allow_reuse_address = True
class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello from " + sys.argv[1].encode())
Server((sys.argv[2], int(sys.argv[3])), Hello).serve_forever()' "$1" "$2" "$3" >/dev/null 2>&1 &
    pids+=($!)
}
serve web 10.0.1.10 80
serve web 10.0.1.10 22
serve database 10.0.2.20 5432

ip netns exec dpbox-box $dataplane run -t vpc.yaml --attach Web=web --attach Database=database --attach Gateway=internet >"$out/summary" 2>"$out/log" & engine=$!
for _ in $(seq 300); do grep -q "^Running on" "$out/log" && break; kill -0 $engine 2>/dev/null || { cat "$out/log"; exit 1; }; sleep 0.1; done

show() {
    local from=$1 url=$2
    printf '%-9s curl %-32s ' "$from" "$url"
    if answer=$(ip netns exec "dpbox-$from" curl -s -m 3 "$url"); then echo "$answer"; else echo "no answer"; fi
}
show internet http://198.18.0.1/
show internet http://198.18.0.1:22/
show web http://10.0.2.20:5432/
show internet http://10.0.2.20:5432/

kill -TERM $engine
wait $engine || true
echo
cat "$out/summary"
