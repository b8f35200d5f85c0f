"""The patio command at a real RabbitMQ: users, permissions, TLS, the queues' options, poison, and
calls between Python and C++. What is wrong is refused with advice that never shows a password."""
import argparse
import asyncio
import base64
import contextlib
import hashlib
import json
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import tempfile

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("patio", help="path of the patio command")
patio = parser.parse_args().patio

from scratch_rabbitmq import scratch_rabbitmq

here = pathlib.Path(__file__).resolve().parent
SECRET, QUOTED = "wonder/land@%", "wonder%2Fland%40%25"
PATIENCE = 60


def run(*words, url=None, code=0):
    """Runs the command, and returns its output or its error."""
    environment = {k: v for k, v in os.environ.items() if k != "PATIO_BROKER_URL"}
    if url:
        environment["PATIO_BROKER_URL"] = url
    done = subprocess.run([patio, *words], env=environment, capture_output=True, text=True,
                          timeout=PATIENCE)
    assert done.returncode == code, (words, done)
    for secret in (SECRET, QUOTED, "wonder"):
        assert secret not in done.stdout + done.stderr, done
    assert done.stderr.count("\n") <= 1, done
    return done.stdout.strip() or done.stderr.strip()


class Server:
    """`patio serve` in its own process."""

    def __init__(self, *words, url=None, is_ready=True):
        environment = dict(os.environ, **({"PATIO_BROKER_URL": url} if url else {}))
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([patio, "serve", "--demo", *words], env=environment,
                                        stdout=subprocess.PIPE, stderr=self.log, text=True)
        if is_ready:
            line = self.process.stdout.readline()
            assert line.startswith("connected to amqp"), (line, self.text())
            assert "wonder" not in line, line

    def text(self):
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE) == 0, self.text()
        assert "wonder" not in self.text()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        self.process.kill()


def user(name, password, tags=()):
    salt = b"salt"
    digest = hashlib.sha256(salt + password.encode()).digest()
    return {"name": name, "password_hash": base64.b64encode(salt + digest).decode(),
            "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": list(tags)}


def definitions():
    """alice may do anything; carol may only call, and not even cancel; dave may serve mul alone."""
    every = {"configure": ".*", "write": ".*", "read": ".*"}
    caller = {"configure": r"^(amq_.*|rpc\.dlx)$", "write": r"^(amq_.*|amq\.default)$",
              "read": r"^(amq_.*|rpc\.dlx)$"}
    server = {"configure": r"^(amq_.*|rpc\.dlx|mul)$", "write": r"^(amq_.*|amq\.default|rpc\.dlx|mul)$",
              "read": r"^(amq_.*|rpc\.dlx|mul)$"}
    permissions = [("guest", "/", every), ("alice", "/", every), ("alice", "house/2", every),
                   ("carol", "/", caller), ("dave", "/", server)]
    return {"users": [user("guest", "guest", ["administrator"])]
            + [user(name, SECRET) for name in ("alice", "carol", "dave")],
            "vhosts": [{"name": "/"}, {"name": "house/2"}],
            "permissions": [{"user": u, "vhost": v, **p} for u, v, p in permissions]}


def secret_file(folder, name, text):
    path = folder / name
    path.touch(0o600)
    path.write_text(text + "\n")
    return str(path)


def check_users(rabbit, folder):
    def url(name="alice", password=QUOTED, host="/"):
        return f"amqp://{name}:{password}@127.0.0.1:{rabbit.port}{host}"

    bare = f"amqp://127.0.0.1:{rabbit.port}/"
    with Server("--broker-file", secret_file(folder, "url", url())):
        assert run("call", "mul", "6", "7", url=url()) == "42"
        assert run("call", "mul", "6", "7", "--broker-file", secret_file(folder, "url2", url())) == "42"
        assert run("call", "mul", "6", "7", url=url("carol")) == "42"
        error = run("call", "sleep", "3", "--timeout", "1", url=url("carol"), code=4)
        assert "may have run" in error, error
        error = run("call", "mul", "6", "7", "--broker", url(), code=2)
        assert "PATIO_BROKER_URL" in error and "--broker-file" in error, error
        for wrong in (url(password="wrong"), url("nobody"), bare.replace("//", "//carol:x@")):
            error = run("call", "mul", "6", "7", "--timeout", "5", url=wrong, code=3)
            assert "ACCESS_REFUSED" in error and "PATIO_KEY" not in error, error
            assert "password" in error and "virtual host" in error, error
        error = run("call", "mul", "6", "7", url=url(host="/nope"), code=3)
        assert "nope" in error and "not found" in error, error
        error = run("call", "mul", "6", "7", url=url("carol", host="/house%2F2"), code=3)
        assert "refused" in error.lower(), error
        # The other virtual host has functions of its own.
        error = run("call", "mul", "6", "7", url=url(host="/house%2F2"), code=5)
        assert "virtual host" in error, error
        with Server(url=url(host="/house%2F2")):
            assert run("call", "mul", "6", "7", url=url(host="/house%2F2")) == "42"
        check_other_subcommands(url())
    with Server(url=url("dave"), is_ready=False) as limited:
        for _ in range(200):
            if "queue 'sub'" in limited.text():
                break
            with contextlib.suppress(subprocess.TimeoutExpired):
                limited.process.wait(0.1)
        assert "this user may not serve from the queue 'sub'" in limited.text(), limited.text()
        assert run("call", "mul", "6", "7", url=url()) == "42"


