"""Passwords and TLS at a real Redis: what is right works, and what is wrong is refused with advice
that never shows a password."""
import argparse
import os
import pathlib
import socket
import subprocess
import threading

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("patio", help="path of the patio command")
patio = parser.parse_args().patio

from redis_peers import PORT, URL, Peer, redis_client, serving

folder = pathlib.Path(os.environ["PATIO_REDIS_FOLDER"])
SECRET = "wonder/land@%"
QUOTED = "wonder%2Fland%40%25"


def run(*words, url=None, code=0):
    environment = dict(os.environ)
    environment.pop("PATIO_BROKER_URL", None)
    if url:
        environment["PATIO_BROKER_URL"] = url
    done = subprocess.run([patio, *words], env=environment, capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == code, (words, done)
    for secret in (SECRET, QUOTED, "wonder"):
        assert secret not in done.stdout + done.stderr, done
    return done.stdout.strip() or done.stderr.strip()


def secret_file(name, text):
    path = folder / name
    path.touch(0o600)
    path.write_text(text + "\n")
    return str(path)


def check_refused_multi(client):
    """The rights of Python's callers do not include MULTI, so the server runs the commands of a call
    one by one. A call that ends as not sent (exit code 6) has not run, so no reply was stored."""
    def stored():
        return client.info("commandstats").get("cmdstat_pexpire", {}).get("calls", 0)

    client.execute_command("ACL", "SETUSER", "python", "on", ">" + SECRET, "~.*", "~mul", "~none",
                           *"+setex +set +rpush +blpop +del +ping".split())
    url = f"redis://python:{QUOTED}@127.0.0.1:{PORT}"
    assert "NOPERM" in run("call", "none", "6", "7", "--timeout", "3", url=url, code=6)
    client.delete("none")
    environment = dict(os.environ, PATIO_BROKER_URL=url)
    for _ in range(20):
        before = stored()
        done = subprocess.run([patio, "call", "mul", "6", "7", "--timeout", "3"], env=environment,
                              capture_output=True, text=True, timeout=60)
        if done.returncode == 6:
            assert "NOPERM" in done.stderr and stored() == before, (done, stored(), before)
        else:
            assert done.stdout.strip() == "42", done


def check_refused_mget(client):
    """A server without the right to MGET gets no cancellations. It says so once, and serves on."""
    client.execute_command("ACL", "SETUSER", "server", "on", ">" + SECRET, "~*", "&*", "+@all",
                           "-mget", "-set")
    url = f"redis://server:{QUOTED}@127.0.0.1:{PORT}"
    server = subprocess.Popen([patio, "serve", "--demo", "--broker-file", secret_file("url3", url)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stdout.readline().startswith("connected to")
        run("call", "sleep", "4", "--timeout", "30", "--broker", URL)
        assert run("call", "mul", "6", "7", "--broker", URL) == "42"
        server.terminate()
        _, log = server.communicate(timeout=60)
    finally:
        server.kill()
    assert log.count("MGET") == 1 and SECRET not in log, log


def check_passwords():
    client = redis_client()
    client.execute_command("ACL", "SETUSER", "alice", "on", ">" + SECRET, "~*", "&*", "+@all")
    client.execute_command("ACL", "SETUSER", "caller", "on", ">" + SECRET, "~.*", "~mul",
                           *"+setex +set +rpush +blpop +del +multi +exec +pexpire +lrem +ping"
                           .split())
    right = f"redis://alice:{QUOTED}@127.0.0.1:{PORT}"
    with serving(Peer(patio, "serve", "--demo", "--broker-file", secret_file("url", right))):
        assert run("call", "mul", "6", "7", url=right) == "42"
        # A caller needs few rights.
        limited = f"redis://caller:{QUOTED}@127.0.0.1:{PORT}"
        assert run("call", "mul", "6", "7", url=limited) == "42"
        error = run("call", "sub", "6", "7", "--timeout", "3", url=limited, code=6)
        assert "NOPERM" in error, error
        check_refused_multi(client)
        assert run("call", "mul", "6", "7", "--broker-file", secret_file("url2", right)) == "42"
        assert run("call", "mul", "6", "7", "--broker", URL, url=f"redis://127.0.0.1:{PORT}") == "42"
        error = run("call", "mul", "6", "7", "--timeout", "5",
                    url=f"redis://alice:wrong@127.0.0.1:{PORT}", code=3)
        assert "WRONGPASS" in error, error
        error = run("call", "mul", "6", "7", "--broker", right, code=2)
        assert "PATIO_BROKER_URL" in error and "--broker-file" in error, error
        error = run("call", "mul", "6", "7", "--broker", "redis://127.0.0.1:1", url=right, code=2)
        assert "another server" in error, error
        assert "not valid" in run("call", "mul", "--broker", "http://x", code=2)
        assert "no peer" in run("call", "mul", code=2)


def stall_first(port):
    """Returns the port of a proxy that accepts the first connection and then says nothing. All other
    connections reach `port`."""
    listener = socket.create_server(("127.0.0.1", 0))
    kept = [listener]

    def copy(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def accept():
        kept.append(listener.accept()[0])
        while True:
            client = listener.accept()[0]
            server = socket.create_connection(("127.0.0.1", port))
            kept.extend((client, server))
            for pair in ((client, server), (server, client)):
                threading.Thread(target=copy, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


def check_tls():
    if "PATIO_REDIS_TLS_PORT" not in os.environ:
        return print("without TLS: there is no openssl command")
    certificates = folder / "certificates"
    url = f"rediss://127.0.0.1:{os.environ['PATIO_REDIS_TLS_PORT']}"
    ca = ("--tls-ca", str(certificates / "authority.pem"))
    with serving(Peer(patio, "serve", "--demo", "--broker", url, *ca)):
        assert run("call", "mul", "6", "7", "--broker", url, *ca) == "42"
        error = run("call", "mul", "6", "7", "--broker", url, "--timeout", "5", code=3)
        assert "certificate" in error, error
        error = run("call", "mul", "6", "7", "--broker", url, *ca, "--tls-name", "other.example",
                    "--timeout", "5", code=3)
        assert "other.example" in error, error
        # A handshake that stalls is given up after handshake_timeout, which is 5 s.
        stalling = f"rediss://127.0.0.1:{stall_first(int(os.environ['PATIO_REDIS_TLS_PORT']))}"
        error = run("call", "mul", "6", "7", "--broker", stalling, *ca, "--timeout", "20", code=3)
        assert "the TLS handshake takes too long" in error, error
        # Plain text to the TLS port, and TLS to the plain port.
        run("call", "mul", "6", "7", "--broker", url.replace("rediss", "redis"), "--timeout", "3",
            code=3)
        run("call", "mul", "6", "7", "--broker", f"rediss://127.0.0.1:{PORT}", *ca, "--timeout",
            "3", code=3)
        error = run("call", "mul", "6", "7", "--broker", URL, *ca, code=2)
        assert "rediss" in error, error


check_passwords()
check_refused_mget(redis_client())
check_tls()
print("passwords and TLS work")
