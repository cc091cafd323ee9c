#!/usr/bin/env bash
# DPDK's rte_acl and `dataplane bench --rules --headers` on the same rules and headers, in turn, several rounds; prints one table with medians and the ratio.
#
#   bench/peers/rte_acl.sh [ROUNDS=5] [SECONDS=0.4] [KINDS="acl fw ipc sg"] [SIZES="10 60 100 1000 10000"]
#
# rte_acl runs with every method that the processor has; the best one of each round counts. Both write the number of the first matching rule of every header, which must be
# equal, and a sample of them is checked against asking one rule after the other. Needs gcc, pkg-config and libdpdk; no privileges. Exit 1 if anything differs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
rounds=${1:-5} seconds=${2:-0.4} kinds=${3:-acl fw ipc sg} sizes=${4:-10 60 100 1000 10000}

if ! pkg-config --exists libdpdk 2>/dev/null || ! command -v gcc >/dev/null; then
    echo "rte_acl.sh: gcc, pkg-config or libdpdk is missing. Install them: apt-get install gcc pkg-config libdpdk-dev" >&2
    exit 5
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck disable=SC2046
gcc -O3 -march=native -Wno-deprecated-declarations -o "$work/peer" "$here/rte_acl.c" $(pkg-config --cflags --libs libdpdk)
root=$here/../..
dotnet build "$root/src/Dataplane.Cli" -c Release -v q -nologo -clp:ErrorsOnly >/dev/null
dotnet build "$root/bench/Dataplane.Bench" -c Release -v q -nologo -clp:ErrorsOnly >/dev/null
product="dotnet $root/src/Dataplane.Cli/bin/Release/net10.0/dataplane.dll"
maker="dotnet $root/bench/Dataplane.Bench/bin/Release/net10.0/Dataplane.Bench.dll"

median() { sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
number() { sed -E "s/.*\"$1\":([0-9.]+).*/\1/"; }

grep -m 1 'model name' /proc/cpuinfo | sed 's/.*: //'
printf '%-4s %6s  %12s %12s %6s   %10s %10s   %12s %12s\n' kind rules 'M/s product' 'M/s rte_acl' ratio 'build ms' 'rte_acl' 'bytes' 'rte_acl'
failed=0
for kind in $kinds; do
    for size in $sizes; do
        files=$work/$kind$size
        $maker make-rules "$kind" "$size" 100000 "$files.rules" "$files.headers"
        : >"$files.product" && : >"$files.peer"
        for _ in $(seq "$rounds"); do
            "$work/peer" "$files.rules" "$files.headers" "$seconds" "$files.peer.out" >"$files.peer.text"
            $product bench --rules "$files.rules" --headers "$files.headers" --seconds "$seconds" --json -o "$files.out" >"$files.json"
            awk '$1 == "method" { print $3 }' "$files.peer.text" | sort -g | tail -n 1 >>"$files.peer"
            number millionLookupsPerCpuSecond <"$files.json" >>"$files.product"
            cmp -s "$files.peer.out" "$files.out" || { echo "$kind $size: the two give different rules" >&2; failed=1; }
        done
        $maker check-rules "$files.rules" "$files.headers" "$files.out" 10000 >&2 || failed=1
        ours=$(median <"$files.product") theirs=$(median <"$files.peer")
        printf '%-4s %6d  %12.1f %12.1f %6.2f   %10.1f %10.1f   %12d %12d\n' "$kind" "$size" "$ours" "$theirs" "$(awk "BEGIN { print $ours / $theirs }")" \
            "$(number buildMilliseconds <"$files.json")" "$(awk '$1 == "build" { print $2 }' "$files.peer.text")" \
            "$(number bytes <"$files.json")" "$(awk '$1 == "build" { print $3 }' "$files.peer.text")"
    done
done
exit $failed
