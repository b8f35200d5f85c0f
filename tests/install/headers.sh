#!/bin/sh
# Compiles each public header of an installed tree alone, with the warnings that a user may have.
#   sh tests/install/headers.sh PREFIX COMPILER
set -eu
usage='usage: headers.sh PREFIX COMPILER'
case ${1:-} in -*) echo "headers.sh: unknown flag '$1'; $usage" >&2; exit 2 ;; esac
prefix=${1:?$usage} compiler=${2:?$usage}
command -v "$compiler" >/dev/null || { echo "skipped: no $compiler"; exit 77; }

headers=$(cd "$prefix/include" && ls patio/*.hpp)
[ -n "$headers" ] || { echo "headers.sh: no headers in $prefix/include/patio" >&2; exit 1; }
for header in $headers; do
  echo "$header"
  # -fvisibility=hidden: a class that is exported must not have a member of a hidden type.
  echo "#include <$header>" | "$compiler" -std=c++20 -x c++ -fsyntax-only -fvisibility=hidden \
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -I"$prefix/include" -
done
