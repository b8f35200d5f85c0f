#!/bin/sh
# Compares the binary interface of an installed tree with the files in abi/: the names that the
# shared libraries export, and the sizes of the public types. A difference is a decision: a name that
# is gone or a type that has grown breaks programs that were linked with an earlier release of the
# same SONAME. tests/README.md says what to do then.
#   sh tests/install/abi.sh PREFIX [--write]
set -eu
usage='usage: abi.sh PREFIX [--write]'
case ${1:-} in -*) echo "abi.sh: unknown flag '$1'; $usage" >&2; exit 2 ;; esac
prefix=${1:?$usage} write=${2:-}
case $write in '' | --write) ;; *) echo "abi.sh: unknown argument '$write'; $usage" >&2; exit 2 ;; esac
here=$(cd "$(dirname "$0")" && pwd)

# The names and sizes depend on the machine and on the standard library.
built_for="$(g++ -dumpmachine), g++ $(g++ -dumpversion)"
wanted='x86_64-linux-gnu, g++ 12'
[ "$built_for" = "$wanted" ] || { echo "skipped: abi/ is for $wanted, not $built_for"; exit 77; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Prints the names that a library defines. The weak ones are left out, except for what exceptions
# need: they are inline functions, which each program has for itself.
symbols() {
  nm --dynamic --defined-only --demangle "$1" | sed 's/@@PATIO_.*//' |
    sed -n 's/^[0-9a-f]* [TDBR] //p; s/^[0-9a-f]* V \(typeinfo for\)/\1/p' | LC_ALL=C sort -u
}

# Prints the types of the public headers, except for templates and for what is in the namespaces of
# internal headers.
types() {
  cat >"$work/types.cpp" <<'END'
#include <patio/patio.hpp>
#include <patio/python_values.hpp>
END
  g++ -std=c++20 -I"$prefix/include" -fsyntax-only -fdump-lang-class="$work/types" "$work/types.cpp"
  awk '/^Class / { type = $2 == $NF ? $2 : "" } /^   size=/ && type != "" { print type, $1, $2 }' \
    "$work/types" | grep -E '^patio::[a-z_0-9:]+ ' |
    grep -vE '^patio::(amqp|detail|mesh|pickle|protocol|redis|tls)::' | LC_ALL=C sort -u
}

for library in libpatio-core libpatio; do
  symbols "$(find "$prefix/lib" -name "$library.so.?")" >"$work/$library.symbols"
done
types >"$work/types.sizes"

differs=0
for file in libpatio-core.symbols libpatio.symbols types.sizes; do
  if [ -n "$write" ]; then
    cp "$work/$file" "$here/abi/$file"
  elif ! diff -u --label "abi/$file" --label "$file now" "$here/abi/$file" "$work/$file"; then
    differs=1
  fi
done
[ $differs -eq 0 ] || {
  echo "^ the binary interface has changed: see 'The binary interface' in tests/README.md" >&2
  exit 1
}
