#!/usr/bin/env bash
# What a capture costs: replay through three-tier.yaml with a summary, one worker, beside tcpdump that filters by one port. Processor time of whole processes.
#
#   bench/peers/tcpdump.sh [CAPTURE [ROUNDS]]      REBUILD=1 publishes the program anew; PACKETS=N makes a smaller capture where there is none
set -euo pipefail
source "$(dirname "$0")/compare.sh"
capture=${1:-/tmp/dataplane-bench.pcap}
need tcpdump "On Debian and Ubuntu: apt-get install tcpdump"
prepare "$capture"
peer() { tcpdump -r "$capture" -w /dev/null 'tcp port 80'; }
product() { dotnet "$program" replay --workers 1 -t "$root/captures/three-tier.yaml" "$capture"; }
compare "${2:-5}" "tcpdump 'tcp port 80'" "replay, summary, one worker"
