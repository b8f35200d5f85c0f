#!/bin/sh
# Runs a server and a client of the examples at a RabbitMQ of their own, and compares what they print
# with the stored output.
#   rabbitmq_example.sh EXPECTED SERVER CLIENT
# A program whose name ends in .py needs PATIO_PYTHON.
set -eu
usage='usage: rabbitmq_example.sh EXPECTED SERVER CLIENT'
case ${1:-} in -*) echo "rabbitmq_example.sh: unknown flag '$1'; $usage" >&2; exit 2 ;; esac
expected=${1:?$usage} server=${2:?$usage} client=${3:?$usage}
case "$server$client" in
*.py*) [ -n "${PATIO_PYTHON:-}" ] || { echo "skipped: no Python with patio"; exit 77; } ;;
esac
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
url=amqp://127.0.0.1:$port/
run() { case $1 in *.py) "$PATIO_PYTHON" "$@" ;; *) "$@" ;; esac; }
case $server in
*.py) "$PATIO_PYTHON" "$server" "$url" >"$work/output" & ;;
*) "$server" "$url" >"$work/output" & ;;
esac
node=$!
exec 3<"$work/output"
read -r line <&3
echo "$line" >"$work/seen"
run "$client" "$url" >>"$work/seen"
diff -u "$expected" "$work/seen"
