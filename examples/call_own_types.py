"""A Python patio client that sends a dataclass to own_types.cpp and gets dataclasses back.

Argument: HOST:PORT of own_types.cpp.
"""
import asyncio
import sys
from datetime import datetime, timezone

from patio import NullExecutor, Registry, TCPClientBroker
from shop import Order


async def main(host, port):
    async with NullExecutor(Registry()) as executor, TCPClientBroker(executor) as broker:
        await broker.connect(host, int(port))
        whole = Order(7, ["lamp", "desk"], datetime(2026, 11, 23, 12, tzinfo=timezone.utc))
        for part in await broker.call("split", whole):
            print(part)
        try:
            await broker.call("split", "lamp")
        except TypeError as e:
            print("TypeError:", e)


asyncio.run(main(*sys.argv[1].rsplit(":", 1)))
