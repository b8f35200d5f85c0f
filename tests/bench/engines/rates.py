#!/usr/bin/env python3
"""Measures calls of mul(3, 4) a second through a real Redis and a real RabbitMQ, with each pair of
C++ and Python peers, 1 and 64 in flight. Beside them: what the engine itself reaches for the
messages of the same number of calls. Prints a table and judges nothing.
Ratios are to the rate of the Python pair.

    rates.py build/release/apps/patio [--rounds 3] [--engine redis]

Redis: the commands of a call between C++ peers are counted by Redis itself. `redis-benchmark`
measures each kind of command with as many clients as there are calls in flight, and the times of
the commands of one call are added. MULTI and EXEC count as PING, because redis-benchmark cannot
measure them.
RabbitMQ: rabbitmq_bare.cpp publishes a request and waits for the reply, with rabbitmq-c.

The values are medians. The rounds of all pairs alternate.
"""
import argparse
import asyncio
import contextlib
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ENGINES = HERE.parents[1] / "engines"
IN_FLIGHT = (1, 64)
WORKERS = 16


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patio", help="path of the patio command")
    parser.add_argument("--engine", choices=("redis", "rabbitmq"), help="default: both")
    parser.add_argument("--calls", type=int, default=2000, help="of Python callers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--python", default=os.environ.get("PATIO_PYTHON") or sys.executable,
                        help="a Python with the plugins (default: PATIO_PYTHON)")
    # The Python peers are this file, too.
    parser.add_argument("--peer", choices=("server", "caller"), help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--in-flight", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


options = arguments()


def broker_at(executor):
    if options.url.startswith("redis"):
        from patio_redis import RedisBroker
        return RedisBroker(executor, url=options.url, max_connections=100)
    from patio_rabbitmq import RabbitMQBroker
    return RabbitMQBroker(executor, amqp_url=options.url)


async def python_server():
    from patio import AsyncExecutor, Registry
    rpc = Registry(project="server", auto_naming=False)

    @rpc("mul")
    async def mul(a, b):
        return a * b

    async with AsyncExecutor(rpc, max_workers=WORKERS) as executor, broker_at(executor):
        print("serving", flush=True)
        await asyncio.Event().wait()


async def python_caller():
    from patio import NullExecutor, Registry
    left = options.calls

    async def work(broker):
        nonlocal left
        while left > 0:
            left -= 1
            assert await broker.call("mul", 3, 4, timeout=60) == 12

    async with NullExecutor(Registry(project="caller")) as executor:
        async with broker_at(executor) as broker:
            loop = asyncio.get_running_loop()
            begin = loop.time()
            await asyncio.gather(*[work(broker) for _ in range(options.in_flight)])
            print(options.calls / (loop.time() - begin))


def output(*command, env=None):
    return subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=600,
                          check=True, env={**os.environ, **(env or {})}).stdout


@contextlib.contextmanager
def running(*command, until, env=None):
    process = subprocess.Popen([*map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True, env={**os.environ, **(env or {})})
    try:
        while not (found := re.search(until, process.stdout.readline())):
            assert process.poll() is None, f"{command[0]} has ended"
        yield found
    finally:
        process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)  # rabbitmq.sh ends RabbitMQ itself
        if process.poll() is None:
            process.terminate()
        process.wait(60)


class Redis:
    name = "redis"

    @contextlib.contextmanager
    def serving(self):
        with tempfile.TemporaryDirectory() as folder, socket_of_own() as port:
            self.port = port
            self.url = f"redis://127.0.0.1:{port}"
            with running("redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", folder,
                         "--save", "", "--appendonly", "no", until="Ready to accept"):
                yield

    def counts(self):
        lines = output("redis-cli", "-p", self.port, "info", "commandstats")
        found = re.findall(r"cmdstat_(\w+):calls=(\d+)", lines)
        return {name: int(count) for name, count in found if name != "info"}

    def commands_of_a_call(self, in_flight):
        before = self.counts()
        calls = cpp_calls(in_flight)
        cpp_caller(self.url, in_flight)
        return {name: (count - before.get(name, 0)) / calls
                for name, count in self.counts().items()
                if count - before.get(name, 0) > calls / 100}

    def bare(self, in_flight):
        words = {"setex": "setex key 60 1", "set": "set key 1", "rpush": "rpush list 0123456789",
                 "blpop": "blpop list 1", "pttl": "pttl key", "del": "del none",
                 "pexpire": "pexpire key 60000", "lrem": "lrem none 1 x"}
        with running(options.patio, "serve", "--demo", "--broker", self.url, "--workers", WORKERS,
                     until="connected"):
            self.commands = self.commands_of_a_call(in_flight)
        seconds = 0
        for name, count in self.commands.items():
            calls = 20_000 if in_flight == 1 else 100_000
            if name == "blpop":  # on a list that always has something
                output("redis-benchmark", "-p", self.port, "-c", 50, "-P", 50, "-n", 2 * calls,
                       "-q", "rpush", "list", "0123456789")
            line = output("redis-benchmark", "-p", self.port, "-c", in_flight, "-n", calls, "--csv",
                          *words.get(name, "ping").split()).splitlines()[-1]
            seconds += count / float(line.split('","')[1])
        output("redis-cli", "-p", self.port, "flushall")
        return 1 / seconds


