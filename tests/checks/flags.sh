#!/bin/sh
# Fails, naming the script, unless each script that git tracks refuses an unknown flag: it must exit
# non-zero, name the flag and make no file. A script that takes a flag for a folder fills that folder.
#   sh tests/checks/flags.sh [TREE]
# The scripts run in a copy of the tree, and the tools that could reach beyond it are replaced.
set -eu
case ${1:-} in -*) echo "flags.sh: unknown flag '$1'; usage: flags.sh [TREE]" >&2; exit 2 ;; esac
cd "${1:-$(dirname "$0")/../..}"

flag=--no-such-flag
modules='examples/shop.py tests/interop/pickle_objects.py' # other scripts import them
modules="$modules tests/interop/random_values.py tests/engines/scratch_rabbitmq.py"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for folder in tree empty home tmp tools; do mkdir "$work/$folder"; done
for tool in apt-get clang++ cmake ctest git openssl pip sudo; do
  printf '#!/bin/sh\nexit 99\n' >"$work/tools/$tool"
  chmod +x "$work/tools/$tool"
done
{ git ls-files -z && git ls-files -z --deleted; } | sort -z | uniq -zu |
  xargs -0 cp --parents -t "$work/tree"

# attempt SCRIPT WORD...: runs the script in an empty folder.
attempt() {
  case $1 in
  *.py) with=python3 ;;
  *.sh) with=sh ;;
  *) with=bash ;;
  esac
  script=$work/tree/$1
  shift
  (
    cd "$work/empty"
    COLUMNS=1000 HOME=$work/home TMPDIR=$work/tmp PATH=$work/tools:$PATH PYTHONDONTWRITEBYTECODE=1 \
      exec timeout 60 "$with" "$script" "$@" </dev/null 2>&1
  )
}

# Reads argparse's usage. Prints a word for each argument that it demands.
placeholders() {
  sed -n 's/^usage: [^ ]*//p' | sed 's/\[[^]]*\]//g; s/[.][.][.]//g' | tr -s ' ' '\n' |
    sed -n '/^{/ { s/^{\([^,}]*\).*/\1/p; d; }; s/..*/1/p'
}

# Prints what is wrong with SCRIPT, or nothing.
judge() {
  said=$(attempt "$1" "$flag") && { echo "accepts $flag"; return; }
  # argparse reports a missing argument before an unknown flag, so the second attempt has them all.
  case $said in
  *'arguments are required'*)
    # shellcheck disable=SC2046 # each placeholder is a word of its own
    said=$(attempt "$1" "$flag" $(printf '%s\n' "$said" | placeholders)) && {
      echo "accepts $flag among its arguments"
      return
    }
    ;;
  esac
  case $said in
  *"$flag"*) ;;
  *) printf 'refuses %s without naming it:\n%s\n' "$flag" "$said" ;;
  esac
}

files() { find "$work" -mindepth 2 | LC_ALL=C sort; }

bad=0
git ls-files '*.sh' '*.py' .ci/run >"$work/scripts"
[ -s "$work/scripts" ] || { echo "flags.sh: git tracks no scripts in $PWD" >&2; exit 1; }
files >"$work/before"
while read -r name; do
  case " $modules " in *" $name "*) continue ;; esac
  wrong=$(judge "$name")
  files >"$work/after"
  made=$(LC_ALL=C comm -13 "$work/before" "$work/after" | sed "s|^$work/[a-z]*/||")
  mv "$work/after" "$work/before"
  [ -z "$made" ] || wrong="$wrong
makes files: $made"
  [ -z "$wrong" ] || {
    printf 'flags.sh: %s %s\n' "$name" "$wrong" >&2
    bad=1
  }
done <"$work/scripts"
exit $bad
