#!/bin/sh
# Fuzzes each target, or those named, for so many seconds, two at a time, beginning with the vectors and what was found before:
#   sh tests/fuzz/run.sh [SECONDS=60] [TARGET...]
# Needs clang, whose libFuzzer it is. Exits with 1, naming the input, if one crashes, hangs (over 1 s) or takes too much memory.
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-60}
[ $# -eq 0 ] || shift
command -v clang++ >/dev/null || { echo "fuzz: install clang and its compiler-rt (Debian: clang)" >&2; exit 2; }

targets=$*
if [ -z "$targets" ]; then
  for source in tests/fuzz/*.cpp; do
    grep -q 'int LLVMFuzzerTestOneInput(.*{$' "$source" && targets="$targets $(basename "$source" .cpp)"
  done
fi
all=$(for t in $targets; do echo "fuzz_$t"; done)
cmake --preset fuzz >/dev/null
# shellcheck disable=SC2086 # one word a target
cmake --build --preset fuzz --target $all
work=build/fuzz/work
python3 tests/tools/make_fuzz_seeds.py $work/seeds

# The limit of 256 MiB is meant for what an input makes the library take. AddressSanitizer would keep up to 256 MiB of freed memory
# besides, so it is told to keep 16; its shadow memory counts as well, which is about an eighth of what is in use.
export ASAN_OPTIONS=quarantine_size_mb=16:malloc_context_size=5:detect_leaks=1:allocator_release_to_os_interval_ms=500

# fuzz TARGET: its log ends with the reason if it does not end well.
fuzz() {
  mkdir -p "$work/corpus/$1" "tests/fuzz/corpus/$1" "$work/seeds/$1"
  build/fuzz/tests/fuzz/fuzz_"$1" -max_total_time="$seconds" -timeout=1 -rss_limit_mb=256 -max_len=512 -entropic=0 -print_final_stats=1 \
    -dict=tests/fuzz/pickle.dict -artifact_prefix="$work/$1-" "$work/corpus/$1" "tests/fuzz/corpus/$1" "$work/seeds/$1" \
    >"$work/$1.log" 2>&1 || echo "failed" >"$work/$1.failed"
}

# end_of TARGET: what became of it, in one line, or the end of its log.
end_of() {
  executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$1.log")
  peak=$(sed -n 's/^stat::peak_rss_mb: *//p' "$work/$1.log")
  slowest=$(sed -n 's/^stat::slowest_unit_time_sec: *//p' "$work/$1.log")
  if [ ! -e "$work/$1.failed" ]; then
    echo "fuzz: $1: $executed executions, the slowest $slowest s, at most $peak MiB, nothing found"
    return
  fi
  tail -n 40 "$work/$1.log" >&2
  echo "fuzz: $1 FAILED: $(sed -n 's/.*Test unit written to //p' "$work/$1.log" | tail -n 1)" >&2
  failed=1
}

rm -f $work/*.failed
failed=0
# shellcheck disable=SC2086 # one word a target
set -- $targets
while [ $# -gt 0 ]; do
  fuzz "$1" &
  [ $# -eq 1 ] || fuzz "$2" &
  wait
  end_of "$1"
  shift
  [ $# -eq 0 ] || { end_of "$1"; shift; }
done
exit $failed
