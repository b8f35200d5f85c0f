#!/bin/sh
# Fuzzes each target, or the named targets, for SECONDS each, two targets at a time. Each target
# begins with the vectors and with what was found before.
#   sh tests/fuzz/run.sh [SECONDS=60] [TARGET...]
# Needs clang and its libFuzzer. Exits with 1 if something was found.
set -eu
usage='usage: run.sh [SECONDS=60] [TARGET...]'
case ${1:-} in -*) echo "run.sh: unknown flag '$1'; $usage" >&2; exit 2 ;; esac
cd "$(dirname "$0")/../.."
seconds=${1:-60}
[ $# -eq 0 ] || shift
command -v clang++ >/dev/null || {
  echo "run.sh: install clang and its compiler-rt: sh apps/packages.sh tests" >&2
  exit 2
}

cmake --preset asan >/dev/null
cmake --build --preset asan --target fuzz_targets
[ $# -gt 0 ] || set -- $(sed -n 's/^set(targets \(.*\))$/\1/p' tests/fuzz/CMakeLists.txt)
printf '%s\n' "$@" |
  xargs -P 2 -I{} sh tests/fuzz/fuzz_target.sh build/asan/tests/fuzz/fuzz_{} "$seconds"
