#!/bin/sh
# Writes a module with `patio new-module`, builds and tests it as its user would, and calls it from
# Python if PATIO_PYTHON is set.
#   sh tests/apps/new_module.sh PATIO_COMMAND PACKAGE_FOLDER CXX_COMPILER
set -eu
case ${1:-} in -*) echo "new_module.sh: unknown flag '$1'" >&2; exit 2 ;; esac
patio=$1 package=$2 compiler=$3
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -r "$folder"' EXIT
cd "$folder"

refused() { # NAME REASON
  code=0
  "$patio" new-module "$1" 2>error || code=$?
  [ "$code" = 2 ] && grep -qF -- "$2" error && return
  echo "new-module '$1' ends with $code, and not with '$2':" >&2
  cat error >&2
  exit 1
}

for name in '' Tasks 9tasks my-tasks tasks/inner ../tasks tâches; do
  refused "$name" "a module's name has 1 to 64 small letters, digits and _"
done
refused test "CMake has a target 'test'"

"$patio" new-module tasks >steps
refused tasks "'tasks' exists already"
grep -q "patio serve --module tasks/build/tasks.so" steps

cmake -S tasks -B tasks/build -Dpatio_DIR="$package" -DPATIO_COMMAND="$patio" \
  -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_CXX_FLAGS="-Wall -Wextra -pedantic -Wconversion -Werror"
cmake --build tasks/build
ctest --test-dir tasks/build --output-on-failure

[ -n "${PATIO_PYTHON:-}" ] || exit 0
mkfifo output
"$patio" serve --module tasks/build/tasks.so --executor process --listen 127.0.0.1:0 >output &
server=$!
read -r _ _ address <output
"$PATIO_PYTHON" tasks/call.py "$address" >printed
printf '13\n2.5\n' | diff - printed