def check_other_subcommands(url):
    assert run("call", "echo", '{"a": [1, null]}', "--json", url=url) == '{"a": [1, null]}'
    error = run("call", "no.such.name", url=url, code=5)
    assert "no queue 'no.such.name'" in error, error
    error = run("call", "amq.x", url=url, code=2)
    assert "amq." in error, error
    error = run("list", url=url, code=2)
    assert "does not tell" in error, error
    lines = run("ping", "--count", "2", url=url).splitlines()
    assert len(lines) == 2 and "ping 2" in lines[1] and lines[1].startswith("amqp://"), lines
    measured = json.loads(run("bench", "--function", "mul", "--args", "[3, 4]", "--calls", "2000",
                              "--in-flight", "500", "--json", url=url))
    assert measured["answered"] == 2000 and measured["errors"] == 0, measured
    measured = json.loads(run("bench", "--function", "sleep", "--args", "[5]", "--calls", "40",
                              "--in-flight", "40", "--timeout", "1", "--json", url=url, code=4)
                          .splitlines()[0])
    assert measured["failures"] == {"timeout": 40}, measured
    # The caller's deadline has stopped all of them.
    assert run("call", "sleep", "0", "--timeout", "3", url=url) == "None"


def check_tls(rabbit, certificates):
    url = f"amqps://127.0.0.1:{rabbit.tls_port}/"
    ca = ("--tls-ca", str(certificates / "authority.pem"))
    with Server("--broker", url, *ca):
        assert run("call", "mul", "6", "7", "--broker", url, *ca) == "42"
        error = run("call", "mul", "6", "7", "--broker", url, code=3)
        assert "certificate" in error, error
        error = run("call", "mul", "6", "7", "--broker", url, *ca, "--tls-name", "other.example",
                    code=3)
        assert "other.example" in error, error
        error = run("call", "mul", "6", "7", "--broker", url.replace("amqps", "amqp"), code=3)
        assert "TLS" in error, error
        error = run("call", "mul", "6", "7", "--broker", f"amqps://127.0.0.1:{rabbit.port}/", *ca,
                    code=3)
        assert "TLS" in error, error
        error = run("call", "mul", "6", "7", "--broker", f"amqp://127.0.0.1:{rabbit.port}/", *ca,
                    code=2)
        assert "amqps" in error, error


async def put_poison(url):
    """Puts every poison into the queue `mul`, twice each, and calls after each kind."""
    import aio_pika
    from patio import NullExecutor, Registry
    from patio_rabbitmq import RabbitMQBroker

    class Call:
        def __reduce__(self):
            return os.getcwd, ()

    bodies = {"no pickle": b"garbage", "empty": b"", "truncated": pickle.dumps([1] * 9)[:12],
              "no dict": pickle.dumps([1]), "no args": pickle.dumps({"kwargs": {}}),
              "no kwargs": pickle.dumps({"args": ()}),
              "another key": pickle.dumps({"args": (), "kwargs": {}, "x": 1}),
              "args is a number": pickle.dumps({"args": 5, "kwargs": {}}),
              "kwargs is a list": pickle.dumps({"args": (), "kwargs": [1]}),
              "a forbidden class": pickle.dumps({"args": (Call(),), "kwargs": {}}),
              "huge length": b"\x80\x04\x8e" + b"\xff" * 8, "a deep pickle": b"(" * 100_000,
              "over the limit": bytes(1_200_000)}
    deep = {"x": 1}
    for _ in range(60):
        deep = {"n": deep}
    good = pickle.dumps({"args": (6, 7), "kwargs": {}})
    odd = {"hostile headers": {"headers": deep}, "no reply_to": {}, "no properties": {},
           "an unknown reply_to": {"reply_to": "amq_nobody", "correlation_id": "x" * 200},
           "its own queue as reply_to": {"reply_to": "mul", "correlation_id": "1"}}
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        async with NullExecutor(Registry(project="x")) as executor:
            async with RabbitMQBroker(executor, amqp_url=url) as broker:
                async def check(name):
                    answer = await asyncio.wait_for(broker.call("mul", 6, 7), PATIENCE)
                    assert answer == 42, name

                for name, body in bodies.items():
                    for _ in range(20):
                        message = aio_pika.Message(body, correlation_id="1", reply_to="amq_nobody")
                        await channel.default_exchange.publish(message, "mul")
                    await check(name)
                for name, properties in odd.items():
                    for _ in range(20):
                        message = aio_pika.Message(good, **properties)
                        await channel.default_exchange.publish(message, "mul")
                    await check(name)
                for kind in ("KeyboardInterrupt", "SystemExit", "CancelledError", "GeneratorExit"):
                    with contextlib.suppress(Exception):
                        await asyncio.wait_for(broker.call("fail", kind, "x"), PATIENCE)
                    await check(kind)


