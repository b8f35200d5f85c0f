"""A Python patio 0.1.4 peer. Reads commands as JSON lines from standard input, and prints one JSON
line for each command.

With a folder of certificates it speaks TLS, shows its own certificate, and demands one from its
peers.

A server prints "listening on HOST:PORT". A client reads the address to dial:
  {"connect": ["127.0.0.1", 15383], "patience": 20} -> ["connected"] or ["not connected"]
  {"call": name, "args": "(1, 2)", "kwargs": "{}", "timeout": null, "times": 1}
                                                  -> ["ok", repr] or ["error", type, repr of args]
`times` makes that many calls at once. Their results must be equal, and are printed once.
"""
import argparse
import ast
import asyncio
import datetime
import decimal
import json
import os
import pathlib
import ssl
import subprocess
import sys


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("server", "client"))
    parser.add_argument("key", nargs="?", type=bytes.fromhex, default=b"", help="in hexadecimal")
    parser.add_argument("certificates", nargs="?", help="made by make_certificates.sh")
    return parser.parse_args()


options = arguments()
is_server = options.kind == "server"

# The arguments come first: they need no patio.
from patio import Registry
from patio.broker.tcp import TCPClientBroker, TCPServerBroker
from patio.executor import AsyncExecutor

rpc = Registry(project="interop", auto_naming=False)
brokers = []


class HouseError(Exception):
    """An exception class that no other peer knows."""


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


class Part:
    """An object that no other peer can make. It refers to itself."""

    def __init__(self):
        self.whole = self


def raise_again(exception):
    raise exception


def raise_noted():
    exception = ValueError("bad record")
    exception.add_note("while reading line 17")
    exception.add_note("of a file")
    raise exception


def raise_with_attribute():
    exception = RuntimeError("x")
    exception.part, exception.itself = Part(), exception
    raise exception


def raise_cycle():
    parts = []
    parts.append(parts)
    raise ValueError(parts)


RAISING = {
    "file": lambda: open("/nonexistent/a"),
    "rename": lambda: os.rename("/nonexistent/a", "/nonexistent/b"),
    "decimal": lambda: decimal.Decimal("x"),
    "json": lambda: json.loads("[x"),
    "process": lambda: raise_again(subprocess.CalledProcessError(1, ["false"])),
    "path": lambda: raise_again(ValueError(pathlib.PurePosixPath("/srv/data"))),
    "date": lambda: raise_again(ValueError(datetime.date(2024, 2, 29))),
    "object": lambda: raise_again(ValueError(Part())),
    "attribute": raise_with_attribute,
    "cycle": raise_cycle,
    "noted": raise_noted,
}


@rpc("raises")
async def raises(name):
    RAISING[name]()


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
    name, timeout = command["call"], command.get("timeout")
    args = ast.literal_eval(command.get("args", "()"))
    kwargs = ast.literal_eval(command.get("kwargs", "{}"))
    calls = [broker.call(name, *args, timeout=timeout, **kwargs)
             for _ in range(command.get("times", 1))]
    try:
        results = await asyncio.gather(*calls)
    except BaseException as e:  # the test must see every exception
        return ["error", type(e).__name__, repr(e.args)]
    assert all(type(r) is type(results[0]) and r == results[0] for r in results)
    return ["ok", repr(results[0])]


def security(folder):
    purpose = ssl.Purpose.CLIENT_AUTH if is_server else ssl.Purpose.SERVER_AUTH
    context = ssl.create_default_context(purpose, cafile=folder + "/authority.pem")
    who = folder + ("/server" if is_server else "/alice")
    context.load_cert_chain(who + ".pem", who + ".key")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def main():
    kind = TCPServerBroker if is_server else TCPClientBroker
    settings = {"key": options.key, "reconnect_timeout": 0.1}
    if options.certificates:
        settings["ssl_context"] = security(options.certificates)
    loop = asyncio.get_running_loop()
    async with AsyncExecutor(rpc, max_workers=16) as executor, kind(executor, **settings) as broker:
        brokers.append(broker)
        if is_server:
            await broker.listen("127.0.0.1", 0)
            server, = broker.servers
            print("listening on 127.0.0.1:%d" % server.sockets[0].getsockname()[1], flush=True)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps(await answer(broker, json.loads(line))), flush=True)


asyncio.run(main())