class RabbitMQ:
    name = "rabbitmq"

    @contextlib.contextmanager
    def serving(self):
        with running("sh", ENGINES / "rabbitmq.sh", until=r"ready (\d+) ") as found:
            self.port = found[1]
            self.url = f"amqp://guest:guest@127.0.0.1:{self.port}/"
            with tempfile.TemporaryDirectory() as folder:
                self.program = pathlib.Path(folder) / "rabbitmq_bare"
                output("g++", "-O2", "-std=c++20", HERE / "rabbitmq_bare.cpp", "-o", self.program,
                       "-lrabbitmq")
                yield

    def bare(self, in_flight):
        with running(self.program, self.port, "server", until="serving"):
            return float(output(self.program, self.port, "client", in_flight,
                                cpp_calls(in_flight)))


@contextlib.contextmanager
def socket_of_own():
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    yield port


def cpp_calls(in_flight):
    return options.calls * (2 if in_flight == 1 else 10)


def cpp_caller(url, in_flight):
    out = output(options.patio, "bench", "--function", "mul", "--args", "[3, 4]", "--in-flight",
                 in_flight, "--calls", cpp_calls(in_flight), "--json",
                 env={"PATIO_BROKER_URL": url})
    return json.loads(out)["calls_per_s"]


def python_rate(url, in_flight):
    return float(output(options.python, "-B", __file__, options.patio, "--peer", "caller", "--url",
                        url, "--in-flight", in_flight, "--calls", options.calls))


def server(kind, url):
    if kind == "Python":
        return running(options.python, "-B", __file__, options.patio, "--peer", "server", "--url",
                       url, until="serving")
    return running(options.patio, "serve", "--demo", "--workers", WORKERS, until="connected",
                   env={"PATIO_BROKER_URL": url})


def measure(engine):
    rates = {}
    callers = {"C++": cpp_caller, "Python": python_rate}
    with engine.serving():
        for _ in range(options.rounds):
            for kind in callers:
                with server(kind, engine.url):
                    for caller, rate in callers.items():
                        rate(engine.url, 8)
                        for n in IN_FLIGHT:
                            rates.setdefault((caller, kind, n), []).append(rate(engine.url, n))
            for n in IN_FLIGHT:
                rates.setdefault(("engine", "", n), []).append(engine.bare(n))
    return {key: statistics.median(all_rounds) for key, all_rounds in rates.items()}


def print_table(engine, rates):
    print(f"\n| {engine.name} | 1 in flight | ratio | 64 in flight | ratio |")
    print("| --- | --- | --- | --- | --- |")
    for caller, kind in (("C++", "C++"), ("C++", "Python"), ("Python", "C++"), ("Python", "Python"),
                         ("engine", "")):
        cells = [f"{rates[caller, kind, n]:.0f} | "
                 f"{rates[caller, kind, n] / rates['Python', 'Python', n]:.1f}" for n in IN_FLIGHT]
        print(f"| {caller}–{kind} | " + " | ".join(cells) + " |")
    print("share of the engine's own rate, C++–C++: " + ", ".join(
        f"{100 * rates['C++', 'C++', n] / rates['engine', '', n]:.0f} %" for n in IN_FLIGHT))
    if engine.name == "redis":
        print("commands of a call:", " ".join(f"{k}={v:.2f}" for k, v in engine.commands.items()))


if options.peer:
    asyncio.run(python_server() if options.peer == "server" else python_caller())
    sys.exit(0)
for each in (Redis(), RabbitMQ()):
    if options.engine in (None, each.name):
        if not shutil.which("redis-server" if each.name == "redis" else "rabbitmqctl"):
            print(f"{each.name}: not installed")
            continue
        print_table(each, measure(each))
