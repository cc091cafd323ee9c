#!/bin/bash
# Makes every capture again, one after the other (about three minutes). usage: all.sh [--install]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
for script in three-tier-web port-scan ssh-brute-force dns-icmp-traceroute tcp-lifecycle dual-stack fragments classic-mistakes link-types; do
    "./$script.sh" "$@"
done
