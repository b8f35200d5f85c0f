#!/bin/sh
# Compiles FILE, which must succeed. Then compiles FILE once for each of its lines
# "#ifdef NAME // REGEX", with NAME defined: that must fail with an error that matches REGEX.
#   sh does_not_compile.sh FILE COMPILER FLAG...
set -eu
usage='usage: does_not_compile.sh FILE COMPILER FLAG...'
case ${1:-} in -*) echo "does_not_compile.sh: unknown flag '$1'; $usage" >&2; exit 2 ;; esac
file=${1:?$usage}
: "${2:?$usage}"
shift

"$@" -fsyntax-only "$file" || {
  echo "does_not_compile.sh: the right variant does not compile" >&2
  exit 1
}

bad=0 tried=0
while read -r directive name _ words; do
  [ "$directive" = '#ifdef' ] || continue
  tried=$((tried + 1))
  if said=$("$@" -fsyntax-only "-D$name" "$file" 2>&1); then
    echo "does_not_compile.sh: $name compiles" >&2
    bad=1
  elif ! printf '%s\n' "$said" | grep -E 'error:' | grep -Eq "$words"; then
    printf 'does_not_compile.sh: %s is refused, but not with "%s":\n%s\n' \
      "$name" "$words" "$said" >&2
    bad=1
  fi
done <"$file"
[ "$tried" -gt 0 ] || { echo "does_not_compile.sh: $file has no #ifdef" >&2; exit 1; }
exit $bad
