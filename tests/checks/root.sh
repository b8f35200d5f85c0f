#!/bin/sh
# Fails if git tracks a file or folder at the top level that this list does not name.
#   sh tests/checks/root.sh [TREE]
set -eu
case ${1:-} in -*) echo "root.sh: unknown flag '$1'; usage: root.sh [TREE]" >&2; exit 2 ;; esac
cd "${1:-$(dirname "$0")/../..}"

expected='.ci
.clang-format
.clang-tidy
.gitignore
CHANGELOG.md
CMakeLists.txt
CMakePresets.json
LICENSE
README.md
actors
apps
examples
libpatio
tests'

found=$(git ls-files | cut -d/ -f1 | LC_ALL=C sort -u)
if [ "$found" != "$expected" ]; then
  echo "root.sh: the top level differs from the list in this script (< list, > tracked):" >&2
  printf '%s\n' "$expected" >"${TMPDIR:-/tmp}/root.$$"
  printf '%s\n' "$found" | diff "${TMPDIR:-/tmp}/root.$$" - >&2 || :
  rm -f "${TMPDIR:-/tmp}/root.$$"
  exit 1
fi
