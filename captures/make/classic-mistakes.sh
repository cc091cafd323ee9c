#!/bin/bash
# Makes classic-mistakes.pcapng: what users of classic-mistakes.yaml do all day, and wonder about. Captured on the
# router's internet side, on the bridge of the web subnet (traffic to the API's public address) and on the bridge of the admin
# subnet (names).
# Packages: wireshark-common curl dnsmasq-base bind9-dnsutils
# usage: classic-mistakes.sh [--install]
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
begin "$@" -- dumpcap:wireshark-common curl:curl dnsmasq:dnsmasq-base dig:bind9-dnsutils

classic_mistakes
mkdir "$WORK/www"
head -c 3000 /dev/zero | tr '\0' 'x' > "$WORK/www/page"
serve() { spawn "$1" python3 -m http.server --bind "$2" --directory "$WORK/www" "$3"; }
serve web :: 80; serve api 0.0.0.0 8080; serve bastion 0.0.0.0 22; serve report 0.0.0.0 22; serve report 0.0.0.0 443; serve inet :: 443
spawn dns dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --group=root --pid-file= --no-resolv --no-hosts \
    --bind-interfaces --listen-address=10.2.3.53 --address=/example.com/198.51.100.80 --local=/example.com/
wait_port web ::1 80; wait_port api 127.0.0.1 8080; wait_port bastion 127.0.0.1 22; wait_port report 127.0.0.1 443
wait_port report 127.0.0.1 22; wait_port inet ::1 443; wait_port dns 10.2.3.53 53

capture_ng rtr "$WORK/mistakes.pcapng" -i ext -i br-admin -f 'port 53' -i to-web -f 'host 198.18.0.2'
get() { local ns=$1; shift; inside "$ns" curl -s -o /dev/null --max-time 5 "$@" || true; }
for i in 10 11 12 13 14 15; do
    get inet --interface 198.51.100.$i http://10.2.1.10/page                   # works
    get inet --interface 2001:db8:f00::$i 'http://[2001:db8:100::4]/page'      # IPv6 was forgotten
    get web http://198.51.100.80:443/page                                     # the answer needs an ephemeral port
    get web 'http://[2001:db8:f00::50]:443/page'
    get web http://198.18.0.2:8080/page                                       # the API by its public address
    get app http://198.51.100.80:443/page                                     # through the filter instance
    inside app dig +tries=1 +time=1 @10.2.3.53 www.example.com > /dev/null || true
    inside web dig +tries=1 +time=1 @10.2.3.53 www.example.com > /dev/null || true
    get inet --interface 203.0.113.$i http://10.2.3.22:22/page                # the office to the bastion
    get inet --interface 198.51.100.$i http://10.2.3.22:22/page               # a stranger to the bastion
    get inet --interface 198.51.100.$i http://10.2.4.40:22/page               # a stranger to the report server
    get inet --interface 203.0.113.$i http://10.2.4.40:443/page               # its users
done
end_capture
anonymous "$WORK/mistakes.pcapng"
finish "$WORK/mistakes.pcapng" classic-mistakes.pcapng
