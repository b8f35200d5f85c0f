#!/bin/sh
# No exec, open, socket or fork while hostile bytes are decoded: sh tests/fuzz/decode_hostile.sh PROGRAM [COUNT]
# The kernel kills the program at the first other system call; strace, where it is installed, shows that none was tried.
set -eu
program=$1
count=${2:-1000000}
# One seed for all runs; the program prints it.
PATIO_TEST_SEED=${PATIO_TEST_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
export PATIO_TEST_SEED
log=$(mktemp)
trap 'rm -f "$log"' EXIT

die() {
  echo "decode_hostile: $*" >&2
  exit 1
}

"$program" --count "$count" || die "the decoder has called the system, or accepted what it must not: status $?"
# Else the filter would prove nothing.
status=0
"$program" --count 20000 --open >/dev/null 2>&1 || status=$?
[ "$status" -eq 159 ] || die "a file that was opened was not noticed: status $status, not SIGSYS"

if ! command -v strace >/dev/null; then
  echo "decode_hostile: strace is not installed, so the kernel's filter alone has looked"
  exit 0
fi

# calls_between_marks: the names of the system calls made while decoding, one a line.
calls_between_marks() {
  sed -n '/"decoding begins/,/"decoding ended/p' "$log" | sed 's/^[0-9]* *//; s/(.*//' | sort | uniq -c
}
trace() {
  strace -f -e trace=all -o "$log" "$program" --free "$@" >/dev/null
  grep -q '"decoding ended' "$log" || die "the trace has no marks"
}
# Memory, and the marks themselves.
permitted='^ *[0-9]* *(write|brk|mmap|munmap|mremap|madvise|futex)$'

trace --count 20000 --open
calls_between_marks | grep -qvE "$permitted" || die "strace did not show a file that was opened"
trace --count "$count"
calls_between_marks
if calls_between_marks | grep -vE "$permitted"; then die "the decoder has called the system, as above"; fi
