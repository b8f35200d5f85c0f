#!/bin/sh
# Goes from a fresh Debian 12 to a first call: installs what is missing, builds the `patio` command,
# serves the demo functions on a free local port, and calls one of them. Safe to repeat. Run it as
# root, or with sudo installed.
#   sh apps/quickstart.sh
set -eu
[ $# -eq 0 ] || { echo "quickstart.sh: unknown argument '$1'; usage: quickstart.sh" >&2; exit 2; }
cd "$(dirname "$0")/.."

sh apps/packages.sh build
echo "Building (the first time takes some minutes)"
cmake --preset release
cmake --build --preset release --target apps/all
patio=build/release/apps/patio

scratch=$(mktemp -d)
server=
finish() {
  [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || :
  rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 130' INT TERM

run() {
  printf '\n$ patio %s\n' "$*"
  "$patio" "$@"
}

# The server writes into a pipe, so the script waits for its line without polling.
mkfifo "$scratch/output"
printf '\n$ patio serve --demo --listen 127.0.0.1:0 &\n'
"$patio" serve --demo --listen 127.0.0.1:0 >"$scratch/output" &
server=$!
exec 3<"$scratch/output"
address=
while [ -z "$address" ] && read -r line <&3; do
  echo "$line"
  case $line in "listening on "*) address=${line#listening on } ;; esac
done
[ -n "$address" ] || {
  echo "quickstart.sh: the server ended before it listened (reason above)" >&2
  exit 1
}

run call mul 6 7 --connect "$address"
run list --connect "$address"

printf '\n$ kill -TERM (the server)\n'
kill -TERM "$server"
wait "$server" && status=0 || status=$?
server=
[ "$status" -eq 0 ] || {
  echo "quickstart.sh: the server ended with exit code $status instead of 0" >&2
  exit 1
}
echo "The server has drained and ended. The command is $patio; try '$patio --help'."
