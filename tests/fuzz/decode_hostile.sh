#!/bin/sh
# Shows that decoding hostile bytes makes no exec, open, socket or fork.
#   sh tests/fuzz/decode_hostile.sh PROGRAM [COUNT=1000000]
# The kernel kills PROGRAM at the first system call that is not permitted. Where strace is
# installed, it shows that PROGRAM tried none.
set -eu
usage='usage: decode_hostile.sh PROGRAM [COUNT=1000000]'
case ${1:-} in -*) echo "decode_hostile.sh: unknown flag '$1'; $usage" >&2; exit 2 ;; esac
program=${1:?$usage}
count=${2:-1000000}
# All runs share one seed, which PROGRAM prints.
PATIO_TEST_SEED=${PATIO_TEST_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
export PATIO_TEST_SEED
log=$(mktemp)
trap 'rm -f "$log"' EXIT

die() {
  echo "decode_hostile: $*" >&2
  exit 1
}

"$program" --count "$count" ||
  die "the decoder has called the system, or accepted what it must not: status $?"
# Without this run, a filter that never acts would go unnoticed.
status=0
"$program" --count 20000 --open >/dev/null 2>&1 || status=$?
[ "$status" -eq 159 ] || die "the filter missed that a file was opened: status $status, not SIGSYS"

if ! command -v strace >/dev/null; then
  echo "decode_hostile: strace is not installed, so only the kernel's filter has checked"
  exit 0
fi

# Prints the name of each system call made while decoding, one per line, with its count.
calls_between_marks() {
  sed -n '/"decoding begins/,/"decoding ended/p' "$log" | sed 's/^[0-9]* *//; s/(.*//' |
    sort | uniq -c
}
trace() {
  strace -f -e trace=all -o "$log" "$program" --free "$@" >/dev/null
  grep -q '"decoding ended' "$log" || die "the trace has no marks"
}
# Decoding may take memory, and PROGRAM writes the marks.
permitted='^ *[0-9]* *(write|brk|mmap|munmap|mremap|madvise|futex)$'

trace --count 20000 --open
calls_between_marks | grep -qvE "$permitted" || die "strace did not show a file that was opened"
trace --count "$count"
calls_between_marks
if calls_between_marks | grep -vE "$permitted"; then
  die "the decoder has made the system calls above"
fi
