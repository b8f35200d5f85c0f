"""A Python patio client that sends a dataclass to own_types.cpp and gets a list of them back."""
import argparse
import asyncio
from datetime import datetime, timezone

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("address", metavar="HOST:PORT")
options = parser.parse_args()

# The arguments come first: they need no patio.
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


asyncio.run(main(*options.address.rsplit(":", 1)))
