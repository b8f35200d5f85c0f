#!/bin/sh
# Serves `echo` at a RabbitMQ of its own with a C++ node, and sends random values from Python.
#   rabbitmq_values.sh SERVER COUNT [SEED]
# Needs PATIO_PYTHON.
set -eu
usage='usage: rabbitmq_values.sh SERVER COUNT [SEED]'
case ${1:-} in -*) echo "rabbitmq_values.sh: unknown flag '$1'; $usage" >&2; exit 2 ;; esac
server=${1:?$usage}
shift
[ -n "${PATIO_PYTHON:-}" ] || { echo "skipped: no Python with patio"; exit 77; }
work=$(mktemp -d)
rabbit= node=
finish() {
  [ -z "$node" ] || kill "$node" 2>/dev/null || :
  exec 4>&- || :
  [ -z "$rabbit" ] || wait "$rabbit" || :
  rm -rf "$work"
}
trap finish EXIT
mkfifo "$work/to" "$work/from" "$work/output"
sh "${0%/*}/rabbitmq.sh" <"$work/to" >"$work/from" &
rabbit=$!
exec 4>"$work/to" 5<"$work/from"
read -r word port _ <&5
case $word in ready) ;; skipped*) echo "skipped: no rabbitmq-server"; exit 77 ;; *) exit 1 ;; esac
"$server" "amqp://127.0.0.1:$port/" "" >"$work/output" &
node=$!
exec 3<"$work/output"
read -r _ <&3
"$PATIO_PYTHON" "${0%/*}/rabbitmq_random_echo.py" "amqp://127.0.0.1:$port/" "$@"