def check_poison(rabbit):
    with Server("--broker", rabbit.url, "--limit", "frame_bytes=1048576", "--workers", "1") as server:
        asyncio.run(put_poison(rabbit.url))
        assert server.process.poll() is None, server.text()


def check_queue_options(rabbit):
    python = subprocess.Popen([sys.executable, "-B", str(here / "rabbitmq_peer.py"), rabbit.url, "",
                               "--durable", "--plain"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    assert python.stdout.readline().strip() == "serving"
    try:
        with Server("--broker", rabbit.url) as server:
            assert "'durable'" in server.text() and "'mul'" in server.text(), server.text()
            assert run("call", "sub", "44", "2", "--broker", rabbit.url) == "42"
    finally:
        python.kill()
        python.wait()
    error = run("serve", "--demo", "--broker", "redis://127.0.0.1:1", "--durable", code=2)
    assert "RabbitMQ" in error, error
    error = run("serve", "--demo", "--at-least-once", "mul", code=2)
    assert "--broker" in error, error
    error = run("serve", "--demo", "--broker", rabbit.url, "--at-least-once", "nosuch", code=2)
    assert "nosuch" in error, error


async def await_queued(url, name):
    """Waits until a call is in the queue."""
    import aio_pika

    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        for _ in range(PATIENCE * 20):
            queue = await channel.declare_queue(name, passive=True)
            if queue.declaration_result.message_count > 0:
                return
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), 0.05)
    raise AssertionError(f"no call in {name}")


def redelivered(rabbit, seconds, *flags):
    """Kills a server within a call while another one waits. Returns the code and the output."""
    with Server("--broker", rabbit.url, *flags):
        pass # its queues stay
    call = subprocess.Popen([patio, "call", "sleep", seconds, "--broker", rabbit.url], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    asyncio.run(await_queued(rabbit.url, "sleep"))
    first = Server("--broker", rabbit.url, *flags)
    with Server("--broker", rabbit.url, *flags):
        first.process.kill()
        out, error = call.communicate(timeout=PATIENCE)
    return call.returncode, out.strip(), error.strip()


def check_redelivery(rabbit):
    code, _, error = redelivered(rabbit, "30")
    assert code == 6 and "maybe executed" in error, (code, error)
    assert redelivered(rabbit, "3", "--at-least-once", "sleep") == (0, "None", "")


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "definitions.json").write_text(json.dumps(definitions()))
        certificates = folder / "certificates"
        recipe = here.parent.parent / "examples/make_certificates.sh"
        subprocess.run(["sh", str(recipe), str(certificates), "alice"], check=True,
                       stdout=subprocess.DEVNULL)
        config = [f"load_definitions = {folder}/definitions.json",
                  "listeners.ssl.1 = 127.0.0.1:TLS_PORT",
                  f"ssl_options.cacertfile = {certificates}/authority.pem",
                  f"ssl_options.certfile = {certificates}/server.pem",
                  f"ssl_options.keyfile = {certificates}/server.key",
                  "ssl_options.verify = verify_none"]
        with scratch_rabbitmq(*config) as rabbit:
            check_users(rabbit, folder)
            check_tls(rabbit, certificates)
            check_redelivery(rabbit)
            check_poison(rabbit)
        # New queues, which only the Python server has declared.
        with scratch_rabbitmq() as rabbit:
            check_queue_options(rabbit)
    print("the command works at RabbitMQ")


main()
