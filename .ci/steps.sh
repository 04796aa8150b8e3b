# What .ci/run and .ci/long share: where they run, what they install, and steps with a limit and their times. Sourced
# with SECONDS_MAX set: the seconds after which a run has failed, so that a hang is a failure too.
set -euo pipefail
exec </dev/null
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export CI=true
export CARGO_INCREMENTAL=0

# Real data that is too large to keep here. The tests that want it say so when it is not there.
if [[ -z "${COUNTERFOIL_SHARED:-}" && -d ../shared ]]; then
    COUNTERFOIL_SHARED="$(cd ../shared && pwd)"
fi
if [[ -n "${COUNTERFOIL_SHARED:-}" ]]; then
    export COUNTERFOIL_SHARED
fi

say() { printf '\n== %s\n' "$*"; }
shout() { printf '\n!! %s\n' "$*" >&2; }

# What took how long, in the order in which it was done; printed however the run ends.
times=()
print_times() {
    ((${#times[@]} == 0)) && return
    say "times"
    printf '%s\n' "${times[@]}"
    printf '%8d s  of %d at most\n' "$SECONDS" "$SECONDS_MAX"
}
trap print_times EXIT

# step NAME COMMAND...: runs the command with the time that is left, and ends the run if it fails.
step() {
    local name=$1 started=$SECONDS left=$((SECONDS_MAX - SECONDS)) status=0
    shift
    if ((left <= 0)); then
        shout "$name: not started, the $SECONDS_MAX seconds are used up"
        exit 1
    fi
    say "$name"
    timeout --kill-after=10 "$left" "$@" || status=$?
    times+=("$(printf '%8d s  %s' $((SECONDS - started)) "$name$( ((status == 0)) || printf ' FAILED')")")
    if ((status != 0)); then
        shout "$name FAILED with status $status after $((SECONDS - started)) s: $*"
        exit 1
    fi
    say "$name: ok, $((SECONDS - started)) s"
}

as_root() {
    if ((EUID == 0)); then "$@"; else sudo -n "$@"; fi
}

install_strace() {
    command -v strace >/dev/null && return
    say "installing strace"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends strace
}

# The second verifier is Python: standard library and the blake3 package.
install_python_blake3() {
    python3 -c 'import blake3' 2>/dev/null && return
    say "installing the Python package blake3"
    python3 -m pip install --quiet 'blake3>=1,<2' ||
        python3 -m pip install --quiet --break-system-packages 'blake3>=1,<2'
    python3 -c 'import blake3'
}
