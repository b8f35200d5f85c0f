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

# try SECONDS TARGET: its log ends with the reason if it does not end well.
try() {
  build/fuzz/tests/fuzz/fuzz_"$2" -max_total_time="$1" -timeout=1 -rss_limit_mb=256 -max_len=512 -entropic=0 -print_final_stats=1 \
    -dict=tests/fuzz/pickle.dict -artifact_prefix="$work/$2-" \
    "$work/corpus/$2" "tests/fuzz/corpus/$2" "$work/seeds/$2" >>"$work/$2.log" 2>&1
}

# found TARGET: the input at which it ended.
found() {
  sed -n 's/.*Test unit written to //p' "$work/$1.log" | tail -n 1
}

# fuzz TARGET. The limit of a second is by the clock on the wall, so where the machine itself stood still, the input is quick
# enough when it is run again, and the fuzzer goes on.
fuzz() {
  end=$(($(date +%s) + seconds))
  mkdir -p "$work/corpus/$1" "tests/fuzz/corpus/$1" "$work/seeds/$1"
  : >"$work/$1.log"
  left=$seconds # never 0, which would be without end
  while ! try "$left" "$1"; do
    slow=$work/$1-timeout-
    input=$(found "$1")
    if [ "${input#"$slow"}" = "$input" ] || ! build/fuzz/tests/fuzz/fuzz_"$1" -timeout=1 "$input" >>"$work/$1.log" 2>&1; then
      touch "$work/$1.failed"
      return
    fi
    left=$((end - $(date +%s)))
    [ "$left" -gt 0 ] || return 0
  done
}

# figures NAME TARGET: as libFuzzer prints them at its end; most NAME TARGET: the largest of them.
figures() {
  sed -n "s/^stat::$1: *//p" "$work/$2.log"
}
most() {
  figures "$1" "$2" | sort -n | tail -n 1
}

# end_of TARGET: what became of it, in one line, or the end of its log.
end_of() {
  if [ ! -e "$work/$1.failed" ]; then
    executed=$(figures number_of_executed_units "$1" | awk '{ all += $1 } END { print all }')
    figures="the slowest $(most slowest_unit_time_sec "$1") s, at most $(most peak_rss_mb "$1") MiB"
    echo "fuzz: $1: $executed executions, $figures, nothing found"
    return
  fi
  tail -n 40 "$work/$1.log" >&2
  echo "fuzz: $1 FAILED: $(found "$1")" >&2
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
