#!/bin/sh
# Shows that flags.sh can fail: it passes a small clean tree, and finds each bad script that is added
# to the tree.
#   sh tests/checks/flags_selftest.sh
set -eu
[ $# -eq 0 ] || {
  echo "flags_selftest.sh: unknown argument '$1'; usage: flags_selftest.sh" >&2
  exit 2
}
flags=$(cd "$(dirname "$0")" && pwd)/flags.sh
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
cd "$tree"
git init -q . 2>/dev/null

# write FILE LINE...
write() {
  file=$1
  shift
  printf '%s\n' "$@" >"$file"
  git add "$file"
}
write good.sh 'case ${1:-} in -*) echo "good.sh: unknown flag $1" >&2; exit 2 ;; esac' 'touch made'
write good.py 'import argparse' 'parser = argparse.ArgumentParser()' \
  'parser.add_argument("folder")' 'parser.add_argument("count", type=int)' \
  'parser.add_argument("kind", choices=("a", "b"))' 'parser.add_argument("more", nargs="?")' \
  'open(parser.parse_args().folder, "w")'
sh "$flags" "$tree" || { echo "flags_selftest.sh: flags.sh refused a clean tree" >&2; exit 1; }

bad=0
# plant WORDS FILE LINE...: flags.sh must refuse the file, and say WORDS about it.
plant() {
  words=$1 planted=$2
  shift
  write "$@"
  said=$(sh "$flags" "$tree" 2>&1) && said=
  case $said in
  *"flags.sh: $planted "*"$words"*) ;;
  *) echo "flags_selftest.sh: not found in $planted ($words): $said" >&2; bad=1 ;;
  esac
  git rm -qf "$planted"
}
plant 'accepts' bad.sh 'exit 0'
plant 'without naming it' bad.sh 'exit 2'
plant 'without naming it' bad.sh 'cmake --build . && ctest "$@"'
plant 'makes files: made' bad.sh 'touch made' 'echo "unknown flag $1"' 'exit 2'
plant 'makes files: made' bad.sh 'touch "$(dirname "$0")/made"' 'echo "unknown flag $1"' 'exit 2'
plant 'without naming it' bad.py 'import nothing_of_that_name'
plant 'accepts' bad.py 'print("no command line")'
plant 'makes files: --no-such-flag' bad.py 'import os, sys' 'os.makedirs(sys.argv[1])'
plant 'accepts --no-such-flag among its arguments' bad.py 'import argparse' \
  'parser = argparse.ArgumentParser()' 'parser.add_argument("folder")' 'parser.parse_known_args()'
exit $bad
