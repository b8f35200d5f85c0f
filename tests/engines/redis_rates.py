"""Measures calls a second over a real Redis, with each pair of C++ and Python peers, and beside them
what `redis-benchmark` reaches with the same number of commands. Prints a table and judges nothing."""
import argparse
import asyncio
import json
import shutil
import subprocess
import time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("patio", help="path of the patio command")
parser.add_argument("calls", type=int, nargs="?", default=2000, help="calls of each measurement")
options = parser.parse_args()

from redis_peers import PORT, URL, cpp_server, python_caller, python_server, serving


def cpp_rate(in_flight):
    calls = options.calls * (1 if in_flight == 1 else 4)
    done = subprocess.run([options.patio, "bench", "--broker", URL, "--function", "mul", "--args",
                           "[3, 4]", "--in-flight", str(in_flight), "--calls", str(calls),
                           "--json"], capture_output=True, text=True, timeout=300, check=True)
    return json.loads(done.stdout)["calls_per_s"]


async def python_calls(in_flight):
    left = options.calls

    async def work(broker):
        nonlocal left
        while left > 0:
            left -= 1
            assert await broker.call("mul", 3, 4, timeout=60) == 12

    async with python_caller(max_connections=100) as broker:
        begin = time.perf_counter()
        await asyncio.gather(*[work(broker) for _ in range(in_flight)])
        return options.calls / (time.perf_counter() - begin)


def python_rate(in_flight):
    return asyncio.run(python_calls(in_flight))


def redis_rate(clients):
    """A call costs 10 commands: the transactions of both sides, and two BLPOP."""
    if not shutil.which("redis-benchmark"):
        return float("nan")
    done = subprocess.run(["redis-benchmark", "-p", PORT, "-c", str(clients), "-n", "50000", "-q",
                           "-t", "rpush", "--csv"], capture_output=True, text=True, timeout=300)
    return float(done.stdout.splitlines()[-1].split(",")[1].strip('"')) / 10


print("caller   server    1 in flight  64 in flight")
for caller, rate in (("C++", cpp_rate), ("Python", python_rate)):
    for server, start in (("C++", lambda: cpp_server(options.patio, "--workers", "16")),
                          ("Python", lambda: python_server(16))):
        with serving(start()):
            rate(8)
            print(f"{caller:8} {server:8} {rate(1):12.0f} {rate(64):13.0f}", flush=True)
print(f"redis-benchmark / 10 {redis_rate(1):9.0f} {redis_rate(64):13.0f}")
