"""Servers that break the protocol of RabbitMQ or of Redis. A caller gets one line that says what is
wrong, in time and without much memory. A server of functions logs it, connects again, and serves."""
import argparse
import os
import pathlib
import socket
import struct
import subprocess
import tempfile
import threading

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("engine", choices=["rabbitmq", "redis"])
parser.add_argument("patio", help="path of the patio command")
options = parser.parse_args()
patio = options.patio

from scratch_rabbitmq import scratch_rabbitmq

SCHEME = {"rabbitmq": "amqp", "redis": "redis"}[options.engine]
PATIENCE = 60
MEMORY_KIB = 100 * 1024


# AMQP 0-9-1, from the server's side.

def frame(kind, channel, payload):
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce"


def method(channel, numbers, fields=b""):
    return frame(1, channel, struct.pack(">HH", *numbers) + fields)


def long_string(text):
    return struct.pack(">I", len(text)) + text


def nested(depth):
    table = b""
    for _ in range(depth):
        table = b"\x01aF" + long_string(table)
    return table


def start(version=b"\0\x09", properties=b"", mechanisms=b"PLAIN"):
    return method(0, (10, 10), version + long_string(properties) + long_string(mechanisms)
                  + long_string(b"en_US"))


def tune(frame_max=131072):
    return method(0, (10, 30), struct.pack(">HIH", 2047, frame_max, 60))


OPEN_OK = method(0, (10, 41), b"\0")
CHANNEL_OPEN_OK = method(1, (20, 11), long_string(b""))
DELIVER = method(1, (60, 60), b"\x01t" + struct.pack(">QB", 1, 0) + b"\0\x03mul")


def header(channel, size, properties=b"\0\0"):
    return frame(2, channel, struct.pack(">HHQ", 60, 0, size) + properties)


def hangs_up(after=b""):
    return [after, "close"]


def stalls(after=b""):
    return [after, "stall"]


def logged_in(then):
    """What the server says until the login is complete, with one answer for each request."""
    return [start(), "read", tune(), "read", OPEN_OK, "read", then, "stall"]


