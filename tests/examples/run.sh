#!/bin/sh
# Runs an example and compares what it prints with its stored output.
#   run.sh EXPECTED PROGRAM            PROGRAM ends by itself
#   run.sh EXPECTED PROGRAM -- CLIENT  PROGRAM is a server; CLIENT gets the addresses that it prints
# Programs named tls_* get a folder of new certificates as their first argument. The comparison
# replaces each port by PORT. A program whose name ends in .py needs PATIO_PYTHON.
set -eu
usage='usage: run.sh EXPECTED PROGRAM [-- CLIENT]'
case ${1:-} in -*) echo "run.sh: unknown flag '$1'; $usage" >&2; exit 2 ;; esac
expected=${1:?$usage} program=${2:?$usage}
shift 2
case "$# ${1:-}" in
'0 ' | '2 --') ;;
*) echo "run.sh: unknown argument '$1'; $usage" >&2; exit 2 ;;
esac
work=$(mktemp -d)
server=
finish() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || :
  rm -rf "$work"
}
trap finish EXIT

if [ $# -eq 0 ]; then
  "$program" >"$work/seen"
else
  client=$2
  certificates=
  case "$program" in
  *tls_server*)
    command -v openssl >/dev/null || { echo "skipped: no openssl command"; exit 77; }
    certificates=$work/certificates
    sh "${0%/*}/../../examples/make_certificates.sh" "$certificates" alice
    ;;
  esac
  case "$program$client" in
  *.py*) [ -n "${PATIO_PYTHON:-}" ] || { echo "skipped: no Python with patio"; exit 77; } ;;
  esac
  run() { case $1 in *.py) "$PATIO_PYTHON" "$@" ;; *) "$@" ;; esac; }
  mkfifo "$work/output"
  case $program in
  *tcp_server) "$program" 0 0 >"$work/output" & lines=2 ;;
  *readme_server | *struct_server) "$program" 127.0.0.1:0 >"$work/output" & lines=1 ;;
  *.py) "$PATIO_PYTHON" "$program" $certificates >"$work/output" & lines=1 ;;
  *) "$program" $certificates >"$work/output" & lines=1 ;;
  esac
  server=$!
  exec 3<"$work/output"
  addresses=
  while [ "$lines" -gt 0 ] && read -r line <&3; do
    echo "$line" >>"$work/seen"
    addresses="$addresses ${line#listening on }"
    lines=$((lines - 1))
  done
  # shellcheck disable=SC2086 # each address is a word of its own
  run "$client" $certificates $addresses >>"$work/seen"
  kill -TERM "$server"
  wait "$server" || [ "${program##*.}" = py ]
  server=
fi
sed 's/\(127\.0\.0\.1\|\[::1\]\):[0-9]*/\1:PORT/' "$work/seen" >"$work/normal"
diff -u "$expected" "$work/normal"
