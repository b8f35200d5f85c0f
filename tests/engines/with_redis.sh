#!/bin/sh
# Runs a command beside a Redis server of its own, which listens on a free loopback port and keeps
# its data in a scratch folder. The command gets PATIO_REDIS_PORT, PATIO_REDIS_FOLDER, and
# PATIO_REDIS_START, a command that starts the server again after a test has killed it.
#   sh with_redis.sh COMMAND [ARGUMENT...]
set -eu
usage='usage: with_redis.sh COMMAND [ARGUMENT...]'
case ${1:-} in
-*) echo "with_redis.sh: unknown flag '$1'; $usage" >&2; exit 2 ;;
'') echo "with_redis.sh: $usage" >&2; exit 2 ;;
esac
for tool in redis-server python3; do
  command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
folder=$(mktemp -d)
finish() {
  # A server that ends by itself would still write to its log while the folder is removed.
  [ ! -f "$folder/pid" ] || kill -9 "$(cat "$folder/pid")" 2>/dev/null || :
  rm -rf "$folder"
}
trap finish EXIT
trap 'exit 1' INT TERM

# TLS needs the openssl command, which makes the certificates.
tls=
if command -v openssl >/dev/null; then
  sh "$(dirname "$0")/../../examples/make_certificates.sh" "$folder/certificates" alice >/dev/null
  tls=yes
fi

set_ports() { port=$1 tls_port=$2; }

# Another process may take the port before Redis does, so there are several attempts.
for attempt in 1 2 3 4 5; do
  # shellcheck disable=SC2046 # one word for each port
  set_ports $(python3 "$(dirname "$0")/free_ports.py" 2)
  tls_options=
  if [ -n "$tls" ]; then
    tls_options="--tls-port $tls_port --tls-cert-file $folder/certificates/server.pem
      --tls-key-file $folder/certificates/server.key
      --tls-ca-cert-file $folder/certificates/authority.pem --tls-auth-clients no"
    export PATIO_REDIS_TLS_PORT="$tls_port"
  fi
  cat >"$folder/start" <<END
#!/bin/sh
redis-server --port $port --bind 127.0.0.1 --dir $folder --save '' --appendonly no --daemonize yes \\
  --pidfile $folder/pid --logfile $folder/log $(echo $tls_options) >/dev/null
exec python3 -c 'import socket, sys, time
for attempt in range(200):
    try:
        s = socket.create_connection(("127.0.0.1", $port), 5)
        s.sendall(b"PING\\r\\n")
        if s.recv(5) == b"+PONG":
            sys.exit(0)
    except OSError:
        pass
    __import__("threading").Event().wait(0.05)
sys.exit("redis-server does not answer; its log is in $folder/log")'
END
  if sh "$folder/start"; then break; fi
  [ "$attempt" -lt 5 ] || { cat "$folder/log" >&2; exit 1; }
done
export PATIO_REDIS_PORT="$port" PATIO_REDIS_FOLDER="$folder" PATIO_REDIS_START="$folder/start"
"$@"
