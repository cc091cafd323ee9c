#!/bin/bash
# Makes link-types.pcapng: one file, three link types, on three-tier.yaml. The router's way to the internet is a tunnel
# of bare IP packets (raw IP); the web server captures its traffic with the application with -i any (Linux cooked v1);
# the name server's traffic is Ethernet. A file server on port 80, an application on 8080, names, and attempts that fail.
# Packages: tcpdump wireshark-common socat curl dnsmasq-base bind9-dnsutils iputils-ping
# usage: link-types.sh [--install]
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
begin "$@" -- tcpdump:tcpdump mergecap:wireshark-common socat:socat curl:curl dnsmasq:dnsmasq-base dig:bind9-dnsutils ping:iputils-ping

TUNNEL=yes three_tier
mkdir "$WORK/www"
head -c 5000 /dev/zero | tr '\0' 'x' > "$WORK/www/page"
spawn web python3 -m http.server --bind 10.0.1.10 --directory "$WORK/www" 80
spawn app python3 -m http.server --bind 10.0.2.20 --directory "$WORK/www" 8080
spawn dns dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --group=root --pid-file= --no-resolv --no-hosts \
    --bind-interfaces --listen-address=10.0.2.53 --address=/shop.internal/10.0.3.30
wait_port web 10.0.1.10 80
wait_port app 10.0.2.20 8080
wait_port dns 10.0.2.53 53

capture rtr "$WORK/raw.pcap" -i ext
capture web "$WORK/cooked.pcap" -i any -y LINUX_SLL 'host 10.0.2.20'
capture dns "$WORK/ethernet.pcap" -i eth0 'not host 10.0.1.10'

get() { local ns=$1; shift; inside "$ns" curl -s -o /dev/null --max-time 5 "$@" || true; }
for i in {10..21}; do
    get inet --interface "198.51.100.$i" http://10.0.1.10/page                     # works
    get web http://10.0.2.20:8080/page                                             # works
    inside app dig +tries=1 +time=1 @10.0.2.53 "n$i.shop.internal" > /dev/null || true   # works, inside the subnet
    inside db dig +tries=1 +time=1 @10.0.2.53 "n$i.shop.internal" > /dev/null || true    # works, between subnets
done
inside inet ping -q -c 5 -i 0.1 -I 203.0.113.11 10.0.1.10 > /dev/null              # works: the office
inside inet ping -q -c 5 -i 0.1 -I 198.51.100.30 10.0.1.10 > /dev/null             # not the office
for i in 31 32 33; do get inet --interface "198.51.100.$i" http://10.0.1.10:81/; done   # below 1024: the ACL
for i in 34 35 36; do get inet --interface "198.51.100.$i" http://10.0.1.10:8081/; done # above: the group
get app http://10.0.1.10/page                                                      # the application calls the web server
inside app ping -q -c 3 -i 0.1 10.0.2.53 > /dev/null                               # a ping inside the subnet
end_capture
mergecap -F pcapng -w "$WORK/all.pcapng" "$WORK/raw.pcap" "$WORK/cooked.pcap" "$WORK/ethernet.pcap"
anonymous "$WORK/all.pcapng"
finish "$WORK/all.pcapng" link-types.pcapng
