"""A Python patio 0.1.4 peer, steered by JSON lines on standard input; prints one JSON line for each.

usage: python_peer.py server|client [KEY_HEX [CERTIFICATES]]

With a folder of certificates it speaks TLS, shows its own, and demands one of its peers.

A server prints "listening on HOST:PORT"; a client is told where to dial:
  {"connect": ["127.0.0.1", 15383], "patience": 20} -> ["connected"] or ["not connected"]
  {"call": name, "args": "(1, 2)", "kwargs": "{}", "timeout": null, "times": 1}
                                                  -> ["ok", repr] or ["error", type, repr of args]
`times` makes that many calls at once; their results must be equal, and are printed once.
"""
import ast
import asyncio
import json
import ssl
import sys

from patio import Registry
from patio.broker.tcp import TCPClientBroker, TCPServerBroker
from patio.executor import AsyncExecutor

rpc = Registry(project="interop", auto_naming=False)
brokers = []


class HouseError(Exception):
    """A class that no other peer knows."""


@rpc("add")
async def add(a, b):
    return a + b


@rpc("mul")
async def mul(*args):
    product = 1
    for x in args:
        product *= x
    return product


@rpc("div")
async def div(a, b):
    return a / b


@rpc("echo")
async def echo(*args, **kwargs):
    return args[0] if len(args) == 1 and not kwargs else (args, kwargs)


@rpc("lookup")
async def lookup(key):
    return {"a": 1}[key]


@rpc("house")
async def house(text):
    raise HouseError(text, 7)


@rpc("never")
async def never():
    await asyncio.Event().wait()


@rpc("grow")
async def grow(name):
    rpc[name] = mul


@rpc("shrink")
async def shrink(name):
    del rpc[name]


@rpc("call_back")
async def call_back(name, *args):
    return await brokers[0].call(name, *args)


async def answer(broker, command):
    if "connect" in command:
        try:
            await asyncio.wait_for(broker.connect(*command["connect"]), command["patience"])
        except asyncio.TimeoutError:
            return ["not connected"]
        return ["connected"]
    args, kwargs = ast.literal_eval(command.get("args", "()")), ast.literal_eval(command.get("kwargs", "{}"))
    calls = [broker.call(command["call"], *args, timeout=command.get("timeout"), **kwargs) for _ in range(command.get("times", 1))]
    try:
        results = await asyncio.gather(*calls)
    except BaseException as e:  # whatever arrives is to be seen by the test
        return ["error", type(e).__name__, repr(e.args)]
    assert all(type(r) is type(results[0]) and r == results[0] for r in results)
    return ["ok", repr(results[0])]


def security(folder, is_server):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH if is_server else ssl.Purpose.SERVER_AUTH, cafile=folder + "/authority.pem")
    who = folder + ("/server" if is_server else "/alice")
    context.load_cert_chain(who + ".pem", who + ".key")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def main():
    key = bytes.fromhex(sys.argv[2]) if len(sys.argv) > 2 else b""
    kind = TCPServerBroker if sys.argv[1] == "server" else TCPClientBroker
    more = {"ssl_context": security(sys.argv[3], sys.argv[1] == "server")} if len(sys.argv) > 3 else {}
    loop = asyncio.get_running_loop()
    async with AsyncExecutor(rpc, max_workers=16) as executor, kind(executor, key=key, reconnect_timeout=0.1, **more) as broker:
        brokers.append(broker)
        if sys.argv[1] == "server":
            await broker.listen("127.0.0.1", 0)
            server, = broker.servers
            print("listening on 127.0.0.1:%d" % server.sockets[0].getsockname()[1], flush=True)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps(await answer(broker, json.loads(line))), flush=True)


asyncio.run(main())