AMQP_FAULTS = {
    "closes at once": (hangs_up(), "closed the connection before the AMQP handshake"),
    "garbage": (stalls(b"\x99\x98garbage and more"), "unknown type 153"),
    "another protocol": (stalls(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "speaks HTTP"),
    "TLS": (stalls(b"\x15\x03\x01\0\x02\x02\x16"), "speaks TLS"),
    "AMQP 1.0": (hangs_up(b"AMQP\x00\x01\x00\x00"), "does not speak AMQP 0-9-1"),
    "another version": (stalls(start(b"\x01\0")), "speaks AMQP 1-0"),
    "no PLAIN": (stalls(start(mechanisms=b"EXTERNAL")), "PLAIN"),
    "a huge frame": (stalls(b"\x01\0\0\x7f\xff\xff\xff" + bytes(64)), "at most 65536"),
    "a frame without its end": (stalls(start()[:-1] + b"\0"), "frame"),
    "stops in mid-frame": (stalls(start()[:20]), "too long"),
    "closes in mid-frame": (hangs_up(start()[:20]), "before the AMQP handshake"),
    "silence": (stalls(), "too long"),
    "nested tables": (stalls(start(properties=nested(1000))), ""),
    "a truncated method": (stalls(method(0, (10, 10), b"\0\x09\0\0\xff\xff")), ""),
    "an unknown method": (stalls(method(0, (85, 123))), ""),
    "out of order": (stalls(OPEN_OK), "connection.open-ok at a wrong time"),
    "a channel that is not open": (logged_in(method(9, (20, 11), long_string(b""))), "channel 9"),
    "a body on channel 0": (stalls(frame(3, 0, b"x")), "channel 0"),
    "tiny frames": ([start(), "read", tune(64), "stall"], "64 bytes"),
    "a refused login": ([start(), "read", method(0, (10, 50), struct.pack(">H", 403)
                                                 + b"\x0eACCESS_REFUSED" + bytes(4)), "stall"],
                        "ACCESS_REFUSED"),
    "closes in the login": ([start(), "read", "close"], "during the login"),
    "a body without a header": (logged_in(CHANNEL_OPEN_OK + frame(3, 1, b"x")), "content header"),
    "a header without a message": (logged_in(CHANNEL_OPEN_OK + header(1, 5)), "without a message"),
    "a delivery within a delivery": (logged_in(CHANNEL_OPEN_OK + DELIVER + DELIVER),
                                     "within a message"),
    "a message of 2^63 bytes": (logged_in(CHANNEL_OPEN_OK + DELIVER + header(1, 1 << 63)
                                          + frame(3, 1, bytes(1000))), ""),
    "too long a body": (logged_in(CHANNEL_OPEN_OK + DELIVER + header(1, 5) + frame(3, 1, bytes(6))),
                        "longer"),
    "hostile headers": (logged_in(CHANNEL_OPEN_OK + DELIVER
                                  + header(1, 0, b"\x20\0" + long_string(nested(1000)))), ""),
    "an answer to nothing": (logged_in(CHANNEL_OPEN_OK + method(1, (60, 21), b"\x01t")),
                             "basic.consume-ok at a wrong time"),
}

REDIS_FAULTS = {
    "closes at once": (hangs_up(), "closed"),
    "garbage": (stalls(b"\x99\x98garbage\r\n"), "byte 153"),
    "another protocol": (stalls(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "byte 72"),
    "stops in mid-reply": (stalls(b"+PO"), ""),
    "closes in mid-reply": (hangs_up(b"+PO"), "closed"),
    "silence": (stalls(), ""),
    "a reply to nothing": (stalls(b"+PONG\r\n" * 3), "no command"),
    "a wrong reply": (stalls(b":5\r\n"), "as Redis does"),
    "a huge array": (stalls(b"*2147483647\r\n"), "array"),
    "a huge text": (stalls(b"$9223372036854775807\r\n"), "9223372036854775807"),
    "a text that never ends": (stalls(b"$60000000\r\n" + bytes(1000)), ""),
    "negative lengths": (stalls(b"$-7\r\n"), "length"),
    "nested arrays": (stalls(b"*1\r\n" * 1000), "nested"),
    "a line that never ends": (stalls(b"+" + b"x" * 200_000), "65536"),
    "no line end": (stalls(b"+PONG\n"), "CR"),
    "a refused login": (stalls(b"-WRONGPASS invalid username-password pair\r\n"), "WRONGPASS"),
    "garbage behind the login": ([b"+PONG\r\n", "read", b"garbage\r\n" * 9, "stall"], "was lost"),
    "errors behind the login": ([b"+PONG\r\n", "read", b"-ERR no\r\n" * 4, "stall"], ""),
}

FAULTS = AMQP_FAULTS if options.engine == "rabbitmq" else REDIS_FAULTS


class FaultyServer:
    """Plays one fault for its first connection, or for all. With a real server, it passes all other
    connections on to it."""

    def __init__(self, steps, real_port=None):
        self.steps, self.real_port = steps, real_port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"{SCHEME}://127.0.0.1:{self.port}" + ("/" if SCHEME == "amqp" else "")
        self.sockets = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        is_first = True
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            self.sockets.append(connection)
            if is_first or self.real_port is None:
                threading.Thread(target=self.play, args=(connection,), daemon=True).start()
            else:
                real = socket.create_connection(("127.0.0.1", self.real_port))
                self.sockets.append(real)
                for pair in ((connection, real), (real, connection)):
                    threading.Thread(target=self.copy, args=pair, daemon=True).start()
            is_first = False

    def play(self, connection):
        try:
            connection.recv(65536)
            for step in self.steps:
                if step == "read":
                    connection.recv(65536)
                elif step == "close":
                    connection.close()
                elif step == "stall":
                    while connection.recv(65536):
                        pass
                else:
                    connection.sendall(step)
        except OSError:
            pass

    def copy(self, source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def break_all(self, data):
        """Sends bytes to every client in place of what the real server would say next."""
        broken, self.sockets = self.sockets, []
        for each in broken:
            try:
                if each.getsockname()[1] == self.port:
                    each.sendall(data)
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()
        for each in self.sockets:
            each.close()


def call(url, *words, timeout=10):
    """Returns the exit code, what was printed, and the memory in KiB."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as error:
        process = subprocess.Popen([patio, "call", *words, "--broker", url, "--timeout",
                                    str(timeout)], stdout=out, stderr=error)
        killer = threading.Timer(PATIENCE, process.kill)
        killer.start()
        _, status, usage = os.wait4(process.pid, 0)
        killer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for each in (out, error):
            each.seek(0)
            texts.append(each.read().strip())
        return process.returncode, *texts, usage.ru_maxrss


def check_callers():
    for name, (steps, said) in FAULTS.items():
        server = FaultyServer(steps)
        code, out, error, memory = call(server.url, "mul", "6", "7", timeout=7)
        server.close()
        print(f"{name}: {code}, {error}", flush=True)
        assert code in (3, 4, 6, 7, 8), (name, code)
        assert not out and error.count("\n") == 0, (name, error)
        assert said in error and "PATIO_KEY" not in error, (name, error)
        assert memory < MEMORY_KIB, (name, memory)


class ServeProcess:
    def __init__(self, url, *more):
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [patio, "serve", "--demo", "--broker", url, "--limit", "handshake_timeout=2s", *more],
            stdout=subprocess.PIPE, stderr=self.log, text=True)

    def await_connected(self):
        line = self.process.stdout.readline()
        assert line.startswith("connected to"), (line, self.text())

    def text(self):
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        self.process.terminate()
        assert self.process.wait(PATIENCE) == 0, self.text()


def check_servers(real_port):
    """Each server meets one fault and then the real server."""
    pairs = []
    try:
        for name, (steps, said) in FAULTS.items():
            faulty = FaultyServer(steps, real_port)
            pairs.append((name, faulty, ServeProcess(faulty.url)))
        for name, faulty, server in pairs:
            server.await_connected()
            lines = server.text().splitlines()
            assert len(lines) <= 6, (name, lines)
            # A server that has several connections goes on while one of them stalls.
            assert not said or any("event=" in line for line in lines), (name, lines)
        bench = subprocess.run(
            [patio, "bench", "--broker", f"{SCHEME}://127.0.0.1:{real_port}", "--function", "mul",
             "--args", "[6, 7]", "--calls", "500", "--in-flight", "50", "--json"],
            capture_output=True, text=True, timeout=PATIENCE)
        assert '"answered":500' in bench.stdout, bench
        for _, _, server in pairs:
            server.stop()
    finally:
        for _, faulty, server in pairs:
            faulty.close()
            server.process.kill()
    print(len(pairs), "servers have met a fault and serve")


def check_breaks(real_port):
    """A connection that breaks while a server is in use is replaced."""
    breaks = [b"garbage in the middle", b"\x01\0\x01\0\0", b"", b"$50\r\nhalf a reply",
              b"\x01\0\x01\x7f\xff\xff\xff", b"*3\r\n", bytes(70_000), b"\x08\0\0\0\0\0\0\xce" * 50]
    faulty = FaultyServer([], real_port)
    socket.create_connection(("127.0.0.1", faulty.port)).close() # the first one is not passed on
    server = ServeProcess(faulty.url)
    real = f"{SCHEME}://127.0.0.1:{real_port}"
    try:
        server.await_connected()
        for data in breaks:
            assert call(real, "mul", "6", "7", timeout=30)[1] == "42", (data, server.text())
            faulty.break_all(data)
        assert call(real, "mul", "6", "7", timeout=30)[1] == "42", server.text()
        server.stop()
    finally:
        faulty.close()
        server.process.kill()
    print("a server has survived", len(breaks), "breaks")


def check_all(real_port):
    check_callers()
    check_servers(real_port)
    check_breaks(real_port)


if options.engine == "redis":
    check_all(int(os.environ["PATIO_REDIS_PORT"]))
else:
    with scratch_rabbitmq() as rabbit:
        check_all(rabbit.port)
