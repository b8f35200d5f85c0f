#!/bin/sh
# Serves the demo functions and runs random_echo.py against them.
#   sh random_echo.sh PATH_OF_PATIO
# Needs PATIO_PYTHON. Replays PATIO_TEST_SEED if it is set.
set -eu
usage='usage: random_echo.sh PATH_OF_PATIO'
case ${1:-} in -*) echo "random_echo.sh: unknown flag '$1'; $usage" >&2; exit 2 ;; esac
patio=${1:?$usage}
[ -n "${PATIO_PYTHON:-}" ] || { echo "skipped: no Python with patio"; exit 77; }
work=$(mktemp -d)
mkfifo "$work/out"
"$patio" serve --demo --listen 127.0.0.1:0 >"$work/out" &
node=$!
trap 'kill "$node" 2>/dev/null || :; rm -rf "$work"' EXIT
read -r _ _ where <"$work/out"
"$PATIO_PYTHON" "$(dirname "$0")/random_echo.py" "${where%:*}" "${where##*:}" 10000 \
  ${PATIO_TEST_SEED:+"$PATIO_TEST_SEED"}
