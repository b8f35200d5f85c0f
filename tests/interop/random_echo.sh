#!/bin/sh
# usage: random_echo.sh PATH_TO_patio; needs PATIO_PYTHON, and replays PATIO_TEST_SEED if that is set.
set -eu
[ -n "${PATIO_PYTHON:-}" ] || { echo "skipped: no Python with patio"; exit 77; }
work=$(mktemp -d)
mkfifo "$work/out"
"$1" serve --demo --listen 127.0.0.1:0 >"$work/out" &
node=$!
trap 'kill "$node" 2>/dev/null || :; rm -rf "$work"' EXIT
read -r _ _ where <"$work/out"
"$PATIO_PYTHON" "$(dirname "$0")/random_echo.py" "${where%:*}" "${where##*:}" 10000 ${PATIO_TEST_SEED:+"$PATIO_TEST_SEED"}
