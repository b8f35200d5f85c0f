"""Passwords and TLS at a real Redis: what is right works, and what is wrong is refused with advice
that never shows a password."""
import argparse
import os
import pathlib
import subprocess

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
        # Plain text to the TLS port, and TLS to the plain port.
        run("call", "mul", "6", "7", "--broker", url.replace("rediss", "redis"), "--timeout", "3",
            code=3)
        run("call", "mul", "6", "7", "--broker", f"rediss://127.0.0.1:{PORT}", *ca, "--timeout",
            "3", code=3)
        error = run("call", "mul", "6", "7", "--broker", URL, *ca, code=2)
        assert "rediss" in error, error


check_passwords()
check_tls()
print("passwords and TLS work")
