#!/bin/sh
# Compiles FILE, which must succeed, and FILE with each name defined that stands in a line "#ifdef NAME // REGEX", which must
# fail and say what the REGEX matches.
#   sh does_not_compile.sh FILE COMPILER FLAG...
set -eu
file=$1
shift

"$@" -fsyntax-only "$file" || { echo "does_not_compile.sh: the right variant does not compile" >&2; exit 1; }

bad=0 tried=0
while read -r directive name _ words; do
  [ "$directive" = '#ifdef' ] || continue
  tried=$((tried + 1))
  if said=$("$@" -fsyntax-only "-D$name" "$file" 2>&1); then
    echo "does_not_compile.sh: $name compiles" >&2
    bad=1
  elif ! printf '%s\n' "$said" | grep -E 'error:' | grep -Eq "$words"; then
    printf 'does_not_compile.sh: %s is refused, but not with "%s":\n%s\n' "$name" "$words" "$said" >&2
    bad=1
  fi
done <"$file"
[ "$tried" -gt 0 ] || { echo "does_not_compile.sh: $file has no #ifdef" >&2; exit 1; }
exit $bad
