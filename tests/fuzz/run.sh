#!/bin/sh
# Fuzzes each target, or those named, for so many seconds, two at a time, beginning with the vectors and what was found before:
#   sh tests/fuzz/run.sh [SECONDS=60] [TARGET...]
# Needs clang, whose libFuzzer it is. Exits with 1 if something was found.
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-60}
[ $# -eq 0 ] || shift
command -v clang++ >/dev/null || { echo "fuzz: install clang and its compiler-rt: sh apps/packages.sh tests" >&2; exit 2; }

cmake --preset asan >/dev/null
cmake --build --preset asan --target fuzz_targets
[ $# -gt 0 ] || set -- $(sed -n 's/^set(targets \(.*\))$/\1/p' tests/fuzz/CMakeLists.txt)
printf '%s\n' "$@" | xargs -P 2 -I{} sh tests/fuzz/fuzz_target.sh build/asan/tests/fuzz/fuzz_{} "$seconds"
