# Sourced by the scripts beside it: runs two commands in turn and prints medians of processor time (user + system) and their ratio.

# need COMMAND HOW: ends with a word on how to install what is missing.
need() {
    command -v "$1" > /dev/null 2>&1 || { echo "$1 is not installed. $2" >&2; exit 3; }
}

# cpu COMMAND...: processor seconds of one run; its output goes nowhere.
cpu() {
    local times
    times=$( { TIMEFORMAT='%U %S'; time "$@" > /dev/null 2>&1; } 2>&1 ) || { echo "failed: $*" >&2; return 1; }
    awk '{ printf "%.3f\n", $1 + $2 }' <<< "$times"
}

median() {
    sort -n | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# compare ROUNDS PEER-NAME PRODUCT-NAME: runs the functions peer and product in turn.
compare() {
    local rounds=$1 peers=() products=() i
    cpu peer > /dev/null && cpu product > /dev/null || exit 1    # the file comes into the page cache
    for ((i = 0; i < rounds; i++)); do
        peers+=("$(cpu peer)")
        products+=("$(cpu product)")
    done

    local a b
    a=$(printf '%s\n' "${peers[@]}" | median)
    b=$(printf '%s\n' "${products[@]}" | median)
    printf '%-34s %10s  %s\n' "processor seconds, $rounds rounds in turn" median "each round"
    printf '%-34s %10.2f  %s\n' "$2" "$a" "${peers[*]}"
    printf '%-34s %10.2f  %s\n' "$3" "$b" "${products[*]}"
    awk -v a="$a" -v b="$b" 'BEGIN { printf "peer / product %.2f\n", a / b }'
}

# prepare CAPTURE: the published program and the capture that the figures are made with, where they are not there yet.
prepare() {
    need dotnet "Install the .NET 10 SDK: https://dotnet.microsoft.com/download"
    root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
    program=$root/artifacts/bench/dataplane.dll
    if [[ ! -f $program || -n ${REBUILD:-} ]]; then
        dotnet publish "$root/src/Dataplane.Cli" -c Release -r "$(dotnet --info | awk '/^ RID:/ { print $2 }')" --self-contained false -p:PublishReadyToRun=true -v q -nologo -o "$root/artifacts/bench" >&2 || exit 1
    fi

    if [[ ! -f $1 ]]; then
        dotnet run -c Release --project "$root/bench/Dataplane.Bench" -- make-capture "$1" "${PACKETS:-14130000}" 60 >&2 || exit 1
    fi
}
