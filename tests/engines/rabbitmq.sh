#!/bin/sh
# Starts a RabbitMQ server of its own, on loopback ports that are free, in a scratch directory.
# Prints `ready PORT PID FOLDER TLS_PORT` once it accepts connections. Ends the server and removes
# the directory when standard input ends. Never touches the system's RabbitMQ. Works as root and as
# any user.
#   sh rabbitmq.sh [LINE_OF_RABBITMQ_CONF...]
# The word TLS_PORT in a line becomes a free port.
# With PATIO_RABBITMQ_PORT and PATIO_RABBITMQ_FOLDER it uses that port and that directory, which it
# keeps, so that a server that was killed can start again with its data.
# Exits with 77 if RabbitMQ is not installed.
set -eu
case ${1:-} in -*) echo "rabbitmq.sh: unknown flag '$1'; usage: rabbitmq.sh [CONF_LINE...]" >&2; exit 2 ;; esac
bin=
for each in /usr/lib/rabbitmq/bin "$(dirname "$(command -v rabbitmq-server || echo /)")"; do
  # The script in /usr/sbin changes the user, so the one behind it is used.
  if [ -x "$each/rabbitmq-server" ] && [ "$each" != /usr/sbin ]; then bin=$each && break; fi
done
[ -n "$bin" ] || { echo "skipped: no rabbitmq-server"; exit 77; }

work=${PATIO_RABBITMQ_FOLDER:-$(mktemp -d)}
here=$(dirname "$0")
# shellcheck disable=SC2046 # one word for each port
set -- $(python3 "$here/free_ports.py" 4) "$@"
port=$1 distribution=$2 mapper=$3 tls_port=$4
shift 4
{
  echo "listeners.tcp.1 = 127.0.0.1:${PATIO_RABBITMQ_PORT:-$port}"
  echo "loopback_users = none"
  echo "log.console = false"
  echo "disk_free_limit.absolute = 1MB"
  for line; do echo "$line"; done | sed "s/TLS_PORT/$tls_port/"
} >"$work/rabbitmq.conf"
port=${PATIO_RABBITMQ_PORT:-$port}
export HOME="$work" RABBITMQ_HOME="$work" RABBITMQ_MNESIA_BASE="$work/mnesia" \
  RABBITMQ_LOG_BASE="$work/log" RABBITMQ_NODENAME="patio-test-$port@localhost" \
  RABBITMQ_CONFIG_FILE="$work/rabbitmq.conf" RABBITMQ_DIST_PORT="$distribution" \
  RABBITMQ_ENABLED_PLUGINS_FILE="$work/enabled_plugins" RABBITMQ_CONF_ENV_FILE=/dev/null \
  RABBITMQ_PID_FILE="$work/pid" ERL_EPMD_PORT="$mapper" ERL_EPMD_ADDRESS=127.0.0.1 \
  ERL_CRASH_DUMP_SECONDS=0
# Erlang makes this file itself, but checks its mode before it has set the mode.
[ -e "$work/.erlang.cookie" ] ||
  (umask 077 && echo PATIOTEST >"$work/.erlang.cookie" && chmod 400 "$work/.erlang.cookie")
rm -f "$work/pid"
echo '[].' >"$RABBITMQ_ENABLED_PLUGINS_FILE"
mkdir -p "$work/mnesia" "$work/log"

# RabbitMQ would start this process as a daemon, which outlives RabbitMQ.
epmd -port "$mapper" -address 127.0.0.1 </dev/null >/dev/null 2>&1 &
epmd=$!
"$bin/rabbitmq-server" </dev/null >"$work/out" 2>&1 &
server=$!
end() {
  kill -9 "$server" 2>/dev/null || :
  [ ! -s "$work/pid" ] || kill -9 "$(cat "$work/pid")" 2>/dev/null || :
  kill -9 "$epmd" 2>/dev/null || :
  [ -n "${PATIO_RABBITMQ_FOLDER:-}" ] || rm -rf "$work"
}
trap end EXIT
trap 'exit 1' INT TERM
# Tries to connect until RabbitMQ begins a handshake, for at most three minutes.
python3 - "$port" "$server" <<'END' || { tail -n 20 "$work/out" >&2; exit 1; }
import os, select, socket, sys, time
port, server = map(int, sys.argv[1:])
deadline = time.monotonic() + 180
while time.monotonic() < deadline:
    try:
        os.kill(server, 0)
        with socket.create_connection(("127.0.0.1", port), 1) as s:
            s.sendall(b"AMQP\0\0\x09\x01")
            if s.recv(1):
                sys.exit(0)
    except ProcessLookupError:
        sys.exit("rabbitmq.sh: RabbitMQ has ended")
    except OSError:
        select.select([], [], [], 0.1)
sys.exit("rabbitmq.sh: RabbitMQ does not answer")
END
pid=$server
[ ! -s "$work/pid" ] || pid=$(cat "$work/pid")
echo "ready $port $pid $work $tls_port"
cat >/dev/null
