"""Kills servers, callers and Redis itself with SIGKILL while calls run. Every C++ call ends in time,
and whatever is alive goes on."""
import argparse
import asyncio
import json
import subprocess

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("patio", help="path of the patio command")
patio = parser.parse_args().patio

from redis_peers import (PATIENCE, URL, cpp_call, cpp_server, eventually, kill_redis, python_caller,
                         redis_client, restart_redis, serving, start_redis)
from redis.exceptions import ConnectionError


def start_call(*words, timeout=10):
    return subprocess.Popen([patio, "call", "--broker", URL, "--timeout", str(timeout), *words],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def result_of(call):
    out, error = call.communicate(timeout=PATIENCE)
    return call.returncode, out.strip(), error.strip()


async def server_dies(client):
    with serving(cpp_server(patio)) as server, serving(cpp_server(patio)) as other:
        call = start_call("sleep", "3", timeout=5)
        await eventually(lambda: client.info("commandstats").get("cmdstat_pttl"), "a claim")
        server.kill()
        other.kill()
        code, _, error = result_of(call)
        assert code == 4 and "may have begun" in error, (code, error)
    with serving(cpp_server(patio)):
        assert cpp_call(patio, "mul", "6", "7")[1] == "42"


async def caller_dies(client):
    call = start_call("sleep", "1", timeout=2)
    await eventually(lambda: client.llen("sleep") == 1, "a queued task")
    call.kill()
    call.wait()
    await eventually(lambda: not [k for k in client.keys("*") if client.ttl(k) >= 0
                                  and b"serving" not in k], "the expiry of a token")
    # The task of the dead is skipped by the next server.
    with serving(cpp_server(patio)):
        await eventually(lambda: client.llen("sleep") == 0, "a skipped task")
        assert cpp_call(patio, "mul", "6", "7")[1] == "42"


async def redis_dies(client):
    with serving(cpp_server(patio)) as server:
        call = start_call("sleep", "2", timeout=30)
        await eventually(lambda: client.info("commandstats").get("cmdstat_pttl"), "a claim")
        restart_redis()
        # The server stores its reply after it has connected again, and the caller still waits.
        assert result_of(call) == (0, "None", ""), call
        assert cpp_call(patio, "mul", "6", "7")[1] == "42"
        assert server.is_alive()
        kill_redis()
        code, _, error = cpp_call(patio, "mul", "6", "7", timeout=5)
        assert code == 3 and "connect" in error.lower(), (code, error)
        start_redis()
        assert cpp_call(patio, "mul", "6", "7", timeout=20)[1] == "42"


async def server_drains(client):
    with serving(cpp_server(patio)) as server:
        call = start_call("sleep", "1", timeout=10)
        await eventually(lambda: client.info("commandstats").get("cmdstat_pttl"), "a claim")
        assert server.stop() == 0
        assert result_of(call) == (0, "None", "")


async def under_load(client):
    """Three servers die, one after the other, while thousands of calls are in flight, and Redis restarts once."""
    calls = 4000
    servers = [cpp_server(patio, "--workers", "8") for _ in range(3)]
    try:
        bench = subprocess.Popen(
            [patio, "bench", "--broker", URL, "--function", "sleep", "--args", "[0.002]",
             "--in-flight", "64", "--calls", str(calls), "--timeout", "5", "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for i in range(3):
            done = client.info("commandstats").get("cmdstat_exec", {}).get("calls", 0)
            await eventually(lambda: client.info("commandstats").get("cmdstat_exec", {})
                             .get("calls", 0) > done + 200 or bench.poll() is not None, "progress")
            servers[0].kill()
            servers = servers[1:] + [cpp_server(patio, "--workers", "8")]
            if i == 1:
                restart_redis()
        out, _ = bench.communicate(timeout=120)
        measured = json.loads(out)
        print("  under load:", measured)
        assert measured["answered"] + measured["errors"] == calls
        assert measured["answered"] > calls / 2, measured
        assert set(measured["failures"]) <= {"timeout", "maybe_executed", "not_sent"}, measured
    finally:
        for server in servers:
            server.kill()


async def python_caller_goes_on(client):
    """After a restart of Redis, each old connection of a Python caller fails once."""
    with serving(cpp_server(patio)):
        async with python_caller() as broker:
            assert await broker.call("mul", 6, 7, timeout=10) == 42
            restart_redis()
            for _ in range(10):
                try:
                    assert await broker.call("mul", 6, 7, timeout=20) == 42
                    return
                except ConnectionError:
                    pass
            raise AssertionError("the Python caller has not recovered")


async def main():
    for test in (server_dies, caller_dies, redis_dies, server_drains, under_load,
                 python_caller_goes_on):
        client = redis_client()
        client.flushdb()
        client.config_resetstat()
        print(test.__name__, flush=True)
        await asyncio.wait_for(test(client), 240)


asyncio.run(main())
