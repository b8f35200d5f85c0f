"""Sends each poison of a task list to a C++ server over a real Redis. Each of these ends a worker of
Python's plugin for ever; the C++ server must answer the next call."""
import argparse
import asyncio
import pickle

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("patio", help="path of the patio command")
patio = parser.parse_args().patio

from redis_peers import cpp_server, python_caller, redis_client, serving


TOKEN = "caller.00000000-0000-0000-0000-000000000001"


class Call:
    def __init__(self, function, *args):
        self.parts = function, args

    def __reduce__(self):
        return self.parts


def task(**changes):
    return pickle.dumps({"method": "mul", "args": (6, 7), "kwargs": {}, "reply_to": TOKEN} | changes)


def without(key):
    all_keys = pickle.loads(task())
    del all_keys[key]
    return pickle.dumps(all_keys)


import os
import shutil

# The reply is expected only where the caller's token can be found.
POISONS = {
    "no pickle": (b"garbage", False),
    "empty": (b"", False),
    "no dict": (pickle.dumps([1]), False),
    "no reply_to": (without("reply_to"), False),
    "truncated": (task()[:30], False),
    "huge length": (b"\x80\x05\x8e" + b"\xff" * 8, False),
    "another key as reply_to": (task(reply_to="sleep"), False),
    "no method": (without("method"), True),
    "no args": (without("args"), True),
    "args is a number": (task(args=5), True),
    "kwargs is a list": (task(kwargs=[1]), True),
    "unknown method": (task(method="hidden"), True),
    "another function": (task(method="sleep", args=(9,)), True),
    "a forbidden class": (task(args=(Call(os.getcwd),)), True),
    "a class of the library": (task(args=(Call(shutil.which, "sh"),)), True),
    "a class itself": (task(args=(int,)), True),
}


async def main():
    client = redis_client()
    with serving(cpp_server(patio, "--workers", "1")) as server:
        async with python_caller() as broker:
            for name, (body, has_reply) in POISONS.items():
                client.delete(TOKEN, TOKEN + ":result", TOKEN + ":error")
                client.setex(TOKEN, 20, 1)
                for _ in range(3):
                    client.rpush("mul", body)
                assert await broker.call("mul", 6, 7, timeout=20) == 42, name
                reply = client.blpop(TOKEN + ":error", 5) if has_reply else None
                shown = repr(pickle.loads(reply[1])) if reply else "dropped"
                assert bool(reply) == has_reply, (name, shown)
                assert not client.exists(TOKEN + ":result"), name
                print(f"{name}: {shown}", flush=True)
            # A function raises what ends Python's loops.
            for kind in ("KeyboardInterrupt", "SystemExit", "CancelledError"):
                try:
                    await broker.call("fail", kind, "x", timeout=20)
                except BaseException as e:
                    print(f"fail({kind!r}): {e!r}")
                assert await broker.call("mul", 6, 7, timeout=20) == 42, kind
        assert server.is_alive()
        assert server.stop() == 0


asyncio.run(main())
