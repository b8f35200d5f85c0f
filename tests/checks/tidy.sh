#!/bin/sh
# Runs clang-tidy on libpatio, or on the named files. This takes too long for each run of the tests.
#   sh tests/checks/tidy.sh [FILE...]
# BUILD=build/dev takes the compile commands of another build.
set -eu
case ${1:-} in -*) echo "tidy.sh: unknown flag '$1'; usage: tidy.sh [FILE...]" >&2; exit 2 ;; esac
cd "$(dirname "$0")/../.."
build=${BUILD:-build/release}
command -v clang-tidy >/dev/null || { echo "tidy.sh: install clang-tidy" >&2; exit 1; }
[ -f "$build/compile_commands.json" ] || {
  echo "tidy.sh: no $build/compile_commands.json; run 'cmake --preset ${build##*/}'" >&2
  exit 1
}
[ $# -gt 0 ] || set -- libpatio/patio/*/*.cpp

# Standard error is dropped: it counts the warnings of system headers for each file.
printf '%s\n' "$@" | xargs -P 2 -n 1 clang-tidy -p "$build" --quiet 2>/dev/null || {
  echo "tidy.sh: findings above; if there are none, see why with: clang-tidy -p $build FILE" >&2
  exit 1
}
