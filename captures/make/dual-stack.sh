#!/bin/bash
# Makes dual-stack.pcapng: IPv4 and IPv6 side by side on dual-stack.yaml: both families to the front server, the back
# server's way out over IPv6, and what strangers try. Captured on the router's internet side and on the bridge of the
# private subnet (there: only what comes from or goes to the VPC, and neighbour discovery).
# Packages: wireshark-common curl iputils-ping traceroute
# usage: dual-stack.sh [--install]
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
begin "$@" -- dumpcap:wireshark-common curl:curl ping:iputils-ping traceroute:traceroute

dual_stack
mkdir "$WORK/www"
head -c 6000 /dev/zero | tr '\0' 'x' > "$WORK/www/page"
for port in 80 443 8443; do spawn front python3 -m http.server --bind :: --directory "$WORK/www" $port; done
for port in 22 8080 50000; do spawn back python3 -m http.server --bind :: --directory "$WORK/www" $port; done
for port in 80 443; do spawn inet python3 -m http.server --bind :: --directory "$WORK/www" $port; done
cat > "$WORK/echo.py" << 'PY'
import socket, sys, threading
def serve(port):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind(("::", port))
    while True:
        data, peer = s.recvfrom(65536)
        s.sendto(data, peer)
for port in map(int, sys.argv[1:]):
    threading.Thread(target=serve, args=(port,)).start()
PY
spawn front python3 "$WORK/echo.py" 5140 5141
for port in 80 443 8443; do wait_port front ::1 $port; done
for port in 22 8080 50000; do wait_port back ::1 $port; done
for port in 80 443; do wait_port inet ::1 $port; done
# The last link to the clients is narrower: packet too big has to come back over IPv6 too.
inside isp ip link set inet0 mtu 1400

capture_ng rtr "$WORK/dual.pcapng" \
    -i ext \
    -i br-priv -f 'net 10.1.1.0/24 or net 2001:db8:1:1::/64 or arp or (icmp6 and ip6[40] >= 133 and ip6[40] <= 137)'

get() { local ns=$1; shift; inside "$ns" curl -s -o /dev/null --max-time 5 "$@" || true; }
say_udp() { inside "$1" python3 -c 'import socket, sys
a, p = sys.argv[1], int(sys.argv[2])
s = socket.socket(socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(0.5); s.bind((sys.argv[3], 0))
for i in range(4):
    s.sendto(b"<13>line %d" % i, (a, p))
    try: s.recv(100)
    except OSError: pass' "$2" "$3" "$4"; }

front4=10.1.1.10 front6=2001:db8:1:1::10 back4=10.1.2.20 back6=2001:db8:1:2::20
# Clients: both families, the same services; 8443 was opened for IPv4 only.
for i in 10 11 12 13; do
    for port in 80 443 8443; do
        get inet --interface 198.51.100.$i "http://$front4:$port/page" &
        get inet --interface 2001:db8:f00::$i "http://[$front6]:$port/page" &
    done
    settle
done
inside inet ping -q -c 5 -i 0.1 -I 198.51.100.14 $front4 > /dev/null &
inside inet ping -q -c 5 -i 0.1 -I 2001:db8:f00::14 $front6 > /dev/null &
say_udp inet $front4 5140 198.51.100.15 &
say_udp inet $front6 5140 2001:db8:f00::15 &
say_udp inet $front4 5141 198.51.100.16 &
say_udp inet $front6 5141 2001:db8:f00::16 &
settle
# Front to back, and front to the internet: 443 may leave the public subnet, 80 may not.
for to in $back4 "[$back6]"; do get front "http://$to:8080/page" & get front "http://$to:22/page" & done
inside front ping -q -c 3 -i 0.1 $back4 > /dev/null &
inside front ping -q -c 3 -i 0.1 $back6 > /dev/null &
for port in 443 80; do get front http://198.51.100.20:$port/page & get front "http://[2001:db8:f00::20]:$port/page" & done
settle
# Back to the internet: IPv6 through the egress-only gateway; IPv4 has no way.
for port in 80 443; do get back "http://[2001:db8:f00::21]:$port/page" & get back http://198.51.100.21:$port/page & done
inside back ping -q -c 5 -i 0.1 2001:db8:f00::22 > /dev/null &
inside back traceroute -6 -I -n -q 2 -w 1 -m 5 2001:db8:f00::23 > /dev/null &
get back "http://[$front6]:80/page" &
get back "http://$front4:80/page" &
settle
# Strangers to the private subnet.
for port in 22 8080 50000; do get inet --interface 2001:db8:f00::30 "http://[$back6]:$port/page" & get inet --interface 198.51.100.30 "http://$back4:$port/page" & done
inside inet ping -q -c 5 -i 0.1 -I 2001:db8:f00::31 $back6 > /dev/null &
inside inet ping -q -c 3 -i 0.1 -W 1 -I 2001:db8:f00::32 2001:db8:1:2::99 > /dev/null &
inside inet traceroute -6 -n -q 2 -w 1 -m 5 -s 2001:db8:f00::33 $front6 > /dev/null &
settle
end_capture
anonymous "$WORK/dual.pcapng"
finish "$WORK/dual.pcapng" dual-stack.pcapng
