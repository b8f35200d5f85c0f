#!/bin/sh
# Shows that root.sh can fail: it accepts a tree with the expected names, and finds each name that
# is added to the top level or removed from it.
#   sh tests/checks/root_selftest.sh
set -eu
[ $# -eq 0 ] || {
  echo "root_selftest.sh: unknown argument '$1'; usage: root_selftest.sh" >&2
  exit 2
}
root=$(cd "$(dirname "$0")" && pwd)/root.sh
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
cd "$tree"
git init -q . 2>/dev/null
mkdir .ci actors apps examples libpatio tests
touch .clang-format .clang-tidy .gitignore CHANGELOG.md CMakeLists.txt CMakePresets.json LICENSE \
  README.md .ci/run actors/file apps/file examples/file libpatio/file \
  tests/file
git add .
sh "$root" "$tree" || { echo "root_selftest.sh: root.sh refused the expected names" >&2; exit 1; }

bad=0
# check WORDS: root.sh must fail and say WORDS.
check() {
  said=$(sh "$root" "$tree" 2>&1) && said=
  case $said in
  *"$1"*) ;;
  *) echo "root_selftest.sh: not found ($1): $said" >&2; bad=1 ;;
  esac
}
for added in file.txt --help/seed .hidden tests.txt; do
  mkdir -p "./$(dirname -- "$added")"
  touch -- "$added"
  sh "$root" "$tree" || { echo "root_selftest.sh: root.sh saw an untracked $added" >&2; bad=1; }
  git add -- "$added"
  check "> ${added%%/*}"
  git rm -qf -- "$added"
done
for missing in LICENSE .ci/run libpatio/file; do
  git rm -q --cached "$missing"
  check "< ${missing%%/*}"
  git add "$missing"
done
sh "$root" "$tree" || bad=1
exit $bad
