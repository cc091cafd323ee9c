#!/bin/bash
# Makes port-scan.pcap: a stranger on the internet (198.51.100.23) looks at the web server of three-tier.yaml with nmap:
# a ping sweep of its subnet, a SYN scan of the 1,000 usual ports, odd TCP flags, a few UDP ports, an operating
# system probe. 96 bytes of each packet are kept.
# Packages: tcpdump nmap
# usage: port-scan.sh [--install]
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
begin "$@" -- tcpdump:tcpdump nmap:nmap

three_tier
for port in 22 80 443 8080; do spawn web python3 -m http.server --bind 10.0.1.10 --directory "$WORK" $port; done
for port in 22 80 443 8080; do wait_port web 10.0.1.10 $port; done

capture rtr "$WORK/scan.pcap" -i ext -s 96
scan() { inside inet nmap -n -S 198.51.100.23 -e eth0 --max-retries 1 "$@" > "$WORK/nmap.log" 2>&1 || cat "$WORK/nmap.log" >&2; }
scan -sn -PE --min-rate 200 10.0.1.0/24                # who answers a ping
scan -Pn -sS --min-rate 300 10.0.1.10                  # SYN, 1,000 ports
scan -Pn -sF -p 22,80,443,3389,8080 10.0.1.10          # FIN
scan -Pn -sX -p 22,80,443,3389,8080 10.0.1.10          # FIN, PSH, URG
scan -Pn -sN -p 22,80,443,3389,8080 10.0.1.10          # no flags at all
scan -Pn -sA -p 22,80,443,3389,8080 10.0.1.10          # ACK
scan -Pn -sU -p 53,67,123,137,161,500,514,1900,4500,5353 10.0.1.10
scan -Pn -O -p 80,81 --max-os-tries 1 10.0.1.10        # what system is it
end_capture
finish "$WORK/scan.pcap" port-scan.pcap
