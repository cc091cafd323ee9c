#!/usr/bin/env bash
# What --filter costs: the same expression in libpcap's filter (tcpdump counts what it finds by writing it to nowhere) and in replay, which judges every packet besides.
# Both must find the same packets: the script counts them first.
#
#   bench/peers/pcap-filter.sh [CAPTURE [ROUNDS [EXPRESSION]]]
set -euo pipefail
source "$(dirname "$0")/compare.sh"
capture=${1:-/tmp/dataplane-bench.pcap}
expression=${3:-'tcp and port 443 and net 198.0.0.0/13'}
need tcpdump "On Debian and Ubuntu: apt-get install tcpdump"
prepare "$capture"
peer() { tcpdump -r "$capture" -w /dev/null "$expression"; }
product() { dotnet "$program" replay --workers 1 -t "$root/captures/three-tier.yaml" --filter "$expression" "$capture"; }
found=$(tcpdump -r "$capture" --count "$expression" 2> /dev/null | awk '/packet/ { print $1 }')
ours=$(dotnet "$program" replay --workers 1 -t "$root/captures/three-tier.yaml" --filter "$expression" --summary - "$capture" 2> /dev/null \
    | awk '/"packets": \{/ { on = 1; next } on && /\}/ { exit } on { gsub(/[^0-9]/, ""); sum += $0 } END { print sum + 0 }')
echo "packets that match: libpcap $found, replay $ours"
[[ $found == "$ours" ]] || { echo "They differ." >&2; exit 1; }
compare "${2:-5}" "tcpdump '$expression'" "replay --filter, one worker"
