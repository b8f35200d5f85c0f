#!/bin/sh
# Installs a build tree into an empty folder and checks what is there.
#   sh tests/install/tree.sh BUILD PREFIX
set -eu
usage='usage: tree.sh BUILD PREFIX'
case ${1:-} in -*) echo "tree.sh: unknown flag '$1'; $usage" >&2; exit 2 ;; esac
build=${1:?$usage} prefix=${2:?$usage}
rm -rf "$prefix"
cmake --install "$build" --prefix "$prefix"
fail() { echo "tree.sh: $*" >&2; exit 1; }

libraries=$(dirname "$(find "$prefix/lib" -name libpatio.so)")
for library in libpatio-core libpatio; do
  readelf -d "$libraries/$library.so" | grep -q "SONAME.*\[$library.so.0\]" ||
    fail "$library.so does not have the SONAME $library.so.0"
done
for program in "$prefix/bin/patio" "$libraries/libpatio.so"; do
  ! readelf -d "$program" | grep -E 'RPATH|RUNPATH' || fail "$program has a path of libraries"
done

# A header that no program can reach is not installed.
[ -f "$prefix/include/patio/value/value.hpp" ] || fail "value.hpp is missing"
[ ! -e "$prefix/include/patio/pickle/machine.hpp" ] || fail "machine.hpp is internal"

# Each subcommand has a manual page and is completed.
export LD_LIBRARY_PATH="$libraries" PATH="$prefix/bin:$PATH"
for page in patio patio-serve patio-pickle-explain; do
  gzip -dc "$prefix/share/man/man1/$page.1.gz" | grep -q '^\.SH SYNOPSIS' ||
    fail "the manual page $page has no synopsis"
done
gzip -dc "$prefix/share/man/man1/patio-serve.1.gz" | grep -q '^\.B \\-\\-listen HOST:PORT' ||
  fail "the manual page of serve does not have --listen"

# completed WORD...: what bash offers for the last WORD.
completed() {
  bash -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _patio; echo "${COMPREPLY[@]}"' \
    "$prefix/share/bash-completion/completions/patio" "$@"
}
[ "$(completed patio ser)" = serve ] || fail "bash completes ser to '$(completed patio ser)'"
[ "$(completed patio serve --lis)" = --listen ] || fail "bash does not complete --lis"
[ "$(completed patio pickle ex)" = explain ] || fail "bash does not complete a second subcommand"
