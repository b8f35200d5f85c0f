#!/bin/sh
# Runs an example's server and client beside the Redis server of with_redis.sh, and compares what
# they print with the stored output.
#   redis_example.sh EXPECTED SERVER CLIENT
# A program whose name ends in .py needs PATIO_PYTHON.
set -eu
usage='usage: redis_example.sh EXPECTED SERVER CLIENT'
case ${1:-} in -*) echo "redis_example.sh: unknown flag '$1'; $usage" >&2; exit 2 ;; esac
expected=${1:?$usage} server=${2:?$usage} client=${3:?$usage}
case "$server$client" in
*.py*) [ -n "${PATIO_PYTHON:-}" ] || { echo "skipped: no Python with patio"; exit 77; } ;;
esac
export PATIO_BROKER_URL="redis://127.0.0.1:$PATIO_REDIS_PORT"
python=
case $server in *.py) python=$PATIO_PYTHON ;; esac
mkfifo "$PATIO_REDIS_FOLDER/output"
${python:+"$python" -B} "$server" >"$PATIO_REDIS_FOLDER/output" &
trap 'kill "$!" 2>/dev/null || :' EXIT
exec 3<"$PATIO_REDIS_FOLDER/output"
read -r line <&3
echo "$line" >"$PATIO_REDIS_FOLDER/seen"
case $client in
*.py) "$PATIO_PYTHON" -B "$client" ;;
*) "$client" ;;
esac >>"$PATIO_REDIS_FOLDER/seen"
diff -u "$expected" "$PATIO_REDIS_FOLDER/seen"
