#!/bin/sh
# Replays the inputs that are kept for one fuzz target, then fuzzes it for SECONDS.
#   sh tests/fuzz/fuzz_target.sh PROGRAM SECONDS
# Prints its figures. Exits with 1 and names the input if an input crashes PROGRAM, hangs (over 1 s)
# or takes too much memory.
set -eu
usage='usage: fuzz_target.sh PROGRAM SECONDS'
case ${1:-} in -*) echo "fuzz_target.sh: unknown flag '$1'; $usage" >&2; exit 2 ;; esac
program=${1:?$usage}
seconds=${2:?$usage}
here=$(dirname "$0")
target=${program##*/fuzz_}
work=$(dirname "$program")/work/$target
log=$work/log

# The limit of 256 MiB is for the memory that an input makes the library take. By default,
# AddressSanitizer also keeps up to 256 MiB of freed memory, so its quarantine is set to 16 MiB. Its
# shadow memory also counts, about an eighth of the memory in use.
asan=quarantine_size_mb=16:malloc_context_size=5:detect_leaks=1
export ASAN_OPTIONS=$asan:allocator_release_to_os_interval_ms=500

# libFuzzer reads no folder at all if the first one is missing.
mkdir -p "$work/corpus" "$work/seeds/$target" # some targets have no seeds
python3 "$here/../tools/make_fuzz_seeds.py" "$work/seeds"

# try SECONDS: fuzzes once. On failure, the log ends with the reason.
try() {
  "$program" -max_total_time="$1" -timeout=1 -rss_limit_mb=256 -max_len=512 -entropic=0 \
    -print_final_stats=1 -dict="$here/pickle.dict" -artifact_prefix="$work/" \
    "$work/corpus" "$here/corpus/$target" "$work/seeds/$target" >>"$log" 2>&1
}

# Prints the input at which the last try failed.
found() {
  sed -n 's/.*Test unit written to //p' "$log" | tail -n 1
}

# The timeout of a second is measured in wall-clock time, so a stalled machine can exceed it. An
# input that is quick enough when it runs again does not count, and the fuzzing goes on.
fuzz() {
  end=$(($(date +%s) + seconds))
  left=$seconds # never 0: libFuzzer would run without end
  while ! try "$left"; do
    input=$(found)
    case $input in "$work/timeout-"*) ;; *) return 1 ;; esac
    "$program" -timeout=1 "$input" >>"$log" 2>&1 || return 1
    left=$((end - $(date +%s)))
    [ "$left" -gt 0 ] || return 0
  done
}

# largest NAME: prints the largest figure of that name. libFuzzer prints its figures at its end.
largest() {
  sed -n "s/^stat::$1: *//p" "$log" | sort -n | tail -n 1
}

: >"$log"
if ! fuzz; then
  tail -n 40 "$log" >&2
  echo "fuzz: $target FAILED: $(found)" >&2
  exit 1
fi
executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" |
  awk '{ all += $1 } END { print all }')
echo "fuzz: $target: $executed executions, the slowest $(largest slowest_unit_time_sec) s," \
  "at most $(largest peak_rss_mb) MiB, nothing found"
