#!/usr/bin/env bash
# Cold start: wall and CPU seconds of `replay` on a small capture, the published program (with the machine's .NET, and with its own) and the built one in turn. Floor 0.8 s of wall clock, goal 0.3 s.
# Usage: bench/peers/cold-start.sh [ROUNDS]. Needs the .NET 10 SDK and GNU time; the first time some minutes, for .NET itself is fetched. Fails when they do not judge the capture alike.
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=${1:-9}
if ! [ -x /usr/bin/time ]; then
    echo "/usr/bin/time: not found. Install the package time." >&2
    exit 1
fi

case $(uname -m) in
    aarch64) rid=linux-arm64 ;;
    *) rid=linux-x64 ;;
esac
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
dotnet build src/Dataplane.Cli -c Release -v q -nologo >"$out/log" || { cat "$out/log" >&2; exit 1; }
dotnet publish src/Dataplane.Cli -c Release -r "$rid" -o "$out/published" -v q -nologo >"$out/log" || { cat "$out/log" >&2; exit 1; }
dotnet publish src/Dataplane.Cli -c Release -r "$rid" --self-contained -p:PublishReadyToRunComposite=true -o "$out/whole" -v q -nologo >"$out/log" || { cat "$out/log" >&2; exit 1; }
program=src/Dataplane.Cli/bin/Release/net10.0/dataplane.dll

replay=(replay -t captures/three-tier.yaml captures/three-tier-web.pcapng)
"$out/published/dataplane" "${replay[@]}" --packets "$out/published.jsonl" >/dev/null
"$out/whole/dataplane" "${replay[@]}" --packets "$out/whole.jsonl" >/dev/null
dotnet "$program" "${replay[@]}" --packets "$out/built.jsonl" >/dev/null
cmp "$out/published.jsonl" "$out/built.jsonl"
cmp "$out/whole.jsonl" "$out/built.jsonl"

for ((i = 0; i < rounds; i++)); do
    /usr/bin/time -a -o "$out/published.times" -f "%e %U %S" "$out/published/dataplane" "${replay[@]}" >/dev/null
    /usr/bin/time -a -o "$out/whole.times" -f "%e %U %S" "$out/whole/dataplane" "${replay[@]}" >/dev/null
    /usr/bin/time -a -o "$out/built.times" -f "%e %U %S" dotnet "$program" "${replay[@]}" >/dev/null
done

echo "program     wall s   CPU s   (medians of $rounds rounds; records of all are equal)"
for name in published whole built; do
    sort -n "$out/$name.times" | awk -v n="$name" '{ w[NR] = $1; c[NR] = $2 + $3 } END { m = int((NR + 1) / 2); printf "%-10s %7.2f %7.2f\n", n, w[m], c[m] }'
done
