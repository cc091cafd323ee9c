#!/bin/bash
# Makes dns-icmp-traceroute.pcap: names, pings and traceroutes on three-tier.yaml, with nanosecond timestamps.
# Captured on the web server and, without what the first has already, on the name server.
# Packages: tcpdump wireshark-common dnsmasq-base bind9-dnsutils iputils-ping traceroute
# usage: dns-icmp-traceroute.sh [--install]
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
begin "$@" -- tcpdump:tcpdump mergecap:wireshark-common dnsmasq:dnsmasq-base dig:bind9-dnsutils ping:iputils-ping traceroute:traceroute

three_tier
# The name server of the app subnet, a stand-in for the VPC's own (10.0.0.2), and one on the internet.
printf '%s\n' 'web.shop.internal 10.0.1.10' | awk '{ print $2, $1 }' > "$WORK/hosts"
echo '10.0.2.20 app.shop.internal' >> "$WORK/hosts"
echo '10.0.3.30 db.shop.internal' >> "$WORK/hosts"
inside rtr ip addr add 10.0.0.2/32 dev lo
names() {
    local ns=$1 address=$2; shift 2
    spawn "$ns" dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --group=root --pid-file= --no-resolv \
        --bind-interfaces --listen-address="$address" --addn-hosts="$WORK/hosts" --no-hosts "$@"
}
# Forwards all but shop.internal to a host that never answers.
names dns 10.0.2.53 --local=/shop.internal/ --server=198.51.100.53 --txt-record=long.shop.internal,"$(printf 'x%.0s' {1..250})"
names rtr 10.0.0.2 --local=/shop.internal/
names inet 198.51.100.54 --address=/example.com/198.51.100.80
inside inet ip route add blackhole 198.51.100.53/32 2> /dev/null || true
inside inet ip addr del 198.51.100.53/24 dev eth0
wait_port dns 10.0.2.53 53
wait_port rtr 10.0.0.2 53
wait_port inet 198.51.100.54 53

capture web "$WORK/web.pcap" -i eth0 --time-stamp-precision=nano
capture dns "$WORK/dns.pcap" -i eth0 --time-stamp-precision=nano 'not host 10.0.1.10'

ask() { local ns=$1; shift; inside "$ns" dig +tries=1 +time=1 "$@" > /dev/null || true; }
# Names: answered ones ...
for name in web app db long; do
    for kind in A AAAA TXT; do
        ask web @10.0.2.53 "$name.shop.internal" $kind
        ask app @10.0.2.53 "$name.shop.internal" $kind
        ask db @10.0.2.53 "$name.shop.internal" $kind
    done
done
ask web @10.0.2.53 +tcp long.shop.internal TXT
ask web @10.0.0.2 db.shop.internal
ask web @10.0.0.2 app.shop.internal
# ... over TCP from the database (only the web tier may), from a stranger, from a server of the internet ...
ask db @10.0.2.53 +tcp web.shop.internal
ask inet -b 198.51.100.61 @10.0.1.10 web.shop.internal &
ask inet -b 198.51.100.62 @10.0.2.53 web.shop.internal &
ask web @198.51.100.54 example.com &
# ... and ones that nobody answers: a forwarder's dead end, an address without a host.
ask web @10.0.2.53 nowhere.example.org &
ask app @10.0.2.53 nowhere.example.net &
ask web @10.0.2.99 web.shop.internal &
settle

# Pings, both ways, allowed and not.
ping_from() { local ns=$1; shift; inside "$ns" ping -q -i 0.1 -W 1 "$@" > /dev/null || true; }
ping_from inet -c 10 -I 203.0.113.20 10.0.1.10 &
ping_from inet -c 10 -I 198.51.100.61 10.0.1.10 &
ping_from inet -c 5 -I 198.51.100.66 10.0.1.10 &
ping_from web -c 10 198.51.100.70 &
ping_from web -c 10 10.0.2.20 &
ping_from app -c 5 10.0.1.10 &
ping_from web -c 5 10.0.2.53 &
ping_from web -c 5 10.0.3.30 &
ping_from web -c 3 10.0.1.1 &
ping_from web -c 3 10.0.1.77 &
ping_from app -c 5 10.0.2.53 &
ping_from web -c 5 -s 1400 203.0.113.20 &
settle

# Traceroutes: UDP and ICMP, outward and inward; then TCP.
trace_from() { local ns=$1; shift; inside "$ns" traceroute -n -q 3 -w 1 -m 6 "$@" > /dev/null 2>&1 || true; }
trace_from web 198.51.100.70 &
trace_from web -I 198.51.100.71 &
trace_from web -T -p 443 198.51.100.72 &
settle
trace_from inet -s 198.51.100.61 10.0.1.10 &
trace_from inet -I -s 203.0.113.21 10.0.1.10 &
trace_from inet -I -s 198.51.100.63 10.0.1.10 &
trace_from inet -T -p 80 -s 198.51.100.64 10.0.1.10 &
trace_from app 10.0.1.10 &
trace_from app -I 10.0.1.10 &
settle
end_capture
mergecap -F nsecpcap -w "$WORK/all.pcap" "$WORK/web.pcap" "$WORK/dns.pcap"
finish "$WORK/all.pcap" dns-icmp-traceroute.pcap
