#!/bin/sh
# Replays what is kept for one fuzz target, then fuzzes it for so many seconds: sh tests/fuzz/fuzz_target.sh PROGRAM SECONDS
# Prints its figures. Exits with 1, naming the input, if one crashes, hangs (over 1 s) or takes too much memory.
set -eu
program=$1
seconds=$2
here=$(dirname "$0")
target=${program##*/fuzz_}
work=$(dirname "$program")/work/$target
log=$work/log

# The limit of 256 MiB is meant for what an input makes the library take. AddressSanitizer would keep up to 256 MiB of freed memory
# besides, so it is told to keep 16; its shadow memory counts as well, which is about an eighth of what is in use.
export ASAN_OPTIONS=quarantine_size_mb=16:malloc_context_size=5:detect_leaks=1:allocator_release_to_os_interval_ms=500

# Where the first folder is missing, libFuzzer would take nothing of the others.
mkdir -p "$work/corpus" "$work/seeds/$target" # not all targets have seeds
python3 "$here/../tools/make_fuzz_seeds.py" "$work/seeds"

# try SECONDS: its log ends with the reason if it does not end well.
try() {
  "$program" -max_total_time="$1" -timeout=1 -rss_limit_mb=256 -max_len=512 -entropic=0 -print_final_stats=1 \
    -dict="$here/pickle.dict" -artifact_prefix="$work/" "$work/corpus" "$here/corpus/$target" "$work/seeds/$target" >>"$log" 2>&1
}

# The input at which it ended.
found() {
  sed -n 's/.*Test unit written to //p' "$log" | tail -n 1
}

# The limit of a second is by the clock on the wall, so where the machine itself stood still, the input is quick enough when it
# is run again, and the fuzzer goes on.
fuzz() {
  end=$(($(date +%s) + seconds))
  left=$seconds # never 0, which would be without end
  while ! try "$left"; do
    input=$(found)
    case $input in "$work/timeout-"*) ;; *) return 1 ;; esac
    "$program" -timeout=1 "$input" >>"$log" 2>&1 || return 1
    left=$((end - $(date +%s)))
    [ "$left" -gt 0 ] || return 0
  done
}

# most NAME: the largest of the figures by that name, as libFuzzer prints them at its end.
most() {
  sed -n "s/^stat::$1: *//p" "$log" | sort -n | tail -n 1
}

: >"$log"
if ! fuzz; then
  tail -n 40 "$log" >&2
  echo "fuzz: $target FAILED: $(found)" >&2
  exit 1
fi
executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | awk '{ all += $1 } END { print all }')
echo "fuzz: $target: $executed executions, the slowest $(most slowest_unit_time_sec) s, at most $(most peak_rss_mb) MiB, nothing found"
