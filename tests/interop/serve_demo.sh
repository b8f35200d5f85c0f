#!/bin/sh
# Serves the demo functions and runs a Python client against them.
#   sh serve_demo.sh PATH_OF_PATIO CLIENT [ARGUMENT...]
# CLIENT is a script of this folder, which gets host, port and the arguments. Needs PATIO_PYTHON.
# SERVE_FLAGS are further flags of `patio serve`.
set -eu
usage='usage: serve_demo.sh PATH_OF_PATIO CLIENT [ARGUMENT...]'
case ${1:-} in -*) echo "serve_demo.sh: unknown flag '$1'; $usage" >&2; exit 2 ;; esac
patio=${1:?$usage}
client=${2:?$usage}
shift 2
[ -n "${PATIO_PYTHON:-}" ] || { echo "skipped: no Python with patio"; exit 77; }
work=$(mktemp -d)
mkfifo "$work/out"
# shellcheck disable=SC2086 # several words
"$patio" serve --demo ${SERVE_FLAGS:-} --listen 127.0.0.1:0 >"$work/out" &
node=$!
trap 'kill "$node" 2>/dev/null || :; rm -rf "$work"' EXIT
read -r _ _ where <"$work/out"
"$PATIO_PYTHON" "$(dirname "$0")/$client" "${where%:*}" "${where##*:}" "$@"
