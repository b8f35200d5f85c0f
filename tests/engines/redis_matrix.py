"""Calls over a real Redis between C++ and Python peers, in all four combinations: values, errors,
timeouts, many calls in flight, and unknown names."""
import argparse
import asyncio
import json
import subprocess

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("patio", help="path of the patio command")
patio = parser.parse_args().patio

from redis_peers import (URL, cpp_call, cpp_server, python_caller, python_server, redis_client,
                         serving)


async def check_python_caller(server_is_cpp):
    async with python_caller() as broker:
        call = broker.call
        assert await call("mul", 6, 7, timeout=10) == 42
        value = {"a": [1, 2.5, None], "b": (b"x", "y", 3j), "c": {1, 2}}
        assert await call("echo", value, timeout=10) == value
        assert await call("echo", 1, x=2, timeout=10) == ((1,), {"x": 2})
        for args, error in ((("ValueError", "boom"), ValueError("boom")),
                            (("KeyError", 3), KeyError(3))):
            try:
                await call("fail", *args, timeout=10)
                raise AssertionError("no error")
            except type(error) as e:
                assert e.args == error.args, e.args
        for name in ("sleep", "no.such.name"):
            try:
                await call(name, 5, timeout=1)
                raise AssertionError("no timeout")
            except asyncio.TimeoutError:
                pass
        results = await asyncio.wait_for(
            asyncio.gather(*[call("mul", i, 2, timeout=60) for i in range(500)]), 60)
        assert results == [2 * i for i in range(500)]


def check_cpp_caller(server_is_cpp):
    assert cpp_call(patio, "mul", "6", "7") == (0, "42", "")
    assert cpp_call(patio, "echo", "{'a': (1, b'x', 2.5)}")[1] == "{'a': (1, b'x', 2.5)}"
    assert cpp_call(patio, "echo", "1", "--kw", "x=2")[1] == "((1,), {'x': 2})"
    code, _, error = cpp_call(patio, "fail", "ValueError", "boom")
    assert code == 1 and "ValueError: boom" in error, error
    code, _, error = cpp_call(patio, "sleep", "5", timeout=1)
    assert code == 4 and "may have begun" in error, error
    code, _, error = cpp_call(patio, "no.such.name", timeout=1)
    assert code == 4 and "was not executed" in error, error
    done = subprocess.run([patio, "bench", "--broker", URL, "--function", "mul", "--args", "[3, 4]",
                           "--in-flight", "500", "--calls", "2000", "--json"],
                          capture_output=True, text=True, timeout=120)
    measured = json.loads(done.stdout)
    assert measured["answered"] == 2000 and measured["errors"] == 0, done
    print("  500 in flight:", round(measured["calls_per_s"]), "calls/s")


def check_command():
    listed = subprocess.run([patio, "list", "--broker", URL], capture_output=True, text=True)
    assert "mul" in listed.stdout.split(), listed
    pinged = subprocess.run([patio, "ping", "--broker", URL, "--count", "2"], capture_output=True,
                            text=True)
    assert pinged.returncode == 0 and "ping 2" in pinged.stdout, pinged


def left_over():
    """Returns the keys that would stay for ever."""
    client = redis_client()
    return [key for key in client.keys() if client.ttl(key) == -1]


for is_cpp in (True, False):
    with serving(cpp_server(patio) if is_cpp else python_server()) as server:
        name = "C++" if is_cpp else "Python"
        print("Python caller,", name, "server", flush=True)
        asyncio.run(check_python_caller(is_cpp))
        print("C++ caller,", name, "server", flush=True)
        # What Python's callers leave behind is not what this test is about.
        client = redis_client()
        for key in client.keys():
            if b"serving" not in key:
                client.delete(key)
        check_cpp_caller(is_cpp)
        if is_cpp:
            check_command()
            assert left_over() == [], left_over()
            assert server.stop() == 0
print("all four combinations work")
