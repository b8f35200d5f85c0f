#!/bin/sh
# Runs an example and compares what it prints with its stored output.
#   run.sh EXPECTED PROGRAM            a program that ends by itself
#   run.sh EXPECTED PROGRAM -- CLIENT  a server, and a client that is given the addresses the server printed
# Programs named tls_* are given a folder of new certificates first.
# In what is compared, ports are written as PORT. A client that ends with .py needs PATIO_PYTHON.
set -eu
expected=$1 program=$2
shift 2
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
  case "$program$client" in *.py*) [ -n "${PATIO_PYTHON:-}" ] || { echo "skipped: no Python with patio"; exit 77; } ;; esac
  run() { case $1 in *.py) "$PATIO_PYTHON" "$@" ;; *) "$@" ;; esac; }
  mkfifo "$work/output"
  case $program in
  *tcp_server) "$program" 0 0 >"$work/output" & lines=2 ;;
  *readme_server) "$program" 127.0.0.1:0 >"$work/output" & lines=1 ;;
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
  # shellcheck disable=SC2086 # one word an address
  run "$client" $certificates $addresses >>"$work/seen"
  kill -TERM "$server"
  wait "$server" || [ "${program##*.}" = py ]
  server=
fi
sed 's/\(127\.0\.0\.1\|\[::1\]\):[0-9]*/\1:PORT/' "$work/seen" >"$work/normal"
diff -u "$expected" "$work/normal"
